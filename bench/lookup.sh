#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The look-up alone: 2,000 units of 10 classes of 300 questions over a tree of 100,000 files. Three times: first in a
# store that has never answered for these settings (every class is summed up), over another tree (what answered before
# is carried over), and over the same tree again. Processor time of the look-up without git's and the store's own;
# beside it git's own work on the same tree. Half of the units are answered by the first class looked at, half by the last.
# usage: bench/lookup.sh [BUILD_FOLDER]     UNITS (2000), FILES (100000) and ROUNDS (5) from the environment
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/lib.sh"

units=${UNITS:-2000}
files=${FILES:-100000}
rounds=${ROUNDS:-5}
driver=$build/bin/bench_lookup
cmake --build "$build" --target bench_lookup >/dev/null
cd "$work"

git init -q tree
awk -v n="$files" 'BEGIN { print "commit refs/heads/main\ncommitter a <a@x> 1 +0000\ndata 1\nm"
    for (i = 0; i < n; i++) { text = "int f" i ";\n"
        printf "M 644 inline d%02d/e%02d/f%05d.c\ndata %d\n%s\n", i / 4000, (i / 100) % 40, i, length(text), text }
    print "" }' | git -C tree fast-import --quiet
git -C tree ls-tree -r --name-only main >paths
base=$(git -C tree rev-parse 'main^{tree}')

# another_tree TEXT: the tree and one file that no unit asks for.
another_tree() {
    local blob
    blob=$(echo "$1" | git -C tree hash-object -w --stdin)
    (git -C tree ls-tree main && printf '100644 blob %s\tzz\n' "$blob") | git -C tree mktree
}

echo "filling the store: $units units, 10 classes of 300 questions" >&2
"$driver" fill "$work/cache" tree "$base" "$units" 10 300 <paths

look() {
    local hits
    "$driver" look "$work/cache" tree "$2" "$units" >"$work/look"
    cat "$work/look" >>"$work/$1.look"
    hits=$(awk '{ print $5 }' "$work/look")
    [ "$hits" = "$units" ] || {
        echo "bench: $hits of $units units were answered ($1)" >&2
        exit 1
    }
}

for round in $(seq "$rounds"); do
    rm -rf "$work/cache/watch"
    tree=$(another_tree "cold $round")
    look first "$tree"
    tree=$(another_tree "warm $round")
    look carried "$tree"
    look same "$tree"
    measure diff 0 git -C tree diff-tree -r --name-only "$base" "$tree"
    measure ls 0 git -C tree ls-tree -r "$tree"
done

column() {
    awk -v c="$2" '{ print $c }' "$work/$1.look" | sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

printf '\n%s units x 10 classes x 300 questions, %s files, ms of processor time, median of %s rounds\n' \
    "$units" "$files" "$rounds"
printf '%-36s %8s %8s %8s %8s\n' "" total git store rest
printf '%-36s %8.1f %8.1f %8.1f %8.1f\n' \
    "first, every class summed up" "$(column first 1)" "$(column first 2)" "$(column first 3)" "$(column first 4)" \
    "another tree, carried over" "$(column carried 1)" "$(column carried 2)" "$(column carried 3)" "$(column carried 4)" \
    "the same tree" "$(column same 1)" "$(column same 2)" "$(column same 3)" "$(column same 4)"
printf '%-36s %8.1f\n%-36s %8.1f\n\n' "git diff-tree, all of it" "$(median diff 3)" "git ls-tree -r, all of it" "$(median ls 3)"
target "another tree, beyond git and the store" "$(column carried 4)" 15 ms
target "the same tree, beyond git and the store" "$(column same 4)" 15 ms
printf '%-52s %10.3f x     git ls-tree -r\n' "another tree, all of it" "$(ratio "$(column carried 1)" "$(median ls 3)")"
printf '%-52s %10.3f x     git ls-tree -r\n' "first, all of it" "$(ratio "$(column first 1)" "$(median ls 3)")"
exit "$broken"
