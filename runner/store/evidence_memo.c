/* SPDX-License-Identifier: Apache-2.0 */
/* Shortcuts: digests of files by stat tuple, answers of whole states. */
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/mem.h"
#include "store/evidence_impl.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- files ---- */

static void bind_file(sqlite3_stmt *statement, const struct evidence_file *file)
{
    (void)sqlite3_bind_int64(statement, 1, (int64_t)file->dev);
    (void)sqlite3_bind_int64(statement, 2, (int64_t)file->ino);
    (void)sqlite3_bind_int64(statement, 3, (int64_t)file->size);
    (void)sqlite3_bind_int64(statement, 4, file->mtime_ns);
    (void)sqlite3_bind_int64(statement, 5, file->ctime_ns);
}

int evidence_file_get(struct evidence_store *store, struct evidence_file *file, struct err *err)
{
    sqlite3_stmt *statement = NULL;
    int result = evidence_statement(store, SQL_FILE_GET, &statement, err);
    if (result != 0) {
        return result;
    }
    bind_file(statement, file);
    result = evidence_next(store, statement, err);
    if (result == 1) {
        const struct hash digest = column_hash(statement, 0);
        result = hash_is_zero(&digest) ? 0 : 1;
        file->digest = result == 1 ? digest : file->digest;
        (void)sqlite3_reset(statement);
    }
    return result;
}

struct putting {
    const void *items;
    size_t count;
    int64_t now_ms;
};

static int put_file(struct evidence_store *store,
                    const struct evidence_file *file,
                    int64_t now_ms,
                    struct err *err)
{
    sqlite3_stmt *statement = NULL;
    int result = evidence_statement(store, SQL_FILE_PUT, &statement, err);
    if (result != 0) {
        return result;
    }
    bind_file(statement, file);
    bind_hash(statement, 6, &file->digest);
    (void)sqlite3_bind_int64(statement, 7, now_ms);
    return evidence_step(store, statement, NULL, err);
}

static int files_body(struct evidence_store *store, void *context, struct err *err)
{
    const struct putting *putting = context;
    const struct evidence_file *files = putting->items;
    const int64_t young_ns = (putting->now_ms - EVIDENCE_FILE_AGE_MS) * 1000000;
    int result = 0;
    for (size_t i = 0; result == 0 && i < putting->count; i++) {
        if (files[i].mtime_ns < young_ns && files[i].ctime_ns < young_ns) {
            result = put_file(store, &files[i], putting->now_ms, err);
        }
    }
    return result;
}

int evidence_files_put(struct evidence_store *store,
                       const struct evidence_file *files,
                       size_t count,
                       int64_t now_ms,
                       struct err *err)
{
    struct putting putting = {files, count, now_ms};
    return count > 0 ? evidence_write(store, files_body, &putting, err) : 0;
}

/* ---- answers ---- */

/* Answers of one state: 2^20 units are 40 MB. Beyond, the state is not remembered. */
#define ANSWERS_MAX ((size_t)1 << 20)

void answer_unpack(const unsigned char *bytes, struct evidence_answer *ret)
{
    memcpy(ret->unit_key.bytes, bytes, HASH_SIZE);
    uint64_t id = 0;
    for (size_t i = 8; i > 0; i--) {
        id = id << 8 | bytes[HASH_SIZE + i - 1];
    }
    ret->evidence_id = (int64_t)id;
}

static void pack_answer(unsigned char *bytes, const struct evidence_answer *answer)
{
    memcpy(bytes, answer->unit_key.bytes, HASH_SIZE);
    for (size_t i = 0; i < 8; i++) {
        bytes[HASH_SIZE + i] = (unsigned char)((uint64_t)answer->evidence_id >> (8 * i));
    }
}

/* Steps to the answers of a state: their bytes live until the statement is reset. */
static int step_to_answers(struct evidence_store *store,
                           const struct hash *state,
                           sqlite3_stmt **ret_statement,
                           struct err *err)
{
    int result = evidence_statement(store, SQL_ANSWERS_GET, ret_statement, err);
    if (result != 0) {
        return result;
    }
    bind_hash(*ret_statement, 1, state);
    return evidence_next(store, *ret_statement, err);
}

int evidence_answers(struct evidence_store *store,
                     const struct hash *state,
                     struct arena *arena,
                     const struct evidence_answer **ret_answers,
                     size_t *ret_count,
                     struct err *err)
{
    sqlite3_stmt *statement = NULL;
    int result = step_to_answers(store, state, &statement, err);
    if (result < 0) {
        return result;
    }
    const unsigned char *bytes = result == 1 ? sqlite3_column_blob(statement, 0) : NULL;
    size_t count = bytes != NULL ? column_len(statement, 0) / ANSWER_BYTES : 0;
    struct evidence_answer *answers = arena_calloc(arena, count, sizeof *answers);
    for (size_t i = 0; answers != NULL && i < count; i++) {
        answer_unpack(bytes + i * ANSWER_BYTES, &answers[i]);
    }
    (void)sqlite3_reset(statement);
    if (answers == NULL) {
        return err_set(err, -ENOMEM, "not enough memory to look evidence up");
    }
    *ret_answers = answers;
    *ret_count = count;
    return 0;
}

static int compare_bytes(const void *a, const void *b)
{
    return memcmp(a, b, HASH_SIZE);
}

struct answering {
    const struct evidence_state *state;
    const struct evidence_answer *answers;
    size_t count;
};

/* All answers, old ones behind new ones, as packed bytes. */
static int gather(struct evidence_store *store,
                  const struct answering *answering,
                  unsigned char **ret_bytes,
                  size_t *ret_count,
                  struct err *err)
{
    sqlite3_stmt *statement = NULL;
    int result = step_to_answers(store, &answering->state->id, &statement, err);
    if (result < 0) {
        return result;
    }
    size_t old = result == 1 ? column_len(statement, 0) / ANSWER_BYTES : 0;
    unsigned char *bytes = mem_calloc(answering->count + old + 1, ANSWER_BYTES);
    if (bytes != NULL) {
        for (size_t i = 0; i < answering->count; i++) {
            pack_answer(bytes + i * ANSWER_BYTES, &answering->answers[i]);
        }
        if (old > 0) {
            memcpy(bytes + answering->count * ANSWER_BYTES,
                   sqlite3_column_blob(statement, 0),
                   old * ANSWER_BYTES);
        }
    }
    (void)sqlite3_reset(statement);
    if (bytes == NULL) {
        return err_set(err, -ENOMEM, "not enough memory to remember answers");
    }
    *ret_bytes = bytes;
    *ret_count = old;
    return 0;
}

/* Sorts the new ones and merges the old ones in, a new one before an old one of the same key, which
 * is left out; returns how many there are. `out` has room for all. */
static size_t merge(unsigned char *bytes, size_t new_count, size_t old_count, unsigned char *out)
{
    unsigned char *new = bytes;
    unsigned char *old = bytes + new_count * ANSWER_BYTES;
    const unsigned char *new_end = old;
    const unsigned char *old_end = old + old_count * ANSWER_BYTES;
    size_t count = 0;
    assert(bytes != NULL);
    qsort(new, new_count, ANSWER_BYTES, compare_bytes);
    while (new < new_end || old < old_end) {
        int order = new == new_end ? 1 : old == old_end ? -1 : compare_bytes(new, old);
        unsigned char **from = order <= 0 ? &new : &old;
        const unsigned char *last = count > 0 ? out + (count - 1) * ANSWER_BYTES : NULL;
        if (last == NULL || compare_bytes(last, *from) != 0) {
            memcpy(out + count * ANSWER_BYTES, *from, ANSWER_BYTES);
            count++;
        }
        *from += ANSWER_BYTES;
    }
    return count;
}

static int answers_body(struct evidence_store *store, void *context, struct err *err)
{
    const struct answering *answering = context;
    CLEANUP(cleanup_free) unsigned char *bytes = NULL;
    size_t old = 0;
    int result = gather(store, answering, &bytes, &old, err);
    if (result != 0) {
        return result;
    }
    CLEANUP(cleanup_free)
    unsigned char *merged = mem_calloc(answering->count + old + 1, ANSWER_BYTES);
    if (merged == NULL) {
        return err_set(err, -ENOMEM, "not enough memory to remember answers");
    }
    size_t count = merge(bytes, answering->count, old, merged);
    sqlite3_stmt *statement = NULL;
    result = evidence_statement(store, SQL_ANSWERS_PUT, &statement, err);
    if (result != 0) {
        return result;
    }
    bind_hash(statement, 1, &answering->state->id);
    bind_text(statement, 2, answering->state->tree);
    bind_text(statement, 3, answering->state->run);
    (void)sqlite3_bind_int64(statement, 4, clock_wall_ms());
    bind_bytes(statement, 5, merged, count * ANSWER_BYTES);
    result = evidence_step(store, statement, NULL, err);
    result = result == 0 ? evidence_statement(store, SQL_ANSWERS_SWEEP, &statement, err) : result;
    if (result != 0) {
        return result;
    }
    (void)sqlite3_bind_int64(statement, 1, EVIDENCE_STATES_MAX);
    return evidence_step(store, statement, NULL, err);
}

int evidence_answers_put(struct evidence_store *store,
                         const struct evidence_state *state,
                         const struct evidence_answer *answers,
                         size_t count,
                         struct err *err)
{
    struct answering answering = {state, answers, count};
    if (count > ANSWERS_MAX) {
        return err_set(err, -E2BIG, "%zu answers are too many to be remembered", count);
    }
    return count > 0 ? evidence_write(store, answers_body, &answering, err) : 0;
}
