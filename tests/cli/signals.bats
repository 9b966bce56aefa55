#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Steering a run under way by signals.
load support

setup() {
    fresh_tree
    # a unit that says when it has begun and waits to be let go
    pipeline <<'EOF'
layers:
  a:
    uses: command
    with: {each: units}
    sandbox: none
EOF
    cat >units <<'EOF'
sh -c "echo waiting here; sleep 0.3; touch begun; while [ ! -e go ]; do sleep 0.05; done; touch ended"
touch second
EOF
}

# start ARGS...: a run in the background in its own process group, as a terminal would have it.
start() {
    "$SLUICE" run -j1 "$@" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" 3>&- &
    pid=$!
    wait_for test -e begun
}

# ends_with N
ends_with() {
    local code=0
    wait "$pid" || code=$?
    output=$(cat "$BATS_TEST_TMPDIR/out" "$BATS_TEST_TMPDIR/err")
    if [ "$code" -ne "$1" ]; then
        printf 'exit code %s instead of %s\n%s\n' "$code" "$1" "$output" >&2
        return 1
    fi
}

heard() {
    grep -q "$1" "$BATS_TEST_TMPDIR/err"
}

@test "SIGINT once: what runs may end, nothing more starts" {
    start --json
    kill -INT "$pid"
    wait_for heard "interrupted: what runs now may end"
    touch go
    ends_with 130
    [ -e ended ]
    [ ! -e second ]
    json "d['exit_code'] == 130 and d['counts']['passed'] == 1 and d['counts']['not_run'] == 1"
}

@test "SIGINT twice: what runs is stopped at once" {
    start --json --junit junit.xml
    kill -INT "$pid"
    wait_for heard "interrupted: what runs now may end"
    kill -INT "$pid"
    ends_with 130
    [ ! -e ended ]
    json "d['exit_code'] == 130"
    xml junit.xml "len(cases) >= 1"
}

@test "SIGTERM is heard as SIGINT is" {
    start
    kill -TERM "$pid"
    wait_for heard "interrupted: what runs now may end"
    kill -TERM "$pid"
    ends_with 130
}

@test "an interrupted run is gone on with" {
    sed -i '1i true' units
    start
    kill -INT "$pid"
    wait_for heard "interrupted"
    kill -INT "$pid"
    ends_with 130
    touch go
    expect_code 0 "$SLUICE" run --resume --json
    [ -e second ]
    json "d['counts']['passed'] == 3" # the first one carried
}

@test "SIGUSR1 shows what runs and what it printed so far" {
    start
    kill -USR1 "$pid"
    wait_for heard "running for .* in slot 0: a/"
    wait_for heard "| waiting here"
    touch go
    ends_with 0
}

@test "no process of a stopped run is left" {
    cat >leave.sh <<'EOF'
echo $$ >pids
setsid sh -c 'echo $$ >>pids; touch begun; exec sleep 600' &
sleep 600
EOF
    echo 'sh leave.sh' >units
    start
    kill -INT "$pid"
    wait_for heard "interrupted"
    kill -INT "$pid"
    ends_with 130
    [ "$(wc -l <pids)" -eq 2 ]
    while read -r one; do
        wait_for gone "$one"
    done <pids
}
