/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cache_words.h"

#include "base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "support/test.h"

TEST(a_moment_is_a_date_or_a_time_ago)
{
    int64_t ms = 0;
    assert_int_equal(moment_parse("1970-01-02", &ms, NULL), 0);
    assert_true(ms == 86400000);
    assert_int_equal(moment_parse("1970-01-01T01:00", &ms, NULL), 0);
    assert_true(ms == 3600000);
    assert_int_equal(moment_parse("2026-11-22T09:00:00Z", &ms, NULL), 0);
    assert_true(ms == INT64_C(1795338000000));
    assert_int_equal(moment_parse("1h30m", &ms, NULL), 0);
    const int64_t ago_ms = clock_wall_ms() - ms;
    assert_true(ago_ms >= 5400000 && ago_ms < 5460000);
}

TEST(what_is_no_moment_is_told_with_examples)
{
    static const char *const bad[] = {"",
                                      "yesterday",
                                      "2026-11-31",
                                      "2026-13-01",
                                      "2026-11-22T",
                                      "2026-11-22T25:00",
                                      "22.11.2026"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int64_t ms = 77;
        struct err err = {0};
        assert_int_equal(moment_parse(bad[i], &ms, &err), -EINVAL);
        assert_non_null(strstr(err.text, "2026-11-22T09:30:00"));
        assert_true(ms == 77);
    }
}

TEST(sizes_are_told_with_one_digit_behind_the_point)
{
    char buf[SIZE_TEXT_MAX];
    assert_string_equal(size_format(0, buf), "0 B");
    assert_string_equal(size_format(1023, buf), "1023 B");
    assert_string_equal(size_format(1024, buf), "1.0 KiB");
    assert_string_equal(size_format(UINT64_C(5) << 30, buf), "5.0 GiB");
    assert_string_equal(size_format(UINT64_MAX, buf), "16384.0 PiB");
}

static const char *called(const char *words)
{
    static char buf[200];
    struct str out = STR_INIT(1000);
    unit_words(&out, words);
    buf[0] = '\0';
    (void)strncat(buf, str_text(&out), sizeof buf - 1);
    str_fini(&out);
    return buf;
}

TEST(a_unit_is_called_by_layer_and_id)
{
    assert_string_equal(called("{\"layer\":\"unit\",\"unit\":\"t/a\"}"), "unit/t/a");
    assert_string_equal(called("no JSON\x1b[31m"), "no JSON");
    assert_string_equal(called("{}"), "{}");
    assert_string_equal(called(""), "(unknown unit)");
}
