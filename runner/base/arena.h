/* SPDX-License-Identifier: Apache-2.0 */
/* Memory by lifetime: many small objects that die together (a parsed pipeline, a plan). */
#ifndef SLUICE_BASE_ARENA_H
#define SLUICE_BASE_ARENA_H

#include <stddef.h>

struct arena;

/* Makes an arena that hands out at most `max` bytes in total. NULL when memory is short. */
struct arena *arena_new(size_t max);

/* Frees the arena and all it handed out. NULL is accepted. */
void arena_free(struct arena *arena);

/* Takes back all it handed out, so that it serves as if new, without asking for memory again: for
 * many short tasks, one after the other. */
void arena_clear(struct arena *arena);

/* Returns `size` zeroed bytes aligned for any object, or NULL at the limit or out of memory.
 * size 0 gives a unique non-NULL pointer. */
void *arena_alloc(struct arena *arena, size_t size);

/* Array form: count * size, overflow-safe. */
void *arena_calloc(struct arena *arena, size_t count, size_t size);

/* Copies of text, terminated (packed without alignment padding); NULL on failure. */
char *arena_strdup(struct arena *arena, const char *text);
char *arena_strndup(struct arena *arena, const char *text, size_t len);
char *arena_printf(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Bytes handed out so far. */
size_t arena_used(const struct arena *arena);

#endif
