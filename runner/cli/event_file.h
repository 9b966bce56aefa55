/* SPDX-License-Identifier: Apache-2.0 */
/* Reads event logs back: NDJSON files of past runs. */
#ifndef SLUICE_CLI_EVENT_FILE_H
#define SLUICE_CLI_EVENT_FILE_H

#include "base/err.h"
#include "model/event.h"

#include <stdbool.h>

/* One event as read takes at most this much memory: its line and the strings of its cases. */
#define EVENT_ARENA_MAX ((size_t)2 << 30)

struct event_file_result {
    uint64_t events;
    bool torn;     /* the last line ends in the middle: the run was killed while it wrote */
    bool finished; /* a run_finished event was seen */
};

/* Calls `each` for every event in order (unknown types of newer versions are passed over); non-zero
 * from it stops and is returned, without message. A damaged line before the end: -EBADMSG with
 * file and line number. No event at all: -ENODATA. */
int event_file_read(const char *path,
                    int (*each)(void *context, const struct event *event),
                    void *context,
                    struct event_file_result *ret_result,
                    struct err *err);

#endif
