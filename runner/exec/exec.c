/* SPDX-License-Identifier: Apache-2.0 */
#include "exec/exec.h"

#include "exec/exec_impl.h"

#include <assert.h>

int exec_start(struct exec *exec,
               unsigned slot,
               const struct exec_request *request,
               struct err *err)
{
    assert(request->world != NULL && request->done != NULL);
    assert(request->argv != NULL && request->argv[0] != NULL && request->env != NULL);
    return exec->ops->start(exec, slot, request, err);
}

void exec_stop(struct exec *exec, unsigned slot, bool now)
{
    exec->ops->stop(exec, slot, now);
}

int exec_peek(struct exec *exec, unsigned slot, char *buf, size_t size)
{
    assert(size > 0);
    return exec->ops->peek(exec, slot, buf, size);
}

void exec_free(struct exec *exec)
{
    if (exec != NULL) {
        exec->ops->free(exec);
    }
}
