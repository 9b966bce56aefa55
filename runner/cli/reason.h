/* SPDX-License-Identifier: Apache-2.0 */
/* Why a unit would run or not: the words of `plan`. Pure. */
#ifndef SLUICE_CLI_REASON_H
#define SLUICE_CLI_REASON_H

#include "cli/invocation.h"
#include "model/unit.h"
#include "plan/plan.h"

/* What plan_reason() judges by. */
struct reason_subject {
    const struct layer *layer;
    const struct unit *unit;
    const struct plan_hint *hint; /* NULL = nothing is known */
    bool selected;                /* the planner's word */
};

struct reason {
    bool run;
    bool wait;        /* it is not known yet which units there are */
    const char *text; /* static, or the unit's skip text */
};

struct reason reason_of(const struct invocation *invocation, const struct reason_subject *subject);

#endif
