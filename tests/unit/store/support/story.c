/* SPDX-License-Identifier: Apache-2.0 */
#include "story.h"

#include <sqlite3.h>

#include <stdio.h>
#include <string.h>

#include "support/test.h"

const char *at(const char *name)
{
    static char buf[8][512];
    static unsigned next;
    char *path = buf[next++ % 8];
    (void)snprintf(path, sizeof buf[0], "%s/%s", test_folder(), name);
    return path;
}

struct store *open_store(const char *name)
{
    struct store *store = NULL;
    struct err err = {0};
    if (store_open(at(name), &store, &err) != 0) {
        fail_msg("store_open: %s", err.text);
    }
    return store;
}

static void emit(struct store *store, const struct event *event)
{
    struct event_sink *sink = store_sink(store);
    sink->emit(sink, event);
}

static void start(
    struct store *store, const char *run_id, int64_t time_ms, const char *tree, const char *resumed)
{
    struct event event = {.type = EVENT_RUN_STARTED, .time_ms = time_ms};
    event.u.run_started.run_id = run_id;
    event.u.run_started.version = "1.2.3";
    event.u.run_started.root = "/tree";
    event.u.run_started.pipeline = "sluice.yml";
    event.u.run_started.tree = tree;
    event.u.run_started.resumed = resumed;
    emit(store, &event);
}

void tell_start(struct store *store, const char *run_id, int64_t time_ms, const char *tree)
{
    start(store, run_id, time_ms, tree, NULL);
}

void tell_resume(struct store *store, const char *run_id, const char *tree, const char *resumed)
{
    start(store, run_id, 1, tree, resumed);
}

void tell_plan(struct store *store, const char *layer, uint64_t excluded, uint64_t carried)
{
    struct event event = {.type = EVENT_LAYER_PLANNED};
    event.u.layer_planned.layer = layer;
    event.u.layer_planned.excluded = excluded;
    event.u.layer_planned.carried = carried;
    emit(store, &event);
}

void tell_outcome(struct store *store, const char *layer, const char *unit, struct outcome outcome)
{
    struct event event = {.type = EVENT_UNIT_FINISHED, .time_ms = 7000};
    event.u.unit_finished.layer = layer;
    event.u.unit_finished.unit = unit;
    event.u.unit_finished.outcome = &outcome;
    emit(store, &event);
}

void tell_unit(struct store *store, const char *unit, enum outcome_status status, int64_t ms)
{
    struct outcome outcome = {
        .status = status, .attempt = 1, .final = true, .wall_ns = ms * 1000000, .started_ms = 5000};
    tell_outcome(store, "unit", unit, outcome);
}

void tell_verdict(struct store *store, const char *layer, enum verdict_state state)
{
    struct verdict verdict = {.state = state};
    struct event event = {.type = EVENT_LAYER_JUDGED, .time_ms = 8000};
    event.u.layer_judged.layer = layer;
    event.u.layer_judged.verdict = &verdict;
    emit(store, &event);
}

void tell_end(struct store *store, enum exit_code code)
{
    struct tally tally = {.units = 9, .passed = 8, .failed = 1, .cases = 21, .cases_skipped = 4};
    struct event event = {.type = EVENT_RUN_FINISHED};
    event.u.run_finished.exit_code = code;
    event.u.run_finished.tally = &tally;
    event.u.run_finished.wall_ns = 12345000000;
    emit(store, &event);
}

struct looking {
    const char *unit;
    struct unit_history found;
};

static int look(void *context, const struct unit_history *history)
{
    struct looking *looking = context;
    if (strcmp(history->unit, looking->unit) == 0) {
        looking->found = *history;
        looking->found.unit = NULL;
        return 1;
    }
    return 0;
}

struct unit_history history_of(struct store *store, const char *layer, const char *unit)
{
    struct looking looking = {.unit = unit};
    struct err err = {0};
    if (store_history(store, layer, look, &looking, &err) != 0) {
        fail_msg("store_history: %s", err.text);
    }
    return looking.found;
}

static int count_outcome(void *context, const struct outcome_row *row)
{
    (void)row;
    ++*(unsigned *)context;
    return 0;
}

unsigned count_outcomes(struct store *store, const char *run_id)
{
    unsigned count = 0;
    assert_int_equal(store_outcomes(store, run_id, count_outcome, &count, NULL), 0);
    return count;
}

static int count_run(void *context, const struct run_row *row)
{
    (void)row;
    ++*(unsigned *)context;
    return 0;
}

unsigned count_runs(struct store *store)
{
    unsigned count = 0;
    assert_int_equal(store_runs(store, count_run, &count, NULL), 0);
    return count;
}

static int keep_first(void *context, int columns, char **values, char **names)
{
    char *answer = context;
    (void)names;
    if (columns > 0 && answer[0] == '\0') {
        (void)snprintf(answer, 256, "%s", values[0] != NULL ? values[0] : "NULL");
    }
    return 0;
}

const char *sql(const char *name, const char *text)
{
    static char answer[256];
    sqlite3 *db = NULL;
    char *message = NULL;
    answer[0] = '\0';
    assert_int_equal(sqlite3_open(at(name), &db), SQLITE_OK);
    assert_int_equal(sqlite3_busy_timeout(db, 10000), SQLITE_OK);
    if (sqlite3_exec(db, text, keep_first, answer, &message) != SQLITE_OK) {
        fail_msg("%s: %s", text, message);
    }
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    return answer;
}
