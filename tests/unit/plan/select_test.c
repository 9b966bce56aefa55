/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "unit/plan/support/story.h"

/* build -> unit -> mutation, and lint on its own; build makes products. */
static void begin_house(struct story *s)
{
    story_begin(s, "one");
    story_layer(s, "build", "one")->outputs = story_words(s, "out/**");
    story_layer(s, "lint", "one");
    story_layer(s, "unit", "one");
    story_layer(s, "mutation", "one");
    story_needs(s, "unit", "build");
    story_needs(s, "mutation", "unit");
}

TEST(named_layers_run_with_all_they_need_and_nothing_else)
{
    struct story s;

    begin_house(&s);
    s.options.layers = story_words(&s, "unit");
    story_start(&s);
    story_expect(&s,
                 "skip lint: not among the layers named on the command line"
                 "|skip mutation: not among the layers named on the command line"
                 "|layer build|wait");
    story_opens(&s, "build");
    story_expect(&s, "layer unit|wait");
    story_opens(&s, "unit");
    story_expect(&s, "done");
    story_end(&s);
}

TEST(a_base_id_names_all_variants)
{
    struct story s;

    story_begin(&s, "one");
    story_layer(&s, "unit[asan]", "one");
    story_layer(&s, "unit[tsan]", "one");
    story_layer(&s, "lint", "one");
    s.options.layers = story_words(&s, "unit");
    story_start(&s);
    story_expect(&s,
                 "skip lint: not among the layers named on the command line"
                 "|layer unit[asan]|layer unit[tsan]|wait");
    story_end(&s);
}

TEST(an_unknown_layer_name_is_refused_with_the_nearest_one)
{
    struct story s;
    struct err err = {0};
    struct plan *plan = NULL;

    begin_house(&s);
    s.pipeline = (struct pipeline){.file = "sluice.yml",
                                   .stages = s.stages,
                                   .layers = s.layers,
                                   .layer_count = s.pipeline.layer_count};
    s.options.layers = story_words(&s, "build mutaton");
    assert_int_equal(plan_new(&s.pipeline, &s.options, &plan, &err), -ENOENT);
    assert_null(plan);
    assert_string_equal(err.text, "no layer \"mutaton\" in sluice.yml; did you mean \"mutation\"?");
    s.options.layers = story_words(&s, "banana");
    assert_int_equal(plan_new(&s.pipeline, &s.options, &plan, &err), -ENOENT);
    assert_string_equal(err.text,
                        "no layer \"banana\" in sluice.yml; `sluice list` shows all layers");
    story_end(&s);
}

TEST(options_that_cannot_work_are_refused)
{
    struct story s;
    struct err err = {0};
    struct plan *plan = NULL;

    story_begin(&s, "one");
    s.pipeline.stages = s.stages;
    s.options.slots = 0;
    assert_int_equal(plan_new(&s.pipeline, &s.options, &plan, &err), -EINVAL);
    assert_non_null(strstr(err.text, "-j 1"));
    s.options.slots = 1;
    s.options.shard_count = 3;
    assert_int_equal(plan_new(&s.pipeline, &s.options, &plan, &err), -EINVAL);
    s.options.shard_index = 4;
    assert_int_equal(plan_new(&s.pipeline, &s.options, &plan, &err), -EINVAL);
    assert_string_equal(err.text, "shard 4/3 does not exist: shards count from 1 to 3");
    assert_null(plan);
    story_end(&s);
}

TEST(a_filter_leaves_out_layers_it_cannot_match_but_takes_in_what_is_needed)
{
    struct story s;

    begin_house(&s);
    story_filter(&s, "layer(unit) and name(a*)");
    story_start(&s);
    assert_string_equal(story_next(&s), "skip lint: the filter can match none of its units");
    assert_string_equal(story_next(&s), "skip mutation: the filter can match none of its units");
    story_expect(&s, "layer build");
    /* Needed: runs whole, whatever the filter says of its units. */
    story_planned(&s, "build", "x y");
    story_expect(&s, "unit build/x|unit build/y|wait");
    story_finish(&s, "build/x", OUTCOME_PASSED);
    story_finish(&s, "build/y", OUTCOME_PASSED);
    story_expect(&s, "judge build");
    story_judged(&s, "build", VERDICT_OPEN);
    story_expect(&s, "layer unit");
    story_planned(&s, "unit", "a1 b1 a2");
    assert_int_equal(story_counts(&s, "unit").selected, 2);
    assert_int_equal(story_counts(&s, "unit").excluded, 1);
    story_expect(&s, "unit unit/a1|unit unit/a2|wait");
    story_end(&s);
}

TEST(a_name_filter_keeps_products_whole_and_filters_the_rest)
{
    struct story s;

    begin_house(&s);
    story_filter(&s, "a1");
    story_start(&s);
    story_expect(&s, "layer build|layer lint|wait");
    story_planned(&s, "lint", "style");
    story_expect(&s, "skip lint: the filter matches none of its units|wait");
    story_planned(&s, "build", "x");
    story_expect(&s, "unit build/x|wait");
    story_finish(&s, "build/x", OUTCOME_PASSED);
    story_expect(&s, "judge build");
    story_judged(&s, "build", VERDICT_OPEN);
    story_expect(&s, "layer unit");
    story_planned(&s, "unit", "a1 a2");
    story_expect(&s, "unit unit/a1|wait");
    story_finish(&s, "unit/a1", OUTCOME_PASSED);
    story_expect(&s, "judge unit");
    story_judged(&s, "unit", VERDICT_OPEN);
    story_expect(&s, "layer mutation");
    story_planned(&s, "mutation", "m1");
    story_expect(&s, "skip mutation: the filter matches none of its units|done");
    story_end(&s);
}

TEST(a_needed_layer_that_the_filter_leaves_out_runs_whole)
{
    struct story s;

    story_begin(&s, "one");
    story_layer(&s, "lint", "one");
    story_layer(&s, "unit", "one");
    story_needs(&s, "unit", "lint");
    story_filter(&s, "layer(unit)");
    story_start(&s);
    story_expect(&s, "layer lint");
    story_planned(&s, "lint", "style");
    story_expect(&s, "unit lint/style");
    story_end(&s);
}

TEST(a_layer_with_no_unit_in_the_filter_lets_those_behind_it_run)
{
    struct story s;

    story_begin(&s, "one two");
    story_layer(&s, "first", "one");
    story_layer(&s, "second", "two");
    story_filter(&s, "wanted");
    story_start(&s);
    story_expect(&s, "layer first");
    story_planned(&s, "first", "other");
    story_expect(&s, "skip first: the filter matches none of its units|layer second");
    story_planned(&s, "second", "wanted");
    story_expect(&s, "unit second/wanted");
    story_end(&s);
}

TEST(only_layers_that_take_part_hold_up_a_stage)
{
    struct story s;

    story_begin(&s, "one two three");
    story_layer(&s, "a", "one");
    story_layer(&s, "b", "two");
    story_layer(&s, "c", "three");
    s.options.layers = story_words(&s, "a c");
    story_start(&s);
    story_expect(&s, "skip b: not among the layers named on the command line|layer a|wait");
    story_opens(&s, "a");
    story_expect(&s, "layer c|wait");
    story_end(&s);
}

TEST(manual_layers_run_only_when_named)
{
    struct story s;

    story_begin(&s, "one two");
    story_layer(&s, "bench", "one")->when = WHEN_MANUAL;
    story_layer(&s, "unit", "two");
    story_start(&s);
    story_expect(&s,
                 "skip bench: manual: it runs only when named on the command line or in the filter"
                 "|layer unit|wait");
    story_end(&s);

    story_begin(&s, "one two");
    story_layer(&s, "bench", "one")->when = WHEN_MANUAL;
    s.options.layers = story_words(&s, "bench");
    story_start(&s);
    story_expect(&s, "layer bench|wait");
    story_end(&s);
}

TEST(a_filter_that_names_its_layer_switches_a_manual_layer_on)
{
    static const struct {
        const char *filter;
        const char *actions;
    } cases[] = {
        {"layer(bench)",              "layer bench|wait"                                        },
        {"layer(=bench) and name(x)", "layer bench|wait"                                        },
        {"not layer(bench)",          "skip bench: the filter can match none of its units|done" },
        {"name(x)",
         "skip bench: manual: it runs only when named on the command line or in the filter|done"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct story s;
        story_begin(&s, "one");
        story_layer(&s, "bench", "one")->when = WHEN_MANUAL;
        story_filter(&s, cases[i].filter);
        story_start(&s);
        story_expect(&s, cases[i].actions);
        story_end(&s);
    }
}

TEST(what_needs_a_manual_layer_is_manual_too)
{
    struct story s;

    story_begin(&s, "one two");
    story_layer(&s, "bench", "one")->when = WHEN_MANUAL;
    story_layer(&s, "plot", "one");
    story_layer(&s, "upload", "one");
    story_layer(&s, "unit", "two");
    story_needs(&s, "plot", "bench");
    story_needs(&s, "upload", "plot");
    story_start(&s);
    story_expect(&s,
                 "skip bench: manual: it runs only when named on the command line or in the filter"
                 "|skip plot: it needs layer \"bench\", which is manual and was not named"
                 "|skip upload: it needs layer \"plot\", which is manual and was not named"
                 "|layer unit|wait");
    story_end(&s);
}

TEST(naming_a_layer_takes_the_manual_ones_it_needs_in)
{
    struct story s;

    story_begin(&s, "one");
    story_layer(&s, "bench", "one")->when = WHEN_MANUAL;
    story_layer(&s, "plot", "one");
    story_layer(&s, "upload", "one");
    story_needs(&s, "plot", "bench");
    story_needs(&s, "upload", "plot");
    s.options.layers = story_words(&s, "upload");
    story_start(&s);
    story_expect(&s, "layer bench|wait");
    story_opens(&s, "bench");
    story_expect(&s, "layer plot|wait");
    story_opens(&s, "plot");
    story_expect(&s, "layer upload|wait");
    story_end(&s);
}

static bool all_unchanged(void *context, const struct layer *layer)
{
    int *asked = context;

    (*asked)++;
    assert_int_equal(layer->when, WHEN_CHANGED);
    return true;
}

static bool never_unchanged(void *context, const struct layer *layer)
{
    (void)context;
    (void)layer;
    return false;
}

TEST(an_unchanged_layer_is_skipped_and_satisfies_those_behind_it)
{
    struct story s;
    int asked = 0;

    story_begin(&s, "one two");
    story_layer(&s, "audit", "one")->when = WHEN_CHANGED;
    story_layer(&s, "by_stage", "two");
    story_layer(&s, "by_need", "two");
    story_needs(&s, "by_need", "audit");
    s.options.unchanged = all_unchanged;
    s.options.context = &asked;
    story_start(&s);
    story_expect(&s,
                 "skip audit: unchanged since its gate last opened"
                 "|layer by_stage|layer by_need|wait");
    assert_int_equal(asked, 1);
    story_end(&s);
}

TEST(a_changed_layer_runs)
{
    struct story s;

    story_begin(&s, "one");
    story_layer(&s, "audit", "one")->when = WHEN_CHANGED;
    s.options.unchanged = never_unchanged;
    story_start(&s);
    story_expect(&s, "layer audit|wait");
    story_end(&s);

    story_begin(&s, "one");
    story_layer(&s, "audit", "one")->when = WHEN_CHANGED;
    story_start(&s); /* nobody can say: it runs */
    story_expect(&s, "layer audit|wait");
    story_end(&s);
}

TEST(an_unchanged_layer_runs_when_its_products_are_needed)
{
    struct story s;
    int asked = 0;

    story_begin(&s, "one two");
    struct layer *build = story_layer(&s, "build", "one");
    build->when = WHEN_CHANGED;
    build->outputs = story_words(&s, "bin/*");
    story_layer(&s, "unit", "two");
    story_needs(&s, "unit", "build");
    s.options.unchanged = all_unchanged;
    s.options.context = &asked;
    story_start(&s);
    story_expect(&s, "layer build|wait");
    story_end(&s);
}

TEST(products_nobody_asks_for_are_not_made_again)
{
    struct story s;
    int asked = 0;

    story_begin(&s, "one");
    struct layer *build = story_layer(&s, "build", "one");
    build->when = WHEN_CHANGED;
    build->outputs = story_words(&s, "bin/*");
    story_layer(&s, "unit", "one")->when = WHEN_CHANGED;
    story_needs(&s, "unit", "build");
    s.options.unchanged = all_unchanged;
    s.options.context = &asked;
    story_start(&s);
    story_expect(&s,
                 "skip build: unchanged since its gate last opened"
                 "|skip unit: unchanged since its gate last opened|done");
    story_end(&s);
}

TEST(products_of_an_earlier_stage_are_whole_for_layers_without_needs)
{
    struct story s;

    story_begin(&s, "one two");
    story_layer(&s, "build", "one")->outputs = story_words(&s, "bin/*");
    story_layer(&s, "unit", "two");
    story_filter(&s, "wanted");
    story_start(&s);
    story_expect(&s, "layer build");
    story_planned(&s, "build", "x");
    story_expect(&s, "unit build/x|wait");
    story_end(&s);
}

TEST(a_needed_layer_has_no_reason_left_from_being_left_out)
{
    /* Once a needed layer told "was skipped" to those behind it when its gate was shut. */
    struct story s;

    begin_house(&s);
    s.options.layers = story_words(&s, "unit");
    story_start(&s);
    (void)story_next(&s);
    (void)story_next(&s);
    story_expect(&s, "layer build");
    story_planned(&s, "build", "");
    story_expect(&s, "judge build");
    story_judged(&s, "build", VERDICT_SHUT);
    story_expect(&s, "skip unit: layer \"build\" did not open its gate|done");
    story_end(&s);
}

static void refuse_name(struct story *s, const char *name, const char *message)
{
    struct plan *plan = NULL;
    struct err err = {0};

    s->options.layers = story_words(s, name);
    assert_int_equal(plan_new(&s->pipeline, &s->options, &plan, &err), -ENOENT);
    assert_string_equal(err.text, message);
}

TEST(of_several_near_names_the_nearest_is_offered_and_of_equals_the_first)
{
    struct story s;

    story_begin(&s, "one");
    story_layer(&s, "units", "one");
    story_layer(&s, "unity", "one");
    story_layer(&s, "unitary", "one");
    s.pipeline = (struct pipeline){.file = "sluice.yml",
                                   .stages = s.stages,
                                   .layers = s.layers,
                                   .layer_count = s.pipeline.layer_count};
    refuse_name(&s, "unit", "no layer \"unit\" in sluice.yml; did you mean \"units\"?");
    refuse_name(&s, "unitay", "no layer \"unitay\" in sluice.yml; did you mean \"unity\"?");
    refuse_name(&s, "unitari", "no layer \"unitari\" in sluice.yml; did you mean \"unitary\"?");
    story_end(&s);
}

TEST(naming_a_layer_takes_in_each_of_the_manual_ones_it_needs)
{
    struct story s;

    story_begin(&s, "one");
    story_layer(&s, "fetch", "one")->when = WHEN_MANUAL;
    story_layer(&s, "flash", "one")->when = WHEN_MANUAL;
    story_layer(&s, "board", "one");
    story_needs(&s, "board", "fetch flash");
    s.options.layers = story_words(&s, "board");
    story_start(&s);
    story_expect(&s, "layer fetch|layer flash|wait");
    story_end(&s);

    story_begin(&s, "one");
    story_layer(&s, "open", "one");
    story_layer(&s, "flash", "one")->when = WHEN_MANUAL;
    story_layer(&s, "board", "one");
    story_needs(&s, "board", "open flash");
    story_start(&s);
    story_expect(&s,
                 "skip flash: manual: it runs only when named on the command line or in the filter"
                 "|skip board: it needs layer \"flash\", which is manual and was not named"
                 "|layer open|wait");
    story_end(&s);
}

TEST(what_needs_a_manual_layer_is_found_in_any_order_of_writing)
{
    struct story s;

    story_begin(&s, "one");
    story_layer(&s, "upload", "one");
    story_layer(&s, "plot", "one");
    story_layer(&s, "bench", "one")->when = WHEN_MANUAL;
    story_needs(&s, "upload", "plot");
    story_needs(&s, "plot", "bench");
    story_start(&s);
    story_expect(&s,
                 "skip upload: it needs layer \"plot\", which is manual and was not named"
                 "|skip plot: it needs layer \"bench\", which is manual and was not named"
                 "|skip bench: manual: it runs only when named on the command line or in the filter"
                 "|done");
    story_end(&s);
}

TEST(a_product_of_the_same_stage_is_not_waited_for_and_stays_filtered)
{
    struct story s;

    story_begin(&s, "one");
    story_layer(&s, "gen", "one")->outputs = story_words(&s, "out/**");
    story_layer(&s, "unit", "one");
    story_filter(&s, "name(a)");
    story_start(&s);
    story_expect(&s, "layer gen|layer unit|wait");
    story_planned(&s, "gen", "a b");
    assert_int_equal(story_counts(&s, "gen").selected, 1);
    story_end(&s);
}

TEST(a_layer_left_out_is_told_as_unasked_unless_another_one_needs_it)
{
    struct story s;

    begin_house(&s);
    s.options.layers = story_words(&s, "unit");
    story_start(&s);
    struct plan_action lint = plan_next(s.plan);
    assert_int_equal(lint.type, PLAN_SKIP_LAYER);
    assert_true(lint.unasked);
    assert_true(plan_next(s.plan).unasked);
    story_expect(&s, "layer build|wait");
    story_planned(&s, "build", "");
    story_expect(&s, "judge build");
    story_judged(&s, "build", VERDICT_SHUT);
    struct plan_action unit = plan_next(s.plan);
    assert_int_equal(unit.type, PLAN_SKIP_LAYER);
    assert_false(unit.unasked);
    story_end(&s);

    /* Not named, but needed: that it is skipped is somebody's business. */
    begin_house(&s);
    s.options.layers = story_words(&s, "mutation");
    story_start(&s);
    assert_true(plan_next(s.plan).unasked); /* lint */
    story_expect(&s, "layer build|wait");
    story_planned(&s, "build", "");
    story_expect(&s, "judge build");
    story_judged(&s, "build", VERDICT_SHUT);
    assert_false(plan_next(s.plan).unasked); /* unit */
    story_end(&s);
}

TEST(a_filter_that_has_no_answer_for_a_layer_is_refused)
{
    struct story s;
    struct plan *plan = NULL;
    struct err err = {0};

    story_begin(&s, "one");
    story_layer(&s, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", "one");
    story_filter(&s, "layer(/^(a+)+$/)");
    s.pipeline.stages = s.stages;
    s.pipeline.layers = s.layers;
    assert_int_equal(plan_new(&s.pipeline, &s.options, &plan, &err), -EINVAL);
    assert_non_null(strstr(err.text, "too costly"));
    assert_null(plan);
    story_end(&s);
}

TEST(each_product_of_the_stages_before_is_made_whole)
{
    struct story s;

    story_begin(&s, "one two");
    story_layer(&s, "lint", "one");
    story_layer(&s, "gen", "one")->outputs = story_words(&s, "out/**");
    story_layer(&s, "unit", "two");
    story_filter(&s, "name(a)");
    story_start(&s);
    story_expect(&s, "layer lint|layer gen|wait");
    story_planned(&s, "lint", "a b");
    assert_int_equal(story_counts(&s, "lint").selected, 1);
    story_planned(&s, "gen", "a b");
    assert_int_equal(story_counts(&s, "gen").selected, 2);
    story_end(&s);
}
