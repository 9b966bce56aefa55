/* SPDX-License-Identifier: Apache-2.0 */
/* Observes units from outside: one supervisor process for all units of a slot, one after the other.
 *
 *   slot process            unit's init              its command's child        supervisor
 *   observer_new() -------------------------------------------------------> waits
 *                           observer_begin() ----- its root, its folder --> knows the view
 *                                                    observer_attach() ---> has the listener
 *                                                    execve(2) <----------> ... every asking call
 *   observer_finish() ----------------------------------------------------> the trace
 *
 * The supervisor answers every call with "go on": it changes nothing. What it cannot follow makes
 * the trace incomplete. If it dies, calls of the unit fail (ENOSYS): observer_finish() says so, and
 * the unit is an infrastructure error. */
#ifndef SLUICE_OBSERVE_OBSERVER_H
#define SLUICE_OBSERVE_OBSERVER_H

#include "base/arena.h"
#include "base/err.h"
#include "model/pipeline.h"
#include "model/trace.h"

#include <stdbool.h>

/* How long a supervisor may take to write out the trace of a unit that is over: the largest trace
 * takes two seconds here. Beyond: it counts as dead. */
#define OBSERVER_ANSWER_MS 60000

/* Bytes of a hand-over of one unit: the paths its command was looked for at. A PATH of 200 folders
 * stays under 20 KiB. Beyond: the unit is not observed. */
#define OBSERVER_START_MAX (64u << 10)

/* Layers of the tree at most: EXEC_PRODUCTS_MAX of a unit's own, those of its world, the snapshot.
 */
#define OBSERVED_LAYERS_MAX 8

/* What is the same for all units of a slot. Borrowed during observer_new(). */
struct observed_world {
    const char *proc;         /* a /proc of our own pid namespace, as the slot process sees it */
    const char *tree;         /* where units see the tree, e.g. "/src" */
    const char *const *fixed; /* read-only folders of a unit's world, NULL-terminated */
    const char *const *own;   /* private folders, a mount each, NULL-terminated; NULL = none */
    struct text_list exposed; /* absolute paths of a unit's world */
    const char *covered; /* a folder below a fixed one that is empty in every world; NULL = none */
    bool network;
};

struct observer;

/* Starts a supervisor. Single-threaded callers only (fork). -ENOSYS, -EINVAL...: this machine
 * cannot; the message says why and what to do. */
int observer_new(const struct observed_world *world, struct observer **ret, struct err *err);

/* Ends the supervisor. NULL is accepted. */
void observer_free(struct observer *observer);

/* What was asked on the way to a unit's start, before there was a command to ask it. */
struct observed_start {
    const char *folder;      /* its working folder, absolute, as it was asked for */
    const char *program;     /* path of its first execve(2) */
    struct text_list layers; /* pristine layers of its tree, as the slot process sees them */
    struct text_list tried;  /* where the program was looked for, the place where it was found
                                included */
};

/* In the unit's init, when its world is complete. */
int observer_begin(struct observer *observer, const struct observed_start *start, struct err *err);

/* In the command's child, just before execve(2): from here on it is observed. Async-signal-safe.
 * 0 or a negative errno: then it may run unobserved. */
int observer_attach(struct observer *observer);

/* In the slot process, when all processes of the unit are gone: its trace, in `arena`. 0 with NULL:
 * it was not observed, `err` says why (its code is 0 when nothing went wrong before). Negative: the
 * supervisor is dead or damaged; free it. */
int observer_finish(struct observer *observer,
                    struct arena *arena,
                    const struct trace **ret_trace,
                    struct err *err);

/* Readable at no time but when the supervisor is dead (poll for nothing: POLLHUP). */
int observer_fd(const struct observer *observer);

/* True when a child of ours can be put under a listener, tried for real. */
bool observer_probe(struct err *err);

#endif
