/* SPDX-License-Identifier: Apache-2.0 */
/* The loop that keeps every slot busy. Asks plan what is next, starts it through exec, emits events
 * into a sink. Knows no report and no store. */
#ifndef SLUICE_SCHED_SCHED_H
#define SLUICE_SCHED_SCHED_H

#include "base/err.h"
#include "config/config.h"
#include "exec/exec.h"
#include "model/event.h"
#include "plan/plan.h"
#include "plugin/plugin.h"

struct uv_loop_s;
struct sched;

/* Slots of exec beyond plan.slots: planning and judging must not wait for units. The exec given to
 * sched_run() has plan.slots + SCHED_CHORE_SLOTS slots. */
#define SCHED_CHORE_SLOTS 1

/* How often slow units and the budget are looked at. */
#define SCHED_TICK_MS 100

/* What would become of a unit: the words of `plan`. */
enum sched_fate {
    FATE_RUN,
    FATE_HIT,  /* evidence answers */
    FATE_JOIN, /* another process runs the same now */
    FATE_WAIT, /* it depends on what another unit will make */
};

struct sched_forecast {
    enum sched_fate fate;
    const char *why;      /* a sentence; NULL = reuse has no say, see the unit's history */
    const char *producer; /* FATE_WAIT: the layer to run before it can be told */
};

struct sched_reuse;

struct sched_options {
    struct uv_loop_s *loop;
    struct exec *exec; /* plan.slots + SCHED_CHORE_SLOTS slots */
    struct event_sink *sink;
    const struct config *config;
    const struct plugin_description *plugins; /* one per pipeline layer, same index */
    struct plan_options plan;
    const char *run_id;
    const char *run_dir;    /* absolute */
    const char *root;       /* live tree, absolute */
    const char *plugin_dir; /* absolute */
    const char *lower;      /* materialised snapshot; NULL = isolation not available: layers with a
                               sandbox run in place, told once */
    /* Puts the snapshot at `lower`; called once, before the first program starts in a world. NULL =
     * it is there. */
    int (*prepare)(void *context, struct err *err);
    void *prepare_context;
    struct sched_reuse *reuse; /* NULL = everything runs */
    /* `tree` is a guess, and this says whether it was right. Until then evidence is looked up, but
     * no program is started, nothing is laid out, and the sink hears nothing; then it hears all of
     * it, at the latest when something is started or all is decided. 1 = it was right; 0 = not
     * known yet (never with `wait`); negative: it was not, or it cannot be known: sched_run()
     * returns that with *err, and has done nothing. Asked now and then without `wait`, until the
     * answer is not 0. NULL = the tree is no guess. */
    int (*confirm)(void *context, bool wait, struct err *err);
    void *confirm_context;
    /* Instead of sink->emit() for each of what was kept until then, in order; none of them ends the
     * run. The events live until it returns. NULL = one by one. */
    void (*emit_kept)(struct event_sink *sink, const struct event *events, size_t count);
    /* What is kept while the run has nothing left to do but to wait for the tree, for who can get
     * ready without being heard or seen. They stay where they are until emit_kept() of the same
     * events follows, or, when the guess was wrong, forget_ahead(), which is called for any wrong
     * guess. NULL = not wanted; both or none. */
    void (*emit_ahead)(struct event_sink *sink, const struct event *events, size_t count);
    void (*forget_ahead)(struct event_sink *sink);
    const char *no_lower; /* why there is none and what to switch on, for that; NULL = not known */
    const char *tree;     /* snapshot id or NULL */
    const char *diff;     /* lines that the run is about, for plugins: JSON, see plan in
                             docs/plugin-protocol.md; NULL = all */
    const char *resumed;
    const char *command;
    const char *version; /* of sluice, for the log */
    int64_t budget_ms;   /* 0 = none: then units are stopped and the exit code is EXIT_DEADLINE */
    uint64_t seed;
    /* History; may be NULL. */
    void (*hint)(void *context,
                 const struct layer *layer,
                 const char *unit,
                 struct plan_hint *ret_hint);
    void *hint_context;
    bool plan_only; /* `plan`, `list`: plan every layer (products of needed layers missing: noted),
                       run no unit */
    int (*planned)(void *context,
                   const struct layer *layer,
                   const struct unit *unit,
                   const struct plan_hint *hint,
                   const struct sched_forecast *forecast); /* NULL = not selected */
    /* plan_only: the units of `layer` are not known before `producer`, whose outputs it sees, has
     * run. The layer counts as planned. NULL = that is an error of the layer. */
    void (*waiting)(void *context, const struct layer *layer, const struct layer *producer);
    /* plan_only: what is known about the decision for this unit is appended here before planned()
     * is called; NULL = not wanted. */
    struct str *explain;
    const char *explained; /* only for this unit: LAYER/UNIT, or UNIT */
    void *planned_context; /* of all three */
    /* For plugins that select: appends the files that differ from the tree this layer's gate last
     * opened on, each ended by NUL. 1; 0 = not known, nothing appended. NULL = never known. */
    int (*changed)(void *context, const struct layer *layer, struct str *out);
    void *changed_context;
    /* Hands out the running scheduler, for sched_interrupt() and sched_running(); NULL = not
       wanted. Called once before the first event, and with NULL after the last. */
    void (*started)(void *context, struct sched *sched);
    void *started_context;
};

/* Is `name` this unit's: LAYER/UNIT, or UNIT alone? */
bool sched_explains(const char *name, const struct layer *layer, const char *unit);

/* Runs to the end. Returns 0 with *ret_exit filled, negative when the run could not be set up, or
 * was refused by confirm(). */
int sched_run(const struct sched_options *options, enum exit_code *ret_exit, struct err *err);

/* From signal handlers on the loop's thread, while sched_run() is under way: first call finishes
 * what runs, second stops now. */
void sched_interrupt(struct sched *sched);

/* Lists what runs now, or waits for another process, for `t` and SIGUSR1. */
struct sched_running {
    const char *layer;
    const char *unit;
    int slot;     /* -1 = it has none: `joining` */
    bool joining; /* nothing was started: another process runs the same */
    int64_t elapsed_ms;
};

/* Calls `each` for every such unit, those that run first. */
void sched_running(const struct sched *sched,
                   void (*each)(void *context, const struct sched_running *running),
                   void *context);

/* The newest output of a running unit, for display; see exec_peek(). */
int sched_peek(struct sched *sched, int slot, char *buf, size_t size);

#endif
