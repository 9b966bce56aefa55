/* SPDX-License-Identifier: Apache-2.0 */
/* The first event of a log: which run it is of. (All of it: event_log_replay() of
 * reports/event_log.h.) */
#ifndef SLUICE_CLI_EVENT_FILE_H
#define SLUICE_CLI_EVENT_FILE_H

#include "base/arena.h"
#include "base/err.h"
#include "model/event.h"

/* Longest first line: a run_started event with the longest command line there is (COMMAND_MAX of
 * session.c). Beyond: an error. */
#define EVENT_FIRST_MAX (8u << 20)
#define EVENT_ARENA_MAX ((size_t)4 * EVENT_FIRST_MAX)

/* Reads it; strings live in `arena` (of EVENT_ARENA_MAX bytes). -EBADMSG when the file does not
 * begin with a run_started event. */
int event_file_first(const char *path,
                     struct arena *arena,
                     struct event *ret_event,
                     struct err *err);

#endif
