/* SPDX-License-Identifier: Apache-2.0 */
#include "reports/event_log.h"

#include "base/mem.h"
#include "reports/fanout.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/test.h"
#include "unit/reports/support/collect.h"
#include "unit/reports/support/feed.h"

struct counter {
    struct event_sink sink;
    size_t events;
    size_t by_type[EVENT_TYPE_COUNT];
    char units[256];
    enum outcome_status last;
};

static void count(struct event_sink *sink, const struct event *event)
{
    struct counter *counter = (struct counter *)sink;
    counter->events++;
    counter->by_type[event->type]++;
    if (event->type == EVENT_UNIT_FINISHED) {
        size_t used = strlen(counter->units);
        (void)snprintf(
            counter->units + used, sizeof counter->units - used, "%s", event->u.unit_finished.unit);
        counter->last = event->u.unit_finished.outcome->status;
    }
}

static struct counter new_counter(void)
{
    return (struct counter){.sink.emit = count};
}

static char path[512];

static int open_log(int flags)
{
    (void)snprintf(path, sizeof path, "%s/events.ndjson", test_folder());
    int fd = open(path, flags | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    return fd;
}

static void write_log(size_t units)
{
    struct event_log *log = NULL;
    int fd = open_log(O_RDWR | O_CREAT | O_TRUNC);
    assert_int_equal(event_log_new(fd, true, &log, NULL), 0);
    struct event_sink *sink = event_log_sink(log);
    struct outcome failed = feed_outcome(OUTCOME_FAILED);
    feed_run_started(sink);
    feed_layer_started(sink, "unit");
    feed_planned(sink, "unit", units);
    for (size_t i = 0; i < units; i++) {
        feed_unit_started(sink, "unit", "a", 0);
        feed_unit(sink, "unit", "a", &failed);
    }
    feed_note(sink, "warning", "careful");
    feed_judged(sink, "unit", VERDICT_SHUT, "no");
    feed_run_finished(sink, EXIT_SHUT, "no");
    assert_int_equal(event_log_flush(log, NULL), 0);
    event_log_free(log);
}

static int replay(struct counter *counter, struct event_log_read *read, struct err *err)
{
    int fd = open_log(O_RDONLY);
    int rc = event_log_replay(fd, "events.ndjson", &counter->sink, read, err);
    (void)close(fd);
    return rc;
}

static void replace_log(const char *text, size_t len)
{
    int fd = open_log(O_RDWR | O_CREAT | O_TRUNC);
    assert_int_equal(write(fd, text, len), (ssize_t)len);
    (void)close(fd);
}

TEST(a_log_replays_what_was_written)
{
    struct counter counter = new_counter();
    struct event_log_read read = {0};
    struct err err = {0};
    write_log(3);
    assert_int_equal(replay(&counter, &read, &err), 0);
    assert_int_equal(counter.events, 12);
    assert_int_equal(read.events, 12);
    assert_int_equal(counter.by_type[EVENT_UNIT_FINISHED], 3);
    assert_string_equal(counter.units, "aaa");
    assert_int_equal(counter.last, OUTCOME_FAILED);
    assert_true(read.finished);
    assert_false(read.torn);
}

/* kill -9 can hit at any byte: whatever was cut off, the lines before it are read. */
TEST(a_log_torn_at_any_byte_is_read_up_to_there)
{
    size_t len = 0;
    write_log(1);
    char *text = read_text_file(path, &len);
    size_t first = (size_t)(strchr(text, '\n') - text) + 1;
    for (size_t cut = first; cut < len; cut++) {
        struct counter counter = new_counter();
        struct event_log_read read = {0};
        struct err err = {0};
        replace_log(text, cut);
        if (replay(&counter, &read, &err) != 0) {
            fail_msg("cut at %zu: %s", cut, err.text);
        }
        assert_int_equal(read.torn, text[cut - 1] != '\n');
        assert_false(read.finished);
        assert_true(counter.events >= 1);
    }
    free(text);
}

TEST(a_damaged_line_in_the_middle_is_named)
{
    struct counter counter = new_counter();
    struct err err = {0};
    size_t len = 0;
    write_log(1);
    char *text = read_text_file(path, &len);
    char *second = strchr(text, '\n') + 1;
    memset(second, 'x', 10);
    replace_log(text, len);
    free(text);
    assert_int_equal(replay(&counter, NULL, &err), -EBADMSG);
    assert_non_null(strstr(err.text, "events.ndjson:2"));
    assert_int_equal(counter.events, 1);
}

TEST(types_of_a_newer_sluice_are_passed_over_newer_versions_refused)
{
    struct counter counter = new_counter();
    struct event_log_read read = {0};
    struct err err = {0};
    const char *other = "{\"v\":1,\"seq\":1,\"t\":1,\"type\":\"moon_phase\"}\n"
                        "{\"v\":1,\"seq\":2,\"t\":1,\"type\":\"note\",\"level\":\"info\","
                        "\"text\":\"x\"}\n";
    replace_log(other, strlen(other));
    assert_int_equal(replay(&counter, &read, &err), 0);
    assert_int_equal(counter.events, 1);
    const char *newer = "{\"v\":99,\"seq\":1,\"t\":1,\"type\":\"note\"}\n";
    replace_log(newer, strlen(newer));
    assert_int_equal(replay(&counter, &read, &err), -EPROTO);
}

TEST(a_log_without_events_is_an_error)
{
    struct counter counter = new_counter();
    struct err err = {0};
    replace_log("", 0);
    assert_int_equal(replay(&counter, NULL, &err), -ENODATA);
    replace_log("\n\n", 2);
    assert_int_equal(replay(&counter, NULL, &err), -ENODATA);
}

TEST(a_full_disk_ends_the_log_and_is_told_once_asked)
{
    struct event_log *log = NULL;
    struct err err = {0};
    int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(event_log_new(fd, true, &log, &err), 0);
    feed_run_started(event_log_sink(log));
    feed_run_finished(event_log_sink(log), EXIT_OPEN, NULL);
    assert_int_equal(event_log_flush(log, &err), -ENOSPC);
    assert_non_null(strstr(err.text, "No space"));
    event_log_free(log);
}

TEST(lines_reach_the_file_when_the_run_ends_without_being_asked)
{
    struct event_log *log = NULL;
    size_t len = 0;
    int fd = open_log(O_RDWR | O_CREAT | O_TRUNC);
    assert_int_equal(event_log_new(fd, false, &log, NULL), 0);
    feed_run_started(event_log_sink(log));
    feed_run_finished(event_log_sink(log), EXIT_OPEN, NULL);
    char *text = read_text_file(path, &len);
    assert_non_null(strstr(text, "run_finished"));
    free(text);
    event_log_free(log);
    (void)close(fd);
}

TEST(a_log_without_memory_ends_with_a_whole_line)
{
    for (size_t n = 1; n < 30; n++) {
        struct event_log *log = NULL;
        struct counter counter = new_counter();
        struct err err = {0};
        int fd = open_log(O_RDWR | O_CREAT | O_TRUNC);
        (void)mem_fail_from(n);
        int rc = event_log_new(fd, false, &log, &err);
        if (rc == 0) {
            feed_run_started(event_log_sink(log));
            feed_note(event_log_sink(log), "info", "a longer text that makes the buffer grow");
            feed_run_finished(event_log_sink(log), EXIT_OPEN, NULL);
            rc = event_log_flush(log, &err);
        }
        (void)mem_fail_from(0);
        event_log_free(log);
        (void)close(fd);
        if (rc == 0) {
            assert_true(n > 1);
            return;
        }
        struct event_log_read read = {0};
        rc = replay(&counter, &read, &err);
        assert_true(rc == 0 || rc == -ENODATA);
        assert_false(read.torn);
    }
    fail_msg("still failing");
}

TEST(a_fan_out_hands_every_event_to_every_sink)
{
    struct counter a = new_counter();
    struct counter b = new_counter();
    struct fanout *fanout = NULL;
    struct err err = {0};
    assert_int_equal(fanout_new(&fanout, &err), 0);
    feed_run_started(fanout_sink(fanout));
    assert_int_equal(fanout_add(fanout, &a.sink, &err), 0);
    assert_int_equal(fanout_add(fanout, NULL, &err), 0);
    assert_int_equal(fanout_add(fanout, &b.sink, &err), 0);
    feed_passed(fanout_sink(fanout), "unit", "x");
    assert_int_equal(a.events, 1);
    assert_int_equal(b.events, 1);
    for (int i = 2; i < FANOUT_MAX; i++) {
        assert_int_equal(fanout_add(fanout, &a.sink, &err), 0);
    }
    assert_int_equal(fanout_add(fanout, &a.sink, &err), -E2BIG);
    fanout_free(fanout);
}
