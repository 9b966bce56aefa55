/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin `mutation`: do the tests notice when the code is wrong? */
#ifndef SLUICE_PLUGINS_MUTATION_MUTATION_H
#define SLUICE_PLUGINS_MUTATION_MUTATION_H

#include "plugins/sdk/sdk.h"

extern const struct sdk_plugin mutation_plugin;

#endif
