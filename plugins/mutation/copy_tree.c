/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/mutation/copy_tree.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "plugins/mutation/copy_files.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void cleanup_fts(FTS **fts)
{
    if (*fts != NULL) {
        (void)fts_close(*fts);
    }
}

static int no_memory(struct err *err)
{
    return err_set(err, -ENOMEM, "out of memory for a copy of the tree");
}

static int open_fts(const char *path, FTS **ret_fts, struct err *err)
{
    char *const roots[] = {(char *)(uintptr_t)path, NULL};
    *ret_fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    return *ret_fts != NULL ? 0 : err_errno(err, "cannot look into %s", path);
}

/* ---- making ---- */

static int make_folders(struct copy_tree *tree, struct err *err)
{
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): a unit's process has one thread */
    const char *base = getenv("TMPDIR");
    char text[PATH_TEXT_MAX];
    (void)snprintf(text,
                   sizeof text,
                   "%s/sluice-mutation.XXXXXX",
                   base != NULL && base[0] == '/' ? base : "/tmp");
    if (mkdtemp(text) == NULL) {
        return err_errno(err, "cannot make a folder %s for a copy of the tree", text);
    }
    tree->folder = mem_strdup(text);
    if (tree->folder == NULL) {
        (void)rmdir(text);
        return no_memory(err);
    }
    size_t room = strlen(text) + sizeof "/spare";
    tree->path = mem_calloc(room, 1);
    tree->spare = mem_calloc(room, 1);
    if (tree->path == NULL || tree->spare == NULL) {
        return no_memory(err);
    }
    (void)snprintf(tree->path, room, "%s/tree", text);
    (void)snprintf(tree->spare, room, "%s/spare", text);
    if (mkdir(tree->path, 0700) != 0 || mkdir(tree->spare, 0700) != 0) {
        return err_errno(err, "cannot make folders in %s", text);
    }
    return 0;
}

static int open_folder(const char *path, int *ret_fd, struct err *err)
{
    *ret_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *ret_fd >= 0 ? 0 : err_errno(err, "cannot open %s", path);
}

/* Times of a copy are those of the original. */
static int keep_time(int dir, const char *path, const struct timespec *changed, struct err *err)
{
    const struct timespec times[2] = {*changed, *changed};
    return utimensat(dir, path, times, AT_SYMLINK_NOFOLLOW) == 0
               ? 0
               : err_errno(err, "cannot set the time of %s", path);
}

int copy_tree_make(const char *origin, struct copy_tree *ret_tree, struct err *err)
{
    struct copy_tree *tree = ret_tree;
    *tree = (struct copy_tree){.fd = -1, .spare_fd = -1, .origin_fd = -1};
    tree->origin = mem_strdup(origin);
    if (tree->origin == NULL) {
        return no_memory(err);
    }
    int status = make_folders(tree, err);
    status = status != 0 ? status : open_folder(tree->path, &tree->fd, err);
    status = status != 0 ? status : open_folder(tree->spare, &tree->spare_fd, err);
    status = status != 0 ? status : open_folder(tree->origin, &tree->origin_fd, err);
    return status != 0 ? status : copy_files(origin, tree->path, COPY_FILES_LINK, err);
}

static void entry_free(struct copy_entry *entry)
{
    if (entry != NULL) {
        mem_free(entry->path);
        mem_free(entry);
    }
}

void copy_tree_fini(struct copy_tree *tree)
{
    for (size_t i = 0; i < tree->entries.count; i++) {
        entry_free(tree->entries.items[i]);
    }
    vec_fini(&tree->entries);
    map_fini(&tree->by_path);
    if (tree->folder != NULL) {
        cleanup_fd(&tree->fd);
        cleanup_fd(&tree->spare_fd);
        cleanup_fd(&tree->origin_fd);
        (void)tree_remove(AT_FDCWD, tree->folder, NULL);
    }
    mem_free(tree->folder);
    mem_free(tree->path);
    mem_free(tree->spare);
    mem_free(tree->origin);
    *tree = (struct copy_tree){.fd = -1, .spare_fd = -1, .origin_fd = -1};
}

/* ---- the state to go back to ---- */

static bool same_time(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* Folders are there or not; what is in them is looked at by itself. */
static bool is_as_remembered(const struct copy_entry *entry, const struct stat *st)
{
    if (entry->mode != st->st_mode) {
        return false;
    }
    return S_ISDIR(st->st_mode)
           || (entry->size == st->st_size && same_time(&entry->changed, &st->st_mtim)
               && same_time(&entry->touched, &st->st_ctim));
}

static void remember(struct copy_entry *entry, const struct stat *st)
{
    entry->mode = st->st_mode;
    entry->size = st->st_size;
    entry->changed = st->st_mtim;
    entry->touched = st->st_ctim;
}

static struct copy_entry *find(const struct copy_tree *tree, const char *path)
{
    uintptr_t value = 0;
    return map_get(&tree->by_path, path, &value) == 1 ? (struct copy_entry *)value : NULL;
}

/* A new entry; NULL when memory is short. */
static struct copy_entry *add(struct copy_tree *tree, const char *path)
{
    struct copy_entry *entry = mem_calloc(1, sizeof *entry);
    if (entry == NULL) {
        return NULL;
    }
    entry->path = mem_strdup(path);
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): a list of pointers */
    if (entry->path == NULL || vec_push(&tree->entries, entry) != 0) {
        entry_free(entry);
        return NULL;
    }
    /* From here on the list frees it. */
    return map_put(&tree->by_path, entry->path, (uintptr_t)entry) < 0 ? NULL : entry;
}

/* Is the file of the copy the one of the original? Its time was taken over when it was copied. */
static bool is_original(const struct copy_tree *tree, const char *path, const struct stat *st)
{
    struct stat origin;
    return fstatat(tree->origin_fd, path, &origin, AT_SYMLINK_NOFOLLOW) == 0
           && (origin.st_mode & S_IFMT) == (st->st_mode & S_IFMT)
           && (!S_ISREG(st->st_mode)
               || (origin.st_size == st->st_size && same_time(&origin.st_mtim, &st->st_mtim)));
}

static int remember_node(struct copy_tree *tree,
                         const char *path,
                         const struct stat *st,
                         struct err *err)
{
    struct copy_entry *entry = find(tree, path);
    entry = entry != NULL ? entry : add(tree, path);
    if (entry == NULL) {
        return no_memory(err);
    }
    entry->seen = true;
    bool is_new = !is_as_remembered(entry, st);
    remember(entry, st);
    if (is_new && !S_ISDIR(st->st_mode) && !is_original(tree, path, st)) {
        entry->made = true;
        int status = file_copy_at(tree->fd, path, tree->spare_fd, path, err);
        return status == -EOPNOTSUPP ? 0 : status;
    }
    return 0;
}

/* Names that are not there any more; order of the list does not matter. */
static void forget_unseen(struct copy_tree *tree)
{
    size_t kept = 0;
    map_fini(&tree->by_path);
    tree->by_path = (struct map){0};
    for (size_t i = 0; i < tree->entries.count; i++) {
        struct copy_entry *entry = tree->entries.items[i];
        if (entry->seen) {
            tree->entries.items[kept++] = entry;
        } else {
            entry_free(entry);
        }
    }
    tree->entries.count = kept;
}

static int index_entries(struct copy_tree *tree, struct err *err)
{
    forget_unseen(tree);
    for (size_t i = 0; i < tree->entries.count; i++) {
        struct copy_entry *entry = tree->entries.items[i];
        if (map_put(&tree->by_path, entry->path, (uintptr_t)entry) < 0) {
            return no_memory(err);
        }
    }
    return 0;
}

/* Calls `visit` for each name below the copy, folders before what is in them; adds up what it
 * answers, negative ends it. */
static int scan(struct copy_tree *tree,
                int (*visit)(struct copy_tree *tree, FTS *fts, FTSENT *entry, struct err *err),
                size_t *count,
                struct err *err)
{
    CLEANUP(cleanup_fts) FTS *fts = NULL;
    int status = open_fts(tree->path, &fts, err);
    for (size_t i = 0; i < tree->entries.count; i++) {
        tree->entries.items[i]->seen = false;
    }
    while (status >= 0) {
        FTSENT *entry = fts_read(fts);
        if (entry == NULL) {
            break;
        }
        if (entry->fts_level > 0 && entry->fts_info != FTS_DP) {
            status = visit(tree, fts, entry, err);
            *count += status > 0 ? (size_t)status : 0;
        }
    }
    return status < 0 ? status : 0;
}

static const char *path_of(const struct copy_tree *tree, const FTSENT *entry)
{
    return entry->fts_path + strlen(tree->path) + 1;
}

static int visit_remember(struct copy_tree *tree, FTS *fts, FTSENT *entry, struct err *err)
{
    (void)fts;
    if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR || entry->fts_info == FTS_NS) {
        return err_set(err, -EIO, "cannot read %s, which a test made", entry->fts_path);
    }
    if (tree->entries.count >= COPY_FILES_MAX) {
        return err_set(err, -E2BIG, "the tree has more than %d files", COPY_FILES_MAX);
    }
    return remember_node(tree, path_of(tree, entry), entry->fts_statp, err);
}

int copy_tree_remember(struct copy_tree *tree, struct err *err)
{
    size_t count = 0;
    int status = scan(tree, visit_remember, &count, err);
    return status != 0 ? status : index_entries(tree, err);
}

/* ---- going back ---- */

static int restore(struct copy_tree *tree, struct copy_entry *entry, struct err *err)
{
    struct stat st;
    int from = entry->made ? tree->spare_fd : tree->origin_fd;
    if (S_ISDIR(entry->mode)) {
        if (mkdirat(tree->fd, entry->path, 0700) != 0 && errno != EEXIST) {
            return err_errno(err, "cannot make %s again", entry->path);
        }
        return fchmodat(tree->fd, entry->path, entry->mode & 07777, 0) == 0
                   ? 0
                   : err_errno(err, "cannot give %s its mode", entry->path);
    }
    int status = file_copy_at(from, entry->path, tree->fd, entry->path, err);
    if (status == -EOPNOTSUPP) {
        return 0;
    }
    status = status != 0 ? status : keep_time(tree->fd, entry->path, &entry->changed, err);
    if (status == 0 && fstatat(tree->fd, entry->path, &st, AT_SYMLINK_NOFOLLOW) == 0) {
        remember(entry, &st);
    }
    return status;
}

/* A folder where a file has to be, or the other way round, stands in the way. */
static int clear_way(struct copy_tree *tree, const struct copy_entry *entry, struct err *err)
{
    struct stat st;
    if (fstatat(tree->fd, entry->path, &st, AT_SYMLINK_NOFOLLOW) != 0
        || (st.st_mode & S_IFMT) == (entry->mode & S_IFMT)) {
        return 0;
    }
    return tree_remove(tree->fd, entry->path, err);
}

/* Marks what is as remembered; new names are removed at once, and counted. */
static int visit_repair(struct copy_tree *tree, FTS *fts, FTSENT *node, struct err *err)
{
    const char *path = path_of(tree, node);
    struct copy_entry *entry = find(tree, path);
    if (entry != NULL) {
        entry->seen = is_as_remembered(entry, node->fts_statp);
        /* A test took the right to read a folder away. Its names are restored by themselves. */
        if (node->fts_info == FTS_DNR && fchmodat(tree->fd, path, 0700, 0) != 0
            && errno != ENOENT) {
            return err_errno(err, "cannot read %s again", path);
        }
        return 0;
    }
    if (node->fts_info == FTS_D) {
        (void)fts_set(fts, node, FTS_SKIP);
    }
    int status = tree_remove(tree->fd, path, err);
    return status == 0 ? 1 : err_wrap(err, "cannot remove %s, which a test made", path);
}

int copy_tree_repair(struct copy_tree *tree, size_t *ret_repaired, struct err *err)
{
    size_t count = 0;
    int status = scan(tree, visit_repair, &count, err);
    for (size_t i = 0; i < tree->entries.count && status == 0; i++) {
        struct copy_entry *entry = tree->entries.items[i];
        if (!entry->seen) {
            count++;
            status = clear_way(tree, entry, err);
            status = status != 0 ? status : restore(tree, entry, err);
        }
    }
    if (status == 0 && ret_repaired != NULL) {
        *ret_repaired = count;
    }
    return status;
}

/* ---- writing ---- */

static int write_file(int dir, const char *path, const char *text, size_t size)
{
    CLEANUP(cleanup_fd) int fd = openat(dir, path, O_WRONLY | O_TRUNC | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == EACCES && fchmodat(dir, path, 0600, 0) == 0) {
        fd = openat(dir, path, O_WRONLY | O_TRUNC | O_NOFOLLOW | O_CLOEXEC);
    }
    return fd < 0 ? -errno : fd_write_all(fd, text, size);
}

/* Later than the file's own time, and now or later. */
static struct timespec later_than(const struct timespec *before)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (now.tv_sec > before->tv_sec
        || (now.tv_sec == before->tv_sec && now.tv_nsec > before->tv_nsec)) {
        return now;
    }
    struct timespec later = *before;
    later.tv_nsec++;
    if (later.tv_nsec == 1000000000) {
        later.tv_nsec = 0;
        later.tv_sec++;
    }
    return later;
}

int copy_tree_write(
    struct copy_tree *tree, const char *path, const char *text, size_t size, struct err *err)
{
    struct stat st;
    struct copy_entry *entry = find(tree, path);
    if (entry == NULL || !S_ISREG(entry->mode)) {
        return err_set(err, -EINVAL, "%s is no regular file of the tree", path);
    }
    struct timespec time = later_than(&entry->changed);
    int status = write_file(tree->fd, path, text, size);
    if (status != 0) {
        return err_set(
            err, status, "cannot write %s in the copy: %s", path, strerrordesc_np(-status));
    }
    status = keep_time(tree->fd, path, &time, err);
    if (status == 0 && fstatat(tree->fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0) {
        remember(entry, &st);
    }
    return status;
}
