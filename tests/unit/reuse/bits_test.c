/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "reuse/reuse_impl.h"

#include <errno.h>

#include "support/test.h"

#define END 70000u

/* All of the first END, and nothing else, are as `expected` says. */
static void assert_holds(const struct bits *bits, const bool *expected)
{
    for (uint32_t atom = 0; atom < END; atom++) {
        if (bits_get(bits, atom) != expected[atom]) {
            fail_msg("%u is%s in it", atom, expected[atom] ? " not" : "");
        }
    }
    assert_false(bits_get(bits, UINT32_MAX));
}

TEST(a_set_holds_what_was_put_into_it_and_nothing_else)
{
    static const uint32_t atoms[] = {8, 0, 7, 8, 32767, 32768, 32769, 9, END - 1};
    static bool expected[END];
    struct bits bits = {0};
    assert_holds(&bits, expected);
    for (size_t i = 0; i < sizeof atoms / sizeof atoms[0]; i++) {
        assert_int_equal(bits_set(&bits, atoms[i]), 0);
        expected[atoms[i]] = true;
        assert_holds(&bits, expected);
    }
    bits_fini(&bits);
    assert_false(bits_get(&bits, 8));
    bits_fini(&bits); /* nothing is left to free */
}

TEST(a_set_for_which_there_is_no_memory_stays_as_it_was)
{
    struct bits bits = {0};
    assert_int_equal(bits_set(&bits, 3), 0);
    (void)mem_fail_from(1);
    const int rc = bits_set(&bits, END);
    (void)mem_fail_from(0);
    assert_int_equal(rc, -ENOMEM);
    assert_true(bits_get(&bits, 3));
    assert_false(bits_get(&bits, END));
    bits_fini(&bits);
}
