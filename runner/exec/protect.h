/* SPDX-License-Identifier: Apache-2.0 */
/* What a world must take away when sluice runs as the machine's root. Ids map to themselves, so a
 * unit is uid 0 there: it has no capability, but it owns root's files. System settings below /proc
 * answer to that uid alone (sysctl's own permission check asks for no capability), and so do
 * private files in /etc. The rule: a unit sees and changes of the system what any user could. */
#ifndef SLUICE_EXEC_PROTECT_H
#define SLUICE_EXEC_PROTECT_H

#include "base/err.h"

#include <stdbool.h>

/* Files and folders of /etc that are hidden at most; Debian 12 has about ten. More is an error:
 * better no world than a leaking one. */
#define PROTECT_HIDDEN_MAX 256

/* Remembers whether we are root of the machine (uid 0 outside any user namespace). Call before
 * entering one. */
void protect_note_root(void);

/* Hides what only root may read below the folder `etc` (the world's, bound read-only already). For
 * the template. */
int protect_etc(const char *etc, struct err *err);

/* Makes the parts of a fresh /proc that change the machine read-only. For each unit. Afterwards a
 * nested sluice cannot mount a /proc of its own (the kernel wants to see a whole one), so inside,
 * units run in place. */
int protect_proc(struct err *err);

/* Makes one mount (and those below it, when `recursive`) read-only. 0 or -1 with errno. */
int mount_read_only(const char *path, bool recursive);

#endif
