/* SPDX-License-Identifier: Apache-2.0 */
/* Gives every node of a work tree the one modification time and mode. Inside of the git module. */
#ifndef SLUICE_GIT_SETTLE_H
#define SLUICE_GIT_SETTLE_H

#include "base/err.h"

#include <stdbool.h>

/* All files, links and folders below and at `folder`: modification time GIT_MTIME, mode 0644 or
 * 0755. *ret_changed tells whether any file or link was changed (its cached stat data is stale).
 * Pipes, sockets and devices are removed: git clean does not see them. Follows no links. */
int git_settle(const char *folder, bool *ret_changed, struct err *err);

#endif
