/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz: reports */
/* XML by table, and the guess what a report is. */
#include "report_driver.h"

static const enum report_format formats[] = {REPORT_AUTO,
                                             REPORT_CHECK,
                                             REPORT_CUNIT,
                                             REPORT_CPPUNIT,
                                             REPORT_CTEST,
                                             REPORT_BOOST,
                                             REPORT_NUNIT,
                                             REPORT_XUNIT,
                                             REPORT_TRX,
                                             REPORT_QTEST};

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_report(formats, sizeof formats / sizeof formats[0], data, size);
}
