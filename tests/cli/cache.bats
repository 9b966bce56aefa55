#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# `sluice cache`: looking after the evidence that is reused.
load support

# The evidence is asked about with SQL where no command says it.
db() {
    python3 - "$HOME/.cache/sluice/evidence.db" "$1" <<'PY'
import sqlite3, sys
c = sqlite3.connect(sys.argv[1])
for row in c.execute(sys.argv[2]):
    print(*row)
c.commit()
PY
}

# Two units that pass, one of which reads a file; committed.
project() {
    printf 'true\nsh -c "cat f"\n' >units
    seq 1000 >f # more than is kept with an outcome: printed, it makes a content
    pipeline <<<'layers: {a: {uses: command, with: {each: units}}}'
    git add -A
    git -c user.name=a -c user.email=a@example.org commit -q -m one
}

# A run that earns evidence; the test ends where units cannot be observed.
earn() {
    expect_code 0 "$SLUICE" run
    expect_code 0 "$SLUICE" cache stats --json
    if json "d['evidence'] == 0" 2>/dev/null; then
        skip "units cannot be observed here"
    fi
}

setup() {
    fresh_tree
}

@test "an empty cache is told as such, in words and in JSON" {
    expect_code 0 "$SLUICE" cache stats
    says "$HOME/.cache/sluice"
    says "evidence   0"
    expect_code 0 "$SLUICE" cache stats --json
    json "d['evidence'] == 0 and d['contents'] == 0 and d['trust'] == {'fork': 0, 'member': 0, 'protected': 0}"
    [ "$(stat -c %a "$HOME/.cache/sluice")" = 700 ]
}

@test "SLUICE_CACHE and XDG_CACHE_HOME say where it lies" {
    XDG_CACHE_HOME=$BATS_TEST_TMPDIR/xdg expect_code 0 "$SLUICE" cache stats
    says "$BATS_TEST_TMPDIR/xdg/sluice"
    SLUICE_CACHE=$BATS_TEST_TMPDIR/own expect_code 0 "$SLUICE" cache stats
    says "$BATS_TEST_TMPDIR/own"
}

@test "what is misspelt or missing is a usage error that says what is right" {
    expect_code 2 "$SLUICE" cache
    says "sluice help cache"
    expect_code 2 "$SLUICE" cache statz
    says 'did you mean "stats"?'
    expect_code 2 "$SLUICE" cache stats --host h
    says "--host is no option of \`sluice cache stats\`"
    expect_code 2 "$SLUICE" cache gc --budget 5XB
    says "5GiB"
    expect_code 2 "$SLUICE" cache gc --budget 99999999999GiB
    says "must be a size"
    expect_code 2 "$SLUICE" cache prune
    says "--older-than 30d"
    expect_code 2 "$SLUICE" cache revoke
    says "a host, a change, a run or a time"
    expect_code 2 "$SLUICE" cache revoke --since 2026-11-31
    says "must be a date"
    expect_code 2 "$SLUICE" cache revoke --since 1d --until 2d
    says "--since is not before --until"
    expect_code 2 "$SLUICE" cache export f
    says "--for HEAD"
    expect_code 2 "$SLUICE" cache export --for HEAD
    says "usage: sluice cache export"
    expect_code 2 "$SLUICE" cache export --for HEAD -
    says "would be a file of that name"
    expect_code 2 "$SLUICE" cache export --run r /dev/stdout
    says "to a file only"
    expect_code 2 "$SLUICE" cache import missing
    says "missing"
    expect_code 2 "$SLUICE" cache quarantine lift
    says "lift KEY"
    expect_code 2 "$SLUICE" cache quarantine lift abc
    says "no unit of that key"
}

@test "--budget is a time for run and a size for cache" {
    project
    expect_code 2 "$SLUICE" run --budget 5GiB
    says "--budget"
    expect_code 2 "$SLUICE" cache gc --budget 10m
    says "must be a size"
    expect_code 0 "$SLUICE" cache gc --budget 5GiB
}

@test "evidence is earned once and collected by budget" {
    project
    earn
    json "d['evidence'] >= 2 and d['passed'] == d['evidence'] and d['trust']['member'] == d['evidence']"
    expect_code 0 "$SLUICE" cache gc --json
    json "d['evidence'] == 0 and d['bytes_after'] > 0"
    expect_code 0 "$SLUICE" cache gc --budget 0
    says "removed: evidence"
    says "kept for now: files of content 1, stored or read in the last 10 minutes"
    expect_code 0 "$SLUICE" cache stats --json
    json "d['evidence'] == 0"
    expect_code 0 "$SLUICE" run
    says_not "nothing ran"
}

@test "what was not used for long is pruned" {
    project
    earn
    expect_code 0 "$SLUICE" cache prune --older-than 1h --json
    json "d['evidence'] == 0"
    db "UPDATE evidence SET used_ms = used_ms - 7200000"
    expect_code 0 "$SLUICE" cache prune --older-than 1h --json
    json "d['evidence'] >= 2"
}

@test "damaged content is found, removed, and what it answered for runs again" {
    project
    earn
    expect_code 0 "$SLUICE" cache verify
    says "all of it is whole"
    while read -r blob; do
        printf '\377\377' | dd of="$blob" bs=1 seek=16 conv=notrunc status=none
    done < <(find "$HOME/.cache/sluice/blobs" -type f -size +16c)
    expect_code 0 "$SLUICE" cache verify --json
    json "d['contents_damaged'] > 0 and d['evidence_removed'] > 0"
    expect_code 0 "$SLUICE" cache verify
    says "all of it is whole"
    expect_code 0 "$SLUICE" run
}

@test "a machine's evidence is listed, revoked and does not come back" {
    project
    earn
    expect_code 0 "$SLUICE" cache export --for HEAD "$BATS_TEST_TMPDIR/file"
    host=$(db "SELECT DISTINCT host FROM origin")
    expect_code 0 "$SLUICE" cache revoke --host "$host" --dry-run
    says "would be revoked: evidence"
    says "run "
    expect_code 0 "$SLUICE" cache revoke --host "not-$host" --since 1h --json
    [ ! -s "$BATS_TEST_TMPDIR/out" ]
    expect_code 0 "$SLUICE" cache revoke --host "$host" --json
    json "all(x['host'] == '$host' and x['passed'] for x in lines)"
    expect_code 0 "$SLUICE" cache stats --json
    json "d['evidence'] == 0 and d['revocations'] == 2"
    expect_code 0 "$SLUICE" cache import "$BATS_TEST_TMPDIR/file"
    says "left out, it was revoked"
    expect_code 0 "$SLUICE" run
    says_not "nothing ran"
}

@test "another machine takes a file over and runs nothing" {
    project
    earn
    expect_code 0 "$SLUICE" cache export --for HEAD "$BATS_TEST_TMPDIR/file" --json
    json "d['evidence'] >= 2 and d['incomplete'] == 0 and d['bytes'] > 0"
    SLUICE_CACHE=$BATS_TEST_TMPDIR/other expect_code 0 "$SLUICE" cache import "$BATS_TEST_TMPDIR/file"
    says "imported: evidence"
    git clone -q . "$BATS_TEST_TMPDIR/clone"
    cd "$BATS_TEST_TMPDIR/clone"
    SLUICE_CACHE=$BATS_TEST_TMPDIR/other expect_code 0 "$SLUICE" run
    says "nothing ran"
    SLUICE_CACHE=$BATS_TEST_TMPDIR/other expect_code 0 "$SLUICE" cache import "$BATS_TEST_TMPDIR/file"
    says "known already"
}

@test "a run that reused everything exports what it reused" {
    project
    earn
    echo unread >notes.txt
    git add -A
    git -c user.name=a -c user.email=a@example.org commit -q -m two
    expect_code 0 "$SLUICE" run
    expect_code 0 "$SLUICE" cache export --for HEAD "$BATS_TEST_TMPDIR/file" --json
    json "d['evidence'] >= 2"
    run=$(find .sluice/runs -mindepth 1 -maxdepth 1 -printf '%f\n' | sort | tail -1)
    expect_code 0 "$SLUICE" cache export --run "$run" "$BATS_TEST_TMPDIR/by-run" --json
    json "d['evidence'] >= 2"
}

@test "a commit that nothing answers for exports nothing" {
    project
    expect_code 4 "$SLUICE" cache export --for HEAD "$BATS_TEST_TMPDIR/file"
    says "there is no evidence"
    [ ! -e "$BATS_TEST_TMPDIR/file" ]
    expect_code 2 "$SLUICE" cache export --for no-such-branch "$BATS_TEST_TMPDIR/file"
    says "no-such-branch"
}

@test "imports trust a file no more than they are told, and a broken file not at all" {
    project
    earn
    expect_code 0 "$SLUICE" cache export --for HEAD "$BATS_TEST_TMPDIR/file"
    export SLUICE_CACHE=$BATS_TEST_TMPDIR/other
    expect_code 0 "$SLUICE" cache import --trust fork "$BATS_TEST_TMPDIR/file"
    expect_code 0 "$SLUICE" cache stats --json
    json "d['trust']['fork'] == d['evidence'] > 0"
    head -c 300 "$BATS_TEST_TMPDIR/file" >"$BATS_TEST_TMPDIR/cut"
    expect_code 3 "$SLUICE" cache import "$BATS_TEST_TMPDIR/cut"
    says "nothing of it was taken"
    expect_code 3 "$SLUICE" cache import units
    says "is no evidence file"
}

@test "a unit that contradicts itself is in quarantine until that is lifted" {
    project
    earn
    expect_code 0 "$SLUICE" cache quarantine
    says "no unit is in quarantine"
    db "INSERT INTO quarantine SELECT key, 1, '', 1, '', 'it passed once and failed once', 1795000000000, 1, 2
        FROM unit WHERE words LIKE '%cat f%'"
    expect_code 0 "$SLUICE" cache quarantine
    says "it passed once and failed once"
    says "a/"
    expect_code 0 "$SLUICE" run
    says_not "nothing ran"
    expect_code 0 "$SLUICE" cache quarantine --json
    json "d['first'] == 1 and d['second'] == 2 and len(d['key']) == 64"
    key=$(python3 -c 'import json,sys; print(json.load(sys.stdin)["key"][:10])' <"$BATS_TEST_TMPDIR/out")
    expect_code 0 "$SLUICE" cache quarantine lift "$key"
    says "lifted"
    expect_code 0 "$SLUICE" cache quarantine
    says "no unit is in quarantine"
}
