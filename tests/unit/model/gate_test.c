/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cleanup.h"
#include "base/str.h"
#include "model/event.h"

#include <math.h>
#include <string.h>

#include "support/test.h"

TEST(every_count_of_a_tally_has_its_metric)
{
    const struct tally tally = {.units = 9,
                                .passed = 1,
                                .failed = 2,
                                .errored = 3,
                                .timed_out = 4,
                                .skipped = 5,
                                .flaky = 6,
                                .not_run = 7,
                                .cases = 80,
                                .cases_passed = 81,
                                .cases_failed = 82,
                                .cases_errored = 83,
                                .cases_skipped = 84};
    static const char expected[] =
        "units=9 passed=1 failed=2 errored=3 timed_out=4 skipped=5 flaky=6 not_run=7 total=80 "
        "cases_passed=81 cases_failed=82 cases_errored=83 cases_skipped=84 findings=10 ";
    struct metric metrics[STANDARD_METRICS];
    metrics_of_tally(&tally, 10, metrics);
    CLEANUP(str_fini) struct str text = STR_INIT(1000);
    for (size_t i = 0; i < STANDARD_METRICS; i++) {
        assert_true(metric_is_standard(metrics[i].name));
        (void)str_appendf(&text, "%s=%.0f ", metrics[i].name, metrics[i].value);
    }
    assert_string_equal(str_text(&text), expected);
    assert_false(metric_is_standard("score"));
}

TEST(a_rule_is_met_by_each_report_of_its_metric_and_by_numbers_only)
{
    const struct gate_rule rule = {
        .metric = "score", .has_min = true, .min = 80, .has_max = true, .max = 100};
    const struct metric metrics[] = {
        {.name = "other", .value = 0 },
        {.name = "score", .value = 80},
        {.name = "score", .value = 79}
    };
    const struct metric none[] = {
        {.name = "score", .value = (double)NAN}
    };
    assert_true(gate_apply(&rule, metrics, 2).open);
    assert_false(gate_apply(&rule, metrics, 3).open);
    assert_false(gate_apply(&rule, none, 1).open);
    assert_false(gate_apply(&rule, metrics, 1).open);
    assert_false(gate_apply(&rule, metrics, 1).known);
}

TEST(a_shut_gate_says_what_each_rule_met)
{
    CLEANUP(str_fini) struct str text = STR_INIT(1000);
    const struct gate_result gates[] = {
        {.rule = {.metric = "a", .has_max = true, .max = 1}, .known = true, .value = 2.5},
        {.rule = {.metric = "b"},                                      .open = true},
        {.rule = {.metric = "c", .has_min = true, .min = 3},                            .known = true, .value = 2},
        {.rule = {.metric = "d", .has_min = true, .min = 3}                                                 },
    };
    assert_int_equal(gate_reason(&text, gates + 1, 1), 0);
    assert_int_equal(text.len, 0);
    assert_int_equal(gate_reason(&text, gates, 4), 0);
    assert_string_equal(str_text(&text),
                        "a is 2.5, at most 1 is allowed; c is 2, at least 3 is required; d was not "
                        "reported by the plugin");
}

TEST(what_was_not_measured_is_an_error_that_says_why)
{
    CLEANUP(str_fini) struct str text = STR_INIT(1000);
    const struct gate_rule rules[] = {
        {.metric = "score", .has_min = true, .min = 80},
        {.metric = "other", .has_max = true, .max = 1 }
    };
    const struct metric metrics[] = {
        {.name = "score", .value = (double)NAN, .why = "the disk was full"},
        {.name = "other",               .value = (double)NAN                    }
    };
    struct gate_result gates[2];
    for (size_t i = 0; i < 2; i++) {
        gates[i] = gate_apply(&rules[i], metrics, 2);
        assert_true(gate_is_unmeasured(&gates[i]));
    }
    assert_int_equal(gate_state(gates, 2), VERDICT_ERROR);
    assert_int_equal(gate_reason(&text, gates, 2), 0);
    assert_string_equal(str_text(&text),
                        "score was not measured: the disk was full; other was not measured");
    gates[1].value = 2;
    assert_int_equal(gate_state(gates, 2), VERDICT_SHUT);
    gates[1].known = false;
    assert_false(gate_is_unmeasured(&gates[1]));
    assert_int_equal(gate_state(gates, 2), VERDICT_SHUT);
    gates[0].open = gates[1].open = true;
    assert_int_equal(gate_state(gates, 2), VERDICT_OPEN);
}
