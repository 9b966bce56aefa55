/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a unit's report in a child with hard limits: what a foreign parser does with hostile bytes
 * ends there. */
#ifndef SLUICE_EXEC_REPORT_CHILD_H
#define SLUICE_EXEC_REPORT_CHILD_H

#include "base/arena.h"
#include "base/err.h"
#include "exec/slot.h"

/* Limits of the child. A 100 MiB JUnit file takes libxml2 about one second; 1 GiB address space
 * holds its largest text node several times. */
#define REPORT_CPU_S      60
#define REPORT_WALL_MS    120000
#define REPORT_MEMORY     (1ull << 30)
#define REPORT_ANSWER_MAX (160u << 20)

/* Reads `fd` from its beginning. Cases read before a damage are delivered beside the error. Strings
 * in `arena`. On success err->text may hold a warning of the reader. */
int report_child_read(const struct slot_reports *reports,
                      enum report_format format,
                      int fd,
                      struct arena *arena,
                      struct case_list *ret_cases,
                      struct err *err);

#endif
