/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/limits.h"
#include "plugins/mutation/build.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static void cleanup_fts(FTS **fts)
{
    if (*fts != NULL) {
        (void)fts_close(*fts);
    }
}

/* Folders that are not part of the source. */
static bool is_skipped(const FTSENT *entry)
{
    static const char *const names[] = {".git", ".sluice", ".sluice-mutation"};
    static const char *const configured[] = {"CMakeCache.txt", "meson-private"};
    char path[PATH_TEXT_MAX];
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(entry->fts_name, names[i]) == 0) {
            return true;
        }
    }
    for (size_t i = 0; i < sizeof(configured) / sizeof(configured[0]); i++) {
        int length = snprintf(path, sizeof(path), "%s/%s", entry->fts_accpath, configured[i]);
        if (length > 0 && (size_t)length < sizeof(path) && access(path, F_OK) == 0) {
            return true;
        }
    }
    return false;
}

/* make and ninja go by the times of files. */
static int keep_time(int dir, const char *path, const struct stat *st, struct err *err)
{
    const struct timespec times[] = {st->st_atim, st->st_mtim};
    return utimensat(dir, path, times, AT_SYMLINK_NOFOLLOW) == 0
               ? 0
               : err_errno(err, "%s: cannot keep its time", path);
}

static int copy_entry(FTS *fts, FTSENT *entry, int from, int to, size_t skip, struct err *err)
{
    const char *path = entry->fts_path + skip;
    switch (entry->fts_info) {
    case FTS_D:
        if (entry->fts_level > 0 && is_skipped(entry)) {
            (void)fts_set(fts, entry, FTS_SKIP);
            return 0;
        }
        return entry->fts_level == 0 ? 0 : file_copy_at(from, path, to, path, err);
    case FTS_F:
    case FTS_SL:
    case FTS_SLNONE: {
        int rc = file_copy_at(from, path, to, path, err);
        return rc < 0 ? rc : keep_time(to, path, entry->fts_statp, err);
    }
    case FTS_DNR:
    case FTS_ERR:
    case FTS_NS:
        errno = entry->fts_errno;
        return err_errno(err, "cannot copy %s", entry->fts_path);
    default:
        return 0; /* the way back out of a folder; sockets and devices */
    }
}

int build_copy(const char *origin, const char *tree, struct err *err)
{
    char *const paths[] = {(char *)(uintptr_t)origin, NULL};
    int rc = tree_remove(AT_FDCWD, tree, err);
    rc = rc < 0 ? rc : dir_make(tree, 0777, err);
    if (rc < 0) {
        return rc;
    }
    CLEANUP(cleanup_fd) int from = open(origin, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CLEANUP(cleanup_fd) int to = open(tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CLEANUP(cleanup_fts) FTS *fts = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    if (from < 0 || to < 0 || fts == NULL) {
        return err_errno(err, "cannot copy %s to %s", origin, tree);
    }
    size_t skip = strlen(origin) + 1;
    errno = 0;
    for (FTSENT *entry = fts_read(fts); entry != NULL; entry = fts_read(fts)) {
        rc = copy_entry(fts, entry, from, to, skip, err);
        if (rc < 0) {
            return rc;
        }
        errno = 0;
    }
    return errno == 0 ? 0 : err_errno(err, "cannot read %s", origin);
}

int build_write(const char *tree, const char *path, const void *text, size_t size, struct err *err)
{
    char whole[PATH_TEXT_MAX];
    struct stat st;
    int length = snprintf(whole, sizeof(whole), "%s/%s", tree, path);
    if (length < 0 || (size_t)length >= sizeof(whole)) {
        return err_set(err, -ENAMETOOLONG, "%s: the path is too long", path);
    }
    bool was_there = stat(whole, &st) == 0;
    int rc = file_write_atomic(whole, text, size, err);
    if (rc == 0 && was_there && chmod(whole, st.st_mode & 0777) != 0) {
        return err_errno(err, "%s: cannot keep its mode", path);
    }
    return rc;
}
