/* SPDX-License-Identifier: Apache-2.0 */
/* A million units: what one costs in memory, and that starting one does not depend on how many
 * wait. There is no stopwatch in here; a step that looks at all units would run for hours. */
#include "plan/plan.h"

#include <malloc.h>
#include <stdio.h>

#include "support/test.h"

#define UNITS         1000000
#define BYTES_MAX     64 /* of the plan's own memory, a unit */
#define SLOTS         8
#define LOCK_SETS_MAX 50000

static const char *const stages[] = {"default", NULL};
static struct layer layer = {.id = "u", .base_id = "u", .name = "u", .slots = 1};
static const struct pipeline pipeline = {
    .file = "scale.yml", .stages = {stages, 1},
         .layers = &layer, .layer_count = 1
};
static const struct plan_options options = {.slots = SLOTS};

static size_t heap_bytes(void)
{
    struct mallinfo2 info = mallinfo2(); /* zeros under a sanitizer: then nothing is measured */

    return info.uordblks + info.hblkhd;
}

static struct plan *new_plan(void)
{
    struct plan *plan = NULL;

    assert_int_equal(plan_new(&pipeline, &options, &plan, NULL), 0);
    assert_int_equal(plan_next(plan).type, PLAN_LAYER);
    return plan;
}

/* Runs all to the end, SLOTS at a time as far as the plan allows; how many ran. */
static size_t run_all(struct plan *plan)
{
    size_t running[SLOTS];
    size_t count = 0;
    size_t ended = 0;

    for (;;) {
        struct plan_action action = plan_next(plan);
        if (action.type == PLAN_UNIT) {
            assert_true(count < SLOTS);
            running[count++] = action.index;
            continue;
        }
        if (count == 0) {
            assert_int_equal(action.type, PLAN_JUDGE);
            return ended;
        }
        struct outcome outcome = {.status = OUTCOME_PASSED};
        plan_unit_finished(plan, running[--count], &outcome);
        ended++;
    }
}

TEST(a_million_units_cost_64_bytes_each_at_most)
{
    static const struct unit unit = {.id = "one for all"};
    size_t before = heap_bytes();
    struct plan *plan = new_plan();
    uint32_t random = 1;

    for (size_t i = 0; i < UNITS; i++) {
        random = random * 1664525 + 1013904223;
        struct plan_hint hint = {.known = true, .duration_ms = random >> 12};
        assert_int_equal(plan_add_unit(plan, &unit, &hint), 1);
    }
    assert_int_equal(plan_layer_planned(plan, 0, false), 0);
    size_t used = heap_bytes() - before;
    print_message("%zu bytes a unit\n", used / UNITS);
    assert_true(used <= (size_t)UNITS * BYTES_MAX);
    assert_int_equal(run_all(plan), UNITS);
    plan_free(plan);
}

TEST(a_million_units_that_wait_for_a_few_locks_all_run)
{
    static const char *const names[] = {"a", "b", "c", "a", "b", NULL};
    struct unit units[4];
    struct plan *plan = new_plan();

    for (size_t i = 0; i < 4; i++) {
        units[i] = (struct unit){
            .id = "u", .locks = {names + i, i == 3 ? 2 : 1},
                 .slots = i % 2 == 0 ? 1 : 2
        };
    }
    for (size_t i = 0; i < UNITS; i++) {
        assert_int_equal(plan_add_unit(plan, &units[i * 7 % 4], NULL), 1);
    }
    assert_int_equal(plan_layer_planned(plan, 0, false), 0);
    assert_int_equal(run_all(plan), UNITS);
    plan_free(plan);
}

TEST(units_with_a_lock_of_their_own_beside_a_shared_one_all_run)
{
    static char names[LOCK_SETS_MAX][16];
    static const char *lists[LOCK_SETS_MAX][3];
    static struct unit units[LOCK_SETS_MAX];
    struct plan *plan = new_plan();

    for (size_t i = 0; i < LOCK_SETS_MAX; i++) {
        (void)snprintf(names[i], sizeof names[i], "own%zu", i);
        lists[i][0] = i % 2 == 0 ? "even" : "odd";
        lists[i][1] = names[i];
        units[i] = (struct unit){
            .id = "u", .locks = {lists[i], 2}
        };
        assert_int_equal(plan_add_unit(plan, &units[i], NULL), 1);
    }
    assert_int_equal(plan_layer_planned(plan, 0, false), 0);
    assert_int_equal(run_all(plan), LOCK_SETS_MAX);
    plan_free(plan);
}
