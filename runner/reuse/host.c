/* SPDX-License-Identifier: Apache-2.0 */
#include "reuse/host.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

void answer_set(struct answer *answer, enum answer_tag tag, const void *bytes, size_t len)
{
    assert(len < ANSWER_BYTES_MAX);
    *answer = (struct answer){.len = (unsigned char)(len + 1), .bytes = {(unsigned char)tag}};
    if (len > 0) {
        memcpy(answer->bytes + 1, bytes, len);
    }
}

int host_new(const struct answer_memo *memo, struct host **ret_host, struct err *err)
{
    struct host *host = mem_calloc(1, sizeof *host);
    if (host == NULL || (host->hasher = hasher_new()) == NULL) {
        mem_free(host);
        return err_set(err, -ENOMEM, "not enough memory to look at the machine's files");
    }
    if (memo != NULL) {
        host->memo = *memo;
    }
    *ret_host = host;
    return 0;
}

static void node_free(struct host_node *node)
{
    if (node != NULL) {
        mem_free(node->path);
        mem_free(node);
    }
}

static void kept_free(struct host_kept *kept)
{
    mem_free(kept->name);
    mem_free(kept->real);
    mem_free(kept);
}

void host_free(struct host *host)
{
    if (host == NULL) {
        return;
    }
    for (size_t i = 0; i < host->all.count; i++) {
        node_free(host->all.items[i]);
    }
    for (size_t i = 0; i < host->kept.count; i++) {
        kept_free(host->kept.items[i]);
    }
    vec_fini(&host->all);
    vec_fini(&host->kept);
    map_fini(&host->nodes);
    map_fini(&host->places);
    map_fini(&host->facts);
    hasher_free(host->hasher);
    mem_free(host);
}

/* ---- nodes ---- */

static int64_t ns_of(const struct timespec *t)
{
    return (int64_t)t->tv_sec * 1000000000 + t->tv_nsec;
}

static struct file_stamp stamp_of(const struct stat *st)
{
    return (struct file_stamp){
        .dev = st->st_dev,
        .ino = st->st_ino,
        .size = (uint64_t)st->st_size,
        .mtime_ns = ns_of(&st->st_mtim),
        .ctime_ns = ns_of(&st->st_ctim),
    };
}

static bool same_stamp(const struct file_stamp *a, const struct file_stamp *b)
{
    return a->dev == b->dev && a->ino == b->ino && a->size == b->size && a->mtime_ns == b->mtime_ns
           && a->ctime_ns == b->ctime_ns;
}

char host_type_letter(mode_t mode)
{
    if (S_ISREG(mode)) {
        return 'f';
    }
    if (S_ISLNK(mode)) {
        return 'l';
    }
    return S_ISDIR(mode) ? 'd' : 's';
}

static int64_t ns_of_statx(const struct statx_timestamp *t)
{
    return t->tv_sec * 1000000000 + t->tv_nsec;
}

/* As stamp_of() of the same file. */
static struct file_stamp stamp_of_statx(const struct statx *st)
{
    return (struct file_stamp){
        .dev = makedev(st->stx_dev_major, st->stx_dev_minor),
        .ino = st->stx_ino,
        .size = st->stx_size,
        .mtime_ns = ns_of_statx(&st->stx_mtime),
        .ctime_ns = ns_of_statx(&st->stx_ctime),
    };
}

static uint8_t whose(unsigned id, unsigned ours)
{
    if (id == 0) {
        return 0;
    }
    return id == ours ? 1 : 2;
}

uint8_t host_owner(uid_t uid, gid_t gid)
{
    return (uint8_t)(whose(uid, geteuid()) | whose(gid, getegid()) << 2);
}

uint16_t host_permissions(const struct host_node *node)
{
    return (uint16_t)((node->mode & 07777) | (unsigned)node->owner << 12);
}

/* lstat into the node: missing is no failure. */
static void look(struct host_node *node)
{
    struct statx st;
    node->seen_ms = clock_wall_ms();
    if (statx(AT_FDCWD,
              node->path,
              AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT,
              STATX_BASIC_STATS | STATX_BTIME,
              &st)
        == 0) {
        node->mode = st.stx_mode;
        node->owner = host_owner(st.stx_uid, st.stx_gid);
        node->stamp = stamp_of_statx(&st);
        node->born_ns = (st.stx_mask & STATX_BTIME) != 0 ? ns_of_statx(&st.stx_btime) : 0;
    } else {
        node->unseen = errno != ENOENT && errno != ENOTDIR && errno != ENAMETOOLONG;
    }
}

static struct host_node *node_new(const char *path, size_t len, struct host_node *parent)
{
    struct host_node *node = mem_calloc(1, sizeof *node);
    if (node == NULL || (node->path = mem_strndup(path, len)) == NULL) {
        mem_free(node);
        return NULL;
    }
    node->parent = parent;
    look(node);
    return node;
}

/* The node of the first `len` bytes of a path; looked at when it is new. NULL: memory is short. */
static struct host_node *node_at(struct host *host,
                                 const char *path,
                                 size_t len,
                                 struct host_node *parent)
{
    char key[PATH_TEXT_MAX];
    uintptr_t known = 0;
    assert(len < sizeof key);
    memcpy(key, path, len);
    key[len] = '\0';
    if (map_get(&host->nodes, key, &known) == 1) {
        return (struct host_node *)known;
    }
    struct host_node *node = node_new(path, len, parent);
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): a list of pointers */
    if (node == NULL || vec_push(&host->all, node) != 0) {
        node_free(node);
        return NULL;
    }
    /* In `all` it is owned, whatever becomes of the map. */
    return map_put(&host->nodes, node->path, (uintptr_t)node) < 0 ? NULL : node;
}

static enum host_presence presence_of(const struct host_node *node)
{
    if (node->unseen) {
        return HOST_UNSEEN;
    }
    return node->mode == 0 ? HOST_ABSENT : HOST_PRESENT;
}

/* Root goes through any folder, but units have no capabilities: for theirs the permissions count.
 */
static bool is_closed_to_units(const struct host_node *node)
{
    const unsigned owner = node->owner & 3;
    const unsigned group = (unsigned)node->owner >> 2;
    if (geteuid() != 0) {
        return false; /* then it is unseen by us, too */
    }
    if (owner == 0) {
        return (node->mode & 0100) == 0;
    }
    return (node->mode & (group == 0 ? 0010 : 0001)) == 0;
}

/* As a component on the way: only a folder lets through. */
static enum host_presence way_through(const struct host_node *node)
{
    if (S_ISDIR(node->mode) && is_closed_to_units(node)) {
        return HOST_UNSEEN;
    }
    if (node->mode == 0 || node->unseen || S_ISDIR(node->mode)) {
        return presence_of(node);
    }
    return S_ISLNK(node->mode) ? HOST_BEHIND_LINK : HOST_BLOCKED;
}

/* End of the component that starts behind `at`. */
static size_t component_end(const char *path, size_t at)
{
    at += path[at] == '/' ? 1 : 0;
    return at + strcspn(path + at, "/");
}

int host_find(struct host *host,
              const char *path,
              size_t base_len,
              enum host_presence *ret_presence,
              const struct host_node **ret_node,
              struct err *err)
{
    size_t len = strlen(path);
    struct host_node *node = NULL;
    enum host_presence presence = HOST_ABSENT;
    size_t at = base_len > 0 ? base_len : component_end(path, 0);
    if (len >= PATH_TEXT_MAX) {
        return err_set(err, -ENAMETOOLONG, "path too long: %.200s...", path);
    }
    for (;;) {
        node = node_at(host, path, at, node);
        if (node == NULL) {
            return err_set(err, -ENOMEM, "not enough memory to look at %.200s", path);
        }
        presence = at == len ? presence_of(node) : way_through(node);
        if (at == len || presence != HOST_PRESENT) {
            break;
        }
        at = component_end(path, at);
    }
    *ret_presence = presence;
    *ret_node = node;
    return 0;
}

/* ---- places ---- */

int host_keep(struct host *host, struct map *map, const char *name, struct host_kept *kept)
{
    kept->name = mem_strdup(name);
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): a list of pointers */
    if (kept->name == NULL || vec_push(&host->kept, kept) != 0) {
        kept_free(kept);
        return -ENOMEM;
    }
    return map_put(map, kept->name, (uintptr_t)kept) < 0 ? -ENOMEM : 0;
}

static int find_place(struct host *host, const char *path, struct host_kept **ret_kept)
{
    char real[PATH_TEXT_MAX];
    const bool there = realpath(path, real) != NULL;
    struct host_kept *kept = mem_calloc(1, sizeof *kept);
    if (kept != NULL && there) {
        kept->real = mem_strdup(real);
    }
    if (kept == NULL || (there && kept->real == NULL)) {
        mem_free(kept);
        return -ENOMEM;
    }
    *ret_kept = kept;
    return host_keep(host, &host->places, path, kept);
}

int host_place(struct host *host, const char *path, const char **ret_real, struct err *err)
{
    uintptr_t known = 0;
    struct host_kept *kept = NULL;
    enum host_presence presence = HOST_ABSENT;
    const struct host_node *node = NULL;
    if (map_get(&host->places, path, &known) == 1) {
        *ret_real = ((const struct host_kept *)known)->real;
        return 0;
    }
    if (find_place(host, path, &kept) != 0) {
        return err_set(err, -ENOMEM, "not enough memory to look at %.200s", path);
    }
    int rc = kept->real != NULL
                 ? host_find(host, kept->real, strlen(kept->real), &presence, &node, err)
                 : 0;
    if (rc == 0) {
        *ret_real = kept->real;
    }
    return rc;
}

/* ---- content ---- */

static bool is_young(const struct file_stamp *stamp, int64_t now_ms)
{
    int64_t newest = stamp->mtime_ns > stamp->ctime_ns ? stamp->mtime_ns : stamp->ctime_ns;
    return newest > now_ms * 1000000 - ANSWER_YOUNG_NS;
}

/* Hashes the file the node is about; -ESTALE when it is another one by now. */
static int hash_file(struct host *host, const struct host_node *node, struct hash *ret_hash)
{
    struct stat st;
    CLEANUP(cleanup_fd)
    int fd = open(node->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    int rc = hasher_add_fd(host->hasher, fd, NULL);
    if (rc != 0) {
        return rc;
    }
    *ret_hash = hasher_end(host->hasher);
    struct file_stamp now = {0};
    if (fstat(fd, &st) == 0) {
        now = stamp_of(&st);
    }
    return same_stamp(&now, &node->stamp) ? 0 : -ESTALE;
}

static int file_digest(struct host *host, const struct host_node *node, struct answer *answer)
{
    struct hash digest;
    const struct answer_memo *memo = &host->memo;
    int64_t now_ms = clock_wall_ms();
    if (memo->get_digest != NULL && memo->get_digest(memo->context, &node->stamp, &digest)) {
        answer_set(answer, ANSWER_FILE, digest.bytes, HASH_SIZE);
        return 0;
    }
    int rc = hash_file(host, node, &digest);
    if (rc == -ENOMEM) {
        return rc;
    }
    const bool refused = rc == -EACCES || rc == -EPERM;
    if (refused && (node->mode & 0111) == 0) {
        answer_set(answer, ANSWER_UNSEEN, NULL, 0);
    } else if (rc != 0) { /* what may be executed, though not read, is not the same each time */
        answer_set(answer, ANSWER_VOLATILE, NULL, 0);
    } else {
        answer_set(answer, ANSWER_FILE, digest.bytes, HASH_SIZE);
        if (memo->put_digest != NULL && !is_young(&node->stamp, now_ms)) {
            memo->put_digest(memo->context, &node->stamp, &digest);
        }
    }
    return 0;
}

static void link_digest(const struct host_node *node, struct answer *answer)
{
    char target[PATH_TEXT_MAX];
    ssize_t n = readlink(node->path, target, sizeof target);
    if (n < 0) {
        answer_set(answer, ANSWER_VOLATILE, NULL, 0);
        return;
    }
    struct hash digest = hash_bytes(target, (size_t)n);
    answer_set(answer, ANSWER_LINK, digest.bytes, HASH_SIZE);
}

/* What is remembered of a node is no part of what it is. */
static struct host_node *writable(const struct host_node *node)
{
    return (struct host_node *)(uintptr_t)node;
}

int host_digest(struct host *host,
                const struct host_node *node,
                struct answer *ret_answer,
                struct err *err)
{
    if (!node->digest_known) {
        struct host_node *known = writable(node);
        int rc = 0;
        if (S_ISREG(node->mode)) {
            rc = file_digest(host, node, &known->digest);
        } else if (S_ISLNK(node->mode)) {
            link_digest(node, &known->digest);
        } else {
            answer_set(&known->digest, ANSWER_VOLATILE, NULL, 0);
        }
        if (rc != 0) {
            return err_set(err, rc, "not enough memory to read %s", node->path);
        }
        known->digest_known = true;
    }
    *ret_answer = node->digest;
    return 0;
}

/* ---- listings ---- */

struct names {
    VEC_FIELDS(char *); /* letter, then name */
};

static void names_fini(struct names *names)
{
    for (size_t i = 0; i < names->count; i++) {
        mem_free(names->items[i]);
    }
    vec_fini(names);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a + 1, *(char *const *)b + 1);
}

static char letter_of(int folder, const struct dirent *entry)
{
    struct stat st;
    switch (entry->d_type) {
    case DT_REG:
        return 'f';
    case DT_DIR:
        return 'd';
    case DT_LNK:
        return 'l';
    case DT_UNKNOWN:
        if (fstatat(folder, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
            return host_type_letter(st.st_mode);
        }
        return 's';
    default:
        return 's';
    }
}

static int add_name(struct names *names, char letter, const char *name)
{
    size_t size = strlen(name) + 1;
    char *text = mem_calloc(1, 1 + size);
    if (text == NULL) {
        return -ENOMEM;
    }
    text[0] = letter;
    memcpy(text + 1, name, size);
    if (vec_push(names, text) != 0) {
        mem_free(text);
        return -ENOMEM;
    }
    return 0;
}

/* Sorted names of a folder: 0, -ENOMEM, -E2BIG, or why it cannot be read. */
static int read_names(const char *path, struct names *names)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
    if (folder == NULL) {
        int rc = -errno;
        cleanup_fd(&fd);
        return rc;
    }
    int rc = 0;
    while (rc == 0) {
        errno = 0;
        const struct dirent *entry = readdir(folder); // NOLINT(concurrency-mt-unsafe): ours alone
        if (entry == NULL) {
            rc = -errno;
            break;
        }
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            rc = names->count < HOST_LISTING_MAX
                     ? add_name(names, letter_of(dirfd(folder), entry), entry->d_name)
                     : -E2BIG;
        }
    }
    (void)closedir(folder);
    if (rc == 0 && names->count > 1) {
        qsort(names->items, names->count, sizeof *names->items, by_name);
    }
    return rc;
}

/* An answer for what could not be read. */
static void set_unreadable(struct answer *answer, int rc)
{
    bool refused = rc == -EACCES || rc == -EPERM;
    answer_set(answer, refused ? ANSWER_UNSEEN : ANSWER_VOLATILE, NULL, 0);
}

static int list_folder(struct host *host, const struct host_node *node, struct answer *answer)
{
    CLEANUP(names_fini) struct names names = {0};
    int rc = read_names(node->path, &names);
    if (rc == -ENOMEM) {
        return rc;
    }
    if (rc != 0) {
        set_unreadable(answer, rc);
        return 0;
    }
    for (size_t i = 0; i < names.count; i++) {
        hasher_add(host->hasher, names.items[i], strlen(names.items[i]) + 1);
    }
    struct hash digest = hasher_end(host->hasher);
    answer_set(answer, ANSWER_LISTING, digest.bytes, HASH_SIZE);
    return 0;
}

int host_listing(struct host *host,
                 const struct host_node *node,
                 struct answer *ret_answer,
                 struct err *err)
{
    if (!node->listing_known) {
        struct host_node *known = writable(node);
        int rc = list_folder(host, node, &known->listing);
        if (rc != 0) {
            return err_set(err, rc, "not enough memory to list %s", node->path);
        }
        known->listing_known = true;
    }
    *ret_answer = node->listing;
    return 0;
}

/* ---- subtrees ---- */

struct subtree {
    struct host *host;
    struct hasher *hasher;
    struct names todo; /* folders still to be read: letter and path */
    size_t base_len;   /* of the folder itself: where it lies is no part of what is in it */
    size_t nodes;
    int64_t newest_ns;
};

static void subtree_fini(struct subtree *walk)
{
    names_fini(&walk->todo);
    hasher_free(walk->hasher);
}

/* One node: type, permissions and content into the hash; folders onto the list. */
static int subtree_add(struct subtree *walk, const char *path)
{
    struct host_node node = {.path = (char *)(uintptr_t)path};
    struct answer digest = {0};
    look(&node);
    hasher_add_text(walk->hasher, path + walk->base_len);
    const uint16_t permissions = S_ISLNK(node.mode) ? 0 : host_permissions(&node);
    const unsigned char head[3] = {(unsigned char)host_type_letter(node.mode),
                                   (unsigned char)(permissions & 0xff),
                                   (unsigned char)(permissions >> 8)};
    hasher_add(walk->hasher, head, sizeof head);
    if (node.stamp.ctime_ns > walk->newest_ns) {
        walk->newest_ns = node.stamp.ctime_ns;
    }
    if (node.mode == 0 || ++walk->nodes > HOST_SUBTREE_MAX) {
        return node.unseen ? -EACCES : -ESTALE;
    }
    if (S_ISDIR(node.mode)) {
        return add_name(&walk->todo, 'd', path);
    }
    int rc = host_digest(walk->host, &node, &digest, NULL);
    if (rc == 0 && S_ISREG(node.mode) && digest.bytes[0] == ANSWER_VOLATILE) {
        return -ESTALE;
    }
    hasher_add(walk->hasher, digest.bytes, digest.len);
    return rc;
}

static int subtree_folder(struct subtree *walk, const char *folder)
{
    CLEANUP(names_fini) struct names names = {0};
    char path[PATH_TEXT_MAX];
    int rc = read_names(folder, &names);
    for (size_t i = 0; rc == 0 && i < names.count; i++) {
        int n = snprintf(path, sizeof path, "%s/%s", folder, names.items[i] + 1);
        rc = n > 0 && (size_t)n < sizeof path ? subtree_add(walk, path) : -ENAMETOOLONG;
    }
    return rc;
}

int host_subtree(struct host *host,
                 const struct host_node *node,
                 struct answer *ret_answer,
                 int64_t *ret_newest_ms,
                 struct err *err)
{
    CLEANUP(subtree_fini)
    struct subtree walk = {.host = host, .hasher = hasher_new(), .base_len = strlen(node->path)};
    int rc = walk.hasher == NULL ? -ENOMEM : add_name(&walk.todo, 'd', node->path);
    while (rc == 0 && walk.todo.count > 0) {
        CLEANUP(cleanup_free) char *folder = walk.todo.items[--walk.todo.count];
        rc = subtree_folder(&walk, folder + 1);
    }
    if (rc == -ENOMEM) {
        return err_set(err, rc, "not enough memory to read %s", node->path);
    }
    if (rc != 0) {
        set_unreadable(ret_answer, rc);
    } else {
        struct hash digest = hasher_end(walk.hasher);
        answer_set(ret_answer, ANSWER_SUBTREE, digest.bytes, HASH_SIZE);
    }
    *ret_newest_ms = walk.newest_ns / 1000000 + 1;
    return 0;
}

int host_subtree_once(struct host *host,
                      const struct host_node *node,
                      struct answer *ret_answer,
                      struct err *err)
{
    if (!node->subtree_known) {
        struct host_node *known = writable(node);
        int64_t newest_ms = 0;
        int rc = host_subtree(host, node, &known->subtree, &newest_ms, err);
        if (rc != 0) {
            return rc;
        }
        known->subtree_known = true;
    }
    *ret_answer = node->subtree;
    return 0;
}

/* ---- did it change ---- */

int host_subtree_recheck(struct host *host, const struct host_node *node, int64_t since_ms)
{
    struct answer before = {0};
    struct answer now = {0};
    int64_t newest_ms = 0;
    const bool told = host_subtree_once(host, node, &before, NULL) == 0
                      && host_subtree(host, node, &now, &newest_ms, NULL) == 0;
    const bool same =
        told && before.len == now.len && memcmp(before.bytes, now.bytes, before.len) == 0;
    return same && newest_ms < since_ms - HOST_CLOCK_SLACK_MS ? 1 : 0;
}

/* Its times may also be those of a change right after it was looked at. */
static bool is_too_fresh(const struct host_node *node)
{
    return node->stamp.ctime_ns >= (node->seen_ms - HOST_CLOCK_TICK_MS) * 1000000;
}

/* The last one is compared as a whole; of a folder that was only passed through, who it is. */
static bool is_as_it_was(const struct host_node *node, bool last, int64_t since_ms)
{
    struct host_node now = {.path = node->path};
    look(&now);
    if (now.mode != node->mode || now.unseen != node->unseen || now.born_ns != node->born_ns) {
        return false;
    }
    if (node->mode == 0) {
        return true;
    }
    if (last && is_too_fresh(node)) {
        return false;
    }
    bool same = last ? same_stamp(&now.stamp, &node->stamp)
                     : now.stamp.dev == node->stamp.dev && now.stamp.ino == node->stamp.ino;
    return same
           && (node->seen_ms < since_ms
               || now.stamp.ctime_ns < (since_ms - HOST_CLOCK_SLACK_MS) * 1000000);
}

int host_recheck(struct host *host, const char *path, size_t base_len, int64_t since_ms)
{
    enum host_presence presence = HOST_ABSENT;
    const struct host_node *node = NULL;
    if (host_find(host, path, base_len, &presence, &node, NULL) != 0) {
        return 0;
    }
    bool last = true;
    for (; node != NULL; node = node->parent) {
        if (!is_as_it_was(node, last, since_ms)) {
            return 0;
        }
        /* Of what is absent, the folder it would be in is compared as a whole: a name that came
         * and went changed its time. */
        last = last && node->mode == 0;
    }
    return 1;
}
