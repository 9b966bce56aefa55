/* SPDX-License-Identifier: Apache-2.0 */
/* Results of a sweep as NDJSON, the one form that units leave as an artifact and judge, reports and
 * `sluice mutants` read:
 *
 *   {"mutation":1,"layer":"mutation","file":"src/a.c","language":"c","points_lost":2,
 *    "tests":["test_a","test_b"]}
 *   {"id":"00f1…","line":31,"column":9,"end_line":31,"end_column":10,"start":812,"end":813,
 *    "function":"f","operator":"relational-boundary","original":"<","replacement":"<=",
 *    "status":"Survived","reason":null,"killed_by":null,"covered_by":[0,1],"engine":"fork",
 *    "cpu_us":2100,"source":"    if (a < b)"}
 *   {"executed_mutants":90,"cpu_us":1,"build_us":1,"bare_cpu_us":1,"complete":true}
 *
 * One head, any number of mutants, one end; a file without its end was cut short and is an error.
 * `killed_by` and `covered_by` are indices into the head's `tests`; `source` is the line as it
 * stands in the file. Several such parts may follow one another. */
#ifndef SLUICE_PLUGINS_MUTATION_RESULTS_H
#define SLUICE_PLUGINS_MUTATION_RESULTS_H

#include "base/str.h"
#include "plugins/mutation/engine.h"

struct results_head {
    const char *layer;
    const char *file;
    const char *language;
    size_t points_lost;
    const struct engine_tests *tests;
};

int results_write_head(struct str *out, const struct results_head *head, struct err *err);
int results_write_mutant(struct str *out,
                         const struct source *source,
                         const struct mutant *mutant,
                         const struct engine_verdict *verdict,
                         struct err *err);
int results_write_end(struct str *out,
                      const struct engine_cost *cost,
                      bool complete,
                      struct err *err);

#endif
