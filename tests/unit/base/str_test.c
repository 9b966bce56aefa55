/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"

#include "base/cleanup.h"
#include "base/mem.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "support/test.h"

TEST(appends_come_one_after_the_other)
{
    CLEANUP(str_fini) struct str s = STR_INIT(1000);

    assert_string_equal(str_text(&s), "");
    assert_int_equal(str_append(&s, "a"), 0);
    assert_int_equal(str_append_n(&s, "bcX", 2), 0);
    assert_int_equal(str_append_char(&s, 'd'), 0);
    assert_int_equal(str_appendf(&s, "%d", 12345), 0);
    assert_string_equal(str_text(&s), "abcd12345");
    assert_int_equal(s.len, 9);
}

TEST(numbers_are_written_as_printf_writes_them)
{
    static const uint64_t numbers[] = {0, 7, 10, 99, 100, 1795365837839, UINT64_MAX};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        CLEANUP(str_fini) struct str s = STR_INIT(100);
        char expected[32];
        (void)snprintf(expected, sizeof expected, "%llu", (unsigned long long)numbers[i]);
        assert_int_equal(str_append_number(&s, numbers[i]), 0);
        assert_string_equal(str_text(&s), expected);
    }
    CLEANUP(str_fini) struct str full = STR_INIT(3);
    assert_int_equal(str_append_number(&full, 1000), -EFBIG);
}

TEST(long_formatted_text_grows_the_buffer)
{
    CLEANUP(str_fini) struct str s = STR_INIT(10000);

    for (int i = 0; i < 100; i++) {
        assert_int_equal(str_appendf(&s, "%090d", i), 0);
    }
    assert_int_equal(s.len, 9000);
    assert_int_equal(strlen(s.data), 9000);
    assert_memory_equal(s.data + 8988, "000000000099", 12);
}

TEST(the_limit_is_exact_and_the_error_sticks)
{
    CLEANUP(str_fini) struct str s = STR_INIT(5);

    assert_int_equal(str_append(&s, "12345"), 0);
    assert_int_equal(str_append(&s, ""), 0);
    assert_int_equal(str_append_char(&s, '6'), -EFBIG);
    assert_string_equal(str_text(&s), "12345");
    assert_int_equal(str_append(&s, ""), -EFBIG);
    assert_int_equal(str_error(&s), -EFBIG);
    str_clear(&s);
    assert_int_equal(str_error(&s), 0);
    assert_string_equal(str_text(&s), "");
    assert_int_equal(str_appendf(&s, "%s", "abc"), 0);
    assert_int_equal(str_appendf(&s, "%s", "def"), -EFBIG);
    assert_string_equal(str_text(&s), "abc");
    assert_null(str_take(&s));
}

TEST(a_format_longer_than_the_limit_leaves_nothing_of_itself)
{
    CLEANUP(str_fini) struct str s = STR_INIT(3);

    assert_int_equal(str_append(&s, "ab"), 0);
    assert_int_equal(str_appendf(&s, "%s", "cdefgh"), -EFBIG);
    assert_string_equal(str_text(&s), "ab");
    assert_int_equal(s.len, 2);
}

TEST(a_zeroed_str_holds_nothing_but_can_be_finished)
{
    struct str s = {0};

    assert_int_equal(str_append(&s, "x"), -EFBIG);
    str_fini(&s);
    str_init(&s, 1);
    assert_int_equal(str_append(&s, "x"), 0);
    str_fini(&s);
    assert_int_equal(s.max, 1);
}

TEST(taken_bytes_belong_to_the_caller)
{
    struct str s = STR_INIT(10);

    char *empty = str_take(&s);
    assert_string_equal(empty, "");
    mem_free(empty);
    str_append(&s, "mine");
    char *mine = str_take(&s);
    assert_string_equal(mine, "mine");
    mem_free(mine);
    assert_string_equal(str_text(&s), "");
    assert_int_equal(s.max, 10);
    assert_int_equal(str_append(&s, "again"), 0);
    str_fini(&s);
}

TEST(reserved_room_can_be_written_directly)
{
    CLEANUP(str_fini) struct str s = STR_INIT(200);

    assert_int_equal(str_reserve(&s, 200), 0);
    memset(s.data, 'z', 200);
    s.len = 200;
    assert_int_equal(str_append(&s, ""), 0);
    assert_int_equal(strlen(str_text(&s)), 200);
    assert_int_equal(str_reserve(&s, 1), -EFBIG);
}

static int build(struct str *s)
{
    str_append(s, "0123456789");
    for (int i = 0; i < 20; i++) {
        str_appendf(s, "%070d", i);
    }
    return str_error(s);
}

TEST(memory_running_out_at_any_point_is_one_sticky_error)
{
    int rc = -1;

    for (size_t n = 1; rc != 0; n++) {
        CLEANUP(str_fini) struct str s = STR_INIT(100000);
        mem_fail_from(n);
        rc = build(&s);
        mem_fail_from(0);
        assert_true(rc == 0 || rc == -ENOMEM);
        assert_int_equal(strlen(str_text(&s)), s.len);
        assert_true(n < 100);
    }
}

TEST(prefixes_and_suffixes)
{
    assert_true(text_starts_with("layer", "lay"));
    assert_true(text_starts_with("layer", ""));
    assert_false(text_starts_with("la", "lay"));
    assert_true(text_ends_with("a.yml", ".yml"));
    assert_true(text_ends_with("a.yml", ""));
    assert_false(text_ends_with("yml", ".yml"));
    assert_false(text_ends_with("a.yaml", ".yml"));
}

TEST(distance_counts_typing_slips)
{
    assert_int_equal(text_distance("", ""), 0);
    assert_int_equal(text_distance("abc", ""), 3);
    assert_int_equal(text_distance("", "abc"), 3);
    assert_int_equal(text_distance("stage", "stage"), 0);
    assert_int_equal(text_distance("stage", "stages"), 1);
    assert_int_equal(text_distance("stage", "satge"), 1);
    assert_int_equal(text_distance("kitten", "sitting"), 3);
    assert_int_equal(text_distance("ca", "abc"), 3); /* optimal alignment, not free transposition */
}

TEST(distance_of_overlong_words_is_large)
{
    char word[66];

    memset(word, 'a', 65);
    word[65] = '\0';
    assert_true(text_distance(word, word) > 1000);
    assert_int_equal(text_distance(word + 1, word + 1), 0);
}

TEST(the_nearest_word_is_offered_only_when_near)
{
    static const char *const keys[] = {"stage", NULL, "needs", "timeout", "time"};

    assert_string_equal(text_nearest("stgae", keys, 5), "stage");
    assert_string_equal(text_nearest("timeot", keys, 5), "timeout");
    assert_string_equal(text_nearest("time", keys, 5), "time");
    assert_null(text_nearest("banana", keys, 5));
    assert_null(text_nearest("x", keys, 0));
}
