#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Memory of a large plan: 1,000,000 units planned and listed, none run.
# usage: bench/memory.sh [BUILD_FOLDER]     UNITS (1000000) from the environment
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/lib.sh"

units=${UNITS:-1000000}
mkdir "$work/tree"
cd "$work/tree"
awk -v n="$units" 'BEGIN { for (i = 1; i <= n; i++) print "/bin/true " i }' >units.txt
cat >sluice.yml <<'YAML'
version: 1
name: bench
layers:
  many:
    uses: command
    sandbox: none
    with: {each: units.txt}
YAML

measure plan 0 "$sluice" plan --json
listed=$(wc -l <"$work/plan.out")
if [ "$listed" -lt "$units" ]; then
    echo "bench: plan listed $listed of $units units" >&2
    exit 1
fi
printf '\n%s units planned in %.0f ms\n' "$units" "$(median plan 2)"
target "memory of sluice" "$(ratio "$(highest plan 4)" 1024)" 600 MiB
target "memory of the largest process" "$(ratio "$(highest plan 5)" 1024)" 600 MiB
exit "$broken"
