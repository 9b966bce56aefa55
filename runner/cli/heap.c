/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/heap.h"

#include <malloc.h>
#include <stddef.h>

/* Address space that the heap takes at a time; memory only as it is touched. 5,000 reused units
 * with event log and JUnit report take 12 MiB. */
#define HEAP_STEP (32 << 20)

void heap_prepare(void)
{
    /* One heap for all threads, and for what is large: what one part gives back another takes,
     * instead of memory that nobody touched before. */
    static const int options[][2] = {
        {M_ARENA_MAX,      1            },
        {M_TOP_PAD,        HEAP_STEP    },
        {M_MMAP_THRESHOLD, HEAP_STEP    },
        {M_TRIM_THRESHOLD, 4 * HEAP_STEP},
    };
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        // NOLINTNEXTLINE(concurrency-mt-unsafe): there is one thread
        (void)mallopt(options[i][0], options[i][1]);
    }
}
