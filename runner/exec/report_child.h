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
#define REPORT_ANSWER_MAX (160u << 20) /* of cases that are kept, not of those passed on */

/* Where cases go as they are read. */
struct report_sink {
    /* Takes a case, whose texts live during the call. 0, or an error that ends the reading. */
    int (*take)(void *context, const struct test_case *test_case, struct err *err);
    /* So many cases that slot_reports.wanted refused; told before the end. */
    void (*count)(void *context, enum outcome_status status, bool flaky, size_t count);
    void *context;
};

/* Reads `fd` from its beginning and passes each case on at once: however many there are, a few MiB
 * of memory are used here. Cases before a damage are passed on before the error is returned. On
 * success err->text may hold a warning of the reader. */
int report_child_pass(const struct slot_reports *reports,
                      enum report_format format,
                      int fd,
                      const struct report_sink *sink,
                      struct err *err);

/* As report_child_pass(), all cases at once: reads `fd` from its beginning. Cases read before a
 * damage are delivered beside the error. Strings in `arena`. On success err->text may hold a
 * warning of the reader. */
int report_child_read(const struct slot_reports *reports,
                      enum report_format format,
                      int fd,
                      struct arena *arena,
                      struct case_list *ret_cases,
                      struct err *err);

#endif
