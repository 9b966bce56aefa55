/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of units that do not keep their word: the ledger of passes and failures under one
 * fingerprint, and the quarantine. */
#include "base/clock.h"
#include "store/evidence_impl.h"
#include "store/evidence_pack.h"

#include <assert.h>
#include <errno.h>

int evidence_ledger(struct evidence_store *store,
                    const struct hash *unit_key,
                    const struct hash *full,
                    uint64_t *ret_passes,
                    uint64_t *ret_failures,
                    struct err *err)
{
    sqlite3_stmt *statement = NULL;
    int result = evidence_statement(store, SQL_LEDGER_GET, &statement, err);
    if (result != 0) {
        return result;
    }
    bind_hash(statement, 1, unit_key);
    bind_hash(statement, 2, full);
    result = evidence_next(store, statement, err);
    if (result < 0) {
        return result;
    }
    *ret_passes = result == 1 ? (uint64_t)sqlite3_column_int64(statement, 0) : 0;
    *ret_failures = result == 1 ? (uint64_t)sqlite3_column_int64(statement, 1) : 0;
    (void)sqlite3_reset(statement);
    return 0;
}

struct counting {
    const struct hash *unit_key;
    const struct hash *full;
    bool passed;
};

static int count_body(struct evidence_store *store, void *context, struct err *err)
{
    const struct counting *counting = context;
    sqlite3_stmt *statement = NULL;
    int result = evidence_statement(store, SQL_LEDGER_COUNT, &statement, err);
    if (result != 0) {
        return result;
    }
    bind_hash(statement, 1, counting->unit_key);
    bind_hash(statement, 2, counting->full);
    (void)sqlite3_bind_int(statement, 3, counting->passed ? 1 : 0);
    (void)sqlite3_bind_int(statement, 4, counting->passed ? 0 : 1);
    (void)sqlite3_bind_int64(statement, 5, clock_wall_ms());
    return evidence_step(store, statement, NULL, err);
}

int evidence_ledger_count(struct evidence_store *store,
                          const struct hash *unit_key,
                          const struct hash *full,
                          bool passed,
                          struct err *err)
{
    struct counting counting = {unit_key, full, passed};
    return evidence_write(store, count_body, &counting, err);
}

/* ---- quarantine ---- */

enum quarantine_column {
    QUARANTINE_UNIT,
    QUARANTINE_TRUST,
    QUARANTINE_SCOPE,
    QUARANTINE_OTHER_TRUST,
    QUARANTINE_OTHER_SCOPE,
    QUARANTINE_REASON,
    QUARANTINE_TIME,
    QUARANTINE_FIRST,
    QUARANTINE_SECOND,
    QUARANTINE_WORDS,
};

static int quarantine_body(struct evidence_store *store, void *context, struct err *err)
{
    const struct evidence_quarantine *entry = context;
    sqlite3_stmt *statement = NULL;
    int result = evidence_statement(store, SQL_QUARANTINE_ADD, &statement, err);
    if (result != 0) {
        return result;
    }
    bind_hash(statement, 1, &entry->unit_key);
    (void)sqlite3_bind_int(statement, 2, (int)entry->trust);
    bind_text(statement, 3, entry->scope);
    (void)sqlite3_bind_int(statement, 4, (int)entry->other_trust);
    bind_text(statement, 5, entry->other_scope);
    bind_text(statement, 6, entry->reason);
    (void)sqlite3_bind_int64(statement, 7, entry->time_ms);
    (void)sqlite3_bind_int64(statement, 8, entry->first_id);
    (void)sqlite3_bind_int64(statement, 9, entry->second_id);
    return evidence_step(store, statement, NULL, err);
}

int evidence_quarantine_add(struct evidence_store *store,
                            const struct evidence_quarantine *quarantine,
                            struct err *err)
{
    struct evidence_quarantine entry = *quarantine;
    return evidence_write(store, quarantine_body, &entry, err);
}

/* The row of the statement; strings live until it moves on. */
static struct evidence_quarantine read_entry(sqlite3_stmt *statement)
{
    const bool known = sqlite3_column_type(statement, QUARANTINE_WORDS) != SQLITE_NULL;
    return (struct evidence_quarantine){
        .unit_key = column_hash(statement, QUARANTINE_UNIT),
        .words = known ? column_text(statement, QUARANTINE_WORDS) : NULL,
        .reason = column_text(statement, QUARANTINE_REASON),
        .time_ms = sqlite3_column_int64(statement, QUARANTINE_TIME),
        .first_id = sqlite3_column_int64(statement, QUARANTINE_FIRST),
        .second_id = sqlite3_column_int64(statement, QUARANTINE_SECOND),
        .trust = column_trust(statement, QUARANTINE_TRUST),
        .scope = column_text(statement, QUARANTINE_SCOPE),
        .other_trust = column_trust(statement, QUARANTINE_OTHER_TRUST),
        .other_scope = column_text(statement, QUARANTINE_OTHER_SCOPE),
    };
}

static int copy_entry(struct arena *arena,
                      const struct evidence_quarantine *entry,
                      struct evidence_quarantine *ret)
{
    struct evidence_quarantine copy = *entry;
    copy.reason = arena_strdup(arena, entry->reason);
    copy.scope = arena_strdup(arena, entry->scope);
    copy.other_scope = arena_strdup(arena, entry->other_scope);
    if (copy.reason == NULL || copy.scope == NULL || copy.other_scope == NULL) {
        return -ENOMEM;
    }
    *ret = copy;
    return 0;
}

int evidence_quarantined(struct evidence_store *store,
                         const struct hash *unit_key,
                         const struct evidence_reader *reader,
                         struct arena *arena,
                         struct evidence_quarantine *ret,
                         struct err *err)
{
    sqlite3_stmt *statement = NULL;
    if (store->reading && store->none_quarantined) {
        return 0;
    }
    int result = evidence_statement(store, SQL_QUARANTINE_OF, &statement, err);
    if (result != 0) {
        return result;
    }
    bind_hash(statement, 1, unit_key);
    struct evidence_quarantine entry = {.first_id = 0};
    bool concerned = false;
    while (!concerned && (result = evidence_next(store, statement, err)) == 1) {
        entry = read_entry(statement);
        concerned = evidence_readable(reader, entry.trust, entry.scope)
                    && evidence_readable(reader, entry.other_trust, entry.other_scope);
    }
    if (result == 1 && ret != NULL && copy_entry(arena, &entry, ret) != 0) {
        result = err_set(err, -ENOMEM, "not enough memory to look evidence up");
    }
    (void)sqlite3_reset(statement);
    return result;
}

int evidence_quarantine_walk(struct evidence_store *store,
                             int (*each)(void *context, const struct evidence_quarantine *entry),
                             void *context,
                             struct err *err)
{
    sqlite3_stmt *statement = NULL;
    int stop = 0;
    int result = evidence_statement(store, SQL_QUARANTINES, &statement, err);
    if (result != 0) {
        return result;
    }
    while (stop == 0 && (result = evidence_next(store, statement, err)) == 1) {
        const struct evidence_quarantine entry = read_entry(statement);
        stop = each(context, &entry);
    }
    (void)sqlite3_reset(statement);
    return stop < 0 ? stop : result < 0 ? result : 0;
}

struct lifting {
    const struct hash *unit_key;
    uint64_t count;
};

static int lift_body(struct evidence_store *store, void *context, struct err *err)
{
    struct lifting *lifting = context;
    sqlite3_stmt *statement = NULL;
    int result = evidence_statement(store, SQL_QUARANTINE_LIFT, &statement, err);
    if (result != 0) {
        return result;
    }
    bind_hash(statement, 1, lifting->unit_key);
    result = evidence_step(store, statement, NULL, err);
    lifting->count = (uint64_t)sqlite3_changes(store->database.db);
    if (result != 0 || lifting->count == 0) {
        return result;
    }
    return unit_delete(store, lifting->unit_key, err); /* and all below it */
}

int evidence_quarantine_lift(struct evidence_store *store,
                             const struct hash *unit_key,
                             uint64_t *ret_count,
                             struct err *err)
{
    struct lifting lifting = {.unit_key = unit_key};
    int result = evidence_write(store, lift_body, &lifting, err);
    if (result == 0 && ret_count != NULL) {
        *ret_count = lifting.count;
    }
    return result;
}
