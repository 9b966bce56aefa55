/* SPDX-License-Identifier: Apache-2.0 */
/* What a person sees of a run: a fold over events into lines. Plain (no terminal): one line per
 * thing worth telling. Live: the same lines, and below them a block that is redrawn: counts, bar,
 * the units that run. render() is a pure function of the state, so every state is tested without a
 * terminal. */
#ifndef SLUICE_REPORTS_TERMINAL_H
#define SLUICE_REPORTS_TERMINAL_H

#include "base/err.h"
#include "base/str.h"
#include "model/event.h"

struct terminal;

enum verbosity {
    VERBOSITY_QUIET,
    VERBOSITY_NORMAL,
    VERBOSITY_VERBOSE
};

/* When the output of a unit that failed is shown; its head and cases are at both places always. */
enum failure_output {
    FAILURE_OUTPUT_IMMEDIATE, /* as it ends */
    FAILURE_OUTPUT_FINAL,     /* among the failures at the end */
    FAILURE_OUTPUT_BOTH,
    FAILURE_OUTPUT_NEVER,
};

struct terminal_options {
    int fd; /* 2 by default: standard output is for answers */
    bool color;
    bool live;        /* redraw a block; false for pipes and TERM=dumb */
    unsigned width;   /* columns; 0 = 80 */
    unsigned height;  /* lines; 0 = not known */
    unsigned slowest; /* so many of the slowest units are named at the end */
    enum verbosity verbosity;
    enum failure_output failure_output;
    const char *run_dir; /* where captures lie */
};

int terminal_new(const struct terminal_options *options,
                 struct terminal **ret_terminal,
                 struct err *err);
struct event_sink *terminal_sink(struct terminal *terminal);
/* Tells the first line before the run is started, which may take a while. `started` is the event as
 * far as it is known; when it comes itself, only what it says more is told. */
void terminal_announce(struct terminal *terminal, const struct event *started);
/* Redraws the live block; call every 100 ms from the loop with the monotonic time. Without a live
 * block it writes a line that counts, every ten seconds. */
void terminal_tick(struct terminal *terminal, int64_t mono_ms);
void terminal_resize(struct terminal *terminal, unsigned width, unsigned height);
/* Writes a message above the live block. */
void terminal_print(struct terminal *terminal, const char *text);
/* Removes the live block and leaves the cursor on a fresh line; safe to call twice. */
void terminal_end(struct terminal *terminal);
void terminal_free(struct terminal *terminal);

#endif
