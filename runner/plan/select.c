/* SPDX-License-Identifier: Apache-2.0 */
/* Which layers take part in this run. Decided once, before anything starts:
 *
 * 1. named:   in options.layers, or hit by a layer(...) test of the filter;
 * 2. chosen:  in options.layers if there are any; the filter may match it; not manual unless named;
 * 3. blocked: it needs a manual layer that nothing asked for, so it is manual in effect;
 * 4. active:  chosen, not blocked, not unchanged; and then, transitively, what an active layer
 *             needs: explicit needs, and layers of earlier stages that make products.
 */
#include "base/mem.h"
#include "plan/plan_impl.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

struct choice {
    bool listed; /* in options.layers */
    bool named;
    bool chosen;
    bool wanted; /* a named layer needs it, or it is one */
    bool blocked;
    bool unchanged;
    bool queued; /* has been in `todo` */
};

struct selection {
    struct plan *plan;
    struct choice *choices;
    size_t *todo; /* layers whose needs are still to be followed; each enters once a pass */
    size_t todo_count;
};

static int unknown_layer(const struct plan *plan, const char *name, struct err *err)
{
    const struct pipeline *pipeline = plan->pipeline;
    const char *near = NULL;
    unsigned near_distance = UINT32_MAX;

    for (size_t i = 0; i < pipeline->layer_count; i++) {
        const char *const ids[] = {pipeline->layers[i].id, pipeline->layers[i].base_id};
        const char *candidate = text_nearest(name, ids, 2);
        if (candidate != NULL && text_distance(name, candidate) < near_distance) {
            near = candidate;
            near_distance = text_distance(name, candidate);
        }
    }
    return err_set(err,
                   -ENOENT,
                   "no layer \"%.200s\" in %s%s%s%s",
                   name,
                   pipeline->file,
                   near != NULL ? "; did you mean \"" : "",
                   near != NULL ? near : "",
                   near != NULL ? "\"?" : "; `sluice list` shows all layers");
}

/* Marks the layers a name stands for: one id, or all variants of a base id. */
static bool list_name(struct selection *s, const char *name)
{
    bool found = false;

    for (size_t i = 0; i < s->plan->pipeline->layer_count; i++) {
        const struct layer *layer = layer_of(s->plan, i);
        if (strcmp(layer->id, name) == 0 || strcmp(layer->base_id, name) == 0) {
            s->choices[i].listed = true;
            found = true;
        }
    }
    return found;
}

static int list_layers(struct selection *s, struct err *err)
{
    const struct text_list *names = &s->plan->options.layers;

    for (size_t n = 0; n < names->count; n++) {
        if (!list_name(s, names->items[n])) {
            return unknown_layer(s->plan, names->items[n], err);
        }
    }
    return 0;
}

static const char *stage_of(const struct plan *plan, const struct layer *layer)
{
    assert(layer->stage < plan->pipeline->stages.count);
    return plan->pipeline->stages.items[layer->stage];
}

/* Chosen or not, and why not. */
static void choose(const struct selection *s, size_t i)
{
    const struct plan_options *options = &s->plan->options;
    const struct layer *layer = layer_of(s->plan, i);
    struct choice *choice = &s->choices[i];
    const char **reason = &s->plan->layers[i].reason;
    const struct filter *filter = options->filter;

    choice->named =
        choice->listed || (filter != NULL && filter_names_layer(filter, layer->id, layer->base_id));
    if (options->layers.count != 0 && !choice->listed) {
        *reason = "not among the layers named on the command line";
    } else if (filter != NULL
               && !filter_may_match_layer(
                   filter, layer->id, layer->base_id, stage_of(s->plan, layer))) {
        *reason = "the filter can match none of its units";
    } else if (layer->when == WHEN_MANUAL && !choice->named) {
        *reason = "manual: it runs only when named on the command line or in the filter";
    } else {
        choice->chosen = true;
    }
    s->plan->layers[i].unasked = !choice->chosen;
    choice->unchanged = layer->when == WHEN_CHANGED && options->unchanged != NULL
                        && options->unchanged(options->context, layer);
}

static void todo_push(struct selection *s, size_t i)
{
    if (!s->choices[i].queued) {
        s->choices[i].queued = true;
        s->todo[s->todo_count++] = i;
        assert(s->todo_count <= s->plan->pipeline->layer_count);
    }
}

/* Marks named layers and all they need: these may be manual. */
static void follow_named(struct selection *s)
{
    size_t count = s->plan->pipeline->layer_count;

    for (size_t i = 0; i < count; i++) {
        if (s->choices[i].chosen && s->choices[i].named) {
            todo_push(s, i);
        }
    }
    while (s->todo_count != 0) {
        size_t i = s->todo[--s->todo_count];
        const struct layer *layer = layer_of(s->plan, i);
        s->choices[i].wanted = true;
        for (size_t n = 0; n < layer->need_count; n++) {
            todo_push(s, layer->needs[n]);
        }
    }
    for (size_t i = 0; i < count; i++) {
        s->choices[i].queued = false;
    }
}

/* The need of a layer that is out of reach, or NONE. */
static size_t blocked_need(const struct selection *s, size_t i)
{
    const struct layer *layer = layer_of(s->plan, i);

    for (size_t n = 0; n < layer->need_count; n++) {
        if (s->choices[layer->needs[n]].blocked) {
            return layer->needs[n];
        }
    }
    return NONE;
}

static int block(struct selection *s, size_t i, size_t need)
{
    struct plan *plan = s->plan;

    s->choices[i].blocked = true;
    if (s->choices[i].chosen) {
        plan->layers[i].reason =
            arena_printf(plan->arena,
                         "it needs layer \"%s\", which is manual and was not named",
                         layer_of(plan, need)->id);
    }
    return plan->layers[i].reason == NULL ? -ENOMEM : 0;
}

/* Blocks the layers that need a blocked one. 1 when there were any, 0, or -ENOMEM. */
static int block_once(struct selection *s)
{
    int more = 0;

    for (size_t i = 0; i < s->plan->pipeline->layer_count; i++) {
        size_t need = s->choices[i].blocked ? NONE : blocked_need(s, i);
        if (need == NONE) {
            continue;
        }
        if (block(s, i, need) != 0) {
            return -ENOMEM;
        }
        more = 1;
    }
    return more;
}

/* Manual layers that nothing wants, and all that need one of them. */
static int block_unwanted(struct selection *s)
{
    int more = 1;

    for (size_t i = 0; i < s->plan->pipeline->layer_count; i++) {
        bool manual = layer_of(s->plan, i)->when == WHEN_MANUAL;
        s->choices[i].blocked = manual && !s->choices[i].chosen && !s->choices[i].wanted;
    }
    while (more > 0) {
        more = block_once(s);
    }
    return more;
}

/* An active layer waits for layer i: take it in if its evidence or its products must be made now.
 */
static void pull(struct selection *s, size_t i)
{
    struct plan_layer *layer = &s->plan->layers[i];
    const struct choice *choice = &s->choices[i];

    const bool *produces = s->plan->options.produces;
    layer->outputs_needed =
        layer_of(s->plan, i)->outputs.count != 0 || (produces != NULL && produces[i]);
    if (choice->unchanged && !layer->outputs_needed) {
        return; /* its gate opened on this very snapshot */
    }
    layer->whole = layer->whole || layer->outputs_needed || !choice->chosen;
    todo_push(s, i);
}

static void pull_needs(struct selection *s, size_t i)
{
    const struct layer *layer = layer_of(s->plan, i);

    for (size_t n = 0; n < layer->need_count; n++) {
        pull(s, layer->needs[n]);
    }
    for (size_t e = 0; !layer->has_needs && e < s->plan->pipeline->layer_count; e++) {
        const struct layer *earlier = layer_of(s->plan, e);
        const struct choice *choice = &s->choices[e];
        if (earlier->stage < layer->stage && choice->chosen && !choice->blocked) {
            pull(s, e);
        }
    }
}

static void activate(struct selection *s)
{
    size_t count = s->plan->pipeline->layer_count;

    for (size_t i = 0; i < count; i++) {
        const struct choice *choice = &s->choices[i];
        if (choice->chosen && !choice->blocked && !choice->unchanged) {
            todo_push(s, i);
        } else if (choice->chosen && !choice->blocked) {
            s->plan->layers[i].reason = "unchanged since its gate last opened";
        }
    }
    while (s->todo_count != 0) {
        size_t i = s->todo[--s->todo_count];
        s->plan->layers[i].active = true;
        s->plan->layers[i].reason = NULL; /* it may have been left out by name, and be needed */
        s->plan->layers[i].unasked = false;
        pull_needs(s, i);
    }
}

static int run_selection(struct selection *s, struct err *err)
{
    int rc = list_layers(s, err);

    if (rc != 0) {
        return rc;
    }
    for (size_t i = 0; i < s->plan->pipeline->layer_count; i++) {
        choose(s, i);
    }
    follow_named(s);
    if (block_unwanted(s) != 0) {
        return err_set(err, -ENOMEM, "not enough memory for the plan");
    }
    activate(s);
    return 0;
}

int plan_select_layers(struct plan *plan, struct err *err)
{
    size_t count = plan->pipeline->layer_count;
    struct selection s = {.plan = plan};
    int rc = -ENOMEM;

    s.choices = mem_calloc(count, sizeof *s.choices);
    s.todo = mem_calloc(count, sizeof *s.todo);
    if (s.choices == NULL || s.todo == NULL) {
        err_set(err, -ENOMEM, "not enough memory for the plan");
    } else {
        rc = run_selection(&s, err);
    }
    mem_free(s.choices);
    mem_free(s.todo);
    return rc;
}
