/* SPDX-License-Identifier: Apache-2.0 */
/* Outcomes that evidence answered for, in the history of runs. A run that is reused as a whole has
 * the same ones as the run before it, so they are kept as one packed text for each layer and batch
 * (table reused_set), which is written once, and runs name it. Inside of store.c and query.c only.
 */
#ifndef SLUICE_STORE_REUSED_H
#define SLUICE_STORE_REUSED_H

#include "base/str.h"
#include "store/store_impl.h"

/* Puts a reused outcome into the batch. 0 or -ENOMEM. */
int reused_add(struct store *store,
               const char *layer,
               const char *unit,
               const struct outcome *outcome);

/* Writes what waits of one layer; inside of a transaction. */
int reused_write(struct store *store,
                 const struct reused_batch *batch,
                 sqlite3_int64 layer,
                 struct err *err);

/* Forgets what waits. */
void reused_forget(struct store *store);

/* A unit of the layer came to something in another way than by a set of this run: what sets of
 * other runs say of it may not be its last outcome any more. Inside of a transaction. */
int reused_doubt(struct store *store, sqlite3_int64 layer, struct err *err);

/* Calls `each` for the units of a set, as it was written. */
int reused_each(const char *layer,
                const char *units,
                size_t len,
                int (*each)(void *context, const struct outcome_row *row),
                void *context);

#endif
