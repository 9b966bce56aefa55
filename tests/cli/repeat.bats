#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Runs over and over, in random order; and where the output of failures is shown.
load support

setup() {
    fresh_tree
    pipeline <<'EOF'
layers: {a: {uses: command, with: {each: units}, sandbox: none}}
EOF
}

@test "--repeat runs until a run is not open" {
    echo 'sh third.sh' >units
    echo 'echo x >>runs; [ "$(wc -l <runs)" -lt 3 ]' >third.sh
    expect_code 1 "$SLUICE" run --repeat 10 --junit junit.xml
    [ "$(wc -l <runs)" = 3 ]
    says "run 3 of 10"
    says_not "run 4 of 10"
    [ "$(ls .sluice/runs | wc -l)" = 3 ]
    xml junit.xml "r.get('failures') == '1'" # of the last run
}

@test "--repeat ends open after the last run, and reuses nothing" {
    isolated
    printf 'layers: {a: {uses: command, with: {each: units}}}\n' | pipeline
    echo true >units
    expect_code 0 "$SLUICE" run
    expect_code 0 "$SLUICE" run --repeat 3 --json
    python3 - "$BATS_TEST_TMPDIR/out" <<'PY'
import json, sys
runs = [json.loads(line) for line in open(sys.argv[1])]
assert len(runs) == 3 and all(r["counts"]["passed"] == 1 and r["counts"]["reused"] == 0 for r in runs), runs
PY
    expect_code 2 "$SLUICE" run --repeat 0
}

@test "--budget is for all runs of --repeat together" {
    echo true >units
    expect_code 6 timeout 60 "$SLUICE" run --repeat 100000 --budget 1s
    says "budget"
}

@test "--repeat runs the same part each time, and for a change; what an earlier run left chooses no units" {
    printf 'echo a >>ran\necho b >>ran\necho c >>ran\necho d >>ran\n' >units
    expect_code 0 "$SLUICE" run --repeat 2 --shard 1/2 --change c1
    sort ran | uniq -c | awk '{ exit $1 != 2 }' # each of the part twice
    cp ran part
    [ "$(sort -u part | wc -l)" -lt 4 ]
    expect_code 0 "$SLUICE" run --repeat 2 --shard 2/2
    [ "$(sort -u ran | wc -l)" = 4 ]
    [ "$(wc -l <ran)" = 8 ]
    expect_code 2 "$SLUICE" run --repeat 2 --resume
    says "choose one"
    expect_code 2 "$SLUICE" run --repeat 2 --rerun-failed
    says "choose one"
}

@test "--repeat ends with Ctrl-C" {
    echo 'sh -c "touch begun; sleep 0.2"' >units
    "$SLUICE" run --repeat 1000 2>"$BATS_TEST_TMPDIR/err" 3>&- &
    pid=$!
    wait_for test -e begun
    kill -INT "$pid"
    code=0
    wait "$pid" || code=$?
    [ "$code" = 130 ]
}

# order N: of the units a to h.
order() {
    rm -f order
    expect_code 0 "$SLUICE" run -j1 --shuffle "$1"
    paste -sd' ' order
}

@test "--shuffle: a number is an order" {
    for unit in a b c d e f g h; do echo "sh -c \"echo $unit >>order\""; done >units
    one=$(order 1)
    [ "$(order 1)" = "$one" ]
    [ "$(order 2)" != "$one" ]
    [ "$one" != "a b c d e f g h" ]
    [ "$(tr ' ' '\n' <<<"$one" | sort | paste -sd' ')" = "a b c d e f g h" ]
}

@test "--failure-output: at once, at the end, both, never; of a past run too" {
    echo 'sh -c "echo what went wrong; exit 1"' >units
    for row in immediate:1 final:1 immediate-final:2 never:0; do
        expect_code 1 "$SLUICE" run --failure-output "${row%:*}"
        [ "$(grep -c '| what went wrong' <<<"$output" || true)" = "${row#*:}" ] || { echo "$row: $output"; false; }
        says "exit code 1"
    done
    expect_code 1 "$SLUICE" run --failure-output final
    [ "$(grep -nE 'failures:|what went wrong$' <<<"$output" | cut -d: -f2- | head -n 1)" = "failures:" ]
    expect_code 1 "$SLUICE" run --quiet --failure-output final
    says "| what went wrong"
    expect_code 0 "$SLUICE" report --failure-output never
    says_not "| what went wrong"
}
