/* SPDX-License-Identifier: Apache-2.0 */
/* Survivors that no test can kill because they are the same program: each is put beside the
 * original as a renamed copy of its function, all into one file, which is compiled once with
 * optimisation; equal machine code is equal behaviour. (Trivial compiler equivalence; one compile
 * for all costs a fiftieth of one for each.)
 *
 * What is found is certain as far as the flags are those of the project: a function that is empty
 * under other -D would make all its mutants equal. So they are taken from the compile_commands.json
 * that the build left, and nothing is looked for without one. */
#ifndef SLUICE_PLUGINS_MUTATION_EQUIVALENT_H
#define SLUICE_PLUGINS_MUTATION_EQUIVALENT_H

#include "base/str.h"
#include "plugins/mutation/engine.h"
#include "plugins/mutation/source.h"

/* The reason of such a verdict. */
#define EQUIVALENT_REASON "equivalent (TCE)"

/* Text with all copies: 65,536 survivors in functions of 2 KiB. Beyond: -EFBIG. */
#define EQUIVALENT_TEXT_MAX (128u << 20)

/* Assembly is about four times as long. */
#define EQUIVALENT_ASSEMBLY_MAX (512u << 20)

/* Of no other mutant the same. */
#define EQUIVALENT_NONE UINT32_MAX

struct equivalent_job {
    const struct source *source; /* as it is in the user's tree */
    const struct mutant_list *list;
    const uint32_t *survivors; /* numbers */
    size_t count;
    const char *tree; /* the built copy, absolute */
};

/* What was found of one survivor. */
struct equivalent_found {
    bool equal;       /* to the original */
    uint32_t same_as; /* number of the first survivor with the same code, or EQUIVALENT_NONE */
};

/* Fills `found`, by index in `survivors`. Returns 0, or 1 when nothing was looked for; *ret_why
 * then says why, in words of constant text. *cpu_us is added to. */
int equivalent_find(const struct equivalent_job *job,
                    struct equivalent_found *found,
                    const char **ret_why,
                    int64_t *cpu_us,
                    struct err *err);

/* The verdicts of a file that has been tried. */
struct equivalent_marks {
    const struct source *source;
    const struct mutant_list *list;
    struct engine_verdicts *verdicts;
    const struct engine_watch *watch;
    struct engine_cost *cost;
    const char *tree;
};

/* Survivors that are equal become Ignored with EQUIVALENT_REASON; others with the same code as one
 * before them are told as its duplicates and still count. That nothing was looked for is a note. */
int equivalent_mark(const struct equivalent_marks *marks, struct err *err);

/* The flags of a file that decide what it means (-D, -I, -std=...), from TREE/compile_commands.json
 * or one a folder below. 1 and *ret_words (NULL-terminated, one block for mem_free()), the folder
 * to compile in first; 0 when there are none. */
int equivalent_flags(const char *tree, const char *path, char ***ret_words, struct err *err);

/* The code of one function in assembly, with its name and labels made neutral; *ret_hash is of it.
 * False when it is not there. */
bool equivalent_code(const char *assembly, const char *function, struct hash *ret_hash);

#endif
