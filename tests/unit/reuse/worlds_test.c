/* SPDX-License-Identifier: Apache-2.0 */
/* Which worlds are one state, what a state keeps of its world, and how many are kept answered. */
#include "reuse/reuse_impl.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "support/setup.h"
#include "support/test.h"

/* A store, and no git. */
static struct reuse *open_store(void)
{
    char cache[4096];
    struct reuse *reuse = NULL;
    struct err err = {0};
    (void)snprintf(cache, sizeof cache, "%s", at("cache"));
    const struct reuse_options options = {.cache = cache, .trust = EVIDENCE_MEMBER};
    if (reuse_open(&options, &reuse, &err) != 0) {
        fail_msg("reuse_open: %s", err.text);
    }
    return reuse;
}

static struct reuse_state *state_of(struct reuse *reuse, const struct reuse_world *world)
{
    struct reuse_state *state = NULL;
    assert_int_equal(reuse_state(reuse, world, &state, NULL), 0);
    assert_non_null(state);
    return state;
}

TEST(worlds_that_differ_in_anything_are_other_states)
{
    const char *a[] = {"/a", NULL};
    const char *b[] = {"/b", NULL};
    const char *a_b[] = {"/a", "/b", NULL};
    struct product x = setup_product("x", "1");
    struct product y = setup_product("y", "1");
    struct product other = setup_product("x", "2");
    struct product exec = x;
    struct product both[] = {x, y};
    const struct manifest one = {&x, 1};
    const struct manifest name = {&y, 1};
    const struct manifest content = {&other, 1};
    const struct manifest mode = {&exec, 1};
    const struct manifest two = {both, 2};
    exec.mode = S_IFREG | 0755;
    const struct reuse_world worlds[] = {
        {.root = "/r"},
        {            .root = "/s"           },
        { .root = "/r",            .tree = "1234"},
        {            .root = "/r",            .tree = "1235"},
        {            .root = "/r",            .plugin_dir = "/p"},
        {            .root = "/r",            .plugin_dir = "/q"},
        {            .root = "/r",            .network = true},
        {            .root = "/r",            .expose = {a, 1}},
        {            .root = "/r",            .expose = {b, 1}},
        {            .root = "/r",            .expose = {a_b, 2}},
        {            .root = "/r",            .products = &one},
        {            .root = "/r",            .products = &name},
        {            .root = "/r",            .products = &content},
        {            .root = "/r",            .products = &mode},
        {            .root = "/r",            .products = &two},
    };

    enum {
        COUNT = sizeof worlds / sizeof worlds[0]
    };
    struct reuse_state *states[COUNT];
    struct reuse *reuse = open_store();
    for (size_t i = 0; i < COUNT; i++) {
        states[i] = state_of(reuse, &worlds[i]);
        for (size_t j = 0; j < i; j++) {
            if (states[i] == states[j]) {
                fail_msg("worlds %zu and %zu are one state", i, j);
            }
        }
    }
    for (size_t i = 0; i < COUNT; i++) {
        assert_ptr_equal(state_of(reuse, &worlds[i]), states[i]);
        assert_int_equal(states[i]->network, worlds[i].network);
    }
    reuse_close(reuse);
}

TEST(a_state_keeps_its_own_copy_of_the_world)
{
    char root[] = "/r";
    char tree[] = "1234";
    char plugins[] = "/p";
    char entry[] = "/e";
    char path[] = "x";
    const char *items[] = {entry, NULL};
    struct product product = setup_product(path, "1");
    const struct manifest products = {&product, 1};
    const struct reuse_world world = {
        .root = root,
        .tree = tree,
        .plugin_dir = plugins,
        .expose = {items, 1},
        .products = &products
    };
    struct reuse *reuse = open_store();
    const struct reuse_state *state = state_of(reuse, &world);
    root[1] = tree[0] = plugins[1] = entry[1] = path[0] = '?';
    product.mode = 0;
    assert_string_equal(state->world.root, "/r");
    assert_string_equal(state->world.tree, "1234");
    assert_string_equal(state->world.plugin_dir, "/p");
    assert_int_equal(state->world.expose.count, 1);
    assert_string_equal(state->world.expose.items[0], "/e");
    assert_int_equal(state->world.products->count, 1);
    assert_string_equal(state->world.products->items[0].path, "x");
    assert_int_equal(state->world.products->items[0].mode, S_IFREG | 0644);
    const struct reuse_world empty = {0};
    state = state_of(reuse, &empty);
    assert_null(state->world.root);
    assert_null(state->world.tree);
    assert_null(state->world.plugin_dir);
    assert_null(state->world.products);
    reuse_close(reuse);
}

/* Two clones wait for each other's units unless they see files of the clone's own. */
TEST(where_a_tree_lies_is_part_of_the_work_when_something_of_it_is_exposed)
{
    const char *absolute[] = {"/a", NULL};
    const char *relative[] = {"/a", "b", NULL};
    const struct reuse_world worlds[] = {
        {.root = "/r", .tree = "1", .expose = {absolute, 1}},
        {.root = "/s", .tree = "1", .expose = {absolute, 1}},
        {.root = "/r", .tree = "2", .expose = {absolute, 1}},
        {.root = "/r", .tree = "1", .expose = {relative, 2}},
        {.root = "/s", .tree = "1", .expose = {relative, 2}},
    };
    struct hash work[5];
    struct reuse *reuse = open_store();
    for (size_t i = 0; i < 5; i++) {
        work[i] = state_of(reuse, &worlds[i])->work;
    }
    assert_memory_equal(work[0].bytes, work[1].bytes, HASH_SIZE);
    assert_memory_not_equal(work[0].bytes, work[2].bytes, HASH_SIZE);
    assert_memory_not_equal(work[0].bytes, work[3].bytes, HASH_SIZE);
    assert_memory_not_equal(work[3].bytes, work[4].bytes, HASH_SIZE);
    reuse_close(reuse);
}

/* A build has a state for each of its thousand edges. */
TEST(the_states_asked_last_keep_their_answers)
{
    struct reuse_state *states[STATES_LIVE_MAX + 2];
    struct reuse *reuse = open_store();
    for (size_t i = 0; i < STATES_LIVE_MAX + 2; i++) {
        char root[32];
        (void)snprintf(root, sizeof root, "/r%zu", i);
        const struct reuse_world world = {.root = root};
        states[i] = state_of(reuse, &world);
    }
    for (size_t i = 0; i < STATES_LIVE_MAX; i++) {
        assert_non_null(state_answers(states[i]));
    }
    for (size_t i = 0; i < STATES_LIVE_MAX; i++) {
        assert_non_null(states[i]->answers);
    }
    assert_non_null(state_answers(states[0]));
    assert_non_null(state_answers(states[STATES_LIVE_MAX]));
    assert_non_null(states[0]->answers);
    assert_null(states[1]->answers);
    assert_non_null(states[2]->answers);
    assert_non_null(state_answers(states[STATES_LIVE_MAX + 1]));
    assert_null(states[2]->answers);
    assert_non_null(states[3]->answers);
    assert_non_null(state_answers(states[1])); /* they can be had again */
    assert_null(states[3]->answers);
    reuse_close(reuse);
}

TEST(a_tree_that_is_gone_is_told_once_and_answers_nothing)
{
    struct reuse *reuse = NULL;
    struct err err = {0};
    char cache[4096];
    sh("git init -q r");
    const struct git_repo *repo = open_repo("r");
    (void)snprintf(cache, sizeof cache, "%s", at("cache"));
    const struct reuse_options options = {.cache = cache, .repo = repo, .trust = EVIDENCE_MEMBER};
    const struct reuse_world world = {.root = "/r",
                                      .tree = "1234567890123456789012345678901234567890"};
    assert_int_equal(reuse_open(&options, &reuse, &err), 0);
    struct reuse_state *state = state_of(reuse, &world);
    assert_null(state_answers(state));
    assert_non_null(strstr(reuse_take_note(reuse), "nothing is reused: "));
    assert_null(state_answers(state));
    assert_null(reuse_take_note(reuse));
    reuse_close(reuse);
}
