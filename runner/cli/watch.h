/* SPDX-License-Identifier: Apache-2.0 */
/* Which units run now: a fold over events, for `t` and SIGUSR1. */
#ifndef SLUICE_CLI_WATCH_H
#define SLUICE_CLI_WATCH_H

#include "base/err.h"
#include "base/str.h"
#include "model/event.h"

struct exec;
struct watch;

/* What of a unit's output is shown. */
#define WATCH_OUTPUT_MAX 4096

int watch_new(unsigned slots, struct watch **ret_watch, struct err *err);
void watch_free(struct watch *watch);
void watch_note(struct watch *watch, const struct event *event);

/* Appends one block per running unit: name, slot, time, and what it printed so far as `peek`
 * (exec_peek() of exec/exec.h) tells. `wall_ms` is now. */
int watch_write(const struct watch *watch,
                struct exec *exec,
                int (*peek)(struct exec *exec, unsigned slot, char *buf, size_t size),
                int64_t wall_ms,
                struct str *out);

#endif
