/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include "base/mem.h"

#include <stdio.h>
#include <string.h>

#include "support/test.h"

#define MANY ((size_t)64 << 20)

TEST(objects_are_zeroed_aligned_and_apart)
{
    struct arena *arena = arena_new(MANY);
    unsigned char *objects[500];

    for (size_t i = 0; i < 500; i++) {
        size_t size = 1 + i * 7;
        objects[i] = arena_alloc(arena, size);
        assert_non_null(objects[i]);
        assert_int_equal((uintptr_t)objects[i] % _Alignof(max_align_t), 0);
        for (size_t at = 0; at < size; at++) {
            assert_int_equal(objects[i][at], 0);
        }
        memset(objects[i], (int)(i % 255) + 1, size);
        char *text = arena_printf(arena, "unit-%zu", i);
        char expected[32];
        (void)snprintf(expected, sizeof expected, "unit-%zu", i);
        assert_string_equal(text, expected);
    }
    for (size_t i = 0; i < 500; i++) {
        assert_int_equal(objects[i][0], i % 255 + 1);
        assert_int_equal(objects[i][i * 7], i % 255 + 1);
    }
    arena_free(arena);
}

TEST(text_is_packed_without_padding)
{
    struct arena *arena = arena_new(MANY);
    const char *a = arena_strdup(arena, "abc");
    const char *b = arena_strndup(arena, "defgh", 2);
    const char *c = arena_strdup(arena, "");

    assert_string_equal(a, "abc");
    assert_string_equal(b, "de");
    assert_string_equal(c, "");
    assert_int_equal(arena_used(arena), 4 + 3 + 1);
    arena_free(arena);
}

TEST(a_request_for_nothing_gives_its_own_pointer)
{
    struct arena *arena = arena_new(MANY);
    void *a = arena_alloc(arena, 0);
    void *b = arena_alloc(arena, 0);

    assert_non_null(a);
    assert_non_null(b);
    assert_ptr_not_equal(a, b);
    arena_free(arena);
}

TEST(the_limit_is_kept_exactly)
{
    struct arena *arena = arena_new(10);

    assert_null(arena_alloc(arena, 11));
    assert_null(arena_strdup(arena, "0123456789"));
    assert_non_null(arena_strdup(arena, "012345678"));
    assert_null(arena_strdup(arena, ""));
    assert_null(arena_alloc(arena, 0));
    assert_int_equal(arena_used(arena), 10);
    arena_free(arena);
}

TEST(sizes_that_overflow_are_refused)
{
    struct arena *arena = arena_new(SIZE_MAX);

    assert_null(arena_alloc(arena, SIZE_MAX));
    assert_null(arena_alloc(arena, SIZE_MAX - 3));
    assert_null(arena_calloc(arena, SIZE_MAX / 2, 3));
    assert_int_equal(arena_used(arena), 0);
    arena_free(arena);
}

TEST(a_large_object_does_not_waste_the_chunk_in_use)
{
    struct arena *arena = arena_new(MANY);
    const char *before = arena_strdup(arena, "a");
    char *large = arena_calloc(arena, 1000, 1000);
    const char *after = arena_strdup(arena, "b");

    assert_non_null(large);
    large[999999] = 'x';
    assert_ptr_equal(after, before - 2);
    arena_free(arena);
}

TEST(an_arena_without_memory_says_so_and_stays_valid)
{
    mem_fail_from(1);
    struct arena *none = arena_new(MANY);
    mem_fail_from(2);
    struct arena *arena = arena_new(MANY);
    void *object = arena_alloc(arena, 8);
    const char *text = arena_printf(arena, "%d", 1);
    mem_fail_from(0);

    assert_null(none);
    assert_non_null(arena);
    assert_null(object);
    assert_null(text);
    assert_int_equal(arena_used(arena), 0);
    assert_string_equal(arena_printf(arena, "%d", 1), "1");
    arena_free(arena);
    arena_free(NULL);
}

TEST(a_cleared_arena_serves_as_if_new)
{
    struct arena *arena = arena_new(200000);
    for (unsigned round = 0; round < 3; round++) {
        unsigned char *small = arena_alloc(arena, 100);
        unsigned char *large = arena_alloc(arena, 100000);
        char *text = arena_strdup(arena, "what stays behind must not be seen");
        assert_non_null(small);
        assert_non_null(large);
        assert_non_null(text);
        for (size_t i = 0; i < 100; i++) {
            assert_int_equal(small[i], 0);
        }
        for (size_t i = 0; i < 100000; i++) {
            assert_int_equal(large[i], 0);
        }
        assert_null(arena_alloc(arena, 100000)); /* the limit counts anew each round, and is kept */
        memset(small, 0xff, 100);
        memset(large, 0xff, 100000);
        arena_clear(arena);
        assert_int_equal(arena_used(arena), 0);
        assert_string_equal(arena_printf(arena, "%d", 7), "7");
        assert_string_equal(arena_strndup(arena, "abcdef", 3), "abc");
        arena_clear(arena);
    }
    arena_free(arena);
}
