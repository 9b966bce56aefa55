/* SPDX-License-Identifier: Apache-2.0 */
/* Text for manual pages: man(7) macros, as groff and mandoc read them. */
#ifndef SLUICE_BASE_ROFF_H
#define SLUICE_BASE_ROFF_H

#include "base/str.h"

/* Appends text that stands for itself: backslashes, hyphens, and a dot or quote at the start of a
 * line mean nothing. What is between `backquotes` is bold. */
int roff_text(struct str *out, const char *text);

/* Appends text in bold. */
int roff_bold(struct str *out, const char *text);

/* Appends help text: lines between empty ones are a paragraph; indented lines stay as they are. */
int roff_paragraphs(struct str *out, const char *text);

#endif
