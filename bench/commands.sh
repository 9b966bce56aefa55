#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Commands a person waits for: `version`, and `lint` of a pipeline of 5,000 lines.
# usage: bench/commands.sh [BUILD_FOLDER]     ROUNDS (21) from the environment
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/lib.sh"

rounds=${ROUNDS:-21}
lines=5000
mkdir "$work/tree"
cd "$work/tree"
# Ten lines a layer, each with another id, command and need.
awk -v lines="$lines" 'BEGIN {
    print "version: 1\nname: bench\nstages: [fast, slow]\nlayers:"
    count = (lines - 4) / 10
    for (i = 0; i < count; i++) {
        printf "  layer_%d:\n    name: layer number %d\n    stage: %s\n    uses: command\n", i, i, i < count / 2 ? "fast" : "slow"
        printf "    with: {run: echo %d}\n    timeout: 10m\n    retry: {max: 2, when: [timeout, signal]}\n", i
        printf "    env: {NUMBER: \"%d\"}\n    needs: [%s]\n    gate: {failed: {max: 0}}\n", i, i ? "layer_" (i - 1) : ""
    }
}' >sluice.yml

for _ in $(seq "$rounds"); do
    measure version 0 "$sluice" version
    measure lint 0 "$sluice" lint
done
printf '\nmedians of %s rounds; the pipeline has %s lines\n' "$rounds" "$(wc -l <sluice.yml)"
target "sluice version" "$(median version 2)" 5 ms
target "sluice lint" "$(median lint 2)" 100 ms
exit "$broken"
