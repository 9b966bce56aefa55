/* SPDX-License-Identifier: Apache-2.0 */
/* A pooled checkout:
 *
 *     folder/tree    the files
 *     folder/index   git's index of them: what they are and their stat data
 *     folder/dirty   there while we work; found at the start, nothing here is believed
 *     folder/made    a digest of the conversions the files were made with: git does not write a
 *                    file again because of an attribute or a setting. Others begin anew
 *
 * git compares stat data of every file with the index, so whatever somebody changed is written
 * again. All modification times are one constant; that works because git also compares the inode
 * and the change time, which nobody can set. (In whole seconds: what is not seen is a change within
 * a second of our own writing that keeps size and inode and sets the modification time back.) */
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "git/call.h"
#include "git/kept.h"
#include "git/settle.h"
#include "git/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* Time between two looks at a folder that another process has locked. */
#define LOCK_LOOK_US 5000

struct site {
    const struct git_repo *repo;
    char tree[PATH_MAX];
    char index[PATH_MAX];
    char lock[PATH_MAX];
    char dirty[PATH_MAX];
    char made[PATH_MAX];
};

static int site_init(struct site *site,
                     const struct git_repo *repo,
                     const char *folder,
                     struct err *err)
{
    char real[PATH_MAX];
    int result = dir_make(folder, 0777, err);
    if (result != 0) {
        return result;
    }
    if (realpath(folder, real) == NULL) { /* git is started in another folder */
        return err_errno(err, "cannot find %s", folder);
    }
    if (strlen(real) + sizeof "/index.lock" > sizeof real) {
        return err_set(err, -ENAMETOOLONG, "%s: the path is too long", folder);
    }
    site->repo = repo;
    const int max = PATH_MAX - (int)sizeof "/index.lock";
    (void)snprintf(site->tree, sizeof site->tree, "%.*s/tree", max, real);
    (void)snprintf(site->index, sizeof site->index, "%.*s/index", max, real);
    (void)snprintf(site->lock, sizeof site->lock, "%.*s/index.lock", max, real);
    (void)snprintf(site->dirty, sizeof site->dirty, "%.*s/dirty", max, real);
    (void)snprintf(site->made, sizeof site->made, "%.*s/made", max, real);
    return 0;
}

static int site_git(const struct site *site, const char *const *argv, struct err *err)
{
    struct git_call call = {
        .argv = argv, .repo = site->repo, .work_tree = site->tree, .index = site->index};
    return git_call_ok(&call, "cannot check out the snapshot", NULL, err);
}

/* From here on until mark_clean() the checkout is not to be believed. */
static int mark_dirty(const struct site *site, struct err *err)
{
    CLEANUP(cleanup_fd) int fd = open(site->dirty, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    return fd >= 0 ? 0 : err_errno(err, "cannot write %s", site->dirty);
}

static int mark_clean(const struct site *site, struct err *err)
{
    return unlink(site->dirty) == 0 ? 0 : err_errno(err, "cannot remove %s", site->dirty);
}

/* Locks the folder; *ret_fd is the caller's to close, whatever is returned. The descriptor is
 * inherited by git on purpose: when we are killed and our git is not, the lock lasts until that has
 * ended too, and nobody works beside it. */
static int lock_folder(const char *folder, int *ret_fd, struct err *err)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY);
    *ret_fd = fd;
    if (fd < 0) {
        return err_errno(err, "cannot open %s", folder);
    }
    int64_t deadline = clock_mono_ns() + INT64_C(1000000) * GIT_FOLDER_WAIT_MS;
    while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR) {
            return err_errno(err, "cannot lock %s", folder);
        }
        if (clock_mono_ns() > deadline) {
            return err_set(err,
                           -EBUSY,
                           "%s: another process is still checking out files there; wait for it "
                           "or end it, then try again",
                           folder);
        }
        (void)usleep(LOCK_LOOK_US);
    }
    return 0;
}

static int start_anew(const struct site *site, struct err *err)
{
    const char *const paths[] = {site->lock, site->index, site->tree};
    int result = 0;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0] && result == 0; i++) {
        result = tree_remove(AT_FDCWD, paths[i], err);
    }
    return result == 0 ? dir_make(site->tree, 0777, err) : result;
}

/* Settings and attribute files outside of the tree that decide what files are made of blobs. Asked
 * before git is: when they change in between, the next checkout begins anew. */
static int find_settings(const struct git_repo *repo, struct hash *ret_salt, struct err *err)
{
    struct git_objects *objects = NULL;
    bool always = false;
    int result = git_objects_open(repo, &objects, err);
    if (result == 0) {
        result = git_conversion_config(objects, ret_salt, &always, err);
        git_objects_close(objects);
    }
    return result;
}

/* A digest of them and of all attribute files of the tree that was read. */
static int find_conversions(const struct site *site,
                            const struct hash *salt,
                            char hex[HASH_HEX_SIZE],
                            struct err *err)
{
    static const char *const argv[] = {
        "git", "ls-files", "-s", "-z", "--", ":(top,glob)**/.gitattributes", NULL};
    CLEANUP(str_fini) struct str out = STR_INIT(GIT_OUTPUT_MAX);
    const struct git_call call = {
        .argv = argv, .repo = site->repo, .work_tree = site->tree, .index = site->index};
    int result = git_call_ok(&call, "cannot check out the snapshot", &out, err);
    if (result != 0) {
        return result;
    }
    struct hasher *hasher = hasher_new();
    if (hasher == NULL) {
        return err_set(err, -ENOMEM, "not enough memory to check out the snapshot");
    }
    hasher_add(hasher, salt->bytes, HASH_SIZE);
    hasher_add(hasher, str_text(&out), out.len);
    const struct hash digest = hasher_end(hasher);
    hasher_free(hasher);
    (void)hash_hex(&digest, hex);
    return 0;
}

/* Notes what a fresh checkout was made with; -ESTALE when another one was made differently. */
static int settle_conversions(const struct site *site,
                              const struct hash *salt,
                              bool fresh,
                              struct err *err)
{
    char hex[HASH_HEX_SIZE];
    CLEANUP(str_fini) struct str made = STR_INIT(HASH_HEX_SIZE);
    int result = find_conversions(site, salt, hex, err);
    if (result != 0 || fresh) {
        return result == 0 ? file_write_atomic(site->made, hex, strlen(hex), err) : result;
    }
    result = file_read(site->made, &made, NULL);
    return result == 0 && strcmp(str_text(&made), hex) == 0
               ? 0
               : err_set(err, -ESTALE, "%s was made with other conversions", site->tree);
}

static int check_out(const struct site *site, const char *tree, bool fresh, struct err *err)
{
    static const char *const clean[] = {"git", "clean", "-ffdxq", NULL};
    static const char *const refresh[] = {"git", "update-index", "-q", "--refresh", NULL};
    const char *const read_tree[] = {"git", "read-tree", "--reset", "-u", tree, NULL};
    bool changed = false;
    struct hash salt = {0};
    int result = find_settings(site->repo, &salt, err);
    /* Strangers first: git would not put a file where an unknown folder stands. */
    result = result == 0 && !fresh ? site_git(site, clean, err) : result;
    result = result == 0 ? site_git(site, read_tree, err) : result;
    result = result == 0 ? settle_conversions(site, &salt, fresh, err) : result;
    result = result == 0 ? git_settle(site->tree, &changed, err) : result;
    if (result == 0 && changed) {
        result = site_git(site, refresh, err);
    }
    return result;
}

int git_materialise(const struct git_repo *repo,
                    const char *tree,
                    const char *folder,
                    struct err *err)
{
    struct site site = {0};
    if (!git_is_id(tree)) {
        return err_set(err, -EINVAL, "'%s' is not a tree id", tree);
    }
    int result = site_init(&site, repo, folder, err);
    if (result != 0) {
        return result;
    }
    CLEANUP(cleanup_fd) int lock = -1;
    result = lock_folder(folder, &lock, err);
    if (result != 0) {
        return result;
    }
    bool fresh = file_exists(site.dirty) || !file_exists(site.index) || !file_exists(site.tree);
    result = mark_dirty(&site, err);
    if (result != 0) {
        return result;
    }
    if (!fresh) {
        result = check_out(&site, tree, false, NULL);
        fresh = result != 0; /* made with other conversions, or broken in a way git cannot mend */
    }
    if (fresh) {
        result = start_anew(&site, err);
        result = result == 0 ? check_out(&site, tree, true, err) : result;
    }
    if (result != 0) {
        /* a tree that somebody's `git gc` took, say: the next snapshot writes all of it again */
        kept_drop_all(repo);
        return result;
    }
    return mark_clean(&site, err);
}
