/* SPDX-License-Identifier: Apache-2.0 */
#include "exec/classify.h"

#include "base/clock.h"

#include <signal.h>
#include <string.h>

/* Exit codes by which shells say that there was nothing to run (POSIX XCU 2.8.2). */
#define EXIT_CANNOT_EXECUTE 126
#define EXIT_NOT_FOUND      127

static void set(struct outcome *outcome, enum outcome_status status, const char *message)
{
    outcome->status = status;
    outcome->message = message;
}

static const char *signal_words(struct arena *arena, const struct outcome *outcome)
{
    const char *name = sigabbrev_np(outcome->signal);
    const char *words = sigdescr_np(outcome->signal);
    return arena_printf(
        arena,
        "ended by SIG%s (%s)%s",
        name != NULL ? name : "?",
        words != NULL ? words : "unknown signal",
        (outcome->flags & FLAG_OOM) != 0
            ? ": the kernel ran out of memory; give it more, or run fewer at once (-j)"
            : "");
}

/* The worst case, by order of outcome_status_worse(); all skipped = skipped. */
static enum outcome_status worst_case(const struct case_list *cases, size_t *ret_bad)
{
    enum outcome_status worst = OUTCOME_SKIPPED;
    size_t bad = 0;
    for (size_t i = 0; i < cases->count; i++) {
        enum outcome_status status = cases->items[i].status;
        worst = outcome_status_worse(worst, status);
        bad += status != OUTCOME_PASSED && status != OUTCOME_SKIPPED;
    }
    *ret_bad = bad;
    return worst;
}

static void classify_cases(const struct ending *ending,
                           struct arena *arena,
                           struct outcome *outcome)
{
    size_t bad = 0;
    enum outcome_status worst = worst_case(&outcome->cases, &bad);
    if (outcome->cases.count == 0) {
        set(outcome,
            OUTCOME_ERRORED,
            arena_printf(
                arena, "its %s report has no test case", report_format_name(ending->report)));
    } else if (bad > 0) {
        set(outcome,
            worst,
            arena_printf(arena, "%zu of %zu cases failed", bad, outcome->cases.count));
    } else if (outcome->exit_code != 0) {
        set(outcome,
            OUTCOME_ERRORED,
            arena_printf(
                arena, "exit code %d, but its report shows no failure", outcome->exit_code));
    } else {
        set(outcome, worst, NULL);
    }
}

static void classify_exit(struct arena *arena, struct outcome *outcome)
{
    int code = outcome->exit_code;
    if (code == 0) {
        set(outcome, OUTCOME_PASSED, NULL);
    } else if (code == EXIT_NOT_FOUND) {
        set(outcome, OUTCOME_ERRORED, "exit code 127: the shell did not find a command");
    } else if (code == EXIT_CANNOT_EXECUTE) {
        set(outcome, OUTCOME_ERRORED, "exit code 126: the shell could not execute a command");
    } else {
        set(outcome, OUTCOME_FAILED, arena_printf(arena, "exit code %d", code));
    }
}

static const char *timeout_words(const struct ending *ending,
                                 const struct outcome *outcome,
                                 struct arena *arena)
{
    char text[DURATION_TEXT_MAX];
    return arena_printf(arena,
                        "not done after %s (timeout); %s",
                        duration_format(ending->timeout_ms, text),
                        (outcome->flags & FLAG_KILLED) != 0
                            ? "it did not end on SIGTERM and was killed"
                            : "ended by SIGTERM");
}

/* A world that ran full is no fault of what ran in it. */
static void blame_scratch(struct arena *arena, struct outcome *outcome)
{
    set(outcome,
        OUTCOME_ERRORED,
        arena_printf(arena,
                     "its scratch space was full: %s",
                     outcome->message != NULL ? outcome->message : "it failed"));
}

void outcome_classify(const struct ending *ending, struct arena *arena, struct outcome *outcome)
{
    if (ending->cancelled) {
        set(outcome, OUTCOME_ERRORED, "stopped by sluice before it ended");
    } else if (ending->flooded) {
        set(outcome, OUTCOME_ERRORED, "it printed more than may be read of it, and was ended");
    } else if (ending->timed_out) {
        set(outcome, OUTCOME_TIMED_OUT, timeout_words(ending, outcome, arena));
    } else if (ending->start_error != NULL) {
        set(outcome, OUTCOME_ERRORED, ending->start_error);
    } else if (outcome->signal != 0) {
        set(outcome, OUTCOME_ERRORED, signal_words(arena, outcome));
    } else if (ending->report != REPORT_NONE && ending->report_error != NULL) {
        set(outcome,
            OUTCOME_ERRORED,
            arena_printf(arena, "%s (exit code %d)", ending->report_error, outcome->exit_code));
    } else if (ending->report != REPORT_NONE) {
        classify_cases(ending, arena, outcome);
    } else {
        classify_exit(arena, outcome);
    }
    if (outcome->status == OUTCOME_FAILED && (outcome->flags & FLAG_SCRATCH_FULL) != 0) {
        blame_scratch(arena, outcome);
    }
    if (outcome->status == OUTCOME_PASSED && ending->collect_error != NULL) {
        set(outcome, OUTCOME_ERRORED, ending->collect_error);
    }
    if (outcome->message == NULL && outcome->status != OUTCOME_PASSED
        && outcome->status != OUTCOME_SKIPPED) {
        outcome->message = "failed";
    }
}
