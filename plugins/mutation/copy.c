/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/mutation/copy.h"

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/text.h"
#include "plugins/mutation/engine_schema.h"
#include "plugins/sdk/sdk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Of what a tool printed, so much stands in a message. */
#define SHOWN_IN_MESSAGE 600

static int no_memory(struct err *err)
{
    return err_set(err, -ENOMEM, "out of memory for the tests of a copy");
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

int copy_run_test(struct copy *copy,
                  size_t test,
                  unsigned limit,
                  struct str *shown,
                  struct copy_ended *ret_ended,
                  struct err *err)
{
    return engine_run_test(&copy->tests->items[test], &copy->options, limit, shown, ret_ended, err);
}

bool copy_answers_as_before(const struct copy *copy, size_t test, const struct copy_ended *ended)
{
    return engine_passed(&copy->tests->items[test], ended);
}

/* ---- baseline ---- */

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
    *copy = (struct copy){.check = check->command, .options = *options, .watch = watch};
    /* Byte code that is left behind could be read in place of a source that was edited since. */
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): a unit's process has one thread */
    if (setenv("PYTHONDONTWRITEBYTECODE", "1", 1) != 0) {
        return no_memory(err);
    }
    int status = copy_tree_make(origin, &copy->tree, err);
    copy->options.root = copy->tree.path;
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
    copy->tests = tests;
    copy->kills = mem_calloc(tests->count + 1, sizeof *copy->kills);
    if (copy->kills == NULL) {
        return no_memory(err);
    }
    int status = engine_baseline(tests, &copy->options, copy->watch, err);
    return status != 0 ? status : copy_tree_remember(&copy->tree, err);
}

void copy_close(struct copy *copy)
{
    copy_tree_fini(&copy->tree);
    mem_free(copy->kills);
    *copy = (struct copy)COPY_INIT;
}
