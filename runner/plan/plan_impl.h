/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a plan, shared by the sources of this folder only.
 *
 * Four parts, one file each:
 *   select.c  which layers take part, decided once;
 *   layers.c  when a layer leaves WAITING, and what is told about it;
 *   links.c   units that need each other;
 *   lanes.c   which unit is next, with its locks (locks.c) and its weight.
 *
 * Units of one layer with the same locks and the same weight are interchangeable for the question
 * "may it start now?", so they form a *lane*: a sorted slice of plan->order. Only lanes are
 * compared, parked and woken, and there are few of them even when there are a million units. */
#ifndef SLUICE_PLAN_PLAN_IMPL_H
#define SLUICE_PLAN_PLAN_IMPL_H

#include "base/arena.h"
#include "base/map.h"
#include "base/str.h"
#include "base/vec.h"
#include "plan/plan.h"

#include <stdbool.h>
#include <stdint.h>

#define NONE UINT32_MAX /* no unit, lane, lock, ... */

enum unit_state {
    UNIT_IDLE,    /* waits */
    UNIT_RUNNING, /* holds slots and locks */
    UNIT_PARKED,  /* taken, but waits for something outside: holds nothing */
    UNIT_TOLD,    /* is being told as not run: holds nothing */
    UNIT_PASSED,  /* ended, and so on */
    UNIT_SKIPPED,
    UNIT_BAD,
};

/* Why a unit was left out when it was added. */
enum left_reason {
    LEFT_BY_FILTER,
    LEFT_BY_SHARD,
    LEFT_BY_PLUGIN,
    LEFT_CARRIED,
};

enum layer_state {
    LAYER_WAITING,
    LAYER_PLANNING,
    LAYER_RUNNING,
    LAYER_JUDGING, /* asked for, or in the queue to be asked for */
    LAYER_DONE,
};

struct left_unit;

struct plan_layer {
    enum layer_state state;
    bool active;         /* takes part in this run */
    bool whole;          /* all its units run: filter and shard do not apply */
    bool outputs_needed; /* a layer that takes part waits for its products */
    bool ready;          /* is in the `ready` queue */
    bool linked;         /* some of its units need others */
    bool prepared_badly; /* a unit that had run before the others were known did not pass */
    bool satisfied;      /* DONE, and layers that wait for it may start */
    const char *reason;  /* why it is skipped */
    bool unasked;        /* ... because nobody asked for it */
    uint32_t lockset;    /* of its own locks */
    uint32_t first_unit; /* chain of units while PLANNING, through plan_unit.next */
    uint32_t last_unit;
    uint64_t running;   /* units started and not ended */
    uint64_t ended;     /* units that will not run again */
    uint64_t by_filter; /* excluded by the filter; the other excluded ones by shard */

    struct {
        VEC_FIELDS(struct left_unit);
    } left; /* while PLANNING: units that are not selected, for those that need them */

    struct plan_layer_counts counts; /* without not_run, filled in when asked */
};

/* 32 bytes; with its place in plan->order a waiting unit costs 36. */
struct plan_unit {
    const struct unit *unit;
    uint32_t duration_ms; /* known or estimated; 0 = unknown; saturates at 49 days */
    uint32_t layer;

    union {
        uint32_t lockset; /* while its layer is PLANNING */
        uint32_t lane;    /* afterwards */
    };

    union {
        uint32_t next;     /* while its layer is PLANNING: the next unit of it */
        uint32_t attempts; /* afterwards: attempts started */
    };

    uint16_t weight_class;
    uint8_t state; /* enum unit_state */
    uint8_t failed_recently : 1;
    uint8_t in_order : 1; /* failed_recently and duration_ms do not move it */
};

struct left_unit {
    struct plan_unit unit;
    uint8_t why;   /* enum left_reason */
    uint8_t last;  /* outcome it is carried with */
    bool selected; /* taken in after all */
};

/* What a unit of a layer whose units need each other waits for. */
struct unit_link {
    uint32_t dependants; /* chain of those that wait for it, in plan->dependants; NONE */
    uint32_t unmet;      /* needs that have not passed */
    uint32_t blame;      /* the unit because of which it is not run; NONE */
    uint32_t next;       /* in the queue of units that are to be told as not run */
};

struct dependant {
    uint32_t unit;
    uint32_t next;
};

/* A slice order[begin..end) of units of one layer with one lockset and one weight. While it has
 * units it is in exactly one heap: its weight class's (it may start as far as is known), or that
 * of a lock it waits for. Heap links make an intrusive pairing heap, see heap.c. */
struct lane {
    uint32_t begin;
    uint32_t end;
    uint32_t lockset;
    uint32_t weight_class;
    uint32_t child;
    uint32_t next;      /* sibling */
    uint32_t prev;      /* left sibling, or the parent of a first child */
    uint32_t parked_on; /* lock whose waiters hold it; NONE = in its weight class */
    uint32_t woken_by;  /* lock for which it is the delegate, see lanes.c; NONE */
};

/* Units of equal weight. */
struct weight_class {
    uint32_t weight;
    uint32_t root;      /* heap of lanes */
    unsigned overtaken; /* starts that passed its first unit while that did not fit */
};

/* The lanes of one weight class that wait for one lock. */
struct lock_waiters {
    uint32_t weight_class;
    uint32_t root;
};

struct lock {
    bool held;

    struct {
        VEC_FIELDS(struct lock_waiters);
    } waiters;
};

/* A set of locks: lock_ids[begin..end), sorted, each once. */
struct lockset {
    uint32_t begin;
    uint32_t end;
};

/* First in, first out; each layer enters at most once, so `items` has room for all. */
struct layer_queue {
    uint32_t *items;
    size_t head;
    size_t tail;
};

struct plan {
    const struct pipeline *pipeline;
    struct plan_options options;
    struct arena *arena; /* reasons, lockset keys */
    struct plan_layer *layers;
    uint32_t *by_stage;      /* layers ordered by stage, then as written */
    uint32_t *stage_undone;  /* per stage: layers that take part and are not DONE */
    uint32_t *stage_blocker; /* per stage: a layer that is DONE and not satisfied, or NONE */
    struct layer_queue ready;
    struct layer_queue skips;
    struct layer_queue judges;
    bool layers_changed; /* a layer got DONE since WAITING ones were looked at */
    size_t done;
    size_t under_way; /* layers in PLANNING, RUNNING or JUDGING */

    struct {
        VEC_FIELDS(struct plan_unit);
    } units;

    struct {
        VEC_FIELDS(uint32_t);
    } order;

    struct {
        VEC_FIELDS(struct lane);
    } lanes;

    struct {
        VEC_FIELDS(struct weight_class);
    } classes;

    struct map lock_names; /* -> index in locks */

    struct {
        VEC_FIELDS(struct lock);
    } locks;

    struct map lockset_keys; /* -> index in locksets */

    struct {
        VEC_FIELDS(struct lockset);
    } locksets;

    struct {
        VEC_FIELDS(uint32_t);
    } lock_ids;

    struct {
        VEC_FIELDS(uint32_t);
    } scratch;

    struct {
        VEC_FIELDS(struct unit_link);
    } links; /* by unit; units beyond its end have no link */

    struct {
        VEC_FIELDS(struct dependant);
    } dependants;

    uint32_t blamed_first; /* queue of units that are not run because of others; NONE */
    uint32_t blamed_last;
    struct str blame_text; /* the reason told last */

    struct str scratch_text;
    unsigned free_slots;
    uint64_t failures; /* final ones, for max_fail */
    bool stopped;
};

static inline const struct layer *layer_of(const struct plan *plan, size_t layer)
{
    return &plan->pipeline->layers[layer];
}

/* ---- select.c: fills active, whole, outputs_needed and reason of every layer. */
int plan_select_layers(struct plan *plan, struct err *err);

/* ---- layers.c */

/* Skips what does not take part, prepares the queues' order. */
void plan_layers_start(struct plan *plan);
/* Moves WAITING layers on after others got DONE. */
void plan_layers_update(struct plan *plan);
/* Asks for judgement when nothing of the layer is left to run. */
void plan_layer_check_ended(struct plan *plan, size_t layer);
void plan_layer_skip(struct plan *plan, size_t layer, const char *reason, bool satisfied);
void plan_layer_done(struct plan *plan, size_t layer, bool satisfied);
bool layer_queue_pop(struct layer_queue *queue, size_t *ret_layer);
void layer_queue_push(struct layer_queue *queue, size_t layer);

/* ---- links.c */

/* The unit has ended for good: what needs it may start, or is not run. Allocates nothing. */
void plan_link_ended(struct plan *plan, uint32_t unit);
/* The next unit that is not run because of another one, and why; NONE. */
uint32_t plan_link_next_blamed(struct plan *plan, const char **ret_reason);
/* Does it wait for another unit? */
bool plan_link_waits(const struct plan *plan, uint32_t unit);

/* plan.c: puts a unit at the end of its layer's chain. */
void plan_chain_unit(struct plan *plan, uint32_t index);

/* ---- order.c: sorts the planned units of a layer and cuts them into lanes. 0 or -ENOMEM, then
 * nothing changed. */
int plan_order_layer(struct plan *plan, size_t layer);
/* True when unit a starts before unit b. A total order. */
bool plan_unit_before(const struct plan *plan, uint32_t a, uint32_t b);

/* ---- locks.c */

/* The id of the set of both lists' locks. */
int plan_lockset_intern(struct plan *plan,
                        const struct text_list *a,
                        const struct text_list *b,
                        uint32_t *ret_lockset);
/* Makes sure a lane of this class can wait for each of these locks without allocating. */
int plan_lockset_prepare(struct plan *plan, uint32_t lockset, uint32_t weight_class);
uint32_t plan_lockset_first_held(const struct plan *plan, uint32_t lockset); /* or NONE */
uint32_t *plan_lock_waiters(struct plan *plan, uint32_t lock, uint32_t weight_class);
void plan_locks_fini(struct plan *plan);

/* ---- heap.c: intrusive heaps of lanes, the lane with the earliest unit on top. */
void lane_heap_insert(struct plan *plan, uint32_t *root, uint32_t lane);
void lane_heap_remove(struct plan *plan, uint32_t *root, uint32_t lane);

/* ---- lanes.c */
int plan_weight_class(struct plan *plan, uint32_t weight, uint16_t *ret_class);
void plan_lane_add(struct plan *plan, uint32_t lane);
/* Takes the next unit that may start: its slots and locks are taken. NONE when there is none. */
uint32_t plan_lanes_take(struct plan *plan);
/* Gives slots and locks back. */
void plan_lanes_release(struct plan *plan, uint32_t unit);
/* Puts a unit that was taken back into its lane. */
void plan_lanes_return(struct plan *plan, uint32_t unit);

#endif
