/* SPDX-License-Identifier: Apache-2.0 */
/* Large XML is read out of its file, piece by piece: nothing behind its end is looked at, and
 * nothing is read twice or lost. */
#include "base/cleanup.h"
#include "base/limits.h"
#include "base/str.h"
#include "reports/read.h"
#include "reports/xml_read.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "support/test.h"

/* A case is about 60 bytes: together more than what stays in memory behind the parser, twice. */
#define MANY_CASES ((int)(2 * XML_BEHIND_MAX / 50))

struct seen {
    size_t count;
    size_t failed;
    char last[64];
    bool has_long_text;
    bool has_message;
};

static int see(void *context, const struct test_case *c)
{
    struct seen *seen = context;
    seen->count++;
    seen->failed += c->status == OUTCOME_FAILED ? 1 : 0;
    seen->has_long_text = seen->has_long_text || c->details != NULL || c->output != NULL;
    seen->has_message = seen->has_message || c->message != NULL;
    (void)snprintf(seen->last, sizeof seen->last, "%s", c->name);
    return 0;
}

static void put_cases(struct str *out, int from, int count)
{
    for (int i = from; i < from + count; i++) {
        (void)str_appendf(out, "<testcase classname='layer.unit' name='%d' time='0.001'/>\n", i);
    }
}

static int file_of(const struct str *text)
{
    int fd = memfd_create("report", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, str_text(text), text->len), (ssize_t)text->len);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

static int read_seen(enum report_format format,
                     const struct str *text,
                     struct seen *ret_seen,
                     struct err *ret_err)
{
    CLEANUP(cleanup_fd) int fd = file_of(text);
    *ret_seen = (struct seen){0};
    *ret_err = (struct err){0};
    return report_read(format, fd, see, ret_seen, ret_err);
}

TEST(all_cases_of_a_large_report_are_read_whatever_it_is_called)
{
    CLEANUP(str_fini) struct str text = STR_INIT(REPORT_BYTES_MAX);

    const enum report_format formats[] = {REPORT_JUNIT, REPORT_AUTO};
    struct seen seen;
    struct err err;
    (void)str_append(&text, "<testsuites><testsuite name='s'>\n");
    put_cases(&text, 0, MANY_CASES);
    (void)str_append(&text, "</testsuite></testsuites>\n");
    assert_true(text.len > 2 * XML_BEHIND_MAX);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(read_seen(formats[i], &text, &seen, &err), 0);
        assert_int_equal(seen.count, MANY_CASES);
        assert_int_equal(strtol(seen.last, NULL, 10), MANY_CASES - 1);
    }
}

TEST(a_file_that_fills_its_last_page_is_not_read_beyond_it)
{
    CLEANUP(str_fini) struct str text = STR_INIT(REPORT_BYTES_MAX);
    struct seen seen;
    struct err err;
    (void)str_append(&text, "<testsuite>\n");
    put_cases(&text, 0, 5000);
    (void)str_append(&text, "</testsuite>");
    while (text.len % (size_t)sysconf(_SC_PAGESIZE) != 0) {
        (void)str_append_char(&text, ' ');
    }
    assert_int_equal(read_seen(REPORT_AUTO, &text, &seen, &err), 0);
    assert_int_equal(seen.count, 5000);
}

TEST(several_documents_in_a_large_file_follow_each_other)
{
    CLEANUP(str_fini) struct str text = STR_INIT(REPORT_BYTES_MAX);
    struct seen seen;
    struct err err;
    for (int i = 0; i < 3; i++) {
        (void)str_append(&text, "<?xml version='1.0'?>\n<testsuite>\n");
        put_cases(&text, i * MANY_CASES / 3, MANY_CASES / 3);
        (void)str_append(&text, "</testsuite>\n");
    }
    assert_int_equal(read_seen(REPORT_JUNIT, &text, &seen, &err), 0);
    assert_int_equal(seen.count, MANY_CASES / 3 * 3);
}

TEST(a_damage_late_in_a_large_report_is_told_with_its_line_and_no_case_comes_twice)
{
    CLEANUP(str_fini) struct str text = STR_INIT(REPORT_BYTES_MAX);
    char line[32];
    struct seen seen;
    struct err err;
    (void)str_append(&text, "<testsuite>\n");
    put_cases(&text, 0, MANY_CASES);
    (void)str_append(&text, "<testcase name='torn");
    assert_int_equal(read_seen(REPORT_JUNIT, &text, &seen, &err), -EBADMSG);
    assert_int_equal(seen.count, MANY_CASES);
    (void)snprintf(line, sizeof line, "line %d", MANY_CASES + 2);
    if (strstr(err.text, line) == NULL) {
        fail_msg("%s is not in: %s", line, err.text);
    }
}

TEST(a_brief_reading_has_the_message_and_the_place_but_no_long_texts)
{
    CLEANUP(str_fini) struct str text = STR_INIT(REPORT_BYTES_MAX);
    struct seen seen = {0};
    struct err err = {0};
    (void)str_append(&text,
                     "<testsuite><testcase name='a'><failure message='no'>a.c:3: no\nmore</failure>"
                     "<system-out>long</system-out><system-err>longer</system-err></testcase>"
                     "<testcase name='b'><system-out>long</system-out></testcase></testsuite>");
    CLEANUP(cleanup_fd) int fd = file_of(&text);
    assert_int_equal(report_read_brief(REPORT_JUNIT, fd, see, &seen, &err), 0);
    assert_int_equal(seen.count, 2);
    assert_int_equal(seen.failed, 1);
    assert_true(seen.has_message);
    assert_false(seen.has_long_text);
    assert_int_equal(read_seen(REPORT_JUNIT, &text, &seen, &err), 0);
    assert_true(seen.has_long_text);
}
