/* SPDX-License-Identifier: Apache-2.0 */
#include "git/changes.h"

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/map.h"
#include "base/memo.h"
#include "base/text.h"
#include "git/call.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* What git config tells of ignore files, attributes and includes. */
#define CONFIG_MAX (1u << 20)

/* Records that are being gathered: each once. */
struct gathering {
    const struct git_repo *repo;
    struct arena *arena;
    struct map seen; /* records; those of `former` and of the arena */
    struct str *out;
    size_t count;
};

static int put(struct gathering *all, char kind, const char *text, size_t len)
{
    char *record = arena_printf(all->arena, "%c%.*s", kind, (int)len, text);
    const int there = record != NULL ? map_add(&all->seen, record, 0) : -ENOMEM;
    if (there != 0) {
        return there < 0 ? there : 0;
    }
    return str_append_n(all->out, record, strlen(record) + 1);
}

static bool is_there(const struct git_repo *repo, const char *path, struct stat *st)
{
    char full[PATH_MAX];
    const int len = snprintf(full, sizeof full, "%s/%s", repo->root, path);
    if (len < 0 || (size_t)len >= sizeof full) {
        errno = ENAMETOOLONG;
        return false;
    }
    return lstat(full, st) == 0;
}

/* The folders above a path, the nearest first. Those above one that is known are known. */
static int put_folders(struct gathering *all, const char *path)
{
    size_t len = strlen(path);
    int result = 0;
    while (len > 0 && result == 0) {
        const size_t before = all->out->len;
        while (len > 0 && path[len - 1] != '/') {
            len--;
        }
        len -= len > 0;
        result = put(all, 'd', path, len);
        if (all->out->len == before) {
            return result;
        }
    }
    return result;
}

/* An entry that was put in or changed: it has to be there, or it was not understood. A folder is a
 * repository of its own. */
static int put_added(struct gathering *all, const char *path)
{
    char record[PATH_MAX + 1];
    struct stat st;
    if (!is_there(all->repo, path, &st) || S_ISDIR(st.st_mode)) {
        return -EINVAL;
    }
    const int len = snprintf(record, sizeof record, "r%s", path);
    if (len < 0 || (size_t)len >= sizeof record) {
        return -EINVAL;
    }
    return map_get(&all->seen, record, NULL) ? -EAGAIN : put_folders(all, path);
}

/* "add 'PATH'" or "remove 'PATH'". */
static int put_line(struct gathering *all, char *line)
{
    static const char added[] = "add '";
    static const char removed[] = "remove '";
    const size_t len = strlen(line);
    const bool is_added = text_starts_with(line, added) != 0;
    const size_t head = is_added ? sizeof added - 1 : sizeof removed - 1;
    if ((!is_added && !text_starts_with(line, removed)) || len < head + 2
        || line[len - 1] != '\'') {
        return -EINVAL;
    }
    line[len - 1] = '\0';
    all->count++;
    return is_added ? put_added(all, line + head) : put(all, 'r', line + head, len - head - 1);
}

static int put_words(struct gathering *all, const char *words)
{
    int result = 0;
    while (*words != '\0' && result == 0) {
        const size_t len = strcspn(words, "\n");
        char *line = arena_strndup(all->arena, words, len);
        result = line != NULL ? put_line(all, line) : -ENOMEM;
        words += len + (words[len] == '\n');
    }
    return result;
}

int changes_add(struct str *records,
                const struct git_repo *repo,
                const char *words,
                size_t *ret_count)
{
    /* lines are copied, and their folders once more */
    struct gathering all = {.repo = repo, .arena = arena_new(4 * (strlen(words) + CHANGES_MAX))};
    int result = all.arena != NULL ? 0 : -ENOMEM;
    /* keys are borrowed: what is appended may move the records */
    CLEANUP(str_fini) struct str former = STR_INIT(CHANGES_MAX);
    result = result == 0 ? str_append_n(&former, str_text(records), records->len) : result;
    const char *end = str_text(&former) + former.len;
    for (const char *at = str_text(&former); at < end && result == 0; at += strlen(at) + 1) {
        result = map_add(&all.seen, at, 0) < 0 ? -ENOMEM : 0;
    }
    all.out = records;
    result = result == 0 ? put_words(&all, words) : result;
    if (ret_count != NULL) {
        *ret_count = all.count;
    }
    map_fini(&all.seen);
    arena_free(all.arena);
    return result;
}

/* ---- files outside of the tree ---- */

/* `name` as seen from the folder `base`; nothing where there is no such folder. */
static void append_file(struct str *records, const char *base, const char *name)
{
    if (name[0] == '/') {
        (void)str_appendf(records, "f%s", name);
        (void)str_append_char(records, '\0');
    } else if (base != NULL) {
        (void)str_appendf(records, "f%s/%s", base, name);
        (void)str_append_char(records, '\0');
    }
}

/* An included file, named as seen from the one that includes it. Whether one that depends on the
 * branch or on remote addresses is read cannot be told from files. */
static int append_include(struct str *records,
                          const char *origin,
                          const char *key,
                          const char *value)
{
    static const char file[] = "file:";
    const char *slash = strrchr(origin, '/');
    if (text_starts_with(key, "includeif.onbranch:")
        || text_starts_with(key, "includeif.hasconfig:")) {
        return -EINVAL;
    }
    if (value[0] == '/') {
        append_file(records, NULL, value);
        return 0;
    }
    if (!text_starts_with(origin, file) || slash == NULL || origin[sizeof file - 1] != '/') {
        return -EINVAL;
    }
    origin += sizeof file - 1;
    (void)str_appendf(records, "f%.*s/%s", (int)(slash - origin), origin, value);
    return str_append_char(records, '\0');
}

/* One setting: its origin and "KEY\nVALUE". */
static int append_setting(struct str *records,
                          const struct git_repo *repo,
                          const char *origin,
                          char *setting)
{
    char *value = strchr(setting, '\n');
    if (value == NULL) {
        return -EINVAL;
    }
    *value++ = '\0';
    if (!text_starts_with(setting, "core.")) {
        return append_include(records, origin, setting, value);
    }
    append_file(records, repo->root, value); /* git is started there */
    return 0;
}

static int append_configured(struct str *records, const struct git_repo *repo)
{
    static const char *const argv[] = {
        "git",
        "config",
        "-z",
        "--show-origin",
        "--type=path",
        "--get-regexp",
        "^(core\\.(excludesfile|attributesfile)|include\\.path|includeif\\..*\\.path)$",
        NULL,
    };
    CLEANUP(str_fini) struct str out = STR_INIT(CONFIG_MAX);
    const struct git_call call = {.argv = argv, .repo = repo};
    int status = 0;
    int result = git_call(&call, &out, NULL, &status, NULL);
    if (result != 0 || status > 1) { /* 1: none of them is set */
        return result != 0 ? result : -EIO;
    }
    char *end = out.data + out.len;
    for (char *origin = out.data; origin < end && result == 0;) {
        char *setting = origin + strlen(origin) + 1;
        if (setting >= end) {
            return -EPROTO;
        }
        char *next = setting + strlen(setting) + 1;
        result = append_setting(records, repo, origin, setting);
        origin = next;
    }
    return result;
}

int changes_add_files(struct str *records, const struct git_repo *repo)
{
    /* NOLINTBEGIN(concurrency-mt-unsafe): nobody changes our environment */
    const char *home = getenv("HOME");
    const char *xdg = getenv("XDG_CONFIG_HOME");
    /* NOLINTEND(concurrency-mt-unsafe) */
    append_file(records, repo->objects, "../info/exclude");
    append_file(records, home, ".config/git/ignore");
    append_file(records, xdg, "git/ignore");
    append_file(records, repo->root, ".gitmodules");
    const int result = append_configured(records, repo);
    return result == 0 ? str_error(records) : result;
}

/* ---- looking ---- */

struct look {
    struct hasher *hasher;
    const struct git_repo *repo;
    const struct timespec *before;
};

/* Adds stat data, or that nothing is there. False: something else is the matter, or it is late. */
static bool look_at(const struct look *look, const struct stat *st)
{
    const bool there = st != NULL;
    hasher_add(look->hasher, &there, sizeof there);
    if (!there) {
        return errno == ENOENT || errno == ENOTDIR;
    }
    memo_add_stat(look->hasher, st);
    return look->before == NULL || clock_is_before(&st->st_ctim, look->before);
}

/* git follows no link in the place of these. */
static bool look_in_folder(const struct look *look, const char *folder)
{
    static const char *const names[] = {".gitignore", ".gitattributes"};
    const char *slash = folder[0] != '\0' ? "/" : "";
    char path[PATH_MAX];
    struct stat st;
    bool good = true;
    for (size_t i = 0; i < sizeof names / sizeof names[0] && good; i++) {
        const int len = snprintf(path, sizeof path, "%s%s%s", folder, slash, names[i]);
        good = len > 0 && (size_t)len < sizeof path
               && look_at(look, is_there(look->repo, path, &st) ? &st : NULL);
    }
    if (folder[0] != '\0' && good) {
        /* the data of a repository changes all the time */
        (void)snprintf(path, sizeof path, "%s/.git", folder);
        const bool is_repo = is_there(look->repo, path, &st);
        hasher_add(look->hasher, &is_repo, sizeof is_repo);
    }
    return good;
}

static bool look_at_record(const struct look *look, const char *record)
{
    struct stat st;
    hasher_add_text(look->hasher, record);
    switch (record[0]) {
    case 'd':
        return look_in_folder(look, record + 1);
    case 'r':
        return !is_there(look->repo, record + 1, &st) && (errno == ENOENT || errno == ENOTDIR);
    case 'f':
        return look_at(look, stat(record + 1, &st) == 0 ? &st : NULL);
    default:
        return false;
    }
}

bool changes_look(const struct str *records,
                  const struct git_repo *repo,
                  const struct timespec *before,
                  struct hash *ret_digest)
{
    struct look look = {.hasher = hasher_new(), .repo = repo, .before = before};
    bool good = look.hasher != NULL;
    const char *end = str_text(records) + records->len;
    for (const char *at = str_text(records); at < end && good; at += strlen(at) + 1) {
        good = look_at_record(&look, at);
    }
    if (good) {
        *ret_digest = hasher_end(look.hasher);
    }
    hasher_free(look.hasher);
    return good;
}
