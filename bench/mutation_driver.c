/* SPDX-License-Identifier: Apache-2.0 */
/* What bench/mutation.sh measures with: the schemata and engines of plugins/mutation, without the
 * runner around them. Prints one line for each mutant and one JSON object of figures.
 *
 *   bench_mutation build ROOT TREE COMMAND FILE...       copies, builds, tells what was refused
 *   bench_mutation try ROOT TREE ENGINE OUT FILE TEST... tries the mutants of FILE; verdicts in OUT
 *   bench_mutation naive ROOT TREE COMMAND COUNT SEED VERDICTS OUT FILE TEST...
 *                                                        the same of a sample, by compiling each */
#include "base/arena.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "plugins/mutation/build.h"
#include "plugins/mutation/engine_schema.h"
#include "plugins/mutation/find.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_MAX (1u << 30)

struct one {
    struct source source;
    struct mutant_list list;
};

static void note(void *context, const char *text)
{
    (void)context;
    (void)fprintf(stderr, "note: %s\n", text);
}

static const struct engine_watch watch = {.note = note};

static int find(const char *root, const char *path, struct one *one, struct err *err)
{
    struct operators *operators = NULL;
    const struct find_scope scope = {.today = "2026-11-22"};
    int rc = operators_load(NULL, root, &operators, err);
    rc = rc < 0 ? rc : source_read(root, path, &one->source, err);
    rc = rc < 0 ? rc : find_mutants(&one->source, operators, &scope, &one->list, err);
    operators_free(operators);
    return rc;
}

/* ---- build ---- */

/* What the schema refused, so that `try` makes the same one. */
static int write_refused(const struct build_file *file, const char *tree)
{
    char path[4096];
    (void)snprintf(path, sizeof(path), "%s/%s.refused", tree, file->source->path);
    FILE *out = fopen(path, "w");
    if (out == NULL) {
        return -errno;
    }
    for (uint32_t i = 0; i < file->schema.mutant_count; i++) {
        const struct schema_place *place = &file->schema.places[i];
        if (place->refused != NULL) {
            (void)fprintf(
                out, "%" PRIu32 " %d %s\n", i, place->compile_error ? 1 : 0, place->refused);
        }
    }
    return fclose(out) == 0 ? 0 : -errno;
}

static int read_refused(const char *tree, const char *name, struct schema *schema)
{
    char path[4096];
    char line[8192];
    (void)snprintf(path, sizeof(path), "%s/%s.refused", tree, name);
    FILE *in = fopen(path, "r");
    if (in == NULL) {
        return -errno;
    }
    while (fgets(line, sizeof(line), in) != NULL) {
        char *at = line;
        unsigned long number = strtoul(at, &at, 10);
        unsigned long is_error = strtoul(at, &at, 10);
        line[strcspn(line, "\n")] = '\0';
        if (number < schema->mutant_count) {
            (void)schema_refuse(schema, (uint32_t)number, at + 1, is_error != 0);
        }
    }
    return fclose(in);
}

static int build(int argc, char **argv, struct err *err)
{
    const char *root = argv[0];
    const struct build_options options = {.tree = argv[1], .command = argv[2], .watch = &watch};
    size_t count = (size_t)argc - 3;
    struct build_files files = {.arena = arena_new(ARENA_MAX), .count = count};
    const struct schema_macros macros = {0};
    struct one *all = mem_calloc(count, sizeof(*all));
    int64_t cpu_us = 0;
    files.items = mem_calloc(count, sizeof(*files.items));
    int rc = build_copy(root, options.tree, err);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        rc = find(root, argv[3 + i], &all[i], err);
        if (rc == 0) {
            files.items[i].source = &all[i].source;
            files.items[i].list = &all[i].list;
            rc = schema_plan(&all[i].source, &all[i].list, &macros, &files.items[i].schema, err);
        }
    }
    if (rc == 0) {
        rc = build_schemata(&files, &options, &cpu_us, err);
    }
    for (size_t i = 0; rc == 0 && i < count; i++) {
        const struct schema *schema = &files.items[i].schema;
        uint32_t errors = 0;
        for (uint32_t j = 0; j < schema->mutant_count; j++) {
            errors += schema->places[j].compile_error;
        }
        (void)printf("{\"file\": \"%s\", \"mutants\": %" PRIu32 ", \"in_schema\": %" PRIu32
                     ", \"compile_errors\": %" PRIu32 ", \"build_cpu_us\": %" PRId64 "}\n",
                     argv[3 + i],
                     schema->mutant_count,
                     schema_count(schema),
                     errors,
                     cpu_us);
        rc = write_refused(&files.items[i], options.tree);
    }
    return rc;
}

/* ---- try ---- */

static void load_tests(struct engine_tests *tests, int count, char **names, int kind)
{
    tests->arena = arena_new(ARENA_MAX);
    tests->count = (size_t)count;
    tests->items = arena_calloc(tests->arena, tests->count, sizeof(*tests->items));
    for (size_t i = 0; i < tests->count; i++) {
        const char **argv = arena_calloc(tests->arena, 4, sizeof(*argv));
        const char *slash = strstr(names[i], "//");
        char *cwd = arena_strdup(tests->arena, slash == NULL ? "." : names[i]);
        if (slash != NULL) {
            cwd[slash - names[i]] = '\0';
        }
        argv[0] = "sh";
        argv[1] = "-c";
        argv[2] = arena_printf(tests->arena, "exec %s", slash == NULL ? names[i] : slash + 2);
        tests->items[i] =
            (struct engine_test){.name = names[i],
                                 .argv = argv,
                                 .cwd = cwd,
                                 .kind = kind == ENGINE_EXEC ? ENGINE_EXEC : ENGINE_FORK};
    }
}

static int write_verdicts(const char *path,
                          const struct one *one,
                          const struct engine_verdicts *all)
{
    FILE *out = fopen(path, "w");
    if (out == NULL) {
        return -errno;
    }
    for (size_t i = 0; i < all->count; i++) {
        const struct mutant *mutant = &one->list.items[i];
        (void)fprintf(out,
                      "%s %s %" PRIu32 " %s\n",
                      mutant->id,
                      mutant_status_name(all->items[i].status),
                      mutant->span.line,
                      mutant->operator);
    }
    return fclose(out) == 0 ? 0 : -errno;
}

static void print_figures(const struct engine_cost *cost, const struct engine_verdicts *all)
{
    size_t counts[MUTANT_STATUS_COUNT] = {0};
    for (size_t i = 0; i < all->count; i++) {
        counts[all->items[i].status]++;
    }
    (void)printf("{\"executed_mutants\": %" PRId64 ", \"cpu_s\": %.3f, \"bare_cpu_s\": %.3f, "
                 "\"mutants_per_cpu_s\": %.1f",
                 cost->executed,
                 (double)cost->cpu_us / 1e6,
                 (double)cost->bare_us / 1e6,
                 (double)cost->executed * 1e6 / (double)(cost->cpu_us > 0 ? cost->cpu_us : 1));
    for (int i = 0; i < MUTANT_STATUS_COUNT; i++) {
        (void)printf(", \"%s\": %zu", mutant_status_name((enum mutant_status)i), counts[i]);
    }
    (void)printf("}\n");
}

static int attempt(int argc, char **argv, struct err *err)
{
    struct one one = {0};
    struct schema schema = {0};
    const struct schema_macros macros = {0};
    struct engine_tests tests = {0};
    struct engine_cover cover = {0};
    struct engine_cost cost = {0};
    const char *audit = getenv("BENCH_AUDIT");
    const struct engine_options options = {.root = argv[1],
                                           .seed = 1,
                                           .audit_percent = audit != NULL ? 2 : 0,
                                           .audit_min = audit != NULL ? 50 : 0,
                                           .audit_survivors = audit != NULL};
    size_t used = 0;
    int kind = engine_parse(argv[2]);
    int rc = find(argv[0], argv[4], &one, err);
    rc = rc < 0 ? rc : schema_plan(&one.source, &one.list, &macros, &schema, err);
    rc = rc < 0 ? rc : read_refused(argv[1], argv[4], &schema);
    if (rc < 0) {
        return rc;
    }
    load_tests(&tests, argc - 5, argv + 5, kind);
    const struct schema *schemata[] = {&schema};
    const struct engine_group group = {schemata, 1, &options, &watch};
    struct engine_verdicts verdicts = {.arena = arena_new(ARENA_MAX), .count = one.list.count};
    verdicts.items = arena_calloc(verdicts.arena, verdicts.count, sizeof(*verdicts.items));
    const struct engine_job job = {.tests = &tests,
                                   .list = &one.list,
                                   .schema = &schema,
                                   .cover = &cover,
                                   .options = &options,
                                   .watch = &watch,
                                   .verdicts = &verdicts,
                                   .cost = &cost};
    rc = engine_baseline(&tests, &options, &watch, &used, err);
    rc = rc < 0 ? rc : engine_cover(&tests, &group, &cover, err);
    rc = rc < 0 ? rc : engine_canary(&tests, &group, err);
    rc = rc < 0 ? rc : engine_schema_run(&job, err);
    rc = rc < 0 ? rc : write_verdicts(argv[3], &one, &verdicts);
    if (rc == 0) {
        print_figures(&cost, &verdicts);
    }
    return rc;
}

int main(int argc, char **argv)
{
    struct err err = {0};
    int rc = -EINVAL;
    if (argc > 5 && strcmp(argv[1], "build") == 0) {
        rc = build(argc - 2, argv + 2, &err);
    } else if (argc > 7 && strcmp(argv[1], "try") == 0) {
        rc = attempt(argc - 2, argv + 2, &err);
    }
    if (rc < 0) {
        (void)fprintf(
            stderr, "bench_mutation: %s\n", err.text[0] != '\0' ? err.text : strerror(-rc));
    }
    return rc < 0 ? 1 : 0;
}
