#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What a person sees: each state of a run captured from a real terminal (tmux), at several widths.
load support

setup() {
    if ! command -v tmux >/dev/null; then
        [ "${CI:-}" != true ]
        skip "tmux is not installed"
    fi
    fresh_tree
    export TMUX_TMPDIR=$BATS_TEST_TMPDIR LC_ALL=C.UTF-8
    unset TMUX
    term=screen
    screens=0
    pipeline <<'EOF'
name: demo
layers: {a: {uses: command, with: {each: units}, sandbox: none, slow_after: 1s}}
EOF
    # held: runs until the file `go` is there
    cat >held.sh <<'EOF'
echo "held $1 is here"
touch "begun.$1"
while [ ! -e go ]; do sleep 0.05; done
EOF
}

teardown() {
    touch go
    close
}

# close: ends the terminal that is open.
close() {
    tmux -L "$screens" kill-server 2>/dev/null || true
}

# on WIDTH HEIGHT ARG...: `sluice run ARG...` on a terminal of that size. What is typed there would go to a
# shell afterwards; the exit code is in the file `code`. The shell outlives Ctrl-C, whichever it is.
# Each has a server of its own: one that was told to end still answers for a moment, and takes the next with it.
on() {
    local width=$1 height=$2
    shift 2
    rm -f code
    screens=$((screens + 1))
    tmux -L "$screens" -u -f /dev/null new-session -d -x "$width" -y "$height" \
        "trap : INT; export TERM=$term ${environment:-}; '$SLUICE' run $*; echo \$? >code; exec sleep 60"
}

# sees TEXT: waits until the screen, or what scrolled off it, shows it. The screen is in $output.
sees() {
    local i
    for ((i = 0; i < 400; i++)); do
        look
        [[ $output != *"$1"* ]] || return 0
        sleep 0.05
    done
    printf 'never seen: %s\non:\n%s\n' "$1" "$output" >&2
    return 1
}

look() {
    output=$(tmux -L "$screens" capture-pane -p -S - -t :0)
}

# ended CODE: the run has ended so.
ended() {
    wait_for test -s code
    look
    if [ "$(cat code)" != "$1" ]; then
        printf 'exit code %s instead of %s on:\n%s\n' "$(cat code)" "$1" "$output" >&2
        return 1
    fi
}

# comes COMMAND...: the screen is looked at until the command succeeds.
comes() {
    local i
    for ((i = 0; i < 200; i++)); do
        block
        "$@" && return 0
        sleep 0.05
    done
    printf 'never came true: %s\non:\n%s\n' "$*" "$output" >&2
    return 1
}

# has NUMBER REGEX: so many lines of the screen match.
has() {
    [ "$(rows "$2")" = "$1" ]
}

# rows REGEX: how many lines of the screen match.
rows() {
    grep -cE "$1" <<<"$output" || true
}

press() {
    tmux -L "$screens" send-keys -t :0 "$@"
}

@test "something is on the screen within 100 ms" {
    echo 'sh held.sh 1' >units
    "$SLUICE" lint # its files are in memory then
    python3 - "$SLUICE" <<'PY'
import os, pty, select, signal, sys, time
best = 9
for _ in range(20): # other work may take the processor now and then
    if best < 0.1:
        break
    start = time.monotonic()
    pid, fd = pty.fork()
    if pid == 0:
        os.environ["TERM"] = "xterm"
        os.execv(sys.argv[1], [sys.argv[1], "run"])
    select.select([fd], [], [], 10)
    best = min(best, time.monotonic() - start)
    first = os.read(fd, 100)
    assert first.startswith(b"\x1b[1msluice"), first
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os.close(fd)
assert best < 0.1, f"{best:.3f} s"
PY
}

@test "running: bar, counts, elapsed, and the units that run" {
    printf 'true\nsh held.sh 1\nsh held.sh 2\n' >units
    on 80 24 -j2
    sees "s  a sh held.sh 2"
    sees "s  a sh held.sh 1"
    sees "[=====>              ] 1/3  "
    touch go
    ended 0
    says "open: 3 units passed in"
    [ "$(rows '^\[')" = 0 ] # nothing of the block is left
    [ "$(rows 'held.sh')" = 0 ]
}

@test "failing: told at once with its output, counted while others run, and told again at the end" {
    printf 'echo what went wrong; exit 3\n' >fail.sh
    printf 'sh fail.sh\nsh held.sh 1\n' >units
    on 80 24 -j1
    sees "1/2  1 failed"
    says "units:1: FAILED a sh fail.sh"
    says "    | what went wrong"
    [ "$(rows 'units:1: FAILED')" = 1 ]
    touch go
    ended 1
    [ "$(rows 'units:1: FAILED a sh fail.sh .*: exit code 3')" = 2 ]
    says "shut: 1 of 2 units failed in"
}

@test "slow: a unit that takes longer than slow_after is named" {
    printf 'sh held.sh 1\n' >units
    on 80 24 -j1
    sees "SLOW a sh held.sh 1: still running after 1."
    touch go
    ended 0
}

@test "t and SIGUSR1 show what runs and the last lines of its output" {
    cat >talk.sh <<'EOF'
seq -f 'line %g' 1 2000
printf '\033[2Jlast words\n'
exec sh held.sh 1
EOF
    echo 'sh talk.sh' >units
    on 80 24 -j1
    wait_for test -e begun.1
    press t
    sees "    | last words"
    [ "$(rows 'running for .* in slot 0: a/sh talk.sh')" = 1 ]
    says "    | line 2000"
    says "    | held 1 is here"
    [ "$(rows '^    \|')" = 20 ]
    pkill -USR1 -P "$(tmux -L "$screens" display-message -p -t :0 '#{pane_pid}')" sluice
    wait_for shown_twice
    touch go
    ended 0
}

shown_twice() {
    look
    [ "$(rows 'running for .* in slot 0')" = 2 ]
}

@test "a resized terminal is drawn anew: width and height" {
    for i in 1 2 3 4 5 6; do echo "sh held.sh $i a-long-name-that-does-not-fit-into-forty-columns-of-text"; done >units
    on 120 24 -j6
    sees "columns-of-text"
    wait_for all_begun
    tmux -L "$screens" resize-window -t :0 -x 40 -y 24
    sees "held.sh 6 a-long-name-..."
    comes has 6 'a-long-name' # in the block: what tmux moved into its history while it wrapped lines stays there
    comes has 0 '^-does-not'
    tmux -L "$screens" resize-window -t :0 -x 40 -y 6
    sees "and 3 more"
    touch go
    ended 0
}

all_begun() {
    [ -e begun.1 ] && [ -e begun.2 ] && [ -e begun.3 ] && [ -e begun.4 ] && [ -e begun.5 ] && [ -e begun.6 ]
}

# block: only what is on the screen now.
block() {
    output=$(tmux -L "$screens" capture-pane -p -t :0)
}

@test "interrupt: what happens is said, and the screen is left clean" {
    printf 'sh held.sh 1\ntrue\n' >units
    on 80 24 -j1
    wait_for test -e begun.1
    press C-c
    sees "interrupted: what runs now may end; interrupt again to stop it at once"
    sees "s  a sh held.sh 1" # it goes on, and is shown
    press C-c
    sees "interrupted again: stopping what runs"
    ended 130
    says "interrupted: "
    [ "$(rows '^\[')" = 0 ]
}

@test "finished red, green, and with nothing selected" {
    echo true >units
    on 80 24
    ended 0
    says "open: 1 unit passed in"
    close
    echo false >units
    on 80 24
    ended 1
    says "shut: 1 of 1 unit failed in"
    close
    on 80 24 --filter nosuch
    ended 4
    says "nothing selected"
}

@test "finished reused: nothing ran, and the last line says so" {
    isolated
    printf 'name: demo\nlayers: {a: {uses: command, with: {each: units}}}\n' | pipeline
    echo true >units
    "$SLUICE" run 2>/dev/null
    on 80 24
    ended 0
    says "open: 1 unit passed, all reused, in"
}

@test "widths 40, 80 and 200: no line of the block wraps" {
    {
        echo "sh held.sh 1 $(printf 'x%.0s' {1..300})"
        echo "sh held.sh 2 $(printf '日%.0s' {1..150})"
        echo "sh held.sh 3 $(printf 'e\xcc\x81%.0s' {1..250})"
    } >units
    for width in 40 80 200; do
        rm -f go begun.*
        on "$width" 24 -j3
        wait_for test -e begun.1 -a -e begun.2 -a -e begun.3
        sees "held.sh 3"
        comes has 3 'held.sh [123]'
        [ "$width" = 200 ] || [ "$(rows '\.\.\.$')" = 3 ] || { echo "$output"; false; }
        [ "$(grep -c . <<<"$output")" -le 8 ] || { echo "$output"; false; }
        touch go
        ended 0
        close
    done
}

@test "more units than lines: eight are named, the rest is counted; a small screen names fewer" {
    for i in {1..12}; do echo "sh held.sh $i"; done >units
    on 80 24 -j12
    sees "and 4 more"
    block
    [ "$(rows 's  a sh held.sh')" = 8 ]
    touch go
    ended 0
    close
    rm -f go
    on 80 8 -j12
    sees "and 7 more"
    block
    [ "$(rows 's  a sh held.sh')" = 5 ]
    touch go
    ended 0
}

@test "a dumb terminal and NO_COLOR: plain lines, no escape sequences" {
    printf 'true\nsh held.sh 1\nfalse\n' >units
    term=dumb
    on 80 24 -j1
    sees "a: 3 units"
    sleep 0.3
    look
    [ "$(rows '^\[')" = 0 ]
    touch go
    ended 1
    close
    rm go
    term=screen
    environment=NO_COLOR=1
    on 80 24 -j1
    sees "1/3"
    [[ $(tmux -L "$screens" capture-pane -e -p -t :0) != *$'\033['* ]]
    touch go
    ended 1
    close
    environment=NO_COLOR=1
    on 80 24 -j1 --color always
    ended 1
    [[ $(tmux -L "$screens" capture-pane -e -p -t :0) == *$'\033['* ]]
}

@test "quiet: failures and the end, no block" {
    printf 'true\nfalse\nsh held.sh 1\n' >units
    on 80 24 -j1 --quiet
    wait_for test -e begun.1
    sleep 0.3
    look
    [ -z "$(tr -d '\n ' <<<"$output")" ]
    touch go
    ended 1
    says "units:2: FAILED a false"
    says "shut: 1 of 3 units failed"
    [ "$(rows 'FAILED')" = 1 ]
}

@test "verbose: every unit that ends, with its output" {
    printf 'echo all is well\n' >units
    on 80 24 --verbose
    ended 0
    says "PASSED a echo all is well ("
    says "    | all is well"
}

@test "control bytes and escape sequences in output and case names do no harm" {
    cat >evil.sh <<'EOF'
printf '\033[2J\033]0;title\007gone \001\002 \377\376 \033[31mred\n'
printf '{"name": "case \\u001b[2J\\u0007\\u202e", "status": "failed", "message": "m\\u001b]0;x\\u0007\\r\\nsecond"}\n' >cases.ndjson
exit 1
EOF
    pipeline <<'EOF'
name: demo
layers: {a: {uses: command, with: {run: sh evil.sh, report: {format: cases, path: cases.ndjson}}, sandbox: none}}
EOF
    expect_code 0 "$SLUICE" lint
    on 80 24
    wait_for test -s code
    look
    says "sluice 0.1.0: demo" # nothing erased the screen
    says "FAILED a"
    [ "$(tmux -L "$screens" display-message -p -t :0 '#{pane_title}')" != title ]
    [[ $output != *$'\001'* ]]
}

@test "slowest: the units that took longest, at the end" {
    printf 'sleep 0.3\ntrue\nsleep 0.6\n' >units
    on 80 24 -j3 --slowest 2
    ended 0
    says "slowest:"
    [ "$(grep -A2 slowest: <<<"$output" | awk 'NR > 1 { print $NF }' | paste -sd' ')" = "0.6 0.3" ]
}

@test "hundreds of failures: a hundred are told again, and how to see the others" {
    seq -f 'sh -c "exit 1" %g' 1 230 >units
    on 80 24 -j4
    ended 1
    says "  and 130 more: \`sluice report $(ls .sluice/runs)\` shows all"
    says "shut: 230 of 230 units failed"
}

@test "where nothing is redrawn the line that counts comes by itself" {
    echo 'sh held.sh 1' >units
    "$SLUICE" run -j1 2>"$BATS_TEST_TMPDIR/err" 3>&- &
    wait_for test -e begun.1
    wait_for grep -q '^\.\.\. 0 of 1 unit, 0 failed, 1 running, 1[0-9].*, longest: a sh held.sh 1 [0-9]' "$BATS_TEST_TMPDIR/err"
    touch go
    wait
}
