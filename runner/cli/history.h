/* SPDX-License-Identifier: Apache-2.0 */
/* What earlier runs know of units, as the scheduler asks for it: hints for the order, and which
 * units are carried (--rerun-failed, --resume). Also counts the re-runs that are outstanding. */
#ifndef SLUICE_CLI_HISTORY_H
#define SLUICE_CLI_HISTORY_H

#include "base/err.h"
#include "model/event.h"
#include "plan/plan.h"
#include "store/store.h"

#include <stdbool.h>

/* Names and hints of all known units: a million of 200 bytes, tenfold. Beyond: the rest counts as
 * never run. */
#define HISTORY_ARENA_MAX ((size_t)2 << 30)

struct history;

/* Borrows store and pipeline. With `rerun_failed` units that passed (or were skipped) when they
 * last ran, on the snapshot that history_set_tree() names, are carried. */
int history_new(struct store *store,
                const struct pipeline *pipeline,
                bool rerun_failed,
                struct history **ret_history,
                struct err *err);
void history_free(struct history *history);

/* The snapshot of this run; borrowed. Until it is said, and when it is NULL or "" (all runs in
 * place), it is not known what has changed, and passes are carried wherever they were earned. A
 * pass on another snapshot proves nothing of this one: evidence answers for it, or it runs. */
void history_set_tree(struct history *history, const char *tree);

/* Carries the units that passed in this run; may be called for several runs. */
int history_carry(struct history *history, const char *run_id, struct err *err);

/* Reads the rows of all layers; without it a layer's are read when its first unit is asked for.
 * Returns how many units are known. */
uint64_t history_read_ahead(struct history *history);

/* The hint function of sched_options; `context` is the history. */
void history_hint(void *context,
                  const struct layer *layer,
                  const char *unit,
                  struct plan_hint *ret_hint);

/* With `rerun_failed`: is told every event. */
void history_note(struct history *history, const struct event *event);

/* With `rerun_failed`: how many units still have to be run again: units that were due and did not
 * pass now, and, when only some layers were named, failures of the layers that were not planned. */
uint64_t history_outstanding(struct history *history, bool some_layers);

/* The first failure to read the store, if there was one: 0 or its code with the message. */
int history_error(const struct history *history, struct err *err);

#endif
