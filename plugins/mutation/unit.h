/* SPDX-License-Identifier: Apache-2.0 */
/* The private verbs of the plugin: what its units run. */
#ifndef SLUICE_PLUGINS_MUTATION_UNIT_H
#define SLUICE_PLUGINS_MUTATION_UNIT_H

#include "base/limits.h"
#include "plugins/mutation/known.h"
#include "plugins/mutation/reads.h"
#include "plugins/mutation/rests.h"
#include "plugins/mutation/schema.h"
#include "plugins/mutation/scope.h"
#include "plugins/mutation/tests.h"
#include "plugins/sdk/sdk.h"

#include <stdio.h>

/* Below the root: our own folder, and what is in it. A .gitignore in it hides it from git. */
#define UNIT_FOLDER  ".sluice-mutation"
#define UNIT_TREE    UNIT_FOLDER "/tree"
#define UNIT_SCHEMAS UNIT_FOLDER "/schema"
#define UNIT_RESULTS UNIT_FOLDER "/results"
#define UNIT_CASES   UNIT_FOLDER "/cases"
#define UNIT_MEMOS   UNIT_FOLDER "/memo"
#define UNIT_REPORT  UNIT_FOLDER "/report"

/* Cases of the unit that builds; beside UNIT_CASES, where each file's have its name. */
#define UNIT_BUILD_CASES UNIT_FOLDER "/build.ndjson"

/* Id of the unit that builds the schemata, and of the one that says that there is nothing to try.
 */
#define UNIT_BUILD_ID   "build"
#define UNIT_NOTHING_ID "scope"

/* Exit codes: some line failed; the unit cannot do its work. */
#define UNIT_FAILED  1
#define UNIT_REFUSED 3

/* Verdicts of one unit: reasons of compilers, lists of tests. */
#define UNIT_ARENA_MAX (1u << 30)

/* What earlier runs said (unit_known.h). */
struct unit_memo {
    struct known known;
    struct rests rests;
    struct reads reads;
    char tree[PATH_TEXT_MAX]; /* where engines A and B run tests */
    int fd;                   /* appended to */
    bool kept;                /* false: nothing is taken and nothing is written any more */
    bool elsewhere;           /* tests opened what `reads` does not name: it is not believed */
};

/* One unit at work. */
struct unit {
    char root[PATH_TEXT_MAX];
    struct scope_job job;
    struct settings settings;
    struct operators *operators;
    struct scope_mutants mutants;
    const bool *fresh; /* by mutant: on a changed line; NULL = not known */
    struct tests_files files;
    struct engine_tests tests;
    struct engine_verdicts verdicts;
    struct engine_options options;
    struct engine_watch watch;
    struct engine_cost cost;
    struct unit_memo memo;
};

/* Reads the job and its settings; what unit_init() begins with. */
int unit_init_job(struct unit *unit, const char *job, struct err *err);

/* Reads the job and finds its mutants; verdicts of ignored ones are filled in. unit_fini()
 * afterwards in any case. */
int unit_init(struct unit *unit, const char *job, struct err *err);
void unit_fini(struct unit *unit);

/* The mutants that have no verdict yet, in the order in which they are tried while there is time;
 * the caller frees the array. NULL: out of memory. */
const struct mutant **unit_pending(const struct unit *unit, size_t *ret_count);

/* The engines: each fills the verdicts of what it can try. */
int unit_try_copy(struct unit *unit, struct err *err);
int unit_try_schemata(struct unit *unit, struct err *err);

/* The build and the check as one command; nothing is appended when there is neither. */
int unit_check_of(const struct settings *settings, struct str *out, struct err *err);

/* Options and notes of the engines, from the settings. */
void unit_set_options(struct unit *unit);

/* Is the file tried by schemata? */
bool unit_is_compiled(const struct settings *settings, const char *file);

/* What the build took out of a schema, from `build` to `try`, below ROOT/.sluice-mutation/schema. A
 * schema of another text than the one that was built is -ESTALE. */
int unit_save_schema(const char *root,
                     const char *file,
                     const struct schema *schema,
                     struct err *err);
int unit_load_schema(const char *root, const char *file, struct schema *schema, struct err *err);

/* Where a job leaves its results or cases, relative to the root, below UNIT_RESULTS or UNIT_CASES.
 */
int unit_path(const char *folder,
              const struct scope_job *job,
              char path[PATH_TEXT_MAX],
              struct err *err);

/* Makes .sluice-mutation with its .gitignore. */
int unit_make_folder(const char *root, struct err *err);

/* A sentence on standard error. Returns UNIT_REFUSED. */
int unit_refuse(const struct err *err);

/* A case of its own, for what is no verdict of a mutant: that something was proven, or why the unit
 * cannot do its work. `file` may be NULL. */
int unit_write_case(
    struct str *out, const char *name, const char *status, const char *message, const char *file);

/* `build JOB`, `try JOB`, `nothing REASON`, `replay ID` with a request as of plan on
 * standard input. */
int unit_run_build(int argc, char **argv);
int unit_run_try(int argc, char **argv);
int unit_run_nothing(int argc, char **argv);
int unit_run_replay(int argc, char **argv);
/* `merge json|text FOLDER FILE...`: reports of shards as one. */
int unit_run_merge(int argc, char **argv);

#endif
