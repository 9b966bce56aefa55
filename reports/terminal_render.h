/* SPDX-License-Identifier: Apache-2.0 */
/* From the terminal's state to text. Pure: the same state gives the same text. All text from
 * outside (names, messages, output) is cleaned, so it cannot steer the terminal. */
#ifndef SLUICE_REPORTS_TERMINAL_RENDER_H
#define SLUICE_REPORTS_TERMINAL_RENDER_H

#include "base/str.h"
#include "reports/terminal.h"
#include "reports/terminal_state.h"

/* Running units named in the live block. */
#define LIVE_UNITS_MAX 8

struct render_options {
    bool color;
    enum verbosity verbosity;
    enum failure_output failure_output;
    const char *run_dir; /* where captures lie */
    unsigned width;      /* columns, 40 to 200 */
    unsigned height;     /* lines of the screen; 0 = enough */
};

/* Appends the lines an event is worth, after view_apply() took it in; often none. */
void render_event(const struct view *view,
                  const struct event *event,
                  const struct render_options *options,
                  struct str *out);

/* Appends the live block: at most LIVE_UNITS_MAX + 2 lines and fewer than
 * the screen has, each narrower than the width and ended
 * by a newline. */
void render_live(const struct view *view, const struct render_options *options, struct str *out);

/* Appends one line that counts, for places where nothing is redrawn. */
void render_progress(const struct view *view, struct str *out);

/* Appends "file:line: FAILED layer unit: message" and, below, the cases that failed; with `details`
 * also what they and the unit said. */
void render_failure(const struct event *event,
                    const struct render_options *options,
                    bool details,
                    struct str *out);

/* Appends "failed is 2, must be at most 0". */
void render_gate(const struct gate_result *gate, struct str *out);

/* Appends the first `columns` columns of a line without newline; cut text ends in "...". */
void render_cut(struct str *out, const char *text, size_t columns);

#endif
