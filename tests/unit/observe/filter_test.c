/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/filter.h"

#include "observe/calls.h"

#include "support/test.h"

TEST(the_filter_is_built_for_both_kinds_of_worlds)
{
    for (int network = 0; network < 2; network++) {
        struct err err = {0};
        struct filter filter = {0};
        if (filter_build(network != 0, &filter, &err) < 0) {
            fail_msg("%s", err.text);
        }
        assert_true(filter.length > 100 && filter.secret != 0);
        filter_fini(&filter);
        assert_null(filter.code);
    }
}

TEST(each_call_stands_in_the_table_once_and_has_what_it_needs)
{
    for (size_t i = 0; i < call_count; i++) {
        assert_true(calls[i].number >= 0 && calls[i].number <= CALL_NUMBER_MAX);
        if (call_find(calls[i].number) != &calls[i]) {
            fail_msg("%s stands twice in the table", calls[i].name);
        }
        assert_int_equal(calls[i].ask == NULL, calls[i].when == WHEN_NEVER);
    }
    assert_null(call_find(-1));
    assert_null(call_find(CALL_NUMBER_MAX + 1));
}
