/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of events: runs and layers that start, what is slow, verdicts, notes. */
#include "base/cleanup.h"
#include "reports/terminal_impl.h"

#include <inttypes.h>
#include <string.h>

static void on_run_started(const struct view *view,
                           const struct render_options *options,
                           struct str *out)
{
    (void)str_append(out, options->color ? TERM_BOLD : "");
    term_put_text(out, view->title != NULL ? view->title : "sluice");
    (void)str_append(out, options->color ? TERM_RESET "\n" : "\n");
}

static void on_layer_started(const struct event *event,
                             const struct render_options *options,
                             struct str *out)
{
    const char *id = event->u.layer_started.layer;
    const char *name = event->u.layer_started.name;
    (void)str_append(out, options->color ? TERM_CYAN : "");
    term_put_text(out, id);
    (void)str_append(out, options->color ? TERM_RESET ": started" : ": started");
    if (event->u.layer_started.stage != NULL) {
        (void)str_append(out, ", stage ");
        term_put_text(out, event->u.layer_started.stage);
    }
    if (name != NULL && strcmp(name, id) != 0) {
        (void)str_append(out, ": ");
        term_put_text(out, name);
    }
    (void)str_append_char(out, '\n');
}

static void on_layer_planned(const struct event *event, struct str *out)
{
    term_put_text(out, event->u.layer_planned.layer);
    (void)str_append(out, ": ");
    term_put_count(out, event->u.layer_planned.units, "unit");
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
    term_put_colored(out, options->color, TERM_YELLOW, "SLOW");
    (void)str_append_char(out, ' ');
    term_put_text(out, event->u.unit_slow.layer);
    (void)str_append_char(out, ' ');
    term_put_text(out, event->u.unit_slow.unit);
    (void)str_append(out, ": still running");
    if (running != NULL) {
        (void)str_append(out, " after ");
        term_put_duration(out, event->time_ms - running->started_ms);
    }
    (void)str_append_char(out, '\n');
}

static void put_state(struct str *out, bool color, enum verdict_state state)
{
    static const char *const codes[] = {[VERDICT_OPEN] = TERM_GREEN,
                                        [VERDICT_SHUT] = TERM_RED TERM_BOLD,
                                        [VERDICT_SKIPPED] = TERM_YELLOW,
                                        [VERDICT_ERROR] = TERM_RED TERM_BOLD};
    term_put_colored(out, color, codes[state], verdict_state_name(state));
}

/* Findings of one layer that are told; all are in its reports. */
#define FINDINGS_TOLD 10

static void put_finding(struct str *out,
                        const struct render_options *options,
                        const char *layer,
                        const struct finding *finding)
{
    const bool error = strcmp(finding->severity, "error") == 0;
    term_put_colored(
        out, options->color, error ? TERM_RED TERM_BOLD : TERM_YELLOW, finding->severity);
    (void)str_append(out, ": ");
    term_put_text(out, layer);
    (void)str_append_char(out, ' ');
    if (finding->file != NULL) {
        term_put_text(out, finding->file);
        if (finding->line > 0) {
            (void)str_appendf(out, ":%" PRIu32, finding->line);
        }
        (void)str_append(out, ": ");
    }
    term_put_text(out, finding->message);
    if (finding->fix != NULL) {
        (void)str_append(out, ": ");
        term_put_text(out, finding->fix);
    }
    (void)str_append_char(out, '\n');
}

/* What a judge found beside failed cases: errors and warnings at places that no case told of. */
static void put_findings(const struct view *view,
                         const struct event *event,
                         const struct render_options *options,
                         struct str *out)
{
    const struct judgement *judgement = event->u.layer_judged.judgement;
    const char *layer = event->u.layer_judged.layer;
    size_t told = 0;
    size_t more = 0;
    for (size_t i = 0; judgement != NULL && i < judgement->finding_count; i++) {
        const struct finding *finding = &judgement->findings[i];
        const bool error = strcmp(finding->severity, "error") == 0;
        if ((!error && strcmp(finding->severity, "warning") != 0)
            || view_tells(view, layer, finding)) {
            continue;
        }
        if (told == FINDINGS_TOLD) {
            more++;
        } else {
            put_finding(out, options, layer, finding);
            told++;
        }
    }
    if (more > 0) {
        term_put_text(out, layer);
        (void)str_appendf(
            out, ": %zu more findings, which reports have (--report sarif=FILE)\n", more);
    }
}

static void put_verdict(const struct view *view,
                        const struct event *event,
                        const struct render_options *options,
                        struct str *out)
{
    const struct verdict *verdict = event->u.layer_judged.verdict;
    const struct tally *tally = event->u.layer_judged.tally;
    const struct view_layer *layer = view_layer(view, event->u.layer_judged.layer);
    term_put_text(out, event->u.layer_judged.layer);
    (void)str_append(out, ": ");
    put_state(out, options->color, verdict->state);
    if (verdict->state == VERDICT_SHUT && event->u.layer_judged.allow_failure) {
        (void)str_append(out, " (may fail)");
    }
    if (tally != NULL && tally->units > 0) {
        (void)str_append(out, ", ");
        term_put_tally(out, tally);
    }
    if (layer != NULL && tally != NULL && layer->origins.reused > 0) {
        (void)str_append(out, " (");
        origins_render(&layer->origins, tally->units, out);
        (void)str_append_char(out, ')');
    }
    if (layer != NULL && verdict->state != VERDICT_SKIPPED) {
        (void)str_append(out, " in ");
        term_put_duration(out, event->time_ms - layer->started_ms);
    }
    if (verdict->reason != NULL && verdict->state != VERDICT_OPEN) {
        (void)str_append(out, ": ");
        term_put_text(out, verdict->reason);
    }
    (void)str_append_char(out, '\n');
}

static void on_layer_judged(const struct view *view,
                            const struct event *event,
                            const struct render_options *options,
                            struct str *out)
{
    if (event->u.layer_judged.verdict->unasked && options->verbosity != VERBOSITY_VERBOSE) {
        return;
    }
    if (options->verbosity != VERBOSITY_QUIET) {
        put_verdict(view, event, options, out);
    }
    put_findings(view, event, options, out);
}

static void on_note(const struct event *event,
                    const struct render_options *options,
                    struct str *out)
{
    const char *level = event->u.note.level;
    if (options->verbosity == VERBOSITY_QUIET && strcmp(level, "info") == 0) {
        return;
    }
    const char *code = strcmp(level, "error") == 0     ? TERM_RED TERM_BOLD
                       : strcmp(level, "warning") == 0 ? TERM_YELLOW
                                                       : TERM_CYAN;
    CLEANUP(str_fini) struct str word = STR_INIT(256);
    term_put_text(&word, level);
    term_put_colored(out, options->color, code, str_text(&word));
    (void)str_append(out, ": ");
    if (event->u.note.layer != NULL) {
        term_put_text(out, event->u.note.layer);
        (void)str_append_char(out, ' ');
    }
    if (event->u.note.unit != NULL) {
        term_put_text(out, event->u.note.unit);
        (void)str_append_char(out, ' ');
    }
    term_put_block(out, "", event->u.note.text, 100);
}

/* What quiet leaves out: all but failures, warnings and the end. */
static bool is_quiet(const struct event *event, const struct render_options *options)
{
    if (options->verbosity != VERBOSITY_QUIET) {
        return false;
    }
    return event->type != EVENT_NOTE && event->type != EVENT_LAYER_JUDGED
           && event->type != EVENT_RUN_FINISHED;
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
        term_unit_finished(view, event, options, out);
        break;
    case EVENT_LAYER_JUDGED:
        on_layer_judged(view, event, options, out);
        break;
    case EVENT_NOTE:
        on_note(event, options, out);
        break;
    case EVENT_RUN_FINISHED:
        term_run_finished(view, event, options, out);
        break;
    }
}
