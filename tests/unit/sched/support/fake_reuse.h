/* SPDX-License-Identifier: Apache-2.0 */
/* Reuse that knows nothing: it answers from a list and writes down what it is asked.
 *
 *   {"a/ok", "run"}        runs, as does all that is not in the list
 *   {"a/ok", "hit"}        passed once; "fail" failed once
 *   {"a/ok", "hit+out"}    passed and left out/UNIT
 *   {"a/ok", "join join hit"}  one word an ask, the last one stays
 *   {"a/(plan)", "plan:ok-1 ok-2"}  the planning program named these units
 */
#ifndef SLUICE_TESTS_SCHED_FAKE_REUSE_H
#define SLUICE_TESTS_SCHED_FAKE_REUSE_H

#include "sched/sched_reuse.h"

#include <stdbool.h>

struct fake_answer {
    const char *unit;
    const char *words;
};

#define FAKE_ASKED_MAX 256

struct fake_reuse {
    struct sched_reuse reuse;
    const struct fake_answer *answers; /* ended by a NULL unit */
    const char *run_dir;
    bool restore_fails;
    unsigned lost; /* restores that find nothing in the store, before they work */
    bool products_unreadable;
    bool products_differ; /* what is read is not what was promised */
    const char *note;     /* told once */
    const char *memo;     /* what every unit is given; NULL = nothing */

    /* What happened, a line each: "ask a/ok run", "ask a/ok run (again)", "ask a/ok hit (peek)",
     * "ask b/ok run sees out/ok", "ended a/ok passed", "ended a/ok passed with out/ok",
     * "restore out/ok", "give memo a/ok", "keep memo a/ok: TEXT". */
    char text[16384];
    unsigned open; /* tickets not given back */
    unsigned ticks;
    unsigned asked[FAKE_ASKED_MAX]; /* how often each answer was asked for */
    unsigned next;                  /* tickets */
};

/* Readies it for one story; the answers are borrowed. */
void fake_reuse_init(struct fake_reuse *fake, const struct fake_answer *answers);

/* How often a line with this text was written down. */
unsigned fake_reuse_count(const struct fake_reuse *fake, const char *text);

#endif
