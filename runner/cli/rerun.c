/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/rerun.h"

#include <stdio.h>

enum exit_code rerun_exit(enum exit_code from_sched,
                          const struct rerun *rerun,
                          char reason[RERUN_REASON_MAX])
{
    reason[0] = '\0';
    if (from_sched != EXIT_OPEN && from_sched != EXIT_NOTHING_SELECTED) {
        return from_sched;
    }
    /* carried units alone open gates as well: then nothing new was learnt */
    const bool idle = from_sched == EXIT_NOTHING_SELECTED || rerun->ran == 0;
    if (rerun->outstanding > 0) {
        (void)snprintf(reason,
                       RERUN_REASON_MAX,
                       "%s, but %llu unit%s that did not pass before %s still to be run again "
                       "(`sluice run --rerun-failed` without a selection runs them)",
                       idle ? "nothing was selected" : "what was run again passed",
                       (unsigned long long)rerun->outstanding,
                       rerun->outstanding == 1 ? "" : "s",
                       rerun->outstanding == 1 ? "has" : "have");
        return EXIT_RERUNS_OUTSTANDING;
    }
    if (!idle) {
        return EXIT_OPEN;
    }
    if (!rerun->last_known) {
        return EXIT_NOTHING_SELECTED;
    }
    if (rerun->last_exit == EXIT_OPEN) {
        (void)snprintf(reason,
                       RERUN_REASON_MAX,
                       "nothing has to be run again: all passed in run %s",
                       rerun->last_run);
        return EXIT_OPEN;
    }
    (void)snprintf(reason,
                   RERUN_REASON_MAX,
                   "no unit failed, but run %s did not open the gate (exit code %d): `sluice run` "
                   "runs everything",
                   rerun->last_run,
                   rerun->last_exit);
    return EXIT_NOTHING_SELECTED;
}
