/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "unit/plan/support/story.h"

TEST(an_empty_pipeline_is_done_at_once)
{
    struct story s;

    story_begin(&s, "default");
    story_start(&s);
    story_expect(&s, "done|done");
    story_end(&s);
}

TEST(a_layer_is_planned_run_judged_and_done)
{
    struct story s;

    story_begin(&s, "default");
    story_layer(&s, "unit", "default");
    story_start(&s);
    story_expect(&s, "layer unit|wait");
    story_planned(&s, "unit", "a b c");
    story_expect(&s, "unit unit/a|unit unit/b|wait");
    story_finish(&s, "unit/a", OUTCOME_PASSED);
    story_expect(&s, "unit unit/c|wait");
    story_finish(&s, "unit/b", OUTCOME_PASSED);
    story_expect(&s, "wait");
    story_finish(&s, "unit/c", OUTCOME_PASSED);
    story_expect(&s, "judge unit|wait");
    story_judged(&s, "unit", VERDICT_OPEN);
    story_expect(&s, "done|done");
    story_end(&s);
}

TEST(a_stage_waits_for_all_layers_of_the_stages_before)
{
    struct story s;

    story_begin(&s, "build test deploy");
    story_layer(&s, "ship", "deploy");
    story_layer(&s, "unit", "test");
    story_layer(&s, "gcc", "build");
    story_layer(&s, "clang", "build");
    story_start(&s);
    story_expect(&s, "layer gcc|layer clang|wait");
    story_opens(&s, "gcc");
    story_expect(&s, "wait");
    story_opens(&s, "clang");
    story_expect(&s, "layer unit|wait");
    story_opens(&s, "unit");
    story_expect(&s, "layer ship|wait");
    story_opens(&s, "ship");
    story_expect(&s, "done");
    story_end(&s);
}

TEST(needs_replace_the_barrier_of_the_stage)
{
    struct story s;

    story_begin(&s, "build test");
    story_layer(&s, "slow", "build");
    story_layer(&s, "fast", "build");
    story_layer(&s, "unit", "test");
    story_layer(&s, "lint", "test");
    story_layer(&s, "all", "test");
    story_needs(&s, "unit", "fast");
    story_needs(&s, "lint", "");
    story_start(&s);
    story_expect(&s, "layer slow|layer fast|layer lint|wait");
    story_opens(&s, "fast");
    story_expect(&s, "layer unit|wait");
    story_opens(&s, "unit");
    story_opens(&s, "lint");
    story_expect(&s, "wait");
    story_opens(&s, "slow");
    story_expect(&s, "layer all|wait");
    story_end(&s);
}

TEST(a_diamond_waits_for_both_its_sides)
{
    struct story s;

    story_begin(&s, "default");
    story_layer(&s, "bottom", "default");
    story_layer(&s, "left", "default");
    story_layer(&s, "right", "default");
    story_layer(&s, "top", "default");
    story_needs(&s, "bottom", "left right");
    story_needs(&s, "left", "top");
    story_needs(&s, "right", "top");
    story_start(&s);
    story_expect(&s, "layer top|wait");
    story_opens(&s, "top");
    story_expect(&s, "layer left|layer right|wait");
    story_opens(&s, "right");
    story_expect(&s, "wait");
    story_opens(&s, "left");
    story_expect(&s, "layer bottom|wait");
    story_end(&s);
}

TEST(a_shut_layer_skips_all_that_wait_for_it_with_the_reason)
{
    struct story s;

    story_begin(&s, "build test deploy");
    story_layer(&s, "compile", "build");
    story_layer(&s, "unit", "test");
    story_layer(&s, "docs", "test");
    story_layer(&s, "ship", "deploy");
    story_needs(&s, "docs", "");
    story_needs(&s, "ship", "unit");
    story_start(&s);
    story_expect(&s, "layer compile|layer docs|wait");
    story_planned(&s, "compile", "a");
    story_expect(&s, "unit compile/a|wait");
    story_finish(&s, "compile/a", OUTCOME_FAILED);
    story_expect(&s, "judge compile|wait");
    story_judged(&s, "compile", VERDICT_SHUT);
    story_expect(&s,
                 "skip unit: layer \"compile\" did not open its gate"
                 "|skip ship: layer \"unit\" was skipped|wait");
    story_opens(&s, "docs");
    story_expect(&s, "done");
    story_end(&s);
}

TEST(a_failing_need_skips_before_the_others_have_ended)
{
    struct story s;

    story_begin(&s, "default");
    story_layer(&s, "a", "default");
    story_layer(&s, "b", "default");
    story_layer(&s, "c", "default");
    story_needs(&s, "c", "a b");
    story_start(&s);
    story_expect(&s, "layer a|layer b|wait");
    assert_int_equal(plan_layer_planned(s.plan, 1, true), 0);
    story_expect(&s, "judge b|wait");
    story_judged(&s, "b", VERDICT_ERROR);
    story_expect(&s, "skip c: layer \"b\" did not open its gate|wait");
    story_end(&s);
}

TEST(a_layer_that_may_fail_blocks_nobody)
{
    struct story s;

    story_begin(&s, "one two");
    story_layer(&s, "flaky", "one")->allow_failure = true;
    story_layer(&s, "broken", "one")->allow_failure = true;
    story_layer(&s, "next", "two");
    story_start(&s);
    story_expect(&s, "layer flaky|layer broken|wait");
    story_planned(&s, "flaky", "");
    story_planned(&s, "broken", "");
    story_expect(&s, "judge flaky|judge broken|wait");
    story_judged(&s, "flaky", VERDICT_SHUT);
    story_judged(&s, "broken", VERDICT_ERROR);
    story_expect(&s, "layer next|wait");
    story_end(&s);
}

TEST(a_layer_that_may_fail_but_was_skipped_for_a_failure_blocks)
{
    struct story s;

    story_begin(&s, "default");
    story_layer(&s, "a", "default");
    story_layer(&s, "b", "default")->allow_failure = true;
    story_layer(&s, "c", "default");
    story_needs(&s, "b", "a");
    story_needs(&s, "c", "b");
    story_start(&s);
    story_expect(&s, "layer a");
    story_planned(&s, "a", "");
    story_expect(&s, "judge a");
    story_judged(&s, "a", VERDICT_SHUT);
    story_expect(&s,
                 "skip b: layer \"a\" did not open its gate"
                 "|skip c: layer \"b\" was skipped|done");
    story_end(&s);
}

TEST(a_layer_judged_skipped_blocks_even_if_it_may_fail)
{
    struct story s;

    story_begin(&s, "one two");
    story_layer(&s, "a", "one")->allow_failure = true;
    story_layer(&s, "b", "two");
    story_start(&s);
    story_expect(&s, "layer a");
    story_planned(&s, "a", "");
    story_expect(&s, "judge a");
    story_judged(&s, "a", VERDICT_SKIPPED);
    story_expect(&s, "skip b: layer \"a\" did not open its gate|done");
    story_end(&s);
}

TEST(a_layer_whose_planning_failed_runs_none_of_its_units)
{
    struct story s;

    story_begin(&s, "default");
    story_layer(&s, "unit", "default");
    story_start(&s);
    story_expect(&s, "layer unit");
    story_units(&s, "unit", "a b");
    assert_int_equal(plan_layer_planned(s.plan, 0, true), 0);
    story_expect(&s, "judge unit|wait");
    struct plan_layer_counts counts = story_counts(&s, "unit");
    assert_int_equal(counts.tally.not_run, 2);
    assert_int_equal(counts.tally.passed, 0);
    story_judged(&s, "unit", VERDICT_ERROR);
    story_expect(&s, "done");
    story_end(&s);
}

TEST(a_layer_without_units_is_judged_and_not_passed_over)
{
    struct story s;

    story_begin(&s, "default");
    story_layer(&s, "unit", "default");
    story_start(&s);
    story_expect(&s, "layer unit");
    story_planned(&s, "unit", "");
    story_expect(&s, "judge unit|wait");
    story_end(&s);
}

TEST(a_circle_of_needs_and_stages_ends_with_a_reason)
{
    struct story s;

    story_begin(&s, "one two");
    story_layer(&s, "a", "one");
    story_layer(&s, "b", "two");
    story_needs(&s, "a", "b"); /* and b waits for stage one */
    story_start(&s);
    assert_non_null(strstr(story_next(&s), "skip a: its needs and stages form a circle"));
    assert_non_null(strstr(story_next(&s), "skip b: its needs and stages form a circle"));
    story_expect(&s, "done");
    story_end(&s);
}

TEST(a_long_chain_written_backwards_is_skipped_whole)
{
    static char ids[STORY_LAYERS_MAX][8];
    struct story s;

    story_begin(&s, "default");
    for (int i = 0; i < STORY_LAYERS_MAX; i++) {
        (void)snprintf(ids[i], sizeof ids[i], "l%d", i);
        story_layer(&s, ids[i], "default");
    }
    for (int i = 0; i + 1 < STORY_LAYERS_MAX; i++) {
        story_needs(&s, ids[i], ids[i + 1]);
    }
    story_start(&s);
    story_expect(&s, "layer l63");
    story_planned(&s, "l63", "");
    story_expect(&s, "judge l63");
    story_judged(&s, "l63", VERDICT_SHUT);
    for (int i = STORY_LAYERS_MAX - 2; i >= 0; i--) {
        assert_non_null(strstr(story_next(&s), "skip l"));
    }
    story_expect(&s, "done");
    story_end(&s);
}

TEST(a_circle_is_told_when_the_layers_beside_it_have_ended)
{
    struct story s;

    story_begin(&s, "one two");
    story_layer(&s, "lint", "one");
    story_layer(&s, "unit", "one");
    story_layer(&s, "a", "one");
    story_layer(&s, "b", "two");
    story_needs(&s, "a", "b"); /* and b waits for stage one */
    story_filter(&s, "not name(none)");
    story_start(&s);
    story_expect(&s, "layer lint|layer unit|wait");
    story_planned(&s, "lint", "none");
    story_expect(&s, "skip lint: the filter matches none of its units|wait");
    story_opens(&s, "unit");
    assert_non_null(strstr(story_next(&s), "skip a: its needs and stages form a circle"));
    assert_non_null(strstr(story_next(&s), "skip b: its needs and stages form a circle"));
    story_expect(&s, "done");
    story_end(&s);
}

TEST(a_layer_is_asked_for_once_though_another_one_ended_before)
{
    struct story s;

    story_begin(&s, "one");
    story_layer(&s, "a", "one");
    story_layer(&s, "b", "one");
    story_filter(&s, "name(x)");
    story_start(&s);
    story_expect(&s, "layer a");
    story_planned(&s, "a", "y");
    story_expect(&s, "skip a: the filter matches none of its units|layer b|wait");
    story_end(&s);
}

TEST(the_layer_that_holds_a_stage_up_is_named)
{
    struct story s;

    story_begin(&s, "one two");
    story_layer(&s, "good", "one");
    story_layer(&s, "bad", "one");
    story_layer(&s, "later", "two");
    story_start(&s);
    story_expect(&s, "layer good|layer bad|wait");
    story_opens(&s, "good");
    story_planned(&s, "bad", "");
    story_expect(&s, "judge bad");
    story_judged(&s, "bad", VERDICT_SHUT);
    story_expect(&s, "skip later: layer \"bad\" did not open its gate|done");
    story_end(&s);
}
