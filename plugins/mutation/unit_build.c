/* SPDX-License-Identifier: Apache-2.0 */
/* `build JOB`: the schemata of all compiled files in scope, built and proven. */
#include "base/arena.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "plugins/mutation/build.h"
#include "plugins/mutation/engine_schema.h"
#include "plugins/mutation/unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Reasons of the build. */
#define REASONS_MAX (256u << 20)

/* The files of the layer while they are built. */
struct building {
    struct unit unit;              /* its job has no file */
    struct scope_mutants *mutants; /* one a file */
    struct build_files files;
    const struct schema **schemata; /* of those that were built as such */
    size_t schema_count;
    char tree[PATH_TEXT_MAX];
    int64_t build_us;
};

static void building_fini(struct building *building)
{
    for (size_t i = 0; i < building->files.count; i++) {
        schema_fini(&building->files.items[i].schema);
        scope_mutants_fini(&building->mutants[i]);
    }
    arena_free(building->files.arena);
    mem_free(building->files.items);
    mem_free(building->mutants);
    mem_free(building->schemata);
    unit_fini(&building->unit);
}

static int no_memory(struct err *err)
{
    return err_set(err, -ENOMEM, "out of memory for the schemata");
}

static int add_file(struct building *building, const char *path, struct err *err)
{
    size_t index = building->files.count;
    struct scope_job job = building->unit.job;
    struct scope_mutants *mutants = &building->mutants[index];
    struct build_file *file = &building->files.items[index];
    job.file = path;
    job.part = 0;
    building->files.count++; /* what is half made is freed, too */
    int status = scope_find(building->unit.root, &job, building->unit.operators, mutants, err);
    if (status == 0 && mutants->total == 0) {
        scope_mutants_fini(mutants);
        building->files.count--;
        return 0;
    }
    *file = (struct build_file){.source = &mutants->source, .list = &mutants->list};
    return status != 0 ? status : schema_plan(&mutants->source, &mutants->list, &file->schema, err);
}

static int find_schemata(struct building *building, struct err *err)
{
    struct unit *unit = &building->unit;
    int status = tests_find_files(unit->root, &unit->settings, &unit->files, err);
    if (status != 0) {
        return status;
    }
    size_t most = unit->files.count + 1;
    building->files.arena = arena_new(REASONS_MAX);
    building->files.items = mem_calloc(most, sizeof *building->files.items);
    building->mutants = mem_calloc(most, sizeof *building->mutants);
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): a list of pointers */
    building->schemata = mem_calloc(most, sizeof *building->schemata);
    if (building->files.arena == NULL || building->files.items == NULL || building->mutants == NULL
        || building->schemata == NULL) {
        return no_memory(err);
    }
    for (size_t i = 0; i < unit->files.count && status == 0; i++) {
        const char *path = unit->files.items[i];
        if (unit_is_compiled(&unit->settings, path)) {
            status = add_file(building, path, err);
        }
    }
    return status;
}

static int build(struct building *building, struct err *err)
{
    const struct build_options options = {.tree = building->tree,
                                          .command = building->unit.settings.build,
                                          .watch = &building->unit.watch};
    int status = unit_make_folder(building->unit.root, err);
    status = status != 0 ? status : build_copy(building->unit.root, building->tree, err);
    status =
        status != 0 ? status : build_schemata(&building->files, &options, &building->build_us, err);
    for (size_t i = 0; i < building->files.count && status == 0; i++) {
        const struct build_file *file = &building->files.items[i];
        status = unit_save_schema(building->unit.root, file->source->path, &file->schema, err);
        if (file->dropped == NULL && schema_count(&file->schema) > 0) {
            building->schemata[building->schema_count++] = &file->schema;
        }
    }
    return status;
}

/* Baseline twice, without a mutant once more, canaries by each engine and test. */
static int prove(struct building *building, struct err *err)
{
    CLEANUP(engine_cover_fini) struct engine_cover cover = {0};
    struct unit *unit = &building->unit;
    enum engine_kind kind =
        unit->settings.isolation == SETTINGS_ISOLATION_EXEC ? ENGINE_EXEC : ENGINE_FORK;
    unit->options.root = building->tree;
    int status = tests_load(building->tree, &unit->settings, kind, &unit->tests, err);
    status =
        status != 0 ? status : engine_baseline(&unit->tests, &unit->options, &unit->watch, err);
    if (status != 0 || building->schema_count == 0) {
        return status;
    }
    const struct engine_group group = {.schemata = building->schemata,
                                       .count = building->schema_count,
                                       .options = &unit->options,
                                       .watch = &unit->watch};
    status = engine_cover(&unit->tests, &group, &cover, err);
    return status != 0 ? status : engine_canary(&unit->tests, &group, err);
}

/* One case: that it was built and proven, and in how many files; or why not. */
static int report(const struct building *building, const struct err *why)
{
    CLEANUP(str_fini) struct str text = STR_INIT(SDK_LINE_MAX);
    char message[200];
    uint32_t mutants = 0;
    for (size_t i = 0; i < building->schema_count; i++) {
        mutants += schema_count(building->schemata[i]);
    }
    (void)snprintf(message,
                   sizeof message,
                   "%u mutants in %zu files, %zu tests, %.1f s of CPU",
                   mutants,
                   building->schema_count,
                   building->unit.tests.count,
                   (double)building->build_us / 1e6);
    int status = unit_write_case(&text,
                                 "schemata are built, tests pass with them, canaries die",
                                 why == NULL ? "passed" : "errored",
                                 why == NULL ? message : why->text,
                                 NULL);
    char path[PATH_TEXT_MAX];
    struct err err = {0};
    (void)snprintf(path, sizeof path, "%s/" UNIT_BUILD_CASES, building->unit.root);
    status = status != 0 ? status : file_write_atomic(path, str_text(&text), text.len, &err);
    if (status != 0) {
        (void)fprintf(stderr, "cannot write " UNIT_BUILD_CASES ": %s\n", err.text);
    }
    return status == 0 && why == NULL ? 0 : UNIT_REFUSED;
}

int unit_run_build(int argc, char **argv)
{
    struct err err = {0};
    CLEANUP(building_fini) struct building building = {0};
    if (argc != 2) {
        (void)fprintf(stderr, "usage: build JOB\n");
        return 2;
    }
    int status = unit_init_job(&building.unit, argv[1], &err);
    (void)snprintf(building.tree, sizeof building.tree, "%s/" UNIT_TREE, building.unit.root);
    status = status != 0 ? status : find_schemata(&building, &err);
    status = status != 0 ? status : build(&building, &err);
    status = status != 0 ? status : prove(&building, &err);
    if (status != 0) {
        (void)unit_refuse(&err);
    }
    return report(&building, status != 0 ? &err : NULL);
}
