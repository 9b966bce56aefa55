#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Engine C beside StrykerJS on a JavaScript package with its own tests: the same file, the same classes of mutants as near as
# the two come, whole runs with all that they start. What counts is mutants per CPU second; mutants that were tried only.
# usage: bench/mutation_javascript.sh [BUILD_FOLDER]
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/lib.sh"

stryker_version=9.6.1 # the last that runs with node 20
package=process-warning@5.0.0

missing() {
    if [ "${CI:-}" = true ]; then
        echo "bench: $1" >&2
        exit 1
    fi
    echo "bench: left out: $1" >&2
    exit 0
}

command -v npm >/dev/null || missing "npm is missing"
mkdir "$work/npm" "$work/package"
(cd "$work/npm" && echo '{"private": true}' >package.json &&
    npm install --no-audit --no-fund --silent --ignore-scripts "@stryker-mutator/core@$stryker_version" >&2) ||
    missing "StrykerJS $stryker_version cannot be installed: is the package registry reachable?"
(cd "$work/package" && tar xzf "$(npm pack --silent "$package")" --strip-components=1) || missing "$package cannot be fetched"
cd "$work/package"
rm -f ./*.tgz test/jest.test.js # which needs Jest

# Tried, and of these killed, survived, timed out, in a report of the mutation testing schema.
counts() {
    python3 - "$1" <<'PY'
import collections
import json
import sys

files = json.load(open(sys.argv[1]))["files"].values()
found = collections.Counter(mutant["status"] for file in files for mutant in file["mutants"])
print(sum(found[word] for word in ("Killed", "Survived", "Timeout")), found["Killed"], found["Survived"], found["Timeout"])
PY
}

# layer TEST...: sluice.yml with these tests.
layer() {
    cat >sluice.yml <<YML
version: 1
name: bench
layers:
  mutation:
    uses: mutation
    with:
      files: [index.js]
      check: node --check {file}
      operators:
        only: [relational-boundary, relational-negate, logical, arithmetic, compound-assignment, increment, negate-condition,
          not-removal, boolean-literal]
      tests:
YML
    printf '        - {run: %s}\n' "$@" >>sluice.yml
}

# ours NAME: a run of the layer.
ours() {
    "$work/measure" "$work/$1.cost" "$sluice" run --no-reuse >"$work/$1.log" 2>&1 </dev/null
    [ "$(cut -d' ' -f1 "$work/$1.cost")" -le 1 ] || {
        tail -n 20 "$work/$1.log" >&2
        exit 1
    }
    counts .sluice-mutation/report/mutation.json >"$work/$1.counts"
    rm -rf .sluice .sluice-mutation
}

layer "node --test test/"
ours same
# The same tests, told one by one: the one that killed most goes first, and the others need not run.
files=()
for file in test/*.test.js; do
    files+=("node $file")
done
layer "${files[@]}"
ours files
rm sluice.yml

cat >stryker.json <<'JSON'
{
  "testRunner": "command",
  "commandRunner": {"command": "node --test test/"},
  "mutate": ["index.js"],
  "mutator": {"excludedMutations": ["ArrayDeclaration", "ArrowFunction", "BlockStatement", "MethodExpression", "ObjectLiteral",
    "OptionalChaining", "Regex", "StringLiteral"]},
  "reporters": ["json"],
  "concurrency": 1
}
JSON
"$work/measure" "$work/stryker.cost" "$work/npm/node_modules/.bin/stryker" run stryker.json >"$work/stryker.log" 2>&1 </dev/null
counts reports/mutation/mutation.json >"$work/stryker.counts" || {
    tail -n 20 "$work/stryker.log" >&2
    exit 1
}
"$work/measure" "$work/bare.cost" node --test test/ >/dev/null 2>&1 </dev/null

printf '\n%-34s %6s %6s %6s %6s %8s %10s %10s\n' "$package, index.js" tried killed alive time "CPU s" "per CPU s" "bare runs"
bare=$(cut -d' ' -f3 "$work/bare.cost")
for name in stryker same files; do
    read -r tried killed survived timeout <"$work/$name.counts"
    spent=$(cut -d' ' -f3 "$work/$name.cost")
    case $name in
    stryker) word="StrykerJS $stryker_version, one command" ;;
    same) word="engine C, the same command" ;;
    files) word="engine C, a test a file" ;;
    esac
    printf '%-34s %6s %6s %6s %6s %8.1f %10.2f %10.1f\n' "$word" "$tried" "$killed" "$survived" "$timeout" \
        "$(ratio "$spent" 1000)" "$(ratio "$((tried * 1000))" "$spent")" "$(ratio "$spent" "$bare")"
    printf '%s\n' "$(ratio "$((tried * 1000))" "$spent")" >"$work/$name.speed"
done
printf '%-52s %10.2f times StrykerJS\n' "engine C, the same command" "$(ratio "$(cat "$work/same.speed")" "$(cat "$work/stryker.speed")")"
printf '%-52s %10.2f times StrykerJS\n' "engine C, a test a file" "$(ratio "$(cat "$work/files.speed")" "$(cat "$work/stryker.speed")")"
