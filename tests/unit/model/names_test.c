/* SPDX-License-Identifier: Apache-2.0 */
/* Words in the log, the protocol and the reports: each there and back, and none twice. */
#include "model/event.h"

#include <string.h>

#include "support/test.h"

TEST(statuses_have_their_words)
{
    static const char *const words[] = {"passed", "failed", "errored", "timed_out", "skipped"};
    for (int i = 0; i < OUTCOME_STATUS_COUNT; i++) {
        assert_string_equal(outcome_status_name((enum outcome_status)i), words[i]);
        assert_int_equal(outcome_status_parse(words[i]), i);
    }
    assert_int_equal(outcome_status_parse("Passed"), -1);
    assert_int_equal(outcome_status_parse(""), -1);
}

TEST(report_formats_have_their_words)
{
    static const char *const words[] = {"none",
                                        "junit",
                                        "tap",
                                        "cmocka",
                                        "cases",
                                        "ctrf",
                                        "subunit",
                                        "gotest",
                                        "check",
                                        "cunit",
                                        "ctest",
                                        "boost",
                                        "nunit",
                                        "xunit",
                                        "trx",
                                        "qtest",
                                        "auto",
                                        "cppunit",
                                        "mocha"};
    for (int i = 0; i < REPORT_FORMAT_COUNT; i++) {
        assert_string_equal(report_format_name((enum report_format)i), words[i]);
        assert_int_equal(report_format_parse(words[i]), i);
    }
    assert_int_equal(report_format_parse("xml"), -1);
}

TEST(verdicts_have_their_words)
{
    static const char *const words[] = {"open", "shut", "skipped", "error"};
    for (int i = 0; i < 4; i++) {
        assert_string_equal(verdict_state_name((enum verdict_state)i), words[i]);
        assert_int_equal(verdict_state_parse(words[i]), i);
    }
    assert_int_equal(verdict_state_parse("ajar"), -1);
}

TEST(every_event_and_every_flag_has_a_word_of_its_own)
{
    for (int i = 0; i < EVENT_TYPE_COUNT; i++) {
        for (int j = 0; j < i; j++) {
            assert_string_not_equal(event_type_name((enum event_type)i),
                                    event_type_name((enum event_type)j));
        }
    }
    for (int i = 0; i < OUTCOME_FLAG_COUNT; i++) {
        assert_non_null(outcome_flag_names[i]);
        for (int j = 0; j < i; j++) {
            assert_string_not_equal(outcome_flag_names[i], outcome_flag_names[j]);
        }
    }
}

TEST(the_worse_of_two_is_the_one_that_says_less)
{
    /* from good to bad */
    static const enum outcome_status order[] = {
        OUTCOME_SKIPPED, OUTCOME_PASSED, OUTCOME_FAILED, OUTCOME_TIMED_OUT, OUTCOME_ERRORED};

    for (int i = 0; i < OUTCOME_STATUS_COUNT; i++) {
        for (int j = 0; j < OUTCOME_STATUS_COUNT; j++) {
            assert_int_equal(outcome_status_worse(order[i], order[j]), order[i > j ? i : j]);
        }
    }
}

TEST(a_layer_is_found_by_its_whole_id)
{
    const struct layer layers[] = {
        {.id = "unit[asan]", .base_id = "unit"},
        {.id = "unit",       .base_id = "unit"}
    };
    const struct pipeline pipeline = {.layers = layers, .layer_count = 2};
    assert_ptr_equal(pipeline_find_layer(&pipeline, "unit"), &layers[1]);
    assert_ptr_equal(pipeline_find_layer(&pipeline, "unit[asan]"), &layers[0]);
    assert_null(pipeline_find_layer(&pipeline, "uni"));
}
