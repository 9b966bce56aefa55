/* SPDX-License-Identifier: Apache-2.0 */
/* From results to metrics, findings and reports. */
#ifndef SLUICE_PLUGINS_MUTATION_JUDGE_H
#define SLUICE_PLUGINS_MUTATION_JUDGE_H

#include "plugins/sdk/sdk.h"

/* Names of the metrics, NULL-terminated. */
extern const char *const judge_metrics[];

int mutation_judge(struct sdk *sdk, struct err *err);

#endif
