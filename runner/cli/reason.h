/* SPDX-License-Identifier: Apache-2.0 */
/* Why a unit would run or not: the words of `plan`. Pure. */
#ifndef SLUICE_CLI_REASON_H
#define SLUICE_CLI_REASON_H

#include "cli/invocation.h"
#include "model/unit.h"
#include "plan/plan.h"
#include "sched/sched.h"

/* What reason_of() judges by. */
struct reason_subject {
    const struct layer *layer;
    const struct unit *unit;
    const struct plan_hint *hint;          /* NULL = nothing is known */
    const struct sched_forecast *forecast; /* NULL = not selected */
    const char *explanation;               /* lines, for `why`; NULL otherwise */
    bool whole_layer; /* the unit is "*": which ones there are is not known yet */
};

struct reason {
    bool run;             /* it costs something in a run now, or may */
    const char *decision; /* "run", "hit", "join", "wait" or "skip" */
    const char *text;     /* static, or of the subject */
};

struct reason reason_of(const struct invocation *invocation, const struct reason_subject *subject);

#endif
