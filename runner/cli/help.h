/* SPDX-License-Identifier: Apache-2.0 */
/* Help, made from the tables of commands and options. Pure: text into a str. */
#ifndef SLUICE_CLI_HELP_H
#define SLUICE_CLI_HELP_H

#include "base/str.h"
#include "cli/commands.h"

/* `sluice help`: every visible command, the options that go everywhere, the exit codes. */
int help_overview(struct str *out);

/* `sluice help COMMAND`: usage, text, its options. */
int help_command(struct str *out, const struct command *command);

#endif
