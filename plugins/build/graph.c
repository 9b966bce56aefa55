/* SPDX-License-Identifier: Apache-2.0 */
/* Which edges the targets need, in an order in which they could be run, and which of them each one
 * waits for. Phony edges have no command: who waits for one waits for all that it waits for. */
#include "base/mem.h"
#include "base/text.h"
#include "plugins/build/ninja_impl.h"

#include <errno.h>
#include <string.h>

/* Edges of a circle that are named. */
#define CIRCLE_SHOWN_MAX 8

enum edge_state {
    EDGE_NEW,
    EDGE_OPEN, /* on the path */
    EDGE_DONE,
};

struct walk {
    struct ninja *ninja;
    struct ninja_edges path;
    struct ninja_edges order; /* each edge after those it waits for, phony ones included */
    struct ninja_edges roots; /* to be walked from: targets, validations */
    size_t needs;             /* of all edges */
    size_t stamp;

    struct {
        VEC_FIELDS(struct ninja_edge *);
    } found;

    struct err *err;
};

static int no_memory(struct walk *walk)
{
    return err_set(walk->err, -ENOMEM, "out of memory for the graph");
}

/* ---- targets ---- */

static const char *nearest(const struct walk *walk, const char *target)
{
    const struct ninja_edges *edges = &walk->ninja->edges;
    const char *best = NULL;
    unsigned distance = UINT32_MAX;
    for (size_t i = 0; i < edges->count; i++) {
        const char *const one[] = {edges->items[i]->outputs.items[0]->path};
        const char *near = text_nearest(target, one, 1);
        if (near != NULL && text_distance(target, near) < distance) {
            best = near;
            distance = text_distance(target, near);
        }
    }
    return best;
}

static int add_root(struct walk *walk, struct ninja_edge *edge)
{
    // NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers
    return vec_push(&walk->roots, edge) < 0 ? no_memory(walk) : 0;
}

static int add_target(struct walk *walk, const char *target)
{
    uintptr_t found = 0;
    char *path = arena_strdup(walk->ninja->arena, target);
    if (path == NULL) {
        return no_memory(walk);
    }
    (void)ninja_clean_path(path);
    if (map_get(&walk->ninja->nodes, path, &found) != 1) {
        const char *near = nearest(walk, path);
        return err_set(walk->err,
                       -ENOENT,
                       "there is no target \"%.200s\"%s%.200s%s",
                       target,
                       near != NULL ? "; did you mean \"" : "",
                       near != NULL ? near : "",
                       near != NULL ? "\"?" : "");
    }
    struct ninja_edge *maker =
        ((struct ninja_node *)found)->maker; // NOLINT(performance-no-int-to-ptr)
    return maker != NULL ? add_root(walk, maker)
                         : err_set(walk->err,
                                   -EINVAL,
                                   "the target \"%.200s\" is a source file: nothing makes it",
                                   target);
}

static bool is_used(const struct ninja_edge *edge)
{
    for (size_t i = 0; i < edge->outputs.count; i++) {
        if (edge->outputs.items[i]->is_input) {
            return true;
        }
    }
    return false;
}

/* What ninja builds when it is given no target. */
static int add_defaults(struct walk *walk)
{
    const struct ninja *ninja = walk->ninja;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < ninja->defaults.count; i++) {
        struct ninja_edge *maker = ninja->defaults.items[i]->maker;
        rc = maker != NULL ? add_root(walk, maker) : 0;
    }
    for (size_t i = 0; rc == 0 && ninja->defaults.count == 0 && i < ninja->edges.count; i++) {
        struct ninja_edge *edge = ninja->edges.items[i];
        rc = is_used(edge) || edge->generator ? 0 : add_root(walk, edge);
    }
    return rc;
}

static int add_roots(struct walk *walk, const char *const *targets)
{
    int rc = 0;
    if (targets == NULL || targets[0] == NULL) {
        return add_defaults(walk);
    }
    for (; rc == 0 && *targets != NULL; targets++) {
        rc = add_target(walk, *targets);
    }
    return rc;
}

/* ---- order ---- */

static int refuse_circle(struct walk *walk, const struct ninja_edge *edge)
{
    struct str text = STR_INIT(64u << 10);
    size_t at = walk->path.count - 1;
    while (walk->path.items[at] != edge) {
        at--;
    }
    size_t shown = 0;
    for (; at < walk->path.count && shown < CIRCLE_SHOWN_MAX; at++, shown++) {
        (void)str_appendf(&text,
                          "%s%.100s",
                          shown > 0 ? " needs " : "",
                          walk->path.items[at]->outputs.items[0]->path);
    }
    int rc = err_set(walk->err,
                     -EINVAL,
                     "%s:%u: files need each other in a circle: %s needs %.100s",
                     edge->file,
                     edge->line,
                     str_text(&text),
                     at < walk->path.count ? "..." : edge->outputs.items[0]->path);
    str_fini(&text);
    return rc;
}

static int open_edge(struct walk *walk, struct ninja_edge *edge)
{
    if (edge == NULL || edge->state == EDGE_DONE || edge->generator) {
        return 0;
    }
    if (edge->state == EDGE_OPEN) {
        return refuse_circle(walk, edge);
    }
    edge->state = EDGE_OPEN;
    edge->cursor = 0;
    // NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers
    return vec_push(&walk->path, edge) < 0 ? no_memory(walk) : 0;
}

/* Validations are built beside an edge; nothing waits for them. */
static int close_edge(struct walk *walk, struct ninja_edge *edge)
{
    int rc = 0;
    edge->state = EDGE_DONE;
    walk->path.count--;
    for (size_t i = edge->all_inputs; rc == 0 && i < edge->inputs.count; i++) {
        struct ninja_edge *maker = edge->inputs.items[i]->maker;
        rc = maker != NULL ? add_root(walk, maker) : 0;
    }
    // NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers
    return rc == 0 && vec_push(&walk->order, edge) < 0 ? no_memory(walk) : rc;
}

static int order_edges(struct walk *walk)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < walk->roots.count; i++) {
        rc = open_edge(walk, walk->roots.items[i]);
        while (rc == 0 && walk->path.count > 0) {
            struct ninja_edge *top = walk->path.items[walk->path.count - 1];
            rc = top->cursor < top->all_inputs
                     ? open_edge(walk, top->inputs.items[top->cursor++]->maker)
                     : close_edge(walk, top);
        }
    }
    return rc;
}

/* ---- needs ---- */

static int add_need(struct walk *walk, struct ninja_edge *need)
{
    if (need->stamp == walk->stamp) {
        return 0;
    }
    need->stamp = walk->stamp;
    // NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers
    return vec_push(&walk->found, need) < 0 ? no_memory(walk) : 0;
}

static int add_needs(struct walk *walk, struct ninja_edge *maker)
{
    int rc = 0;
    if (maker == NULL || maker->generator) {
        return 0;
    }
    if (maker->rule != NULL) {
        return add_need(walk, maker);
    }
    for (size_t i = 0; rc == 0 && i < maker->need_count; i++) {
        rc = add_need(walk, maker->needs[i]);
    }
    return rc;
}

static int find_needs(struct walk *walk, struct ninja_edge *edge)
{
    int rc = 0;
    walk->stamp++;
    walk->found.count = 0;
    for (size_t i = 0; rc == 0 && i < edge->all_inputs; i++) {
        rc = add_needs(walk, edge->inputs.items[i]->maker);
    }
    walk->needs += walk->found.count;
    if (rc == 0 && walk->needs > NINJA_NEEDS_MAX) {
        return err_set(
            walk->err,
            -E2BIG,
            "%s:%u: the edges of this build need each other %d million times, more than is "
            "planned; build it as one unit with `command:`",
            edge->file,
            edge->line,
            NINJA_NEEDS_MAX / 1000000);
    }
    if (rc < 0 || walk->found.count == 0) {
        return rc;
    }
    edge->needs = arena_calloc(walk->ninja->arena, walk->found.count, sizeof(struct ninja_edge *));
    if (edge->needs == NULL) {
        return no_memory(walk);
    }
    // NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers
    memcpy(edge->needs, walk->found.items, walk->found.count * sizeof *edge->needs);
    edge->need_count = walk->found.count;
    return 0;
}

int ninja_needed(struct ninja *ninja,
                 const char *const *targets,
                 struct ninja_edges *ret_edges,
                 struct err *err)
{
    struct walk walk = {.ninja = ninja, .err = err};
    for (size_t i = 0; i < ninja->edges.count; i++) {
        ninja->edges.items[i]->state = EDGE_NEW;
        ninja->edges.items[i]->stamp = 0;
    }
    int rc = add_roots(&walk, targets);
    rc = rc == 0 ? order_edges(&walk) : rc;
    for (size_t i = 0; rc == 0 && i < walk.order.count; i++) {
        struct ninja_edge *edge = walk.order.items[i];
        rc = find_needs(&walk, edge);
        // NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers
        if (rc == 0 && edge->rule != NULL && vec_push(ret_edges, edge) < 0) {
            rc = no_memory(&walk);
        }
    }
    vec_fini(&walk.path);
    vec_fini(&walk.order);
    vec_fini(&walk.roots);
    vec_fini(&walk.found);
    return rc;
}
