#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Nothing to do: 5,000 units over 20,000 files, all answered by evidence, beside `git status` and ninja's no-op of the same tree, and
# turbo's over as many files.
# usage: bench/reuse.sh [BUILD_FOLDER]     UNITS (5000), FILES (20000), PACKAGES (1000), ROUNDS (15) and WARMUPS (2) from the environment
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/lib.sh"

units=${UNITS:-5000}
files=${FILES:-20000}
rounds=${ROUNDS:-15}
warmups=${WARMUPS:-2} # rounds of all tools that are not counted: files are read for the first time, indexes settled
packages=${PACKAGES:-1000}
per_unit=$((files / units))
turbo_version=2.11.11

mkdir "$work/tree"
cd "$work/tree"
git init -q .
awk -v n="$files" 'BEGIN { for (i = 0; i < n; i++) { d = "d" int(i / 100); if (i % 100 == 0) system("mkdir -p " d);
    f = d "/f" i; print "content of file", i > f; close(f) } }'
awk -v n="$units" -v k="$per_unit" 'BEGIN { for (i = 0; i < n; i++) { printf "cat"; for (j = 0; j < k; j++) { f = i * k + j;
    printf " d%d/f%d", int(f / 100), f } print "" } }' >units.txt
cat >sluice.yml <<'YAML'
version: 1
name: bench
layers:
  units:
    uses: command
    with: {each: units.txt}
YAML
# The same for ninja: an edge per unit, its output in build/.
awk 'BEGIN { print "rule r\n  command = cat $in > $out" }
    { printf "build build/o%d: r", NR; for (i = 2; i <= NF; i++) printf " %s", $i; print "" }' units.txt >build.ninja
printf 'build/\n.ninja_*\n' >.gitignore # as repositories do
git add -A
git -c user.name=b -c user.email=b@example.org commit -qm bench

echo "earning the evidence of $units units" >&2
measure earn 0 "$sluice" run -j 2 --quiet
measure ninja_first 0 ninja --quiet
git status --porcelain >/dev/null

# turbo: a task per package, and the files spread over them. There are fewer packages than units, so what is compared is the time of a task.
# Tasks are started through npm, which took seconds for each in a workspace of 5,000 packages: while the cache is filled, a shell stands in.
turbo=
if command -v npm >/dev/null && (mkdir "$work/npm" && cd "$work/npm" &&
    npm install --no-audit --no-fund --silent "turbo@$turbo_version" >&2); then
    turbo=$work/npm/node_modules/.bin/turbo
elif [ "${CI:-}" = true ]; then
    echo "bench: turbo $turbo_version cannot be installed: is npm there, and the package registry reachable?" >&2
    exit 1
else
    echo "bench: turbo is left out: npm is missing, or the package registry not reachable" >&2
fi
make_packages() {
    mkdir "$work/packages" "$work/stand-in"
    printf '#!/bin/sh\nexec cat f*\n' >"$work/stand-in/npm"
    chmod +x "$work/stand-in/npm"
    cd "$work/packages"
    git init -q .
    echo '{"name": "w", "private": true, "packageManager": "npm@10.0.0", "workspaces": ["p/*"]}' >package.json
    echo '{"tasks": {"t": {"outputs": []}}}' >turbo.json
    printf 'node_modules\n.turbo\n' >.gitignore
    awk -v n="$packages" -v k="$((files / packages))" 'BEGIN { for (i = 0; i < n; i++) { d = "p/p" i; system("mkdir -p " d)
        f = d "/package.json"; printf "{\"name\": \"p%d\", \"scripts\": {\"t\": \"cat f*\"}}\n", i > f; close(f)
        for (j = 0; j < k; j++) { f = d "/f" j; print "content of file", i * k + j > f; close(f) } } }'
    git add -A
    git -c user.name=b -c user.email=b@example.org commit -qm bench
}
no_turbo() {
    (cd "$work/packages" && PATH="$work/stand-in:$PATH" TURBO_TELEMETRY_DISABLED=1 DO_NOT_TRACK=1 \
        measure "$1" 0 "$turbo" run t --no-daemon --output-logs=none)
}
if [ -n "$turbo" ]; then
    make_packages
    no_turbo turbo_first
    cd "$work/tree"
fi

# sluice and git in the same rounds, so that either finds the machine as the other left it; then ninja and turbo.
git_round() {
    measure reused 0 "$sluice" run -j 2 --quiet --junit "$work/j.xml"
    measure git 0 git status
}
tools_round() {
    measure ninja 0 ninja --quiet
    [ -z "$turbo" ] || no_turbo turbo
}
# rounds_of FUNCTION NAME...
rounds_of() {
    local round name function=$1
    shift
    for round in $(seq "$warmups"); do
        echo "warm-up $round of $warmups" >&2
        "$function"
    done
    for name in "$@"; do
        rm -f "$work/$name.runs"
    done
    for round in $(seq "$rounds"); do
        echo "round $round of $rounds" >&2
        "$function"
    done
}
rounds_of git_round reused git
rounds_of tools_round ninja turbo
# And with one file that git does not know: the first snapshot that meets it adds it, and its index is kept.
echo new >new.txt
measure with_new 0 "$sluice" run -j 2 --quiet
new_round() {
    measure reused_new 0 "$sluice" run -j 2 --quiet --junit "$work/j.xml"
    measure git_new 0 git status
}
rounds_of new_round reused_new git_new
reused=$(grep -c 'name="sluice.reused"' "$work/j.xml" || true)
[ "$reused" -ge "$units" ] || {
    echo "bench: only $reused of $units were reused" >&2
    exit 1
}
[ -z "$turbo" ] || grep -q "$packages cached, $packages total" "$work/turbo.out" || {
    echo "bench: turbo ran some of its $packages tasks again" >&2
    exit 1
}

# show NAME TASKS
show() {
    awk -v name="$1" -v tasks="$2" -v wall="$(median "$1" 2)" -v cpu="$(median "$1" 3)" 'BEGIN {
        printf "%-10s %8.0f ms wall %8.0f ms cpu", name, wall, cpu
        if (tasks > 0) printf "   %7.1f us wall %7.1f us cpu each of %d", wall * 1000 / tasks, cpu * 1000 / tasks, tasks
        print "" }'
}
# beside NAME TASKS: what sluice takes of the other, a task for a task
beside() {
    local column
    for column in 2 3; do
        printf '%-52s %10.3f x\n' "fully reused run / $1 no-op, each task, $([ $column = 2 ] && echo wall || echo cpu)" \
            "$(awk -v a="$(median reused $column)" -v n="$units" -v b="$(median "$1" $column)" -v m="$2" 'BEGIN { print (a / n) / (b / m) }')"
    done
}
printf '\n%s units over %s files, medians of %s rounds after %s to warm up (first run: %.0f ms)\n' "$units" "$files" "$rounds" "$warmups" "$(median earn 2)"
show reused "$units"
show git 0
show ninja "$units"
[ -z "$turbo" ] || show turbo "$packages"
target "fully reused run / git status, wall" "$(ratio "$(median reused 2)" "$(median git 2)")" 2.0 x
printf '%-52s %10.3f x\n' "fully reused run / git status, cpu" "$(ratio "$(median reused 3)" "$(median git 3)")"
printf '%-52s %10.3f x\n' "the same with a file that git does not know, wall" "$(ratio "$(median reused_new 2)" "$(median git_new 2)")"
beside ninja "$units"
[ -z "$turbo" ] || beside turbo "$packages"
exit "$broken"
