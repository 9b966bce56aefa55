/* SPDX-License-Identifier: Apache-2.0 */
/* Units that another process runs right now. They wait here, without slot and locks, and are looked
 * at every tick; what need not wait any more goes back to the plan, is given a slot like any other
 * unit, and asks for evidence then: the other process may have earned it, or have given up. */
#include "base/clock.h"
#include "sched/sched_impl.h"

/* Told once: a run that waits and shows nothing that runs looks as if it hung. */
static void tell(struct sched *sched, const struct unit *unit)
{
    if (sched->told_joining) {
        return;
    }
    sched->told_joining = true;
    sched_note(sched,
               "info",
               unit->layer,
               "another sluice runs the same right now: waiting for its result instead of "
               "running it twice (the first such unit is %s)",
               unit->id);
}

int joining_add(struct sched *sched, const struct sched_slot *slot)
{
    const struct joining added = {slot->unit, slot->index, slot->attempt, clock_mono_ns()};
    int rc = vec_push(&sched->joining, added);
    if (rc == 0) {
        plan_unit_park(sched->plan, slot->index);
        tell(sched, slot->unit);
    }
    return rc;
}

static void cancel(struct sched *sched, const struct joining *joining)
{
    struct outcome outcome = {
        .status = OUTCOME_ERRORED,
        .exit_code = -1,
        .flags = FLAG_CANCELLED,
        .message = "stopped while it waited for another process that runs the same",
        .started_ms = clock_wall_ms(),
        .slot = -1,
    };
    unit_finish(sched, joining->index, joining->unit, &outcome);
}

void joining_cancel(struct sched *sched)
{
    while (sched->joining.count > 0) {
        const struct joining last = sched->joining.items[--sched->joining.count];
        cancel(sched, &last);
    }
}

void joining_ask_again(struct sched *sched)
{
    const size_t before = sched->joining.count;
    if (plan_stopped(sched->plan)) { /* after too many failures: nothing starts any more */
        joining_cancel(sched);
    }
    size_t kept = 0;
    for (size_t i = 0; i < sched->joining.count; i++) {
        const struct joining joining = sched->joining.items[i];
        if (unit_joins(sched, &joining)) {
            sched->joining.items[kept++] = joining;
        } else {
            plan_unit_unpark(sched->plan, joining.index);
        }
    }
    sched->joining.count = kept;
    if (kept < before) {
        sched_pump(sched);
    }
}
