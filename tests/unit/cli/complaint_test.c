/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/complaint.h"

#include <string.h>

#include "support/test.h"

static const char two[] = "a.yml:3:5: unknown key \"stge\"; did you mean \"stage\"?\n"
                          "    stge: one\n"
                          "    ^~~~\n"
                          "a.yml:12:1: duplicate key\n"
                          "  x: 1";

TEST(complaints_are_told_apart_with_place_message_and_lines_below)
{
    const char *at = two;
    struct complaint c;
    assert_int_equal(complaint_next(&at, "a.yml", &c), 1);
    assert_int_equal(c.line, 3);
    assert_int_equal(c.column, 5);
    assert_memory_equal(c.message, "unknown key \"stge\"", 18);
    assert_int_equal(c.message_len, strlen("unknown key \"stge\"; did you mean \"stage\"?"));
    assert_int_equal(c.more_len, strlen("    stge: one\n    ^~~~"));
    assert_memory_equal(c.more, "    stge: one\n    ^~~~", c.more_len);
    assert_int_equal(complaint_next(&at, "a.yml", &c), 1);
    assert_int_equal(c.line, 12);
    assert_int_equal(c.more_len, strlen("  x: 1"));
    assert_int_equal(complaint_next(&at, "a.yml", &c), 0);
}

TEST(a_text_without_place_is_one_complaint)
{
    const char *at = "there is no sluice.yml here\n  make one";
    struct complaint c;
    assert_int_equal(complaint_next(&at, "sluice.yml", &c), 1);
    assert_int_equal(c.line, 0);
    assert_int_equal(c.message_len, strlen("there is no sluice.yml here"));
    assert_int_equal(c.more_len, strlen("  make one"));
    assert_int_equal(complaint_next(&at, "sluice.yml", &c), 0);
}

TEST(numbers_that_are_no_place_are_text)
{
    static const char *const texts[] = {"a.yml:x:1: m",
                                        "a.yml:1:x: m",
                                        "a.yml:1 m",
                                        "a.yml:99999999999999999999:1: m",
                                        "b.yml:1:1: m"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const char *at = texts[i];
        struct complaint c;
        assert_int_equal(complaint_next(&at, "a.yml", &c), 1);
        assert_int_equal(c.line, 0);
        assert_int_equal(c.message_len, strlen(texts[i]));
    }
}

TEST(complaints_as_json_are_one_object_a_line)
{
    struct str out = STR_INIT(4096);
    assert_int_equal(complaint_write_json(&out, "a.yml", two), 0);
    assert_string_equal(
        str_text(&out),
        "{\"file\":\"a.yml\",\"line\":3,\"column\":5,\"message\":\"unknown key \\\"stge\\\"; did you "
        "mean \\\"stage\\\"?\",\"text\":\"    stge: one\\n    ^~~~\"}\n"
        "{\"file\":\"a.yml\",\"line\":12,\"column\":1,\"message\":\"duplicate key\",\"text\":\"  x: "
        "1\"}\n");
    str_fini(&out);
}
