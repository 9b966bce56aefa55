/* SPDX-License-Identifier: Apache-2.0 */
/* The real reports and the real records, told of the same events at once on two threads and one by
 * one: they say the same, and ThreadSanitizer sees what they share. */
#include "base/file.h"
#include "base/str.h"
#include "cli/run_sink.h"
#include "reports/event_log.h"
#include "reports/fanout.h"
#include "reports/junit.h"
#include "reports/summary.h"
#include "store/store.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "support/test.h"

#define UNITS  600
#define EVENTS (UNITS + 3)

static struct event events[EVENTS];
static struct outcome outcomes[UNITS];
static char names[UNITS][16];

static void make_events(void)
{
    static const struct reused reused = {.evidence = "17", .run = "r0", .earned_ms = 5};
    events[0] = (struct event){
        .type = EVENT_RUN_STARTED,
        .u.run_started = {.run_id = "r1", .name = "n", .layer_count = 1}
    };
    events[1] = (struct event){.type = EVENT_LAYER_STARTED, .u.layer_started = {.layer = "a"}};
    events[2] = (struct event){
        .type = EVENT_LAYER_PLANNED, .u.layer_planned = {.layer = "a", .units = UNITS}
    };
    for (size_t i = 0; i < UNITS; i++) {
        (void)snprintf(names[i], sizeof names[i], "unit %zu", i);
        outcomes[i] = (struct outcome){
            .attempt = 1, .final = true, .wall_ns = (int64_t)i * 1000000, .reused = &reused};
        events[3 + i] = (struct event){
            .type = EVENT_UNIT_FINISHED,
            .u.unit_finished = {.layer = "a", .unit = names[i], .outcome = &outcomes[i]}
        };
    }
    for (size_t i = 0; i < EVENTS; i++) {
        events[i].seq = i + 1;
        events[i].time_ms = 1700000000000;
    }
}

struct told {
    struct str log;
    struct str junit;
    struct str summary;
};

static void at(const char *name, char path[256])
{
    (void)snprintf(path, 256, "%s/%s", test_folder(), name);
}

enum telling {
    ONE_BY_ONE,
    AT_ONCE,
    AHEAD
};

static void tell(enum telling telling, const char *database, struct told *ret_told)
{
    char file[256];
    char log_file[256];
    struct run_sink sink = {0};
    struct fanout *facts = NULL;
    struct fanout *views = NULL;
    struct event_log *log = NULL;
    struct junit *junit = NULL;
    struct summary *summary = NULL;
    struct store *store = NULL;
    at(database, file);
    assert_int_equal(store_open(file, &store, NULL), 0);
    at("log", log_file);
    const int fd = open(log_file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(event_log_new(fd, true, &log, NULL), 0);
    at("junit.xml", file);
    const struct junit_options options = {.file = file, .run_dir = test_folder()};
    assert_int_equal(junit_new(&options, &junit, NULL), 0);
    assert_int_equal(summary_new(&summary, NULL), 0);
    assert_int_equal(fanout_new(&facts, NULL), 0);
    assert_int_equal(fanout_add(facts, store_sink(store), NULL), 0);
    assert_int_equal(fanout_add(facts, event_log_sink(log), NULL), 0);
    assert_int_equal(fanout_new(&views, NULL), 0);
    assert_int_equal(fanout_add(views, junit_sink(junit), NULL), 0);
    assert_int_equal(fanout_add(views, summary_sink(summary), NULL), 0);
    run_sink_init(&sink);
    sink.next = fanout_sink(facts);
    sink.views = fanout_sink(views);
    if (telling == AHEAD) {
        run_sink_emit_ahead(&sink.sink, events, EVENTS - 100);
    }
    if (telling != ONE_BY_ONE) {
        run_sink_emit_kept(&sink.sink, events, EVENTS);
    }
    for (size_t i = 0; telling == ONE_BY_ONE && i < EVENTS; i++) {
        sink.sink.emit(&sink.sink, &events[i]);
    }
    assert_int_equal(junit_finish(junit, NULL), 0);
    assert_int_equal(store_error(store, NULL), 0);
    event_log_free(log);
    str_init(&ret_told->log, 1u << 20);
    str_init(&ret_told->junit, 1u << 20);
    str_init(&ret_told->summary, 1u << 20);
    assert_int_equal(file_read(log_file, &ret_told->log, NULL), 0);
    assert_int_equal(file_read(file, &ret_told->junit, NULL), 0);
    (void)summary_write(summary, &ret_told->summary);
    junit_free(junit);
    summary_free(summary);
    fanout_free(facts);
    fanout_free(views);
    store_close(store);
}

static void told_fini(struct told *told)
{
    str_fini(&told->log);
    str_fini(&told->junit);
    str_fini(&told->summary);
}

TEST(reports_and_records_say_the_same_when_told_on_two_threads)
{
    struct told one_by_one;
    make_events();
    tell(ONE_BY_ONE, "one.db", &one_by_one);
    assert_non_null(strstr(str_text(&one_by_one.junit), "unit 599"));
    for (enum telling telling = AT_ONCE; telling <= AHEAD; telling++) {
        struct told told;
        tell(telling, telling == AHEAD ? "three.db" : "two.db", &told);
        assert_string_equal(str_text(&told.junit), str_text(&one_by_one.junit));
        assert_string_equal(str_text(&told.log), str_text(&one_by_one.log));
        assert_string_equal(str_text(&told.summary), str_text(&one_by_one.summary));
        told_fini(&told);
    }
    told_fini(&one_by_one);
}
