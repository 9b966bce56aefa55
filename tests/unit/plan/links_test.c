/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "plan/plan.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "support/test.h"
#include "unit/plan/support/story.h"

/* One layer "build" that is being planned. */
static void begin(struct story *s, unsigned slots)
{
    story_begin(s, "build test");
    story_layer(s, "build", "build");
    s->options.slots = slots;
}

static void start(struct story *s)
{
    story_start(s);
    story_expect(s, "layer build");
}

static void pass(struct story *s, const char *unit)
{
    story_finish(s, arena_printf(s->arena, "build/%s", unit), OUTCOME_PASSED);
}

TEST(a_unit_starts_when_all_it_needs_have_passed)
{
    struct story s;
    begin(&s, 4);
    start(&s);
    story_planned(&s, "build", "app<a.o,b.o a.o<gen b.o gen");
    story_expect(&s, "unit build/b.o|unit build/gen|wait");
    pass(&s, "b.o");
    story_expect(&s, "wait");
    pass(&s, "gen");
    story_expect(&s, "unit build/a.o|wait");
    pass(&s, "a.o");
    story_expect(&s, "unit build/app|wait");
    pass(&s, "app");
    story_expect(&s, "judge build");
    assert_int_equal(story_counts(&s, "build").tally.passed, 4);
    story_end(&s);
}

TEST(a_need_named_twice_counts_once)
{
    struct story s;
    begin(&s, 4);
    start(&s);
    story_planned(&s, "build", "app<a,a a");
    story_expect(&s, "unit build/a|wait");
    pass(&s, "a");
    story_expect(&s, "unit build/app|wait");
    story_end(&s);
}

TEST(what_needs_a_unit_that_did_not_pass_is_told_and_not_run)
{
    struct story s;
    begin(&s, 1);
    start(&s);
    story_planned(&s, "build", "a b lib<a app<lib,b");
    story_expect(&s, "unit build/a|wait");
    story_finish(&s, "build/a", OUTCOME_FAILED);
    /* Holding no slot, it is told at once; the chain names the one to mend. */
    story_expect(&s, "unit build/lib not run: a, which it needs, did not pass|unit build/b|wait");
    story_finish(&s, "build/lib", OUTCOME_SKIPPED);
    assert_true(s.outcome.final);
    assert_int_equal(s.outcome.attempt, 1);
    story_expect(&s, "unit build/app not run: a, which it needs, did not pass|wait");
    story_finish(&s, "build/app", OUTCOME_SKIPPED);
    pass(&s, "b");
    story_expect(&s, "judge build");
    struct tally tally = story_counts(&s, "build").tally;
    assert_int_equal(tally.failed, 1);
    assert_int_equal(tally.skipped, 2);
    assert_int_equal(tally.passed, 1);
    story_end(&s);
}

TEST(a_unit_that_two_bad_ones_are_needed_by_is_told_once)
{
    struct story s;
    begin(&s, 2);
    start(&s);
    story_planned(&s, "build", "a b app<a,b");
    story_expect(&s, "unit build/a|unit build/b|wait");
    story_finish(&s, "build/a", OUTCOME_TIMED_OUT);
    story_finish(&s, "build/b", OUTCOME_FAILED);
    story_expect(&s, "unit build/app not run: a, which it needs, did not pass|wait");
    story_finish(&s, "build/app", OUTCOME_SKIPPED);
    story_expect(&s, "judge build");
    story_end(&s);
}

TEST(a_need_that_was_skipped_is_named_as_that)
{
    struct story s;
    begin(&s, 2);
    start(&s);
    story_planned(&s, "build", "a app<a");
    story_expect(&s, "unit build/a|wait");
    story_finish(&s, "build/a", OUTCOME_SKIPPED);
    story_expect(&s, "unit build/app not run: a, which it needs, was skipped|wait");
    story_end(&s);
}

TEST(a_need_may_pass_at_its_second_attempt)
{
    struct story s;
    begin(&s, 2);
    s.layers[0].retry_max = 1;
    start(&s);
    story_planned(&s, "build", "a app<a");
    story_expect(&s, "unit build/a|wait");
    story_finish(&s, "build/a", OUTCOME_FAILED);
    story_expect(&s, "unit build/a again 2|wait");
    pass(&s, "a");
    story_expect(&s, "unit build/app|wait");
    story_finish(&s, "build/app", OUTCOME_FAILED);
    story_expect(&s, "unit build/app again 2|wait");
    pass(&s, "app");
    story_expect(&s, "judge build");
    story_end(&s);
}

TEST(locks_and_weights_hold_for_units_that_waited)
{
    struct story s;
    begin(&s, 3);
    start(&s);
    s.next_unit.locks = story_words(&s, "pool");
    s.next_unit.slots = 2;
    story_planned(&s, "build", "a x<a y<a");
    story_expect(&s, "unit build/a|wait");
    pass(&s, "a");
    story_expect(&s, "unit build/x|wait");
    pass(&s, "x");
    story_expect(&s, "unit build/y|wait");
    story_end(&s);
}

TEST(a_filter_takes_in_what_the_chosen_ones_need)
{
    struct story s;
    begin(&s, 8);
    story_filter(&s, "name(=app)");
    start(&s);
    story_planned(&s, "build", "gen a.o<gen b.o app<a.o,b.o other<gen c.o");
    struct plan_layer_counts counts = story_counts(&s, "build");
    assert_int_equal(counts.selected, 4);
    assert_int_equal(counts.excluded, 2);
    story_expect(&s, "unit build/b.o|unit build/gen|wait");
    pass(&s, "gen");
    pass(&s, "b.o");
    story_expect(&s, "unit build/a.o|wait");
    pass(&s, "a.o");
    story_expect(&s, "unit build/app|wait");
    pass(&s, "app");
    story_expect(&s, "judge build");
    story_end(&s);
}

TEST(every_shard_builds_what_its_units_need)
{
    size_t apps = 0;
    size_t units = 0;
    for (unsigned shard = 1; shard <= 3; shard++) {
        struct story s;
        begin(&s, 1);
        s.options.shard_index = shard;
        s.options.shard_count = 3;
        start(&s);
        story_planned(&s, "build", "lib a<lib b<lib c<lib d<lib e<lib f<lib");
        struct plan_layer_counts counts = story_counts(&s, "build");
        assert_int_equal(counts.selected + counts.excluded, 7);
        assert_true(counts.selected >= 2);
        story_expect(&s, "unit build/lib|wait");
        apps += counts.selected - 1;
        units += counts.selected;
        story_end(&s);
    }
    assert_int_equal(apps, 6);
    assert_int_equal(units, 9); /* lib is built in each */
}

TEST(what_a_plugin_left_out_is_taken_in_for_those_that_need_it)
{
    struct story s;
    begin(&s, 4);
    start(&s);
    s.hint = (struct plan_hint){.left_out = true};
    story_linked(&s, "build", "a b");
    s.hint = (struct plan_hint){0};
    story_planned(&s, "build", "app<a");
    struct plan_layer_counts counts = story_counts(&s, "build");
    assert_int_equal(counts.selected, 2);
    assert_int_equal(counts.left_out, 1);
    assert_int_equal(counts.excluded, 0);
    story_end(&s);
}

TEST(units_carried_over_are_run_again_for_those_that_need_them)
{
    struct story s;
    begin(&s, 4);
    start(&s);
    s.hint = (struct plan_hint){.known = true, .carried = true, .last = OUTCOME_PASSED};
    story_linked(&s, "build", "a.o b.o lib<b.o");
    s.hint = (struct plan_hint){.known = true, .failed_recently = true, .last = OUTCOME_FAILED};
    story_linked(&s, "build", "app<a.o");
    s.hint = (struct plan_hint){.known = true, .carried = true, .last = OUTCOME_SKIPPED};
    story_planned(&s, "build", "test<app skipped-by-its-plugin");
    struct plan_layer_counts counts = story_counts(&s, "build");
    assert_int_equal(counts.selected, 3); /* test had not been run because of app */
    assert_int_equal(counts.carried, 3);
    assert_int_equal(counts.tally.passed, 2);
    assert_int_equal(counts.tally.skipped, 1);
    story_expect(&s, "unit build/a.o|wait");
    pass(&s, "a.o");
    story_expect(&s, "unit build/app|wait");
    pass(&s, "app");
    story_expect(&s, "unit build/test|wait");
    story_end(&s);
}

TEST(products_that_a_layer_waits_for_are_made_whatever_is_carried)
{
    static const bool produces[] = {true, false};
    struct story s;
    begin(&s, 4);
    story_layer(&s, "test", "test");
    s.options.produces = produces;
    start(&s);
    s.hint = (struct plan_hint){.known = true, .carried = true, .last = OUTCOME_PASSED};
    story_planned(&s, "build", "a b");
    assert_int_equal(story_counts(&s, "build").selected, 2);
    story_end(&s);
}

struct left {
    char text[256];
};

static void note_left(void *context, const struct plan_left *told)
{
    struct left *left = context;
    strncat(left->text, told->selected ? "+" : told->by_plugin ? "?" : "-", 2);
    strncat(left->text, told->unit->id, 16);
}

TEST(what_became_of_units_left_out_is_told)
{
    struct story s;
    struct left left = {""};
    struct err err = {0};
    begin(&s, 4);
    story_filter(&s, "name(=app)");
    start(&s);
    story_linked(&s, "build", "x a app<a y");
    s.hint.left_out = true;
    story_linked(&s, "build", "z app2<z");
    assert_int_equal(plan_layer_link(s.plan, 0, note_left, &left, &err), 0);
    assert_string_equal(left.text, "-x+a-y?z?app2");
    assert_int_equal(plan_layer_planned(s.plan, 0, false), 0);
    story_end(&s);
}

static void assert_refused(const char *units, const char *filter, const char *message)
{
    struct story s;
    struct err err = {0};
    begin(&s, 2);
    if (filter != NULL) {
        story_filter(&s, filter);
    }
    start(&s);
    story_linked(&s, "build", units);
    assert_int_equal(story_link(&s, "build", &err), -EINVAL);
    assert_string_equal(err.text, message);
    assert_int_equal(plan_layer_planned(s.plan, 0, true), 0);
    story_expect(&s, "judge build");
    story_end(&s);
}

TEST(a_need_that_is_not_there_is_named)
{
    static const char message[] =
        "unit \"app\" needs \"b\", but no unit of this layer has that id (one that expands can be "
        "needed when it has outputs)";
    assert_refused("a app<a,b", NULL, message);
    assert_refused("a app<a,b", "name(=a)", message); /* whatever is chosen of it */
}

TEST(units_that_need_each_other_in_a_circle_are_named)
{
    assert_refused("a<a", NULL, "units need each other in a circle: \"a\" needs \"a\"");
    assert_refused("x a<b b<c,x c<a y<a",
                   NULL,
                   "units need each other in a circle: \"c\" needs \"a\", which needs \"b\", which "
                   "needs \"c\"");
    assert_refused("1<2 2<3 3<4 4<5 5<6 6<7 7<8 8<1",
                   NULL,
                   "units need each other in a circle: \"1\" needs \"2\", which needs \"3\", which "
                   "needs \"4\", which needs \"5\", which needs \"6\", which needs \"7\", which "
                   "needs \"8\", which needs \"1\"");
    assert_refused(
        "1<2 2<3 3<4 4<5 5<6 6<7 7<8 8<9 9<1",
        NULL,
        "units need each other in a circle: \"1\" needs \"2\", which needs \"3\", which "
        "needs \"4\", which needs \"5\", which needs \"6\", which needs \"7\", which needs "
        "\"8\", which needs \"9\", and so on");
}

TEST(a_circle_of_units_with_locks_is_told_in_the_same_words)
{
    struct story s;
    struct err err = {0};
    begin(&s, 2);
    start(&s);
    s.next_unit.locks = story_words(&s, "port pool");
    story_linked(&s, "build", "a<b b<a");
    assert_int_equal(story_link(&s, "build", &err), -EINVAL);
    assert_string_equal(err.text,
                        "units need each other in a circle: \"a\" needs \"b\", which needs \"a\"");
    assert_int_equal(plan_layer_planned(s.plan, 0, true), 0);
    story_end(&s);
}

/* ---- units that had run before ---- */

static void add_ended(struct story *s, const char *id, enum outcome_status status)
{
    struct unit *unit = arena_alloc(s->arena, sizeof *unit);
    struct outcome outcome = {.status = status, .flaky = true};
    *unit = (struct unit){.id = id};
    assert_int_equal(plan_add_ended(s->plan, unit, &outcome), 0);
    assert_true(outcome.final);
    assert_false(outcome.flaky);
    assert_int_equal(outcome.attempt, 1);
}

TEST(a_unit_that_had_run_before_can_be_needed)
{
    struct story s;
    begin(&s, 2);
    start(&s);
    add_ended(&s, "configure", OUTCOME_PASSED);
    story_planned(&s, "build", "a<configure b<a,configure");
    assert_int_equal(story_counts(&s, "build").selected, 3);
    assert_int_equal(story_counts(&s, "build").prepared, 1);
    story_expect(&s, "unit build/a|wait");
    pass(&s, "a");
    story_expect(&s, "unit build/b|wait");
    pass(&s, "b");
    story_expect(&s, "judge build");
    assert_int_equal(story_counts(&s, "build").tally.passed, 3);
    story_end(&s);
}

TEST(a_unit_that_had_run_and_failed_is_the_layer_s_outcome)
{
    struct story s;
    begin(&s, 2);
    story_filter(&s, "name(=a)");
    start(&s);
    add_ended(&s, "configure", OUTCOME_FAILED);
    story_planned(&s, "build", "");
    story_expect(&s, "judge build");
    assert_int_equal(story_counts(&s, "build").tally.failed, 1);
    story_end(&s);
}

TEST(a_unit_that_had_run_and_failed_is_judged_though_the_filter_leaves_nothing)
{
    struct story s;
    begin(&s, 2);
    story_filter(&s, "name(=zzz)");
    s.options.max_fail = 1;
    start(&s);
    add_ended(&s, "configure", OUTCOME_FAILED);
    assert_true(plan_stopped(s.plan));
    add_ended(&s, "generate", OUTCOME_PASSED);
    story_planned(&s, "build", "a");
    story_expect(&s, "judge build");
    assert_int_equal(story_counts(&s, "build").tally.failed, 1);
    story_end(&s);
}

TEST(what_needs_a_unit_that_had_run_and_failed_is_not_run)
{
    struct story s;
    begin(&s, 2);
    story_filter(&s, "name(=a)"); /* of another list: it is not shown as "nothing matches" */
    start(&s);
    add_ended(&s, "configure", OUTCOME_FAILED);
    story_planned(&s, "build", "a<configure b<configure");
    story_expect(&s, "unit build/a not run: configure, which it needs, did not pass|wait");
    story_finish(&s, "build/a", OUTCOME_SKIPPED);
    story_expect(&s, "judge build");
    story_end(&s);
}

TEST(a_layer_of_which_only_the_preparation_is_left_is_skipped)
{
    struct story s;
    begin(&s, 2);
    story_filter(&s, "name(=zzz)");
    start(&s);
    add_ended(&s, "configure", OUTCOME_PASSED);
    story_planned(&s, "build", "a<configure b");
    story_expect(&s, "skip build: the filter matches none of its units|done");
    story_end(&s);
}

TEST(a_stop_leaves_waiting_units_undone)
{
    struct story s;
    begin(&s, 2);
    s.options.max_fail = 1;
    start(&s);
    story_planned(&s, "build", "a app<a b c<b");
    story_expect(&s, "unit build/a|unit build/b|wait");
    story_finish(&s, "build/a", OUTCOME_FAILED);
    story_expect(&s, "wait");
    pass(&s, "b");
    story_expect(&s, "judge build");
    struct tally tally = story_counts(&s, "build").tally;
    assert_int_equal(tally.not_run, 2);
    assert_int_equal(tally.skipped, 0);
    story_end(&s);
}

/* ---- a random build ---- */

#define RANDOM_UNITS 60
#define RANDOM_SEEDS 300

struct random_build {
    char ids[RANDOM_UNITS][8];
    const char *names[RANDOM_UNITS][RANDOM_UNITS + 1];
    struct unit_links links[RANDOM_UNITS];
    struct unit units[RANDOM_UNITS];
    bool needs[RANDOM_UNITS][RANDOM_UNITS];
    bool done[RANDOM_UNITS];
    bool passed[RANDOM_UNITS];
    size_t running[RANDOM_UNITS]; /* indices in the plan */
    const struct unit *running_units[RANDOM_UNITS];
    size_t running_count;
    uint64_t random;
};

static unsigned draw(struct random_build *b, unsigned below)
{
    b->random = b->random * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(b->random >> 33) % below;
}

static void make_build(struct random_build *b)
{
    for (size_t i = 0; i < RANDOM_UNITS; i++) {
        (void)snprintf(b->ids[i], sizeof b->ids[i], "%zu", i);
        for (size_t n = 0; n < RANDOM_UNITS; n++) {
            /* numbers modulo 7 first, so that needs point both ways in the list */
            bool before = n % 7 < i % 7 || (n % 7 == i % 7 && n < i);
            if (before && draw(b, 12) == 0) {
                b->needs[i][n] = true;
                b->names[i][b->links[i].needs.count++] = b->ids[n];
            }
        }
        b->links[i].needs.items = b->names[i];
        b->units[i] = (struct unit){.id = b->ids[i], .links = &b->links[i]};
    }
}

static void check_start(const struct random_build *b, const struct plan_action *action)
{
    size_t unit = (size_t)(action->unit - b->units);
    bool bad = false;
    for (size_t n = 0; n < RANDOM_UNITS; n++) {
        if (b->needs[unit][n]) {
            bad = bad || (b->done[n] && !b->passed[n]);
            assert_true(action->reason != NULL || (b->done[n] && b->passed[n]));
        }
    }
    assert_true(bad == (action->reason != NULL));
}

static void end_one(struct random_build *b, struct plan *plan, size_t at, bool told)
{
    size_t unit = (size_t)(b->running_units[at] - b->units);
    struct outcome outcome = {.status = told               ? OUTCOME_SKIPPED
                                        : draw(b, 15) == 0 ? OUTCOME_FAILED
                                                           : OUTCOME_PASSED};
    plan_unit_finished(plan, b->running[at], &outcome);
    b->done[unit] = true;
    b->passed[unit] = outcome.status == OUTCOME_PASSED;
    b->running[at] = b->running[--b->running_count];
    b->running_units[at] = b->running_units[b->running_count];
}

static void run_build(struct random_build *b, struct plan *plan)
{
    for (;;) {
        struct plan_action action = plan_next(plan);
        if (action.type == PLAN_UNIT) {
            check_start(b, &action);
            b->running[b->running_count] = action.index;
            b->running_units[b->running_count++] = action.unit;
            if (action.reason != NULL) {
                end_one(b, plan, b->running_count - 1, true);
            }
        } else if (b->running_count > 0) {
            end_one(b, plan, draw(b, (unsigned)b->running_count), false);
        } else {
            assert_int_equal(action.type, PLAN_JUDGE);
            return;
        }
    }
}

TEST(random_builds_end_in_the_order_of_their_needs)
{
    static const char *const stages[] = {"s", NULL};
    static const struct layer layer = {.id = "l", .base_id = "l", .name = "l", .slots = 1};
    const struct pipeline pipeline = {
        .stages = {stages, 1},
          .layers = &layer, .layer_count = 1
    };
    static struct random_build b;
    size_t skipped = 0;
    for (uint64_t seed = 0; seed < RANDOM_SEEDS; seed++) {
        struct err err = {0};
        struct plan *plan = NULL;
        memset(&b, 0, sizeof b);
        b.random = seed;
        make_build(&b);
        const struct plan_options options = {.slots = 1 + draw(&b, 5)};
        assert_int_equal(plan_new(&pipeline, &options, &plan, &err), 0);
        assert_int_equal(plan_next(plan).type, PLAN_LAYER);
        for (size_t i = 0; i < RANDOM_UNITS; i++) {
            assert_int_equal(plan_add_unit(plan, &b.units[i], NULL), 1);
        }
        assert_int_equal(plan_layer_link(plan, 0, NULL, NULL, &err), 0);
        assert_int_equal(plan_layer_planned(plan, 0, false), 0);
        run_build(&b, plan);
        struct plan_layer_counts counts;
        plan_layer_counts(plan, 0, &counts);
        assert_int_equal(counts.tally.not_run, 0);
        assert_int_equal(counts.tally.units, RANDOM_UNITS);
        skipped += counts.tally.skipped;
        plan_free(plan);
    }
    assert_true(skipped > 0 && skipped < RANDOM_SEEDS * RANDOM_UNITS / 2);
}

/* ---- memory ---- */

static void check_linking(size_t (*set_fail)(size_t n))
{
    size_t made = 1;
    for (size_t n = 1; made >= n; n++) {
        struct story s;
        struct err err = {0};
        begin(&s, 2);
        story_filter(&s, "name(=app)");
        start(&s);
        story_linked(&s, "build", "a b<a app<b x");
        (void)set_fail(n);
        int rc = story_link(&s, "build", &err);
        made = set_fail(0);
        assert_int_equal(rc, made >= n ? -ENOMEM : 0);
        if (rc != 0) {
            assert_int_equal(plan_layer_planned(s.plan, 0, true), 0);
            story_expect(&s, "judge build");
        }
        story_end(&s);
        assert_true(n < 200);
    }
}

TEST(running_out_of_memory_while_linking_is_an_error)
{
    check_linking(mem_fail_from);
    check_linking(mem_fail_once);
}
