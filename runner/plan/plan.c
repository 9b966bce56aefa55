/* SPDX-License-Identifier: Apache-2.0 */
/* The plan's door: everything in plan.h but the gate. */
#include "base/hash.h"
#include "base/limits.h"
#include "base/mem.h"
#include "plan/plan_impl.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>

/* Text a plan makes itself: reasons (a few hundred bytes a layer) and lockset keys (9 bytes a
 * lock). A quarter of a gigabyte is a million units with 25 locks of their own each; beyond:
 * -ENOMEM from plan_add_unit(). */
#define PLAN_TEXT_MAX ((size_t)256 << 20)

/* Locks of one unit, as key: 9 bytes each; 64 MiB is more than a plugin message may hold. */
#define LOCK_KEY_MAX ((size_t)64 << 20)

/* A reason that names a unit. */
#define BLAME_TEXT_MAX ((size_t)4 * ID_MAX)

static const struct text_list no_locks = {0};

void plan_free(struct plan *plan)
{
    if (plan == NULL) {
        return;
    }
    plan_locks_fini(plan);
    vec_fini(&plan->units);
    vec_fini(&plan->order);
    vec_fini(&plan->lanes);
    vec_fini(&plan->classes);
    vec_fini(&plan->scratch);
    vec_fini(&plan->links);
    vec_fini(&plan->dependants);
    str_fini(&plan->blame_text);
    str_fini(&plan->scratch_text);
    for (size_t i = 0; plan->layers != NULL && i < plan->pipeline->layer_count; i++) {
        vec_fini(&plan->layers[i].left);
    }
    mem_free(plan->layers);
    mem_free(plan->by_stage);
    mem_free(plan->stage_undone);
    mem_free(plan->stage_blocker);
    mem_free(plan->ready.items);
    mem_free(plan->skips.items);
    mem_free(plan->judges.items);
    arena_free(plan->arena);
    mem_free(plan);
}

static int check_options(const struct plan_options *options, struct err *err)
{
    if (options->slots == 0) {
        return err_set(err, -EINVAL, "a run needs at least one slot; give -j 1 or more");
    }
    if (options->shard_count != 0
        && (options->shard_index == 0 || options->shard_index > options->shard_count)) {
        return err_set(err,
                       -EINVAL,
                       "shard %u/%u does not exist: shards count from 1 to %u",
                       options->shard_index,
                       options->shard_count,
                       options->shard_count);
    }
    return 0;
}

static int allocate(struct plan *plan)
{
    size_t layers = plan->pipeline->layer_count;
    size_t stages = plan->pipeline->stages.count;

    plan->arena = arena_new(PLAN_TEXT_MAX);
    plan->layers = mem_calloc(layers, sizeof *plan->layers);
    plan->by_stage = mem_calloc(layers, sizeof *plan->by_stage);
    plan->stage_undone = mem_calloc(stages, sizeof *plan->stage_undone);
    plan->stage_blocker = mem_calloc(stages, sizeof *plan->stage_blocker);
    plan->ready.items = mem_calloc(layers, sizeof *plan->ready.items);
    plan->skips.items = mem_calloc(layers, sizeof *plan->skips.items);
    plan->judges.items = mem_calloc(layers, sizeof *plan->judges.items);
    return plan->arena == NULL || plan->layers == NULL || plan->by_stage == NULL
                   || plan->stage_undone == NULL || plan->stage_blocker == NULL
                   || plan->ready.items == NULL || plan->skips.items == NULL
                   || plan->judges.items == NULL
               ? -ENOMEM
               : 0;
}

static void append_stage(struct plan *plan, size_t stage, size_t *at)
{
    for (size_t i = 0; i < plan->pipeline->layer_count; i++) {
        if (layer_of(plan, i)->stage == stage) {
            plan->by_stage[(*at)++] = (uint32_t)i;
        }
    }
}

/* Fills by_stage; layers of one stage stay as written. */
static void order_layers(struct plan *plan)
{
    size_t at = 0;

    for (size_t stage = 0; stage < plan->pipeline->stages.count; stage++) {
        plan->stage_blocker[stage] = NONE;
        append_stage(plan, stage, &at);
    }
    assert(at == plan->pipeline->layer_count);
}

static int intern_layer_locks(struct plan *plan)
{
    uint32_t none = 0;

    /* Id 0 is the empty set. */
    if (plan_lockset_intern(plan, &no_locks, &no_locks, &none) != 0) {
        return -ENOMEM;
    }
    assert(none == 0);
    for (size_t i = 0; i < plan->pipeline->layer_count; i++) {
        struct plan_layer *layer = &plan->layers[i];
        layer->first_unit = NONE;
        layer->last_unit = NONE;
        const struct text_list *locks = &layer_of(plan, i)->locks;
        if (plan_lockset_intern(plan, locks, &no_locks, &layer->lockset) != 0) {
            return -ENOMEM;
        }
    }
    return 0;
}

int plan_new(const struct pipeline *pipeline,
             const struct plan_options *options,
             struct plan **ret_plan,
             struct err *err)
{
    int rc = check_options(options, err);

    if (rc != 0) {
        return rc;
    }
    struct plan *plan = mem_calloc(1, sizeof *plan);
    if (plan == NULL) {
        return err_set(err, -ENOMEM, "not enough memory for the plan");
    }
    plan->pipeline = pipeline;
    plan->options = *options;
    plan->free_slots = options->slots;
    plan->blamed_first = NONE;
    plan->blamed_last = NONE;
    str_init(&plan->blame_text, BLAME_TEXT_MAX);
    str_init(&plan->scratch_text, LOCK_KEY_MAX);
    if (allocate(plan) != 0 || intern_layer_locks(plan) != 0) {
        plan_free(plan);
        return err_set(err, -ENOMEM, "not enough memory for the plan");
    }
    order_layers(plan);
    rc = plan_select_layers(plan, err);
    if (rc == 0 && options->filter != NULL) {
        rc = filter_error(options->filter, err);
    }
    if (rc != 0) {
        plan_free(plan);
        return rc;
    }
    plan_layers_start(plan);
    *ret_plan = plan;
    return 0;
}

/* ---- what is next */

static void start_unit(struct plan *plan, uint32_t index, struct plan_action *ret_action)
{
    struct plan_unit *unit = &plan->units.items[index];

    assert(unit->state == UNIT_IDLE);
    unit->state = UNIT_RUNNING;
    unit->attempts++;
    plan->layers[unit->layer].running++;
    *ret_action = (struct plan_action){
        .type = PLAN_UNIT,
        .layer = unit->layer,
        .index = index,
        .unit = unit->unit,
        .attempt = unit->attempts,
    };
}

/* Nothing is under way and nothing can start, yet layers wait: stages and needs wait for each
 * other. A checked pipeline has no such circle; a plan must end all the same. */
static void break_circle(struct plan *plan)
{
    for (size_t n = 0; n < plan->pipeline->layer_count; n++) {
        size_t i = plan->by_stage[n];
        if (plan->layers[i].state == LAYER_WAITING) {
            plan_layer_skip(
                plan, i, "its needs and stages form a circle: it would wait for itself", false);
        }
    }
}

/* The next thing about layers, if any. */
static bool next_layer_action(struct plan *plan, struct plan_action *ret_action)
{
    size_t layer = 0;

    plan_layers_update(plan);
    if (plan->under_way == 0 && plan->done < plan->pipeline->layer_count
        && plan->ready.head == plan->ready.tail) {
        break_circle(plan);
        plan_layers_update(plan);
    }
    if (layer_queue_pop(&plan->skips, &layer)) {
        *ret_action = (struct plan_action){.type = PLAN_SKIP_LAYER, .layer = layer};
        ret_action->reason = plan->layers[layer].reason;
        ret_action->unasked = plan->layers[layer].unasked;
        return true;
    }
    if (layer_queue_pop(&plan->judges, &layer)) {
        *ret_action = (struct plan_action){.type = PLAN_JUDGE, .layer = layer};
        return true;
    }
    if (layer_queue_pop(&plan->ready, &layer)) {
        assert(plan->layers[layer].state == LAYER_WAITING);
        plan->layers[layer].state = LAYER_PLANNING;
        plan->under_way++;
        *ret_action = (struct plan_action){.type = PLAN_LAYER, .layer = layer};
        return true;
    }
    return false;
}

struct plan_action plan_next(struct plan *plan)
{
    struct plan_action action = {.type = PLAN_WAIT};

    if (next_layer_action(plan, &action)) {
        return action;
    }
    if (plan->done == plan->pipeline->layer_count) {
        action.type = PLAN_DONE;
        return action;
    }
    if (plan->stopped) {
        return action;
    }
    const char *reason = NULL;
    uint32_t unit = plan_link_next_blamed(plan, &reason);
    unit = unit != NONE ? unit : plan_lanes_take(plan);
    if (unit != NONE) {
        start_unit(plan, unit, &action);
        action.reason = reason;
        plan->units.items[unit].state = reason != NULL ? UNIT_TOLD : UNIT_RUNNING;
    }
    return action;
}

/* ---- units come in */

static bool in_shard(const struct plan *plan, const struct unit *unit)
{
    const struct plan_options *options = &plan->options;
    char key[2 * ID_MAX + 2];

    if (options->shard_count == 0) {
        return true;
    }
    /* Ids are bounded by ID_MAX; a longer one would be cut here, which is stable all the same. */
    (void)snprintf(key, sizeof key, "%s/%s", layer_of(plan, unit->layer)->id, unit->id);
    return hash_stable64(key) % options->shard_count == options->shard_index - 1;
}

static bool in_filter(const struct plan *plan,
                      const struct unit *unit,
                      const struct plan_hint *hint)
{
    const struct layer *layer = layer_of(plan, unit->layer);

    if (plan->options.filter == NULL) {
        return true;
    }
    struct filter_subject subject = {
        .layer = layer->id,
        .layer_base = layer->base_id,
        .stage = plan->pipeline->stages.items[layer->stage],
        .unit = unit->id,
        .labels = unit->labels,
        .status = hint->known ? outcome_status_name(hint->last) : "new",
        .flaky = hint->flaky,
    };
    return filter_match(plan->options.filter, &subject);
}

/* Is the unit to run? Otherwise why not. */
static bool select_unit(struct plan *plan,
                        const struct unit *unit,
                        const struct plan_hint *hint,
                        enum left_reason *ret_why)
{
    const struct plan_layer *layer = &plan->layers[unit->layer];

    if (hint->left_out) {
        *ret_why = LEFT_BY_PLUGIN;
        return false;
    }
    if (!layer->whole && !in_filter(plan, unit, hint)) {
        *ret_why = LEFT_BY_FILTER;
        return false;
    }
    if (!layer->whole && !in_shard(plan, unit)) {
        *ret_why = LEFT_BY_SHARD;
        return false;
    }
    *ret_why = LEFT_CARRIED;
    return !hint->carried || layer->outputs_needed;
}

/* Counts a unit that is left out as what it is, and keeps it for those that need it. */
static int leave_out(struct plan *plan,
                     const struct plan_unit *unit,
                     const struct plan_hint *hint,
                     enum left_reason why)
{
    struct plan_layer *layer = &plan->layers[unit->layer];
    const struct left_unit left = {.unit = *unit, .why = (uint8_t)why, .last = (uint8_t)hint->last};

    if (vec_push(&layer->left, left) != 0) {
        return -ENOMEM;
    }
    if (why == LEFT_CARRIED) {
        layer->counts.carried++;
    } else if (why == LEFT_BY_PLUGIN) {
        layer->counts.left_out++;
    } else {
        layer->counts.excluded++;
        layer->by_filter += why == LEFT_BY_FILTER;
    }
    return 0;
}

static int unit_lockset(struct plan *plan, const struct unit *unit, uint32_t *ret_lockset)
{
    if (unit->locks.count == 0) {
        *ret_lockset = plan->layers[unit->layer].lockset;
        return 0;
    }
    return plan_lockset_intern(
        plan, &layer_of(plan, unit->layer)->locks, &unit->locks, ret_lockset);
}

/* Slots the unit takes; a unit that is only told to be skipped takes one and no lock. */
static uint32_t unit_weight(const struct plan *plan, const struct unit *unit)
{
    uint32_t weight = unit->slots != 0 ? unit->slots : layer_of(plan, unit->layer)->slots;

    if (weight == 0 || unit->skip != NULL) {
        weight = 1;
    }
    return weight < plan->options.slots ? weight : plan->options.slots;
}

static uint32_t unit_duration(const struct unit *unit, const struct plan_hint *hint)
{
    int64_t ms = hint->known && hint->duration_ms > 0 ? hint->duration_ms : unit->cost_ms;

    if (ms < 0) {
        return 0;
    }
    return ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX;
}

/* A place in the random order instead of what is known of the unit: the same for the same number,
 * on every machine. */
static void shuffle_unit(const struct plan *plan, struct plan_unit *unit)
{
    char key[2 * ID_MAX + 16];
    (void)snprintf(key,
                   sizeof key,
                   "%u %s/%s",
                   plan->options.shuffle,
                   layer_of(plan, unit->layer)->id,
                   unit->unit->id);
    unit->duration_ms = (uint32_t)(hash_stable64(key) >> 32);
    unit->failed_recently = false;
    unit->in_order = false;
}

void plan_chain_unit(struct plan *plan, uint32_t index)
{
    struct plan_unit *unit = &plan->units.items[index];
    struct plan_layer *layer = &plan->layers[unit->layer];

    if (layer->first_unit == NONE) {
        layer->first_unit = index;
    } else {
        plan->units.items[layer->last_unit].next = index;
    }
    layer->last_unit = index;
    layer->counts.selected++;
    layer->counts.remaining_ms += unit->duration_ms;
}

int plan_add_unit(struct plan *plan, const struct unit *unit, const struct plan_hint *hint)
{
    static const struct plan_hint nothing_known = {0};
    const struct plan_hint *h = hint != NULL ? hint : &nothing_known;

    assert(unit->layer < plan->pipeline->layer_count);
    struct plan_layer *layer = &plan->layers[unit->layer];
    assert(layer->state == LAYER_PLANNING);
    if (plan->units.count >= UNITS_MAX) {
        return -E2BIG;
    }
    struct plan_unit added = {
        .unit = unit,
        .duration_ms = unit_duration(unit, h),
        .layer = unit->layer,
        .next = NONE,
        .failed_recently = h->failed_recently,
        .in_order = h->in_order,
    };
    if (plan->options.shuffle != 0) {
        shuffle_unit(plan, &added);
    }
    enum left_reason why = LEFT_BY_FILTER;
    bool selected = select_unit(plan, unit, h, &why);
    if (plan->options.filter != NULL && filter_error(plan->options.filter, NULL) != 0) {
        return -EINVAL;
    }
    if ((unit->skip == NULL && unit_lockset(plan, unit, &added.lockset) != 0)
        || plan_weight_class(plan, unit_weight(plan, unit), &added.weight_class) != 0) {
        return -ENOMEM;
    }
    layer->linked = layer->linked || (unit->links != NULL && unit->links->needs.count > 0);
    if (!selected) {
        return leave_out(plan, &added, h, why);
    }
    if (vec_push(&plan->units, added) != 0) {
        return -ENOMEM;
    }
    plan_chain_unit(plan, (uint32_t)(plan->units.count - 1));
    return 1;
}

static unsigned retry_cause(const struct outcome *outcome)
{
    switch (outcome->status) {
    case OUTCOME_FAILED:
        return RETRY_FAILURE;
    case OUTCOME_TIMED_OUT:
        return RETRY_TIMEOUT;
    case OUTCOME_ERRORED:
        return outcome->signal != 0 ? RETRY_SIGNAL : RETRY_ERROR;
    case OUTCOME_PASSED:
    case OUTCOME_SKIPPED:
        break;
    }
    return 0;
}

static bool is_cancelled(const struct outcome *outcome)
{
    return (outcome->flags & FLAG_CANCELLED) != 0;
}

static void count_failure(struct plan *plan, size_t layer, const struct outcome *outcome)
{
    unsigned max = plan->options.max_fail;

    if (retry_cause(outcome) == 0 || is_cancelled(outcome)
        || layer_of(plan, layer)->allow_failure) {
        return;
    }
    plan->failures++;
    if (max != 0 && plan->failures >= max && !plan->stopped) {
        const char *reason = arena_printf(
            plan->arena, "the run stopped after %u failure%s", max, max == 1 ? "" : "s");
        plan_stop(plan, reason != NULL ? reason : "the run stopped after too many failures");
    }
}

/* Ended units are in no lane: their place in the chain is for those that need them. */
int plan_add_ended(struct plan *plan, const struct unit *unit, struct outcome *outcome)
{
    struct plan_layer *layer = &plan->layers[unit->layer];
    const bool passed = outcome->status == OUTCOME_PASSED;
    const struct plan_unit added = {
        .unit = unit,
        .layer = unit->layer,
        .next = NONE,
        .state = passed ? UNIT_PASSED : UNIT_BAD,
    };

    assert(layer->state == LAYER_PLANNING);
    if (plan->units.count >= UNITS_MAX) {
        return -E2BIG;
    }
    if (vec_push(&plan->units, added) != 0) {
        return -ENOMEM;
    }
    outcome->attempt = 1;
    outcome->final = true;
    outcome->flaky = false;
    plan_chain_unit(plan, (uint32_t)(plan->units.count - 1));
    layer->counts.prepared++;
    layer->ended++;
    layer->prepared_badly = layer->prepared_badly || !passed;
    tally_add(&layer->counts.tally, outcome);
    count_failure(plan, unit->layer, outcome);
    return 0;
}

/* Every unit was left out by filter or shard: that is no evidence, and no failure either. */
static void skip_unselected(struct plan *plan, size_t layer)
{
    struct plan_layer *l = &plan->layers[layer];
    const char *reason = "none of its units is in this shard";

    if (l->counts.left_out != 0) {
        reason = "its plugin selected none of the units that filter and shard leave";
    } else if (l->by_filter == l->counts.excluded) {
        reason = "the filter matches none of its units";
    } else if (l->by_filter != 0) {
        reason = "none of its units matches the filter and is in this shard";
    }
    plan->under_way--;
    plan_layer_skip(plan, layer, reason, true);
}

/* Units that are not run because they passed before count under their last known status. */
static void count_carried(struct plan_layer *layer)
{
    const struct left_unit *left;

    vec_for_each (left, &layer->left) {
        const struct outcome outcome = {.final = true, .status = (enum outcome_status)left->last};
        if (left->why == LEFT_CARRIED && !left->selected) {
            tally_add(&layer->counts.tally, &outcome);
        }
    }
    vec_fini(&layer->left);
}

int plan_layer_planned(struct plan *plan, size_t layer, bool failed)
{
    struct plan_layer *l = &plan->layers[layer];

    assert(l->state == LAYER_PLANNING);
    const struct plan_layer_counts *counts = &l->counts;
    count_carried(l);
    if (!failed && counts->selected == counts->prepared && counts->carried == 0
        && counts->excluded + counts->left_out != 0 && !l->prepared_badly) {
        skip_unselected(plan, layer);
        return 0;
    }
    /* When planning failed the list is not whole: none of it runs. */
    if (!failed && plan_order_layer(plan, layer) != 0) {
        return -ENOMEM;
    }
    l->state = LAYER_RUNNING;
    if (failed) {
        l->state = LAYER_JUDGING;
        layer_queue_push(&plan->judges, layer);
    }
    plan_layer_check_ended(plan, layer);
    return 0;
}

/* ---- units end */

static bool tries_again(const struct plan *plan,
                        const struct plan_unit *unit,
                        const struct outcome *outcome)
{
    const struct layer *layer = layer_of(plan, unit->layer);

    return !plan->stopped && !is_cancelled(outcome) && outcome->reused == NULL
           && unit->attempts <= layer->retry_max && (retry_cause(outcome) & layer->retry_when) != 0;
}

void plan_unit_park(struct plan *plan, size_t index)
{
    assert(index < plan->units.count && plan->units.items[index].state == UNIT_RUNNING);
    plan_lanes_release(plan, (uint32_t)index);
    plan->units.items[index].state = UNIT_PARKED;
}

void plan_unit_unpark(struct plan *plan, size_t index)
{
    assert(index < plan->units.count && !plan->stopped);
    struct plan_unit *unit = &plan->units.items[index];
    struct plan_layer *layer = &plan->layers[unit->layer];

    assert(unit->state == UNIT_PARKED && layer->running > 0 && unit->attempts > 0);
    layer->running--;
    unit->attempts--;
    unit->state = UNIT_IDLE;
    plan_lanes_return(plan, (uint32_t)index);
}

void plan_unit_finished(struct plan *plan, size_t index, struct outcome *outcome)
{
    assert(index < plan->units.count);
    struct plan_unit *unit = &plan->units.items[index];
    struct plan_layer *layer = &plan->layers[unit->layer];

    assert((unit->state == UNIT_RUNNING || unit->state == UNIT_PARKED || unit->state == UNIT_TOLD)
           && layer->running > 0);
    layer->running--;
    if (unit->state == UNIT_RUNNING) {
        plan_lanes_release(plan, (uint32_t)index);
    }
    unit->state = UNIT_IDLE;
    outcome->final = !tries_again(plan, unit, outcome);
    if (outcome->reused == NULL) {
        outcome->attempt = unit->attempts;
        outcome->flaky = outcome->status == OUTCOME_PASSED && unit->attempts > 1;
    }
    if (!outcome->final) {
        plan_lanes_return(plan, (uint32_t)index);
        return;
    }
    layer->ended++;
    layer->counts.remaining_ms -= unit->duration_ms;
    unit->state = outcome->status == OUTCOME_PASSED    ? UNIT_PASSED
                  : outcome->status == OUTCOME_SKIPPED ? UNIT_SKIPPED
                                                       : UNIT_BAD;
    tally_add(&layer->counts.tally, outcome);
    plan_link_ended(plan, (uint32_t)index);
    count_failure(plan, unit->layer, outcome);
    plan_layer_check_ended(plan, unit->layer);
}

void plan_layer_judged(struct plan *plan, size_t layer, enum verdict_state state)
{
    assert(plan->layers[layer].state == LAYER_JUDGING);
    plan->under_way--;
    plan_layer_done(plan,
                    layer,
                    state == VERDICT_OPEN
                        || (state != VERDICT_SKIPPED && layer_of(plan, layer)->allow_failure));
}

void plan_stop(struct plan *plan, const char *reason)
{
    if (plan->stopped) {
        return;
    }
    plan->stopped = true;
    plan->ready.head = plan->ready.tail;
    const char *kept = arena_strdup(plan->arena, reason);
    for (size_t n = 0; n < plan->pipeline->layer_count; n++) {
        size_t i = plan->by_stage[n];
        if (plan->layers[i].state == LAYER_WAITING) {
            plan_layer_skip(plan, i, kept != NULL ? kept : "the run was stopped", false);
        }
        plan_layer_check_ended(plan, i);
    }
}

bool plan_stopped(const struct plan *plan)
{
    return plan->stopped;
}

void plan_layer_counts(const struct plan *plan, size_t layer, struct plan_layer_counts *ret_counts)
{
    assert(layer < plan->pipeline->layer_count);
    const struct plan_layer *l = &plan->layers[layer];
    uint64_t pending = l->counts.selected - l->ended;

    *ret_counts = l->counts;
    ret_counts->tally.units += pending;
    ret_counts->tally.not_run += pending;
}
