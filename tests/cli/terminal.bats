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

@test "the cursor is visible again after the end" {
    expect_code 0 on_terminal file:begun touch:go
    python3 - "$BATS_TEST_TMPDIR/screen" <<'PY'
import sys
shown = open(sys.argv[1], "rb").read()
assert shown.rfind(b"\x1b[?25l") <= shown.rfind(b"\x1b[?25h"), shown[-400:]
PY
}
