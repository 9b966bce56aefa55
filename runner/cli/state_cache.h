/* SPDX-License-Identifier: Apache-2.0 */
/* What the state folder keeps only to be quicker next time: objects/ (contents of snapshots that
 * the user's repository lacks) and pool/ (checkouts). Nothing refers to them once no run is under
 * way, so when they grow too large they go as a whole, and the next run makes what it needs anew.
 */
#ifndef SLUICE_CLI_STATE_CACHE_H
#define SLUICE_CLI_STATE_CACHE_H

#include "base/err.h"

#include <stdint.h>

/* Size of objects/ beyond which it is dropped: 2 GiB is some 700 snapshots with 3 MiB of changes
 * each. */
#define STATE_CACHE_BYTES_MAX (2ull << 30)

/* Files in objects/ beyond which it is dropped. Every snapshot has a few; looking at so many takes
 * under 0.1 s, and no more are looked at. */
#define STATE_CACHE_FILES_MAX 50000u

struct state_cache_limits {
    uint64_t bytes;
    unsigned files;
};

/* Says that a run over this state folder is under way, until the descriptor is closed. Waits while
 * another process moves the caches away, which takes no time. */
int state_cache_hold(const char *state, int *ret_hold, struct err *err);

/* Lets go of `hold` (closed and set to -1, whatever is returned). Drops the caches when they are
 * beyond the limits and nobody else holds them: 1. Else 0, or negative; then they are as they were,
 * or gone from their place and swept from tmp/ later. */
int state_cache_release(const char *state,
                        int *hold,
                        const struct state_cache_limits *limits,
                        struct err *err);

#endif
