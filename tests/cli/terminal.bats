#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A run on a terminal: the live view, keys, Ctrl-C, and what the terminal is like afterwards.
load support

setup() {
    fresh_tree
    export TERM=xterm
    pipeline <<<'layers: {a: {uses: command, with: {each: units}, sandbox: none}}'
    cat >units <<'EOF'
sh -c "trap 'touch hit' INT; echo waiting here; sleep 0.3; touch begun; while [ ! -e go ]; do sleep 0.05; done; touch ended"
touch second
EOF
}

on_terminal() {
    "$BATS_TEST_DIRNAME/on_terminal" "$BATS_TEST_TMPDIR/screen" "$@" -- "$SLUICE" run -j1
}

@test "the key t shows what runs, and the terminal is left as it was" {
    expect_code 0 on_terminal file:begun type:t "see:running for" "see:| waiting here" touch:go
    [ -e second ]
}

@test "Ctrl-C once lets what runs end: the unit does not hear it" {
    expect_code 130 on_terminal file:begun 'type:\x03' "see:what runs now may end" touch:go
    [ -e ended ]
    [ ! -e hit ]
    [ ! -e second ]
}

@test "Ctrl-C twice stops at once, and the terminal is left as it was" {
    expect_code 130 on_terminal file:begun 'type:\x03' "see:what runs now may end" 'type:\x03'
    [ ! -e ended ]
}

@test "Ctrl-\\ kills at once, the terminal is left as it was, and no process of a unit is left" {
    ulimit -c 0
    printf 'sh slow.sh\n' >units
    echo 'echo $$ >pid; touch begun; exec sleep 600' >slow.sh
    expect_code 131 on_terminal file:begun 'type:\x1c'
    wait_for gone "$(cat pid)"
}

@test "the cursor is visible again after the end" {
    expect_code 0 on_terminal file:begun touch:go
    python3 - "$BATS_TEST_TMPDIR/screen" <<'PY'
import sys
shown = open(sys.argv[1], "rb").read()
assert shown.rfind(b"\x1b[?25l") <= shown.rfind(b"\x1b[?25h"), shown[-400:]
PY
}

@test "a closed terminal stops the run at once: nothing is left but the reports and what --resume needs" {
    cat >leave.sh <<'EOF'
echo $$ >pids
setsid sh -c 'echo $$ >>pids; touch begun; exec sleep 600' &
sleep 600
EOF
    printf 'true\nsh leave.sh\ntouch second\n' >units
    expect_code 130 on_terminal file:begun close:
    [ ! -e second ]
    while read -r one; do
        wait_for gone "$one"
    done <pids
    [ "$(tail -n 1 .sluice/runs/*/events.ndjson | jq -r .type,.exit_code | paste -sd' ')" = "run_finished 130" ]
    printf 'true\ntouch second\n' >units
    expect_code 0 "$SLUICE" run --resume --json
    json "d['counts']['passed'] == 2"
}

@test "with nohup a closed terminal is no reason to stop" {
    on_terminal_nohup() {
        "$BATS_TEST_DIRNAME/on_terminal" "$BATS_TEST_TMPDIR/screen" "$@" -- nohup "$SLUICE" run -j1
    }
    (sleep 1; touch go) 3>&- &
    expect_code 0 on_terminal_nohup file:begun close:
    [ -e second ]
}
