/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "plugin/plugin.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "support/test.h"
#include "unit/plugin/support/files.h"

static const struct plugin_description description = {.name = "demo"};
static const struct layer layer = {.id = "mutation", .with = "{\"a\":1}"};

static void cleanup_arena(struct arena **arena)
{
    arena_free(*arena);
}

/* Reads an answer about the units "a", "b", "c". */
static int read_file(const char *file,
                     struct arena *arena,
                     struct plugin_selection *selection,
                     struct err *err)
{
    static const char *const ids[] = {"a", "b", "c"};
    CLEANUP(map_fini) struct map positions = {0};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(map_put(&positions, ids[i], i), 0);
    }
    return plugin_read_selection(
        &description, &FILE_WHOLE(file), &positions, arena, selection, err);
}

static void assert_refused(const char *text, int code, const char *message)
{
    CLEANUP(cleanup_arena) struct arena *arena = arena_new(1u << 20);
    struct plugin_selection selection = {.count = 77};
    struct err err = {0};
    assert_int_equal(read_file(write_file("answer", text), arena, &selection, &err), code);
    if (strstr(err.text, message) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", err.text, message);
    }
    assert_int_equal(selection.count, 77); /* untouched */
}

TEST(the_header_says_seed_budget_and_what_changed)
{
    CLEANUP(str_fini) struct str out = STR_INIT(4096);
    CLEANUP(str_fini) struct str changed = STR_INIT(4096);
    (void)str_append_n(&changed, "a.c\0b c.h\0", 10);
    const struct plugin_select_facts facts = {.seed = 7, .budget_ms = 60000, .changed = &changed};
    assert_int_equal(plugin_select_header(&layer, "/src", &facts, &out), 0);
    assert_string_equal(str_text(&out),
                        "{\"protocol\":1,\"layer\":\"mutation\",\"root\":\"/src\","
                        "\"with\":{\"a\":1},\"seed\":7,\"budget_ms\":60000,"
                        "\"changed\":[\"a.c\",\"b c.h\"],\"diff\":null}\n");
}

TEST(what_is_not_known_is_null_and_nothing_changed_is_empty)
{
    CLEANUP(str_fini) struct str out = STR_INIT(4096);
    CLEANUP(str_fini) struct str nothing = STR_INIT(4096);
    const struct layer bare = {.id = "l"};
    struct plugin_select_facts facts = {.seed = UINT64_MAX};
    assert_int_equal(plugin_select_header(&bare, "/src", &facts, &out), 0);
    assert_string_equal(
        str_text(&out),
        "{\"protocol\":1,\"layer\":\"l\",\"root\":\"/src\",\"with\":{},"
        "\"seed\":9223372036854775807,\"budget_ms\":null,\"changed\":null,\"diff\":null}\n");
    str_clear(&out);
    facts.changed = &nothing;
    assert_int_equal(plugin_select_header(&bare, "/src", &facts, &out), 0);
    assert_non_null(strstr(str_text(&out), "\"changed\":[],\"diff\":null}"));
}

TEST(a_unit_to_choose_from_is_one_line)
{
    CLEANUP(str_fini) struct str out = STR_INIT(4096);
    const char *const labels[] = {"slow", NULL};
    const struct unit unit = {
        .id = "a.c:3", .file = "a.c", .line = 3, .labels = {labels, 1},
                   .cost_ms = 20
    };
    const struct unit bare = {.id = "b"};
    assert_int_equal(plugin_select_unit(&unit, "failed", 12, &out), 0);
    assert_int_equal(plugin_select_unit(&bare, NULL, 0, &out), 0);
    assert_string_equal(str_text(&out),
                        "{\"unit\":\"a.c:3\",\"file\":\"a.c\",\"line\":3,\"labels\":[\"slow\"],"
                        "\"cost_ms\":20,\"last\":\"failed\",\"last_ms\":12}\n"
                        "{\"unit\":\"b\"}\n");
}

TEST(a_selection_keeps_the_order_of_the_answer)
{
    CLEANUP(cleanup_arena) struct arena *arena = arena_new(1u << 20);
    struct plugin_selection selection = {0};
    struct err err = {0};
    const char *file = write_file("answer", "{\"unit\":\"c\"}\n{\"unit\":\"a\"}");
    assert_int_equal(read_file(file, arena, &selection, &err), 0);
    assert_int_equal(selection.count, 2);
    assert_int_equal(selection.order[0], 2);
    assert_int_equal(selection.order[1], 0);
    assert_true(selection.taken[0] && !selection.taken[1] && selection.taken[2]);
}

TEST(answers_that_are_wrong_are_named)
{
    assert_refused(
        "{\"unit\":\"d\"}\n", -ENOENT, "demo select: line 1: there is no unit \"d\" to select");
    assert_refused("{\"unit\":\"a\"}\n{\"unit\":\"a\"}\n",
                   -EEXIST,
                   "demo select: line 2: selects unit \"a\" a second time");
    assert_refused("", -ENODATA, "demo select: selected no unit");
    assert_refused("a\nb\n", -EINVAL, "demo select: line 1: not valid JSON");
    assert_refused("\"a\"\n", -EINVAL, "demo select: line 1: ");
    assert_refused("{\"unit\":3}\n", -EINVAL, "must be a string");
    assert_refused("{\"unti\":\"a\"}\n", -EINVAL, "did you mean \"unit\"?");
    assert_refused("{\"unit\":\"a\"}\n\n", -EINVAL, "line 2: is empty");
    assert_refused("{\"unit\":\"../../\\u001b[31m\"}\n", -ENOENT, "there is no unit");
}

TEST(a_line_that_never_ends_is_refused)
{
    CLEANUP(cleanup_arena) struct arena *arena = arena_new(1u << 20);
    struct plugin_selection selection = {0};
    struct err err = {0};
    char *line = malloc(PLUGIN_LINE_MAX + 10);
    assert_non_null(line);
    memset(line, 'x', PLUGIN_LINE_MAX + 10);
    const char *file = write_bytes("answer", line, PLUGIN_LINE_MAX + 10);
    free(line);
    assert_int_equal(read_file(file, arena, &selection, &err), -EFBIG);
    assert_non_null(strstr(err.text, "demo select: "));
}

TEST(a_selection_without_memory_is_an_error)
{
    const char *file = write_file("answer", "{\"unit\":\"c\"}\n");
    struct plugin_selection selection = {0};
    struct err err = {0};
    CLEANUP(map_fini) struct map positions = {0};
    assert_int_equal(map_put(&positions, "c", 0), 0);
    for (size_t n = 1;; n++) {
        struct arena *arena = arena_new(1u << 20);
        (void)mem_fail_from(n);
        int status = plugin_read_selection(
            &description, &FILE_WHOLE(file), &positions, arena, &selection, &err);
        (void)mem_fail_from(0);
        arena_free(arena);
        if (status == 0) {
            assert_true(n > 1);
            break;
        }
        assert_int_equal(status, -ENOMEM);
        assert_int_equal(selection.count, 0);
    }
}
