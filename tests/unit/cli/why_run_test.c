/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/why_run.h"

#include "base/str.h"

#include <string.h>

#include "support/test.h"

static const struct reused origin = {.evidence = "77", .run = "r0"};

static void start(struct event_sink *sink, const char *layer, const char *unit, const char *why)
{
    struct event event = {.type = EVENT_UNIT_STARTED};
    event.u.unit_started.layer = layer;
    event.u.unit_started.unit = unit;
    event.u.unit_started.attempt = 1;
    event.u.unit_started.why = why;
    sink->emit(sink, &event);
}

static void finish(struct event_sink *sink,
                   const char *layer,
                   const char *unit,
                   const struct outcome *outcome)
{
    struct event event = {.type = EVENT_UNIT_FINISHED, .time_ms = 1};
    event.u.unit_finished.layer = layer;
    event.u.unit_finished.unit = unit;
    event.u.unit_finished.outcome = outcome;
    sink->emit(sink, &event);
}

static struct why_run *open_why(const char *unit, bool json)
{
    struct why_run *why = NULL;
    struct event event = {.type = EVENT_RUN_STARTED};
    assert_int_equal(why_run_new(unit, json, &why, NULL), 0);
    event.u.run_started.run_id = "r7";
    why_run_sink(why)->emit(why_run_sink(why), &event);
    return why;
}

static void assert_answer(struct why_run *why, const char *text, uint64_t found)
{
    assert_int_equal(why_run_end(why), 0);
    assert_string_equal(str_text(why_run_answer(why)), text);
    assert_int_equal(why_run_found(why), found);
    why_run_free(why);
}

TEST(the_reason_of_the_first_attempt_and_the_end_of_the_last_are_told)
{
    struct why_run *why = open_why("u/a", false);
    const struct outcome failed = {.status = OUTCOME_FAILED, .attempt = 1};
    const struct outcome passed = {
        .status = OUTCOME_PASSED, .attempt = 2, .final = true, .unstored = "processes outlived it"};
    start(why_run_sink(why), "u", "a", "x changed");
    start(why_run_sink(why), "u", "b", "y changed");
    finish(why_run_sink(why), "u", "a", &failed);
    start(why_run_sink(why), "u", "a", "nothing is looked up for it");
    finish(why_run_sink(why), "u", "a", &passed);
    finish(why_run_sink(why), "u", "b", &passed);
    assert_answer(why,
                  "u/a, in run r7\nrun: x changed\n  it passed, at attempt 2\n  it earned no "
                  "evidence: processes outlived it\n",
                  1);
}

TEST(units_of_one_id_in_two_layers_are_both_told)
{
    struct why_run *why = open_why("a", false);
    const struct outcome hit = {.final = true, .attempt = 1, .reused = &origin};
    const struct outcome bad = {
        .status = OUTCOME_FAILED, .final = true, .attempt = 1, .message = "exit\033[2J code 1"};
    finish(why_run_sink(why), "u", "a", &hit);
    start(why_run_sink(why), "v", "a", NULL);
    finish(why_run_sink(why), "v", "a", &bad);
    assert_answer(why,
                  "u/a, in run r7\nhit: evidence answered, of run r0 (main)\n  it passed "
                  "(evidence 77)\nv/a, in run r7\nrun: nothing was looked up for it\n  it failed\n "
                  " exit code 1\n",
                  2);
}

TEST(what_never_ended_or_never_started_says_so)
{
    struct why_run *why = open_why("u/a", false);
    start(why_run_sink(why), "u", "a", "x changed");
    assert_answer(why, "u/a, in run r7\nrun: x changed\n  it never ended in that run\n", 1);
    why = open_why("u/a", true);
    const struct outcome skipped = {
        .status = OUTCOME_SKIPPED, .final = true, .message = "no display"};
    finish(why_run_sink(why), "u", "a", &skipped);
    assert_answer(why,
                  "{\"id\":\"a\",\"layer\":\"u\",\"run\":\"r7\",\"decision\":\"skip\",\"reason\":"
                  "\"no display\",\"status\":\"skipped\",\"attempt\":0}\n",
                  1);
    why = open_why("u/none", false);
    finish(why_run_sink(why), "u", "a", &skipped);
    assert_answer(why, "", 0);
}
