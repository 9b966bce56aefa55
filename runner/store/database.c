/* SPDX-License-Identifier: Apache-2.0 */
#include "store/database.h"

#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "store/schema.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *const statement_sql[STATEMENT_COUNT] = {
    [STATEMENT_BEGIN] = "BEGIN IMMEDIATE",
    [STATEMENT_COMMIT] = "COMMIT",
    [STATEMENT_RUN_STARTED] =
        "INSERT INTO run (run_id, version, root, pipeline, tree, host, command, resumed, started_ms) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
    [STATEMENT_RUN_FINISHED] =
        "UPDATE run SET wall_ms = ?2, exit_code = ?3, units = ?4, passed = ?5, failed = ?6, "
        "errored = ?7, timed_out = ?8, skipped = ?9, flaky = ?10, not_run = ?11, cases = ?12, "
        "cases_passed = ?13, cases_failed = ?14, cases_errored = ?15, cases_skipped = ?16 "
        "WHERE id = ?1",
    [STATEMENT_LAYER] = "INSERT INTO layer (name) VALUES (?) "
                        "ON CONFLICT DO UPDATE SET name = name RETURNING id",
    [STATEMENT_LAYER_OPEN] = "UPDATE layer SET open_tree = ?2, open_ms = ?3 WHERE id = ?1",
    [STATEMENT_UNIT_SEEN] = "INSERT INTO unit (layer, name) VALUES (?1, ?2) "
                            "ON CONFLICT DO UPDATE SET name = name RETURNING id",
    /* ?3 status, ?4 passed (0 or 1), ?5 flaky, ?6 duration, ?7 time of failure or 0, ?8 weight */
    [STATEMENT_UNIT_DONE] =
        "INSERT INTO unit (layer, name, runs, last, passes, flakes, duration_ms, last_failed_ms) "
        "VALUES (?1, ?2, 1, ?3, ?4, ?5, ?4 * ?6, ?7) "
        "ON CONFLICT DO UPDATE SET runs = runs + 1, last = ?3, flakes = flakes + ?5, "
        "duration_ms = CASE WHEN ?4 = 0 THEN duration_ms WHEN passes = 0 THEN ?6 "
        "ELSE duration_ms + ?8 * (?6 - duration_ms) END, passes = passes + ?4, "
        "last_failed_ms = max(last_failed_ms, ?7) RETURNING id",
    [STATEMENT_OUTCOME] =
        "INSERT OR REPLACE INTO outcome (run, unit, attempt, final, status, flaky, exit_code, "
        "signal, flags, started_ms, wall_ms, cpu_us, max_rss_kib) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [STATEMENT_VERDICT] =
        "INSERT OR REPLACE INTO verdict (run, layer, state, time_ms) VALUES (?, ?, ?, ?)",
    [STATEMENT_HISTORY] =
        "SELECT unit.name, duration_ms, last, runs, flakes, last_failed_ms FROM unit "
        "JOIN layer ON layer.id = unit.layer WHERE layer.name = ? AND runs > 0",
    /* A run that never finished has no sums: they are made from its rows. */
    [STATEMENT_RUNS] =
        "SELECT run_id, pipeline, tree, started_ms, wall_ms, exit_code, units, passed, failed, "
        "errored, timed_out, skipped, flaky, not_run, cases, cases_passed, cases_failed, "
        "cases_errored, cases_skipped FROM run WHERE wall_ms IS NOT NULL "
        "UNION ALL SELECT run_id, pipeline, tree, run.started_ms, NULL, NULL, count(outcome.final), "
        "coalesce(sum(status = 0), 0), coalesce(sum(status = 1), 0), coalesce(sum(status = 2), 0), "
        "coalesce(sum(status = 3), 0), coalesce(sum(status = 4), 0), "
        "coalesce(sum(outcome.flaky), 0), 0, 0, 0, 0, 0, 0 "
        "FROM run LEFT JOIN outcome ON outcome.run = run.id AND outcome.final = 1 "
        "WHERE run.wall_ms IS NULL GROUP BY run.id ORDER BY 4 DESC, 1 DESC",
    [STATEMENT_OUTCOMES] =
        "SELECT layer.name, unit.name, status, flaky FROM outcome "
        "JOIN unit ON unit.id = outcome.unit JOIN layer ON layer.id = unit.layer "
        "WHERE run = (SELECT id FROM run WHERE run_id = ?) AND final = 1",
    [STATEMENT_LAST_OPEN] = "SELECT open_tree FROM layer WHERE name = ? AND open_tree IS NOT NULL",
    [STATEMENT_PRUNE] = "DELETE FROM run WHERE id NOT IN "
                        "(SELECT id FROM run ORDER BY started_ms DESC, run_id DESC LIMIT ?)",
};

/* ---- errors ---- */

static const struct {
    int sqlite; /* primary code */
    int code;
    const char *advice;
} meanings[] = {
    {SQLITE_FULL,     -ENOSPC, "the disk is full: make room"                                        },
    {SQLITE_BUSY,     -EBUSY,  "another process has it locked: end that or wait"                    },
    {SQLITE_LOCKED,   -EBUSY,  "another process has it locked: end that or wait"                    },
    {SQLITE_PROTOCOL, -EBUSY,  "another process has it locked: end that or wait"                    },
    {SQLITE_READONLY,
     -EROFS,
     "it cannot be written to: look at the permissions of file and folder"                          },
    {SQLITE_PERM,     -EACCES, "it cannot be written to: look at the permissions of file and folder"},
    {SQLITE_CANTOPEN, -EACCES, "it cannot be opened: look at the permissions of file and folder"    },
    {SQLITE_NOMEM,    -ENOMEM, "memory is short"                                                    },
    {SQLITE_TOOBIG,   -EFBIG,  "a text is too long"                                                 },
};

static int damaged(const struct store *store, const char *attempt, const char *why, struct err *err)
{
    return err_set(err,
                   -EUCLEAN,
                   "%s: %s: the file is damaged (%s).\nOnly the history of runs is in it. Move it "
                   "away and a new one is made: mv '%s' '%s.damaged'; rm -f '%s-wal' '%s-shm'",
                   store->file,
                   attempt,
                   why,
                   store->file,
                   store->file,
                   store->file,
                   store->file);
}

int database_error(struct store *store, const char *attempt, struct err *err)
{
    int primary = store->db != NULL ? sqlite3_errcode(store->db) & 0xff : SQLITE_NOMEM;
    const char *why = store->db != NULL ? sqlite3_errmsg(store->db) : "out of memory";
    if (primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB) {
        return damaged(store, attempt, why, err);
    }
    for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++) {
        if (meanings[i].sqlite == primary) {
            return err_set(err,
                           meanings[i].code,
                           "%s: %s: %s (%s)",
                           store->file,
                           attempt,
                           meanings[i].advice,
                           why);
        }
    }
    int number = store->db != NULL ? sqlite3_system_errno(store->db) : 0;
    errno = number > 0 ? number : EIO;
    return err_errno(err, "%s: %s: %s", store->file, attempt, why);
}

/* ---- opening ---- */

static int run_sql(struct store *store, const char *sql, const char *attempt, struct err *err)
{
    int code = sqlite3_exec(store->db, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? 0 : database_error(store, attempt, err);
}

/* The number that a query gives. */
static int read_number(struct store *store, const char *sql, int *ret_number, struct err *err)
{
    sqlite3_stmt *statement = NULL;
    int result = -EIO;
    if (sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL) == SQLITE_OK
        && sqlite3_step(statement) == SQLITE_ROW) {
        *ret_number = sqlite3_column_int(statement, 0);
        result = 0;
    } else {
        result = database_error(store, "cannot read it", err);
    }
    (void)sqlite3_finalize(statement);
    return result;
}

/* Reads the version of the schema, inside a transaction: another process may be making the file. A
 * file that is not empty and not ours, or newer than we know, is refused. */
static int read_version(struct store *store, int *ret_version, struct err *err)
{
    int version = 0;
    int id = 0;
    int tables = 0;
    int result = read_number(store, "PRAGMA user_version", &version, err);
    result = result == 0 ? read_number(store, "PRAGMA application_id", &id, err) : result;
    result = result == 0 ? read_number(store, "SELECT count(*) FROM sqlite_schema", &tables, err)
                         : result;
    if (result != 0) {
        return result;
    }
    if (id != STORE_APPLICATION_ID && (tables > 0 || version != 0)) {
        return err_set(err,
                       -EUCLEAN,
                       "%s is a database of some other program: move it away, and sluice makes its "
                       "own there",
                       store->file);
    }
    if (version > schema_step_count) {
        return err_set(err,
                       -EPROTO,
                       "%s was written by a newer sluice (schema %d, this one knows %d): update "
                       "sluice, or move the file away to start a new history",
                       store->file,
                       version,
                       schema_step_count);
    }
    *ret_version = version;
    return 0;
}

/* Inside one transaction: a killed migration never happened, and of two processes one waits. */
static int migrate_locked(struct store *store, struct err *err)
{
    char text[128];
    int version = 0;
    int result = read_version(store, &version, err);
    for (int step = version; result == 0 && step < schema_step_count; step++) {
        (void)snprintf(text, sizeof text, "cannot apply %s", schema_steps[step].name);
        result = run_sql(store, schema_steps[step].sql, text, err);
    }
    (void)snprintf(text,
                   sizeof text,
                   "PRAGMA application_id = %d; PRAGMA user_version = %d",
                   STORE_APPLICATION_ID,
                   schema_step_count);
    return result == 0 ? run_sql(store, text, "cannot mark it", err) : result;
}

/* Runs `body` between `begin` and COMMIT, or ROLLBACK when it fails. */
static int in_transaction(struct store *store,
                          const char *begin,
                          int (*body)(struct store *store, struct err *err),
                          struct err *err)
{
    int result = run_sql(store, begin, "cannot start to use it", err);
    if (result != 0) {
        return result;
    }
    result = body(store, err);
    result = result == 0 ? run_sql(store, "COMMIT", "cannot bring it up to date", err) : result;
    if (result != 0) {
        (void)sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
    }
    return result;
}

static int look_at(struct store *store, struct err *err)
{
    int version = 0;
    int result = read_version(store, &version, err);
    store->outdated = version < schema_step_count;
    return result;
}

/* Two processes that switch a new file to WAL at once: SQLite tells the loser at once that it is
 * locked, without waiting for the busy timeout. */
static int set_wal(struct store *store, struct err *err)
{
    int code = SQLITE_BUSY;
    for (int waited_ms = 0; code == SQLITE_BUSY && waited_ms < STORE_BUSY_MS; waited_ms += 10) {
        code = sqlite3_exec(store->db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL) & 0xff;
        if (code == SQLITE_BUSY) {
            (void)sqlite3_sleep(10);
        }
    }
    return code == SQLITE_OK ? 0 : database_error(store, "cannot open it", err);
}

static int make_folder(const char *file, struct err *err)
{
    char folder[PATH_TEXT_MAX];
    int len = (int)(path_basename(file) - file);
    int printed = snprintf(folder, sizeof folder, "%.*s.", len, file);
    if (printed < 0 || (size_t)printed >= sizeof folder) {
        return err_set(err, -ENAMETOOLONG, "%s: the path is too long", file);
    }
    int result = dir_make(folder, 0777, err);
    if (result != 0) {
        (void)err_wrap(err, "cannot open %s", file);
    }
    return result;
}

int database_open(struct store *store, const char *file, struct err *err)
{
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    store->file = mem_strdup(file);
    if (store->file == NULL) {
        return err_set(err, -ENOMEM, "not enough memory to open %s", file);
    }
    int result = make_folder(file, err);
    if (result != 0) {
        return result;
    }
    if (sqlite3_open_v2(file, &store->db, flags, NULL) != SQLITE_OK) {
        return database_error(store, "cannot open it", err);
    }
    (void)sqlite3_extended_result_codes(store->db, 1);
    (void)sqlite3_busy_timeout(store->db, STORE_BUSY_MS);
    if (sqlite3_db_readonly(store->db, "main") == 1) {
        return err_set(err, -EROFS, "%s cannot be written to: look at its permissions", file);
    }
    /* Before anything else: not a byte is written to a file that is not ours. */
    result = in_transaction(store, "BEGIN", look_at, err);
    result = result == 0 ? set_wal(store, err) : result;
    result = result == 0 ? run_sql(store,
                                   "PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON; "
                                   "PRAGMA journal_size_limit = 8388608",
                                   "cannot open it",
                                   err)
                         : result;
    if (result == 0 && store->outdated) {
        result = in_transaction(store, "BEGIN IMMEDIATE", migrate_locked, err);
    }
    return result;
}

/* ---- statements ---- */

int database_statement(struct store *store,
                       enum statement which,
                       sqlite3_stmt **ret_statement,
                       struct err *err)
{
    sqlite3_stmt **place = &store->statements[which];
    assert((size_t)which < STATEMENT_COUNT && statement_sql[which] != NULL);
    if (*place == NULL
        && sqlite3_prepare_v3(
               store->db, statement_sql[which], -1, SQLITE_PREPARE_PERSISTENT, place, NULL)
               != SQLITE_OK) {
        return database_error(store, "cannot read it", err);
    }
    (void)sqlite3_reset(*place);
    (void)sqlite3_clear_bindings(*place);
    *ret_statement = *place;
    return 0;
}

int database_step(struct store *store,
                  sqlite3_stmt *statement,
                  sqlite3_int64 *ret_id,
                  struct err *err)
{
    int code = sqlite3_step(statement);
    if (code == SQLITE_ROW) {
        if (ret_id != NULL) {
            *ret_id = sqlite3_column_int64(statement, 0);
        }
        code = sqlite3_step(statement); /* to the end: only then is the row really written */
    }
    int result = code == SQLITE_DONE ? 0 : database_error(store, "cannot write to it", err);
    (void)sqlite3_reset(statement);
    return result;
}
