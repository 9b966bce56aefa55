/* SPDX-License-Identifier: Apache-2.0 */
/* Divides the units of a layer among machines by what they are expected to cost. Pure. */
#ifndef SLUICE_PLUGINS_MUTATION_SHARD_H
#define SLUICE_PLUGINS_MUTATION_SHARD_H

#include "base/err.h"
#include "base/vec.h"

#include <stdbool.h>
#include <stdint.h>

struct shard_item {
    const char *file;
    const char *language;
    int64_t part; /* from 1; 0 = the file has no mutants */
    int64_t parts;
    size_t to_try;
    size_t suppressed;
    int64_t cost_ms;
    int64_t fresh_ms; /* of that, the mutants of changed lines; 0 = none are known */
};

struct shard_list {
    VEC_FIELDS(struct shard_item);
};

/* Keeps the items of shard `index` (from 1) of `count`, in their order. Each item is in exactly one
 * shard; the costliest are dealt first, each to the shard that has least. */
int shard_keep(struct shard_list *list, size_t index, size_t count, struct err *err);

#endif
