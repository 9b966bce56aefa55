/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The test hook. A relaxed load and a relaxed store cost the same as plain ones, and threads that
 * allocate at the same time may lose a count: it serves single-threaded tests only. */
static _Atomic size_t calls_made;
static _Atomic size_t calls_fail_from; /* 0 = off */
static _Atomic size_t calls_fail_once; /* 0 = off */

static bool may_allocate(void)
{
    size_t made = atomic_load_explicit(&calls_made, memory_order_relaxed) + 1;
    size_t fail_from = atomic_load_explicit(&calls_fail_from, memory_order_relaxed);
    size_t fail_once = atomic_load_explicit(&calls_fail_once, memory_order_relaxed);

    atomic_store_explicit(&calls_made, made, memory_order_relaxed);
    return (fail_from == 0 || made < fail_from) && (fail_once == 0 || made != fail_once);
}

static size_t set_failing(size_t from, size_t once)
{
    atomic_store_explicit(&calls_fail_from, from, memory_order_relaxed);
    atomic_store_explicit(&calls_fail_once, once, memory_order_relaxed);
    return atomic_exchange_explicit(&calls_made, 0, memory_order_relaxed);
}

size_t mem_fail_from(size_t n)
{
    return set_failing(n, 0);
}

size_t mem_fail_once(size_t n)
{
    return set_failing(0, n);
}

void *mem_calloc(size_t count, size_t size)
{
    size_t total;

    if (!may_allocate() || __builtin_mul_overflow(count, size, &total)) {
        return NULL;
    }
    /* One byte at least: some allocators answer a request for nothing with NULL. */
    return calloc(total != 0 ? total : 1, 1);
}

void *mem_realloc(void *block, size_t count, size_t size)
{
    size_t total;

    if (!may_allocate() || __builtin_mul_overflow(count, size, &total)) {
        return NULL;
    }
    return realloc(block, total != 0 ? total : 1);
}

char *mem_strdup(const char *text)
{
    return mem_strndup(text, SIZE_MAX);
}

char *mem_strndup(const char *text, size_t len)
{
    size_t size = strnlen(text, len);
    char *copy = mem_calloc(size_add(size, 1), 1);

    if (copy != NULL) {
        memcpy(copy, text, size);
    }
    return copy;
}

void mem_free(void *block)
{
    free(block);
}

size_t size_add(size_t a, size_t b)
{
    size_t sum;

    return __builtin_add_overflow(a, b, &sum) ? SIZE_MAX : sum;
}

size_t size_mul(size_t a, size_t b)
{
    size_t product;

    return __builtin_mul_overflow(a, b, &product) ? SIZE_MAX : product;
}
