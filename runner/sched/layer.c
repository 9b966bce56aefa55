/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "sched/sched_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Judge input that waits to be written. */
#define JUDGE_LINE_MAX (64u << 20)

/* What is told of a plugin's standard error. */
#define PLUGIN_WORDS_MAX 1500

void layer_set_error(struct sched *sched, size_t index, const char *text)
{
    struct sched_layer *state = &sched->layers[index];
    if (state->error == NULL) {
        state->error = arena_strdup(sched->arena, text);
        state->error = state->error != NULL ? state->error : "out of memory";
    }
}

/* ---- starting and planning ---- */

static void open_judge_input(struct sched *sched, size_t index)
{
    struct sched_layer *state = &sched->layers[index];
    char path[PATH_TEXT_MAX];
    str_init(&state->judge_input, JUDGE_LINE_MAX);
    if (!sched->options->plugins[index].judges || sched->options->plan_only) {
        return;
    }
    (void)snprintf(path, sizeof path, "%s/judge-%zu.jsonl", sched->options->run_dir, index);
    state->judge_fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (state->judge_fd < 0) {
        layer_set_error(sched, index, "cannot write the input of judge");
        return;
    }
    (void)plugin_judge_header(sched_layer_of(sched, index),
                              sched->options->root,
                              sched->options->diff,
                              &state->judge_input);
}

static void emit_layer_started(struct sched *sched, const struct layer *layer)
{
    struct event event = {.type = EVENT_LAYER_STARTED};
    event.u.layer_started.layer = layer->id;
    event.u.layer_started.name = layer->name;
    event.u.layer_started.stage = sched->pipeline->stages.items[layer->stage];
    sched_emit(sched, &event);
}

/* What is exposed and absent is absent inside: a typing error would show as a strange failure. */
static void tell_missing_exposed(struct sched *sched, size_t index)
{
    const struct layer *layer = sched_layer_of(sched, index);
    char path[PATH_TEXT_MAX];
    for (size_t i = 0; i < layer->expose.count; i++) {
        const char *exposed = layer->expose.items[i];
        int n = exposed[0] == '/'
                    ? snprintf(path, sizeof path, "%s", exposed)
                    : snprintf(path, sizeof path, "%s/%s", sched->options->root, exposed);
        if (n > 0 && (size_t)n < sizeof path && !file_exists(path)) {
            sched_note(sched,
                       "warning",
                       index,
                       "expose: there is no %s on this machine, so units will not find it either",
                       exposed);
        }
    }
}

void layer_start(struct sched *sched, size_t index)
{
    struct sched_layer *state = &sched->layers[index];
    const struct layer *layer = sched_layer_of(sched, index);
    struct err err = {0};
    state->started = true;
    emit_layer_started(sched, layer);
    if (layer->sandbox == SANDBOX_FULL && sched->options->lower == NULL
        && !sched->options->plan_only && !sched->told_in_place) {
        sched->told_in_place = true;
        sched_note(
            sched,
            "warning",
            index,
            "units cannot be isolated on this machine, so all run in place, in the live tree: %s "
            "(`sluice doctor` has the details)",
            sched->options->no_lower != NULL ? sched->options->no_lower : "it offers no isolation");
    }
    if (layer->sandbox == SANDBOX_FULL && sched->options->lower != NULL) {
        tell_missing_exposed(sched, index);
    }
    int rc = world_of_layer(sched, index, &err);
    rc = rc == 0 && env_build_base(sched, index) < 0 ? err_set(&err, -ENOMEM, "out of memory") : rc;
    if (rc < 0) {
        layer_set_error(sched, index, err.text);
    }
    open_judge_input(sched, index);
    if (state->error == NULL
        && chore_add(sched, &(struct chore){.kind = CHORE_PLAN, .layer = index}) < 0) {
        layer_set_error(sched, index, "out of memory");
    }
    if (state->error != NULL) {
        layer_planned(sched, index);
    }
}

struct adding {
    struct sched *sched;
    size_t layer;
    unsigned depth; /* of the units: 1 when `plan` itself named them */
    struct err *err;
};

static int refuse_unit(struct sched *sched, int rc, struct err *err)
{
    if (rc == -EINVAL) {
        sched->bad_filter = true;
        plan_stop(sched->plan, "the filter has no answer for every unit");
        return filter_error(sched->options->plan.filter, err);
    }
    return rc == -E2BIG ? err_set(err, rc, "more than %u units", UNITS_MAX)
                        : err_set(err, rc, "out of memory");
}

static int tell_planned(struct sched *sched,
                        const struct unit *unit,
                        const struct plan_hint *hint,
                        bool selected,
                        struct err *err)
{
    const struct sched_options *options = sched->options;
    const struct layer *layer = sched_layer_of(sched, unit->layer);
    struct sched_forecast forecast = {0};
    struct arena *arena = arena_new(START_ARENA_MAX);
    if (arena == NULL) {
        return err_set(err, -ENOMEM, "out of memory");
    }
    if (selected) {
        unit_foretell(sched, unit, arena, &forecast);
    }
    int told =
        options->planned(options->planned_context, layer, unit, hint, selected ? &forecast : NULL);
    arena_free(arena);
    return told < 0 ? err_set(err, told, "stopped") : 0;
}

/* ---- units that need each other ---- */

struct telling {
    struct sched *sched;
    struct err *err;
    int rc;
};

static void ask_hint(struct sched *sched, const struct unit *unit, struct plan_hint *ret_hint)
{
    const struct sched_options *options = sched->options;
    *ret_hint = (struct plan_hint){0};
    if (options->hint != NULL) {
        options->hint(
            options->hint_context, sched_layer_of(sched, unit->layer), unit->id, ret_hint);
    }
}

static void note_left_out(void *context, const struct plan_left *left)
{
    struct telling *telling = context;
    struct plan_hint hint;
    if (telling->rc == 0 && left->selected) {
        // NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers
        telling->rc = vec_push(&telling->sched->layers[left->unit->layer].untold, left->unit);
    } else if (telling->rc == 0) {
        ask_hint(telling->sched, left->unit, &hint);
        hint.left_out = left->by_plugin;
        telling->rc = tell_planned(telling->sched, left->unit, &hint, false, telling->err);
    }
}

static int tell_linked(void *context, struct linked_unit *linked)
{
    struct telling *telling = context;
    struct plan_hint hint;
    if (!linked->untold) {
        return 0;
    }
    linked->untold = false;
    ask_hint(telling->sched, linked->unit, &hint);
    return tell_planned(telling->sched, linked->unit, &hint, true, telling->err);
}

/* A forecast rests on those of the units it needs, so these come first. */
static int tell_in_order(struct telling *telling, size_t index)
{
    struct sched_layer *state = &telling->sched->layers[index];
    const struct unit **unit;
    vec_for_each (unit, &state->untold) {
        struct linked_unit *linked = linked_of(telling->sched, *unit, true);
        if (linked == NULL) {
            return -ENOMEM;
        }
        linked->untold = true;
    }
    vec_for_each (unit, &state->untold) {
        int rc = linked_each(telling->sched, *unit, tell_linked, telling);
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

/* All units are known now. */
static void link_units(struct sched *sched, size_t index)
{
    struct sched_layer *state = &sched->layers[index];
    struct err err = {0};
    struct telling telling = {.sched = sched, .err = &err};
    const bool tells = sched->options->planned != NULL;
    if (state->error != NULL) {
        return;
    }
    int rc = plan_layer_link(sched->plan, index, tells ? note_left_out : NULL, &telling, &err);
    rc = rc == 0 ? telling.rc : rc;
    rc = rc == 0 && tells ? tell_in_order(&telling, index) : rc;
    if (rc < 0) {
        layer_set_error(sched, index, err.code != 0 ? err.text : "out of memory");
    }
    vec_fini(&state->untold);
}

void layer_planned(struct sched *sched, size_t index)
{
    struct plan_layer_counts counts;
    struct sched_layer *state = &sched->layers[index];
    link_units(sched, index);
    plan_layer_counts(sched->plan, index, &counts);
    struct event event = {.type = EVENT_LAYER_PLANNED};
    event.u.layer_planned.layer = sched_layer_of(sched, index)->id;
    event.u.layer_planned.units = counts.selected;
    event.u.layer_planned.excluded = counts.excluded;
    event.u.layer_planned.left_out = counts.left_out;
    event.u.layer_planned.carried = counts.carried;
    sched_emit(sched, &event);
    sched->any_asked = true;
    sched->any_selected =
        sched->any_selected || counts.selected + counts.carried > 0 || state->error != NULL;
    sched->any_excluded = sched->any_excluded || counts.excluded + counts.left_out > 0;
    if (plan_layer_planned(sched->plan, index, state->error != NULL) < 0) {
        layer_set_error(sched, index, "out of memory for its plan");
        (void)plan_layer_planned(sched->plan, index, true);
    }
}

void layer_unit_prepared(struct sched *sched,
                         const struct unit *unit,
                         const struct outcome *outcome)
{
    const struct sched_options *options = sched->options;
    const struct layer *layer = sched_layer_of(sched, unit->layer);
    struct outcome ended = *outcome;
    ended.slot = outcome->reused != NULL ? -1 : (int)options->plan.slots;
    if (plan_add_ended(sched->plan, unit, &ended) < 0) {
        layer_set_error(sched, unit->layer, "out of memory for its plan");
        return;
    }
    if (options->planned != NULL) {
        const struct plan_hint hint = {0};
        const struct sched_forecast forecast = {
            .fate = outcome->reused != NULL ? FATE_HIT : FATE_RUN,
            .why = outcome->reused != NULL ? "evidence answers for it"
                                           : "it has run: it says what the other units are",
        };
        (void)options->planned(options->planned_context, layer, unit, &hint, &forecast);
    }
    if (options->plan_only) {
        return;
    }
    struct event event = {.type = EVENT_UNIT_FINISHED};
    event.u.unit_finished.layer = layer->id;
    event.u.unit_finished.unit = unit->id;
    event.u.unit_finished.definition = unit;
    event.u.unit_finished.outcome = &ended;
    sched_emit(sched, &event);
    layer_note_outcome(sched, SIZE_MAX, unit, &ended);
}

int layer_add_unit(struct sched *sched,
                   const struct unit *unit,
                   const struct plan_hint *choice,
                   struct err *err)
{
    const struct sched_options *options = sched->options;
    struct plan_hint hint;
    ask_hint(sched, unit, &hint);
    hint.left_out = choice->left_out;
    hint.in_order = choice->in_order;
    int rc = plan_add_unit(sched->plan, unit, &hint);
    if (rc < 0) {
        return refuse_unit(sched, rc, err);
    }
    if (options->planned == NULL || rc == 0) {
        return 0; /* those left out are told when it is known that nobody needs them */
    }
    if (unit->links != NULL && unit->links->needs.count > 0) {
        // NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers
        rc = vec_push(&sched->layers[unit->layer].untold, unit);
        return rc < 0 ? err_set(err, rc, "out of memory") : 0;
    }
    return tell_planned(sched, unit, &hint, true, err);
}

static int add_one(struct adding *adding, const struct unit *unit)
{
    static const struct plan_hint no_choice = {0};
    if (!select_applies(adding->sched, adding->layer)) {
        return layer_add_unit(adding->sched, unit, &no_choice, adding->err);
    }
    int rc = select_hold(adding->sched, unit);
    return rc < 0 ? err_set(adding->err, rc, "out of memory") : 0;
}

/* The parts of a unit of a layer with `shards`. */
static int add_parts(struct adding *adding, const struct unit *unit, unsigned shards)
{
    struct arena *arena = adding->sched->arena;
    int rc = 0;
    for (unsigned i = 1; rc == 0 && i <= shards; i++) {
        struct unit *part = arena_alloc(arena, sizeof *part);
        if (part == NULL) {
            return err_set(adding->err, -ENOMEM, "out of memory");
        }
        *part = *unit;
        part->shard = i;
        part->id = arena_printf(arena, "%s#%u/%u", unit->id, i, shards);
        rc = part->id == NULL ? err_set(adding->err, -ENOMEM, "out of memory")
                              : add_one(adding, part);
    }
    return rc;
}

static int add_expanding(struct adding *adding, const struct unit *unit)
{
    struct sched_layer *state = &adding->sched->layers[adding->layer];
    if (++state->expanded > EXPAND_MAX) {
        return err_set(
            adding->err, -E2BIG, "more than %d units that expand into further units", EXPAND_MAX);
    }
    if (adding->depth > EXPAND_DEPTH_MAX) {
        return err_set(adding->err,
                       -E2BIG,
                       "unit \"%s\" would expand further: units may expand %d levels deep",
                       unit->id,
                       EXPAND_DEPTH_MAX);
    }
    const struct chore chore = {
        .kind = CHORE_EXPAND, .layer = adding->layer, .unit = unit, .depth = adding->depth};
    return chore_add(adding->sched, &chore) < 0 ? err_set(adding->err, -ENOMEM, "out of memory")
                                                : 0;
}

/* The texts of `read` live in the run's arena already; the unit itself is copied there. */
static int add_unit(void *context, const struct unit *read)
{
    struct adding *adding = context;
    const struct layer *layer = sched_layer_of(adding->sched, adding->layer);
    int known = map_add(&adding->sched->layers[adding->layer].ids, read->id, 0);
    if (known != 0) {
        return known < 0 ? err_set(adding->err, known, "out of memory")
                         : err_set(adding->err,
                                   -EEXIST,
                                   "two units have the id \"%s\": ids name units in reports and "
                                   "history, each once",
                                   read->id);
    }
    if (layer->shards > 1 && unit_is_linked(read)) {
        return err_set(adding->err,
                       -EINVAL,
                       "unit \"%s\" has needs or outputs, and the layer has `shards`: a part of a "
                       "unit cannot be needed; remove `shards`",
                       read->id);
    }
    if (layer->shards > 1 && !read->expands) {
        return add_parts(adding, read, layer->shards);
    }
    struct unit *unit = arena_alloc(adding->sched->arena, sizeof *unit);
    if (unit == NULL) {
        return err_set(adding->err, -ENOMEM, "out of memory");
    }
    *unit = *read;
    if (unit_is_linked(unit) && linked_of(adding->sched, unit, true) == NULL) {
        return err_set(adding->err, -ENOMEM, "out of memory");
    }
    return unit->expands ? add_expanding(adding, unit) : add_one(adding, unit);
}

/* The plugin's last words, for its failure. */
static void read_words(struct sched *sched, const struct capture *capture, char *buf, size_t size)
{
    char path[PATH_TEXT_MAX];
    buf[0] = '\0';
    if (capture->len == 0) {
        return;
    }
    (void)snprintf(path, sizeof path, "%s/%s", sched->options->run_dir, capture->file);
    CLEANUP(cleanup_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    uint64_t want = capture->len < size - 1 ? capture->len : size - 1;
    ssize_t n =
        fd >= 0 ? pread(fd, buf, (size_t)want, (off_t)(capture->offset + capture->len - want)) : 0;
    buf[n > 0 ? n : 0] = '\0';
    for (size_t len = strlen(buf); len > 0 && buf[len - 1] == '\n'; len--) {
        buf[len - 1] = '\0';
    }
}

void layer_set_program_error(struct sched *sched,
                             const struct chore *chore,
                             const char *verb,
                             const struct outcome *outcome)
{
    char words[PLUGIN_WORDS_MAX];
    char text[ERR_TEXT_MAX];
    read_words(sched, &outcome->err, words, sizeof words);
    char prefix[2 * ID_MAX];
    (void)snprintf(
        prefix, sizeof prefix, "%s %s: ", sched->options->plugins[chore->layer].name, verb);
    const size_t told = text_starts_with(words, prefix) ? strlen(prefix) : 0; /* the SDK says it */
    (void)snprintf(text,
                   sizeof text,
                   "%s %s: %s%s%s%s%.300s",
                   sched->options->plugins[chore->layer].name,
                   verb,
                   outcome->message != NULL ? outcome->message : "failed",
                   words[0] != '\0' ? ":\n" : "",
                   words + told,
                   outcome->hint != NULL ? "\n" : "",
                   outcome->hint != NULL ? outcome->hint : "");
    layer_set_error(sched, chore->layer, text);
}

int layer_check_answer(const struct sched *sched,
                       const struct outcome *outcome,
                       const char *plugin,
                       const char *verb,
                       unsigned max,
                       struct err *err)
{
    if ((outcome->flags & FLAG_OUTPUT_LOST) != 0) {
        return err_set(err,
                       -ENOSPC,
                       "%s %s: its answer could not be written to %s: the disk is full, make room",
                       plugin,
                       verb,
                       sched->options->run_dir);
    }
    return outcome->out.dropped == 0
               ? 0
               : err_set(err, -EFBIG, "%s %s: more than %u MiB of output", plugin, verb, max >> 20);
}

static bool more_to_plan(const struct sched *sched, size_t layer)
{
    for (size_t i = sched->chore_at; i < sched->chores.count; i++) {
        if (sched->chores.items[i].layer == layer && sched->chores.items[i].kind == CHORE_EXPAND) {
            return true;
        }
    }
    return false;
}

static void drop_expansions(struct sched *sched, size_t layer)
{
    size_t kept = sched->chore_at;
    for (size_t i = sched->chore_at; i < sched->chores.count; i++) {
        if (sched->chores.items[i].layer != layer || sched->chores.items[i].kind != CHORE_EXPAND) {
            sched->chores.items[kept++] = sched->chores.items[i];
        }
    }
    sched->chores.count = kept;
}

static bool waits_for(const struct sched *sched, size_t layer, size_t other)
{
    const struct layer *l = sched_layer_of(sched, layer);
    for (size_t i = 0; i < l->need_count; i++) {
        if (l->needs[i] == other) {
            return true;
        }
    }
    return !l->has_needs && sched_layer_of(sched, other)->stage < l->stage;
}

struct waiting_search {
    size_t *todo;
    bool *seen;
    size_t end;
};

/* Adds what `layer` waits for; the first of these with outputs is the answer. */
static const struct layer *search_waited(const struct sched *sched,
                                         size_t layer,
                                         struct waiting_search *search)
{
    for (size_t i = 0; i < sched->pipeline->layer_count; i++) {
        if (search->seen[i] || !waits_for(sched, layer, i)) {
            continue;
        }
        search->seen[i] = true;
        search->todo[search->end++] = i;
        if (sched_layer_of(sched, i)->outputs.count > 0 || sched->options->plugins[i].produces) {
            return sched_layer_of(sched, i);
        }
    }
    return NULL;
}

/* A layer with outputs that this one waits for, itself or by others; NULL = none. Told once a layer
 * that cannot be planned: the plain search will do. */
static const struct layer *producer_of(const struct sched *sched, size_t index)
{
    const size_t count = sched->pipeline->layer_count;
    struct waiting_search search = {
        .todo = mem_calloc(count, sizeof(size_t)),
        .seen = mem_calloc(count, sizeof(bool)),
    };
    const struct layer *found = NULL;
    if (search.todo != NULL && search.seen != NULL) {
        search.seen[index] = true;
        search.todo[search.end++] = index;
    }
    for (size_t at = 0; at < search.end && found == NULL; at++) {
        found = search_waited(sched, search.todo[at], &search);
    }
    mem_free(search.todo);
    mem_free(search.seen);
    return found;
}

/* Nothing was run: a plugin that misses products of another layer is right to fail. */
static bool told_as_waiting(struct sched *sched, const struct chore *chore)
{
    const struct sched_options *options = sched->options;
    if (!options->plan_only || options->waiting == NULL) {
        return false;
    }
    const struct layer *producer = producer_of(sched, chore->layer);
    if (producer == NULL) {
        return false;
    }
    options->waiting(options->planned_context, sched_layer_of(sched, chore->layer), producer);
    sched->any_selected = true;
    return true;
}

static void read_plan(struct sched *sched, const struct chore *chore, const struct outcome *outcome)
{
    char path[PATH_TEXT_MAX];
    struct file_part answer;
    struct err err = {0};
    const struct plugin_description *plugin = &sched->options->plugins[chore->layer];
    struct adding adding = {sched, chore->layer, chore->depth + 1, &err};
    int rc = layer_check_answer(sched, outcome, plugin->name, "plan", PLUGIN_PLAN_MAX, &err);
    rc = rc == 0 ? chore_answer(sched, &outcome->out, path, &answer, &err) : rc;
    rc = rc == 0 ? plugin_read_units(
             plugin, (uint32_t)chore->layer, &answer, sched->arena, add_unit, &adding, &err)
                 : rc;
    if (rc < 0) {
        layer_set_error(sched, chore->layer, err.text);
    }
}

/* It gave no units, and that is told in another way than as an error of planning: it waits for
 * products of another layer, or is itself a unit that did not pass. */
static bool is_excused(struct sched *sched,
                       const struct chore *chore,
                       const struct outcome *outcome)
{
    return told_as_waiting(sched, chore)
           || (chore_prepares(chore) && chore_ends_as_unit(sched, outcome));
}

void layer_plan_done(struct sched *sched, const struct chore *chore, const struct outcome *outcome)
{
    if (outcome->status == OUTCOME_PASSED) {
        read_plan(sched, chore, outcome);
    } else if (is_excused(sched, chore, outcome)) {
        drop_expansions(sched, chore->layer);
    } else {
        layer_set_program_error(
            sched, chore, chore->kind == CHORE_PLAN ? "plan" : chore->unit->id, outcome);
    }
    if (sched->layers[chore->layer].error != NULL) {
        drop_expansions(sched, chore->layer);
    }
    if (!more_to_plan(sched, chore->layer) && !select_begin(sched, chore->layer)) {
        layer_planned(sched, chore->layer);
    }
}
