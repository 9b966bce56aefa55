/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cleanup.h"
#include "base/mem.h"
#include "plugins/sdk/sdk.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "support/test.h"

static void assert_id(struct sdk_ids *ids, const char *text, const char *expected)
{
    char id[SDK_ID_SIZE];
    assert_int_equal(sdk_ids_make(ids, text, id), 0);
    assert_string_equal(id, expected);
}

TEST(a_text_is_its_own_id_and_returns_with_a_number)
{
    CLEANUP(sdk_ids_fini) struct sdk_ids ids = {0};
    assert_id(&ids, "make a", "make a");
    assert_id(&ids, "make b", "make b");
    assert_id(&ids, "make a", "make a #2");
    assert_id(&ids, "make a", "make a #3");
    assert_id(&ids, "make b", "make b #2");
}

TEST(a_made_id_never_meets_a_text_of_that_form)
{
    CLEANUP(sdk_ids_fini) struct sdk_ids ids = {0};
    assert_id(&ids, "x #2", "x #2");
    assert_id(&ids, "x", "x");
    assert_id(&ids, "x", "x #3");
    assert_id(&ids, "x #3", "x #3 #2");
}

TEST(control_bytes_become_blanks)
{
    CLEANUP(sdk_ids_fini) struct sdk_ids ids = {0};
    assert_id(&ids, "a\tb\x1b[0m\x7f", "a b [0m ");
}

TEST(a_long_text_is_cut_between_characters_and_keeps_its_own_mark)
{
    CLEANUP(sdk_ids_fini) struct sdk_ids ids = {0};
    char one[400];
    char two[400];
    for (size_t i = 0; i < sizeof one - 2; i += 2) {
        memcpy(one + i, "\xc3\xbc", 3);
    }
    one[0] = 'a'; /* the character at the cut now spans it */
    memmove(one + 1, one + 2, strlen(one + 2) + 1);
    memcpy(two, one, sizeof one);
    two[strlen(two) - 1] = '\xbd';
    char first[SDK_ID_SIZE];
    char second[SDK_ID_SIZE];
    assert_int_equal(sdk_ids_make(&ids, one, first), 0);
    assert_int_equal(sdk_ids_make(&ids, two, second), 0);
    assert_string_not_equal(first, second);
    assert_int_equal(strncmp(first, second, SDK_ID_MAX - 1), 0);
    assert_int_equal(strlen(first), SDK_ID_MAX - 1 + strlen(" [0123456789abcdef]"));
    assert_int_equal(first[SDK_ID_MAX - 1], ' ');
}

TEST(a_hundred_thousand_ids_are_told_apart)
{
    CLEANUP(sdk_ids_fini) struct sdk_ids ids = {0};
    for (int round = 1; round <= 2; round++) {
        for (int i = 0; i < 100000; i++) {
            char text[32];
            char expected[64];
            (void)snprintf(text, sizeof text, "unit %d", i);
            (void)snprintf(expected, sizeof expected, "unit %d%s", i, round == 1 ? "" : " #2");
            assert_id(&ids, text, expected);
        }
    }
}

TEST(no_memory_for_an_id_is_an_error)
{
    CLEANUP(sdk_ids_fini) struct sdk_ids ids = {0};
    char id[SDK_ID_SIZE];
    (void)mem_fail_from(1);
    int status = sdk_ids_make(&ids, "x", id);
    (void)mem_fail_from(0);
    assert_int_equal(status, -ENOMEM);
    assert_id(&ids, "x", "x");
}
