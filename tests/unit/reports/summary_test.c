/* SPDX-License-Identifier: Apache-2.0 */
#include "reports/summary.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "base/mem.h"

#include <errno.h>
#include <string.h>

#include "support/test.h"
#include "unit/reports/support/feed.h"

static json_t *parse(const struct summary *summary)
{
    CLEANUP(str_fini) struct str out = STR_INIT(1u << 20);
    json_t *value = NULL;
    struct err err = {0};
    assert_int_equal(summary_write(summary, &out), 0);
    assert_int_equal(out.data[out.len - 1], '\n');
    assert_int_equal(strcspn(out.data, "\n"), out.len - 1);
    if (json_parse(out.data, out.len - 1, &value, &err) != 0) {
        fail_msg("%s in %s", err.text, out.data);
    }
    return value;
}

static int64_t count_of(json_t *summary, const char *key)
{
    return json_integer_value(json_object_get(json_object_get(summary, "counts"), key));
}

TEST(the_summary_has_counts_layers_gates_and_costs)
{
    struct summary *summary = NULL;
    struct err err = {0};
    assert_int_equal(summary_new(&summary, &err), 0);
    struct event_sink *sink = summary_sink(summary);
    struct outcome failed = feed_outcome(OUTCOME_FAILED);
    feed_run_started(sink);
    feed_passed(sink, "unit", "a");
    feed_unit(sink, "unit", "b", &failed);
    feed_judged(sink, "unit", VERDICT_SHUT, "failed is 1");
    feed_judged(sink, "deep", VERDICT_SKIPPED, "unit is shut");
    feed_run_finished(sink, EXIT_SHUT, "unit is shut");
    json_t *value CLEANUP(json_cleanup) = parse(summary);
    assert_string_equal(json_string_value(json_object_get(value, "run")), "20261122T090000-4f2a");
    assert_int_equal(json_integer_value(json_object_get(value, "exit_code")), 1);
    assert_string_equal(json_string_value(json_object_get(value, "reason")), "unit is shut");
    assert_int_equal(count_of(value, "units"), 2);
    assert_int_equal(count_of(value, "passed"), 1);
    assert_int_equal(count_of(value, "failed"), 1);
    json_t *layers = json_object_get(value, "layers");
    assert_int_equal(json_array_size(layers), 2);
    json_t *unit = json_array_get(layers, 0);
    assert_string_equal(json_string_value(json_object_get(unit, "id")), "unit");
    assert_string_equal(json_string_value(json_object_get(unit, "state")), "shut");
    json_t *score = json_object_get(json_object_get(unit, "metrics"), "score");
    assert_true(json_number_value(score) > 91 && json_number_value(score) < 92);
    json_t *gates = json_object_get(unit, "gates");
    assert_int_equal(json_array_size(gates), 2);
    assert_true(json_is_false(json_object_get(json_array_get(gates, 0), "open")));
    assert_null(json_object_get(json_array_get(gates, 1), "value"));
    assert_true(json_number_value(json_object_get(value, "cpu_s")) > 45);
    assert_true(json_number_value(json_object_get(value, "wall_s")) > 12);
    summary_free(summary);
}

TEST(a_run_that_did_not_finish_has_no_exit_code)
{
    struct summary *summary = NULL;
    assert_int_equal(summary_new(&summary, NULL), 0);
    feed_run_started(summary_sink(summary));
    feed_passed(summary_sink(summary), "unit", "a");
    json_t *value CLEANUP(json_cleanup) = parse(summary);
    assert_true(json_is_null(json_object_get(value, "exit_code")));
    assert_int_equal(count_of(value, "passed"), 1);
    summary_free(summary);
}

TEST(the_summary_tells_where_what_was_reused_comes_from)
{
    struct summary *summary = NULL;
    assert_int_equal(summary_new(&summary, NULL), 0);
    struct event_sink *sink = summary_sink(summary);
    feed_run_started(sink);
    feed_passed(sink, "unit", "a");
    feed_reused(sink, "unit", "b", "7");
    feed_reused(sink, "unit", "c", NULL);
    feed_reused(sink, "unit", "d", NULL);
    json_t *unfinished CLEANUP(json_cleanup) = parse(summary);
    /* what a reused unit cost was paid by another run */
    assert_true(json_number_value(json_object_get(unfinished, "cpu_s")) < 0.0041);
    feed_run_finished(sink, EXIT_OPEN, NULL);
    json_t *value CLEANUP(json_cleanup) = parse(summary);
    assert_int_equal(count_of(value, "units"), 4);
    assert_int_equal(count_of(value, "reused"), 3);
    json_t *from = json_object_get(value, "reused_from");
    assert_int_equal(json_object_size(from), 2);
    assert_int_equal(json_integer_value(json_object_get(from, "main")), 2);
    assert_int_equal(json_integer_value(json_object_get(from, "7")), 1);
    summary_free(summary);
}

TEST(a_summary_of_a_run_that_reused_nothing_has_no_origins)
{
    struct summary *summary = NULL;
    assert_int_equal(summary_new(&summary, NULL), 0);
    feed_run_started(summary_sink(summary));
    feed_passed(summary_sink(summary), "unit", "a");
    json_t *value CLEANUP(json_cleanup) = parse(summary);
    json_t *from = json_object_get(value, "reused_from");
    assert_true(json_is_object(from));
    assert_int_equal(json_object_size(from), 0);
    summary_free(summary);
}

TEST(a_summary_without_memory_is_an_error)
{
    for (size_t n = 1; n < 60; n++) {
        struct summary *summary = NULL;
        CLEANUP(str_fini) struct str out = STR_INIT(1u << 20);
        (void)mem_fail_from(n);
        int rc = summary_new(&summary, NULL);
        if (rc == 0) {
            feed_run_started(summary_sink(summary));
            feed_judged(summary_sink(summary), "unit", VERDICT_SHUT, "no");
            feed_run_finished(summary_sink(summary), EXIT_SHUT, "no");
            rc = summary_write(summary, &out);
        }
        (void)mem_fail_from(0);
        summary_free(summary);
        if (rc == 0) {
            assert_true(n > 3);
            return;
        }
        assert_int_equal(rc, -ENOMEM);
    }
    fail_msg("still failing");
}
