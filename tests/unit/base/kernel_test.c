/* SPDX-License-Identifier: Apache-2.0 */
#include "base/kernel.h"

#include "support/test.h"

TEST(releases_are_compared_as_numbers)
{
    assert_true(kernel_release_is_at_least("6.1.0-18-amd64", 6, 1));
    assert_true(kernel_release_is_at_least("6.18.5", 6, 6));
    assert_true(kernel_release_is_at_least("10.0", 6, 14));
    assert_true(kernel_release_is_at_least("7", 6, 14));
    assert_false(kernel_release_is_at_least("6.1.0-18-amd64", 6, 2));
    assert_false(kernel_release_is_at_least("5.15.0", 6, 0));
    assert_false(kernel_release_is_at_least("6", 6, 1));
    assert_false(kernel_release_is_at_least("", 1, 0));
    assert_false(kernel_release_is_at_least("unknown", 1, 0));
}

TEST(this_kernel_is_newer_than_the_oldest_and_older_than_the_last)
{
    assert_true(kernel_is_at_least(2, 6));
    assert_false(kernel_is_at_least(1000, 0));
}
