/* SPDX-License-Identifier: Apache-2.0 */
/* The whole of a file: top level, defaults, layers and their variants, in the order of layers.h. */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "config/layers.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* JSON of one layer's `with`: escapes make at most six bytes of one. */
#define WITH_MAX ((size_t)32 << 20)

static const char *const default_stages[] = {"default", NULL};

static const struct layer layer_defaults = {
    .with = "{}",
    .cwd = ".",
    .timeout_ms = (int64_t)LAYER_TIMEOUT_DEFAULT_MS,
    .retry_when = LAYER_RETRY_WHEN_DEFAULT,
    .shards = 1,
    .slots = 1,
    .when = WHEN_ALWAYS,
    .sandbox = SANDBOX_FULL,
    .reuse = {.mode = REUSE_OBSERVED},
};

static const char *file_stem(struct reader *r)
{
    const char *name = path_basename(r->complaints->source.file);
    size_t len = strlen(name);
    const char *dot = strrchr(name, '.');
    if (dot != NULL && dot > name) {
        len = (size_t)(dot - name);
    }
    const char *stem = arena_strndup(r->arena, name, len);
    if (stem == NULL) {
        complaints_fail_arena(r->complaints, r->arena);
    }
    return stem;
}

static void read_defaults(struct reader *r, const struct node *node, struct draft *draft)
{
    static const struct env_list no_axes;
    *draft = (struct draft){.layer = layer_defaults};
    if (node == NULL) {
        return;
    }
    struct reader_place place = {SCOPE_DEFAULTS, "`defaults`", node};
    r->draft = draft;
    r->matrix = &no_axes;
    reader_object(r, &place, node, draft);
    r->matrix = NULL;
    r->draft = NULL;
}

static void write_settings(struct reader *r, struct draft *draft)
{
    CLEANUP(str_fini) struct str json = STR_INIT(WITH_MAX);
    if (draft->with == NULL) {
        return;
    }
    with_write(r, draft->with->value, &json);
    if (str_error(&json) != 0) {
        complaints_fail(r->complaints, str_error(&json) == -ENOMEM ? -ENOMEM : -E2BIG);
        return;
    }
    draft->layer.with = arena_strdup(r->arena, str_text(&json));
    if (draft->layer.with == NULL) {
        complaints_fail_arena(r->complaints, r->arena);
    }
}

/* What only the whole layer shows. */
static void check_layer(struct reader *r, const struct draft *draft)
{
    const struct layer *layer = &draft->layer;
    if (strlen(layer->id) > LAYER_ID_MAX_BYTES) {
        complain(r->complaints,
                 draft->key,
                 "the id `%.60s...` of a variant is longer than %d bytes: shorten the values of "
                 "the matrix",
                 layer->id,
                 LAYER_ID_MAX_BYTES);
    }
    if (layer->reuse.mode == REUSE_DECLARED && layer->reuse.declared.count == 0) {
        complain(r->complaints,
                 draft->key,
                 "the layer `%.60s` has `reuse: {mode: declared}` but declares no file: add "
                 "`declared: [FILE]` there",
                 layer->id);
    }
}

static void read_variant(struct reader *r, struct draft *draft)
{
    char what[96];
    (void)snprintf(what, sizeof what, "the layer `%.60s`", draft->key->text);
    struct reader_place place = {SCOPE_LAYER, what, draft->key};
    size_t before = r->complaints->found;
    r->draft = draft;
    r->matrix = &draft->layer.matrix;
    reader_object(r, &place, draft->value, draft);
    write_settings(r, draft);
    if (r->complaints->found == before) {
        check_layer(r, draft);
    }
    r->matrix = NULL;
    r->draft = NULL;
}

static bool add_draft(struct reader *r, struct drafts *drafts, const struct draft *draft)
{
    if (drafts->count == LAYERS_MAX) {
        complain(r->complaints,
                 draft->key,
                 "more than %d layers, variants counted: split the pipeline",
                 LAYERS_MAX);
        return false;
    }
    if (vec_push(drafts, *draft) != 0) {
        complaints_fail(r->complaints, -ENOMEM);
        return false;
    }
    return true;
}

/* All variants of one layer. When one has a mistake the others have it too: they are only made
 * known by name, so that `needs` finds them. */
static bool read_layer(struct reader *r,
                       const struct node_pair *pair,
                       const struct draft *defaults,
                       struct drafts *drafts)
{
    struct variants variants;
    size_t before = r->complaints->found;
    (void)reader_check(r, &rule_id, "the layer id", pair->key, pair->key->text);
    (void)matrix_read(r, pair->value, &variants);
    for (size_t i = 0; i < variants.count && r->complaints->error == 0; i++) {
        struct draft draft = *defaults;
        draft.key = pair->key;
        draft.value = pair->value;
        draft.layer.pos = reader_pos(r, pair->key);
        draft.layer.base_id = pair->key->text;
        draft.layer.matrix = variants.items[i];
        draft.layer.id = matrix_id(r, pair->key->text, &variants.items[i]);
        if (draft.layer.id == NULL) {
            return false;
        }
        draft.layer.name = draft.layer.id;
        if (i == 0 || r->complaints->found == before) {
            read_variant(r, &draft);
        }
        if (!add_draft(r, drafts, &draft)) {
            return false;
        }
    }
    return r->complaints->error == 0;
}

static void read_layers(struct reader *r, const struct top *top, struct drafts *drafts)
{
    struct draft defaults;
    read_defaults(r, top->defaults, &defaults);
    if (top->layers == NULL) {
        return;
    }
    if (top->layers->type != NODE_MAP) {
        complain(r->complaints,
                 top->layers,
                 "`layers` must be a mapping of ids to layers, not %s",
                 node_kind(top->layers));
        return;
    }
    if (top->layers->count == 0) {
        complain(r->complaints, top->layers, "`layers` is empty: add at least one layer");
    }
    for (size_t i = 0; i < top->layers->count; i++) {
        if (!read_layer(r, &top->layers->pairs[i], &defaults, drafts)) {
            return;
        }
    }
}

static void fill(struct reader *r,
                 const struct drafts *drafts,
                 struct pipeline *pipeline,
                 const struct node_pair *const **ret_with)
{
    struct layer *layers = arena_calloc(r->arena, drafts->count, sizeof *layers);
    const struct node_pair **with =
        arena_calloc(r->arena, drafts->count, sizeof(struct node_pair *));
    if (layers == NULL || with == NULL) {
        complaints_fail_arena(r->complaints, r->arena);
        return;
    }
    for (size_t i = 0; i < drafts->count; i++) {
        layers[i] = drafts->items[i].layer;
        with[i] = drafts->items[i].with;
    }
    pipeline->layers = layers;
    pipeline->layer_count = drafts->count;
    *ret_with = with;
}

void pipeline_read(struct reader *r,
                   const struct node *root,
                   struct pipeline *ret_pipeline,
                   const struct node_pair *const **ret_with)
{
    struct top top = {.version = 0};
    struct drafts drafts = {0};
    struct reader_place place = {SCOPE_TOP, "the pipeline", root};
    reader_object(r, &place, root, &top);
    if (top.stages.count == 0) {
        top.stages = (struct text_list){.items = default_stages, .count = 1};
    }
    read_layers(r, &top, &drafts);
    if (r->complaints->error == 0) {
        links_resolve(r, &drafts, &top.stages);
    }
    ret_pipeline->file = r->complaints->source.file;
    ret_pipeline->name = top.name != NULL ? top.name : file_stem(r);
    ret_pipeline->stages = top.stages;
    fill(r, &drafts, ret_pipeline, ret_with);
    vec_fini(&drafts);
}
