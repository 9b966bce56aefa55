/* SPDX-License-Identifier: Apache-2.0 */
/* Heap allocation with overflow-safe sizes and a hook that lets tests fail the n-th call. */
#ifndef SLUICE_BASE_MEM_H
#define SLUICE_BASE_MEM_H

#include <stddef.h>

/* Returns `count * size` zeroed bytes, or NULL when memory is short or the product overflows. */
void *mem_calloc(size_t count, size_t size);

/* Resizes as realloc(3) with an overflow-safe product; on failure the old block stays valid. */
void *mem_realloc(void *block, size_t count, size_t size);

/* Copies a string; NULL on failure. mem_strndup() copies at most `len` bytes and terminates. */
char *mem_strdup(const char *text);
char *mem_strndup(const char *text, size_t len);

/* Frees a block from any function above; NULL is accepted. */
void mem_free(void *block);

/* a + b and a * b that stop at SIZE_MAX. */
size_t size_add(size_t a, size_t b);
size_t size_mul(size_t a, size_t b);

/* Test hook: the n-th allocation from now (1 = the next) and all after it fail; 0 switches it off.
 * Returns how many allocations were made since the last call. Not thread-safe. */
size_t mem_fail_from(size_t n);

/* As mem_fail_from(), but the n-th allocation alone fails: what goes on as if nothing had happened
 * is seen, where all later allocations would have stopped it. Each call ends the other's failing.
 */
size_t mem_fail_once(size_t n);

#endif
