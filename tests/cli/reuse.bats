#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What is reused, what must run again and what never becomes evidence: one story each.

setup() {
    load support
    fresh_tree
    git config user.name test
    git config user.email test@example.org
    git config commit.gpgsign false
    "$SLUICE" doctor --json >"$BATS_TEST_TMPDIR/doctor" 2>/dev/null || skip "units cannot be isolated on this machine"
}

# unit COMMAND: a pipeline of one unit.
unit() {
    jq -n --arg run "$1" '{version: 1, layers: {t: {uses: "command", with: {run: $run}}}}' >sluice.yml
}

# earn: the unit runs and passes.
earn() {
    expect_code 0 "$SLUICE" run --json
    json 'd["counts"]["passed"] == 1 and d["counts"]["reused"] == 0'
}

# decided WORD: what would become of the unit now.
decided() {
    expect_code 0 "$SLUICE" plan --json
    json "d['decision'] == '$1'"
}

# hits: it is answered, and a run agrees.
hits() {
    decided hit
    expect_code 0 "$SLUICE" run --json
    json 'd["counts"]["passed"] == 1 and d["counts"]["reused"] == 1'
}

misses() {
    decided run
}

commit() {
    git add -A
    git commit -qm "$1"
}

# ---- answered ----

@test "the second run of the same tree runs nothing" {
    echo hello >a
    unit 'cat a'
    earn
    hits
}

@test "an unrelated file may change, appear, vanish and move" {
    echo hello >a && echo x >other && echo y >moved
    unit 'cat a'
    earn
    echo changed >other && echo new >new && mv moved elsewhere
    hits
    rm other
    hits
}

@test "a file may appear in a folder that was searched but not listed" {
    mkdir d && echo hello >d/a
    unit 'cat d/a; test ! -e d/absent'
    earn
    echo new >d/b
    hits
}

@test "touching a file changes nothing" {
    echo hello >a
    unit 'cat a'
    earn
    touch -d '2030-01-01' a
    hits
}

@test "the same content under another commit, branch or working tree is the same" {
    echo hello >a
    unit 'cat a'
    commit one
    earn
    git commit -q --allow-empty -m two
    hits
    git worktree add -q ../elsewhere HEAD
    cd ../elsewhere
    hits
    git clone -q ../tree ../clone
    cd ../clone
    hits
}

@test "temporary files of its own with names of chance are no question" {
    echo hello >a
    unit 'f=$(mktemp) && cat a >$f && cat $f && rm $f; mkdir out-$$ && ls out-$$'
    earn
    hits
}

@test "the user's environment is no question" {
    echo hello >a
    unit 'cat a; env'
    earn
    export SOMETHING=else
    hits
}

@test "what it wrote itself is no question" {
    unit 'echo mine >made && cat made && mkdir sub && ls sub'
    earn
    echo unrelated >other
    hits
}

@test "a change goes back to what was proven before" {
    echo one >a
    unit 'cat a'
    earn
    echo two >a
    misses
    earn
    echo one >a
    hits
}

# ---- must run ----

@test "a file that was read changes" {
    echo hello >a
    unit 'cat a'
    earn
    echo changed >a
    misses
    expect_code 0 "$SLUICE" why t/run
    says "a"
    says "changed"
}

@test "a file that was only asked for by size changes its size" {
    echo hello >a
    unit 'stat -c %s a'
    earn
    echo longer-hello >a
    misses
}

@test "the exec bit of a file that was asked for flips" {
    echo hello >a
    unit 'test ! -x a'
    earn
    chmod +x a
    misses
}

@test "each link on the way is a question" {
    mkdir one two && echo hello >one/f && echo hello >two/f
    ln -s one d && ln -s d e
    unit 'cat e/f'
    earn
    ln -sfn two d
    misses
}

@test "a file becomes a link to the same content" {
    echo hello >a && echo hello >b
    unit 'cat a'
    earn
    ln -sf b a
    misses
}

@test "a link to a folder becomes that folder" {
    mkdir real && echo hello >real/f && ln -s real d
    unit 'cat d/f'
    earn
    rm d && cp -r real d
    misses
}

@test "a file appears where one was looked for" {
    unit 'test ! -e probed'
    earn
    echo now >probed
    misses
}

@test "the folder of a file that was looked for appears, with the file" {
    unit 'test ! -e deep/down/probed'
    earn
    mkdir -p deep/down && echo now >deep/down/probed
    misses
}

@test "the folder appears in which something could not be made" {
    unit '! mkdir d/sub 2>/dev/null; ! ln -s x e/link 2>/dev/null; ! touch f/new 2>/dev/null'
    earn
    mkdir d && echo 1 >d/unrelated
    misses
    rm -r d && mkdir e && echo 1 >e/unrelated
    misses
    rm -r e && mkdir f && echo 1 >f/unrelated
    misses
}

@test "a file on the way to .. becomes a folder" {
    echo file >d
    unit '! cat d/../a 2>/dev/null'
    echo 1 >a
    earn
    rm d && mkdir d && echo 1 >d/keep
    misses
}

@test "a program appears earlier on PATH" {
    mkdir bin1 bin2 && printf '#!/bin/sh\necho two\n' >bin2/tool && chmod +x bin2/tool && echo keep >bin1/keep
    unit 'PATH=/src/bin1:/src/bin2:$PATH tool'
    earn
    printf '#!/bin/sh\necho one\n' >bin1/tool && chmod +x bin1/tool
    misses
}

@test "a header appears earlier on the include path" {
    command -v cc >/dev/null || skip "no compiler"
    mkdir i1 i2 && echo '#define N 0' >i2/n.h && echo keep >i1/keep
    printf '#include "n.h"\nint main(void) { return N; }\n' >m.c
    unit 'cc -Ii1 -Ii2 -o /tmp/m m.c && /tmp/m'
    earn
    echo 'int unrelated;' >other.c
    hits
    echo '#define N 1' >i1/n.h
    misses
}

@test "a folder that was listed gains, loses or retypes a name; its files may change" {
    mkdir d && echo 1 >d/a && echo 2 >d/b
    unit 'ls d'
    earn
    echo changed >d/a
    hits
    echo 3 >d/c
    misses
    earn
    rm d/b
    misses
    earn
    rm d/c && mkdir d/c && echo 4 >d/c/keep
    misses
}

@test "the interpreter of a script changes" {
    printf '#!/src/inter\n' >script && chmod +x script
    printf '#!/bin/sh\necho 1\n' >inter && chmod +x inter
    unit './script'
    earn
    printf '#!/bin/sh\necho 2\n' >inter
    misses
}

@test "a variable that it is given changes, or is empty instead of unset" {
    cat >sluice.yml <<'YAML'
version: 1
layers:
  t: {uses: command, with: {run: 'echo $X'}, env: {X: null}}
YAML
    unset X
    earn
    X='' misses
    X='' earn
    X=1 misses
}

@test "the limits change that sluice, and so the unit, is started with" {
    unit 'ulimit -n; ulimit -s'
    earn
    (ulimit -Ss 4096 && ulimit -Sn 200 && hits) # the soft ones are sluice's own
    (ulimit -n 200 && misses)
    (ulimit -f 1000000 && misses)
    (umask 077 && hits)
}

@test "its command, folder or outputs change" {
    mkdir d && echo a >d/a && cp d/a a
    unit 'cat a'
    earn
    unit 'cat ./a'
    misses
    jq -n '{version: 1, layers: {t: {uses: "command", cwd: "d", with: {run: "cat a"}}}}' >sluice.yml
    misses
}

@test "an attribute changes what a checkout makes of a file" {
    printf 'one\ntwo\n' >a
    unit 'cat a'
    earn
    echo 'a text eol=crlf' >.gitattributes
    misses
}

@test "names of any bytes are names" {
    local odd=$'new\nline' latin=$'\xe9t\xe9'
    echo 1 >"$odd" && echo 2 >"$latin" && echo 3 >Case
    unit 'cat new* *t* Case >/dev/null; ls'
    earn
    echo 4 >"$odd"
    misses
    earn
    echo 5 >"$latin"
    misses
    earn
    git mv -f Case case 2>/dev/null || mv Case case
    misses
}

@test "what an exposed path holds is a question" {
    echo vendored >.gitignore && mkdir vendored && echo 1 >vendored/v && echo 1 >vendored/unread
    jq -n '{version: 1, layers: {t: {uses: "command", expose: ["vendored"], with: {run: "cat vendored/v"}}}}' >sluice.yml
    earn
    echo 2 >vendored/unread
    hits
    echo 2 >vendored/v
    misses
}

@test "the permissions of an exposed file change" {
    local ext=$BATS_TEST_TMPDIR/ext
    mkdir "$ext" && echo 1 >"$ext/f" && chmod 644 "$ext/f"
    jq -n --arg e "$ext" '{version: 1, layers: {t: {uses: "command", expose: [$e], with: {run: "stat -c %a \($e)/f"}}}}' >sluice.yml
    earn
    chmod 600 "$ext/f"
    misses
}

@test "a timeout is shorter now than the unit took" {
    slow() { jq -n --arg t "$1" '{version: 1, layers: {t: {uses: "command", timeout: $t, with: {run: "sleep 1"}}}}' >sluice.yml; }
    slow 1m
    earn
    slow 500ms
    misses
    expect_code 0 "$SLUICE" plan
    says "more than its timeout is now"
    expect_code 1 "$SLUICE" run
    slow 50s
    hits
}

# older SECONDS: all evidence is as much older.
older() {
    python3 - "$HOME/.cache/sluice/evidence.db" "$1" <<'END'
import sqlite3, sys
store = sqlite3.connect(sys.argv[1], timeout=60)
age = int(sys.argv[2]) * 1000
store.execute("UPDATE evidence SET time_ms = time_ms - ?, expires_ms = max(expires_ms - ?, 0)", (age, age))
store.commit()
END
}

@test "evidence that was too old is earned anew once, not in every run" {
    jq -n '{version: 1, layers: {t: {uses: "command", reuse: {ttl: "10m"}, with: {run: "true"}}}}' >sluice.yml
    earn
    older 300
    hits
    older 300
    misses
    earn
    hits
}

# ---- never evidence ----

@test "a failure runs again until a second run has confirmed it; then it is told as if it ran" {
    echo 1 >a
    unit 'cat a; echo "said by the unit"; echo "complained" >&2; exit 7'
    expect_code 1 "$SLUICE" run
    misses
    says "no second run has confirmed"
    expect_code 1 "$SLUICE" run --json
    json 'd["counts"]["failed"] == 1 and d["counts"]["reused"] == 0'
    decided hit
    says "failed 2 times with the same inputs"
    expect_code 1 "$SLUICE" run --junit "$BATS_TEST_TMPDIR/j.xml"
    says "exit code 7"
    says "said by the unit"
    says "not run again"
    says "--rerun-failed"
    xml "$BATS_TEST_TMPDIR/j.xml" 'cases[0].find("failure") is not None and "complained" in cases[0].find("system-err").text'
    xml "$BATS_TEST_TMPDIR/j.xml" '"said by the unit" in (o := cases[0].find("system-out").text) and "runs it again" in o'
    xml "$BATS_TEST_TMPDIR/j.xml" 'any(p.get("name") == "sluice.reused.run" for p in cases[0].iter("property"))'
    grep -q '"reused":{"evidence"' .sluice/runs/*/events.ndjson
    echo 2 >a
    misses
}

# Its folder of products, which nobody had made, was looked for: a warning stood above each such failure,
# and it was never confirmed.
@test "a failure of a unit with outputs is told without a warning, and confirmed like any other" {
    jq -n '{version: 1, layers: {t: {uses: "command", outputs: ["out/**"], with: {run: "exit 7"}}}}' >sluice.yml
    expect_code 1 "$SLUICE" run
    says_not "earns less evidence"
    expect_code 1 "$SLUICE" run
    says_not "earns less evidence"
    decided hit
    jq -n '{version: 1, layers: {t: {uses: "command", outputs: ["out/**"], with: {run: "mkdir out && echo 1 >out/a && exit 7"}}}}' >sluice.yml
    expect_code 1 "$SLUICE" run
    says_not "earns less evidence"
    expect_code 1 "$SLUICE" run
    decided hit
    expect_code 1 "$SLUICE" run
    says "not run again"
    [ ! -e out ]
}

@test "a confirmed failure runs again with --rerun-failed, --no-reuse, and when its evidence is revoked" {
    unit 'exit 7'
    expect_code 1 "$SLUICE" run
    expect_code 1 "$SLUICE" run
    decided hit
    expect_code 1 "$SLUICE" run --rerun-failed --json
    json 'd["counts"]["failed"] == 1 and d["counts"]["reused"] == 0'
    expect_code 1 "$SLUICE" run --no-reuse --json
    json 'd["counts"]["reused"] == 0'
    decided hit
    expect_code 0 "$SLUICE" cache revoke --host "$(hostname)"
    misses
}

@test "a failure that was tried again is confirmed by a further run; one that passed then is flaky and runs" {
    tried() {
        jq -n --arg run "$1" '{version: 1, layers: {t: {uses: "command", retry: {max: 1}, with: {run: $run}}}}' >sluice.yml
    }
    tried 'exit 7'
    expect_code 1 "$SLUICE" run
    misses
    expect_code 1 "$SLUICE" run
    decided hit
    tried 'test $(($(cat /proc/sys/kernel/random/uuid | tr -dc 0-9 | tail -c 1) % 2)) = 0'
    for _ in 1 2 3 4 5 6; do
        "$SLUICE" run --no-reuse --quiet >/dev/null 2>&1 || true
    done
    misses
}

@test "what a layer says of its reuse holds for failures: mode off, and a ttl" {
    policy() { jq -n --argjson r "$1" '{version: 1, layers: {t: {uses: "command", reuse: $r, with: {run: "exit 7"}}}}' >sluice.yml; }
    policy '{"mode": "off"}'
    for _ in 1 2 3; do expect_code 1 "$SLUICE" run; done
    misses
    policy '{"ttl": "10m"}'
    for _ in 1 2; do expect_code 1 "$SLUICE" run; done
    older 300
    decided hit
    older 300
    misses
}

@test "a unit that leaves a process behind earns nothing" {
    unit 'setsid sleep 60 >/dev/null 2>&1 & exit 0'
    expect_code 0 "$SLUICE" run
    misses
}

@test "a unit that enters namespaces of its own earns nothing" {
    unit 'unshare --user true || true'
    expect_code 0 "$SLUICE" run
    misses
    json 'd["reason"].startswith("it ran, but earned no evidence: ") and "escaped" in d["reason"]'
    unit 'true'
    earn
    hits
}

@test "a socket outside of its world earns nothing, and why is told" {
    local ext=$BATS_TEST_TMPDIR/ext
    mkdir "$ext"
    python3 -c 'import socket, sys, time
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(); s.settimeout(20); s.accept()' "$ext/s" 3>&- &
    local pid=$!
    wait_for test -S "$ext/s"
    jq -n --arg e "$ext" '{version: 1, layers: {t: {uses: "command", expose: [$e],
        with: {run: "python3 -c \"import socket; socket.socket(socket.AF_UNIX).connect(\\\"\($e)/s\\\")\""}}}}' >sluice.yml
    expect_code 0 "$SLUICE" run
    kill "$pid" 2>/dev/null || true
    misses
    expect_code 0 "$SLUICE" why t/run
    says "earned no evidence"
    says "net"
}

@test "a layer with network earns nothing, unless its inputs are declared" {
    echo 1 >lock
    jq -n '{version: 1, layers: {t: {uses: "command", network: true, with: {run: "true"}}}}' >sluice.yml
    expect_code 0 "$SLUICE" run
    misses
    jq -n '{version: 1, layers: {t: {uses: "command", network: true,
        reuse: {mode: "declared", declared: ["lock"], ttl: "7d"}, with: {run: "true"}}}}' >sluice.yml
    earn
    echo 2 >other
    hits
    echo 2 >lock
    misses
}

@test "a layer that says so is never reused" {
    jq -n '{version: 1, layers: {t: {uses: "command", reuse: {mode: "off"}, with: {run: "true"}}}}' >sluice.yml
    expect_code 0 "$SLUICE" run
    misses
}

@test "--no-reuse runs everything, and earns evidence all the same" {
    unit 'true'
    expect_code 0 "$SLUICE" run --no-reuse
    expect_code 0 "$SLUICE" run --no-reuse --json
    json 'd["counts"]["reused"] == 0'
    hits
}

@test "a flaky unit is proven flaky and trusted no more" {
    unit 'test $(od -An -N1 -tu1 /dev/urandom) -lt 128'
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12; do
        "$SLUICE" run --no-reuse --quiet >/dev/null 2>&1 || true
    done
    misses
}

@test "--verify-hits finds what no observation can, and its evidence is trusted no more" {
    local until=$(($(date +%s) + 8))
    echo "$until" >until
    unit 'test $(date +%s) -lt $(cat until)'
    earn
    while [ "$(date +%s)" -lt "$until" ]; do sleep 0.2; done
    hits # the clock is no observation
    expect_code 1 "$SLUICE" run --verify-hits 100%
    says "quarantine"
    misses
}

# ---- artifacts ----

@test "a reused unit leaves its artifacts as if it ran, a failed one too" {
    art() {
        jq -n --argjson a "$1" '{version: 1, layers: {t: {uses: "command", artifacts: $a,
            with: {run: "mkdir -p out/sub; echo report >out/sub/r; echo log >out/l; ln -s l out/k; cat result; exit $(cat result)"}}}}' >sluice.yml
    }
    newest() { ls -d .sluice/runs/*/ | tail -1; }
    echo 0 >result
    art '["out/*", "out/sub/*"]'
    earn
    hits
    [ "$(cd "$(newest)" && find artifacts -name l | wc -l)" = 1 ]
    grep -qx report "$(find "$(newest)artifacts" -name r)"
    [ "$(readlink "$(find "$(newest)artifacts" -name k)")" = l ]
    art '["out/*", "out/sub/*", "more"]'
    misses
    says "artifacts"
    earn
    hits
    echo 7 >result
    expect_code 1 "$SLUICE" run
    expect_code 1 "$SLUICE" run
    expect_code 1 "$SLUICE" run --json
    json 'd["counts"]["failed"] == 1 and d["counts"]["reused"] == 1'
    grep -qx report "$(find "$(newest)artifacts" -name r)"
}

@test "artifacts that are lost from the cache are made again" {
    jq -n '{version: 1, layers: {t: {uses: "command", artifacts: ["r"], with: {run: "seq 3000 >r"}}}}' >sluice.yml
    earn
    hits
    find "$HOME/.cache/sluice/blobs" -type f -delete
    misses
    earn
    hits
}

@test "artifacts one of which is damaged in the cache do not mix with those of the run that makes them again" {
    # shellcheck disable=SC2016  # for the unit's shell
    jq -n '{version: 1, layers: {t: {uses: "command", artifacts: ["r-*", "z"],
        with: {run: ": >r-$(date +%s%N); seq 4000 >z"}}}}' >sluice.yml
    earn
    printf X | dd of="$(find "$HOME/.cache/sluice/blobs" -type f -size +3000c)" bs=1 seek=100 conv=notrunc status=none
    earn
    [ "$(find "$(ls -d .sluice/runs/*/ | tail -1)artifacts" -name 'r-*' | wc -l)" = 1 ]
}

# started LAYER NUMBER: so many runs have started a unit of that layer, as the logs of the runs tell.
started() {
    [ "$(cat .sluice/runs/*/events.ndjson 2>/dev/null | grep '"type":"unit_started"' | grep -cF "\"layer\":\"$1\"")" -ge "$2" ]
}

@test "products that vanish from the cache between look-up and use are made again" {
    cat >sluice.yml <<'YAML'
version: 1
stages: [build, slow, test]
layers:
  build: {stage: build, uses: command, outputs: [made], with: {run: 'seq 3000 >made'}}
  slow: {stage: slow, uses: command, needs: [], reuse: {mode: off}, with: {run: 'sleep 4'}}
  test: {stage: test, uses: command, needs: [build, slow], with: {run: 'cat x; tail -1 made'}}
YAML
    echo 1 >x
    expect_code 0 "$SLUICE" run
    echo 2 >x
    "$SLUICE" run --json >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" &
    local pid=$!
    wait_for started slow 2
    find "$HOME/.cache/sluice/blobs" -type f -delete
    wait "$pid"
    json 'd["counts"]["passed"] == 3 and d["counts"]["reused"] == 1'
    grep -q "is not in the cache any more: it runs again for that" "$BATS_TEST_TMPDIR/err"
    expect_code 0 "$SLUICE" cache verify
}

# ---- --rerun-failed ----

# A test passed, what it reads was broken, another was mended: --rerun-failed was green.
@test "--rerun-failed takes over no pass from another tree: evidence answers for it, or it runs" {
    printf 'cat a\ncat b\ncat c\n' >units
    echo 1 >a && echo 1 >c
    jq -n '{version: 1, layers: {t: {uses: "command", with: {each: "units"}}}}' >sluice.yml
    expect_code 1 "$SLUICE" run
    rm a && echo 1 >b
    expect_code 1 "$SLUICE" run --rerun-failed --json
    json 'd["counts"]["passed"] == 2 and d["counts"]["failed"] == 1 and d["counts"]["reused"] == 1'
    echo 1 >a
    expect_code 0 "$SLUICE" run --rerun-failed --json # all of it is proven, in two runs
    json 'd["counts"]["passed"] == 3 and d["counts"]["reused"] == 3'
    expect_code 0 "$SLUICE" run --rerun-failed
    says "nothing has to be run again"
}

# ---- trust ----

@test "protected runs reuse what protected runs earned, and nothing else" {
    unit 'true'
    earn
    expect_code 0 "$SLUICE" plan --trust protected --json
    json 'd["decision"] == "run"'
    expect_code 0 "$SLUICE" run --trust protected
    expect_code 0 "$SLUICE" plan --trust protected --json
    json 'd["decision"] == "hit"'
}

@test "evidence of a change is for the main line of the same trust, not for another change" {
    unit 'true'
    expect_code 0 "$SLUICE" run --change 7
    decided hit
    says "on change 7"
    expect_code 0 "$SLUICE" plan --change 7 --json
    json 'd["decision"] == "hit"'
    expect_code 0 "$SLUICE" plan --change 8 --json
    json 'd["decision"] == "run"'
}

# ---- states that are not on disk ----

@test "another revision and a merge are answered without a checkout" {
    for t in a b; do echo "$t" >"$t"; done
    printf 'cat a\ncat b\n' >units
    jq -n '{version: 1, layers: {t: {uses: "command", with: {each: "units"}}}}' >sluice.yml
    commit base
    git branch one && git branch two
    git checkout -q one && echo a1 >a && commit one
    expect_code 0 "$SLUICE" run
    git checkout -q two && echo b2 >b && commit two
    expect_code 0 "$SLUICE" run
    git checkout -q -
    expect_code 0 "$SLUICE" plan --at merge:two,one --json
    json '[l["decision"] for l in lines] == ["hit", "hit"]'
    expect_code 0 "$SLUICE" plan --at one --json
    json 'all(l["decision"] == "hit" for l in lines)'
    expect_code 2 "$SLUICE" plan --at no-such-revision
    says "no-such-revision"
}

# ---- at the same time ----

@test "a file replaced while the unit reads it does not matter" {
    echo before >a
    unit 'sleep 1; cat a'
    "$SLUICE" run --quiet &
    local pid=$!
    wait_for started t 1
    echo after >a
    wait "$pid"
    misses
    echo before >a
    hits
}

@test "two processes that want the same thing run it once" {
    unit 'sleep 1; cat /proc/sys/kernel/random/uuid'
    "$SLUICE" run --json >"$BATS_TEST_TMPDIR/first" 2>/dev/null &
    local pid=$!
    sleep 0.3
    "$SLUICE" run --json >"$BATS_TEST_TMPDIR/second" 2>/dev/null
    wait "$pid"
    run jq -s 'map(.counts.reused) | add' "$BATS_TEST_TMPDIR/first" "$BATS_TEST_TMPDIR/second"
    [ "$output" = 1 ]
}

@test "what another process runs is told by plan, and leaves slot and lock to others meanwhile" {
    jq -n '{version: 1, layers: {t: {uses: "command", locks: ["l"], with: {each: "units"}}}}' >sluice.yml
    printf 'sleep 3; cat /proc/sys/kernel/random/uuid\necho 2\n' >units
    "$SLUICE" run --quiet --filter 'name(~sleep)' &
    local pid=$!
    wait_for plan_says join
    expect_code 0 "$SLUICE" run -j 1 --json
    json 'd["counts"]["passed"] == 2 and d["counts"]["reused"] == 1'
    wait "$pid"
    run jq -r 'select(.type == "unit_finished") | .unit' "$(ls -d .sluice/runs/*/ | tail -1)events.ndjson"
    [[ ${lines[0]} == *"echo 2"* ]]
}

plan_says() {
    "$SLUICE" plan --json 2>/dev/null | grep -q "\"decision\":\"$1\""
}

# ---- words ----

@test "why --run tells what a past run decided, and what came of it" {
    echo a >a && printf 'cat a\nexit 3\n' >units
    jq -n '{version: 1, layers: {t: {uses: "command", with: {each: "units"}}}}' >sluice.yml
    expect_code 1 "$SLUICE" run
    local first
    first=$(ls .sluice/runs)
    expect_code 1 "$SLUICE" run
    local second
    second=$(ls .sluice/runs | tail -1)
    echo b >a
    expect_code 1 "$SLUICE" run
    local third
    third=$(ls .sluice/runs | tail -1)
    expect_code 0 "$SLUICE" why t/'cat a' --run "$first"
    says "run: it has never run with this command"
    says "it passed"
    expect_code 0 "$SLUICE" why 'cat a' --run "$second"
    says "hit: evidence answered, of run $first"
    expect_code 0 "$SLUICE" why 'cat a' --run "$third" --json
    json 'd["decision"] == "run" and d["reason"].startswith("a changed (content") and d["status"] == "passed"'
    expect_code 0 "$SLUICE" why 'exit 3' --run "$third" --json
    json 'd["decision"] == "hit" and d["status"] == "failed"'
    expect_code 4 "$SLUICE" why nothing --run "$third"
    expect_code 4 "$SLUICE" why t
    says "t is a layer: ask for a unit of it, as \`sluice why 't/cat a'\`"
    expect_code 2 "$SLUICE" why 'cat a' --run 1999
}

@test "a folder that lists other names is told with names" {
    mkdir d && echo 1 >d/a
    unit 'ls d'
    earn
    rm d/a && echo 1 >d/new
    misses
    json '"d lists other names (added new; gone a)" in d["reason"]'
}

@test "the summary says what was reused and the report marks it" {
    echo a >a && printf 'cat a\ntrue\n' >units
    jq -n '{version: 1, layers: {t: {uses: "command", with: {each: "units"}}}}' >sluice.yml
    expect_code 0 "$SLUICE" run
    echo b >a
    expect_code 0 "$SLUICE" run --junit "$BATS_TEST_TMPDIR/j.xml"
    says "1 of 2 reused"
    grep -q sluice.reused "$BATS_TEST_TMPDIR/j.xml"
}

# ---- while git still looks at the tree ----

# slow_git FILE: git waits before it looks at the tree while FILE is there, and leaves FILE.seen.
slow_git() {
    local real
    rm -f "$BATS_TEST_TMPDIR/bin/git" # of an earlier run of this test
    hash -r
    real=$(command -v git)
    mkdir -p "$BATS_TEST_TMPDIR/bin"
    cat >"$BATS_TEST_TMPDIR/bin/git" <<END
#!/bin/sh
case " \$* " in
*" add "*)
    [ ! -e "$1" ] || touch "$1.seen"
    while [ -e "$1" ]; do sleep 0.02; done
    ;;
esac
exec "$real" "\$@"
END
    chmod +x "$BATS_TEST_TMPDIR/bin/git"
    export PATH="$BATS_TEST_TMPDIR/bin:$PATH"
}

# begin ARGS...: a run in the background that waits for git, with all that needs no tree done.
begin() {
    rm -f "$BATS_TEST_TMPDIR/slow.seen"
    touch "$BATS_TEST_TMPDIR/slow"
    slow_git "$BATS_TEST_TMPDIR/slow"
    "$SLUICE" run --json "$@" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" 3>&- &
    pid=$!
    wait_for test -e "$BATS_TEST_TMPDIR/slow.seen"
    sleep 0.5
}

# end CODE: git goes on, and the run ends with that code.
end() {
    local code=0
    rm -f "$BATS_TEST_TMPDIR/slow"
    wait "$pid" || code=$?
    output=$(cat "$BATS_TEST_TMPDIR/out")
    [ "$code" -eq "$1" ]
}

# untold: nothing is in the log of the newest run, or elsewhere.
untold() {
    local run
    run=$(find .sluice/runs -mindepth 1 -maxdepth 1 | sort | tail -n 1)
    [ ! -s "$run/events.ndjson" ]
    [ ! -e report.xml ]
    [ ! -s "$BATS_TEST_TMPDIR/out" ]
}

@test "nothing is told before git has looked at the tree, and all of it then" {
    echo hello >a
    unit 'cat a'
    earn
    begin --junit report.xml
    untold
    end 0
    json 'd["counts"]["passed"] == 1 and d["counts"]["reused"] == 1'
    grep -q 'name="sluice.reused" value="1"' report.xml
    grep -q hello .sluice/runs/*/out.reused
}

@test "a tree that is another one after all is looked up anew" {
    echo hello >a
    unit 'cat a'
    earn
    echo other >a
    begin --junit report.xml
    untold
    end 0
    json 'd["counts"]["passed"] == 1 and d["counts"]["reused"] == 0'
    run grep -q 'sluice.reused' report.xml
    [ "$status" -eq 1 ]
    run grep -qs hello "$(find .sluice/runs -mindepth 1 -maxdepth 1 | sort | tail -n 1)"/out.*
    [ "$status" -ne 0 ]
    hits
}

# Reports are made while git still looks, where there is much to tell.
@test "a report of many units tells of the right tree alone, and each unit once" {
    echo hello >a
    seq -f 'cat a # %g' 300 >units
    jq -n '{version: 1, layers: {t: {uses: "command", with: {each: "units"}}}}' >sluice.yml
    expect_code 0 "$SLUICE" run
    begin --junit report.xml
    untold
    end 0
    json 'd["counts"]["passed"] == 300 and d["counts"]["reused"] == 300'
    [ "$(grep -c '<testcase ' report.xml)" -eq 300 ]
    [ "$(grep -c 'name="sluice.reused.run"' report.xml)" -eq 300 ]
    seq -f 'cat a #  %g' 250 >units
    begin --junit report.xml
    untold
    end 0
    json 'd["counts"]["passed"] == 250 and d["counts"]["reused"] == 0'
    [ "$(grep -c '<testcase ' report.xml)" -eq 250 ]
    [ "$(grep -c '#  ' report.xml)" -ge 250 ]
    run grep -q 'sluice.reused.run' report.xml
    [ "$status" -eq 1 ]
    "$SLUICE" report --junit again.xml >/dev/null 2>&1
    [ "$(grep -c '<testcase ' again.xml)" -eq 250 ]
}

@test "of two trees that both are known, the right one answers" {
    echo one >a
    unit 'cat a'
    earn
    echo two >a
    earn
    echo one >a
    begin
    end 0
    json 'd["counts"]["reused"] == 1'
    grep -q one "$(find .sluice/runs -mindepth 1 -maxdepth 1 | sort | tail -n 1)/out.reused"
    run grep -q two "$(find .sluice/runs -mindepth 1 -maxdepth 1 | sort | tail -n 1)/out.reused"
    [ "$status" -eq 1 ]
    [ "$(jq -r 'select(.type == "run_started") | .tree' "$(find .sluice/runs -mindepth 1 -maxdepth 1 | sort | tail -n 1)/events.ndjson")" = \
        "$(jq -r 'select(.type == "run_started") | .tree' "$(find .sluice/runs -mindepth 1 -maxdepth 1 | sort | head -n 1)/events.ndjson")" ]
}

@test "what is revoked while git looks at the tree does not answer" {
    echo hello >a
    unit 'cat a'
    earn
    begin
    "$SLUICE" cache revoke --host "$(hostname)" >/dev/null
    end 0
    json 'd["counts"]["reused"] == 0 and d["counts"]["passed"] == 1'
}

@test "an interrupt while git looks at the tree leaves nothing" {
    echo hello >a
    unit 'cat a'
    earn
    begin --junit report.xml
    kill -TERM "$pid" # a shell lets what it runs in the background ignore INT
    end 143
    untold
    hits
}
