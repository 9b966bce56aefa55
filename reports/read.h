/* SPDX-License-Identifier: Apache-2.0 */
/* Readers of foreign reports -> test cases. Streaming, bounded, no network, no entities, no file
 * but the one given. Called in a resource-limited child (exec/slot.h): here the formats, there the
 * limits. Rules: counters are never trusted, cases are recounted; zero cases, a truncated file, a
 * bail-out or a plan that does not match are errors. */
#ifndef SLUICE_REPORTS_READ_H
#define SLUICE_REPORTS_READ_H

#include "base/err.h"
#include "model/outcome.h"
#include "model/unit.h"

/* Loads what reading this format needs, so that report_read() can be called later where files
 * cannot be seen. 0, or -ENOPKG and what to install. */
int report_prepare(enum report_format format, struct err *err);

/* Calls `each` per case in file order; strings live during the call. Non-zero from `each` stops and
 * is returned. 0 on success; -ENODATA no case in it; -EBADMSG damaged (message says where: line,
 * column); -EFBIG beyond REPORT_BYTES_MAX or CASES_PER_UNIT_MAX. What could be read before a damage
 * was delivered. On success err->text may hold a warning: counters that disagree with the cases. */
int report_read(enum report_format format,
                int fd,
                int (*each)(void *context, const struct test_case *test_case),
                void *context,
                struct err *err);

/* As report_read(), for callers that need neither details nor output: a reader may pass over them,
 * which is half of what a large report takes. */
int report_read_brief(enum report_format format,
                      int fd,
                      int (*each)(void *context, const struct test_case *test_case),
                      void *context,
                      struct err *err);

#endif
