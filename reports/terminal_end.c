/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a run: what failed once more, the gates, the counts, the last line. */
#include "base/clock.h"
#include "reports/terminal_impl.h"

#include <inttypes.h>
#include <string.h>

/* One failure at the end: its cases with 20 lines each, two tails of 20 and the lines around. */
#define FAILURE_LINES_MAX ((CASES_TOLD + 3) * 21)

static void put_flaky(struct str *out, const struct view *view)
{
    if (view->flaky_count == 0) {
        return;
    }
    (void)str_append(out, "\nflaky:\n");
    for (size_t i = 0; i < view->flaky.count; i++) {
        term_put_block(out, "  ", view->flaky.items[i], 1);
    }
    if (view->flaky_count > view->flaky.count) {
        (void)str_appendf(out, "  and %" PRIu64 " more\n", view->flaky_count - view->flaky.count);
    }
}

/* The failures of one kind, in layers that must pass or in those that need not. */
static size_t put_failures_of(struct str *out,
                              const struct view *view,
                              enum outcome_status status,
                              bool may_fail,
                              size_t room)
{
    size_t told = 0;
    for (size_t i = 0; i < view->failures.count && told < room; i++) {
        const struct view_failure *failure = &view->failures.items[i];
        if (failure->status == status && view_may_fail(view, failure->layer) == may_fail) {
            term_put_block(out, "  ", failure->text, FAILURE_LINES_MAX);
            told++;
        }
    }
    return told;
}

/* The nearest to a cause first: tests that say no, then what took too long, then what could not
 * say; layers that may fail after all others. */
static void put_failures(struct str *out, const struct view *view)
{
    static const enum outcome_status order[] = {OUTCOME_FAILED, OUTCOME_TIMED_OUT, OUTCOME_ERRORED};

    const size_t kinds = sizeof order / sizeof order[0];
    size_t told = 0;
    if (view->failure_count == 0) {
        return;
    }
    (void)str_append(out, "\nfailures:\n");
    for (size_t i = 0; i < 2 * kinds; i++) {
        told += put_failures_of(out, view, order[i % kinds], i >= kinds, RECAP_FAILURES_MAX - told);
    }
    if (view->failure_count > told) {
        (void)str_appendf(out,
                          "  and %" PRIu64 " more: `sluice report %s` shows all\n",
                          view->failure_count - told,
                          view->run_id != NULL ? view->run_id : "");
    }
}

static void put_slowest(struct str *out, const struct view *view)
{
    if (view->slowest.count == 0) {
        return;
    }
    (void)str_append(out, "\nslowest:\n");
    for (size_t i = 0; i < view->slowest.count; i++) {
        const struct view_slow *slow = &view->slowest.items[i];
        char time[DURATION_TEXT_MAX];
        (void)str_appendf(out, "%9s  ", duration_format(slow->wall_ns / 1000000, time));
        term_put_text(out, slow->layer);
        (void)str_append_char(out, ' ');
        term_put_text(out, slow->unit);
        (void)str_append_char(out, '\n');
    }
}

static void put_totals(struct str *out,
                       const struct event *event,
                       const struct view *view,
                       const struct tally *tally)
{
    int64_t wall_ms = event->u.run_finished.wall_ns / 1000000;
    int64_t cpu_ms = event->u.run_finished.cpu_us / 1000;
    (void)str_append_char(out, '\n');
    term_put_tally(out, tally);
    if (tally->cases > tally->units) {
        (void)str_append(out, "; ");
        term_put_count(out, tally->cases, "case");
        (void)str_appendf(out,
                          ": %" PRIu64 " passed, %" PRIu64 " failed, %" PRIu64 " errored, %" PRIu64
                          " skipped",
                          tally->cases_passed,
                          tally->cases_failed,
                          tally->cases_errored,
                          tally->cases_skipped);
    }
    if (view->origins.reused > 0) {
        (void)str_append_char(out, '\n');
        origins_render(&view->origins, tally->units, out);
    }
    (void)str_append(out, "\nwall ");
    term_put_duration(out, wall_ms);
    (void)str_append(out, ", cpu ");
    term_put_duration(out, cpu_ms);
    if (wall_ms > 0) {
        (void)str_appendf(out, " (%.1fx)", (double)cpu_ms / (double)wall_ms);
    }
    (void)str_append_char(out, '\n');
}

static const char *exit_word(enum exit_code code)
{
    switch (code) {
    case EXIT_OPEN:
        return "open";
    case EXIT_SHUT:
        return "shut";
    case EXIT_NOTHING_SELECTED:
        return "nothing selected";
    case EXIT_RERUNS_OUTSTANDING:
        return "re-runs outstanding";
    case EXIT_DEADLINE:
        return "out of time";
    case EXIT_INTERRUPTED:
        return "interrupted";
    case EXIT_USAGE:
    case EXIT_INFRASTRUCTURE:
        return "error";
    }
    return "error";
}

/* "open: 431 units passed in 12.3s", "shut: 2 of 431 units failed in 12.3s: reason" */
static void put_final_line(struct str *out,
                           const struct event *event,
                           const struct tally *tally,
                           bool color)
{
    enum exit_code code = event->u.run_finished.exit_code;
    uint64_t bad = tally->failed + tally->errored + tally->timed_out;
    term_put_colored(
        out, color, code == EXIT_OPEN ? TERM_GREEN TERM_BOLD : TERM_RED TERM_BOLD, exit_word(code));
    (void)str_append(out, ": ");
    if (bad > 0) {
        (void)str_appendf(out, "%" PRIu64 " of ", bad);
        term_put_count(out, tally->units, "unit");
        (void)str_append(out, " failed");
    } else {
        term_put_count(out, tally->passed, "unit");
        (void)str_append(out, " passed");
    }
    if (bad == 0 && tally->skipped > 0) {
        (void)str_appendf(out, ", %" PRIu64 " skipped", tally->skipped);
    }
    if (tally->not_run > 0) {
        (void)str_appendf(out, ", %" PRIu64 " not run", tally->not_run);
    }
    if (tally->reused > 0 && tally->reused == tally->units) {
        (void)str_append(out, ", all reused,");
    } else if (tally->reused > 0) {
        (void)str_appendf(out, ", %" PRIu64 " reused,", tally->reused);
    }
    (void)str_append(out, " in ");
    term_put_duration(out, event->u.run_finished.wall_ns / 1000000);
    if (code != EXIT_OPEN && event->u.run_finished.reason != NULL) {
        (void)str_append(out, ": ");
        term_put_text(out, event->u.run_finished.reason);
    }
    (void)str_append_char(out, '\n');
}

void term_run_finished(const struct view *view,
                       const struct event *event,
                       const struct render_options *options,
                       struct str *out)
{
    const struct tally *tally =
        event->u.run_finished.tally != NULL ? event->u.run_finished.tally : &view->tally;
    put_failures(out, view);
    if (view->gates.len > 0) {
        (void)str_append(out, "\ngates:\n");
        term_put_block(out, "  ", str_text(&view->gates), 1000);
    }
    if (options->verbosity != VERBOSITY_QUIET) {
        put_flaky(out, view);
    }
    put_slowest(out, view);
    if (options->verbosity != VERBOSITY_QUIET) {
        put_totals(out, event, view, tally);
    }
    put_final_line(out, event, tally, options->color);
}
