/* SPDX-License-Identifier: Apache-2.0 */
/* Runs in which evidence answers, with a reuse that answers from a list (support/fake_reuse.h). */
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

static unsigned prepared;
static int prepare_code;

static int prepare(void *context, struct err *err)
{
    (void)context;
    prepared++;
    return prepare_code == 0 ? 0 : err_set(err, prepare_code, "the snapshot: disk full");
}

static void with_reuse(struct sched_options *options)
{
    options->reuse = &fake.reuse;
    options->prepare = prepare;
}

/* Runs a story; `change` sets more options, NULL = none. Tickets are all given back at its end. */
static void run_changed(const char *yaml,
                        unsigned jobs,
                        const struct fake_answer *answers,
                        void (*change)(struct sched_options *))
{
    fake_reuse_init(&fake, answers);
    prepared = 0;
    prepare_code = 0;
    story_run(&story, yaml, jobs, change);
    assert_int_equal(fake.open, 0);
}

static void run(const char *yaml, unsigned jobs, const struct fake_answer *answers)
{
    run_changed(yaml, jobs, answers, with_reuse);
}

#define assert_asked(text) assert_asked_at(__LINE__, text, 1)
#define assert_never(text) assert_asked_at(__LINE__, text, 0)

static void assert_asked_at(int line, const char *text, unsigned count)
{
    if (fake_reuse_count(&fake, text) != count) {
        fail_msg("line %d: \"%s\" should be there %u times:\n%s", line, text, count, fake.text);
    }
}

TEST(a_unit_that_evidence_answers_for_ends_without_a_start)
{
    run(HEAD LAYER("a", "one", "ok-1 ok-2", ""), 1, ANSWERS({"a/ok-1", "hit"}));
    assert_story(&story, "unit a/ok-1 passed (reused)", "judged a open", "finished 0");
    assert_story(&story, "starts a/ok-2: nothing is known", "unit a/ok-2 passed\n");
    story_lacks(&story, "starts a/ok-1");
    assert_asked("ended a/(plan) passed\n");
    assert_asked("ended a/ok-2 passed\n");
    assert_never("ended a/ok-1");
    assert_int_equal(story.tally.units, 2);
    assert_int_equal(story.tally.reused, 1);
    assert_int_equal(story.cpu_us, 20); /* the plan and ok-2; what was reused cost nothing here */
}

TEST(a_run_that_is_reused_as_a_whole_puts_nothing_on_disk)
{
    run(HEAD LAYER("a", "one", "ok-1 ok-2", "") LAYER("b", "two", "ok", ""),
        2,
        ANSWERS({"a/(plan)", "plan:ok-1 ok-2"},
                {"a/ok-1", "hit+out"},
                {"a/ok-2", "hit"},
                {"b/(plan)", "plan:ok"},
                {"b/ok", "hit"}));
    assert_story(&story,
                 "started a",
                 "unit a/ok-1 passed (reused)",
                 "unit a/ok-2 passed (reused)",
                 "judged a open",
                 "started b",
                 "unit b/ok passed (reused)",
                 "judged b open",
                 "finished 0");
    assert_int_equal(prepared, 0);
    assert_int_equal(story.most_at_once, 0);
    assert_int_equal(story.cpu_us, 0);
    assert_never("restore");
    assert_never("ended");
}

TEST(the_snapshot_is_put_on_disk_once_when_something_runs)
{
    run(HEAD LAYER("a", "one", "ok-1 ok-2", "") LAYER("b", "two", "ok", ""),
        2,
        ANSWERS({"a/(plan)", "plan:ok-1 ok-2"}));
    assert_story(&story, "unit a/ok-1 passed\n", "unit b/ok passed\n", "finished 0");
    assert_int_equal(prepared, 1);
}

TEST(a_planning_program_is_answered_for_from_evidence)
{
    run(HEAD LAYER("a", "one", "never-run", ""), 1, ANSWERS({"a/(plan)", "plan:ok-7 ok-8"}));
    assert_story(&story, "unit a/ok-7 passed", "unit a/ok-8 passed", "judged a open");
    story_lacks(&story, "never-run");
    assert_never("ended a/(plan)");
}

TEST(an_expanding_unit_is_answered_for_from_evidence)
{
    run(HEAD LAYER("a", "one", "expand", ""), 1, ANSWERS({"a/expand", "plan:ok-x"}));
    assert_story(&story, "unit a/ok-x passed", "finished 0");
    story_lacks(&story, "ok-a");
    assert_asked("ask a/expand plan:ok-x\n");
}

/* ---- products ---- */

#define BUILD(units) LAYER("build", "one", units, ", outputs: [\"out/**\"]")

TEST(products_of_a_hit_are_known_to_later_layers_and_made_when_something_runs_there)
{
    run(HEAD BUILD("ok-c") LAYER("t", "two", "ok-1 ok-2", ""),
        1,
        ANSWERS({"build/ok-c", "hit+out"}, {"t/(plan)", "plan:ok-1 ok-2"}, {"t/ok-1", "hit"}));
    assert_asked("ask t/(plan) plan:ok-1 ok-2 sees out/ok-c\n");
    assert_asked("ask t/ok-1 hit sees out/ok-c\n");
    assert_asked("ask t/ok-2 run sees out/ok-c\n");
    assert_asked("restore out/ok-c\n");
    assert_non_null(strstr(story.last_products, "/products/build-0/ok-c-"));
    assert_story(&story, "starts t/ok-2", "finished 0");
}

TEST(products_of_a_hit_that_nobody_runs_with_stay_where_they_are)
{
    run(HEAD BUILD("ok-c") LAYER("t", "two", "ok-1", ""),
        1,
        ANSWERS({"build/ok-c", "hit+out"}, {"t/(plan)", "plan:ok-1"}, {"t/ok-1", "hit"}));
    assert_story(&story, "unit t/ok-1 passed (reused)", "finished 0");
    assert_never("restore");
}

TEST(products_of_what_ran_become_part_of_its_evidence)
{
    run(HEAD BUILD("ok-c") LAYER("t", "two", "ok", ""), 1, ANSWERS({"t/ok", "hit"}));
    assert_asked("ended build/ok-c passed with out/ok-c\n");
    assert_asked("ask t/ok hit sees out/ok-c\n");
    assert_never("restore"); /* they are there */
}

TEST(products_that_cannot_be_read_are_an_error_of_their_unit)
{
    fake_reuse_init(&fake, ANSWERS({"x", "run"}));
    fake.products_unreadable = true;
    story_run(&story, HEAD BUILD("ok-c"), 1, with_reuse);
    assert_story(&story, "unit build/ok-c errored", "judged build shut");
    assert_asked("ended build/ok-c errored\n");
    assert_int_equal(fake.open, 0);
}

TEST(products_that_cannot_be_made_again_are_told)
{
    fake_reuse_init(&fake, ANSWERS({"build/ok-c", "hit+out"}, {"t/(plan)", "plan:ok"}));
    fake.restore_fails = true;
    story_run(&story, HEAD BUILD("ok-c") LAYER("t", "two", "ok", ""), 1, with_reuse);
    assert_story(&story, "unit t/ok errored", "judged t shut", "finished 1");
    assert_asked("restore out/ok-c (fails)\n");
    assert_asked("ended t/ok errored\n");
    assert_int_equal(fake.open, 0);
}

TEST(a_planning_program_that_misses_its_products_is_an_error_of_its_layer)
{
    fake_reuse_init(&fake, ANSWERS({"build/ok-c", "hit+out"}));
    fake.restore_fails = true;
    story_run(&story, HEAD BUILD("ok-c") LAYER("t", "two", "ok", ""), 1, with_reuse);
    assert_story(
        &story, "judged t error", "products that this layer needs: a blob is gone", "finished 3");
    assert_asked("ended t/(plan) errored\n");
    assert_int_equal(fake.open, 0);
}

TEST(products_that_were_lost_are_made_again_by_their_unit)
{
    fake_reuse_init(&fake, ANSWERS({"build/ok-c", "hit+out"}, {"t/(plan)", "plan:ok"}));
    fake.lost = 1;
    story_run(&story, HEAD BUILD("ok-c") LAYER("t", "two", "ok", ""), 1, with_reuse);
    assert_story(&story,
                 "unit build/ok-c passed (reused)",
                 "note what unit ok-c left is not in the cache any more: it runs again for that",
                 "starts t/ok",
                 "unit t/ok passed\n",
                 "finished 0");
    assert_asked("restore out/ok-c\n");
    assert_int_equal(fake_reuse_count(&fake, "ask t/ok run sees out/ok-c\n"), 2);
    assert_asked("ended t/ok errored\n"); /* its first ticket went back */
    assert_asked("ended t/ok passed\n");
    assert_never("ended build/ok-c");
    assert_int_equal(fake.open, 0);
    assert_int_equal(story.tally.units, 2);
}

TEST(a_planning_program_waits_for_products_that_were_lost)
{
    fake_reuse_init(&fake, ANSWERS({"build/ok-c", "hit+out"}));
    fake.lost = 1;
    story_run(&story, HEAD BUILD("ok-c") LAYER("t", "two", "ok-1", ""), 1, with_reuse);
    assert_story(&story, "note what unit ok-c left is not", "unit t/ok-1 passed\n", "finished 0");
    assert_asked("ended t/(plan) errored\n");
    assert_asked("ended t/(plan) passed\n");
    assert_int_equal(fake.open, 0);
}

TEST(lost_products_that_come_out_differently_are_told)
{
    fake_reuse_init(&fake, ANSWERS({"build/ok-c", "hit+out"}, {"t/(plan)", "plan:ok-1 ok-2"}));
    fake.lost = 10;
    fake.products_differ = true;
    story_run(&story, HEAD BUILD("ok-c") LAYER("t", "two", "ok-1 ok-2", ""), 2, with_reuse);
    assert_story(&story, "unit t/ok-1 errored", "unit t/ok-2 errored", "judged t shut");
    story_lacks(&story, "starts t/");
    assert_int_equal(fake.open, 0);
}

/* The maker of what is lost sees products that are lost as well; two slots want them. */
TEST(lost_products_are_made_again_from_the_first_on)
{
    fake_reuse_init(&fake,
                    ANSWERS({"build/ok-c", "hit+out"},
                            {"link/(plan)", "plan:ok-l"},
                            {"link/ok-l", "hit+out"},
                            {"t/(plan)", "plan:ok-1 ok-2"}));
    fake.lost = 3;
    story_run(&story,
              HEAD BUILD("ok-c")
                  LAYER("link", "one", "ok-l", ", needs: [build], outputs: [\"out/**\"]")
                      LAYER("t", "two", "ok-1 ok-2", ", needs: [link]"),
              2,
              with_reuse);
    assert_story(&story, "unit t/ok-1 passed\n", "finished 0");
    assert_story(&story, "unit t/ok-2 passed\n", "finished 0");
    assert_int_equal(fake.open, 0);
    assert_int_equal(fake.lost, 0);
}

static void failing_prepare(struct sched_options *options)
{
    with_reuse(options);
    prepare_code = -ENOSPC;
}

TEST(a_snapshot_that_cannot_be_put_on_disk_is_told)
{
    run_changed(
        HEAD LAYER("a", "one", "ok", ""), 1, ANSWERS({"a/(plan)", "plan:ok"}), failing_prepare);
    assert_story(&story, "unit a/ok errored", "judged a shut", "finished 1");
    story_lacks(&story, "starts a/ok");
    assert_asked("ended a/ok errored\n");
    run_changed(HEAD LAYER("a", "one", "ok", ""), 1, ANSWERS({"x", "run"}), failing_prepare);
    assert_story(&story, "judged a error", "the snapshot: disk full", "finished 3");
    assert_asked("ended a/(plan) errored\n");
}

/* ---- attempts and failures ---- */

TEST(a_further_attempt_runs_whatever_is_known)
{
    run(HEAD LAYER("a", "one", "flaky", ", retry: {max: 1}"), 1, ANSWERS({"a/flaky", "run hit"}));
    assert_story(&story, "unit a/flaky failed (again)", "unit a/flaky passed (flaky)\n");
    assert_asked("ask a/flaky run\n");
    assert_asked("ask a/flaky run (again)\n");
    assert_asked("ended a/flaky failed\n");
    assert_asked("ended a/flaky passed (flaky)\n");
}

/* It was confirmed when it was earned. */
TEST(a_failure_that_is_reused_is_not_tried_again)
{
    run(HEAD LAYER("a", "one", "fail", ", retry: {max: 2}"), 1, ANSWERS({"a/fail", "fail"}));
    assert_story(&story, "unit a/fail failed (reused)", "judged a shut: failed is 1", "finished 1");
    story_lacks(&story, "(again)");
    story_lacks(&story, "starts a/fail");
}

/* ---- joining ---- */

TEST(what_another_process_runs_is_waited_for)
{
    run(HEAD LAYER("a", "one", "ok-1 ok-2", ""), 2, ANSWERS({"a/ok-1", "join join hit"}));
    assert_story(&story,
                 "note another sluice runs the same right now",
                 "unit a/ok-1 passed (reused)",
                 "judged a open",
                 "finished 0");
    story_lacks(&story, "starts a/ok-1");
    assert_asked("ask a/ok-1 join\n");
    assert_asked("ask a/ok-1 join (peek)\n");
    assert_asked("ask a/ok-1 hit (peek)\n");
    assert_asked("ask a/ok-1 hit\n");
    assert_never("ended a/ok-1");
    assert_true(fake.ticks > 0);
}

TEST(what_another_process_gave_up_runs_here)
{
    run(HEAD LAYER("a", "one", "ok-1", ""), 1, ANSWERS({"a/ok-1", "join join run"}));
    assert_story(&story, "starts a/ok-1", "unit a/ok-1 passed\n", "finished 0");
    assert_asked("ended a/ok-1 passed\n");
}

/* With one slot nothing ran while it waited, and what shared its lock waited as well. */
TEST(what_waits_for_another_process_holds_neither_slot_nor_locks)
{
    run(HEAD LAYER("a", "one", "ok-1 ok-2 ok-3", ", locks: [db]"),
        1,
        ANSWERS({"a/ok-1", "join join join run"}));
    assert_story(&story,
                 "note another sluice runs the same right now",
                 "starts a/ok-2",
                 "unit a/ok-2 passed\n",
                 "starts a/ok-3",
                 "unit a/ok-3 passed\n",
                 "starts a/ok-1",
                 "unit a/ok-1 passed\n",
                 "judged a open",
                 "finished 0");
    assert_int_equal(story.most_at_once, 1);
}

/* The other process may be back at it by then. */
TEST(what_waited_may_have_to_wait_again)
{
    run(HEAD LAYER("a", "one", "ok-1", ""), 1, ANSWERS({"a/ok-1", "join run join join hit"}));
    assert_story(&story, "unit a/ok-1 passed (reused)", "finished 0");
    assert_int_equal(fake_reuse_count(&fake, "ask a/ok-1 join\n"), 2);
    story_lacks(&story, "starts a/ok-1");
}

TEST(a_planning_program_runs_rather_than_wait)
{
    run(HEAD LAYER("a", "one", "ok-1", ""), 1, ANSWERS({"a/(plan)", "join"}));
    assert_story(&story, "unit a/ok-1 passed\n", "finished 0");
    assert_asked("ended a/(plan) passed\n");
}

static unsigned seen_running, seen_joining;

static void see_running(void *context, const struct sched_running *running)
{
    (void)context;
    assert_string_equal(running->unit, "ok-1");
    assert_true(running->elapsed_ms >= 0 && running->elapsed_ms < 60000);
    seen_running++;
    seen_joining += running->joining ? 1 : 0;
}

static void look_and_interrupt(void)
{
    sched_running(story_sched(), see_running, NULL);
    sched_interrupt(story_sched());
}

static void interrupted(struct sched_options *options)
{
    with_reuse(options);
    story_after(options, 300, look_and_interrupt);
}

TEST(an_interrupt_ends_waiting_for_another_process)
{
    seen_running = 0;
    seen_joining = 0;
    run_changed(HEAD LAYER("a", "one", "ok-1", ""), 1, ANSWERS({"a/ok-1", "join"}), interrupted);
    assert_story(&story,
                 "unit a/ok-1 errored",
                 "note interrupted: waiting for 0 running units",
                 "judged a shut: 1 of 1 units were not run: the run was interrupted",
                 "finished 130");
    story_lacks(&story, "starts a/ok-1");
    assert_never("ended a/ok-1");
    assert_int_equal(seen_running, 1);
    assert_int_equal(seen_joining, 1);
}

static void short_budget(struct sched_options *options)
{
    with_reuse(options);
    options->budget_ms = 400;
}

TEST(a_budget_ends_waiting_for_another_process)
{
    run_changed(HEAD LAYER("a", "one", "ok-1", ""), 1, ANSWERS({"a/ok-1", "join"}), short_budget);
    assert_story(&story,
                 "unit a/ok-1 errored",
                 "note the time budget is used up: stopping 0 running units",
                 "judged a shut: 1 of 1 units were not run",
                 "finished 6");
    assert_never("ended a/ok-1");
}

static void fail_fast(struct sched_options *options)
{
    with_reuse(options);
    options->plan.max_fail = 1;
}

/* It would have started when the other process gave up, after the run had stopped. */
TEST(fail_fast_ends_waiting_for_another_process)
{
    run_changed(HEAD LAYER("a", "one", "ok-1 fail", ""), 2, ANSWERS({"a/ok-1", "join"}), fail_fast);
    assert_story(
        &story, "unit a/fail failed", "unit a/ok-1 errored", "judged a shut", "finished 1");
    story_lacks(&story, "starts a/ok-1");
}

TEST(waiting_is_not_slow)
{
    run(HEAD LAYER("a", "one", "ok-1", ", slow_after: 10ms"),
        1,
        ANSWERS({"a/ok-1", "join join join join hit"}));
    story_lacks(&story, "slow ");
    assert_story(&story, "unit a/ok-1 passed (reused)");
}

/* ---- where reuse has no say ---- */

TEST(layers_that_run_in_place_or_want_no_reuse_never_ask)
{
    run(HEAD LAYER("a", "one", "ok-1", ", sandbox: none")
            LAYER("b", "one", "ok-2", ", reuse: {mode: off}") LAYER("c", "one", "ok-3", ""),
        1,
        ANSWERS({"a/ok-1", "hit"}, {"b/ok-2", "hit"}, {"c/ok-3", "hit"}));
    assert_never("ask a/");
    assert_never("ask b/");
    assert_asked("ask c/ok-3 hit\n");
    assert_story(&story, "unit a/ok-1 passed\n");
    assert_story(&story, "unit b/ok-2 passed\n");
    assert_story(&story, "unit c/ok-3 passed (reused)\n");
}

static void no_lower(struct sched_options *options)
{
    with_reuse(options);
    options->lower = NULL;
}

TEST(without_isolation_nobody_asks)
{
    run_changed(HEAD LAYER("a", "one", "ok-1", ""), 1, ANSWERS({"a/ok-1", "hit"}), no_lower);
    assert_story(&story, "unit a/ok-1 passed\n", "finished 0");
    assert_never("ask ");
    assert_int_equal(prepared, 0);
}

TEST(units_that_are_skipped_are_not_asked_for)
{
    run(HEAD LAYER("a", "one", "ok-1 skip-2", ""), 1, ANSWERS({"a/ok-1", "hit"}));
    assert_story(&story, "unit a/skip-2 skipped", "judged a open");
}

TEST(what_reuse_finds_odd_is_told_once)
{
    fake_reuse_init(&fake, ANSWERS({"a/ok-1", "hit"}));
    fake.note = "evidence 7 and 8 disagree";
    story_run(&story, HEAD LAYER("a", "one", "ok-1 ok-2", ""), 1, with_reuse);
    assert_story(&story, "note evidence 7 and 8 disagree", "finished 0");
    assert_null(strstr(strstr(story.text, "disagree") + 1, "disagree"));
}

/* ---- plan ---- */

static char foretold[4096];

static int note_foretold(void *context,
                         const struct layer *layer,
                         const struct unit *unit,
                         const struct plan_hint *hint,
                         const struct sched_forecast *forecast)
{
    static const char *const words[] = {
        [FATE_RUN] = "run", [FATE_HIT] = "hit", [FATE_JOIN] = "join", [FATE_WAIT] = "wait"};
    size_t len = strlen(foretold);
    (void)context;
    (void)hint;
    assert_non_null(forecast);
    (void)snprintf(foretold + len,
                   sizeof foretold - len,
                   "%s/%s %s: %s\n",
                   layer->id,
                   unit->id,
                   words[forecast->fate],
                   forecast->why != NULL ? forecast->why : "-");
    return 0;
}

static void plan_only(struct sched_options *options)
{
    with_reuse(options);
    foretold[0] = '\0';
    options->plan_only = true;
    options->planned = note_foretold;
}

TEST(planning_only_foretells_what_would_become_of_each_unit)
{
    run_changed(HEAD LAYER("a", "one", "ok-1 ok-2 ok-3", ""),
                1,
                ANSWERS({"a/(plan)", "plan:ok-1 ok-2 ok-3"}, {"a/ok-1", "hit"}, {"a/ok-2", "join"}),
                plan_only);
    assert_string_equal(foretold,
                        "a/ok-1 hit: run r1 answers\n"
                        "a/ok-2 join: another process runs it\n"
                        "a/ok-3 run: nothing is known\n");
    assert_asked("ask a/ok-1 hit (peek)\n");
    assert_asked("ask a/ok-2 join (peek)\n");
    assert_asked("ask a/ok-3 run (peek)\n");
    assert_int_equal(story.most_at_once, 0);
    assert_int_equal(prepared, 0);
    story_lacks(&story, "unit ");
}

TEST(planning_only_products_of_hits_are_known_to_later_layers)
{
    run_changed(HEAD BUILD("ok-c ok-d") LAYER("t", "two", "ok-1", ""),
                1,
                ANSWERS({"build/(plan)", "plan:ok-c ok-d"},
                        {"build/ok-c", "hit+out"},
                        {"build/ok-d", "hit+out"},
                        {"t/(plan)", "plan:ok-1"},
                        {"t/ok-1", "hit"}),
                plan_only);
    assert_asked("ask t/(plan) plan:ok-1 sees out/ok-c out/ok-d\n");
    assert_asked("ask t/ok-1 hit (peek) sees out/ok-c out/ok-d\n");
    assert_non_null(strstr(foretold, "t/ok-1 hit: run r1 answers\n"));
    assert_never("restore");
    assert_int_equal(prepared, 0);
}

TEST(planning_only_a_unit_waits_for_outputs_that_are_not_known)
{
    run_changed(HEAD BUILD("ok-c ok-d") LAYER("t", "two", "ok-1", "")
                    LAYER("u", "two", "ok-2", ", needs: [t]")
                        LAYER("v", "two", "ok-3", ", needs: []"),
                1,
                ANSWERS({"build/ok-c", "hit+out"}, {"t/ok-1", "hit"}, {"v/ok-3", "hit"}),
                plan_only);
    assert_non_null(strstr(foretold, "build/ok-c hit: run r1 answers\n"));
    assert_non_null(strstr(foretold, "build/ok-d run: nothing is known\n"));
    assert_non_null(strstr(foretold, "t/ok-1 wait: it sees what layer build will have made\n"));
    assert_non_null(strstr(foretold, "u/ok-2 wait: it sees what layer build will have made\n"));
    assert_non_null(strstr(foretold, "v/ok-3 hit: run r1 answers\n"));
    assert_never("ask t/"); /* what it sees is not known as a whole */
    assert_never("ask u/");
}

TEST(planning_only_a_layer_without_outputs_lets_nobody_wait)
{
    run_changed(HEAD LAYER("a", "one", "ok-1", "") LAYER("t", "two", "ok-2", ""),
                1,
                ANSWERS({"t/ok-2", "hit"}),
                plan_only);
    assert_non_null(strstr(foretold, "a/ok-1 run"));
    assert_non_null(strstr(foretold, "t/ok-2 hit"));
}
