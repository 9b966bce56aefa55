/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of a unit that ended: failures with their cases and the tail of what was printed. */
#include "base/cleanup.h"
#include "reports/capture_text.h"
#include "reports/junit_body.h"
#include "reports/terminal_impl.h"

#include <string.h>

/* Last lines of a failed unit's output that are shown, and of each failed case's text. */
#define TAIL_LINES 20
#define TAIL_BYTES (16u << 10)

/* Failures shown with their output at once; the ones after it in a line each: a tree that does not
 * compile should not print 10,000 tails. */
#define TAILS_MAX 200

/* ---- failures ---- */

static const char *status_word(enum outcome_status status)
{
    static const char *const words[OUTCOME_STATUS_COUNT] = {
        [OUTCOME_PASSED] = "PASSED",
        [OUTCOME_FAILED] = "FAILED",
        [OUTCOME_ERRORED] = "ERROR",
        [OUTCOME_TIMED_OUT] = "TIMEOUT",
        [OUTCOME_SKIPPED] = "SKIPPED",
    };
    return words[status];
}

static void put_place(struct str *out, const char *file, uint32_t line)
{
    if (file == NULL) {
        return;
    }
    term_put_text(out, file);
    if (line > 0) {
        (void)str_appendf(out, ":%u", (unsigned)line);
    }
    (void)str_append(out, ": ");
}

static bool is_bad_case(const struct test_case *c)
{
    return c->status == OUTCOME_FAILED || c->status == OUTCOME_ERRORED;
}

static size_t count_bad_cases(const struct outcome *outcome)
{
    size_t count = 0;
    for (size_t i = 0; i < outcome->cases.count; i++) {
        count += is_bad_case(&outcome->cases.items[i]) ? 1 : 0;
    }
    return count;
}

/* ": why" behind a unit's head. */
static void put_reason(struct str *out, const struct outcome *outcome, size_t bad_cases)
{
    if (outcome->message != NULL) {
        (void)str_append(out, ": ");
        term_put_text(out, outcome->message);
    } else if (bad_cases > 0) {
        (void)str_appendf(out, ": %zu of %zu cases", bad_cases, outcome->cases.count);
    } else if (outcome->signal != 0) {
        (void)str_appendf(out, ": signal %d", outcome->signal);
    } else if (outcome->exit_code > 0) {
        (void)str_appendf(out, ": exit code %d", outcome->exit_code);
    }
}

/* Where a reused outcome comes from, behind `lead`. */
static void put_reused(struct str *out, const char *lead, const struct event *event)
{
    const struct reused *reused = event->u.unit_finished.outcome->reused;
    CLEANUP(str_fini) struct str words = STR_INIT(1u << 16);
    if (reused != NULL) {
        reused_words(reused, event->time_ms, &words);
        (void)str_append(out, lead);
        term_put_text(out, str_text(&words));
    }
}

static void put_unit_head(struct str *out, const struct event *event, bool color)
{
    const struct outcome *outcome = event->u.unit_finished.outcome;
    const struct unit *unit = event->u.unit_finished.definition;
    size_t bad = count_bad_cases(outcome);
    if (unit != NULL && bad == 0) {
        put_place(out, unit->file, unit->line);
    }
    term_put_colored(out, color, TERM_RED TERM_BOLD, status_word(outcome->status));
    (void)str_append_char(out, ' ');
    term_put_text(out, event->u.unit_finished.layer);
    (void)str_append_char(out, ' ');
    term_put_text(out, event->u.unit_finished.unit);
    (void)str_append(out, " (");
    term_put_duration(out, outcome->wall_ns / 1000000);
    (void)str_append_char(out, ')');
    put_reason(out, outcome, bad);
    put_reused(out, "\n  not run again, reused from ", event);
    if (outcome->reused != NULL) {
        (void)str_append(out, "\n  to run it again: sluice run --rerun-failed");
    }
    (void)str_append_char(out, '\n');
}

/* A suite that is called like its file is told by the place already. */
static bool has_suite(const struct test_case *c)
{
    return c->suite != NULL && c->suite[0] != '\0'
           && (c->file == NULL || strcmp(c->suite, c->file) != 0);
}

static void put_case(struct str *out, const struct test_case *c)
{
    (void)str_append(out, "  ");
    put_place(out, c->file, c->line);
    if (has_suite(c)) {
        term_put_text(out, c->suite);
        (void)str_append(out, " > ");
    }
    term_put_text(out, c->name != NULL ? c->name : "(no name)");
    if (c->message != NULL) {
        (void)str_append(out, ": ");
        term_put_text(out, c->message);
    }
    (void)str_append_char(out, '\n');
}

/* More than the message says. */
static bool has_details(const struct test_case *c)
{
    return c->details != NULL && (c->message == NULL || strcmp(c->details, c->message) != 0);
}

static void put_cases(struct str *out, const struct outcome *outcome, bool details)
{
    size_t told = 0;
    size_t bad = count_bad_cases(outcome);
    for (size_t i = 0; i < outcome->cases.count && told < CASES_TOLD; i++) {
        const struct test_case *c = &outcome->cases.items[i];
        if (!is_bad_case(c)) {
            continue;
        }
        put_case(out, c);
        if (details && has_details(c)) {
            term_put_block(out, "    | ", c->details, TAIL_LINES);
        }
        told++;
    }
    if (bad > told) {
        (void)str_appendf(out, "  and %zu more\n", bad - told);
    }
}

static void put_tail(struct str *out, const char *run_dir, const struct capture *capture)
{
    CLEANUP(str_fini) struct str tail = STR_INIT(1u << 20);
    (void)capture_tail(&tail, run_dir, capture, TAIL_LINES, TAIL_BYTES);
    if (tail.len > 0) {
        term_put_block(out, "    | ", tail.data, TAIL_LINES);
    }
}

/* What to do next. */
static void put_hint(struct str *out, const struct outcome *outcome)
{
    if (outcome->hint != NULL) {
        term_put_block(out, "  hint: ", outcome->hint, TAIL_LINES);
    }
}

static void put_failure_at_once(const struct view *view,
                                const struct event *event,
                                const struct render_options *options,
                                struct str *out)
{
    if (view->failure_count > TAILS_MAX) {
        put_unit_head(out, event, options->color);
        return;
    }
    const bool details = options->failure_output == FAILURE_OUTPUT_IMMEDIATE
                         || options->failure_output == FAILURE_OUTPUT_BOTH;
    render_failure(event, options, details, out);
    if (!details) {
        put_hint(out, event->u.unit_finished.outcome);
    }
}

void render_failure(const struct event *event,
                    const struct render_options *options,
                    bool details,
                    struct str *out)
{
    const struct outcome *outcome = event->u.unit_finished.outcome;
    bool told = !details;
    put_unit_head(out, event, options->color);
    for (size_t i = 0; i < outcome->cases.count && !told; i++) {
        told = is_bad_case(&outcome->cases.items[i]) && has_details(&outcome->cases.items[i]);
    }
    put_cases(out, outcome, details);
    if (!told) {
        put_tail(out, options->run_dir, &outcome->out);
        put_tail(out, options->run_dir, &outcome->err);
    }
    if (details) {
        put_hint(out, outcome);
    }
}

static void put_unit_line(struct str *out,
                          const struct render_options *options,
                          const char *code,
                          const char *word,
                          const struct event *event)
{
    term_put_colored(out, options->color, code, word);
    (void)str_append_char(out, ' ');
    term_put_text(out, event->u.unit_finished.layer);
    (void)str_append_char(out, ' ');
    term_put_text(out, event->u.unit_finished.unit);
}

static void put_retry(const struct event *event,
                      const struct render_options *options,
                      struct str *out)
{
    const struct outcome *outcome = event->u.unit_finished.outcome;
    put_unit_line(out, options, TERM_YELLOW, "RETRY", event);
    (void)str_appendf(
        out, ": attempt %u %s", outcome->attempt, outcome_status_name(outcome->status));
    put_reason(out, outcome, count_bad_cases(outcome));
    (void)str_append_char(out, '\n');
}

/* LEAK and other notes on how a unit ended. */
static void put_flags(const struct event *event,
                      const struct render_options *options,
                      struct str *out)
{
    const struct outcome *outcome = event->u.unit_finished.outcome;
    unsigned leaks = FLAG_LEAKED_PROCESS | FLAG_LEAKED_PIPE;
    CLEANUP(str_fini) struct str words = STR_INIT(1024);
    if ((outcome->flags & leaks) == 0) {
        return;
    }
    put_unit_line(out, options, TERM_YELLOW, "LEAK", event);
    (void)str_appendf(out, ": %s\n", outcome_flag_text(outcome->flags & leaks, &words));
}

/* Counters of a report that lie, and the like. */
static void put_warning(const struct event *event,
                        const struct render_options *options,
                        struct str *out)
{
    const char *warning = event->u.unit_finished.outcome->warning;
    if (warning != NULL && options->verbosity != VERBOSITY_QUIET) {
        put_unit_line(out, options, TERM_YELLOW, "WARNING", event);
        (void)str_append(out, ": ");
        term_put_text(out, warning);
        (void)str_append_char(out, '\n');
    }
}

void term_unit_finished(const struct view *view,
                        const struct event *event,
                        const struct render_options *options,
                        struct str *out)
{
    const struct outcome *outcome = event->u.unit_finished.outcome;
    bool bad = outcome->status != OUTCOME_PASSED && outcome->status != OUTCOME_SKIPPED;
    if ((outcome->flags & FLAG_CANCELLED) != 0) {
        return; /* the run was stopped: said once, at the end */
    }
    if (!outcome->final) {
        put_retry(event, options, out);
        return;
    }
    if (bad) {
        put_failure_at_once(view, event, options, out);
    } else if (outcome->flaky) {
        put_unit_line(out, options, TERM_YELLOW, "FLAKY", event);
        (void)str_appendf(out, ": passed at attempt %u", outcome->attempt);
        put_reused(out, ", reused from ", event);
        (void)str_append_char(out, '\n');
    } else if (options->verbosity == VERBOSITY_VERBOSE) {
        put_unit_line(out, options, TERM_GREEN, status_word(outcome->status), event);
        (void)str_append(out, " (");
        term_put_duration(out, outcome->wall_ns / 1000000);
        (void)str_append_char(out, ')');
        put_reused(out, ", reused from ", event);
        (void)str_append_char(out, '\n');
        put_tail(out, options->run_dir, &outcome->out);
        put_tail(out, options->run_dir, &outcome->err);
    }
    put_flags(event, options, out);
    put_warning(event, options, out);
}
