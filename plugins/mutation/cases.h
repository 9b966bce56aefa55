/* SPDX-License-Identifier: Apache-2.0 */
/* Verdicts as test cases (the report format `cases`): a suite per file, a case per mutated line. */
#ifndef SLUICE_PLUGINS_MUTATION_CASES_H
#define SLUICE_PLUGINS_MUTATION_CASES_H

#include "plugins/mutation/engine.h"
#include "plugins/mutation/scope.h"

/* Cases of one unit: a line with ten survivors has ten diffs of some lines. Beyond: an error. */
#define CASES_TEXT_MAX (256u << 20)

/* Tests named in a case; the rest is a number. */
#define CASES_TESTS_SHOWN 10

struct cases_counts {
    size_t failed; /* lines */
    size_t errored;
    size_t pending; /* mutants */
};

/* Appends the mutant as a unified diff of its file. */
int cases_append_diff(struct str *out, const struct source *source, const struct mutant *mutant);

/* What is told. */
struct cases_input {
    const struct scope_mutants *mutants;
    const struct engine_verdicts *verdicts;
    const struct engine_tests *tests;
    bool uncovered_fails; /* a line that no test reaches fails, else it is skipped */
};

/* Appends the cases, one JSON object a line. */
int cases_write(struct str *out,
                const struct cases_input *input,
                struct cases_counts *ret_counts,
                struct err *err);

#endif
