/* SPDX-License-Identifier: Apache-2.0 */
/* The verb `select`: in which order the units of the layer start. None is left out. */
#ifndef SLUICE_PLUGINS_MUTATION_SELECT_H
#define SLUICE_PLUGINS_MUTATION_SELECT_H

#include "plugins/sdk/sdk.h"

/* The build first; then files that changed, those never tried, those that had survivors, and the
 * rest. In each of these the longest first. */
int mutation_select(struct sdk *sdk, struct err *err);

#endif
