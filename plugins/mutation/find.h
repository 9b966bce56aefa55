/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the mutants of a file: operators of its language, the user's own, arid code, suppressions,
 * scope. */
#ifndef SLUICE_PLUGINS_MUTATION_FIND_H
#define SLUICE_PLUGINS_MUTATION_FIND_H

#include "plugins/mutation/mutant.h"
#include "plugins/mutation/source.h"

#include <jansson.h>

/* Mutants of one file; beyond it is an error: a file with more is generated. */
#define FIND_MAX 65536

/* What is mutated, ready to be applied to any number of files. */
struct operators;

/* From the setting `operators` (NULL = the default set): {only: [NAME], on: [NAME], off: [NAME],
 * arid: [PATTERN], queries: [FILE.scm], regex: [{name, pattern, replace, files}], command: "..."},
 * as docs/mutation/operators.md has it; `root` is where files are looked for, the command runs.
 * Errors name the operator, or file:line:column of a query. */
int operators_load(json_t *settings,
                   const char *root,
                   struct operators **ret_operators,
                   struct err *err);
void operators_free(struct operators *operators);

/* Lines that are in scope, from 1, both ends included. */
struct find_lines {
    uint32_t first;
    uint32_t last;
};

struct find_scope {
    const struct find_lines *lines; /* ascending; NULL = all */
    size_t line_count;              /* 0 with `lines` not NULL: no line */
    const char *today;              /* "2026-11-22": suppressions may have run out */
};

/* Finds the mutants of `source`, those outside of the scope left out. Suppressed ones are there,
 * with `ignored`; a suppression without reason, with an unknown operator or that has run out is an
 * error with file:line:column. *ret_list is to be freed by mutant_list_fini(). */
int find_mutants(const struct source *source,
                 const struct operators *operators,
                 const struct find_scope *scope,
                 struct mutant_list *ret_list,
                 struct err *err);

/* The text with the mutant in place; to be freed by mem_free(). NULL when memory is short. */
char *find_apply(const struct source *source, const struct mutant *mutant, size_t *ret_size);

#endif
