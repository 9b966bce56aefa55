/* SPDX-License-Identifier: Apache-2.0 */
/* Names that are unique in a report: consumers drop a second (classname, name). A set of 64-bit
 * hashes, 16 bytes a name; two names that collide by chance cost a harmless suffix. */
#ifndef SLUICE_REPORTS_UNIQUE_H
#define SLUICE_REPORTS_UNIQUE_H

#include "base/str.h"

#include <stddef.h>
#include <stdint.h>

struct unique_entry {
    uint64_t hash; /* 0 = free */
    uint64_t next; /* number to try when the name comes again */
};

struct unique {
    struct unique_entry *entries;
    size_t count;
    size_t cap; /* a power of two */
};

/* A zeroed struct unique is an empty set. */
void unique_fini(struct unique *unique);

/* Hash of two texts; never 0. */
uint64_t unique_hash(const char *scope, const char *name);

/* Enters (scope, name): 0 when it is new; else `ret_name` gets another name, "name (2)", that is.
 * Negative when memory is short. */
int unique_name(struct unique *unique, const char *scope, const char *name, struct str *ret_name);

#endif
