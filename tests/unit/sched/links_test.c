/* SPDX-License-Identifier: Apache-2.0 */
/* Units of one layer that need each other, and what they see of one another. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "support/fake.h"
#include "support/fake_reuse.h"
#include "support/test.h"

static struct story story;
static struct fake_reuse fake;

#define HEAD "version: 1\nstages: [one, two]\nlayers:\n"
#define LAYER(id, stage, units, more) \
    "  " id ": {stage: " stage ", uses: fake, with: {units: \"" units "\"}" more "}\n"

// clang-format off
#define ANSWERS(...) ((const struct fake_answer[]){__VA_ARGS__, {NULL, NULL}})

// clang-format on

TEST(a_unit_sees_what_the_units_it_needs_left_and_nothing_else)
{
    story_run(&story,
              HEAD LAYER("build",
                         "one",
                         "ok-a>out/a=1 ok-b>out/b=2 ok-lib<ok-a>out/lib=L ok-app<ok-lib>out/app=A "
                         "ok-alone",
                         ""),
              1,
              NULL);
    assert_story(&story, "ok-lib sees out/a=1 in 1\n", "unit build/ok-lib passed");
    /* transitively */
    assert_story(&story, "ok-app sees out/lib=L out/a=1 in 2\n", "unit build/ok-app passed");
    assert_story(&story, "judged build open", "finished 0");
    story_lacks(&story, "ok-a sees");
    story_lacks(&story, "ok-alone sees");
    story_lacks(&story, "out/b");
}

TEST(what_all_builds_upon_stays_a_layer_of_its_own)
{
    story_run(&story,
              HEAD LAYER("build",
                         "one",
                         "ok-conf>c/1=x,c/2=y ok-a<ok-conf>out/a=1 ok-b<ok-conf>out/b=2 "
                         "ok-app<ok-a,ok-b,ok-conf",
                         ""),
              2,
              NULL);
    assert_story(&story, "ok-a sees c/1=x c/2=y in 1\n");
    assert_story(&story, "ok-app sees out/a=1 out/b=2 c/1=x c/2=y in 2\n", "finished 0");
}

TEST(a_unit_whose_need_failed_is_skipped_and_the_gate_is_shut)
{
    story_run(&story,
              HEAD LAYER("build", "one", "fail-a>out/a=1 ok-lib<fail-a ok-app<ok-lib ok-b", ""),
              1,
              NULL);
    assert_story(&story,
                 "unit build/fail-a failed",
                 "unit build/ok-lib skipped",
                 "unit build/ok-app skipped",
                 "judged build shut: failed is 1, at most 0 is allowed",
                 "finished 1");
    assert_story(&story, "unit build/ok-b passed");
    assert_int_equal(story.tally.skipped, 2);
}

TEST(a_need_that_is_unknown_or_goes_round_is_an_error_of_the_layer)
{
    story_run(&story, HEAD LAYER("build", "one", "ok-a<ok-z", ""), 1, NULL);
    assert_story(
        &story, "judged build error: unit \"ok-a\" needs \"ok-z\", but no unit", "finished 3");
    story_run(&story, HEAD LAYER("build", "one", "ok-a<ok-b ok-b<ok-a", ""), 1, NULL);
    assert_story(&story, "judged build error: units need each other in a circle", "finished 3");
    story_lacks(&story, "unit build");
}

TEST(parts_of_a_unit_cannot_be_needed)
{
    story_run(&story, HEAD LAYER("build", "one", "ok-a ok-b<ok-a", ", shards: 2"), 1, NULL);
    assert_story(&story,
                 "judged build error: unit \"ok-b\" has needs or outputs, and the layer has "
                 "`shards`",
                 "finished 3");
}

TEST(two_contents_of_one_path_are_an_error_that_names_both)
{
    story_run(&story,
              HEAD LAYER("build", "one", "ok-a>out/x=1 ok-b>out/x=2 ok-app<ok-a,ok-b", ""),
              1,
              NULL);
    assert_story(&story, "unit build/ok-app errored", "judged build shut", "finished 1");
    assert_non_null(
        strstr(story.messages, "products that this unit needs: out/x is left by unit \""));
    assert_non_null(strstr(story.messages, "\"ok-a\""));
    assert_non_null(strstr(story.messages, "\"ok-b\""));
}

TEST(a_unit_may_replace_what_one_it_needs_left)
{
    story_run(&story,
              HEAD LAYER("build",
                         "one",
                         "ok-a>out/x=1,out/y=1 ok-b<ok-a>out/x=2 ok-c<ok-b,ok-a ok-d<ok-a",
                         "") LAYER("test", "two", "ok", ""),
              1,
              NULL);
    assert_story(&story, "ok-c sees out/x=2 out/y=1 in 2\n");
    assert_story(&story, "ok-d sees out/x=1 out/y=1 in 1\n");
    assert_story(&story, "ok sees out/x=2 out/y=1 in 0\n", "finished 0"); /* as it is in the end */
}

TEST(outputs_of_the_layer_are_seen_by_units_that_need_each_other)
{
    story_run(
        &story,
        HEAD LAYER("build", "one", "ok-a ok-b<ok-a>out/b=2 ok-c<ok-b", ", outputs: [\"l/**\"]"),
        1,
        NULL);
    assert_story(&story, "ok-c sees out/b=2 in 2\n", "finished 0");
}

TEST(later_layers_see_all_that_was_left)
{
    story_run(&story,
              HEAD LAYER("base", "one", "ok-x>base/x=B", "")
                  LAYER("build", "one", "ok-a>out/a=1 ok-b<ok-a>out/b=2", ", needs: [base]")
                      LAYER("test", "two", "ok", ""),
              1,
              NULL);
    assert_story(&story, "ok-b sees out/a=1 base/x=B in 1\n"); /* its own above its layer's */
    assert_story(&story, "ok sees base/x=B out/a=1 out/b=2 in 0\n", "finished 0");
}

/* ---- units that expand and leave files ---- */

TEST(a_unit_that_expands_and_has_outputs_is_one_like_any_other)
{
    story_run(&story,
              HEAD LAYER("build", "one", "expand-linked>c/1=x ok-1", "")
                  LAYER("test", "two", "ok", ""),
              1,
              NULL);
    assert_story(&story,
                 "starts build/expand-linked",
                 "unit build/expand-linked passed",
                 "ok-a sees c/1=x in 1\n",
                 "unit build/ok-a passed",
                 "ok-b sees out/a=1 c/1=x in 2\n",
                 "unit build/ok-b passed",
                 "judged build open",
                 "ok sees c/1=x out/a=1 in 0\n",
                 "finished 0");
    assert_int_equal(story.tally.units, 5);
}

TEST(when_it_fails_its_layer_is_shut_by_that_unit)
{
    story_run(&story, HEAD LAYER("build", "one", "expand-fail>c/1=x", ""), 1, NULL);
    assert_story(&story,
                 "unit build/expand-fail failed",
                 "judged build shut: failed is 1, at most 0 is allowed",
                 "finished 1");
}

/* ---- evidence ---- */

static void with_reuse(struct sched_options *options)
{
    options->reuse = &fake.reuse;
}

static void run(const char *yaml, const struct fake_answer *answers)
{
    fake_reuse_init(&fake, answers);
    story_run(&story, yaml, 1, with_reuse);
    assert_int_equal(fake.open, 0);
}

static void assert_asked(const char *text)
{
    if (fake_reuse_count(&fake, text) != 1) {
        fail_msg("\"%s\" should be there once:\n%s", text, fake.text);
    }
}

TEST(evidence_is_asked_for_with_what_a_unit_sees)
{
    run(HEAD LAYER("build", "one", "ok-a>out/ok-a=1 ok-b<ok-a>out/ok-b=2 ok-c<ok-b ok-z", ""),
        ANSWERS({"build/ok-a", "hit+out"}, {"build/ok-b", "hit+out"}));
    assert_asked("ask build/ok-a hit+out\n");
    assert_asked("ask build/ok-b hit+out sees out/ok-a\n");
    assert_asked("ask build/ok-c run sees out/ok-a out/ok-b\n");
    assert_asked("ask build/ok-z run\n");
    assert_asked("restore out/ok-a\n"); /* for ok-c, which runs */
    assert_asked("restore out/ok-b\n");
    assert_story(&story, "unit build/ok-c passed\n", "finished 0");
}

TEST(a_build_that_is_reused_as_a_whole_restores_nothing)
{
    run(HEAD LAYER("build", "one", "ok-a>out/ok-a=1 ok-b<ok-a>out/ok-b=2", "")
            LAYER("test", "two", "ok", ""),
        ANSWERS({"build/ok-a", "hit+out"},
                {"build/ok-b", "hit+out"},
                {"test/(plan)", "plan:ok"},
                {"test/ok", "hit"}));
    assert_asked("ask test/ok hit sees out/ok-a out/ok-b\n");
    assert_int_equal(fake_reuse_count(&fake, "restore"), 0);
    assert_story(&story, "judged build open", "judged test open", "finished 0");
}

TEST(a_unit_that_expands_and_leaves_files_may_be_a_hit)
{
    run(HEAD LAYER("build", "one", "expand>out/expand=x", ""),
        ANSWERS({"build/expand", "plan:ok-x"}));
    assert_story(
        &story, "unit build/expand passed (reused)", "unit build/ok-x passed", "finished 0");
}

/* ---- plan ---- */

static char told[2048];

static int note_planned(void *context,
                        const struct layer *layer,
                        const struct unit *unit,
                        const struct plan_hint *hint,
                        const struct sched_forecast *forecast)
{
    static const char *const fates[] = {"run", "hit", "join", "wait"};
    size_t len = strlen(told);
    (void)context;
    (void)layer;
    (void)hint;
    (void)snprintf(told + len,
                   sizeof told - len,
                   "%s %s%s%s\n",
                   unit->id,
                   forecast == NULL ? "out" : fates[forecast->fate],
                   forecast != NULL && forecast->fate == FATE_WAIT ? ": " : "",
                   forecast != NULL && forecast->fate == FATE_WAIT ? forecast->why : "");
    return 0;
}

static void plan_only(struct sched_options *options)
{
    options->reuse = &fake.reuse;
    options->plan_only = true;
    options->planned = note_planned;
}

TEST(a_plan_says_which_units_wait_for_which)
{
    told[0] = '\0';
    fake_reuse_init(&fake, ANSWERS({"build/ok-a", "hit+out"}, {"build/ok-b", "hit+out"}));
    story_run(&story,
              HEAD LAYER("build",
                         "one",
                         "ok-app<ok-lib,ok-b ok-lib<ok-a,ok-c>out/ok-lib=L ok-a>out/ok-a=1 "
                         "ok-b<ok-a>out/ok-b=2 ok-c>out/ok-c=3",
                         ""),
              1,
              plan_only);
    assert_string_equal(told,
                        "ok-a hit\n"
                        "ok-c run\n"
                        "ok-lib wait: it sees what unit ok-c will have made\n"
                        "ok-b hit\n"
                        "ok-app wait: it sees what unit ok-lib will have made\n");
}

static struct filter *filter;

static void plan_filtered(struct sched_options *options)
{
    plan_only(options);
    options->plan.filter = filter;
}

TEST(a_plan_says_what_a_filter_takes_in)
{
    struct err err = {0};
    told[0] = '\0';
    fake_reuse_init(&fake, ANSWERS({"x", "run"}));
    assert_int_equal(filter_parse("name(=ok-app)", &filter, &err), 0);
    story_run(&story,
              HEAD LAYER("build", "one", "ok-a ok-lib<ok-a>out/x=1 ok-app<ok-lib ok-z", ""),
              1,
              plan_filtered);
    filter_free(filter);
    assert_string_equal(told,
                        "ok-z out\n"
                        "ok-a run\n"
                        "ok-lib run\n"
                        "ok-app wait: it sees what unit ok-lib will have made\n");
}
