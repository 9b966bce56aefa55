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

/* ---- ids of lines (ids.c) ---- */

/* The longest part of a line that becomes an id: what fits a line of a report. A longer line is
 * cut and a hash of the whole appended. */
#define COMMAND_ID_MAX  200
#define COMMAND_ID_SIZE (COMMAND_ID_MAX + 64) /* " [16 digits]", " #4194304", terminator */

/* Remembers ids by a 64-bit hash and how often each came: 16 bytes an id, at most half full, so
 * that a million lines cost 32 MiB. Two different ids of one hash (1 in 10^7 at a million) only
 * cost a needless "#2". A zeroed object is empty. */
struct command_ids {
    struct command_id_entry {
        uint64_t hash;
        uint64_t count; /* 0 = free place */
    } * entries;

    size_t count;
    size_t cap; /* a power of two */
};

void command_ids_fini(struct command_ids *ids);

/* Makes the id of a line: the line itself, control bytes as blanks, cut when long; " #2", " #3"...
 * when it was there already. 0 or -ENOMEM. */
int command_ids_make(struct command_ids *ids, const char *line, char buf[COMMAND_ID_SIZE]);

#endif
