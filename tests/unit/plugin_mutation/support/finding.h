/* SPDX-License-Identifier: Apache-2.0 */
/* Mutants of a text, as text: what tests of finding compare. */
#ifndef SLUICE_TESTS_PLUGIN_MUTATION_FINDING_H
#define SLUICE_TESTS_PLUGIN_MUTATION_FINDING_H

#include "plugins/mutation/find.h"

/* A line for each mutant, "1 operator: original => replacement\n", by settings in JSON (NULL: the
 * default set), or "error: ...". A static buffer, valid until the next call. */
const char *mutants_of(const char *path, const char *text, const char *settings);

/* As mutants_of(), of one operator only. */
const char *mutants_by(const char *path, const char *text, const char *name);

/* The list itself; 0, or the error of whatever failed. mutant_list_fini() afterwards. */
int find_in_text(const char *path,
                 const char *text,
                 const char *settings,
                 const struct find_scope *scope,
                 struct mutant_list *ret_list,
                 struct err *err);

/* Where query files of tests are; test_folder() by default. */
void find_set_root(const char *root);

/* Fails unless the mutants by one operator in `text` are exactly `expected`. */
#define assert_mutants(path, name, text, expected) \
    assert_string_equal(mutants_by((path), (text), (name)), (expected))

#endif
