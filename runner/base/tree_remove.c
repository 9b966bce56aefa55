/* SPDX-License-Identifier: Apache-2.0 */
/* rm -rf for trees that a test may have made to be hostile: tens of thousands of levels deep (their
 * path is far longer than the kernel accepts), without permissions, full of links.
 *
 * A stack holds the folders still to be removed, with one descriptor open at a time:
 *
 *     stack:  a   a/x   a/y        `a` is entered: its files are gone, its folders x and y pushed
 *                        ^ top     entered next; when it comes up again it is empty: leave by "..",
 *                                  rmdir from there
 *
 * ".." is checked against the device and inode of the folder we came down through, so that a tree
 * which is moved while we are in it cannot lead us elsewhere. */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/vec.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* One getdents64(2): glibc's readdir uses 32 KiB too. */
#define LISTING_BYTES (32u << 10)

/* A folder that fills again while it is emptied (a process that was not stopped) is read this often
 * before the error is told. */
#define PASSES_MAX 16

struct pending {
    char *name;    /* last component; the whole path for the first */
    size_t parent; /* index in the stack; its own for the first */
    dev_t device;
    ino_t inode;
    unsigned passes; /* times entered */
};

struct removal {
    int top_dir; /* what the given path is relative to */
    int fd;      /* the folder we are in, -1 = at the top */

    struct {
        VEC_FIELDS(struct pending);
    } stack;

    const char *blamed; /* name the error is about, NULL = the folder itself */
    char blamed_name[256];
};

static int push(struct removal *removal, const char *name, size_t parent)
{
    struct pending pending = {.name = mem_strdup(name), .parent = parent};
    if (pending.name == NULL) {
        return -ENOMEM;
    }
    int result = vec_push(&removal->stack, pending);
    if (result != 0) {
        mem_free(pending.name);
    }
    return result;
}

static void removal_fini(struct removal *removal)
{
    for (size_t i = 0; i < removal->stack.count; i++) {
        mem_free(removal->stack.items[i].name);
    }
    vec_fini(&removal->stack);
    cleanup_fd(&removal->fd);
}

static int blame(struct removal *removal, const char *name, int code)
{
    (void)snprintf(removal->blamed_name, sizeof removal->blamed_name, "%s", name);
    removal->blamed = removal->blamed_name;
    return code;
}

/* chmod 0700 of a folder that cannot be opened. By O_PATH and /proc, because fchmodat() would
 * follow a link put in its place meanwhile. */
static int make_accessible(int dir, const char *name)
{
    char proc[64];
    struct stat st;
    CLEANUP(cleanup_fd) int fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) {
        return -errno;
    }
    if (!S_ISDIR(st.st_mode)) {
        return -ENOTDIR;
    }
    (void)snprintf(proc, sizeof proc, "/proc/self/fd/%d", fd);
    return chmod(proc, 0700) == 0 ? 0 : -errno;
}

/* Opens a folder for emptying; *ret_st is filled. */
static int open_folder(int dir, const char *name, struct stat *ret_st)
{
    *ret_st = (struct stat){0};
    const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    int fd = openat(dir, name, flags);
    if (fd < 0 && errno == EACCES && make_accessible(dir, name) == 0) {
        fd = openat(dir, name, flags);
    }
    if (fd < 0) {
        return -errno;
    }
    if (fstat(fd, ret_st) != 0) {
        int code = -errno;
        (void)close(fd);
        return code;
    }
    if ((ret_st->st_mode & 0700) != 0700) {
        (void)fchmod(fd, 0700); /* a failure shows when something is removed in it */
    }
    return fd;
}

/* unlink. 0 = gone, -EISDIR = it is a folder. */
static int unlink_node(int dir, const char *name)
{
    struct stat st;
    if (unlinkat(dir, name, 0) == 0 || errno == ENOENT || errno == ENOTDIR) {
        return 0; /* ENOTDIR: the path goes through a file, so nothing has that name */
    }
    int code = -errno;
    if (code == -EPERM && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0
        && S_ISDIR(st.st_mode)) {
        return -EISDIR; /* what POSIX says; Linux says EISDIR itself */
    }
    return code;
}

static int remove_entry(struct removal *removal, const struct dirent64 *entry, size_t folder)
{
    const char *name = entry->d_name;
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
        return 0;
    }
    int result = entry->d_type == DT_DIR ? -EISDIR : unlink_node(removal->fd, name);
    if (result == -EISDIR) {
        result = push(removal, name, folder);
    }
    return result == 0 ? 0 : blame(removal, name, result);
}

static int remove_entries(struct removal *removal, const char *listing, size_t len, size_t folder)
{
    for (size_t at = 0; at < len;) {
        const struct dirent64 *entry = (const void *)(listing + at);
        int result = remove_entry(removal, entry, folder);
        if (result != 0) {
            return result;
        }
        at += entry->d_reclen;
    }
    return 0;
}

/* Unlinks all files of the folder we are in and pushes its folders. */
static int empty_folder(struct removal *removal, size_t folder)
{
    char listing[LISTING_BYTES] __attribute__((aligned(16)));
    for (;;) {
        ssize_t got = getdents64(removal->fd, listing, sizeof listing);
        if (got <= 0) {
            return got == 0 ? 0 : -errno;
        }
        int result = remove_entries(removal, listing, (size_t)got, folder);
        if (result != 0) {
            return result;
        }
    }
}

static void pop(struct removal *removal)
{
    mem_free(removal->stack.items[--removal->stack.count].name);
}

/* Goes into the folder on top of the stack and empties it. */
static int enter(struct removal *removal)
{
    size_t index = removal->stack.count - 1;
    struct pending *pending = &removal->stack.items[index];
    int from = removal->fd >= 0 ? removal->fd : removal->top_dir;
    struct stat st;
    int fd = open_folder(from, pending->name, &st);
    if (fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP) { /* somebody removed or replaced it */
        int result = unlink_node(from, pending->name);
        result = result == 0 ? 0 : blame(removal, pending->name, result);
        pop(removal);
        return result;
    }
    if (fd < 0) {
        return blame(removal, pending->name, fd);
    }
    cleanup_fd(&removal->fd);
    removal->fd = fd;
    pending->device = st.st_dev;
    pending->inode = st.st_ino;
    pending->passes++;
    return empty_folder(removal, index);
}

/* Goes up from the folder on top of the stack. */
static int leave(struct removal *removal)
{
    size_t index = removal->stack.count - 1;
    const struct pending *pending = &removal->stack.items[index];
    struct stat st;
    int fd = -1;
    if (pending->parent != index) {
        const struct pending *parent = &removal->stack.items[pending->parent];
        fd = openat(removal->fd, "..", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &st) != 0) {
            int code = -errno;
            cleanup_fd(&fd);
            return code;
        }
        if (st.st_dev != parent->device || st.st_ino != parent->inode) {
            cleanup_fd(&fd);
            return blame(removal, pending->name, -ESTALE);
        }
    }
    cleanup_fd(&removal->fd);
    removal->fd = fd;
    return 0;
}

/* Removes the empty folder on top of the stack from its parent, in which we are. */
static int finish(struct removal *removal)
{
    struct pending *pending = &removal->stack.items[removal->stack.count - 1];
    int from = removal->fd >= 0 ? removal->fd : removal->top_dir;
    if (unlinkat(from, pending->name, AT_REMOVEDIR) != 0 && errno != ENOENT) {
        bool refilled = errno == ENOTEMPTY || errno == EEXIST;
        if (refilled && pending->passes < PASSES_MAX) {
            return enter(removal);
        }
        return blame(removal, pending->name, -errno);
    }
    pop(removal);
    return 0;
}

static int remove_all(struct removal *removal)
{
    int result = 0;
    while (result == 0 && removal->stack.count > 0) {
        if (removal->stack.items[removal->stack.count - 1].passes == 0) {
            result = enter(removal);
        } else {
            result = leave(removal);
            result = result == 0 ? finish(removal) : result;
        }
    }
    return result;
}

int tree_remove(int dirfd, const char *path, struct err *err)
{
    CLEANUP(removal_fini) struct removal removal = {.top_dir = dirfd, .fd = -1};
    int result = unlink_node(dirfd, path);
    if (result == -EISDIR) {
        result = push(&removal, path, 0);
        result = result == 0 ? remove_all(&removal) : result;
    }
    if (result == 0) {
        return 0;
    }
    const char *blamed = removal.blamed != NULL ? removal.blamed : path;
    if (result == -ESTALE) {
        return err_set(err, result, "cannot remove %s: %s was moved meanwhile", path, blamed);
    }
    errno = -result;
    return err_errno(err, "cannot remove %s (below %s)", blamed, path);
}
