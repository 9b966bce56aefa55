#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Understanding the command line: help, version, errors.
load support

setup() {
    fresh_tree
}

@test "version says name and number, also as JSON" {
    expect_code 0 "$SLUICE" version
    [[ $output =~ ^sluice\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
    number=${output#sluice }
    expect_code 0 "$SLUICE" --version
    [ "$output" = "sluice $number" ]
    expect_code 0 "$SLUICE" version --json
    json "d['version'] == '$number' and d['events'] == 1"
}

@test "help lists the commands and hides those of no use by hand" {
    expect_code 0 "$SLUICE" help
    for command in run plan list lint report schema doctor version help; do
        says "  $command "
    done
    says_not "slot"
    plain=$output
    expect_code 0 "$SLUICE" --help
    [ "$output" = "$plain" ]
}

@test "help of a command is the same by both ways" {
    expect_code 0 "$SLUICE" help run
    says "Usage: sluice run [OPTION...] [LAYER...]"
    says "--rerun-failed"
    plain=$output
    expect_code 0 "$SLUICE" run --help
    [ "$output" = "$plain" ]
}

@test "unknown words end with 2 and a guess" {
    expect_code 2 "$SLUICE" rnu
    says 'sluice: unknown command "rnu"; did you mean "run"?'
    expect_code 2 "$SLUICE" run --fitler x
    says 'did you mean --filter?'
    expect_code 2 "$SLUICE" help rnu
    says 'did you mean "run"?'
    expect_code 2 "$SLUICE" lint --junit x
    says "it belongs to: run, report"
    expect_code 2 "$SLUICE" run --shard 3/2
    says "must be I/N"
    expect_code 2 "$SLUICE"
    says "no command is given"
}

@test "errors go to standard error, answers to standard output" {
    expect_code 2 "$SLUICE" rnu
    [ ! -s "$BATS_TEST_TMPDIR/out" ]
    expect_code 0 "$SLUICE" help
    [ ! -s "$BATS_TEST_TMPDIR/err" ]
}

@test "a full disk behind standard output is told" {
    [ -w /dev/full ] || skip "no /dev/full here"
    status=0
    "$SLUICE" version >/dev/full 2>"$BATS_TEST_TMPDIR/err" || status=$?
    [ "$status" -eq 3 ]
    grep -q 'cannot write to standard output: No space left' "$BATS_TEST_TMPDIR/err"
}

@test "a reader that goes away ends it like any filter" {
    set +o pipefail
    run bash -c '"$0" help run | head -n 1; exit "${PIPESTATUS[1]}"' "$SLUICE"
    [ "$status" -eq 0 ]
    [ "${lines[0]}" = "Usage: sluice run [OPTION...] [LAYER...]" ]
    [ "${#lines[@]}" -eq 1 ]
}

@test "-C changes the folder first" {
    mkdir sub
    printf 'version: 1\nlayers: {a: {uses: command, with: {run: "true"}}}\n' >sub/sluice.yml
    expect_code 0 "$SLUICE" -C sub lint
    says "sluice.yml: good (1 layer)"
    expect_code 2 "$SLUICE" -C nowhere lint
    says "-C nowhere: No such file or directory"
}

@test "the slot process cannot be started by hand" {
    expect_code 2 "$SLUICE" slot x
    says "of no use by hand"
}

@test "--verbose: what a reused unit printed is told with it, while the run goes on too" {
    isolated
    pipeline <<<'layers: {t: {uses: command, with: {run: "echo spoken"}}}'
    expect_code 0 "$SLUICE" run
    says_not "| spoken"
    expect_code 0 "$SLUICE" run --verbose
    says "reused from run"
    says "| spoken"
}

@test "plan: a unit that ended in an error has run before, and why that is no evidence is told" {
    isolated
    pipeline <<<'layers: {t: {uses: command, with: {run: "kill -SEGV $$"}}}'
    expect_code 1 "$SLUICE" run
    expect_code 0 "$SLUICE" plan
    says "it ran, but earned no evidence: it was ended by a signal"
    expect_code 0 "$SLUICE" why t/run
    says "it was ended by a signal"
    says_not "never run"
}

@test "plan --at: a pipeline that is another one there is told, as the one on disk is asked about" {
    isolated # without, no unit is observed, and no other tree is looked at
    pipeline <<<'layers: {t: {uses: command, with: {run: "true"}}}'
    git add . && git -c user.name=t -c user.email=t@t commit -qm one
    expect_code 0 "$SLUICE" plan --at HEAD
    says_not "another one there"
    pipeline <<<'layers: {t: {uses: command, with: {run: "true"}}, u: {uses: command, with: {run: "true"}}}'
    git add . && git -c user.name=t -c user.email=t@t commit -qm two
    expect_code 0 "$SLUICE" plan --at HEAD~1
    says "--at HEAD~1: sluice.yml is another one there; this answers for the one on disk"
    git mv sluice.yml other.yml && git -c user.name=t -c user.email=t@t commit -qm three
    expect_code 0 "$SLUICE" plan --at HEAD~1 --pipeline other.yml
    says "other.yml is not there"
}

@test "a report to - is refused: it would be a file of that name" {
    pipeline <<<'layers: {t: {uses: command, with: {run: "true"}}}'
    for option in --junit=- --report=ctrf=- --events=-; do
        expect_code 2 "$SLUICE" run "$option"
        says "/dev/stdout"
    done
    [ ! -e ./- ]
}

@test "plan: what waits for another unit's products is not counted as what runs" {
    isolated
    echo one >in
    pipeline <<'EOF'
layers:
  make: {uses: command, with: {run: cat in >made}, outputs: [made]}
  use: {uses: command, with: {run: cat made}, needs: [make]}
EOF
    expect_code 0 "$SLUICE" run
    echo two >in
    expect_code 0 "$SLUICE" plan
    says "1 to run, 1 undecided until then, 0 answered by evidence, 0 not selected"
    expect_code 0 "$SLUICE" run
    expect_code 0 "$SLUICE" plan
    says "0 to run, 2 answered by evidence, 0 not selected"
}
