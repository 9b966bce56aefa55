/* SPDX-License-Identifier: Apache-2.0 */
/* Manual pages, made from the tables of commands, options and exit codes. Pure: text into a str. */
#ifndef SLUICE_CLI_MANUAL_H
#define SLUICE_CLI_MANUAL_H

#include "base/str.h"
#include "cli/commands.h"

/* sluice(1) */
int manual_overview(struct str *out);

/* sluice-COMMAND(1) */
int manual_command(struct str *out, const struct command *command);

#endif
