/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/mutation/unit.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int no_memory(struct err *err)
{
    return err_set(err, -ENOMEM, "out of memory for the verdicts of a file");
}

static void print_note(void *context, const char *text)
{
    (void)context;
    (void)fprintf(stderr, "%s\n", text);
}

/* The plan gives each unit its share of the budget, counted with one processor. */
static int64_t deadline(int64_t budget_ms)
{
    cpu_set_t set;
    int count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return budget_ms == 0 ? 0 : clock_mono_ns() / 1000000 + budget_ms * (count > 0 ? count : 1);
}

void unit_set_options(struct unit *unit)
{
    const struct settings *settings = &unit->settings;
    unit->options = (struct engine_options){
        .root = unit->root,
        .seed = (uint64_t)settings->seed,
        .audit_percent = (uint32_t)settings->audit_percent,
        .audit_min = (uint32_t)settings->audit_min,
        .audit_survivors = settings->audit_survivors,
        .deadline_ms = deadline(unit->job.budget_ms),
        .cpu_factor = ENGINE_CPU_FACTOR,
    };
    unit->watch = (struct engine_watch){.note = print_note};
}

/* Room for a verdict of each mutant of the file; those that are not to be tried have theirs. */
static int make_verdicts(struct unit *unit, struct err *err)
{
    struct engine_verdicts *verdicts = &unit->verdicts;
    verdicts->arena = arena_new(UNIT_ARENA_MAX);
    verdicts->count = unit->mutants.list.count;
    if (verdicts->arena != NULL) {
        verdicts->items =
            arena_calloc(verdicts->arena, verdicts->count + 1, sizeof *verdicts->items);
    }
    if (verdicts->items == NULL) {
        return no_memory(err);
    }
    for (size_t i = 0; i < unit->mutants.count; i++) {
        const struct mutant *mutant = unit->mutants.items[i];
        if (mutant->ignored != NULL) {
            verdicts->items[mutant->number] =
                (struct engine_verdict){.status = MUTANT_IGNORED, .reason = mutant->ignored};
        }
    }
    return 0;
}

bool unit_is_compiled(const struct settings *settings, const char *file)
{
    const struct language *language = language_of(file);
    return settings->build != NULL && settings->isolation != SETTINGS_ISOLATION_COPY
           && language != NULL && strcmp(language->name, "c") == 0;
}

int unit_init_job(struct unit *unit, const char *job, struct err *err)
{
    *unit = (struct unit){0};
    if (getcwd(unit->root, sizeof unit->root) == NULL) {
        return err_errno(err, "cannot tell the working folder");
    }
    int status = scope_job_read(job, &unit->job, err);
    status = status != 0 ? status : settings_read(unit->job.with, &unit->settings, err);
    if (status == 0) {
        unit_set_options(unit);
        status = operators_load(unit->settings.operators, unit->root, &unit->operators, err);
    }
    return status;
}

int unit_init(struct unit *unit, const char *job, struct err *err)
{
    int status = unit_init_job(unit, job, err);
    status = status != 0 ? status
                         : scope_find(unit->root, &unit->job, unit->operators, &unit->mutants, err);
    status =
        status != 0 ? status : scope_find_fresh(&unit->job, &unit->mutants.list, &unit->fresh, err);
    return status != 0 ? status : make_verdicts(unit, err);
}

void unit_fini(struct unit *unit)
{
    tests_fini(&unit->tests);
    tests_files_fini(&unit->files);
    scope_mutants_fini(&unit->mutants);
    arena_free(unit->verdicts.arena);
    operators_free(unit->operators);
    scope_job_fini(&unit->job);
}

int unit_path(const char *folder,
              const struct scope_job *job,
              char path[PATH_TEXT_MAX],
              struct err *err)
{
    int len = 0;
    if (job->parts > 1) {
        len = snprintf(path,
                       PATH_TEXT_MAX,
                       "%s/%s.%lldof%lld.ndjson",
                       folder,
                       job->file,
                       (long long)job->part,
                       (long long)job->parts);
    } else {
        len = snprintf(path, PATH_TEXT_MAX, "%s/%s.ndjson", folder, job->file);
    }
    return len > 0 && len < PATH_TEXT_MAX
               ? 0
               : err_set(err, -ENAMETOOLONG, "%s: the path is too long", job->file);
}

int unit_make_folder(const char *root, struct err *err)
{
    static const char all[] = "*\n";
    char path[PATH_TEXT_MAX];
    int len = snprintf(path, sizeof path, "%s/" UNIT_FOLDER "/.gitignore", root);
    if (len < 0 || (size_t)len >= sizeof path) {
        return err_set(err, -ENAMETOOLONG, "%s: the path is too long", root);
    }
    return file_exists(path) ? 0 : file_write_atomic(path, all, sizeof all - 1, err);
}

int unit_refuse(const struct err *err)
{
    (void)fprintf(stderr, "%s\n", err->text);
    return UNIT_REFUSED;
}

int unit_write_case(
    struct str *out, const char *name, const char *status, const char *message, const char *file)
{
    struct json_writer w;
    jw_begin(&w, out);
    jw_object(&w);
    jw_put_string(&w, "name", name);
    jw_put_string(&w, "status", status);
    jw_put_string(&w, "file", file);
    jw_put_string(&w, "message", message);
    jw_end_object(&w);
    return str_append_char(out, '\n');
}

int unit_run_nothing(int argc, char **argv)
{
    static const char words[] = "0 mutants in scope";
    struct str out = STR_INIT(SDK_LINE_MAX);
    int status = unit_write_case(&out, words, "passed", argc > 1 ? argv[1] : words, NULL);
    status = status != 0 ? status : fd_write_all(STDOUT_FILENO, str_text(&out), out.len);
    str_fini(&out);
    return status == 0 ? 0 : UNIT_REFUSED;
}
