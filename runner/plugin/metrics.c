/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/plugin.h"

const char *const plugin_standard_metrics[PLUGIN_STANDARD_METRICS] = {
    "units",
    "passed",
    "failed",
    "errored",
    "timed_out",
    "skipped",
    "flaky",
    "not_run",
    "total",
    "cases_passed",
    "cases_failed",
    "cases_errored",
    "cases_skipped",
    "findings",
};

void plugin_metrics_of(const struct tally *tally,
                       size_t finding_count,
                       struct metric ret_metrics[PLUGIN_STANDARD_METRICS])
{
    const uint64_t values[PLUGIN_STANDARD_METRICS] = {
        tally->units,
        tally->passed,
        tally->failed,
        tally->errored,
        tally->timed_out,
        tally->skipped,
        tally->flaky,
        tally->not_run,
        tally->cases,
        tally->cases_passed,
        tally->cases_failed,
        tally->cases_errored,
        tally->cases_skipped,
        finding_count,
    };
    for (size_t i = 0; i < PLUGIN_STANDARD_METRICS; i++) {
        ret_metrics[i] = (struct metric){plugin_standard_metrics[i], (double)values[i]};
    }
}
