/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/mutation/shard.h"

#include "base/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* An item while they are dealt. */
struct dealt {
    const struct shard_item *item;
    size_t index;
};

static int compare(const void *a, const void *b)
{
    const struct dealt *x = a;
    const struct dealt *y = b;
    if (x->item->cost_ms != y->item->cost_ms) {
        return x->item->cost_ms > y->item->cost_ms ? -1 : 1;
    }
    return x->index < y->index ? -1 : x->index > y->index;
}

static size_t least(const int64_t *costs, size_t count)
{
    size_t best = 0;
    for (size_t i = 1; i < count; i++) {
        best = costs[i] < costs[best] ? i : best;
    }
    return best;
}

/* Marks what is kept. */
static void deal(
    struct dealt *order, size_t items, int64_t *costs, size_t count, size_t index, bool *kept)
{
    qsort(order, items, sizeof *order, compare);
    for (size_t i = 0; i < items; i++) {
        size_t to = least(costs, count);
        costs[to] += order[i].item->cost_ms;
        kept[order[i].index] = to + 1 == index;
    }
}

static void choose(struct shard_list *list,
                   struct dealt *order,
                   int64_t *costs,
                   size_t count,
                   size_t index,
                   bool *kept)
{
    size_t left = 0;
    for (size_t i = 0; i < list->count; i++) {
        order[i] = (struct dealt){.item = &list->items[i], .index = i};
    }
    deal(order, list->count, costs, count, index, kept);
    for (size_t i = 0; i < list->count; i++) {
        if (kept[i]) {
            list->items[left++] = list->items[i];
        }
    }
    list->count = left;
}

int shard_keep(struct shard_list *list, size_t index, size_t count, struct err *err)
{
    if (count <= 1 || list->count == 0) {
        return 0;
    }
    struct dealt *order = mem_calloc(list->count, sizeof *order);
    int64_t *costs = mem_calloc(count, sizeof *costs);
    bool *kept = mem_calloc(list->count, sizeof *kept);
    bool enough = order != NULL && costs != NULL && kept != NULL;
    if (enough) {
        choose(list, order, costs, count, index, kept);
    }
    mem_free(order);
    mem_free(costs);
    mem_free(kept);
    return enough ? 0 : err_set(err, -ENOMEM, "out of memory to divide the layer");
}
