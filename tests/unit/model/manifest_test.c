/* SPDX-License-Identifier: Apache-2.0 */
#include "model/manifest.h"

#include "base/mem.h"

#include <errno.h>
#include <sys/stat.h>

#include "support/test.h"

static const struct product a1 = {.path = "a", .mode = S_IFREG | 0644, .size = 1, .digest = {{1}}};
static const struct product a2 = {.path = "a", .mode = S_IFREG | 0644, .size = 1, .digest = {{2}}};
static const struct product b1 = {.path = "b", .mode = S_IFREG | 0755, .size = 1, .digest = {{3}}};
static const struct product dir = {.path = "d", .mode = S_IFDIR | 0755};

TEST(manifests_are_united_in_the_order_of_paths)
{
    const struct product first[] = {b1, dir};
    const struct product second[] = {a1, dir};
    const struct manifest parts[] = {
        {first,  2},
        {second, 2}
    };
    const struct manifest *const list[] = {&parts[0], &parts[1]};
    struct manifest all;
    struct arena *arena = arena_new(1u << 16);
    assert_int_equal(manifest_merge(list, 2, arena, &all, NULL), 0);
    assert_int_equal(all.count, 3);
    assert_string_equal(all.items[0].path, "a");
    assert_string_equal(all.items[1].path, "b");
    assert_string_equal(all.items[2].path, "d");
    assert_int_equal(all.items[1].mode, S_IFREG | 0755);
    arena_free(arena);
}

TEST(one_path_with_two_contents_is_refused_by_name)
{
    const struct manifest parts[] = {
        {&a1, 1},
        {&a2, 1}
    };
    const struct manifest *const list[] = {&parts[0], &parts[1]};
    struct manifest all = {.count = 99};
    struct err err = {0};
    struct arena *arena = arena_new(1u << 16);
    assert_int_equal(manifest_merge(list, 2, arena, &all, &err), -EEXIST);
    assert_string_equal(err.text, "a: two units left it with different contents");
    assert_int_equal(all.count, 99);
    arena_free(arena);
}

TEST(nothing_united_is_nothing)
{
    struct manifest all;
    struct arena *arena = arena_new(1u << 16);
    assert_int_equal(manifest_merge(NULL, 0, arena, &all, NULL), 0);
    assert_int_equal(all.count, 0);
    arena_free(arena);
}

TEST(manifests_differ_by_path_mode_and_content)
{
    const struct manifest with_a1 = {&a1, 1};
    const struct manifest with_a2 = {&a2, 1};
    const struct manifest with_b1 = {&b1, 1};
    const struct manifest none = {0};
    struct product run = a1;
    run.mode = S_IFREG | 0755;
    const struct manifest executable = {&run, 1};
    assert_true(manifest_equal(&with_a1, &with_a1));
    assert_false(manifest_equal(&with_a1, &with_a2));
    assert_false(manifest_equal(&with_a1, &with_b1));
    assert_false(manifest_equal(&with_a1, &none));
    assert_false(manifest_equal(&with_a1, &executable));
}
