/* SPDX-License-Identifier: Apache-2.0 */
#include "reports/terminal_render.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"
#include "reports/capture_text.h"
#include "reports/junit_body.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Last lines of a failed unit's output that are shown, and of each failed case's text. */
#define TAIL_LINES 20
#define TAIL_BYTES (16u << 10)

/* Failed cases named under a unit; the rest is counted. */
#define CASES_TOLD 10

/* Failures shown with their output at once; the ones after it in a line each: a tree that does not
 * compile should not print 10,000 tails. */
#define TAILS_MAX 200

#define BAR_WIDTH 20

#define RED    "\033[31m"
#define GREEN  "\033[32m"
#define YELLOW "\033[33m"
#define CYAN   "\033[36m"
#define BOLD   "\033[1m"
#define RESET  "\033[0m"

/* ---- pieces ---- */

/* Text from outside, in one line. */
static void put_line_text(struct str *out, const char *text)
{
    size_t start = out->len;
    (void)text_sanitize(out, text, strlen(text));
    for (size_t i = start; i < out->len; i++) {
        if (out->data[i] == '\n' || out->data[i] == '\t') {
            out->data[i] = ' ';
        }
    }
}

static void put_colored(struct str *out, bool color, const char *code, const char *text)
{
    (void)str_append(out, color ? code : "");
    (void)str_append(out, text);
    (void)str_append(out, color ? RESET : "");
}

/* Text from outside, each line behind `prefix`; at most `lines` lines, the last ones. */
static void put_block(struct str *out, const char *prefix, const char *text, unsigned lines)
{
    CLEANUP(str_fini) struct str clean = STR_INIT(1u << 22);
    (void)text_sanitize(&clean, text, strlen(text));
    while (clean.len > 0 && clean.data[clean.len - 1] == '\n') {
        clean.data[--clean.len] = '\0';
    }
    const char *from = str_text(&clean);
    unsigned count = 1;
    for (const char *c = from; *c != '\0'; c++) {
        count += *c == '\n' ? 1 : 0;
    }
    for (; count > lines; count--) {
        from = strchr(from, '\n') + 1;
    }
    while (*from != '\0') {
        size_t len = strcspn(from, "\n");
        (void)str_append(out, prefix);
        (void)str_append_n(out, from, len);
        (void)str_append_char(out, '\n');
        from += len + (from[len] == '\n' ? 1 : 0);
    }
}

static void put_duration(struct str *out, int64_t ms)
{
    char text[DURATION_TEXT_MAX];
    (void)str_append(out, duration_format(ms, text));
}

/* "7 units", "1 unit" */
static void put_count(struct str *out, uint64_t count, const char *word)
{
    (void)str_appendf(out, "%" PRIu64 " %s%s", count, word, count == 1 ? "" : "s");
}

void render_cut(struct str *out, const char *text, size_t columns)
{
    CLEANUP(str_fini) struct str clean = STR_INIT(1u << 16);
    put_line_text(&clean, text);
    if (text_columns(str_text(&clean)) <= columns) {
        (void)str_append(out, str_text(&clean));
        return;
    }
    size_t room = columns > 3 ? columns - 3 : 0;
    while (clean.len > 0 && text_columns(clean.data) > room) {
        do {
            clean.len--;
        } while (clean.len > 0 && ((unsigned char)clean.data[clean.len] & 0xC0) == 0x80);
        clean.data[clean.len] = '\0';
    }
    (void)str_append(out, str_text(&clean));
    (void)str_append(out, &"..."[columns < 3 ? 3 - columns : 0]);
}

void render_gate(const struct gate_result *gate, struct str *out)
{
    put_line_text(out, gate->rule.metric);
    if (gate->known) {
        (void)str_appendf(out, " is %g", gate->value);
    } else {
        (void)str_append(out, " was not reported");
    }
    if (gate->rule.has_min) {
        (void)str_appendf(out, ", must be at least %g", gate->rule.min);
    }
    if (gate->rule.has_max) {
        (void)str_appendf(
            out, "%s at most %g", gate->rule.has_min ? " and" : ", must be", gate->rule.max);
    }
}

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
    put_line_text(out, file);
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
        put_line_text(out, outcome->message);
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
        put_line_text(out, str_text(&words));
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
    put_colored(out, color, RED BOLD, status_word(outcome->status));
    (void)str_append_char(out, ' ');
    put_line_text(out, event->u.unit_finished.layer);
    (void)str_append_char(out, ' ');
    put_line_text(out, event->u.unit_finished.unit);
    (void)str_append(out, " (");
    put_duration(out, outcome->wall_ns / 1000000);
    (void)str_append_char(out, ')');
    put_reason(out, outcome, bad);
    put_reused(out, "\n  not run again, reused from ", event);
    (void)str_append_char(out, '\n');
}

static void put_case(struct str *out, const struct test_case *c)
{
    (void)str_append(out, "  ");
    put_place(out, c->file, c->line);
    if (c->suite != NULL && c->suite[0] != '\0') {
        put_line_text(out, c->suite);
        (void)str_append(out, " > ");
    }
    put_line_text(out, c->name != NULL ? c->name : "(no name)");
    if (c->message != NULL) {
        (void)str_append(out, ": ");
        put_line_text(out, c->message);
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
            put_block(out, "    | ", c->details, TAIL_LINES);
        }
        told++;
    }
    if (bad > told) {
        (void)str_appendf(out, "  and %zu more\n", bad - told);
    }
}

void render_failure(const struct event *event, bool color, struct str *out)
{
    put_unit_head(out, event, color);
    put_cases(out, event->u.unit_finished.outcome, false);
}

static void put_tail(struct str *out, const char *run_dir, const struct capture *capture)
{
    CLEANUP(str_fini) struct str tail = STR_INIT(1u << 20);
    (void)capture_tail(&tail, run_dir, capture, TAIL_LINES, TAIL_BYTES);
    if (tail.len > 0) {
        put_block(out, "    | ", tail.data, TAIL_LINES);
    }
}

static void put_failure_at_once(const struct view *view,
                                const struct event *event,
                                const struct render_options *options,
                                struct str *out)
{
    const struct outcome *outcome = event->u.unit_finished.outcome;
    put_unit_head(out, event, options->color);
    if (view->failure_count > TAILS_MAX) {
        return;
    }
    bool told = false;
    for (size_t i = 0; i < outcome->cases.count && !told; i++) {
        told = is_bad_case(&outcome->cases.items[i]) && has_details(&outcome->cases.items[i]);
    }
    put_cases(out, outcome, true);
    if (!told) {
        put_tail(out, options->run_dir, &outcome->out);
        put_tail(out, options->run_dir, &outcome->err);
    }
    if (outcome->hint != NULL) {
        put_block(out, "  hint: ", outcome->hint, TAIL_LINES);
    }
}

/* ---- lines of events ---- */

static void put_unit_line(struct str *out,
                          const struct render_options *options,
                          const char *code,
                          const char *word,
                          const struct event *event)
{
    put_colored(out, options->color, code, word);
    (void)str_append_char(out, ' ');
    put_line_text(out, event->u.unit_finished.layer);
    (void)str_append_char(out, ' ');
    put_line_text(out, event->u.unit_finished.unit);
}

static void put_retry(const struct event *event,
                      const struct render_options *options,
                      struct str *out)
{
    const struct outcome *outcome = event->u.unit_finished.outcome;
    put_unit_line(out, options, YELLOW, "RETRY", event);
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
    put_unit_line(out, options, YELLOW, "LEAK", event);
    (void)str_appendf(out, ": %s\n", outcome_flag_text(outcome->flags & leaks, &words));
}

static void on_unit_finished(const struct view *view,
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
        put_unit_line(out, options, YELLOW, "FLAKY", event);
        (void)str_appendf(out, ": passed at attempt %u", outcome->attempt);
        put_reused(out, ", reused from ", event);
        (void)str_append_char(out, '\n');
    } else if (options->verbosity == VERBOSITY_VERBOSE) {
        put_unit_line(out, options, GREEN, status_word(outcome->status), event);
        (void)str_append(out, " (");
        put_duration(out, outcome->wall_ns / 1000000);
        (void)str_append_char(out, ')');
        put_reused(out, ", reused from ", event);
        (void)str_append_char(out, '\n');
    }
    put_flags(event, options, out);
}

static void on_run_started(const struct view *view,
                           const struct render_options *options,
                           struct str *out)
{
    (void)str_append(out, options->color ? BOLD : "");
    put_line_text(out, view->title != NULL ? view->title : "sluice");
    (void)str_append(out, options->color ? RESET "\n" : "\n");
}

static void on_layer_started(const struct event *event,
                             const struct render_options *options,
                             struct str *out)
{
    const char *id = event->u.layer_started.layer;
    const char *name = event->u.layer_started.name;
    (void)str_append(out, options->color ? CYAN : "");
    put_line_text(out, id);
    (void)str_append(out, options->color ? RESET ": started" : ": started");
    if (event->u.layer_started.stage != NULL) {
        (void)str_append(out, ", stage ");
        put_line_text(out, event->u.layer_started.stage);
    }
    if (name != NULL && strcmp(name, id) != 0) {
        (void)str_append(out, ": ");
        put_line_text(out, name);
    }
    (void)str_append_char(out, '\n');
}

static void on_layer_planned(const struct event *event, struct str *out)
{
    put_line_text(out, event->u.layer_planned.layer);
    (void)str_append(out, ": ");
    put_count(out, event->u.layer_planned.units, "unit");
    if (event->u.layer_planned.excluded > 0) {
        (void)str_appendf(out, ", %" PRIu64 " left out", event->u.layer_planned.excluded);
    }
    if (event->u.layer_planned.left_out > 0) {
        (void)str_appendf(
            out, ", %" PRIu64 " not selected by its plugin", event->u.layer_planned.left_out);
    }
    if (event->u.layer_planned.carried > 0) {
        (void)str_appendf(
            out, ", %" PRIu64 " carried over as passed", event->u.layer_planned.carried);
    }
    (void)str_append_char(out, '\n');
}

static void on_unit_slow(const struct view *view,
                         const struct event *event,
                         const struct render_options *options,
                         struct str *out)
{
    const struct view_running *running =
        view_running(view, event->u.unit_slow.layer, event->u.unit_slow.unit);
    put_colored(out, options->color, YELLOW, "SLOW");
    (void)str_append_char(out, ' ');
    put_line_text(out, event->u.unit_slow.layer);
    (void)str_append_char(out, ' ');
    put_line_text(out, event->u.unit_slow.unit);
    (void)str_append(out, ": still running");
    if (running != NULL) {
        (void)str_append(out, " after ");
        put_duration(out, event->time_ms - running->started_ms);
    }
    (void)str_append_char(out, '\n');
}

/* "431 units: 427 passed, 2 failed, 1 skipped" */
static void put_tally(struct str *out, const struct tally *tally)
{
    const struct {
        uint64_t count;
        const char *word;
    } parts[] = {
        {tally->passed,    "passed"   },
        {tally->failed,    "failed"   },
        {tally->errored,   "errored"  },
        {tally->timed_out, "timed out"},
        {tally->skipped,   "skipped"  },
        {tally->not_run,   "not run"  },
        {tally->flaky,     "flaky"    },
    };

    bool first = true;
    put_count(out, tally->units, "unit");
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (parts[i].count > 0) {
            (void)str_appendf(
                out, "%s%" PRIu64 " %s", first ? ": " : ", ", parts[i].count, parts[i].word);
            first = false;
        }
    }
}

static void put_state(struct str *out, bool color, enum verdict_state state)
{
    static const char *const codes[] = {[VERDICT_OPEN] = GREEN,
                                        [VERDICT_SHUT] = RED BOLD,
                                        [VERDICT_SKIPPED] = YELLOW,
                                        [VERDICT_ERROR] = RED BOLD};
    put_colored(out, color, codes[state], verdict_state_name(state));
}

static void on_layer_judged(const struct view *view,
                            const struct event *event,
                            const struct render_options *options,
                            struct str *out)
{
    const struct verdict *verdict = event->u.layer_judged.verdict;
    const struct tally *tally = event->u.layer_judged.tally;
    const struct view_layer *layer = view_layer(view, event->u.layer_judged.layer);
    if (verdict->unasked && options->verbosity != VERBOSITY_VERBOSE) {
        return;
    }
    put_line_text(out, event->u.layer_judged.layer);
    (void)str_append(out, ": ");
    put_state(out, options->color, verdict->state);
    if (verdict->state == VERDICT_SHUT && event->u.layer_judged.allow_failure) {
        (void)str_append(out, " (may fail)");
    }
    if (tally != NULL && tally->units > 0) {
        (void)str_append(out, ", ");
        put_tally(out, tally);
    }
    if (layer != NULL && tally != NULL && layer->origins.reused > 0) {
        (void)str_append(out, " (");
        origins_render(&layer->origins, tally->units, out);
        (void)str_append_char(out, ')');
    }
    if (layer != NULL && verdict->state != VERDICT_SKIPPED) {
        (void)str_append(out, " in ");
        put_duration(out, event->time_ms - layer->started_ms);
    }
    if (verdict->reason != NULL && verdict->state != VERDICT_OPEN) {
        (void)str_append(out, ": ");
        put_line_text(out, verdict->reason);
    }
    (void)str_append_char(out, '\n');
}

static void on_note(const struct event *event,
                    const struct render_options *options,
                    struct str *out)
{
    const char *level = event->u.note.level;
    if (options->verbosity == VERBOSITY_QUIET && strcmp(level, "info") == 0) {
        return;
    }
    const char *code = strcmp(level, "error") == 0     ? RED BOLD
                       : strcmp(level, "warning") == 0 ? YELLOW
                                                       : CYAN;
    CLEANUP(str_fini) struct str word = STR_INIT(256);
    put_line_text(&word, level);
    put_colored(out, options->color, code, str_text(&word));
    (void)str_append(out, ": ");
    if (event->u.note.layer != NULL) {
        put_line_text(out, event->u.note.layer);
        (void)str_append_char(out, ' ');
    }
    if (event->u.note.unit != NULL) {
        put_line_text(out, event->u.note.unit);
        (void)str_append_char(out, ' ');
    }
    put_block(out, "", event->u.note.text, 100);
}

/* ---- the end ---- */

static void put_list(
    struct str *out, const char *title, char *const *items, size_t count, uint64_t total)
{
    if (total == 0) {
        return;
    }
    (void)str_appendf(out, "\n%s:\n", title);
    for (size_t i = 0; i < count; i++) {
        put_block(out, "  ", items[i], CASES_TOLD + 3);
    }
    if (total > count) {
        (void)str_appendf(out, "  and %" PRIu64 " more\n", total - count);
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
    put_tally(out, tally);
    if (tally->cases > tally->units) {
        (void)str_append(out, "; ");
        put_count(out, tally->cases, "case");
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
    put_duration(out, wall_ms);
    (void)str_append(out, ", cpu ");
    put_duration(out, cpu_ms);
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
    put_colored(out, color, code == EXIT_OPEN ? GREEN BOLD : RED BOLD, exit_word(code));
    (void)str_append(out, ": ");
    if (bad > 0) {
        (void)str_appendf(out, "%" PRIu64 " of ", bad);
        put_count(out, tally->units, "unit");
        (void)str_append(out, " failed");
    } else {
        put_count(out, tally->passed, "unit");
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
    put_duration(out, event->u.run_finished.wall_ns / 1000000);
    if (code != EXIT_OPEN && event->u.run_finished.reason != NULL) {
        (void)str_append(out, ": ");
        put_line_text(out, event->u.run_finished.reason);
    }
    (void)str_append_char(out, '\n');
}

static void on_run_finished(const struct view *view,
                            const struct event *event,
                            const struct render_options *options,
                            struct str *out)
{
    const struct tally *tally =
        event->u.run_finished.tally != NULL ? event->u.run_finished.tally : &view->tally;
    put_list(out, "failures", view->failures.items, view->failures.count, view->failure_count);
    if (view->gates.len > 0) {
        (void)str_append(out, "\ngates:\n");
        put_block(out, "  ", str_text(&view->gates), 1000);
    }
    if (options->verbosity != VERBOSITY_QUIET) {
        put_list(out, "flaky", view->flaky.items, view->flaky.count, view->flaky_count);
        put_totals(out, event, view, tally);
    }
    put_final_line(out, event, tally, options->color);
}

/* What quiet leaves out: all but failures, warnings and the end. */
static bool is_quiet(const struct event *event, const struct render_options *options)
{
    if (options->verbosity != VERBOSITY_QUIET) {
        return false;
    }
    return event->type != EVENT_NOTE && event->type != EVENT_RUN_FINISHED;
}

void render_event(const struct view *view,
                  const struct event *event,
                  const struct render_options *options,
                  struct str *out)
{
    if (is_quiet(event, options)) {
        return;
    }
    switch (event->type) {
    case EVENT_RUN_STARTED:
        on_run_started(view, options, out);
        break;
    case EVENT_LAYER_STARTED:
        on_layer_started(event, options, out);
        break;
    case EVENT_LAYER_PLANNED:
        on_layer_planned(event, out);
        break;
    case EVENT_UNIT_STARTED:
        break;
    case EVENT_UNIT_SLOW:
        on_unit_slow(view, event, options, out);
        break;
    case EVENT_UNIT_FINISHED:
        on_unit_finished(view, event, options, out);
        break;
    case EVENT_LAYER_JUDGED:
        on_layer_judged(view, event, options, out);
        break;
    case EVENT_NOTE:
        on_note(event, options, out);
        break;
    case EVENT_RUN_FINISHED:
        on_run_finished(view, event, options, out);
        break;
    }
}

/* ---- progress ---- */

void render_progress(const struct view *view, struct str *out)
{
    (void)str_appendf(out, "... %" PRIu64 " of ", view->done);
    put_count(out, view->planned, "unit");
    if (view->origins.reused > 0) {
        (void)str_appendf(out, ", %" PRIu64 " reused", view->origins.reused);
    }
    (void)str_appendf(out, ", %" PRIu64 " failed, ", view_bad(view));
    (void)str_appendf(out, "%zu running, ", view->running.count);
    put_duration(out, view->now_ms - view->started_ms);
    int64_t eta_ms = view_eta_ms(view);
    if (eta_ms >= 0) {
        (void)str_append(out, ", about ");
        put_duration(out, eta_ms);
        (void)str_append(out, " left");
    }
    (void)str_append_char(out, '\n');
}

static void put_bar(struct str *out, const struct view *view)
{
    char bar[BAR_WIDTH + 1];
    uint64_t planned = view->planned > 0 ? view->planned : 1;
    uint64_t done = view->done < planned ? view->done : planned;
    size_t filled = (size_t)(done * BAR_WIDTH / planned);
    memset(bar, ' ', BAR_WIDTH);
    memset(bar, '=', filled);
    if (filled > 0 && filled < BAR_WIDTH) {
        bar[filled - 1] = '>';
    }
    bar[BAR_WIDTH] = '\0';
    (void)str_appendf(out, "[%s] ", bar);
}

/* The first line, in parts: those that do not fit are left out from the end. */
static void put_live_head(struct str *out, const struct view *view, unsigned width, bool color)
{
    CLEANUP(str_fini) struct str line = STR_INIT(4096);
    uint64_t bad = view_bad(view);
    if (width >= 60) {
        put_bar(&line, view);
    }
    (void)str_appendf(&line, "%" PRIu64 "/%" PRIu64, view->done, view->planned);
    if (bad > 0) {
        (void)str_appendf(&line, "  %" PRIu64 " failed", bad);
    }
    if (view->origins.reused > 0) {
        (void)str_appendf(&line, "  %" PRIu64 " reused", view->origins.reused);
    }
    if (view->flaky_count > 0) {
        (void)str_appendf(&line, "  %" PRIu64 " flaky", view->flaky_count);
    }
    (void)str_append(&line, "  ");
    put_duration(&line, view->now_ms - view->started_ms);
    int64_t eta_ms = view_eta_ms(view);
    if (eta_ms >= 0) {
        (void)str_append(&line, "  ETA ");
        put_duration(&line, eta_ms);
    }
    (void)str_append(out, color ? (bad > 0 ? RED : GREEN) : "");
    render_cut(out, str_text(&line), width - 1);
    (void)str_append(out, color ? RESET "\n" : "\n");
}

void render_live(const struct view *view, const struct render_options *options, struct str *out)
{
    put_live_head(out, view, options->width, options->color);
    size_t shown = view->running.count < LIVE_UNITS_MAX ? view->running.count : LIVE_UNITS_MAX;
    for (size_t i = 0; i < shown; i++) {
        const struct view_running *running = &view->running.items[i];
        CLEANUP(str_fini) struct str elapsed = STR_INIT(64);
        CLEANUP(str_fini) struct str line = STR_INIT(16384);
        put_duration(&elapsed, view->now_ms - running->started_ms);
        (void)str_appendf(&line, "%7s  %s %s", str_text(&elapsed), running->layer, running->unit);
        if (running->attempt > 1) {
            (void)str_appendf(&line, " (attempt %u)", running->attempt);
        }
        render_cut(out, str_text(&line), options->width - 1);
        (void)str_append_char(out, '\n');
    }
    if (view->running.count > shown) {
        (void)str_appendf(out, "%7s  and %zu more\n", "", view->running.count - shown);
    }
}
