#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# `sluice report read`: words, exit codes, and reports that mean harm.
load support

setup() {
    fresh_tree
}

@test "cases and counts, as words and as JSON" {
    printf '<testsuite name="s"><testcase name="a" time="0.5"/><testcase name="b"><failure message="no">x.c:3: no</failure></testcase></testsuite>' >r.xml
    run "$SLUICE" report read r.xml
    [ "$status" = 1 ]
    [[ $output == *"failed   s b"*"x.c:3: no"*"1 passed, 1 failed, 0 errored, 0 skipped, 0 flaky"* ]]
    run "$SLUICE" report read --json r.xml
    [ "$status" = 1 ]
    [ "$(jq -r '[.suite, .name, .status, .time] | join(" ")' <<<"${lines[0]}")" = "s a passed 0.5" ]
    [ "$(jq -r '[.file, .line, .message] | join(" ")' <<<"${lines[1]}")" = "x.c 3 no" ]
    [ "${lines[2]}" = '{"passed":1,"failed":1,"errored":0,"skipped":0,"flaky":0}' ]
}

@test "exit codes: 0 good, 2 usage, 3 not to be read" {
    printf '1..1\nok 1 - a\n' | "$SLUICE" report read -
    run "$SLUICE" report read
    [ "$status" = 2 ]
    run "$SLUICE" report read --format junti x
    [ "$status" = 2 ]
    [[ $output == *'did you mean "junit"'* ]]
    run "$SLUICE" report read not-there.xml
    [ "$status" = 3 ]
    printf '<testsuite><testcase name="a"/><testcase na' >torn.xml
    run "$SLUICE" report read torn.xml
    [ "$status" = 3 ]
    [[ $output == *"passed   a"* ]]
}

@test "an entity shows no file" {
    echo SECRET-CONTENT >secret
    printf '<!DOCTYPE a [<!ENTITY x SYSTEM "file://%s/secret">]><testsuite name="&x;"><testcase name="a&x;"><failure>&x;</failure></testcase></testsuite>' "$PWD" >xxe.xml
    run "$SLUICE" report read --json --verbose xxe.xml
    [ "$status" != 0 ]
    [[ $output != *SECRET* ]]
}

@test "an attribute of 1 GiB is refused in bounded memory" {
    export limit=1500000
    (ulimit -v $limit && "$SLUICE" version) >/dev/null 2>&1 || limit=unlimited # a sanitizer reserves terabytes
    run bash -c '{ printf "<testsuite><testcase name=\""; head -c 1073741824 /dev/zero | tr "\0" a; } | { ulimit -v $limit; "$SLUICE" report read -; }'
    [ "$status" = 3 ]
    [[ $output == *"larger than 256 MiB"* ]]
    printf '<testsuite><testcase name="' >big.xml
    head -c 100000000 /dev/zero | tr '\0' a >>big.xml
    run "$SLUICE" report read big.xml
    [ "$status" = 3 ]
    [[ $output == *"big.xml: "* ]]
}

@test "billions of laughs are none" {
    {
        printf '<!DOCTYPE a [<!ENTITY l0 "lol">'
        for i in 1 2 3 4 5 6 7 8 9; do printf '<!ENTITY l%d "&l%d;&l%d;&l%d;&l%d;&l%d;&l%d;&l%d;&l%d;">' $i $((i - 1)) $((i - 1)) $((i - 1)) $((i - 1)) $((i - 1)) $((i - 1)) $((i - 1)) $((i - 1)); done
        printf ']><testsuite><testcase name="a"><failure>&l9;</failure></testcase></testsuite>'
    } >laughs.xml
    run "$SLUICE" report read laughs.xml
    [ "$status" != 0 ]
    [ ${#output} -lt 4096 ]
}

@test "what a name hides is shown to people, and kept for programs" {
    printf '{"stats":{},"tests":[],"passes":[],"failures":[{"title":"a\\u001b[2Jb\\u202ec","fullTitle":"a\\u001b[2Jb\\u202ec","err":{"message":"x\\u200by"}}]}' >m.json
    printf '<testsuite><testcase name="a&#x202e;b"/></testsuite>' >r.xml
    run "$SLUICE" report read r.xml
    [ "$status" = 0 ]
    [[ $output == *'a\u{202e}b'* ]]
    run "$SLUICE" report read --json r.xml
    [ "$(jq -r .name <<<"${lines[0]}")" = $'a\u202eb' ]
    run "$SLUICE" report read --format mocha m.json
    [[ $output != *$'\033'* && $output != *$'\u202e'* && $output != *$'\u200b'* ]]
}

@test "a large report is read in little memory" {
    (ulimit -v 1500000 && "$SLUICE" version) >/dev/null 2>&1 || skip "a sanitizer's memory is its own"
    {
        echo '<testsuites><testsuite name="s">'
        yes '<testcase classname="layer.module.part" name="one of many" time="0.001"><system-out>a line that nobody reads</system-out></testcase>' | head -n 500000
        echo '</testsuite></testsuites>'
    } >large.xml
    [ "$(stat -c %s large.xml)" -gt 60000000 ]
    python3 - "$SLUICE" >peak.json <<'P'
import json, resource, subprocess, sys
run = subprocess.run([sys.argv[1], "report", "read", "--quiet", "large.xml"], stdout=subprocess.PIPE, text=True)
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss # of the largest process, KiB
json.dump({"status": run.returncode, "last": run.stdout.splitlines()[-1], "peak": peak}, sys.stdout)
P
    cat peak.json
    [ "$(jq -r .last peak.json)" = "500000 passed, 0 failed, 0 errored, 0 skipped, 0 flaky" ]
    [ "$(jq .peak peak.json)" -lt 24576 ]
}

@test "a report whose counters lie is a warning of its unit, and one without a case or file says what to do" {
    pipeline <<'P'
layers:
  lies: {uses: unit, with: {discover: command, report: r.xml, run: "echo '<testsuite name=\"s\" tests=\"7\"><testcase name=\"a\"/></testsuite>' >r.xml"}}
P
    expect_code 0 "$SLUICE" run --events e.ndjson --junit out.xml
    says "WARNING lies run: its junit report: suite s counts 7 tests, but 1 are in it"
    [ "$(jq -r 'select(.type == "unit_finished") | .warning' e.ndjson)" = "its junit report: suite s counts 7 tests, but 1 are in it" ]
    grep -q "warning: its junit report: suite s counts 7 tests" out.xml
    expect_code 0 "$SLUICE" run # reused: as it was
    says "WARNING lies run: its junit report"
    pipeline <<'P'
layers:
  none: {uses: unit, with: {discover: command, report: r.xml, run: "true"}}
  empty: {uses: unit, with: {discover: command, report: r.xml, run: "echo '<testsuite/>' >r.xml"}}
P
    expect_code 1 "$SLUICE" run
    says "hint: the command has to write it there"
    says "hint: the tool found no test, or a filter left none"
}
