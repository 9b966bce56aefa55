/* SPDX-License-Identifier: Apache-2.0 */
/* What outlives a run: runs, outcomes, durations, flakiness. SQLite in WAL mode, one file; the only
 * place that speaks SQL. Survives kill -9 at any instant and a full disk: then the newest rows are
 * missing, none is torn. One thread at a time per handle; many processes may have the file open. */
#ifndef SLUICE_STORE_STORE_H
#define SLUICE_STORE_STORE_H

#include "base/err.h"
#include "model/event.h"

struct store;

/* Opens (creates, migrates) the database file. -EUCLEAN: damaged, says what to do. A newer schema
 * than ours is refused (-EPROTO). */
int store_open(const char *file, struct store **ret_store, struct err *err);
void store_close(struct store *store);

/* A sink that records events. Rows wait in memory and are committed in batches: at once when the
 * last commit is STORE_BATCH_MS ago, else with the first event after that, when a run ends, and by
 * store_flush(), which a caller with a clock may call. The first failure to write is kept and told
 * by store_error(), and nothing is written after it (what is in the file is a prefix of what
 * happened): the run goes on without history. Cancelled attempts are no outcomes and not recorded.
 */
#define STORE_BATCH_MS 500
struct event_sink *store_sink(struct store *store);
int store_error(const struct store *store, struct err *err);

/* Commits what is pending. */
int store_flush(struct store *store, struct err *err);

/* What is known about a unit from earlier runs. */
struct unit_history {
    const char *unit;
    int64_t duration_ms; /* mean of the last passes, weighted to the newest; 0 = never passed */
    enum outcome_status last; /* final outcome in the newest run that had it, reused or not */
    uint32_t runs;            /* times it came to an outcome by running, skipped included */
    uint32_t flakes;          /* times it passed only after a retry */
    int64_t last_failed_ms;   /* wall clock; 0 = never */
    const char *unstored;     /* why it became no evidence then; NULL = it did, or was not to */
    const char *last_tree;    /* snapshot that `last` is of; NULL = it ran in place, or not known */
};

/* Calls `each` for every unit of a layer that ever ran here. Reused outcomes measure nothing: they
 * count as no run, no flake and no duration. Return positive from it to stop; a negative
 * number stops too and is handed on, *err untouched. Strings are valid during the call. */
int store_history(struct store *store,
                  const char *layer,
                  int (*each)(void *context, const struct unit_history *history),
                  void *context,
                  struct err *err);

struct run_row {
    const char *run_id;
    const char *pipeline;
    const char *tree;
    int64_t started_ms;
    int64_t wall_ms; /* -1 = never finished (killed) */
    int exit_code;   /* -1 = never finished */
    struct tally tally;
};

/* Newest first; the callback stops it as in store_history(). A run that never finished has the
 * units of its tally, but no cases. */
int store_runs(struct store *store,
               int (*each)(void *context, const struct run_row *row),
               void *context,
               struct err *err);

/* Final outcomes of one run: for --rerun-failed and resume. */
struct outcome_row {
    const char *layer;
    const char *unit;
    enum outcome_status status;
    bool flaky;
};

int store_outcomes(struct store *store,
                   const char *run_id,
                   int (*each)(void *context, const struct outcome_row *row),
                   void *context,
                   struct err *err);

/* The snapshot on which a layer's gate last opened: for `when: changed`. Only runs count in which
 * all of the layer's units were judged on that snapshot: none excluded by filter or shard, none
 * carried over but by resume. 1 and the id copied into buf, 0 = never. */
int store_last_open(
    struct store *store, const char *layer, char *buf, size_t size, struct err *err);

/* The snapshot of the run that was started last: 1 and the id copied into buf; 0 = there is no run,
 * or it had none. */
int store_last_tree(struct store *store, char *buf, size_t size, struct err *err);

/* Deletes runs older than the newest `keep`, with their rows (durations stay). */
int store_prune(struct store *store, unsigned keep, struct err *err);

#endif
