#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The unit field memo: what a unit left is given back to it when it runs again, and to nobody else.
load support

setup() {
    fresh_tree
    # A unit that says what its memo was, and leaves one that counts.
    cat >counter <<'EOF'
#!/usr/bin/env python3
import json, os, sys

def describe():
    print(json.dumps({"name": "counter", "protocol": 1, "schema": {"type": "object"}, "verbs": ["plan"]}))

def plan():
    json.load(sys.stdin)
    print(json.dumps({"id": "u", "argv": ["sh", "-c", "cat input; cat .memo/u 2>/dev/null || echo none; mkdir -p .memo log; "
        "echo \"$(cat .memo/u 2>/dev/null)+\" >new; mv new .memo/u; echo l >log/l; test ! -e fail"],
        "memo": ".memo/u", "artifacts": ["log/*"]}))

{"describe": describe, "plan": plan}[sys.argv[1]]()
EOF
    chmod +x counter
    pipeline <<<'layers: {m: {uses: ./counter}}'
    echo 1 >input
    isolated
}

# again ARG...: the input changes, so that the unit runs.
again() {
    echo "$RANDOM$RANDOM" >input
    "$SLUICE" run -v "$@"
}

@test "the last memo is given, whatever the outcome was; a hit needs none" {
    expect_code 0 again
    says none
    expect_code 0 again
    says "+"
    says_not none
    touch fail
    expect_code 1 again
    says "++"
    rm fail
    expect_code 0 again
    says "+++"
    expect_code 0 "$SLUICE" run
    says "nothing ran"
    [ -z "$(find .sluice/runs -path '*artifacts*' -name u -type f)" ]
    find .sluice/runs -path '*artifacts*' -name l -type f | grep .
}

@test "memos are counted, and stay when evidence is exported" {
    git init -q && git add -A && git -c user.name=a -c user.email=a@example.org commit -q -m one
    expect_code 0 "$SLUICE" run
    expect_code 0 "$SLUICE" cache stats
    says "memos      1, "
    expect_code 0 "$SLUICE" cache stats --json
    json 'd["memos"] == 1 and d["memo_bytes"] > 0'
    expect_code 0 "$SLUICE" cache export --for HEAD "$BATS_TEST_TMPDIR/file"
    says "left out, memos only save time: 1"
}

@test "it is no input: with another memo the same evidence answers" {
    expect_code 0 "$SLUICE" run
    cp input kept
    expect_code 0 again
    expect_code 0 again
    cp kept input
    rm kept
    expect_code 0 "$SLUICE" run
    says "nothing ran"
}

@test "none with --no-reuse, none of lower trust, none of another program" {
    expect_code 0 again
    expect_code 0 again --no-reuse
    says none
    expect_code 0 again --trust protected
    says none
    echo '#' >>counter
    expect_code 0 again
    says none
}

@test "revoke and prune take memos with them" {
    expect_code 0 again --change 7
    expect_code 0 again --change 7
    says_not none
    expect_code 0 "$SLUICE" cache revoke --change 7
    says "memos: 1"
    expect_code 0 again --change 7
    says none
    sleep 0.1
    expect_code 0 "$SLUICE" cache prune --older-than 1ms
    expect_code 0 again --change 7
    says none
}
