/* SPDX-License-Identifier: Apache-2.0 */
/* The fixed places of an isolated world (design section 5): exec builds it, observe names paths in
 * it, reuse answers for it. */
#ifndef SLUICE_MODEL_WORLD_H
#define SLUICE_MODEL_WORLD_H

#define WORLD_ROOT    "/src"
#define WORLD_PLUGINS "/sluice/plugins"
#define WORLD_HOME    "/home/sluice"

/* Open files per process: the soft limit programs see, the hard one runtimes such as Node raise it
 * to. */
#define WORLD_FILES_SOFT 1024
#define WORLD_FILES_HARD 65536

/* Stack of a process and of its threads: the soft limit Linux starts with, whatever the user's
 * shell says. */
#define WORLD_STACK (8u << 20)

/* Folders of the machine that every world has, read-only, where they are; NULL-terminated. */
extern const char *const world_system_paths[];

/* Folders that are each unit's own and empty at its start; NULL-terminated. */
extern const char *const world_private_paths[];

#endif
