/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin `command`: a shell command, or each line of a file, is one unit. */
#ifndef SLUICE_PLUGINS_COMMAND_COMMAND_H
#define SLUICE_PLUGINS_COMMAND_COMMAND_H

#include "plugins/sdk/sdk.h"

extern const struct sdk_plugin command_plugin;

/* A line of an `each` file. The kernel takes no single word beyond 128 KiB (MAX_ARG_STRLEN), which
 * is what /bin/sh -c would be given. Beyond: an error that names the line. */
#define COMMAND_LINE_MAX ((128u << 10) - 1)

/* Reads the settings and emits the units. */
int command_plan(struct sdk *sdk, struct err *err);

#endif
