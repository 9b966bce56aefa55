/* SPDX-License-Identifier: Apache-2.0 */
/* The slot process: `sluice slot`, one per slot, small, single-threaded. Serves requests from its
 * parent over a socket until that closes: prepares the world, starts the unit, captures, limits,
 * ends the whole tree, reads its report in a limited child. */
#ifndef SLUICE_EXEC_SLOT_H
#define SLUICE_EXEC_SLOT_H

#include "base/err.h"
#include "model/outcome.h"
#include "model/unit.h"

#include <stdbool.h>
#include <stddef.h>

/* Reads a report from `fd`, calls `each` per case. Wired by cli to reports/read.h, so that exec
 * knows no format. Runs in a child with hard limits. */
typedef int (*slot_report_reader)(enum report_format format,
                                  int fd,
                                  int (*each)(void *context, const struct test_case *test_case),
                                  void *context,
                                  struct err *err);

struct slot_reports {
    /* Called in the slot process before a report of this format is first read: the reader's child
     * can load nothing. NULL = nothing to do. */
    int (*prepare)(enum report_format format, struct err *err);
    slot_report_reader read;
    /* For report_child_pass(): is it passed on, or only counted? Asked in the child. NULL = all are
     * passed on. */
    bool (*wanted)(const struct test_case *test_case);
    size_t cases_max; /* 0 = CASES_PER_UNIT_MAX */
};

/* Never returns before the parent is gone; the process's exit code. */
int slot_main(int socket_fd, const struct slot_reports *reports);

#endif
