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

static void append_note(struct str *out, uint64_t seq, const char *text)
{
    const struct event event = {
        .type = EVENT_NOTE, .seq = seq, .time_ms = 1, .u.note = {.level = "info", .text = text}
    };
    assert_int_equal(event_write(out, &event), 0);
}

static void append_end(struct str *out, uint64_t seq)
{
    static const struct tally tally = {0};
    const struct event event = {
        .type = EVENT_RUN_FINISHED,
        .seq = seq,
        .time_ms = 1,
        .u.run_finished = {.exit_code = EXIT_OPEN, .tally = &tally}
    };
    assert_int_equal(event_write(out, &event), 0);
}

static int count_notes(void *context, const struct event *event)
{
    unsigned *count = context;
    *count += event->type == EVENT_NOTE ? 1 : 0;
    return 0;
}

static int stop_at_once(void *context, const struct event *event)
{
    (void)event;
    ++*(unsigned *)context;
    return 42;
}

TEST(all_events_come_in_order_and_the_end_is_seen)
{
    struct str log = STR_INIT(8u << 20);
    struct event_file_result result = {0};
    struct err err = {0};
    unsigned count = 0;
    for (unsigned i = 0; i < 20000; i++) { /* more than is read at once */
        append_note(&log, i + 1, "a note of some length, so that lines cross the pieces read");
    }
    append_end(&log, 20001);
    write_log(&log);
    assert_int_equal(event_file_read(path, count_notes, &count, &result, &err), 0);
    assert_int_equal(count, 20000);
    assert_int_equal(result.events, 20001);
    assert_true(result.finished);
    assert_false(result.torn);
    str_fini(&log);
}

TEST(a_log_torn_in_its_last_line_is_read_up_to_there)
{
    struct str log = STR_INIT(1u << 20);
    struct event_file_result result = {0};
    struct err err = {0};
    unsigned count = 0;
    append_note(&log, 1, "one");
    append_note(&log, 2, "two");
    log.len -= 5;
    write_log(&log);
    assert_int_equal(event_file_read(path, count_notes, &count, &result, &err), 0);
    assert_int_equal(count, 1);
    assert_true(result.torn);
    assert_false(result.finished);
    str_fini(&log);
}

TEST(a_damaged_line_in_the_middle_is_an_error_with_its_number)
{
    struct str log = STR_INIT(1u << 20);
    struct event_file_result result = {.events = 77};
    struct err err = {0};
    unsigned count = 0;
    append_note(&log, 1, "one");
    (void)str_append(&log, "{\"v\":1,\"seq\":\n");
    append_note(&log, 3, "three");
    write_log(&log);
    assert_int_equal(event_file_read(path, count_notes, &count, &result, &err), -EBADMSG);
    assert_non_null(strstr(err.text, "events.ndjson:2: this is no event"));
    assert_int_equal(result.events, 77);
    str_fini(&log);
}

TEST(the_reader_may_stop_early)
{
    struct str log = STR_INIT(1u << 20);
    struct event_file_result result = {0};
    struct err err = {0};
    unsigned count = 0;
    append_note(&log, 1, "one");
    append_note(&log, 2, "two");
    write_log(&log);
    assert_int_equal(event_file_read(path, stop_at_once, &count, &result, &err), 42);
    assert_int_equal(count, 1);
    str_fini(&log);
}

TEST(an_empty_or_missing_log_is_an_error)
{
    struct str log = STR_INIT(64);
    struct event_file_result result = {0};
    struct err err = {0};
    unsigned count = 0;
    write_log(&log);
    assert_int_equal(event_file_read(path, count_notes, &count, &result, &err), -ENODATA);
    (void)snprintf(path, sizeof path, "%s/gone", test_folder());
    assert_int_equal(event_file_read(path, count_notes, &count, &result, &err), -ENOENT);
    str_fini(&log);
}
