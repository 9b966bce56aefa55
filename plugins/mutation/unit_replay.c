/* SPDX-License-Identifier: Apache-2.0 */
/* `replay ID [json]`: one mutant alone, in a private copy, with what check and tests print; with
 * `json` that goes to standard error, and standard output is one object. */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "plugins/mutation/cases.h"
#include "plugins/mutation/copy.h"
#include "plugins/mutation/unit.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* How it ended. */
struct replayed {
    const struct mutant *mutant;
    enum mutant_status status;
    const char *killed_by; /* name of the test; NULL = none */
};

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
    return err_set(
        err,
        -ENOENT,
        "mutant %s is not in the code any more (%zu files were searched): its line or "
        "the code around it was edited since that run, or `files` or `operators` of the "
        "layer were. Run the layer again (`sluice run`); `sluice mutants list` tells the "
        "ids of what it tries then",
        id,
        unit->files.count);
}

static void print(const char *text)
{
    (void)fputs(text, stdout);
    (void)fflush(stdout);
}

/* The tests one after the other, to the first that fails. */
static int run_tests(struct unit *unit,
                     struct copy *copy,
                     struct replayed *ret_replayed,
                     struct err *err)
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
            ret_replayed->status = ended.timed_out ? MUTANT_TIMEOUT : MUTANT_KILLED;
            ret_replayed->killed_by = test->name;
            return 0;
        }
    }
    print("Survived: no test fails\n");
    ret_replayed->status = MUTANT_SURVIVED;
    return 0;
}

static int replay(struct unit *unit,
                  struct copy *copy,
                  const struct mutant *mutant,
                  struct replayed *ret_replayed,
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
        ret_replayed->status = MUTANT_COMPILE_ERROR;
        return 0;
    }
    return status != 0 ? status : run_tests(unit, copy, ret_replayed, err);
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

static int replay_in_copy(struct unit *unit, struct replayed *ret_replayed, struct err *err)
{
    const struct mutant *mutant = ret_replayed->mutant;
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
    return status != 0 ? status : replay(unit, &copy, mutant, ret_replayed, err);
}

static int start(struct unit *unit,
                 const char *id,
                 json_t **ret_request,
                 struct replayed *ret_replayed,
                 struct err *err)
{
    CLEANUP(str_fini) struct str text = STR_INIT(SDK_INPUT_MAX);
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
    status = status != 0 ? status : find(unit, id, &ret_replayed->mutant, err);
    if (status != 0) {
        return status;
    }
    assert(ret_replayed->mutant != NULL); /* or it would not have been found */
    return replay_in_copy(unit, ret_replayed, err);
}

/* Sends standard output to standard error; returns where it went to before, or -1. */
static int set_answer_aside(void)
{
    int fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    return fd >= 0 && dup2(STDERR_FILENO, STDOUT_FILENO) >= 0 ? fd : -1;
}

static int answer(int fd, const struct replayed *replayed, struct err *err)
{
    CLEANUP(str_fini) struct str text = STR_INIT(SDK_LINE_MAX);
    const struct mutant *mutant = replayed->mutant;
    struct json_writer w;
    assert(mutant != NULL); /* it was tried */
    jw_begin(&w, &text);
    jw_object(&w);
    jw_put_string(&w, "id", mutant->id);
    jw_put_string(&w, "file", mutant->file);
    jw_put_int(&w, "line", mutant->span.line);
    jw_put_int(&w, "column", mutant->span.column);
    jw_put_string(&w, "operator", mutant->operator);
    jw_put_string(&w, "original", mutant->original);
    jw_put_string(&w, "replacement", mutant->replacement);
    jw_put_string(&w, "status", mutant_status_name(replayed->status));
    jw_key(&w, "killed_by");
    jw_string(&w, replayed->killed_by);
    jw_end_object(&w);
    (void)str_append_char(&text, '\n');
    int status = str_error(&text);
    status = status != 0 ? status : fd_write_all(fd, str_text(&text), text.len);
    return status == 0 ? 0 : err_set(err, status, "cannot write what became of the mutant");
}

int unit_run_replay(int argc, char **argv)
{
    struct err err = {0};
    struct unit unit = {0};
    struct replayed replayed = {0};
    CLEANUP(cleanup_fd) int fd = -1;
    CLEANUP(json_cleanup) json_t *request = NULL;
    bool json = argc == 3 && strcmp(argv[2], "json") == 0;
    if (argc != 2 && !json) {
        (void)fprintf(stderr,
                      "usage: replay ID [json], with a request as of plan on standard input\n");
        return 2;
    }
    fd = json ? set_answer_aside() : -1;
    int status = json && fd < 0 ? err_errno(&err, "cannot set standard output aside")
                                : start(&unit, argv[1], &request, &replayed, &err);
    if (status == 0 && json) {
        status = answer(fd, &replayed, &err);
    }
    unit_fini(&unit);
    return status != 0 ? unit_refuse(&err) : 0;
}
