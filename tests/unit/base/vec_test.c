/* SPDX-License-Identifier: Apache-2.0 */
#include "base/vec.h"

#include "base/mem.h"

#include <errno.h>

#include "support/test.h"

struct number_vec {
    VEC_FIELDS(long);
};

TEST(pushed_items_stay_in_order)
{
    struct number_vec v = {0};
    long *item;
    long expected = 0;

    for (long i = 0; i < 1000; i++) {
        assert_int_equal(vec_push(&v, i * i), 0);
    }
    vec_for_each (item, &v) {
        assert_int_equal(*item, expected * expected);
        expected++;
    }
    assert_int_equal(expected, 1000);
    vec_fini(&v);
    assert_null(v.items);
    assert_int_equal(v.count, 0);
}

TEST(an_empty_vector_has_nothing_to_walk)
{
    struct number_vec v = {0};
    const long *item;
    int walked = 0;

    vec_for_each (item, &v) {
        walked++;
    }
    assert_int_equal(walked, 0);
    vec_fini(&v);
}

TEST(a_push_without_memory_changes_nothing)
{
    struct number_vec v = {0};

    mem_fail_from(1);
    int first = vec_push(&v, 1);
    mem_fail_from(0);
    assert_int_equal(first, -ENOMEM);
    assert_int_equal(v.count, 0);
    while (v.count < 8) {
        assert_int_equal(vec_push(&v, 5), 0);
    }
    mem_fail_from(1);
    int full = vec_push(&v, 6);
    mem_fail_from(0);
    assert_int_equal(full, -ENOMEM);
    assert_int_equal(v.count, 8);
    assert_int_equal(v.items[7], 5);
    vec_fini(&v);
}

TEST(a_size_that_overflows_is_refused)
{
    struct number_vec v = {0};
    size_t cap = SIZE_MAX / 4;

    assert_int_equal(vec_reserve_one(&v.items, &cap, cap, sizeof(long)), -ENOMEM);
    assert_null(v.items);
    assert_true(cap == SIZE_MAX / 4);
}
