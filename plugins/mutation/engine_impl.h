/* SPDX-License-Identifier: Apache-2.0 */
/* Private to engine_*.c: the mutants of one file while they are tried. */
#ifndef SLUICE_PLUGINS_MUTATION_ENGINE_IMPL_H
#define SLUICE_PLUGINS_MUTATION_ENGINE_IMPL_H

#include "plugins/mutation/engine_schema.h"

struct engine_attempt {
    const struct engine_job *job;
    struct engine_state state;
    bool *open;    /* by mutant: it has a place and a test, and nothing has decided it */
    bool *audited; /* by mutant: what was said of it was said twice */
    bool *killed;  /* by test */
    bool *proven;  /* by test: it passed without a mutant after its first kill */
    bool cut;      /* the deadline came: what is open stays pending */
    uint32_t turn; /* whose mutants are tried now */
};

/* Is a mutant open, and its turn? */
bool engine_is_due(const struct engine_attempt *attempt, uint32_t mutant);

/* Does a test that is used reach a mutant that has a place? */
bool engine_reaches(const struct engine_attempt *attempt, size_t test, uint32_t mutant);

/* Ends the attempt of a mutant. */
void engine_decide(struct engine_attempt *attempt,
                   uint32_t mutant,
                   enum mutant_status status,
                   enum engine_kind engine,
                   size_t killer);

/* Engine A: one test with all open mutants that it reaches. A test that cannot be run so becomes
 * one of engine B, and what it said is forgotten. */
int engine_fork_test(struct engine_attempt *attempt, size_t test, struct err *err);

/* Engine B: one open mutant with each of its tests of engine B. */
int engine_exec_mutant(struct engine_attempt *attempt, uint32_t mutant, struct err *err);

/* How often a mutant may come through its site; 0 would be no limit. */
uint32_t engine_hits_limit(uint32_t hits);

/* A test that killed for the first time has to pass without a mutant: -ENOTRECOVERABLE. */
int engine_prove_killer(struct engine_attempt *attempt, size_t test, struct err *err);

/* Tries again by B what was decided, as the options say. *ret_demoted counts the tests that said
 * one thing and then another; their mutants are open again. */
int engine_audit(struct engine_attempt *attempt, size_t *ret_demoted, struct err *err);

#endif
