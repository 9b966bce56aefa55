/* SPDX-License-Identifier: Apache-2.0 */
/* `try` where `build` made programs of schemata: engines A and B, and C for what they cannot hold.
 */
#include "base/arena.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/mem.h"
#include "plugins/mutation/engine_schema.h"
#include "plugins/mutation/equivalent.h"
#include "plugins/mutation/unit.h"
#include "plugins/mutation/unit_known.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* What a unit of engine A has at least, whatever the budget: some children, four times its longest
 * test, and twice all tests, as what survives has to pass them all. */
#define TIME_MIN_MS     200
#define TIME_MIN_FACTOR 4
#define TIME_ALL_FACTOR 2

/* Under a budget engine A takes 1 mutant, then 2, 4, ... and 128 at last: so few that what is cut
 * at the deadline is little, and a first one is decided in any case; so many that the tests run no
 * more than 11 times for 600 mutants, the most of a part. */
#define TURN_MAX 128

static enum engine_kind first_engine(const struct settings *settings)
{
    return settings->isolation == SETTINGS_ISOLATION_EXEC ? ENGINE_EXEC : ENGINE_FORK;
}

/* Engine A runs a test once for all of its mutants: with less time than this none would ever be
 * tried, however many nights there are. */
static void leave_time(struct unit *unit)
{
    int64_t longest_us = 0;
    int64_t all_us = 0;
    for (size_t i = 0; i < unit->tests.count; i++) {
        int64_t wall_us = unit->tests.items[i].wall_us;
        longest_us = wall_us > longest_us ? wall_us : longest_us;
        all_us += wall_us;
    }
    int64_t least = clock_mono_ns() / 1000000 + TIME_MIN_MS
                    + (TIME_MIN_FACTOR * longest_us + TIME_ALL_FACTOR * all_us) / 1000;
    if (unit->options.deadline_ms != 0 && unit->options.deadline_ms < least
        && first_engine(&unit->settings) == ENGINE_FORK) {
        unit->options.deadline_ms = least;
    }
}

/* Whose turn a mutant is in a unit that has a deadline; without one all are tried at once. */
static int make_turns(struct unit *unit, struct engine_job *job, struct err *err)
{
    size_t count = 0;
    size_t size = 1;
    if (unit->options.deadline_ms == 0) {
        return 0;
    }
    CLEANUP(cleanup_free) const struct mutant **order = unit_pending(unit, &count);
    uint32_t *turns = arena_calloc(unit->verdicts.arena, unit->verdicts.count + 1, sizeof *turns);
    if (order == NULL || turns == NULL) {
        return err_set(err, -ENOMEM, "out of memory for the mutants of a file");
    }
    size_t left = size;
    for (size_t i = 0; i < count; i++) {
        if (left == 0) {
            size = size < TURN_MAX ? 2 * size : TURN_MAX;
            left = size;
            job->turn_count++;
        }
        turns[order[i]->number] = job->turn_count;
        left -= job->schema->places[order[i]->number].refused == NULL ? 1 : 0;
    }
    job->turn_count++;
    job->turns = turns;
    return 0;
}

/* The engines of schemata on the built tree. */
static int run(struct unit *unit, const struct schema *schema, const char *tree, struct err *err)
{
    CLEANUP(engine_cover_fini) struct engine_cover cover = {0};
    const struct engine_group group = {
        .schemata = &schema, .count = 1, .options = &unit->options, .watch = &unit->watch};
    int status = engine_baseline(&unit->tests, &unit->options, &unit->watch, err);
    status = status != 0 ? status : engine_cover(&unit->tests, &group, &cover, err);
    status = status != 0 ? status : unit_known_take_schemata(unit, tree, schema, &cover, err);
    if (status != 0) {
        return status;
    }
    leave_time(unit);
    struct engine_job job = {
        .tests = &unit->tests,
        .list = &unit->mutants.list,
        .schema = schema,
        .cover = &cover,
        .options = &unit->options,
        .watch = &unit->watch,
        .verdicts = &unit->verdicts,
        .cost = &unit->cost,
    };
    status = make_turns(unit, &job, err);
    return status != 0 ? status : engine_schema_run(&job, err);
}

/* Mutants of the list that are not this unit's (other lines, other parts) must not be tried. */
static void hide_others(struct unit *unit)
{
    for (size_t i = 0; i < unit->verdicts.count; i++) {
        struct engine_verdict *verdict = &unit->verdicts.items[i];
        if (verdict->status == MUTANT_PENDING) {
            *verdict = (struct engine_verdict){.status = MUTANT_IGNORED, .reason = "not in scope"};
        }
    }
    for (size_t i = 0; i < unit->mutants.count; i++) {
        const struct mutant *mutant = unit->mutants.items[i];
        if (mutant->ignored == NULL) {
            unit->verdicts.items[mutant->number] = (struct engine_verdict){0};
        }
    }
}

/* With an engine named, what it cannot hold is told, not tried in another way. */
static void ignore_rest(struct unit *unit, const struct schema *schema)
{
    for (size_t i = 0; i < unit->mutants.count; i++) {
        uint32_t number = unit->mutants.items[i]->number;
        struct engine_verdict *verdict = &unit->verdicts.items[number];
        const char *reason = schema->places[number].refused;
        if (verdict->status == MUTANT_PENDING && reason != NULL) {
            verdict->status = MUTANT_IGNORED;
            verdict->reason = arena_strdup(unit->verdicts.arena, reason);
        }
    }
}

static bool is_late(const struct unit *unit)
{
    return unit->options.deadline_ms != 0 && clock_mono_ns() / 1000000 >= unit->options.deadline_ms;
}

static int try_rest(struct unit *unit, const struct schema *schema, struct err *err)
{
    if (unit->settings.isolation != SETTINGS_ISOLATION_AUTO) {
        ignore_rest(unit, schema);
        return 0;
    }
    if (is_late(unit)) {
        return 0;
    }
    /* Names and order of the tests stay: verdicts point to them. */
    unit->options.root = unit->root;
    return unit_try_copy(unit, err);
}

/* Survivors that no test could kill. */
static int mark_equivalent(struct unit *unit, const char *tree, struct err *err)
{
    const struct equivalent_marks marks = {.source = &unit->mutants.source,
                                           .list = &unit->mutants.list,
                                           .verdicts = &unit->verdicts,
                                           .watch = &unit->watch,
                                           .cost = &unit->cost,
                                           .tree = tree};
    return equivalent_mark(&marks, err);
}

int unit_try_schemata(struct unit *unit, struct err *err)
{
    CLEANUP(schema_fini) struct schema schema = {0};
    char tree[PATH_TEXT_MAX];
    if (unit->mutants.count == 0) {
        return 0;
    }
    int len = snprintf(tree, sizeof tree, "%s/" UNIT_TREE, unit->root);
    if (len < 0 || (size_t)len >= sizeof tree) {
        return err_set(err, -ENAMETOOLONG, "%s: the path is too long", unit->root);
    }
    unit->options.root = tree;
    hide_others(unit);
    int status =
        tests_load(tree, &unit->settings, first_engine(&unit->settings), &unit->tests, err);
    status = status != 0 ? status
                         : schema_plan(&unit->mutants.source, &unit->mutants.list, &schema, err);
    status = status != 0 ? status : unit_load_schema(unit->root, unit->job.file, &schema, err);
    status = status != 0 ? status : run(unit, &schema, tree, err);
    unit_known_end_reads(unit);
    status = status != 0 ? status : try_rest(unit, &schema, err);
    return status != 0 || is_late(unit) ? status : mark_equivalent(unit, tree, err);
}
