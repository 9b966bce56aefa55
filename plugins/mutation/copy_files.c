/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/mutation/copy_files.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct copying {
    const char *origin;
    enum copy_files_rule rule;
    int from; /* folders */
    int to;
    size_t count; /* of names so far */
};

static void cleanup_fts(FTS **fts)
{
    if (*fts != NULL) {
        (void)fts_close(*fts);
    }
}

static bool is_one_of(const char *name, const char *const *names)
{
    for (size_t i = 0; names[i] != NULL; i++) {
        if (strcmp(names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* At the top: history, and our own. */
static bool is_foreign(const FTSENT *entry)
{
    static const char *const names[] = {".git", ".sluice", ".sluice-mutation", NULL};
    return entry->fts_level == 1 && is_one_of(entry->fts_name, names);
}

static bool is_configured(const FTSENT *entry)
{
    static const char *const names[] = {"CMakeCache.txt", "meson-private"};
    char path[PATH_TEXT_MAX];
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        int length = snprintf(path, sizeof(path), "%s/%s", entry->fts_path, names[i]);
        if (length > 0 && (size_t)length < sizeof(path) && access(path, F_OK) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_installed(const FTSENT *entry)
{
    static const char *const names[] = {"node_modules", ".venv", "venv", NULL};
    return is_one_of(entry->fts_name, names);
}

static int link_folder(const struct copying *copying, const char *path, struct err *err)
{
    char target[PATH_TEXT_MAX];
    int len = snprintf(target, sizeof target, "%s/%s", copying->origin, path);
    if (len < 0 || (size_t)len >= sizeof target) {
        return err_set(err, -ENAMETOOLONG, "%s: the path is too long", path);
    }
    return symlinkat(target, copying->to, path) == 0 ? 0 : err_errno(err, "cannot link %s", path);
}

static int keep_time(const struct copying *copying,
                     const char *path,
                     const struct stat *st,
                     struct err *err)
{
    const struct timespec times[2] = {st->st_mtim, st->st_mtim};
    return utimensat(copying->to, path, times, AT_SYMLINK_NOFOLLOW) == 0
               ? 0
               : err_errno(err, "cannot set the time of %s", path);
}

static int copy_node(const struct copying *copying, const FTSENT *entry, struct err *err)
{
    const char *path = entry->fts_path + strlen(copying->origin) + 1;
    int rc = file_copy_at(copying->from, path, copying->to, path, err);
    if (rc == -EOPNOTSUPP) {
        return 0; /* a socket or pipe that some program left */
    }
    if (rc < 0) {
        return err_wrap(err, "cannot copy the tree");
    }
    return entry->fts_info == FTS_D ? 0 : keep_time(copying, path, entry->fts_statp, err);
}

/* What is left out or linked is not looked into. */
static int copy_folder(const struct copying *copying, FTS *fts, FTSENT *entry, struct err *err)
{
    bool link = copying->rule == COPY_FILES_LINK && is_installed(entry);
    bool leave = copying->rule == COPY_FILES_LEAVE_CONFIGURED && is_configured(entry);
    if (link || leave) {
        (void)fts_set(fts, entry, FTS_SKIP);
    }
    if (link) {
        return link_folder(copying, entry->fts_path + strlen(copying->origin) + 1, err);
    }
    return leave ? 0 : copy_node(copying, entry, err);
}

static int copy_entry(struct copying *copying, FTS *fts, FTSENT *entry, struct err *err)
{
    switch (entry->fts_info) {
    case FTS_DNR:
    case FTS_ERR:
    case FTS_NS:
        return err_set(err,
                       -entry->fts_errno,
                       "cannot read %s to copy it: %s",
                       entry->fts_path,
                       strerrordesc_np(entry->fts_errno));
    case FTS_DP:
        return 0;
    default:
        break;
    }
    if (is_foreign(entry)) {
        (void)fts_set(fts, entry, FTS_SKIP);
        return 0;
    }
    if (++copying->count > COPY_FILES_MAX) {
        return err_set(err, -E2BIG, "the tree has more than %d files", COPY_FILES_MAX);
    }
    return entry->fts_info == FTS_D ? copy_folder(copying, fts, entry, err)
                                    : copy_node(copying, entry, err);
}

int copy_files(const char *origin, const char *target, enum copy_files_rule rule, struct err *err)
{
    char *const roots[] = {(char *)(uintptr_t)origin, NULL};
    CLEANUP(cleanup_fd) int from = open(origin, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CLEANUP(cleanup_fd) int to = open(target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CLEANUP(cleanup_fts) FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    struct copying copying = {.origin = origin, .rule = rule, .from = from, .to = to};
    if (from < 0 || to < 0 || fts == NULL) {
        return err_errno(err, "cannot copy %s to %s", origin, target);
    }
    errno = 0;
    for (FTSENT *entry = fts_read(fts); entry != NULL; entry = fts_read(fts)) {
        int rc = entry->fts_level == 0 && entry->fts_info == FTS_D
                     ? 0
                     : copy_entry(&copying, fts, entry, err);
        if (rc < 0) {
            return rc;
        }
        errno = 0;
    }
    return errno == 0 ? 0 : err_errno(err, "cannot read %s", origin);
}
