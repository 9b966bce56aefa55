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

@test "reports of every kind are written, and again from the log" {
    kinds="junit junit:jenkins junit:ant ctrf sarif codequality trace"
    live=()
    again=(--report github=second/page.md)
    for kind in $kinds; do
        live+=(--report "$kind=first/$kind")
        again+=(--report "$kind=second/$kind")
    done
    mkdir first second
    expect_code 1 "$SLUICE" run "${live[@]}"
    expect_code 0 "$SLUICE" report "${again[@]}"
    for kind in $kinds; do
        cmp "first/$kind" "second/$kind"
    done
    grep -q '^## :x: ' second/page.md
    grep -q '^::error .*it is broken' "$BATS_TEST_TMPDIR/out"
}

@test "a report that is asked for wrongly is told before anything runs" {
    expect_code 2 "$SLUICE" run --report sarfi=x
    says 'did you mean "sarif"'
    expect_code 2 "$SLUICE" run --report sarif
    says "which file"
    expect_code 2 "$SLUICE" run --report sarif=x --report ctrf=x
    says "x is written already"
    expect_code 2 "$SLUICE" run --junit .//x --events x
    says "would write x"
    expect_code 2 "$SLUICE" run --report junit=x --report ctrf=./x
    says "./x is written already"
    [ ! -e .sluice/runs ]
    before=$(cat sluice.yml)
    expect_code 2 "$SLUICE" run --junit sluice.yml
    says "sluice.yml is the pipeline"
    [ "$(cat sluice.yml)" = "$before" ]
    mkdir folder
    expect_code 3 "$SLUICE" run --report ctrf=folder
    says "folder is a folder"
}

@test "a pipe, a device or /dev/stdout stays what it is, and has the report" {
    mkfifo pipe
    cat pipe >got &
    local reader=$!
    expect_code 1 "$SLUICE" run --report ctrf=pipe
    wait "$reader"
    [ -p pipe ]
    grep -q '"reportFormat"' got
    ln -s pipe link
    expect_code 1 "$SLUICE" run --report ctrf=link
    says "nobody reads it"
    [ -L link ]
    ln -sf /dev/null link
    expect_code 1 "$SLUICE" run --junit link
    [ -L link ]
    "$SLUICE" report --junit /dev/stdout 2>/dev/null >got || true
    grep -q '<testsuites' got
    [ -L /dev/stdout ]
}

@test "a report of an earlier run is gone when a run cannot begin" {
    expect_code 1 "$SLUICE" run --report ctrf=c.json
    [ -e c.json ]
    echo 'layers: [1' >sluice.yml
    expect_code 2 "$SLUICE" run --report ctrf=c.json
    [ ! -e c.json ]
}

@test "a step of GitHub Actions is annotated and gets a summary, unless it is not wanted" {
    export GITHUB_ACTIONS=true GITHUB_STEP_SUMMARY=$BATS_TEST_TMPDIR/summary.md
    echo "of another command" >"$GITHUB_STEP_SUMMARY"
    expect_code 1 "$SLUICE" run
    grep -q '^::error ' "$BATS_TEST_TMPDIR/out"
    [ "$(head -n 1 "$GITHUB_STEP_SUMMARY")" = "of another command" ]
    [ "$(grep -c '^## :x: ' "$GITHUB_STEP_SUMMARY")" = 1 ]
    expect_code 1 "$SLUICE" run --json
    grep -q '^::error ' "$BATS_TEST_TMPDIR/err"
    json "d['exit_code'] == 1" # standard output is the answer's
    expect_code 1 "$SLUICE" run --no-github
    says_not "::error"
    [ "$(grep -c '^## :x: ' "$GITHUB_STEP_SUMMARY")" = 2 ]
    # a summary that cannot be written fails no run
    printf 'true\n' >units
    GITHUB_STEP_SUMMARY=/not/here expect_code 0 "$SLUICE" run
    says "/not/here"
    mkfifo "$BATS_TEST_TMPDIR/pipe" # and one that nobody reads holds none
    GITHUB_STEP_SUMMARY=$BATS_TEST_TMPDIR/pipe expect_code 0 timeout 30 "$SLUICE" run
    says "nobody reads it"
    cat "$BATS_TEST_TMPDIR/pipe" >"$BATS_TEST_TMPDIR/read" &
    GITHUB_STEP_SUMMARY=$BATS_TEST_TMPDIR/pipe expect_code 0 timeout 30 "$SLUICE" run
    wait $!
    grep -q '^## ' "$BATS_TEST_TMPDIR/read"
    expect_code 0 env -u GITHUB_STEP_SUMMARY "$SLUICE" run
}
