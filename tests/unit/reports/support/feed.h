/* SPDX-License-Identifier: Apache-2.0 */
/* Makes events as a run would, for tests of what folds them. */
#ifndef SLUICE_TESTS_REPORTS_FEED_H
#define SLUICE_TESTS_REPORTS_FEED_H

#include "model/event.h"

/* Each emits one event with plausible values into the sink. */
void feed_run_started(struct event_sink *sink);
void feed_layer_started(struct event_sink *sink, const char *layer);
void feed_planned(struct event_sink *sink, const char *layer, uint64_t units);
void feed_unit_started(struct event_sink *sink, const char *layer, const char *unit, int slot);
/* A final first attempt of 10 ms with the given status. */
struct outcome feed_outcome(enum outcome_status status);
void feed_unit(struct event_sink *sink,
               const char *layer,
               const char *unit,
               const struct outcome *outcome);
/* A passed unit that was reused: earned two hours ago in run "20261122T070000-0001", evidence "77".
 * change NULL = the main line. */
void feed_reused(struct event_sink *sink, const char *layer, const char *unit, const char *change);
struct reused feed_origin(const char *change);
void feed_passed(struct event_sink *sink, const char *layer, const char *unit);
void feed_judged(struct event_sink *sink,
                 const char *layer,
                 enum verdict_state state,
                 const char *reason);
void feed_note(struct event_sink *sink, const char *level, const char *text);
void feed_run_finished(struct event_sink *sink, enum exit_code code, const char *reason);

#endif
