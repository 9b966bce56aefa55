/* SPDX-License-Identifier: Apache-2.0 */
/* Where the user's evidence lies, shared by all work trees and clones. */
#ifndef SLUICE_CLI_CACHE_FOLDER_H
#define SLUICE_CLI_CACHE_FOLDER_H

#include "base/err.h"

#include <stddef.h>

/* $SLUICE_CACHE, or sluice/ in $XDG_CACHE_HOME, or in ~/.cache; absolute paths only (a relative
 * one would be another folder in each project). Not made. -ENOENT when none is known. */
int cache_folder(char *buf, size_t size, struct err *err);

#endif
