/* SPDX-License-Identifier: Apache-2.0 */
/* What an `#if` leaves out of every program: a mutant there survives all tests, and is no gap of
 * theirs. Whether a branch is compiled is found out once, by an #error in it: where all goes on as
 * before, nobody compiles it. Of C, whose parser tells an `#if` from a comment. */
#ifndef SLUICE_PLUGINS_MUTATION_COPY_COMPILED_H
#define SLUICE_PLUGINS_MUTATION_COPY_COMPILED_H

#include "base/vec.h"
#include "plugins/mutation/mutant.h"
#include "plugins/mutation/source.h"

enum copy_compiled {
    COPY_COMPILED_UNKNOWN,
    COPY_COMPILED,
    COPY_NOT_COMPILED,
};

/* Branches of a file that were looked at. */
struct copy_branches {
    VEC_FIELDS(struct copy_branch {
        uint32_t at;
        enum copy_compiled compiled;
    });
};

/* The innermost branch of an `#if` that a mutant stands in: where its text begins, behind the line
 * of its directive; 0 = in none, or no line can be put there. */
uint32_t copy_branch_of(const struct source *source, const struct mutant *mutant);

/* The text with an #error at the beginning of a branch; to be freed by mem_free(). NULL when memory
 * is short. */
char *copy_branch_probe(const struct source *source, uint32_t at, size_t *ret_size);

enum copy_compiled copy_branch_known(const struct copy_branches *branches, uint32_t at);

/* Remembers what was found out. 0 or -ENOMEM. */
int copy_branch_keep(struct copy_branches *branches, uint32_t at, enum copy_compiled compiled);

#endif
