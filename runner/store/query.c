/* SPDX-License-Identifier: Apache-2.0 */
/* The reading side. Rows that wait in memory are written first, so that a run sees itself. */
#include "store/reused.h"
#include "store/store_impl.h"

#include <errno.h>
#include <string.h>

/* Prepares a query with one text parameter (NULL = none). */
static int query(struct store *store,
                 enum statement which,
                 const char *text,
                 sqlite3_stmt **ret_statement,
                 struct err *err)
{
    if (store->error.code == 0) {
        (void)store_flush(store, NULL); /* a failure is told by store_error(): reading goes on */
    }
    int result = store_statement(store, which, ret_statement, err);
    if (result == 0 && text != NULL) {
        (void)sqlite3_bind_text(*ret_statement, 1, text, -1, SQLITE_STATIC);
    }
    return result;
}

/* Ends a query: `code` is the last sqlite3_step(), `stop` what the callback said. A positive stop
 * is success; a negative one is handed on. */
static int finish(struct store *store, sqlite3_stmt *statement, int code, int stop, struct err *err)
{
    int result = stop < 0 ? stop : 0;
    if (stop == 0 && code != SQLITE_DONE) {
        result = database_error(&store->database, "cannot read it", err);
    }
    (void)sqlite3_reset(statement);
    return result;
}

static const char *text_at(sqlite3_stmt *statement, int column)
{
    return (const char *)sqlite3_column_text(statement, column);
}

/* A name is NOT NULL in the schema: NULL here means that memory is short. */
static const char *name_at(sqlite3_stmt *statement, int column)
{
    const char *text = text_at(statement, column);
    return text != NULL ? text : "";
}

/* A number from a file that somebody may have edited. */
static enum outcome_status status_at(sqlite3_stmt *statement, int column)
{
    int number = sqlite3_column_int(statement, column);
    return number >= 0 && number < OUTCOME_STATUS_COUNT ? (enum outcome_status)number
                                                        : OUTCOME_ERRORED;
}

static uint32_t count_at(sqlite3_stmt *statement, int column)
{
    sqlite3_int64 number = sqlite3_column_int64(statement, column);
    return number < 0 ? 0 : number > UINT32_MAX ? UINT32_MAX : (uint32_t)number;
}

int store_history(struct store *store,
                  const char *layer,
                  int (*each)(void *context, const struct unit_history *history),
                  void *context,
                  struct err *err)
{
    sqlite3_stmt *statement = NULL;
    int result = query(store, STATEMENT_HISTORY, layer, &statement, err);
    if (result != 0) {
        return result;
    }
    int stop = 0;
    int code = SQLITE_DONE;
    while (stop == 0 && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        double duration = sqlite3_column_double(statement, 1);
        const struct unit_history history = {
            .unit = name_at(statement, 0),
            /* a pass of less than a millisecond is still a pass */
            .duration_ms = duration > 0 && duration < 1 ? 1 : (int64_t)(duration + 0.5),
            .last = status_at(statement, 2),
            .runs = count_at(statement, 3),
            .flakes = count_at(statement, 4),
            .last_failed_ms = sqlite3_column_int64(statement, 5),
            .last_tree = text_at(statement, 6),
            .unstored = text_at(statement, 7),
        };
        stop = each(context, &history);
    }
    return finish(store, statement, code, stop, err);
}

static void read_tally(sqlite3_stmt *statement, int first, struct tally *ret_tally)
{
    uint64_t *const places[] = {
        &ret_tally->units,
        &ret_tally->passed,
        &ret_tally->failed,
        &ret_tally->errored,
        &ret_tally->timed_out,
        &ret_tally->skipped,
        &ret_tally->flaky,
        &ret_tally->not_run,
        &ret_tally->cases,
        &ret_tally->cases_passed,
        &ret_tally->cases_failed,
        &ret_tally->cases_errored,
        &ret_tally->cases_skipped,
        &ret_tally->reused,
    };
    for (int i = 0; i < (int)(sizeof places / sizeof places[0]); i++) {
        *places[i] = (uint64_t)sqlite3_column_int64(statement, first + i);
    }
}

int store_runs(struct store *store,
               int (*each)(void *context, const struct run_row *row),
               void *context,
               struct err *err)
{
    sqlite3_stmt *statement = NULL;
    int result = query(store, STATEMENT_RUNS, NULL, &statement, err);
    if (result != 0) {
        return result;
    }
    int stop = 0;
    int code = SQLITE_DONE;
    while (stop == 0 && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        bool finished = sqlite3_column_type(statement, 4) != SQLITE_NULL;
        struct run_row row = {
            .run_id = name_at(statement, 0),
            .pipeline = text_at(statement, 1),
            .tree = text_at(statement, 2),
            .started_ms = sqlite3_column_int64(statement, 3),
            .wall_ms = finished ? sqlite3_column_int64(statement, 4) : -1,
            .exit_code = finished ? sqlite3_column_int(statement, 5) : -1,
        };
        read_tally(statement, 6, &row.tally);
        stop = each(context, &row);
    }
    return finish(store, statement, code, stop, err);
}

/* Those that evidence answered for, which lie packed. */
static int outcomes_reused(struct store *store,
                           const char *run_id,
                           int (*each)(void *context, const struct outcome_row *row),
                           void *context,
                           struct err *err)
{
    sqlite3_stmt *statement = NULL;
    int result = query(store, STATEMENT_OUTCOMES_REUSED, run_id, &statement, err);
    if (result != 0) {
        return result;
    }
    int stop = 0;
    int code = SQLITE_DONE;
    while (stop == 0 && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        const void *units = sqlite3_column_blob(statement, 1);
        const int len = sqlite3_column_bytes(statement, 1);
        stop = units != NULL ? reused_each(name_at(statement, 0), units, (size_t)len, each, context)
                             : 0;
    }
    return finish(store, statement, code, stop, err);
}

int store_outcomes(struct store *store,
                   const char *run_id,
                   int (*each)(void *context, const struct outcome_row *row),
                   void *context,
                   struct err *err)
{
    sqlite3_stmt *statement = NULL;
    int result = query(store, STATEMENT_OUTCOMES, run_id, &statement, err);
    if (result != 0) {
        return result;
    }
    int stop = 0;
    int code = SQLITE_DONE;
    while (stop == 0 && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        const struct outcome_row row = {
            .layer = name_at(statement, 0),
            .unit = name_at(statement, 1),
            .status = status_at(statement, 2),
            .flaky = sqlite3_column_int(statement, 3) != 0,
        };
        stop = each(context, &row);
    }
    result = finish(store, statement, code, stop, err);
    return result == 0 && stop == 0 ? outcomes_reused(store, run_id, each, context, err) : result;
}

/* The snapshot's id that a query gives: 1 and copied into buf, 0 = none. */
static int query_tree(struct store *store,
                      enum statement which,
                      const char *text,
                      char *buf,
                      size_t size,
                      struct err *err)
{
    sqlite3_stmt *statement = NULL;
    int result = query(store, which, text, &statement, err);
    if (result != 0) {
        return result;
    }
    int code = sqlite3_step(statement);
    if (code == SQLITE_ROW) {
        const char *tree = name_at(statement, 0);
        size_t len = strlen(tree);
        result = len < size ? 1 : err_set(err, -ENOBUFS, "the snapshot's id is too long");
        if (result == 1) {
            memcpy(buf, tree, len + 1);
        }
        code = SQLITE_DONE;
    }
    int end = finish(store, statement, code, 0, err);
    return end < 0 ? end : result;
}

int store_last_open(struct store *store, const char *layer, char *buf, size_t size, struct err *err)
{
    return query_tree(store, STATEMENT_LAST_OPEN, layer, buf, size, err);
}

int store_last_tree(struct store *store, char *buf, size_t size, struct err *err)
{
    return query_tree(store, STATEMENT_LAST_TREE, NULL, buf, size, err);
}

int store_prune(struct store *store, unsigned keep, struct err *err)
{
    sqlite3_stmt *statement = NULL;
    int result = query(store, STATEMENT_PRUNE, NULL, &statement, err);
    if (result != 0) {
        return result;
    }
    (void)sqlite3_bind_int64(statement, 1, keep);
    result = database_step(&store->database, statement, NULL, err);
    if (result != 0 || sqlite3_changes(store->database.db) == 0) {
        return result;
    }
    result = store_statement(store, STATEMENT_SETS_SWEEP, &statement, err);
    return result == 0 ? database_step(&store->database, statement, NULL, err) : result;
}
