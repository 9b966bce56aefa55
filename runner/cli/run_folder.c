/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run_folder.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/vec.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

/* Attempts to find an id nobody has; of two runs within 4 ms one in 256 collides. */
#define RUN_ID_ATTEMPTS 100

#define LOCK_FILE "lock"

static int path_join(char buf[PATH_TEXT_MAX], const char *folder, const char *name, struct err *err)
{
    char joined[PATH_TEXT_MAX];
    if (snprintf(joined, sizeof joined, "%s/%s", folder, name) >= (int)sizeof joined) {
        return err_set(err, -ENAMETOOLONG, "%s: the path is too long", folder);
    }
    memcpy(buf, joined, sizeof joined);
    return 0;
}

int state_folder_make(const char *state, struct err *err)
{
    char ignore[PATH_TEXT_MAX];
    int rc = dir_make(state, 0777, err);
    if (rc == 0) {
        rc = path_join(ignore, state, ".gitignore", err);
    }
    if (rc == 0 && !file_exists(ignore)) {
        rc = file_write_atomic(ignore, "*\n", 2, err);
    }
    return rc;
}

/* Locks folder/lock without waiting: -EWOULDBLOCK when another process holds it. */
static int folder_lock(const char *folder, int *ret_fd, struct err *err)
{
    char path[PATH_TEXT_MAX];
    const int rc = path_join(path, folder, LOCK_FILE, err);
    if (rc != 0) {
        return rc;
    }
    const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) {
        return err_errno(err, "%s", path);
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        (void)err_errno(err, "%s is in use", folder);
        (void)close(fd);
        return -EWOULDBLOCK;
    }
    *ret_fd = fd;
    return 0;
}

/* Makes a folder nobody has; fills id and folder->path. */
static int make_fresh(const char *kinds,
                      char id[RUN_ID_SIZE],
                      struct held_folder *folder,
                      struct err *err)
{
    for (unsigned i = 0; i < RUN_ID_ATTEMPTS; i++) {
        uint8_t random = 0;
        if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random) {
            return err_errno(err, "cannot get random bytes");
        }
        (void)run_id_format(clock_wall_ms(), random, id);
        const int rc = path_join(folder->path, kinds, id, err);
        if (rc != 0) {
            return rc;
        }
        if (mkdir(folder->path, 0777) == 0) {
            return 0;
        }
        if (errno != EEXIST) {
            return err_errno(err, "cannot make %s", folder->path);
        }
    }
    return err_set(err, -EEXIST, "%s: no free id was found; is the clock right?", kinds);
}

int run_folder_make(const char *state,
                    const char *kind,
                    char run_id[RUN_ID_SIZE],
                    struct held_folder *ret_folder,
                    struct err *err)
{
    char kinds[PATH_TEXT_MAX];
    char id[RUN_ID_SIZE];
    struct held_folder folder = {.lock = -1};
    int rc = path_join(kinds, state, kind, err);
    if (rc == 0) {
        rc = dir_make(kinds, 0777, err);
    }
    if (rc == 0) {
        rc = make_fresh(kinds, id, &folder, err);
    }
    if (rc == 0) {
        rc = folder_lock(folder.path, &folder.lock, err);
    }
    if (rc == 0) {
        memcpy(run_id, id, RUN_ID_SIZE);
        *ret_folder = folder;
    }
    return rc;
}

bool run_folder_is_alive(const char *state, const char *kind, const char *run_id)
{
    char parent[PATH_TEXT_MAX];
    char path[PATH_TEXT_MAX];
    int fd = -1;
    if (path_join(parent, state, kind, NULL) != 0 || path_join(path, parent, run_id, NULL) != 0
        || !file_exists(path)) {
        return false;
    }
    const int rc = folder_lock(path, &fd, NULL);
    if (fd >= 0) {
        (void)close(fd);
    }
    return rc == -EWOULDBLOCK;
}

int pool_take(const char *state, struct held_folder *ret_folder, struct err *err)
{
    char pool[PATH_TEXT_MAX];
    char name[16];
    struct held_folder folder = {.lock = -1};
    int rc = path_join(pool, state, POOL_FOLDER, err);
    for (unsigned i = 0; rc == 0 && i < POOL_MAX; i++) {
        (void)snprintf(name, sizeof name, "%u", i);
        rc = path_join(folder.path, pool, name, err);
        if (rc == 0) {
            rc = dir_make(folder.path, 0777, err);
        }
        if (rc == 0) {
            rc = folder_lock(folder.path, &folder.lock, err);
        }
        if (rc == 0) {
            *ret_folder = folder;
            return 0;
        }
        rc = rc == -EWOULDBLOCK ? 0 : rc;
    }
    return rc != 0 ? rc
                   : err_set(err,
                             -EBUSY,
                             "%s: all %d checkouts are in use by other runs over this tree; wait "
                             "for one to end",
                             pool,
                             POOL_MAX);
}

void held_folder_release(struct held_folder *folder)
{
    cleanup_fd(&folder->lock);
    folder->lock = -1;
}

/* ---- all runs ---- */

struct id_text {
    char text[RUN_ID_SIZE];
};

struct id_list {
    VEC_FIELDS(struct id_text);
};

static int compare_newest_first(const void *a, const void *b)
{
    return strcmp(((const struct id_text *)b)->text, ((const struct id_text *)a)->text);
}

static int add_id(struct id_list *ids, const char *name)
{
    struct id_text id;
    if (!run_id_is_valid(name)) {
        return 0;
    }
    memcpy(id.text, name, sizeof id.text);
    return vec_push(ids, id);
}

static int read_ids(DIR *dir, struct id_list *ids)
{
    int rc = 0;
    // NOLINTNEXTLINE(concurrency-mt-unsafe): the stream is ours alone
    for (struct dirent *entry = readdir(dir); rc == 0 && entry != NULL; entry = readdir(dir)) {
        rc = add_id(ids, entry->d_name);
    }
    return rc;
}

int run_folder_list(const char *state,
                    const char *kind,
                    int (*each)(void *context, const char *run_id),
                    void *context,
                    struct err *err)
{
    char parent[PATH_TEXT_MAX];
    struct id_list ids = {0};
    int rc = path_join(parent, state, kind, err);
    if (rc != 0) {
        return rc;
    }
    DIR *dir = opendir(parent);
    if (dir == NULL) {
        return errno == ENOENT ? 0 : err_errno(err, "%s", parent);
    }
    rc = read_ids(dir, &ids);
    (void)closedir(dir);
    if (rc != 0) {
        (void)err_set(err, rc, "out of memory");
    }
    if (rc == 0 && ids.count > 0) {
        qsort(ids.items, ids.count, sizeof *ids.items, compare_newest_first);
    }
    for (size_t i = 0; rc == 0 && i < ids.count; i++) {
        rc = each(context, ids.items[i].text);
    }
    vec_fini(&ids);
    return rc;
}

struct pruning {
    const char *state, *kind;
    unsigned seen, keep;
    struct err *err;
};

static int prune_one(void *context, const char *run_id)
{
    struct pruning *pruning = context;
    char parent[PATH_TEXT_MAX];
    char path[PATH_TEXT_MAX];
    if (++pruning->seen <= pruning->keep
        || run_folder_is_alive(pruning->state, pruning->kind, run_id)) {
        return 0;
    }
    int rc = path_join(parent, pruning->state, pruning->kind, pruning->err);
    if (rc == 0) {
        rc = path_join(path, parent, run_id, pruning->err);
    }
    return rc == 0 ? tree_remove(AT_FDCWD, path, pruning->err) : rc;
}

int run_folder_prune(const char *state, const char *kind, unsigned keep, struct err *err)
{
    struct pruning pruning = {.state = state, .kind = kind, .keep = keep, .err = err};
    return run_folder_list(state, kind, prune_one, &pruning, err);
}
