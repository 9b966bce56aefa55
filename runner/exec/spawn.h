/* SPDX-License-Identifier: Apache-2.0 */
/* Starts a unit's command in a session of its own, with default signals and nothing open but its
 * three streams; observed, if it is to be. As posix_spawn(3): the child borrows our memory until
 * its execve(2), so a start costs the same whatever our size. (posix_spawn itself has no place for
 * the last step, the filter.) Single-threaded callers only. */
#ifndef SLUICE_EXEC_SPAWN_H
#define SLUICE_EXEC_SPAWN_H

#include "base/err.h"
#include "model/pipeline.h"

#include <stdbool.h>
#include <sys/types.h>

struct observer;

struct spawn {
    const struct text_list *argv;
    const struct text_list *env; /* its PATH is where argv[0] is looked for */
    int folder;                  /* descriptor of the working folder */
    const char *folder_path;     /* the same by name, as the command will see it */
    int in, out, err;
    bool dies_with_us;              /* the kernel kills it when this process dies */
    struct observer *observer;      /* NULL = not observed */
    const struct text_list *layers; /* as observer_begin() wants them; observed only */
};

int spawn_command(const struct spawn *spawn, pid_t *ret_pid, struct err *err);

#endif
