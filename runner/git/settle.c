/* SPDX-License-Identifier: Apache-2.0 */
#include "git/settle.h"

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "git/git.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* One getdents64(2), as glibc's readdir. */
#define LISTING_BYTES (32u << 10)

struct settle {
    int top;
    bool changed;

    struct {
        VEC_FIELDS(char *); /* folders to visit, relative to top; "." is the first */
    } todo;
};

static void settle_fini(struct settle *settle)
{
    for (size_t i = 0; i < settle->todo.count; i++) {
        mem_free(settle->todo.items[i]);
    }
    vec_fini(&settle->todo);
    cleanup_fd(&settle->top);
}

static int push(struct settle *settle, const char *folder, const char *name)
{
    struct str path = STR_INIT(1u << 20);
    if (strcmp(folder, ".") != 0) {
        (void)str_append(&path, folder);
        (void)str_append(&path, "/");
    }
    (void)str_append(&path, name);
    char *text = str_take(&path);
    str_fini(&path);
    if (text == NULL || vec_push(&settle->todo, text) != 0) {
        mem_free(text);
        return -ENOMEM;
    }
    return 0;
}

/* Mends mode and time of one node. */
static int settle_node(struct settle *settle, int dir, const char *name, const struct stat *st)
{
    static const struct timespec times[2] = {
        {GIT_MTIME, 0},
        {GIT_MTIME, 0}
    };
    bool folder = S_ISDIR(st->st_mode);
    bool runs = folder || (st->st_mode & 0100) != 0;
    mode_t mode = runs ? 0755 : 0644;
    if (!S_ISLNK(st->st_mode) && (st->st_mode & 07777) != mode) {
        if (fchmodat(dir, name, mode, 0) != 0) {
            return -errno;
        }
        settle->changed = settle->changed || !folder;
    }
    if (st->st_mtim.tv_sec != GIT_MTIME || st->st_mtim.tv_nsec != 0) {
        if (utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW) != 0) {
            return -errno;
        }
        settle->changed = settle->changed || !folder;
    }
    return 0;
}

static int settle_entry(struct settle *settle, int dir, const char *folder, const char *name)
{
    struct stat st;
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
        return 0;
    }
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
        return -errno;
    }
    if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode) && !S_ISLNK(st.st_mode)) {
        return unlinkat(dir, name, 0) == 0 ? 0 : -errno; /* git has no such nodes, nor sees them */
    }
    int result = settle_node(settle, dir, name, &st);
    return result == 0 && S_ISDIR(st.st_mode) ? push(settle, folder, name) : result;
}

static int settle_listing(struct settle *settle, int dir, const char *folder)
{
    char listing[LISTING_BYTES] __attribute__((aligned(16)));
    ssize_t got = getdents64(dir, listing, sizeof listing);
    for (ssize_t at = 0; at < got;) {
        const struct dirent64 *entry = (const void *)(listing + at);
        int result = settle_entry(settle, dir, folder, entry->d_name);
        if (result != 0) {
            return result;
        }
        at += entry->d_reclen;
    }
    return got < 0 ? -errno : (int)got;
}

static int settle_folder(struct settle *settle, const char *folder)
{
    CLEANUP(cleanup_fd)
    int dir = openat(settle->top, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (dir < 0) {
        return -errno;
    }
    int result = 1;
    while (result > 0) {
        result = settle_listing(settle, dir, folder);
    }
    struct stat st;
    if (result == 0 && fstat(dir, &st) != 0) {
        result = -errno;
    }
    /* Again: removing something in it has changed its time. */
    return result == 0 ? settle_node(settle, dir, ".", &st) : result;
}

int git_settle(const char *folder, bool *ret_changed, struct err *err)
{
    CLEANUP(settle_fini) struct settle settle = {.top = -1};
    struct stat st;
    settle.top = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (settle.top < 0 || fstat(settle.top, &st) != 0) {
        return err_errno(err, "cannot open %s", folder);
    }
    int result = settle_node(&settle, settle.top, ".", &st);
    result = result == 0 ? push(&settle, ".", ".") : result;
    while (result == 0 && settle.todo.count > 0) {
        CLEANUP(cleanup_free) char *next = settle.todo.items[--settle.todo.count];
        result = settle_folder(&settle, next);
    }
    if (result != 0) {
        errno = -result;
        return err_errno(err, "cannot set modification times below %s", folder);
    }
    *ret_changed = settle.changed;
    return 0;
}
