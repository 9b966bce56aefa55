/* SPDX-License-Identifier: Apache-2.0 */
/* Memos of units: a file that a unit left and wants to find again when it runs the next time, to
 * save time (docs/decisions/0021-memo.md). One for each layer, unit, plugin program, trust and
 * scope: FOLDER/memos/DIGEST, a line of JSON that says whose it is, then the bytes. What is torn or
 * damaged is missing. Any number of processes; who writes last is kept. */
#ifndef SLUICE_STORE_UNIT_MEMO_H
#define SLUICE_STORE_UNIT_MEMO_H

#include "store/evidence_keep.h"

/* The largest memo: results of 65,536 mutants of one file, 1 KiB each. Beyond: not kept. */
#define UNIT_MEMO_MAX (64u << 20)

/* All memos; those used longest ago go first. */
#define UNIT_MEMO_BUDGET ((uint64_t)1 << 30)

/* Memos that were not used for so long go at the end of a run. */
#define UNIT_MEMO_AGE_MS (90LL * 24 * 3600 * 1000)

struct unit_memo {
    const char *layer;
    const char *unit;
    struct hash program; /* of the plugin program's content */
    struct evidence_reader who;
    const char *host, *run; /* of who keeps it */
    int64_t time_ms;        /* wall clock, then */
};

/* Keeps bytes in place of the memo of the same layer, unit, program, trust and scope. -EFBIG beyond
 * UNIT_MEMO_MAX. `cache` is the folder of the evidence. */
int unit_memo_put(const char *cache,
                  const struct unit_memo *memo,
                  const void *bytes,
                  size_t len,
                  struct err *err);

/* Appends the newest memo that `who` may read, by the rules of evidence (struct evidence_reader):
 * 1; 0 = there is none. `out` has a limit of UNIT_MEMO_MAX or more. */
int unit_memo_get(const char *cache,
                  const struct unit_memo *memo,
                  struct str *out,
                  struct err *err);

/* Removes memos not used since before_ms, then those used longest ago beyond `budget` bytes.
 * ret_count (may be NULL): how many. */
int unit_memo_tidy(
    const char *cache, int64_t before_ms, uint64_t budget, uint64_t *ret_count, struct err *err);

/* How many memos there are, and their bytes. */
int unit_memo_count(const char *cache, uint64_t *ret_count, uint64_t *ret_bytes, struct err *err);

/* Removes memos that rest on what is revoked; `dry` only counts. */
int unit_memo_revoke(const char *cache,
                     const struct evidence_revocation *what,
                     bool dry,
                     uint64_t *ret_count,
                     struct err *err);

#endif
