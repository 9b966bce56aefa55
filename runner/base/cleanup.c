/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cleanup.h"

#include "base/mem.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

void cleanup_fd(int *fd)
{
    if (*fd >= 0) {
        int saved = errno; /* runs on the way out: the function's own errno must survive */
        (void)close(*fd);
        errno = saved;
        *fd = -1;
    }
}

void cleanup_free(void *pointer_to_pointer)
{
    void *block;

    /* The argument is a T **; copying bytes is the way to read it that breaks no aliasing rule. */
    memcpy(&block, pointer_to_pointer, sizeof block);
    mem_free(block);
    block = NULL;
    memcpy(pointer_to_pointer, &block, sizeof block);
}
