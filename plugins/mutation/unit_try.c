/* SPDX-License-Identifier: Apache-2.0 */
/* `try JOB`: the mutants of one file, or of a part of it. */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "plugins/mutation/cases.h"
#include "plugins/mutation/copy.h"
#include "plugins/mutation/engine_schema.h"
#include "plugins/mutation/results.h"
#include "plugins/mutation/unit.h"
#include "plugins/mutation/unit_known.h"

#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Results of one unit: 65,536 mutants of 4 KiB. */
#define RESULTS_TEXT_LIMIT (512u << 20)

const struct mutant **unit_pending(const struct unit *unit, size_t *ret_count)
{
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): a list of pointers */
    const struct mutant **items = mem_calloc(unit->mutants.count + 1, sizeof *items);
    size_t count = 0;
    for (size_t i = 0; i < unit->mutants.count && items != NULL; i++) {
        const struct mutant *mutant = unit->mutants.items[i];
        if (unit->verdicts.items[mutant->number].status == MUTANT_PENDING) {
            items[count++] = mutant;
        }
    }
    if (items != NULL) {
        known_sort(&unit->memo.known, unit->fresh, items, count);
    }
    *ret_count = count;
    return items;
}

static size_t count_pending(const struct unit *unit)
{
    size_t count = 0;
    for (size_t i = 0; i < unit->mutants.count; i++) {
        uint32_t number = unit->mutants.items[i]->number;
        count += unit->verdicts.items[number].status == MUTANT_PENDING ? 1 : 0;
    }
    return count;
}

/* A mutant to try, or a kill of a run that did not come to its end. */
static bool is_work_left(const struct unit *unit, size_t count)
{
    bool left = count > 0;
    for (size_t i = 0; i < unit->tests.count && !left; i++) {
        left = unit_known_doubts(unit, i);
    }
    return left;
}

/* The tests as far as they are there without a copy: commands. Programs may be built by the check.
 */
static int load_commands(struct unit *unit, struct err *err)
{
    size_t i = 0;
    json_t *item = NULL;
    json_array_foreach(unit->settings.tests, i, item)
    {
        if (!json_is_object(item)) {
            return 0;
        }
    }
    if (unit->tests.arena == NULL) {
        int status = tests_load(unit->root, &unit->settings, ENGINE_COPY, &unit->tests, err);
        if (status != 0) {
            return status;
        }
    }
    return unit_known_take_copy(unit, err);
}

/* With a private copy open: the tests are there now, also those that the check builds. */
static int try_in_copy(struct unit *unit, struct copy *copy, struct err *err)
{
    size_t count = 0;
    int status = unit->tests.arena != NULL
                     ? 0
                     : tests_load(copy->tree.path, &unit->settings, ENGINE_COPY, &unit->tests, err);
    status = status != 0 ? status : unit_known_take_copy(unit, err);
    status =
        status != 0 ? status : tests_find_files(unit->root, &unit->settings, &unit->files, err);
    CLEANUP(cleanup_free) const struct mutant **items = unit_pending(unit, &count);
    if (status == 0 && items == NULL) {
        status = err_set(err, -ENOMEM, "out of memory for the mutants of a file");
    }
    if (status != 0 || !is_work_left(unit, count)) {
        return status;
    }
    status = copy_baseline(copy, &unit->tests, err);
    if (status != 0) {
        return status;
    }
    for (size_t i = 0; i < unit->tests.count; i++) {
        copy->kills[i] = unit_known_doubts(unit, i) ? 1 : 0; /* proven at the end */
    }
    const struct copy_job job = {.source = &unit->mutants.source,
                                 .mutants = items,
                                 .count = count,
                                 .files = unit->files.items};
    return copy_try(copy, &job, &unit->verdicts, &unit->cost, err);
}

/* The build is a check, too, and comes first. */
int unit_check_of(const struct settings *settings, struct str *out, struct err *err)
{
    if (settings->build != NULL && settings->check != NULL) {
        (void)str_appendf(out, "(%s) && (%s)", settings->build, settings->check);
    } else if (settings->build != NULL || settings->check != NULL) {
        (void)str_append(out, settings->build != NULL ? settings->build : settings->check);
    }
    return str_error(out) == 0 ? 0 : err_set(err, str_error(out), "out of memory for the check");
}

int unit_try_copy(struct unit *unit, struct err *err)
{
    CLEANUP(str_fini) struct str check = STR_INIT(SDK_LINE_MAX);
    CLEANUP(copy_close) struct copy copy = COPY_INIT;
    int status = unit_check_of(&unit->settings, &check, err);
    status = status != 0 || count_pending(unit) == 0 ? status : load_commands(unit, err);
    if (status != 0 || !is_work_left(unit, count_pending(unit))) {
        return status;
    }
    status = copy_open(
        unit->root,
        &(struct copy_check){check.len > 0 ? str_text(&check) : NULL, unit->mutants.source.path},
        &unit->options,
        &unit->watch,
        &copy,
        err);
    copy.builds = unit->settings.build != NULL;
    return status != 0 ? status : try_in_copy(unit, &copy, err);
}

static int leave(struct unit *unit, const char *folder, const struct str *text, struct err *err)
{
    char path[PATH_TEXT_MAX];
    int status = unit_path(folder, &unit->job, path, err);
    status = status != 0 ? status : unit_make_folder(unit->root, err);
    return status != 0 ? status : file_write_atomic(path, str_text(text), text->len, err);
}

static int write_results(struct unit *unit, bool complete, struct err *err)
{
    CLEANUP(str_fini) struct str text = STR_INIT(RESULTS_TEXT_LIMIT);
    const struct results_head head = {.layer = unit->job.layer,
                                      .file = unit->job.file,
                                      .language = unit->mutants.source.language->name,
                                      .points_lost = unit->mutants.list.points_lost,
                                      .tests = &unit->tests,
                                      .list = &unit->mutants.list};
    int status = results_write_head(&text, &head, err);
    for (size_t i = 0; i < unit->mutants.count && status == 0; i++) {
        const struct mutant *mutant = unit->mutants.items[i];
        status = results_write_mutant(
            &text, &unit->mutants.source, mutant, &unit->verdicts.items[mutant->number], err);
    }
    status = status != 0 ? status : results_write_end(&text, &unit->cost, complete, err);
    return status != 0 ? status : leave(unit, UNIT_RESULTS, &text, err);
}

/* What ends because its time is used up depends on the machine: another run has to go on from
 * there, so this outcome must never answer for it. A process that leaves its namespaces cannot be
 * observed any more, and is no evidence; this one has nothing left to do there. Where it is refused
 * the units are not observed either. */
static void refuse_reuse(void)
{
    (void)unshare(CLONE_NEWUSER);
}

static size_t count_uncompiled(const struct unit *unit)
{
    size_t count = 0;
    for (size_t i = 0; i < unit->mutants.count; i++) {
        const struct engine_verdict *verdict =
            &unit->verdicts.items[unit->mutants.items[i]->number];
        count += verdict->reason != NULL && strcmp(verdict->reason, engine_uncompiled) == 0 ? 1 : 0;
    }
    return count;
}

static int report(struct unit *unit, struct err *err)
{
    CLEANUP(str_fini) struct str text = STR_INIT(CASES_TEXT_MAX);
    struct cases_counts counts = {0};
    const struct cases_input input = {.mutants = &unit->mutants,
                                      .verdicts = &unit->verdicts,
                                      .tests = &unit->tests,
                                      .uncovered_fails = unit->settings.uncovered_fails};
    int status = cases_write(&text, &input, &counts, err);
    status = status != 0 ? status : write_results(unit, counts.pending == 0, err);
    if (status != 0) {
        return status;
    }
    size_t uncompiled = count_uncompiled(unit);
    if (uncompiled > 0) {
        (void)fprintf(stderr, "%zu mutants are %s\n", uncompiled, engine_uncompiled);
    }
    if (counts.pending > 0) {
        (void)fprintf(stderr, "%zu mutants are left for the next run\n", counts.pending);
        refuse_reuse();
    }
    status = leave(unit, UNIT_CASES, &text, err);
    if (status != 0) {
        return status;
    }
    return counts.failed + counts.errored > 0 ? UNIT_FAILED : 0;
}

static int try_job(struct unit *unit, const char *text, struct err *err)
{
    int status = unit_init(unit, text, err);
    status = status != 0 ? status : unit_known_open(unit, err);
    if (status == 0) {
        status = unit_is_compiled(&unit->settings, unit->job.file) ? unit_try_schemata(unit, err)
                                                                   : unit_try_copy(unit, err);
        unit_known_close(unit, status != 0);
    }
    return status != 0 ? status : report(unit, err);
}

/* Why there are no verdicts is told in the report, too: an error, never a pass. */
static int refuse(struct unit *unit, const struct err *err)
{
    CLEANUP(str_fini) struct str text = STR_INIT(SDK_LINE_MAX);
    struct err unwritten = {0};
    if (unit->job.file != NULL
        && unit_write_case(&text, "the mutants can be tried", "errored", err->text, unit->job.file)
               == 0) {
        (void)leave(unit, UNIT_CASES, &text, &unwritten); /* the exit code says so, too */
    }
    return unit_refuse(err);
}

int unit_run_try(int argc, char **argv)
{
    struct err err = {0};
    struct unit unit = {0};
    if (argc != 2) {
        (void)fprintf(stderr, "usage: try JOB\n");
        return 2;
    }
    int status = try_job(&unit, argv[1], &err);
    status = status < 0 ? refuse(&unit, &err) : status;
    unit_known_fini(&unit);
    unit_fini(&unit);
    return status;
}
