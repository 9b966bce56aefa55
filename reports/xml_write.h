/* SPDX-License-Identifier: Apache-2.0 */
/* Pieces of XML into a str. Whatever bytes come in, valid XML 1.0 in UTF-8 comes out: escape
 * sequences of terminals are removed, what XML forbids is replaced (base/text.h). Errors stick in
 * the str. */
#ifndef SLUICE_REPORTS_XML_WRITE_H
#define SLUICE_REPORTS_XML_WRITE_H

#include "base/str.h"

#include <stddef.h>
#include <stdint.h>

/* Escaped text, safe between tags and within attribute values. */
void xml_text(struct str *out, const char *text);
void xml_text_n(struct str *out, const char *text, size_t len);

/* ` name="value"`; nothing when the value is NULL. Line ends and tabs survive as references. */
void xml_attribute(struct str *out, const char *name, const char *value);
void xml_attribute_count(struct str *out, const char *name, uint64_t value);
/* Seconds with three decimals; nothing when negative or not finite. */
void xml_attribute_seconds(struct str *out, const char *name, double seconds);

#endif
