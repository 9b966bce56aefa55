/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz: reports */
/* CTRF, mocha, go test and subunit: the first byte picks the format. */
#include "reports/read.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

// NOLINTBEGIN(readability-identifier-naming): libFuzzer's name
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// NOLINTEND(readability-identifier-naming)

static const enum report_format formats[] = {
    REPORT_CTRF, REPORT_MOCHA, REPORT_GOTEST, REPORT_SUBUNIT};

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

// NOLINTNEXTLINE(readability-identifier-naming)
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
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
    enum report_format format = formats[data[0] % (sizeof formats / sizeof formats[0])];
    int rc = report_read(format, fd, check_case, &bytes, &err);
    if (rc != 0 && err.text[0] == '\0') {
        abort(); /* an error that explains nothing */
    }
    (void)close(fd);
    return 0;
}
