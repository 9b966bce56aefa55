/* SPDX-License-Identifier: Apache-2.0 */
/* From settings to lists: the files in scope and the tests. */
#ifndef SLUICE_PLUGINS_MUTATION_TESTS_H
#define SLUICE_PLUGINS_MUTATION_TESTS_H

#include "plugins/mutation/engine.h"
#include "plugins/mutation/settings.h"

/* Names of tests, words of commands: 65,535 tests of 1 KiB, and room. */
#define TESTS_ARENA_MAX (256u << 20)

/* Paths below `root`, in order of names, without those that a pattern with ! excludes. */
struct tests_files {
    struct arena *arena;
    const char **items; /* NULL-terminated */
    size_t count;
};

/* The files that the setting `files` names. A pattern that matches no file: -ENODATA. */
int tests_find_files(const char *root,
                     const struct settings *settings,
                     struct tests_files *ret_files,
                     struct err *err);
void tests_files_fini(struct tests_files *files);

/* The tests that the setting `tests` names; programs are looked for below `root`, where they have
 * been built. `kind` is the engine each begins with; those whose output counts begin with exec.
 * tests_fini() afterwards in any case. */
int tests_load(const char *root,
               const struct settings *settings,
               enum engine_kind kind,
               struct engine_tests *ret_tests,
               struct err *err);
void tests_fini(struct engine_tests *tests);

#endif
