/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/plan.h"

#include <string.h>

#include "support/test.h"

#define RESULTS_MAX 16

static struct gate_result results[RESULTS_MAX];
static size_t result_count;

static enum verdict_state gate(const struct gate_rule *rules,
                               size_t rule_count,
                               const struct metric *metrics,
                               size_t count)
{
    struct layer layer = {.id = "u", .gate = rules, .gate_count = rule_count};

    memset(results, 0, sizeof results);
    assert_true(rule_count + GATE_DEFAULT_COUNT <= RESULTS_MAX);
    return plan_gate(&layer, metrics, count, results, &result_count);
}

static const struct metric good[] = {
    {.name = "total",     .value = 10 },
    {.name = "failed",    .value = 0  },
    {.name = "errored",   .value = 0  },
    {.name = "timed_out", .value = 0  },
    {.name = "score",     .value = 0.8}
};

TEST(a_clean_layer_opens_by_the_defaults)
{
    assert_int_equal(gate(NULL, 0, good, 5), VERDICT_OPEN);
    assert_int_equal(result_count, GATE_DEFAULT_COUNT);
    for (size_t i = 0; i < result_count; i++) {
        assert_true(results[i].known);
        assert_true(results[i].open);
    }
}

TEST(each_default_shuts_on_its_own)
{
    for (size_t i = 0; i < 4; i++) {
        struct metric metrics[4];
        memcpy(metrics, good, sizeof metrics);
        metrics[i].value = i == 0 ? 0 : 1;
        assert_int_equal(gate(NULL, 0, metrics, 4), VERDICT_SHUT);
    }
}

TEST(a_layer_without_metrics_is_never_green_by_absence)
{
    assert_int_equal(gate(NULL, 0, NULL, 0), VERDICT_SHUT);
    for (size_t i = 0; i < result_count; i++) {
        assert_false(results[i].known);
        assert_false(results[i].open);
    }
}

TEST(a_rule_of_the_layer_replaces_the_default_for_its_metric)
{
    static const struct gate_rule rules[] = {
        {.metric = "failed", .has_max = true, .max = 2}
    };
    struct metric metrics[] = {
        {.name = "total",     .value = 10},
        {.name = "failed",    .value = 2 },
        {.name = "errored",   .value = 0 },
        {.name = "timed_out", .value = 0 }
    };

    assert_int_equal(gate(rules, 1, metrics, 4), VERDICT_OPEN);
    assert_int_equal(result_count, GATE_DEFAULT_COUNT);
    metrics[1].value = 3;
    assert_int_equal(gate(rules, 1, metrics, 4), VERDICT_SHUT);
    assert_string_equal(results[0].rule.metric, "failed");
    assert_false(results[0].open);
}

TEST(bounds_are_inclusive_on_both_sides)
{
    static const struct gate_rule rules[] = {
        {.metric = "score", .has_min = true, .min = 0.8, .has_max = true, .max = 0.9}
    };
    struct metric metrics[5];

    memcpy(metrics, good, sizeof metrics);
    assert_int_equal(gate(rules, 1, metrics, 5), VERDICT_OPEN);
    assert_int_equal(result_count, GATE_DEFAULT_COUNT + 1);
    metrics[4].value = 0.9;
    assert_int_equal(gate(rules, 1, metrics, 5), VERDICT_OPEN);
    metrics[4].value = 0.79;
    assert_int_equal(gate(rules, 1, metrics, 5), VERDICT_SHUT);
    metrics[4].value = 0.91;
    assert_int_equal(gate(rules, 1, metrics, 5), VERDICT_SHUT);
}

TEST(an_unreported_metric_shuts)
{
    static const struct gate_rule rules[] = {
        {.metric = "coverage", .has_min = true, .min = 0}
    };

    assert_int_equal(gate(rules, 1, good, 5), VERDICT_SHUT);
    assert_false(results[0].known);
}

/* What was not measured says neither yes nor no; what was measured still says no. */
TEST(a_value_that_is_no_number_is_an_error_but_where_another_rule_shuts)
{
    static const struct gate_rule rules[] = {{.metric = "score"}}; /* no bound at all */
    struct metric metrics[5];

    memcpy(metrics, good, sizeof metrics);
    assert_int_equal(gate(rules, 1, metrics, 5), VERDICT_OPEN);
    metrics[4].value = __builtin_nan("");
    assert_int_equal(gate(rules, 1, metrics, 5), VERDICT_ERROR);
    assert_true(results[0].known);
    metrics[1].value = 1;
    assert_int_equal(gate(rules, 1, metrics, 5), VERDICT_SHUT);
    metrics[1].value = 0;
    assert_int_equal(gate(NULL, 0, metrics, 5), VERDICT_OPEN);
}

TEST(a_metric_told_twice_cannot_hide_the_bad_value)
{
    const struct metric metrics[] = {
        {.name = "failed",    .value = 3 },
        {.name = "total",     .value = 10},
        {.name = "errored",   .value = 0 },
        {.name = "timed_out", .value = 0 },
        {.name = "failed",    .value = 0 }
    };

    assert_int_equal(gate(NULL, 0, metrics, 5), VERDICT_SHUT);
    for (size_t i = 0; i < result_count; i++) {
        if (strcmp(results[i].rule.metric, "failed") == 0) {
            assert_true(results[i].value == 3);
        }
    }
}

TEST(every_rule_counts_and_replaces_its_own_default)
{
    static const struct gate_rule rules[] = {
        {.metric = "score",  .has_min = true, .min = 0.5},
        {.metric = "failed", .has_max = true, .max = 3  },
    };
    struct metric metrics[5];

    memcpy(metrics, good, sizeof metrics);
    metrics[1].value = 3;
    assert_int_equal(gate(rules, 2, metrics, 5), VERDICT_OPEN);
    assert_int_equal(result_count, GATE_DEFAULT_COUNT + 1);
    metrics[1].value = 4;
    assert_int_equal(gate(rules, 2, metrics, 5), VERDICT_SHUT);
    metrics[1].value = 0;
    metrics[4].value = 0.4;
    assert_int_equal(gate(rules, 2, metrics, 5), VERDICT_SHUT);
}
