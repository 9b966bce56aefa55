/* SPDX-License-Identifier: Apache-2.0 */
/* Reuse of a session: what the scheduler asks (sched/sched_reuse.h), answered by runner/reuse. */
#ifndef SLUICE_CLI_SESSION_REUSE_H
#define SLUICE_CLI_SESSION_REUSE_H

#include "cli/session.h"
#include "sched/sched_reuse.h"

struct session_reuse;

/* Opens the user's evidence store for a session with a snapshot. A store that cannot be used costs
 * the reuse, not the run: the caller tells. */
int session_reuse_new(const struct session *session,
                      struct session_reuse **ret_reuse,
                      struct err *err);

/* For sched_options.reuse. */
struct sched_reuse *session_reuse_for_sched(struct session_reuse *reuse);

/* Asks ahead what every unit's state is asked for. */
void session_reuse_read_ahead(struct session_reuse *reuse);

/* Writes what reused units printed. */
int session_reuse_flush(struct session_reuse *reuse, struct err *err);

/* See reuse_suppose() of reuse/reuse.h: from here on the session's tree is a guess. */
void session_reuse_suppose(struct session_reuse *reuse);
/* It was right: do the decisions stand? */
bool session_reuse_stands(struct session_reuse *reuse);
/* It was wrong, or they do not: nothing of them is left. */
void session_reuse_forget(struct session_reuse *reuse);

/* Writes what is pending. NULL is accepted. */
void session_reuse_free(struct session_reuse *reuse);

#endif
