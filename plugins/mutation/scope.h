/* SPDX-License-Identifier: Apache-2.0 */
/* Which mutants of a file a unit tries: those of the lines in scope, so many of a line, its part of
 * the file. Plan and the unit ask the same and get the same. */
#ifndef SLUICE_PLUGINS_MUTATION_SCOPE_H
#define SLUICE_PLUGINS_MUTATION_SCOPE_H

#include "plugins/mutation/find.h"
#include "plugins/mutation/settings.h"

/* Mutants of one part: at 400 a second one of the schemata is done in a second, at one a second one
 * of private copies in a minute. */
#define SCOPE_PART_SCHEMATA 300
#define SCOPE_PART_COPY     60

/* What a unit is told (JSON, its only argument). Texts are borrowed from `json`. */
struct scope_job {
    json_t *json; /* owner */
    const char *layer;
    const char *file;
    json_t *lines;    /* [[first, last], ...]; NULL = all */
    json_t *fresh;    /* the same: changed lines, which are tried first; NULL = none are known */
    json_t *with;     /* settings_of_unit() */
    int64_t per_line; /* 0 = all */
    int64_t part;     /* from 1 */
    int64_t parts;
    int64_t part_size;
    int64_t budget_ms; /* 0 = none */
};

/* Reads a job; scope_job_fini() afterwards in any case. */
int scope_job_read(const char *text, struct scope_job *ret_job, struct err *err);
void scope_job_fini(struct scope_job *job);

/* The job as text: what argv of the unit holds. */
int scope_job_write(const struct scope_job *job, struct str *out, struct err *err);

/* The lines of a file in `diff` (docs/plugin-protocol.md), borrowed; NULL when it is not there. */
json_t *scope_lines_of(json_t *diff, const char *file);

/* Is one of the lines from `first` to `last` among `lines` ([[first, last], ...]; NULL = none)? */
bool scope_is_on_lines(json_t *lines, uint32_t first, uint32_t last);

/* The mutants of a job. */
struct scope_mutants {
    struct source source;
    struct mutant_list list;
    const struct mutant **items; /* those of the part; the list's arena owns the array */
    size_t count;
    size_t total;  /* of all parts */
    int64_t parts; /* into how many the file is divided */
};

/* Reads and parses ROOT/FILE and finds its mutants; job->part 0 = all parts. The list has those of
 * all lines, so that numbers and schemata are the same whatever the scope is. scope_mutants_fini()
 * afterwards in any case. */
int scope_find(const char *root,
               const struct scope_job *job,
               const struct operators *operators,
               struct scope_mutants *ret_mutants,
               struct err *err);
void scope_mutants_fini(struct scope_mutants *mutants);

/* Which mutants of the list stand on the job's fresh lines, by number, of the list's arena; NULL
 * when none are known. */
int scope_find_fresh(const struct scope_job *job,
                     const struct mutant_list *list,
                     const bool **ret_fresh,
                     struct err *err);

#endif
