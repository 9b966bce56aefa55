#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# `sluice report`: a past run again.
load support

setup() {
    fresh_tree
    printf 'true\nsh -c "echo it is broken; exit 1"\n' >units
    pipeline <<<'layers: {a: {uses: command, with: {each: units}}}'
}

@test "the newest run is shown again, with the same JUnit and summary" {
    expect_code 1 "$SLUICE" run --json --junit first.xml --events events.ndjson
    cp "$BATS_TEST_TMPDIR/out" first.json
    expect_code 0 "$SLUICE" report --json --junit second.xml
    says "it is broken"
    cmp first.xml second.xml
    cmp first.json "$BATS_TEST_TMPDIR/out"
    expect_code 0 "$SLUICE" report events.ndjson --junit third.xml
    cmp first.xml third.xml
}

@test "a run is named by its id or the beginning of it" {
    expect_code 1 "$SLUICE" run
    first=$(ls .sluice/runs)
    printf 'true\n' >units
    expect_code 0 "$SLUICE" run
    expect_code 0 "$SLUICE" report --json "$first"
    json "d['run'] == '$first' and d['exit_code'] == 1"
    expect_code 0 "$SLUICE" report --json
    json "d['run'] != '$first' and d['exit_code'] == 0"
    expect_code 2 "$SLUICE" report 2
    says "several"
    expect_code 2 "$SLUICE" report 1999
    says "report --list"
}

@test "--list shows the runs, newest first" {
    expect_code 0 "$SLUICE" report --list
    [ -z "$output" ]
    expect_code 1 "$SLUICE" run
    printf 'true\n' >units
    expect_code 0 "$SLUICE" run
    expect_code 0 "$SLUICE" report --list --json
    json "[x['exit_code'] for x in lines] == [0, 1]"
    json "lines[0]['run'] > lines[1]['run'] and lines[1]['failed'] == 1"
    expect_code 0 "$SLUICE" report --list
    says "exit 1"
}

@test "without a run it says how to make one" {
    expect_code 2 "$SLUICE" report
    says "sluice run"
    expect_code 2 "$SLUICE" report gone.ndjson
}

@test "a run that was killed is shown as far as it came, and is an error in JUnit" {
    cat >units <<'EOF'
echo one
sh -c 'echo $$ >pid; exec sleep 600'
EOF
    "$SLUICE" run -j1 --sandbox none >/dev/null 2>&1 3>&- &
    pid=$!
    wait_for grep -qrs unit_finished .sluice/runs
    wait_for test -s pid
    kill -9 "$pid"
    wait "$pid" || true
    expect_code 0 "$SLUICE" report --junit junit.xml
    says "did not come to its end"
    xml junit.xml "r.get('errors') != '0'"
    wait_for gone "$(cat pid)"
}

@test "a log torn by a crash is read up to its last whole line" {
    expect_code 1 "$SLUICE" run --events events.ndjson
    head -c -20 events.ndjson >torn.ndjson
    expect_code 0 "$SLUICE" report torn.ndjson
    says "did not come to its end"
    sed '2s/.*/{"v":1,/' events.ndjson >damaged.ndjson
    expect_code 3 "$SLUICE" report damaged.ndjson
    says "damaged.ndjson:2:"
}
