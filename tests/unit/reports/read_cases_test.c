/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"

#include <errno.h>
#include <string.h>

#include "support/test.h"
#include "unit/reports/support/collect.h"

#define CASES(text)                 collect_text(REPORT_CASES, text)
#define ASSERT_CONTAINS(text, part) assert_non_null(strstr((text), (part)))

TEST(each_line_is_a_case)
{
    struct collected c = CASES("{\"name\":\"a\",\"status\":\"passed\",\"time\":0.5}\n\n"
                               "{\"name\":\"b\",\"suite\":\"s\",\"status\":\"failed\",\"message\":"
                               "\"m\",\"file\":\"f.c\",\"line\":3}\r\n"
                               "{\"name\":\"c\",\"status\":\"timed_out\"}");
    assert_int_equal(c.rc, 0);
    assert_int_equal(c.count, 3);
    assert_true(c.cases[0].time_s > 0.4);
    assert_string_equal(c.cases[1].suite, "s");
    assert_int_equal(c.cases[1].line, 3);
    assert_int_equal(c.cases[2].status, OUTCOME_ERRORED);
    collected_fini(&c);
}

TEST(a_bad_line_is_named_and_what_came_before_was_delivered)
{
    struct collected c = CASES("{\"name\":\"a\",\"status\":\"passed\"}\n{\"name\":\"b\"}\n");
    assert_int_equal(c.rc, -EBADMSG);
    assert_int_equal(c.count, 1);
    ASSERT_CONTAINS(c.err.text, "line 2");
    collected_fini(&c);
    c = CASES("{\"name\":\"a\",\"status\":\"passed\",\"colour\":1}\n");
    assert_int_equal(c.rc, -EBADMSG);
    ASSERT_CONTAINS(c.err.text, "colour");
    collected_fini(&c);
    c = CASES("{\"name\":\"a\",\"status\":\"passed\"}\n{\"name\":\"b\",\"sta");
    assert_int_equal(c.rc, -EBADMSG);
    ASSERT_CONTAINS(c.err.text, "line 2");
    collected_fini(&c);
}

TEST(no_line_is_an_error)
{
    struct collected c = CASES("\n \n");
    assert_int_equal(c.rc, -ENODATA);
    collected_fini(&c);
}
