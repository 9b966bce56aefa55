/* SPDX-License-Identifier: Apache-2.0 */
/* The order of units, sorted once per layer when its units are known. */
#include "base/mem.h"
#include "plan/plan_impl.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

bool plan_unit_before(const struct plan *plan, uint32_t a, uint32_t b)
{
    const struct plan_unit *x = &plan->units.items[a];
    const struct plan_unit *y = &plan->units.items[b];

    if (x->layer != y->layer) {
        size_t x_stage = layer_of(plan, x->layer)->stage;
        size_t y_stage = layer_of(plan, y->layer)->stage;
        if (x_stage != y_stage) {
            return x_stage < y_stage;
        }
    }
    bool x_failed = x->failed_recently && !x->in_order;
    bool y_failed = y->failed_recently && !y->in_order;
    if (x_failed != y_failed) {
        return x_failed;
    }
    /* Among those of other layers, units in their plugin's order count as unknown. */
    uint32_t x_ms = x->in_order ? 0 : x->duration_ms;
    uint32_t y_ms = y->in_order ? 0 : y->duration_ms;
    if (x_ms != y_ms) {
        return x_ms > y_ms;
    }
    /* The plugin's order; across layers, the pipeline's. */
    return x->layer != y->layer ? x->layer < y->layer : a < b;
}

static bool same_lane(const struct plan_unit *x, const struct plan_unit *y)
{
    return x->lockset == y->lockset && x->weight_class == y->weight_class;
}

/* Lanes one after the other, each in starting order. */
static int compare(const void *a, const void *b, void *context)
{
    const struct plan *plan = context;
    uint32_t u = *(const uint32_t *)a;
    uint32_t v = *(const uint32_t *)b;
    const struct plan_unit *x = &plan->units.items[u];
    const struct plan_unit *y = &plan->units.items[v];

    if (x->weight_class != y->weight_class) {
        return x->weight_class < y->weight_class ? -1 : 1;
    }
    if (x->lockset != y->lockset) {
        return x->lockset < y->lockset ? -1 : 1;
    }
    return plan_unit_before(plan, u, v) ? -1 : u != v;
}

/* Sorts order[begin..). Often it is sorted already: a first run knows no durations. */
static void sort_units(struct plan *plan, size_t begin)
{
    size_t count = plan->order.count - begin;

    if (count == 0) {
        return;
    }
    uint32_t *units = &plan->order.items[begin];
    for (size_t i = 1; i < count; i++) {
        if (compare(&units[i - 1], &units[i], plan) > 0) {
            qsort_r(units, count, sizeof *units, compare, plan);
            return;
        }
    }
}

/* Makes a lane of order[begin..end). */
static int add_lane(struct plan *plan, size_t begin, size_t end)
{
    const struct plan_unit *unit = &plan->units.items[plan->order.items[begin]];
    struct lane lane = {.begin = (uint32_t)begin,
                        .end = (uint32_t)end,
                        .lockset = unit->lockset,
                        .weight_class = unit->weight_class,
                        .parked_on = NONE,
                        .woken_by = NONE};

    if (plan_lockset_prepare(plan, lane.lockset, lane.weight_class) != 0) {
        return -ENOMEM;
    }
    return vec_push(&plan->lanes, lane);
}

static int cut_lanes(struct plan *plan, size_t begin)
{
    for (size_t end = begin + 1; begin < plan->order.count; end++) {
        const uint32_t *order = plan->order.items;
        const struct plan_unit *units = plan->units.items;
        if (end < plan->order.count && same_lane(&units[order[begin]], &units[order[end]])) {
            continue;
        }
        if (add_lane(plan, begin, end) != 0) {
            return -ENOMEM;
        }
        begin = end;
    }
    return 0;
}

/* Each unit that waits for another one is a lane of its own: it is put up when that has passed. */
static int add_waiting_lanes(struct plan *plan, size_t layer)
{
    int rc = 0;
    for (uint32_t unit = plan->layers[layer].first_unit; unit != NONE && rc == 0;
         unit = plan->units.items[unit].next) {
        if (plan->units.items[unit].state == UNIT_IDLE && plan_link_waits(plan, unit)) {
            rc = vec_push(&plan->order, unit);
            rc = rc == 0 ? add_lane(plan, plan->order.count - 1, plan->order.count) : rc;
        }
    }
    return rc;
}

/* Tells the units of a lane where they are; they start with no attempt made. */
static void settle_lane(struct plan *plan, uint32_t lane)
{
    const struct lane *l = &plan->lanes.items[lane];

    for (uint32_t at = l->begin; at < l->end; at++) {
        struct plan_unit *unit = &plan->units.items[plan->order.items[at]];
        unit->lane = lane;
        unit->attempts = 0;
    }
    if (!plan_link_waits(plan, plan->order.items[l->begin])) {
        plan_lane_add(plan, lane);
    }
}

int plan_order_layer(struct plan *plan, size_t layer)
{
    size_t begin = plan->order.count;
    size_t first_lane = plan->lanes.count;
    int rc = 0;

    for (uint32_t unit = plan->layers[layer].first_unit; unit != NONE && rc == 0;
         unit = plan->units.items[unit].next) {
        if (plan->units.items[unit].state == UNIT_IDLE && !plan_link_waits(plan, unit)) {
            rc = vec_push(&plan->order, unit);
        }
    }
    if (rc == 0) {
        sort_units(plan, begin);
        rc = cut_lanes(plan, begin);
        rc = rc == 0 ? add_waiting_lanes(plan, layer) : rc;
    }
    if (rc != 0) {
        plan->order.count = begin;
        plan->lanes.count = first_lane;
        return rc;
    }
    for (size_t lane = first_lane; lane < plan->lanes.count; lane++) {
        settle_lane(plan, (uint32_t)lane);
    }
    return 0;
}
