/* SPDX-License-Identifier: Apache-2.0 */
/* Stands between the scheduler and the reports: lets the run's end say what --rerun-failed makes of
 * it. */
#ifndef SLUICE_CLI_RUN_SINK_H
#define SLUICE_CLI_RUN_SINK_H

#include "cli/history.h"
#include "cli/rerun.h"
#include "model/event.h"

struct run_sink {
    struct event_sink sink; /* for the scheduler */
    struct event_sink *next;
    struct history *history; /* NULL without --rerun-failed */
    struct rerun rerun;
    bool some_layers; /* layers were named on the command line */
    bool finished;    /* run_finished has passed */
    enum exit_code exit_code;
    char reason[RERUN_REASON_MAX]; /* of the exit code, when this sink changed it */
};

/* The other fields are filled by the caller. */
void run_sink_init(struct run_sink *sink);

#endif
