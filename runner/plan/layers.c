/* SPDX-License-Identifier: Apache-2.0 */
/* When layers leave WAITING, and how DONE ones let others start. Looked at only after a layer got
 * DONE, so a unit costs nothing here. */
#include "plan/plan_impl.h"

#include <assert.h>
#include <string.h>

void layer_queue_push(struct layer_queue *queue, size_t layer)
{
    queue->items[queue->tail++] = (uint32_t)layer;
}

bool layer_queue_pop(struct layer_queue *queue, size_t *ret_layer)
{
    if (queue->head == queue->tail) {
        return false;
    }
    *ret_layer = queue->items[queue->head++];
    return true;
}

void plan_layer_done(struct plan *plan, size_t layer, bool satisfied)
{
    struct plan_layer *l = &plan->layers[layer];
    size_t stage = layer_of(plan, layer)->stage;

    assert(l->state != LAYER_DONE);
    l->state = LAYER_DONE;
    l->satisfied = satisfied;
    plan->done++;
    plan->layers_changed = true;
    if (!l->active) {
        return;
    }
    assert(plan->stage_undone[stage] > 0);
    plan->stage_undone[stage]--;
    if (!satisfied && plan->stage_blocker[stage] == NONE) {
        plan->stage_blocker[stage] = (uint32_t)layer;
    }
}

void plan_layer_skip(struct plan *plan, size_t layer, const char *reason, bool satisfied)
{
    plan->layers[layer].reason = reason;
    plan_layer_done(plan, layer, satisfied);
    layer_queue_push(&plan->skips, layer);
}

void plan_layers_start(struct plan *plan)
{
    size_t count = plan->pipeline->layer_count;

    for (size_t i = 0; i < count; i++) {
        if (plan->layers[i].active) {
            plan->stage_undone[layer_of(plan, i)->stage]++;
        }
    }
    for (size_t n = 0; n < count; n++) {
        size_t i = plan->by_stage[n];
        if (!plan->layers[i].active) {
            plan_layer_skip(plan, i, plan->layers[i].reason, true);
        }
    }
    plan->layers_changed = true;
}

enum standing {
    STANDING_WAIT,
    STANDING_READY,
    STANDING_BLOCKED, /* *blocker is why */
};

/* A layer with `needs`. */
static enum standing by_needs(const struct plan *plan, size_t layer, size_t *blocker)
{
    const struct layer *l = layer_of(plan, layer);
    enum standing standing = STANDING_READY;

    for (size_t n = 0; n < l->need_count; n++) {
        const struct plan_layer *need = &plan->layers[l->needs[n]];
        if (need->state != LAYER_DONE) {
            standing = STANDING_WAIT;
        } else if (!need->satisfied) {
            *blocker = l->needs[n];
            return STANDING_BLOCKED;
        }
    }
    return standing;
}

/* A layer without: all layers of the stages before that take part. */
static enum standing by_stage(const struct plan *plan, size_t layer, size_t *blocker)
{
    enum standing standing = STANDING_READY;

    for (size_t s = 0; s < layer_of(plan, layer)->stage; s++) {
        if (plan->stage_blocker[s] != NONE) {
            *blocker = plan->stage_blocker[s];
            return STANDING_BLOCKED;
        }
        if (plan->stage_undone[s] != 0) {
            standing = STANDING_WAIT;
        }
    }
    return standing;
}

static const char *blocked_reason(struct plan *plan, size_t blocker)
{
    const struct plan_layer *layer = &plan->layers[blocker];
    const char *what = layer->reason != NULL ? "was skipped" : "did not open its gate";
    const char *reason =
        arena_printf(plan->arena, "layer \"%s\" %s", layer_of(plan, blocker)->id, what);

    return reason != NULL ? reason : "a layer before it did not open its gate";
}

static bool move_on(struct plan *plan, size_t layer)
{
    struct plan_layer *l = &plan->layers[layer];
    size_t blocker = 0;

    if (l->state != LAYER_WAITING || l->ready) {
        return false;
    }
    enum standing standing = layer_of(plan, layer)->has_needs ? by_needs(plan, layer, &blocker)
                                                              : by_stage(plan, layer, &blocker);
    if (standing == STANDING_READY) {
        l->ready = true;
        layer_queue_push(&plan->ready, layer);
    } else if (standing == STANDING_BLOCKED) {
        plan_layer_skip(plan, layer, blocked_reason(plan, blocker), false);
    }
    return standing == STANDING_BLOCKED;
}

void plan_layers_update(struct plan *plan)
{
    while (plan->layers_changed) {
        plan->layers_changed = false;
        for (size_t n = 0; n < plan->pipeline->layer_count; n++) {
            (void)move_on(plan, plan->by_stage[n]);
        }
    }
}

void plan_layer_check_ended(struct plan *plan, size_t layer)
{
    struct plan_layer *l = &plan->layers[layer];

    if (l->state != LAYER_RUNNING || l->running != 0) {
        return;
    }
    if (plan->stopped || l->ended == l->counts.selected) {
        l->state = LAYER_JUDGING;
        layer_queue_push(&plan->judges, layer);
    }
}
