/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/mutation/plan.h"

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/vec.h"
#include "plugins/mutation/scope.h"
#include "plugins/mutation/shard.h"
#include "plugins/mutation/tests.h"
#include "plugins/mutation/unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Guesses, until history knows better: a mutant by schemata, by a private copy. */
#define COST_SCHEMATA_MS 5
#define COST_COPY_MS     1000
/* Starting a unit: parsing, baseline, canaries. */
#define COST_UNIT_MS 500

/* Of a budget so much is kept for the mutants of changed lines: four times what they are guessed to
 * cost, three quarters at most. The rest is shared by all units. */
#define FRESH_FACTOR 4
#define FRESH_PART   0.75

/* The layer while it is planned. */
struct planning {
    struct sdk *sdk;
    struct settings settings;
    json_t *unit_with; /* owner */
    json_t *diff;      /* borrowed; NULL = all lines */
    struct operators *operators;
    struct tests_files files;
    struct shard_list units;
    size_t mutants;
};

static void planning_fini(struct planning *planning)
{
    json_decref(planning->unit_with);
    operators_free(planning->operators);
    tests_files_fini(&planning->files);
    vec_fini(&planning->units);
}

static int no_memory(struct err *err)
{
    return err_set(err, -ENOMEM, "out of memory for the units of the layer");
}

/* Lines of the diff, or all. */
static int choose_scope(struct planning *planning, struct err *err)
{
    json_t *diff = planning->sdk->diff;
    if (planning->settings.lines == SETTINGS_LINES_DIFF && diff == NULL) {
        return err_set(err,
                       -EINVAL,
                       "with: scope: lines: diff needs to know what changed: `sluice run --diff "
                       "REF`, e.g. --diff origin/main; or leave out lines");
    }
    planning->diff = planning->settings.lines == SETTINGS_LINES_ALL ? NULL : diff;
    if (planning->settings.per_line < 0) {
        planning->settings.per_line = planning->diff != NULL ? 1 : 0;
    }
    return 0;
}

static struct scope_job make_job(struct planning *planning, const char *file)
{
    bool compiled = unit_is_compiled(&planning->settings, file);
    bool first = planning->diff == NULL && planning->settings.budget_ms > 0;
    return (struct scope_job){
        .layer = planning->sdk->layer,
        .file = file,
        .lines = planning->diff != NULL ? scope_lines_of(planning->diff, file) : NULL,
        .fresh = first ? scope_lines_of(planning->sdk->diff, file) : NULL,
        .with = planning->unit_with,
        .per_line = planning->settings.per_line,
        .part_size = compiled ? SCOPE_PART_SCHEMATA : SCOPE_PART_COPY,
    };
}

static size_t count_to_try(const struct scope_mutants *mutants, size_t *ret_suppressed)
{
    size_t to_try = 0;
    for (size_t i = 0; i < mutants->count; i++) {
        const char *ignored = mutants->items[i]->ignored;
        to_try += ignored == NULL ? 1 : 0;
        *ret_suppressed += mutant_is_suppressed(MUTANT_IGNORED, ignored) ? 1 : 0;
    }
    return to_try;
}

static int add_parts(struct planning *planning,
                     const char *file,
                     const struct scope_mutants *mutants,
                     size_t fresh,
                     struct err *err)
{
    int64_t each = unit_is_compiled(&planning->settings, file) ? COST_SCHEMATA_MS : COST_COPY_MS;
    int64_t parts = mutants->parts > 0 ? mutants->parts : 1;
    size_t suppressed = 0;
    size_t to_try = count_to_try(mutants, &suppressed);
    for (int64_t part = 1; part <= parts; part++) {
        const struct shard_item item = {
            .file = file,
            .language = mutants->source.language->name,
            .part = mutants->total > 0 ? part : 0,
            .parts = mutants->total > 0 ? parts : 0,
            .to_try = to_try,
            .suppressed = suppressed,
            .cost_ms = COST_UNIT_MS + (int64_t)mutants->total * each / parts,
            .fresh_ms = fresh > 0 ? COST_UNIT_MS + (int64_t)fresh * each / parts : 0,
        };
        if (vec_push(&planning->units, item) != 0) {
            return no_memory(err);
        }
    }
    return 0;
}

static int count_fresh(const struct scope_job *job,
                       const struct scope_mutants *mutants,
                       size_t *ret_count,
                       struct err *err)
{
    const bool *fresh = NULL;
    int status = scope_find_fresh(job, &mutants->list, &fresh, err);
    *ret_count = 0;
    for (size_t i = 0; fresh != NULL && i < mutants->list.count; i++) {
        *ret_count += fresh[i] ? 1 : 0;
    }
    return status;
}

/* A file in which nothing is to be tried has no unit, but for one of which text was lost. */
static int plan_file(struct planning *planning, const char *file, struct err *err)
{
    size_t fresh = 0;
    struct scope_mutants mutants = {0};
    struct scope_job job = make_job(planning, file);
    if (planning->diff != NULL && job.lines == NULL) {
        return 0;
    }
    int status = scope_find(planning->sdk->root, &job, planning->operators, &mutants, err);
    if (status == 0) {
        planning->mutants += mutants.total;
        if (mutants.total > 0 || (planning->diff == NULL && mutants.list.points_lost > 0)) {
            status = count_fresh(&job, &mutants, &fresh, err);
            status = status != 0 ? status : add_parts(planning, file, &mutants, fresh, err);
        }
    }
    scope_mutants_fini(&mutants);
    return status;
}

/* ---- emitting ---- */

/* All files in scope are built, whatever the diff and the shard: the tests have to prove that they
 * notice a change in them, and one build serves all. */
static int emit_build(struct planning *planning, struct err *err)
{
    CLEANUP(str_fini) struct str text = STR_INIT(SDK_LINE_MAX);
    struct scope_job job = make_job(planning, "");
    job.lines = NULL;
    job.per_line = 0;
    int status = scope_job_write(&job, &text, err);
    if (status != 0) {
        return status;
    }
    const char *const argv[] = {planning->sdk->program, "build", str_text(&text), NULL};
    const char *const outputs[] = {UNIT_FOLDER "/**", NULL};
    const struct sdk_unit unit = {.id = UNIT_BUILD_ID,
                                  .argv = argv,
                                  .outputs = outputs,
                                  .report_format = "cases",
                                  .report_path = UNIT_BUILD_CASES};
    return sdk_emit_unit(planning->sdk, &unit, err);
}

/* A file, or "FILE#PART/PARTS". */
static void name_item(const struct shard_item *item, char *id, size_t size)
{
    (void)snprintf(id, size, "%s", item->file);
    if (item->parts > 1) {
        (void)snprintf(
            id, size, "%s#%lld/%lld", item->file, (long long)item->part, (long long)item->parts);
    }
}

static int emit_item(struct planning *planning,
                     const struct shard_item *item,
                     int64_t budget_ms,
                     struct err *err)
{
    CLEANUP(str_fini) struct str text = STR_INIT(SDK_LINE_MAX);
    char id[PATH_TEXT_MAX + 64];
    char results[PATH_TEXT_MAX];
    char cases[PATH_TEXT_MAX];
    char memo[PATH_TEXT_MAX];
    struct scope_job job = make_job(planning, item->file);
    job.part = item->part;
    job.parts = item->parts;
    job.budget_ms = budget_ms;
    int status = scope_job_write(&job, &text, err);
    if (status != 0 || (status = unit_path(UNIT_RESULTS, &job, results, err)) != 0
        || (status = unit_path(UNIT_CASES, &job, cases, err)) != 0
        || (status = unit_path(UNIT_MEMOS, &job, memo, err)) != 0) {
        return status;
    }
    name_item(item, id, sizeof id);
    const char *const argv[] = {planning->sdk->program, "try", str_text(&text), NULL};
    const char *const labels[] = {item->language, NULL};
    const char *const artifacts[] = {results, NULL};
    const char *const needs[] = {
        unit_is_compiled(&planning->settings, item->file) ? UNIT_BUILD_ID : NULL, NULL};
    const struct sdk_unit unit = {.id = id,
                                  .argv = argv,
                                  .cost_ms = item->cost_ms,
                                  .labels = labels,
                                  .report_format = "cases",
                                  .report_path = cases,
                                  .file = item->file,
                                  .artifacts = artifacts,
                                  .needs = needs,
                                  .memo = memo};
    return sdk_emit_unit(planning->sdk, &unit, err);
}

static int emit_nothing(struct planning *planning, const char *why, struct err *err)
{
    const char *const argv[] = {planning->sdk->program, "nothing", why, NULL};
    const struct sdk_unit unit = {.id = UNIT_NOTHING_ID, .argv = argv, .report_format = "cases"};
    return sdk_emit_unit(planning->sdk, &unit, err);
}

/* What is to be divided: the budget, and by what. */
struct shares {
    double kept; /* ms for changed lines */
    double rest; /* ms for all */
    double fresh_ms;
    double cost_ms;
};

static struct shares divide(const struct planning *planning)
{
    struct shares shares = {0};
    double budget = (double)planning->settings.budget_ms;
    for (size_t i = 0; i < planning->units.count; i++) {
        shares.fresh_ms += (double)planning->units.items[i].fresh_ms;
        shares.cost_ms += (double)planning->units.items[i].cost_ms;
    }
    shares.kept = FRESH_FACTOR * shares.fresh_ms;
    shares.kept = shares.kept > FRESH_PART * budget ? FRESH_PART * budget : shares.kept;
    shares.rest = budget - shares.kept;
    return shares;
}

static int64_t budget_of(const struct shares *shares, const struct shard_item *item)
{
    double budget = shares->rest * (double)item->cost_ms / shares->cost_ms;
    if (item->fresh_ms > 0) {
        budget += shares->kept * (double)item->fresh_ms / shares->fresh_ms;
    }
    return budget >= 1 ? (int64_t)budget : 1;
}

static int emit_all(struct planning *planning, struct err *err)
{
    bool compiled = false;
    int status = 0;
    const struct shares shares = divide(planning);
    for (size_t i = 0; i < planning->units.count; i++) {
        const struct shard_item *item = &planning->units.items[i];
        compiled = compiled || unit_is_compiled(&planning->settings, item->file);
    }
    if (compiled) {
        status = emit_build(planning, err);
    }
    for (size_t i = 0; i < planning->units.count && status == 0; i++) {
        const struct shard_item *item = &planning->units.items[i];
        bool limited = planning->settings.budget_ms > 0;
        status = emit_item(planning, item, limited ? budget_of(&shares, item) : 0, err);
    }
    return status;
}

/* Is nothing left to try of this shard, because comments suppress all of it? */
static bool is_suppressed(const struct planning *planning)
{
    size_t to_try = 0;
    size_t suppressed = 0;
    for (size_t i = 0; i < planning->units.count; i++) {
        to_try += planning->units.items[i].to_try;
        suppressed += planning->units.items[i].suppressed;
    }
    return to_try == 0 && suppressed > 0;
}

/* "0 mutants" is told as that: not as a score, and not as if all had been tried. */
static int emit_none(struct planning *planning, struct err *err)
{
    if (planning->mutants == 0 && planning->diff == NULL) {
        return err_set(err,
                       -ENODATA,
                       "0 mutants: no operator applies to any of the %zu files that `files` names "
                       "(is their language known? see `operators`)",
                       planning->files.count);
    }
    return emit_nothing(planning,
                        planning->mutants == 0 ? "no changed line holds a mutant"
                        : is_suppressed(planning)
                            ? "all mutants of the changed lines are suppressed"
                            : "all files are in other shards",
                        err);
}

static int plan_layer(struct planning *planning, struct err *err)
{
    struct sdk *sdk = planning->sdk;
    int status = settings_read(sdk->with, &planning->settings, err);
    status = status != 0 ? status : choose_scope(planning, err);
    status =
        status != 0 ? status : tests_find_files(".", &planning->settings, &planning->files, err);
    status =
        status != 0
            ? status
            : operators_load(planning->settings.operators, sdk->root, &planning->operators, err);
    if (status == 0 && (planning->unit_with = settings_of_unit(sdk->with)) == NULL) {
        status = no_memory(err);
    }
    for (size_t i = 0; i < planning->files.count && status == 0; i++) {
        status = plan_file(planning, planning->files.items[i], err);
    }
    if (status != 0) {
        return status;
    }
    status = shard_keep(
        &planning->units, (size_t)planning->settings.shard, (size_t)planning->settings.shards, err);
    if (status != 0) {
        return status;
    }
    bool suppressed = is_suppressed(planning);
    if (planning->units.count == 0 || (planning->diff != NULL && suppressed)) {
        return emit_none(planning, err);
    }
    /* Their units tell the suppressions; that no test ran is what was asked for. */
    status =
        suppressed ? emit_nothing(
            planning, "all mutants are suppressed: each counts as a survivor in the score", err)
                   : 0;
    return status != 0 ? status : emit_all(planning, err);
}

int mutation_plan(struct sdk *sdk, struct err *err)
{
    CLEANUP(planning_fini) struct planning planning = {.sdk = sdk};
    return plan_layer(&planning, err);
}
