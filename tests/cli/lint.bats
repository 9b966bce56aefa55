#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# `sluice lint` and `sluice schema`.
load support

setup() {
    fresh_tree
}

@test "a good file is good" {
    pipeline <<<'layers: {a: {uses: command, with: {run: "true"}}}'
    expect_code 0 "$SLUICE" lint
    [ "$output" = "sluice.yml: good (1 layer)" ]
    expect_code 0 "$SLUICE" lint --json
    [ -z "$output" ]
    expect_code 0 "$SLUICE" lint -q
    [ -z "$output" ]
}

@test "a declared name that nothing has is told, with its place; the file is good" {
    pipeline <<'EOF'
defaults:
  reuse: {mode: declared, declared: [lock.json, loch.json]}
layers:
  made: {uses: command, with: {run: "true"}, outputs: ["gen/**"], reuse: {mode: observed}}
  a:
    uses: command
    matrix: {n: [1, 2]}
    network: true
    with: {run: "true"}
    reuse:
      mode: declared
      declared: [lock.json, src, gen/list, missing/file]
  b: {uses: command, network: true, with: {run: "true"}}
EOF
    mkdir src
    touch lock.json
    expect_code 0 "$SLUICE" lint
    says "sluice.yml:13:44: \`missing/file\` is declared, but there is no such file"
    says "sluice.yml:3:49: \`loch.json\` is declared"
    [ "$(grep -c "is declared" <<<"$output")" -eq 2 ]
    says "good (4 layers)"
    touch loch.json
    mkdir missing
    touch missing/file
    expect_code 0 "$SLUICE" lint
    says_not "is declared"
}

@test "without a pipeline it says how to come to one" {
    expect_code 2 "$SLUICE" lint
    says "there is no sluice.yml here nor at the top of the tree"
    says "--pipeline FILE"
    expect_code 2 "$SLUICE" lint --pipeline other.yml
    says "other.yml: there is no such pipeline file"
}

@test "an unknown key is told with its place and a guess" {
    pipeline <<'EOF'
layers:
  a:
    uses: command
    wiht: {run: "true"}
EOF
    expect_code 2 "$SLUICE" lint
    says "sluice.yml:5:5: "
    says "wiht"
    says "with"
    expect_code 2 "$SLUICE" lint --json
    json "lines[0]['file'] == 'sluice.yml' and lines[0]['line'] == 5 and lines[0]['column'] == 5"
}

@test "settings of a plugin are checked by its own schema" {
    pipeline <<'EOF'
layers:
  a:
    uses: command
    with: {rnu: "true"}
EOF
    expect_code 2 "$SLUICE" lint
    says "sluice.yml:5:"
    says "rnu"
}

@test "an unknown plugin is told with a guess" {
    pipeline <<<'layers: {a: {uses: comand, with: {run: "true"}}}'
    expect_code 2 "$SLUICE" lint
    says "sluice.yml:2:"
    says "comand"
    says 'command'
}

@test "of several files each is checked, and one bad one is bad" {
    printf 'version: 1\nlayers: {a: {uses: command, with: {run: "true"}}}\n' >good.yml
    printf 'version: 1\nlayers: {a: {uses: command, with: {run: "true"}, x: 1}}\n' >bad.yml
    expect_code 2 "$SLUICE" lint good.yml bad.yml
    says "good.yml: good"
    says "bad.yml:2:"
}

@test "from a folder below, the pipeline at the top of the tree is found" {
    pipeline <<<'layers: {a: {uses: command, with: {run: "true"}}}'
    mkdir -p deep/er
    cd deep/er
    expect_code 0 "$SLUICE" lint
    says "/sluice.yml: good"
}

@test "schema and reference are made from the same table" {
    expect_code 0 "$SLUICE" schema
    python3 -c 'import json,sys; d=json.load(open(sys.argv[1])); assert "layers" in d["properties"]' \
        "$BATS_TEST_TMPDIR/out"
    expect_code 0 "$SLUICE" schema --reference
    says "allow_failure"
}

@test "a pipeline file that is no file is refused, not waited for" {
    mkfifo sluice.yml
    expect_code 2 timeout 20 "$SLUICE" lint
    says "no regular file but a named pipe"
    expect_code 2 timeout 20 "$SLUICE" run
    expect_code 2 timeout 20 "$SLUICE" lint /dev/zero
    says "device"
}

@test "the operators of a mutation layer that the documentation shows are accepted" {
    pipeline <<'END'
layers:
  m:
    uses: mutation
    with:
      files: ["*.c"]
      tests: [t]
END
    sed -n '/^```yaml/,/^```/{/^```/d; s/^/      /; p}' "${BATS_TEST_DIRNAME}/../../docs/mutation/operators.md" >>sluice.yml
    expect_code 0 "$SLUICE" lint
}
