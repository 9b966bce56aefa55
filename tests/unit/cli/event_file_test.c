/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/event_file.h"

#include "base/file.h"
#include "base/limits.h"
#include "base/str.h"
#include "model/event_json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "support/test.h"

static char path[PATH_TEXT_MAX];

static void write_log(const struct str *text)
{
    struct err err = {0};
    (void)snprintf(path, sizeof path, "%s/events.ndjson", test_folder());
    if (file_write_atomic(path, str_text(text), text->len, &err) != 0) {
        fail_msg("%s", err.text);
    }
}

static void append_start(struct str *out, const char *command)
{
    const struct event event = {
        .type = EVENT_RUN_STARTED,
        .seq = 1,
        .time_ms = 1,
        .u.run_started = {.run_id = "20261122T090000-4f2a",
                          .version = "0",
                          .root = "/r",
                          .pipeline = "sluice.yml",
                          .name = "p",
                          .host = "h",
                          .resumed = "20261121T090000-4f2a",
                          .command = command,
                          .jobs = 1,
                          .layer_count = 1}
    };
    assert_int_equal(event_write(out, &event), 0);
}

static void append_note(struct str *out)
{
    const struct event event = {
        .type = EVENT_NOTE, .seq = 2, .time_ms = 1, .u.note = {.level = "info", .text = "x"}
    };
    assert_int_equal(event_write(out, &event), 0);
}

static int first(struct event *ret_event, struct arena *arena, struct err *err)
{
    *err = (struct err){0};
    return event_file_first(path, arena, ret_event, err);
}

TEST(the_first_event_tells_which_run_it_was_and_which_it_resumed)
{
    struct str log = STR_INIT(1u << 20);
    struct arena *arena = arena_new(EVENT_ARENA_MAX);
    struct event event = {0};
    struct err err;
    append_start(&log, "sluice run");
    append_note(&log);
    write_log(&log);
    assert_int_equal(first(&event, arena, &err), 0);
    assert_string_equal(event.u.run_started.run_id, "20261122T090000-4f2a");
    assert_string_equal(event.u.run_started.resumed, "20261121T090000-4f2a");
    arena_free(arena);
    str_fini(&log);
}

TEST(a_first_line_longer_than_one_read_is_read_whole)
{
    static char command[20000];
    struct str log = STR_INIT(1u << 20);
    struct arena *arena = arena_new(EVENT_ARENA_MAX);
    struct event event = {0};
    struct err err;
    memset(command, 'x', sizeof command - 1);
    append_start(&log, command);
    append_note(&log);
    write_log(&log);
    assert_int_equal(first(&event, arena, &err), 0);
    assert_string_equal(event.u.run_started.command, command);
    arena_free(arena);
    str_fini(&log);
}

TEST(what_does_not_begin_as_a_log_is_told)
{
    struct str log = STR_INIT(1u << 20);
    struct arena *arena = arena_new(EVENT_ARENA_MAX);
    struct event event = {.seq = 77};
    struct err err;
    write_log(&log); /* empty */
    assert_int_equal(first(&event, arena, &err), -EBADMSG);
    append_note(&log);
    write_log(&log); /* begins with another event */
    assert_int_equal(first(&event, arena, &err), -EBADMSG);
    assert_non_null(strstr(err.text, "run_started"));
    str_clear(&log);
    append_start(&log, "sluice run");
    log.len /= 2;
    write_log(&log); /* torn */
    assert_int_equal(first(&event, arena, &err), -EBADMSG);
    assert_non_null(strstr(err.text, "events.ndjson:1:"));
    (void)snprintf(path, sizeof path, "%s/gone", test_folder());
    assert_int_equal(first(&event, arena, &err), -ENOENT);
    assert_int_equal(event.seq, 77);
    arena_free(arena);
    str_fini(&log);
}
