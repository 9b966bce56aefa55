/* SPDX-License-Identifier: Apache-2.0 */
/* Why an isolated unit may have failed where it works by hand: paths that are on the machine, but
 * not in its world. */
#ifndef SLUICE_EXEC_HIDDEN_H
#define SLUICE_EXEC_HIDDEN_H

#include "base/str.h"
#include "exec/exec.h"

/* Words of the output that are looked at; each costs two or three stat calls. */
#define HIDDEN_WORDS_MAX 2000
/* Paths told at most. */
#define HIDDEN_TOLD_MAX 3

/* Looks through what a failed unit printed for paths (relative to its cwd or absolute) that exist
 * on the machine and are hidden from it: ignored files of the tree, host paths outside the system
 * folders. Appends a sentence with the `expose:` line to add, or nothing. Returns the number of
 * paths told. */
int hidden_explain(
    const struct world *world, const char *cwd, const char *output, size_t len, struct str *out);

#endif
