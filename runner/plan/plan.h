/* SPDX-License-Identifier: Apache-2.0 */
/* Pipeline + outcomes so far -> what to do next. Pure: no I/O, no clock, no randomness.
 *
 * A layer goes  WAITING -> PLANNING -> RUNNING -> JUDGING -> DONE.
 *
 * Which layers take part. All but the WHEN_MANUAL ones, or those in options.layers when there are
 * any; with a filter, only those it may match. A WHEN_MANUAL layer takes part when it is in
 * options.layers, when a layer(...) test of the filter matches it (and the whole filter may), or
 * when a layer named in one of these ways needs it; a layer that needs a manual one nobody asked
 * for is skipped too. Then all that is needed, transitively, is taken in:
 *   - what a layer that takes part `needs`, even if the filter or options.layers leave it out: it
 *     runs whole, neither filter nor shard apply to it;
 *   - a layer with `outputs` that a layer that takes part waits for also runs whole, carries
 *     nothing over and ignores WHEN_CHANGED: its products are asked for now. (For a layer without
 *     `needs` these are chosen layers of earlier stages.)
 * A layer whose `when: changed` says unchanged is skipped unless its products are asked for.
 *
 * When a layer starts. It leaves WAITING when every layer it `needs` is DONE and satisfied; without
 * `needs`, when all layers of the stages before are, of those that take part. DONE is satisfied
 *   - when it is open;
 *   - when it is shut or in error but has allow_failure;
 *   - when it was skipped because it is unchanged (its gate opened on this very snapshot), does not
 *     take part, or has no unit in the filter or shard.
 * It is not when it is shut, in error, or was skipped because of such a layer or a stop, whatever
 * its allow_failure: then those that wait for it are skipped with that reason, straight to DONE.
 *
 * A planned layer of which filter and shard left no unit is skipped. One that has no unit at all,
 * or only carried ones, is judged: carried units are in its tally.
 *
 * Order inside a run: earlier stage first; then units that failed in their newest run, then longest
 * known first, then the plugin's order; a layer whose plugin selects keeps that order alone. A unit
 * runs when its weight fits the free slots and all its locks are free; while a unit waits for slots
 * (weight > 1) smaller ones behind it may pass it at most PLAN_OVERTAKE_MAX times, then the slots
 * are kept for it, so that it cannot starve. (Passes are counted per weight and start again when a
 * unit of that weight starts.)
 *
 * Units that need each other (unit.links, inside one layer). A unit starts when all it needs have
 * passed. When one of these ends in any other way, the unit is not run: it is told as skipped with
 * the reason, and so is all that needs it; the gate is shut by the one that did not pass. What a
 * selected unit needs, transitively, is selected with it, whatever filter, shard and hint say; and
 * a unit that was skipped because of another one is never carried over.
 *
 * Memory: 36 bytes a unit that waits; a unit with locks that no other has costs about 130. */
#ifndef SLUICE_PLAN_PLAN_H
#define SLUICE_PLAN_PLAN_H

#include "base/err.h"
#include "model/event.h"
#include "plan/filter.h"

#define PLAN_OVERTAKE_MAX 64

struct plan_options {
    unsigned slots;       /* >= 1 */
    unsigned shard_index; /* 1-based, with shard_count >= 1; unit in shard when
                             hash_stable64("layer/unit") % count == index - 1 */
    unsigned shard_count; /* 0 = no sharding */
    unsigned shuffle;     /* number of a random order of the units of a stage, instead of the one
                             above; 0 = none */
    const struct filter *filter; /* NULL = all units */
    struct text_list
        layers;        /* named on the command line (id or base id); empty = all but WHEN_MANUAL */
    unsigned max_fail; /* stop (as plan_stop()) after this many final failures, errors and timeouts
                          in layers without allow_failure (fail-fast = 1); 0 = never */
    /* For each layer of the pipeline: may its units have outputs of their own? Then its products
     * are asked for as those of a layer with `outputs` are. NULL = no layer's. */
    const bool *produces;
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
    const char *unstored; /* says why it earned no evidence when it last ran; NULL = it did */
    bool left_out;        /* its plugin did not select it: counted, not run */
    bool in_order; /* its plugin ordered the units of this layer: they start in the order in which
                      they are added, whatever history says. All units of a layer, or none */
    bool carried;  /* passed in the run being resumed, or not selected by --rerun-failed: not run
                      again. Counted in the tally under `last` */
};

enum plan_action_type {
    PLAN_WAIT,       /* nothing to start now; something is under way */
    PLAN_LAYER,      /* ask the plugin of `layer` for units; answer with plan_add_unit()...,
                        plan_layer_planned() */
    PLAN_UNIT,       /* run `unit` (attempt `attempt`); answer with plan_unit_finished(). With a
                        `reason`: do not run it, it is skipped because of that (until the next call
                        of plan_next()); answered in the same way */
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
    bool unasked; /* PLAN_SKIP_LAYER: command line and filter leave it out, or it is manual */
};

struct plan;

/* Borrows pipeline and options' pointers for its life. A name in options.layers that matches no
 * layer: -ENOENT with "did you mean". -EINVAL for no slots, an impossible shard or a filter that
 * has no answer for a layer.
 * options->unchanged is called here, once for each WHEN_CHANGED layer. */
int plan_new(const struct pipeline *pipeline,
             const struct plan_options *options,
             struct plan **ret_plan,
             struct err *err);
void plan_free(struct plan *plan);

/* The next thing to do; it counts as started. Call until PLAN_WAIT or PLAN_DONE. */
struct plan_action plan_next(struct plan *plan);

/* A unit of a layer in PLANNING; the unit outlives the plan. A layer with shards > 1 gives `shards`
 * entries per unit, made by the caller. Returns 1 when selected, 0 when excluded (filter, shard,
 * left out, carried; it may be selected yet by plan_layer_link()), -ENOMEM, -E2BIG beyond
 * UNITS_MAX, -EINVAL when the filter has no answer for this unit: filter_error() says why. */
int plan_add_unit(struct plan *plan, const struct unit *unit, const struct plan_hint *hint);

/* A unit of a layer in PLANNING that has run already, because the others were not known before (it
 * `expands`): neither filter nor shard apply to it, others may need it. Fills outcome->attempt,
 * final, flaky. 0, -ENOMEM or -E2BIG. */
int plan_add_ended(struct plan *plan, const struct unit *unit, struct outcome *outcome);

/* A unit for which plan_add_unit() gave 0. */
struct plan_left {
    const struct unit *unit;
    bool selected;  /* it runs after all: another one needs it */
    bool by_plugin; /* plan_hint.left_out */
};

/* All units of a layer in PLANNING are known: ties those that need each other, and selects what
 * selected ones need. Then calls `left_out` (may be NULL) for each unit for which plan_add_unit()
 * gave 0, in that order, with what became of it. -EINVAL: a unit needs one that is not there, or
 * they need each other in a circle; then the layer must be ended as failed. Needed only in a layer
 * where a unit needs another. */
int plan_layer_link(struct plan *plan,
                    size_t layer,
                    void (*left_out)(void *context, const struct plan_left *left),
                    void *context,
                    struct err *err);

/* No more units come for this layer; `failed` when planning itself failed: then none of its units
 * run and the layer goes to JUDGING at once. 0, or -ENOMEM: then the layer is still in PLANNING and
 * can be ended with `failed`. */
int plan_layer_planned(struct plan *plan, size_t layer, bool failed);

/* One attempt ended. Fills outcome->attempt, final, flaky by the layer's retry rule: an attempt is
 * tried again when its cause is in retry_when, attempts are left and the plan is not stopped. A
 * cancelled one (FLAG_CANCELLED) is final and counts as not run. A reused one is final, with the
 * attempts it took when it was earned: a failure that is reused was confirmed before. */
void plan_unit_finished(struct plan *plan, size_t index, struct outcome *outcome);

/* A unit that plan_next() gave waits for something outside (another process runs the same): its
 * slots and locks go to others. It counts as under way until it is finished, or unparked: then
 * plan_next() gives it again, as the same attempt, when slots and locks are free; not once the plan
 * is stopped. */
void plan_unit_park(struct plan *plan, size_t index);
void plan_unit_unpark(struct plan *plan, size_t index);

/* A layer with units that were not run (plan_layer_counts) must not be judged open. */
void plan_layer_judged(struct plan *plan, size_t layer, enum verdict_state state);

/* From now on no unit is started, not even again: layers still WAITING are skipped with `reason`
 * (copied), running ones judged by what ended. A second call changes nothing. */
void plan_stop(struct plan *plan, const char *reason);
bool plan_stopped(const struct plan *plan);

/* Counts of a layer and its planning result. tally: final outcomes, carried units under their last
 * status (one case each), not_run = selected units that have not ended, or were cancelled. */
struct plan_layer_counts {
    uint64_t selected, excluded, carried;
    uint64_t prepared; /* of the selected ones: had run before the others were known */
    uint64_t left_out; /* not selected by the plugin; not in `excluded` */
    struct tally tally;
    int64_t remaining_ms; /* durations of units not yet ended, as far as known or estimated by the
                             plugin; 0 = unknown */
};

void plan_layer_counts(const struct plan *plan, size_t layer, struct plan_layer_counts *ret_counts);

/* The gate: applies the layer's rules, and gate_defaults for metrics it does not name, to metrics.
 * A metric that is not reported, is not a number, or is reported twice with one value out of bounds
 * shuts it.
 * `results` has room for gate_count + GATE_DEFAULT_COUNT entries; *ret_count of them are filled.
 * Returns VERDICT_OPEN or VERDICT_SHUT. */
enum verdict_state plan_gate(const struct layer *layer,
                             const struct metric *metrics,
                             size_t metric_count,
                             struct gate_result *results,
                             size_t *ret_count);

#endif
