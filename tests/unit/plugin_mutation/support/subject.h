/* SPDX-License-Identifier: Apache-2.0 */
/* A small program with mutants that a test writes down in its text: `return @{a + b~a - b}@;` is
 * `return a + b;` with one mutant. Built with its schema in the folder of the test. */
#ifndef SLUICE_TESTS_MUTATION_SUBJECT_H
#define SLUICE_TESTS_MUTATION_SUBJECT_H

#include "plugins/mutation/engine_schema.h"
#include "plugins/mutation/schema.h"

struct subject {
    struct source source;
    struct mutant_list list;
    struct schema schema;
};

/* Reads a marked text as the file `name`, and plans its schema. */
void subject_init(struct subject *subject, const char *name, const char *marked);
void subject_fini(struct subject *subject);

/* Writes the schema to FOLDER/name. */
void subject_write(const struct subject *subject, const char *folder);

/* Runs a command with sh in a folder; its exit code. What it printed is in `shown`, which may be
 * NULL. */
int subject_shell(const char *folder, const char *command, struct str *shown);

/* As above; the test fails with what was printed when the exit code is not 0. */
void subject_must(const char *folder, const char *command);

/* Tests of a subject, and what came of them. */
#define SUBJECT_TESTS_MAX 8
#define SUBJECT_NOTES_MAX 65536

struct attempt {
    struct subject subject;
    struct engine_tests tests;
    struct engine_options options;
    struct engine_watch watch;
    struct engine_group group;
    struct engine_cover cover;
    struct engine_verdicts verdicts;
    struct engine_cost cost;
    const struct schema *schemata[1];
    const uint32_t *turns; /* as in struct engine_job */
    uint32_t turn_count;
    struct str notes; /* one a line */
    char folder[4096];
};

/* The marked text becomes subject.c, built by `command` in the folder of the test. */
void attempt_init(struct attempt *attempt, const char *marked, const char *command);
void attempt_fini(struct attempt *attempt);

/* Adds a test: a command for sh, which is replaced by it. */
struct engine_test *attempt_test(struct attempt *attempt,
                                 const char *command,
                                 enum engine_kind kind);

/* Baseline, cover, engines; the verdicts are zeroed before. Negative as the first that fails. */
int attempt_run(struct attempt *attempt, struct err *err);

/* "Killed Survived ..." of all mutants in their order. */
const char *attempt_words(const struct attempt *attempt);

#endif
