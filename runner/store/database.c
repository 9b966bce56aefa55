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
#include <sys/stat.h>

/* A WAL that may stay: what some five short runs write, read again in half a millisecond. */
#define SHORT_LOG (256 << 10)

/* Pages kept in memory, in KiB: the rows of 10,000 units with their classes. With SQLite's 2 MiB
 * the look-ups of one run read most pages twice. Taken only as pages are read. */
#define CACHE_KIB 16384
/* The same while something long is read once: a page in hand, those above it, and a few. */
#define CACHE_KIB_ONCE        256
#define STRINGIFY(number)     STRINGIFY_TOKEN(number)
#define STRINGIFY_TOKEN(word) #word

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

static int damaged(const struct database *database,
                   const char *attempt,
                   const char *why,
                   struct err *err)
{
    return err_set(err,
                   -EUCLEAN,
                   "%s: %s: the file is damaged (%s).\n%s Move it "
                   "away and a new one is made: mv '%s' '%s.damaged'; rm -f '%s-wal' '%s-shm'",
                   database->file,
                   attempt,
                   why,
                   database->kind->loss,
                   database->file,
                   database->file,
                   database->file,
                   database->file);
}

int database_error(const struct database *database, const char *attempt, struct err *err)
{
    int primary = database->db != NULL ? sqlite3_errcode(database->db) & 0xff : SQLITE_NOMEM;
    const char *why = database->db != NULL ? sqlite3_errmsg(database->db) : "out of memory";
    if (primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB) {
        return damaged(database, attempt, why, err);
    }
    for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++) {
        if (meanings[i].sqlite == primary) {
            return err_set(err,
                           meanings[i].code,
                           "%s: %s: %s (%s)",
                           database->file,
                           attempt,
                           meanings[i].advice,
                           why);
        }
    }
    int number = database->db != NULL ? sqlite3_system_errno(database->db) : 0;
    errno = number > 0 ? number : EIO;
    return err_errno(err, "%s: %s: %s", database->file, attempt, why);
}

/* ---- opening ---- */

int database_run(struct database *database, const char *sql, const char *attempt, struct err *err)
{
    int code = sqlite3_exec(database->db, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? 0 : database_error(database, attempt, err);
}

void database_read_once(struct database *database, bool once)
{
    static const char few[] = "PRAGMA cache_size = -" STRINGIFY(CACHE_KIB_ONCE);
    static const char many[] = "PRAGMA cache_size = -" STRINGIFY(CACHE_KIB);
    (void)sqlite3_exec(database->db, once ? few : many, NULL, NULL, NULL); /* else: slower */
}

/* The number that a query gives. */
static int read_number(struct database *database, const char *sql, int *ret_number, struct err *err)
{
    sqlite3_stmt *statement = NULL;
    int result = -EIO;
    if (sqlite3_prepare_v2(database->db, sql, -1, &statement, NULL) == SQLITE_OK
        && sqlite3_step(statement) == SQLITE_ROW) {
        *ret_number = sqlite3_column_int(statement, 0);
        result = 0;
    } else {
        result = database_error(database, "cannot read it", err);
    }
    (void)sqlite3_finalize(statement);
    return result;
}

/* Reads the version of the schema, inside a transaction: another process may be making the file. A
 * file that is not empty and not ours, or newer than we know, is refused. */
static int read_version(struct database *database, int *ret_version, struct err *err)
{
    int version = 0;
    int id = 0;
    int tables = 0;
    int result = read_number(database, "PRAGMA user_version", &version, err);
    result = result == 0 ? read_number(database, "PRAGMA application_id", &id, err) : result;
    result = result == 0 ? read_number(database, "SELECT count(*) FROM sqlite_schema", &tables, err)
                         : result;
    if (result != 0) {
        return result;
    }
    if (id != database->kind->application_id && (tables > 0 || version != 0)) {
        return err_set(err,
                       -EUCLEAN,
                       "%s is a database of some other program: move it away, and sluice makes its "
                       "own there",
                       database->file);
    }
    if (version > database->kind->schema->count) {
        return err_set(err,
                       -EPROTO,
                       "%s was written by a newer sluice (schema %d, this one knows %d): update "
                       "sluice, or move the file away to start a new one",
                       database->file,
                       version,
                       database->kind->schema->count);
    }
    *ret_version = version;
    return 0;
}

/* Inside one transaction: a killed migration never happened, and of two processes one waits. */
static int migrate_locked(struct database *database, struct err *err)
{
    char text[128];
    int version = 0;
    int result = read_version(database, &version, err);
    for (int step = version; result == 0 && step < database->kind->schema->count; step++) {
        (void)snprintf(
            text, sizeof text, "cannot apply %s", database->kind->schema->steps[step].name);
        result = database_run(database, database->kind->schema->steps[step].sql, text, err);
    }
    (void)snprintf(text,
                   sizeof text,
                   "PRAGMA application_id = %d; PRAGMA user_version = %d",
                   database->kind->application_id,
                   database->kind->schema->count);
    return result == 0 ? database_run(database, text, "cannot mark it", err) : result;
}

/* Runs `body` between `begin` and COMMIT, or ROLLBACK when it fails. */
static int in_transaction(struct database *database,
                          const char *begin,
                          int (*body)(struct database *database, struct err *err),
                          struct err *err)
{
    int result = database_run(database, begin, "cannot start to use it", err);
    if (result != 0) {
        return result;
    }
    result = body(database, err);
    result =
        result == 0 ? database_run(database, "COMMIT", "cannot bring it up to date", err) : result;
    if (result != 0) {
        (void)sqlite3_exec(database->db, "ROLLBACK", NULL, NULL, NULL);
    }
    return result;
}

static int look_at(struct database *database, struct err *err)
{
    int version = 0;
    int result = read_version(database, &version, err);
    database->empty = result == 0 && version == 0;
    database->outdated = version < database->kind->schema->count;
    return result;
}

/* Two processes that switch a new file to WAL at once: SQLite tells the loser at once that it is
 * locked, without waiting for the busy timeout. */
static int set_wal(struct database *database, struct err *err)
{
    int code = SQLITE_BUSY;
    for (int waited_ms = 0; code == SQLITE_BUSY && waited_ms < STORE_BUSY_MS; waited_ms += 10) {
        code = sqlite3_exec(database->db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL) & 0xff;
        if (code == SQLITE_BUSY) {
            (void)sqlite3_sleep(10);
        }
    }
    return code == SQLITE_OK ? 0 : database_error(database, "cannot open it", err);
}

/* Only a file without a page yet takes it. */
static int set_layout(struct database *database, struct err *err)
{
    char text[128];
    (void)snprintf(text,
                   sizeof text,
                   "PRAGMA page_size = %d; PRAGMA auto_vacuum = %s",
                   database->kind->page_bytes,
                   database->kind->gives_back ? "INCREMENTAL" : "NONE");
    return database_run(database, text, "cannot open it", err);
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

int database_open(struct database *database,
                  const char *file,
                  const struct database_kind *kind,
                  struct err *err)
{
    database->kind = kind;
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    database->file = mem_strdup(file);
    if (database->file == NULL) {
        return err_set(err, -ENOMEM, "not enough memory to open %s", file);
    }
    int result = make_folder(file, err);
    if (result != 0) {
        return result;
    }
    if (sqlite3_open_v2(file, &database->db, flags, NULL) != SQLITE_OK) {
        return database_error(database, "cannot open it", err);
    }
    (void)sqlite3_extended_result_codes(database->db, 1);
    (void)sqlite3_busy_timeout(database->db, STORE_BUSY_MS);
    if (sqlite3_db_readonly(database->db, "main") == 1) {
        return err_set(err, -EROFS, "%s cannot be written to: look at its permissions", file);
    }
    /* Before anything else: not a byte is written to a file that is not ours. */
    result = in_transaction(database, "BEGIN", look_at, err);
    /* It would be written again, with a journal that is made and synced, by each process that opens
     * the file. */
    result = result == 0 && database->empty ? set_layout(database, err) : result;
    result = result == 0 ? set_wal(database, err) : result;
    result = result == 0 ? database_run(database,
                                        "PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON; "
                                        "PRAGMA journal_size_limit = 8388608; "
                                        "PRAGMA cache_size = -" STRINGIFY(CACHE_KIB),
                                        "cannot open it",
                                        err)
                         : result;
    if (result == 0 && database->outdated) {
        result = in_transaction(database, "BEGIN IMMEDIATE", migrate_locked, err);
    }
    database->usable = result == 0;
    return result;
}

/* Is the WAL so short that reading it costs the next process less than moving it does now? */
static bool has_short_log(const struct database *database)
{
    char log[PATH_TEXT_MAX];
    struct stat st;
    const int len = snprintf(log, sizeof log, "%s-wal", database->file);
    return len > 0 && len < (int)sizeof log && stat(log, &st) == 0 && st.st_size <= SHORT_LOG;
}

void database_close(struct database *database)
{
    if (database->usable && database->kind->leaves_log && has_short_log(database)) {
        (void)sqlite3_db_config(database->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    }
    (void)sqlite3_close(database->db);
    mem_free(database->file);
    *database = (struct database){0};
}

/* ---- statements ---- */

int database_prepare(struct database *database,
                     const char *sql,
                     sqlite3_stmt **place,
                     struct err *err)
{
    if (*place == NULL
        && sqlite3_prepare_v3(database->db, sql, -1, SQLITE_PREPARE_PERSISTENT, place, NULL)
               != SQLITE_OK) {
        return database_error(database, "cannot read it", err);
    }
    (void)sqlite3_reset(*place);
    (void)sqlite3_clear_bindings(*place);
    return 0;
}

int database_step(struct database *database,
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
    int result = code == SQLITE_DONE ? 0 : database_error(database, "cannot write to it", err);
    (void)sqlite3_reset(statement);
    return result;
}
