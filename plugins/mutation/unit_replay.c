/* SPDX-License-Identifier: Apache-2.0 */
/* `replay ID`: one mutant alone, in a private copy, with what check and tests print. */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "plugins/mutation/cases.h"
#include "plugins/mutation/copy.h"
#include "plugins/mutation/unit.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct mutant *find_in(const struct scope_mutants *mutants, const char *id)
{
    for (size_t i = 0; i < mutants->total; i++) {
        if (strcmp(mutants->items[i]->id, id) == 0) {
            return mutants->items[i];
        }
    }
    return NULL;
}

/* Finds the mutant in the files in scope; its file is unit->mutants then. */
static int find(struct unit *unit,
                const char *id,
                const struct mutant **ret_mutant,
                struct err *err)
{
    for (size_t i = 0; i < unit->files.count; i++) {
        const struct scope_job job = {.file = unit->files.items[i], .part_size = INT64_MAX / 2};
        int status = scope_find(unit->root, &job, unit->operators, &unit->mutants, err);
        *ret_mutant = status == 0 ? find_in(&unit->mutants, id) : NULL;
        if (status != 0 || *ret_mutant != NULL) {
            return status;
        }
        scope_mutants_fini(&unit->mutants);
    }
    return err_set(err,
                   -ENOENT,
                   "there is no mutant %s in the %zu files in scope: the code around it was "
                   "edited, or it is another layer's",
                   id,
                   unit->files.count);
}

static void print(const char *text)
{
    (void)fputs(text, stdout);
    (void)fflush(stdout);
}

/* The tests one after the other, to the first that fails. */
static int run_tests(struct unit *unit, struct copy *copy, struct err *err)
{
    for (size_t i = 0; i < unit->tests.count; i++) {
        CLEANUP(str_fini) struct str shown = STR_INIT(COPY_OUTPUT_MAX);
        struct copy_ended ended = {0};
        const struct engine_test *test = &unit->tests.items[i];
        if (test->excluded != NULL) {
            continue;
        }
        int status = copy_run_test(copy, i, ENGINE_RETRY_FACTOR, &shown, &ended, err);
        if (status != 0) {
            return status;
        }
        bool same = copy_answers_as_before(copy, i, &ended);
        print(str_text(&shown));
        (void)printf("%s: %s\n",
                     ended.timed_out ? "Timeout"
                     : same          ? "passed with the mutant"
                                     : "Killed by",
                     test->name);
        if (!same) {
            return 0;
        }
    }
    print("Survived: no test fails\n");
    return 0;
}

static int replay(struct unit *unit,
                  struct copy *copy,
                  const struct mutant *mutant,
                  struct err *err)
{
    CLEANUP(str_fini) struct str shown = STR_INIT(COPY_OUTPUT_MAX);
    CLEANUP(cleanup_free) char *text = NULL;
    const struct source *source = &unit->mutants.source;
    int64_t cpu_us = 0;
    size_t size = 0;
    text = find_apply(source, mutant, &size);
    if (text == NULL) {
        return err_set(err, -ENOMEM, "out of memory for a mutant");
    }
    int status = copy_tree_write(&copy->tree, source->path, text, size, err);
    status = status != 0 ? status : copy_run_check(copy, source->path, &shown, &cpu_us, err);
    if (status > 0) {
        print(str_text(&shown));
        print("CompileError: check refuses it\n");
        return 0;
    }
    return status != 0 ? status : run_tests(unit, copy, err);
}

static int show(const struct unit *unit, const struct mutant *mutant, struct err *err)
{
    CLEANUP(str_fini) struct str diff = STR_INIT(CASES_TEXT_MAX);
    if (cases_append_diff(&diff, &unit->mutants.source, mutant) != 0) {
        return err_set(err, -ENOMEM, "out of memory for a diff");
    }
    print(str_text(&diff));
    if (mutant->ignored != NULL) {
        (void)printf("it is not tried in runs: %s\n", mutant->ignored);
    }
    return 0;
}

static int replay_in_copy(struct unit *unit, const struct mutant *mutant, struct err *err)
{
    CLEANUP(copy_close) struct copy copy = COPY_INIT;
    CLEANUP(str_fini) struct str check = STR_INIT(SDK_LINE_MAX);
    int status = show(unit, mutant, err);
    status = status != 0 ? status : unit_check_of(&unit->settings, &check, err);
    status = status != 0 ? status
                         : copy_open(unit->root,
                                     &(struct copy_check){check.len > 0 ? str_text(&check) : NULL,
                                                          unit->mutants.source.path},
                                     &unit->options,
                                     &unit->watch,
                                     &copy,
                                     err);
    copy.builds = unit->settings.build != NULL;
    status = status != 0
                 ? status
                 : tests_load(copy.tree.path, &unit->settings, ENGINE_COPY, &unit->tests, err);
    status = status != 0 ? status : copy_baseline(&copy, &unit->tests, err);
    return status != 0 ? status : replay(unit, &copy, mutant, err);
}

static int start(struct unit *unit, const char *id, json_t **ret_request, struct err *err)
{
    CLEANUP(str_fini) struct str text = STR_INIT(SDK_INPUT_MAX);
    const struct mutant *mutant = NULL;
    if (getcwd(unit->root, sizeof unit->root) == NULL) {
        return err_errno(err, "cannot tell the working folder");
    }
    int status = file_read_fd(STDIN_FILENO, "the request", &text, err);
    status = status != 0 ? status : json_parse(str_text(&text), text.len, ret_request, err);
    if (status != 0) {
        return status;
    }
    status = settings_read(json_object_get(*ret_request, "with"), &unit->settings, err);
    unit_set_options(unit);
    status =
        status != 0 ? status : tests_find_files(unit->root, &unit->settings, &unit->files, err);
    status = status != 0
                 ? status
                 : operators_load(unit->settings.operators, unit->root, &unit->operators, err);
    status = status != 0 ? status : find(unit, id, &mutant, err);
    if (status != 0) {
        return status;
    }
    assert(mutant != NULL); /* or it would not have been found */
    return replay_in_copy(unit, mutant, err);
}

int unit_run_replay(int argc, char **argv)
{
    struct err err = {0};
    struct unit unit = {0};
    CLEANUP(json_cleanup) json_t *request = NULL;
    if (argc != 2) {
        (void)fprintf(stderr, "usage: replay ID, with a request as of plan on standard input\n");
        return 2;
    }
    int status = start(&unit, argv[1], &request, &err);
    unit_fini(&unit);
    return status != 0 ? unit_refuse(&err) : 0;
}
