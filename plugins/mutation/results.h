/* SPDX-License-Identifier: Apache-2.0 */
/* Results of a sweep as NDJSON, the one form that units leave as an artifact and judge, reports and
 * `sluice mutants` read:
 *
 *   {"mutation":1,"layer":"mutation","file":"src/a.c","language":"c","points_lost":2,
 *    "tests":["test_a","test_b"],"unused":[{"line":7,"names":"logical"}],
 *    "left_out":[{"test":"test_c","why":"it fails without any mutant"}]}
 *   {"id":"00f1…","line":31,"column":9,"end_line":31,"end_column":10,"start":812,"end":813,
 *    "function":"f","operator":"relational-boundary","original":"<","replacement":"<=",
 *    "status":"Survived","reason":null,"killed_by":null,"covered_by":[0,1],"engine":"fork",
 *    "cpu_us":2100,"reused":true,"source":"    if (a < b)"}
 *   {"executed_mutants":90,"cpu_us":1,"build_us":1,"bare_cpu_us":1,"complete":true}
 *
 * One head, any number of mutants, one end; a file without its end was cut short and is an error.
 * `reused`: an earlier run said so, this one did not try it; left out where it did. `unused` are
 * suppressions of the file that suppress nothing, `left_out` tests that the baseline refused; both
 * may be left out. `killed_by` and `covered_by` are indices into the head's `tests`; `source` is
 * the line as it stands in the file. Several such parts may follow one another, each with an id
 * once. */
#ifndef SLUICE_PLUGINS_MUTATION_RESULTS_H
#define SLUICE_PLUGINS_MUTATION_RESULTS_H

#include "base/str.h"
#include "plugins/mutation/engine.h"

#include <jansson.h>

struct results_head {
    const char *layer;
    const char *file;
    const char *language;
    size_t points_lost;
    const struct engine_tests *tests;
    const struct mutant_list *list; /* whose unused suppressions are told; NULL = none */
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

/* ---- reading ---- */

/* One line of a part: source lines and messages of compilers are cut long before. */
#define RESULTS_LINE_MAX (1u << 20)
/* A source line, an original or a replacement that is longer is cut when written: 16 of them and
 * the rest fit a line even when every byte is escaped (\\u0001). */
#define RESULTS_TEXT_MAX 10000

/* One mutant as it was read; texts live until the callback returns. */
struct results_mutant {
    const char *id;
    const char *function;
    const char *operator;
    const char *original;
    const char *replacement;
    const char *reason;    /* NULL = none */
    const char *source;    /* the line */
    const char *killed_by; /* name of the test; NULL = none */
    json_t *covered_by;    /* indices into the part's tests; NULL = not known */
    struct mutant_span span;
    enum mutant_status status;
    enum engine_kind engine;
    int64_t killer; /* index into the part's tests; -1 = none */
    int64_t cpu_us;
    bool reused; /* an earlier run said so */
};

struct results_part {
    const char *layer;
    const char *file;
    const char *language;
    int64_t points_lost;
    json_t *tests;    /* names */
    json_t *left_out; /* {"test":"t","why":"it fails"}: tests that were not used; NULL = none */
    json_t *unused;   /* {"line":3,"names":"a,b"}: suppressions of the file that suppress nothing;
                         NULL = none */
};

/* Called in the order of the file; each returns 0 or ends the reading with its error. NULL
 * functions are not called. */
struct results_reader {
    void *context;
    int (*head)(void *context, const struct results_part *part, struct err *err);
    int (*mutant)(void *context,
                  const struct results_part *part,
                  const struct results_mutant *mutant,
                  struct err *err);
    int (*end)(void *context,
               const struct results_part *part,
               const struct engine_cost *cost,
               bool complete,
               struct err *err);
};

/* Reads all parts of a file. Complaints name file and line; one without its end is -ENODATA. */
int results_read(const char *path, const struct results_reader *reader, struct err *err);

#endif
