/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a test or a check to the end of all that it started. */
#ifndef SLUICE_PLUGINS_MUTATION_COPY_PROCESS_H
#define SLUICE_PLUGINS_MUTATION_COPY_PROCESS_H

#include "base/err.h"
#include "base/hash.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

/* What a test prints is kept to its first 64 KiB, to be shown; all of it is in the digest. */
#define COPY_OUTPUT_MAX (64u << 10)

struct copy_command {
    const char *const *argv; /* argv[0] with a '/' is a path, else on PATH */
    const char *cwd;
    int64_t cpu_us;    /* of the command and all that it starts; 0 = no limit */
    int64_t wall_us;   /* 0 = no limit */
    struct str *shown; /* standard output and error, its beginning; NULL = thrown away */
    bool digest;       /* of standard output; *shown then has standard output only */
};

struct copy_ended {
    bool timed_out; /* its CPU or wall time was used up; it was ended */
    int exit;       /* -1 when a signal ended it */
    int signal;
    int64_t cpu_us;
    int64_t wall_us;
    struct hash digest;
};

/* 0 when the command ran, however it ended; negative when it could not be started. All that it left
 * running is ended. This process becomes the one that orphans are handed to
 * (PR_SET_CHILD_SUBREAPER) and must have no other children. */
int copy_run(const struct copy_command *command, struct copy_ended *ret_ended, struct err *err);

/* Did it end with exit code 0? */
bool copy_passed(const struct copy_ended *ended);

#endif
