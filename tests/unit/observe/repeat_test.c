/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/repeat.h"

#include "base/mem.h"

#include <stdio.h>

#include "support/test.h"

static struct places places;
static struct repeats repeats;

static struct path_question question(const char *path, bool follow)
{
    return (struct path_question){.path = path, .follow = follow};
}

static bool find(const char *path, bool follow, unsigned asked, struct landing *ret)
{
    const struct path_question asks = question(path, follow);
    return repeat_find(&repeats, &places, &asks, asked, ret);
}

static void add(const char *path, bool follow, unsigned asked, bool fixed)
{
    const struct path_question asks = question(path, follow);
    const struct landing landing = {.place = places_at(&places, path), .fixed = fixed};
    repeat_add(&repeats, &places, &asks, asked, &landing);
}

static void close_all(void)
{
    repeat_fini(&repeats);
    places_fini(&places);
}

TEST(only_the_same_question_is_a_repetition)
{
    struct landing landing;
    assert_int_equal(places_init(&places), 0);
    assert_false(find("/usr/a", true, ASKED_TYPE, &landing));
    add("/usr/a", true, ASKED_TYPE, true);
    assert_true(find("/usr/a", true, ASKED_TYPE, &landing));
    assert_ptr_equal(landing.place, places_at(&places, "/usr/a"));
    assert_false(find("/usr/a", false, ASKED_TYPE, &landing));
    assert_false(find("/usr/a", true, ASKED_CONTENT, &landing));
    assert_false(find("/usr/a/", true, ASKED_TYPE, &landing));
    close_all();
}

TEST(what_may_change_is_never_a_repetition)
{
    struct landing landing;
    assert_int_equal(places_init(&places), 0);
    add("/src/a", true, ASKED_TYPE, false);
    add("relative", true, ASKED_TYPE, true);
    assert_false(find("/src/a", true, ASKED_TYPE, &landing));
    assert_false(find("relative", true, ASKED_TYPE, &landing));
    const struct path_question rooted = {.path = "/usr/a", .follow = true, .in_root = true};
    add("/usr/a", true, ASKED_TYPE, true);
    assert_false(repeat_find(&repeats, &places, &rooted, ASKED_TYPE, &landing));
    close_all();
}

TEST(thousands_of_questions_are_remembered_as_far_as_there_is_memory)
{
    struct landing landing;
    assert_int_equal(places_init(&places), 0);
    (void)mem_fail_from(1);
    add("/usr/x", true, ASKED_TYPE, true);
    (void)mem_fail_from(0);
    assert_false(find("/usr/x", true, ASKED_TYPE, &landing));
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 20000; i++) {
            char path[64];
            (void)snprintf(path, sizeof path, "/usr/file-%d", i);
            if (round == 0) {
                add(path, true, ASKED_TYPE, true);
            } else {
                assert_true(find(path, true, ASKED_TYPE, &landing));
                assert_ptr_equal(landing.place, places_at(&places, path));
            }
        }
    }
    close_all();
}
