/* SPDX-License-Identifier: Apache-2.0 */
#include "git/kept.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/memo.h"
#include "git/call.h"
#include "git/changes.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Part of every key: what was kept by another way of making them is not found. */
#define KEPT_FORMAT "index kept for the next snapshot, 3"

/* The last part of a name. */
#define YOUNG   ".young"
#define SETTLED ".settled"

/* In the place of a tree that is not known, and of changes where there are none. */
#define NO_TREE    "none"
#define NO_CHANGES "none"

/* The checksum at the end of an index: 20 bytes of SHA-1 or 32 of SHA-256. */
#define CHECKSUM_MAX 32

#define KEY_LEN (HASH_HEX_SIZE - 1)

/* "KEY.TREE.CHANGES.AGE" */
#define NAME_SIZE (HASH_HEX_SIZE + GIT_ID_MAX + HASH_HEX_SIZE + sizeof SETTLED)

/* ---- the key ---- */

/* A file that may be missing: base/name. */
static void add_file(struct hasher *hasher, const char *base, const char *name)
{
    char path[PATH_MAX];
    int len = base != NULL ? snprintf(path, sizeof path, "%s/%s", base, name) : 0;
    if (len > 0 && (size_t)len < sizeof path) {
        (void)memo_add_file(hasher, path);
    }
}

/* Configuration decides how bytes are converted on their way into the tree. Included files are not
 * seen here; git itself does not look at files again when configuration changes. */
static void add_configuration(struct hasher *hasher, const struct git_repo *repo)
{
    char common[PATH_MAX];
    /* NOLINTBEGIN(concurrency-mt-unsafe): nobody changes our environment */
    const char *home = getenv("HOME");
    const char *xdg = getenv("XDG_CONFIG_HOME");
    /* NOLINTEND(concurrency-mt-unsafe) */
    (void)snprintf(common, sizeof common, "%s/..", repo->objects);
    add_file(hasher, common, "config");
    add_file(hasher, common, "info/attributes");
    add_file(hasher, repo->git_dir, "config.worktree");
    add_file(hasher, home, ".gitconfig");
    add_file(hasher, home, ".config/git/config");
    add_file(hasher, home, ".config/git/attributes");
    add_file(hasher, xdg, "git/config");
    add_file(hasher, xdg, "git/attributes");
    add_file(hasher, "/etc", "gitconfig");
    add_file(hasher, "/etc", "gitattributes");
}

/* The index file: its stat data, and the checksum over all it says. */
static int add_index(struct hasher *hasher, int fd)
{
    struct stat st;
    char checksum[CHECKSUM_MAX];
    if (fstat(fd, &st) != 0 || st.st_size < CHECKSUM_MAX
        || pread(fd, checksum, sizeof checksum, st.st_size - CHECKSUM_MAX)
               != (ssize_t)sizeof checksum) {
        return -EIO;
    }
    memo_add_stat(hasher, &st);
    hasher_add(hasher, checksum, sizeof checksum);
    return 0;
}

static int find_folder(const struct git_repo *repo, char folder[PATH_MAX])
{
    /* room for "/NAME" is asked for here, once */
    int len = snprintf(folder, PATH_MAX, "%s/objects/kept", repo->state);
    return len > 0 && (size_t)len + 1 + NAME_SIZE < PATH_MAX ? 0 : -ENAMETOOLONG;
}

void kept_init(struct kept *kept,
               const struct git_repo *repo,
               int index_fd,
               const char *const *exclude,
               size_t exclude_count)
{
    struct hasher *hasher = hasher_new();
    kept->repo = repo;
    kept->key[0] = '\0';
    if (hasher == NULL || find_folder(repo, kept->folder) != 0) {
        hasher_free(hasher);
        return;
    }
    hasher_begin(hasher);
    hasher_add_text(hasher, KEPT_FORMAT);
    hasher_add_text(hasher, repo->root);
    for (size_t i = 0; i < exclude_count; i++) {
        hasher_add_text(hasher, exclude[i]);
    }
    add_configuration(hasher, repo);
    const bool good = add_index(hasher, index_fd) == 0 && memo_add_boot(hasher);
    struct hash key = hasher_end(hasher);
    if (good) {
        (void)hash_hex(&key, kept->key);
    }
    hasher_free(hasher);
}

/* ---- the files ---- */

static bool has_key(const struct kept *kept, const char *name)
{
    return kept->key[0] != '\0' && strncmp(name, kept->key, KEY_LEN) == 0 && name[KEY_LEN] == '.';
}

/* Calls `each` for every name in the folder. */
static void for_each_kept(const char *folder,
                          void (*each)(void *context, int folder_fd, const char *name),
                          void *context)
{
    DIR *dir = opendir(folder);
    if (dir == NULL) {
        return;
    }
    const struct dirent *entry = NULL;
    // NOLINTNEXTLINE(concurrency-mt-unsafe): the stream is ours alone
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] != '.') {
            each(context, dirfd(dir), entry->d_name);
        }
    }
    (void)closedir(dir);
}

/* What a name of an index says. */
struct kept_name {
    char tree[GIT_ID_MAX];       /* "" = not known */
    char changes[HASH_HEX_SIZE]; /* "" = none */
    bool young;
};

/* One part of a name, up to the next dot; "" where it is `none`. The rest of the name, or NULL. */
static const char *read_part(const char *name, char *part, size_t size, const char *none)
{
    const size_t len = strcspn(name, ".");
    if (name[len] != '.' || len >= size) {
        return NULL;
    }
    memcpy(part, name, len);
    part[len] = '\0';
    if (strcmp(part, none) == 0) {
        part[0] = '\0';
        return name + len + 1;
    }
    return git_is_id(part) ? name + len + 1 : NULL;
}

/* Understands a name with our key. */
static bool read_name(const char *name, struct kept_name *ret_what)
{
    struct kept_name what = {0};
    const char *rest = read_part(name + KEY_LEN + 1, what.tree, sizeof what.tree, NO_TREE);
    rest = rest != NULL ? read_part(rest, what.changes, sizeof what.changes, NO_CHANGES) : NULL;
    what.young = rest != NULL && strcmp(rest, &YOUNG[1]) == 0;
    if (rest == NULL || (!what.young && strcmp(rest, &SETTLED[1]) != 0)) {
        return false;
    }
    *ret_what = what;
    return true;
}

/* Looking for a name. */
struct search {
    const struct kept *kept;
    struct kept_name what;
    char name[NAME_SIZE]; /* "" = none yet */
};

/* Which of several is taken does not matter: each that serves leads to the same tree. */
static void look_for_key(void *context, int folder_fd, const char *name)
{
    struct search *search = context;
    (void)folder_fd;
    if (has_key(search->kept, name) && strlen(name) < sizeof search->name
        && read_name(name, &search->what)) {
        memcpy(search->name, name, strlen(name) + 1);
    }
}

/* "FOLDER/KEY.CHANGES" */
static void changes_path(const struct kept *kept, const char *changes, char path[PATH_MAX])
{
    (void)snprintf(path, PATH_MAX, "%s/%s.%s", kept->folder, kept->key, changes);
}

/* Reads the records of this digest: that of all they rest on, a line end, and the records. False:
 * they are not there or broken, or something is not as it was. */
static bool read_changes(const struct kept *kept, const char *name, struct str *records)
{
    CLEANUP(str_fini) struct str text = STR_INIT(CHANGES_MAX + HASH_HEX_SIZE);
    char path[PATH_MAX];
    char hex[HASH_HEX_SIZE];
    struct hash state;
    changes_path(kept, name, path);
    if (file_read(path, &text, NULL) != 0 || text.len < HASH_HEX_SIZE) {
        return false;
    }
    const struct hash digest = hash_bytes(text.data, text.len);
    return strcmp(hash_hex(&digest, hex), name) == 0
           && str_append_n(records, text.data + HASH_HEX_SIZE, text.len - HASH_HEX_SIZE) == 0
           && changes_look(records, kept->repo, NULL, &state)
           && memcmp(hash_hex(&state, hex), text.data, HASH_HEX_SIZE - 1) == 0;
}

bool kept_take(const struct kept *kept, const char *index, struct kept_index *ret_taken)
{
    char path[PATH_MAX];
    struct search search = {.kept = kept};
    struct kept_index taken = {.changes = STR_INIT(CHANGES_MAX)};
    if (kept->key[0] == '\0') {
        return false;
    }
    for_each_kept(kept->folder, look_for_key, &search);
    (void)snprintf(path, sizeof path, "%s/%s", kept->folder, search.name);
    taken.young = search.what.young;
    memcpy(taken.tree, search.what.tree, sizeof taken.tree);
    if (search.name[0] == '\0'
        || (search.what.changes[0] != '\0'
            && !read_changes(kept, search.what.changes, &taken.changes))
        || link(path, index) != 0) {
        kept_index_fini(&taken);
        return false;
    }
    *ret_taken = taken;
    return true;
}

void kept_index_fini(struct kept_index *what)
{
    str_fini(&what->changes);
}

/* Making room. */
struct pruning {
    const char *newest;  /* stays, */
    const char *records; /* and so do its records */
    const struct kept *kept;
    unsigned count;
    struct timespec oldest_time;
    char oldest[NAME_MAX + 1]; /* "" = none yet */
};

static void look_at_age(void *context, int folder_fd, const char *name)
{
    struct pruning *pruning = context;
    struct stat st;
    if (strcmp(name, pruning->newest) == 0) {
        return;
    }
    if (has_key(pruning->kept, name)) {
        if (strcmp(name + KEY_LEN + 1, pruning->records) != 0) {
            (void)unlinkat(folder_fd, name, 0); /* less is known about the tree of today */
        }
        return;
    }
    if (strlen(name) == KEY_LEN + HASH_HEX_SIZE) {
        return; /* records, which go with their index */
    }
    pruning->count++;
    /* a hard link made or removed sets this time: it is that of the last use */
    if (fstatat(folder_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0
        && (pruning->oldest[0] == '\0' || clock_is_before(&st.st_ctim, &pruning->oldest_time))) {
        pruning->oldest_time = st.st_ctim;
        (void)snprintf(pruning->oldest, sizeof pruning->oldest, "%s", name);
    }
}

/* Removing all of one key. */
static void drop_one(void *context, int folder_fd, const char *name)
{
    const char *key = context;
    if (strncmp(name, key, KEY_LEN) == 0) {
        (void)unlinkat(folder_fd, name, 0);
    }
}

/* One look; true when something was removed and there may be more. */
static bool prune_one(const struct kept *kept, const char *newest, const char *records)
{
    struct pruning pruning = {.newest = newest, .records = records, .kept = kept};
    char path[PATH_MAX + NAME_MAX + 2];
    for_each_kept(kept->folder, look_at_age, &pruning);
    if (pruning.count < KEPT_MAX || pruning.oldest[0] == '\0') {
        return false;
    }
    (void)snprintf(path, sizeof path, "%s/%s", kept->folder, pruning.oldest);
    const bool gone = unlink(path) == 0;
    for_each_kept(kept->folder, drop_one, pruning.oldest);
    return gone;
}

static void prune(const struct kept *kept, const char *newest, const char *records)
{
    while (prune_one(kept, newest, records)) {
    }
}

/* Dates the index back to `start`, when it is newer. */
static int set_date(const char *index, const struct timespec *start)
{
    struct stat st;
    const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, *start};
    if (stat(index, &st) != 0) {
        return -errno;
    }
    return clock_is_before(&st.st_mtim, start) || utimensat(AT_FDCWD, index, times, 0) == 0
               ? 0
               : -errno;
}

/* Writes the records of an index, if it has any; ret_name = their digest, or NO_CHANGES. */
static int write_changes(const struct kept *kept,
                         const struct str *records,
                         const struct timespec *start,
                         char ret_name[HASH_HEX_SIZE])
{
    CLEANUP(str_fini) struct str text = STR_INIT(CHANGES_MAX + HASH_HEX_SIZE);
    char path[PATH_MAX];
    struct hash state;
    if (records->len == 0) {
        memcpy(ret_name, NO_CHANGES, sizeof NO_CHANGES);
        return 0;
    }
    if (!changes_look(records, kept->repo, start, &state)) {
        return -EAGAIN;
    }
    (void)str_append(&text, hash_hex(&state, ret_name));
    (void)str_append_char(&text, '\n');
    (void)str_append_n(&text, records->data, records->len);
    const struct hash digest = hash_bytes(str_text(&text), text.len);
    changes_path(kept, hash_hex(&digest, ret_name), path);
    return str_error(&text) == 0 ? file_write_atomic(path, text.data, text.len, NULL)
                                 : str_error(&text);
}

void kept_put(const struct kept *kept,
              const char *index,
              const struct kept_index *what,
              const struct timespec *start)
{
    char name[NAME_SIZE];
    char changes[HASH_HEX_SIZE];
    char path[PATH_MAX];
    if (kept->key[0] == '\0' || dir_make(kept->folder, 0777, NULL) != 0
        || write_changes(kept, &what->changes, start, changes) != 0
        || set_date(index, start) != 0) {
        return;
    }
    (void)snprintf(name,
                   sizeof name,
                   "%s.%s.%s%s",
                   kept->key,
                   what->tree[0] != '\0' ? what->tree : NO_TREE,
                   changes,
                   what->young ? YOUNG : SETTLED);
    (void)snprintf(path, sizeof path, "%s/%s", kept->folder, name);
    if (rename(index, path) == 0) {
        prune(kept, name, changes);
    }
}

void kept_drop(const struct kept *kept)
{
    char key[HASH_HEX_SIZE];
    memcpy(key, kept->key, sizeof key);
    if (key[0] != '\0') {
        for_each_kept(kept->folder, drop_one, key);
    }
}

void kept_drop_all(const struct git_repo *repo)
{
    char folder[PATH_MAX];
    if (find_folder(repo, folder) == 0) {
        (void)tree_remove(AT_FDCWD, folder, NULL);
    }
}
