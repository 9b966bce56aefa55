/* SPDX-License-Identifier: Apache-2.0 */
/* Tests that are files: executables, cmocka and TAP programs, bats files. */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/vec.h"
#include "plugins/unit/unit.h"

#include <errno.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What is special about each kind of file. */
static const struct file_kind {
    const char *name;
    bool executable;  /* must be; others are passed over */
    const char *tool; /* program that runs the file, with its option; NULL = the file itself */
    const char *option;
    const char *report; /* format on standard output, or in a file for cmocka */
} kinds[] = {
    {"executables", true,  NULL,   NULL,    NULL    },
    {"cmocka",      true,  NULL,   NULL,    "cmocka"},
    {"bats",        false, "bats", "--tap", "tap"   },
    {"tap",         true,  NULL,   NULL,    "tap"   },
};

struct search {
    const struct unit_settings *settings;
    const struct file_kind *kind;

    struct {
        VEC_FIELDS(char *);
    } paths; /* relative to dir, in the order of names */
    struct sdk_ids ids;
    size_t not_executable;       /* matches that were passed over */
    char example[PATH_TEXT_MAX]; /* the last of them */
};

static void search_fini(struct search *search)
{
    for (size_t i = 0; i < search->paths.count; i++) {
        mem_free(search->paths.items[i]);
    }
    vec_fini(&search->paths);
    sdk_ids_fini(&search->ids);
}

static void cleanup_fts(FTS **fts)
{
    if (*fts != NULL) {
        (void)fts_close(*fts);
    }
}

static int compare_entries(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

/* A regular file, or a link to one. */
static bool is_file(const FTSENT *entry)
{
    struct stat st;
    return entry->fts_info == FTS_F
           || (entry->fts_info == FTS_SL && stat(entry->fts_path, &st) == 0 && S_ISREG(st.st_mode));
}

/* Folders that hold no tests: git's and ours. */
static bool is_foreign(const FTSENT *entry)
{
    return entry->fts_info == FTS_D && entry->fts_level > 0
           && (strcmp(entry->fts_name, ".git") == 0 || strcmp(entry->fts_name, ".sluice") == 0);
}

static int take_file(struct search *search, const char *path, const char *full, struct err *err)
{
    if (search->kind->executable && access(full, X_OK) != 0) {
        search->not_executable++;
        (void)snprintf(search->example, sizeof search->example, "%s", path);
        return 0;
    }
    char *copy = mem_strdup(path);
    if (copy == NULL || vec_push(&search->paths, copy) != 0) {
        mem_free(copy);
        return err_set(err, -ENOMEM, "out of memory for the list of tests");
    }
    return 0;
}

static int visit(struct search *search, FTS *fts, FTSENT *entry, struct err *err)
{
    const char *dir = search->settings->dir;
    if (is_foreign(entry)) {
        (void)fts_set(fts, entry, FTS_SKIP);
        return 0;
    }
    if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR) {
        return err_set(err,
                       -entry->fts_errno,
                       "cannot read %s while looking for tests: error %d",
                       entry->fts_path,
                       entry->fts_errno);
    }
    if (entry->fts_level == 0 || !is_file(entry)) {
        return 0;
    }
    const char *path = entry->fts_path + strlen(dir) + 1; /* behind "dir/" */
    if (!glob_match(search->settings->tests, path)) {
        return 0;
    }
    return take_file(search, path, entry->fts_path, err);
}

/* Fills search->paths, in an order that depends on names only. */
static int find_files(struct search *search, struct err *err)
{
    char dir[PATH_TEXT_MAX];
    (void)snprintf(dir, sizeof dir, "%s", search->settings->dir);
    struct stat st;
    if (stat(dir, &st) != 0 || !S_ISDIR(st.st_mode)) {
        return err_set(err,
                       -ENOENT,
                       "dir: there is no folder \"%s\" (one that another layer makes is there when "
                       "that layer is in `needs` and has it in `outputs`)",
                       dir);
    }
    char *const roots[] = {dir, NULL};
    CLEANUP(cleanup_fts) FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, compare_entries);
    if (fts == NULL) {
        return err_errno(err, "cannot look for tests in %s", dir);
    }
    FTSENT *entry = NULL;
    while ((entry = fts_read(fts)) != NULL) {
        int status = visit(search, fts, entry, err);
        if (status != 0) {
            return status;
        }
    }
    return 0;
}

static int refuse_nothing(const struct search *search, struct err *err)
{
    const struct unit_settings *s = search->settings;
    if (search->not_executable > 0) {
        return err_set(err,
                       -ENODATA,
                       "tests: \"%s\" in %s matches %zu files, e.g. %s, but none is executable",
                       s->tests,
                       s->dir,
                       search->not_executable,
                       search->example);
    }
    return err_set(err,
                   -ENODATA,
                   "tests: \"%s\" matches no file in %s (files that another layer makes are there "
                   "when that layer is in `needs` and has them in `outputs`)",
                   s->tests,
                   s->dir);
}

/* A cmocka program writes XML into a file: standard output belongs to the test. It never writes
 * over a file that is there but prints to standard error instead, so the file must be fresh. All
 * groups of one program go to one file, one root element after the other. */
static int emit_cmocka(struct sdk *sdk, struct sdk_unit unit, const char *path, struct err *err)
{
    char report[64];
    (void)snprintf(report,
                   sizeof report,
                   "sluice-%016llx.cmocka.xml",
                   (unsigned long long)hash_stable64(path));
    const struct sdk_env env[] = {
        {"CMOCKA_MESSAGE_OUTPUT", "xml" },
        {"CMOCKA_XML_FILE",       report},
    };
    unit.env = env;
    unit.env_count = sizeof env / sizeof env[0];
    unit.report_path = report;
    return unit_emit_fresh(sdk, &unit, err);
}

static int emit_file(struct sdk *sdk, struct search *search, const char *path, struct err *err)
{
    const struct file_kind *kind = search->kind;
    const char *dir = search->settings->dir;
    char program[PATH_TEXT_MAX];
    char source[PATH_TEXT_MAX];
    (void)snprintf(program, sizeof program, "./%s", path);
    bool in_root = strcmp(dir, ".") == 0;
    (void)snprintf(source, sizeof source, "%s%s%s", in_root ? "" : dir, in_root ? "" : "/", path);
    char id[SDK_ID_SIZE];
    if (sdk_ids_make(&search->ids, path, id) != 0) {
        return err_set(err, -ENOMEM, "out of memory for ids");
    }
    const char *const by_tool[] = {kind->tool, kind->option, program, NULL};
    const char *const by_itself[] = {program, NULL};
    struct sdk_unit unit = {
        .id = id,
        .argv = kind->tool != NULL ? by_tool : by_itself,
        .cwd = dir,
        .report_format = kind->report,
        .file = kind->executable ? NULL : source, /* a binary is not where the test is written */
    };
    if (kind->report != NULL && strcmp(kind->report, "cmocka") == 0) {
        return emit_cmocka(sdk, unit, path, err);
    }
    if (search->settings->report != NULL) {
        unit.report_format = "junit";
        unit.report_path = search->settings->report;
        return unit_emit_fresh(sdk, &unit, err);
    }
    return sdk_emit_unit(sdk, &unit, err);
}

int unit_plan_files(struct sdk *sdk, const struct unit_settings *settings, struct err *err)
{
    const struct file_kind *kind = kinds;
    while (strcmp(kind->name, settings->discover) != 0) {
        kind++;
    }
    CLEANUP(search_fini) struct search search = {.settings = settings, .kind = kind};
    int status = find_files(&search, err);
    if (status == 0 && search.paths.count == 0) {
        status = refuse_nothing(&search, err);
    }
    for (size_t i = 0; i < search.paths.count && status == 0; i++) {
        status = emit_file(sdk, &search, search.paths.items[i], err);
    }
    return status;
}
