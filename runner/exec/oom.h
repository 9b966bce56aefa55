/* SPDX-License-Identifier: Apache-2.0 */
/* Was a unit killed by the kernel for want of memory? The kernel does not tell whom it killed
 * without a cgroup of our own, but it counts (oom_kill in /proc/vmstat, of the machine and of every
 * container on it): a SIGKILL that is not ours while that number rose is taken for one. */
#ifndef SLUICE_EXEC_OOM_H
#define SLUICE_EXEC_OOM_H

#include <stdbool.h>
#include <stdint.h>

/* A number read this short a time ago is good enough for the start of a unit: reading costs 20 us,
 * a unit in place 300. */
#define OOM_LOOK_MS 1000

struct oom_watch {
    int fd;         /* -1 = not known here */
    uint64_t kills; /* when last looked */
    int64_t at_ns;
};

/* Opens `path` (/proc/vmstat; before a world hides it). Without it no kill is ever told. */
void oom_watch_open(struct oom_watch *watch, const char *path);
void oom_watch_close(struct oom_watch *watch);

/* A unit starts. */
void oom_watch_begin(struct oom_watch *watch);

/* True when the kernel has killed for memory since oom_watch_begin() (or up to OOM_LOOK_MS before).
 */
bool oom_watch_rose(struct oom_watch *watch);

#endif
