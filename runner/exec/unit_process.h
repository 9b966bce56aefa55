/* SPDX-License-Identifier: Apache-2.0 */
/* One unit's processes, as the slot process sees them: start, signal, wait, take what it made. Two
 * kinds: in place (a session of its own; the slot is the subreaper of whatever detaches itself), or
 * isolated (an init in fresh mount and pid namespaces; when it exits the kernel ends everything).
 */
#ifndef SLUICE_EXEC_UNIT_PROCESS_H
#define SLUICE_EXEC_UNIT_PROCESS_H

#include "base/err.h"
#include "exec/message.h"

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

#define UNIT_TEXT_MAX 1024

/* How long processes that outlive the command may take to end by themselves before they count as
 * leaked and are killed (a pipeline's last members, a shell's wait). nextest waits 200 ms for
 * handles; process exit is quicker. */
#define UNIT_LEAK_GRACE_MS 100

/* Bytes in the scratch of a unit that is gone which may wait to be freed while the next one runs; a
 * slot has UNIT_LEAVING_MAX such units. */
#define UNIT_LEFT_MUCH   (16u << 20)
#define UNIT_LEAVING_MAX 2

/* The end of the command itself. */
struct unit_end {
    int wait_status;
    int64_t user_us;
    int64_t sys_us;
    int64_t max_rss_kib;
    unsigned flags;                  /* FLAG_LEAKED_PROCESS, FLAG_SCRATCH_FULL */
    bool left_much;                  /* in its scratch: taking that down frees memory */
    char start_error[UNIT_TEXT_MAX]; /* "" = it was started */
};

/* What was collected afterwards. */
struct unit_collected {
    int64_t report_files; /* number found, negative errno with text in error */
    char report_error[UNIT_TEXT_MAX];
    char collect_error[UNIT_TEXT_MAX];
};

struct observer;

/* What a slot holds for its units. */
struct unit_context {
    const struct world *world;
    int run_dir;               /* folder descriptor, taken before the world was entered */
    int root;                  /* live tree, in-place units only; -1 */
    struct observer *observer; /* of the present unit; NULL = it is not observed */
};

struct unit_process {
    pid_t pid; /* command (in place) or its init (isolated) */
    bool isolated;
    int watch;    /* readable when something happened: pidfd, or the init's status pipe */
    bool ended;   /* `end` is known */
    bool gone;    /* everything is over, `collected` is known */
    bool leaving; /* its init, the last of it, has nothing more to say and takes its mounts down:
                     the caller reaps `pid` */
    struct unit_end end;
    struct unit_collected collected;
    struct timespec started;
};

struct unit_stdio {
    int in, out, err;
    int report; /* memfd that receives report files; -1 = none */
};

/* Starts the unit. Descriptors of stdio stay the caller's. Cannot fail: what fails is told by
 * end.start_error (then ended and gone are set, or will be). */
void unit_start(struct unit_process *unit,
                const struct unit_context *context,
                const struct slot_request *request,
                const struct unit_stdio *stdio,
                unsigned serial);

/* SIGTERM to all, SIGKILL to all, SIGKILL to the init too. */
enum unit_signal {
    UNIT_TERM,
    UNIT_KILL,
    UNIT_KILL_HARD
};

void unit_signal(struct unit_process *unit, enum unit_signal how);

/* Call when `watch` is readable. Sets ended, then gone; closes watch in the end. In place, waits
 * for leaked processes here. */
void unit_advance(struct unit_process *unit,
                  const struct unit_context *context,
                  const struct slot_request *request,
                  const struct unit_stdio *stdio);

#endif
