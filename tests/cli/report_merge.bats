#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# `sluice report merge`: shards as the whole they are parts of, and what is no such thing.
load support

setup() {
    fresh_tree
}

# shards N: runs all shards of units into ../1.ndjson ...; exit codes are the tests' own affair
shards() {
    for i in $(seq "$1"); do
        "$SLUICE" run -q --shard "$i/$1" --events "$BATS_TEST_TMPDIR/$i.ndjson" >/dev/null 2>&1 || true
    done
}

@test "the shards of a run are merged to what the whole would have said" {
    for i in 1 2 3 4 5 6; do
        echo "sh -c 'echo said $i; test $i != 3'"
    done >units
    pipeline <<<'layers: {a: {uses: command, with: {each: units}}}'
    shards 3
    expect_code 1 "$SLUICE" report merge ../1.ndjson ../2.ndjson ../3.ndjson --json --junit all.xml --report ctrf=c.json
    json "d['counts']['passed'] == 5 and d['counts']['failed'] == 1"
    xml all.xml "len(cases) == 6 and r.get('failures') == '1'"
    grep -q "said 3" all.xml # captures are found
    expect_code 3 "$SLUICE" report merge ../1.ndjson ../3.ndjson --junit all.xml
    says "shard 2/3 is missing"
    xml all.xml "r.get('errors') == '1'"
    for i in 1 2 3; do
        expect_code 0 "$SLUICE" report "../$i.ndjson" --junit "../$i.xml"
    done
    expect_code 1 "$SLUICE" report merge ../1.xml ../2.xml ../3.xml
    [ "$(head -n 1 <<<"$output")" = "sluice: merged reports" ]
    expect_code 3 "$SLUICE" report merge ../1.xml ../2.xml
    says "shard 3/3 is missing"
    cp ../1.xml first.xml
    expect_code 2 "$SLUICE" report merge first.xml ../2.xml ../3.xml --junit ./first.xml
    says "./first.xml is to be merged"
    cmp first.xml ../1.xml
    expect_code 2 "$SLUICE" report ../1.ndjson --junit ../1.ndjson
    says "is the log to be shown"
}

@test "a gate is judged over the whole, not over each shard's part" {
    for i in 1 2 3 4 5 6; do
        echo "true $i"
    done >units
    pipeline <<<'layers: {a: {uses: command, with: {each: units}, gate: {total: {min: 6}}}}'
    shards 3
    expect_code 0 "$SLUICE" report merge ../1.ndjson ../2.ndjson ../3.ndjson --json --events all.ndjson
    json "d['exit_code'] == 0 and d['layers'][0]['state'] == 'open' and d['counts']['passed'] == 6"
    cp "$BATS_TEST_TMPDIR/out" merged.json
    # the log of the whole is one like any other
    expect_code 0 "$SLUICE" report all.ndjson --json
    cmp merged.json "$BATS_TEST_TMPDIR/out"
    expect_code 2 "$SLUICE" report merge all.ndjson --events ./all.ndjson
    says "./all.ndjson is to be merged"
    expect_code 2 "$SLUICE" report all.ndjson --events again.ndjson
    says "report merge"
    # as many as each part may have are too many together
    rm -rf .sluice
    pipeline <<<'layers: {a: {uses: command, with: {each: units}, gate: {units: {max: 5}}}}'
    shards 3
    expect_code 1 "$SLUICE" report merge ../1.ndjson ../2.ndjson ../3.ndjson
    says "units is 6, at most 5 is allowed"
}

@test "what is missing, empty, twice there or of another run is an error that names the file" {
    printf 'true 1\ntrue 2\ntrue 3\ntrue 4\n' >units
    pipeline <<<'layers: {a: {uses: command, with: {each: units}}}'
    shards 2
    expect_code 2 "$SLUICE" report merge ../1.ndjson gone.ndjson --junit all.xml
    says "gone.ndjson"
    [ ! -e all.xml ]
    : >empty.ndjson
    expect_code 3 "$SLUICE" report merge ../1.ndjson empty.ndjson --junit all.xml --events all.ndjson
    says "empty.ndjson is empty"
    [ ! -e all.xml ]
    [ ! -e all.ndjson ]
    head -n 3 ../2.ndjson >cut.ndjson
    expect_code 3 "$SLUICE" report merge ../1.ndjson cut.ndjson
    says "cut.ndjson did not come to its end"
    head -c 300 ../2.ndjson >torn.ndjson
    expect_code 3 "$SLUICE" report merge ../1.ndjson torn.ndjson
    says "torn.ndjson"
    expect_code 3 "$SLUICE" report merge ../1.ndjson ../1.ndjson ../2.ndjson
    says "is shard 1/2 again"
    echo '<testsuites/>' >empty.xml
    expect_code 3 "$SLUICE" report merge empty.xml
    says "no test case"
    : >nothing.xml
    expect_code 3 "$SLUICE" report merge nothing.xml
    says "nothing.xml"
    printf '<testsuite name="s"><testcase name="x"/><testcase name="y"/></testsuite>' >a.xml
    printf '<testsuite name="s"><testcase name="y"/></testsuite>' >b.xml
    expect_code 0 "$SLUICE" report merge a.xml b.xml --json
    json "d['counts']['cases'] == 3"
    says "1 case is in more than one of the merged reports"
    mkdir folder
    expect_code 2 "$SLUICE" report merge a.xml folder
    says "folder is a folder"
    expect_code 2 "$SLUICE" report merge
    says "event logs"
}

@test "logs of two trees are not merged" {
    isolated # in place nobody knows which tree it was
    printf 'true 1\ntrue 2\ntrue 3\ntrue 4\n' >units
    pipeline <<<'layers: {a: {uses: command, with: {each: units}}}'
    shards 2
    echo 'true 5' >>units
    expect_code 0 "$SLUICE" run -q --shard 2/2 --events ../other.ndjson
    expect_code 2 "$SLUICE" report merge ../1.ndjson ../other.ndjson
    says "other.ndjson is of another tree"
}
