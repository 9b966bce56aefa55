/* SPDX-License-Identifier: Apache-2.0 */
/* Lock names become numbers, lists of them become sets with one id each, so that units with the
 * same locks share one id. */
#include "base/mem.h"
#include "plan/plan_impl.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

static int lock_intern(struct plan *plan, const char *name, uint32_t *ret_lock)
{
    uintptr_t known = 0;

    if (map_get(&plan->lock_names, name, &known) == 1) {
        *ret_lock = (uint32_t)known;
        return 0;
    }
    if (plan->locks.count >= NONE || vec_push(&plan->locks, (struct lock){0}) != 0) {
        return -ENOMEM;
    }
    if (map_add(&plan->lock_names, name, plan->locks.count - 1) < 0) {
        plan->locks.count--;
        return -ENOMEM;
    }
    *ret_lock = (uint32_t)(plan->locks.count - 1);
    return 0;
}

static int collect(struct plan *plan, const struct text_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        uint32_t lock = NONE;
        if (lock_intern(plan, list->items[i], &lock) != 0 || vec_push(&plan->scratch, lock) != 0) {
            return -ENOMEM;
        }
    }
    return 0;
}

static int compare_ids(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

/* Sorts the ids in scratch, drops repeated ones and writes the set's key to scratch_text. */
static int make_key(struct plan *plan)
{
    size_t kept = 0;

    if (plan->scratch.count > 1) {
        qsort(plan->scratch.items, plan->scratch.count, sizeof(uint32_t), compare_ids);
    }
    str_clear(&plan->scratch_text);
    for (size_t i = 0; i < plan->scratch.count; i++) {
        uint32_t lock = plan->scratch.items[i];
        if (kept != 0 && plan->scratch.items[kept - 1] == lock) {
            continue;
        }
        plan->scratch.items[kept++] = lock;
        (void)str_appendf(&plan->scratch_text, "%x,", lock); /* checked once, below */
    }
    plan->scratch.count = kept;
    return str_error(&plan->scratch_text) != 0 ? -ENOMEM : 0;
}

static int add_set(struct plan *plan, uint32_t *ret_lockset)
{
    size_t begin = plan->lock_ids.count;
    char *key = arena_strdup(plan->arena, str_text(&plan->scratch_text));

    if (key == NULL || begin + plan->scratch.count >= NONE || plan->locksets.count >= NONE) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < plan->scratch.count; i++) {
        if (vec_push(&plan->lock_ids, plan->scratch.items[i]) != 0) {
            plan->lock_ids.count = begin;
            return -ENOMEM;
        }
    }
    struct lockset set = {(uint32_t)begin, (uint32_t)plan->lock_ids.count};
    if (vec_push(&plan->locksets, set) != 0) {
        plan->lock_ids.count = begin;
        return -ENOMEM;
    }
    if (map_add(&plan->lockset_keys, key, plan->locksets.count - 1) < 0) {
        plan->locksets.count--;
        plan->lock_ids.count = begin;
        return -ENOMEM;
    }
    *ret_lockset = (uint32_t)(plan->locksets.count - 1);
    return 0;
}

int plan_lockset_intern(struct plan *plan,
                        const struct text_list *a,
                        const struct text_list *b,
                        uint32_t *ret_lockset)
{
    uintptr_t known = 0;

    plan->scratch.count = 0;
    if (collect(plan, a) != 0 || collect(plan, b) != 0 || make_key(plan) != 0) {
        return -ENOMEM;
    }
    if (map_get(&plan->lockset_keys, str_text(&plan->scratch_text), &known) == 1) {
        *ret_lockset = (uint32_t)known;
        return 0;
    }
    return add_set(plan, ret_lockset);
}

uint32_t *plan_lock_waiters(struct plan *plan, uint32_t lock, uint32_t weight_class)
{
    struct lock_waiters *waiters;

    vec_for_each (waiters, &plan->locks.items[lock].waiters) {
        if (waiters->weight_class == weight_class) {
            return &waiters->root;
        }
    }
    return NULL;
}

int plan_lockset_prepare(struct plan *plan, uint32_t lockset, uint32_t weight_class)
{
    const struct lockset *set = &plan->locksets.items[lockset];

    for (uint32_t i = set->begin; i < set->end; i++) {
        uint32_t lock = plan->lock_ids.items[i];
        struct lock_waiters none = {weight_class, NONE};
        if (plan_lock_waiters(plan, lock, weight_class) == NULL
            && vec_push(&plan->locks.items[lock].waiters, none) != 0) {
            return -ENOMEM;
        }
    }
    return 0;
}

uint32_t plan_lockset_first_held(const struct plan *plan, uint32_t lockset)
{
    const struct lockset *set = &plan->locksets.items[lockset];

    for (uint32_t i = set->begin; i < set->end; i++) {
        uint32_t lock = plan->lock_ids.items[i];
        if (plan->locks.items[lock].held) {
            return lock;
        }
    }
    return NONE;
}

void plan_locks_fini(struct plan *plan)
{
    struct lock *lock;

    vec_for_each (lock, &plan->locks) {
        vec_fini(&lock->waiters);
    }
    vec_fini(&plan->locks);
    vec_fini(&plan->locksets);
    vec_fini(&plan->lock_ids);
    map_fini(&plan->lock_names);
    map_fini(&plan->lockset_keys);
}
