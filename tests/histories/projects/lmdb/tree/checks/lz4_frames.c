/* SPDX-License-Identifier: Apache-2.0 */
/* What LZ4 packs as a frame with checksums it unpacks again, and a changed byte is noticed. */
#include <stdio.h>
#include <string.h>

#include "lz4frame.h"

#define SIZE 50000

static char plain[SIZE];
static char packed[SIZE * 2];
static char again[SIZE];

static int unpack(size_t len)
{
    LZ4F_dctx *context = NULL;
    if (LZ4F_isError(LZ4F_createDecompressionContext(&context, LZ4F_VERSION))) {
        return -1;
    }
    size_t out = SIZE, in = len;
    size_t result = LZ4F_decompress(context, again, &out, packed, &in, NULL);
    LZ4F_freeDecompressionContext(context);
    return !LZ4F_isError(result) && out == SIZE && memcmp(plain, again, SIZE) == 0 ? 0 : -1;
}

int main(void)
{
    for (int i = 0; i < SIZE; i++) {
        plain[i] = (char)(i * i / 7 % 50);
    }
    LZ4F_preferences_t wishes;
    memset(&wishes, 0, sizeof wishes);
    wishes.frameInfo.contentChecksumFlag = LZ4F_contentChecksumEnabled;
    size_t len = LZ4F_compressFrame(packed, sizeof packed, plain, SIZE, &wishes);
    if (LZ4F_isError(len) || unpack(len) != 0) {
        puts("not the same after all");
        return 1;
    }
    packed[len / 2] ^= 1;
    if (unpack(len) == 0) {
        puts("a changed byte was not noticed");
        return 1;
    }
    printf("%zu bytes became %zu\n", (size_t)SIZE, len);
    return 0;
}
