/* SPDX-License-Identifier: Apache-2.0 */
/* What the scheduler asks of reuse: to implement. (cli wires it to runner/reuse; a run without it
 * runs everything.) All calls come from the loop's thread, none may block for long. */
#ifndef SLUICE_SCHED_SCHED_REUSE_H
#define SLUICE_SCHED_SCHED_REUSE_H

#include "base/arena.h"
#include "base/str.h"
#include "exec/exec.h"
#include "model/trace.h"

/* What is about to run. Everything is borrowed for the call. */
struct reuse_subject {
    const struct layer *layer;
    const char *unit;                   /* id; SCHED_PLAN_UNIT for the program that plans */
    const struct exec_request *request; /* argv, env, cwd, input, report, outputs; not done() */
    struct text_list base_env; /* what env begins with in all units of the layer that change none of
                                  it: the same texts at the same places for the whole run */
    const struct manifest *products; /* what it sees of other units; NULL = nothing */
    bool peek;           /* only asked, never run: `plan`. Takes no lease, touches no use-time */
    bool no_join;        /* would rather run again than wait for another process */
    bool again;          /* a further attempt: runs whatever is known */
    bool plans;          /* a planning program: when it failed it runs again, confirmed or not */
    struct str *explain; /* NULL, or: append all that is known about the decision, a line each */
};

/* The name of a layer's planning program as a unit of its own; no plugin may use it. */
#define SCHED_PLAN_UNIT "(plan)"

enum reuse_choice {
    REUSE_CHOICE_RUN,  /* it must run: then ended() follows with the ticket */
    REUSE_CHOICE_HIT,  /* evidence answers */
    REUSE_CHOICE_JOIN, /* another process runs the same now: ask again later */
};

/* Whose memo it is. */
struct reuse_memo {
    const char *layer;
    const char *unit;
    const char *program; /* the plugin's, absolute: what another program left is no use */
    const char
        *left; /* where it will lie when the unit has ended, absolute; NULL when it is kept */
};

/* Lives in the caller's arena. */
struct reuse_found {
    enum reuse_choice choice;
    const struct outcome *outcome;   /* HIT: final, with `reused`; captures lie in the run folder */
    const struct manifest *products; /* HIT: what it left; NULL = nothing */
    const char *why;                 /* a sentence: from where, or why it must run */
    void *ticket;                    /* RUN, unless peeked: for ended() */
};

struct sched_reuse {
    /* Never fails: what cannot be looked up must run. */
    void (*decide)(struct sched_reuse *reuse,
                   const struct reuse_subject *subject,
                   struct arena *arena,
                   struct reuse_found *ret_found);

    /* What was started by a decision ended: becomes evidence if it may. `products` is what it left
     * under its outputs (NULL = nothing). */
    void (*ended)(struct sched_reuse *reuse,
                  void *ticket,
                  const struct outcome *outcome,
                  const struct manifest *products);

    /* Why what ended last became no evidence, a sentence, valid until the next call of ended().
     * NULL = it did. May be NULL itself. */
    const char *(*unstored)(struct sched_reuse *reuse);

    /* Reads a folder of products. In `arena`. */
    int (*read_products)(struct sched_reuse *reuse,
                         const char *folder,
                         struct arena *arena,
                         const struct manifest **ret_products,
                         struct err *err);

    /* Makes a folder of products again. */
    int (*restore)(struct sched_reuse *reuse,
                   const struct manifest *products,
                   const char *folder,
                   struct err *err);

    /* Writes the memo that was kept last to `file`, whose folder is there: 1; 0 = there is none, or
     * none may be given. May be NULL, as keep_memo(). */
    int (*give_memo)(struct sched_reuse *reuse, const struct reuse_memo *memo, const char *file);

    /* Keeps a file as memo, in place of an earlier one. What cannot be kept is not. */
    void (*keep_memo)(struct sched_reuse *reuse, const struct reuse_memo *memo, const char *file);

    /* Called every SCHED_TICK_MS. */
    void (*tick)(struct sched_reuse *reuse);

    /* A sentence about something odd (conflicting evidence, a store that is full), or NULL. Each is
     * told once. */
    const char *(*take_note)(struct sched_reuse *reuse);
};

#endif
