/* SPDX-License-Identifier: Apache-2.0 */
/* One sink in front of several: the scheduler emits once, every report sees every event. */
#ifndef SLUICE_REPORTS_FANOUT_H
#define SLUICE_REPORTS_FANOUT_H

#include "base/err.h"
#include "model/event.h"

/* Sinks of one run: terminal, two event logs, summary, store, ten reports, and one to spare.
 * Beyond: -E2BIG. */
#define FANOUT_MAX 16

struct fanout;

/* Makes an empty fan-out; what is emitted into it is dropped. */
int fanout_new(struct fanout **ret_fanout, struct err *err);

/* Adds a sink, which must outlive the fan-out; NULL is passed over. Sinks are called in the order
 * they were added. */
int fanout_add(struct fanout *fanout, struct event_sink *sink, struct err *err);

/* Emit into this. */
struct event_sink *fanout_sink(struct fanout *fanout);

/* Frees the fan-out, not its sinks. NULL is accepted. */
void fanout_free(struct fanout *fanout);

#endif
