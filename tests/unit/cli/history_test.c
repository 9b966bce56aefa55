/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/history.h"

#include "base/limits.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>

#include "support/test.h"

static const struct layer layers[] = {
    {.id = "a", .base_id = "a", .name = "a"},
    {.id = "b", .base_id = "b", .name = "b"},
};

static const struct pipeline pipeline = {.file = "sluice.yml", .layers = layers, .layer_count = 2};

static struct store *fresh_store(void)
{
    char path[PATH_TEXT_MAX];
    struct store *store = NULL;
    struct err err = {0};
    (void)snprintf(path, sizeof path, "%s/store.db", test_folder());
    if (store_open(path, &store, &err) != 0) {
        fail_msg("%s", err.text);
    }
    return store;
}

/* One recorded run, as text: "layer/unit status". */
struct record {
    const char *layer;
    const char *unit;
    enum outcome_status status;
};

static void emit(struct store *store, const struct event *event)
{
    static uint64_t seq;
    struct event copy = *event;
    copy.seq = ++seq;
    copy.time_ms = 1000 + (int64_t)seq;
    struct event_sink *sink = store_sink(store);
    sink->emit(sink, &copy);
}

static struct event finished(const struct record *record, const struct outcome *outcome)
{
    return (struct event){
        .type = EVENT_UNIT_FINISHED,
        .u.unit_finished = {.layer = record->layer, .unit = record->unit, .outcome = outcome}
    };
}

static const char *recorded_tree; /* of the runs that are recorded; NULL = in place */

static void record_run(struct store *store,
                       const char *id,
                       const struct record *records,
                       size_t count)
{
    static const struct tally tally = {0};
    const struct event begin = {
        .type = EVENT_RUN_STARTED,
        .u.run_started = {.run_id = id,
                          .version = "0",
                          .root = "/r",
                          .pipeline = "sluice.yml",
                          .name = "p",
                          .tree = recorded_tree,
                          .host = "h",
                          .command = "sluice run",
                          .jobs = 1,
                          .layer_count = 2}
    };
    const struct event end = {
        .type = EVENT_RUN_FINISHED, .u.run_finished = {.exit_code = EXIT_SHUT, .tally = &tally}
    };
    struct err err = {0};
    emit(store, &begin);
    for (size_t i = 0; i < count; i++) {
        const struct outcome outcome = {.status = records[i].status,
                                        .attempt = 1,
                                        .final = true,
                                        .wall_ns = 5000000,
                                        .slot = 0};
        const struct event event = finished(&records[i], &outcome);
        emit(store, &event);
    }
    emit(store, &end);
    assert_int_equal(store_flush(store, &err), 0);
    assert_int_equal(store_error(store, &err), 0);
}

static const struct record first_run[] = {
    {"a", "good",     OUTCOME_PASSED   },
    {"a", "bad",      OUTCOME_FAILED   },
    {"a", "left out", OUTCOME_SKIPPED  },
    {"b", "slow",     OUTCOME_TIMED_OUT},
};

#define FIRST_COUNT (sizeof first_run / sizeof first_run[0])

static struct history *open_history(struct store *store, bool rerun_failed)
{
    struct history *history = NULL;
    struct err err = {0};
    assert_int_equal(history_new(store, &pipeline, rerun_failed, &history, &err), 0);
    return history;
}

static struct plan_hint hint_of(struct history *history, size_t layer, const char *unit)
{
    struct plan_hint hint;
    memset(&hint, 0xff, sizeof hint); /* every field must be written */
    history_hint(history, &layers[layer], unit, &hint);
    return hint;
}

TEST(hints_say_what_the_newest_runs_saw)
{
    struct store *store = fresh_store();
    record_run(store, "20260101T000000-0001", first_run, FIRST_COUNT);
    struct history *history = open_history(store, false);
    struct plan_hint hint = hint_of(history, 0, "good");
    assert_true(hint.known);
    assert_false(hint.failed_recently);
    assert_false(hint.carried);
    assert_int_equal(hint.duration_ms, 5);
    assert_int_equal(hint.last, OUTCOME_PASSED);
    hint = hint_of(history, 0, "bad");
    assert_true(hint.known);
    assert_true(hint.failed_recently);
    hint = hint_of(history, 1, "good"); /* the same name in another layer */
    assert_false(hint.known);
    assert_int_equal(hint.duration_ms, 0);
    assert_int_equal(history_error(history, NULL), 0);
    history_free(history);
    store_close(store);
}

TEST(rerun_failed_carries_what_passed_or_was_skipped)
{
    struct store *store = fresh_store();
    record_run(store, "20260101T000000-0001", first_run, FIRST_COUNT);
    struct history *history = open_history(store, true);
    assert_true(hint_of(history, 0, "good").carried);
    assert_true(hint_of(history, 0, "left out").carried);
    assert_false(hint_of(history, 0, "bad").carried);
    assert_false(hint_of(history, 0, "new").carried);
    assert_false(hint_of(history, 1, "slow").carried);
    history_free(history);
    store_close(store);
}

/* A test passed, the file it reads was changed, and --rerun-failed opened the gate without it. */
TEST(rerun_failed_carries_nothing_from_another_snapshot)
{
    struct store *store = fresh_store();
    recorded_tree = "1111";
    record_run(store, "20260101T000000-0001", first_run, FIRST_COUNT);
    recorded_tree = NULL;
    struct history *history = open_history(store, true);
    history_set_tree(history, "1111");
    assert_true(hint_of(history, 0, "good").carried);
    history_free(history);
    history = open_history(store, true);
    history_read_ahead(history); /* before the snapshot is known */
    history_set_tree(history, "2222");
    assert_false(hint_of(history, 0, "good").carried);
    assert_false(hint_of(history, 0, "left out").carried);
    assert_true(hint_of(history, 0, "good").known);
    assert_int_equal(history_outstanding(history, false), 2); /* both are due now */
    history_free(history);
    history = open_history(store, true);
    history_set_tree(history, ""); /* in place: what changed is not known */
    assert_true(hint_of(history, 0, "good").carried);
    history_free(history);
    record_run(store, "20260102T000000-0001", first_run, FIRST_COUNT); /* in place */
    history = open_history(store, true);
    history_set_tree(history, "1111");
    assert_false(hint_of(history, 0, "good").carried);
    history_free(history);
    store_close(store);
}

TEST(resume_carries_passes_of_that_run_only)
{
    static const struct record second_run[] = {
        {"a", "bad", OUTCOME_PASSED}
    };
    struct store *store = fresh_store();
    struct err err = {0};
    record_run(store, "20260101T000000-0001", first_run, FIRST_COUNT);
    record_run(store, "20260102T000000-0001", second_run, 1);
    struct history *history = open_history(store, false);
    assert_int_equal(history_carry(history, "20260102T000000-0001", &err), 0);
    assert_true(hint_of(history, 0, "bad").carried);
    assert_false(hint_of(history, 0, "good").carried);
    assert_int_equal(history_carry(history, "20260101T000000-0001", &err), 0);
    assert_true(hint_of(history, 0, "bad").carried); /* what failed there is not taken back */
    assert_true(hint_of(history, 0, "good").carried);
    assert_false(hint_of(history, 0, "left out").carried);
    history_free(history);
    store_close(store);
}

TEST(outstanding_are_units_that_were_due_and_did_not_pass)
{
    static const struct record bad = {"a", "bad", OUTCOME_PASSED};
    struct outcome outcome = {.status = OUTCOME_FAILED, .final = true};
    struct event event = finished(&bad, &outcome);
    struct store *store = fresh_store();
    record_run(store, "20260101T000000-0001", first_run, FIRST_COUNT);
    struct history *history = open_history(store, true);
    (void)hint_of(history, 0, "good");
    assert_int_equal(history_outstanding(history, false), 0);
    (void)hint_of(history, 0, "bad");
    (void)hint_of(history, 0, "bad"); /* asked twice, due once */
    (void)hint_of(history, 0, "new");
    assert_int_equal(history_outstanding(history, false), 2);
    history_note(history, &event);
    assert_int_equal(history_outstanding(history, false), 2);
    outcome = (struct outcome){.status = OUTCOME_PASSED, .final = false};
    history_note(history, &event); /* an attempt that is not the last one */
    assert_int_equal(history_outstanding(history, false), 2);
    outcome.final = true;
    history_note(history, &event);
    history_note(history, &event);
    assert_int_equal(history_outstanding(history, false), 1);
    /* layer b was not planned: its failure counts when only some layers were named */
    assert_int_equal(history_outstanding(history, true), 2);
    history_free(history);
    store_close(store);
}

TEST(short_memory_never_carries_and_is_told)
{
    struct store *store = fresh_store();
    record_run(store, "20260101T000000-0001", first_run, FIRST_COUNT);
    struct history *history = NULL;
    struct err err = {0};
    for (size_t n = 1; n <= 3; n++) {
        (void)mem_fail_from(n);
        const int rc = history_new(store, &pipeline, true, &history, &err);
        (void)mem_fail_from(0);
        if (rc == 0) {
            history_free(history);
            history = NULL;
        } else {
            assert_null(history);
        }
    }
    history = open_history(store, true);
    (void)mem_fail_from(1);
    const struct plan_hint hint = hint_of(history, 0, "good");
    (void)mem_fail_from(0);
    assert_false(hint.carried);
    assert_true(history_error(history, &err) < 0);
    history_free(history);
    store_close(store);
}
