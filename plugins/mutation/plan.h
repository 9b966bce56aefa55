/* SPDX-License-Identifier: Apache-2.0 */
/* From settings to units: one for each file, or part of a file, that has mutants in scope. */
#ifndef SLUICE_PLUGINS_MUTATION_PLAN_H
#define SLUICE_PLUGINS_MUTATION_PLAN_H

#include "plugins/sdk/sdk.h"

int mutation_plan(struct sdk *sdk, struct err *err);

#endif
