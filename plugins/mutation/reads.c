/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/mutation/reads.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

/* A file whose content is digested; beyond, it is known by its size alone and stands for itself: no
 * verdict is reused that rests on it. */
#define DIGEST_MAX (512u << 20)

/* Events of one read(). */
#define EVENTS_SIZE 65536

/* ---- walking ---- */

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

static void close_walk(FTS **walk)
{
    if (*walk != NULL) {
        (void)fts_close(*walk);
    }
}

static int open_walk(const char *root, FTS **ret_walk, struct err *err)
{
    char path[PATH_TEXT_MAX];
    char *const roots[] = {path, NULL};
    if (snprintf(path, sizeof path, "%s", root) >= (int)sizeof path) {
        return err_set(err, -ENAMETOOLONG, "%s: the path is too long", root);
    }
    *ret_walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, by_name);
    return *ret_walk != NULL ? 0 : err_errno(err, "cannot read the folder %s", root);
}

/* NULL at the end, and then errno is 0, or what went wrong. */
static FTSENT *next_of(FTS *walk)
{
    errno = 0;
    return fts_read(walk);
}

static const char *inside(const FTSENT *entry, size_t root_len)
{
    return entry->fts_pathlen > root_len ? entry->fts_path + root_len + 1 : "";
}

/* ---- what is opened ---- */

static int add_watch(struct reads *reads, const char *full, const char *path, size_t *cap)
{
    int watch = inotify_add_watch(reads->fd, full, IN_OPEN | IN_ONESHOT);
    if (watch < 0) {
        return errno == ENOENT || errno == EACCES ? 0 : -errno;
    }
    size_t number = (size_t)watch;
    if (number >= *cap) {
        size_t more = number * 2 + 1024;
        /* NOLINTNEXTLINE(bugprone-sizeof-expression): a list of pointers */
        const char **grown = mem_calloc(more, sizeof *grown);
        if (grown == NULL) {
            return -ENOMEM;
        }
        if (reads->count > 0) {
            /* NOLINTNEXTLINE(bugprone-sizeof-expression): a list of pointers */
            memcpy(grown, reads->paths, reads->count * sizeof *grown);
        }
        mem_free(reads->paths);
        reads->paths = grown;
        *cap = more;
    }
    reads->paths[number] = arena_strdup(reads->arena, path);
    reads->count = number >= reads->count ? number + 1 : reads->count;
    return reads->paths[number] != NULL ? 0 : -ENOMEM;
}

bool reads_may_ask(json_t *patterns, const char *path)
{
    size_t i = 0;
    json_t *item = NULL;
    json_array_foreach(patterns, i, item)
    {
        if (glob_match(json_string_value(item), path)) {
            return true;
        }
    }
    return patterns == NULL;
}

/* Digests of names while a tree is walked. */
struct naming {
    json_t *patterns;
    struct hasher *all;
    struct hasher *asked;
};

static void naming_fini(struct naming *naming)
{
    hasher_free(naming->all);
    hasher_free(naming->asked);
}

static void add_name(const struct naming *naming, const char *path)
{
    hasher_add_text(naming->all, path);
    if (reads_may_ask(naming->patterns, path)) {
        hasher_add_text(naming->asked, path);
    }
}

static int watch_all(struct reads *reads, FTS *walk, const struct naming *naming, size_t root_len)
{
    size_t cap = 0;
    FTSENT *entry = NULL;
    hasher_begin(naming->all);
    hasher_begin(naming->asked);
    while ((entry = next_of(walk)) != NULL) {
        if (entry->fts_info == FTS_DP) {
            continue;
        }
        const char *path = inside(entry, root_len);
        add_name(naming, path);
        int status = entry->fts_info == FTS_F ? add_watch(reads, entry->fts_path, path, &cap) : 0;
        if (status != 0) {
            return status;
        }
    }
    int status = -errno;
    reads->names = hasher_end(naming->all);
    reads->asked = hasher_end(naming->asked);
    return status;
}

static int refuse_watches(int status, struct err *err)
{
    return err_set(err,
                   status,
                   "the files that tests open cannot be watched: %s%s",
                   strerrordesc_np(-status),
                   status == -ENOSPC   ? " (see fs.inotify.max_user_watches)"
                   : status == -EMFILE ? " (see fs.inotify.max_user_instances)"
                                       : "");
}

int reads_init(const char *root, json_t *patterns, struct reads *ret_reads, struct err *err)
{
    CLEANUP(close_walk) FTS *walk = NULL;
    CLEANUP(naming_fini)
    struct naming naming = {.patterns = patterns, .all = hasher_new(), .asked = hasher_new()};
    *ret_reads = (struct reads)READS_INIT;
    ret_reads->arena = arena_new(READS_ARENA_MAX);
    int status = ret_reads->arena == NULL || naming.all == NULL || naming.asked == NULL
                     ? err_set(err, -ENOMEM, "out of memory to watch files")
                     : open_walk(root, &walk, err);
    if (status == 0) {
        ret_reads->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
        status = ret_reads->fd < 0 ? -errno : watch_all(ret_reads, walk, &naming, strlen(root));
        status = status == 0 ? 0 : refuse_watches(status, err);
    }
    return status;
}

void reads_close(struct reads *reads)
{
    if (reads->fd >= 0) {
        (void)close(reads->fd);
    }
    reads->fd = -1;
}

void reads_fini(struct reads *reads)
{
    reads_close(reads);
    arena_free(reads->arena);
    mem_free(reads->paths);
    *reads = (struct reads)READS_INIT;
}

static int take_event(struct reads *reads,
                      const struct inotify_event *event,
                      int (*each)(void *context, const char *path),
                      void *context)
{
    if ((event->mask & IN_Q_OVERFLOW) != 0) {
        reads->lost = true;
        return 0;
    }
    size_t number = (size_t)event->wd;
    if ((event->mask & IN_OPEN) == 0 || event->wd < 0 || number >= reads->count
        || reads->paths[number] == NULL) {
        return 0;
    }
    const char *path = reads->paths[number];
    reads->paths[number] = NULL;
    return each(context, path);
}

int reads_take(struct reads *reads, int (*each)(void *context, const char *path), void *context)
{
    char events[EVENTS_SIZE];
    ssize_t len = 0;
    if (reads->fd < 0) {
        return 0;
    }
    int status = 0;
    while (status == 0 && (len = read(reads->fd, events, sizeof events)) > 0) {
        size_t at = 0;
        while (status == 0 && at < (size_t)len) {
            struct inotify_event event; /* of a file: no name behind it */
            memcpy(&event, events + at, sizeof event);
            status = take_event(reads, &event, each, context);
            at += sizeof event + event.len;
        }
    }
    reads->lost = reads->lost || status != 0 || (len < 0 && errno != EAGAIN);
    return status;
}

/* ---- digests ---- */

static int digest_file(const char *full, struct hash *ret_hash)
{
    CLEANUP(str_fini) struct str text = STR_INIT(DIGEST_MAX);
    int status = file_read_regular(full, &text, NULL);
    if (status == 0) {
        *ret_hash = hash_bytes(str_text(&text), text.len);
    }
    return status;
}

void reads_digest(const char *root, const char *path, char digest[HASH_HEX_SIZE])
{
    char full[PATH_TEXT_MAX];
    struct hash hash;
    (void)snprintf(digest, HASH_HEX_SIZE, "-");
    if (snprintf(full, sizeof full, "%s/%s", root, path) < (int)sizeof full
        && digest_file(full, &hash) == 0) {
        (void)hash_hex(&hash, digest);
    }
}

static bool is_among(const char *const *names, const char *name)
{
    for (size_t i = 0; names != NULL && names[i] != NULL; i++) {
        if (strcmp(names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static int add_entry(struct hasher *hasher, const FTSENT *entry, const char *path, bool named)
{
    char words[64];
    char target[PATH_TEXT_MAX];
    struct hash hash;
    (void)snprintf(words,
                   sizeof words,
                   "%o %lld",
                   (unsigned)entry->fts_statp->st_mode,
                   entry->fts_info == FTS_D ? 0LL : (long long)entry->fts_statp->st_size);
    hasher_add_text(hasher, path);
    hasher_add_text(hasher, words);
    if (entry->fts_info == FTS_SL || entry->fts_info == FTS_SLNONE) {
        ssize_t len = readlink(entry->fts_path, target, sizeof target - 1);
        target[len > 0 ? len : 0] = '\0';
        hasher_add_text(hasher, target);
    } else if (entry->fts_info == FTS_F && !named) {
        int status = digest_file(entry->fts_path, &hash);
        if (status != 0) {
            return status;
        }
        hasher_add(hasher, hash.bytes, sizeof hash.bytes);
    }
    return 0;
}

/* A folder of which only names are looked at: the level at which it begins, 0 outside of it. */
static int add_all(
    struct hasher *hasher, FTS *walk, const char *const *skip, const char *const *named, size_t len)
{
    FTSENT *entry = NULL;
    int names_from = 0;
    while ((entry = next_of(walk)) != NULL) {
        bool folder = entry->fts_info == FTS_D;
        if (entry->fts_info == FTS_DP) {
            names_from = entry->fts_level == names_from ? 0 : names_from;
            continue;
        }
        if (folder && entry->fts_level > 0 && is_among(skip, entry->fts_name)) {
            (void)fts_set(walk, entry, FTS_SKIP);
            continue;
        }
        if (folder && names_from == 0 && entry->fts_level > 0 && is_among(named, entry->fts_name)) {
            names_from = entry->fts_level;
        }
        int status = add_entry(hasher, entry, inside(entry, len), names_from > 0);
        if (status != 0) {
            return status;
        }
    }
    return -errno;
}

int reads_digest_tree(const char *root,
                      const char *const *skip,
                      const char *const *named,
                      char digest[HASH_HEX_SIZE],
                      struct err *err)
{
    CLEANUP(close_walk) FTS *walk = NULL;
    struct hasher *hasher = hasher_new();
    int status = hasher == NULL ? err_set(err, -ENOMEM, "out of memory to read a tree")
                                : open_walk(root, &walk, err);
    if (status == 0) {
        hasher_begin(hasher);
        status = add_all(hasher, walk, skip, named, strlen(root));
        const struct hash hash = hasher_end(hasher);
        (void)hash_hex(&hash, digest);
        status = status == 0 ? 0 : err_set(err, status, "cannot read all of the folder %s", root);
    }
    hasher_free(hasher);
    return status;
}
