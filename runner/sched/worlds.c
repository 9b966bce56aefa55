/* SPDX-License-Identifier: Apache-2.0 */
/* What a layer's units see: the snapshot, and the products of the layers it needs, transitively.
 * Visibility follows `needs`, never timing; a layer without `needs` needs all layers of the stages
 * before its own. */
#include "base/mem.h"
#include "exec/collect.h"
#include "model/manifest.h"
#include "sched/sched_impl.h"

#include <errno.h>

struct need_search {
    const struct sched *sched;
    bool *seen;
    size_t *todo;
    size_t count;
};

static void meet(struct need_search *search, size_t layer)
{
    if (!search->seen[layer]) {
        search->seen[layer] = true;
        search->todo[search->count++] = layer;
    }
}

static void meet_needs(struct need_search *search, size_t index)
{
    const struct layer *layer = sched_layer_of(search->sched, index);
    for (size_t i = 0; i < layer->need_count; i++) {
        meet(search, layer->needs[i]);
    }
    for (size_t i = 0; !layer->has_needs && i < search->sched->pipeline->layer_count; i++) {
        if (sched_layer_of(search->sched, i)->stage < layer->stage) {
            meet(search, i);
        }
    }
}

/* Layers whose products a layer sees, in no particular order; `*ret_todo` is freed by the caller.
 */
static int find_needed(const struct sched *sched,
                       size_t index,
                       size_t **ret_todo,
                       size_t *ret_count)
{
    size_t count = sched->pipeline->layer_count;
    struct need_search search = {
        sched, mem_calloc(count, sizeof(bool)), mem_calloc(count, sizeof(size_t)), 0};
    if (search.seen == NULL || search.todo == NULL) {
        mem_free(search.seen);
        mem_free(search.todo);
        return -ENOMEM;
    }
    meet_needs(&search, index);
    for (size_t at = 0; at < search.count; at++) {
        meet_needs(&search, search.todo[at]);
    }
    mem_free(search.seen);
    *ret_todo = search.todo;
    *ret_count = search.count;
    return 0;
}

struct set_list {
    VEC_FIELDS(struct product_set *);
};

/* The products of one layer: those of its units, or, where these need each other, what is left in
 * the end. */
static int add_products(struct sched *sched, size_t layer, struct set_list *sets, struct err *err)
{
    struct sched_layer *state = &sched->layers[layer];
    struct product_set *whole = NULL;
    if (state->linked) {
        int rc = view_of_layer(sched, layer, &whole, err);
        // NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers
        return rc == 0 && vec_push(sets, whole) < 0 ? err_set(err, -ENOMEM, "out of memory") : rc;
    }
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < state->products.count; i++) {
        // NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers
        rc = vec_push(sets, &state->products.items[i]);
    }
    return rc < 0 ? err_set(err, rc, "out of memory") : 0;
}

/* The products of all layers needed; pointers into their states, which have ended. */
static int find_products(struct sched *sched,
                         size_t index,
                         struct set_list *ret_sets,
                         struct err *err)
{
    size_t *needed = NULL;
    size_t count = 0;
    int rc = find_needed(sched, index, &needed, &count);
    rc = rc < 0 ? err_set(err, rc, "out of memory") : 0;
    for (size_t at = 0; rc == 0 && at < count; at++) {
        rc = add_products(sched, needed[at], ret_sets, err);
    }
    mem_free(needed);
    return rc;
}

/* ---- as data ---- */

/* A needed layer whose outputs are not known, as `plan` runs nothing. */
static void find_unknown(struct sched *sched, size_t index, const size_t *needed, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct sched_layer *other = &sched->layers[needed[i]];
        if (other->makes_unknown || other->waits_for != NULL) {
            sched->layers[index].waits_for =
                other->makes_unknown ? sched_layer_of(sched, needed[i]) : other->waits_for;
            return;
        }
    }
}

static int note_waiting(struct sched *sched, size_t index)
{
    size_t *needed = NULL;
    size_t count = 0;
    int rc = find_needed(sched, index, &needed, &count);
    if (rc == 0) {
        find_unknown(sched, index, needed, count);
        mem_free(needed);
    }
    return rc;
}

/* The union of the manifests of all that is seen. */
static int unite_manifests(struct sched *sched,
                           size_t index,
                           const struct set_list *sets,
                           struct err *err)
{
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers */
    const struct manifest **parts = mem_calloc(sets->count + 1, sizeof *parts);
    struct manifest *seen = arena_calloc(sched->arena, 1, sizeof *seen);
    size_t count = 0;
    if (parts == NULL || seen == NULL) {
        mem_free(parts);
        return err_set(err, -ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < sets->count; i++) {
        if (sets->items[i]->manifest != NULL) {
            parts[count++] = sets->items[i]->manifest;
        }
    }
    int rc = manifest_merge(parts, count, sched->arena, seen, err);
    mem_free(parts);
    if (rc == 0 && seen->count > 0) {
        sched->layers[index].seen = seen;
    }
    return rc;
}

int world_of_layer(struct sched *sched, size_t index, struct err *err)
{
    const struct sched_options *options = sched->options;
    const struct layer *layer = sched_layer_of(sched, index);
    struct set_list sets = {0};
    sched->layers[index].world = (struct world){
        .root = options->root,
        .isolated = layer->sandbox == SANDBOX_FULL && options->lower != NULL,
        .network = layer->network,
        .lower = options->lower,
        .plugin_dir = options->plugin_dir,
        .expose = layer->expose,
    };
    if (!sched->layers[index].world.isolated || options->reuse == NULL) {
        return 0;
    }
    int rc = find_products(sched, index, &sets, err);
    if (rc == 0 && note_waiting(sched, index) < 0) {
        rc = err_set(err, -ENOMEM, "out of memory");
    }
    rc = rc == 0 ? unite_manifests(sched, index, &sets, err) : rc;
    vec_fini(&sets);
    return rc == 0 || rc == -ENOMEM ? rc : err_wrap(err, "products that this layer needs");
}

/* ---- on disk ---- */

static int make_lower(struct sched *sched, struct err *err)
{
    if (sched->lower_made || sched->options->prepare == NULL) {
        return 0;
    }
    int rc = sched->options->prepare(sched->options->prepare_context, err);
    sched->lower_made = rc == 0;
    return rc;
}

int world_restore(struct sched *sched, struct product_set *set, struct err *err)
{
    if (set->there) {
        return 0;
    }
    struct sched_reuse *reuse = sched->options->reuse;
    int rc = set->whole != NULL ? view_unite(sched, set, err)
                                : reuse->restore(reuse, set->manifest, set->folder, err);
    set->there = rc == 0;
    if (set->whole == NULL && (rc == -ENOENT || rc == -EBADMSG)) {
        remake_note_lost(sched, set);
    }
    return rc;
}

/* One folder serves as it is; several are put together by hard links, and two contents for one path
 * are an error. */
static int unite(struct sched *sched, size_t index, const struct set_list *sets, struct err *err)
{
    struct world *world = &sched->layers[index].world;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sets->count; i++) {
        rc = world_restore(sched, sets->items[i], err);
    }
    if (rc < 0 || sets->count <= 1) {
        world->products = rc == 0 && sets->count == 1 ? sets->items[0]->folder : NULL;
        return rc;
    }
    char *united = arena_printf(sched->arena, "%s/united/%zu", sched->options->run_dir, index);
    rc = united == NULL ? err_set(err, -ENOMEM, "out of memory") : 0;
    for (size_t i = 0; rc == 0 && i < sets->count; i++) {
        rc = collect_merge(sets->items[i]->folder, united, err);
    }
    world->products = rc == 0 ? united : NULL;
    return rc;
}

int world_make(struct sched *sched, size_t index, struct err *err)
{
    struct sched_layer *state = &sched->layers[index];
    struct set_list sets = {0};
    if (state->world_made || !state->world.isolated) {
        return 0;
    }
    int rc = make_lower(sched, err);
    if (rc < 0) {
        return rc;
    }
    rc = find_products(sched, index, &sets, err);
    rc = rc == 0 ? unite(sched, index, &sets, err) : rc;
    vec_fini(&sets);
    state->world_made = rc == 0;
    return rc < 0 ? err_wrap(err, "products that this layer needs") : 0;
}

int world_add_products(struct sched *sched, const struct unit *unit, const struct product_set *set)
{
    struct sched_layer *state = &sched->layers[unit->layer];
    struct product_set added = *set;
    added.layer = unit->layer;
    added.unit = unit;
    if (state->linked) {
        added.owner = linked_of(sched, unit, true);
        if (added.owner == NULL) {
            return -ENOMEM;
        }
        added.owner->set = state->products.count + 1;
    }
    return vec_push(&state->products, added);
}
