/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of atoms: their ids are dense. */
#include "base/mem.h"
#include "reuse/reuse_impl.h"

#include <errno.h>
#include <string.h>

/* Grown by so many bytes at least: 32,768 atoms. */
#define BITS_CHUNK 4096u

int bits_set(struct bits *bits, uint32_t atom)
{
    size_t at = atom / 8;
    if (at >= bits->size) {
        size_t size = at + 1 > 2 * bits->size ? at + 1 : 2 * bits->size;
        size = (size + BITS_CHUNK - 1) / BITS_CHUNK * BITS_CHUNK;
        unsigned char *grown = mem_realloc(bits->bytes, size, 1);
        if (grown == NULL) {
            return -ENOMEM;
        }
        memset(grown + bits->size, 0, size - bits->size);
        bits->bytes = grown;
        bits->size = size;
    }
    bits->bytes[at] = (unsigned char)(bits->bytes[at] | 1u << (atom % 8));
    return 0;
}

bool bits_get(const struct bits *bits, uint32_t atom)
{
    return atom / 8 < bits->size && (bits->bytes[atom / 8] >> (atom % 8) & 1) != 0;
}

void bits_fini(struct bits *bits)
{
    mem_free(bits->bytes);
    *bits = (struct bits){0};
}
