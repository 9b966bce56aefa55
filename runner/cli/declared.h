/* SPDX-License-Identifier: Apache-2.0 */
/* Names in `reuse: {declared: [...]}` that nothing has. Such evidence answers for every state in
 * which that name is missing: misspelt, it would answer for ever. */
#ifndef SLUICE_CLI_DECLARED_H
#define SLUICE_CLI_DECLARED_H

#include "cli/project.h"

/* Tells each such name with its place. What an earlier layer may make is passed over: what its
 * `outputs` match, and what lies in the build folder of a `build` layer. */
void declared_tell(const struct project *project,
                   void (*tell)(void *context, const char *text),
                   void *context);

#endif
