/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of the scheduler, shared by the sources of this folder only.
 *
 *   sched.c    the loop: asks plan, starts, ends; interrupt, budget, slow units, exit code
 *   layer.c    a layer's life before its units: world, planning
 *   judging.c  and after them: judging, the gate
 *   selecting.c  units that wait for their plugin to select
 *   chore.c    planning and judging programs, one at a time beside the units
 *   unit.c     one unit: request, environment, outcome
 *   kept.c     what is kept of a unit beside its outcome and its products
 *   reusing.c  evidence instead of running
 *   holding.c  what is told while the tree is only a guess
 *   joining.c  units that wait for another process
 *   remake.c   products that were lost between look-up and use
 *   worlds.c   which products a layer sees
 *   views.c    which products of its own layer a unit sees
 */
#ifndef SLUICE_SCHED_SCHED_IMPL_H
#define SLUICE_SCHED_SCHED_IMPL_H

#include "base/arena.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/str.h"
#include "base/vec.h"
#include "sched/sched.h"
#include "sched/sched_reuse.h"

#include <uv.h>

/* All units of a run and their texts: UNITS_MAX units of about 500 bytes. */
#define SCHED_ARENA_MAX (4ull << 30)
/* Texts of one start: argv and environment stay below the kernel's ARG_MAX arithmetic (2 MiB, 6 MiB
 * at most). */
#define START_ARENA_MAX (64u << 20)
/* What is kept of a report on standard output; larger ones must be files. */
#define REPORT_STDOUT_MAX (128u << 20)
/* Events that wait: UNITS_MAX of about 1,100 bytes with their lines, and what their cases say. */
#define HOLDING_ARENA_MAX (4ull << 30)
/* Events that wait once the tree is known: those of 50 ms at 5 us a unit. Whoever looks on waits,
 * too.
 */
#define HOLDING_COUNT 10000
/* Texts that are copied once for events that follow each other. */
#define HOLDING_TEXTS 4
/* Actions of the plan between two looks at whether the tree is known: one takes 5 us, a look 1. */
#define CONFIRM_EACH 32u
/* Time for `plan` of a layer (discovery of thousands of tests takes seconds), and for `judge` (a
 * million outcomes are 200 MiB of JSON: 10 s for a slow reader). One that hangs costs no more. */
#define CHORE_TIMEOUT_MS (2LL * 60 * 1000)
/* What a planning or judging program may say on standard error: a configure log is a few MiB. */
#define CHORE_ERRORS_MAX (64u << 20)
/* Units of a layer that expand into further units: at 50 ms each, eight minutes. */
#define EXPAND_MAX 10000
/* Depth to which they do. A list of lists is 2; one that names itself again would never end. */
#define EXPAND_DEPTH_MAX 8

struct text_vec {
    VEC_FIELDS(const char *);
};

struct unit_vec {
    VEC_FIELDS(const struct unit *);
};

enum chore_kind {
    CHORE_PLAN,
    CHORE_EXPAND,
    CHORE_SELECT,
    CHORE_JUDGE
};

struct chore {
    enum chore_kind kind;
    size_t layer;
    const struct unit *unit; /* CHORE_EXPAND */
    unsigned depth;          /* of `unit`: 1 when `plan` itself named it */
};

struct linked_unit;
struct product_view;

/* What one unit that passed left for others. */
struct product_set {
    const char *folder;              /* absolute */
    const struct manifest *manifest; /* NULL without reuse */
    const struct unit *unit;         /* that left it; NULL with `whole` */
    const char *lost;                /* it cannot be made again: why; NULL = nothing of the kind */
    bool there;                 /* false: only the manifest is known, the folder must be restored */
    struct linked_unit *owner;  /* NULL in a layer whose units do not need each other */
    struct product_view *whole; /* NULL, or: it stands for all of `layer` */
    size_t layer;
};

/* A unit that others may see something of, or that needs others. */
struct linked_unit {
    const struct unit *unit;
    struct linked_unit **needs; /* resolved at first use; without those of which nothing is known */
    size_t need_count;
    size_t set; /* its place in products, from 1; 0 = it left nothing (yet) */
    bool resolved;
    bool unknown; /* plan_only: it must run, so what it leaves is not known */
    bool untold;  /* plan_only: its forecast waits for those of the units it needs */
    /* of walks over needs */
    size_t cursor;
    unsigned walk;
};

/* The products that some units of a layer see of others, see views.c. */
struct product_view {
    const struct manifest *seen; /* with those the layer sees; NULL = none, or no reuse */
    size_t *sets;                /* places in products, those that need others first */
    size_t count;
    size_t number;
    const char *layers[2]; /* folders, the upper one first; once made */
    size_t layer_count;
    bool made;
};

struct sched_layer {
    struct world world;
    bool world_made;          /* its lower layers are on disk */
    struct text_vec base_env; /* "NAME=value", for every unit */

    struct {
        VEC_FIELDS(struct product_set);
    } products; /* of its units that passed */

    bool linked;                   /* some of its units need each other */
    unsigned walks;                /* over needs, so far */
    struct map views;              /* of units that see others; by what is in them */
    struct product_set *whole;     /* what layers that need this one see, when `linked` */
    struct unit_vec untold;        /* plan_only: not told before all units are known */
    const struct manifest *seen;   /* products of the layers it needs; NULL = none, or no reuse */
    const struct layer *waits_for; /* plan_only: products of this one are not known; NULL = none */
    bool makes_unknown;            /* plan_only: some unit must run, so its outputs are not known */
    struct str judge_input;        /* lines not yet written to the file */
    int judge_fd;                  /* -1 = the plugin does not judge */
    struct map ids;                /* of all its units, whichever program named them */
    struct unit_vec held;          /* not planned before their plugin has selected */
    const char *error;             /* planning or judging failed: why */
    const char *skipped;           /* its first skipped case, and why; NULL = none said why */
    bool started;
    size_t expanded;
};

struct sched_slot {
    struct sched *sched;
    const struct world *world; /* of its process */
    const struct unit *unit;   /* NULL = free */
    size_t index;              /* in the plan */
    unsigned attempt;
    unsigned number;
    int64_t started_ns; /* of its process */
    bool slow_told;
    void *ticket;              /* of reuse; NULL = none */
    struct product_view *view; /* what it sees of other units; NULL = what its layer sees */
};

/* What waits for products that are made again, in the slot of the first of them. */
struct remake_waiter {
    void (*then)(void *context); /* tries again: it has worked, or `lost` says why not */
    void *context;
};

/* A unit that another process runs. It holds neither slot nor locks. */
struct joining {
    const struct unit *unit;
    size_t index; /* in the plan */
    unsigned attempt;
    int64_t since_ns;
};

/* What waits for the tree to be confirmed. Texts that do not live as long as the run are copied. */
struct holding {
    struct arena *arena; /* NULL = nothing was held */

    struct {
        VEC_FIELDS(struct event);
    } events;

    const char *texts[HOLDING_TEXTS]; /* copied last: most are those of the event before */
    struct str line;                  /* of the event log */
    bool failed;                      /* out of memory */
};

struct sched {
    const struct sched_options *options;
    const struct pipeline *pipeline;
    struct plan *plan;
    struct arena *arena;       /* units and all that lives as long as the run */
    struct arena *start_arena; /* empty: what starting one unit needs; NULL = none, or in use */
    struct sched_layer *layers;
    struct sched_slot *slots;
    unsigned busy; /* slots that run a unit */

    struct {
        VEC_FIELDS(struct joining);
    } joining;

    struct {
        VEC_FIELDS(struct remake_waiter);
    } remake_waiters;

    bool remaking;                   /* one at a time: */
    size_t remake_layer, remake_set; /* its place in the layer's products */
    bool restore_lost;               /* what could not be restored last is not in the store: */
    size_t restore_lost_layer, restore_lost_set;

    struct {
        VEC_FIELDS(struct chore);
    } chores;

    size_t chore_at; /* next chore to start */
    bool chore_runs;
    void *chore_ticket; /* of reuse, for the chore that runs; NULL = none */
    bool lower_made;    /* the snapshot is on disk */
    uint64_t seq;
    int64_t started_ns;
    int64_t cpu_us;
    uv_timer_t tick;
    bool tick_closed;
    bool interrupted;
    bool killed; /* interrupted twice */
    bool deadline;
    int error; /* infrastructure failure that ends the run */
    char error_text[ERR_TEXT_MAX];
    /* what the exit code is made of */
    bool any_shut, any_error, any_selected, any_excluded;
    bool any_asked;  /* a layer was not left out by command line and filter */
    bool bad_filter; /* it had no answer for a unit: nothing is proven */
    const char *first_reason;
    bool known;     /* the tree is what it was guessed to be */
    bool confirmed; /* it is no guess (any more), and what was kept was told */
    int refused;    /* it was one, and wrong; negative */
    struct err refusal;
    unsigned actions; /* since it was asked last */
    struct holding holding;
    bool pumping;
    bool again;         /* a chore that could not start ended: ask the plan again */
    bool told_in_place; /* the warning that nothing is isolated */
    bool told_lost;     /* the warning that output is lost */
    bool told_joining;  /* the note that another process runs the same */
};

const struct layer *sched_layer_of(const struct sched *sched, size_t layer);

/* Stamps and emits. */
void sched_emit(struct sched *sched, struct event *event);
void sched_note(struct sched *sched, const char *level, size_t layer, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Starts everything that can start now. */
void sched_pump(struct sched *sched);

/* holding.c */
/* May something be started, or told? Asks whether the tree is confirmed; when `wait` is set, waits
 * for the answer and tells what was kept. False: the run ends here, and all that is still done in
 * it is in vain. */
bool sched_confirm(struct sched *sched, bool wait);
/* As it does when it was not confirmed: fills *err. */
int sched_refused(const struct sched *sched, struct err *err);
/* Keeps a copy of an event that nobody may hear yet. */
void holding_keep(struct sched *sched, const struct event *event);
void holding_fini(struct holding *holding);

/* layer.c */
void layer_start(struct sched *sched, size_t index);
void layer_judge(struct sched *sched, size_t index);
void layer_skip(struct sched *sched, const struct plan_action *action);
void layer_plan_done(struct sched *sched, const struct chore *chore, const struct outcome *outcome);
void layer_judge_done(struct sched *sched,
                      const struct chore *chore,
                      const struct outcome *outcome);
/* `index` is the unit's in the plan; SIZE_MAX = it has none, and keeps nothing. */
void layer_note_outcome(struct sched *sched,
                        size_t index,
                        const struct unit *unit,
                        const struct outcome *outcome);

void layer_set_error(struct sched *sched, size_t index, const char *text);
void layer_set_program_error(struct sched *sched,
                             const struct chore *chore,
                             const char *verb,
                             const struct outcome *outcome);
/* A part of an answer is none: units or findings that are lost would make a layer pass. */
int layer_check_answer(const struct sched *sched,
                       const struct outcome *outcome,
                       const char *plugin,
                       const char *verb,
                       unsigned max,
                       struct err *err);
/* Hands one unit to the plan. `choice`: fields left_out and in_order are taken from it. */
int layer_add_unit(struct sched *sched,
                   const struct unit *unit,
                   const struct plan_hint *choice,
                   struct err *err);
/* Ends planning, well or not. */
void layer_planned(struct sched *sched, size_t index);

/* selecting.c */
bool select_applies(const struct sched *sched, size_t layer);
int select_hold(struct sched *sched, const struct unit *unit);
/* Asks the plugin. False when there is nothing to ask: then planning has ended. */
bool select_begin(struct sched *sched, size_t layer);
/* Writes the input of the verb; the path is put into buf. */
int select_write_input(struct sched *sched, size_t layer, char *buf, size_t size, struct err *err);
void layer_select_done(struct sched *sched,
                       const struct chore *chore,
                       const struct outcome *outcome);

/* chore.c */
int chore_add(struct sched *sched, const struct chore *chore);
/* The run ends early: ends the planning that is under way. What it would list is not run. */
void chore_stop_planning(struct sched *sched);
void chore_start_next(struct sched *sched);
/* Where the answer of a program that was captured so lies; the path is put into `path`. */
int chore_answer(const struct sched *sched,
                 const struct capture *capture,
                 char path[PATH_TEXT_MAX],
                 struct file_part *ret_answer,
                 struct err *err);

/* A unit that expands and has outputs is told and counted like any other, and can be needed. */
bool chore_prepares(const struct chore *chore);
/* Otherwise planning failed: nothing was to be run, or it was stopped. */
bool chore_ends_as_unit(const struct sched *sched, const struct outcome *outcome);
void layer_unit_prepared(struct sched *sched,
                         const struct unit *unit,
                         const struct outcome *outcome);

/* unit.c */
/* One arena serves thousands of starts, one after the other. NULL when memory is short. */
struct arena *sched_take_arena(struct sched *sched);
/* Gives it back; NULL is fine. */
void sched_give_arena(struct sched *sched, struct arena *arena);
/* The folder of the run that holds `kind` of a unit, absolute; NULL when memory is short. */
const char *unit_folder(const struct sched *sched,
                        const char *kind,
                        const struct unit *unit,
                        size_t index,
                        struct arena *arena);
/* Both lists, one after the other; of_unit may be NULL. 0 or -ENOMEM. */
int patterns_join(const struct text_list *of_layer,
                  const struct text_list *of_unit,
                  struct arena *arena,
                  struct text_list *ret_all);
/* May it leave products? */
bool unit_has_outputs(const struct sched *sched, const struct unit *unit);
/* Fills `outputs` and output_dir of the request. 0 or -ENOMEM. */
int unit_fill_outputs(struct sched *sched,
                      const struct sched_slot *slot,
                      struct arena *arena,
                      struct exec_request *request);
/* What it left becomes visible to those that need it. The manifest, for its evidence, or NULL. */
const struct manifest *unit_take_products(struct sched *sched,
                                          const struct sched_slot *slot,
                                          struct outcome *outcome);
/* The products of a hit are known; its folder is made when somebody must see it. */
int unit_adopt_products(struct sched *sched,
                        const struct sched_slot *slot,
                        const struct manifest *products);
void unit_run(struct sched *sched, const struct plan_action *action);
/* The environment of a layer's units; see docs/architecture.md. */
int env_build_base(struct sched *sched, size_t index);
/* What it built: the same texts at the same places for the whole run. */
struct text_list base_env_of(const struct sched *sched, size_t index);
/* The whole environment of one unit, NULL-terminated, in `arena`; that of its layer comes first. */
const char *const *env_of_unit(struct sched *sched,
                               size_t index,
                               const struct unit *unit,
                               struct arena *arena);
/* PATH of a plugin as the layer's world sees it. */
const char *plugin_program_inside(const struct sched *sched, size_t index, struct arena *arena);

/* Does another process still run the same? */
bool unit_joins(struct sched *sched, const struct joining *joining);
/* Tells plan and log how it ended. */
void unit_finish(struct sched *sched,
                 size_t index,
                 const struct unit *unit,
                 struct outcome *outcome);
/* plan_only: what would become of the unit. */
void unit_foretell(struct sched *sched,
                   const struct unit *unit,
                   struct arena *arena,
                   struct sched_forecast *ret_forecast);

/* Fills the request of a unit's run. */
int unit_fill_request(struct sched *sched,
                      struct sched_slot *slot,
                      struct arena *arena,
                      struct exec_request *request);

/* kept.c */
/* Fills `artifacts` and artifact_dir of the request. 0 or -ENOMEM. */
int kept_fill_request(struct sched *sched,
                      const struct sched_slot *slot,
                      struct arena *arena,
                      struct exec_request *request);
/* The unit's last memo becomes a part of what it sees. What cannot be given is missing: it only
 * saves time. */
void kept_give_memo(struct sched *sched,
                    const struct sched_slot *slot,
                    struct arena *arena,
                    struct exec_request *request);
/* It ended: takes its memo out of its artifacts, keeps it, and takes what it asked of it out of its
 * trace. */
void kept_take_memo(struct sched *sched,
                    const struct sched_slot *slot,
                    struct arena *arena,
                    struct outcome *outcome);
/* Files that were kept as artifacts of a unit that ended, or that evidence put back: absolute
 * paths, sorted, in `arena`. -E2BIG beyond KEPT_TOLD_MAX. */
int kept_list_artifacts(struct sched *sched,
                        size_t index,
                        const struct unit *unit,
                        struct arena *arena,
                        struct text_list *ret_files,
                        struct err *err);

/* remake.c */
/* After a world or view could not be made for a slot (`number`). 1: for want of products that are
 * being made again, in that slot or another one; `then` is called later. 0: for another reason.
 * Negative: they cannot be made again. */
int remake_lost(struct sched *sched,
                unsigned number,
                const struct remake_waiter *waiter,
                struct err *err);
/* Notes that a set's content is not in the store. */
void remake_note_lost(struct sched *sched, const struct product_set *set);

/* joining.c */
/* The unit of the slot waits from now on, and its slot and locks are the plan's again. */
int joining_add(struct sched *sched, const struct sched_slot *slot);
/* Gives what need not wait any more back to the plan. Called every tick. */
void joining_ask_again(struct sched *sched);
/* Ends all that wait, without a result. */
void joining_cancel(struct sched *sched);

/* reusing.c */
/* Is there reuse for this layer's units? */
bool reusing_applies(const struct sched *sched, size_t index);
void reusing_decide(struct sched *sched,
                    struct reuse_subject *subject,
                    struct arena *arena,
                    struct reuse_found *ret_found);
/* Gives a ticket back; NULL is fine. */
/* Returns why it became no evidence (valid until the next call); NULL = it did, or was not to. */
const char *reusing_ended(struct sched *sched,
                          void *ticket,
                          const struct outcome *outcome,
                          const struct manifest *products);

/* worlds.c */
/* What a layer sees, as data. */
int world_of_layer(struct sched *sched, size_t index, struct err *err);
/* Puts it on disk, once; called before anything starts in it. */
int world_make(struct sched *sched, size_t index, struct err *err);
/* Notes what a unit left. */
int world_add_products(struct sched *sched, const struct unit *unit, const struct product_set *set);
/* Makes the folder of products that are only known as data. */
int world_restore(struct sched *sched, struct product_set *set, struct err *err);

/* views.c */
/* What is known of a unit inside the run; NULL when there is nothing and `make` is not set, or out
 * of memory. */
struct linked_unit *linked_of(struct sched *sched, const struct unit *unit, bool make);
/* Calls `each` for all that a unit needs, transitively, and then itself: each after those it needs.
 */
int linked_each(struct sched *sched,
                const struct unit *unit,
                int (*each)(void *context, struct linked_unit *linked),
                void *context);
/* What a unit sees beyond what its layer sees; all it needs has passed. NULL = nothing. */
int view_of_unit(struct sched *sched,
                 const struct unit *unit,
                 struct product_view **ret_view,
                 struct err *err);
/* Puts it on disk, once: fills `layers`. */
int view_make(struct sched *sched, size_t layer, struct product_view *view, struct err *err);
/* All that a layer whose units need each other left, as one set. The layer has ended. */
int view_of_layer(struct sched *sched, size_t layer, struct product_set **ret_set, struct err *err);
/* Makes the folder of such a set. */
int view_unite(struct sched *sched, const struct product_set *set, struct err *err);

#endif
