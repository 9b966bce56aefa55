/* SPDX-License-Identifier: Apache-2.0 */
/* Private to schema*.c. */
#ifndef SLUICE_PLUGINS_MUTATION_SCHEMA_IMPL_H
#define SLUICE_PLUGINS_MUTATION_SCHEMA_IMPL_H

#include "plugins/mutation/schema.h"

/* Finds the construct that holds a span: NULL and *ret_site, or the reason why there is none. */
const char *schema_find_carrier(const struct source *source,
                                const struct mutant_span *span,
                                const char *replacement,
                                struct schema_site *ret_site);

#endif
