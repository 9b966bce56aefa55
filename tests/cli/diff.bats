#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# run --diff REF: plugins are told which lines the run is about.
load support

setup() {
    fresh_tree
    # A unit for each line that it was told of, "all" when it was told of none; what it was told.
    cat >lines <<'EOF'
#!/usr/bin/env python3
import json, sys

def describe():
    print(json.dumps({"name": "lines", "protocol": 1, "schema": {"type": "object"}, "verbs": ["plan", "select", "judge"]}))

def plan():
    diff = json.load(sys.stdin)["diff"]
    names = ["all"] if diff is None else ["base " + diff["base"][:7]]
    for f in diff["files"] if diff else []:
        names += ["%s:%d-%d" % (f["file"], *span) for span in f["lines"]] or [f["file"] + ":none"]
    for name in names:
        print(json.dumps({"id": name, "argv": ["true"]}))

def select():
    asked, *units = [json.loads(line) for line in sys.stdin]
    for unit in units:
        if asked["diff"] is None or unit["unit"] != "b.c:none":
            print(json.dumps({"unit": unit["unit"]}))

def judge():
    diff = json.loads(sys.stdin.readline())["diff"]
    print(json.dumps({"finding": {"rule": "diff", "severity": "note", "message": "told of %d" % len(diff["files"] if diff else [])}}))

{"describe": describe, "plan": plan, "select": select, "judge": judge}[sys.argv[1]]()
EOF
    chmod +x lines
    pipeline <<<'layers: {a: {uses: ./lines, gate: {findings: {max: 9}}}}'
    seq 9 >a.c
    seq 5 >b.c
    echo /out >.gitignore
    git add .
    commit first
    git branch -q -M main
    git checkout -q -b change
}

commit() {
    git -c user.name=a -c user.email=a@x commit -q --no-gpg-sign -m "$1"
}

# units: ids, sorted, of the run before.
units() {
    jq -r 'select(.type == "unit_finished") | .unit' out/events.ndjson | sort | tr '\n' ' '
}

@test "a plugin is told the lines that differ from where the change began, uncommitted ones too" {
    sed -i '2s/$/x/' a.c
    git add a.c
    commit second
    sed -i '7,8s/$/y/' a.c
    seq 3 >new.c
    expect_code 0 "$SLUICE" run --diff main --events out/events.ndjson
    [ "$(units)" = "a.c:2-2 a.c:7-8 base $(git rev-parse --short=7 main) new.c:1-3 " ]
    grep -q "told of 2" out/events.ndjson
    git branch -f main HEAD
    expect_code 0 "$SLUICE" run --diff HEAD --events out/events.ndjson
    [ "$(units)" = "a.c:7-8 base $(git rev-parse --short=7 HEAD) new.c:1-3 " ]
}

@test "without the option, and in a select that looks at it" {
    expect_code 0 "$SLUICE" run --events out/events.ndjson
    [ "$(units)" = "all " ]
    sed -i 1d b.c
    expect_code 0 "$SLUICE" run --diff main --events out/events.ndjson
    says "1 not selected by its plugin"
    expect_code 0 "$SLUICE" plan --diff main
    says "b.c:none"
    expect_code 0 "$SLUICE" list --diff main
    says_not "b.c:none"
    says "a/base"
}

@test "the diff is part of what a planning program is asked" {
    isolated
    sed -i '2s/$/x/' a.c
    expect_code 0 "$SLUICE" run --diff main
    expect_code 0 "$SLUICE" run --diff main --events out/events.ndjson
    says "all 2 reused"
    git add a.c
    commit second
    expect_code 0 "$SLUICE" run --diff HEAD --events out/events.ndjson
    [ "$(units)" = "base $(git rev-parse --short=7 HEAD) " ]
    expect_code 0 "$SLUICE" run --diff main --events out/events.ndjson
    says "all 2 reused"
}

@test "what cannot be compared with is a usage error that says what to do" {
    expect_code 2 "$SLUICE" run --diff nowhere
    says "--diff nowhere: 'nowhere' names no commit here; a branch of the server must be fetched first"
    git checkout -q --orphan other
    echo 1 >other
    git add other
    commit other
    expect_code 2 "$SLUICE" run --diff main
    says "have no common history"
    expect_code 2 "$SLUICE" plan --diff main --at main
    says "leave out one of them"
    git clone -q --depth 1 --no-single-branch "file://$PWD" ../shallow
    cd ../shallow
    git checkout -q change
    expect_code 2 "$SLUICE" run --diff origin/other
    says "fetch-depth: 0"
    cd ../tree
    rm -rf .git .sluice
    expect_code 2 "$SLUICE" run --diff main
    says "this is no git repository"
}
