#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A plugin with the verb `select` decides which of its units run, and in which order.
load support

setup() {
    fresh_tree
    # Units a.txt, b.txt, c.txt. Selected: what changed, else all but the first; the last one first.
    cat >picky <<'EOF'
#!/usr/bin/env python3
import json, sys

def describe():
    print(json.dumps({"name": "picky", "protocol": 1, "schema": {"type": "object"}, "verbs": ["plan", "select"]}))

def plan():
    json.load(sys.stdin)
    for name in ("a.txt", "b.txt", "c.txt"):
        print(json.dumps({"id": name, "file": name, "argv": ["grep", "-q", "good", name]}))

def select():
    asked, *units = [json.loads(line) for line in sys.stdin]
    if "answer" in asked["with"]:
        sys.stdout.write(asked["with"]["answer"])
        sys.exit(asked["with"]["exit"])
    changed = asked["changed"]
    names = [u["unit"] for u in units]
    chosen = names[1:] if changed is None else [n for n in names if n in changed]
    for name in reversed(chosen):
        print(json.dumps({"unit": name}))

{"describe": describe, "plan": plan, "select": select}[sys.argv[1]]()
EOF
    chmod +x picky
    echo good | tee a.txt b.txt c.txt >/dev/null
}

# units: ids in the order in which they ended.
units() {
    jq -r 'select(.type == "unit_finished") | .unit' out/events.ndjson | tr '\n' ' '
}

@test "what the plugin selects runs, in its order; later only what changed" {
    pipeline <<<'layers: {a: {uses: ./picky}}'
    expect_code 0 "$SLUICE" run -j1 --no-reuse --events out/events.ndjson --junit out/junit.xml
    says "1 not selected by its plugin"
    [ "$(units)" = "c.txt b.txt " ]
    xml out/junit.xml "len(cases) == 2"
    echo "very good" >a.txt
    expect_code 0 "$SLUICE" run -j1 --events out/events.ndjson
    [ "$(units)" = "a.txt " ]
}

@test "plan tells what the plugin left out" {
    pipeline <<<'layers: {a: {uses: ./picky}}'
    expect_code 0 "$SLUICE" plan
    says "not selected by its plugin"
    says "2 to run, 0 answered by evidence, 1 not selected"
}

# refuses ANSWER EXIT WORDS: what the plugin prints and exits with, what is told.
refuses() {
    pipeline <<EOF
layers: {a: {uses: ./picky, with: {answer: '$1', exit: $2}}}
EOF
    expect_code 3 "$SLUICE" run --events out/events.ndjson
    says "picky select: $3"
    [ -z "$(units)" ]
}

@test "a selection that cannot be believed is one clear error" {
    refuses '' 0 'selected no unit'
    refuses 'garbage' 0 'line 1: not valid JSON'
    refuses '{"unit": "z"}' 0 'line 1: there is no unit "z"'
    refuses '{"unit": "a.txt"}' 4 'exit code 4'
}
