/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <errno.h>
#include <string.h>

#include "support/test.h"

TEST(clocks_move_forward)
{
    int64_t before = clock_mono_ns();
    int64_t wall = clock_wall_ms();

    assert_true(before > 0);
    assert_true(clock_mono_ns() >= before);
    assert_true(wall > 1700000000000); /* after 2023 */
}

TEST(durations_are_read_as_people_write_them)
{
    static const struct {
        const char *text;
        int64_t ms;
    } good[] = {
        {"0",           0              },
        {"0s",          0              },
        {"250ms",       250            },
        {"90s",         90000          },
        {"10m",         600000         },
        {"6h",          21600000       },
        {"7d",          604800000      },
        {"1h30m",       5400000        },
        {"1d2h3m4s5ms", 93784005       },
        {"1s5ms",       1005           },
        {"1m5ms",       60005          },
        {"366d",        DURATION_MAX_MS},
    };

    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        int64_t ms = -1;
        assert_int_equal(duration_parse(good[i].text, &ms, NULL), 0);
        assert_int_equal(ms, good[i].ms);
    }
}

TEST(what_is_no_duration_is_refused_and_named)
{
    static const char *const bad[] = {"",
                                      "5",
                                      "10",
                                      "m",
                                      "-5s",
                                      "+5s",
                                      "5 s",
                                      " 5s",
                                      "5s ",
                                      "1.5h",
                                      "5x",
                                      "5sec",
                                      "30m1h",
                                      "1m1m",
                                      "5msx",
                                      "0x5s",
                                      "00"};

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct err err = {0};
        int64_t ms = 42;
        assert_int_equal(duration_parse(bad[i], &ms, &err), -EINVAL);
        assert_int_equal(ms, 42);
        assert_non_null(strstr(err.text, bad[i]));
        assert_non_null(strstr(err.text, "1h30m"));
    }
}

TEST(durations_beyond_a_year_are_refused)
{
    static const char *const bad[] = {
        "367d", "366d1ms", "99999999999999999999999d", "18446744073709551616ms"};

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct err err = {0};
        int64_t ms = 42;
        assert_int_equal(duration_parse(bad[i], &ms, &err), -ERANGE);
        assert_int_equal(ms, 42);
        assert_non_null(strstr(err.text, "366d"));
    }
}

TEST(durations_are_written_for_people)
{
    char buf[DURATION_TEXT_MAX];

    assert_string_equal(duration_format(4, buf), "0.004s");
    assert_string_equal(duration_format(0, buf), "0.000s");
    assert_string_equal(duration_format(-5, buf), "0.000s");
    assert_string_equal(duration_format(9999, buf), "9.999s");
    assert_string_equal(duration_format(12345, buf), "12.3s");
    assert_string_equal(duration_format(59999, buf), "59.9s");
    assert_string_equal(duration_format(60000, buf), "1m00s");
    assert_string_equal(duration_format(242000, buf), "4m02s");
    assert_string_equal(duration_format(3780000, buf), "1h03m");
    assert_string_equal(duration_format(INT64_MAX, buf), "2562047788015h12m");
}

TEST(timestamps_are_utc_without_zone)
{
    char buf[TIMESTAMP_TEXT_MAX];

    assert_string_equal(timestamp_format(0, buf), "1970-01-01T00:00:00");
    assert_string_equal(timestamp_format(1700000000999, buf), "2023-11-14T22:13:20");
    assert_string_equal(timestamp_format(-1, buf), "1969-12-31T23:59:59");
    assert_string_equal(timestamp_format(-62135596800000, buf), "1-01-01T00:00:00");
    assert_string_equal(timestamp_format(-30610224000000, buf), "1000-01-01T00:00:00");
    assert_string_equal(timestamp_format(253402300799999, buf), "9999-12-31T23:59:59");
    assert_string_equal(timestamp_format(253402300800000, buf), "10000-01-01T00:00:00");
    assert_string_equal(timestamp_format(INT64_MAX, buf), "292278994-08-17T07:12:55");
}
