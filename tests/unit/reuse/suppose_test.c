/* SPDX-License-Identifier: Apache-2.0 */
/* Decisions on a supposition: that the tree is one it may turn out not to be. */
#include "support/shop.h"
#include "support/test.h"

TEST(decisions_on_a_supposition_stand_while_nobody_else_writes)
{
    static const char *const asks[] = {"C/src/src/a.c", NULL};
    struct shop shop = {0};
    struct shop other = {0};
    shop_make_tree();
    shop_earn(asks, OUTCOME_PASSED);
    shop_open(&shop, "second");
    assert_false(reuse_stands(shop.reuse)); /* nothing was supposed */
    reuse_suppose(shop.reuse);
    assert_int_equal(shop_ask(&shop), REUSE_HIT);
    assert_true(reuse_stands(shop.reuse));
    shop_open(&other, "elsewhere");
    sh("echo new >r/src/a.c");
    shop_snapshot(&other);
    assert_int_equal(shop_ask(&other), REUSE_RUN); /* takes a lease */
    assert_false(reuse_stands(shop.reuse));
    shop_drop(&other);
    shop_close(&other);
    shop_close(&shop);
}

TEST(what_was_decided_on_a_wrong_supposition_is_forgotten)
{
    static const char *const asks[] = {"C/src/src/a.c", NULL};
    struct shop shop = {0};
    shop_make_tree();
    shop_earn(asks, OUTCOME_PASSED);
    shop_open(&shop, "second");
    reuse_suppose(shop.reuse);
    assert_int_equal(shop_ask(&shop), REUSE_HIT);
    reuse_forget(shop.reuse);
    assert_null(reuse_take_note(shop.reuse));
    sh("echo new >r/src/a.c");
    shop_snapshot(&shop);
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    assert_int_equal(shop_run(&shop, asks, OUTCOME_PASSED), 1);
    assert_int_equal(shop_ask(&shop), REUSE_HIT);
    shop_close(&shop);
    assert_int_equal(shop_now(), REUSE_HIT);
    sh("cp r/src/a.c kept; echo other >r/src/a.c");
    assert_int_equal(shop_now(), REUSE_RUN);
    sh("cp kept r/src/a.c");
    assert_int_equal(shop_now(), REUSE_HIT);
}
