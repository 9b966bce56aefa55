/* SPDX-License-Identifier: Apache-2.0 */
#include "base/limits.h"
#include "base/mem.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "unit/plan/support/story.h"

/* One layer "unit" that was just asked for. */
static void begin_one(struct story *s, unsigned slots)
{
    story_begin(s, "default");
    story_layer(s, "unit", "default");
    s->options.slots = slots;
}

static void start_one(struct story *s)
{
    story_start(s);
    story_expect(s, "layer unit");
}

TEST(recently_failed_units_come_first_then_the_longest)
{
    struct story s;

    begin_one(&s, 9);
    start_one(&s);
    story_units(&s, "unit", "new1");
    s.hint = (struct plan_hint){.known = true, .duration_ms = 10};
    story_units(&s, "unit", "short");
    s.hint.duration_ms = 5000;
    story_units(&s, "unit", "long");
    s.hint = (struct plan_hint){.known = true, .duration_ms = 1, .failed_recently = true};
    story_units(&s, "unit", "failed");
    s.hint = (struct plan_hint){0};
    story_planned(&s, "unit", "new2");
    story_expect(
        &s, "unit unit/failed|unit unit/long|unit unit/short|unit unit/new1|unit unit/new2|wait");
    story_end(&s);
}

/* A layer beside one that is ordered by history: an order that looked at history inside the one and
 * at places between them would go in circles. */
TEST(a_layer_ordered_by_its_plugin_keeps_that_order_whatever_history_says)
{
    struct story s;

    story_begin(&s, "default");
    story_layer(&s, "chosen", "default");
    story_layer(&s, "unit", "default");
    s.options.slots = 9;
    story_start(&s);
    story_expect(&s, "layer chosen|layer unit");
    s.hint = (struct plan_hint){.known = true, .duration_ms = 1, .in_order = true};
    story_units(&s, "chosen", "first");
    s.hint.duration_ms = 9000;
    story_units(&s, "chosen", "second");
    s.hint.failed_recently = true;
    story_planned(&s, "chosen", "third");
    s.hint = (struct plan_hint){.known = true, .duration_ms = 500};
    story_planned(&s, "unit", "a");
    story_expect(&s, "unit unit/a|unit chosen/first|unit chosen/second|unit chosen/third|wait");
    assert_int_equal(story_counts(&s, "chosen").remaining_ms, 18001);
    story_end(&s);
}

TEST(units_that_the_plugin_left_out_are_counted)
{
    struct story s;

    begin_one(&s, 9);
    start_one(&s);
    s.hint = (struct plan_hint){.in_order = true, .left_out = true};
    story_units(&s, "unit", "a b");
    assert_int_equal(s.added, 0);
    s.hint.left_out = false;
    story_planned(&s, "unit", "c");
    assert_int_equal(story_counts(&s, "unit").left_out, 2);
    assert_int_equal(story_counts(&s, "unit").excluded, 0);
    assert_int_equal(story_counts(&s, "unit").selected, 1);
    story_expect(&s, "unit unit/c|wait");
    story_end(&s);
}

TEST(the_plugins_estimate_serves_while_history_knows_nothing)
{
    struct story s;

    begin_one(&s, 9);
    start_one(&s);
    story_units(&s, "unit", "a");
    s.next_unit.cost_ms = 100;
    story_units(&s, "unit", "b");
    s.hint = (struct plan_hint){.known = true, .duration_ms = 50};
    story_units(&s, "unit", "c");
    assert_int_equal(story_counts(&s, "unit").remaining_ms, 150);
    s.hint.duration_ms = INT64_MAX;
    s.next_unit.cost_ms = -7;
    story_planned(&s, "unit", "d");
    story_expect(&s, "unit unit/d|unit unit/b|unit unit/c|unit unit/a|wait");
    story_finish(&s, "unit/d", OUTCOME_PASSED);
    assert_int_equal(story_counts(&s, "unit").remaining_ms, 150);
    story_finish(&s, "unit/b", OUTCOME_PASSED);
    assert_int_equal(story_counts(&s, "unit").remaining_ms, 50);
    story_end(&s);
}

TEST(a_unit_whose_duration_was_never_measured_goes_by_the_estimate)
{
    struct story s;

    begin_one(&s, 9);
    start_one(&s);
    s.hint = (struct plan_hint){.known = true, .duration_ms = 50};
    story_units(&s, "unit", "short");
    s.hint.duration_ms = 0;
    s.next_unit.cost_ms = -7;
    story_units(&s, "unit", "odd");
    assert_int_equal(story_counts(&s, "unit").remaining_ms, 50);
    s.next_unit.cost_ms = 900;
    story_planned(&s, "unit", "long");
    assert_int_equal(story_counts(&s, "unit").remaining_ms, 950);
    story_expect(&s, "unit unit/long|unit unit/short|unit unit/odd|wait");
    story_end(&s);
}

TEST(an_earlier_stage_goes_first_whatever_the_durations)
{
    struct story s;

    story_begin(&s, "one two");
    story_layer(&s, "late", "two");
    story_layer(&s, "early", "one");
    story_needs(&s, "late", "");
    s.options.slots = 1;
    story_start(&s);
    story_expect(&s, "layer early|layer late");
    s.hint = (struct plan_hint){.known = true, .duration_ms = 9000, .failed_recently = true};
    story_planned(&s, "late", "x");
    s.hint = (struct plan_hint){0};
    story_planned(&s, "early", "y");
    story_expect(&s, "unit early/y|wait");
    story_end(&s);
}

TEST(a_failed_attempt_goes_back_and_a_later_pass_is_flaky)
{
    struct story s;

    begin_one(&s, 1);
    s.layers[0].retry_max = 2;
    start_one(&s);
    story_planned(&s, "unit", "a b");
    story_expect(&s, "unit unit/a|wait");
    story_finish(&s, "unit/a", OUTCOME_FAILED);
    assert_false(s.outcome.final);
    assert_int_equal(s.outcome.attempt, 1);
    story_expect(&s, "unit unit/a again 2|wait");
    story_finish(&s, "unit/a", OUTCOME_PASSED);
    assert_true(s.outcome.final);
    assert_true(s.outcome.flaky);
    assert_int_equal(s.outcome.attempt, 2);
    story_expect(&s, "unit unit/b|wait");
    story_finish(&s, "unit/b", OUTCOME_PASSED);
    assert_false(s.outcome.flaky);
    story_expect(&s, "judge unit");
    struct plan_layer_counts counts = story_counts(&s, "unit");
    assert_int_equal(counts.tally.units, 2);
    assert_int_equal(counts.tally.passed, 2);
    assert_int_equal(counts.tally.flaky, 1);
    assert_int_equal(counts.tally.failed, 0);
    assert_int_equal(counts.tally.not_run, 0);
    story_end(&s);
}

/* It was confirmed when it was earned; and a flaky pass stays one. */
TEST(a_reused_outcome_is_final_and_keeps_its_attempts)
{
    const struct reused reused = {.evidence = "77"};
    struct plan_action action = {0};
    struct story s;

    begin_one(&s, 1);
    s.layers[0].retry_max = 2;
    start_one(&s);
    story_planned(&s, "unit", "a b");
    struct outcome outcome = {.status = OUTCOME_FAILED, .attempt = 2, .reused = &reused};
    action = plan_next(s.plan);
    assert_int_equal(action.type, PLAN_UNIT);
    plan_unit_finished(s.plan, action.index, &outcome);
    assert_true(outcome.final);
    assert_int_equal(outcome.attempt, 2);
    outcome =
        (struct outcome){.status = OUTCOME_PASSED, .attempt = 2, .flaky = true, .reused = &reused};
    action = plan_next(s.plan);
    plan_unit_finished(s.plan, action.index, &outcome);
    assert_true(outcome.flaky);
    story_expect(&s, "judge unit");
    struct plan_layer_counts counts = story_counts(&s, "unit");
    assert_int_equal(counts.tally.failed, 1);
    assert_int_equal(counts.tally.flaky, 1);
    assert_int_equal(counts.tally.reused, 2);
    story_end(&s);
}

TEST(attempts_run_out)
{
    struct story s;

    begin_one(&s, 1);
    s.layers[0].retry_max = 2;
    start_one(&s);
    story_planned(&s, "unit", "a");
    story_expect(&s, "unit unit/a");
    story_finish(&s, "unit/a", OUTCOME_FAILED);
    story_expect(&s, "unit unit/a again 2");
    story_finish(&s, "unit/a", OUTCOME_TIMED_OUT);
    story_expect(&s, "unit unit/a again 3");
    story_finish(&s, "unit/a", OUTCOME_ERRORED);
    assert_true(s.outcome.final);
    assert_false(s.outcome.flaky);
    story_expect(&s, "judge unit");
    assert_int_equal(story_counts(&s, "unit").tally.errored, 1);
    story_end(&s);
}

TEST(only_the_causes_in_retry_when_are_tried_again)
{
    static const struct {
        unsigned cause;
        struct outcome outcome;
    } cases[] = {
        {RETRY_FAILURE, {.status = OUTCOME_FAILED}                 },
        {RETRY_TIMEOUT, {.status = OUTCOME_TIMED_OUT, .signal = 15}},
        {RETRY_SIGNAL,  {.status = OUTCOME_ERRORED, .signal = 11}  },
        {RETRY_ERROR,   {.status = OUTCOME_ERRORED}                },
    };

    for (size_t i = 0; i < 8; i++) {
        struct story s;
        begin_one(&s, 1);
        s.layers[0].retry_max = 1;
        bool listed = i < 4;
        s.layers[0].retry_when =
            listed ? cases[i % 4].cause : LAYER_RETRY_WHEN_DEFAULT & ~cases[i % 4].cause;
        start_one(&s);
        story_planned(&s, "unit", "a");
        story_expect(&s, "unit unit/a");
        story_finish_with(&s, "unit/a", cases[i % 4].outcome);
        assert_int_equal(s.outcome.final, !listed);
        story_expect(&s, listed ? "unit unit/a again 2" : "judge unit");
        story_end(&s);
    }
}

TEST(passes_and_skips_are_never_tried_again)
{
    struct story s;

    begin_one(&s, 2);
    s.layers[0].retry_max = 5;
    start_one(&s);
    story_planned(&s, "unit", "a b");
    story_expect(&s, "unit unit/a|unit unit/b");
    story_finish(&s, "unit/a", OUTCOME_PASSED);
    assert_true(s.outcome.final);
    story_finish(&s, "unit/b", OUTCOME_SKIPPED);
    assert_true(s.outcome.final);
    story_expect(&s, "judge unit");
    assert_int_equal(story_counts(&s, "unit").tally.skipped, 1);
    story_end(&s);
}

TEST(cancelled_units_are_not_tried_again_and_count_as_not_run)
{
    struct story s;

    begin_one(&s, 1);
    s.layers[0].retry_max = 5;
    s.options.max_fail = 1;
    start_one(&s);
    story_planned(&s, "unit", "a b");
    story_expect(&s, "unit unit/a");
    story_finish_with(
        &s, "unit/a", (struct outcome){.status = OUTCOME_ERRORED, .flags = FLAG_CANCELLED});
    assert_true(s.outcome.final);
    assert_false(plan_stopped(s.plan));
    struct plan_layer_counts counts = story_counts(&s, "unit");
    assert_int_equal(counts.tally.errored, 0);
    assert_int_equal(counts.tally.not_run, 2);
    assert_int_equal(counts.tally.units, 2);
    story_end(&s);
}

TEST(shards_part_all_units_each_in_exactly_one)
{
    int seen[500] = {0};
    size_t sizes[3] = {0};

    for (unsigned shard = 1; shard <= 3; shard++) {
        struct story s;
        begin_one(&s, 1);
        s.options.shard_index = shard;
        s.options.shard_count = 3;
        start_one(&s);
        for (int i = 0; i < 500; i++) {
            story_units(&s, "unit", arena_printf(s.arena, "case-%d", i));
            seen[i] += s.added;
        }
        struct plan_layer_counts counts = story_counts(&s, "unit");
        assert_int_equal(counts.selected + counts.excluded, 500);
        sizes[shard - 1] = counts.selected;
        story_end(&s);
    }
    for (int i = 0; i < 500; i++) {
        assert_int_equal(seen[i], 1);
    }
    for (int i = 0; i < 3; i++) {
        assert_in_range(sizes[i], 120, 220);
    }
}

TEST(the_shard_of_a_unit_never_changes)
{
    /* SHA-256 of "unit/a", "unit/b", "unit/c": the numbers behind --shard are a promise. */
    struct story s;
    char answer[8] = "";

    begin_one(&s, 1);
    s.options.shard_index = 1;
    s.options.shard_count = 2;
    start_one(&s);
    for (int i = 0; i < 7; i++) {
        story_units(&s, "unit", arena_printf(s.arena, "%c", 'a' + i));
        answer[i] = (char)('0' + s.added);
    }
    assert_string_equal(answer, "1111001");
    story_end(&s);
}

TEST(a_shard_without_units_is_skipped)
{
    struct story s;

    begin_one(&s, 1);
    s.options.shard_count = 1000000;
    s.options.shard_index = 1;
    start_one(&s);
    story_planned(&s, "unit", "a b");
    story_expect(&s, "skip unit: none of its units is in this shard|done");
    story_end(&s);
}

TEST(what_filter_shard_and_plugin_left_out_together_is_told_as_that)
{
    struct story s;

    begin_one(&s, 1);
    s.options.shard_count = 1000000;
    s.options.shard_index = 1;
    story_filter(&s, "name(x*)");
    start_one(&s);
    story_planned(&s, "unit", "xa yb");
    story_expect(&s, "skip unit: none of its units matches the filter and is in this shard|done");
    story_end(&s);

    begin_one(&s, 1);
    story_filter(&s, "name(x*)");
    start_one(&s);
    story_units(&s, "unit", "yb");
    s.hint.left_out = true;
    story_planned(&s, "unit", "xa");
    story_expect(
        &s, "skip unit: its plugin selected none of the units that filter and shard leave|done");
    story_end(&s);
}

TEST(carried_units_are_not_run_but_counted)
{
    struct story s;

    begin_one(&s, 1);
    start_one(&s);
    s.hint = (struct plan_hint){.known = true, .carried = true, .last = OUTCOME_PASSED};
    story_units(&s, "unit", "a b");
    assert_int_equal(s.added, 0);
    s.hint.last = OUTCOME_SKIPPED;
    story_units(&s, "unit", "c");
    s.hint = (struct plan_hint){0};
    story_planned(&s, "unit", "d");
    struct plan_layer_counts counts = story_counts(&s, "unit");
    assert_int_equal(counts.selected, 1);
    assert_int_equal(counts.carried, 3);
    assert_int_equal(counts.excluded, 0);
    assert_int_equal(counts.tally.units, 4);
    assert_int_equal(counts.tally.passed, 2);
    assert_int_equal(counts.tally.skipped, 1);
    assert_int_equal(counts.tally.not_run, 1);
    story_expect(&s, "unit unit/d");
    story_end(&s);
}

TEST(a_layer_that_carries_everything_is_judged_by_what_it_carries)
{
    struct story s;

    begin_one(&s, 1);
    start_one(&s);
    s.hint = (struct plan_hint){.known = true, .carried = true, .last = OUTCOME_PASSED};
    story_planned(&s, "unit", "a b");
    story_expect(&s, "judge unit|wait");
    assert_int_equal(story_counts(&s, "unit").tally.passed, 2);
    assert_int_equal(story_counts(&s, "unit").tally.cases_passed, 2);
    story_judged(&s, "unit", VERDICT_OPEN);
    story_expect(&s, "done");
    story_end(&s);
}

TEST(a_layer_whose_matching_units_are_all_carried_is_judged_and_not_skipped)
{
    struct story s;

    begin_one(&s, 1);
    story_filter(&s, "a");
    start_one(&s);
    s.hint = (struct plan_hint){.known = true, .carried = true, .last = OUTCOME_PASSED};
    story_planned(&s, "unit", "a b");
    assert_int_equal(story_counts(&s, "unit").excluded, 1);
    story_expect(&s, "judge unit|wait");
    story_end(&s);
}

TEST(every_shard_makes_the_products_it_needs)
{
    struct story s;

    story_begin(&s, "one two");
    story_layer(&s, "build", "one")->outputs = story_words(&s, "bin/*");
    story_layer(&s, "unit", "two");
    s.options.shard_count = 1000000;
    s.options.shard_index = 1;
    story_start(&s);
    story_expect(&s, "layer build");
    story_planned(&s, "build", "x y");
    story_expect(&s, "unit build/x|unit build/y");
    story_end(&s);
}

TEST(products_that_are_needed_are_made_and_not_carried)
{
    struct story s;

    story_begin(&s, "one two");
    story_layer(&s, "build", "one")->outputs = story_words(&s, "bin/*");
    story_layer(&s, "unit", "two");
    story_start(&s);
    story_expect(&s, "layer build");
    s.hint = (struct plan_hint){.known = true, .carried = true};
    story_planned(&s, "build", "x");
    story_expect(&s, "unit build/x");
    story_end(&s);
}

TEST(max_fail_stops_after_so_many_final_failures)
{
    struct story s;

    story_begin(&s, "one two");
    story_layer(&s, "unit", "one")->retry_max = 1;
    story_layer(&s, "later", "two");
    s.options.max_fail = 2;
    s.options.slots = 3;
    story_start(&s);
    story_expect(&s, "layer unit");
    story_planned(&s, "unit", "a b c d e");
    story_expect(&s, "unit unit/a|unit unit/b|unit unit/c");
    story_finish(&s, "unit/a", OUTCOME_FAILED); /* not final: does not count */
    story_finish(&s, "unit/b", OUTCOME_FAILED);
    story_expect(&s, "unit unit/a again 2|unit unit/b again 2|wait");
    story_finish(&s, "unit/a", OUTCOME_FAILED);
    assert_false(plan_stopped(s.plan));
    story_finish(&s, "unit/b", OUTCOME_TIMED_OUT);
    assert_true(plan_stopped(s.plan));
    story_expect(&s, "skip later: the run stopped after 2 failures|wait");
    story_finish(&s, "unit/c", OUTCOME_FAILED);
    assert_true(s.outcome.final); /* no attempt is made any more */
    story_expect(&s, "judge unit");
    struct plan_layer_counts counts = story_counts(&s, "unit");
    assert_int_equal(counts.tally.failed, 2);
    assert_int_equal(counts.tally.timed_out, 1);
    assert_int_equal(counts.tally.not_run, 2);
    story_judged(&s, "unit", VERDICT_SHUT);
    story_expect(&s, "done");
    story_end(&s);
}

TEST(max_fail_does_not_count_layers_that_may_fail)
{
    struct story s;

    begin_one(&s, 1);
    s.layers[0].allow_failure = true;
    s.options.max_fail = 1;
    start_one(&s);
    story_planned(&s, "unit", "a b");
    story_expect(&s, "unit unit/a");
    story_finish(&s, "unit/a", OUTCOME_FAILED);
    assert_false(plan_stopped(s.plan));
    story_expect(&s, "unit unit/b");
    story_end(&s);
}

TEST(a_stop_starts_nothing_more_and_judges_what_ended)
{
    struct story s;

    story_begin(&s, "one two");
    story_layer(&s, "planning", "one");
    story_layer(&s, "running", "one");
    story_layer(&s, "idle", "one");
    story_layer(&s, "later", "two");
    s.options.slots = 1;
    story_start(&s);
    story_expect(&s, "layer planning|layer running|layer idle");
    story_planned(&s, "running", "a b");
    story_expect(&s, "unit running/a");
    story_planned(&s, "idle", "c");
    plan_stop(s.plan, "interrupted");
    plan_stop(s.plan, "again");
    assert_true(plan_stopped(s.plan));
    story_expect(&s, "skip later: interrupted|judge idle|wait");
    story_planned(&s, "planning", "x y");
    story_expect(&s, "judge planning|wait");
    story_finish(&s, "running/a", OUTCOME_PASSED);
    story_expect(&s, "judge running|wait");
    assert_int_equal(story_counts(&s, "running").tally.passed, 1);
    assert_int_equal(story_counts(&s, "running").tally.not_run, 1);
    assert_int_equal(story_counts(&s, "planning").tally.not_run, 2);
    story_judged(&s, "planning", VERDICT_ERROR);
    story_judged(&s, "running", VERDICT_ERROR);
    story_judged(&s, "idle", VERDICT_ERROR);
    story_expect(&s, "done");
    story_end(&s);
}

TEST(a_stop_skips_a_layer_that_was_ready_but_not_asked_for)
{
    struct story s;

    story_begin(&s, "default");
    story_layer(&s, "a", "default");
    story_layer(&s, "b", "default");
    story_start(&s);
    story_expect(&s, "layer a");
    plan_stop(s.plan, "deadline");
    story_expect(&s, "skip b: deadline|wait");
    story_planned(&s, "a", "");
    story_expect(&s, "judge a");
    story_judged(&s, "a", VERDICT_ERROR);
    story_expect(&s, "done");
    story_end(&s);
}

TEST(a_retry_that_waits_at_a_stop_was_not_run)
{
    struct story s;

    begin_one(&s, 1);
    s.layers[0].retry_max = 1;
    start_one(&s);
    story_planned(&s, "unit", "a");
    story_expect(&s, "unit unit/a");
    story_finish(&s, "unit/a", OUTCOME_FAILED);
    plan_stop(s.plan, "interrupted");
    story_expect(&s, "judge unit|wait");
    assert_int_equal(story_counts(&s, "unit").tally.not_run, 1);
    story_end(&s);
}

TEST(status_and_flaky_filters_ask_history)
{
    struct story s;

    begin_one(&s, 9);
    story_filter(&s, "status(failed) or status(new) or status(flaky)");
    start_one(&s);
    story_units(&s, "unit", "unknown");
    s.hint = (struct plan_hint){.known = true, .last = OUTCOME_FAILED};
    story_units(&s, "unit", "failed");
    s.hint.last = OUTCOME_PASSED;
    story_units(&s, "unit", "passed");
    s.hint.flaky = true;
    story_planned(&s, "unit", "flaky");
    story_expect(&s, "unit unit/unknown|unit unit/failed|unit unit/flaky|wait");
    story_end(&s);
}

TEST(labels_and_stages_select_units)
{
    struct story s;

    begin_one(&s, 9);
    story_filter(&s, "label(slow*) and stage(default)");
    start_one(&s);
    story_units(&s, "unit", "plain");
    s.next_unit.labels = story_words(&s, "net slow-io");
    story_planned(&s, "unit", "labelled");
    story_expect(&s, "unit unit/labelled|wait");
    story_end(&s);
}

/* Runs a whole small plan; 0 or -ENOMEM. What was made is freed by the caller. */
static int run_small(struct story *s, struct plan **ret_plan)
{
    static const char *const locks_a[] = {"db", "gpu", NULL};
    static const struct unit units[] = {
        {.id = "a",   .locks = {locks_a, 2}},
        {.id = "b"  },
        {.id = "c", .slots = 2                     },
    };
    const struct plan_hint hint = {0};
    int rc = plan_new(&s->pipeline, &s->options, ret_plan, NULL);

    if (rc != 0) {
        return rc;
    }
    assert_int_equal(plan_next(*ret_plan).type, PLAN_LAYER);
    for (size_t i = 0; i < 3; i++) {
        rc = plan_add_unit(*ret_plan, &units[i], &hint);
        if (rc < 0) {
            return rc;
        }
    }
    rc = plan_layer_planned(*ret_plan, 0, false);
    if (rc != 0) {
        assert_int_equal(plan_layer_planned(*ret_plan, 0, true), 0);
        assert_int_equal(plan_next(*ret_plan).type, PLAN_JUDGE);
        return rc;
    }
    assert_int_equal(plan_next(*ret_plan).type, PLAN_UNIT);
    assert_int_equal(plan_next(*ret_plan).type, PLAN_WAIT); /* all share the lock "db" */
    return 0;
}

/* A hook of base/mem.h: mem_fail_from() or mem_fail_once(). */
static void check_small_run(struct story *s, size_t (*set_fail)(size_t n))
{
    size_t made = 1;

    for (size_t n = 1; made >= n; n++) {
        struct plan *plan = NULL;
        (void)set_fail(n);
        int rc = run_small(s, &plan);
        made = set_fail(0);
        assert_true(rc == 0 || rc == -ENOMEM);
        assert_true(rc == 0 || made >= n);
        plan_free(plan);
        assert_true(n < 200);
    }
}

static void check_new_plan(struct story *s, size_t (*set_fail)(size_t n))
{
    size_t made = 1;

    for (size_t n = 1; made >= n; n++) {
        struct plan *plan = NULL;
        struct err err = {0};
        (void)set_fail(n);
        int rc = plan_new(&s->pipeline, &s->options, &plan, &err);
        made = set_fail(0);
        assert_int_equal(rc == 0, plan != NULL);
        assert_int_equal(err.code, rc);
        assert_true(rc == 0 || made >= n);
        plan_free(plan);
        assert_true(n < 200);
    }
}

TEST(memory_running_out_at_any_point_is_told_and_leaks_nothing)
{
    struct story s;

    begin_one(&s, 2);
    s.layers[0].locks = story_words(&s, "db");
    story_layer(&s, "bench", "default")->when = WHEN_MANUAL;
    story_layer(&s, "plot", "default");
    story_needs(&s, "plot", "bench unit");
    s.pipeline.stages = s.stages;
    s.pipeline.layers = s.layers;
    s.pipeline.layer_count = 1; /* the small run knows one layer ... */
    check_small_run(&s, mem_fail_from);
    check_small_run(&s, mem_fail_once);
    s.pipeline.layer_count = 3; /* ... and here a reason is written as well */
    check_new_plan(&s, mem_fail_from);
    check_new_plan(&s, mem_fail_once);
    story_end(&s);
}

TEST(reasons_without_memory_are_still_reasons)
{
    struct story s;

    story_begin(&s, "one two");
    story_layer(&s, "a", "one");
    story_layer(&s, "b", "two");
    story_start(&s);
    story_expect(&s, "layer a");
    mem_fail_from(1);
    int rc = plan_layer_planned(s.plan, 0, true);
    struct plan_action judge = plan_next(s.plan);
    plan_layer_judged(s.plan, 0, VERDICT_SHUT);
    struct plan_action skip = plan_next(s.plan);
    mem_fail_from(0);
    assert_int_equal(rc, 0);
    assert_int_equal(judge.type, PLAN_JUDGE);
    assert_int_equal(skip.type, PLAN_SKIP_LAYER);
    assert_non_null(strstr(skip.reason, "did not open its gate"));
    story_end(&s);
}

/* Where the units end up in the order of one number. */
static void shuffled_order(unsigned shuffle, bool slow_first, char ret_order[static 32])
{
    struct story s;
    char *end = ret_order;
    begin_one(&s, 1);
    s.options.shuffle = shuffle;
    start_one(&s);
    s.hint = (struct plan_hint){.known = true,
                                .duration_ms = slow_first ? 5000 : 1,
                                .failed_recently = slow_first,
                                .in_order = !slow_first};
    story_units(&s, "unit", "a");
    s.hint.failed_recently = false;
    s.hint.duration_ms = 10;
    story_planned(&s, "unit", "b c d e f g h");
    for (int i = 0; i < 8; i++) {
        const char *unit = strchr(story_next(&s), '/') - strlen("unit");
        *end++ = unit[strlen("unit/")];
        story_finish(&s, arena_printf(s.arena, "%s", unit), OUTCOME_PASSED);
    }
    *end = '\0';
    story_end(&s);
}

TEST(a_shuffled_order_depends_on_its_number_alone)
{
    char one[32];
    char again[32];
    char other[32];
    shuffled_order(1, false, one);
    shuffled_order(1, true, again); /* whatever history and plugin say */
    shuffled_order(2, false, other);
    assert_string_equal(one, again);
    assert_string_not_equal(one, other);
    assert_string_not_equal(one, "abcdefgh");
    for (const char *unit = "abcdefgh"; *unit != '\0'; unit++) {
        assert_non_null(strchr(one, *unit));
    }
}
