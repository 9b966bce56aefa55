/* SPDX-License-Identifier: Apache-2.0 */
/* Digests of the machine's files and sizes of blobs that are not worked out again. */
#include "base/clock.h"
#include "reuse/reuse_impl.h"

#include "support/shop.h"
#include "support/test.h"

TEST(digests_and_sizes_are_remembered_under_all_that_names_them)
{
    const struct file_stamp stamp = {1, 2, 3, 4, 5};
    const struct hash digest = hash_bytes("x", 1);
    const unsigned char id[20] = {0x1f, 0xf1};
    const unsigned char other[20] = {0x1f, 0xf1, [19] = 1};
    struct memo memo;
    struct hash got = {0};
    uint64_t size = 7;
    struct shop shop = {0};
    shop_make_tree();
    shop_open(&shop, "one");
    memo_init(&memo, shop.reuse->store);
    const struct answer_memo functions = memo_functions(&memo);
    assert_false(functions.get_digest(&memo, &stamp, &got));
    functions.put_digest(&memo, &stamp, &digest);
    assert_false(functions.get_digest(&memo, &stamp, &got)); /* not before it is written */
    assert_int_equal(memo_flush(&memo, clock_wall_ms(), NULL), 0);
    assert_int_equal(memo_flush(&memo, clock_wall_ms(), NULL), 0);
    assert_true(functions.get_digest(&memo, &stamp, &got));
    assert_memory_equal(got.bytes, digest.bytes, HASH_SIZE);
    for (int field = 0; field < 5; field++) {
        struct file_stamp changed = stamp;
        changed.dev += field == 0;
        changed.ino += field == 1;
        changed.size += field == 2;
        changed.mtime_ns += field == 3;
        changed.ctime_ns += field == 4;
        assert_false(functions.get_digest(&memo, &changed, &got));
    }
    assert_false(functions.get_size(&memo, id, sizeof id, &size));
    functions.put_size(&memo, id, sizeof id, 12345);
    functions.put_size(&memo, id, sizeof id, 12345);
    assert_true(functions.get_size(&memo, id, sizeof id, &size));
    assert_int_equal(size, 12345);
    assert_false(functions.get_size(&memo, other, sizeof other, &size));
    assert_false(functions.get_size(&memo, id, sizeof id - 1, &size));
    assert_int_equal(size, 12345);
    memo_fini(&memo);
    shop_close(&shop);
}

/* Ids of one kind may begin like those of another one. */
TEST(sizes_are_told_apart_by_the_whole_id)
{
    static const struct {
        unsigned char id[32];
        size_t len;
    } list[] = {
        {{0xab, 0xcd, [31] = 9}, 32},
        {{0xab, 0xcd},           20},
        {{0xab, 0xdc},           20},
        {{0xba, 0xcd},           20},
        {{0xab, 0xcd, [19] = 1}, 20},
        {{0xab},                 1 },
        {{0x0b},                 1 },
        {{0xa0},                 1 },
    };

    const size_t count = sizeof list / sizeof list[0];
    struct memo memo;
    struct shop shop = {0};
    shop_make_tree();
    shop_open(&shop, "one");
    memo_init(&memo, shop.reuse->store);
    const struct answer_memo functions = memo_functions(&memo);
    for (size_t i = 0; i < count; i++) {
        functions.put_size(&memo, list[i].id, list[i].len, 100 + i);
    }
    functions.put_size(&memo, list[0].id, 20, UINT64_MAX); /* what is known stays */
    for (size_t i = 0; i < count; i++) {
        uint64_t size = 0;
        assert_true(functions.get_size(&memo, list[i].id, list[i].len, &size));
        assert_int_equal(size, 100 + i);
    }
    memo_fini(&memo);
    shop_close(&shop);
}

TEST(digests_are_written_once_and_given_up_with_the_memo)
{
    const struct file_stamp stamp = {1, 2, 3, 4, 5};
    const struct file_stamp other_stamp = {2, 2, 3, 4, 5};
    const struct hash first = hash_bytes("first", 5);
    const struct hash second = hash_bytes("second", 6);
    struct hash got = {0};
    struct memo memo;
    struct memo other;
    struct shop shop = {0};
    shop_make_tree();
    shop_open(&shop, "one");
    memo_init(&memo, shop.reuse->store);
    memo_init(&other, shop.reuse->store);
    const struct answer_memo functions = memo_functions(&memo);
    const struct answer_memo others = memo_functions(&other);
    functions.put_digest(&memo, &stamp, &first);
    assert_int_equal(memo_flush(&memo, clock_wall_ms(), NULL), 0);
    others.put_digest(&other, &stamp, &second);
    assert_int_equal(memo_flush(&other, clock_wall_ms(), NULL), 0);
    assert_int_equal(memo_flush(&memo, clock_wall_ms(), NULL), 0); /* nothing new */
    assert_true(functions.get_digest(&memo, &stamp, &got));
    assert_memory_equal(got.bytes, second.bytes, HASH_SIZE);
    functions.put_digest(&memo, &other_stamp, &first); /* never written */
    memo_fini(&memo);
    memo_fini(&other);
    assert_false(others.get_digest(&other, &other_stamp, &got));
    shop_close(&shop);
}
