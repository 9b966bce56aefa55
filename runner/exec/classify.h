/* SPDX-License-Identifier: Apache-2.0 */
/* From how a command ended and what its report says to an outcome's status and message. Pure. */
#ifndef SLUICE_EXEC_CLASSIFY_H
#define SLUICE_EXEC_CLASSIFY_H

#include "base/arena.h"
#include "model/outcome.h"
#include "model/unit.h"

struct ending {
    const char *start_error;   /* could not be started: why; NULL = it ran */
    const char *report_error;  /* the report could not be read: why; NULL */
    const char *collect_error; /* products could not be collected: why; NULL */
    bool timed_out;
    bool flooded; /* more output than may be read */
    bool cancelled;
    int64_t timeout_ms;
    enum report_format report;
};

/* Reads outcome->exit_code, signal, cases, flags; fills status and message (allocated in arena).
 *   cancelled > flooded > timed out > not started > signal > broken report > cases > exit code.
 * What failed with its scratch space full is an error: so may anything.
 * A non-zero exit with no failing case, and zero cases where there is a report, are errors; 126 and
 * 127 (the shell's "cannot execute", "not found") are errors: the test never said anything. */
void outcome_classify(const struct ending *ending, struct arena *arena, struct outcome *outcome);

#endif
