/* SPDX-License-Identifier: Apache-2.0 */
/* A process between us and a program that is not trusted to clean up after itself: it is the
 * subreaper of whatever the program starts, and ends all of it when the program has ended, when it
 * is told to, or when we are gone. Private to this module. */
#ifndef SLUICE_PROC_KEEPER_H
#define SLUICE_PROC_KEEPER_H

#include "base/err.h"
#include "proc/run.h"

#include <sys/types.h>

/* Starts the request's program with these three streams, under a keeper. The keeper ends as the
 * program did: same exit code, same signal. Closing *ret_control tells it to end everything at
 * once.
 */
int keeper_start(const struct run_request *request,
                 const int fds[3],
                 pid_t *ret_keeper,
                 int *ret_control,
                 struct err *err);

/* Of run.c: starts the program itself. */
int run_spawn(const struct run_request *request, const int fds[3], pid_t *ret_pid, struct err *err);

#endif
