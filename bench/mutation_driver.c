/* SPDX-License-Identifier: Apache-2.0 */
/* What bench/mutation.sh measures with: the schemata and engines of plugins/mutation, without the
 * runner around them. A TEST is a command for sh, FOLDER//COMMAND to run it in a folder. Prints one
 * JSON object.
 *
 *   bench_mutation build ROOT TREE COMMAND FILE        copies ROOT to TREE and builds the schema
 *   bench_mutation try ROOT TREE ENGINE OUT FILE TEST...
 *                                                      fork, exec, or audit: fork with its audit;
 *                                                      verdicts in OUT, a line each
 *   bench_mutation naive ROOT TREE CHECK COUNT VERDICTS FILE TEST...
 *                                                      compiles mutants one by one, in the order of
 *                                                      a hash of their ids, and compares verdicts;
 *                                                      CHECK must accept one, TESTs build
 * themselves
 */
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

static void print_built(const struct build_file *file, int64_t cpu_us)
{
    const struct schema *schema = &file->schema;
    uint32_t errors = 0;
    for (uint32_t i = 0; i < schema->mutant_count; i++) {
        errors += schema->places[i].compile_error;
    }
    (void)printf("{\"file\": \"%s\", \"mutants\": %" PRIu32 ", \"in_schema\": %" PRIu32
                 ", \"compile_errors\": %" PRIu32 ", \"build_cpu_s\": %.3f}\n",
                 file->source->path,
                 schema->mutant_count,
                 schema_count(schema),
                 errors,
                 (double)cpu_us / 1e6);
}

static int build(int argc, char **argv, struct err *err)
{
    const struct build_options options = {.tree = argv[1], .command = argv[2], .watch = &watch};
    struct one one = {0};
    struct build_file file = {.source = &one.source, .list = &one.list};
    struct build_files files = {.arena = arena_new(ARENA_MAX), .items = &file, .count = 1};
    int64_t cpu_us = 0;
    (void)argc;
    int rc = build_copy(argv[0], options.tree, err);
    rc = rc < 0 ? rc : find(argv[0], argv[3], &one, err);
    rc = rc < 0 ? rc : schema_plan(&one.source, &one.list, &file.schema, err);
    rc = rc < 0 ? rc : build_schemata(&files, &options, &cpu_us, err);
    rc = rc < 0 ? rc : write_refused(&file, options.tree);
    if (rc == 0) {
        print_built(&file, cpu_us);
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

/* Baseline, cover and canaries; then the mutants. */
static int run_engines(const struct engine_job *job, struct engine_cover *cover, struct err *err)
{
    const struct engine_group group = {&job->schema, 1, job->options, job->watch};
    int rc = engine_baseline(job->tests, job->options, job->watch, err);
    rc = rc < 0 ? rc : engine_cover(job->tests, &group, cover, err);
    rc = rc < 0 ? rc : engine_canary(job->tests, &group, err);
    return rc < 0 ? rc : engine_schema_run(job, err);
}

static int attempt(int argc, char **argv, struct err *err)
{
    struct one one = {0};
    struct schema schema = {0};
    struct engine_tests tests = {0};
    struct engine_cover cover = {0};
    struct engine_cost cost = {0};
    struct engine_verdicts verdicts = {.arena = arena_new(ARENA_MAX)};
    bool audit = strcmp(argv[2], "audit") == 0;
    const struct engine_options options = {.root = argv[1],
                                           .seed = 1,
                                           .audit_percent = audit ? 2 : 0,
                                           .audit_min = audit ? 50 : 0,
                                           .audit_survivors = audit};
    const struct engine_job job = {.tests = &tests,
                                   .list = &one.list,
                                   .schema = &schema,
                                   .cover = &cover,
                                   .options = &options,
                                   .watch = &watch,
                                   .verdicts = &verdicts,
                                   .cost = &cost};
    int rc = find(argv[0], argv[4], &one, err);
    rc = rc < 0 ? rc : schema_plan(&one.source, &one.list, &schema, err);
    rc = rc < 0 ? rc : read_refused(argv[1], argv[4], &schema);
    if (rc < 0) {
        return rc;
    }
    load_tests(&tests, argc - 5, argv + 5, engine_parse(argv[2]));
    verdicts.count = one.list.count;
    verdicts.items = arena_calloc(verdicts.arena, verdicts.count, sizeof(*verdicts.items));
    rc = run_engines(&job, &cover, err);
    rc = rc < 0 ? rc : write_verdicts(argv[3], &one, &verdicts);
    if (rc == 0) {
        print_figures(&cost, &verdicts);
    }
    return rc;
}

/* ---- naive ---- */

struct naive {
    struct one one;
    struct engine_tests tests;
    struct engine_options options;
    const char *tree;
    const char *check;
    int64_t cpu_us;
};

/* The first test that does not pass decides, as in the engines. */
static int try_naive(struct naive *naive, enum mutant_status *ret_status, struct err *err)
{
    const char *const check[] = {"sh", "-c", naive->check, NULL};
    const struct copy_command command = {.argv = check, .cwd = naive->tree};
    struct copy_ended ended = {0};
    int rc = copy_run(&command, &ended, err);
    naive->cpu_us += ended.cpu_us;
    *ret_status = copy_passed(&ended) ? MUTANT_SURVIVED : MUTANT_COMPILE_ERROR;
    for (size_t i = 0; rc == 0 && *ret_status == MUTANT_SURVIVED && i < naive->tests.count; i++) {
        const struct engine_test *test = &naive->tests.items[i];
        rc = engine_run_test(test, &naive->options, 1, NULL, &ended, err);
        naive->cpu_us += ended.cpu_us;
        if (rc == 0 && ended.timed_out) {
            rc = engine_run_test(test, &naive->options, ENGINE_RETRY_FACTOR, NULL, &ended, err);
            naive->cpu_us += ended.cpu_us;
        }
        if (ended.timed_out) {
            *ret_status = MUTANT_TIMEOUT;
        } else if (!engine_passed(test, &ended)) {
            *ret_status = MUTANT_KILLED;
        }
    }
    return rc;
}

/* Reads what an engine said of a mutant. */
static int said_of(const char *verdicts, const char *id)
{
    char word[32];
    const char *line = strstr(verdicts, id);
    return line != NULL && sscanf(line + strlen(id), " %31s", word) == 1 ? mutant_status_parse(word)
                                                                         : -1;
}

static int compare_one(struct naive *naive, const struct mutant *mutant, int said, struct err *err)
{
    size_t size = 0;
    enum mutant_status status = MUTANT_PENDING;
    CLEANUP(cleanup_free) char *text = find_apply(&naive->one.source, mutant, &size);
    int rc =
        text == NULL ? -ENOMEM : build_write(naive->tree, naive->one.source.path, text, size, err);
    rc = rc < 0 ? rc : try_naive(naive, &status, err);
    bool same = said == (int)status || (said == MUTANT_NO_COVERAGE && status == MUTANT_SURVIVED);
    if (rc == 0 && !same) {
        (void)fprintf(stderr,
                      "differs: %s line %" PRIu32 " %s: naive %s, engine %s\n",
                      mutant->id,
                      mutant->span.line,
                      mutant->operator,
                      mutant_status_name(status),
                      mutant_status_name((enum mutant_status)said));
    }
    return rc < 0 ? rc : !same;
}

static struct engine_drawn *draw(const struct mutant_list *list)
{
    struct engine_drawn *drawn = mem_calloc(list->count, sizeof(*drawn));
    for (size_t i = 0; i < list->count; i++) {
        drawn[i] = (struct engine_drawn){hash_stable64(list->items[i].id), i};
    }
    engine_draw(drawn, list->count);
    return drawn;
}

static void print_compared(const struct naive *naive, size_t compared, int differences)
{
    (void)printf("{\"compared\": %zu, \"differences\": %d, \"cpu_s\": %.3f, "
                 "\"mutants_per_cpu_s\": %.2f}\n",
                 compared,
                 differences,
                 (double)naive->cpu_us / 1e6,
                 (double)compared * 1e6 / (double)naive->cpu_us);
}

static int compare(struct naive *naive, size_t count, const char *verdicts, struct err *err)
{
    size_t all = naive->one.list.count;
    size_t compared = 0;
    int differences = 0;
    CLEANUP(cleanup_free) struct engine_drawn *drawn = draw(&naive->one.list);
    for (size_t i = 0; i < all && compared < count; i++) {
        const struct mutant *mutant = &naive->one.list.items[drawn[i].index];
        int said = said_of(verdicts, mutant->id);
        if (said <= MUTANT_PENDING || said == MUTANT_IGNORED) {
            continue;
        }
        int rc = compare_one(naive, mutant, said, err);
        if (rc < 0) {
            return rc;
        }
        differences += rc;
        compared++;
    }
    print_compared(naive, compared, differences);
    return 0;
}

static int naive(int argc, char **argv, struct err *err)
{
    CLEANUP(str_fini) struct str verdicts = STR_INIT(ARENA_MAX);
    struct naive naive = {
        .tree = argv[1], .check = argv[2], .options = {.root = argv[1], .seed = 1}
    };
    load_tests(&naive.tests, argc - 6, argv + 6, ENGINE_EXEC);
    int rc = build_copy(argv[0], argv[1], err);
    rc = rc < 0 ? rc : find(argv[0], argv[5], &naive.one, err);
    rc = rc < 0 ? rc : file_read(argv[4], &verdicts, err);
    rc = rc < 0 ? rc : engine_baseline(&naive.tests, &naive.options, &watch, err);
    return rc < 0 ? rc : compare(&naive, strtoul(argv[3], NULL, 10), str_text(&verdicts), err);
}

int main(int argc, char **argv)
{
    struct err err = {0};
    int rc = -EINVAL;
    if (argc == 6 && strcmp(argv[1], "build") == 0) {
        rc = build(argc - 2, argv + 2, &err);
    } else if (argc > 7 && strcmp(argv[1], "try") == 0) {
        rc = attempt(argc - 2, argv + 2, &err);
    } else if (argc > 8 && strcmp(argv[1], "naive") == 0) {
        rc = naive(argc - 2, argv + 2, &err);
    }
    if (rc < 0) {
        (void)fprintf(
            stderr, "bench_mutation: %s\n", err.text[0] != '\0' ? err.text : strerrordesc_np(-rc));
    }
    return rc < 0 ? 1 : 0;
}
