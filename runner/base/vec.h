/* SPDX-License-Identifier: Apache-2.0 */
/* A typed growing array: struct { VEC_FIELDS(struct unit *); } units; vec_push(&units, u). */
#ifndef SLUICE_BASE_VEC_H
#define SLUICE_BASE_VEC_H

#include <stddef.h>

#define VEC_FIELDS(type) \
    type *items;         \
    size_t count;        \
    size_t cap

/* Makes room for one more item; 0 or -ENOMEM. `items` is a pointer to the items pointer. */
int vec_reserve_one(void *items, size_t *cap, size_t count, size_t item_size);

/* Appends a value; evaluates to 0 or -ENOMEM (then nothing was appended). */
/* NOLINTNEXTLINE(readability-identifier-naming): used as if it were a function */
#define vec_push(vec, value)                                                              \
    (vec_reserve_one(&(vec)->items, &(vec)->cap, (vec)->count, sizeof *(vec)->items) != 0 \
         ? -ENOMEM                                                                        \
         : ((vec)->items[(vec)->count++] = (value), 0))

/* Frees the array (not what its items own) and empties it. */
/* NOLINTNEXTLINE(readability-identifier-naming): used as if it were a function */
#define vec_fini(vec) \
    (mem_free((vec)->items), (vec)->items = NULL, (vec)->count = 0, (vec)->cap = 0)

#define vec_for_each(item, vec) \
    for ((item) = (vec)->items; (item) != NULL && (item) < (vec)->items + (vec)->count; (item)++)

#endif
