/* SPDX-License-Identifier: Apache-2.0 */
/* Runs one helper program to its end and collects what it prints: git, plugins' describe. Blocking,
 * for short helpers only; units go through exec/. Starts by posix_spawn (vfork-like: cheap whatever
 * our size). */
#ifndef SLUICE_PROC_RUN_H
#define SLUICE_PROC_RUN_H

#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

struct run_request {
    const char *const *argv; /* argv[0] is looked up on PATH */
    const char *const *env;  /* NULL-terminated "NAME=value"; NULL = ours */
    const char *cwd;         /* NULL = ours */
    const void *input;       /* written to its standard input; NULL = /dev/null */
    size_t input_len;
    int64_t
        timeout_ms; /* 0 = none; beyond it the process group is killed and -ETIMEDOUT returned */
    bool contain; /* whatever the program starts ends with it, daemons as well; costs one fork(2) */
};

struct run_result {
    int exit_code; /* -1 when ended by a signal */
    int signal;
};

/* Appends standard output to *out and standard error to *errors (each may be NULL = dropped).
 * Output beyond a str's limit: the process group is killed, -EFBIG. 0 when the program ran,
 * whatever its exit code. */
int run_program(const struct run_request *request,
                struct str *out,
                struct str *errors,
                struct run_result *ret_result,
                struct err *err);

/* The same in parts, for who has something else to do meanwhile. What it prints waits in its pipes
 * (64 KiB each) until run_is_over() or run_end(). `out`, `errors` and the texts of argv[0] must
 * stay until then; the time allowed counts from the start. */
struct run_child;

int run_begin(const struct run_request *request,
              struct str *out,
              struct str *errors,
              struct run_child **ret_child,
              struct err *err);

/* Has it ended, or failed? Does not wait; takes what was printed so far. */
bool run_is_over(struct run_child *child);

/* Waits for its end; returns what run_program() does. Frees the handle in any case. */
int run_end(struct run_child *child, struct run_result *ret_result, struct err *err);

/* Ends it at once, with all it started. NULL is accepted. */
void run_abandon(struct run_child *child);

#endif
