/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/mutation/tests.h"

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "plugins/sdk/sdk.h"
#include "plugins/sdk/sdk_find.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Folders that are nobody's sources: our own copy, installed packages. */
static const char *const pruned[] = {".sluice-mutation", "node_modules", ".venv", "venv", NULL};

static int no_memory(struct err *err)
{
    return err_set(err, -ENOMEM, "out of memory for the files and tests of the layer");
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool is_excluded(json_t *files, const char *path)
{
    size_t i = 0;
    json_t *item = NULL;
    json_array_foreach(files, i, item)
    {
        const char *pattern = json_string_value(item);
        if (pattern[0] == '!' && glob_match(pattern + 1, path)) {
            return true;
        }
    }
    return false;
}

/* What one pattern finds. */
static int find_one(
    const char *root, const char *pattern, bool program, struct found *found, struct err *err)
{
    const char *const patterns[] = {pattern, NULL};
    const struct find_query query = {
        .dir = root, .patterns = patterns, .pruned = pruned, .executable = program};
    int status = find_files(&query, found, err);
    if (status != 0 || found->count > 0) {
        return status;
    }
    if (program) {
        return find_refuse(&query, found, err);
    }
    return err_set(err,
                   -ENODATA,
                   "files: \"%s\" matches no file (files that another layer makes are there when "
                   "that layer is in `needs` and has them in `outputs`)",
                   pattern);
}

static int take_found(struct tests_files *files,
                      json_t *patterns,
                      const struct found *found,
                      struct err *err)
{
    const char **grown = arena_calloc(
        files->arena, size_add(size_add(files->count, found->count), 1), sizeof *grown);
    if (grown == NULL) {
        return no_memory(err);
    }
    if (files->count > 0) {
        memcpy(grown, files->items, files->count * sizeof *grown);
    }
    files->items = grown;
    for (size_t i = 0; i < found->count; i++) {
        if (is_excluded(patterns, found->items[i])) {
            continue;
        }
        char *copy = arena_strdup(files->arena, found->items[i]);
        if (copy == NULL) {
            return no_memory(err);
        }
        files->items[files->count++] = copy;
    }
    return 0;
}

/* Sorted, each once. */
static void sort_files(struct tests_files *files)
{
    size_t kept = 0;
    qsort(files->items, files->count, sizeof *files->items, compare);
    for (size_t i = 0; i < files->count; i++) {
        if (kept == 0 || strcmp(files->items[kept - 1], files->items[i]) != 0) {
            files->items[kept++] = files->items[i];
        }
    }
    files->items[kept] = NULL;
    files->count = kept;
}

int tests_find_files(const char *root,
                     const struct settings *settings,
                     struct tests_files *ret_files,
                     struct err *err)
{
    size_t i = 0;
    json_t *item = NULL;
    int status = 0;
    *ret_files = (struct tests_files){.arena = arena_new(TESTS_ARENA_MAX)};
    if (ret_files->arena == NULL) {
        return no_memory(err);
    }
    json_array_foreach(settings->files, i, item)
    {
        const char *pattern = json_string_value(item);
        struct found found = {0};
        if (pattern[0] == '!') {
            continue;
        }
        status = find_one(root, pattern, false, &found, err);
        status = status != 0 ? status : take_found(ret_files, settings->files, &found, err);
        found_fini(&found);
        if (status != 0) {
            return status;
        }
    }
    sort_files(ret_files);
    return ret_files->count > 0
               ? 0
               : err_set(
                   err, -ENODATA, "files: the patterns with ! exclude all that the others find");
}

void tests_files_fini(struct tests_files *files)
{
    arena_free(files->arena);
    *files = (struct tests_files){0};
}

/* ---- tests ---- */

static int add(struct engine_tests *tests,
               const struct engine_test *test,
               size_t *cap,
               struct err *err)
{
    if (tests->count == ENGINE_TESTS_MAX) {
        return err_set(
            err, -E2BIG, "tests: more than %d; a layer has room for that many", ENGINE_TESTS_MAX);
    }
    if (tests->count == *cap) {
        size_t more = *cap == 0 ? 16 : *cap * 2;
        struct engine_test *grown = arena_calloc(tests->arena, more, sizeof *grown);
        if (grown == NULL) {
            return no_memory(err);
        }
        if (tests->count > 0) {
            memcpy(grown, tests->items, tests->count * sizeof *grown);
        }
        tests->items = grown;
        *cap = more;
    }
    tests->items[tests->count++] = *test;
    return 0;
}

/* A program that a pattern found: it is run as it is. */
static int add_program(struct engine_tests *tests,
                       const char *path,
                       enum engine_kind kind,
                       size_t *cap,
                       struct err *err)
{
    const char **argv = arena_calloc(tests->arena, 2, sizeof *argv);
    char *name = arena_strdup(tests->arena, path);
    char *program = arena_printf(tests->arena, "%s%s", strchr(path, '/') ? "" : "./", path);
    if (argv == NULL || name == NULL || program == NULL) {
        return no_memory(err);
    }
    argv[0] = program;
    const struct engine_test test = {.name = name, .argv = argv, .kind = kind};
    return add(tests, &test, cap, err);
}

static int add_programs(struct engine_tests *tests,
                        const char *root,
                        const char *pattern,
                        enum engine_kind kind,
                        size_t *cap,
                        struct err *err)
{
    struct found found = {0};
    int status = find_one(root, pattern, true, &found, err);
    if (status == 0) {
        qsort(found.items, found.count, sizeof *found.items, compare);
    }
    size_t first = tests->count;
    for (size_t i = 0; i < found.count && status == 0; i++) {
        status = add_program(tests, found.items[i], kind, cap, err);
    }
    for (size_t i = first; i < tests->count; i++) {
        tests->items[i].found = strpbrk(pattern, "*?[") != NULL;
    }
    found_fini(&found);
    return status;
}

/* The first word of a command, relative to the root where the user meant the folder it runs in. */
static char *program_of(struct arena *arena, const char *word, const char *cwd)
{
    bool below = strchr(word, '/') != NULL && word[0] != '/';
    return below && cwd != NULL ? arena_printf(arena, "%s/%s", cwd, word)
                                : arena_strdup(arena, word);
}

/* The words of a command, copied. */
static int copy_argv(
    struct arena *arena, const char *line, const char *cwd, const char ***ret_argv, struct err *err)
{
    CLEANUP(cleanup_free) const char **argv = NULL;
    size_t count = 0;
    int status = sdk_command_argv(line, &argv, err);
    if (status != 0) {
        return status;
    }
    while (argv[count] != NULL) {
        count++;
    }
    const char **copy = arena_calloc(arena, count + 1, sizeof *copy);
    for (size_t i = 0; i < count && copy != NULL; i++) {
        copy[i] = i == 0 ? program_of(arena, argv[i], cwd) : arena_strdup(arena, argv[i]);
        copy = copy[i] != NULL ? copy : NULL;
    }
    if (copy == NULL) {
        return no_memory(err);
    }
    *ret_argv = copy;
    return 0;
}

static int add_command(
    struct engine_tests *tests, json_t *object, enum engine_kind kind, size_t *cap, struct err *err)
{
    const char *run = json_string_value(json_object_get(object, "run"));
    const char *name = json_string_value(json_object_get(object, "name"));
    const char *cwd = json_string_value(json_object_get(object, "cwd"));
    const char *compare_word = json_string_value(json_object_get(object, "stdout"));
    struct engine_test test = {.kind = kind};
    test.compare_stdout = compare_word != NULL && strcmp(compare_word, "compare") == 0;
    if (test.compare_stdout && kind == ENGINE_FORK) {
        test.kind = ENGINE_EXEC;
    }
    test.name = arena_strdup(tests->arena, name != NULL ? name : run);
    test.cwd = cwd != NULL ? arena_strdup(tests->arena, cwd) : NULL;
    if (test.name == NULL || (cwd != NULL && test.cwd == NULL)) {
        return no_memory(err);
    }
    const char **argv = NULL;
    int status = copy_argv(tests->arena, run, cwd, &argv, err);
    test.argv = argv;
    return status != 0 ? err_wrap(err, "tests: %.100s", run) : add(tests, &test, cap, err);
}

int tests_load(const char *root,
               const struct settings *settings,
               enum engine_kind kind,
               struct engine_tests *ret_tests,
               struct err *err)
{
    size_t i = 0;
    size_t cap = 0;
    json_t *item = NULL;
    int status = 0;
    *ret_tests = (struct engine_tests){.arena = arena_new(TESTS_ARENA_MAX)};
    if (ret_tests->arena == NULL) {
        return no_memory(err);
    }
    json_array_foreach(settings->tests, i, item)
    {
        const char *pattern = json_string_value(item);
        status = pattern != NULL ? add_programs(ret_tests, root, pattern, kind, &cap, err)
                                 : add_command(ret_tests, item, kind, &cap, err);
        if (status != 0) {
            return status;
        }
    }
    return 0;
}

void tests_fini(struct engine_tests *tests)
{
    arena_free(tests->arena);
    *tests = (struct engine_tests){0};
}
