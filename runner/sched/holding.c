/* SPDX-License-Identifier: Apache-2.0 */
/* While git looks at the tree, the run goes on as if it were the one it was last time: see
 * confirm() of sched.h. What happens meanwhile is not told; it is kept here, and told when the tree
 * turns out to be that one, or forgotten. No event of a program that was started can be among it.
 */
#include "base/mem.h"
#include "model/event_json.h"
#include "sched/sched_impl.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

/* Events that a layer has besides those of its units. */
#define EVENTS_BESIDE 16u

static const char *keep_text(struct holding *holding, const char *text)
{
    const char *copy = text != NULL ? arena_strdup(holding->arena, text) : NULL;
    holding->failed = holding->failed || (text != NULL && copy == NULL);
    return copy;
}

/* Of a text that is the same in event after event, one copy is enough. `place` is which one. */
static const char *keep_common(struct holding *holding, unsigned place, const char *text)
{
    assert(place < HOLDING_TEXTS);
    if (text == NULL) {
        return NULL;
    }
    if (holding->texts[place] == NULL || strcmp(holding->texts[place], text) != 0) {
        holding->texts[place] = keep_text(holding, text);
    }
    return holding->texts[place];
}

static void *keep_bytes(struct holding *holding, const void *bytes, size_t count, size_t size)
{
    void *copy = count > 0 ? arena_calloc(holding->arena, count, size) : NULL;
    if (copy != NULL) {
        memcpy(copy, bytes, count * size);
    }
    holding->failed = holding->failed || (count > 0 && copy == NULL);
    return copy;
}

static void keep_cases(struct holding *holding, struct case_list *cases)
{
    struct test_case *items = keep_bytes(holding, cases->items, cases->count, sizeof *items);
    for (size_t i = 0; items != NULL && i < cases->count; i++) {
        const char **const texts[] = {
            &items[i].suite,
            &items[i].classname,
            &items[i].name,
            &items[i].file,
            &items[i].message,
            &items[i].type,
            &items[i].details,
            &items[i].output,
        };
        for (size_t k = 0; k < sizeof texts / sizeof texts[0]; k++) {
            *texts[k] = keep_text(holding, *texts[k]);
        }
    }
    cases->items = items;
}

static const struct outcome *keep_outcome(struct holding *holding, const struct outcome *outcome)
{
    struct outcome *copy = keep_bytes(holding, outcome, 1, sizeof *copy);
    if (copy == NULL) {
        return NULL;
    }
    copy->message = keep_text(holding, copy->message);
    copy->hint = keep_text(holding, copy->hint);
    copy->unstored = keep_text(holding, copy->unstored);
    copy->warning = keep_text(holding, copy->warning);
    copy->out.file = keep_common(holding, 0, copy->out.file);
    copy->err.file = keep_common(holding, 0, copy->err.file);
    copy->trace = NULL; /* of what ran, and nothing did */
    keep_cases(holding, &copy->cases);
    struct reused *reused =
        keep_bytes(holding, copy->reused, copy->reused != NULL ? 1 : 0, sizeof *reused);
    if (reused != NULL) {
        reused->evidence = keep_text(holding, reused->evidence);
        reused->run = keep_common(holding, 1, reused->run);
        reused->change = keep_common(holding, 2, reused->change);
        reused->tree = keep_common(holding, 3, reused->tree);
    }
    copy->reused = reused;
    return copy;
}

/* Without a plugin's own findings: these come of a program that judges. */
static void keep_judged(struct holding *holding, struct event *event)
{
    struct judgement *judgement = NULL;
    struct verdict *verdict =
        keep_bytes(holding, event->u.layer_judged.verdict, 1, sizeof *verdict);
    event->u.layer_judged.tally =
        keep_bytes(holding, event->u.layer_judged.tally, 1, sizeof(struct tally));
    if (event->u.layer_judged.judgement != NULL) {
        judgement = keep_bytes(holding, event->u.layer_judged.judgement, 1, sizeof *judgement);
    }
    if (judgement != NULL) {
        assert(judgement->finding_count == 0 && judgement->artifacts.count == 0);
        judgement->metrics = keep_bytes(
            holding, judgement->metrics, judgement->metric_count, sizeof *judgement->metrics);
    }
    if (verdict != NULL) {
        verdict->reason = keep_text(holding, verdict->reason);
    }
    event->u.layer_judged.verdict = verdict;
    event->u.layer_judged.judgement = judgement;
}

/* Names of layers and units, and what is known of a unit, live as long as the run. */
static void copy_parts(struct holding *holding, struct event *event)
{
    switch (event->type) {
    case EVENT_RUN_STARTED:
        event->u.run_started.host = keep_text(holding, event->u.run_started.host);
        break;
    case EVENT_UNIT_FINISHED:
        event->u.unit_finished.outcome = keep_outcome(holding, event->u.unit_finished.outcome);
        break;
    case EVENT_LAYER_JUDGED:
        keep_judged(holding, event);
        break;
    case EVENT_NOTE:
        event->u.note.text = keep_text(holding, event->u.note.text);
        break;
    case EVENT_LAYER_STARTED:
    case EVENT_LAYER_PLANNED:
        break;
    case EVENT_UNIT_STARTED:
    case EVENT_UNIT_SLOW:
    case EVENT_RUN_FINISHED:
        assert(false); /* these come of what was started, or after all */
    }
}

/* What the event log will say of it: there is time for it now, and hardly any once the tree is
 * known. */
static void keep_line(struct holding *holding, struct event *event)
{
    str_clear(&holding->line);
    if (event_write(&holding->line, event) != 0) {
        holding->failed = true;
        return;
    }
    event->line = arena_strndup(holding->arena, holding->line.data, holding->line.len);
    event->line_len = holding->line.len;
    holding->failed = event->line == NULL;
}

/* Room for as many as are to come, once: an array that doubles as it grows touches three times the
 * memory. Without it, it grows. */
static void expect(struct holding *holding, uint64_t count)
{
    const size_t cap = size_add(holding->events.count, size_add(count, EVENTS_BESIDE));
    if (cap <= holding->events.cap) {
        return;
    }
    struct event *items = mem_realloc(holding->events.items, cap, sizeof *items);
    if (items != NULL) {
        holding->events.items = items;
        holding->events.cap = cap;
    }
}

void holding_keep(struct sched *sched, const struct event *event)
{
    struct holding *holding = &sched->holding;
    struct event copy = *event;
    if (holding->arena == NULL) {
        holding->arena = arena_new(HOLDING_ARENA_MAX);
        str_init(&holding->line, EVENT_LINE_MAX);
    }
    if (holding->arena == NULL) {
        holding->failed = true;
        return;
    }
    if (event->type == EVENT_LAYER_PLANNED) {
        expect(holding, event->u.layer_planned.units);
    }
    copy_parts(holding, &copy);
    if (!holding->failed) {
        keep_line(holding, &copy);
    }
    holding->failed = holding->failed || vec_push(&holding->events, copy) != 0;
}

static void tell(struct sched *sched)
{
    const struct sched_options *options = sched->options;
    const struct holding *holding = &sched->holding;
    const struct event *event;
    if (options->emit_kept != NULL && holding->events.count > 0) {
        options->emit_kept(options->sink, holding->events.items, holding->events.count);
    } else {
        vec_for_each (event, &holding->events) {
            options->sink->emit(options->sink, event);
        }
    }
    holding_fini(&sched->holding);
}

void holding_fini(struct holding *holding)
{
    vec_fini(&holding->events);
    str_fini(&holding->line);
    arena_free(holding->arena);
    *holding = (struct holding){0};
}

/* Nothing that was kept may be lost. */
static int tell_kept(struct sched *sched)
{
    if (sched->holding.failed) {
        return err_set(&sched->refusal, -ENOMEM, "out of memory for what was reused");
    }
    sched->confirmed = true;
    tell(sched);
    return 0;
}

/* Nothing is kept while we wait, so the events stay where they are. */
static void tell_ahead(struct sched *sched)
{
    const struct sched_options *options = sched->options;
    const struct holding *holding = &sched->holding;
    if (options->emit_ahead != NULL && !holding->failed && holding->events.count > 0) {
        options->emit_ahead(options->sink, holding->events.items, holding->events.count);
    }
}

/* Told is at the end, if that is near: then there are two threads for all of it. */
bool sched_confirm(struct sched *sched, bool wait)
{
    const struct sched_options *options = sched->options;
    if (sched->confirmed || sched->refused != 0) {
        return sched->refused == 0;
    }
    if (wait && !sched->known) {
        tell_ahead(sched);
    }
    int rc = sched->known ? 1 : options->confirm(options->confirm_context, wait, &sched->refusal);
    sched->known = rc > 0;
    if (rc > 0) {
        rc = wait || sched->holding.events.count >= HOLDING_COUNT ? tell_kept(sched) : 0;
    }
    sched->refused = rc < 0 ? rc : 0;
    if (rc < 0 && options->forget_ahead != NULL) {
        options->forget_ahead(options->sink); /* before what it reads is freed */
    }
    return rc >= 0;
}

int sched_refused(const struct sched *sched, struct err *err)
{
    return sched->refused == 0 ? 0 : err_set(err, sched->refused, "%s", sched->refusal.text);
}
