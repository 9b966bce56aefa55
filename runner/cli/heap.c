/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/heap.h"

#include "base/mem.h"

#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/* Of x86-64 and of arm64 with pages of 4 KiB. */
#define LARGE_PAGE ((uintptr_t)2 << 20)

/* Address space that the heap takes at a time; memory only as it is touched. 5,000 reused units
 * with event log and JUnit report take 20 MiB. */
#define HEAP_STEP (32 << 20)

/* One heap for all threads, and for what is large: other ones would be made of small pages. */
static bool tune(void)
{
    static const int options[][2] = {
        {M_ARENA_MAX,      1            },
        {M_TOP_PAD,        HEAP_STEP    },
        {M_MMAP_THRESHOLD, HEAP_STEP    },
        {M_TRIM_THRESHOLD, 4 * HEAP_STEP},
    };
    bool good = true;
    for (size_t i = 0; good && i < sizeof options / sizeof options[0]; i++) {
        // NOLINTNEXTLINE(concurrency-mt-unsafe): there is one thread
        good = mallopt(options[i][0], options[i][1]) == 1;
    }
    return good;
}

void heap_prepare(void)
{
    if (!tune()) {
        return;
    }
    char *const before = sbrk(0);
    void *block = mem_calloc(LARGE_PAGE, 1); /* more than there is: the heap takes a step */
    char *const end = sbrk(0);
    mem_free(block);
    char *const start = before + (LARGE_PAGE - (uintptr_t)before % LARGE_PAGE) % LARGE_PAGE;
    if (end > start) {
        (void)madvise(start, (size_t)(end - start) / LARGE_PAGE * LARGE_PAGE, MADV_HUGEPAGE);
    }
}
