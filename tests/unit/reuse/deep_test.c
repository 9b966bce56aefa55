/* SPDX-License-Identifier: Apache-2.0 */
/* Deep fingerprints name the work of units whose producers have not ended. What else they are made
 * of is in products_test.c. */
#include "reuse/reuse_impl.h"

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
