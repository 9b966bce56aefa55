/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "sched/sched_impl.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- environment ---- */

/* UTF-8 as LANG=C.UTF-8 gives it, without eleven further categories that are those of the C locale
 * either way: glibc looks for, opens and maps files for each of them whenever a program starts. */
static const char world_ctype[] = "LC_CTYPE=C.UTF-8";

/* What every isolated unit starts with; nothing else of the user's environment comes through. */
static const char *const world_env[] = {
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    ("HOME=" WORLD_HOME),
    "TMPDIR=/tmp",
    world_ctype,
    "TZ=UTC",
    "SHELL=/bin/sh",
    "TERM=dumb",
    "USER=sluice",
    "LOGNAME=sluice",
};

static bool same_name(const char *entry, const char *name, size_t len)
{
    return strncmp(entry, name, len) == 0 && entry[len] == '=';
}

static void remove_name(struct text_vec *env, const char *name)
{
    size_t len = strcspn(name, "=");
    for (size_t i = 0; i < env->count;) {
        if (same_name(env->items[i], name, len)) {
            env->items[i] = env->items[--env->count];
        } else {
            i++;
        }
    }
}

/* Whoever sets LANG wants all categories so; LC_CTYPE would win over it. An empty one, as some
 * machines have where others have none, says nothing about any. */
static void remove_world_ctype(struct text_vec *env)
{
    for (size_t i = 0; i < env->count; i++) {
        if (env->items[i] == world_ctype) {
            env->items[i] = env->items[--env->count];
            return;
        }
    }
}

/* Adds "NAME=value", in place of an earlier one of that name. */
static int put_entry(struct text_vec *env, const char *entry)
{
    if (entry == NULL) {
        return -ENOMEM;
    }
    if (same_name(entry, "LANG", 4) && entry[5] != '\0') {
        remove_world_ctype(env);
    }
    remove_name(env, entry);
    return vec_push(env, entry);
}

static int put_list(struct text_vec *env, const struct env_list *list, struct arena *arena)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < list->count; i++) {
        const struct env_entry *entry = &list->items[i];
        /* NOLINTNEXTLINE(concurrency-mt-unsafe): nobody changes our environment */
        const char *value = entry->value != NULL ? entry->value : getenv(entry->name);
        if (value == NULL) {
            remove_name(env, entry->name);
        } else {
            rc = put_entry(env, arena_printf(arena, "%s=%s", entry->name, value));
        }
    }
    return rc;
}

/* A sluice that runs in a unit of another one finds that unit's words in its environment. They are
 * not for its own units and chores. */
static bool is_of_outer_unit(const char *entry)
{
    return text_starts_with(entry, "SLUICE_UNIT=") || text_starts_with(entry, "SLUICE_SHARD_");
}

static int compare_entries(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int put_own(struct sched *sched, struct text_vec *env, const struct layer *layer)
{
    int rc = put_entry(env, "SLUICE=1");
    rc = rc == 0 ? put_entry(env, arena_printf(sched->arena, "SLUICE_LAYER=%s", layer->id)) : rc;
    rc = rc == 0 ? put_entry(env,
                             arena_printf(sched->arena,
                                          "SLUICE_SEED=%llu",
                                          (unsigned long long)sched->options->seed))
                 : rc;
    return rc == 0 ? put_list(env, &layer->env, sched->arena) : rc;
}

int env_build_base(struct sched *sched, size_t index)
{
    struct sched_layer *state = &sched->layers[index];
    int rc = 0;
    if (state->world.isolated) {
        for (size_t i = 0; rc == 0 && i < sizeof world_env / sizeof *world_env; i++) {
            rc = vec_push(&state->base_env, world_env[i]);
        }
    } else {
        for (char **entry = environ; rc == 0 && *entry != NULL; entry++) {
            rc = is_of_outer_unit(*entry) ? 0 : vec_push(&state->base_env, *entry);
        }
    }
    rc = rc == 0 ? put_own(sched, &state->base_env, sched_layer_of(sched, index)) : rc;
    if (rc == 0 && state->base_env.count > 1) { /* keys of units sort theirs: this is most of it */
        qsort(state->base_env.items,
              state->base_env.count,
              sizeof *state->base_env.items,
              compare_entries);
    }
    return rc;
}

static int put_shard(struct text_vec *env,
                     const struct unit *unit,
                     unsigned shards,
                     struct arena *arena)
{
    int rc = put_entry(env, arena_printf(arena, "SLUICE_SHARD_INDEX=%u", unit->shard));
    return rc == 0 ? put_entry(env, arena_printf(arena, "SLUICE_SHARD_COUNT=%u", shards)) : rc;
}

struct text_list base_env_of(const struct sched *sched, size_t index)
{
    const struct text_vec *env = &sched->layers[index].base_env;
    return (struct text_list){env->items, env->count};
}

/* Variables that are the unit's alone: SLUICE_UNIT and the two of a shard. */
#define OWN_MAX 3u

const char *const *env_of_unit(struct sched *sched,
                               size_t index,
                               const struct unit *unit,
                               struct arena *arena)
{
    const struct text_list base = base_env_of(sched, index);
    /* room for all there can be, so that the array never grows out of the arena */
    const size_t most = size_add(base.count, unit != NULL ? size_add(OWN_MAX, unit->env.count) : 0);
    struct text_vec env = {.items = arena_calloc(arena, size_add(most, 1), sizeof *env.items),
                           .cap = most};
    int rc = env.items != NULL ? 0 : -ENOMEM;
    if (rc == 0 && base.count > 0) {
        memcpy(env.items, base.items, base.count * sizeof *env.items);
        env.count = base.count;
    }
    if (unit != NULL) {
        rc = rc == 0 ? vec_push(&env, arena_printf(arena, "SLUICE_UNIT=%s", unit->id)) : rc;
        rc = rc == 0 && unit->shard != 0
                 ? put_shard(&env, unit, sched_layer_of(sched, index)->shards, arena)
                 : rc;
        rc = rc == 0 ? put_list(&env, &unit->env, arena) : rc;
    }
    if (rc != 0) {
        return NULL;
    }
    env.items[env.count] = NULL; /* some may have been taken out again */
    return env.items;
}

/* ---- one unit ---- */

/* A free slot, one that already serves this world if there is one. */
static struct sched_slot *choose_slot(struct sched *sched, const struct world *world)
{
    struct sched_slot *free_slot = NULL;
    for (unsigned i = 0; i < sched->options->plan.slots; i++) {
        struct sched_slot *slot = &sched->slots[i];
        if (slot->unit != NULL) {
            continue;
        }
        if (slot->world == world) {
            return slot;
        }
        if (free_slot == NULL || (free_slot->world != NULL && slot->world == NULL)) {
            free_slot = slot;
        }
    }
    return free_slot;
}

/* Part of a folder name made from an id: letters, digits and a few marks; the index keeps it
 * unique. */
static void folder_name(const char *id, size_t index, char *buf, size_t size)
{
    char word[64];
    size_t n = 0;
    for (; n < sizeof word - 1 && id[n] != '\0'; n++) {
        unsigned char c = (unsigned char)id[n];
        word[n] = isalnum(c) || strchr("-_.[]", c) != NULL ? (char)c : '_';
    }
    word[n] = '\0';
    (void)snprintf(buf, size, "%s-%zu", word, index);
}

const char *unit_folder(const struct sched *sched,
                        const char *kind,
                        const struct unit *unit,
                        size_t index,
                        struct arena *arena)
{
    char layer_name[96];
    char unit_name[96];
    const struct layer *layer = sched_layer_of(sched, unit->layer);
    folder_name(layer->id, unit->layer, layer_name, sizeof layer_name);
    folder_name(unit->id, index, unit_name, sizeof unit_name);
    return arena_printf(arena, "%s/%s/%s/%s", sched->options->run_dir, kind, layer_name, unit_name);
}

static const char *folder_of_products(const struct sched *sched,
                                      const struct sched_slot *slot,
                                      struct arena *arena)
{
    return unit_folder(sched, EXEC_PRODUCTS, slot->unit, slot->index, arena);
}

void unit_finish(struct sched *sched,
                 size_t index,
                 const struct unit *unit,
                 struct outcome *outcome)
{
    plan_unit_finished(sched->plan, index, outcome);
    if (outcome->reused == NULL) {
        sched->cpu_us += outcome->cpu_user_us + outcome->cpu_sys_us;
    }
    struct event event = {.type = EVENT_UNIT_FINISHED};
    event.u.unit_finished.layer = sched_layer_of(sched, unit->layer)->id;
    event.u.unit_finished.unit = unit->id;
    event.u.unit_finished.definition = unit;
    event.u.unit_finished.outcome = outcome;
    sched_emit(sched, &event);
    layer_note_outcome(sched, index, unit, outcome);
}

/* Once: every unit that lost some has FLAG_OUTPUT_LOST in the log and says so in the report. */
static void tell_lost_output(struct sched *sched,
                             const struct unit *unit,
                             const struct outcome *outcome)
{
    if ((outcome->flags & FLAG_OUTPUT_LOST) == 0 || sched->told_lost) {
        return;
    }
    sched->told_lost = true;
    sched_note(
        sched,
        "warning",
        unit->layer,
        "what units print is lost from here on: it cannot be written to %s, the disk is full "
        "(the first one is %s)",
        sched->options->run_dir,
        unit->id);
}

bool unit_has_outputs(const struct sched *sched, const struct unit *unit)
{
    return sched->options->lower != NULL
           && (sched_layer_of(sched, unit->layer)->outputs.count > 0
               || (unit->links != NULL && unit->links->outputs.count > 0));
}

int patterns_join(const struct text_list *of_layer,
                  const struct text_list *of_unit,
                  struct arena *arena,
                  struct text_list *ret_all)
{
    const size_t own = of_unit != NULL ? of_unit->count : 0;
    if (own == 0) {
        *ret_all = *of_layer;
        return 0;
    }
    const char **all = arena_calloc(arena, of_layer->count + own + 1, sizeof *all);
    if (all == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < of_layer->count; i++) {
        all[i] = of_layer->items[i];
    }
    for (size_t i = 0; of_unit != NULL && i < own; i++) {
        all[of_layer->count + i] = of_unit->items[i];
    }
    *ret_all = (struct text_list){all, of_layer->count + own};
    return 0;
}

int unit_fill_outputs(struct sched *sched,
                      const struct sched_slot *slot,
                      struct arena *arena,
                      struct exec_request *request)
{
    const struct text_list *of_layer = &sched_layer_of(sched, slot->unit->layer)->outputs;
    const struct unit_links *links = slot->unit->links;
    if (!unit_has_outputs(sched, slot->unit)) {
        return 0;
    }
    request->output_dir = folder_of_products(sched, slot, arena);
    return request->output_dir == NULL
               ? -ENOMEM
               : patterns_join(
                   of_layer, links != NULL ? &links->outputs : NULL, arena, &request->outputs);
}

const struct manifest *unit_take_products(struct sched *sched,
                                          const struct sched_slot *slot,
                                          struct outcome *outcome)
{
    struct err err = {0};
    struct product_set set = {.there = true};
    struct sched_reuse *reuse = sched->options->reuse;
    set.folder = folder_of_products(sched, slot, sched->arena);
    int rc = set.folder == NULL ? err_set(&err, -ENOMEM, "out of memory for its products") : 0;
    if (rc == 0 && reuse != NULL && sched->layers[slot->unit->layer].world.isolated) {
        rc = reuse->read_products(reuse, set.folder, sched->arena, &set.manifest, &err);
    }
    if (rc == 0 && world_add_products(sched, slot->unit, &set) < 0) {
        rc = err_set(&err, -ENOMEM, "out of memory for its products");
    }
    if (rc < 0) {
        outcome->status = OUTCOME_ERRORED;
        outcome->message = arena_strdup(sched->arena, err.text);
    }
    return set.manifest;
}

static void on_done(void *context, const struct outcome *result)
{
    struct sched_slot *slot = context;
    struct sched *sched = slot->sched;
    const struct sched_slot was = *slot;
    const struct unit *unit = slot->unit;
    struct outcome outcome = *result;
    const struct layer *layer = sched_layer_of(sched, unit->layer);
    const struct manifest *products = NULL;
    slot->unit = NULL;
    slot->ticket = NULL;
    sched->busy--;
    outcome.slot = (int)slot->number;
    tell_lost_output(sched, unit, &outcome);
    if (layer->slow_after_ms > 0 && outcome.wall_ns >= layer->slow_after_ms * 1000000) {
        outcome.flags |= FLAG_SLOW;
    }
    if (outcome.status == OUTCOME_PASSED && unit_has_outputs(sched, unit)) {
        products = unit_take_products(sched, &was, &outcome);
    }
    outcome.attempt = was.attempt;
    outcome.flaky = outcome.status == OUTCOME_PASSED && was.attempt > 1;
    struct arena *arena = sched_take_arena(sched);
    kept_take_memo(sched, &was, arena, &outcome);
    outcome.unstored = reusing_ended(sched, was.ticket, &outcome, products);
    outcome.trace = NULL;
    sched_give_arena(sched, arena);
    unit_finish(sched, slot->index, unit, &outcome);
    sched_pump(sched);
}

int unit_fill_request(struct sched *sched,
                      struct sched_slot *slot,
                      struct arena *arena,
                      struct exec_request *request)
{
    const struct unit *unit = slot->unit;
    const struct layer *layer = sched_layer_of(sched, unit->layer);
    const struct sched_layer *state = &sched->layers[unit->layer];
    const bool report_on_stdout = unit->report != REPORT_NONE && unit->report_path == NULL;
    *request = (struct exec_request){
        .world = &state->world,
        .argv = unit->argv,
        .env = env_of_unit(sched, unit->layer, unit, arena),
        .cwd = unit->cwd != NULL ? unit->cwd : layer->cwd,
        .timeout_ms = unit->timeout_ms != 0 ? unit->timeout_ms : layer->timeout_ms,
        .output_max = report_on_stdout ? REPORT_STDOUT_MAX : 0,
        .output_is_data = report_on_stdout,
        .observe = reusing_applies(sched, unit->layer),
        .report = unit->report,
        .report_path = unit->report_path,
        .done = on_done,
        .context = slot,
    };
    int rc = request->env == NULL ? -ENOMEM : unit_fill_outputs(sched, slot, arena, request);
    return rc == 0 ? kept_fill_request(sched, slot, arena, request) : rc;
}

static void emit_started(struct sched *sched, const struct sched_slot *slot, const char *why)
{
    struct event event = {.type = EVENT_UNIT_STARTED};
    event.u.unit_started.layer = sched_layer_of(sched, slot->unit->layer)->id;
    event.u.unit_started.unit = slot->unit->id;
    event.u.unit_started.attempt = slot->attempt;
    event.u.unit_started.slot = (int)slot->number;
    event.u.unit_started.why = why;
    sched_emit(sched, &event);
}

/* An outcome that needs no process. */
static void finish_without_running(struct sched *sched,
                                   const struct plan_action *action,
                                   enum outcome_status status,
                                   const char *message)
{
    struct outcome outcome = {
        .status = status,
        .exit_code = -1,
        .message = message,
        .started_ms = clock_wall_ms(),
        .slot = -1,
    };
    if (sched->options->plan_only) {
        plan_unit_finished(sched->plan, action->index, &outcome);
        return;
    }
    unit_finish(sched, action->index, action->unit, &outcome);
}

/* ---- evidence instead of running ---- */

bool sched_explains(const char *name, const struct layer *layer, const char *unit)
{
    const size_t len = strlen(layer->id);
    return strcmp(name, unit) == 0
           || (strncmp(name, layer->id, len) == 0 && name[len] == '/'
               && strcmp(name + len + 1, unit) == 0);
}

static struct str *wanted_explanation(const struct sched *sched, const struct unit *unit)
{
    const struct sched_options *options = sched->options;
    return options->plan_only && options->explain != NULL
                   && sched_explains(
                       options->explained, sched_layer_of(sched, unit->layer), unit->id)
               ? options->explain
               : NULL;
}

static struct reuse_subject subject_of(const struct sched *sched,
                                       const struct sched_slot *slot,
                                       const struct exec_request *request)
{
    return (struct reuse_subject){
        .layer = sched_layer_of(sched, slot->unit->layer),
        .unit = slot->unit->id,
        .request = request,
        .base_env = base_env_of(sched, slot->unit->layer),
        .products = slot->view != NULL ? slot->view->seen : sched->layers[slot->unit->layer].seen,
        .again = slot->attempt > 1,
        .peek = sched->options->plan_only,
        .explain = wanted_explanation(sched, slot->unit),
    };
}

/* A manifest that outlives the decision it came with. */
static const struct manifest *keep_manifest(struct sched *sched, const struct manifest *manifest)
{
    struct manifest *copy = arena_calloc(sched->arena, 1, sizeof *copy);
    struct product *items = arena_calloc(sched->arena, manifest->count, sizeof *items);
    if (copy == NULL || items == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < manifest->count; i++) {
        items[i] = manifest->items[i];
        items[i].path = arena_strdup(sched->arena, manifest->items[i].path);
        if (items[i].path == NULL) {
            return NULL;
        }
    }
    *copy = (struct manifest){.items = items, .count = manifest->count};
    return copy;
}

int unit_adopt_products(struct sched *sched,
                        const struct sched_slot *slot,
                        const struct manifest *products)
{
    struct product_set set = {0};
    if (products == NULL || products->count == 0) {
        return 0;
    }
    set.folder = folder_of_products(sched, slot, sched->arena);
    set.manifest = keep_manifest(sched, products);
    return set.folder == NULL || set.manifest == NULL ? -ENOMEM
                                                      : world_add_products(sched, slot->unit, &set);
}

static void free_slot(struct sched *sched, struct sched_slot *slot)
{
    slot->unit = NULL;
    sched->busy--;
}

static void finish_hit(struct sched *sched,
                       struct sched_slot *slot,
                       const struct reuse_found *found)
{
    const struct unit *unit = slot->unit;
    struct outcome outcome = *found->outcome;
    outcome.slot = -1;
    if (unit_adopt_products(sched, slot, found->products) < 0) {
        outcome.status = OUTCOME_ERRORED;
        outcome.message = "out of memory for its products";
    }
    free_slot(sched, slot);
    unit_finish(sched, slot->index, unit, &outcome);
}

static void begin_or_fail(struct sched *sched, struct sched_slot *slot);

/* Its products are there now, or cannot be had. */
static void begin_again(void *context)
{
    struct sched_slot *slot = context;
    struct sched *sched = slot->sched;
    if (sched->killed || sched->deadline) {
        const struct unit *unit = slot->unit;
        struct outcome outcome = {
            .status = OUTCOME_ERRORED,
            .exit_code = -1,
            .flags = FLAG_CANCELLED,
            .message = "stopped while products that it needs were made again",
            .started_ms = clock_wall_ms(),
            .slot = -1,
        };
        free_slot(sched, slot);
        unit_finish(sched, slot->index, unit, &outcome);
        return;
    }
    begin_or_fail(sched, slot);
}

/* Its world could not be made: 0 = that is being mended. It asks again afterwards, so another
 * process may have its lease until then. */
static int mend_world(struct sched *sched, struct sched_slot *slot, int failed, struct err *err)
{
    const struct remake_waiter waiter = {begin_again, slot};
    const struct outcome dropped = {
        .status = OUTCOME_ERRORED, .exit_code = -1, .flags = FLAG_CANCELLED};
    const int rc = remake_lost(sched, slot->number, &waiter, err);
    if (rc != 1) {
        return rc < 0 ? rc : failed;
    }
    (void)reusing_ended(sched, slot->ticket, &dropped, NULL);
    slot->ticket = NULL;
    slot->started_ns = clock_mono_ns();
    return 0;
}

/* Starts what no evidence answers for. */
static int start_now(struct sched *sched,
                     struct sched_slot *slot,
                     struct arena *arena,
                     struct exec_request *request,
                     const char *why,
                     struct err *err)
{
    if (!sched_confirm(sched, true)) {
        return sched_refused(sched, err);
    }
    int rc = world_make(sched, slot->unit->layer, err);
    if (rc == 0 && slot->view != NULL) {
        rc = view_make(sched, slot->unit->layer, slot->view, err);
        request->products = (struct text_list){slot->view->layers, slot->view->layer_count};
    }
    if (rc < 0) {
        return mend_world(sched, slot, rc, err);
    }
    kept_give_memo(sched, slot, arena, request);
    emit_started(sched, slot, why);
    slot->started_ns = clock_mono_ns();
    slot->world = request->world;
    return exec_start(sched->options->exec, slot->number, request, err);
}

/* Decides, and starts or ends the unit of the slot. */
static int begin(struct sched *sched, struct sched_slot *slot, struct arena *arena, struct err *err)
{
    struct exec_request request;
    struct reuse_found found = {.choice = REUSE_CHOICE_RUN};
    if (unit_fill_request(sched, slot, arena, &request) < 0) {
        return err_set(err, -ENOMEM, "out of memory");
    }
    int rc = view_of_unit(sched, slot->unit, &slot->view, err);
    if (rc < 0) {
        return rc;
    }
    if (request.artifact_dir != NULL && !sched_confirm(sched, true)) { /* a hit puts them there */
        return sched_refused(sched, err);
    }
    if (request.observe) {
        struct reuse_subject subject = subject_of(sched, slot, &request);
        reusing_decide(sched, &subject, arena, &found);
    }
    if (found.choice == REUSE_CHOICE_JOIN) {
        rc = joining_add(sched, slot);
        if (rc < 0) {
            return err_set(err, rc, "out of memory");
        }
        free_slot(sched, slot);
    }
    if (found.choice == REUSE_CHOICE_HIT) {
        finish_hit(sched, slot, &found);
    }
    if (found.choice != REUSE_CHOICE_RUN) {
        return 0;
    }
    slot->ticket = found.ticket;
    return start_now(sched, slot, arena, &request, found.why, err);
}

struct arena *sched_take_arena(struct sched *sched)
{
    struct arena *arena = sched->start_arena;
    sched->start_arena = NULL;
    return arena != NULL ? arena : arena_new(START_ARENA_MAX);
}

void sched_give_arena(struct sched *sched, struct arena *arena)
{
    if (arena != NULL && sched->start_arena == NULL) {
        arena_clear(arena);
        sched->start_arena = arena;
    } else {
        arena_free(arena);
    }
}

static void begin_or_fail(struct sched *sched, struct sched_slot *slot)
{
    struct err err = {0};
    struct arena *arena = sched_take_arena(sched);
    int rc =
        arena == NULL ? err_set(&err, -ENOMEM, "out of memory") : begin(sched, slot, arena, &err);
    if (rc < 0) {
        struct outcome outcome = {
            .status = OUTCOME_ERRORED,
            .exit_code = -1,
            .flags = sched->refused != 0 ? FLAG_CANCELLED : 0,
            .slot = -1,
        };
        const struct unit *unit = slot->unit;
        (void)err_wrap(&err, "infrastructure");
        outcome.message = err.text;
        outcome.started_ms = clock_wall_ms();
        (void)reusing_ended(sched, slot->ticket, &outcome, NULL);
        slot->ticket = NULL;
        slot->world = NULL;
        free_slot(sched, slot);
        unit_finish(sched, slot->index, unit, &outcome);
    }
    sched_give_arena(sched, arena);
}

void unit_run(struct sched *sched, const struct plan_action *action)
{
    if (sched->options->plan_only) {
        finish_without_running(sched, action, OUTCOME_PASSED, NULL);
        return;
    }
    if (action->reason != NULL) {
        finish_without_running(sched, action, OUTCOME_SKIPPED, action->reason);
        return;
    }
    if (action->unit->skip != NULL) {
        finish_without_running(sched, action, OUTCOME_SKIPPED, action->unit->skip);
        return;
    }
    struct sched_slot *slot = choose_slot(sched, &sched->layers[action->layer].world);
    assert(slot != NULL); /* plan counts at least one slot a unit */
    slot->unit = action->unit;
    slot->index = action->index;
    slot->attempt = action->attempt;
    slot->slow_told = false;
    slot->ticket = NULL;
    sched->busy++;
    begin_or_fail(sched, slot);
}

bool unit_joins(struct sched *sched, const struct joining *joining)
{
    struct err err = {0};
    struct sched_slot slot = {.sched = sched,
                              .unit = joining->unit,
                              .index = joining->index,
                              .attempt = joining->attempt};
    struct exec_request request;
    struct reuse_found found = {.choice = REUSE_CHOICE_RUN};
    struct arena *arena = sched_take_arena(sched);
    if (arena != NULL && unit_fill_request(sched, &slot, arena, &request) == 0
        && view_of_unit(sched, slot.unit, &slot.view, &err) == 0) {
        struct reuse_subject subject = subject_of(sched, &slot, &request);
        subject.peek = true;
        reusing_decide(sched, &subject, arena, &found);
    }
    sched_give_arena(sched, arena);
    return found.choice == REUSE_CHOICE_JOIN;
}

/* ---- what would become of it ---- */

static void note_unknown(struct sched *sched, const struct unit *unit)
{
    struct linked_unit *linked = linked_of(sched, unit, false);
    if (unit_has_outputs(sched, unit)) {
        sched->layers[unit->layer].makes_unknown = true;
        if (linked != NULL) {
            linked->unknown = true;
        }
    }
}

/* A unit that this one needs and that must run; NULL = none. */
static const struct unit *unknown_need(struct sched *sched, const struct unit *unit)
{
    const struct unit_links *links = unit->links;
    for (size_t i = 0; links != NULL && i < links->needs.count; i++) {
        const struct unit need = {.id = links->needs.items[i], .layer = unit->layer};
        const struct linked_unit *linked = linked_of(sched, &need, false);
        if (linked != NULL && linked->unknown) {
            return linked->unit;
        }
    }
    return NULL;
}

/* It cannot be known what it will see. */
static bool foretell_waiting(struct sched *sched,
                             const struct unit *unit,
                             struct arena *arena,
                             struct sched_forecast *ret_forecast)
{
    const struct layer *waits_for = sched->layers[unit->layer].waits_for;
    const struct unit *need = waits_for == NULL ? unknown_need(sched, unit) : NULL;
    if (waits_for == NULL && need == NULL) {
        return false;
    }
    ret_forecast->fate = FATE_WAIT;
    ret_forecast->producer =
        waits_for != NULL ? waits_for->id : sched_layer_of(sched, unit->layer)->id;
    ret_forecast->why =
        waits_for != NULL
            ? arena_printf(arena, "it sees what layer %s will have made", waits_for->id)
            : arena_printf(arena, "it sees what unit %s will have made", need->id);
    note_unknown(sched, unit);
    return true;
}

void unit_foretell(struct sched *sched,
                   const struct unit *unit,
                   struct arena *arena,
                   struct sched_forecast *ret_forecast)
{
    struct err err = {0};
    struct sched_slot slot = {.sched = sched, .unit = unit, .attempt = 1};
    slot.index = sched->layers[unit->layer].products.count; /* a folder name of its own */
    struct exec_request request;
    struct reuse_found found = {.choice = REUSE_CHOICE_RUN};
    *ret_forecast = (struct sched_forecast){.fate = FATE_RUN};
    if (foretell_waiting(sched, unit, arena, ret_forecast)) {
        return;
    }
    int rc = unit_fill_request(sched, &slot, arena, &request);
    rc = rc == 0 ? view_of_unit(sched, unit, &slot.view, &err) : rc;
    if (rc == 0 && request.observe && unit->skip == NULL) {
        struct reuse_subject subject = subject_of(sched, &slot, &request);
        reusing_decide(sched, &subject, arena, &found);
    }

    static const enum sched_fate fates[] = {
        [REUSE_CHOICE_RUN] = FATE_RUN,
        [REUSE_CHOICE_HIT] = FATE_HIT,
        [REUSE_CHOICE_JOIN] = FATE_JOIN,
    };

    ret_forecast->fate = fates[found.choice];
    ret_forecast->why = found.why;
    if (found.choice != REUSE_CHOICE_HIT || unit_adopt_products(sched, &slot, found.products) < 0) {
        note_unknown(sched, unit);
    }
}
