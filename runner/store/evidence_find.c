/* SPDX-License-Identifier: Apache-2.0 */
/* Look-ups. */
#include "base/mem.h"
#include "store/evidence_impl.h"
#include "store/evidence_pack.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

static int no_memory(struct err *err)
{
    return err_set(err, -ENOMEM, "not enough memory to look evidence up");
}

/* ---- units and classes ---- */

/* Steps to the row of a unit key: 1, 0, or an error. Reset it afterwards. */
static int step_to_unit(struct evidence_store *store,
                        const struct hash *key,
                        sqlite3_stmt **ret_statement,
                        struct err *err)
{
    int result = evidence_statement(store, SQL_UNIT_GET, ret_statement, err);
    if (result != 0) {
        return result;
    }
    bind_hash(*ret_statement, 1, key);
    return evidence_next(store, *ret_statement, err);
}

int unit_find(struct evidence_store *store,
              const struct hash *key,
              struct unit_row *unit,
              struct err *err)
{
    sqlite3_stmt *statement = NULL;
    int result = step_to_unit(store, key, &statement, err);
    unit->id = 0;
    if (result != 1) {
        return result;
    }
    unit->id = sqlite3_column_int64(statement, 0);
    result =
        str_append_n(&unit->classes, sqlite3_column_blob(statement, 1), column_len(statement, 1));
    (void)sqlite3_reset(statement);
    return result == 0 ? 0 : no_memory(err);
}

static int copy_classes(sqlite3_stmt *statement,
                        struct arena *arena,
                        const struct evidence_class **ret_classes,
                        size_t *ret_count)
{
    struct evidence_class classes[EVIDENCE_CLASSES_MAX];
    size_t count = 0;
    size_t len = column_len(statement, 1);
    unsigned char *bytes = arena_alloc(arena, len);
    if (bytes == NULL) {
        return -ENOMEM;
    }
    if (len > 0) {
        memcpy(bytes, sqlite3_column_blob(statement, 1), len);
    }
    int result = unpack_classes(bytes, len, classes, &count);
    if (result != 0) {
        return result;
    }
    struct evidence_class *copy = arena_calloc(arena, count, sizeof *copy);
    if (copy == NULL) {
        return -ENOMEM;
    }
    memcpy(copy, classes, count * sizeof *copy);
    *ret_classes = copy;
    *ret_count = count;
    return 0;
}

int evidence_classes(struct evidence_store *store,
                     const struct hash *unit_key,
                     struct arena *arena,
                     const struct evidence_class **ret_classes,
                     size_t *ret_count,
                     struct err *err)
{
    sqlite3_stmt *statement = NULL;
    int result = step_to_unit(store, unit_key, &statement, err);
    if (result == 0) {
        *ret_classes = NULL;
        *ret_count = 0;
        return 0;
    }
    if (result == 1) {
        result = copy_classes(statement, arena, ret_classes, ret_count);
        (void)sqlite3_reset(statement);
        if (result == -ENOMEM) {
            return no_memory(err);
        }
        if (result != 0) {
            return evidence_damaged(store, "the classes of a unit make no sense", err);
        }
    }
    return result;
}

int evidence_words(struct evidence_store *store,
                   const struct hash *unit_key,
                   struct arena *arena,
                   const char **ret_words,
                   struct err *err)
{
    sqlite3_stmt *statement = NULL;
    int result = step_to_unit(store, unit_key, &statement, err);
    if (result == 0) {
        *ret_words = NULL;
    } else if (result == 1) {
        const char *words = column_copy(statement, 2, arena);
        result = words != NULL ? 0 : no_memory(err);
        *ret_words = words != NULL ? words : *ret_words;
        (void)sqlite3_reset(statement);
    }
    return result;
}

/* ---- rows ---- */

bool evidence_readable(const struct evidence_reader *reader,
                       enum evidence_trust trust,
                       const char *scope)
{
    assert(reader->scope != NULL);
    if (trust == EVIDENCE_PROTECTED) {
        return true;
    }
    if (trust < reader->trust) {
        return false;
    }
    const bool for_change = reader->scope[0] != '\0';
    /* member without scope: any member's; a change, or a fork: its own, or that of forks at large
     */
    return (!for_change && reader->trust == EVIDENCE_MEMBER) || strcmp(reader->scope, scope) == 0;
}

bool evidence_is_given(const struct evidence_query *query,
                       enum evidence_trust trust,
                       const char *scope)
{
    const struct evidence_reader *reader = &query->reader;
    if (query->own && (trust != reader->trust || strcmp(scope, reader->scope) != 0)) {
        return false;
    }
    return evidence_readable(reader, trust, scope);
}

int evidence_probe(struct evidence_store *store,
                   int64_t class_id,
                   const unsigned char fast[EVIDENCE_FAST_SIZE],
                   struct err *err)
{
    sqlite3_stmt *statement = NULL;
    int result = evidence_statement(store, SQL_PROBE, &statement, err);
    if (result != 0) {
        return result;
    }
    (void)sqlite3_bind_int64(statement, 1, class_id);
    bind_bytes(statement, 2, fast, EVIDENCE_FAST_SIZE);
    result = evidence_next(store, statement, err);
    if (result == 1) {
        result = sqlite3_column_int(statement, 0);
        (void)sqlite3_reset(statement);
    }
    return result;
}

static int copy_outcome(sqlite3_stmt *statement, struct arena *arena, struct evidence_row *row)
{
    row->outcome = NULL;
    row->outcome_len = 0;
    if (sqlite3_column_type(statement, ROW_INLINED) == SQLITE_NULL) {
        return 0;
    }
    size_t len = column_len(statement, ROW_INLINED);
    void *bytes = arena_alloc(arena, len);
    if (bytes == NULL) {
        return -ENOMEM;
    }
    if (len > 0) {
        memcpy(bytes, sqlite3_column_blob(statement, ROW_INLINED), len);
    }
    row->outcome = bytes;
    row->outcome_len = len;
    return 0;
}

int row_copy(sqlite3_stmt *statement, struct arena *arena, struct evidence_row *row)
{
    const int confirmed = sqlite3_column_int(statement, ROW_CONFIRMED);
    *row = (struct evidence_row){
        .id = sqlite3_column_int64(statement, ROW_ID),
        .unit_key = column_hash(statement, ROW_UNIT_KEY),
        .class_id = sqlite3_column_int64(statement, ROW_CLASS),
        .full = column_hash(statement, ROW_FULL),
        .passed = sqlite3_column_int(statement, ROW_PASSED) == 1,
        .kind = sqlite3_column_int(statement, ROW_KIND) == EVIDENCE_OBSERVED ? EVIDENCE_OBSERVED
                                                                             : EVIDENCE_DECLARED,
        .trust = column_trust(statement, ROW_TRUST),
        .scope = column_copy(statement, ROW_SCOPE, arena),
        .tree = column_copy(statement, ROW_TREE, arena),
        .run = column_copy(statement, ROW_RUN, arena),
        .host = column_copy(statement, ROW_HOST, arena),
        .observer = column_copy(statement, ROW_OBSERVER, arena),
        .time_ms = sqlite3_column_int64(statement, ROW_TIME),
        .wall_ns = sqlite3_column_int64(statement, ROW_WALL),
        .cpu_us = sqlite3_column_int64(statement, ROW_CPU),
        .expires_ms = sqlite3_column_int64(statement, ROW_EXPIRES),
        .used_ms = sqlite3_column_int64(statement, ROW_USED),
        .confirmed = confirmed > 0 ? (unsigned)confirmed : 0,
        .stdout_blob = column_hash(statement, ROW_STDOUT),
        .stderr_blob = column_hash(statement, ROW_STDERR),
        .manifest = column_hash(statement, ROW_MANIFEST),
        .outcome_blob = column_hash(statement, ROW_OUTCOME),
    };
    const bool copied = row->scope != NULL && row->tree != NULL && row->run != NULL
                        && row->host != NULL && row->observer != NULL;
    return copied ? copy_outcome(statement, arena, row) : -ENOMEM;
}

/* May this row be given to the one who asks? */
static bool row_answers(sqlite3_stmt *statement, const struct evidence_query *query)
{
    const struct hash key = column_hash(statement, ROW_UNIT_KEY);
    const int64_t expires_ms = sqlite3_column_int64(statement, ROW_EXPIRES);
    const bool passed = sqlite3_column_int(statement, ROW_PASSED) == 1;
    return memcmp(&key, &query->unit_key, sizeof key) == 0 && (passed || query->failed_too)
           && (expires_ms == 0 || expires_ms > query->now_ms)
           && evidence_is_given(
               query, column_trust(statement, ROW_TRUST), column_text(statement, ROW_SCOPE));
}

static bool is_better(sqlite3_stmt *statement, const struct evidence_row *best)
{
    const bool passed = sqlite3_column_int(statement, ROW_PASSED) == 1;
    const enum evidence_trust trust = column_trust(statement, ROW_TRUST);
    if (passed != best->passed) {
        return passed;
    }
    if (trust != best->trust) {
        return trust > best->trust;
    }
    return sqlite3_column_int64(statement, ROW_TIME) > best->time_ms;
}

/* Takes the best of the rows that the statement gives: 1, 0, or an error. */
static int choose(struct evidence_store *store,
                  sqlite3_stmt *statement,
                  const struct evidence_query *query,
                  struct arena *arena,
                  struct evidence_row *ret_row,
                  struct err *err)
{
    struct evidence_row best = {.id = 0};
    int result = 0;
    while ((result = evidence_next(store, statement, err)) == 1) {
        if (row_answers(statement, query) && (best.id == 0 || is_better(statement, &best))
            && row_copy(statement, arena, &best) != 0) {
            result = no_memory(err);
            break;
        }
    }
    (void)sqlite3_reset(statement);
    if (result != 0 || best.id == 0) {
        return result;
    }
    *ret_row = best;
    return 1;
}

static int find(struct evidence_store *store,
                sqlite3_stmt *statement,
                const struct evidence_query *query,
                struct arena *arena,
                struct evidence_row *ret_row,
                struct err *err)
{
    struct evidence_row row;
    int result = choose(store, statement, query, arena, &row, err);
    if (result != 1) {
        return result;
    }
    result = evidence_quarantined(store, &query->unit_key, &query->reader, arena, NULL, err);
    if (result != 0) {
        return result < 0 ? result : 0;
    }
    *ret_row = row;
    return 1;
}

int rows_of_full(struct evidence_store *store,
                 int64_t class_id,
                 const struct hash *full,
                 sqlite3_stmt **ret_statement,
                 struct err *err)
{
    int result = evidence_statement(store, SQL_ROWS_OF_FULL, ret_statement, err);
    if (result == 0) {
        (void)sqlite3_bind_int64(*ret_statement, 1, class_id);
        bind_hash(*ret_statement, 2, full);
    }
    return result;
}

int evidence_find(struct evidence_store *store,
                  const struct evidence_query *query,
                  struct arena *arena,
                  struct evidence_row *ret_row,
                  struct err *err)
{
    sqlite3_stmt *statement = NULL;
    int result = rows_of_full(store, query->class_id, &query->full, &statement, err);
    return result != 0 ? result : find(store, statement, query, arena, ret_row, err);
}

int evidence_get(struct evidence_store *store,
                 int64_t id,
                 const struct evidence_query *query,
                 struct arena *arena,
                 struct evidence_row *ret_row,
                 struct err *err)
{
    sqlite3_stmt *statement = NULL;
    int result = evidence_statement(store, SQL_ROW_GET, &statement, err);
    if (result != 0) {
        return result;
    }
    (void)sqlite3_bind_int64(statement, 1, id);
    return find(store, statement, query, arena, ret_row, err);
}

int evidence_outcome(struct evidence_store *store,
                     const struct evidence_row *row,
                     struct str *out,
                     struct err *err)
{
    if (row->outcome == NULL) {
        return blobs_get(store->blobs, &row->outcome_blob, out, err);
    }
    return str_append_n(out, row->outcome, row->outcome_len) == 0
               ? 0
               : err_set(err, out->error, "an outcome is too long to be read");
}

int evidence_vectors(struct evidence_store *store,
                     int64_t class_id,
                     struct arena *arena,
                     const struct evidence_vector **ret_vectors,
                     size_t *ret_count,
                     struct err *err)
{
    sqlite3_stmt *statement = NULL;
    int result = evidence_statement(store, SQL_CLASS_GET, &statement, err);
    if (result != 0) {
        return result;
    }
    (void)sqlite3_bind_int64(statement, 1, class_id);
    result = evidence_next(store, statement, err);
    if (result < 0) {
        return result;
    }
    const struct evidence_vector *vectors = NULL;
    size_t count = 0;
    const void *frame = result == 1 ? sqlite3_column_blob(statement, 2) : NULL;
    result = frame != NULL
                 ? unpack_vectors(frame, column_len(statement, 2), arena, &vectors, &count)
                 : 0;
    (void)sqlite3_reset(statement);
    if (result != 0) {
        return result == -ENOMEM ? no_memory(err)
                                 : evidence_damaged(store, "the answers of a class", err);
    }
    *ret_vectors = vectors;
    *ret_count = count;
    return 0;
}
