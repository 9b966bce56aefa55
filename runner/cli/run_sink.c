/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run_sink.h"

#include "base/mem.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>

/* A thread costs 12 to 20 us to start and join, what one event makes of work in the
 * reports 2 us (JUnit of 5,000: 10 ms). */
#define EVENTS_WORTH_A_THREAD 200

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

static void show(struct event_sink *view, const struct event *event)
{
    if (view != NULL) {
        view->emit(view, event);
    }
}

/* Is it the news of a unit that was run now, or that evidence answered for? */
static bool is_settling(const struct event *event)
{
    return event->type == EVENT_UNIT_STARTED
           || (event->type == EVENT_UNIT_FINISHED
               && event->u.unit_finished.outcome->reused != NULL);
}

static void note(struct run_sink *sink, const struct event *event)
{
    sink->rerun.ran += is_settling(event) ? 1 : 0;
    if (sink->history != NULL) {
        history_note(sink->history, event);
    }
}

static void emit(struct event_sink *base, const struct event *event)
{
    struct run_sink *sink = (struct run_sink *)(void *)base; /* it is the first member */
    note(sink, event);
    if (event->type == EVENT_RUN_FINISHED) {
        struct event told = conclude(sink, event);
        demand_record(sink, &told);
        sink->next->emit(sink->next, &told);
        demand_record(sink, &told); /* the end itself may be what does not fit */
        show(sink->views, &told);
        show(sink->screen, &told);
        return;
    }
    sink->next->emit(sink->next, event);
    show(sink->views, event);
    show(sink->screen, event);
}

/* ---- many at once ---- */

struct run_sink_ahead {
    struct event_sink *views;
    const struct event *events;
    size_t count;
    pthread_t thread;
};

static void *show_all(void *context)
{
    const struct run_sink_ahead *ahead = context;
    for (size_t i = 0; i < ahead->count; i++) {
        show(ahead->views, &ahead->events[i]);
    }
    return NULL;
}

/* Signals are for the thread of the loop. */
static int start_thread(struct run_sink_ahead *ahead)
{
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    const int rc = pthread_create(&ahead->thread, NULL, show_all, ahead);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}

void run_sink_emit_ahead(struct event_sink *base, const struct event *events, size_t count)
{
    struct run_sink *sink = (struct run_sink *)(void *)base;
    struct run_sink_ahead *ahead = NULL;
    assert(sink->ahead == NULL);
    if (count < EVENTS_WORTH_A_THREAD || sink->views == NULL
        || (ahead = mem_calloc(1, sizeof *ahead)) == NULL) {
        return;
    }
    *ahead = (struct run_sink_ahead){.views = sink->views, .events = events, .count = count};
    if (start_thread(ahead) == 0) {
        sink->ahead = ahead;
    } else {
        mem_free(ahead);
    }
}

/* How many events the views have heard of by themselves. */
static size_t end_ahead(struct run_sink *sink)
{
    struct run_sink_ahead *ahead = sink->ahead;
    if (ahead == NULL) {
        return 0;
    }
    const size_t count = ahead->count;
    (void)pthread_join(ahead->thread, NULL);
    mem_free(ahead);
    sink->ahead = NULL;
    return count;
}

void run_sink_forget_ahead(struct event_sink *base)
{
    struct run_sink *sink = (struct run_sink *)(void *)base;
    sink->misled = sink->misled || end_ahead(sink) > 0;
}

void run_sink_emit_kept(struct event_sink *base, const struct event *events, size_t count)
{
    struct run_sink *sink = (struct run_sink *)(void *)base;
    if (sink->ahead == NULL) {
        run_sink_emit_ahead(base, events, count);
    }
    assert(sink->ahead == NULL || (sink->ahead->events == events && sink->ahead->count <= count));
    for (size_t i = 0; i < count; i++) {
        assert(events[i].type != EVENT_RUN_FINISHED);
        note(sink, &events[i]);
        sink->next->emit(sink->next, &events[i]);
        show(sink->screen, &events[i]);
    }
    for (size_t i = end_ahead(sink); i < count; i++) {
        show(sink->views, &events[i]);
    }
}

void run_sink_init(struct run_sink *sink)
{
    sink->sink.emit = emit;
    sink->exit_code = EXIT_INFRASTRUCTURE; /* until the run's end says otherwise */
}
