/* SPDX-License-Identifier: Apache-2.0 */
/* Who waits for whom. What one checkout's processes do at once stands in reuse_test.c. */
#include <stdio.h>

#include "support/shop.h"
#include "support/test.h"

static const char *const exposed[] = {"node_modules", NULL};
static const char *const system_exposed[] = {"/usr", NULL};

/* What a second clone is told of a unit that never ran anywhere, while a first one is at it. */
static enum reuse_action ask_in_second_clone(struct text_list expose)
{
    struct shop first = {.expose = expose};
    struct shop second = {.expose = expose};
    shop_make_tree();
    shop_open(&first, "first run");
    shop_open(&second, "second run");
    (void)snprintf(second.root, sizeof second.root, "%s", at("clone"));
    assert_int_equal(shop_ask(&first), REUSE_RUN);
    const enum reuse_action action = shop_ask(&second);
    shop_close(&second);
    shop_close(&first);
    return action;
}

/* Two clones of one commit ran what was new in it side by side: leases were taken for the place of
 * a tree, too. */
TEST(a_unit_that_never_ran_is_joined_in_another_clone)
{
    assert_int_equal(ask_in_second_clone((struct text_list){0}), REUSE_JOIN);
}

TEST(a_unit_that_sees_files_outside_of_every_clone_is_joined_in_another_clone)
{
    const struct text_list expose = {.items = system_exposed, .count = 1};
    assert_int_equal(ask_in_second_clone(expose), REUSE_JOIN);
}

TEST(a_unit_that_sees_untracked_files_of_its_clone_is_not_joined_in_another_one)
{
    const struct text_list expose = {.items = exposed, .count = 1};
    assert_int_equal(ask_in_second_clone(expose), REUSE_RUN);
}

/* What a second run is told of a unit that never ran, while a first one of `trust` is at it. */
static enum reuse_action ask_beside(const struct reuse_options *first_options,
                                    const struct reuse_options *second_options)
{
    struct shop first = {0};
    struct shop second = {0};
    shop_open_as(&first, first_options);
    shop_open_as(&second, second_options);
    assert_int_equal(shop_ask(&first), REUSE_RUN);
    const enum reuse_action action = shop_ask(&second);
    shop_drop(&first);
    shop_drop(&second);
    shop_close(&second);
    shop_close(&first);
    return action;
}

/* A protected run waited for one of a fork, and then ran all the same. */
TEST(nobody_waits_for_a_run_whose_evidence_it_may_not_read)
{
    const struct reuse_options fork = {.run = "fork", .trust = EVIDENCE_FORK, .scope = "pr-1"};
    const struct reuse_options again = {.run = "again", .trust = EVIDENCE_FORK, .scope = "pr-1"};
    const struct reuse_options other = {.run = "other", .trust = EVIDENCE_FORK, .scope = "pr-2"};
    const struct reuse_options main = {.run = "main", .trust = EVIDENCE_PROTECTED};
    shop_make_tree();
    assert_int_equal(ask_beside(&fork, &again), REUSE_JOIN);
    assert_int_equal(ask_beside(&fork, &other), REUSE_RUN);
    assert_int_equal(ask_beside(&fork, &main), REUSE_RUN);
    assert_int_equal(ask_beside(&main, &fork), REUSE_RUN);
}
