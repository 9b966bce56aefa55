/* SPDX-License-Identifier: Apache-2.0 */
/* Engines A and B: the mutants of one file, in programs that were built with its schema.
 *
 *   engine_baseline()     (engine.h) the tests without any mutant, twice
 *   engine_cover()        a third time: which tests reach which sites, and whether a test can be
 *                         forked; what engine A needs first of all, and the sanity run
 *   engine_canary()       each test notices when the code under test aborts
 *   engine_schema_run()   A, then B for what A cannot run, then the audit
 *
 * Chance kills nobody: a sample of kills is tried again, and a test that says another thing then
 * is not believed any more but for kills that repeat.
 *
 * Tests are in order: the first that fails with a mutant, or runs out of time, decides. A process
 * that calls any of these must have no other children. */
#ifndef SLUICE_PLUGINS_MUTATION_ENGINE_SCHEMA_H
#define SLUICE_PLUGINS_MUTATION_ENGINE_SCHEMA_H

#include "plugins/mutation/copy_process.h"
#include "plugins/mutation/engine.h"
#include "plugins/mutation/engine_state.h"
#include "plugins/mutation/schema.h"

#include <limits.h>

/* A mutant that comes through its site this many times as often as the test does without it will
 * not come to an end; it is tried again with time as its only limit. */
#define ENGINE_HITS_FACTOR 100
#define ENGINE_HITS_MIN    1000

/* Longest a test may take without a mutant, of wall time. */
#define ENGINE_BASELINE_WALL_US (600 * INT64_C(1000000))

/* What a test printed, as far as it is shown: ten lines. */
#define ENGINE_SHOWN_MAX 800

/* The schemata that the tests were built with, and how they are run. */
struct engine_group {
    const struct schema *const *schemata;
    size_t count;
    const struct engine_options *options;
    const struct engine_watch *watch; /* NULL = nobody */
};

/* What the tests reach, of one or more files. */
struct engine_cover {
    struct arena *arena; /* owner */
    uint32_t **hits;   /* by test; NULL = the test is excluded; by site of the schemata together */
    unsigned *hazards; /* by test: enum sluice_mutant_hazard */
    bool *there;       /* by site: it is compiled into a program that the tests run */
    uint32_t site_count;
};

/* Runs each test that is used with the sites of all schemata counted. A test that fails now, and
 * did not in the baseline, is an error that names it: the schema changed what the program does.
 * Tests that cannot be forked get the kind ENGINE_EXEC, with a note. */
int engine_cover(struct engine_tests *tests,
                 const struct engine_group *group,
                 struct engine_cover *ret_cover,
                 struct err *err);
void engine_cover_fini(struct engine_cover *cover);

/* Each used test must fail when the first site that it reaches aborts, by engine B and, where it is
 * to be forked, by A. -EPROTO names the test that does not, or that reaches nothing. One that was
 * only found by a pattern and reaches nothing is excluded, with a note, as long as others are left.
 */
int engine_canary(struct engine_tests *tests, const struct engine_group *group, struct err *err);

/* One file to be tried. */
struct engine_job {
    struct engine_tests *tests; /* demoted ones get the kind ENGINE_EXEC */
    const struct mutant_list *list;
    const struct schema *schema;
    const struct engine_cover *cover; /* of this schema alone */
    const struct engine_options *options;
    const struct engine_watch *watch;
    struct engine_verdicts *verdicts; /* as many items as the list has mutants */
    struct engine_cost *cost;         /* added to */
    const uint32_t *turns; /* by mutant, from 0: those of a turn are decided before the next one
                              begins, so that a deadline leaves the last ones. NULL = all at once */
    uint32_t turn_count;
};

/* Fills in the verdicts that are pending. Mutants without a place in the schema stay pending, or
 * are CompileError or Ignored where the schema says so; at the deadline the rest stays pending.
 * Tests that killed have to pass without a mutant, at their first kill and at the end, else the
 * kills are none: -ENOTRECOVERABLE. */
int engine_schema_run(const struct engine_job *job, struct err *err);

/* One test, which reaches it, with one mutant by engine B; tried again with four times the CPU time
 * where it ran out of it, or came through its site too often: KILLED, TIMEOUT or SURVIVED. */
int engine_exec_try(const struct engine_job *job,
                    struct engine_state *state,
                    size_t test,
                    uint32_t mutant,
                    enum mutant_status *ret_status,
                    struct err *err);

/* Its place in the order in which mutants are drawn for an audit: the same for a seed and a mutant,
 * whatever else is tried. */
uint64_t engine_ticket(uint64_t seed, const char *id);

/* One of those that are drawn from: its ticket, and which it is. */
struct engine_drawn {
    uint64_t ticket;
    size_t index;
};

/* Puts them into the order of their tickets; of equal ones the first comes first. */
void engine_draw(struct engine_drawn *all, size_t count);

/* How many of `count` are drawn. */
size_t engine_sample(const struct engine_options *options, size_t count);

/* The test said another thing of a mutant than before: from now on each kill of it has to repeat.
 * That is told. */
void engine_doubt(struct engine_test *test,
                  const struct mutant *mutant,
                  const struct engine_watch *watch);

/* The reason of a mutant that no program of the tests was compiled with: an `#if` leaves it out. */
extern const char engine_uncompiled[];

/* The reason of a mutant that a test failed with and then passed with. */
extern const char engine_unrepeated[];

/* A run that lasts until the deadline of the options: of engine A, which has its own limits. */
#define ENGINE_UNLIMITED UINT_MAX

/* One run of a test as all engines do it. `limit` 0: ENGINE_BASELINE_WALL_US only, else `limit`
 * times the CPU and wall time that engine.h allows, or ENGINE_UNLIMITED. What it prints goes to
 * *shown, which may be NULL. */
int engine_run_test(const struct engine_test *test,
                    const struct engine_options *options,
                    unsigned limit,
                    struct str *shown,
                    struct copy_ended *ret_ended,
                    struct err *err);

/* For all that we start from now on: memory from malloc() has the same content and objects the same
 * addresses in every run, where the system lets us. A mutant that reads what nobody wrote, or
 * compares pointers, then ends the same way each time. What the user has set stays. */
void engine_settle(void);

/* Is the deadline of the options over? */
bool engine_is_late(const struct engine_options *options);

/* Did it end as it did in the baseline? */
bool engine_passed(const struct engine_test *test, const struct copy_ended *ended);

/* Limits of a test with a mutant. */
int64_t engine_cpu_limit_us(const struct engine_test *test, const struct engine_options *options);
int64_t engine_wall_limit_us(const struct engine_test *test, const struct engine_options *options);

/* Tells a line; watch and its function may be NULL. */
void engine_note(const struct engine_watch *watch, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
