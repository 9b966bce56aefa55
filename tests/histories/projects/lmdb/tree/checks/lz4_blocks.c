/* SPDX-License-Identifier: Apache-2.0 */
/* What LZ4 packs as a block, fast or well, it unpacks again. */
#include <stdio.h>
#include <string.h>

#include "lz4.h"
#include "lz4hc.h"

#define SIZE 100000

static char plain[SIZE];
static char packed[SIZE * 2];
static char again[SIZE];

static int same(const char *what, int len)
{
    memset(again, 0, SIZE);
    int back = len > 0 ? LZ4_decompress_safe(packed, again, len, SIZE) : -1;
    int good = back == SIZE && memcmp(plain, again, SIZE) == 0;
    printf("%s: %d bytes, %s\n", what, len, good ? "same" : "DIFFERENT");
    return good ? 0 : 1;
}

int main(void)
{
    unsigned state = 1;
    for (int i = 0; i < SIZE; i++) {
        state = state * 1103515245u + 12345u;
        plain[i] = (char)((state >> 16) % (unsigned)(i % 100 < 50 ? 3 : 200));
    }
    int bad = same("fast", LZ4_compress_default(plain, packed, SIZE, sizeof packed));
    for (int level = 1; level <= 12; level++) {
        bad += same("well", LZ4_compress_HC(plain, packed, SIZE, sizeof packed, level));
    }
    return bad != 0;
}
