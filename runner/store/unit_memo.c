/* SPDX-License-Identifier: Apache-2.0 */
#include "store/unit_memo.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/vec.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The first line: two ids, a host, a scope; each at most a few KiB. */
#define HEAD_MAX (64u << 10)

#define FOLDER "memos"

/* ---- names ---- */

/* The file of a memo at one trust and scope. */
static int path_of(const char *cache,
                   const struct unit_memo *memo,
                   const struct evidence_reader *who,
                   char path[PATH_TEXT_MAX],
                   struct err *err)
{
    CLEANUP(str_fini) struct str key = STR_INIT(HEAD_MAX);
    char hex[HASH_HEX_SIZE];
    struct json_writer w;
    jw_begin(&w, &key);
    jw_array(&w);
    jw_string(&w, memo->layer);
    jw_string(&w, memo->unit);
    jw_string(&w, hash_hex(&memo->program, hex));
    jw_int(&w, (int64_t)who->trust);
    jw_string(&w, who->scope);
    jw_end_array(&w);
    if (str_error(&key) != 0) {
        return err_set(err, str_error(&key), "the name of a memo is too long");
    }
    const struct hash digest = hash_bytes(str_text(&key), key.len);
    return snprintf(path, PATH_TEXT_MAX, "%s/" FOLDER "/%s", cache, hash_hex(&digest, hex))
                   < PATH_TEXT_MAX
               ? 0
               : err_set(err, -ENAMETOOLONG, "%s: the path is too long", cache);
}

/* ---- keeping ---- */

int unit_memo_put(
    const char *cache, const struct unit_memo *memo, const void *bytes, size_t len, struct err *err)
{
    CLEANUP(str_fini) struct str text = STR_INIT(UNIT_MEMO_MAX + HEAD_MAX);
    char path[PATH_TEXT_MAX];
    char hex[HASH_HEX_SIZE];
    if (len > UNIT_MEMO_MAX) {
        return err_set(err, -EFBIG, "a memo of more than %u MiB is not kept", UNIT_MEMO_MAX >> 20);
    }
    int rc = path_of(cache, memo, &memo->who, path, err);
    if (rc != 0) {
        return rc;
    }
    const struct hash digest = hash_bytes(bytes, len);
    struct json_writer w;
    jw_begin(&w, &text);
    jw_object(&w);
    jw_put_string(&w, "layer", memo->layer);
    jw_put_string(&w, "unit", memo->unit);
    jw_put_string(&w, "trust", evidence_trust_names[memo->who.trust]);
    jw_put_string(&w, "scope", memo->who.scope);
    jw_put_string(&w, "host", memo->host);
    jw_put_string(&w, "run", memo->run);
    jw_put_int(&w, "time_ms", memo->time_ms);
    jw_put_string(&w, "digest", hash_hex(&digest, hex));
    jw_end_object(&w);
    (void)str_append_char(&text, '\n');
    if (str_append_n(&text, bytes, len) != 0) {
        return err_set(err, str_error(&text), "out of memory for a memo");
    }
    return file_write_atomic(path, str_text(&text), text.len, err);
}

/* ---- reading ---- */

struct kept {
    json_t *head;
    struct str text; /* all of the file */
    size_t at;       /* of the bytes in it */
};

static void kept_fini(struct kept *kept)
{
    json_cleanup(&kept->head);
    str_fini(&kept->text);
}

/* 1; 0 = missing or damaged. */
static int read_kept(const char *path, struct kept *kept, struct err *err)
{
    struct err own = {0};
    struct hash digest;
    char hex[HASH_HEX_SIZE];
    str_init(&kept->text, UNIT_MEMO_MAX + HEAD_MAX);
    int rc = file_read_regular(path, &kept->text, &own);
    if (rc == -ENOENT) {
        return 0;
    }
    if (rc != 0) {
        *err = own;
        return rc;
    }
    const char *text = str_text(&kept->text);
    const char *newline = memchr(text, '\n', kept->text.len);
    if (newline == NULL || json_parse(text, (size_t)(newline - text), &kept->head, &own) != 0) {
        return 0;
    }
    kept->at = (size_t)(newline - text) + 1;
    digest = hash_bytes(text + kept->at, kept->text.len - kept->at);
    const char *said = json_string_value(json_object_get(kept->head, "digest"));
    return said != NULL && strcmp(said, hash_hex(&digest, hex)) == 0 ? 1 : 0;
}

/* As struct evidence_reader says. */
static bool may_read(const struct evidence_reader *who, const struct evidence_reader *of)
{
    if (of->trust == EVIDENCE_PROTECTED) {
        return true;
    }
    if (who->trust == EVIDENCE_PROTECTED || strcmp(who->scope, of->scope) != 0) {
        return false;
    }
    return who->scope[0] != '\0' ? of->trust >= who->trust : of->trust == who->trust;
}

static int64_t time_of(const struct kept *kept)
{
    return json_integer_value(json_object_get(kept->head, "time_ms"));
}

/* Reads what is kept at one trust and scope, and keeps it in *best when it is newer. */
static int look_at(const char *cache,
                   const struct unit_memo *memo,
                   const struct evidence_reader *of,
                   struct kept *best,
                   struct err *err)
{
    char path[PATH_TEXT_MAX];
    CLEANUP(kept_fini) struct kept kept = {0};
    if (!may_read(&memo->who, of)) {
        return 0;
    }
    int rc = path_of(cache, memo, of, path, err);
    rc = rc == 0 ? read_kept(path, &kept, err) : rc;
    if (rc != 1) {
        return rc;
    }
    (void)utimensat(AT_FDCWD, path, NULL, 0); /* it was used */
    if (best->head == NULL || time_of(&kept) > time_of(best)) {
        const struct kept older = *best;
        *best = kept;
        kept = older;
    }
    return 0;
}

int unit_memo_get(const char *cache, const struct unit_memo *memo, struct str *out, struct err *err)
{
    CLEANUP(kept_fini) struct kept best = {0};
    for (int trust = EVIDENCE_FORK; trust < EVIDENCE_TRUST_COUNT; trust++) {
        const struct evidence_reader own = {(enum evidence_trust)trust, memo->who.scope};
        const struct evidence_reader main_line = {(enum evidence_trust)trust, ""};
        int rc = look_at(cache, memo, &own, &best, err);
        rc = rc == 0 && own.scope[0] != '\0' ? look_at(cache, memo, &main_line, &best, err) : rc;
        if (rc < 0) {
            return rc;
        }
    }
    if (best.head == NULL) {
        return 0;
    }
    const int rc = str_append_n(out, str_text(&best.text) + best.at, best.text.len - best.at);
    return rc == 0 ? 1 : err_set(err, rc, "out of memory for a memo");
}

/* ---- keeping house ---- */

struct entry {
    char name[HASH_HEX_SIZE];
    uint64_t bytes;
    int64_t used_ms;
};

struct entries {
    VEC_FIELDS(struct entry);
};

static void entries_fini(struct entries *entries)
{
    vec_fini(entries);
}

static void dir_close(DIR **dir)
{
    if (*dir != NULL) {
        (void)closedir(*dir);
    }
}

static int64_t used_ms(const struct stat *st)
{
    return (int64_t)st->st_mtim.tv_sec * 1000 + st->st_mtim.tv_nsec / 1000000;
}

/* The folder, and all that is in it; *ret_dir = NULL: there is none. */
static int list_all(const char *cache, DIR **ret_dir, struct entries *entries, struct err *err)
{
    char folder[PATH_TEXT_MAX];
    if (snprintf(folder, sizeof folder, "%s/" FOLDER, cache) >= (int)sizeof folder) {
        return err_set(err, -ENAMETOOLONG, "%s: the path is too long", cache);
    }
    *ret_dir = opendir(folder);
    if (*ret_dir == NULL) {
        return errno == ENOENT ? 0 : err_errno(err, "%s", folder);
    }
    struct dirent *item = NULL;
    while ((item = readdir(*ret_dir)) != NULL) { // NOLINT(concurrency-mt-unsafe): a handle of ours
        struct stat st;
        struct entry entry = {0};
        if (fstatat(dirfd(*ret_dir), item->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0
            || !S_ISREG(st.st_mode) || strlen(item->d_name) >= sizeof entry.name) {
            continue;
        }
        (void)snprintf(entry.name, sizeof entry.name, "%s", item->d_name);
        entry.bytes = (uint64_t)st.st_size;
        entry.used_ms = used_ms(&st);
        if (vec_push(entries, entry) != 0) {
            return err_set(err, -ENOMEM, "out of memory");
        }
    }
    return 0;
}

static int newest_first(const void *a, const void *b)
{
    const int64_t left = ((const struct entry *)a)->used_ms;
    const int64_t right = ((const struct entry *)b)->used_ms;
    return left < right ? 1 : left > right ? -1 : 0;
}

int unit_memo_tidy(
    const char *cache, int64_t before_ms, uint64_t budget, uint64_t *ret_count, struct err *err)
{
    CLEANUP(entries_fini) struct entries entries = {0};
    CLEANUP(dir_close) DIR *dir = NULL;
    uint64_t bytes = 0;
    uint64_t count = 0;
    const int rc = list_all(cache, &dir, &entries, err);
    if (rc != 0) {
        return rc;
    }
    if (entries.count > 1) {
        qsort(entries.items, entries.count, sizeof *entries.items, newest_first);
    }
    for (size_t i = 0; i < entries.count; i++) {
        const struct entry *entry = &entries.items[i];
        bytes += entry->bytes;
        if ((entry->used_ms < before_ms || bytes > budget)
            && unlinkat(dirfd(dir), entry->name, 0) == 0) {
            count++;
        }
    }
    if (ret_count != NULL) {
        *ret_count = count;
    }
    return 0;
}

int unit_memo_count(const char *cache, uint64_t *ret_count, uint64_t *ret_bytes, struct err *err)
{
    CLEANUP(entries_fini) struct entries entries = {0};
    CLEANUP(dir_close) DIR *dir = NULL;
    uint64_t bytes = 0;
    const int rc = list_all(cache, &dir, &entries, err);
    if (rc != 0) {
        return rc;
    }
    for (size_t i = 0; i < entries.count; i++) {
        bytes += entries.items[i].bytes;
    }
    *ret_count = entries.count;
    *ret_bytes = bytes;
    return 0;
}

static bool is_or_any(const char *wanted, const json_t *head, const char *key)
{
    const char *text = json_string_value(json_object_get(head, key));
    return wanted == NULL || strcmp(wanted, text != NULL ? text : "") == 0;
}

static bool rests_on(const struct kept *kept, const struct evidence_revocation *what)
{
    const int64_t time_ms = time_of(kept);
    return time_ms >= what->since_ms && time_ms <= what->until_ms
           && is_or_any(what->host, kept->head, "host")
           && is_or_any(what->scope, kept->head, "scope")
           && is_or_any(what->run, kept->head, "run");
}

int unit_memo_revoke(const char *cache,
                     const struct evidence_revocation *what,
                     bool dry,
                     uint64_t *ret_count,
                     struct err *err)
{
    CLEANUP(entries_fini) struct entries entries = {0};
    CLEANUP(dir_close) DIR *dir = NULL;
    uint64_t count = 0;
    int rc = list_all(cache, &dir, &entries, err);
    for (size_t i = 0; rc == 0 && i < entries.count; i++) {
        char path[PATH_TEXT_MAX];
        CLEANUP(kept_fini) struct kept kept = {0};
        (void)snprintf(path, sizeof path, "%s/" FOLDER "/%s", cache, entries.items[i].name);
        rc = read_kept(path, &kept, err);
        if (rc == 1 && rests_on(&kept, what)) {
            count++;
            rc = dry || unlink(path) == 0 ? 0 : err_errno(err, "%s", path);
        }
        rc = rc > 0 ? 0 : rc;
    }
    if (rc == 0 && ret_count != NULL) {
        *ret_count = count;
    }
    return rc;
}
