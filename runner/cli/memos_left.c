/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/memos_left.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/limits.h"
#include "cli/run_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define NOTES "memos.ndjson"

/* A line: ids and a path. 100,000 units that wanted a memo. */
#define LINE_MAX_BYTES (64u << 10)
#define NOTES_MAX      (256u << 20)

static int notes_of(const char *run_dir, char path[PATH_TEXT_MAX], struct err *err)
{
    return snprintf(path, PATH_TEXT_MAX, "%s/" NOTES, run_dir) < PATH_TEXT_MAX
               ? 0
               : err_set(err, -ENAMETOOLONG, "%s: the path is too long", run_dir);
}

int memos_left_note(const char *run_dir,
                    const struct unit_memo *memo,
                    const char *file,
                    struct err *err)
{
    CLEANUP(str_fini) struct str line = STR_INIT(LINE_MAX_BYTES);
    char path[PATH_TEXT_MAX];
    char hex[HASH_HEX_SIZE];
    struct json_writer w;
    int rc = notes_of(run_dir, path, err);
    if (rc != 0) {
        return rc;
    }
    jw_begin(&w, &line);
    jw_object(&w);
    jw_put_string(&w, "layer", memo->layer);
    jw_put_string(&w, "unit", memo->unit);
    jw_put_string(&w, "program", hash_hex(&memo->program, hex));
    jw_put_int(&w, "trust", (int64_t)memo->who.trust);
    jw_put_string(&w, "scope", memo->who.scope);
    jw_put_string(&w, "host", memo->host);
    jw_put_string(&w, "run", memo->run);
    jw_put_int(&w, "time_ms", memo->time_ms);
    jw_put_string(&w, "file", file);
    jw_end_object(&w);
    rc = str_append_char(&line, '\n');
    CLEANUP(cleanup_fd) int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    if (rc != 0 || fd < 0) {
        return rc != 0 ? err_set(err, rc, "a memo's name is too long") : err_errno(err, "%s", path);
    }
    rc = fd_write_all(fd, str_text(&line), line.len);
    return rc == 0 ? 0 : err_set(err, rc, "cannot write %s", path);
}

void memos_left_forget(const char *run_dir)
{
    char path[PATH_TEXT_MAX];
    if (notes_of(run_dir, path, NULL) == 0) {
        (void)unlink(path);
    }
}

/* ---- recovering ---- */

struct recovery {
    const char *state;
    const char *cache;
    size_t count;
};

static int digit_of(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_hash(const char *hex, struct hash *ret_hash)
{
    if (strlen(hex) != HASH_HEX_SIZE - 1) {
        return false;
    }
    for (size_t i = 0; i < HASH_SIZE; i++) {
        int high = digit_of(hex[2 * i]);
        int low = digit_of(hex[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        ret_hash->bytes[i] = (unsigned char)(high * 16 + low);
    }
    return true;
}

/* Keeps one; what cannot be kept takes its time again. */
static void keep_line(struct recovery *recovery, const char *run_dir, json_t *object)
{
    CLEANUP(str_fini) struct str text = STR_INIT(UNIT_MEMO_MAX);
    struct unit_memo memo = {0};
    const char *program = NULL;
    const char *file = NULL;
    int64_t trust = -1;
    const struct json_field fields[] = {
        {"layer",   JSON_FIELD_STRING, true, &memo.layer    },
        {"unit",    JSON_FIELD_STRING, true, &memo.unit     },
        {"program", JSON_FIELD_STRING, true, &program       },
        {"trust",   JSON_FIELD_INT,    true, &trust         },
        {"scope",   JSON_FIELD_STRING, true, &memo.who.scope},
        {"host",    JSON_FIELD_STRING, true, &memo.host     },
        {"run",     JSON_FIELD_STRING, true, &memo.run      },
        {"time_ms", JSON_FIELD_INT,    true, &memo.time_ms  },
        {"file",    JSON_FIELD_STRING, true, &file          },
    };
    struct err err = {0};
    if (json_read_object(object, fields, sizeof fields / sizeof fields[0], &err) != 0 || trust < 0
        || trust >= EVIDENCE_TRUST_COUNT || !read_hash(program, &memo.program)
        || strncmp(file, run_dir, strlen(run_dir)) != 0) {
        return;
    }
    memo.who.trust = (enum evidence_trust)trust;
    if (file_read_regular(file, &text, &err) == 0
        && unit_memo_put(recovery->cache, &memo, str_text(&text), text.len, &err) == 0) {
        recovery->count++;
        (void)unlink(file);
    }
}

static void keep_all(struct recovery *recovery, const char *run_dir, const struct str *notes)
{
    const char *text = str_text(notes);
    size_t at = 0;
    while (at < notes->len) {
        const char *end = memchr(text + at, '\n', notes->len - at);
        CLEANUP(json_cleanup) json_t *object = NULL;
        struct err err = {0};
        if (end == NULL) {
            return; /* it was killed as it wrote this */
        }
        if (json_parse(text + at, (size_t)(end - text) - at, &object, &err) == 0) {
            keep_line(recovery, run_dir, object);
        }
        at = (size_t)(end - text) + 1;
    }
}

static int recover_run(void *context, const char *run_id)
{
    struct recovery *recovery = context;
    CLEANUP(str_fini) struct str notes = STR_INIT(NOTES_MAX);
    char run_dir[PATH_TEXT_MAX];
    char path[PATH_TEXT_MAX];
    struct err err = {0};
    int len = snprintf(run_dir, sizeof run_dir, "%s/" FOLDERS_RUNS "/%s", recovery->state, run_id);
    if (len < 0 || (size_t)len >= sizeof run_dir || notes_of(run_dir, path, &err) != 0
        || !file_exists(path) || run_folder_is_alive(recovery->state, FOLDERS_RUNS, run_id)) {
        return 0;
    }
    if (file_read_regular(path, &notes, &err) == 0) {
        keep_all(recovery, run_dir, &notes);
    }
    memos_left_forget(run_dir);
    return 0;
}

int memos_left_recover(const char *state, const char *cache, size_t *ret_count, struct err *err)
{
    struct recovery recovery = {.state = state, .cache = cache};
    int rc = run_folder_list(state, FOLDERS_RUNS, recover_run, &recovery, err);
    if (ret_count != NULL) {
        *ret_count = recovery.count;
    }
    return rc;
}
