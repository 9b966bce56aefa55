/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz: reports */
/* TAP, and lines of cases. */
#include "report_driver.h"

static const enum report_format formats[] = {REPORT_TAP, REPORT_CASES};

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_report(formats, sizeof formats / sizeof formats[0], data, size);
}
