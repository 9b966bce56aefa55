/* SPDX-License-Identifier: Apache-2.0 */
/* One git process: arguments in, bytes out. Inside of the git module only. */
#ifndef SLUICE_GIT_CALL_H
#define SLUICE_GIT_CALL_H

#include "base/vec.h"
#include "git/git.h"

#include <stdint.h>

/* The ignore file that keeps git out of the state folder. */
#define GIT_STATE_IGNORE "*\n"

/* Longest time one git process may take. Hashing 100 GB from a slow disk (100 MB/s) takes 17
 * minutes, an LFS download more; beyond this something hangs. */
#define GIT_CALL_TIMEOUT_MS INT64_C(3600000)

/* What git may print: a million paths of 256 bytes, four times over. Beyond: -EFBIG. */
#define GIT_OUTPUT_MAX (1u << 30)

/* Its complaints; one line for each of a thousand files. */
#define GIT_ERRORS_MAX (1u << 20)

struct git_call {
    const char *const *argv;     /* from "git" on, NULL-terminated */
    const struct git_repo *repo; /* NULL: no repository (`git version`, `git init`) */
    const char *work_tree;       /* NULL = repo->root */
    const char *index;           /* NULL = the repository's own (read only) */
    const void *input;           /* standard input; NULL = none */
    size_t input_len;
};

/* Runs it in the work tree. Appends standard output to *out and standard error to *errors (NULL =
 * dropped). 0 and *ret_exit (128 for a signal) when it ran, whatever its exit code. */
int git_call(const struct git_call *call,
             struct str *out,
             struct str *errors,
             int *ret_exit,
             struct err *err);

/* The same in parts, see run_begin() of proc/run.h. */
struct run_child;
int git_call_begin(const struct git_call *call,
                   struct str *out,
                   struct str *errors,
                   struct run_child **ret_child,
                   struct err *err);
int git_call_end(struct run_child *child, int *ret_exit, struct err *err);

/* As git_call(); an exit code other than 0 is -EIO with "`what`: " and git's words. */
int git_call_ok(const struct git_call *call, const char *what, struct str *out, struct err *err);

/* The environment git gets, NULL-terminated; for processes that live longer than one call. */
struct git_env {
    VEC_FIELDS(char *);
    bool failed; /* memory was short */
};

/* 0 or -ENOMEM; git_env_fini() in both cases. */
int git_env_build(const struct git_call *call, struct git_env *env);
void git_env_fini(struct git_env *env);

/* The folder it starts in; NULL = ours. */
const char *git_call_cwd(const struct git_call *call);

/* Fills *err with "`what`: " and the first lines of what git printed, made safe to show. */
int git_complain(struct err *err, int code, const char *what, const struct str *errors);

/* True for 40 or 64 lower-case hex digits. */
bool git_is_id(const char *text);

#endif
