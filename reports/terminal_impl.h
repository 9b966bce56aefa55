/* SPDX-License-Identifier: Apache-2.0 */
/* What the files that render for the terminal share; nobody else includes it. */
#ifndef SLUICE_REPORTS_TERMINAL_IMPL_H
#define SLUICE_REPORTS_TERMINAL_IMPL_H

#include "reports/terminal_render.h"

#define TERM_RED    "\033[31m"
#define TERM_GREEN  "\033[32m"
#define TERM_YELLOW "\033[33m"
#define TERM_CYAN   "\033[36m"
#define TERM_BOLD   "\033[1m"
#define TERM_RESET  "\033[0m"

/* Failed cases named under a unit; the rest is counted. */
#define CASES_TOLD 10

/* Text from outside, in one line. */
void term_put_text(struct str *out, const char *text);

/* Our own text between a colour and its end. */
void term_put_colored(struct str *out, bool color, const char *code, const char *text);

/* Text from outside, each line behind `prefix`; at most `lines` lines, the last ones. */
void term_put_block(struct str *out, const char *prefix, const char *text, unsigned lines);

void term_put_duration(struct str *out, int64_t ms);

/* "7 units", "1 unit" */
void term_put_count(struct str *out, uint64_t count, const char *word);

/* "431 units: 427 passed, 2 failed, 1 skipped" */
void term_put_tally(struct str *out, const struct tally *tally);

/* Lines of events that take a file of their own. */
void term_unit_finished(const struct view *view,
                        const struct event *event,
                        const struct render_options *options,
                        struct str *out);
void term_run_finished(const struct view *view,
                       const struct event *event,
                       const struct render_options *options,
                       struct str *out);

#endif
