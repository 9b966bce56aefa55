/* SPDX-License-Identifier: Apache-2.0 */
/* Ends what a helper program or a unit left behind. A process that is a child subreaper
 * (PR_SET_CHILD_SUBREAPER) gets whatever detaches itself from its children, sooner or later. */
#ifndef SLUICE_PROC_CHILDREN_H
#define SLUICE_PROC_CHILDREN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Rounds of killing; each kills every child we have, so a process tree of this depth ends. */
#define CHILDREN_ROUNDS_MAX 10000

/* Which children are left alone. NULL = none. */
struct children_kept {
    const pid_t *pids;
    size_t count;
    bool own_session; /* those of our own session too: helpers that we started ourselves */
};

/* Sends SIGKILL to every other child of this process, and reaps the dead. Returns how many there
 * were. */
size_t children_kill(const struct children_kept *kept);

/* Kills and reaps until no other child is left, CHILDREN_ROUNDS_MAX times at most. Returns how many
 * there were at first. */
size_t children_end(const struct children_kept *kept);

#endif
