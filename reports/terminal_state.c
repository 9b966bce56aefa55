/* SPDX-License-Identifier: Apache-2.0 */
#include "reports/terminal_state.h"

#include "base/cleanup.h"
#include "base/mem.h"
#include "reports/case_entry.h"
#include "reports/terminal_render.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Units that ran before an end is foretold; fewer say little, and reused ones nothing. */
#define ETA_UNITS_MIN 10

/* One failure in the recap: a head and some cases. */
#define FAILURE_TEXT_MAX (64u << 10)

/* Lines about gates: a thousand layers with a dozen gates. */
#define GATES_TEXT_MAX (1u << 20)

/* Places of failed cases that are kept; findings beyond are told beside their case. */
#define PLACES_MAX     20000
#define PLACE_TEXT_MAX 4096

void view_init(struct view *view)
{
    *view = (struct view){0};
    str_init(&view->gates, GATES_TEXT_MAX);
}

static void forget_failure(struct view_failure *failure)
{
    mem_free(failure->layer);
    mem_free(failure->text);
}

static void forget_slow(struct view_slow *slow)
{
    mem_free(slow->layer);
    mem_free(slow->unit);
}

static void forget_running(struct view_running *running)
{
    mem_free(running->layer);
    mem_free(running->unit);
}

static void forget_places(struct map *places)
{
    for (size_t i = 0; i < places->cap; i++) {
        mem_free((void *)(uintptr_t)places->entries[i].key);
    }
    map_fini(places);
}

void view_fini(struct view *view)
{
    forget_places(&view->places);
    for (size_t i = 0; i < view->running.count; i++) {
        forget_running(&view->running.items[i]);
    }
    for (size_t i = 0; i < view->layers.count; i++) {
        mem_free(view->layers.items[i].id);
        origins_fini(&view->layers.items[i].origins);
    }
    origins_fini(&view->origins);
    for (size_t i = 0; i < view->failures.count; i++) {
        forget_failure(&view->failures.items[i]);
    }
    for (size_t i = 0; i < view->slowest.count; i++) {
        forget_slow(&view->slowest.items[i]);
    }
    for (size_t i = 0; i < view->flaky.count; i++) {
        mem_free(view->flaky.items[i]);
    }
    vec_fini(&view->running);
    vec_fini(&view->layers);
    vec_fini(&view->failures);
    vec_fini(&view->slowest);
    vec_fini(&view->flaky);
    str_fini(&view->gates);
    mem_free(view->title);
    mem_free(view->run_id);
    *view = (struct view){0};
}

uint64_t view_bad(const struct view *view)
{
    return view->tally.failed + view->tally.errored + view->tally.timed_out;
}

const struct view_layer *view_layer(const struct view *view, const char *id)
{
    for (size_t i = 0; i < view->layers.count; i++) {
        if (strcmp(view->layers.items[i].id, id) == 0) {
            return &view->layers.items[i];
        }
    }
    return NULL;
}

bool view_may_fail(const struct view *view, const char *layer)
{
    const struct view_layer *known = view_layer(view, layer);
    return known != NULL && known->may_fail;
}

static size_t find_running(const struct view *view, const char *layer, const char *unit)
{
    for (size_t i = 0; i < view->running.count; i++) {
        if (strcmp(view->running.items[i].unit, unit) == 0
            && strcmp(view->running.items[i].layer, layer) == 0) {
            return i;
        }
    }
    return view->running.count;
}

const struct view_running *view_running(const struct view *view,
                                        const char *layer,
                                        const char *unit)
{
    size_t at = find_running(view, layer, unit);
    return at < view->running.count ? &view->running.items[at] : NULL;
}

int64_t view_eta_ms(const struct view *view)
{
    bool all_planned = view->layer_count > 0 && view->layers_settled >= view->layer_count;
    if (!all_planned || view->origins.ran < ETA_UNITS_MIN || view->done > view->planned) {
        return -1;
    }
    double spent = (double)(view->now_ms - view->first_unit_ms);
    return (int64_t)(spent * (double)(view->planned - view->done) / (double)view->done);
}

/* What memory is short for is dropped; the counts stay right. */
static void keep_flaky(struct view *view, struct str *text)
{
    if (view->flaky.count >= RECAP_FLAKY_MAX) {
        return;
    }
    char *copy = str_take(text);
    if (copy == NULL || vec_push(&view->flaky, copy) != 0) {
        mem_free(copy);
    }
}

static void keep_failure(struct view *view, const struct event *event)
{
    const enum outcome_status status = event->u.unit_finished.outcome->status;
    size_t same = 0;
    for (size_t i = 0; i < view->failures.count; i++) {
        same += view->failures.items[i].status == status ? 1 : 0;
    }
    if (same >= RECAP_FAILURES_MAX) {
        return;
    }
    CLEANUP(str_fini) struct str text = STR_INIT(FAILURE_TEXT_MAX);
    const struct render_options plain = {0};
    const bool details = view->render != NULL
                         && (view->render->failure_output == FAILURE_OUTPUT_FINAL
                             || view->render->failure_output == FAILURE_OUTPUT_BOTH);
    struct render_options options = view->render != NULL ? *view->render : plain;
    options.color = false; /* the end cleans the text once more */
    render_failure(event, &options, details, &text);
    struct view_failure failure = {.layer = mem_strdup(event->u.unit_finished.layer),
                                   .text = str_take(&text),
                                   .status = status};
    if (failure.layer == NULL || failure.text == NULL || vec_push(&view->failures, failure) != 0) {
        forget_failure(&failure);
    }
}

/* Keeps the list in order; what is pushed out at its end is forgotten. */
static void keep_slowest(struct view *view, const struct event *event)
{
    const struct outcome *outcome = event->u.unit_finished.outcome;
    size_t at = view->slowest.count;
    while (at > 0 && view->slowest.items[at - 1].wall_ns < outcome->wall_ns) {
        at--;
    }
    if (outcome->reused != NULL || at >= view->slowest_max) {
        return;
    }
    struct view_slow slow = {.layer = mem_strdup(event->u.unit_finished.layer),
                             .unit = mem_strdup(event->u.unit_finished.unit),
                             .wall_ns = outcome->wall_ns};
    if (slow.layer == NULL || slow.unit == NULL || vec_push(&view->slowest, slow) != 0) {
        forget_slow(&slow);
        return;
    }
    memmove(&view->slowest.items[at + 1],
            &view->slowest.items[at],
            (view->slowest.count - 1 - at) * sizeof *view->slowest.items);
    view->slowest.items[at] = slow;
    if (view->slowest.count > view->slowest_max) {
        forget_slow(&view->slowest.items[--view->slowest.count]);
    }
}

/* ---- events ---- */

/* "sluice 0.1.0: NAME, 3 layers, 2 jobs, run ID". Merged reports had no run that sluice knows of,
 * and so no jobs. */
static void put_title(struct str *title, const struct event *event)
{
    const char *name = event->u.run_started.name;
    if (event->u.run_started.jobs == 0) {
        (void)str_append(title, "sluice: merged reports");
        return;
    }
    (void)str_appendf(title,
                      "sluice %s: %s, %zu layer%s, %u job%s, run %s",
                      event->u.run_started.version != NULL ? event->u.run_started.version : "",
                      name != NULL ? name : "pipeline",
                      event->u.run_started.layer_count,
                      event->u.run_started.layer_count == 1 ? "" : "s",
                      event->u.run_started.jobs,
                      event->u.run_started.jobs == 1 ? "" : "s",
                      event->u.run_started.run_id);
}

static void on_run_started(struct view *view, const struct event *event)
{
    CLEANUP(str_fini) struct str title = STR_INIT(1u << 16);
    put_title(&title, event);
    if (event->u.run_started.resumed != NULL) {
        (void)str_appendf(&title, ", continues %s", event->u.run_started.resumed);
    }
    mem_free(view->title);
    view->title = str_take(&title);
    mem_free(view->run_id);
    view->run_id = mem_strdup(event->u.run_started.run_id);
    view->layer_count = event->u.run_started.layer_count;
    view->started_ms = event->time_ms;
    view->told_ms = event->time_ms;
}

static struct view_layer *find_layer(struct view *view, const char *id)
{
    for (size_t i = 0; i < view->layers.count; i++) {
        if (strcmp(view->layers.items[i].id, id) == 0) {
            return &view->layers.items[i];
        }
    }
    return NULL;
}

static struct view_layer *layer_of(struct view *view, const char *id, int64_t now_ms)
{
    struct view_layer *known = find_layer(view, id);
    if (known != NULL) {
        return known;
    }
    struct view_layer layer = {.id = mem_strdup(id), .started_ms = now_ms};
    if (layer.id == NULL || vec_push(&view->layers, layer) != 0) {
        mem_free(layer.id);
        return NULL;
    }
    return &view->layers.items[view->layers.count - 1];
}

static void on_layer_planned(struct view *view, const struct event *event)
{
    struct view_layer *layer = layer_of(view, event->u.layer_planned.layer, event->time_ms);
    view->planned += event->u.layer_planned.units;
    if (layer != NULL && !layer->planned) {
        layer->planned = true;
        layer->units = event->u.layer_planned.units;
        view->layers_settled++;
    }
}

static void on_unit_started(struct view *view, const struct event *event)
{
    struct view_running running = {
        .layer = mem_strdup(event->u.unit_started.layer),
        .unit = mem_strdup(event->u.unit_started.unit),
        .started_ms = event->time_ms,
        .attempt = event->u.unit_started.attempt,
    };
    if (view->first_unit_ms == 0) {
        view->first_unit_ms = event->time_ms;
    }
    if (running.layer == NULL || running.unit == NULL || vec_push(&view->running, running) != 0) {
        forget_running(&running);
    }
}

static void remove_running(struct view *view, const char *layer, const char *unit)
{
    size_t at = find_running(view, layer, unit);
    if (at == view->running.count) {
        return;
    }
    forget_running(&view->running.items[at]);
    view->running.count--;
    memmove(&view->running.items[at],
            &view->running.items[at + 1],
            (view->running.count - at) * sizeof *view->running.items);
}

static bool is_bad(const struct outcome *outcome)
{
    return outcome->status != OUTCOME_PASSED && outcome->status != OUTCOME_SKIPPED
           && (outcome->flags & FLAG_CANCELLED) == 0;
}

/* ---- places ---- */

static int put_place(struct str *out, const char *layer, const char *file, uint32_t line)
{
    return str_appendf(out, "%s %s:%u", layer, file, line);
}

bool view_tells(const struct view *view, const char *layer, const struct finding *finding)
{
    CLEANUP(str_fini) struct str place = STR_INIT(PLACE_TEXT_MAX);
    return finding->file != NULL && put_place(&place, layer, finding->file, finding->line) == 0
           && map_get(&view->places, str_text(&place), NULL) == 1;
}

static void keep_place(struct view *view, const char *layer, const struct test_case *c)
{
    CLEANUP(str_fini) struct str place = STR_INIT(PLACE_TEXT_MAX);
    if (c->file == NULL || !status_is_bad(c->status) || view->places.count >= PLACES_MAX
        || put_place(&place, layer, c->file, c->line) != 0) {
        return;
    }
    char *key = str_take(&place);
    if (map_add(&view->places, key, 0) != 0) {
        mem_free(key); /* it is there, or there is no memory */
    }
}

/* ---- units ---- */

static void on_unit_finished(struct view *view, const struct event *event)
{
    const struct outcome *outcome = event->u.unit_finished.outcome;
    remove_running(view, event->u.unit_finished.layer, event->u.unit_finished.unit);
    if (!outcome->final) {
        return;
    }
    view->done++;
    tally_add(&view->tally, outcome);
    origins_add(&view->origins, outcome);
    struct view_layer *layer = find_layer(view, event->u.unit_finished.layer);
    if (layer != NULL) {
        origins_add(&layer->origins, outcome);
    }
    keep_slowest(view, event);
    for (size_t i = 0; i < outcome->cases.count; i++) {
        keep_place(view, event->u.unit_finished.layer, &outcome->cases.items[i]);
    }
    if (is_bad(outcome)) {
        view->failure_count++;
        keep_failure(view, event);
    } else if (outcome->flaky) {
        CLEANUP(str_fini) struct str text = STR_INIT(FAILURE_TEXT_MAX);
        view->flaky_count++;
        (void)str_appendf(&text,
                          "%s %s passed at attempt %u%s\n",
                          event->u.unit_finished.layer,
                          event->u.unit_finished.unit,
                          outcome->attempt,
                          outcome->reused != NULL ? ", when it ran" : "");
        keep_flaky(view, &text);
    }
}

/* Nothing failed, but not all was run: then that is the news, and not that too little was counted.
 */
static bool was_cut(const struct tally *tally)
{
    return tally != NULL && tally->not_run > 0
           && tally->failed + tally->errored + tally->timed_out == 0;
}

static bool counts_too_little(const struct gate_rule *rule)
{
    return rule->has_min && !rule->has_max && metric_is_standard(rule->metric);
}

static void on_layer_judged(struct view *view, const struct event *event)
{
    const struct verdict *verdict = event->u.layer_judged.verdict;
    struct view_layer *layer = layer_of(view, event->u.layer_judged.layer, event->time_ms);
    if (layer != NULL && !layer->planned) {
        layer->planned = true;
        view->layers_settled++;
    }
    if (layer != NULL) {
        layer->may_fail = event->u.layer_judged.allow_failure;
    }
    if (verdict->state == VERDICT_OPEN || verdict->state == VERDICT_SKIPPED) {
        return;
    }
    const char *allowed = event->u.layer_judged.allow_failure ? " (may fail)" : "";
    const bool cut = was_cut(event->u.layer_judged.tally);
    bool any = false;
    for (size_t i = 0; i < verdict->gate_count; i++) {
        if (!verdict->gates[i].open && !(cut && counts_too_little(&verdict->gates[i].rule))) {
            (void)str_appendf(&view->gates, "%s%s: ", event->u.layer_judged.layer, allowed);
            render_gate(&verdict->gates[i], &view->gates);
            (void)str_append_char(&view->gates, '\n');
            any = true;
        }
    }
    if (!any || cut || verdict->state == VERDICT_ERROR) {
        (void)str_appendf(&view->gates,
                          "%s%s: %s\n",
                          event->u.layer_judged.layer,
                          allowed,
                          verdict->reason != NULL ? verdict->reason : "shut");
    }
}

void view_apply(struct view *view, const struct event *event)
{
    view->now_ms = event->time_ms > view->now_ms ? event->time_ms : view->now_ms;
    switch (event->type) {
    case EVENT_RUN_STARTED:
        on_run_started(view, event);
        break;
    case EVENT_LAYER_STARTED:
        (void)layer_of(view, event->u.layer_started.layer, event->time_ms);
        break;
    case EVENT_LAYER_PLANNED:
        on_layer_planned(view, event);
        break;
    case EVENT_UNIT_STARTED:
        on_unit_started(view, event);
        break;
    case EVENT_UNIT_FINISHED:
        on_unit_finished(view, event);
        break;
    case EVENT_LAYER_JUDGED:
        on_layer_judged(view, event);
        break;
    case EVENT_UNIT_SLOW:
    case EVENT_NOTE:
    case EVENT_RUN_FINISHED:
        break;
    }
}
