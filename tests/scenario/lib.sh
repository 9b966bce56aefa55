# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What scenarios share. Sourced; needs SLUICE (the program). Sets: repo, work (an empty folder, removed
# at the end unless the scenario failed).
set -euo pipefail

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
: "${SLUICE:?set SLUICE to the sluice program}"
SLUICE=$(realpath -e "$SLUICE") # scenarios work elsewhere
work=$(mktemp -d "${TMPDIR:-/tmp}/sluice-scenario.XXXXXX")
export SLUICE_CACHE=$work/cache # each scenario earns its own evidence
unset GITHUB_ACTIONS GITHUB_STEP_SUMMARY
trap 'finish $?' EXIT

finish() {
    if [ "$1" = 0 ] || [ "$1" = 77 ]; then
        rm -rf "$work"
    else
        echo "left for you to look at: $work" >&2
    fi
}

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

# Not possible here. CI must have what scenarios need, so there it is a failure.
skip() {
    [ "${CI:-}" != true ] || fail "$* (CI must have it)"
    echo "skipped: $*"
    exit 77
}

# equal WHAT ACTUAL EXPECTED
equal() {
    if [ "$2" != "$3" ]; then
        printf 'FAILED: %s\n--- got:\n%s\n--- expected:\n%s\n' "$1" "$2" "$3" >&2
        exit 1
    fi
    echo "ok: $1: $(head -n 3 <<<"$2" | paste -sd' ' | cut -c -80)"
}

# debian_source PACKAGE: copies the package's source to $work/PACKAGE.
debian_source() {
    local cache=${SLUICE_SOURCES:-$repo/build/sources} source
    mkdir -p "$cache"
    # Scenarios run side by side; apt's lists are fetched once.
    source=$(flock "$cache/.lock" "$repo/tools/apt-source" "$1" "$cache" 2>"$work/apt.log") || {
        tail -n 5 "$work/apt.log" >&2
        skip "cannot fetch the Debian source of $1"
    }
    cp -r "$source" "$work/$1"
}

# run_sluice EXPECTED_STATUS ARG...: output in $work/run.out and run.err.
run_sluice() {
    local expected=$1 status=0
    shift
    "$SLUICE" "$@" >"$work/run.out" 2>"$work/run.err" </dev/null || status=$?
    if [ "$status" != "$expected" ]; then
        cat "$work/run.out" "$work/run.err" >&2
        fail "exit code $status, expected $expected: sluice $*"
    fi
    echo "ok: sluice $1 exited with $status"
}

# cases FILE LAYER [CHILD]: names of the test cases of a layer in a JUnit file, sorted; only those with
# a child element (failure, error, skipped), or with `-` only those with none.
cases() {
    local filter="(@classname='$2' or starts-with(@classname,'$2.'))"
    case ${3:-} in
    "") ;;
    -) filter+=" and not(failure) and not(error) and not(skipped)" ;;
    *) filter+=" and $3" ;;
    esac
    { xmllint --xpath "//testcase[$filter]/@name" "$1" 2>/dev/null || true; } |
        sed -n 's/^ *name="\(.*\)"$/\1/p' | LC_ALL=C sort
}

count() {
    if [ -z "$1" ]; then echo 0; else wc -l <<<"$1"; fi
}
