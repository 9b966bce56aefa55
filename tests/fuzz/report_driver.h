/* SPDX-License-Identifier: Apache-2.0 */
/* What the fuzz targets of all report readers do: the first byte picks one of the target's formats,
 * the rest is the report. */
#ifndef SLUICE_TESTS_FUZZ_REPORT_DRIVER_H
#define SLUICE_TESTS_FUZZ_REPORT_DRIVER_H

#include "reports/read.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Texts are whole, and a case has a name and an outcome that a report can tell. */
static int check_case(void *context, const struct test_case *c)
{
    size_t *bytes = context;
    if (c->name == NULL || (unsigned)c->status >= OUTCOME_STATUS_COUNT
        || c->status == OUTCOME_TIMED_OUT) {
        abort();
    }
    *bytes += strlen(c->name) + (c->details != NULL ? strlen(c->details) : 0);
    return 0;
}

static int fuzz_report(const enum report_format *formats,
                       size_t format_count,
                       const uint8_t *data,
                       size_t size)
{
    size_t bytes = 0;
    struct err err = {0};
    if (size == 0) {
        return 0;
    }
    int fd = memfd_create("report", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data + 1, size - 1) != (ssize_t)(size - 1)
        || lseek(fd, 0, SEEK_SET) != 0) {
        abort();
    }
    int rc = report_read(formats[data[0] % format_count], fd, check_case, &bytes, &err);
    if (rc != 0 && err.text[0] == '\0') {
        abort(); /* an error that explains nothing */
    }
    (void)close(fd);
    return 0;
}

#endif
