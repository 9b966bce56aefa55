/* SPDX-License-Identifier: Apache-2.0 */
#include "model/event.h"

#include <string.h>

#include "support/test.h"

static struct outcome outcome_of(enum outcome_status status)
{
    return (struct outcome){.status = status, .attempt = 1, .final = true};
}

TEST(each_status_counts_once_as_a_unit_and_as_its_own_case)
{
    struct tally tally = {0};
    for (int status = 0; status < OUTCOME_STATUS_COUNT; status++) {
        const struct outcome outcome = outcome_of((enum outcome_status)status);
        tally_add(&tally, &outcome);
    }
    const struct tally expected = {
        .units = 5,
        .passed = 1,
        .failed = 1,
        .errored = 1,
        .timed_out = 1,
        .skipped = 1,
        .cases = 5,
        .cases_passed = 1,
        .cases_failed = 1,
        .cases_errored = 2, /* JUnit knows no timeout */
        .cases_skipped = 1,
    };
    assert_memory_equal(&tally, &expected, sizeof tally);
}

TEST(an_attempt_that_is_tried_again_does_not_count)
{
    struct tally tally = {0};
    const struct tally none = {0};
    struct outcome outcome = outcome_of(OUTCOME_FAILED);
    outcome.final = false;
    tally_add(&tally, &outcome);
    assert_memory_equal(&tally, &none, sizeof tally);
}

TEST(a_pass_after_a_retry_is_passed_and_flaky)
{
    struct tally tally = {0};
    struct outcome outcome = outcome_of(OUTCOME_PASSED);
    outcome.flaky = true;
    tally_add(&tally, &outcome);
    assert_int_equal(tally.passed, 1);
    assert_int_equal(tally.flaky, 1);
}

TEST(a_cancelled_unit_was_not_run_whatever_its_status)
{
    struct tally tally = {0};
    struct outcome outcome = outcome_of(OUTCOME_ERRORED);
    outcome.flags = FLAG_CANCELLED;
    tally_add(&tally, &outcome);
    assert_int_equal(tally.units, 1);
    assert_int_equal(tally.not_run, 1);
    assert_int_equal(tally.errored, 0);
    assert_int_equal(tally.cases, 0);
}

TEST(cases_of_a_report_count_instead_of_the_unit)
{
    static const struct test_case cases[] = {
        {.name = "a", .status = OUTCOME_PASSED },
        {.name = "b", .status = OUTCOME_PASSED },
        {.name = "c", .status = OUTCOME_FAILED },
        {.name = "d", .status = OUTCOME_SKIPPED},
        {.name = "e", .status = OUTCOME_ERRORED},
    };
    struct tally tally = {0};
    struct outcome outcome = outcome_of(OUTCOME_FAILED);
    outcome.cases = (struct case_list){cases, 5};
    tally_add(&tally, &outcome);
    assert_int_equal(tally.units, 1);
    assert_int_equal(tally.failed, 1);
    assert_int_equal(tally.cases, 5);
    assert_int_equal(tally.cases_passed, 2);
    assert_int_equal(tally.cases_failed, 1);
    assert_int_equal(tally.cases_errored, 1);
    assert_int_equal(tally.cases_skipped, 1);
}

TEST(merging_adds_every_number)
{
    struct tally sum = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    const struct tally more = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14};
    const struct tally expected = {2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    tally_merge(&sum, &more);
    assert_memory_equal(&sum, &expected, sizeof sum);
}

TEST(a_gate_is_shut_by_default_on_anything_bad_and_on_nothing)
{
    for (int i = 0; i < GATE_DEFAULT_COUNT; i++) {
        const struct gate_rule *rule = &gate_defaults[i];
        const bool total = strcmp(rule->metric, "total") == 0;
        assert_int_equal(rule->has_min, total);
        assert_int_equal(rule->has_max, !total);
        assert_true(total ? rule->min >= 1 : rule->max <= 0);
    }
}

TEST(what_was_added_can_be_taken_out_again_and_nothing_becomes_negative)
{
    const struct test_case cases[] = {
        {.name = "a", .status = OUTCOME_FAILED },
        {.name = "b", .status = OUTCOME_SKIPPED},
    };
    const struct outcome bad = {
        .final = true, .status = OUTCOME_FAILED, .cases = {cases, 2},
                .flaky = true
    };
    const struct outcome good = {.final = true, .status = OUTCOME_PASSED};
    struct tally whole = {0};
    struct tally part = {0};
    struct tally rest = {0};
    tally_add(&whole, &bad);
    tally_add(&whole, &good);
    tally_add(&part, &bad);
    tally_add(&rest, &good);
    tally_subtract(&whole, &part);
    assert_memory_equal(&whole, &rest, sizeof whole);
    part.not_run = 9;
    tally_subtract(&whole, &part);
    assert_int_equal(whole.not_run, 0);
    assert_int_equal(whole.units, 0);
    assert_int_equal(whole.passed, 1);
}
