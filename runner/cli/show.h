/* SPDX-License-Identifier: Apache-2.0 */
/* What runs now, in words: for `t` and SIGUSR1. */
#ifndef SLUICE_CLI_SHOW_H
#define SLUICE_CLI_SHOW_H

#include "base/str.h"
#include "sched/sched.h"

/* What of a unit's output is shown: so many of the last bytes, and of their lines; a screen has
 * room for one unit then, and scrolls for more. */
#define SHOW_OUTPUT_MAX 4096
#define SHOW_LINES_MAX  20

/* Appends a running unit: name, slot, time, and what it printed (NULL = nothing is known), indented
 * and made safe to show. */
int show_unit(struct str *out, const struct sched_running *running, const char *output);

/* Appends all units that run now with the newest of their output. */
int show_running(struct str *out, struct sched *sched);

#endif
