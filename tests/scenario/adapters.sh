# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What adapters_*.test share. Sourced; see lib.sh. `uses: unit` with the test tools of other worlds, each on
# a small project: the counts are the tool's own; a second run is reused as a whole, an edit of one test file
# runs its unit alone; a test that fails, a program that dies, a file that cannot be read and a project without
# tests are told for what they are. ADAPTERS="pytest go" runs only those.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

observed=yes
grep -q "^yes *system call listener" <<<"$("$SLUICE" doctor 2>/dev/null || true)" || observed=no

# project NAME SETTINGS [LAYER...]: an empty project, the working folder from now on.
project() {
    echo "# $1"
    mkdir -p "$work/$1"
    cd "$work/$1"
    {
        echo "version: 1"
        echo "name: $1"
        echo "layers:"
        echo "  t:"
        echo "    uses: unit"
        echo "    with: {$2}"
        printf '    %s\n' "${@:3}"
    } >sluice.yml
}

# run_counts STATUS PASSED FAILED ERRORED SKIPPED: runs, and compares the cases of the layer.
run_counts() {
    run_sluice "$1" run --junit report.xml
    equal "passed, failed, errored, skipped" \
        "$(count "$(cases report.xml t -)") $(count "$(cases report.xml t failure)") $(
            count "$(cases report.xml t error)"
        ) $(count "$(cases report.xml t skipped)")" "$2 $3 $4 $5"
    rm -f report.xml
}

# started: the units that ran.
started() {
    run_sluice 0 run --events "$work/events.ndjson" >&2
    sed -n 's/.*"type":"unit_started".*"unit":"\([^"]*\)".*/\1/p' "$work/events.ndjson" | LC_ALL=C sort
}

# reused_then FILE TEXT UNITS [MAYBE]: nothing runs again; with TEXT at the end of FILE, UNITS alone. MAYBE is
# a unit of which the tool, not the edit, decides whether it could notice.
reused_then() {
    [ "$observed" = yes ] || return 0
    equal "nothing changed, nothing ran" "$(started)" ""
    echo "$2" >>"$1"
    equal "what runs after an edit of $1" "$(started | grep -vxF -- "${4:-}")" "$3"
}

# refused WORDS: the layer is an error that says so, and never a pass.
refused() {
    run_sluice 3 run
    grep -qF -- "$1" "$work/run.out" "$work/run.err" 2>/dev/null ||
        fail "not told: $1: $(cat "$work/run.out" "$work/run.err")"
    echo "ok: told: $1"
}

needs() {
    command -v "$1" >/dev/null || {
        [ "${CI:-}" != true ] || fail "$1 is missing (CI must have it)"
        echo "not tested: $1 is not installed"
        return 1
    }
}

# built COMMAND OUTPUTS: a layer that builds before the tests.
built() {
    sed -i "s|^layers:|layers:\n  build:\n    uses: command\n    with: {run: '$1'}\n    outputs: ['$2']|; s|^  t:|  t:\n    needs: [build]|" sluice.yml
}

# try TOOL...: each with its function try_TOOL, those that ADAPTERS names if it is set.
try() {
    local tool
    for tool; do
        case " ${ADAPTERS:-$tool} " in *" $tool "*) "try_$tool" ;; esac
    done
}
