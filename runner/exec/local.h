/* SPDX-License-Identifier: Apache-2.0 */
/* Runs units on this machine, one small slot process per slot (slot.h), watched from a libuv loop.
 */
#ifndef SLUICE_EXEC_LOCAL_H
#define SLUICE_EXEC_LOCAL_H

#include "exec/exec.h"

struct uv_loop_s;

struct exec_local_options {
    struct uv_loop_s *loop;
    unsigned jobs;
    const char *run_dir; /* captures, reports, artifacts go here */
    const char *program; /* our own executable, started as `PROGRAM slot` for each slot; NULL =
                            /proc/self/exe */
};

int exec_local_new(const struct exec_local_options *options,
                   struct exec **ret_exec,
                   struct err *err);

/* What this machine offers for isolation, tried for real in a child. `text` says what is missing
 * and how to switch it on. */
struct exec_probe {
    bool user_namespaces, mount_namespaces, pid_namespaces, net_namespaces, overlay, tmpfs_xattr;
    bool isolated;             /* all that SANDBOX_FULL needs */
    char reason[512];          /* first thing missing and what to do; "" when isolated */
    bool observed;             /* isolated units can be observed: outcome->trace */
    char observed_reason[512]; /* why not and what to do; "" when observed */
};

void exec_probe(struct exec_probe *ret_probe);

/* As exec_probe(); a yes to everything is kept in `folder` (base/memo.h) and believed as long as
 * nothing that is known to decide about it changes: boot, kernel, user, capabilities, security
 * modules and filters, limits, this program. A no is never kept. When a yes is wrong after all,
 * units end as infrastructure errors. */
void exec_probe_once(const char *folder, struct exec_probe *ret_probe);

#endif
