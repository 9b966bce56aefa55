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
    mkdir -p build/logs
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

# step_ctest NAME BUILD_FOLDER CTEST_ARG...: runs tests and counts their cases.
step_ctest() {
    local name=$1 folder=$2 status=0 counts passed failed skipped
    shift 2
    rm -f "$folder/Testing/Temporary/LastTest.log"
    step_run "$name" ctest --test-dir "$folder" --output-on-failure --no-tests=error "$@" || status=$?
    counts=$(awk -f tools/lib/count-cases.awk "build/logs/$name.log" "$folder/Testing/Temporary/LastTest.log") ||
        counts="0 0 0"
    read -r passed failed skipped <<<"$counts"
    if [ "$status" != 0 ] && [ "$failed" = 0 ]; then
        failed=1
    fi
    step_count "$passed" "$failed" "$skipped" "$name"
    say "$name: $passed passed, $failed failed, $skipped skipped"
    return "$status"
}

# step_aborted: for an EXIT trap. When the job ends before its summary, that is a failure too.
step_aborted() {
    [ -z "${steps_summed:-}" ] || return 0
    say "ended before all steps had run"
    step_count 0 1 0 "the job itself"
    step_summary
    exit 1
}

# step_summary: names what failed, then the closing line. Its status is the job's.
step_summary() {
    local name
    steps_summed=1
    for name in ${failed_names[@]+"${failed_names[@]}"}; do
        say "failed: $name (build/logs/$name.log)"
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
