/* SPDX-License-Identifier: Apache-2.0 */
/* An SQLite file of ours: opened, configured, migrated; its statements; SQLite's result codes as
 * ours. Inside of the store only. */
#ifndef SLUICE_STORE_DATABASE_H
#define SLUICE_STORE_DATABASE_H

#include "base/err.h"
#include "store/schema.h"

#include <sqlite3.h>

#include <stdbool.h>

/* How long a write waits for another process's. One commit takes milliseconds; beyond this
 * something hangs with the file locked: -EBUSY. */
#define STORE_BUSY_MS 10000

/* What kind of file it is. */
struct database_kind {
    int application_id;          /* marks the file as ours in its header */
    const struct schema *schema; /* the steps to its newest form */
    int page_bytes;              /* of a new file */
    bool gives_back;             /* a new file can give free pages back to the disk */
    bool leaves_log;             /* a short WAL stays when it is closed, see database_close() */
    const char *loss;            /* what is lost with the file, a sentence for people */
};

/* A zeroed one is closed. */
struct database {
    sqlite3 *db;
    char *file;
    const struct database_kind *kind;
    bool outdated; /* its schema is older than ours */
    bool empty;    /* nothing was ever in it */
    bool usable;   /* it was opened to the end: else its log is in the way, on a full disk */
};

/* Opens, configures and migrates. On failure database_close() cleans up. */
int database_open(struct database *database,
                  const char *file,
                  const struct database_kind *kind,
                  struct err *err);

/* All statements have been finalized before. The last process that closes the file moves its WAL
 * into it, which syncs the disk twice, and removes the WAL. With leaves_log a short one is left to
 * whoever opens the file next, so that closing waits for no disk. */
void database_close(struct database *database);

/* Fills *err with what was attempted and why SQLite refused; returns the negative errno for it. */
int database_error(const struct database *database, const char *attempt, struct err *err);

/* Something long is read, once: its pages are not worth memory of their own. Then (false) pages are
 * kept as before. */
void database_read_once(struct database *database, bool once);

/* Runs statements that give no rows. */
int database_run(struct database *database, const char *sql, const char *attempt, struct err *err);

/* The statement in *place, prepared when it is NULL, else reset and without bindings. */
int database_prepare(struct database *database,
                     const char *sql,
                     sqlite3_stmt **place,
                     struct err *err);

/* Runs a statement that gives no row, or one whose first column is wanted (ret_id may be NULL). */
int database_step(struct database *database,
                  sqlite3_stmt *statement,
                  sqlite3_int64 *ret_id,
                  struct err *err);

#endif
