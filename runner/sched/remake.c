/* SPDX-License-Identifier: Apache-2.0 */
/* Products that evidence promised and that are gone when somebody must see them: another process
 * tidied the cache up, or a file in it was damaged. Their unit ended long ago, as a hit. It runs
 * once more, in the slot of who needs them, and is no unit of the report: what comes out must be
 * what was promised, as other decisions of this run rest on it.
 *
 * Its own world may lack products as well. Then those are made first, and who waits tries again and
 * finds the next that lacks. Each try makes one set, so it ends. */
#include "base/file.h"
#include "base/mem.h"
#include "model/manifest.h"
#include "sched/sched_impl.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>

static struct product_set *set_at(struct sched *sched, size_t layer, size_t place)
{
    assert(place < sched->layers[layer].products.count);
    return &sched->layers[layer].products.items[place];
}

void remake_note_lost(struct sched *sched, const struct product_set *set)
{
    sched->restore_lost = true;
    sched->restore_lost_layer = set->layer;
    sched->restore_lost_set = (size_t)(set - sched->layers[set->layer].products.items);
    assert(set == set_at(sched, set->layer, sched->restore_lost_set));
}

/* ---- the end ---- */

/* Why what came out is no use; NULL = it is what was lost. */
static const char *judge(struct sched *sched,
                         struct product_set *set,
                         const struct outcome *outcome)
{
    struct sched_reuse *reuse = sched->options->reuse;
    const struct manifest *made = NULL;
    struct err err = {0};
    if (outcome->status != OUTCOME_PASSED) {
        return arena_printf(sched->arena,
                            "what unit %s left is not in the cache any more, and when it was run "
                            "again for that it did not pass (%s): run with --no-reuse",
                            set->unit->id,
                            outcome_status_name(outcome->status));
    }
    if (reuse->read_products(reuse, set->folder, sched->arena, &made, &err) < 0) {
        return arena_printf(sched->arena, "what unit %s left: %s", set->unit->id, err.text);
    }
    return manifest_equal(made, set->manifest)
               ? NULL
               : arena_printf(sched->arena,
                              "what unit %s left is not in the cache any more, and it leaves "
                              "something else when it is run again: run with --no-reuse",
                              set->unit->id);
}

static void try_again(struct sched *sched)
{
    const size_t count = sched->remake_waiters.count;
    struct remake_waiter *waiters = sched->remake_waiters.items;
    sched->remake_waiters.items = NULL; /* who tries again may have to wait again */
    sched->remake_waiters.count = 0;
    sched->remake_waiters.cap = 0;
    for (size_t i = 0; i < count; i++) {
        waiters[i].then(waiters[i].context);
    }
    mem_free(waiters);
    sched_pump(sched);
}

static void on_remade(void *context, const struct outcome *outcome)
{
    struct sched *sched = context;
    struct product_set *set = set_at(sched, sched->remake_layer, sched->remake_set);
    sched->cpu_us += outcome->cpu_user_us + outcome->cpu_sys_us;
    sched->remaking = false;
    set->lost = judge(sched, set, outcome);
    set->there = set->lost == NULL;
    try_again(sched);
}

/* ---- the beginning ---- */

/* Starts the unit of the set. Negative with restore_lost: its own world lacks products. */
static int start(struct sched *sched,
                 struct product_set *set,
                 unsigned number,
                 struct arena *arena,
                 struct err *err)
{
    struct sched_slot slot = {.sched = sched, .unit = set->unit, .attempt = 1, .number = number};
    struct exec_request request;
    const size_t layer = set->layer;
    const char *folder = set->folder;
    int rc = unit_fill_request(sched, &slot, arena, &request);
    rc = rc < 0 ? err_set(err, rc, "out of memory") : world_make(sched, layer, err);
    rc = rc == 0 ? view_of_unit(sched, slot.unit, &slot.view, err) : rc;
    if (rc == 0 && slot.view != NULL) {
        rc = view_make(sched, layer, slot.view, err);
        request.products = (struct text_list){slot.view->layers, slot.view->layer_count};
    }
    rc =
        rc == 0 ? tree_remove(AT_FDCWD, folder, err) : rc; /* a part of it may have been restored */
    if (rc < 0) {
        return rc;
    }
    request.output_dir = folder;
    request.artifacts = (struct text_list){0};
    request.artifact_dir = NULL;
    request.observe = false;
    request.done = on_remade;
    request.context = sched;
    return exec_start(sched->options->exec, number, &request, err);
}

/* Makes the set that was found lost, or one that this needs. */
static int start_one(struct sched *sched, unsigned number, struct arena *arena, struct err *err)
{
    int rc = -EAGAIN;
    while (rc < 0 && sched->restore_lost) {
        const size_t layer = sched->restore_lost_layer;
        const size_t place = sched->restore_lost_set;
        struct product_set *set = set_at(sched, layer, place);
        sched->restore_lost = false;
        if (set->lost != NULL) {
            return err_set(err, -EIO, "%s", set->lost);
        }
        *err = (struct err){0};
        rc = start(sched, set, number, arena, err);
        sched->remake_layer = layer;
        sched->remake_set = place;
    }
    return rc;
}

static void tell(struct sched *sched)
{
    const struct product_set *set = set_at(sched, sched->remake_layer, sched->remake_set);
    sched_note(sched,
               "warning",
               sched->remake_layer,
               "what unit %s left is not in the cache any more: it runs again for that",
               set->unit->id);
}

int remake_lost(struct sched *sched,
                unsigned number,
                const struct remake_waiter *waiter,
                struct err *err)
{
    if (!sched->restore_lost) {
        return 0;
    }
    if (vec_push(&sched->remake_waiters, *waiter) < 0) {
        return err_set(err, -ENOMEM, "out of memory");
    }
    if (sched->remaking) {
        sched->restore_lost = false; /* found again when it tries again */
        return 1;
    }
    struct arena *arena = arena_new(START_ARENA_MAX);
    int rc = arena == NULL ? err_set(err, -ENOMEM, "out of memory")
                           : start_one(sched, number, arena, err);
    arena_free(arena);
    sched->restore_lost = false;
    if (rc < 0) {
        sched->remake_waiters.count--;
        return rc;
    }
    sched->remaking = true;
    tell(sched);
    return 1;
}
