/* SPDX-License-Identifier: Apache-2.0 */
/* Random pipelines against a model that is too simple to be wrong: it keeps every unit in one array
 * and finds the next one by looking at all of them. */
#include "base/mem.h"
#include "plan/plan.h"

#include <stdio.h>
#include <string.h>

#include "support/test.h"

#define LAYERS 10
#define UNITS  24 /* a layer */
#define LOCKS  5
#define SEEDS  400

enum model_state {
    MODEL_QUEUED,
    MODEL_RUNNING,
    MODEL_ENDED
};

struct model_unit {
    struct unit unit;
    struct plan_hint hint;
    enum model_state state;
    size_t index; /* the plan's */
    unsigned locks;
    unsigned weight;
    unsigned attempts;
    bool added;
    bool selected;
    char id[16];
    const char *lock_names[LOCKS + 1];
};

struct model_layer {
    bool asked;
    bool planned;
    bool judge_asked;
    bool over; /* judged or skipped */
    bool satisfied;
    size_t unit_count;
    size_t needs[LAYERS];
    struct model_unit units[UNITS];
    char id[16];
};

struct world {
    uint64_t random;
    struct layer layers[LAYERS];
    struct model_layer model[LAYERS];
    struct pipeline pipeline;
    struct plan_options options;
    struct plan *plan;
    unsigned held; /* locks */
    unsigned used; /* slots */
    size_t running;
    uint64_t trace; /* hash of all that happened */
};

static const char *const stage_names[] = {"s0", "s1", "s2", NULL};
static const char *const lock_names[LOCKS] = {"a", "b", "c", "d", "e"};

static unsigned draw(struct world *w, unsigned below)
{
    w->random ^= w->random << 13;
    w->random ^= w->random >> 7;
    w->random ^= w->random << 17;
    return (unsigned)(w->random >> 33) % below;
}

static void note(struct world *w, uint64_t what)
{
    w->trace = (w->trace ^ what) * 0x100000001b3u;
}

static void make_unit(struct world *w, size_t layer, size_t n)
{
    struct model_unit *u = &w->model[layer].units[n];
    size_t lock_count = 0;

    (void)snprintf(u->id, sizeof u->id, "u%zu", n);
    u->unit = (struct unit){.id = u->id, .layer = (uint32_t)layer};
    u->weight = w->layers[layer].slots;
    if (draw(w, 4) == 0) {
        u->unit.slots = 1 + draw(w, 6);
        u->weight = u->unit.slots;
    }
    u->weight = u->weight < w->options.slots ? u->weight : w->options.slots;
    for (unsigned lock = 0; lock < LOCKS; lock++) {
        if (draw(w, 6) == 0) {
            u->lock_names[lock_count++] = lock_names[lock];
            u->locks |= 1u << lock;
        }
    }
    u->unit.locks = (struct text_list){u->lock_names, lock_count};
    if (w->layers[layer].locks.count != 0) {
        u->locks |= 1u;
    }
    u->hint.known = draw(w, 2) == 0;
    u->hint.duration_ms = u->hint.known ? draw(w, 5) : 0;
    u->hint.failed_recently = draw(w, 5) == 0;
    u->hint.carried = draw(w, 12) == 0;
}

static void make_layer(struct world *w, size_t i)
{
    struct layer *layer = &w->layers[i];
    struct model_layer *model = &w->model[i];

    (void)snprintf(model->id, sizeof model->id, "l%zu", i);
    *layer = (struct layer){.id = model->id, .base_id = model->id, .name = model->id};
    /* Stages grow with the index, so that needs on earlier layers make no circle. */
    layer->stage = i * 3 / LAYERS;
    layer->slots = 1 + draw(w, 2);
    layer->retry_max = draw(w, 3);
    layer->retry_when = draw(w, 16);
    layer->allow_failure = draw(w, 4) == 0;
    layer->has_needs = draw(w, 2) == 0;
    layer->needs = model->needs;
    for (size_t n = 0; layer->has_needs && n < i; n++) {
        if (draw(w, 4) == 0) {
            model->needs[layer->need_count++] = n;
        }
    }
    if (draw(w, 5) == 0) {
        layer->locks = (struct text_list){lock_names, 1};
    }
    model->unit_count = draw(w, UNITS);
}

static void make_world(struct world *w, uint64_t seed)
{
    memset(w, 0, sizeof *w);
    w->random = seed * 0x9e3779b97f4a7c15u + 1;
    w->options.slots = 1 + draw(w, 6);
    if (draw(w, 4) == 0) {
        w->options.max_fail = 1 + draw(w, 10);
    }
    if (draw(w, 4) == 0) {
        w->options.shard_count = 1 + draw(w, 3);
        w->options.shard_index = 1 + draw(w, w->options.shard_count);
    }
    for (size_t i = 0; i < LAYERS; i++) {
        make_layer(w, i);
        for (size_t n = 0; n < w->model[i].unit_count; n++) {
            make_unit(w, i, n);
        }
    }
    w->pipeline = (struct pipeline){
        .file = "random.yml",
        .stages = {stage_names, 3},
        .layers = w->layers,
        .layer_count = LAYERS
    };
    assert_int_equal(plan_new(&w->pipeline, &w->options, &w->plan, NULL), 0);
}

/* ---- the model's answers */

static bool layer_may_start(const struct world *w, size_t i)
{
    const struct layer *layer = &w->layers[i];

    for (size_t n = 0; n < layer->need_count; n++) {
        if (!w->model[layer->needs[n]].satisfied) {
            return false;
        }
    }
    for (size_t n = 0; !layer->has_needs && n < LAYERS; n++) {
        if (w->layers[n].stage < layer->stage && !w->model[n].satisfied) {
            return false;
        }
    }
    return true;
}

static bool waits(const struct world *w, size_t layer, const struct model_unit *u)
{
    return w->model[layer].planned && u->selected && u->state == MODEL_QUEUED
           && (u->locks & w->held) == 0;
}

static bool fits(const struct world *w, const struct model_unit *u)
{
    return u->weight <= w->options.slots - w->used;
}

static bool before(const struct world *w, const struct model_unit *a, const struct model_unit *b)
{
    size_t a_stage = w->layers[a->unit.layer].stage;
    size_t b_stage = w->layers[b->unit.layer].stage;

    if (a_stage != b_stage) {
        return a_stage < b_stage;
    }
    if (a->hint.failed_recently != b->hint.failed_recently) {
        return a->hint.failed_recently;
    }
    if (a->hint.duration_ms != b->hint.duration_ms) {
        return a->hint.duration_ms > b->hint.duration_ms;
    }
    return a < b; /* by layer, then by number: they lie in that order in memory */
}

/* The first unit that waits with its locks free and that fits (or does not). */
static struct model_unit *first_waiting(struct world *w, bool that_fits)
{
    struct model_unit *best = NULL;

    for (size_t i = 0; i < LAYERS; i++) {
        for (size_t n = 0; n < w->model[i].unit_count; n++) {
            struct model_unit *u = &w->model[i].units[n];
            if (waits(w, i, u) && fits(w, u) == that_fits && (best == NULL || before(w, u, best))) {
                best = u;
            }
        }
    }
    return best;
}

/* ---- what the plan says, held against the model */

static void on_layer(struct world *w, size_t i)
{
    struct model_layer *model = &w->model[i];

    assert_false(model->asked);
    assert_false(plan_stopped(w->plan));
    assert_true(layer_may_start(w, i));
    model->asked = true;
}

static void plan_layer_now(struct world *w, size_t i)
{
    struct model_layer *model = &w->model[i];
    uint64_t selected = 0;

    for (size_t n = 0; n < model->unit_count; n++) {
        struct model_unit *u = &model->units[n];
        int rc = plan_add_unit(w->plan, &u->unit, &u->hint);
        assert_true(rc == 0 || rc == 1);
        u->added = true;
        u->selected = rc == 1;
        assert_false(u->selected && u->hint.carried);
        assert_true(u->selected || u->hint.carried || w->options.shard_count > 1);
        selected += u->selected;
    }
    bool failed = draw(w, 12) == 0;
    assert_int_equal(plan_layer_planned(w->plan, i, failed), 0);
    model->planned = !failed;
    struct plan_layer_counts counts;
    plan_layer_counts(w->plan, i, &counts);
    assert_int_equal(counts.selected, selected);
    assert_int_equal(counts.selected + counts.excluded + counts.carried, model->unit_count);
}

static void on_unit(struct world *w, const struct plan_action *action)
{
    struct model_layer *model = &w->model[action->layer];
    struct model_unit *u = NULL;

    for (size_t n = 0; n < model->unit_count; n++) {
        if (&model->units[n].unit == action->unit) {
            u = &model->units[n];
        }
    }
    if (u == NULL) {
        fail_msg("a unit nobody added");
        return;
    }
    assert_false(plan_stopped(w->plan));
    assert_true(waits(w, action->layer, u));
    assert_true(fits(w, u));
    assert_ptr_equal(u, first_waiting(w, true));
    assert_int_equal(action->attempt, u->attempts + 1);
    assert_true(action->attempt <= w->layers[action->layer].retry_max + 1);
    u->attempts++;
    u->state = MODEL_RUNNING;
    u->index = action->index;
    w->held |= u->locks;
    w->used += u->weight;
    w->running++;
}

static void on_judge(struct world *w, size_t i)
{
    struct model_layer *model = &w->model[i];

    assert_true(model->asked);
    assert_false(model->judge_asked);
    for (size_t n = 0; n < model->unit_count; n++) {
        const struct model_unit *u = &model->units[n];
        assert_int_not_equal(u->state, MODEL_RUNNING);
        assert_true(!u->selected || !model->planned || u->state == MODEL_ENDED
                    || plan_stopped(w->plan));
    }
    model->judge_asked = true;
}

static void judge_now(struct world *w, size_t i)
{
    enum verdict_state state = draw(w, 3) != 0 ? VERDICT_OPEN : VERDICT_SHUT;
    struct model_layer *model = &w->model[i];

    plan_layer_judged(w->plan, i, state);
    model->over = true;
    model->satisfied = state == VERDICT_OPEN || w->layers[i].allow_failure;
}

static void on_skip(struct world *w, size_t i, const char *reason)
{
    struct model_layer *model = &w->model[i];

    assert_false(model->over);
    assert_non_null(reason);
    assert_true(strlen(reason) > 5);
    model->over = true;
    model->satisfied = model->asked; /* no unit in its shard */
    if (!model->asked) {
        assert_true(plan_stopped(w->plan) || !layer_may_start(w, i));
    }
}

static void on_wait(struct world *w)
{
    const struct model_unit *idle = first_waiting(w, true);
    const struct model_unit *heavy = first_waiting(w, false);

    if (idle != NULL && !plan_stopped(w->plan)) {
        assert_non_null(heavy); /* slots are kept for an earlier unit, or this is idleness */
        assert_true(before(w, heavy, idle));
    }
}

/* One random running unit ends. */
static void end_one(struct world *w)
{
    size_t pick = draw(w, (unsigned)w->running);
    struct model_unit *u = NULL;

    for (size_t i = 0; i < LAYERS; i++) {
        for (size_t n = 0; n < w->model[i].unit_count; n++) {
            if (w->model[i].units[n].state == MODEL_RUNNING && pick-- == 0) {
                u = &w->model[i].units[n];
            }
        }
    }
    if (u == NULL) {
        fail_msg("nothing runs");
        return;
    }
    struct outcome outcome = {.status = draw(w, 3) != 0 ? OUTCOME_PASSED
                                                        : (enum outcome_status)draw(w, 5)};
    plan_unit_finished(w->plan, u->index, &outcome);
    note(w, outcome.final);
    assert_int_equal(outcome.attempt, u->attempts);
    assert_true(outcome.final || outcome.status != OUTCOME_PASSED);
    u->state = outcome.final ? MODEL_ENDED : MODEL_QUEUED;
    w->held &= ~u->locks;
    w->used -= u->weight;
    w->running--;
}

/* Layers that are asked for or to be judged, answered in random order. */
static bool answer_one_layer(struct world *w)
{
    size_t start = draw(w, LAYERS);

    for (size_t k = 0; k < LAYERS; k++) {
        size_t i = (start + k) % LAYERS;
        struct model_layer *model = &w->model[i];
        if (model->judge_asked && !model->over) {
            judge_now(w, i);
            return true;
        }
        bool answered = model->over || model->judge_asked || model->planned
                        || (model->unit_count != 0 && model->units[0].added);
        if (model->asked && !answered) {
            plan_layer_now(w, i);
            return true;
        }
    }
    return false;
}

static void react(struct world *w, bool *progress)
{
    if (draw(w, 300) == 0) {
        plan_stop(w->plan, "stopped by chance");
    }
    if (draw(w, 2) == 0 || w->running == 0) {
        *progress = answer_one_layer(w);
    }
    if (!*progress && w->running != 0) {
        end_one(w);
        *progress = true;
    }
}

static bool step(struct world *w)
{
    struct plan_action action = plan_next(w->plan);
    bool progress = false;

    note(w, (uint64_t)action.type << 40 ^ action.layer << 20 ^ action.index);
    switch (action.type) {
    case PLAN_DONE:
        return false;
    case PLAN_LAYER:
        on_layer(w, action.layer);
        break;
    case PLAN_UNIT:
        on_unit(w, &action);
        break;
    case PLAN_JUDGE:
        on_judge(w, action.layer);
        break;
    case PLAN_SKIP_LAYER:
        on_skip(w, action.layer, action.reason);
        break;
    case PLAN_WAIT:
        on_wait(w);
        react(w, &progress);
        assert_true(progress); /* or the plan would wait for ever */
        break;
    }
    return true;
}

static uint64_t run_world(uint64_t seed)
{
    struct world *w = mem_calloc(1, sizeof *w);
    unsigned steps = 0;

    assert_non_null(w);
    make_world(w, seed);
    while (step(w)) {
        assert_true(++steps < 100000);
    }
    assert_int_equal(w->running, 0);
    for (size_t i = 0; i < LAYERS; i++) {
        struct plan_layer_counts counts;
        assert_true(w->model[i].over);
        plan_layer_counts(w->plan, i, &counts);
        const struct tally *t = &counts.tally;
        assert_int_equal(t->units, counts.selected + counts.carried);
        assert_int_equal(
            t->passed + t->failed + t->errored + t->timed_out + t->skipped + t->not_run, t->units);
        assert_true(counts.remaining_ms >= 0);
    }
    plan_free(w->plan);
    uint64_t trace = w->trace;
    mem_free(w);
    return trace;
}

TEST(random_pipelines_agree_with_the_model)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        (void)run_world(seed);
    }
}

TEST(the_same_events_give_the_same_plan)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        assert_true(run_world(seed) == run_world(seed));
    }
    assert_true(run_world(1) != run_world(2));
}
