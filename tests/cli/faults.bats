#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Units that misbehave. After each: the verdict is right, no process and no mount is left, the report is valid, the live tree is
# untouched. Each story runs isolated where this machine can, and in place where that is no danger to the machine.

load support

setup() {
    fresh_tree
    mark=31$RANDOM$RANDOM # a sleep nobody else sleeps
    echo kept >precious
    before=$(mounts)
}

teardown() {
    pkill -KILL -f "sleep $mark" 2>/dev/null || true
}

mounts() {
    wc -l </proc/self/mounts
}

# none_left PATTERN: no process matches.
none_left() {
    if pgrep -af "$1"; then
        return 1
    fi
}

isolates() {
    "$SLUICE" doctor >/dev/null 2>&1
}

# story CODE SANDBOX SCRIPT [EXTRA LAYER KEYS]: the unit `bad` runs SCRIPT beside a well-behaved one.
story() {
    local code=$1 sandbox=$2 script=$3 more=${4:-}
    if [ "$sandbox" = full ] && ! isolates; then
        skip "this machine cannot isolate"
    fi
    printf '%s\n' "$script" >bad.sh
    printf 'sh bad.sh\ntrue\n' >each.txt
    pipeline <<YAML
layers:
  unit: {uses: command, sandbox: $sandbox, with: {each: each.txt}${more:+, $more}}
YAML
    before_tree=$(tree_sum)
    expect_code "$code" "$SLUICE" run -j2 --json --junit "$BATS_TEST_TMPDIR/j.xml"
    # an idle slot ends within moments
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        pgrep -f "sleep $mark" >/dev/null || break
        sleep 0.2
    done
    none_left "sleep $mark"
    [ "$(mounts)" = "$before" ]
    [ "$(tree_sum)" = "$before_tree" ]
    valid_report
}

tree_sum() {
    find . -path ./.git -prune -o -path ./.sluice -prune -o -type f -print0 | sort -z | xargs -0 sha256sum
}

# The JUnit file is well-formed, has both units, and its counters are true.
valid_report() {
    python3 - "$BATS_TEST_TMPDIR/j.xml" <<'PY'
import sys, xml.etree.ElementTree as E
r = E.parse(sys.argv[1]).getroot()
cases = list(r.iter("testcase"))
assert {c.get("name") for c in cases} >= {"sh bad.sh", "true"}, [c.get("name") for c in cases]
assert int(r.get("tests")) == len(cases)
assert int(r.get("failures")) == sum(c.find("failure") is not None for c in cases)
assert int(r.get("errors")) == sum(c.find("error") is not None for c in cases)
PY
}

hang() { story 1 "$1" "sleep $mark" "timeout: 1s"; json 'd["counts"]["timed_out"] == 1'; }
@test "hanging, isolated" { hang full; }
@test "hanging, in place" { hang none; }

crash() { story 1 "$1" 'kill -SEGV $$'; json 'd["counts"]["errored"] == 1'; says SIGSEGV; }
@test "crashing, isolated" { crash full; }
@test "crashing, in place" { crash none; }

fork_off() { story 0 "$1" "for i in 1 2 3 4 5 6 7 8; do (sleep $mark &) ; done"; says_not "FAILED"; }
@test "forking children that stay, isolated" { fork_off full; }
@test "forking children that stay, in place" { fork_off none; }

daemonise() { story 0 "$1" "setsid setsid sh -c 'trap \"\" TERM HUP; sleep $mark & sleep $mark' </dev/null >/dev/null 2>&1 &"; }
@test "daemonising with setsid, isolated" { daemonise full; }
@test "daemonising with setsid, in place" { daemonise none; }

@test "a leaked process is reported by name of the unit" {
    story 0 none "setsid sleep $mark >/dev/null 2>&1 &"
    says "sh bad.sh"
    grep -q leaked_process .sluice/runs/*/events.ndjson
}

ignore_term() { story 1 "$1" "trap '' TERM; sleep $mark; sleep $mark; sleep $mark" "timeout: 1s"; }
@test "ignoring SIGTERM, isolated" { ignore_term full; }

flood() {
    story 0 "$1" "echo first; head -c $2 /dev/zero; echo; echo last"
    [ "$(du -sm .sluice/runs | cut -f1)" -lt 20 ]
    grep -aq last .sluice/runs/*/out.*
    grep -q output_cut .sluice/runs/*/events.ndjson
}
@test "flooding 10 GiB, isolated" { flood full 10G; }
@test "flooding 1 GiB, in place" { flood none 1G; } # the capture is the same

close_stdout() { story 1 "$1" 'exec >&- 2>&-; sleep 0.3; exit 9'; }
@test "closing its output, isolated" { close_stdout full; }
@test "closing its output, in place" { close_stdout none; }

eat_fds() {
    story 1 "$1" 'i=3; while [ $i -lt 100000 ]; do eval "exec $i</dev/null" 2>/dev/null || exit 9; i=$((i+1)); done'
}
@test "eating descriptors, isolated" { eat_fds full; }
@test "eating descriptors, in place" { eat_fds none; }

@test "a fork bomb, isolated" {
    story 1 full "b() { b | b & }; b; sleep $mark" "timeout: 2s"
}

@test "filling the disk, isolated" {
    # a quarter of the memory is its share; sparse files do not count, so this really writes
    story 1 full 'dd if=/dev/zero of=big bs=1M count=100000 2>/dev/null'
    says "scratch"
}

@test "deleting its own tree, isolated" {
    story 0 full 'rm -rf /src/* /src/.[!.]* ; [ -z "$(ls -A /src)" ]'
    [ "$(cat precious)" = kept ]
}

@test "deleting everything it can reach, isolated" {
    story 0 full 'rm -rf --no-preserve-root / >/dev/null 2>&1; true'
    [ "$(cat precious)" = kept ]
}

@test "killing everything it can reach, isolated" {
    story 1 full 'kill -KILL -1; sleep 0.2; exit 3'
}

@test "sluice killed by SIGKILL leaves no process, and the next run is fine" {
    isolates || skip "this machine cannot isolate"
    printf 'sleep %s\nsleep %s\n' "$mark" "$mark" >each.txt
    pipeline <<'YAML'
layers:
  unit: {uses: command, with: {each: each.txt}}
YAML
    "$SLUICE" run -j2 >/dev/null 2>&1 &
    local pid=$!
    for _ in $(seq 50); do
        [ "$(pgrep -fc "^sleep $mark")" = 2 ] && break
        sleep 0.1
    done
    kill -KILL "$pid"
    wait "$pid" || true
    for _ in $(seq 50); do
        pgrep -f "^sleep $mark" >/dev/null || break
        sleep 0.1
    done
    none_left "^sleep $mark"
    [ "$(mounts)" = "$before" ]
    printf 'true\n' >each.txt
    expect_code 0 "$SLUICE" run
}
