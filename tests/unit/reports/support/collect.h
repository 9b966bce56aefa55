/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a report from memory and keeps its cases, for tests. */
#ifndef SLUICE_TESTS_REPORTS_COLLECT_H
#define SLUICE_TESTS_REPORTS_COLLECT_H

#include "base/err.h"
#include "model/outcome.h"
#include "model/unit.h"

#include <stddef.h>

struct collected {
    struct test_case *cases;
    size_t count;
    size_t cap;
    size_t by_status[OUTCOME_STATUS_COUNT];
    int rc; /* of report_read() */
    struct err err;
};

/* Reads `len` bytes as a report; collected_fini() the result. */
struct collected collect(enum report_format format, const char *bytes, size_t len);
struct collected collect_text(enum report_format format, const char *text);
struct collected collect_file(enum report_format format, const char *path);
void collected_fini(struct collected *collected);

/* Where the corpora are, or NULL: SLUICE_SHARED, or ../shared beside the repository. The text is
 * valid until the next call. */
const char *corpus_path(const char *below);

/* The whole file as text, mem_free() it. */
char *read_text_file(const char *path, size_t *ret_len);

#endif
