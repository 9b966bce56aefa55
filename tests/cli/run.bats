#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# `sluice run` from end to end: verdicts, reports, exit codes.
load support
bats_require_minimum_version 1.5.0 # run !

setup() {
    fresh_tree
}

@test "two green layers open the gate; JUnit, events and summary agree" {
    pipeline <<'EOF'
name: green
stages: [fast, deep]
layers:
  one: {stage: fast, uses: command, with: {run: "echo hello"}}
  two: {stage: deep, uses: command, with: {run: "sh -c 'exit 0'"}}
EOF
    expect_code 0 "$SLUICE" run --json --junit out/junit.xml --events out/events.ndjson
    json "d['exit_code'] == 0 and d['counts']['passed'] == 2"
    json "[l['id'] for l in d['layers']] == ['one', 'two']"
    json "all(l['state'] == 'open' for l in d['layers'])"
    json "d['wall_s'] > 0 and d['cpu_s'] >= 0"
    xml out/junit.xml "len(cases) == 2 and r.get('failures') == '0'"
    [ "$(head -n 1 out/events.ndjson | jq -r .type)" = run_started ]
    [ "$(tail -n 1 out/events.ndjson | jq -r .type)" = run_finished ]
    cmp out/events.ndjson .sluice/runs/*/events.ndjson
}

@test "standard output belongs to --json, words go to standard error" {
    pipeline <<<'layers: {a: {uses: command, with: {run: "echo hello"}}}'
    expect_code 0 "$SLUICE" run
    [ ! -s "$BATS_TEST_TMPDIR/out" ]
    [ -s "$BATS_TEST_TMPDIR/err" ]
    expect_code 0 "$SLUICE" run --json
    [ "$(wc -l <"$BATS_TEST_TMPDIR/out")" -eq 1 ]
}

# With standard output closed the summary went into the file that got its number: an event log, or
# the store.
@test "closed standard streams get nothing, and no file gets it in their stead" {
    pipeline <<<'layers: {a: {uses: command, with: {run: "echo hello"}}}'
    status=0
    "$SLUICE" run --json >&- 2>"$BATS_TEST_TMPDIR/err" || status=$?
    [ "$status" -eq 3 ]
    grep -q "cannot write to standard output" "$BATS_TEST_TMPDIR/err"
    "$SLUICE" run --events out/events.ndjson <&- >&- 2>&-
    [ "$(jq -r .type out/events.ndjson | tail -n 1)" = run_finished ]
    ! grep -rq "sluice 0" out
}

@test "a failing unit shuts the gate, and later stages do not run" {
    pipeline <<'EOF'
stages: [fast, deep]
layers:
  one: {stage: fast, uses: command, with: {run: "sh -c 'echo it is broken; exit 3'"}}
  two: {stage: deep, uses: command, with: {run: "touch ran"}}
EOF
    expect_code 1 "$SLUICE" run --json --junit junit.xml
    says "it is broken"
    json "d['counts']['failed'] == 1 and d['exit_code'] == 1"
    json "[l['state'] for l in d['layers']] == ['shut', 'skipped']"
    xml junit.xml "r.get('failures') == '1'"
}

@test "a pipeline that is wrong ends with 2 and its place" {
    printf 'version: 1\nlayers:\n  a: [1\n' >sluice.yml
    expect_code 2 "$SLUICE" run
    says "sluice.yml:"
    rm sluice.yml
    expect_code 2 "$SLUICE" run
    says "there is no sluice.yml here"
}

@test "an unknown layer and a wrong filter end with 2 before anything runs" {
    pipeline <<<'layers: {unit: {uses: command, with: {run: "touch ran"}, sandbox: none}}'
    expect_code 2 "$SLUICE" run unti
    says 'no layer "unti"; did you mean "unit"?'
    expect_code 2 "$SLUICE" run --filter 'layer(('
    expect_code 2 "$SLUICE" run --filter 'name(/[/)'
    [ ! -e ran ]
}

@test "a filter that matches nothing proves nothing" {
    pipeline <<<'layers: {a: {uses: command, with: {run: "true"}}}'
    expect_code 4 "$SLUICE" run --filter 'name(=nothing)' --json
    json "d['exit_code'] == 4"
    expect_code 4 "$SLUICE" run --filter 'layer(=nothing)'
    says "matches no unit"
    expect_code 4 "$SLUICE" run --filter 'not layer(a)'
    expect_code 4 "$SLUICE" run --filter 'stage(=nothing)'
    expect_code 0 "$SLUICE" run --filter 'layer(a) or layer(=nothing)'
}

@test "named layers run alone" {
    pipeline <<'EOF'
layers:
  a: {uses: command, with: {run: "touch a.ran"}, sandbox: none}
  b: {uses: command, with: {run: "touch b.ran"}, sandbox: none}
EOF
    expect_code 0 "$SLUICE" run b
    [ ! -e a.ran ]
    [ -e b.ran ]
}

@test "--fail-fast starts nothing after the first failure" {
    seq 1 50 | sed 's/.*/sh -c "echo & >>ran; exit 1"/' >units
    pipeline <<<'layers: {a: {uses: command, with: {each: units}, sandbox: none}}'
    expect_code 1 "$SLUICE" run -j1 --fail-fast --json
    [ "$(wc -l <ran)" -eq 1 ]
    json "d['counts']['failed'] == 1 and d['counts']['not_run'] == 49"
    rm ran
    expect_code 1 "$SLUICE" run -j1 --max-fail 3
    [ "$(wc -l <ran)" -eq 3 ]
}

@test "shards are a partition" {
    seq 1 40 | sed 's/.*/echo unit-&/' >units
    pipeline <<<'layers: {a: {uses: command, with: {each: units}}}'
    expect_code 0 "$SLUICE" list
    sort "$BATS_TEST_TMPDIR/out" >all
    [ "$(wc -l <all)" -eq 40 ]
    for i in 1 2 3; do
        expect_code 0 "$SLUICE" list --shard "$i/3"
        cp "$BATS_TEST_TMPDIR/out" "part.$i"
        [ -s "part.$i" ]
    done
    sort part.1 part.2 part.3 | cmp - all
    expect_code 0 "$SLUICE" run --shard 2/3 --json
    json "d['counts']['passed'] == $(wc -l <part.2)"
}

@test "plan and list say which layers wait for outputs" {
    pipeline <<'EOF'
layers:
  build: {uses: command, with: {run: "mkdir -p out && echo 'echo ok' > out/list"}, outputs: ["out/**"]}
  test: {uses: command, needs: [build], with: {each: out/list}}
EOF
    expect_code 0 "$SLUICE" plan --json
    json "[(l['layer'], l['id'], l['decision']) for l in lines] == [('build', 'run', 'run'), ('test', '*', 'wait')]"
    expect_code 0 "$SLUICE" list
    says "build/run"
    says "layer test is not in this list: its units are known when layer build has made its outputs"
}

@test "the first lines of a run name it once, and no path of this machine" {
    pipeline <<<'layers: {a: {uses: command, with: {run: "true"}}}'
    expect_code 0 "$SLUICE" run
    [ "$(grep -c "$(ls .sluice/runs)" "$BATS_TEST_TMPDIR/err")" -eq 1 ]
    says_not "$PWD"
}

@test "plan says for each unit what would be done and why" {
    printf 'true\nfalse\n' >units
    pipeline <<<'layers: {a: {uses: command, with: {each: units}}}'
    expect_code 0 "$SLUICE" plan --json
    json "len(lines) == 2 and all(x['decision'] == 'run' and 'never run' in x['reason'] for x in lines)"
    expect_code 1 "$SLUICE" run
    expect_code 0 "$SLUICE" plan --json
    if "$SLUICE" doctor >/dev/null 2>&1; then
        json "{x['id']: x['decision'] for x in lines} == {'true': 'hit', 'false': 'run'}"
        json "'fail' in [x['reason'] for x in lines if x['id'] == 'false'][0]"
    fi
    expect_code 0 "$SLUICE" plan --sandbox none --json
    json "sorted(x['reason'] for x in lines) == ['failed last time', 'passed last time, runs again']"
    expect_code 0 "$SLUICE" plan --rerun-failed --json
    json "sorted(x['decision'] for x in lines) == ['run', 'skip']"
    expect_code 0 "$SLUICE" plan --filter 'name(*false*)'
    says "filtered out"
    says "1 to run, 0 answered by evidence, 1 not selected"
    # a plan leaves no run behind
    [ "$(find .sluice/runs -mindepth 1 -maxdepth 1 | wc -l)" -eq 1 ]
    [ -z "$(ls .sluice/plans)" ]
}

@test "--rerun-failed runs what failed, and says what is still outstanding" {
    printf 'echo >>ran; test -e good-one\necho >>ran; test -e good-two\necho >>ran\n' >units
    pipeline <<<'layers: {a: {uses: command, with: {each: units}, sandbox: none}}'
    expect_code 1 "$SLUICE" run --json
    json "d['counts']['passed'] == 1 and d['counts']['failed'] == 2"
    touch good-one
    expect_code 1 "$SLUICE" run --rerun-failed --json
    json "d['counts']['passed'] == 2 and d['counts']['failed'] == 1" # one of them carried
    touch good-two
    expect_code 0 "$SLUICE" run --rerun-failed --json
    json "d['counts']['passed'] == 3 and d['counts']['failed'] == 0"
    [ "$(wc -l <ran)" -eq 6 ] # three, two, one
    expect_code 0 "$SLUICE" run --rerun-failed
    says "nothing has to be run again"
}

@test "re-runs that pass do not open the gate while others are outstanding" {
    printf 'test -e good-one\ntest -e good-two\n' >units
    pipeline <<<'layers: {a: {uses: command, with: {each: units}, sandbox: none}}'
    expect_code 1 "$SLUICE" run
    touch good-one good-two
    expect_code 5 "$SLUICE" run --rerun-failed --filter 'name(*good-one*)' --json
    says "still to be run again"
    json "d['exit_code'] == 5"
    expect_code 0 "$SLUICE" run --rerun-failed
}

@test "allow_failure tells the failure and leaves the gate open" {
    pipeline <<'EOF'
layers:
  a: {uses: command, with: {run: "sh -c 'echo oh no; exit 1'"}, allow_failure: true}
  b: {uses: command, with: {run: "true"}}
EOF
    expect_code 0 "$SLUICE" run --json
    says "oh no"
    json "[l['state'] for l in d['layers'] if l['id'] == 'a'] == ['shut']"
}

@test "a unit that passes at the second attempt is flaky, not failed" {
    pipeline <<'EOF'
layers:
  a:
    uses: command
    with: {run: "test -e again || { touch again; exit 1; }"}
    sandbox: none
    retry: {max: 2}
EOF
    expect_code 0 "$SLUICE" run --json --junit junit.xml
    json "d['counts']['passed'] == 1 and d['counts']['flaky'] == 1"
    xml junit.xml "len(cases) == 1"
}

@test "products of a layer are seen by the layers that need it, and by no other" {
    isolated
    pipeline <<'EOF'
layers:
  build:
    uses: command
    with: {run: "mkdir -p out && echo made >out/thing"}
    outputs: [out/**]
  use:
    uses: command
    with: {run: "grep -q made out/thing"}
    needs: [build]
  other:
    uses: command
    with: {run: "test ! -e out/thing"}
    needs: []
EOF
    expect_code 0 "$SLUICE" run --json
    json "d['counts']['passed'] == 3"
    [ ! -e out ]
}

@test "isolated units do not touch the tree" {
    isolated
    echo one >file
    pipeline <<<'layers: {a: {uses: command, with: {run: "echo two >file; rm -rf .git; touch new"}}}'
    expect_code 0 "$SLUICE" run
    [ "$(cat file)" = one ]
    [ -d .git ]
    [ ! -e new ]
}

@test "a hidden path is named in the failure with the line that exposes it" {
    isolated
    echo '/secret' >.gitignore
    echo hidden >secret
    pipeline <<'EOF'
layers:
  a: {uses: command, with: {run: "cat secret"}}
EOF
    expect_code 1 "$SLUICE" run
    says "secret"
    says "expose:"
    pipeline <<'EOF'
layers:
  a: {uses: command, with: {run: "cat secret"}, expose: [secret]}
EOF
    expect_code 0 "$SLUICE" run
}

@test "a timeout ends the whole tree of processes, daemons included" {
    pipeline <<'EOF'
layers:
  a:
    uses: command
    with: {run: "setsid sh -c 'echo $$ >pid; exec sleep 600' & sleep 600"}
    sandbox: none
    timeout: 1s
EOF
    expect_code 1 "$SLUICE" run --json
    json "d['counts']['timed_out'] == 1"
    [ -s pid ]
    gone "$(cat pid)"
}

@test "--budget ends the run with 6, and --resume goes on" {
    printf 'echo first >>ran\nsleep 60\n' >units
    pipeline <<<'layers: {a: {uses: command, with: {each: units}, sandbox: none}}'
    expect_code 6 "$SLUICE" run -j1 --budget 2s --json
    json "d['exit_code'] == 6"
    printf 'echo first >>ran\ntrue\n' >units
    expect_code 0 "$SLUICE" plan --resume --json
    json "[x['reason'] for x in lines if x['decision'] == 'skip'] == ['passed in the resumed run']"
    expect_code 0 "$SLUICE" run --resume --json
    [ "$(wc -l <ran)" -eq 1 ]
}

@test "--resume shows the words of the run it goes on with, as its selection is not taken over" {
    pipeline <<<'layers: {quick: {uses: command, with: {run: "true"}}, slow: {uses: command, with: {run: "sleep 2"}}}'
    expect_code 6 "$SLUICE" run slow --budget 200ms
    expect_code 0 "$SLUICE" run --resume quick
    says "which was: "
    says " run slow --budget 200ms (layers and filters are not taken from it; name them again)"
}

@test "--resume without an interrupted run runs everything and says so" {
    pipeline <<<'layers: {a: {uses: command, with: {run: "true"}}}'
    expect_code 0 "$SLUICE" run --resume
    says "no interrupted run was found"
    id=$(ls .sluice/runs)
    expect_code 2 "$SLUICE" run --resume="$id"
    says "came to its end"
    expect_code 2 "$SLUICE" run --resume=20200101T000000-0000
    says "there is no such run"
}

@test "passes on another tree are not taken over by --resume" {
    isolated
    printf 'true\nsleep 60\n' >units
    pipeline <<<'layers: {a: {uses: command, with: {each: units}}}'
    expect_code 6 "$SLUICE" run -j1 --budget 2s
    printf 'true\necho\n' >units
    expect_code 0 "$SLUICE" run --resume --json
    says "the tree has changed"
    json "d['counts']['passed'] == 2"
}

@test "a damaged history costs the history, not the run" {
    pipeline <<<'layers: {a: {uses: command, with: {run: "true"}}}'
    expect_code 0 "$SLUICE" run
    rm -f .sluice/store.db-*
    printf 'this is no database, and long enough to be taken for a damaged one\n%.0s' {1..200} >.sluice/store.db
    expect_code 0 "$SLUICE" run
    says "without history"
    expect_code 3 "$SLUICE" run --rerun-failed
}

@test "a report that cannot be written is no success" {
    pipeline <<<'layers: {a: {uses: command, with: {run: "true"}}}'
    mkdir junit.xml
    expect_code 3 "$SLUICE" run --junit junit.xml
    says "junit.xml"
}

@test "a run that never starts leaves no report of an earlier one to be taken for its own" {
    pipeline <<<'layers: {a: {uses: command, with: {run: "true"}}}'
    expect_code 0 "$SLUICE" run --junit junit.xml
    expect_code 0 "$SLUICE" run --junit reports/
    [ -e junit.xml ] && [ -e reports/TEST-sluice-a.xml ]
    echo 'layers: [1' >sluice.yml
    expect_code 2 "$SLUICE" run --junit junit.xml
    [ ! -e junit.xml ]
    expect_code 2 "$SLUICE" run --junit reports/
    [ ! -e reports/TEST-sluice-a.xml ]
}

@test "--sandbox none runs in place and --sandbox full isolates, whatever the pipeline says" {
    pipeline <<<'layers: {a: {uses: command, with: {run: "touch here"}}}'
    expect_code 0 "$SLUICE" run --sandbox none
    [ -e here ]
    rm here
    isolated
    pipeline <<<'layers: {a: {uses: command, with: {run: "touch here"}, sandbox: none}}'
    expect_code 0 "$SLUICE" run --sandbox full
    [ ! -e here ]
}

@test "caches that grew beyond their limit are dropped when the last run ends, and made anew" {
    isolated
    pipeline <<<'layers: {a: {uses: command, with: {run: "test -e sluice.yml"}}}'
    expect_code 0 "$SLUICE" run
    [ -d .sluice/objects ] && [ -d .sluice/pool/node_modules/0/tree ]
    truncate -s 3G .sluice/objects/large
    mkdir -p .sluice/objects/ab
    mv .sluice/objects/large .sluice/objects/ab/
    expect_code 0 "$SLUICE" run
    [ ! -e .sluice/objects ] && [ ! -e .sluice/pool ]
    expect_code 0 "$SLUICE" run --no-reuse
    [ -d .sluice/pool/node_modules/0/tree ]
}

@test "when: changed runs a layer once per state of the tree" {
    echo one >file
    pipeline <<'EOF'
layers:
  a: {uses: command, with: {run: "true"}, when: changed}
  b: {uses: command, with: {run: "true"}}
EOF
    expect_code 0 "$SLUICE" run --json
    json "d['counts']['passed'] == 2"
    expect_code 0 "$SLUICE" run --json
    json "d['counts']['passed'] == 1"
    expect_code 0 "$SLUICE" run --json --when always
    json "d['counts']['passed'] == 2"
    expect_code 0 "$SLUICE" run --json --no-reuse
    json "d['counts']['passed'] == 2"
    expect_code 0 "$SLUICE" run a --json # a run with nothing to do
    json "d['counts']['passed'] == 0 and d['exit_code'] == 0"
    echo two >file
    expect_code 0 "$SLUICE" run --json
    json "d['counts']['passed'] == 2"
}

@test "colours only where they are wanted" {
    pipeline <<<'layers: {a: {uses: command, with: {run: "false"}}}'
    escape=$'\033['
    expect_code 1 "$SLUICE" run
    says_not "$escape"
    expect_code 1 "$SLUICE" run --color always
    says "$escape"
    export TERM=xterm
    expect_code 1 script -qec "$SLUICE run --color never" /dev/null
    says_not "${escape}31m"
    NO_COLOR=1 expect_code 1 script -qec "$SLUICE run" /dev/null
    says_not "${escape}31m"
}

@test "--quiet tells only failures and the end" {
    pipeline <<<'layers: {a: {uses: command, with: {run: "echo hello"}}}'
    expect_code 0 "$SLUICE" run --quiet --sandbox none
    [[ $output == open:* ]]
    [ "$(wc -l <"$BATS_TEST_TMPDIR/err")" -eq 1 ]
    pipeline <<<'layers: {a: {uses: command, with: {run: "sh -c \"echo it is broken; exit 1\""}}}'
    expect_code 1 "$SLUICE" run --quiet --sandbox none
    says "FAILED a run"
    says_not "started"
}

@test "layers nobody asked for are told with --verbose only" {
    pipeline <<'EOF'
layers:
  one: {uses: command, with: {run: "true"}}
  two: {uses: command, with: {run: "true"}}
EOF
    expect_code 0 "$SLUICE" run one
    says_not "two"
    expect_code 0 "$SLUICE" run --verbose one
    says "two: skipped: not among the layers named on the command line"
}

@test "a plugin's complaint names plugin and layer once" {
    pipeline <<<'layers: {lonely: {uses: command, with: {each: missing.txt}}}'
    expect_code 3 "$SLUICE" run
    says "missing.txt"
    tr '\n' ' ' <"$BATS_TEST_TMPDIR/err" >joined
    run ! grep -E 'command plan[^.]*command plan: ' joined
    run ! grep -F 'layer lonely: command' joined
}

@test "what is to be exposed and is not there is told" {
    isolated
    pipeline <<<'layers: {a: {uses: command, expose: [node_modules, sluice.yml, /no/such], with: {run: "true"}}}'
    expect_code 0 "$SLUICE" run
    says "expose: there is no node_modules on this machine"
    says "expose: there is no /no/such on this machine"
    says_not "there is no sluice.yml"
}

@test "a submodule that isolated units will miss is told, with the line that exposes it" {
    isolated
    git init -q ../lib
    echo content >../lib/file
    git -C ../lib add file
    git -C ../lib -c user.name=x -c user.email=x@x commit -qm lib
    git -c protocol.file.allow=always submodule --quiet add "$PWD/../lib" vendor/lib
    pipeline <<<'layers: {a: {uses: command, with: {run: "cat vendor/lib/file"}}}'
    expect_code 1 "$SLUICE" run
    says "vendor/lib is a submodule"
    says "expose: [vendor/lib]"
    pipeline <<<'layers: {a: {uses: command, expose: [vendor/lib], with: {run: "cat vendor/lib/file"}}}'
    expect_code 0 "$SLUICE" run
    says_not "is a submodule"
}

@test "isolated units speak UTF-8 whatever the shell does, and a layer that sets LANG sets all of its locale" {
    isolated
    pipeline <<'EOF'
layers:
  world: {uses: command, with: {run: '[ "$(locale charmap)" = UTF-8 ] && [ -z "$LANG$LC_ALL" ]'}}
  ascii: {uses: command, env: {LANG: C}, with: {run: '[ "$(locale charmap)" != UTF-8 ]'}}
  both: {uses: command, env: {LC_CTYPE: C.UTF-8, LANG: C}, with: {run: '[ "$(locale charmap)" = UTF-8 ] && [ "$LANG" = C ]'}}
  all: {uses: command, env: {LC_ALL: C}, with: {run: '[ "$(locale charmap)" != UTF-8 ]'}}
EOF
    LC_ALL=POSIX LANG=POSIX expect_code 0 "$SLUICE" run
}

@test "LANG that is not set and LANG that is empty are two states, and neither says which locale" {
    isolated
    export SLUICE_CACHE=$PWD/cache
    echo cache >>.gitignore
    pipeline <<'EOF'
layers:
  a: {uses: command, env: {LANG: null}, with: {run: 'echo "${LANG-none}"; [ "$(locale charmap)" = UTF-8 ]'}}
EOF
    unset LANG LC_ALL
    expect_code 0 "$SLUICE" run
    LANG='' expect_code 0 "$SLUICE" run
    says_not "reused"
    LANG='' expect_code 0 "$SLUICE" run
    says "all reused"
    expect_code 0 "$SLUICE" run
    says "all reused"
}
