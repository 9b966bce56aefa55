/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the results of a mutation sweep: NDJSON as plugins/mutation/results.h describes it, the one
 * form that units leave and people ask about afterwards. Streams: what is in memory is one line,
 * and the names of one file's tests. */
#ifndef SLUICE_REPORTS_MUTANTS_H
#define SLUICE_REPORTS_MUTANTS_H

#include "base/err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* Version of the form, as its first line says. */
#define MUTANTS_FORM 1

/* One line: a mutant with its source line and the numbers of the tests that reach it, or a head
 * with the names of its tests: 65,535 of 100 bytes. Beyond: an error. */
#define MUTANTS_LINE_MAX (16u << 20)

/* How a mutant ended: the words of mutation-testing-report-schema 3. */
extern const char *const mutants_statuses[]; /* ends with NULL */

/* The head of a part: one source file. */
struct mutants_part {
    const char *layer;
    const char *file;
    const char *language; /* NULL = not said */
    int64_t points_lost;
    const json_t *tests; /* names, an array */
};

/* One mutant; texts live during the call. */
struct mutants_entry {
    const char *id;
    const char *function;
    const char *operator;
    const char *original;
    const char *replacement;
    const char *status;
    const char *reason;       /* NULL = none */
    const char *killed_by;    /* name of the test; NULL = none */
    const json_t *covered_by; /* indices into `tests`; NULL = not known */
    const char *engine;
    const char *source; /* the line as it stood; NULL = not said */
    int64_t line, column, end_line, end_column;
};

struct mutants_reader {
    /* Either may be NULL. Negative stops and is handed on, *err untouched. */
    int (*part)(void *context, const struct mutants_part *part);
    int (*entry)(void *context, const struct mutants_part *part, const struct mutants_entry *entry);
    void *context;
};

/* Does the file look like results? False when it cannot be read. */
bool mutants_looks_like(const char *path);

/* Reads all parts of a file. -EBADMSG with "PATH: line N: ..." for what is no results, of a newer
 * form, or cut short: a part without its end is no result. */
int mutants_read(const char *path, const struct mutants_reader *reader, struct err *err);

/* The name of the i-th test in `covered_by`; NULL when there are fewer. */
const char *mutants_covering(const struct mutants_part *part,
                             const struct mutants_entry *entry,
                             size_t i);

#endif
