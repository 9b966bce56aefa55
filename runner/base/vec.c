/* SPDX-License-Identifier: Apache-2.0 */
#include "base/vec.h"

#include "base/mem.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define VEC_FIRST_CAP 8

int vec_reserve_one(void *items, size_t *cap, size_t count, size_t item_size)
{
    void *block;

    assert(count <= *cap);
    if (count < *cap) {
        return 0;
    }
    /* `items` is a T **: copying bytes reads and writes it without breaking aliasing rules. */
    memcpy(&block, items, sizeof block);
    size_t wanted = *cap == 0 ? VEC_FIRST_CAP : size_mul(*cap, 2);
    block = mem_realloc(block, wanted, item_size);
    if (block == NULL) {
        return -ENOMEM;
    }
    memcpy(items, &block, sizeof block);
    *cap = wanted;
    return 0;
}
