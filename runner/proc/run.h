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
    void (*meanwhile)(void *context); /* called once, while the program runs; NULL = just wait */
    void *context;
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

#endif
