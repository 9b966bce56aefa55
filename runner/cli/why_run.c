/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/why_run.h"

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/vec.h"
#include "reports/origins.h"
#include "sched/sched.h"

#include <errno.h>
#include <string.h>

/* Two layers may have a unit of the same id; with a sentence each, and messages. */
#define WHY_ANSWER_MAX (64u << 20)
#define WHY_ARENA_MAX  ((size_t)64 << 20)

struct asked_unit {
    const char *layer;
    const char *unit;
    const char *why; /* of its first attempt; NULL = reuse had no say, or it never started */
    bool started;
    bool ended;
};

struct why_run {
    struct event_sink sink;
    const char *asked;
    bool json;
    struct arena *arena;
    struct str out;
    char *run;
    uint64_t found;

    struct {
        VEC_FIELDS(struct asked_unit);
    } units;

    int error;
};

static struct asked_unit *unit_of(struct why_run *why, const char *layer, const char *unit)
{
    const struct layer named = {.id = layer};
    if (!sched_explains(why->asked, &named, unit)) {
        return NULL;
    }
    struct asked_unit *item = NULL;
    vec_for_each (item, &why->units) {
        if (strcmp(item->layer, layer) == 0 && strcmp(item->unit, unit) == 0) {
            return item;
        }
    }
    const struct asked_unit added = {.layer = arena_strdup(why->arena, layer),
                                     .unit = arena_strdup(why->arena, unit)};
    if (added.layer == NULL || added.unit == NULL || vec_push(&why->units, added) < 0) {
        why->error = -ENOMEM;
        return NULL;
    }
    return &why->units.items[why->units.count - 1];
}

/* ---- words ---- */

static const char *decision_of(const struct asked_unit *item, const struct outcome *outcome)
{
    if (outcome != NULL && outcome->reused != NULL) {
        return "hit";
    }
    return item->started ? "run" : "skip";
}

/* Why it was decided so; appended to `text`. */
static void put_reason(struct str *text,
                       const struct asked_unit *item,
                       const struct outcome *outcome,
                       int64_t now_ms)
{
    if (outcome != NULL && outcome->reused != NULL) {
        (void)str_append(text, "evidence answered, of ");
        reused_words(outcome->reused, now_ms, text);
    } else if (item->why != NULL) {
        (void)str_append(text, item->why);
    } else if (item->started) {
        (void)str_append(text, "nothing was looked up for it");
    } else {
        (void)str_append(text,
                         outcome != NULL && outcome->message != NULL ? outcome->message
                                                                     : "it never started");
    }
}

static void put_lines(struct why_run *why,
                      const struct asked_unit *item,
                      const struct outcome *outcome,
                      const char *reason)
{
    struct str *out = &why->out;
    (void)str_appendf(out, "%s/%s, in run %s\n", item->layer, item->unit, why->run);
    (void)str_appendf(out, "%s: %s\n", decision_of(item, outcome), reason);
    if (outcome == NULL) {
        (void)str_append(out, "  it never ended in that run\n");
        return;
    }
    (void)str_appendf(out, "  it %s", outcome_status_name(outcome->status));
    if (outcome->attempt > 1) {
        (void)str_appendf(out, ", at attempt %u", outcome->attempt);
    }
    if (outcome->reused != NULL && outcome->reused->evidence != NULL) {
        (void)str_appendf(out, " (evidence %s)", outcome->reused->evidence);
    }
    (void)str_append_char(out, '\n');
    if (outcome->message != NULL && item->started) {
        (void)str_append(out, "  ");
        (void)text_show(out, outcome->message, strlen(outcome->message));
        (void)str_append_char(out, '\n');
    }
    if (outcome->unstored != NULL) {
        (void)str_append(out, "  it earned no evidence: ");
        (void)text_show(out, outcome->unstored, strlen(outcome->unstored));
        (void)str_append_char(out, '\n');
    }
}

static void put_json(struct why_run *why,
                     const struct asked_unit *item,
                     const struct outcome *outcome,
                     const char *reason)
{
    struct json_writer w;
    jw_begin(&w, &why->out);
    jw_object(&w);
    jw_put_string(&w, "id", item->unit);
    jw_put_string(&w, "layer", item->layer);
    jw_put_string(&w, "run", why->run);
    jw_put_string(&w, "decision", decision_of(item, outcome));
    jw_put_string(&w, "reason", reason);
    if (outcome != NULL) {
        jw_put_string(&w, "status", outcome_status_name(outcome->status));
        jw_put_int(&w, "attempt", (int64_t)outcome->attempt);
        jw_put_string(&w, "unstored", outcome->unstored);
        jw_put_string(&w, "evidence", outcome->reused != NULL ? outcome->reused->evidence : NULL);
    }
    jw_end_object(&w);
    (void)str_append_char(&why->out, '\n');
}

static void tell(struct why_run *why,
                 const struct asked_unit *item,
                 const struct outcome *outcome,
                 int64_t now_ms)
{
    CLEANUP(str_fini) struct str reason = STR_INIT(WHY_ANSWER_MAX);
    put_reason(&reason, item, outcome, now_ms);
    (why->json ? put_json : put_lines)(why, item, outcome, str_text(&reason));
    why->found++;
}

/* ---- events ---- */

static void on_started(struct why_run *why, const struct event *event)
{
    struct asked_unit *item = unit_of(why, event->u.unit_started.layer, event->u.unit_started.unit);
    if (item != NULL && !item->started) {
        item->started = true;
        item->why = event->u.unit_started.why != NULL
                        ? arena_strdup(why->arena, event->u.unit_started.why)
                        : NULL;
    }
}

static void on_finished(struct why_run *why, const struct event *event)
{
    const struct outcome *outcome = event->u.unit_finished.outcome;
    struct asked_unit *item =
        unit_of(why, event->u.unit_finished.layer, event->u.unit_finished.unit);
    if (item != NULL && outcome != NULL && outcome->final) {
        item->ended = true;
        tell(why, item, outcome, event->time_ms);
    }
}

static void emit(struct event_sink *sink, const struct event *event)
{
    struct why_run *why = (struct why_run *)(void *)sink; /* first member */
    if (event->type == EVENT_RUN_STARTED) {
        mem_free(why->run);
        why->run = mem_strdup(event->u.run_started.run_id);
        why->error = why->run == NULL ? -ENOMEM : why->error;
    } else if (event->type == EVENT_UNIT_STARTED) {
        on_started(why, event);
    } else if (event->type == EVENT_UNIT_FINISHED) {
        on_finished(why, event);
    }
}

/* ---- life ---- */

int why_run_new(const char *unit, bool json, struct why_run **ret_why, struct err *err)
{
    struct why_run *why = mem_calloc(1, sizeof *why);
    struct arena *arena = arena_new(WHY_ARENA_MAX);
    if (why == NULL || arena == NULL) {
        mem_free(why);
        arena_free(arena);
        return err_set(err, -ENOMEM, "out of memory");
    }
    *why = (struct why_run){.sink = {.emit = emit},
                            .asked = unit,
                            .json = json,
                            .arena = arena,
                            .out = STR_INIT(WHY_ANSWER_MAX)};
    *ret_why = why;
    return 0;
}

struct event_sink *why_run_sink(struct why_run *why)
{
    return &why->sink;
}

int why_run_end(struct why_run *why)
{
    const struct asked_unit *item = NULL;
    vec_for_each (item, &why->units) {
        if (!item->ended) {
            tell(why, item, NULL, 0);
        }
    }
    return why->error != 0 ? why->error : str_error(&why->out);
}

uint64_t why_run_found(const struct why_run *why)
{
    return why->found;
}

struct str *why_run_answer(struct why_run *why)
{
    return &why->out;
}

void why_run_free(struct why_run *why)
{
    if (why == NULL) {
        return;
    }
    vec_fini(&why->units);
    str_fini(&why->out);
    arena_free(why->arena);
    mem_free(why->run);
    mem_free(why);
}
