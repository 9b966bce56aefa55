/* SPDX-License-Identifier: Apache-2.0 */
#include "store/reused.h"

#include "base/hash.h"
#include "base/mem.h"

#include <errno.h>
#include <string.h>

/* Set in the byte in front of a unit's name, beside its status. */
#define FLAKY_BIT 0x80u

static struct reused_batch *batch_of(struct store *store, const char *layer)
{
    for (size_t i = store->reused.count; i > 0; i--) {
        if (strcmp(store->reused.items[i - 1].layer, layer) == 0) {
            return &store->reused.items[i - 1];
        }
    }
    struct reused_batch batch = {.layer = mem_strdup(layer)};
    str_init(&batch.units, STORE_REUSED_BYTES);
    if (batch.layer == NULL || vec_push(&store->reused, batch) != 0) {
        mem_free(batch.layer);
        return NULL;
    }
    return &store->reused.items[store->reused.count - 1];
}

int reused_add(struct store *store,
               const char *layer,
               const char *unit,
               const struct outcome *outcome)
{
    struct reused_batch *batch = batch_of(store, layer);
    if (batch == NULL) {
        return -ENOMEM;
    }
    const unsigned status = (unsigned)outcome->status | (outcome->flaky ? FLAKY_BIT : 0);
    const size_t before = batch->units.len;
    (void)str_append_char(&batch->units, (char)(unsigned char)status);
    (void)str_append_n(&batch->units, unit, strlen(unit) + 1);
    if (str_error(&batch->units) != 0) {
        batch->units.len = before;
        return -ENOMEM;
    }
    batch->of_status[outcome->status]++;
    batch->flaky += outcome->flaky ? 1 : 0;
    batch->count++;
    store->reused_count++;
    return 0;
}

void reused_forget(struct store *store)
{
    for (size_t i = 0; i < store->reused.count; i++) {
        mem_free(store->reused.items[i].layer);
        str_fini(&store->reused.items[i].units);
    }
    store->reused.count = 0;
    store->reused_count = 0;
}

/* ---- writing ---- */

struct set {
    sqlite3_int64 id;
    bool known; /* its units' rows say what it says */
};

/* 1 and the set, 0 = it was never written. */
static int find_set(struct store *store,
                    sqlite3_int64 layer,
                    const struct hash *digest,
                    struct set *set,
                    struct err *err)
{
    sqlite3_stmt *statement = NULL;
    int result = store_statement(store, STATEMENT_SET_FIND, &statement, err);
    if (result != 0) {
        return result;
    }
    (void)sqlite3_bind_int64(statement, 1, layer);
    (void)sqlite3_bind_blob(statement, 2, digest->bytes, HASH_SIZE, SQLITE_STATIC);
    const int code = sqlite3_step(statement);
    if (code == SQLITE_ROW) {
        const char *tree = (const char *)sqlite3_column_text(statement, 1);
        set->id = sqlite3_column_int64(statement, 0);
        set->known = tree != NULL && store->tree != NULL && strcmp(tree, store->tree) == 0;
        result = 1;
    } else if (code != SQLITE_DONE) {
        result = database_error(&store->database, "cannot read it", err);
    }
    (void)sqlite3_reset(statement);
    return result;
}

static int add_set(struct store *store,
                   const struct reused_batch *batch,
                   sqlite3_int64 layer,
                   const struct hash *digest,
                   struct set *set,
                   struct err *err)
{
    sqlite3_stmt *statement = NULL;
    int result = store_statement(store, STATEMENT_SET_ADD, &statement, err);
    if (result != 0) {
        return result;
    }
    (void)sqlite3_bind_int64(statement, 1, layer);
    (void)sqlite3_bind_blob(statement, 2, digest->bytes, HASH_SIZE, SQLITE_STATIC);
    (void)sqlite3_bind_blob64(
        statement, 3, str_text(&batch->units), batch->units.len, SQLITE_STATIC);
    (void)sqlite3_bind_int64(statement, 4, (int64_t)batch->count);
    for (int i = 0; i < OUTCOME_STATUS_COUNT; i++) {
        (void)sqlite3_bind_int64(statement, 5 + i, (int64_t)batch->of_status[i]);
    }
    (void)sqlite3_bind_int64(statement, 5 + OUTCOME_STATUS_COUNT, (int64_t)batch->flaky);
    return database_step(&store->database, statement, &set->id, err);
}

/* What became of the units last, in their own rows. A unit that never ran here has none and needs
 * none: it has no history. */
static int write_units(struct store *store,
                       const struct reused_batch *batch,
                       sqlite3_int64 layer,
                       struct err *err)
{
    sqlite3_stmt *statement = NULL;
    const char *at = str_text(&batch->units);
    const char *end = at + batch->units.len;
    int result = 0;
    for (; result == 0 && at < end; at += strlen(at + 1) + 2) {
        result = store_statement(store, STATEMENT_UNIT_REUSED, &statement, err);
        if (result == 0) {
            const unsigned status = (unsigned char)at[0] & ~FLAKY_BIT;
            (void)sqlite3_bind_int64(statement, 1, layer);
            (void)sqlite3_bind_text(statement, 2, at + 1, -1, SQLITE_STATIC);
            (void)sqlite3_bind_int64(statement, 3, (int64_t)status);
            (void)sqlite3_bind_text(statement, 4, store->tree, -1, SQLITE_STATIC);
            result = database_step(&store->database, statement, NULL, err);
        }
    }
    return result;
}

int reused_doubt(struct store *store, sqlite3_int64 layer, struct err *err)
{
    sqlite3_stmt *statement = NULL;
    int result = store_statement(store, STATEMENT_SET_DOUBT, &statement, err);
    if (result != 0) {
        return result;
    }
    (void)sqlite3_bind_int64(statement, 1, layer);
    (void)sqlite3_bind_int64(statement, 2, store->run);
    return database_step(&store->database, statement, NULL, err);
}

/* Two numbers, and perhaps a text. */
static int run_statement(struct store *store,
                         enum statement which,
                         sqlite3_int64 first,
                         sqlite3_int64 second,
                         const char *text,
                         struct err *err)
{
    sqlite3_stmt *statement = NULL;
    int result = store_statement(store, which, &statement, err);
    if (result != 0) {
        return result;
    }
    (void)sqlite3_bind_int64(statement, 1, first);
    (void)sqlite3_bind_int64(statement, 2, second);
    if (text != NULL) {
        (void)sqlite3_bind_text(statement, 3, text, -1, SQLITE_STATIC);
    }
    return database_step(&store->database, statement, NULL, err);
}

int reused_write(struct store *store,
                 const struct reused_batch *batch,
                 sqlite3_int64 layer,
                 struct err *err)
{
    const struct hash digest = hash_bytes(str_text(&batch->units), batch->units.len);
    struct set set = {0};
    int result = find_set(store, layer, &digest, &set, err);
    if (result == 0) {
        result = add_set(store, batch, layer, &digest, &set, err);
    }
    if (result >= 0 && !set.known) {
        result = write_units(store, batch, layer, err);
        result = result == 0 ? reused_doubt(store, layer, err) : result;
    }
    result = result >= 0
                 ? run_statement(store, STATEMENT_SET_KNOWN, set.id, store->run, store->tree, err)
                 : result;
    return result == 0 ? run_statement(store, STATEMENT_REUSED, store->run, set.id, NULL, err)
                       : result;
}

/* ---- reading ---- */

int reused_each(const char *layer,
                const char *units,
                size_t len,
                int (*each)(void *context, const struct outcome_row *row),
                void *context)
{
    int stop = 0;
    size_t at = 0;
    while (stop == 0 && at + 1 < len) {
        const size_t name_len = strnlen(units + at + 1, len - at - 1);
        const unsigned status = (unsigned char)units[at] & ~FLAKY_BIT;
        if (at + 1 + name_len == len) {
            return 0; /* without its end: of a file that somebody edited */
        }
        const struct outcome_row row = {
            .layer = layer,
            .unit = units + at + 1,
            .status = status < OUTCOME_STATUS_COUNT ? (enum outcome_status)status : OUTCOME_ERRORED,
            .flaky = ((unsigned char)units[at] & FLAKY_BIT) != 0,
        };
        stop = each(context, &row);
        at += name_len + 2;
    }
    return stop;
}
