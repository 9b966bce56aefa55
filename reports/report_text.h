/* SPDX-License-Identifier: Apache-2.0 */
/* Texts as reports of several formats need them: cleaned, cut, stamped. */
#ifndef SLUICE_REPORTS_REPORT_TEXT_H
#define SLUICE_REPORTS_REPORT_TEXT_H

#include "base/json.h"
#include "base/str.h"
#include "model/verdict.h"
#include "reports/unique.h"

#include <stdint.h>

/* Where a cut at or before `at` does not tear a UTF-8 character. */
size_t text_cut_before(const char *text, size_t at);

/* Appends at most about `max` bytes of a text, cleaned (base/text.h): the head and the tail, and
 * between them how much is left out. */
void text_clean_cut(struct str *out, const char *text, size_t max);

/* Puts a cleaned text; nothing when it is NULL. */
void jw_put_clean(struct json_writer *w, const char *key, const char *text, size_t max);

/* Puts "2026-11-22T09:00:00Z". */
void jw_put_moment(struct json_writer *w, const char *key, int64_t wall_ms);

/* What was made of a text that did not fit is no whole either: `out` gets its error. */
void str_carry_error(struct str *out, const struct str *part);

/* A fingerprint of a finding that survives edits elsewhere in its file: of layer, rule, file and
 * message, no line; `seen` tells equal ones apart. 64 hexadecimal digits into `out`. 0 or -ENOMEM.
 */
int finding_fingerprint(struct unique *seen,
                        const char *layer,
                        const struct finding *finding,
                        struct str *out);

/* Appends a path as part of a URI. */
void uri_append_path(struct str *out, const char *path);

#endif
