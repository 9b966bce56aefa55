/* SPDX-License-Identifier: Apache-2.0 */
/* The fixed places of an isolated world (design section 5): exec builds it, observe names paths in
 * it, reuse answers for it. */
#ifndef SLUICE_MODEL_WORLD_H
#define SLUICE_MODEL_WORLD_H

#define WORLD_ROOT    "/src"
#define WORLD_PLUGINS "/sluice/plugins"
#define WORLD_HOME    "/home/sluice"

/* Folders of the machine that every world has, read-only, where they are; NULL-terminated. */
extern const char *const world_system_paths[];

/* Folders that are each unit's own and empty at its start; NULL-terminated. */
extern const char *const world_private_paths[];

#endif
