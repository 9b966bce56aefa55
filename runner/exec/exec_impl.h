/* SPDX-License-Identifier: Apache-2.0 */
/* Where a unit runs: to implement. An implementation embeds struct exec as its first member. */
#ifndef SLUICE_EXEC_EXEC_IMPL_H
#define SLUICE_EXEC_EXEC_IMPL_H

#include "exec/exec.h"

struct exec_ops {
    int (*start)(struct exec *exec,
                 unsigned slot,
                 const struct exec_request *request,
                 struct err *err);
    void (*stop)(struct exec *exec, unsigned slot, bool now);
    int (*peek)(struct exec *exec, unsigned slot, char *buf, size_t size);
    void (*free)(struct exec *exec);
};

struct exec {
    const struct exec_ops *ops;
};

#endif
