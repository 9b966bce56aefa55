/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "support/test.h"

TEST(calloc_zeroes_and_refuses_sizes_that_overflow)
{
    volatile size_t huge = SIZE_MAX / 2;
    int *numbers = mem_calloc(100, sizeof *numbers);

    assert_non_null(numbers);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(numbers[i], 0);
    }
    mem_free(numbers);
    assert_null(mem_calloc(huge, 3));
    mem_free(NULL);
}

TEST(a_request_for_nothing_still_gives_a_block)
{
    void *a = mem_calloc(0, 8);
    void *b = mem_realloc(NULL, 0, 8);

    assert_non_null(a);
    assert_non_null(b);
    assert_ptr_not_equal(a, b);
    mem_free(a);
    mem_free(b);
}

TEST(realloc_keeps_the_old_block_when_the_size_overflows)
{
    volatile size_t huge = SIZE_MAX / 2;
    char *text = mem_strdup("kept");

    assert_null(mem_realloc(text, huge, 4));
    assert_string_equal(text, "kept");
    char *more = mem_realloc(text, 100, 1);
    assert_non_null(more);
    assert_string_equal(more, "kept");
    mem_free(more);
}

TEST(strndup_copies_at_most_len_bytes)
{
    char *cut = mem_strndup("abcdef", 3);
    char *whole = mem_strndup("abc", 99);

    assert_string_equal(cut, "abc");
    assert_string_equal(whole, "abc");
    mem_free(cut);
    mem_free(whole);
}

TEST(size_arithmetic_saturates)
{
    assert_true(size_add(2, 3) == 5);
    assert_true(size_add(SIZE_MAX, 1) == SIZE_MAX);
    assert_true(size_add(SIZE_MAX - 1, 1) == SIZE_MAX);
    assert_true(size_mul(6, 7) == 42);
    assert_true(size_mul(SIZE_MAX / 2, 3) == SIZE_MAX);
    assert_true(size_mul(0, SIZE_MAX) == 0);
}

TEST(the_other_hook_fails_the_nth_allocation_alone)
{
    (void)mem_fail_once(2);
    void *first = mem_calloc(1, 1);
    void *second = mem_strdup("x");
    void *third = mem_realloc(NULL, 1, 1);
    size_t made = mem_fail_once(0);
    void *fourth = mem_calloc(1, 1);
    assert_non_null(first);
    assert_null(second);
    assert_non_null(third);
    assert_non_null(fourth);
    assert_int_equal(made, 3);
    mem_free(first);
    mem_free(third);
    mem_free(fourth);
}

TEST(one_hook_ends_what_the_other_began)
{
    (void)mem_fail_from(1);
    (void)mem_fail_once(2);
    void *first = mem_calloc(1, 1);
    (void)mem_fail_from(0);
    void *second = mem_calloc(1, 1);
    assert_non_null(first);
    assert_non_null(second);
    mem_free(first);
    mem_free(second);
}

TEST(the_hook_fails_the_nth_allocation_and_all_after_it)
{
    mem_fail_from(3);
    void *first = mem_calloc(1, 1);
    void *second = mem_strdup("x");
    void *third = mem_realloc(NULL, 1, 1);
    void *fourth = mem_calloc(1, 1);
    size_t made = mem_fail_from(0);

    assert_non_null(first);
    assert_non_null(second);
    assert_null(third);
    assert_null(fourth);
    assert_int_equal(made, 4);
    mem_free(first);
    mem_free(second);
    first = mem_calloc(1, 1);
    assert_non_null(first);
    mem_free(first);
    assert_int_equal(mem_fail_from(0), 1);
}

TEST(cleanup_closes_files_and_frees_memory_at_the_end_of_a_scope)
{
    int seen = -1;
    {
        CLEANUP(cleanup_fd) int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        CLEANUP(cleanup_free) char *text = mem_strdup("freed, or the leak checker complains");
        CLEANUP(cleanup_fd) int none = -1;
        CLEANUP(cleanup_free) char *nothing = NULL;
        assert_true(fd >= 0);
        assert_non_null(text);
        assert_int_equal(none, -1);
        assert_null(nothing);
        seen = fd;
        errno = ENOTTY;
    }
    assert_int_equal(errno, ENOTTY);
    assert_int_equal(fcntl(seen, F_GETFD), -1);
}

TEST(cleanup_leaves_the_nothing_value)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    char *text = mem_strdup("x");

    assert_true(fd >= 0);
    cleanup_fd(&fd);
    cleanup_free(&text);
    assert_int_equal(fd, -1);
    assert_null(text);
}
