/* SPDX-License-Identifier: Apache-2.0 */
/* Who waits for whom. */
#include "base/clock.h"
#include "reuse/reuse_impl.h"

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

/* ---- what is held ---- */

TEST(leases_are_a_list_that_any_of_them_may_leave)
{
    struct shop shop = {.no_join = true};
    struct reuse_lease *leases[3] = {0};
    shop_make_tree();
    shop_open(&shop, "one");
    for (size_t i = 0; i < 3; i++) {
        shop.key.bytes[0] = (unsigned char)i;
        assert_int_equal(shop_ask(&shop), REUSE_RUN);
        leases[i] = shop.decision.lease;
    }
    reuse_renew(shop.reuse);
    reuse_release(shop.reuse, leases[1]);
    assert_ptr_equal(shop.reuse->leases, leases[2]);
    assert_ptr_equal(leases[2]->next, leases[0]);
    reuse_release(shop.reuse, leases[2]);
    assert_ptr_equal(shop.reuse->leases, leases[0]);
    reuse_release(shop.reuse, NULL);
    reuse_release(shop.reuse, leases[0]);
    assert_null(shop.reuse->leases);
    shop_close(&shop);
}

TEST(what_is_released_is_free_for_others)
{
    struct shop first = {0};
    struct shop second = {0};
    shop_make_tree();
    shop_earn(reads_a, OUTCOME_PASSED);
    sh("echo other >r/src/a.c");
    shop_open(&first, "first");
    shop_open(&second, "second");
    assert_int_equal(shop_ask(&first), REUSE_RUN);
    assert_int_equal(first.decision.lease->taken_count, 2); /* by state, and by answers */
    assert_int_equal(shop_ask(&second), REUSE_JOIN);
    assert_null(second.decision.lease);
    reuse_renew(first.reuse);
    assert_int_equal(shop_ask(&second), REUSE_JOIN);
    shop_drop(&first);
    assert_int_equal(shop_ask(&second), REUSE_RUN);
    assert_int_equal(second.decision.lease->taken_count, 2);
    shop_drop(&second);
    shop_close(&second);
    shop_close(&first);
}

/* Both leases of a unit that was decided to run, as others see them. */
static int look(struct shop *shop, const struct reuse_lease *lease, unsigned which)
{
    return evidence_lease_look(shop->reuse->store, &lease->taken[which].key, NULL, NULL);
}

/* Leases of a process that does not say that it is at work are given to others. */
TEST(each_lease_of_each_unit_is_renewed)
{
    struct shop shop = {0};
    struct reuse_lease *leases[3] = {0};
    shop_make_tree();
    shop_earn(reads_a, OUTCOME_PASSED);
    sh("echo other >r/src/a.c");
    shop_open(&shop, "one");
    for (size_t i = 0; i < 3; i++) { /* the first is known, and held by its answers, too */
        shop.key.bytes[0] = (unsigned char)(7 + i);
        assert_int_equal(shop_ask(&shop), REUSE_RUN);
        leases[i] = shop.decision.lease;
        assert_int_equal(leases[i]->taken_count, i == 0 ? 2 : 1);
        for (unsigned j = 0; j < leases[i]->taken_count; j++) {
            assert_int_equal(evidence_lease_renew(shop.reuse->store, &leases[i]->taken[j], 1, NULL),
                             1);
        }
    }
    (void)usleep(3000); /* their time is over now */
    for (size_t i = 0; i < 3; i++) {
        for (unsigned j = 0; j < leases[i]->taken_count; j++) {
            assert_int_equal(look(&shop, leases[i], j), 0);
        }
    }
    reuse_renew(shop.reuse);
    for (size_t i = 0; i < 3; i++) {
        for (unsigned j = 0; j < leases[i]->taken_count; j++) {
            assert_int_equal(look(&shop, leases[i], j), 1);
        }
        reuse_release(shop.reuse, leases[i]);
    }
    shop_close(&shop);
}

/* Who joins holds nothing: the lease by its own state was kept until its process ended. */
TEST(who_joins_holds_nothing)
{
    struct shop first = {0};
    struct shop second = {0};
    struct shop third = {0};
    shop_make_tree();
    shop_earn(reads_a, OUTCOME_PASSED);
    sh("echo changed >r/src/a.c");
    shop_open(&first, "first run");
    sh("echo unrelated >r/other");
    shop_open(&second, "second run");
    shop_open(&third, "third run");
    assert_int_equal(shop_ask(&first), REUSE_RUN);
    assert_int_equal(shop_peek(&second), REUSE_JOIN); /* other tree, same answers */
    assert_int_equal(shop_ask(&second), REUSE_JOIN);
    assert_null(second.reuse->leases);
    shop_drop(&first);
    assert_int_equal(shop_ask(&third), REUSE_RUN);
    reuse_picture_end(second.reuse);
    assert_int_equal(shop_peek(&second), REUSE_JOIN);
    assert_non_null(strstr(second.decision.why, "third run"));
    shop_drop(&third);
    reuse_picture_end(second.reuse); /* of the store, as it was a moment ago */
    assert_int_equal(shop_peek(&second), REUSE_RUN);
    shop_close(&third);
    shop_close(&second);
    shop_close(&first);
}

/* ---- what is remembered until the unit has ended ---- */

/* The pipeline that a request points into may be gone by then. */
TEST(a_lease_keeps_what_it_was_asked_with)
{
    char files[2][16] = {"src/a.c", "src/b.c"};
    const char *items[] = {files[0], files[1]};
    struct reuse_policy policy = {
        .mode = REUSE_DECLARED, .ttl_ms = 60000, .declared = {items, 2}
    };
    const struct outcome outcome = {.attempt = 1, .started_ms = clock_wall_ms()};
    const char *words = NULL;
    char unit[16] = "the unit";
    struct shop shop = {.network = true, .policy = &policy};
    shop_make_tree();
    shop_open(&shop, "one");
    struct reuse_request request = shop_request(&shop);
    request.unit = unit;
    request.layer = NULL;
    request.argv = NULL;
    reuse_decide(shop.reuse, &request, shop.arena, &shop.decision);
    assert_int_equal(shop.decision.action, REUSE_RUN);
    (void)snprintf(files[0], sizeof files[0], "none");
    items[1] = "none";
    unit[0] = '\0';
    assert_string_equal(shop.decision.lease->unit, "the unit");
    assert_int_equal(shop_end(&shop, &outcome, NULL), 1);
    (void)snprintf(files[0], sizeof files[0], "src/a.c");
    items[1] = files[1];
    assert_int_equal(shop_peek(&shop), REUSE_HIT);
    assert_int_equal(evidence_words(shop.reuse->store, &shop.key, shop.arena, &words, NULL), 0);
    assert_string_equal(words, "{\"unit\":\"the unit\",\"argv\":[]}");
    shop_close(&shop);
    sh("echo other >r/src/b.c");
    shop_open(&shop, "two");
    assert_int_equal(shop_peek(&shop), REUSE_RUN);
    shop_close(&shop);
}

/* Ids of changes and names of trust: as they are, or not given. */
TEST(runs_without_a_change_wait_for_each_other_however_that_is_said)
{
    const struct reuse_options none = {.run = "none", .trust = EVIDENCE_MEMBER};
    const struct reuse_options empty = {.run = "empty", .trust = EVIDENCE_MEMBER, .scope = ""};
    const struct reuse_options change = {.run = "change", .trust = EVIDENCE_MEMBER, .scope = "7"};
    shop_make_tree();
    assert_int_equal(ask_beside(&none, &empty), REUSE_JOIN);
    assert_int_equal(ask_beside(&empty, &none), REUSE_JOIN);
    assert_int_equal(ask_beside(&none, &change), REUSE_RUN);
    /* who attests is told apart without changes, too */
    const struct reuse_options fork = {.run = "fork", .trust = EVIDENCE_FORK};
    const struct reuse_options main = {.run = "main", .trust = EVIDENCE_PROTECTED};
    assert_int_equal(ask_beside(&fork, &main), REUSE_RUN);
    assert_int_equal(ask_beside(&fork, &none), REUSE_RUN);
    assert_int_equal(ask_beside(&main, &none), REUSE_RUN);
}

TEST(different_units_do_not_wait_for_each_other)
{
    struct shop first = {0};
    struct shop second = {0};
    shop_make_tree();
    shop_open(&first, "first run");
    shop_open(&second, "second run");
    second.key.bytes[HASH_SIZE - 1] ^= 1;
    assert_int_equal(shop_ask(&first), REUSE_RUN);
    assert_int_equal(shop_peek(&second), REUSE_RUN);
    assert_int_equal(shop_ask(&second), REUSE_RUN);
    shop_drop(&second);
    shop_drop(&first);
    shop_close(&second);
    shop_close(&first);
}

/* Looking things up holds a picture of the store for a while, and nothing may be written meanwhile.
 */
TEST(leases_are_renewed_and_given_back_while_others_are_looked_up)
{
    struct shop shop = {0};
    shop_make_tree();
    shop_earn(reads_a, OUTCOME_PASSED);
    shop_open(&shop, "one");
    for (int i = 0; i < 2; i++) {
        shop.key.bytes[0] = 1;
        assert_int_equal(shop_ask(&shop), REUSE_RUN);
        struct reuse_lease *lease = shop.decision.lease;
        shop.key.bytes[0] = 7;
        assert_int_equal(shop_peek(&shop), REUSE_HIT);
        if (i == 0) {
            reuse_renew(shop.reuse);
            assert_int_equal(look(&shop, lease, 0), 1);
            assert_int_equal(shop_peek(&shop), REUSE_HIT);
        }
        reuse_release(shop.reuse, lease);
    }
    shop_close(&shop);
}
