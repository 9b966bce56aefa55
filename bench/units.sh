#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What a unit costs: 10,000 x /bin/true, every 100th /bin/false, two at a time. sluice captures both
# streams and writes JUnit; beside it xargs, ctest and the bare limit, in interleaved rounds.
# usage: bench/units.sh [BUILD_FOLDER]     UNITS (10000) and ROUNDS (3) from the environment
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/lib.sh"

units=${UNITS:-10000}
rounds=${ROUNDS:-3}
failing=$((units / 100))

mkdir "$work/tree" "$work/ctest"
awk -v n="$units" 'BEGIN { for (i = 1; i <= n; i++) print (i % 100 == 0 ? "/bin/false " : "/bin/true ") i }' \
    >"$work/tree/units.txt"
awk '{ printf "add_test(t%d %s)\n", NR, $1 }' "$work/tree/units.txt" >"$work/ctest/CTestTestfile.cmake"
for mode in none full; do
    cat >"$work/tree/$mode.yml" <<YAML
version: 1
name: bench
layers:
  units:
    uses: command
    sandbox: $mode
    reuse: {mode: off}
    with: {each: units.txt}
YAML
done
# `full` is the default and needs no key where the word is not known.
sed -i '/sandbox: full/d' "$work/tree/full.yml"
cd "$work/tree"

# xargs passes no per-unit program, so the two kinds are two calls.
cat >"$work/xargs.sh" <<'SH'
seq "$1" | xargs -P2 -n1 /bin/true
seq "$2" | xargs -P2 -n1 /bin/false
exit 0
SH

one_round() {
    measure none 1 "$sluice" run --pipeline none.yml -j 2 --quiet --junit "$work/none.xml"
    measure isolated 1 "$sluice" run --pipeline full.yml -j 2 --quiet --junit "$work/isolated.xml"
    measure xargs 0 sh "$work/xargs.sh" $((units - failing)) "$failing"
    measure ctest 8 ctest --test-dir "$work/ctest" -j2 --output-junit "$work/ctest.xml"
    measure limit 0 "$work/spawn_limit" "$units" 100
}

for round in $(seq "$rounds"); do
    echo "round $round of $rounds" >&2
    one_round
done

# The figures count only when the answers are right.
for name in none isolated; do
    cases=$(grep -c '<testcase' "$work/$name.xml")
    failed=$(grep -c '<failure' "$work/$name.xml")
    if [ "$cases" != "$units" ] || [ "$failed" != "$failing" ]; then
        echo "bench: $name.xml has $cases cases, $failed failed; expected $units, $failing" >&2
        exit 1
    fi
done

printf '\n%s units, %s failing, two at a time, median of %s rounds\n' "$units" "$failing" "$rounds"
printf '%-10s %10s %10s %12s %8s %8s %8s\n' program wall_ms cpu_ms us_per_unit xargs ctest limit
for name in limit none isolated xargs ctest; do
    wall=$(median $name 2)
    printf '%-10s %10.0f %10.0f %12.0f %8s %8s %8s\n' $name "$wall" "$(median $name 3)" \
        "$(ratio "$wall" "$units" | awk '{ print $1 * 1000 }')" "$(ratio "$wall" "$(median xargs 2)")" \
        "$(ratio "$wall" "$(median ctest 2)")" "$(ratio "$wall" "$(median limit 2)")"
done
echo
target "sandbox: none, wall / xargs" "$(ratio "$(median none 2)" "$(median xargs 2)")" 1.0 x
target "sandbox: none, wall / ctest" "$(ratio "$(median none 2)" "$(median ctest 2)")" 0.5 x
target "isolated, wall / xargs" "$(ratio "$(median isolated 2)" "$(median xargs 2)")" 2.0 x
for name in none isolated; do
    target "$name, memory of sluice" "$(ratio "$(highest $name 4)" 1024)" 64 MiB
    target "$name, memory of the largest process" "$(ratio "$(highest $name 5)" 1024)" 64 MiB
done
exit "$broken"
