/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/state_cache.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/limits.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCK_FILE "cache.lock"

static int path_join(char buf[PATH_TEXT_MAX], const char *folder, const char *name, struct err *err)
{
    return snprintf(buf, PATH_TEXT_MAX, "%s/%s", folder, name) < PATH_TEXT_MAX
               ? 0
               : err_set(err, -ENAMETOOLONG, "%s: the path is too long", folder);
}

int state_cache_hold(const char *state, int *ret_hold, struct err *err)
{
    char path[PATH_TEXT_MAX];
    const int rc = path_join(path, state, LOCK_FILE, err);
    if (rc != 0) {
        return rc;
    }
    const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) {
        return err_errno(err, "cannot open %s", path);
    }
    while (flock(fd, LOCK_SH) != 0) {
        if (errno != EINTR) {
            const int result = err_errno(err, "cannot lock %s", path);
            (void)close(fd);
            return result;
        }
    }
    *ret_hold = fd;
    return 0;
}

/* ---- how large ---- */

struct size {
    uint64_t bytes;
    unsigned files;
};

static bool is_beyond(const struct size *size, const struct state_cache_limits *limits)
{
    return size->bytes > limits->bytes || size->files > limits->files;
}

/* Adds the files of one folder of objects, until the limits are passed. */
static void add_bucket(int objects,
                       const char *name,
                       const struct state_cache_limits *limits,
                       struct size *size)
{
    const int fd = openat(objects, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *bucket = fd >= 0 ? fdopendir(fd) : NULL;
    if (bucket == NULL) {
        if (fd >= 0) {
            (void)close(fd);
        }
        return;
    }
    const struct dirent *entry = NULL;
    // NOLINTNEXTLINE(concurrency-mt-unsafe): the stream is ours alone
    while (!is_beyond(size, limits) && (entry = readdir(bucket)) != NULL) {
        struct stat st;
        if (fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode)) {
            size->bytes += (uint64_t)st.st_size;
            size->files++;
        }
    }
    (void)closedir(bucket);
}

/* objects/ has no folders below its folders. */
static bool is_too_large(const char *objects, const struct state_cache_limits *limits)
{
    struct size size = {0};
    DIR *dir = opendir(objects);
    if (dir == NULL) {
        return false;
    }
    const struct dirent *entry = NULL;
    // NOLINTNEXTLINE(concurrency-mt-unsafe): the stream is ours alone
    while (!is_beyond(&size, limits) && (entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] != '.') {
            add_bucket(dirfd(dir), entry->d_name, limits, &size);
        }
    }
    (void)closedir(dir);
    return is_beyond(&size, limits);
}

/* ---- dropping ---- */

/* Moves state/NAME into the heap. A missing one is fine. */
static int move_away(const char *state, const char *name, const char *heap, struct err *err)
{
    char from[PATH_TEXT_MAX];
    char to[PATH_TEXT_MAX];
    int rc = path_join(from, state, name, err);
    rc = rc == 0 ? path_join(to, heap, name, err) : rc;
    if (rc == 0 && rename(from, to) != 0 && errno != ENOENT) {
        rc = err_errno(err, "cannot move %s away", from);
    }
    return rc;
}

/* Both are gone from their place at once, so that a kill leaves no half of one; what is left in
 * tmp/ is swept by later runs. */
static int move_caches(const char *state, char heap[PATH_TEXT_MAX], struct err *err)
{
    char name[64];
    (void)snprintf(name, sizeof name, "tmp/cache.%ld", (long)getpid());
    int rc = path_join(heap, state, name, err);
    rc = rc == 0 ? tree_remove(AT_FDCWD, heap, err) : rc;
    rc = rc == 0 ? dir_make(heap, 0777, err) : rc;
    rc = rc == 0 ? move_away(state, "pool", heap, err) : rc;
    return rc == 0 ? move_away(state, "objects", heap, err) : rc;
}

int state_cache_release(const char *state,
                        int *hold,
                        const struct state_cache_limits *limits,
                        struct err *err)
{
    char objects[PATH_TEXT_MAX];
    char heap[PATH_TEXT_MAX];
    CLEANUP(cleanup_fd) int fd = *hold;
    *hold = -1;
    int rc = path_join(objects, state, "objects", err);
    if (rc != 0 || fd < 0 || !is_too_large(objects, limits)) {
        return rc;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        return errno == EWOULDBLOCK ? 0 : err_errno(err, "cannot lock %s", state);
    }
    rc = move_caches(state, heap, err);
    (void)flock(fd, LOCK_UN); /* removing may take its time */
    rc = rc == 0 ? tree_remove(AT_FDCWD, heap, err) : rc;
    return rc == 0 ? 1 : rc;
}
