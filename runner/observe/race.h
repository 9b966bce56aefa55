/* SPDX-License-Identifier: Apache-2.0 */
/* Threads race. A call is seen before it happens: while a thread's rename is under way, a path of
 * another thread may be walked before or after it. Both ways are noted: a question that meets a
 * change of names of another thread is walked at once, and again when that thread has come back.
 *
 *   question of B, change of A under way  -> asked now, and again when A is back
 *   change of A, last question of B may   -> that question is asked again when A is back
 *   still be under way
 *
 * A is back when it makes its next call that we see, or is gone. Asking too much is sound. */
#ifndef SLUICE_OBSERVE_RACE_H
#define SLUICE_OBSERVE_RACE_H

#include "observe/resolve.h"

/* Threads whose last question is remembered, by thread id modulo this; of two that fall together
 * the later one is. Units with more threads than this that change names under each other are beyond
 * what is caught. */
#define RACE_THREADS 256

/* Changes under way at once, and questions that wait for one. Beyond: the trace is incomplete. */
#define RACE_CHANGES_MAX 64
#define RACE_WAITING_MAX 64

/* A question that can be asked again. */
struct race_question {
    pid_t awaited; /* the thread whose return is awaited */
    struct place *base;
    unsigned asked;
    bool follow;
    bool in_root;
    const struct place *reach;
    unsigned touched_count;
    const struct place *touched[TOUCHED_MAX];
    char path[PATH_TEXT_MAX];
};

struct race_change {
    pid_t tid;
    const struct place *place;
};

struct race {
    struct resolver *resolver;
    pid_t tids[RACE_THREADS]; /* whose question stands in last[]; 0 = nobody's */
    struct race_question last[RACE_THREADS];
    struct race_question waiting[RACE_WAITING_MAX];
    unsigned waiting_count;
    struct race_change changes[RACE_CHANGES_MAX];
    unsigned change_count;
};

struct race *race_new(struct resolver *resolver); /* NULL when memory is short */
void race_free(struct race *race);

/* A thread makes a call: whatever it did before is over. First thing to do with each call. */
void race_returned(struct race *race, const struct caller *caller);

/* It has asked this (and it was noted). */
void race_asked(struct race *race,
                const struct path_question *question,
                const struct landing *landing,
                unsigned asked);

/* It is about to put, take or move the name of a place (and below it, of a folder). */
void race_changing(struct race *race, const struct caller *caller, struct place *place);

/* The unit is over: what still waits cannot be asked any more where its view is gone. */
void race_ended(struct race *race);

/* Notes a question as the kind of thing that lies there demands: a folder has no content, a file no
 * listing. */
void ask_landing(struct resolver *resolver, const struct landing *landing, unsigned asked);

#endif
