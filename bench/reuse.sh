#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Nothing to do: 5,000 units over 20,000 files, all answered by evidence, beside `git status`, ninja's no-op over the same
# files and, where npm has it, turbo's.
# usage: bench/reuse.sh [BUILD_FOLDER]     UNITS (5000), FILES (20000) and ROUNDS (7) from the environment
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/lib.sh"

units=${UNITS:-5000}
files=${FILES:-20000}
rounds=${ROUNDS:-7}
per_unit=$((files / units))

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
echo build/ >.gitignore
git add -A
git -c user.name=b -c user.email=b@example.org commit -qm bench

echo "earning the evidence of $units units" >&2
measure earn 0 "$sluice" run -j 2 --quiet
measure ninja_first 0 ninja --quiet
git status --porcelain >/dev/null

for round in $(seq "$rounds"); do
    echo "round $round of $rounds" >&2
    measure reused 0 "$sluice" run -j 2 --quiet --junit "$work/j.xml"
    measure git 0 git status
    measure ninja 0 ninja --quiet
done
reused=$(grep -c 'name="sluice.reused"' "$work/j.xml" || true)
[ "$reused" -ge "$units" ] || {
    echo "bench: only $reused of $units were reused" >&2
    exit 1
}

printf '\n%s units over %s files, medians of %s rounds (first run: %.0f ms)\n' "$units" "$files" "$rounds" "$(median earn 2)"
for name in reused git ninja; do
    printf '%-10s %10.0f ms wall %10.0f ms cpu\n' "$name" "$(median $name 2)" "$(median $name 3)"
done
target "fully reused run / git status" "$(ratio "$(median reused 2)" "$(median git 2)")" 2.0 x
printf '%-52s %10.3f x\n' "fully reused run / ninja no-op" "$(ratio "$(median reused 2)" "$(median ninja 2)")"
exit "$broken"
