# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What the measurements share. Sourced; sets: root, build (folder with bin/sluice), sluice, work (an
# empty folder that is removed at the end), measure and spawn_limit (compiled here).
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$(cd "${1:-$root/build/release}" && pwd)
sluice=$build/bin/sluice
[ -x "$sluice" ] || {
    echo "bench: no $sluice: build a release first (tools/dev bench does)" >&2
    exit 2
}
work=$(mktemp -d "${TMPDIR:-/tmp}/sluice-bench.XXXXXX")
trap 'rm -rf "$work"' EXIT
export SLUICE_CACHE=$work/cache # nothing is answered by what an earlier measurement earned
export broken=0

for program in measure spawn_limit; do
    cc -O2 -std=gnu17 -D_GNU_SOURCE -pthread -o "$work/$program" "$root/bench/$program.c"
done

# measure NAME STATUS COMMAND...: one run, appended to $work/NAME.runs. Any other exit code ends it all.
measure() {
    local name=$1 expected=$2 status
    shift 2
    "$work/measure" "$work/result" "$@" >"$work/$name.out" 2>&1 </dev/null
    read -r status _ <"$work/result"
    if [ "$status" != "$expected" ]; then
        echo "bench: $name exited with $status, not $expected: $*" >&2
        tail -n 20 "$work/$name.out" >&2
        exit 1
    fi
    cat "$work/result" >>"$work/$name.runs"
}

# median NAME COLUMN: 2 wall ms, 3 cpu ms, 4 rss KiB, 5 tree KiB.
median() {
    awk -v c="$2" '{ print $c }' "$work/$1.runs" | sort -n |
        awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

# highest NAME COLUMN
highest() {
    awk -v c="$2" '$c > top { top = $c } END { print top + 0 }' "$work/$1.runs"
}

# target WHAT VALUE LIMIT UNIT: one line of the verdict; a missed target makes the program exit 1.
target() {
    local word=ok
    if awk -v v="$2" -v l="$3" 'BEGIN { exit !(v > l) }'; then
        word=MISSED
        export broken=1
    fi
    printf '%-52s %10.3f %-5s target <= %-8s %s\n' "$1" "$2" "$4" "$3" "$word"
}

ratio() {
    awk -v a="$1" -v b="$2" 'BEGIN { printf "%.3f", a / b }'
}
