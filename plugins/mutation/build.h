/* SPDX-License-Identifier: Apache-2.0 */
/* Builds the schemata: in a copy of the tree each file in scope is replaced by its schema, then the
 * user's build command runs. What the compiler does not accept is taken out, by name, and the
 * command runs again:
 *
 *   a message names a mutant       that mutant is a CompileError, with the message
 *   ... a copy of the original     the site cannot be wrapped: its mutants go to engine C
 *   ... a line of the function     the function's macro statements, then all of its sites
 *   ... nothing of ours            each file alone; those that fail go to engine C as a whole
 *
 * Nothing is left out in silence: every mutant keeps its reason in the schema. */
#ifndef SLUICE_PLUGINS_MUTATION_BUILD_H
#define SLUICE_PLUGINS_MUTATION_BUILD_H

#include "plugins/mutation/engine.h"
#include "plugins/mutation/schema.h"

/* Each round takes out at least one mutant, so builds come to an end; with keep-going compilers and
 * make two rounds are the rule. A build that stops at the first file with an error needs one per
 * file. */
#define BUILD_ROUNDS_MIN      8
#define BUILD_ROUNDS_PER_FILE 2

/* Of one run of the command. */
#define BUILD_WALL_US (3600 * INT64_C(1000000))

/* What compilers print about 65,536 mutants, 1 KiB each. */
#define BUILD_LOG_MAX (64u << 20)

/* A file in scope. */
struct build_file {
    const struct source *source; /* as it is in the user's tree */
    const struct mutant_list *list;
    struct schema schema;
    const char *dropped; /* why the file is built as it is; NULL = as its schema */
};

struct build_files {
    struct arena *arena; /* owner of reasons */
    struct build_file *items;
    size_t count;
};

struct build_options {
    const char *tree;    /* the copy, absolute */
    const char *command; /* for sh, run in the copy */
    const struct engine_watch *watch;
};

/* Copies the tree `origin` to `tree`, which is removed before: copy_files() with
 * COPY_FILES_LEAVE_CONFIGURED. */
int build_copy(const char *origin, const char *tree, struct err *err);

/* Builds until the command succeeds. *cpu_us is added to. -ENOTRECOVERABLE with the end of what was
 * printed when the command fails without any schema. */
int build_schemata(struct build_files *files,
                   const struct build_options *options,
                   int64_t *cpu_us,
                   struct err *err);

/* Takes out what a log of compilers names; how much that was. For build_schemata() and its tests.
 */
int build_read_log(struct build_files *files, const char *log, size_t *ret_count, struct err *err);

/* Writes one file of the copy anew, so that neither the original nor other links to it change. */
int build_write(const char *tree, const char *path, const void *text, size_t size, struct err *err);

#endif
