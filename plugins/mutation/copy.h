/* SPDX-License-Identifier: Apache-2.0 */
/* Engine C: one file of a private copy is edited, `check` has to accept it, then the tests run
 * until one fails. Any language; slow, and believed: nothing is shared between two mutants but the
 * copy, which is put back. */
#ifndef SLUICE_PLUGINS_MUTATION_COPY_H
#define SLUICE_PLUGINS_MUTATION_COPY_H

#include "plugins/mutation/copy_process.h"
#include "plugins/mutation/copy_tree.h"
#include "plugins/mutation/engine.h"

/* A check is no test and has no time of its own to go by: what takes longer hangs. */
#define COPY_CHECK_WALL_US (600LL * 1000000)

/* Of the kills that are tried again with engine A, this part is with engine C: 5 a file. */
#define COPY_AUDIT_SHARE 10

struct copy {
    struct copy_tree tree;
    struct engine_tests *tests;       /* borrowed; measured by copy_baseline() */
    struct engine_options options;    /* `root` is the copy */
    const struct engine_watch *watch; /* borrowed; NULL = nobody */
    const char *check;                /* command, {file} is replaced; NULL = none */
    bool builds;                      /* the check builds the tests: they see no edit before */
    uint32_t *kills;                  /* of each test: killers go first */
};

#define COPY_INIT                                            \
    {                                                        \
        .tree = {.fd = -1, .spare_fd = -1, .origin_fd = -1 } \
    }

/* The command that has to accept a mutant, and the file that is to be mutated. */
struct copy_check {
    const char *command; /* {file} is replaced; NULL = none */
    const char *file;    /* relative to the root; lives only for the call */
};

/* Copies `origin` and runs the check, which has to accept the file and the tree as they are (else
 * -ENOTRECOVERABLE with what it printed). Then copy_baseline(). copy_close() afterwards in any
 * case. */
int copy_open(const char *origin,
              const struct copy_check *check,
              const struct engine_options *options,
              const struct engine_watch *watch,
              struct copy *ret_copy,
              struct err *err);

/* engine_baseline(); the tree as it is then is what each mutant begins with. */
int copy_baseline(struct copy *copy, struct engine_tests *tests, struct err *err);

void copy_close(struct copy *copy);

/* What is tried of one file. */
struct copy_job {
    const struct source *source;
    const struct mutant *const *mutants; /* those to try */
    size_t count;
    const char *const *files; /* all files in scope, for the canary; NULL-terminated */
};

/* Tries the mutants. First the canaries: with the file broken, the tests that reach it must fail.
 * If none does, all files are broken: when no test notices that either, none uses the copy, and no
 * mutant would ever die: -ENOTRECOVERABLE. Then, without a mutant, all must pass; and those that
 * killed once more at the end, else the kills are none: -ENOTRECOVERABLE. A sample of the kills is
 * tried again: a test that passes then is doubted, and its kills have to repeat. Fills
 * verdicts[number] of the mutants tried; those out of time stay pending.
 *
 * Broken is: no language reads it; or, where the check builds C, that it ends the process before
 * main(). */
int copy_try(struct copy *copy,
             const struct copy_job *job,
             struct engine_verdicts *verdicts,
             struct engine_cost *cost,
             struct err *err);

/* engine_run_test() of one of its tests. */
int copy_run_test(struct copy *copy,
                  size_t test,
                  unsigned limit,
                  struct str *shown,
                  struct copy_ended *ret_ended,
                  struct err *err);

/* Did a test end as it did without a mutant? */
bool copy_answers_as_before(const struct copy *copy, size_t test, const struct copy_ended *ended);

/* Runs the check for a file: 0 accepted, 1 refused (what it printed is in *shown), negative when it
 * cannot be run. */
int copy_run_check(
    struct copy *copy, const char *path, struct str *shown, int64_t *cpu_us, struct err *err);

#endif
