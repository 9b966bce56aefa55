/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "support/test.h"
#include "unit/reports/support/collect.h"

#define CMOCKA(text)                collect_text(REPORT_CMOCKA, text)
#define ASSERT_CONTAINS(text, part) assert_non_null(strstr((text), (part)))

#define DECLARATION "<?xml version=\"1.0\" encoding=\"UTF-8\" ?>\n"
#define SUITE(name, tests, bad)                                                         \
    "  <testsuite name=\"" name "\" time=\"0.000\" tests=\"" tests "\" failures=\"" bad \
    "\" errors=\"0\" skipped=\"0\" >\n"
#define CASE(name, inner) \
    "    <testcase name=\"" name "\" time=\"0.000\" >\n" inner "    </testcase>\n"
#define FAILURE(text) "      <failure><![CDATA[" text "]]></failure>\n"

/* cmocka 1.1.5 closes its CDATA at a "]]>" of the message: the file is not well-formed. */
TEST(a_message_with_a_cdata_end_is_read_whole)
{
    struct collected c =
        CMOCKA(DECLARATION "<testsuites>\n" SUITE("g", "2", "1") CASE("ok", "") CASE(
            "bad", FAILURE("t.c:8: error: x ]]> y <b>&]]></failure>\nand more")) "  </testsuite>\n"
                                                                                 "</testsuites>\n");
    assert_int_equal(c.rc, 0);
    assert_int_equal(c.count, 2);
    assert_string_equal(c.cases[0].suite, "g");
    assert_int_equal(c.cases[1].status, OUTCOME_FAILED);
    assert_string_equal(c.cases[1].details, "t.c:8: error: x ]]> y <b>&]]></failure>\nand more");
    assert_string_equal(c.cases[1].file, "t.c");
    assert_int_equal(c.cases[1].line, 8);
    collected_fini(&c);
}

TEST(names_that_were_not_escaped_are_read)
{
    struct collected c = CMOCKA("<testsuites>\n" SUITE("a<&>\"b", "1", "0")
                                    CASE("x < \"y\" && z", "") "  </testsuite>\n</testsuites>\n");
    assert_int_equal(c.rc, 0);
    assert_string_equal(c.cases[0].suite, "a<&>\"b");
    assert_string_equal(c.cases[0].name, "x < \"y\" && z");
    collected_fini(&c);
    c = CMOCKA("<testsuites>\n" SUITE("a &lt; b", "1", "0")
                   CASE("c", "") "  </testsuite>\n</testsuites>\n");
    assert_string_equal(c.cases[0].suite, "a < b");
    collected_fini(&c);
}

/* Two groups in one program write two roots into one file; the tests print in between. */
TEST(groups_and_what_tests_print_share_one_stream)
{
    struct collected c =
        CMOCKA("hello <testsuite from a test\n" DECLARATION "<testsuites>\n" SUITE("g1", "1", "0")
                   CASE("a", "") "  </testsuite>\n</testsuites>\nnoise & <noise>\nmore"
                                 "<testsuites>\n" SUITE("g2", "1", "0")
                                     CASE("a", "") "  </testsuite>\n</testsuites>\nbye\n");
    assert_int_equal(c.rc, 0);
    assert_int_equal(c.count, 2);
    assert_string_equal(c.cases[0].suite, "g1");
    assert_string_equal(c.cases[1].suite, "g2");
    collected_fini(&c);
}

/* A group whose set-up failed has no testcase at all; one whose tear-down failed only counts. */
TEST(a_group_that_counts_more_failures_than_it_shows_is_an_error)
{
    struct collected c = CMOCKA("<testsuites>\n" SUITE(
        "setup", "0", "1") "  </testsuite>\n</testsuites>\n<testsuites>\n" SUITE("teardown",
                                                                                 "1",
                                                                                 "1")
                                    CASE("a", "") "  </testsuite>\n</testsuites>\n");
    assert_int_equal(c.rc, 0);
    assert_int_equal(c.count, 3);
    assert_int_equal(c.cases[0].status, OUTCOME_ERRORED);
    assert_string_equal(c.cases[0].suite, "setup");
    assert_int_equal(c.cases[1].status, OUTCOME_PASSED);
    assert_int_equal(c.cases[2].status, OUTCOME_ERRORED);
    ASSERT_CONTAINS(c.cases[2].message, "tear-down");
    collected_fini(&c);
}

TEST(bytes_that_xml_forbids_do_not_break_the_report)
{
    struct collected c = CMOCKA("<testsuites>\n" SUITE("g", "1", "1") CASE(
        "a", FAILURE("\"\x01\xFF\" != \"\033[31mb\"")) "  </testsuite>\n</testsuites>\n");
    assert_int_equal(c.rc, 0);
    ASSERT_CONTAINS(c.cases[0].details, "!= \"b\"");
    collected_fini(&c);
}

TEST(a_truncated_cmocka_report_is_an_error)
{
    struct collected c =
        CMOCKA("<testsuites>\n" SUITE("g", "2", "1") CASE("a", "") "    <testcase name=\"b\" time="
                                                                   "\"0.000\" >\n      <failure>"
                                                                   "<![CDATA[t.c:1");
    assert_int_equal(c.rc, -EBADMSG);
    assert_int_equal(c.count, 1);
    collected_fini(&c);
    c = CMOCKA("Segmentation fault\n");
    assert_int_equal(c.rc, -ENODATA);
    collected_fini(&c);
}
