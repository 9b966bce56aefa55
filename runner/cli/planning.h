/* SPDX-License-Identifier: Apache-2.0 */
/* What `plan` and `list` share: asks for the units and calls back for each. */
#ifndef SLUICE_CLI_PLANNING_H
#define SLUICE_CLI_PLANNING_H

#include "base/str.h"
#include "cli/invocation.h"
#include "cli/reason.h"

/* Answers are written in pieces of this size. */
#define PLANNING_FLUSH (64u << 10)

/* Appends the line for one unit to `out`; with subject->whole_layer for all units of a layer, as
 * "*". */
typedef void (*planning_line)(struct str *out,
                              const struct reason_subject *subject,
                              const struct reason *reason,
                              bool json);

/* Returns the process's exit code. */
int planning_run(const struct invocation *invocation, planning_line line);

/* As planning_run() over all layers, but only for the unit called LAYER/UNIT or UNIT, with all that
 * is known about its decision in subject->explanation. *ret_found counts them. ret_offer, which
 * must be empty: LAYER/UNIT of the first unit of a layer of that name, else it stays so. */
int planning_explain(const struct invocation *invocation,
                     const char *unit,
                     planning_line line,
                     uint64_t *ret_found,
                     struct str *ret_offer);

#endif
