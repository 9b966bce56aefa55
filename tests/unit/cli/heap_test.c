/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/heap.h"

#include "base/mem.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "support/test.h"

/* From small ones to those beyond what the heap takes at a time (32 MiB). */
static void *use_blocks(void *context)
{
    bool *good = context;
    static const size_t sizes[] = {24, 4000, (size_t)3 << 20, (size_t)40 << 20};
    *good = true;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        char *block = mem_calloc(sizes[i], 1);
        *good = *good && block != NULL && block[0] == 0 && block[sizes[i] - 1] == 0;
        if (block != NULL) {
            memset(block, 'x', sizes[i]);
        }
        char *grown = block != NULL ? mem_realloc(block, 2 * sizes[i], 1) : NULL;
        *good = *good && grown != NULL && grown[sizes[i] - 1] == 'x';
        mem_free(grown != NULL ? grown : block);
    }
    return NULL;
}

TEST(blocks_of_a_prepared_heap_are_as_any_in_each_thread)
{
    bool here = false;
    bool there = false;
    pthread_t thread;
    heap_prepare();
    heap_prepare(); /* `run --repeat` needs no second one, and takes no harm of it */
    assert_int_equal(pthread_create(&thread, NULL, use_blocks, &there), 0);
    (void)use_blocks(&here);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(here);
    assert_true(there);
}
