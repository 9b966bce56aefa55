/* SPDX-License-Identifier: Apache-2.0 */
/* The open history of runs: its statements and what waits to be written. Inside of store.c and
 * query.c only. */
#ifndef SLUICE_STORE_STORE_IMPL_H
#define SLUICE_STORE_STORE_IMPL_H

#include "base/arena.h"
#include "base/str.h"
#include "base/vec.h"
#include "store/database.h"
#include "store/store.h"

/* Pending rows beyond which a batch is written whatever its age. One row takes about 200 bytes. */
#define STORE_BATCH_ROWS 4096

/* Reused outcomes of a batch: about 50 bytes each. Runs of more units have several sets, which are
 * cut at the same units each time. */
#define STORE_BATCH_REUSED 65536

/* Bytes of names in a batch: two ids of ID_MAX for each row. */
#define STORE_BATCH_BYTES ((size_t)STORE_BATCH_ROWS * 2048)

/* And of its reused outcomes: a name of ID_MAX and two bytes for each. */
#define STORE_REUSED_BYTES ((size_t)STORE_BATCH_REUSED * 1026)

/* Weight of the newest pass in a unit's mean duration: after five runs on a new machine the old
 * ones weigh 1/6. */
#define STORE_DURATION_WEIGHT 0.3

enum statement {
    STATEMENT_BEGIN,
    STATEMENT_COMMIT,
    STATEMENT_RUN_STARTED,
    STATEMENT_RUN_FINISHED,
    STATEMENT_LAYER,
    STATEMENT_LAYER_OPEN,
    STATEMENT_UNIT_SEEN,
    STATEMENT_UNIT_DONE,
    STATEMENT_UNIT_REUSED,
    STATEMENT_SET_FIND,
    STATEMENT_SET_ADD,
    STATEMENT_SET_DOUBT,
    STATEMENT_SET_KNOWN,
    STATEMENT_SETS_SWEEP,
    STATEMENT_REUSED,
    STATEMENT_OUTCOME,
    STATEMENT_VERDICT,
    STATEMENT_HISTORY,
    STATEMENT_RUNS,
    STATEMENT_OUTCOMES,
    STATEMENT_OUTCOMES_REUSED,
    STATEMENT_LAST_OPEN,
    STATEMENT_LAST_TREE,
    STATEMENT_PRUNE,
};

#define STATEMENT_COUNT 24

/* One thing to write. Strings are in the batch's arena. */
struct pending_row {
    const char *layer;
    const char *unit; /* NULL = a verdict */
    const char *unstored;
    int64_t time_ms;
    enum verdict_state state;
    bool records_open;      /* the verdict speaks for the whole layer and this snapshot */
    struct outcome outcome; /* what it points to is not copied and not used */
};

/* Reused outcomes of a layer that wait to be written, packed (reused.c). */
struct reused_batch {
    char *layer;
    struct str units;
    uint64_t count;
    uint64_t of_status[OUTCOME_STATUS_COUNT];
    uint64_t flaky;
};

/* What a layer of the current run selected, to know whether its verdict speaks for all of it. */
struct layer_plan {
    char *layer;
    uint64_t excluded;
    uint64_t carried;
};

struct store {
    struct event_sink sink;
    struct database database;
    sqlite3_stmt *statements[STATEMENT_COUNT]; /* prepared at first use, kept */
    struct err error;                          /* the first failure to write; code 0 = none */

    struct {
        VEC_FIELDS(struct pending_row);
    } pending;

    struct {
        VEC_FIELDS(struct reused_batch);
    } reused;

    size_t reused_count; /* outcomes in them */

    struct arena *arena; /* strings of pending rows; NULL = none yet */
    int64_t last_commit_ns;

    struct {
        VEC_FIELDS(struct layer_plan);
    } plans;

    sqlite3_int64 run; /* row of the current run; 0 = none */
    char *tree;        /* its snapshot; NULL = none */
    bool resumed;
};

/* The statement, reset and without bindings. */
int store_statement(struct store *store,
                    enum statement which,
                    sqlite3_stmt **ret_statement,
                    struct err *err);

#endif
