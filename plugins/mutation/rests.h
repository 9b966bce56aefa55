/* SPDX-License-Identifier: Apache-2.0 */
/* What a verdict rests on, as one digest. While it is the same a verdict can be taken from an
 * earlier run; whatever is not sure to be the same makes it another one:
 *
 *   all          file, settings, command lines, environment, programs of the system, this program
 *   fork, exec   names of the built tree, and the epoch of the files that tests opened there
 *                (known.h: their contents are compared before); and
 *   - Killed     the program of the test that killed
 *   - Survived   names of all tests, the programs of those that reach it
 *   - Timeout    the programs of all tests
 *   copy         the contents of the whole tree
 *
 * Names are those that tests may ask for (the setting `reads`; all without it). NoCoverage and
 * CompileError of fork and exec are not kept: they are there without a run. */
#ifndef SLUICE_PLUGINS_MUTATION_RESTS_H
#define SLUICE_PLUGINS_MUTATION_RESTS_H

#include "plugins/mutation/engine.h"
#include "plugins/mutation/scope.h"

struct rests {
    struct arena *arena;
    struct hasher *hasher;
    struct hash ground;               /* of `all` */
    const struct engine_tests *tests; /* borrowed */
    struct hash *programs;            /* by test */
    struct hash names;                /* of all tests */
    char built[HASH_HEX_SIZE];        /* of fork and exec; "" = not known, nothing rests on it */
    char tree[HASH_HEX_SIZE];         /* of copy; the same */
};

/* The ground: the file as it is, and all around. */
int rests_init(const struct scope_job *job,
               const struct source *source,
               struct rests *ret_rests,
               struct err *err);
void rests_fini(struct rests *rests);

/* The tests and their programs, below `root`; NULL: their contents do not count, the tree does. */
int rests_set_tests(struct rests *rests,
                    const char *root,
                    const struct engine_tests *tests,
                    struct err *err);

/* The digest of a verdict in hexadecimal; false: it rests on what is not known, and is not kept. */
bool rests_of(struct rests *rests,
              const struct engine_verdict *verdict,
              char digest[HASH_HEX_SIZE]);

#endif
