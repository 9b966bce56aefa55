/* SPDX-License-Identifier: Apache-2.0 */
/* The event log of a run: NDJSON in a file, one event a line (model/event_json.h). Written as
 * events come, read back to render a past run again or to go on after a crash. */
#ifndef SLUICE_REPORTS_EVENT_LOG_H
#define SLUICE_REPORTS_EVENT_LOG_H

#include "base/err.h"
#include "model/event.h"

#include <stdbool.h>

/* ---- writing ---- */

/* Lines wait in memory at most this long while events come, and until the buffer is full: at 10,000
 * units a second a write a line would cost more than the units. A killed sluice loses so much of
 * its log, never the middle. */
#define EVENT_LOG_FLUSH_MS 100

struct event_log;

/* Writes to `fd`, which is closed by event_log_free() only when `owns_fd`. */
int event_log_new(int fd, bool owns_fd, struct event_log **ret_log, struct err *err);
struct event_sink *event_log_sink(struct event_log *log);
/* Writes what waits. Also reports the first failure since the start (a full disk): the run goes on
 * without log, the caller tells. 0 or negative errno. */
int event_log_flush(struct event_log *log, struct err *err);
/* Flushes and frees. NULL is accepted. */
void event_log_free(struct event_log *log);

/* ---- reading ---- */

struct event_log_read {
    uint64_t events; /* delivered */
    bool torn;       /* the last line is incomplete (kill -9 while it was written): left out */
    bool finished;   /* run_finished was among them */
};

/* Replays a log into a sink. A torn last line is no error; a damaged line elsewhere is -EBADMSG
 * with `name`:line in the message, after the events before it were delivered. -ENODATA when there
 * is no event in it. `ret_read` may be NULL. */
int event_log_replay(int fd,
                     const char *name,
                     struct event_sink *sink,
                     struct event_log_read *ret_read,
                     struct err *err);

#endif
