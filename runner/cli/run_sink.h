/* SPDX-License-Identifier: Apache-2.0 */
/* Stands between the scheduler and the reports: lets the run's end say what --rerun-failed makes of
 * it, and that its record is not complete (a full disk): no report calls such a run a success. */
#ifndef SLUICE_CLI_RUN_SINK_H
#define SLUICE_CLI_RUN_SINK_H

#include "cli/history.h"
#include "cli/rerun.h"
#include "model/event.h"

struct run_sink {
    struct event_sink sink;   /* for the scheduler */
    struct event_sink *next;  /* what records: store and event logs */
    struct event_sink *views; /* what shows: hears of each event after `next`; may be NULL */
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
};

/* The other fields are filled by the caller. */
void run_sink_init(struct run_sink *sink);

/* Tells many events at once, none of them the run's end: sched_options.emit_kept. `next` hears them
 * on this thread, `views` on another one meanwhile, in order both; when this returns, both have
 * heard all. They may share nothing that changes. Few events are told one by one. */
void run_sink_emit_kept(struct event_sink *base, const struct event *events, size_t count);

#endif
