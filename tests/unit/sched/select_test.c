/* SPDX-License-Identifier: Apache-2.0 */
/* Plugins that select which of their units run. */
#include "base/cleanup.h"
#include "base/file.h"

#include <stdio.h>
#include <string.h>

#include "support/fake.h"
#include "support/test.h"

static struct story story;

#define HEAD "version: 1\nlayers:\n"
#define LAYER(id, units, select, more) \
    "  " id ": {uses: fake, with: {units: \"" units "\", select: \"" select "\"}" more "}\n"

static int told_changes(void *context, const struct layer *layer, struct str *out)
{
    (void)context;
    (void)layer;
    return str_append_n(out, "a.c\0", 4) == 0 ? 1 : 0;
}

static void know_some(void *context,
                      const struct layer *layer,
                      const char *unit,
                      struct plan_hint *ret_hint)
{
    (void)context;
    (void)layer;
    if (strcmp(unit, "ok-1") == 0) {
        *ret_hint = (struct plan_hint){
            .known = true, .failed_recently = true, .last = OUTCOME_FAILED, .duration_ms = 9000};
    }
}

static int note_planned(void *context,
                        const struct layer *layer,
                        const struct unit *unit,
                        const struct plan_hint *hint,
                        const struct sched_forecast *forecast)
{
    char *text = context;
    (void)layer;
    (void)snprintf(text + strlen(text),
                   256 - strlen(text),
                   "%s%s ",
                   unit->id,
                   forecast != NULL ? ""
                   : hint->left_out ? "(left out)"
                                    : "(excluded)");
    return 0;
}

static char planned_text[256];
static struct plugin_description plugins[32];

static void selecting(struct sched_options *options)
{
    for (size_t i = 0; i < 32; i++) {
        plugins[i] = options->plugins[0];
        plugins[i].selects = true;
    }
    planned_text[0] = '\0';
    options->plugins = plugins;
    options->seed = 7;
    options->budget_ms = 60000;
    options->changed = told_changes;
    options->hint = know_some;
    options->planned = note_planned;
    options->planned_context = planned_text;
}

TEST(what_the_plugin_selects_runs_in_its_order_and_no_other)
{
    story_run(&story, HEAD LAYER("a", "ok-1 ok-2 ok-3", "ok-3 ok-1", ""), 1, selecting);
    assert_story(&story,
                 "note fake selected 2 of 3 units",
                 "unit a/ok-3 passed",
                 "unit a/ok-1 passed",
                 "judged a open",
                 "finished 0");
    story_lacks(&story, "ok-2");
    assert_string_equal(planned_text, "ok-3 ok-1 ok-2(left out) ");
}

TEST(a_plugin_that_selects_all_in_another_order_is_not_told_of)
{
    story_run(&story, HEAD LAYER("a", "ok-1 ok-2", "ok-2 ok-1", ""), 1, selecting);
    assert_story(&story, "unit a/ok-2 passed", "unit a/ok-1 passed", "finished 0");
    story_lacks(&story, "selected");
}

TEST(the_plugin_is_told_what_it_selects_from)
{
    CLEANUP(str_fini) struct str input = STR_INIT(4096);
    char path[512];
    struct err err = {0};
    story_run(&story, HEAD LAYER("a", "ok-1 ok-2", "ok-2", ""), 1, selecting);
    (void)snprintf(path, sizeof path, "%s/selected-from", test_folder());
    assert_int_equal(file_read(path, &input, &err), 0);
    assert_non_null(strstr(
        str_text(&input), "\"seed\":7,\"budget_ms\":60000,\"changed\":[\"a.c\"],\"diff\":null}\n"));
    assert_non_null(strstr(str_text(&input),
                           "{\"unit\":\"ok-1\",\"last\":\"failed\",\"last_ms\":9000}\n"
                           "{\"unit\":\"ok-2\"}\n"));
}

TEST(units_that_expand_are_selected_from_when_all_are_known)
{
    story_run(&story, HEAD LAYER("a", "ok-1 expand", "ok-b ok-1", ""), 1, selecting);
    assert_story(
        &story, "selected 2 of 3 units", "unit a/ok-b passed", "unit a/ok-1 passed", "finished 0");
    story_lacks(&story, "unit a/ok-a");
}

TEST(parts_of_a_unit_are_selected_one_by_one)
{
    story_run(&story, HEAD LAYER("a", "ok", "ok#2/2", ", shards: 2"), 1, selecting);
    assert_story(&story, "selected 1 of 2 units", "unit a/ok#2/2 passed", "finished 0");
}

TEST(a_selection_of_what_is_not_there_is_an_error_of_the_layer)
{
    story_run(&story, HEAD LAYER("a", "ok-1", "ok-9", ""), 1, selecting);
    assert_story(&story, "judged a error: fake select: line 1: there is no unit", "finished 3");
    story_run(&story, HEAD LAYER("a", "ok-1 ok-2", "ok-1 ok-1", ""), 1, selecting);
    assert_story(&story, "judged a error: fake select: line 2: selects unit", "finished 3");
    story_lacks(&story, "unit a/ok");
}

TEST(a_selection_of_nothing_is_an_error_of_the_layer)
{
    story_run(&story, HEAD LAYER("a", "ok-1", "", ""), 1, selecting);
    assert_story(&story, "judged a error: fake select: selected no unit", "finished 3");
}

TEST(a_plugin_that_crashes_or_floods_while_selecting_is_an_error_of_the_layer)
{
    story_run(&story, HEAD LAYER("a", "ok-1", "crash", ""), 1, selecting);
    assert_story(&story, "judged a error: fake select: crashed", "finished 3");
    story_run(&story, HEAD LAYER("a", "flood", "flood", ""), 1, selecting);
    assert_story(&story, "judged a error: fake select: more than 256 MiB of output", "finished 3");
}

static struct filter *filter;

static void selecting_and_filtering(struct sched_options *options)
{
    struct err err = {0};
    selecting(options);
    assert_int_equal(filter_parse("name(ok-1)", &filter, &err), 0);
    options->plan.filter = filter;
}

TEST(a_filter_leaves_less_of_what_was_selected)
{
    story_run(
        &story, HEAD LAYER("a", "ok-1 ok-2 ok-3", "ok-3 ok-1", ""), 1, selecting_and_filtering);
    filter_free(filter);
    assert_story(&story, "unit a/ok-1 passed", "judged a open");
    story_lacks(&story, "unit a/ok-3");
    story_run(&story, HEAD LAYER("a", "ok-1 ok-2", "ok-2", ""), 1, selecting_and_filtering);
    filter_free(filter);
    assert_story(&story,
                 "judged a skipped: its plugin selected none of the units that filter and shard "
                 "leave");
}
