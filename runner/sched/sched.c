/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/mem.h"
#include "sched/sched_impl.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

const struct layer *sched_layer_of(const struct sched *sched, size_t layer)
{
    assert(layer < sched->pipeline->layer_count);
    return &sched->pipeline->layers[layer];
}

void sched_emit(struct sched *sched, struct event *event)
{
    event->seq = ++sched->seq;
    event->time_ms = clock_wall_ms();
    if (sched->confirmed) {
        sched->options->sink->emit(sched->options->sink, event);
    } else {
        holding_keep(sched, event);
    }
}

void sched_note(struct sched *sched, const char *level, size_t layer, const char *format, ...)
{
    char text[ERR_TEXT_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    struct event event = {.type = EVENT_NOTE};
    event.u.note.level = level;
    event.u.note.text = text;
    event.u.note.layer =
        layer < sched->pipeline->layer_count ? sched_layer_of(sched, layer)->id : NULL;
    sched_emit(sched, &event);
}

/* ---- the loop ---- */

static void act(struct sched *sched, const struct plan_action *action)
{
    switch (action->type) {
    case PLAN_LAYER:
        layer_start(sched, action->layer);
        break;
    case PLAN_UNIT:
        unit_run(sched, action);
        break;
    case PLAN_JUDGE:
        layer_judge(sched, action->layer);
        break;
    case PLAN_SKIP_LAYER:
        layer_skip(sched, action);
        break;
    case PLAN_WAIT:
    case PLAN_DONE:
        break;
    }
}

/* Is the tree known by now? Every few actions: a guess that is wrong should not be followed to its
 * end. */
static bool goes_on(struct sched *sched)
{
    if (!sched->confirmed && ++sched->actions % CONFIRM_EACH == 0) {
        (void)sched_confirm(sched, false);
    }
    return sched->refused == 0;
}

/* Not re-entered: what an action ends at once is met by the loop that started it. */
void sched_pump(struct sched *sched)
{
    struct plan_action action = {.type = PLAN_WAIT};
    if (sched->pumping) {
        return;
    }
    sched->pumping = true;
    do {
        sched->again = false;
        do {
            action = plan_next(sched->plan);
            act(sched, &action);
        } while (goes_on(sched) && action.type != PLAN_WAIT && action.type != PLAN_DONE);
        if (sched->refused == 0) {
            chore_start_next(sched);
        }
    } while (sched->again && sched->refused == 0);
    sched->pumping = false;
    if (action.type == PLAN_DONE) {
        (void)uv_timer_stop(&sched->tick);
        uv_stop(sched->options->loop);
    }
}

static void stop_units(struct sched *sched, bool now)
{
    for (unsigned i = 0; i < sched->options->plan.slots + SCHED_CHORE_SLOTS; i++) {
        exec_stop(sched->options->exec, i, now);
    }
}

void sched_interrupt(struct sched *sched)
{
    if (!sched->interrupted) {
        sched->interrupted = true;
        plan_stop(sched->plan, "the run was interrupted");
        joining_cancel(sched); /* before the count of what runs */
        sched_note(sched,
                   "warning",
                   SIZE_MAX,
                   "interrupted: waiting for %u running unit%s; interrupt again to stop now",
                   sched->busy,
                   sched->busy == 1 ? "" : "s");
        chore_stop_planning(sched);
        sched_pump(sched);
        return;
    }
    sched->killed = true;
    stop_units(sched, true);
}

static void tell_slow(struct sched *sched, struct sched_slot *slot)
{
    struct event event = {.type = EVENT_UNIT_SLOW};
    slot->slow_told = true;
    event.u.unit_slow.layer = sched_layer_of(sched, slot->unit->layer)->id;
    event.u.unit_slow.unit = slot->unit->id;
    event.u.unit_slow.attempt = slot->attempt;
    event.u.unit_slow.slot = (int)slot->number;
    sched_emit(sched, &event);
}

static void on_tick(uv_timer_t *timer)
{
    struct sched *sched = timer->data;
    int64_t now = clock_mono_ns();
    int64_t budget_ms = sched->options->budget_ms;
    for (unsigned i = 0; i < sched->options->plan.slots; i++) {
        struct sched_slot *slot = &sched->slots[i];
        if (slot->unit == NULL || slot->slow_told) {
            continue;
        }
        int64_t slow_ms = sched_layer_of(sched, slot->unit->layer)->slow_after_ms;
        if (slow_ms > 0 && now - slot->started_ns >= slow_ms * 1000000) {
            tell_slow(sched, slot);
        }
    }
    if (budget_ms > 0 && !sched->deadline && now - sched->started_ns >= budget_ms * 1000000) {
        sched->deadline = true;
        plan_stop(sched->plan, "the time budget is used up");
        joining_cancel(sched);
        sched_note(sched,
                   "warning",
                   SIZE_MAX,
                   "the time budget is used up: stopping %u running unit%s",
                   sched->busy,
                   sched->busy == 1 ? "" : "s");
        stop_units(sched, false);
        sched_pump(sched);
    }
    joining_ask_again(sched);
    if (sched->options->reuse != NULL) {
        sched->options->reuse->tick(sched->options->reuse);
    }
}

/* ---- beginning and end ---- */

static void emit_started(struct sched *sched)
{
    const struct sched_options *options = sched->options;
    char host[256] = "";
    size_t size = sizeof host;
    struct event event = {.type = EVENT_RUN_STARTED};
    (void)uv_os_gethostname(host, &size);
    event.u.run_started.run_id = options->run_id;
    event.u.run_started.version = options->version;
    event.u.run_started.root = options->root;
    event.u.run_started.pipeline = sched->pipeline->file;
    event.u.run_started.name = sched->pipeline->name;
    event.u.run_started.tree = options->tree;
    event.u.run_started.host = host;
    event.u.run_started.resumed = options->resumed;
    event.u.run_started.command = options->command;
    event.u.run_started.jobs = options->plan.slots;
    event.u.run_started.layer_count = sched->pipeline->layer_count;
    event.u.run_started.shard_index = options->plan.shard_index;
    event.u.run_started.shard_count = options->plan.shard_count;
    sched_emit(sched, &event);
}

static enum exit_code exit_of(const struct sched *sched, const char **ret_reason)
{
    *ret_reason = sched->first_reason;
    if (sched->error != 0) {
        *ret_reason = sched->error_text;
        return EXIT_INFRASTRUCTURE;
    }
    if (sched->interrupted) {
        *ret_reason = "the run was interrupted";
        return EXIT_INTERRUPTED;
    }
    if (sched->deadline) {
        *ret_reason = "the time budget was used up before everything had run";
        return EXIT_DEADLINE;
    }
    if (sched->bad_filter) {
        return EXIT_USAGE;
    }
    if (sched->any_shut || sched->any_error) {
        return sched->any_shut ? EXIT_SHUT : EXIT_INFRASTRUCTURE;
    }
    const bool no_layer = !sched->any_asked && sched->options->plan.filter != NULL;
    if (!sched->any_selected && (sched->any_excluded || no_layer)) {
        *ret_reason = "nothing was selected: the filter or shard matches no unit";
        return EXIT_NOTHING_SELECTED;
    }
    *ret_reason = NULL;
    return EXIT_OPEN;
}

static enum exit_code emit_finished(struct sched *sched)
{
    struct tally tally = {0};
    struct event event = {.type = EVENT_RUN_FINISHED};
    for (size_t i = 0; i < sched->pipeline->layer_count; i++) {
        struct plan_layer_counts counts;
        plan_layer_counts(sched->plan, i, &counts);
        tally_merge(&tally, &counts.tally);
    }
    event.u.run_finished.exit_code = exit_of(sched, &event.u.run_finished.reason);
    event.u.run_finished.tally = &tally;
    event.u.run_finished.wall_ns = clock_mono_ns() - sched->started_ns;
    event.u.run_finished.cpu_us = sched->cpu_us;
    sched_emit(sched, &event);
    return event.u.run_finished.exit_code;
}

static void fini(struct sched *sched)
{
    for (size_t i = 0; sched->layers != NULL && i < sched->pipeline->layer_count; i++) {
        struct sched_layer *layer = &sched->layers[i];
        vec_fini(&layer->base_env);
        vec_fini(&layer->products);
        map_fini(&layer->ids);
        vec_fini(&layer->held);
        vec_fini(&layer->untold);
        map_fini(&layer->views);
        str_fini(&layer->judge_input);
        if (layer->judge_fd >= 0) {
            (void)close(layer->judge_fd);
        }
    }
    vec_fini(&sched->chores);
    vec_fini(&sched->joining);
    vec_fini(&sched->remake_waiters);
    mem_free(sched->layers);
    mem_free(sched->slots);
    plan_free(sched->plan);
    arena_free(sched->arena);
    arena_free(sched->start_arena);
    holding_fini(&sched->holding);
}

static int init(struct sched *sched, const struct sched_options *options, struct err *err)
{
    sched->options = options;
    sched->confirmed = options->confirm == NULL;
    sched->pipeline = config_pipeline(options->config);
    sched->arena = arena_new(SCHED_ARENA_MAX);
    sched->layers = mem_calloc(sched->pipeline->layer_count, sizeof *sched->layers);
    sched->slots = mem_calloc(options->plan.slots, sizeof *sched->slots);
    if (sched->arena == NULL || sched->layers == NULL || sched->slots == NULL) {
        return err_set(err, -ENOMEM, "out of memory");
    }
    bool *produces = arena_calloc(sched->arena, sched->pipeline->layer_count, sizeof *produces);
    if (produces == NULL) {
        return err_set(err, -ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < sched->pipeline->layer_count; i++) {
        sched->layers[i].judge_fd = -1;
        produces[i] = options->plugins[i].produces;
    }
    for (unsigned i = 0; i < options->plan.slots; i++) {
        sched->slots[i].sched = sched;
        sched->slots[i].number = i;
    }
    sched->started_ns = clock_mono_ns();
    struct plan_options plan = options->plan;
    plan.produces = produces;
    return plan_new(sched->pipeline, &plan, &sched->plan, err);
}

static void on_tick_closed(uv_handle_t *tick)
{
    struct sched *sched = tick->data;
    sched->tick_closed = true;
}

static void run_loop(struct sched *sched)
{
    uv_loop_t *loop = sched->options->loop;
    (void)uv_timer_init(loop, &sched->tick);
    sched->tick.data = sched;
    (void)uv_timer_start(&sched->tick, on_tick, SCHED_TICK_MS, SCHED_TICK_MS);
    sched_pump(sched);
    if (uv_is_active((const uv_handle_t *)&sched->tick) && sched_confirm(sched, true)) {
        (void)uv_run(loop, UV_RUN_DEFAULT);
    }
    /* The timer is ours, so its close must end here. One turn is not always enough: a run that
     * ended before the loop turned has asked it to stop, which the next turn obeys before all else.
     */
    uv_close((uv_handle_t *)&sched->tick, on_tick_closed);
    while (!sched->tick_closed) {
        (void)uv_run(loop, UV_RUN_NOWAIT);
    }
}

int sched_run(const struct sched_options *options, enum exit_code *ret_exit, struct err *err)
{
    struct sched sched = {0};
    int rc = init(&sched, options, err);
    if (rc < 0) {
        fini(&sched);
        return rc;
    }
    if (options->started != NULL) {
        options->started(options->started_context, &sched);
    }
    emit_started(&sched);
    run_loop(&sched);
    if (sched_confirm(&sched, true)) {
        *ret_exit = emit_finished(&sched);
    }
    rc = sched_refused(&sched, err);
    if (options->started != NULL) {
        options->started(options->started_context, NULL);
    }
    fini(&sched);
    return rc;
}

void sched_running(const struct sched *sched,
                   void (*each)(void *, const struct sched_running *),
                   void *context)
{
    int64_t now = clock_mono_ns();
    for (unsigned i = 0; i < sched->options->plan.slots; i++) {
        const struct sched_slot *slot = &sched->slots[i];
        if (slot->unit == NULL) {
            continue;
        }
        const struct sched_running running = {
            .layer = sched_layer_of(sched, slot->unit->layer)->id,
            .unit = slot->unit->id,
            .slot = (int)i,
            .elapsed_ms = (now - slot->started_ns) / 1000000,
        };
        each(context, &running);
    }
    for (size_t i = 0; i < sched->joining.count; i++) {
        const struct joining *joining = &sched->joining.items[i];
        const struct sched_running running = {
            .layer = sched_layer_of(sched, joining->unit->layer)->id,
            .unit = joining->unit->id,
            .slot = -1,
            .joining = true,
            .elapsed_ms = (now - joining->since_ns) / 1000000,
        };
        each(context, &running);
    }
}

int sched_peek(struct sched *sched, int slot, char *buf, size_t size)
{
    return exec_peek(sched->options->exec, (unsigned)slot, buf, size);
}
