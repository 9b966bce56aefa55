/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/show.h"

#include <errno.h>
#include <string.h>

#include "support/test.h"

static const struct sched_running running = {
    .layer = "unit", .unit = "a", .slot = 1, .elapsed_ms = 62000};

TEST(a_running_unit_is_shown_with_time_and_output_made_safe)
{
    struct str out = STR_INIT(65536);
    assert_int_equal(show_unit(&out, &running, "first\nsecond \033[31mred\033[0m\n\nlast"), 0);
    assert_string_equal(str_text(&out),
                        "running for 1m02s in slot 1: unit/a\n"
                        "    | first\n"
                        "    | second red\n"
                        "    | \n"
                        "    | last\n");
    str_fini(&out);
}

TEST(of_much_output_the_last_lines_are_shown)
{
    struct str out = STR_INIT(65536);
    struct str text = STR_INIT(65536);
    for (int i = 1; i <= 30; i++) {
        (void)str_appendf(&text, "line %d\n", i);
    }
    assert_int_equal(show_unit(&out, &running, str_text(&text)), 0);
    assert_string_equal(strchr(str_text(&out), '|') - 4, strstr(str_text(&out), "    | line 11\n"));
    assert_non_null(strstr(str_text(&out), "    | line 30\n"));
    str_clear(&out);
    (void)str_append(&text, "not ended");
    assert_int_equal(show_unit(&out, &running, str_text(&text)), 0);
    assert_string_equal(strchr(str_text(&out), '|') - 4, strstr(str_text(&out), "    | line 12\n"));
    assert_non_null(strstr(str_text(&out), "    | not ended\n"));
    str_fini(&text);
    str_fini(&out);
}

TEST(a_unit_that_waits_for_another_sluice_is_not_shown_as_running)
{
    struct str out = STR_INIT(65536);
    struct sched_running waiting = running;
    waiting.joining = true;
    assert_int_equal(show_unit(&out, &waiting, NULL), 0);
    assert_string_equal(str_text(&out),
                        "waiting for 1m02s, another sluice runs the same: unit/a\n");
    str_fini(&out);
}

TEST(a_unit_that_printed_nothing_has_one_line)
{
    struct str out = STR_INIT(65536);
    assert_int_equal(show_unit(&out, &running, NULL), 0);
    assert_int_equal(show_unit(&out, &running, ""), 0);
    assert_string_equal(str_text(&out),
                        "running for 1m02s in slot 1: unit/a\n"
                        "running for 1m02s in slot 1: unit/a\n");
    str_fini(&out);
}

TEST(before_and_after_the_run_nothing_runs)
{
    struct str out = STR_INIT(65536);
    assert_int_equal(show_running(&out, NULL), 0);
    assert_string_equal(str_text(&out), "no unit runs now\n");
    str_fini(&out);
    struct str small = STR_INIT(4);
    assert_int_equal(show_running(&small, NULL), -EFBIG);
    str_fini(&small);
}
