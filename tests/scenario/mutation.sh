# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What mutation_*.test share. Sourced; see lib.sh.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

export observed=yes
grep -q "^yes *system call listener" <<<"$("$SLUICE" doctor 2>/dev/null || true)" || observed=no

# layer NAME GATE SETTING...: an empty project, the working folder from now on, with one layer.
layer() {
    mkdir -p "$work/$1"
    cd "$work/$1"
    pipeline "$2" "${@:3}"
}

# pipeline GATE SETTING...: writes sluice.yml anew.
pipeline() {
    {
        echo "version: 1"
        echo "name: example"
        echo "layers:"
        echo "  mutation:"
        echo "    uses: mutation"
        echo "    with:"
        printf '      %s\n' "${@:2}"
        echo "    gate: $1"
    } >sluice.yml
}

# verdicts: each mutant of the last report, in the order of the source: LINE OPERATOR REPLACEMENT STATUS.
verdicts() {
    python3 - .sluice-mutation/report/mutation.json <<'PY'
import json
import sys

for name, file in json.load(open(sys.argv[1]))["files"].items():
    for mutant in file["mutants"]:
        print(mutant["location"]["start"]["line"], mutant["mutatorName"], mutant["replacement"].strip(), mutant["status"])
PY
}

# metric NAME: of the last run, as run --json told it; empty when it was not given.
metric() {
    python3 - "$1" "$work/events.ndjson" <<'PY'
import json
import sys

for line in open(sys.argv[2]):
    event = json.loads(line)
    if event["type"] == "layer_judged":
        value = event.get("metrics", {}).get(sys.argv[1])
        print("" if value is None else format(value, "g"))
PY
}

# try STATUS [ARG...]: a run with its events.
try() {
    run_sluice "$1" run --events "$work/events.ndjson" "${@:2}"
}

# started: the units that ran in the last run.
started() {
    sed -n 's/.*"type":"unit_started".*"unit":"\([^"]*\)".*/\1/p' "$work/events.ndjson" | LC_ALL=C sort | paste -sd' '
}

# said TEXT: the last run said so.
said() {
    grep -qF -- "$1" "$work/run.out" "$work/run.err" || {
        cat "$work/run.out" "$work/run.err" >&2
        fail "the run did not say: $1"
    }
    echo "ok: it says: $1"
}

# valid: the report is of the schema, where that is at hand; the HTML needs no network.
valid() {
    local schema=${SLUICE_SHARED:-$repo/../shared}/corpora/schemas/mut.json
    if [ -e "$schema" ] && python3 -c 'import jsonschema' 2>/dev/null; then
        python3 -c 'import json, jsonschema, sys; jsonschema.validate(json.load(open(sys.argv[1])), json.load(open(sys.argv[2])))' \
            .sluice-mutation/report/mutation.json "$schema" || fail "the report is not of its schema"
        echo "ok: the report is valid"
    else
        echo "not compared with the schema: ../shared or python3-jsonschema is missing"
    fi
    grep -q '</mutation-test-report-app>' .sluice-mutation/report/mutation.html || fail "there is no HTML report"
    ! grep -Eq '<(script|link)[^>]*(src|href)=' .sluice-mutation/report/mutation.html || fail "the HTML report loads something"
}
