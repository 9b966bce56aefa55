/* SPDX-License-Identifier: Apache-2.0 */
/* Runs from their first event to their exit code, with an engine that starts nothing
 * (support/fake.h). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/fake.h"
#include "support/test.h"

static struct story story;

#define HEAD "version: 1\nstages: [one, two]\nlayers:\n"
#define LAYER(id, stage, units, more) \
    "  " id ": {stage: " stage ", uses: fake, with: {units: \"" units "\"}" more "}\n"

TEST(green_layers_open_in_order_and_the_exit_code_is_zero)
{
    story_run(&story, HEAD LAYER("a", "one", "ok-1 ok-2", "") LAYER("b", "two", "ok", ""), 2, NULL);
    assert_story(&story,
                 "started a",
                 "unit a/ok-1 passed",
                 "judged a open",
                 "started b",
                 "unit b/ok passed",
                 "judged b open",
                 "finished 0");
    assert_int_equal(story.exit_code, EXIT_OPEN);
    assert_string_equal(story.reason, "");
}

TEST(a_failing_unit_shuts_its_layer_and_what_needs_it_is_skipped)
{
    story_run(&story, HEAD LAYER("a", "one", "ok fail", "") LAYER("b", "two", "ok", ""), 2, NULL);
    assert_story(&story,
                 "unit a/fail failed",
                 "judged a shut: failed is 1",
                 "judged b skipped",
                 "finished 1");
    story_lacks(&story, "unit b/ok");
    assert_non_null(strstr(story.reason, "layer a is shut"));
}

TEST(a_crashing_unit_shuts_too)
{
    story_run(&story, HEAD LAYER("a", "one", "error", ""), 2, NULL);
    assert_story(&story, "unit a/error errored", "judged a shut: errored is 1", "finished 1");
}

TEST(a_layer_that_may_fail_is_told_and_does_not_shut_the_gate)
{
    story_run(&story,
              HEAD LAYER("a", "one", "fail", ", allow_failure: true") LAYER("b", "two", "ok", ""),
              2,
              NULL);
    assert_story(&story, "judged a shut", "unit b/ok passed", "finished 0");
}

TEST(a_flaky_unit_is_tried_again_and_marked)
{
    story_run(&story, HEAD LAYER("a", "one", "flaky", ", retry: {max: 1}"), 1, NULL);
    assert_story(&story,
                 "unit a/flaky failed (again)",
                 "unit a/flaky passed (flaky)",
                 "judged a open",
                 "finished 0");
}

TEST(a_plugin_that_cannot_plan_is_an_error_of_its_layer)
{
    story_run(&story, HEAD LAYER("a", "one", "broken", "") LAYER("b", "two", "ok", ""), 1, NULL);
    assert_story(
        &story, "judged a error: fake plan: exit code 2", "judged b skipped", "finished 3");
}

TEST(a_layer_without_units_is_an_error)
{
    story_run(&story, HEAD LAYER("a", "one", "", ""), 1, NULL);
    assert_story(&story, "judged a error", "finished 3");
}

TEST(a_layer_whose_tests_are_all_skipped_proves_nothing)
{
    story_run(&story, HEAD LAYER("a", "one", "skip-1 skip-2", ""), 1, NULL);
    assert_story(&story, "judged a error: every test was skipped", "finished 3");
}

TEST(the_first_skipped_test_that_says_why_is_told)
{
    story_run(&story, HEAD LAYER("a", "one", "skip-1 skipwhy-2 skipwhy-3", ""), 1, NULL);
    assert_story(&story,
                 "judged a error: every test was skipped: that proves nothing (a case: no disk)",
                 "finished 3");
}

TEST(units_that_expand_become_their_units)
{
    story_run(&story, HEAD LAYER("a", "one", "expand ok-1", ""), 1, NULL);
    assert_story(&story, "unit a/ok-1 passed", "judged a open", "finished 0");
    assert_story(&story, "unit a/ok-a passed");
    assert_story(&story, "unit a/ok-b passed");
    story_lacks(&story, "unit a/expand");
}

/* A plugin whose every expansion named one more cost a run for ever. */
TEST(units_that_expand_on_and_on_are_an_error_of_their_layer)
{
    story_run(&story, HEAD LAYER("a", "one", "expand-on", ""), 1, NULL);
    assert_story(&story,
                 "judged a error: unit \"expand-on++++++++\" would expand further: units may "
                 "expand 8 levels deep",
                 "finished 3");
}

TEST(an_id_is_unique_across_expansions_in_a_layer_with_shards_too)
{
    story_run(&story, HEAD LAYER("a", "one", "expand ok-a", ", shards: 2"), 1, NULL);
    assert_story(&story, "judged a error: two units have the id \"ok-a\"", "finished 3");
}

TEST(shards_of_a_layer_run_every_unit_in_parts)
{
    story_run(&story, HEAD LAYER("a", "one", "ok", ", shards: 3"), 1, NULL);
    assert_story(&story,
                 "unit a/ok#1/3 passed",
                 "unit a/ok#2/3 passed",
                 "unit a/ok#3/3 passed",
                 "finished 0");
}

TEST(never_more_units_at_once_than_slots)
{
    story_run(
        &story, HEAD LAYER("a", "one", "ok-1 ok-2 ok-3 ok-4 ok-5 ok-6 ok-7 ok-8", ""), 3, NULL);
    assert_int_equal(story.most_at_once, 3);
    assert_int_equal(story.exit_code, EXIT_OPEN);
}

TEST(a_lock_is_held_by_one_unit_at_a_time)
{
    story_run(&story, HEAD LAYER("a", "one", "ok-1 ok-2 ok-3 ok-4", ", locks: [port]"), 3, NULL);
    assert_int_equal(story.most_at_once, 1);
}

static void fail_fast(struct sched_options *options)
{
    options->plan.max_fail = 1;
}

TEST(fail_fast_starts_nothing_after_the_first_failure)
{
    story_run(&story, HEAD LAYER("a", "one", "fail ok-1 ok-2 ok-3", ""), 1, fail_fast);
    assert_story(&story, "unit a/fail failed", "judged a shut", "finished 1");
    story_lacks(&story, "unit a/ok-3");
}

static void interrupt(void)
{
    sched_interrupt(story_sched());
}

/* Late enough for what comes before the interrupt on a machine that is busy with other things. */
#define FIRST_MS  500
#define SECOND_MS 1000

static void interrupt_once(struct sched_options *options)
{
    story_after(options, FIRST_MS, interrupt);
}

static void interrupt_twice(struct sched_options *options)
{
    story_after(options, FIRST_MS, interrupt);
    story_after(options, SECOND_MS, interrupt);
}

TEST(the_second_interrupt_stops_what_runs)
{
    story_run(&story, HEAD LAYER("a", "one", "hang ok-1 ok-2", ", slots: 2"), 2, interrupt_twice);
    assert_story(&story,
                 "note interrupted: waiting for 1 running unit",
                 "unit a/hang errored",
                 "judged a shut",
                 "not run",
                 "finished 130");
    story_lacks(&story, "unit a/ok-1");
}

/* One Ctrl-C waited ten minutes for a plugin that hung, "for 0 running units". */
TEST(the_first_interrupt_ends_planning)
{
    story_run(&story,
              HEAD LAYER("a", "one", "expand-hang expand", "") LAYER("b", "two", "ok", ""),
              1,
              interrupt_once);
    assert_story(&story, "note interrupted", "judged a error", "finished 130");
    story_lacks(&story, "unit a/ok");
    story_lacks(&story, "unit b/ok");
}

static void budget(struct sched_options *options)
{
    options->budget_ms = 800;
}

static void long_budget(struct sched_options *options)
{
    options->budget_ms = 3000;
}

TEST(a_budget_ends_the_run_with_its_own_exit_code)
{
    story_run(&story, HEAD LAYER("a", "one", "hang", "") LAYER("b", "two", "ok", ""), 1, budget);
    assert_story(&story,
                 "note the time budget is used up",
                 "unit a/hang errored",
                 "judged a shut",
                 "finished 6");
    story_lacks(&story, "unit b/ok");
}

TEST(the_first_interrupt_lets_running_units_end)
{
    story_run(&story,
              HEAD LAYER("a", "one", "ok-1", "") LAYER("b", "two", "hang", ""),
              1,
              interrupt_twice);
    assert_story(&story, "unit a/ok-1 passed", "judged a open", "finished 130");
}

TEST(slow_units_are_told_while_they_run)
{
    story_run(&story, HEAD LAYER("a", "one", "hang", ", slow_after: 100ms"), 1, long_budget);
    assert_story(&story, "slow hang", "finished 6");
}

static void filter_costly(struct sched_options *options)
{
    static struct filter *filter;
    struct err err = {0};
    filter_free(filter);
    filter = NULL;
    assert_int_equal(filter_parse("not name(/-(a+)+$/)", &filter, &err), 0);
    options->plan.filter = filter;
}

TEST(a_filter_without_an_answer_ends_the_run_as_a_wrong_command_line)
{
    story_run(
        &story,
        HEAD LAYER("a", "one", "ok-1 ok-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", "")
            LAYER("b", "two", "ok", ""),
        1,
        filter_costly);
    assert_story(
        &story, "judged a error: filter: the pattern /-(a+)+$/ is too costly", "finished 2");
    story_lacks(&story, "unit a/ok");
    story_lacks(&story, "unit b/ok");
}

static void filter_nothing(struct sched_options *options)
{
    static struct filter *filter;
    struct err err = {0};
    filter_free(filter);
    filter = NULL;
    assert_int_equal(filter_parse("name(nothing-has-this-name)", &filter, &err), 0);
    options->plan.filter = filter;
}

TEST(a_filter_that_matches_nothing_is_an_error_of_its_own)
{
    story_run(&story, HEAD LAYER("a", "one", "ok", ""), 1, filter_nothing);
    assert_story(&story, "finished 4");
    assert_non_null(strstr(story.reason, "nothing was selected"));
}

static int planned_count;

static int count_planned(void *context,
                         const struct layer *layer,
                         const struct unit *unit,
                         const struct plan_hint *hint,
                         const struct sched_forecast *forecast)
{
    (void)context;
    (void)layer;
    (void)unit;
    (void)hint;
    planned_count += forecast != NULL;
    return 0;
}

static void plan_only(struct sched_options *options)
{
    planned_count = 0;
    options->plan_only = true;
    options->planned = count_planned;
}

static char producer_told[64]; /* a copy: the pipeline is gone when the story is over */

static void note_waiting(void *context, const struct layer *layer, const struct layer *producer)
{
    (void)context;
    assert_string_equal(layer->id, "c");
    (void)snprintf(producer_told, sizeof producer_told, "%s", producer->id);
}

static void plan_with_waiting(struct sched_options *options)
{
    plan_only(options);
    options->waiting = note_waiting;
}

/* `plan` of the very first pipeline of the README ended in an error: nothing was built yet. */
TEST(planning_only_tells_a_layer_that_waits_for_outputs)
{
    producer_told[0] = '\0';
    story_run(&story,
              HEAD LAYER("a", "one", "ok", ", outputs: [out]")
                  LAYER("b", "one", "ok", ", needs: [a]")
                      LAYER("c", "two", "broken", ", needs: [b]"),
              1,
              plan_with_waiting);
    assert_string_equal(producer_told, "a");
    assert_story(&story, "finished 0");
}

TEST(planning_only_a_broken_layer_that_waits_for_no_outputs_is_an_error)
{
    producer_told[0] = '\0';
    story_run(&story,
              HEAD LAYER("a", "one", "ok", "") LAYER("c", "two", "broken", ""),
              1,
              plan_with_waiting);
    assert_string_equal(producer_told, "");
    assert_story(&story, "judged c error", "finished 3");
}

TEST(planning_only_shows_all_layers_and_runs_no_unit)
{
    story_run(
        &story, HEAD LAYER("a", "one", "fail ok", "") LAYER("b", "two", "ok", ""), 1, plan_only);
    assert_int_equal(planned_count, 3);
    assert_int_equal(story.most_at_once, 0);
    story_lacks(&story, "unit ");
}

static void no_lower(struct sched_options *options)
{
    options->lower = NULL;
}

/* A nested sluice took the plan of a layer for a unit of the outer one. */
TEST(the_unit_around_a_nested_run_is_not_its_own)
{
    assert_int_equal(setenv("SLUICE_UNIT", "outer", 1), 0);
    story_run(&story, HEAD LAYER("a", "one", "ok", ""), 1, no_lower);
    assert_int_equal(unsetenv("SLUICE_UNIT"), 0);
    assert_story(&story, "unit a/ok passed", "finished 0");
}

static bool nothing_changed(void *context, const struct layer *layer)
{
    (void)context;
    (void)layer;
    return true;
}

static void unchanged(struct sched_options *options)
{
    options->plan.unchanged = nothing_changed;
}

/* A run that ended before its loop turned once left its timer in the loop, on a stack that was
 * gone, for whoever turned it next: with nothing to do, and with a disk too full to plan. */
TEST(a_run_that_ends_before_it_began_leaves_nothing_in_the_loop)
{
    story_run(&story, HEAD LAYER("a", "one", "ok", ", when: changed"), 1, unchanged);
    assert_story(&story, "finished 0");
    story_lacks(&story, "started a");
}

TEST(without_isolation_the_user_is_told_once)
{
    story_run(&story, HEAD LAYER("a", "one", "ok", "") LAYER("b", "two", "ok", ""), 1, no_lower);
    assert_story(&story, "note units cannot be isolated on this machine", "finished 0");
    const char *first = strstr(story.text, "in place");
    assert_null(strstr(first + 1, "in place"));
}
