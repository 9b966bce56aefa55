/* SPDX-License-Identifier: Apache-2.0 */
/* The side to implement of reports/read.h: one function per format, text in, cases out. */
#ifndef SLUICE_REPORTS_READ_IMPL_H
#define SLUICE_REPORTS_READ_IMPL_H

#include "base/err.h"
#include "base/str.h"
#include "model/outcome.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Longest text kept of one case (message, details, output, each): what follows is dropped and told
 * in the text. A person reads some hundred lines; reports are cut at 64 KiB; 1 MiB is for tools. */
#define CASE_TEXT_MAX (1u << 20)

/* Longest name, class, suite, path, message of a case: what follows is dropped. Longer ones are an
 * attack or an accident; the answer of the reading child is limited as a whole. */
#define CASE_NAME_MAX (64u << 10)

/* Where cases go, with the limits every format shares. */
struct report_feed {
    int (*each)(void *context, const struct test_case *test_case);
    void *context;
    size_t count; /* cases seen in this pass */
    size_t skip;  /* the first so many were delivered by an earlier pass over the same bytes */
    bool mapped;  /* the text is a file in memory: what was read can be let go */
    bool brief;   /* nobody wants details and output: what tests print need not be kept */
    int stop;     /* non-zero: each() or a limit ended the reading; readers return it at once */
    struct err *err;
    char warning[512]; /* the first oddity of a report that can be read; "" = none */
    unsigned warnings; /* how many there were */
};

/* Hands one case on. A case without a name gets one. Returns feed->stop. */
int feed_case(struct report_feed *feed, const struct test_case *test_case);

/* As feed_case(), for a case that has a name and no text longer than its limit: nothing is looked
 * at again. Large reports are made of such cases. */
int feed_short_case(struct report_feed *feed, const struct test_case *test_case);

/* Notes an oddity that is no error: counters that disagree with what is there. */
void feed_warn(struct report_feed *feed, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Ends the reading for want of memory. */
void feed_no_memory(struct report_feed *feed);

/* Each reads a whole report. 0, feed->stop, or -EBADMSG / -ENOMEM with a message. A report without
 * any case is left to the caller. `text` is terminated behind `len`, but for read_junit(). */
int read_junit(const char *text, size_t len, struct report_feed *feed);
int read_cmocka(const char *text, size_t len, struct report_feed *feed);
int read_tap(const char *text, size_t len, struct report_feed *feed);
int read_cases(const char *text, size_t len, struct report_feed *feed);
int read_ctrf(const char *text, size_t len, struct report_feed *feed);
int read_mocha(const char *text, size_t len, struct report_feed *feed);
int read_gotest(const char *text, size_t len, struct report_feed *feed);
int read_subunit(const char *text, size_t len, struct report_feed *feed);

/* As read_junit(), for XML whose suites count errors that no testcase shows (cmocka: a group whose
 * set-up or tear-down failed): such a suite gets a synthetic errored case. */
int read_junit_counted(const char *text, size_t len, struct report_feed *feed);

/* Limit to make a struct str with for keep_text(): the text and the mark. */
#define KEEP_MAX (CASE_TEXT_MAX + 64)

/* Appends what fits into `s`; cut text is marked once. Never sets s->error but for -ENOMEM. */
void keep_text(struct str *s, const char *bytes, size_t len);

/* The text, or NULL when it is empty. */
const char *text_or_null(const struct str *s);

/* Finds "path:line" at the start of one of the first lines of a failure text. 1 and the place in
 * the text (path is *ret_len bytes at *ret_path), or 0. */
int find_location(const char *text, const char **ret_path, size_t *ret_len, uint32_t *ret_line);

#endif
