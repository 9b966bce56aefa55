/* SPDX-License-Identifier: Apache-2.0 */
/* Keeping the evidence small, whole and trustworthy: what `sluice cache` does. Everything here may
 * run beside processes that look up and add. */
#ifndef SLUICE_STORE_EVIDENCE_KEEP_H
#define SLUICE_STORE_EVIDENCE_KEEP_H

#include "store/evidence.h"

/* ---- how much there is ---- */

struct evidence_stats {
    uint64_t units, classes, atoms;
    uint64_t rows, passed, failed, declared;
    uint64_t of_trust[EVIDENCE_TRUST_COUNT]; /* rows */
    uint64_t quarantined;                    /* units */
    uint64_t flaky;                          /* fingerprints that passed and failed, ever */
    uint64_t revocations;                    /* standing ones */
    uint64_t leases;
    uint64_t files, states; /* memos */
    uint64_t blobs, blob_bytes;
    uint64_t database_bytes;      /* pages in use */
    int64_t oldest_ms, newest_ms; /* of rows; 0 = there are none */
};

int evidence_stats(struct evidence_store *store, struct evidence_stats *ret, struct err *err);

/* ---- room ---- */

/* Content that was stored or read within this time is kept although no evidence names it: a run may
 * be about to. A run names what it stored within seconds. */
#define EVIDENCE_GRACE_MS (10LL * 60 * 1000)

/* Digests of files, and ledger entries without a failure, go when they are as old as this. */
#define EVIDENCE_MEMO_MS (90LL * 24 * 3600 * 1000)

struct evidence_cleaned {
    uint64_t rows, blobs;  /* removed */
    uint64_t recent;       /* blobs that no row names, kept: see EVIDENCE_GRACE_MS */
    uint64_t bytes_before; /* blobs and database */
    uint64_t bytes_after;
};

/* Removes the evidence that was not used for the longest time until everything takes `budget` bytes
 * at most, and content that no evidence names. -EBUSY: another process is at it. */
int evidence_gc(struct evidence_store *store,
                uint64_t budget,
                struct evidence_cleaned *ret,
                struct err *err);

/* For the end of a run: looks (at most once an hour for all runs) whether the budget is passed, and
 * if so makes room down to 9/10 of it. 1 = cleaned, *ret filled; 0 = nothing to do, or another
 * process is at it. */
int evidence_gc_when_due(struct evidence_store *store,
                         uint64_t budget,
                         struct evidence_cleaned *ret,
                         struct err *err);

/* Removes evidence that was not used since `before_ms`, and content that no evidence names. */
int evidence_prune(struct evidence_store *store,
                   int64_t before_ms,
                   struct evidence_cleaned *ret,
                   struct err *err);

/* ---- damage ---- */

struct evidence_verified {
    uint64_t blobs, blobs_damaged; /* read; removed */
    uint64_t rows, rows_removed;   /* looked at; their content is gone */
    uint64_t classes_removed;      /* make no sense */
};

/* Reads everything. What is damaged is removed: it runs again. -EUCLEAN: the database itself is
 * damaged, the message says what to do. */
int evidence_verify(struct evidence_store *store, struct evidence_verified *ret, struct err *err);

/* ---- trust ---- */

/* What rests on a machine, a change, a run, a time: all that is given must hold. At least one of
 * host, scope, run is not NULL, or a bound of the time is given. */
struct evidence_revocation {
    const char *host;  /* NULL = any, and so on */
    const char *scope; /* change */
    const char *run;
    int64_t since_ms; /* when it was earned, both ends included; 0 and INT64_MAX = any */
    int64_t until_ms; /* INT64_MAX: until now */
};

/* Who is told of each row; `words` as evidence_words(), "" = unknown. A negative number ends it. */
struct evidence_listener {
    int (*each)(void *context, const struct evidence_row *row, const char *words);
    void *context;
};

/* Tells the listener (NULL = nobody) every row that rests on it, and unless `dry` removes them with
 * all shortcuts, in one transaction, and keeps a record so that they do not come back by an import.
 * ret_count (may be NULL): rows. A negative number of the listener is handed on: then nothing was
 * removed. */
int evidence_revoke(struct evidence_store *store,
                    const struct evidence_revocation *what,
                    bool dry,
                    const struct evidence_listener *listener,
                    uint64_t *ret_count,
                    struct err *err);

#endif
