#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# sluice mutants: what the units of a mutation layer left is listed, shown, compared, tried again.
load support

setup() {
    fresh_tree
    # A plugin that leaves the results that lie in results/FILE.ndjson, a unit for each.
    cat >sweep <<'EOF'
#!/usr/bin/env python3
import json, os, sys

def describe():
    print(json.dumps({"name": "sweep", "protocol": 1, "schema": {"type": "object"}, "verbs": ["plan"]}))

def plan():
    json.load(sys.stdin)
    for name in sorted(os.listdir("results")):
        print(json.dumps({"id": name, "argv": ["sh", "-c", "mkdir -p kept && cp results/%s kept/ && exit 1" % name],
                          "artifacts": ["kept/*.ndjson"]}))

def replay():
    asked = json.load(sys.stdin)
    if not os.path.exists("good"):
        sys.exit("sweep replay: the tree is not built")
    if sys.argv[3:] == ["json"]:
        return print(json.dumps({"id": sys.argv[2], "status": "Killed"}))
    print("replayed %s in %s with %s" % (sys.argv[2], os.getcwd() == asked["root"], asked["with"]))

{"describe": describe, "plan": plan, "replay": replay}[sys.argv[1]]()
EOF
    chmod +x sweep
    mkdir results
    cat >results/a.ndjson <<'EOF'
{"mutation":1,"layer":"m","file":"src/a.c","language":"c","points_lost":2,"tests":["t one","t2"]}
{"id":"00aa11","line":31,"column":11,"end_line":31,"end_column":12,"start":1,"end":2,"function":"f","operator":"boundary","original":"<","replacement":"<=","status":"Survived","reason":null,"killed_by":null,"covered_by":[0,1],"engine":"fork","cpu_us":1,"source":"    if (a < b)"}
{"id":"00ab22","line":32,"column":5,"end_line":32,"end_column":6,"start":1,"end":2,"function":"f","operator":"number","original":"1","replacement":"0","status":"Killed","reason":null,"killed_by":1,"covered_by":[1],"engine":"fork","cpu_us":1,"source":"x = 1;"}
{"executed_mutants":2,"cpu_us":1,"build_us":1,"bare_cpu_us":1,"complete":true}
EOF
    cat >results/b.ndjson <<'EOF'
{"mutation":1,"layer":"m","file":"b.c","language":"c","points_lost":0,"tests":["t"]}
{"id":"77cc","line":1,"column":1,"end_line":2,"end_column":2,"start":1,"end":2,"function":"","operator":"drop","original":"f(a,\nb)","replacement":";","status":"NoCoverage","reason":"nothing reaches \u001b[31mit","killed_by":null,"covered_by":null,"engine":null,"cpu_us":0,"source":"f(a,"}
{"executed_mutants":0,"cpu_us":1,"build_us":1,"bare_cpu_us":1,"complete":true}
EOF
    pipeline <<<'layers: {m: {uses: ./sweep, with: {x: 1}}}'
}

@test "mutants are listed with the line as they have it, whatever their units came to" {
    isolated # in place each unit finds the results of all
    expect_code 1 "$SLUICE" run
    expect_code 0 "$SLUICE" mutants
    says "Survived     00aa11  src/a.c:31:11  boundary"
    says "      31 |     if (a <= b)"
    says "      32 | x = 0;"
    says "       1 | ;"
    says "3 mutants: 1 Killed, 1 Survived, 1 NoCoverage; 2 places were lost to parse errors"
    expect_code 0 "$SLUICE" mutants list --status survived,NoCoverage --file 'src/**'
    says 00aa11
    says_not 00ab22
    says_not 77cc
    expect_code 0 "$SLUICE" mutants list --json
    json 'lines[0] == {"id": "00aa11", "layer": "m", "file": "src/a.c", "line": 31, "column": 11, "function": "f", "operator": "boundary", "original": "<", "replacement": "<=", "status": "Survived", "killed_by": None, "covered_by": ["t one", "t2"]}'
    json 'lines[1]["killed_by"] == "t2" and lines[2]["covered_by"] is None'
    expect_code 0 "$SLUICE" mutants list --color always
    says $'if (a \e[32m<=\e[0m b)'
}

@test "a filter that names no file of the results selects nothing" {
    isolated
    expect_code 1 "$SLUICE" run
    expect_code 4 "$SLUICE" mutants list --file 'nope*'
    says "--file nope* names no file that run"
    says_not "0 mutants"
    expect_code 4 "$SLUICE" mutants list --file 'nope*' --status Killed --json --quiet
    says "--file nope* names no file"
    expect_code 0 "$SLUICE" mutants list --file b.c --status Killed
    says "1 mutant: 1 NoCoverage"
}

@test "lines that end in CR LF are shown as others" {
    sed -i 's/"source":"x = 1;"/"source":"x = 1;\\r"/' results/a.ndjson
    expect_code 1 "$SLUICE" run
    expect_code 0 "$SLUICE" mutants list
    says_not $'\r'
    says $'x = 0;\nNoCoverage'
}

@test "one mutant is shown as a diff, with the tests that reach it" {
    expect_code 1 "$SLUICE" run
    expect_code 0 "$SLUICE" mutants show 00aa
    says "-    if (a < b)"
    says "+    if (a <= b)"
    says $'reached by:\n  t one\n  t2'
    expect_code 0 "$SLUICE" mutants show 00ab22
    says "killed by: t2"
    expect_code 0 "$SLUICE" mutants show 7
    says "reason: nothing reaches it"
    expect_code 2 "$SLUICE" mutants show 00a
    says '"00a" is the beginning of several mutants'"'"' ids (00aa11, 00ab22): say more of it'
    expect_code 2 "$SLUICE" mutants show 99
    says 'has an id that begins with "99"; `sluice mutants list` shows them'
}

@test "what evidence put back is listed as well" {
    isolated
    sed -i 's/ && exit 1//' sweep
    expect_code 0 "$SLUICE" run
    expect_code 0 "$SLUICE" run
    says "all 2 reused"
    expect_code 0 "$SLUICE" mutants
    says "3 mutants"
}

@test "survivors that came and went since an older run" {
    isolated # as above
    expect_code 1 "$SLUICE" run
    first=$(ls .sluice/runs)
    expect_code 2 "$SLUICE" mutants diff
    says "there is nothing to compare with"
    sed -i 's/"Survived"/"K"/; s/"Killed"/"Survived"/; s/"K"/"Killed"/' results/a.ndjson
    rm results/b.ndjson
    expect_code 1 "$SLUICE" run
    expect_code 0 "$SLUICE" mutants diff
    says "new   Survived     00ab22"
    says "gone  Survived     00aa11"
    says "1 new survivors, 1 gone"
    expect_code 0 "$SLUICE" mutants diff --against "$first" --json
    json '[(d["change"], d["mutant"]["id"]) for d in lines] == [("new", "00ab22"), ("gone", "00aa11")]'
    expect_code 0 "$SLUICE" mutants diff --run "$first" --against latest
    says "gone  Survived     00ab22"
    rm results/a.ndjson
    echo '{"mutation":1,"layer":"m","file":"c.c","language":"c","points_lost":0,"tests":[]}' >results/c.ndjson
    echo '{"complete":true}' >>results/c.ndjson
    expect_code 1 "$SLUICE" run
    expect_code 0 "$SLUICE" mutants diff
    says "0 new survivors, 0 gone; 1 are in files that the newer run did not look at"
}

@test "a mutant is tried again by its plugin, which may refuse" {
    expect_code 1 "$SLUICE" run
    expect_code 3 "$SLUICE" mutants replay 00aa
    says "sweep replay: the tree is not built"
    says "sweep did not replay mutant 00aa11 of src/a.c (exit code 1)"
    touch good
    mkdir below
    cd below
    expect_code 0 "$SLUICE" mutants replay 00aa --pipeline ../sluice.yml
    says "replayed 00aa11 in True with {'x': 1}"
    cd ..
    expect_code 0 "$SLUICE" mutants replay 00aa --json
    json 'lines == [{"id": "00aa11", "status": "Killed"}]'
    pipeline <<<'layers: {other: {uses: command, with: {run: "true"}}}'
    expect_code 2 "$SLUICE" mutants replay 00aa
    says "mutant 00aa11 is of layer m, which the pipeline has no more"
}

@test "no results, torn results and words that are wrong are told" {
    expect_code 2 "$SLUICE" mutants
    says "no run here has results of a mutation layer yet"
    expect_code 2 "$SLUICE" mutants lst
    says 'did you mean "list"?'
    expect_code 2 "$SLUICE" mutants list --status Survivd
    says 'did you mean "Survived"?'
    expect_code 2 "$SLUICE" mutants show
    says "usage: sluice mutants show ID"
    expect_code 2 "$SLUICE" mutants show 1 --file a
    says "usage: sluice mutants show ID"
    sed -i '$d' results/a.ndjson
    expect_code 1 "$SLUICE" run
    expect_code 3 "$SLUICE" mutants
    says "a.ndjson: line 3: it was cut short here"
}
