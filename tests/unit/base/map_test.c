/* SPDX-License-Identifier: Apache-2.0 */
#include "base/map.h"

#include "base/mem.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "support/test.h"

TEST(an_empty_map_finds_nothing)
{
    struct map map = {0};
    uintptr_t value = 7;

    assert_int_equal(map_get(&map, "a", &value), 0);
    assert_int_equal(value, 7);
    map_fini(&map);
}

TEST(put_replaces_and_add_does_not)
{
    struct map map = {0};
    uintptr_t value = 0;

    assert_int_equal(map_put(&map, "a", 1), 0);
    assert_int_equal(map_put(&map, "a", 2), 1);
    assert_int_equal(map_add(&map, "a", 3), 1);
    assert_int_equal(map_get(&map, "a", &value), 1);
    assert_int_equal(value, 2);
    assert_int_equal(map_add(&map, "", 4), 0);
    assert_int_equal(map_get(&map, "", &value), 1);
    assert_int_equal(value, 4);
    assert_int_equal(map_get(&map, "a", NULL), 1);
    assert_int_equal(map.count, 2);
    map_fini(&map);
    assert_int_equal(map.count, 0);
}

TEST(keys_are_compared_by_content)
{
    struct map map = {0};
    char one[] = "same";
    char two[] = "same";

    assert_int_equal(map_put(&map, one, 1), 0);
    assert_int_equal(map_put(&map, two, 2), 1);
    assert_int_equal(map_get(&map, "samE", NULL), 0);
    map_fini(&map);
}

TEST(many_keys_of_all_lengths_are_all_found_again)
{
    static char keys[5000][40];
    struct map map = {0};

    for (size_t i = 0; i < 5000; i++) {
        (void)snprintf(
            keys[i], sizeof keys[i], "%.*s%zu", (int)(i % 30), "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", i);
        assert_int_equal(map_add(&map, keys[i], i), 0);
        assert_true(map.count * 4 <= map.cap * 3);
    }
    for (size_t i = 0; i < 5000; i++) {
        uintptr_t value = 0;
        assert_int_equal(map_get(&map, keys[i], &value), 1);
        assert_int_equal(value, i);
    }
    assert_int_equal(map_get(&map, "absent", NULL), 0);
    map_fini(&map);
}

TEST(a_map_without_memory_keeps_what_it_has)
{
    static char keys[12][8];
    struct map map = {0};
    int rc = 0;

    mem_fail_from(2);
    for (size_t i = 0; i < 12; i++) {
        (void)snprintf(keys[i], sizeof keys[i], "k%zu", i);
        rc = map_put(&map, keys[i], i);
        assert_int_equal(rc, 0);
    }
    rc = map_put(&map, "one more", 1);
    int replaced = map_put(&map, "k0", 99);
    mem_fail_from(0);
    assert_int_equal(rc, -ENOMEM);
    assert_int_equal(replaced, 1);
    assert_int_equal(map_get(&map, "one more", NULL), 0);
    uintptr_t value = 0;
    assert_int_equal(map_get(&map, "k0", &value), 1);
    assert_int_equal(value, 99);
    assert_int_equal(map_get(&map, "k11", &value), 1);
    assert_int_equal(value, 11);
    map_fini(&map);
}

TEST(an_empty_map_without_memory_refuses)
{
    struct map map = {0};

    mem_fail_from(1);
    int rc = map_add(&map, "a", 1);
    mem_fail_from(0);
    assert_int_equal(rc, -ENOMEM);
    assert_int_equal(map.count, 0);
    map_fini(&map);
}
