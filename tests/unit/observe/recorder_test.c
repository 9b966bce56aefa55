/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/recorder.h"

#include "base/mem.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "support/test.h"

static struct recorder recorder;
static char written[8192];

static void open_recorder(void)
{
    assert_int_equal(recorder_init(&recorder), 0);
    assert_int_equal(recorder_zone(&recorder, "/src", ZONE_TREE), 0);
    assert_int_equal(recorder_zone(&recorder, "/usr", ZONE_FIXED), 0);
    assert_int_equal(recorder_zone(&recorder, "/proc", ZONE_PROC), 0);
}

static struct place *at(const char *path, enum place_state state, enum place_pristine pristine)
{
    struct place *place = places_at(&recorder.places, path);
    assert_non_null(place);
    place->state = (uint8_t)state;
    place->pristine = (uint8_t)pristine;
    return place;
}

static void ask(const char *path, unsigned asked)
{
    recorder_ask(&recorder, at(path, PLACE_FILE, PRISTINE_PRESENT), asked);
}

static const char *write_out(void)
{
    struct arena *arena = arena_new(1u << 20);
    const struct trace *trace = NULL;
    struct err err = {0};
    size_t len = 0;
    written[0] = '\0';
    assert_int_equal(recorder_trace(&recorder, arena, &trace, &err), 0);
    for (size_t i = 0; i < trace->count; i++) {
        len += (size_t)snprintf(written + len,
                                sizeof written - len,
                                "%c %s\n",
                                (char)trace->items[i].kind,
                                trace->items[i].path);
    }
    arena_free(arena);
    return written;
}

TEST(a_trace_is_sorted_by_the_bytes_of_its_paths)
{
    open_recorder();
    ask("/src/b", ASKED_CONTENT);
    ask("/src/a/z", ASKED_TYPE);
    ask("/src/a-b", ASKED_TYPE);
    ask("/src/a", ASKED_EXISTS);
    recorder_fact(&recorder, "uname");
    recorder_fact(&recorder, "uname");
    assert_string_equal(write_out(), "X /src/a\nT /src/a-b\nT /src/a/z\nC /src/b\nH uname\n");
    recorder_fini(&recorder);
}

TEST(a_stronger_question_answers_weaker_ones)
{
    open_recorder();
    ask("/src/a", ASKED_EXISTS);
    ask("/src/a", ASKED_TYPE);
    ask("/src/a", ASKED_CONTENT);
    ask("/src/d", ASKED_LISTING);
    ask("/src/d", ASKED_TYPE);
    ask("/src/d", ASKED_EXISTS);
    ask("/src/l", ASKED_LINK);
    ask("/src/l", ASKED_EXISTS);
    ask("/src/r", ASKED_CONTENT);
    ask("/src/r/x", ASKED_CONTENT);
    ask("/src/r", ASKED_SUBTREE);
    ask("/src/r/y/z", ASKED_LINK);
    ask("/src/rr", ASKED_TYPE);
    assert_string_equal(write_out(),
                        "C /src/a\nD /src/d\nL /src/l\nX /src/l\nR /src/r\nT /src/rr\n");
    recorder_fini(&recorder);
}

TEST(each_zone_keeps_what_it_must)
{
    open_recorder();
    ask("/tmp/x", ASKED_CONTENT);
    ask("/proc/self/maps", ASKED_CONTENT);
    ask("/usr/bin/cc", ASKED_CONTENT);
    recorder_ask(&recorder, at("/usr/none", PLACE_ABSENT, PRISTINE_UNKNOWN), ASKED_CONTENT);
    recorder_ask(&recorder, at("/src/none", PLACE_ABSENT, PRISTINE_ABSENT), ASKED_CONTENT);
    recorder_ask(&recorder, at("/src/own", PLACE_FILE, PRISTINE_ABSENT), ASKED_CONTENT);
    recorder_ask(&recorder, at("/src/gone", PLACE_ABSENT, PRISTINE_PRESENT), ASKED_CONTENT);
    assert_string_equal(write_out(),
                        "C /src/gone\nX /src/none\nX /src/own\nC /usr/bin/cc\nX /usr/none\n");
    recorder_fini(&recorder);
}

TEST(below_a_folder_of_its_own_everything_follows_from_its_absence)
{
    open_recorder();
    (void)at("/src/out", PLACE_FOLDER, PRISTINE_ABSENT);
    (void)at("/src/out/d", PLACE_FOLDER, PRISTINE_ABSENT);
    recorder_ask(&recorder, at("/src/out/d/f", PLACE_FILE, PRISTINE_ABSENT), ASKED_CONTENT);
    recorder_ask(&recorder, at("/src/out/g", PLACE_ABSENT, PRISTINE_ABSENT), ASKED_EXISTS);
    assert_string_equal(write_out(), "X /src/out\n");
    /* A folder that is not there, and never was, is another thing: what is in it may appear. */
    (void)at("/src/no", PLACE_ABSENT, PRISTINE_ABSENT);
    recorder_ask(&recorder, at("/src/no/f", PLACE_ABSENT, PRISTINE_ABSENT), ASKED_CONTENT);
    assert_string_equal(write_out(), "X /src/no/f\nX /src/out\n");
    recorder_fini(&recorder);
}

TEST(what_lies_above_an_exposed_path_depends_on_it)
{
    open_recorder();
    assert_int_equal(recorder_expose(&recorder, "/src/sub/mods"), 0);
    assert_int_equal(recorder_expose(&recorder, "/data/host"), 0);
    ask("/src/sub", ASKED_LISTING);
    ask("/data", ASKED_TYPE);
    ask("/data/host/f", ASKED_CONTENT);
    assert_string_equal(write_out(), "X /data/host\nC /data/host/f\nD /src/sub\nX /src/sub/mods\n");
    recorder_fini(&recorder);
}

TEST(too_many_facts_are_incomplete)
{
    open_recorder();
    for (int i = 0; i < FACTS_MAX + 1; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "proc:%d", i);
        recorder_fact(&recorder, name);
    }
    assert_int_equal(recorder.flags, TRACE_INCOMPLETE);
    recorder_fini(&recorder);
}

TEST(the_first_reason_of_a_flag_stays)
{
    open_recorder();
    recorder_flag(&recorder, TRACE_NET, "first %d", 1);
    recorder_flag(&recorder, TRACE_ESCAPED, "second");
    assert_int_equal(recorder.flags, TRACE_NET | TRACE_ESCAPED);
    assert_string_equal(recorder.why, "first 1");
    recorder_fini(&recorder);
}

static void fill_items(struct observation *items, size_t count)
{
    static const char *const paths[] = {"/src/a", "/src/b\377\n", "uname"};

    static const enum observation_kind kinds[] = {OBSERVE_CONTENT, OBSERVE_EXISTS, OBSERVE_HOST};

    for (size_t i = 0; i < count; i++) {
        items[i] = (struct observation){kinds[i], paths[i]};
    }
}

TEST(a_trace_goes_over_the_wire_and_back)
{
    struct observation items[3];
    fill_items(items, 3);
    const struct trace trace = {
        .items = items, .count = 3, .flags = TRACE_NET, .why = "so", .calls = 12};
    struct str bytes = STR_INIT(4096);
    struct arena *arena = arena_new(1u << 20);
    const struct trace *back = NULL;
    struct err err = {0};
    assert_int_equal(trace_pack(&trace, &bytes), 0);
    assert_int_equal(trace_unpack(bytes.data, bytes.len, arena, &back, &err), 0);
    assert_int_equal(back->count, 3);
    assert_int_equal(back->flags, TRACE_NET);
    assert_int_equal(back->calls, 12);
    assert_string_equal(back->why, "so");
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(back->items[i].kind, items[i].kind);
        assert_string_equal(back->items[i].path, items[i].path);
    }
    str_fini(&bytes);
    arena_free(arena);
}

TEST(a_damaged_trace_is_refused_wherever_it_is_cut)
{
    struct observation items[3];
    fill_items(items, 3);
    const struct trace trace = {.items = items, .count = 3};
    struct str bytes = STR_INIT(4096);
    assert_int_equal(trace_pack(&trace, &bytes), 0);
    for (size_t len = 0; len < bytes.len; len++) {
        struct arena *arena = arena_new(1u << 20);
        const struct trace *back = NULL;
        struct err err = {0};
        assert_true(trace_unpack(bytes.data, len, arena, &back, &err) < 0);
        assert_null(back);
        arena_free(arena);
    }
    bytes.data[25] = '?'; /* a kind there is not */
    struct arena *arena = arena_new(1u << 20);
    const struct trace *back = NULL;
    assert_int_equal(trace_unpack(bytes.data, bytes.len, arena, &back, NULL), -EBADMSG);
    arena_free(arena);
    str_fini(&bytes);
}

static int use_memory(void)
{
    struct recorder mine;
    const struct trace *trace = NULL;
    struct arena *arena = arena_new(4u << 20);
    int rc = arena != NULL ? recorder_init(&mine) : -ENOMEM;
    if (rc < 0) {
        arena_free(arena);
        return rc;
    }
    rc = recorder_zone(&mine, "/src", ZONE_TREE);
    rc = rc == 0 ? recorder_expose(&mine, "/src/e") : rc;
    for (int i = 0; rc == 0 && i < 6000; i++) { /* the table grows */
        char path[64];
        (void)snprintf(path, sizeof path, "/src/file-number-%d", i);
        struct place *place = places_at(&mine.places, path);
        if (place != NULL) {
            recorder_ask(&mine, place, ASKED_CONTENT);
        }
    }
    rc = rc == 0 ? recorder_trace(&mine, arena, &trace, NULL) : rc;
    if (rc == 0 && mine.places.full) {
        assert_true((trace->flags & TRACE_INCOMPLETE) != 0);
        rc = -ENOMEM; /* it was short of memory, and says so */
    }
    recorder_fini(&mine);
    arena_free(arena);
    return rc;
}

TEST(without_memory_a_trace_is_refused_or_incomplete)
{
    (void)mem_fail_from(0);
    assert_int_equal(use_memory(), 0);
    const size_t all = mem_fail_from(0);
    assert_true(all > 5);
    int refused = 0;
    for (size_t n = 1; n <= all; n++) {
        (void)mem_fail_from(n);
        const int rc = use_memory();
        (void)mem_fail_from(0);
        assert_true(rc == 0 || rc == -ENOMEM); /* 0: the larger table was done without */
        refused += rc < 0;
    }
    assert_true(refused > 4);
}
