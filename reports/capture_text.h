/* SPDX-License-Identifier: Apache-2.0 */
/* Captured output of a unit, as text for people: head and tail, cleaned (base/text.h). */
#ifndef SLUICE_REPORTS_CAPTURE_TEXT_H
#define SLUICE_REPORTS_CAPTURE_TEXT_H

#include "base/str.h"
#include "model/outcome.h"

/* Appends at most about `max` bytes of the capture: the first and the last half, and a line between
 * them that tells how much is left out. Folder and file that cannot be read give a line that says
 * so. Returns out->error. */
int capture_text(struct str *out, const char *run_dir, const struct capture *capture, size_t max);

/* Appends the last lines: at most `lines` of them and `max` bytes. */
int capture_tail(struct str *out,
                 const char *run_dir,
                 const struct capture *capture,
                 unsigned lines,
                 size_t max);

#endif
