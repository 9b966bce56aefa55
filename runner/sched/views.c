/* SPDX-License-Identifier: Apache-2.0 */
/* What one unit sees of others of its layer: what the units it needs left, transitively, and
 * nothing else, whatever else has ended by then.
 *
 * Where two of these left one path with different contents, the one that needs the other has
 * replaced what it found; if neither needs the other it is an error that names both. So all lists
 * of sets here have those that need others before those.
 *
 * A view is a question of which sets are in it: units that see the same sets share one (all
 * compilations of a program see what configuring left). As data it is a manifest. On disk it is at
 * most two layers of an overlay: what everything in it builds upon, as it is, and above it one
 * folder of hard links with the rest. */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "exec/collect.h"
#include "sched/sched_impl.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Key of a view: numbers of the sets in it, at most 8 bytes each. */
#define VIEW_KEY_MAX ((size_t)64 << 20)

struct linked_vec {
    VEC_FIELDS(struct linked_unit *);
};

/* ---- units ---- */

struct linked_unit *linked_of(struct sched *sched, const struct unit *unit, bool make)
{
    struct sched_layer *state = &sched->layers[unit->layer];
    uintptr_t known = 0;
    int found = map_get(&state->ids, unit->id, &known);
    if (known != 0 || !make) {
        return (struct linked_unit *)known; // NOLINT(performance-no-int-to-ptr): put there by us
    }
    struct linked_unit *linked = arena_calloc(sched->arena, 1, sizeof *linked);
    if (linked == NULL || found == 0 || map_put(&state->ids, unit->id, (uintptr_t)linked) < 0) {
        return NULL;
    }
    linked->unit = unit;
    state->linked = state->linked || unit_is_linked(unit);
    return linked;
}

/* Ids become pointers at the first use: all units are known then. Those of which nothing is known
 * left nothing and need nothing. */
static int resolve(struct sched *sched, struct linked_unit *linked)
{
    const struct unit_links *links = linked->unit->links;
    if (linked->resolved || links == NULL || links->needs.count == 0) {
        return 0;
    }
    linked->needs = arena_calloc(sched->arena, links->needs.count, sizeof(struct linked_unit *));
    if (linked->needs == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < links->needs.count; i++) {
        const struct unit need = {.id = links->needs.items[i], .layer = linked->unit->layer};
        struct linked_unit *other = linked_of(sched, &need, false);
        if (other != NULL) {
            linked->needs[linked->need_count++] = other;
        }
    }
    linked->resolved = true;
    return 0;
}

/* ---- walking ---- */

struct needs_walk {
    struct sched *sched;
    unsigned number;
    struct linked_vec path;
    struct linked_vec *order; /* each unit after those it needs */
};

static int enter(struct needs_walk *walk, struct linked_unit *linked)
{
    if (linked->walk == walk->number) {
        return 0;
    }
    linked->walk = walk->number;
    linked->cursor = 0;
    // NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers
    return resolve(walk->sched, linked) < 0 ? -ENOMEM : vec_push(&walk->path, linked);
}

static int step(struct needs_walk *walk)
{
    struct linked_unit *top = walk->path.items[walk->path.count - 1];
    if (top->cursor < top->need_count) {
        return enter(walk, top->needs[top->cursor++]);
    }
    walk->path.count--;
    // NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers
    return vec_push(walk->order, top);
}

/* Appends all that `start` needs, transitively, and itself, if this walk has not met them. */
static int walk_from(struct needs_walk *walk, struct linked_unit *start)
{
    int rc = enter(walk, start);
    while (rc == 0 && walk->path.count > 0) {
        rc = step(walk);
    }
    vec_fini(&walk->path);
    return rc;
}

static struct needs_walk begin_walk(struct sched *sched, size_t layer, struct linked_vec *order)
{
    return (struct needs_walk){
        .sched = sched, .number = ++sched->layers[layer].walks, .order = order};
}

/* 1 when `linked` needs `other`, transitively; 0; -ENOMEM. */
static int needs(struct sched *sched, struct linked_unit *linked, const struct linked_unit *other)
{
    struct linked_vec order = {0};
    struct needs_walk walk = begin_walk(sched, linked->unit->layer, &order);
    int rc = walk_from(&walk, linked);
    int found = 0;
    for (size_t i = 0; rc == 0 && i < order.count; i++) {
        found = found || (order.items[i] == other && other != linked);
    }
    vec_fini(&order);
    return rc < 0 ? rc : found;
}

int linked_each(struct sched *sched,
                const struct unit *unit,
                int (*each)(void *context, struct linked_unit *linked),
                void *context)
{
    struct linked_vec order = {0};
    struct linked_unit *linked = linked_of(sched, unit, true);
    struct needs_walk walk = begin_walk(sched, unit->layer, &order);
    int rc = linked == NULL ? -ENOMEM : walk_from(&walk, linked);
    for (size_t i = 0; rc == 0 && i < order.count; i++) {
        rc = each(context, order.items[i]);
    }
    vec_fini(&order);
    return rc;
}

/* ---- as data ---- */

/* A product with who left it; NULL = a layer that this one needs. */
struct owned {
    const struct product *product;
    struct linked_unit *owner;
};

struct owned_vec {
    VEC_FIELDS(struct owned);
};

static int by_path(const void *a, const void *b)
{
    const struct owned *left = a;
    const struct owned *right = b;
    return strcmp(left->product->path, right->product->path);
}

static int add_owned(struct owned_vec *all, const struct manifest *from, struct linked_unit *owner)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && from != NULL && i < from->count; i++) {
        const struct owned owned = {&from->items[i], owner};
        rc = vec_push(all, owned);
    }
    return rc;
}

static int refuse(const struct linked_unit *a,
                  const struct linked_unit *b,
                  const char *path,
                  struct err *err)
{
    return err_set(err,
                   -EEXIST,
                   "%s is left by unit \"%.200s\" and by unit \"%.200s\" with different contents, "
                   "and neither needs the other",
                   path,
                   a->unit->id,
                   b->unit->id);
}

static bool same_content(const struct product *a, const struct product *b)
{
    return a->mode == b->mode && a->size == b->size
           && memcmp(&a->digest, &b->digest, sizeof a->digest) == 0;
}

/* 1 when `a` has replaced what `b` left; 0; -ENOMEM. */
static int replaces(struct sched *sched, const struct owned *a, const struct owned *b)
{
    if (b->owner == NULL) {
        return 1;
    }
    return a->owner == NULL ? 0 : needs(sched, a->owner, b->owner);
}

/* Two products of one path: `kept` becomes the one that is seen. */
static int choose(struct sched *sched,
                  struct owned *kept,
                  const struct owned *other,
                  struct err *err)
{
    if (same_content(kept->product, other->product)) {
        return 0;
    }
    int rc = replaces(sched, other, kept);
    if (rc == 1) {
        *kept = *other;
    } else if (rc == 0) {
        rc = replaces(sched, kept, other);
    }
    if (rc < 0) {
        return err_set(err, rc, "out of memory for products");
    }
    return rc == 1 ? 0 : refuse(kept->owner, other->owner, kept->product->path, err);
}

/* Leaves each path once; `all` is sorted. */
static int settle(struct sched *sched, struct owned_vec *all, struct err *err)
{
    size_t kept = 0;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < all->count; i++) {
        struct owned *last = kept > 0 ? &all->items[kept - 1] : NULL;
        if (last != NULL && strcmp(last->product->path, all->items[i].product->path) == 0) {
            rc = choose(sched, last, &all->items[i], err);
        } else {
            all->items[kept++] = all->items[i];
        }
    }
    all->count = kept;
    return rc;
}

static int keep_manifest(struct sched *sched,
                         const struct owned_vec *all,
                         const struct manifest **ret_manifest)
{
    struct manifest *manifest = arena_calloc(sched->arena, 1, sizeof *manifest);
    struct product *items = arena_calloc(sched->arena, all->count + 1, sizeof *items);
    if (manifest == NULL || items == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < all->count; i++) {
        items[i] = *all->items[i].product;
    }
    *manifest = (struct manifest){.items = items, .count = all->count};
    *ret_manifest = manifest;
    return 0;
}

static int unite_view(struct sched *sched,
                      size_t layer,
                      const struct manifest *base,
                      struct product_view *view,
                      struct err *err)
{
    const struct sched_layer *state = &sched->layers[layer];
    struct owned_vec all = {0};
    if (!state->world.isolated || sched->options->reuse == NULL) {
        return 0;
    }
    int rc = add_owned(&all, base, NULL);
    for (size_t i = 0; rc == 0 && i < view->count; i++) {
        const struct product_set *set = &state->products.items[view->sets[i]];
        rc = add_owned(&all, set->manifest, set->owner);
    }
    rc = rc < 0 ? err_set(err, rc, "out of memory for products") : 0;
    if (rc == 0 && all.count > 0) {
        qsort(all.items, all.count, sizeof *all.items, by_path);
        rc = settle(sched, &all, err);
        rc = rc == 0 && keep_manifest(sched, &all, &view->seen) < 0
                 ? err_set(err, -ENOMEM, "out of memory for products")
                 : rc;
    }
    vec_fini(&all);
    return rc;
}

/* ---- which sets ---- */

static int by_number(const void *a, const void *b)
{
    const size_t left = *(const size_t *)a;
    const size_t right = *(const size_t *)b;
    return left < right ? -1 : left > right;
}

/* The sets of a list of units, those that need others first. */
static int sets_of(struct sched *sched, const struct linked_vec *order, struct product_view *view)
{
    view->sets = arena_calloc(sched->arena, order->count + 1, sizeof *view->sets);
    if (view->sets == NULL) {
        return -ENOMEM;
    }
    for (size_t i = order->count; i > 0; i--) {
        if (order->items[i - 1]->set != 0) {
            view->sets[view->count++] = order->items[i - 1]->set - 1;
        }
    }
    return 0;
}

static char *key_of(struct sched *sched, const struct product_view *view)
{
    CLEANUP(str_fini) struct str text = STR_INIT(VIEW_KEY_MAX);
    size_t *numbers = mem_calloc(view->count + 1, sizeof *numbers);
    if (numbers == NULL) {
        return NULL;
    }
    memcpy(numbers, view->sets, view->count * sizeof *numbers);
    qsort(numbers, view->count, sizeof *numbers, by_number);
    for (size_t i = 0; i < view->count; i++) {
        (void)str_appendf(&text, "%zx,", numbers[i]);
    }
    mem_free(numbers);
    return str_error(&text) == 0 ? arena_strdup(sched->arena, str_text(&text)) : NULL;
}

/* The view of these units, a known one if there is one of the same sets. */
static int find_view(struct sched *sched,
                     size_t layer,
                     const struct linked_vec *order,
                     struct product_view **ret_view,
                     struct err *err)
{
    struct sched_layer *state = &sched->layers[layer];
    struct product_view *view = arena_calloc(sched->arena, 1, sizeof *view);
    char *key = view != NULL && sets_of(sched, order, view) == 0 ? key_of(sched, view) : NULL;
    uintptr_t known = 0;
    if (key == NULL) {
        return err_set(err, -ENOMEM, "out of memory for products");
    }
    if (map_get(&state->views, key, &known) == 1) {
        *ret_view = (struct product_view *)known; // NOLINT(performance-no-int-to-ptr): ours
        return 0;
    }
    view->number = state->views.count;
    int rc = unite_view(sched, layer, state->seen, view, err);
    if (rc == 0 && map_put(&state->views, key, (uintptr_t)view) < 0) {
        rc = err_set(err, -ENOMEM, "out of memory for products");
    }
    *ret_view = rc == 0 ? view : NULL;
    return rc;
}

int view_of_unit(struct sched *sched,
                 const struct unit *unit,
                 struct product_view **ret_view,
                 struct err *err)
{
    struct linked_vec order = {0};
    struct linked_unit *linked = NULL;
    *ret_view = NULL;
    if (unit->links == NULL || unit->links->needs.count == 0
        || !sched->layers[unit->layer].world.isolated) {
        return 0;
    }
    linked = linked_of(sched, unit, true);
    struct needs_walk walk = begin_walk(sched, unit->layer, &order);
    int rc = linked == NULL ? -ENOMEM : walk_from(&walk, linked);
    if (rc < 0) {
        rc = err_set(err, rc, "out of memory for products");
    } else {
        order.count--; /* the unit itself is the last one */
        rc = find_view(sched, unit->layer, &order, ret_view, err);
    }
    vec_fini(&order);
    return rc < 0 ? err_wrap(err, "products that this unit needs") : 0;
}

/* ---- on disk ---- */

static const char *view_folder(struct sched *sched, size_t layer, const struct product_view *view)
{
    return arena_printf(sched->arena,
                        "%s/" EXEC_PRODUCTS "/views/%zu-%zu",
                        sched->options->run_dir,
                        layer,
                        view->number);
}

/* A set that everything else in the view directly builds upon; it stays a layer of its own, so that
 * its files need no links. SIZE_MAX = none. */
static size_t find_base(const struct sched *sched, size_t layer, const struct product_view *view)
{
    const struct product_set *sets = sched->layers[layer].products.items;
    const size_t last = view->count - 1; /* needs come last */
    const struct linked_unit *base = sets[view->sets[last]].owner;
    for (size_t i = 0; i < last; i++) {
        const struct linked_unit *owner = sets[view->sets[i]].owner;
        size_t at = 0;
        while (at < owner->need_count && owner->needs[at] != base) {
            at++;
        }
        if (at == owner->need_count) {
            return SIZE_MAX;
        }
    }
    return last;
}

/* Sets are merged into a folder, each below those before it. */
struct stacking {
    struct sched *sched;
    const struct product_view *view;
    const struct product_set *sets;
    size_t at; /* of the set that is being merged */
    struct err *err;
};

/* One path with two contents: fine when the one that is there replaced ours. */
static int on_clash(void *context, const char *path)
{
    struct stacking *stacking = context;
    struct linked_unit *own = stacking->sets[stacking->view->sets[stacking->at]].owner;
    char full[PATH_TEXT_MAX];
    for (size_t i = 0; i < stacking->at; i++) {
        const struct product_set *set = &stacking->sets[stacking->view->sets[i]];
        (void)snprintf(full, sizeof full, "%s/%s", set->folder, path);
        if (!file_exists(full)) {
            continue;
        }
        int rc = needs(stacking->sched, set->owner, own);
        return rc == 1  ? 0
               : rc < 0 ? err_set(stacking->err, rc, "out of memory for products")
                        : refuse(set->owner, own, path, stacking->err);
    }
    return err_set(stacking->err, -EEXIST, "%s is left by two units", path);
}

static int stack(struct stacking *stacking, size_t leave_out, const char *folder)
{
    int rc = dir_make(folder, 0755, stacking->err);
    for (stacking->at = 0; rc == 0 && stacking->at < stacking->view->count; stacking->at++) {
        const char *from = stacking->sets[stacking->view->sets[stacking->at]].folder;
        if (stacking->at != leave_out) {
            rc = collect_merge_below(from, folder, on_clash, stacking, stacking->err);
        }
    }
    return rc;
}

static int restore_all(struct sched *sched,
                       size_t layer,
                       const struct product_view *view,
                       struct err *err)
{
    struct sched_layer *state = &sched->layers[layer];
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < view->count; i++) {
        rc = world_restore(sched, &state->products.items[view->sets[i]], err);
    }
    return rc;
}

int view_make(struct sched *sched, size_t layer, struct product_view *view, struct err *err)
{
    if (view->made || view->count == 0) {
        return 0;
    }
    const struct product_set *sets = sched->layers[layer].products.items;
    struct stacking stacking = {.sched = sched, .view = view, .sets = sets, .err = err};
    int rc = restore_all(sched, layer, view, err);
    const size_t base = find_base(sched, layer, view);
    size_t count = 0;
    if (rc == 0 && (base == SIZE_MAX || view->count > 1)) {
        view->layers[count] = view_folder(sched, layer, view);
        rc = view->layers[count] == NULL ? err_set(err, -ENOMEM, "out of memory for products")
                                         : stack(&stacking, base, view->layers[count]);
        count++;
    }
    if (rc == 0 && base != SIZE_MAX) {
        view->layers[count++] = sets[view->sets[base]].folder;
    }
    view->layer_count = count;
    view->made = rc == 0;
    return rc < 0 ? err_wrap(err, "products that this unit needs") : 0;
}

/* ---- the whole layer ---- */

/* All sets of the layer, in their order. */
static int whole_view(struct sched *sched, size_t layer, struct product_view *view)
{
    const struct sched_layer *state = &sched->layers[layer];
    struct linked_vec order = {0};
    struct needs_walk walk = begin_walk(sched, layer, &order);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < state->products.count; i++) {
        rc = walk_from(&walk, state->products.items[i].owner);
    }
    rc = rc == 0 ? sets_of(sched, &order, view) : rc;
    view->number = SIZE_MAX; /* of its folder: no other view has it */
    vec_fini(&order);
    return rc;
}

int view_of_layer(struct sched *sched, size_t layer, struct product_set **ret_set, struct err *err)
{
    struct sched_layer *state = &sched->layers[layer];
    *ret_set = state->whole;
    if (state->whole != NULL) {
        return 0;
    }
    struct product_set *set = arena_calloc(sched->arena, 1, sizeof *set);
    struct product_view *view = arena_calloc(sched->arena, 1, sizeof *view);
    if (set == NULL || view == NULL || whole_view(sched, layer, view) < 0) {
        return err_set(err, -ENOMEM, "out of memory for products");
    }
    int rc = unite_view(sched, layer, NULL, view, err);
    *set = (struct product_set){.folder = view_folder(sched, layer, view),
                                .manifest = view->seen,
                                .layer = layer,
                                .whole = view};
    if (rc == 0 && set->folder == NULL) {
        rc = err_set(err, -ENOMEM, "out of memory for products");
    }
    state->whole = rc == 0 ? set : NULL;
    *ret_set = state->whole;
    return rc;
}

int view_unite(struct sched *sched, const struct product_set *set, struct err *err)
{
    struct stacking stacking = {.sched = sched,
                                .view = set->whole,
                                .sets = sched->layers[set->layer].products.items,
                                .err = err};
    int rc = restore_all(sched, set->layer, set->whole, err);
    return rc == 0 ? stack(&stacking, SIZE_MAX, set->folder) : rc;
}
