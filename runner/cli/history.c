/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/history.h"

#include "base/arena.h"
#include "base/map.h"
#include "base/mem.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

/* What a unit that is due has come to, as value in struct layer_history.due. */
enum due {
    DUE_OPEN = 1,
    DUE_PASSED = 2,
};

/* What is known of a unit. */
struct known {
    struct plan_hint hint;
    const char *tree; /* the snapshot it came to that on; NULL = in place */
};

struct layer_history {
    struct map known;   /* unit -> struct known * */
    struct map carried; /* unit -> 1 */
    struct map due;     /* unit -> enum due */
    uint64_t failing;   /* units of `known` that did not pass */
    bool loaded;
    bool planned; /* its units were asked for in this run */
};

struct history {
    struct store *store;
    const struct pipeline *pipeline;
    struct arena *arena;
    struct layer_history *layers; /* one per layer of the pipeline */
    uint64_t due_open;            /* number of DUE_OPEN entries */
    bool rerun_failed;
    const char *tree;     /* of this run; NULL = everything runs in place */
    const char *row_tree; /* of the row read last: most have the same */
    struct err error;     /* the first failure; code 0 = none */
};

int history_new(struct store *store,
                const struct pipeline *pipeline,
                bool rerun_failed,
                struct history **ret_history,
                struct err *err)
{
    struct history *history = mem_calloc(1, sizeof *history);
    if (history == NULL) {
        return err_set(err, -ENOMEM, "out of memory");
    }
    history->store = store;
    history->pipeline = pipeline;
    history->rerun_failed = rerun_failed;
    history->arena = arena_new(HISTORY_ARENA_MAX);
    history->layers = mem_calloc(pipeline->layer_count + 1, sizeof *history->layers);
    if (history->arena == NULL || history->layers == NULL) {
        history_free(history);
        return err_set(err, -ENOMEM, "out of memory");
    }
    *ret_history = history;
    return 0;
}

void history_free(struct history *history)
{
    if (history == NULL) {
        return;
    }
    for (size_t i = 0; history->layers != NULL && i < history->pipeline->layer_count; i++) {
        map_fini(&history->layers[i].known);
        map_fini(&history->layers[i].carried);
        map_fini(&history->layers[i].due);
    }
    mem_free(history->layers);
    arena_free(history->arena);
    mem_free(history);
}

void history_set_tree(struct history *history, const char *tree)
{
    history->tree = tree != NULL && tree[0] != '\0' ? tree : NULL;
}

static void keep_error(struct history *history, int code, const char *text)
{
    if (history->error.code == 0) {
        (void)err_set(&history->error, code, "%s", text);
    }
}

static bool status_is_good(enum outcome_status status)
{
    return status == OUTCOME_PASSED || status == OUTCOME_SKIPPED;
}

/* ---- reading a layer's rows ---- */

struct loading {
    struct history *history;
    struct layer_history *layer;
};

/* Keeps the name of a row's snapshot. False without memory. */
static bool keep_tree(struct history *history, const char *tree, const char **ret_kept)
{
    if (tree != NULL && (history->row_tree == NULL || strcmp(history->row_tree, tree) != 0)) {
        history->row_tree = arena_strdup(history->arena, tree);
        if (history->row_tree == NULL) {
            return false;
        }
    }
    *ret_kept = tree != NULL ? history->row_tree : NULL;
    return true;
}

static int load_one(void *context, const struct unit_history *row)
{
    const struct loading *loading = context;
    const char *unit = arena_strdup(loading->history->arena, row->unit);
    struct known *known = arena_calloc(loading->history->arena, 1, sizeof *known);
    const char *unstored =
        row->unstored != NULL ? arena_printf(
            loading->history->arena, "it ran, but earned no evidence: %s", row->unstored)
                              : NULL;
    if (unit == NULL || known == NULL || (row->unstored != NULL && unstored == NULL)
        || !keep_tree(loading->history, row->last_tree, &known->tree)) {
        return -ENOMEM;
    }
    known->hint = (struct plan_hint){
        .duration_ms = row->duration_ms,
        .failed_recently = !status_is_good(row->last),
        .known = row->runs > 0,
        .flaky = row->flakes > 0,
        .last = row->last,
        .unstored = unstored,
    };
    loading->layer->failing += known->hint.failed_recently ? 1 : 0;
    const int rc = map_put(&loading->layer->known, unit, (uintptr_t)known);
    return rc < 0 ? rc : 0;
}

static struct layer_history *layer_load(struct history *history, size_t index)
{
    struct layer_history *layer = &history->layers[index];
    if (!layer->loaded) {
        layer->loaded = true;
        struct loading loading = {.history = history, .layer = layer};
        struct err err = {0};
        const char *id = history->pipeline->layers[index].id;
        const int rc = store_history(history->store, id, load_one, &loading, &err);
        if (rc != 0) {
            keep_error(history, rc, err.code != 0 ? err.text : "out of memory");
        }
    }
    return layer;
}

/* ---- resume ---- */

static int carry_one(void *context, const struct outcome_row *row)
{
    struct history *history = context;
    const struct layer *found = pipeline_find_layer(history->pipeline, row->layer);
    if (found == NULL || row->status != OUTCOME_PASSED) {
        return 0;
    }
    const char *unit = arena_strdup(history->arena, row->unit);
    if (unit == NULL) {
        return -ENOMEM;
    }
    struct layer_history *layer = &history->layers[found - history->pipeline->layers];
    const int rc = map_put(&layer->carried, unit, 1);
    return rc < 0 ? rc : 0;
}

int history_carry(struct history *history, const char *run_id, struct err *err)
{
    struct err why = {0};
    const int rc = store_outcomes(history->store, run_id, carry_one, history, &why);
    if (rc != 0) {
        return err_set(err,
                       rc,
                       "the outcomes of run %s cannot be read: %s",
                       run_id,
                       why.code != 0 ? why.text : "out of memory");
    }
    return 0;
}

/* ---- hints ---- */

static void note_due(struct history *history, struct layer_history *layer, const char *unit)
{
    const char *kept = arena_strdup(history->arena, unit);
    const int rc = kept != NULL ? map_add(&layer->due, kept, DUE_OPEN) : -ENOMEM;
    if (rc < 0) {
        keep_error(history, rc, "out of memory");
    }
    history->due_open += rc == 0 ? 1 : 0;
}

uint64_t history_read_ahead(struct history *history)
{
    uint64_t count = 0;
    for (size_t i = 0; i < history->pipeline->layer_count; i++) {
        count += layer_load(history, i)->known.count;
    }
    return count;
}

static bool is_of_other_tree(const struct history *history, const struct known *known)
{
    return history->tree != NULL
           && (known->tree == NULL || strcmp(known->tree, history->tree) != 0);
}

void history_hint(void *context,
                  const struct layer *layer,
                  const char *unit,
                  struct plan_hint *ret_hint)
{
    struct history *history = context;
    assert(layer >= history->pipeline->layers);
    const size_t index = (size_t)(layer - history->pipeline->layers);
    assert(index < history->pipeline->layer_count);
    struct layer_history *rows = layer_load(history, index);
    uintptr_t found = 0;
    bool other_tree = false;

    *ret_hint = (struct plan_hint){0};
    rows->planned = true;
    if (map_get(&rows->known, unit, &found) == 1) {
        *ret_hint = ((const struct known *)found)->hint;
        other_tree = is_of_other_tree(history, (const struct known *)found);
    }
    if (map_get(&rows->carried, unit, NULL) == 1) {
        ret_hint->carried = true;
    }
    if (history->rerun_failed) {
        ret_hint->carried = ret_hint->known && !ret_hint->failed_recently && !other_tree;
        if (!ret_hint->carried) {
            note_due(history, rows, unit);
        }
    }
}

/* ---- what is outstanding ---- */

void history_note(struct history *history, const struct event *event)
{
    if (event->type != EVENT_UNIT_FINISHED || !event->u.unit_finished.outcome->final
        || !status_is_good(event->u.unit_finished.outcome->status)) {
        return;
    }
    const struct layer *found =
        pipeline_find_layer(history->pipeline, event->u.unit_finished.layer);
    if (found == NULL) {
        return;
    }
    struct map *due = &history->layers[found - history->pipeline->layers].due;
    uintptr_t state = 0;
    const char *unit = event->u.unit_finished.unit;
    /* the key is there, so the map keeps its own copy of it */
    if (map_get(due, unit, &state) == 1 && state == DUE_OPEN) {
        (void)map_put(due, unit, DUE_PASSED);
        history->due_open--;
    }
}

uint64_t history_outstanding(struct history *history, bool some_layers)
{
    uint64_t count = history->due_open;
    for (size_t i = 0; some_layers && i < history->pipeline->layer_count; i++) {
        if (!history->layers[i].planned) {
            count += layer_load(history, i)->failing;
        }
    }
    return count;
}

int history_error(const struct history *history, struct err *err)
{
    return history->error.code == 0 ? 0
                                    : err_set(err, history->error.code, "%s", history->error.text);
}
