/* SPDX-License-Identifier: Apache-2.0 */
/* How much there is, and whether it is whole. Making room is in evidence_gc.c, trust in
 * evidence_revoke.c. */
#include "store/evidence_keep.h"

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/vec.h"
#include "store/evidence_impl.h"
#include "store/evidence_pack.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- stats ---- */

int evidence_number(struct evidence_store *store, const char *sql, int64_t *ret, struct err *err)
{
    sqlite3_stmt *statement = NULL;
    int result = database_prepare(&store->database, sql, &statement, err);
    result = result == 0 ? evidence_next(store, statement, err) : result;
    if (result >= 0) {
        *ret = result == 1 ? sqlite3_column_int64(statement, 0) : 0;
        result = 0;
    }
    (void)sqlite3_finalize(statement);
    return result;
}

static int add_blob(void *context, const struct blob_info *info)
{
    struct evidence_stats *stats = context;
    stats->blobs++;
    stats->blob_bytes += info->bytes;
    return 0;
}

static int count_rows(struct evidence_store *store, struct evidence_stats *stats, struct err *err)
{
    const struct {
        const char *sql;
        uint64_t *target;
    } numbers[] = {
        {"SELECT count(*) FROM unit",                                                          &stats->units         },
        {"SELECT count(*) FROM class",                                                         &stats->classes       },
        {"SELECT count(*) FROM atom",                                                          &stats->atoms         },
        {"SELECT count(*) FROM evidence",                                                      &stats->rows          },
        {"SELECT count(*) FROM evidence WHERE passed = 1",                                     &stats->passed        },
        {"SELECT count(*) FROM evidence WHERE passed = 0",                                     &stats->failed        },
        {"SELECT count(*) FROM evidence WHERE kind = 1",                                       &stats->declared      },
        {"SELECT count(*) FROM evidence e JOIN origin o ON o.id = e.origin WHERE o.trust = 0",
         &stats->of_trust[EVIDENCE_FORK]                                                                             },
        {"SELECT count(*) FROM evidence e JOIN origin o ON o.id = e.origin WHERE o.trust = 1",
         &stats->of_trust[EVIDENCE_MEMBER]                                                                           },
        {"SELECT count(*) FROM evidence e JOIN origin o ON o.id = e.origin WHERE o.trust = 2",
         &stats->of_trust[EVIDENCE_PROTECTED]                                                                        },
        {"SELECT count(DISTINCT unit) FROM quarantine",                                        &stats->quarantined   },
        {"SELECT count(*) FROM ledger WHERE passes > 0 AND failures > 0",                      &stats->flaky         },
        {"SELECT count(*) FROM revocation",                                                    &stats->revocations   },
        {"SELECT count(*) FROM lease",                                                         &stats->leases        },
        {"SELECT count(*) FROM file_memo",                                                     &stats->files         },
        {"SELECT count(*) FROM answers",                                                       &stats->states        },
        {EVIDENCE_BYTES_SQL,                                                                   &stats->database_bytes},
    };

    int result = 0;
    for (size_t i = 0; result == 0 && i < sizeof numbers / sizeof numbers[0]; i++) {
        int64_t number = 0;
        result = evidence_number(store, numbers[i].sql, &number, err);
        *numbers[i].target = (uint64_t)number;
    }
    result =
        result == 0
            ? evidence_number(store, "SELECT min(time_ms) FROM evidence", &stats->oldest_ms, err)
            : result;
    return result == 0
               ? evidence_number(store, "SELECT max(time_ms) FROM evidence", &stats->newest_ms, err)
               : result;
}

int evidence_stats(struct evidence_store *store, struct evidence_stats *ret, struct err *err)
{
    struct evidence_stats stats = {.units = 0};
    int result = count_rows(store, &stats, err);
    result = result == 0 ? blobs_walk(store->blobs, add_blob, &stats, err) : result;
    if (result == 0) {
        *ret = stats;
    }
    return result;
}

/* ---- damage ---- */

static int check_file(struct evidence_store *store, struct err *err)
{
    sqlite3_stmt *statement = NULL;
    char text[256] = "";
    int result = database_prepare(&store->database, "PRAGMA integrity_check(1)", &statement, err);
    result = result == 0 ? evidence_next(store, statement, err) : result;
    if (result == 1) {
        (void)snprintf(text, sizeof text, "%s", column_text(statement, 0));
        result = strcmp(text, "ok") == 0 ? 0 : evidence_damaged(store, text, err);
    }
    (void)sqlite3_finalize(statement);
    return result;
}

struct checking {
    struct evidence_store *store;
    struct evidence_verified *verified;
    struct err *err;

    struct {
        VEC_FIELDS(int64_t);
    } ids; /* to be removed */

    struct {
        VEC_FIELDS(struct hash);
    } keys; /* of units whose classes make no sense */
};

static int check_blob(void *context, const struct blob_info *info)
{
    const struct checking *checking = context;
    int result = blobs_verify(checking->store->blobs, &info->digest, checking->err);
    checking->verified->blobs++;
    checking->verified->blobs_damaged += result == -EBADMSG ? 1 : 0;
    return result == -EBADMSG || result == -ENOENT ? 0 : result;
}

bool row_is_complete(struct evidence_store *store, sqlite3_stmt *statement)
{
    static const int columns[] = {ROW_STDOUT, ROW_STDERR, ROW_MANIFEST, ROW_OUTCOME};
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++) {
        const struct hash digest = column_hash(statement, columns[i]);
        if (!hash_is_zero(&digest) && !blobs_has(store->blobs, &digest)) {
            return false;
        }
    }
    const unsigned char *products = sqlite3_column_blob(statement, ROW_PRODUCTS);
    size_t count = products != NULL ? column_len(statement, ROW_PRODUCTS) / HASH_SIZE : 0;
    for (size_t i = 0; i < count; i++) {
        struct hash digest;
        memcpy(&digest, products + i * HASH_SIZE, sizeof digest);
        if (!blobs_has(store->blobs, &digest)) {
            return false;
        }
    }
    return true;
}

static int check_rows(struct checking *checking)
{
    struct evidence_store *store = checking->store;
    sqlite3_stmt *statement = NULL;
    int result = evidence_statement(store, SQL_ROWS, &statement, checking->err);
    if (result != 0) {
        return result;
    }
    while ((result = evidence_next(store, statement, checking->err)) == 1) {
        checking->verified->rows++;
        if (!row_is_complete(store, statement)
            && vec_push(&checking->ids, (int64_t)sqlite3_column_int64(statement, ROW_ID)) != 0) {
            result = -ENOMEM;
            break;
        }
    }
    (void)sqlite3_reset(statement);
    return result;
}

/* Are all atoms of a unit's classes there? */
static int check_atoms(struct checking *checking, const struct evidence_class *item)
{
    CLEANUP(cleanup_free) uint32_t *ids = mem_calloc((size_t)item->count + 1, sizeof *ids);
    if (ids == NULL) {
        return -ENOMEM;
    }
    int result = evidence_class_atoms(item, ids, NULL);
    for (uint32_t i = 0; result == 0 && i < item->count; i++) {
        struct observation atom;
        result = evidence_atom(checking->store, ids[i], &atom, NULL);
    }
    return result;
}

static int check_unit(struct checking *checking, sqlite3_stmt *statement)
{
    struct evidence_class classes[EVIDENCE_CLASSES_MAX];
    size_t count = 0;
    int result = unpack_classes(
        sqlite3_column_blob(statement, 2), column_len(statement, 2), classes, &count);
    for (size_t i = 0; result == 0 && i < count; i++) {
        result = check_atoms(checking, &classes[i]);
    }
    if (result == -EUCLEAN || result == -ENOENT) {
        checking->verified->classes_removed += count > 0 ? count : 1;
        result = vec_push(&checking->keys, column_hash(statement, 1));
    }
    return result;
}

static int check_units(struct checking *checking)
{
    sqlite3_stmt *statement = NULL;
    int result = evidence_statement(checking->store, SQL_UNITS, &statement, checking->err);
    if (result != 0) {
        return result;
    }
    while ((result = evidence_next(checking->store, statement, checking->err)) == 1) {
        result = check_unit(checking, statement);
        if (result != 0) {
            break;
        }
    }
    (void)sqlite3_reset(statement);
    return result;
}

static int remove_body(struct evidence_store *store, void *context, struct err *err)
{
    const struct checking *checking = context;
    int result = 0;
    for (size_t i = 0; result == 0 && i < checking->ids.count; i++) {
        result = evidence_forget(store, checking->ids.items[i], err);
    }
    for (size_t i = 0; result == 0 && i < checking->keys.count; i++) {
        result = unit_delete(store, &checking->keys.items[i], err);
    }
    return result;
}

int evidence_verify(struct evidence_store *store, struct evidence_verified *ret, struct err *err)
{
    struct evidence_verified verified = {.blobs = 0};
    struct checking checking = {.store = store, .verified = &verified, .err = err};
    int result = check_file(store, err);
    result = result == 0 ? blobs_walk(store->blobs, check_blob, &checking, err) : result;
    result = result == 0 ? check_rows(&checking) : result;
    result = result == 0 ? check_units(&checking) : result;
    if (result == -ENOMEM) {
        (void)err_set(err, -ENOMEM, "not enough memory to verify the evidence");
    }
    if (result == 0 && checking.ids.count + checking.keys.count > 0) {
        result = evidence_write(store, remove_body, &checking, err);
    }
    verified.rows_removed = checking.ids.count;
    vec_fini(&checking.ids);
    vec_fini(&checking.keys);
    if (result == 0) {
        *ret = verified;
    }
    return result;
}
