/* SPDX-License-Identifier: Apache-2.0 */
/* Deep fingerprints name the work of units whose producers have not ended. What else they are made
 * of is in products_test.c. */
#include "base/mem.h"
#include "reuse/reuse_impl.h"

#include <errno.h>
#include <string.h>

#include "support/shop.h"
#include "support/test.h"

static struct hash deep_of(struct shop *shop, const struct hash *producers, size_t count)
{
    struct hash deep = {0};
    struct err err = {0};
    if (reuse_deep(shop->reuse, shop_state(shop), &shop->key, producers, count, &deep, &err) != 0) {
        fail_msg("reuse_deep: %s", err.text);
    }
    return deep;
}

static void assert_equal(struct hash a, struct hash b)
{
    assert_memory_equal(a.bytes, b.bytes, HASH_SIZE);
}

static void assert_differ(struct hash a, struct hash b)
{
    assert_memory_not_equal(a.bytes, b.bytes, HASH_SIZE);
}

TEST(producers_count_each_whole_and_in_their_order)
{
    const struct hash one = {{1}};
    const struct hash two = {{2}};
    const struct hash up[] = {one, two};
    const struct hash down[] = {two, one};
    struct hash other[] = {one, two};
    struct shop shop = {0};
    other[1].bytes[HASH_SIZE - 1] ^= 1;
    shop_make_tree();
    shop_open(&shop, "one");
    const struct hash deep = deep_of(&shop, up, 2);
    assert_equal(deep, deep_of(&shop, up, 2));
    assert_differ(deep, deep_of(&shop, down, 2));
    assert_differ(deep, deep_of(&shop, other, 2));
    assert_differ(deep, deep_of(&shop, up, 1));
    assert_differ(deep_of(&shop, up, 1), deep_of(&shop, NULL, 0));
    assert_equal(deep_of(&shop, NULL, 0), deep_of(&shop, up, 0));
    shop.key.bytes[HASH_SIZE - 1] ^= 1; /* of another unit */
    assert_differ(deep, deep_of(&shop, up, 2));
    shop_close(&shop);
}

/* What was asked for last decides, as it does in a look-up. */
TEST(the_questions_that_were_asked_last_are_answered)
{
    static const char *const reads_a[] = {"C/src/src/a.c", NULL};
    static const char *const reads_b[] = {"C/src/src/b.c", NULL};
    struct shop shop = {0};
    shop_make_tree();
    shop_earn(reads_a, OUTCOME_PASSED);
    sh("echo new >r/src/a.c");
    shop_earn(reads_b, OUTCOME_PASSED);
    shop_open(&shop, "one");
    const struct hash before = deep_of(&shop, NULL, 0);
    sh("echo other >r/src/a.c");
    shop_snapshot(&shop);
    assert_equal(before, deep_of(&shop, NULL, 0));
    sh("echo other >r/src/b.c");
    shop_snapshot(&shop);
    assert_differ(before, deep_of(&shop, NULL, 0));
    shop_close(&shop);
}

/* A question that has no answer now: all that is known of the world stands for it. */
TEST(where_a_question_has_no_answer_the_whole_state_counts)
{
    static const char *const asks[] = {"C/src/src/a.c", "C/sluice/plugins/p", NULL};
    struct shop shop = {0};
    shop_make_tree();
    shop_earn(asks, OUTCOME_PASSED);
    for (int gone = 0; gone < 2; gone++) {
        shop_open(&shop, "one");
        const struct hash before = deep_of(&shop, NULL, 0);
        assert_equal(before, deep_of(&shop, NULL, 0));
        sh("echo x >>r/other"); /* nobody asks for it */
        shop_snapshot(&shop);
        if (gone == 0) {
            assert_equal(before, deep_of(&shop, NULL, 0));
        } else {
            assert_differ(before, deep_of(&shop, NULL, 0));
        }
        shop_close(&shop);
        sh("rm plugins/p; mkfifo plugins/p");
    }
}

/* A unit that asked nothing answers nothing, which is known; it is not the work of a unit of which
 * nothing is known, whatever the producers' fingerprints are. */
TEST(a_unit_that_asks_nothing_is_known)
{
    static const char *const nothing[] = {NULL};
    const struct hash one = {{1}};
    struct shop shop = {0};
    shop_make_tree();
    shop_open(&shop, "unknown");
    const struct hash unknown = deep_of(&shop, &one, 1);
    const struct hash producers[] = {one, shop_state(&shop)->id};
    shop_close(&shop);
    shop_earn(nothing, OUTCOME_PASSED);
    shop_open(&shop, "known");
    const struct hash known = deep_of(&shop, producers, 2);
    assert_differ(unknown, known);
    assert_differ(unknown, deep_of(&shop, &one, 1));
    sh("echo new >r/src/a.c");
    shop_snapshot(&shop);
    assert_equal(known, deep_of(&shop, producers, 2));
    shop_close(&shop);
}

/* Where memory is short the whole state stands for what is asked of it, and nothing else does. */
TEST(without_memory_it_is_the_right_one_or_that_of_a_state)
{
    static const char *const asks[] = {"C/src/src/a.c", "D/src/src", "X/src/none", NULL};
    struct shop shop = {0};
    struct hash right = {0};
    struct hash other = {0};
    bool seen = false;
    bool whole = false;
    shop_make_tree();
    shop_earn(asks, OUTCOME_PASSED);
    shop_open(&shop, "one");
    right = deep_of(&shop, NULL, 0);
    for (size_t n = 1; n < 1000 && !whole; n++) {
        struct hash deep = {0};
        struct err err = {0};
        reuse_forget(shop.reuse);
        struct reuse_state *state = shop_state(&shop);
        (void)mem_fail_from(n);
        int rc = reuse_deep(shop.reuse, state, &shop.key, NULL, 0, &deep, &err);
        whole = mem_fail_from(0) < n;
        assert_true(rc == 0 || (rc == -ENOMEM && err.text[0] != '\0' && !whole));
        if (rc == 0 && memcmp(deep.bytes, right.bytes, HASH_SIZE) != 0) {
            assert_false(whole);
            other = seen ? other : deep;
            seen = true;
            assert_equal(other, deep);
        }
    }
    assert_true(seen && whole);
    shop_close(&shop);
}
