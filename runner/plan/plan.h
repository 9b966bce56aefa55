/* SPDX-License-Identifier: Apache-2.0 */
/* Pipeline + outcomes so far -> what to do next. Pure: no I/O, no clock, no randomness.
 *
 * A layer goes  WAITING -> PLANNING -> RUNNING -> JUDGING -> DONE.
 * It leaves WAITING when every layer it needs is open (or may fail); without `needs`, when all
 * layers of the stages before are. When such a layer is shut, skipped or in error instead, this one
 * is skipped with that reason, straight to DONE.
 *
 * Order inside a run: earlier stage first; then units that failed in their newest run, then longest
 * known first, then the plugin's order. A unit runs when its weight fits the free slots and all its
 * locks are free; while a unit waits for slots (weight > 1) smaller ones behind it may pass it at
 * most PLAN_OVERTAKE_MAX times, then the slots are kept for it, so that it cannot starve. */
#ifndef SLUICE_PLAN_PLAN_H
#define SLUICE_PLAN_PLAN_H

#include "base/err.h"
#include "model/event.h"
#include "plan/filter.h"

#define PLAN_OVERTAKE_MAX 64

struct plan_options {
    unsigned slots;              /* >= 1 */
    unsigned shard_index;        /* 1-based, with shard_count >= 1; unit in shard when
                                    hash_stable64("layer/unit") % count == index - 1 */
    unsigned shard_count;        /* 0 = no sharding */
    const struct filter *filter; /* NULL = all units */
    struct text_list
        layers;        /* named on the command line (id or base id); empty = all but WHEN_MANUAL */
    unsigned max_fail; /* stop starting units after this many final failures (fail-fast = 1); 0 =
                          never */
    /* `when: changed` answered by the caller: is the layer unchanged since its gate last opened?
     * NULL = never unchanged. */
    bool (*unchanged)(void *context, const struct layer *layer);
    void *context;
};

/* What is known of a unit from earlier runs; zeroes = nothing. */
struct plan_hint {
    int64_t duration_ms;
    bool failed_recently; /* newest final outcome was not a pass */
    bool known;           /* ever run */
    bool flaky;
    enum outcome_status last;
    bool carried; /* passed in the run being resumed, or not selected by --rerun-failed: not run
                     again */
};

enum plan_action_type {
    PLAN_WAIT,       /* nothing to start now; something is under way */
    PLAN_LAYER,      /* ask the plugin of `layer` for units; answer with plan_add_unit()...,
                        plan_layer_planned() */
    PLAN_UNIT,       /* run `unit` (attempt `attempt`); answer with plan_unit_finished() */
    PLAN_JUDGE,      /* all units of `layer` have ended; answer with plan_layer_judged() */
    PLAN_SKIP_LAYER, /* `layer` is skipped because of `reason`; already DONE, only to be told */
    PLAN_DONE,       /* every layer is DONE */
};

struct plan_action {
    enum plan_action_type type;
    size_t layer;
    size_t index;            /* of the unit, for plan_unit_finished() */
    const struct unit *unit; /* borrowed from plan_add_unit()'s caller */
    unsigned attempt;
    const char *reason;
};

struct plan;

/* Borrows pipeline and options' pointers for its life. A name in options.layers that matches no
 * layer: -ENOENT with "did you mean". */
int plan_new(const struct pipeline *pipeline,
             const struct plan_options *options,
             struct plan **ret_plan,
             struct err *err);
void plan_free(struct plan *plan);

/* The next thing to do; it counts as started. Call until PLAN_WAIT or PLAN_DONE. */
struct plan_action plan_next(struct plan *plan);

/* A unit of a layer in PLANNING; the unit outlives the plan. A layer with shards > 1 gives `shards`
 * entries per unit, made by the caller. Returns 1 when selected, 0 when excluded (filter, shard,
 * carried), -ENOMEM, -E2BIG beyond UNITS_MAX. */
int plan_add_unit(struct plan *plan, const struct unit *unit, const struct plan_hint *hint);

/* No more units come for this layer; `failed` when planning itself failed: then the layer goes to
 * JUDGING at once. */
int plan_layer_planned(struct plan *plan, size_t layer, bool failed);

/* One attempt ended. Fills outcome->attempt, final, flaky by the layer's retry rule. */
void plan_unit_finished(struct plan *plan, size_t index, struct outcome *outcome);

void plan_layer_judged(struct plan *plan, size_t layer, enum verdict_state state);

/* From now on no unit is started: layers still WAITING are skipped with `reason`, running ones
 * judged by what ended. */
void plan_stop(struct plan *plan, const char *reason);
bool plan_stopped(const struct plan *plan);

/* Counts of a layer (final outcomes; not_run = selected but never ended) and its planning result.
 */
struct plan_layer_counts {
    uint64_t selected, excluded, carried;
    struct tally tally;
    int64_t remaining_ms; /* known durations of units not yet ended, for estimates; 0 = unknown */
};

void plan_layer_counts(const struct plan *plan, size_t layer, struct plan_layer_counts *ret_counts);

/* The gate: applies the layer's rules, and gate_defaults for metrics it does not name, to metrics.
 * `results` has room for gate_count + GATE_DEFAULT_COUNT entries; *ret_count of them are filled.
 * Returns VERDICT_OPEN or VERDICT_SHUT. */
enum verdict_state plan_gate(const struct layer *layer,
                             const struct metric *metrics,
                             size_t metric_count,
                             struct gate_result *results,
                             size_t *ret_count);

#endif
