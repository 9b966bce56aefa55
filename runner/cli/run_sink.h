/* SPDX-License-Identifier: Apache-2.0 */
/* Stands between the scheduler and the reports: lets the run's end say what --rerun-failed makes of
 * it, and that its record is not complete (a full disk): no report calls such a run a success. */
#ifndef SLUICE_CLI_RUN_SINK_H
#define SLUICE_CLI_RUN_SINK_H

#include "cli/history.h"
#include "cli/rerun.h"
#include "model/event.h"

struct run_sink {
    struct event_sink sink;  /* for the scheduler */
    struct event_sink *next; /* what records: store and event logs */
    /* They hear of each event after `next`; may be NULL. */
    struct event_sink *views;  /* what shows at the end */
    struct event_sink *screen; /* what shows at once */
    /* Whether everything told so far is recorded: 0, or negative errno with the reason. May be
     * NULL. */
    int (*recorded)(void *context, struct err *err);
    void *recorded_context;
    struct history *history; /* NULL without --rerun-failed */
    struct rerun rerun;
    bool some_layers; /* layers were named on the command line */
    bool finished;    /* run_finished has passed */
    enum exit_code exit_code;
    char reason[RERUN_REASON_MAX]; /* of the exit code, when --rerun-failed changed it */
    struct err lost;               /* the first failure to record, seen at the run's end */
    struct run_sink_ahead *ahead;  /* what `views` hears of before it is known to be true; NULL */
    bool misled;                   /* `views` heard of what was not true */
};

/* The other fields are filled by the caller. */
void run_sink_init(struct run_sink *sink);

/* Tells many events at once, none of them the run's end: sched_options.emit_kept. `next` and
 * `screen` hear them on this thread, `views` on another one meanwhile, in order all; when this
 * returns, all have heard all. They may share nothing that changes. Few events are told one by one.
 */
void run_sink_emit_kept(struct event_sink *base, const struct event *events, size_t count);

/* sched_options.emit_ahead: lets `views`, which nobody sees before the end, hear of events on a
 * thread of their own until run_sink_emit_kept() of the same. Without a thread it does nothing. */
void run_sink_emit_ahead(struct event_sink *base, const struct event *events, size_t count);

/* sched_options.forget_ahead: they were not true. When `misled` is set then, new views have to be
 * put in the place of the old ones. */
void run_sink_forget_ahead(struct event_sink *base);

#endif
