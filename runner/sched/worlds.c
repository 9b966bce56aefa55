/* SPDX-License-Identifier: Apache-2.0 */
/* What a layer's units see: the snapshot, and the products of the layers it needs, transitively.
 * Visibility follows `needs`, never timing; a layer without `needs` needs all layers of the stages
 * before its own. */
#include "base/mem.h"
#include "exec/collect.h"
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

/* Folders with products of all layers needed; borrowed from their states. */
static int find_products(const struct sched *sched, size_t index, struct text_vec *ret_folders)
{
    size_t count = sched->pipeline->layer_count;
    struct need_search search = {
        sched, mem_calloc(count, sizeof(bool)), mem_calloc(count, sizeof(size_t)), 0};
    int rc = search.seen == NULL || search.todo == NULL ? -ENOMEM : 0;
    if (rc == 0) {
        meet_needs(&search, index);
    }
    for (size_t at = 0; rc == 0 && at < search.count; at++) {
        const struct text_vec *products = &sched->layers[search.todo[at]].products;
        for (size_t i = 0; rc == 0 && i < products->count; i++) {
            rc = vec_push(ret_folders, products->items[i]);
        }
        meet_needs(&search, search.todo[at]);
    }
    mem_free(search.seen);
    mem_free(search.todo);
    return rc;
}

/* One folder serves as it is; several are put together by hard links, and two contents for one path
 * are an error. */
static int unite(struct sched *sched, size_t index, const struct text_vec *folders, struct err *err)
{
    struct world *world = &sched->layers[index].world;
    if (folders->count <= 1) {
        world->products = folders->count == 1 ? folders->items[0] : NULL;
        return 0;
    }
    char *united = arena_printf(sched->arena, "%s/united/%zu", sched->options->run_dir, index);
    int rc = united == NULL ? err_set(err, -ENOMEM, "out of memory") : 0;
    for (size_t i = 0; rc == 0 && i < folders->count; i++) {
        rc = collect_merge(folders->items[i], united, err);
    }
    world->products = rc == 0 ? united : NULL;
    return rc < 0 ? err_wrap(err, "products that this layer needs") : 0;
}

int world_of_layer(struct sched *sched, size_t index, struct err *err)
{
    const struct sched_options *options = sched->options;
    const struct layer *layer = sched_layer_of(sched, index);
    struct text_vec folders = {0};
    sched->layers[index].world = (struct world){
        .root = options->root,
        .isolated = layer->sandbox == SANDBOX_FULL && options->lower != NULL,
        .network = layer->network,
        .lower = options->lower,
        .plugin_dir = options->plugin_dir,
        .expose = layer->expose,
    };
    if (!sched->layers[index].world.isolated) {
        return 0;
    }
    int rc = find_products(sched, index, &folders);
    rc = rc < 0 ? err_set(err, rc, "out of memory") : unite(sched, index, &folders, err);
    vec_fini(&folders);
    return rc;
}
