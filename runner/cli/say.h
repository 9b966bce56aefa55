/* SPDX-License-Identifier: Apache-2.0 */
/* Words to the user: answers go to standard output, everything else to standard error. */
#ifndef SLUICE_CLI_SAY_H
#define SLUICE_CLI_SAY_H

#include "base/err.h"
#include "base/str.h"
#include "cli/invocation.h"

#include <stdbool.h>

/* Writes an answer to standard output and empties `text`. Returns EXIT_OPEN, or EXIT_INFRASTRUCTURE
 * after telling why it could not be written. When the reader is gone (a closed pipe) the process
 * ends by SIGPIPE, as every filter does. */
int say_answer(struct str *text);

/* The error on standard error, behind "sluice: " unless it starts with a place (file:line:column:),
 * which editors and terminals make a link of. */
void say_error(const struct err *err);
void say_problem(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A line on standard error as it is. */
void say_line(const char *text);

/* Shall text on descriptor `fd` be coloured? */
bool say_in_color(const struct invocation *invocation, int fd);

/* Lets a write to a closed pipe fail with EPIPE instead of ending the process, without the children
 * inheriting that (a handler is reset by exec, an ignored signal is not). */
void say_survive_closed_pipes(void);

#endif
