/* SPDX-License-Identifier: Apache-2.0 */
/* Who waits for whom. */
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/shop.h"
#include "support/test.h"

static const char *const reads_a[] = {"C/src/src/a.c", "X/src/src/none.h", "D/src/src", NULL};
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

TEST(an_identical_unit_under_way_is_joined)
{
    struct shop first = {0};
    struct shop second = {0};
    shop_make_tree();
    shop_open(&first, "first run");
    shop_open(&second, "second run");
    assert_int_equal(shop_ask(&first), REUSE_RUN);
    assert_int_equal(shop_ask(&second), REUSE_JOIN);
    assert_non_null(strstr(second.decision.why, "first run"));
    assert_int_equal(shop_peek(&second), REUSE_JOIN);
    assert_non_null(strstr(second.decision.why, "first run"));
    second.no_join = true;
    assert_int_equal(shop_peek(&second), REUSE_RUN);
    assert_int_equal(shop_ask(&second), REUSE_RUN);
    shop_drop(&second);
    second.no_join = false;
    assert_int_equal(shop_run(&first, reads_a, OUTCOME_PASSED), 1);
    assert_int_equal(shop_peek(&second), REUSE_HIT);
    assert_int_equal(shop_ask(&second), REUSE_HIT);
    shop_close(&second);
    shop_close(&first);
}

TEST(units_with_the_same_answers_in_other_trees_are_joined)
{
    struct shop first = {0};
    struct shop second = {0};
    shop_make_tree();
    shop_earn(reads_a, OUTCOME_PASSED);
    sh("echo changed >r/src/a.c");
    shop_open(&first, "first run");
    sh("echo unrelated >r/other");
    shop_open(&second, "second run");
    assert_string_not_equal(first.tree, second.tree);
    assert_int_equal(shop_ask(&first), REUSE_RUN);
    assert_int_equal(shop_ask(&second), REUSE_JOIN);
    shop_close(&second);
    shop_close(&first);
}

TEST(the_lease_of_a_killed_process_is_free)
{
    struct shop shop = {0};
    shop_make_tree();
    sh("echo >ready"); /* makes the folder before the fork */
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        shop_open(&shop, "killed");
        _exit(shop_ask(&shop) == REUSE_RUN ? 0 : 1);
    }
    int status = 1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    shop_open(&shop, "later");
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    shop_close(&shop);
}
