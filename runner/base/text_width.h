/* SPDX-License-Identifier: Apache-2.0 */
/* How many terminal columns a code point takes. A table of our own, so that the answer does not
 * depend on the locale the process was started in. */
#ifndef SLUICE_BASE_TEXT_WIDTH_H
#define SLUICE_BASE_TEXT_WIDTH_H

#include <stdint.h>

/* 0 for combining marks and format characters, 2 for East Asian wide and emoji, else 1. */
unsigned text_codepoint_columns(uint32_t code);

#endif
