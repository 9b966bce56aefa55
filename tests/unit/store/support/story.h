/* SPDX-License-Identifier: Apache-2.0 */
/* Events of a run, told in few words. */
#ifndef SLUICE_TESTS_STORE_STORY_H
#define SLUICE_TESTS_STORE_STORY_H

#include "store/store.h"

/* test_folder()/name; one of eight rotating buffers. */
const char *at(const char *name);

/* Opens test_folder()/name, which must work. */
struct store *open_store(const char *name);

/* tree and resumed may be NULL. */
void tell_start(struct store *store, const char *run_id, int64_t time_ms, const char *tree);
void tell_resume(struct store *store, const char *run_id, const char *tree, const char *resumed);
void tell_plan(struct store *store, const char *layer, uint64_t excluded, uint64_t carried);
void tell_outcome(struct store *store, const char *layer, const char *unit, struct outcome outcome);
/* A final first attempt of some milliseconds. */
void tell_unit(struct store *store, const char *unit, enum outcome_status status, int64_t ms);
void tell_verdict(struct store *store, const char *layer, enum verdict_state state);
void tell_end(struct store *store, enum exit_code code);

/* What is known of a unit of layer "unit"; runs 0 when it is not known. */
struct unit_history history_of(struct store *store, const char *layer, const char *unit);

/* Rows of one run, of all runs. */
unsigned count_outcomes(struct store *store, const char *run_id);
unsigned count_runs(struct store *store);

/* Runs SQL on test_folder()/name with a connection of its own; the first column of the first row as
 * text ("" = none), in a static buffer. */
const char *sql(const char *name, const char *text);

#endif
