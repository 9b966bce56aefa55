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

/* What every isolated unit starts with; nothing else of the user's environment comes through. */
static const char *const world_env[] = {
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    ("HOME=" WORLD_HOME),
    "TMPDIR=/tmp",
    "LANG=C.UTF-8",
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

/* Adds "NAME=value", in place of an earlier one of that name. */
static int put_entry(struct text_vec *env, const char *entry)
{
    if (entry == NULL) {
        return -ENOMEM;
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

int env_build_base(struct sched *sched, size_t index)
{
    struct sched_layer *state = &sched->layers[index];
    const struct layer *layer = sched_layer_of(sched, index);
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
    rc = rc == 0 ? put_entry(&state->base_env, "SLUICE=1") : rc;
    rc = rc == 0
             ? put_entry(&state->base_env, arena_printf(sched->arena, "SLUICE_LAYER=%s", layer->id))
             : rc;
    rc = rc == 0 ? put_entry(&state->base_env,
                             arena_printf(sched->arena,
                                          "SLUICE_SEED=%llu",
                                          (unsigned long long)sched->options->seed))
                 : rc;
    return rc == 0 ? put_list(&state->base_env, &layer->env, sched->arena) : rc;
}

static int put_shard(struct text_vec *env,
                     const struct unit *unit,
                     unsigned shards,
                     struct arena *arena)
{
    int rc = put_entry(env, arena_printf(arena, "SLUICE_SHARD_INDEX=%u", unit->shard));
    return rc == 0 ? put_entry(env, arena_printf(arena, "SLUICE_SHARD_COUNT=%u", shards)) : rc;
}

const char *const *env_of_unit(struct sched *sched,
                               size_t index,
                               const struct unit *unit,
                               struct arena *arena)
{
    const struct sched_layer *state = &sched->layers[index];
    struct text_vec env = {0};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < state->base_env.count; i++) {
        rc = vec_push(&env, state->base_env.items[i]);
    }
    if (unit != NULL) {
        rc = rc == 0 ? vec_push(&env, arena_printf(arena, "SLUICE_UNIT=%s", unit->id)) : rc;
        rc = rc == 0 && unit->shard != 0
                 ? put_shard(&env, unit, sched_layer_of(sched, index)->shards, arena)
                 : rc;
        rc = rc == 0 ? put_list(&env, &unit->env, arena) : rc;
    }
    const char **list = rc == 0 ? arena_calloc(arena, env.count + 1, sizeof *list) : NULL;
    if (list != NULL && env.count > 0) {
        memcpy(list, env.items, env.count * sizeof *list);
    }
    vec_fini(&env);
    return list;
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

static const char *folder_of(const struct sched *sched,
                             const char *kind,
                             const struct sched_slot *slot,
                             struct arena *arena)
{
    char layer[96];
    char unit[96];
    folder_name(
        sched_layer_of(sched, slot->unit->layer)->id, slot->unit->layer, layer, sizeof layer);
    folder_name(slot->unit->id, slot->index, unit, sizeof unit);
    return arena_printf(arena, "%s/%s/%s/%s", sched->options->run_dir, kind, layer, unit);
}

static void finish(struct sched *sched,
                   size_t index,
                   const struct unit *unit,
                   struct outcome *outcome)
{
    plan_unit_finished(sched->plan, index, outcome);
    sched->cpu_us += outcome->cpu_user_us + outcome->cpu_sys_us;
    struct event event = {.type = EVENT_UNIT_FINISHED};
    event.u.unit_finished.layer = sched_layer_of(sched, unit->layer)->id;
    event.u.unit_finished.unit = unit->id;
    event.u.unit_finished.definition = unit;
    event.u.unit_finished.outcome = outcome;
    sched_emit(sched, &event);
    layer_note_outcome(sched, unit, outcome);
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

static void on_done(void *context, const struct outcome *result)
{
    struct sched_slot *slot = context;
    struct sched *sched = slot->sched;
    const struct unit *unit = slot->unit;
    struct outcome outcome = *result;
    const struct layer *layer = sched_layer_of(sched, unit->layer);
    slot->unit = NULL;
    sched->busy--;
    outcome.slot = (int)slot->number;
    tell_lost_output(sched, unit, &outcome);
    if (layer->slow_after_ms > 0 && outcome.wall_ns >= layer->slow_after_ms * 1000000) {
        outcome.flags |= FLAG_SLOW;
    }
    if (outcome.status == OUTCOME_PASSED && layer->outputs.count > 0
        && sched->options->lower != NULL) {
        struct sched_slot was = *slot;
        was.unit = unit;
        const char *folder = folder_of(sched, "products", &was, sched->arena);
        if (folder == NULL || vec_push(&sched->layers[unit->layer].products, folder) < 0) {
            outcome.status = OUTCOME_ERRORED;
            outcome.message = "out of memory for its products";
        }
    }
    finish(sched, slot->index, unit, &outcome);
    sched_pump(sched);
}

static void fill_request(struct sched *sched,
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
        .report = unit->report,
        .report_path = unit->report_path,
        .done = on_done,
        .context = slot,
    };
    if (layer->outputs.count > 0 && sched->options->lower != NULL) {
        request->outputs = layer->outputs;
        request->output_dir = folder_of(sched, "products", slot, arena);
    }
    if (layer->artifacts.count > 0) {
        request->artifacts = layer->artifacts;
        request->artifact_dir = folder_of(sched, "artifacts", slot, arena);
    }
}

static void emit_started(struct sched *sched, const struct sched_slot *slot)
{
    struct event event = {.type = EVENT_UNIT_STARTED};
    event.u.unit_started.layer = sched_layer_of(sched, slot->unit->layer)->id;
    event.u.unit_started.unit = slot->unit->id;
    event.u.unit_started.attempt = slot->attempt;
    event.u.unit_started.slot = (int)slot->number;
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
    finish(sched, action->index, action->unit, &outcome);
}

static int start(struct sched *sched, struct sched_slot *slot, struct err *err)
{
    struct exec_request request;
    struct arena *arena = arena_new(START_ARENA_MAX);
    if (arena == NULL) {
        return err_set(err, -ENOMEM, "out of memory");
    }
    fill_request(sched, slot, arena, &request);
    emit_started(sched, slot);
    int rc = request.env == NULL ? err_set(err, -ENOMEM, "out of memory")
                                 : exec_start(sched->options->exec, slot->number, &request, err);
    arena_free(arena);
    return rc;
}

void unit_run(struct sched *sched, const struct plan_action *action)
{
    struct err err = {0};
    if (sched->options->plan_only) {
        finish_without_running(sched, action, OUTCOME_PASSED, NULL);
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
    slot->started_ns = clock_mono_ns();
    slot->slow_told = false;
    slot->world = &sched->layers[action->layer].world;
    sched->busy++;
    int rc = start(sched, slot, &err);
    if (rc < 0) {
        slot->unit = NULL;
        slot->world = NULL;
        sched->busy--;
        (void)err_wrap(&err, "infrastructure");
        finish_without_running(sched, action, OUTCOME_ERRORED, err.text);
    }
}
