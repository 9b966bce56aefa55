/* SPDX-License-Identifier: Apache-2.0 */
/* Looks for files below a folder: what plugins whose settings have glob patterns share. */
#ifndef SLUICE_PLUGINS_SDK_SDK_FIND_H
#define SLUICE_PLUGINS_SDK_SDK_FIND_H

#include "base/err.h"
#include "base/limits.h"
#include "base/vec.h"

#include <stdbool.h>
#include <stddef.h>

/* What is looked for. Lists end with NULL. */
struct find_query {
    const char *dir;             /* relative to the working folder; "." is that itself */
    const char *const *patterns; /* glob patterns below dir: a file that matches one is found */
    const char *const *pruned; /* glob patterns of names of folders not to look into; NULL = none */
    bool executable;           /* others are passed over, and counted */
};

struct found {
    VEC_FIELDS(char *); /* paths relative to dir, in an order that depends on names only */
    size_t not_executable;
    char example[PATH_TEXT_MAX]; /* the last of those */
};

/* Fills *found (zeroed before). Folders of git and of sluice are not looked into. A missing folder
 * is -ENOENT with what to do. */
int find_files(const struct find_query *query, struct found *found, struct err *err);

/* Why nothing was found: always -ENODATA, in words that name the first pattern. */
int find_refuse(const struct find_query *query, const struct found *found, struct err *err);

void found_fini(struct found *found);

#endif
