/* SPDX-License-Identifier: Apache-2.0 */
/* What is odd is told once each, in its order, and not without end. */
#include "base/mem.h"
#include "reuse/reuse_impl.h"

#include <stdio.h>

#include "support/test.h"

TEST(notes_are_told_once_each_in_their_order)
{
    struct reuse reuse = {0};
    assert_null(reuse_take_note(&reuse));
    reuse_note(&reuse, "%s %d", "first", 1);
    reuse_note(&reuse, "second");
    reuse_note(&reuse, "first 1");
    reuse_note(&reuse, "third");
    reuse_note(&reuse, "third");
    assert_string_equal(reuse_take_note(&reuse), "first 1");
    assert_string_equal(reuse_take_note(&reuse), "second");
    assert_string_equal(reuse_take_note(&reuse), "third");
    assert_null(reuse_take_note(&reuse));
    reuse_note(&reuse, "first 1"); /* it came again since */
    assert_string_equal(reuse_take_note(&reuse), "first 1");
    assert_null(reuse_take_note(&reuse));
    vec_fini(&reuse.notes);
}

TEST(a_hundred_notes_wait_at_most)
{
    struct reuse reuse = {0};
    char expected[32];
    for (int i = 0; i < 150; i++) {
        reuse_note(&reuse, "note %d", i);
    }
    for (int i = 0; i < 100; i++) {
        (void)snprintf(expected, sizeof expected, "note %d", i);
        assert_string_equal(reuse_take_note(&reuse), expected);
    }
    assert_null(reuse_take_note(&reuse));
    vec_fini(&reuse.notes);
}
