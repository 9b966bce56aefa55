/* SPDX-License-Identifier: Apache-2.0 */
/* A hash map from strings to words. Keys are borrowed: they live at least as long as the map.
 * The hash is seeded per process, so hostile keys cannot be chosen to collide. */
#ifndef SLUICE_BASE_MAP_H
#define SLUICE_BASE_MAP_H

#include <stddef.h>
#include <stdint.h>

struct map_entry {
    const char *key; /* NULL = free place */
    uint64_t hash;
    uintptr_t value;
};

struct map {
    struct map_entry *entries; /* open addressing, power of two */
    size_t count;
    size_t cap;
};

/* A zeroed struct map is an empty map. */
void map_fini(struct map *map);

/* Sets key to value. Returns 1 when the key was there (value replaced), 0 when new, -ENOMEM. */
int map_put(struct map *map, const char *key, uintptr_t value);

/* As map_put(), but an existing value stays: 1 = was there, untouched. */
int map_add(struct map *map, const char *key, uintptr_t value);

/* Finds a key: 1 and *ret_value, or 0. ret_value may be NULL. */
int map_get(const struct map *map, const char *key, uintptr_t *ret_value);

#endif
