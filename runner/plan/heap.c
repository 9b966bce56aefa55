/* SPDX-License-Identifier: Apache-2.0 */
/* A pairing heap whose links are inside the lanes: inserting is O(1), removing O(log n) amortised,
 * and neither allocates, so nothing here can fail.
 *
 *        root            child -> first child
 *       /                next  -> right sibling
 *      a - b - c         prev  -> left sibling, or the parent of a first child
 */
#include "plan/plan_impl.h"

#include <assert.h>

static struct lane *lane_at(struct plan *plan, uint32_t lane)
{
    assert(lane < plan->lanes.count);
    return &plan->lanes.items[lane];
}

static uint32_t first_unit(const struct plan *plan, uint32_t lane)
{
    const struct lane *l = &plan->lanes.items[lane];

    assert(l->begin < l->end);
    return plan->order.items[l->begin];
}

/* Joins two heaps; the later top becomes the first child of the earlier one. */
static uint32_t meld(struct plan *plan, uint32_t a, uint32_t b)
{
    if (a == NONE || b == NONE) {
        return a == NONE ? b : a;
    }
    bool a_first = plan_unit_before(plan, first_unit(plan, a), first_unit(plan, b));
    uint32_t top = a_first ? a : b;
    uint32_t below = a_first ? b : a;
    struct lane *parent = lane_at(plan, top);
    struct lane *child = lane_at(plan, below);

    child->prev = top;
    child->next = parent->child;
    if (parent->child != NONE) {
        lane_at(plan, parent->child)->prev = below;
    }
    parent->child = below;
    parent->next = NONE;
    parent->prev = NONE;
    return top;
}

/* Makes one heap of a list of siblings: pairs from left to right, then all pairs from the right. */
static uint32_t meld_siblings(struct plan *plan, uint32_t first)
{
    uint32_t pairs = NONE; /* last pair first, linked through `next` */
    uint32_t top = NONE;

    while (first != NONE) {
        uint32_t a = first;
        uint32_t b = lane_at(plan, a)->next;
        first = b == NONE ? NONE : lane_at(plan, b)->next;
        uint32_t pair = meld(plan, a, b);
        lane_at(plan, pair)->next = pairs;
        pairs = pair;
    }
    while (pairs != NONE) {
        uint32_t next = lane_at(plan, pairs)->next;
        lane_at(plan, pairs)->next = NONE;
        top = meld(plan, top, pairs);
        pairs = next;
    }
    if (top != NONE) {
        lane_at(plan, top)->next = NONE;
        lane_at(plan, top)->prev = NONE;
    }
    return top;
}

void lane_heap_insert(struct plan *plan, uint32_t *root, uint32_t lane)
{
    struct lane *l = lane_at(plan, lane);

    l->child = NONE;
    l->next = NONE;
    l->prev = NONE;
    *root = meld(plan, *root, lane);
}

void lane_heap_remove(struct plan *plan, uint32_t *root, uint32_t lane)
{
    struct lane *l = lane_at(plan, lane);
    uint32_t children = meld_siblings(plan, l->child);

    if (*root == lane) {
        *root = children;
        return;
    }
    assert(l->prev != NONE);
    struct lane *left = lane_at(plan, l->prev);
    if (left->child == lane) {
        left->child = l->next;
    } else {
        left->next = l->next;
    }
    if (l->next != NONE) {
        lane_at(plan, l->next)->prev = l->prev;
    }
    *root = meld(plan, *root, children);
}
