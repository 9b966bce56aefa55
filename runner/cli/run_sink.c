/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run_sink.h"

/* A run whose record is lost is no success, and neither is what depends on reading it again. */
static void demand_record(struct run_sink *sink, struct event *told)
{
    if (sink->recorded != NULL && sink->exit_code == EXIT_OPEN && sink->lost.code == 0
        && sink->recorded(sink->recorded_context, &sink->lost) != 0) {
        sink->exit_code = EXIT_INFRASTRUCTURE;
        told->u.run_finished.exit_code = EXIT_INFRASTRUCTURE;
        told->u.run_finished.reason = sink->lost.text;
    }
}

/* The event as it is told on: for the run's end with --rerun-failed another exit code and reason.
 */
static struct event conclude(struct run_sink *sink, const struct event *event)
{
    struct event told = *event;
    sink->finished = true;
    sink->exit_code = event->u.run_finished.exit_code;
    if (sink->history == NULL) {
        return told;
    }
    sink->rerun.outstanding = history_outstanding(sink->history, sink->some_layers);
    sink->exit_code = rerun_exit(event->u.run_finished.exit_code, &sink->rerun, sink->reason);
    told.u.run_finished.exit_code = sink->exit_code;
    if (sink->exit_code == EXIT_OPEN) {
        told.u.run_finished.reason = NULL;
    } else if (sink->reason[0] != '\0') {
        told.u.run_finished.reason = sink->reason;
    }
    return told;
}

static void show(const struct run_sink *sink, const struct event *event)
{
    if (sink->views != NULL) {
        sink->views->emit(sink->views, event);
    }
}

/* Is it the news of a unit that was run now, or that evidence answered for? */
static bool is_settling(const struct event *event)
{
    return event->type == EVENT_UNIT_STARTED
           || (event->type == EVENT_UNIT_FINISHED
               && event->u.unit_finished.outcome->reused != NULL);
}

static void emit(struct event_sink *base, const struct event *event)
{
    struct run_sink *sink = (struct run_sink *)(void *)base; /* it is the first member */
    sink->rerun.ran += is_settling(event) ? 1 : 0;
    if (sink->history != NULL) {
        history_note(sink->history, event);
    }
    if (event->type == EVENT_RUN_FINISHED) {
        struct event told = conclude(sink, event);
        demand_record(sink, &told);
        sink->next->emit(sink->next, &told);
        demand_record(sink, &told); /* the end itself may be what does not fit */
        show(sink, &told);
        return;
    }
    sink->next->emit(sink->next, event);
    show(sink, event);
}

void run_sink_init(struct run_sink *sink)
{
    sink->sink.emit = emit;
    sink->exit_code = EXIT_INFRASTRUCTURE; /* until the run's end says otherwise */
}
