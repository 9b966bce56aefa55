# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Steps of a long job: each is named, timed, logged and counted. A step that fails does not stop the
# job; the closing line and the exit code tell. Sourced by tools/dev.

say() {
    printf '==> %s\n' "$*" >&2
}

die() {
    printf 'tools/dev: %s\n' "$*" >&2
    exit 1
}

# step_begin: forgets earlier counts.
step_begin() {
    steps_passed=0
    steps_failed=0
    steps_skipped=0
    failed_names=()
    flaky_names=()
    mkdir -p build/logs
    rm -f build/logs/*.failures
}

# step_count PASSED FAILED SKIPPED NAME
step_count() {
    steps_passed=$((steps_passed + $1))
    steps_failed=$((steps_failed + $2))
    steps_skipped=$((steps_skipped + $3))
    [ "$2" = 0 ] || failed_names+=("$4")
}

# step NAME COMMAND...: runs it with its output in build/logs/NAME.log; counts 1 passed or failed.
step() {
    local name=$1
    shift
    if step_run "$name" "$@"; then
        step_count 1 0 0 "$name"
    else
        step_count 0 1 0 "$name"
        return 1
    fi
}

# step_run NAME COMMAND...: as step, without counting. Shows the end of the log on failure.
step_run() {
    local name=$1 log=build/logs/$1.log began=$SECONDS status=0
    shift
    "$@" >"$log" 2>&1 </dev/null || status=$?
    if [ "$status" = 0 ]; then
        say "$name: ok ($((SECONDS - began)) s)"
    else
        say "$name: FAILED with status $status ($((SECONDS - began)) s); the end of $log:"
        tail -n "${STEP_TAIL:-60}" "$log" >&2
    fi
    return "$status"
}

# Of a step's tests as many may fail and be tried again, alone: more is not chance.
step_retry_most=3

# step_ctest NAME BUILD_FOLDER CTEST_ARG...: runs tests and counts their cases. A few that failed are run a second time,
# one after the other on what is then an idle machine; those that pass are flaky: counted as passed, and told with what
# they said when they failed (docs/decisions/0024).
step_ctest() {
    local name=$1 folder=$2 status=0 counts passed failed skipped names
    shift 2
    rm -f "$folder/Testing/Temporary/"LastTest*.log
    step_run "$name" ctest --test-dir "$folder" --output-on-failure --no-tests=error "$@" || status=$?
    counts=$(awk -f tools/lib/count-cases.awk "build/logs/$name.log" "$folder/Testing/Temporary/LastTest.log") ||
        counts="0 0 0"
    read -r passed failed skipped <<<"$counts"
    if [ "$status" != 0 ] && [ "$failed" = 0 ]; then
        failed=1
    fi
    if [ "$status" != 0 ]; then
        awk -f tools/lib/failures.awk "$folder/Testing/Temporary/LastTest.log" >"build/logs/$name.failures" || true
        names=$(cut -d: -f2- "$folder/Testing/Temporary/LastTestsFailed.log" 2>/dev/null | paste -sd' ') || names=
        if step_again "$name" "$folder"; then
            flaky_names+=("$name $names")
            passed=$((passed + failed))
            failed=0 status=0
        fi
    fi
    step_count "$passed" "$failed" "$skipped" "$name"
    say "$name: $passed passed, $failed failed, $skipped skipped"
    return "$status"
}

# step_again NAME BUILD_FOLDER: runs what failed a second time, when it is not more than chance explains: few tests, and
# no finding of a sanitizer.
step_again() {
    local name=$1 folder=$2 failed
    failed=$(grep -c . "$folder/Testing/Temporary/LastTestsFailed.log" 2>/dev/null) || failed=0
    [ "$failed" -gt 0 ] && [ "$failed" -le "$step_retry_most" ] || return 1
    ! grep -qE 'ERROR: [A-Za-z]+Sanitizer|WARNING: ThreadSanitizer|runtime error:' "build/logs/$name.log" || return 1
    step_run "$name.again" ctest --test-dir "$folder" --output-on-failure --no-tests=error --rerun-failed || {
        awk -f tools/lib/failures.awk "$folder/Testing/Temporary/LastTest.log" >"build/logs/$name.again.failures" || true
        return 1
    }
}

# step_aborted: for an EXIT trap. When the job ends before its summary, that is a failure too.
step_aborted() {
    [ -z "${steps_summed:-}" ] || return 0
    say "ended before all steps had run"
    step_count 0 1 0 "the job itself"
    step_summary
    exit 1
}

# step_told NAME: what its tests said when they failed, the first time, and the second if that was something else.
step_told() {
    local first=build/logs/$1.failures again=build/logs/$1.again.failures
    [ ! -s "$first" ] || head -n "${STEP_TAIL:-60}" "$first" >&2
    [ ! -s "$again" ] || cmp -s "$first" "$again" || head -n "${STEP_TAIL:-60}" "$again" >&2
}

# step_summary: names what was flaky and what failed, each with what it said, then the closing line. Its status is the job's.
step_summary() {
    local name
    steps_summed=1
    for name in ${flaky_names[@]+"${flaky_names[@]}"}; do
        say "flaky: ${name#* } of ${name%% *} failed, and passed when run again alone"
        step_told "${name%% *}"
    done
    for name in ${failed_names[@]+"${failed_names[@]}"}; do
        say "failed: $name (build/logs/$name.log)"
        step_told "$name"
    done
    if [ "$((steps_passed + steps_failed))" = 0 ]; then
        say "nothing ran"
        return 1
    fi
    printf '%d passed, %d failed' "$steps_passed" "$steps_failed"
    [ "$steps_skipped" = 0 ] || printf ', %d skipped' "$steps_skipped"
    printf '\n'
    [ "$steps_failed" = 0 ]
}
