/* SPDX-License-Identifier: Apache-2.0 */
/* Which programs that layers need are on this machine, and where. */
#ifndef SLUICE_CLI_INIT_PROGRAMS_H
#define SLUICE_CLI_INIT_PROGRAMS_H

#include "cli/init.h"

/* Looks for the programs of each layer. What is missing is told as a problem, with the package that
 * has it. A layer whose program is only on the caller's own PATH, outside of the folders that
 * isolated units see, is made to run in place. */
void init_check_programs(struct init_plan *plan);

#endif
