/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/mutation/copy.h"

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/text.h"
#include "plugins/mutation/find.h"
#include "plugins/sdk/sdk.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of what a tool printed, so much stands in a message. */
#define SHOWN_IN_MESSAGE 600

static int no_memory(struct err *err)
{
    return err_set(err, -ENOMEM, "out of memory for the tests of a copy");
}

static void note(const struct copy *copy, const char *text)
{
    if (copy->watch != NULL && copy->watch->note != NULL) {
        copy->watch->note(copy->watch->context, text);
    }
}

/* ---- commands ---- */

/* Replaces {file} by the path, quoted for a shell. */
static int fill_in(const char *command, const char *path, struct str *out)
{
    const char *at = command;
    for (const char *mark = strstr(at, "{file}"); mark != NULL; mark = strstr(at, "{file}")) {
        (void)str_append_n(out, at, (size_t)(mark - at));
        (void)shell_quote(out, path);
        at = mark + strlen("{file}");
    }
    return str_append(out, at);
}

int copy_run_check(
    struct copy *copy, const char *path, struct str *shown, int64_t *cpu_us, struct err *err)
{
    CLEANUP(str_fini) struct str line = STR_INIT(SDK_LINE_MAX);
    CLEANUP(cleanup_free) const char **argv = NULL;
    struct copy_ended ended = {0};
    if (copy->check == NULL) {
        return 0;
    }
    if (fill_in(copy->check, path, &line) != 0) {
        return no_memory(err);
    }
    int status = sdk_command_argv(str_text(&line), &argv, err);
    if (status != 0) {
        return status;
    }
    const struct copy_command command = {
        .argv = argv, .cwd = copy->tree.path, .wall_us = COPY_CHECK_WALL_US, .shown = shown};
    status = copy_run(&command, &ended, err);
    if (status != 0) {
        return err_wrap(err, "check");
    }
    *cpu_us += ended.cpu_us;
    return copy_passed(&ended) ? 0 : 1;
}

/* A program below the root by its absolute path: the test may run in another folder. */
static int program_of(const struct copy *copy,
                      const struct engine_test *test,
                      char program[PATH_TEXT_MAX],
                      struct err *err)
{
    const char *name = test->argv[0];
    bool below = strchr(name, '/') != NULL && name[0] != '/';
    int len = snprintf(
        program, PATH_TEXT_MAX, "%s%s%s", below ? copy->tree.path : "", below ? "/" : "", name);
    return len > 0 && len < PATH_TEXT_MAX
               ? 0
               : err_set(err, -ENAMETOOLONG, "test %s: the path is too long", test->name);
}

static int folder_of(const struct copy *copy,
                     const struct engine_test *test,
                     char folder[PATH_TEXT_MAX],
                     struct err *err)
{
    int len = snprintf(
        folder, PATH_TEXT_MAX, "%s/%s", copy->tree.path, test->cwd != NULL ? test->cwd : ".");
    return len > 0 && len < PATH_TEXT_MAX
               ? 0
               : err_set(err, -ENAMETOOLONG, "test %s: the folder is too long", test->name);
}

static int run(struct copy *copy,
               const struct engine_test *test,
               const struct copy_command *limits,
               struct copy_ended *ret_ended,
               struct err *err)
{
    char program[PATH_TEXT_MAX];
    char folder[PATH_TEXT_MAX];
    int status = program_of(copy, test, program, err);
    status = status != 0 ? status : folder_of(copy, test, folder, err);
    if (status != 0) {
        return status;
    }
    size_t count = 0;
    while (test->argv[count] != NULL) {
        count++;
    }
    CLEANUP(cleanup_free) const char **argv = mem_calloc(count + 1, sizeof *argv);
    if (argv == NULL) {
        return no_memory(err);
    }
    memcpy(argv, test->argv, count * sizeof *argv);
    argv[0] = program;
    struct copy_command command = *limits;
    command.argv = argv;
    command.cwd = folder;
    command.digest = test->compare_stdout;
    status = copy_run(&command, ret_ended, err);
    return status == 0 ? 0 : err_wrap(err, "test %s", test->name);
}

int copy_run_test(struct copy *copy,
                  size_t test,
                  int64_t factor,
                  struct str *shown,
                  struct copy_ended *ret_ended,
                  struct err *err)
{
    const struct engine_test *t = &copy->tests->items[test];
    int64_t by = copy->options->cpu_factor > 0 ? copy->options->cpu_factor : ENGINE_CPU_FACTOR;
    int64_t cpu = t->cpu_us * by;
    cpu = (cpu > ENGINE_CPU_MIN_US ? cpu : ENGINE_CPU_MIN_US) * factor;
    int64_t wall = t->wall_us * by * ENGINE_WALL_FACTOR;
    wall = (wall > ENGINE_WALL_MIN_US ? wall : ENGINE_WALL_MIN_US) * factor;
    const struct copy_command limits = {.cpu_us = cpu, .wall_us = wall, .shown = shown};
    return run(copy, t, &limits, ret_ended, err);
}

bool copy_answers_as_before(const struct copy *copy, size_t test, const struct copy_ended *ended)
{
    return copy_passed(ended)
           && (!copy->tests->items[test].compare_stdout
               || memcmp(&copy->digests[test], &ended->digest, sizeof ended->digest) == 0);
}

/* ---- baseline ---- */

static int exclude(struct copy *copy,
                   struct engine_test *test,
                   const char *why,
                   const struct str *shown,
                   struct err *err)
{
    CLEANUP(str_fini) struct str text = STR_INIT(SDK_LINE_MAX);
    test->excluded = arena_strdup(copy->tests->arena, why);
    (void)str_appendf(&text, "test %s is not used: %s", test->name, why);
    if (shown->len > 0) {
        (void)str_appendf(&text, "; it printed:\n%.*s", SHOWN_IN_MESSAGE, str_text(shown));
    }
    if (test->excluded == NULL || str_error(&text) != 0) {
        return no_memory(err);
    }
    note(copy, str_text(&text));
    return 0;
}

static const char *why_excluded(const struct engine_test *test,
                                const struct copy_ended *first,
                                const struct copy_ended *second)
{
    bool passed = copy_passed(first);
    if (passed != copy_passed(second)) {
        return "it passes and fails without any mutant: it is flaky";
    }
    if (!passed) {
        return "it fails without any mutant";
    }
    if (test->compare_stdout
        && memcmp(&first->digest, &second->digest, sizeof first->digest) != 0) {
        return "what it prints differs from run to run; leave out stdout: compare";
    }
    return NULL;
}

static int measure(struct copy *copy, size_t index, struct err *err)
{
    CLEANUP(str_fini) struct str shown = STR_INIT(COPY_OUTPUT_MAX);
    struct engine_test *test = &copy->tests->items[index];
    struct copy_ended first = {0};
    struct copy_ended second = {0};
    const struct copy_command limits = {.wall_us = COPY_BASELINE_WALL_US, .shown = &shown};
    int status = run(copy, test, &limits, &first, err);
    str_clear(&shown);
    status = status != 0 ? status : run(copy, test, &limits, &second, err);
    if (status != 0) {
        return status;
    }
    test->cpu_us = first.cpu_us > second.cpu_us ? first.cpu_us : second.cpu_us;
    test->wall_us = first.wall_us > second.wall_us ? first.wall_us : second.wall_us;
    copy->digests[index] = second.digest;
    const char *why = why_excluded(test, &first, &second);
    if (why != NULL) {
        return exclude(copy, test, why, &shown, err);
    }
    copy->bare_us += second.cpu_us;
    return 0;
}

static int refuse_tests(const struct engine_tests *tests, struct err *err)
{
    return err_set(err,
                   -ENOTRECOVERABLE,
                   "no test is left to try mutants with: %s: %s",
                   tests->count > 0 ? tests->items[0].name : "there are none",
                   tests->count > 0 ? tests->items[0].excluded : "name some in `tests`");
}

int copy_open(const char *origin,
              const struct copy_check *check,
              const struct engine_options *options,
              const struct engine_watch *watch,
              struct copy *ret_copy,
              struct err *err)
{
    CLEANUP(str_fini) struct str shown = STR_INIT(COPY_OUTPUT_MAX);
    struct copy *copy = ret_copy;
    int64_t cpu_us = 0;
    *copy = (struct copy){.check = check->command, .options = options, .watch = watch};
    /* Byte code that is left behind could be read in place of a source that was edited since. */
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): a unit's process has one thread */
    if (setenv("PYTHONDONTWRITEBYTECODE", "1", 1) != 0) {
        return no_memory(err);
    }
    int status = copy_tree_make(origin, &copy->tree, err);
    status = status != 0 ? status : copy_run_check(copy, check->file, &shown, &cpu_us, err);
    if (status > 0) {
        return err_set(err,
                       -ENOTRECOVERABLE,
                       "check refuses the tree without any mutant (%.100s); it printed:\n%.*s",
                       check->command,
                       SHOWN_IN_MESSAGE,
                       str_text(&shown));
    }
    return status;
}

int copy_baseline(struct copy *copy, struct engine_tests *tests, struct err *err)
{
    size_t used = 0;
    int status = 0;
    copy->tests = tests;
    copy->digests = mem_calloc(tests->count + 1, sizeof *copy->digests);
    copy->kills = mem_calloc(tests->count + 1, sizeof *copy->kills);
    if (copy->digests == NULL || copy->kills == NULL) {
        return no_memory(err);
    }
    for (size_t i = 0; i < tests->count && status == 0; i++) {
        status = measure(copy, i, err);
        used += tests->items[i].excluded == NULL ? 1 : 0;
    }
    if (status == 0 && used == 0) {
        status = refuse_tests(tests, err);
    }
    return status != 0 ? status : copy_tree_remember(&copy->tree, err);
}

void copy_close(struct copy *copy)
{
    copy_tree_fini(&copy->tree);
    mem_free(copy->digests);
    mem_free(copy->kills);
    *copy = (struct copy)COPY_INIT;
}
