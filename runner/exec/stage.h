/* SPDX-License-Identifier: Apache-2.0 */
/* What the template (namespace.c) lays out for the worlds of single units (unit_world.c). Inside of
 * these two. */
#ifndef SLUICE_EXEC_STAGE_H
#define SLUICE_EXEC_STAGE_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Where the template keeps what units mount from; gone from a unit's view before its command
 * starts. */
#define STAGE "/.stage"

/* An empty folder of the read-only root: what a unit finds at STAGE. */
#define NOTHING "/.nothing"

/* Folders every unit has for itself. */
struct stage_folder {
    const char *name;   /* in the unit's scratch */
    const char *target; /* in its world */
    mode_t mode;
};

#define STAGE_FOLDERS 5
extern const struct stage_folder stage_folders[STAGE_FOLDERS];

/* Exposed paths that lie in what each unit mounts for itself: relative ones in its overlay,
 * absolute ones in a private folder. They are staged; all others are part of the template. */
bool stage_is_of_unit(const char *path);

/* Is a path the folder, or below it? */
bool stage_is_below(const char *path, const char *folder);

/* Makes the folder that a path is to be in. */
int stage_make_parent(const char *path, struct err *err);

/* Writes a short text to a file of the kernel. Negative errno. */
int stage_write(const char *path, const char *text);

#endif
