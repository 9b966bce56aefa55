/* SPDX-License-Identifier: Apache-2.0 */
/* Which unit starts next.
 *
 * Every lane that has units is in one heap: that of its weight class while its locks are free as
 * far as is known, or that of (lock, weight class) while it waits for a lock. When a lane on top of
 * its class turns out to need a held lock, it is parked there. When a lock is given back, only the
 * best waiter of each class is woken, as the delegate of all who wait there: they all sort behind
 * it. A delegate that has to park elsewhere wakes the next one in its place. So for each class the
 * best lane whose locks are free is always in the class's heap, and a thousand lanes that wait for
 * one lock cost one step, not a thousand, each time it is given back.
 *
 * Among the classes' tops that fit the free slots the earliest unit wins. A top that does not fit
 * is passed at most PLAN_OVERTAKE_MAX times by later units; then nothing later starts until it
 * does. */
#include "base/mem.h"
#include "plan/plan_impl.h"

#include <assert.h>
#include <errno.h>

int plan_weight_class(struct plan *plan, uint32_t weight, uint16_t *ret_class)
{
    assert(weight >= 1 && weight <= plan->options.slots);
    for (size_t i = 0; i < plan->classes.count; i++) {
        if (plan->classes.items[i].weight == weight) {
            *ret_class = (uint16_t)i;
            return 0;
        }
    }
    struct weight_class added = {.weight = weight, .root = NONE};
    if (plan->classes.count > UINT16_MAX || vec_push(&plan->classes, added) != 0) {
        return -ENOMEM;
    }
    *ret_class = (uint16_t)(plan->classes.count - 1);
    return 0;
}

static uint32_t *heap_of(struct plan *plan, const struct lane *lane)
{
    return lane->parked_on == NONE ? &plan->classes.items[lane->weight_class].root
                                   : plan_lock_waiters(plan, lane->parked_on, lane->weight_class);
}

void plan_lane_add(struct plan *plan, uint32_t lane)
{
    struct lane *l = &plan->lanes.items[lane];

    assert(l->begin < l->end);
    l->parked_on = NONE;
    lane_heap_insert(plan, heap_of(plan, l), lane);
}

/* Moves the best waiter of one class, if any, from the lock to its class. */
static void wake_one(struct plan *plan, uint32_t lock, struct lock_waiters *waiters)
{
    uint32_t lane = waiters->root;

    if (lane == NONE) {
        return;
    }
    lane_heap_remove(plan, &waiters->root, lane);
    plan->lanes.items[lane].woken_by = lock;
    plan_lane_add(plan, lane);
}

/* Parks the top of a class on a held lock. */
static void park(struct plan *plan, uint32_t lane, uint32_t lock)
{
    struct lane *l = &plan->lanes.items[lane];
    uint32_t sent_by = l->woken_by;

    lane_heap_remove(plan, heap_of(plan, l), lane);
    l->parked_on = lock;
    l->woken_by = NONE;
    lane_heap_insert(plan, heap_of(plan, l), lane);
    if (sent_by == NONE || plan->locks.items[sent_by].held) {
        return;
    }
    struct lock_waiters *waiters;
    vec_for_each (waiters, &plan->locks.items[sent_by].waiters) {
        if (waiters->weight_class == l->weight_class) {
            wake_one(plan, sent_by, waiters);
        }
    }
}

/* The best lane of the class whose locks are free; the ones before it are parked on the way. */
static uint32_t settle(struct plan *plan, const struct weight_class *class)
{
    while (class->root != NONE) {
        uint32_t top = class->root;
        uint32_t held = plan_lockset_first_held(plan, plan->lanes.items[top].lockset);
        if (held == NONE) {
            return top;
        }
        park(plan, top, held);
    }
    return NONE;
}

static uint32_t lane_first(const struct plan *plan, uint32_t lane)
{
    return plan->order.items[plan->lanes.items[lane].begin];
}

static bool lane_before(const struct plan *plan, uint32_t a, uint32_t b)
{
    return b == NONE || plan_unit_before(plan, lane_first(plan, a), lane_first(plan, b));
}

/* The lane to start from, or NONE. */
static uint32_t choose(struct plan *plan)
{
    const struct weight_class *class;
    uint32_t best = NONE;    /* the earliest that fits */
    uint32_t waiting = NONE; /* the earliest that was passed often enough */

    vec_for_each (class, &plan->classes) {
        uint32_t top = settle(plan, class);
        if (top == NONE) {
            continue;
        }
        if (class->weight <= plan->free_slots) {
            best = lane_before(plan, top, best) ? top : best;

        } else if (class->overtaken >= PLAN_OVERTAKE_MAX) {
            waiting = lane_before(plan, top, waiting) ? top : waiting;
        }
    }
    return best != NONE && waiting != NONE && lane_before(plan, waiting, best) ? NONE : best;
}

/* Counts, for each class whose top does not fit, that the chosen lane passes it. */
static void count_overtaking(struct plan *plan, uint32_t chosen)
{
    struct weight_class *class;

    vec_for_each (class, &plan->classes) {
        if (class->root != NONE && class->weight > plan->free_slots
            && lane_before(plan, class->root, chosen)) {
            class->overtaken++;
        }
    }
    plan->classes.items[plan->lanes.items[chosen].weight_class].overtaken = 0;
}

static void hold_locks(struct plan *plan, uint32_t lockset, bool held)
{
    const struct lockset *set = &plan->locksets.items[lockset];

    for (uint32_t i = set->begin; i < set->end; i++) {
        struct lock *lock = &plan->locks.items[plan->lock_ids.items[i]];
        assert(lock->held != held);
        lock->held = held;
    }
}

uint32_t plan_lanes_take(struct plan *plan)
{
    if (plan->free_slots == 0) {
        return NONE;
    }
    uint32_t lane = choose(plan);
    if (lane == NONE) {
        return NONE;
    }
    count_overtaking(plan, lane);
    struct lane *l = &plan->lanes.items[lane];
    uint32_t unit = lane_first(plan, lane);
    lane_heap_remove(plan, heap_of(plan, l), lane);
    hold_locks(plan, l->lockset, true);
    plan->free_slots -= plan->classes.items[l->weight_class].weight;
    l->woken_by = NONE;
    l->begin++;
    if (l->begin < l->end) {
        plan_lane_add(plan, lane);
    }
    return unit;
}

void plan_lanes_release(struct plan *plan, uint32_t unit)
{
    const struct lane *lane = &plan->lanes.items[plan->units.items[unit].lane];
    const struct lockset *set = &plan->locksets.items[lane->lockset];

    plan->free_slots += plan->classes.items[lane->weight_class].weight;
    assert(plan->free_slots <= plan->options.slots);
    hold_locks(plan, lane->lockset, false);
    for (uint32_t i = set->begin; i < set->end; i++) {
        uint32_t lock = plan->lock_ids.items[i];
        struct lock_waiters *waiters;
        vec_for_each (waiters, &plan->locks.items[lock].waiters) {
            wake_one(plan, lock, waiters);
        }
    }
}

void plan_lanes_return(struct plan *plan, uint32_t unit)
{
    uint32_t lane = plan->units.items[unit].lane;
    struct lane *l = &plan->lanes.items[lane];

    /* Its first unit may change, so the lane leaves its heap and enters its class's again. */
    if (l->begin < l->end) {
        lane_heap_remove(plan, heap_of(plan, l), lane);
    }
    /* The place before `begin` was this lane's when the unit was taken. Units that came back
     * earlier are the only ones that can sort before it. */
    uint32_t at = --l->begin;
    while (at + 1 < l->end && plan_unit_before(plan, plan->order.items[at + 1], unit)) {
        plan->order.items[at] = plan->order.items[at + 1];
        at++;
    }
    plan->order.items[at] = unit;
    plan_lane_add(plan, lane);
}
