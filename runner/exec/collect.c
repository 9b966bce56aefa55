/* SPDX-License-Identifier: Apache-2.0 */
#include "exec/collect.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int open_in_world(int folder, const char *path, int flags)
{
    const struct open_how how = {.flags = (unsigned)flags, .resolve = RESOLVE_NO_MAGICLINKS};
    return (int)syscall(SYS_openat2, folder, path, &how, sizeof how);
}

/* ---- walking ---- */

/* One open folder of the walk: its entries, sorted, and how far we are. */
struct level {
    struct dirent **entries;
    int count;
    int at;
    size_t path_len; /* of the folder's own path */
};

struct walk {
    int root;
    struct level levels[COLLECT_DEPTH_MAX];
    size_t depth;
    char path[PATH_TEXT_MAX];
};

static int not_dots(const struct dirent *entry)
{
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

static void level_fini(struct level *level)
{
    for (int i = 0; i < level->count; i++) {
        free(level->entries[i]);
    }
    free(level->entries);
}

static int push_level(struct walk *walk, struct err *err)
{
    if (walk->depth == COLLECT_DEPTH_MAX) {
        return err_set(err, -ELOOP, "%s: more than %d folders deep", walk->path, COLLECT_DEPTH_MAX);
    }
    struct level *level = &walk->levels[walk->depth];
    size_t len = strlen(walk->path);
    int count =
        scandirat(walk->root, len > 0 ? walk->path : ".", &level->entries, not_dots, alphasort);
    if (count < 0) {
        return err_errno(err, "cannot list %s", len > 0 ? walk->path : "the tree");
    }
    level->count = count;
    level->at = 0;
    level->path_len = len;
    walk->depth++;
    return 0;
}

/* Puts the next entry's path into walk->path: 1, 0 at the end of the level, or negative. */
static int next_entry(struct walk *walk, struct err *err)
{
    struct level *level = &walk->levels[walk->depth - 1];
    while (level->at < level->count) {
        const char *name = level->entries[level->at++]->d_name;
        size_t room = sizeof walk->path - level->path_len;
        if (walk->depth == 1 && (strcmp(name, ".git") == 0 || strcmp(name, ".sluice") == 0)) {
            continue;
        }
        walk->path[level->path_len] = '\0';
        int n = snprintf(
            walk->path + level->path_len, room, "%s%s", level->path_len > 0 ? "/" : "", name);
        return n > 0 && (size_t)n < room
                   ? 1
                   : err_set(err, -ENAMETOOLONG, "path too long: %s", walk->path);
    }
    return 0;
}

static void pop_level(struct walk *walk)
{
    struct level *level = &walk->levels[--walk->depth];
    walk->path[level->path_len] = '\0';
    level_fini(level);
}

static int visit(struct walk *walk,
                 int (*each)(void *, int, const char *, mode_t),
                 void *context,
                 struct err *err)
{
    struct stat st;
    if (fstatat(walk->root, walk->path, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        return errno == ENOENT ? 0 : err_errno(err, "cannot look at %s", walk->path);
    }
    int rc = each(context, walk->root, walk->path, st.st_mode);
    return rc > 0 && S_ISDIR(st.st_mode) ? push_level(walk, err) : rc < 0 ? rc : 0;
}

int tree_walk(int root,
              int (*each)(void *, int, const char *, mode_t),
              void *context,
              struct err *err)
{
    struct walk *walk = mem_calloc(1, sizeof *walk);
    if (walk == NULL) {
        return err_set(err, -ENOMEM, "out of memory walking a tree");
    }
    walk->root = root;
    int rc = push_level(walk, err);
    while (rc >= 0 && walk->depth > 0) {
        rc = next_entry(walk, err);
        if (rc > 0) {
            rc = visit(walk, each, context, err);
        } else if (rc == 0) {
            pop_level(walk);
        }
    }
    while (walk->depth > 0) {
        pop_level(walk);
    }
    mem_free(walk);
    return rc < 0 ? rc : 0;
}

/* ---- products and artifacts ---- */

struct copying {
    const struct text_list *globs;
    int to;
    bool published;
    int64_t count;
    struct err *err;
};

static bool matches_any(const struct text_list *globs, const char *path)
{
    for (size_t i = 0; i < globs->count; i++) {
        if (glob_match(globs->items[i], path)) {
            return true;
        }
    }
    return false;
}

/* The one constant for files; folders get theirs when the world is made, since adding files moves
 * it. */
static void set_constant_time(int to, const char *path)
{
    const struct timespec times[2] = {{.tv_sec = COLLECTED_MTIME}, {.tv_sec = COLLECTED_MTIME}};
    (void)utimensat(to, path, times, AT_SYMLINK_NOFOLLOW);
}

/* Where a link leads that lies at `path`. */
static bool link_stays_inside(int root, const char *path)
{
    char target[PATH_TEXT_MAX];
    ssize_t len = readlinkat(root, path, target, sizeof target - 1);
    if (len <= 0) {
        return false;
    }
    target[len] = '\0';
    return link_is_inside(path, target);
}

static int copy_matching(void *context, int root, const char *path, mode_t mode)
{
    struct copying *copying = context;
    bool folder = S_ISDIR(mode);
    if (!folder && !S_ISREG(mode) && !S_ISLNK(mode)) {
        return 0; /* sockets, pipes, the overlay's whiteouts */
    }
    if (!matches_any(copying->globs, path)) {
        return folder;
    }
    if (copying->published && S_ISLNK(mode) && !link_stays_inside(root, path)) {
        return 0;
    }
    if (copying->count >= COLLECT_FILES_MAX) {
        return err_set(copying->err, -E2BIG, "more than %d files to collect", COLLECT_FILES_MAX);
    }
    int rc = file_copy_at(root, path, copying->to, path, copying->err);
    if (rc < 0) {
        return rc;
    }
    set_constant_time(copying->to, path);
    copying->count++;
    return folder;
}

/* A pattern without wildcard names its file: 0 when it was taken or is not there, 1 when what it
 * names must be walked, negative. */
static int copy_named(struct copying *copying, int from, const char *path)
{
    struct stat st;
    if (glob_has_magic(path)) {
        return 1;
    }
    if (fstatat(from, path, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        return errno == ENOENT || errno == ENOTDIR
                   ? 0
                   : err_errno(copying->err, "cannot look at %s", path);
    }
    if (S_ISDIR(st.st_mode)) {
        return 1;
    }
    int rc = copy_matching(copying, from, path, st.st_mode);
    return rc == -ELOOP || rc == -ENOTDIR ? 0 : rc; /* a walk would not go through a link either */
}

/* Walks only when something must be looked for: a unit of a build names its one file, and in place
 * a walk is one of the whole tree. */
int64_t collect_matching(
    int from, const struct text_list *globs, int to, bool published, struct err *err)
{
    struct copying copying = {.globs = globs, .to = to, .published = published, .err = err};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < globs->count; i++) {
        rc = copy_named(&copying, from, globs->items[i]);
    }
    if (rc > 0) {
        copying.count = 0;
        rc = tree_walk(from, copy_matching, &copying, err);
    }
    return rc < 0 ? rc : copying.count;
}

/* ---- reports ---- */

struct reporting {
    const char *glob;
    struct timespec not_before;
    int out;
    int count;
    uint64_t bytes;
    struct err *err;
};

static int append_file(struct reporting *reporting, int root, const char *path)
{
    CLEANUP(cleanup_fd)
    int fd = open_in_world(root, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat st;
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) {
        return 0;
    }
    if (fd < 0 || fstat(fd, &st) < 0) {
        return err_errno(reporting->err, "report %s", path);
    }
    if (!S_ISREG(st.st_mode)) {
        return err_set(reporting->err, -EINVAL, "report %s is no regular file", path);
    }
    if (clock_is_before(&st.st_mtim, &reporting->not_before)) {
        return 0; /* left by an earlier run */
    }
    reporting->bytes += (uint64_t)st.st_size;
    if (reporting->bytes > REPORT_BYTES_MAX) {
        return err_set(
            reporting->err, -EFBIG, "report %s: more than %u MiB", path, REPORT_BYTES_MAX >> 20);
    }
    if (reporting->count++ > 0 && write(reporting->out, "\n", 1) != 1) {
        return err_errno(reporting->err, "report %s", path);
    }
    for (off_t left = st.st_size; left > 0;) {
        ssize_t n = sendfile(reporting->out, fd, NULL, (size_t)left);
        if (n <= 0) {
            return n == 0 ? 0 : err_errno(reporting->err, "report %s", path);
        }
        left -= n;
    }
    return 0;
}

static int append_matching(void *context, int root, const char *path, mode_t mode)
{
    struct reporting *reporting = context;
    if (S_ISDIR(mode)) {
        return 1;
    }
    if (!glob_match(reporting->glob, path)) {
        return 0;
    }
    return append_file(reporting, root, path);
}

int collect_reports(int root,
                    const char *cwd,
                    const char *glob,
                    struct timespec not_before,
                    int out_fd,
                    struct err *err)
{
    struct reporting reporting = {
        .glob = glob, .not_before = not_before, .out = out_fd, .err = err};
    CLEANUP(cleanup_fd) int folder = open_in_world(root, cwd, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) {
        return err_errno(err, "report folder %s", cwd);
    }
    if (!glob_has_magic(glob)) {
        int rc = append_file(&reporting, folder, glob);
        return rc < 0 ? rc : reporting.count;
    }
    int rc = tree_walk(folder, append_matching, &reporting, err);
    return rc < 0 ? rc : reporting.count;
}

/* ---- merging ---- */

struct merging {
    int to;
    const char *to_path;
    int (*clash)(void *context, const char *path); /* NULL = two contents are an error */
    void *context;
    struct err *err;
};

static int same_link(int a_dir, int b_dir, const char *path)
{
    char a[PATH_TEXT_MAX];
    char b[PATH_TEXT_MAX];
    ssize_t a_len = readlinkat(a_dir, path, a, sizeof a);
    ssize_t b_len = readlinkat(b_dir, path, b, sizeof b);
    return a_len >= 0 && a_len == b_len && memcmp(a, b, (size_t)a_len) == 0;
}

/* 1 same content and kind, 0 different, negative. */
static int same_file(int a_dir, int b_dir, const char *path)
{
    struct stat a;
    struct stat b;
    if (fstatat(a_dir, path, &a, AT_SYMLINK_NOFOLLOW) < 0
        || fstatat(b_dir, path, &b, AT_SYMLINK_NOFOLLOW) < 0) {
        return -errno;
    }
    if (a.st_dev == b.st_dev && a.st_ino == b.st_ino) {
        return 1;
    }
    if (a.st_mode != b.st_mode || a.st_size != b.st_size) {
        return 0;
    }
    if (S_ISLNK(a.st_mode)) {
        return same_link(a_dir, b_dir, path);
    }
    CLEANUP(str_fini) struct str one = STR_INIT(SIZE_MAX / 2);
    CLEANUP(str_fini) struct str two = STR_INIT(SIZE_MAX / 2);
    CLEANUP(cleanup_fd) int one_fd = openat(a_dir, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    CLEANUP(cleanup_fd) int two_fd = openat(b_dir, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct err err;
    if (one_fd < 0 || two_fd < 0 || file_read_fd(one_fd, path, &one, &err) < 0
        || file_read_fd(two_fd, path, &two, &err) < 0) {
        return 0;
    }
    return one.len == two.len && memcmp(str_text(&one), str_text(&two), one.len) == 0;
}

/* A folder, and nothing that stands for one: what lies below it goes through it. */
static int merge_folder(const struct merging *merging, const char *path, mode_t mode)
{
    struct stat st;
    if (mkdirat(merging->to, path, (mode & 0777) | S_IRWXU) == 0) {
        return 1;
    }
    if (errno != EEXIST || fstatat(merging->to, path, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        return err_errno(merging->err, "cannot make %s/%s", merging->to_path, path);
    }
    if (S_ISDIR(st.st_mode)) {
        return 1;
    }
    return merging->clash != NULL
               ? merging->clash(merging->context, path)
               : err_set(merging->err,
                         -EEXIST,
                         "%s is a folder made by one unit and no folder made by another",
                         path);
}

static int merge_one(void *context, int root, const char *path, mode_t mode)
{
    struct merging *merging = context;
    if (S_ISDIR(mode)) {
        return merge_folder(merging, path, mode);
    }
    if (linkat(root, path, merging->to, path, 0) == 0) {
        return 0;
    }
    if (errno != EEXIST) {
        return file_copy_at(root, path, merging->to, path, merging->err);
    }
    if (same_file(root, merging->to, path) == 1) {
        return 0;
    }
    if (merging->clash != NULL) {
        return merging->clash(merging->context, path);
    }
    return err_set(merging->err, -EEXIST, "%s is made by two units with different content", path);
}

int collect_merge(const char *from, const char *to, struct err *err)
{
    return collect_merge_below(from, to, NULL, NULL, err);
}

int collect_merge_below(const char *from,
                        const char *to,
                        int (*clash)(void *context, const char *path),
                        void *context,
                        struct err *err)
{
    int rc = dir_make(to, 0755, err);
    if (rc < 0) {
        return rc;
    }
    CLEANUP(cleanup_fd) int from_fd = open(from, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CLEANUP(cleanup_fd) int to_fd = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (from_fd < 0) {
        return errno == ENOENT ? 0 : err_errno(err, "cannot open %s", from);
    }
    if (to_fd < 0) {
        return err_errno(err, "cannot open %s", to);
    }
    struct merging merging = {
        .to = to_fd, .to_path = to, .clash = clash, .context = context, .err = err};
    return tree_walk(from_fd, merge_one, &merging, err);
}
