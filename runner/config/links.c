/* SPDX-License-Identifier: Apache-2.0 */
/* What one layer says of others: stages, needs, plugins.
 *
 * `needs` may name layers of the same or an earlier stage only. A layer without `needs` waits for
 * all stages before its own, so every edge leads to an earlier stage, or, by `needs`, stays inside
 * one: a cycle can only be made of `needs`, and that is what is looked for. */
#include "base/map.h"
#include "base/mem.h"
#include "config/layers.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Variants of one layer stand side by side in the drafts. */
struct range {
    size_t first;
    size_t count;
};

struct links {
    struct reader *r;
    struct drafts *drafts;
    const struct text_list *stages;
    struct map ids;     /* layer.id -> index */
    struct map bases;   /* layer.base_id -> index of its first variant */
    const char **words; /* all ids and base ids, for "did you mean" */
    size_t word_count;
    size_t need_total;
    unsigned char *seen; /* per layer: needed by the one that is looked at */
};

static size_t stage_index(const struct text_list *stages, const char *name)
{
    size_t i = 0;
    while (i < stages->count && strcmp(stages->items[i], name) != 0) {
        i++;
    }
    return i;
}

static void resolve_stage(struct links *l, struct draft *draft)
{
    if (draft->stage == NULL) {
        draft->layer.stage = 0;
        return;
    }
    size_t index = stage_index(l->stages, draft->stage);
    if (index < l->stages->count) {
        draft->layer.stage = index;
        return;
    }
    if (!complaints_room(l->r->complaints, draft->stage_node)) {
        return;
    }
    const char *nearest = text_nearest(draft->stage, l->stages->items, l->stages->count);
    if (nearest != NULL) {
        complain(l->r->complaints,
                 draft->stage_node,
                 "unknown stage `%.60s`: did you mean `%.60s`?",
                 draft->stage,
                 nearest);
    } else {
        complain(l->r->complaints,
                 draft->stage_node,
                 "unknown stage `%.60s`: add it to `stages` at the top level",
                 draft->stage);
    }
}

static void check_plugin(struct links *l, const struct draft *draft)
{
    const struct config_options *options = l->r->options;
    const char *uses = draft->layer.uses;
    if (uses == NULL || options->plugins == NULL || strncmp(uses, "./", 2) == 0) {
        return;
    }
    for (size_t i = 0; i < options->plugin_count; i++) {
        if (strcmp(options->plugins[i], uses) == 0) {
            return;
        }
    }
    if (!complaints_room(l->r->complaints, draft->uses_node)) {
        return;
    }
    const char *nearest = text_nearest(uses, options->plugins, options->plugin_count);
    if (nearest != NULL) {
        complain(l->r->complaints,
                 draft->uses_node,
                 "unknown plugin `%.60s`: did you mean `%.60s`?",
                 uses,
                 nearest);
    } else {
        complain(l->r->complaints,
                 draft->uses_node,
                 "unknown plugin `%.60s`: use a built-in one, or `./path` for your own below the "
                 "root",
                 uses);
    }
}

static const struct node *need_node(const struct draft *draft, size_t i)
{
    const struct node *node = draft->needs_node;
    return node->type == NODE_LIST ? node->items[i] : node;
}

static void complain_need(struct links *l, const struct node *node, const char *word)
{
    const char *bracket = strchr(word, '[');
    if (!complaints_room(l->r->complaints, node)) {
        return;
    }
    const char *nearest = text_nearest(word, l->words, l->word_count);
    if (nearest != NULL) {
        complain(
            l->r->complaints, node, "unknown layer `%.60s`: did you mean `%.60s`?", word, nearest);
    } else if (bracket != NULL) {
        complain(l->r->complaints,
                 node,
                 "unknown layer `%.60s`: no variant of the matrix has these values",
                 word);
    } else {
        complain(l->r->complaints,
                 node,
                 "unknown layer `%.60s`: there is no such id below `layers`",
                 word);
    }
}

/* The layers a word of `needs` stands for. */
static bool find_need(const struct links *l, const char *word, struct range *ret_range)
{
    uintptr_t index = 0;
    if (map_get(&l->bases, word, &index) == 1) {
        const char *base = l->drafts->items[index].layer.base_id;
        size_t end = index;
        while (end < l->drafts->count && l->drafts->items[end].layer.base_id == base) {
            end++;
        }
        *ret_range = (struct range){.first = index, .count = end - index};
        return true;
    }
    if (map_get(&l->ids, word, &index) == 1) {
        *ret_range = (struct range){.first = index, .count = 1};
        return true;
    }
    return false;
}

static void check_order(struct links *l,
                        const struct draft *draft,
                        const struct draft *need,
                        const struct node *node)
{
    if (need->layer.stage <= draft->layer.stage) {
        return;
    }
    const char *const *stages = l->stages->items;
    complain(l->r->complaints,
             node,
             "`%.60s` is of the later stage `%.60s`, and this layer of `%.60s`: write `stage: "
             "%.60s` here, or move the other one",
             need->layer.id,
             stages[need->layer.stage],
             stages[draft->layer.stage],
             stages[need->layer.stage]);
}

/* Marks what a layer needs in l->seen; returns how many layers. */
static size_t mark_needs(struct links *l, const struct draft *draft)
{
    size_t count = 0;
    for (size_t i = 0; i < draft->needs.count; i++) {
        struct range range;
        const char *word = draft->needs.items[i];
        if (word == NULL) {
            continue;
        }
        if (!find_need(l, word, &range)) {
            complain_need(l, need_node(draft, i), word);
            continue;
        }
        check_order(l, draft, &l->drafts->items[range.first], need_node(draft, i));
        for (size_t k = range.first; k < range.first + range.count; k++) {
            count += l->seen[k] == 0;
            l->seen[k] = 1;
        }
    }
    return count;
}

/* Copies the marked indices, in order, and wipes the marks. */
static void take_needs(struct links *l, struct draft *draft, size_t count)
{
    size_t *needs = arena_calloc(l->r->arena, count, sizeof *needs);
    size_t used = 0;
    for (size_t i = 0; i < l->drafts->count; i++) {
        if (l->seen[i] != 0 && needs != NULL) {
            needs[used++] = i;
        }
        l->seen[i] = 0;
    }
    if (needs == NULL) {
        complaints_fail_arena(l->r->complaints, l->r->arena);
        return;
    }
    assert(used == count);
    draft->layer.needs = needs;
    draft->layer.need_count = count;
}

static void resolve_needs(struct links *l, struct draft *draft)
{
    if (draft->needs.count == 0 || l->r->complaints->error != 0) {
        return;
    }
    size_t count = mark_needs(l, draft);
    l->need_total += count;
    if (l->need_total > NEEDS_MAX) {
        complaints_fail(l->r->complaints, -E2BIG);
        return;
    }
    take_needs(l, draft, count);
}

/* ---- cycles ---- */

enum color {
    WHITE, /* not seen */
    GREY,  /* on the path */
    BLACK, /* done */
};

struct visit {
    size_t layer;
    size_t next; /* need to look at */
};

/* "a -> b -> c -> a", from the layer that closes the cycle. */
static void complain_cycle(struct links *l, const struct visit *path, size_t depth, size_t closing)
{
    char text[COMPLAINT_TEXT_MAX / 2] = "";
    size_t used = 0;
    size_t start = 0;
    while (path[start].layer != closing) {
        start++;
    }
    for (size_t i = start; i < depth && used < sizeof text - 128; i++) {
        const char *id = l->drafts->items[path[i].layer].layer.id;
        int more = snprintf(text + used, sizeof text - used, "%.80s -> ", id);
        used += (size_t)more;
    }
    const char *dots = used >= sizeof text - 128 ? "... -> " : "";
    const struct draft *draft = &l->drafts->items[closing];
    complain(l->r->complaints,
             draft->needs_node,
             depth - start == 1 ? "a layer cannot need itself: %s%s%.80s"
                                : "these layers need each other in a circle: %s%s%.80s",
             text,
             dots,
             draft->layer.id);
}

/* Walks down from one layer; true when a cycle was found. */
static bool walk(struct links *l, struct visit *path, unsigned char *colors, size_t start)
{
    size_t depth = 1;
    path[0] = (struct visit){.layer = start};
    colors[start] = GREY;
    while (depth > 0) {
        struct visit *visit = &path[depth - 1];
        const struct layer *layer = &l->drafts->items[visit->layer].layer;
        if (visit->next == layer->need_count) {
            colors[visit->layer] = BLACK;
            depth--;
            continue;
        }
        size_t need = layer->needs[visit->next++];
        if (colors[need] == GREY) {
            complain_cycle(l, path, depth, need);
            return true;
        }
        if (colors[need] == WHITE) {
            colors[need] = GREY;
            path[depth++] = (struct visit){.layer = need};
        }
    }
    return false;
}

static void find_cycle(struct links *l)
{
    size_t count = l->drafts->count;
    struct visit *path = mem_calloc(count, sizeof *path);
    unsigned char *colors = mem_calloc(count, 1);
    bool found = false;
    if (path == NULL || colors == NULL) {
        complaints_fail(l->r->complaints, -ENOMEM);
        found = true;
    }
    for (size_t i = 0; i < count && !found; i++) {
        found = colors[i] == WHITE && walk(l, path, colors, i);
    }
    mem_free(path);
    mem_free(colors);
}

/* ---- all of it ---- */

static bool add_names(struct links *l)
{
    for (size_t i = 0; i < l->drafts->count; i++) {
        const struct layer *layer = &l->drafts->items[i].layer;
        int base = map_add(&l->bases, layer->base_id, i);
        if (base < 0 || map_add(&l->ids, layer->id, i) < 0) {
            return false;
        }
        if (base == 0) {
            l->words[l->word_count++] = layer->base_id;
        }
        if (layer->id != layer->base_id) {
            l->words[l->word_count++] = layer->id;
        }
    }
    return true;
}

void links_resolve(struct reader *r, struct drafts *drafts, const struct text_list *stages)
{
    struct links l = {.r = r, .drafts = drafts, .stages = stages};
    if (drafts->count == 0) {
        return;
    }
    l.words = mem_calloc(drafts->count * 2, sizeof *l.words);
    l.seen = mem_calloc(drafts->count, 1);
    if (l.words == NULL || l.seen == NULL || !add_names(&l)) {
        complaints_fail(r->complaints, -ENOMEM);
    }
    for (size_t i = 0; i < drafts->count && r->complaints->error == 0; i++) {
        resolve_stage(&l, &drafts->items[i]);
        check_plugin(&l, &drafts->items[i]);
    }
    for (size_t i = 0; i < drafts->count && r->complaints->error == 0; i++) {
        resolve_needs(&l, &drafts->items[i]);
    }
    if (r->complaints->error == 0) {
        find_cycle(&l);
    }
    map_fini(&l.ids);
    map_fini(&l.bases);
    mem_free(l.words);
    mem_free(l.seen);
}
