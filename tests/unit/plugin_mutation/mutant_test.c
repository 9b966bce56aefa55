/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/mutation/mutant.h"

#include "support/test.h"

TEST(words_of_a_status_are_those_of_the_report_schema)
{
    static const char *const words[] = {"Pending",
                                        "Killed",
                                        "Survived",
                                        "NoCoverage",
                                        "Timeout",
                                        "CompileError",
                                        "RuntimeError",
                                        "Ignored"};
    for (int i = 0; i < MUTANT_STATUS_COUNT; i++) {
        assert_string_equal(mutant_status_name((enum mutant_status)i), words[i]);
        assert_int_equal(mutant_status_parse(words[i]), i);
    }
    assert_int_equal(mutant_status_parse("killed"), -1);
    assert_int_equal(mutant_status_parse(""), -1);
}

TEST(an_empty_list_is_freed_twice_without_harm)
{
    struct mutant_list list = {.arena = arena_new(1024)};
    mutant_list_fini(&list);
    assert_null(list.arena);
    mutant_list_fini(&list);
}
