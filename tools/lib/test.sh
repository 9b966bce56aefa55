# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What `tools/dev test` runs, in order: the cheap and telling things first. Sourced by tools/dev.

# Tests at once: one more than processors, as a fifth of their time is waiting (for clocks, disks, terminals).
tests_at_once=$(($(nproc) + 1))

# Seconds per fuzz target in CI; `tools/dev fuzz` gives 600.
ci_fuzz_seconds=20

# A sanitizer finding ends the test that made it.
export ASAN_OPTIONS=${ASAN_OPTIONS:-abort_on_error=0:detect_stack_use_after_return=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
export TSAN_OPTIONS=${TSAN_OPTIONS:-halt_on_error=1}

test_everything() {
    step_begin
    trap step_aborted EXIT
    test_gcc
    test_release
    test_self
    test_sanitizer asan
    test_threads
    test_fuzz
    step_summary
}

# gcc, debug, every test there is: unit, command line, lints, scenarios.
test_gcc() {
    step build.dev build dev || return 0
    step_ctest test.dev build/dev -j"$tests_at_once" -LE scenario || true
}

# What users get: the scenarios and the command line run with it.
test_release() {
    step build.release build release || return 0
    step_ctest test.scenario build/release -j"$tests_at_once" -L scenario || true
}

# sluice's own pipeline, run by sluice; gcc's variant would only repeat test.dev.
test_self() {
    [ -x build/release/bin/sluice ] || return 0
    step self.ci build/release/bin/sluice run --pipeline pipelines/ci.yml --junit build/reports/ci/ \
        'build[clang]' 'unit[clang]' rules includes || true
}

# The sanitizer builds are clang's: the second compiler's warnings are errors there.
test_sanitizer() {
    step "build.$1" build "$1" || return 0
    step_ctest "test.$1" "build/$1" -j"$tests_at_once" -LE 'scenario|lint' || true
}

# ThreadSanitizer over the modules that start threads, or make libuv start its pool (file system, name and random
# requests); when none does, there is nothing to race.
test_threads() {
    local modules
    modules=$({ grep -rlE 'pthread_create|thrd_create|uv_thread_create|uv_(queue_work|fs_|getaddrinfo|getnameinfo|random)' runner reports plugins || true; } |
        sed -nE 's,^runner/([a-z_]+)/.*,unit.\1,p; s,^reports/.*,unit.reports,p; s,^plugins/([a-z_]+)/.*,unit.plugin_\1,p' |
        sort -u | paste -sd'|')
    if [ -z "$modules" ]; then
        say "tsan: no module starts a thread, nothing to check"
        return 0
    fi
    step build.tsan build tsan || return 0
    step_ctest test.tsan build/tsan -j"$tests_at_once" -R "^($modules)\$" || true
}

test_fuzz() {
    step build.fuzz build fuzz || return 0
    fuzz_targets "$ci_fuzz_seconds"
}

# fuzz_targets SECONDS [NAME]: two targets at a time, each with its seeds and a corpus kept in build/.
fuzz_targets() {
    local seconds=$1 only=${2:-} target names=() running=0
    for target in build/fuzz/bin/fuzz_*; do
        [ -x "$target" ] || continue
        target=$(basename "$target")
        [ -z "$only" ] || [ "$only" = "$target" ] || [ "fuzz_$only" = "$target" ] || continue
        names+=("$target")
    done
    if [ "${#names[@]}" = 0 ]; then
        say "fuzz: no target ${only:+named $only }in build/fuzz/bin"
        step_count 0 1 0 fuzz
        return 0
    fi
    for target in "${names[@]}"; do
        if [ "$running" = 2 ]; then
            wait -n || true
            running=1
        fi
        fuzz_one "$target" "$seconds" &
        running=$((running + 1))
    done
    wait
    for target in "${names[@]}"; do
        if [ "$(cat "build/fuzz/$target.status")" = 0 ]; then
            step_count 1 0 0 "$target"
        else
            step_count 0 1 0 "$target"
        fi
    done
}

fuzz_one() {
    local target=$1 seconds=$2 seeds=tests/fuzz/corpus/${1#fuzz_} status=0
    mkdir -p "build/fuzz/corpus/$target" "build/fuzz/findings"
    echo 1 >"build/fuzz/$target.status"
    [ -d "$seeds" ] || seeds=
    step_run "$target" "build/fuzz/bin/$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 \
        -print_final_stats=1 -artifact_prefix="build/fuzz/findings/$target-" "build/fuzz/corpus/$target" \
        ${seeds:+"$seeds"} || status=$?
    echo "$status" >"build/fuzz/$target.status"
}
