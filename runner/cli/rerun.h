/* SPDX-License-Identifier: Apache-2.0 */
/* What a run with --rerun-failed comes to. Pure. */
#ifndef SLUICE_CLI_RERUN_H
#define SLUICE_CLI_RERUN_H

#include "model/event.h"

#include <stdbool.h>
#include <stddef.h>

struct rerun {
    uint64_t outstanding; /* units that still have to be run again */
    uint64_t ran;         /* units that were run now, or that evidence answered for */
    bool last_known;      /* there was a run before this one */
    int last_exit;        /* its exit code; -1 = it never came to its end */
    const char *last_run; /* its id; NULL when last_known is false */
};

#define RERUN_REASON_MAX 256

/* The exit code of the run, from what the scheduler says of the units that were run again. Fills
 * `reason` when it changes something ("" = the scheduler's reason stays); with EXIT_OPEN it says
 * why there was nothing to do. */
enum exit_code rerun_exit(enum exit_code from_sched,
                          const struct rerun *rerun,
                          char reason[RERUN_REASON_MAX]);

#endif
