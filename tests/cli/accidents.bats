#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What befalls a run from outside: kill -9 at any instant, a full disk, another run beside it, an edit under way, an impatient
# user. After each: no false pass, a report that says so, nothing left behind, and the next run works.
load support

setup() {
    fresh_tree
    mark=32$RANDOM$RANDOM # a sleep nobody else sleeps
    before=$(wc -l </proc/self/mounts)
}

teardown() {
    pkill -KILL -f "sleep $mark" 2>/dev/null || true
}

nothing_left() {
    wait_for none_sleeps
    [ "$(wc -l </proc/self/mounts)" = "$before" ]
}

none_sleeps() {
    ! pgrep -f "sleep $mark" >/dev/null
}

# sleeping N: so many units are under way.
sleeping() {
    [ "$(pgrep -fc "^sleep $mark")" -eq "$1" ]
}

# red FILE: the report is well-formed, its counters are true, and it is not green.
red() {
    xml "$1" "int(r.get('tests')) == len(cases)"
    xml "$1" "int(r.get('failures')) == sum(c.find('failure') is not None for c in cases)"
    xml "$1" "int(r.get('errors')) == sum(c.find('error') is not None for c in cases)"
    xml "$1" "int(r.get('failures')) + int(r.get('errors')) > 0"
}

@test "killed at random instants: the store is whole, the run is shown, --resume runs only what had not passed" {
    isolated
    local kills=${SLUICE_TEST_KILLS:-5} i instants=0.05
    pipeline <<'EOF'
layers:
  build: {uses: command, with: {each: makes}, outputs: [out/**]}
  use: {uses: command, with: {each: uses}, needs: [build]}
  alone: {uses: command, with: {each: alone}}
EOF
    for i in 1 2 3 4; do echo "mkdir -p out; sleep 0.0$i; echo $i >out/$i"; done >makes
    for i in 1 2 3 4 5 6 7 8 9; do echo "sleep 0.05; test -e out/1 && (sleep $mark & echo $i)"; done >uses
    for i in 1 2 3 4 5 6 7 8 9; do echo "sleep 0.05; echo $i"; done >alone
    for ((i = 0; i < kills; i++)); do
        instants="$instants $(awk -v r="$RANDOM" 'BEGIN { printf "%.3f", 0.1 + r / 32768 }')"
    done
    for i in $instants; do
        "$SLUICE" run -j2 --junit junit.xml >/dev/null 2>&1 3>&- &
        sleep "$i"
        kill -KILL $! 2>/dev/null || true
        wait $! || true
        nothing_left
        [ ! -e .sluice/store.db ] || after_kill
    done
}

# The newest run was killed, or had just ended.
after_kill() {
    local id finished passed reused
    [ "$(sql 'PRAGMA integrity_check')" = ok ]
    # killed while the file was made, or before the run was in it: nothing to go on with
    [ "$(sql "SELECT count(*) FROM sqlite_schema WHERE name = 'run'")" = 1 ] || return 0
    [ "$(sql 'SELECT count(*) FROM run')" != 0 ] || return 0
    id=$(sql 'SELECT run_id FROM run ORDER BY id DESC LIMIT 1')
    finished=$(sql 'SELECT wall_ms IS NOT NULL FROM run ORDER BY id DESC LIMIT 1')
    # what has products that others need runs again: they went with the killed run
    passed=$(sql "SELECT count(*) FROM outcome JOIN unit ON unit.id = outcome.unit JOIN layer ON layer.id = unit.layer
        WHERE run = (SELECT id FROM run WHERE run_id = '$id') AND final = 1 AND status = 0 AND layer.name <> 'build'")
    reused=$(sql "SELECT coalesce(sum(passed), 0) FROM reused JOIN reused_set ON reused_set.id = reused.units JOIN layer ON layer.id = reused_set.layer
        WHERE run = (SELECT id FROM run WHERE run_id = '$id') AND layer.name <> 'build'")
    [ "$finished" = 0 ] || return 0
    [ ! -e junit.xml ] # one of an earlier run is gone before anything else happens
    if [ -s ".sluice/runs/$id/events.ndjson" ]; then
        expect_code 0 "$SLUICE" report --junit "$BATS_TEST_TMPDIR/killed.xml" "$id"
        red "$BATS_TEST_TMPDIR/killed.xml"
    fi
    # nothing is looked up, so that it shows what is taken over from the killed run
    expect_code 0 "$SLUICE" run -j2 --no-reuse --resume="$id" --json --junit junit.xml
    json "d['counts']['passed'] == 22"
    id=$(jq -r .run "$BATS_TEST_TMPDIR/out")
    [ "$(grep -c '"unit_started"' ".sluice/runs/$id/events.ndjson")" -eq $((22 - passed - reused)) ]
}

# sql STATEMENT: the one value it gives.
sql() {
    python3 -c 'import sqlite3, sys; print((sqlite3.connect(".sluice/store.db").execute(sys.argv[1]).fetchone() or [""])[0])' "$1"
}

# on_small_disk SIZE COMMAND...: with .sluice on a disk of that size, in a mount namespace of its own.
# shellcheck disable=SC2016  # $1 and $@ are for the inner shell
on_small_disk() {
    mkdir -p .sluice
    unshare -m bash -c 'mount -t tmpfs -o size="$1" none .sluice && shift && "$@"' bash "$@"
}

small_disks() {
    on_small_disk 64k true 2>/dev/null || skip "no disk can be mounted here"
}

@test "a full disk: output that is lost is told, and passes that cannot be recorded are no success" {
    small_disks
    for i in $(seq 20); do echo "sh -c 'head -c 60000 /dev/urandom | base64 -w100; echo $i'"; done >units
    pipeline <<<'layers: {a: {uses: command, with: {each: units}}}'
    local size
    for size in 64k 200k 500k; do
        expect_code 3 on_small_disk "$size" "$SLUICE" run -j2 --json --junit junit.xml
        says "the disk is full"
        says "what units print is lost from here on"
        says "the event log of this run is not complete"
        json "d['exit_code'] == 3"
        red junit.xml
        grep -q "output was lost" junit.xml
    done
    echo false >>units
    expect_code 1 on_small_disk 200k "$SLUICE" run -j2 --json --junit junit.xml
    json "d['counts']['failed'] == 1"
    red junit.xml
    expect_code 0 "$SLUICE" run --filter 'not name(=false)' # with room again
}

@test "a full disk: half a list of units is none" {
    small_disks
    seq 1000 | sed 's/.*/test & -gt 0/' >units
    pipeline <<<'layers: {a: {uses: command, with: {each: units}, sandbox: none}}'
    local size
    for size in 60k 120k 180k; do
        expect_code 3 on_small_disk "$size" "$SLUICE" run -j2 --json --junit junit.xml
        json "d['exit_code'] == 3"
        red junit.xml
    done
}

@test "a full disk: products that cannot be kept are errors of the units that made them" {
    isolated
    small_disks
    seq 20 | sed 's/.*/mkdir -p out; head -c 60000 \/dev\/urandom >out\/&/' >makes
    pipeline <<'EOF'
layers:
  a: {uses: command, with: {each: makes}, outputs: [out/**]}
  b: {uses: command, with: {run: "ls out; test $(ls out | wc -l) -eq 20"}, needs: [a]}
EOF
    expect_code 1 on_small_disk 700k "$SLUICE" run -j2 --json --junit junit.xml
    says "No space left on device"
    json "d['counts']['errored'] > 0"
    red junit.xml
}

@test "two runs at once over one tree: each has its own checkout, and both are remembered" {
    isolated
    for i in 1 2 3 4 5 6 7 8; do echo "sleep 0.1; test -e file; echo $i >file"; done >units
    echo one >file
    pipeline <<<'layers: {a: {uses: command, with: {each: units}}}'
    local i codes=""
    for i in 1 2 3; do
        "$SLUICE" run -j2 --junit "../junit.$i.xml" >"../out.$i" 2>&1 3>&- &
    done
    for i in 1 2 3; do
        wait -n || codes="$codes $?"
    done
    [ -z "$codes" ] || { cat ../out.*; false; }
    for i in 1 2 3; do
        xml "../junit.$i.xml" "len(cases) == 8 and r.get('failures') == '0' and r.get('errors') == '0'"
    done
    expect_code 0 "$SLUICE" report --list --json
    json "[x['passed'] for x in lines] == [8, 8, 8]"
    [ "$(sql "SELECT (SELECT count(*) FROM outcome WHERE status = 0)
        + (SELECT coalesce(sum(passed), 0) FROM reused JOIN reused_set ON reused_set.id = reused.units)")" -eq 24 ]
    [ "$(cat file)" = one ]
}

@test "an edit during the run changes nothing in isolated layers" {
    isolated
    echo good >file
    cat >uses <<'EOF'
grep -q good file
test ! -e new
test -e gone
EOF
    touch gone
    pipeline <<'EOF'
layers:
  wait: {uses: command, with: {run: "sleep 1; grep -q good file"}}
  use: {uses: command, with: {each: uses}, needs: [wait]}
EOF
    # the first layer holds the run for a second; its world cannot see the edit, so it cannot wait for that
    "$SLUICE" run -j2 --json >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" 3>&- &
    local pid=$!
    wait_for grep -qs "wait: started" "$BATS_TEST_TMPDIR/err"
    echo bad >file
    echo 'false' >>uses
    touch new
    rm gone
    wait "$pid"
    json "d['counts']['passed'] == 4"
    expect_code 1 "$SLUICE" run use --json # which needs wait
    json "d['counts']['failed'] == 1"      # wait reads the file too
    echo good >file
    expect_code 1 "$SLUICE" run --json
    json "d['counts']['passed'] == 2 and d['counts']['failed'] == 3"
}

@test "SIGINT once, isolated: what runs may end, nothing more starts" {
    isolated
    printf 'sleep 1; (sleep %s & true)\ntrue\n' "$mark" >units
    pipeline <<<'layers: {a: {uses: command, with: {each: units}}}'
    "$SLUICE" run -j1 --json --junit junit.xml >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" 3>&- &
    local pid=$! code=0
    wait_for pgrep -f "^[^ ]*sh -c sleep 1; .sleep $mark" >/dev/null
    kill -INT "$pid"
    wait "$pid" || code=$?
    [ "$code" -eq 130 ]
    json "d['counts']['passed'] == 1 and d['counts']['not_run'] == 1"
    red junit.xml
    nothing_left
}

@test "SIGINT twice, and SIGTERM, isolated: what runs is stopped, daemons included" {
    isolated
    printf 'sleep %s\nsetsid sleep %s & sleep %s\n' "$mark" "$mark" "$mark" >units
    pipeline <<<'layers: {a: {uses: command, with: {each: units}}}'
    local signal pid code
    for signal in INT TERM; do
        "$SLUICE" run -j2 --json --junit junit.xml >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" 3>&- &
        pid=$! code=0
        wait_for sleeping 3
        kill "-$signal" "$pid"
        wait_for grep -qs "interrupted: what runs" "$BATS_TEST_TMPDIR/err"
        kill "-$signal" "$pid"
        wait "$pid" || code=$?
        [ "$code" -eq 130 ]
        json "d['counts']['passed'] == 0"
        red junit.xml
        nothing_left
    done
}

@test "--budget ends in time, and --resume finishes the rest, isolated" {
    isolated
    printf 'true\ntest ! -e ready; sleep 2; true\nsleep 2; true\nsleep 2; echo\n' >units
    pipeline <<<'layers: {a: {uses: command, with: {each: units}}}'
    expect_code 6 "$SLUICE" run -j1 --budget 3s --json --junit junit.xml
    json "0 < d['counts']['passed'] < 4"
    red junit.xml
    local passed
    passed=$(jq .counts.passed "$BATS_TEST_TMPDIR/out")
    expect_code 0 "$SLUICE" run -j3 --resume --json --junit junit.xml
    json "d['counts']['passed'] == 4"
    says "$passed carried over as passed"
    xml junit.xml "r.get('failures') == '0' and r.get('errors') == '0'"
}

@test "what the shards run is everything, once" {
    seq 30 | sed 's/.*/echo & >>ran/' >units
    seq 31 40 | sed 's/.*/echo & >>ran/' >others
    pipeline <<'EOF'
layers:
  a: {uses: command, with: {each: units}, sandbox: none}
  b: {uses: command, with: {each: others}, sandbox: none, needs: [a]}
EOF
    local i
    for i in 1 2 3; do
        expect_code 0 "$SLUICE" run --shard "$i/3"
        [ "$(wc -l <ran)" -lt 40 ] || [ "$i" = 3 ]
    done
    seq 40 | cmp - <(sort -n ran)
}

@test "no red run leaves a green report" {
    expect_red() {
        expect_code "$1" "$SLUICE" run -j1 --junit junit.xml "${@:2}"
        red junit.xml
    }
    pipeline <<<'layers: {a: {uses: command, with: {run: "false"}}}'
    expect_red 1
    expect_red 4 --filter 'name(=nothing)'
    pipeline <<<'layers: {a: {uses: command, with: {each: nowhere}}}'
    expect_red 3
    : >units
    pipeline <<<'layers: {a: {uses: command, with: {each: units}}}'
    expect_red 3
    pipeline <<<'layers: {a: {uses: command, with: {run: "true"}, gate: {passed: {min: 3}}}}'
    expect_red 1
    printf 'test -e one\ntest -e two\n' >units
    pipeline <<<'layers: {a: {uses: command, with: {each: units}, sandbox: none}}'
    expect_red 1
    touch one two
    expect_red 5 --rerun-failed --filter 'name(*one*)'
    mkdir t
    printf '#!/bin/sh\necho 1..2\necho ok 1\n' >t/truncated.t
    printf '#!/bin/sh\necho 1..1\necho ok 1\nexit 3\n' >t/exits.t
    printf '#!/bin/sh\n' >t/silent.t
    chmod +x t/*
    pipeline <<<'layers: {a: {uses: unit, with: {discover: tap, tests: "t/*.t"}}}'
    expect_red 1
    xml junit.xml "sum(c.find('error') is not None for c in cases) == 3"
}
