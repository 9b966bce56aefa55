/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/sdk/sdk_find.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"

#include <errno.h>
#include <fts.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void found_fini(struct found *found)
{
    for (size_t i = 0; i < found->count; i++) {
        mem_free(found->items[i]);
    }
    vec_fini(found);
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

static bool matches_one(const char *const *patterns, const char *path)
{
    for (size_t i = 0; patterns != NULL && patterns[i] != NULL; i++) {
        if (glob_match(patterns[i], path)) {
            return true;
        }
    }
    return false;
}

/* Folders that hold no files of the project: git's, ours, and those the tool does not look into. */
static bool is_foreign(const struct find_query *query, const FTSENT *entry)
{
    return entry->fts_info == FTS_D && entry->fts_level > 0
           && (strcmp(entry->fts_name, ".git") == 0 || strcmp(entry->fts_name, ".sluice") == 0
               || matches_one(query->pruned, entry->fts_name));
}

static int take_file(const struct find_query *query,
                     struct found *found,
                     const char *path,
                     const char *full,
                     struct err *err)
{
    if (query->executable && access(full, X_OK) != 0) {
        found->not_executable++;
        (void)snprintf(found->example, sizeof found->example, "%s", path);
        return 0;
    }
    char *copy = mem_strdup(path);
    if (copy == NULL || vec_push(found, copy) != 0) {
        mem_free(copy);
        return err_set(err, -ENOMEM, "out of memory for a list of files");
    }
    return 0;
}

static int visit(
    const struct find_query *query, struct found *found, FTS *fts, FTSENT *entry, struct err *err)
{
    if (is_foreign(query, entry)) {
        (void)fts_set(fts, entry, FTS_SKIP);
        return 0;
    }
    if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR) {
        return err_set(err,
                       -entry->fts_errno,
                       "cannot read %s while looking for files: error %d",
                       entry->fts_path,
                       entry->fts_errno);
    }
    if (entry->fts_level == 0 || !is_file(entry)) {
        return 0;
    }
    const char *path = entry->fts_path + strlen(query->dir) + 1; /* behind "dir/" */
    if (!matches_one(query->patterns, path)) {
        return 0;
    }
    return take_file(query, found, path, entry->fts_path, err);
}

int find_files(const struct find_query *query, struct found *found, struct err *err)
{
    char dir[PATH_TEXT_MAX];
    (void)snprintf(dir, sizeof dir, "%s", query->dir);
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
        int status = visit(query, found, fts, entry, err);
        if (status != 0) {
            return status;
        }
    }
    return 0;
}

int find_refuse(const struct find_query *query, const struct found *found, struct err *err)
{
    const char *pattern = query->patterns[0];
    if (found->not_executable > 0) {
        return err_set(err,
                       -ENODATA,
                       "tests: \"%s\" in %s matches %zu files, e.g. %s, but none is executable",
                       pattern,
                       query->dir,
                       found->not_executable,
                       found->example);
    }
    return err_set(err,
                   -ENODATA,
                   "tests: \"%s\" matches no file in %s (files that another layer makes are there "
                   "when that layer is in `needs` and has them in `outputs`)",
                   pattern,
                   query->dir);
}
