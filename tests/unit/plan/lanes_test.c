/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "unit/plan/support/story.h"

static void begin(struct story *s, unsigned slots)
{
    story_begin(s, "default");
    story_layer(s, "u", "default");
    s->options.slots = slots;
    story_start(s);
    story_expect(s, "layer u");
}

static void units_with_locks(struct story *s, const char *locks, const char *units)
{
    s->next_unit.locks = story_words(s, locks);
    story_units(s, "u", units);
    s->next_unit.locks = (struct text_list){0};
}

static void units_of_weight(struct story *s, uint32_t slots, const char *units)
{
    s->next_unit.slots = slots;
    story_units(s, "u", units);
    s->next_unit.slots = 0;
}

TEST(units_that_share_a_lock_never_run_together)
{
    struct story s;

    begin(&s, 4);
    units_with_locks(&s, "db", "a b c");
    story_planned(&s, "u", "free");
    story_expect(&s, "unit u/a|unit u/free|wait");
    story_finish(&s, "u/a", OUTCOME_PASSED);
    story_expect(&s, "unit u/b|wait");
    story_finish(&s, "u/b", OUTCOME_PASSED);
    story_expect(&s, "unit u/c|wait");
    story_end(&s);
}

TEST(a_unit_needs_all_its_locks_at_once)
{
    struct story s;

    begin(&s, 4);
    units_with_locks(&s, "a", "only-a");
    units_with_locks(&s, "b", "only-b");
    units_with_locks(&s, "b a b", "both");
    units_with_locks(&s, "c", "only-c");
    story_planned(&s, "u", "");
    story_expect(&s, "unit u/only-a|unit u/only-b|unit u/only-c|wait");
    story_finish(&s, "u/only-a", OUTCOME_PASSED);
    story_expect(&s, "wait");
    story_finish(&s, "u/only-b", OUTCOME_PASSED);
    story_expect(&s, "unit u/both|wait");
    story_finish(&s, "u/both", OUTCOME_PASSED);
    story_finish(&s, "u/only-c", OUTCOME_PASSED);
    story_expect(&s, "judge u");
    story_end(&s);
}

TEST(the_layers_locks_are_held_by_each_of_its_units_and_shared_between_layers)
{
    struct story s;

    story_begin(&s, "default");
    story_layer(&s, "x", "default")->locks = story_words(&s, "port");
    story_layer(&s, "y", "default")->locks = story_words(&s, "port other");
    s.options.slots = 4;
    story_start(&s);
    story_expect(&s, "layer x|layer y");
    story_planned(&s, "x", "1 2");
    story_planned(&s, "y", "3");
    story_expect(&s, "unit x/1|wait");
    story_finish(&s, "x/1", OUTCOME_PASSED);
    story_expect(&s, "unit x/2|wait");
    story_finish(&s, "x/2", OUTCOME_PASSED);
    story_expect(&s, "judge x|unit y/3|wait");
    story_end(&s);
}

TEST(when_the_best_waiter_must_wait_elsewhere_the_next_one_gets_the_lock)
{
    /* "ab" waits for lock a, is woken, and finds b held: "a2" must not sleep on. */
    struct story s;

    begin(&s, 4);
    units_with_locks(&s, "a", "a1");
    units_with_locks(&s, "b", "b1");
    units_with_locks(&s, "a b", "ab");
    units_with_locks(&s, "a c", "a2");
    story_planned(&s, "u", "");
    story_expect(&s, "unit u/a1|unit u/b1|wait");
    story_finish(&s, "u/a1", OUTCOME_PASSED);
    story_expect(&s, "unit u/a2|wait");
    story_finish(&s, "u/b1", OUTCOME_PASSED);
    story_expect(&s, "wait");
    story_finish(&s, "u/a2", OUTCOME_PASSED);
    story_expect(&s, "unit u/ab|wait");
    story_end(&s);
}

TEST(a_heavy_waiter_does_not_keep_a_lock_from_a_light_one)
{
    struct story s;

    begin(&s, 2);
    units_with_locks(&s, "db", "first");
    s.next_unit.slots = 2;
    units_with_locks(&s, "db", "heavy");
    s.next_unit.slots = 1;
    units_with_locks(&s, "db", "light");
    s.next_unit.slots = 0;
    story_planned(&s, "u", "other");
    story_expect(&s, "unit u/first|unit u/other|wait");
    story_finish(&s, "u/first", OUTCOME_PASSED);
    story_expect(&s, "unit u/light|wait");
    story_finish(&s, "u/light", OUTCOME_PASSED);
    story_finish(&s, "u/other", OUTCOME_PASSED);
    story_expect(&s, "unit u/heavy|wait");
    story_end(&s);
}

TEST(a_retry_keeps_its_place_before_later_units_even_with_locks)
{
    struct story s;

    story_begin(&s, "default");
    struct layer *layer = story_layer(&s, "u", "default");
    layer->retry_max = 1;
    layer->locks = story_words(&s, "db");
    story_start(&s);
    story_expect(&s, "layer u");
    story_planned(&s, "u", "a b c");
    story_expect(&s, "unit u/a|wait");
    story_finish(&s, "u/a", OUTCOME_FAILED);
    story_expect(&s, "unit u/a again 2|wait");
    story_finish(&s, "u/a", OUTCOME_FAILED);
    story_expect(&s, "unit u/b|wait");
    story_end(&s);
}

TEST(units_that_come_back_in_any_order_are_sorted_again)
{
    struct story s;

    story_begin(&s, "default");
    story_layer(&s, "u", "default")->retry_max = 1;
    s.options.slots = 4;
    story_start(&s);
    story_expect(&s, "layer u");
    story_planned(&s, "u", "a b c d e");
    story_expect(&s, "unit u/a|unit u/b|unit u/c|unit u/d|wait");
    story_finish(&s, "u/b", OUTCOME_FAILED);
    story_finish(&s, "u/d", OUTCOME_FAILED);
    story_finish(&s, "u/a", OUTCOME_FAILED);
    story_finish(&s, "u/c", OUTCOME_FAILED);
    story_expect(&s, "unit u/a again 2|unit u/b again 2|unit u/c again 2|unit u/d again 2|wait");
    story_finish(&s, "u/d", OUTCOME_PASSED);
    story_expect(&s, "unit u/e|wait");
    story_end(&s);
}

TEST(the_last_unit_of_a_lane_can_come_back)
{
    struct story s;

    story_begin(&s, "default");
    story_layer(&s, "u", "default")->retry_max = 1;
    story_start(&s);
    story_expect(&s, "layer u");
    story_planned(&s, "u", "a b");
    story_expect(&s, "unit u/a|unit u/b|wait");
    story_finish(&s, "u/b", OUTCOME_FAILED);
    story_finish(&s, "u/a", OUTCOME_PASSED);
    story_expect(&s, "unit u/b again 2|wait");
    story_finish(&s, "u/b", OUTCOME_PASSED);
    story_expect(&s, "judge u");
    story_end(&s);
}

TEST(weights_never_exceed_the_slots)
{
    struct story s;

    begin(&s, 4);
    units_of_weight(&s, 3, "heavy");
    units_of_weight(&s, 2, "middle");
    story_planned(&s, "u", "light1 light2");
    story_expect(&s, "unit u/heavy|unit u/light1|wait");
    story_finish(&s, "u/light1", OUTCOME_PASSED);
    story_expect(&s, "unit u/light2|wait");
    story_finish(&s, "u/heavy", OUTCOME_PASSED);
    story_expect(&s, "unit u/middle|wait");
    story_end(&s);
}

TEST(a_weight_beyond_the_slots_takes_them_all)
{
    struct story s;

    begin(&s, 2);
    units_of_weight(&s, 1000, "giant");
    story_planned(&s, "u", "small");
    story_expect(&s, "unit u/giant|wait");
    story_finish(&s, "u/giant", OUTCOME_PASSED);
    story_expect(&s, "unit u/small|wait");
    story_end(&s);
}

TEST(the_layers_weight_serves_units_without_their_own)
{
    struct story s;

    story_begin(&s, "default");
    story_layer(&s, "u", "default")->slots = 2;
    story_start(&s);
    story_expect(&s, "layer u");
    story_planned(&s, "u", "a b");
    story_expect(&s, "unit u/a|wait");
    story_end(&s);
}

TEST(a_unit_that_is_only_told_as_skipped_waits_for_no_lock)
{
    struct story s;

    begin(&s, 3);
    units_with_locks(&s, "db", "holder");
    s.next_unit.skip = "not on this platform";
    s.next_unit.slots = 3;
    units_with_locks(&s, "db", "skipped");
    s.next_unit.skip = NULL;
    s.next_unit.slots = 0;
    story_planned(&s, "u", "");
    story_expect(&s, "unit u/holder|unit u/skipped|wait");
    story_end(&s);
}

/* Runs small units one after the other until none may start; how many did. */
static int run_small_units(struct story *s)
{
    int count = 0;

    for (;; count++) {
        const char *action = story_next(s);
        if (strcmp(action, "wait") == 0) {
            return count;
        }
        assert_non_null(strstr(action, "unit u/small"));
        story_finish(s, arena_strdup(s->arena, action + strlen("unit ")), OUTCOME_PASSED);
    }
}

TEST(a_heavy_unit_is_passed_64_times_and_then_gets_its_slots)
{
    struct story s;

    begin(&s, 2);
    story_units(&s, "u", "first");
    units_of_weight(&s, 2, "heavy1");
    story_units(&s, "u", "second");
    units_of_weight(&s, 2, "heavy2");
    for (int i = 0; i < 200; i++) {
        story_units(&s, "u", arena_printf(s.arena, "small%d", i));
    }
    story_planned(&s, "u", "");
    /* One slot is taken all the time; small units go through the other. */
    story_expect(&s, "unit u/first|unit u/second");
    story_finish(&s, "u/second", OUTCOME_PASSED);
    assert_int_equal(run_small_units(&s), PLAN_OVERTAKE_MAX - 1); /* "second" was one */
    story_finish(&s, "u/first", OUTCOME_PASSED);
    story_expect(&s, "unit u/heavy1|wait");
    story_finish(&s, "u/heavy1", OUTCOME_PASSED);
    story_expect(&s, "unit u/heavy2|wait");
    story_finish(&s, "u/heavy2", OUTCOME_PASSED);
    story_expect(&s, "unit u/small63|unit u/small64|wait");
    story_end(&s);
}

TEST(passes_are_counted_afresh_for_the_next_heavy_unit)
{
    struct story s;

    story_begin(&s, "one two");
    story_layer(&s, "e", "one");
    story_layer(&s, "u", "two");
    story_needs(&s, "u", "");
    story_start(&s);
    story_expect(&s, "layer e|layer u");
    story_units(&s, "u", "first");
    units_of_weight(&s, 2, "heavy1 heavy2");
    for (int i = 0; i < 200; i++) {
        story_units(&s, "u", arena_printf(s.arena, "small%d", i));
    }
    story_planned(&s, "u", "");
    story_expect(&s, "unit u/first");
    assert_int_equal(run_small_units(&s), PLAN_OVERTAKE_MAX);
    story_finish(&s, "u/first", OUTCOME_PASSED);
    story_expect(&s, "unit u/heavy1|wait");
    /* Now an earlier unit takes the slot that heavy2 needs as well. */
    story_planned(&s, "e", "x");
    story_finish(&s, "u/heavy1", OUTCOME_PASSED);
    story_expect(&s, "unit e/x");
    assert_int_equal(run_small_units(&s), PLAN_OVERTAKE_MAX);
    story_finish(&s, "e/x", OUTCOME_PASSED);
    story_expect(&s, "judge e|unit u/heavy2|wait");
    story_end(&s);
}

TEST(units_before_a_heavy_one_still_start_while_slots_are_kept)
{
    struct story s;

    story_begin(&s, "default");
    story_layer(&s, "u", "default")->retry_max = 1;
    story_start(&s);
    story_expect(&s, "layer u");
    story_units(&s, "u", "early");
    units_of_weight(&s, 2, "heavy");
    for (int i = 0; i < 100; i++) {
        story_units(&s, "u", arena_printf(s.arena, "s%d", i));
    }
    story_planned(&s, "u", "");
    story_expect(&s, "unit u/early");
    for (int i = 0; i < PLAN_OVERTAKE_MAX; i++) {
        story_expect(&s, arena_printf(s.arena, "unit u/s%d", i));
        story_finish(&s, arena_printf(s.arena, "u/s%d", i), OUTCOME_PASSED);
    }
    story_expect(&s, "wait");
    story_finish(&s, "u/early", OUTCOME_FAILED);
    story_expect(&s, "unit u/early again 2|wait"); /* it is earlier than the heavy one */
    story_finish(&s, "u/early", OUTCOME_PASSED);
    story_expect(&s, "unit u/heavy|wait");
    story_end(&s);
}

/* Four thousand units that all wait for one lock, each with a lock of its own beside it. */
TEST(many_waiters_with_different_locks_each_run_once_in_order)
{
    enum {
        COUNT = 4000
    };
    struct story s;

    begin(&s, 4);
    for (int i = 0; i < COUNT; i++) {
        units_with_locks(
            &s, arena_printf(s.arena, "shared own%d", i), arena_printf(s.arena, "n%d", i));
    }
    story_planned(&s, "u", "");
    for (int i = 0; i < COUNT; i++) {
        story_expect(&s, arena_printf(s.arena, "unit u/n%d|wait", i));
        story_finish(&s, arena_printf(s.arena, "u/n%d", i), OUTCOME_PASSED);
    }
    story_expect(&s, "judge u");
    story_end(&s);
}

TEST(a_parked_unit_leaves_slot_and_locks_to_others_and_comes_back_as_the_same_attempt)
{
    struct story s;

    begin(&s, 1);
    units_with_locks(&s, "db", "a b");
    story_planned(&s, "u", "free");
    story_expect(&s, "unit u/a|wait");
    story_park(&s, "u/a");
    story_expect(&s, "unit u/b|wait");
    story_unpark(&s, "u/a");
    story_expect(&s, "wait");
    story_finish(&s, "u/b", OUTCOME_PASSED);
    story_expect(&s, "unit u/a|wait"); /* in its old place, before "free" */
    story_park(&s, "u/a");
    story_expect(&s, "unit u/free|wait");
    story_finish(&s, "u/free", OUTCOME_PASSED);
    story_expect(&s, "wait"); /* not done while it is under way elsewhere */
    story_finish(&s, "u/a", OUTCOME_PASSED);
    story_expect(&s, "judge u");
    story_end(&s);
}
