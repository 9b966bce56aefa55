# SPDX-License-Identifier: Apache-2.0
# Helpers of the command-line tests; loaded by each .bats file.

: "${SLUICE:?the sluice to test, e.g. SLUICE=build/dev/bin/sluice}"
SLUICE=$(realpath -e "$SLUICE")

# A fresh git work tree as current folder; nothing of the user's settings reaches it.
fresh_tree() {
    unset NO_COLOR SLUICE_PLUGIN_DIR SLUICE_CACHE XDG_CACHE_HOME GITHUB_ACTIONS GITHUB_STEP_SUMMARY # evidence lies below HOME
    export HOME=$BATS_TEST_TMPDIR/home TERM=dumb
    export GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null
    mkdir -p "$HOME" "$BATS_TEST_TMPDIR/tree"
    cd "$BATS_TEST_TMPDIR/tree" || return 1
    git init -q .
}

# pipeline < TEXT: writes sluice.yml with the version line on top.
pipeline() {
    { echo 'version: 1'; cat; } >sluice.yml
}

# expect_code N COMMAND...: runs it, output in $output (both streams) and in the files out and err.
expect_code() {
    local want=$1
    shift
    status=0
    "$@" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" || status=$?
    output=$(cat "$BATS_TEST_TMPDIR/out" "$BATS_TEST_TMPDIR/err")
    if [ "$status" -ne "$want" ]; then
        printf 'exit code %s instead of %s: %s\n%s\n' "$status" "$want" "$*" "$output" >&2
        return 1
    fi
}

# says TEXT: the last command's output has it.
says() {
    if [[ $output != *"$1"* ]]; then
        printf 'not said: %s\nbut:\n%s\n' "$1" "$output" >&2
        return 1
    fi
}

# says_not TEXT
says_not() {
    if [[ $output == *"$1"* ]]; then
        printf 'said: %s\nin:\n%s\n' "$1" "$output" >&2
        return 1
    fi
}

# json EXPR: evaluates a Python expression over `d`, the last line of standard output as JSON.
json() {
    python3 - "$1" "$BATS_TEST_TMPDIR/out" <<'PY'
import json, sys
with open(sys.argv[2]) as f:
    lines = f.read().splitlines()
d = json.loads(lines[-1])
if not eval(sys.argv[1], {"d": d, "lines": [json.loads(x) for x in lines]}):
    sys.exit(f"not true: {sys.argv[1]}\nof: {lines}")
PY
}

# xml FILE EXPR: evaluates a Python expression over `r`, the root element of a JUnit file.
xml() {
    python3 - "$1" "$2" <<'PY'
import sys, xml.etree.ElementTree as E
r = E.parse(sys.argv[1]).getroot()
if not eval(sys.argv[2], {"r": r, "cases": list(r.iter("testcase"))}):
    sys.exit(f"not true: {sys.argv[2]}\nof: {E.tostring(r).decode()}")
PY
}

# isolated: skips the test where units cannot have a world of their own.
isolated() {
    local code=0
    "$SLUICE" doctor >/dev/null || code=$?
    [ "$code" -ne 3 ] || skip "this machine cannot isolate units"
    return "$code"
}

# gone PID: no such process, or only its name is left for its parent to collect.
gone() {
    local state
    state=$(sed -n 's/^State:[[:space:]]*\(.\).*/\1/p' "/proc/$1/status" 2>/dev/null) || return 0
    [ -z "$state" ] || [ "$state" = Z ]
}

# wait_for COMMAND...: until it succeeds, at most 20 seconds.
wait_for() {
    local i
    for ((i = 0; i < 400; i++)); do
        "$@" && return 0
        sleep 0.05
    done
    printf 'never came true: %s\n' "$*" >&2
    return 1
}
