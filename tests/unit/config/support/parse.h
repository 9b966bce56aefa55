/* SPDX-License-Identifier: Apache-2.0 */
/* Texts that are good pipelines, and texts that are not. */
#ifndef SLUICE_TESTS_UNIT_CONFIG_SUPPORT_PARSE_H
#define SLUICE_TESTS_UNIT_CONFIG_SUPPORT_PARSE_H

#include "config/config.h"

/* With the plugins of the project, and the largest seed. */
extern const struct config_options parse_options;

/* Fails the test when it is refused. config_free() afterwards. */
struct config *parse(const char *text);

/* Fails the test unless it is refused with `code` and `part` in the message. */
void refuse(const char *text, size_t len, int code, const char *part);

#endif
