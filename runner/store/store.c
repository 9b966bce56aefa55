/* SPDX-License-Identifier: Apache-2.0 */
/* The writing side: events come in, rows wait in memory, batches go out in one transaction each.
 * No transaction is open while we wait for events: another process may write then. */
#include "store/store.h"

#include "base/clock.h"
#include "base/mem.h"
#include "store/database.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

static_assert(OUTCOME_PASSED == 0 && OUTCOME_FAILED == 1 && OUTCOME_ERRORED == 2
                  && OUTCOME_TIMED_OUT == 3 && OUTCOME_SKIPPED == 4 && OUTCOME_STATUS_COUNT == 5,
              "schema/0001-runs.sql holds these numbers");
static_assert(VERDICT_OPEN == 0 && VERDICT_SHUT == 1 && VERDICT_SKIPPED == 2 && VERDICT_ERROR == 3,
              "schema/0001-runs.sql holds these numbers");

static void emit(struct event_sink *sink, const struct event *event);

int store_open(const char *file, struct store **ret_store, struct err *err)
{
    struct store *store = mem_calloc(1, sizeof *store);
    if (store == NULL) {
        return err_set(err, -ENOMEM, "not enough memory to open %s", file);
    }
    store->sink.emit = emit;
    int result = database_open(store, file, err);
    if (result != 0) {
        store_close(store);
        return result;
    }
    *ret_store = store;
    return 0;
}

static void forget_pending(struct store *store)
{
    store->pending.count = 0;
    arena_free(store->arena);
    store->arena = NULL;
}

static void forget_run(struct store *store)
{
    for (size_t i = 0; i < store->plans.count; i++) {
        mem_free(store->plans.items[i].layer);
    }
    store->plans.count = 0;
    mem_free(store->tree);
    store->tree = NULL;
    store->run = 0;
}

void store_close(struct store *store)
{
    if (store == NULL) {
        return;
    }
    if (store->db != NULL && store->error.code == 0) {
        (void)store_flush(store, NULL);
    }
    for (size_t i = 0; i < STATEMENT_COUNT; i++) {
        (void)sqlite3_finalize(store->statements[i]);
    }
    (void)sqlite3_close(store->db);
    forget_pending(store);
    forget_run(store);
    vec_fini(&store->pending);
    vec_fini(&store->plans);
    mem_free(store->file);
    mem_free(store);
}

struct event_sink *store_sink(struct store *store)
{
    return &store->sink;
}

int store_error(const struct store *store, struct err *err)
{
    return store->error.code == 0 ? 0 : err_set(err, store->error.code, "%s", store->error.text);
}

/* ---- writing a batch ---- */

static void bind_text(sqlite3_stmt *statement, int index, const char *text)
{
    (void)sqlite3_bind_text(statement, index, text, -1, SQLITE_STATIC);
}

/* Binds numbers to the parameters from `first` on. A bind fails only for want of memory or a wrong
 * index; then the parameter is NULL and the NOT NULL of its column refuses the row. */
static void bind_numbers(sqlite3_stmt *statement, int first, const int64_t *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        (void)sqlite3_bind_int64(statement, first + (int)i, numbers[i]);
    }
}

static int write_layer(struct store *store, const char *layer, sqlite3_int64 *ret, struct err *err)
{
    sqlite3_stmt *statement = NULL;
    int result = database_statement(store, STATEMENT_LAYER, &statement, err);
    if (result != 0) {
        return result;
    }
    bind_text(statement, 1, layer);
    return database_step(store, statement, ret, err);
}

/* A failed attempt that is tried again tells nothing of the unit yet. */
static int write_unit(struct store *store,
                      const struct pending_row *row,
                      sqlite3_int64 layer,
                      sqlite3_int64 *ret_unit,
                      struct err *err)
{
    const struct outcome *outcome = &row->outcome;
    sqlite3_stmt *statement = NULL;
    int result = database_statement(
        store, outcome->final ? STATEMENT_UNIT_DONE : STATEMENT_UNIT_SEEN, &statement, err);
    if (result != 0) {
        return result;
    }
    (void)sqlite3_bind_int64(statement, 1, layer);
    bind_text(statement, 2, row->unit);
    if (outcome->final) {
        bool passed = outcome->status == OUTCOME_PASSED;
        bool good = passed || outcome->status == OUTCOME_SKIPPED;
        const int64_t numbers[] = {
            (int64_t)outcome->status, passed ? 1 : 0, outcome->flaky ? 1 : 0};
        bind_numbers(statement, 3, numbers, 3);
        (void)sqlite3_bind_double(statement, 6, (double)outcome->wall_ns / 1e6);
        (void)sqlite3_bind_int64(statement, 7, good ? 0 : row->time_ms);
        (void)sqlite3_bind_double(statement, 8, STORE_DURATION_WEIGHT);
    }
    return database_step(store, statement, ret_unit, err);
}

static int write_outcome(struct store *store,
                         const struct pending_row *row,
                         sqlite3_int64 layer,
                         struct err *err)
{
    const struct outcome *outcome = &row->outcome;
    sqlite3_int64 unit = 0;
    int result = write_unit(store, row, layer, &unit, err);
    if (result != 0) {
        return result;
    }
    sqlite3_stmt *statement = NULL;
    result = database_statement(store, STATEMENT_OUTCOME, &statement, err);
    if (result != 0) {
        return result;
    }
    const int64_t numbers[] = {
        store->run,
        unit,
        (int64_t)outcome->attempt,
        outcome->final ? 1 : 0,
        (int64_t)outcome->status,
        outcome->flaky ? 1 : 0,
        outcome->exit_code,
        outcome->signal,
        (int64_t)outcome->flags,
        outcome->started_ms,
        outcome->wall_ns / 1000000,
        outcome->cpu_user_us + outcome->cpu_sys_us,
        outcome->max_rss_kib,
    };
    bind_numbers(statement, 1, numbers, sizeof numbers / sizeof numbers[0]);
    return database_step(store, statement, NULL, err);
}

static int write_verdict(struct store *store,
                         const struct pending_row *row,
                         sqlite3_int64 layer,
                         struct err *err)
{
    sqlite3_stmt *statement = NULL;
    int result = database_statement(store, STATEMENT_VERDICT, &statement, err);
    if (result != 0) {
        return result;
    }
    const int64_t numbers[] = {store->run, layer, (int64_t)row->state, row->time_ms};
    bind_numbers(statement, 1, numbers, 4);
    result = database_step(store, statement, NULL, err);
    if (result != 0 || !row->records_open) {
        return result;
    }
    result = database_statement(store, STATEMENT_LAYER_OPEN, &statement, err);
    if (result != 0) {
        return result;
    }
    (void)sqlite3_bind_int64(statement, 1, layer);
    bind_text(statement, 2, store->tree);
    (void)sqlite3_bind_int64(statement, 3, row->time_ms);
    return database_step(store, statement, NULL, err);
}

static int write_rows(struct store *store, struct err *err)
{
    const char *layer_name = NULL;
    sqlite3_int64 layer = 0;
    int result = 0;
    for (size_t i = 0; i < store->pending.count && result == 0; i++) {
        const struct pending_row *row = &store->pending.items[i];
        if (layer_name == NULL || strcmp(layer_name, row->layer) != 0) {
            layer_name = row->layer;
            result = write_layer(store, layer_name, &layer, err);
        }
        if (result == 0) {
            result = row->unit != NULL ? write_outcome(store, row, layer, err)
                                       : write_verdict(store, row, layer, err);
        }
    }
    return result;
}

static int simple(struct store *store, enum statement which, struct err *err)
{
    sqlite3_stmt *statement = NULL;
    int result = database_statement(store, which, &statement, err);
    return result == 0 ? database_step(store, statement, NULL, err) : result;
}

static int write_batch(struct store *store, struct err *err)
{
    int result = simple(store, STATEMENT_BEGIN, err);
    if (result != 0) {
        return result;
    }
    result = write_rows(store, err);
    result = result == 0 ? simple(store, STATEMENT_COMMIT, err) : result;
    if (result != 0) {
        (void)sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
    }
    return result;
}

int store_flush(struct store *store, struct err *err)
{
    if (store->error.code != 0) {
        return store_error(store, err);
    }
    if (store->pending.count > 0) {
        /* After a failure nothing more is written: what is in the file stays a prefix of what
         * happened. */
        (void)write_batch(store, &store->error);
        forget_pending(store);
        store->last_commit_ns = clock_mono_ns();
    }
    return store_error(store, err);
}

/* ---- events ---- */

static void fail(struct store *store, int code, const char *why)
{
    if (store->error.code == 0) {
        (void)err_set(&store->error, code, "%s: %s", store->file, why);
    }
}

/* Puts a row into the batch; copies its names. */
static void add_row(struct store *store, struct pending_row row)
{
    if (store->run == 0) {
        return; /* events before the run, or of one that could not be recorded */
    }
    const bool is_unit = row.unit != NULL;
    if (store->arena == NULL) {
        store->arena = arena_new(STORE_BATCH_BYTES);
    }
    if (store->arena != NULL) {
        row.layer = arena_strdup(store->arena, row.layer);
        row.unit = is_unit ? arena_strdup(store->arena, row.unit) : NULL;
    }
    const bool copied = row.layer != NULL && (row.unit != NULL) == is_unit;
    if (store->arena == NULL || !copied || vec_push(&store->pending, row) != 0) {
        fail(store, -ENOMEM, "not enough memory to record what happened");
    }
}

/* Seldom events are written at once; in a storm of them, every STORE_BATCH_MS. */
static void flush_when_due(struct store *store)
{
    int64_t age_ns = clock_mono_ns() - store->last_commit_ns;
    if (store->pending.count >= STORE_BATCH_ROWS
        || (store->pending.count > 0 && age_ns >= INT64_C(1000000) * STORE_BATCH_MS)) {
        (void)store_flush(store, NULL);
    }
}

static void on_run_started(struct store *store, const struct event *event)
{
    if (store_flush(store, NULL) != 0) {
        return;
    }
    forget_run(store);
    store->resumed = event->u.run_started.resumed != NULL;
    if (event->u.run_started.tree != NULL) {
        store->tree = mem_strdup(event->u.run_started.tree);
        if (store->tree == NULL) {
            fail(store, -ENOMEM, "not enough memory to record a run");
            return;
        }
    }
    sqlite3_stmt *statement = NULL;
    if (database_statement(store, STATEMENT_RUN_STARTED, &statement, &store->error) != 0) {
        return;
    }
    const char *const texts[] = {
        event->u.run_started.run_id,
        event->u.run_started.version,
        event->u.run_started.root,
        event->u.run_started.pipeline,
        store->tree,
        event->u.run_started.host,
        event->u.run_started.command,
        event->u.run_started.resumed,
    };
    for (int i = 0; i < (int)(sizeof texts / sizeof texts[0]); i++) {
        bind_text(statement, i + 1, texts[i]);
    }
    (void)sqlite3_bind_int64(statement, 9, event->time_ms);
    (void)database_step(store, statement, &store->run, &store->error);
    store->last_commit_ns = clock_mono_ns();
}

static void on_layer_planned(struct store *store, const struct event *event)
{
    struct layer_plan plan = {
        .layer = mem_strdup(event->u.layer_planned.layer),
        .excluded = event->u.layer_planned.excluded,
        .carried = event->u.layer_planned.carried,
    };
    if (plan.layer == NULL || vec_push(&store->plans, plan) != 0) {
        mem_free(plan.layer);
        fail(store, -ENOMEM, "not enough memory to record a layer");
    }
}

static void on_unit_finished(struct store *store, const struct event *event)
{
    const struct outcome *outcome = event->u.unit_finished.outcome;
    if ((outcome->flags & FLAG_CANCELLED) != 0) {
        return; /* it came to no outcome of its own */
    }
    struct pending_row row = {
        .layer = event->u.unit_finished.layer,
        .unit = event->u.unit_finished.unit,
        .time_ms = event->time_ms,
        .outcome = *outcome,
    };
    add_row(store, row);
}

/* An open gate proves the snapshot only when all of the layer's units were judged on it: nothing
 * filtered out, and nothing taken over from a run that may have seen another snapshot. */
static bool speaks_for_all(const struct store *store, const char *layer)
{
    for (size_t i = store->plans.count; i > 0; i--) {
        const struct layer_plan *plan = &store->plans.items[i - 1];
        if (strcmp(plan->layer, layer) == 0) {
            return plan->excluded == 0 && (plan->carried == 0 || store->resumed);
        }
    }
    return false;
}

static void on_layer_judged(struct store *store, const struct event *event)
{
    const char *layer = event->u.layer_judged.layer;
    struct pending_row row = {
        .layer = layer,
        .time_ms = event->time_ms,
        .state = event->u.layer_judged.verdict->state,
    };
    row.records_open =
        row.state == VERDICT_OPEN && store->tree != NULL && speaks_for_all(store, layer);
    add_row(store, row);
}

static void on_run_finished(struct store *store, const struct event *event)
{
    const struct tally *tally = event->u.run_finished.tally;
    if (store->run == 0 || store_flush(store, NULL) != 0) {
        return;
    }
    sqlite3_stmt *statement = NULL;
    if (database_statement(store, STATEMENT_RUN_FINISHED, &statement, &store->error) != 0) {
        return;
    }
    const int64_t numbers[] = {
        store->run,
        event->u.run_finished.wall_ns / 1000000,
        (int64_t)event->u.run_finished.exit_code,
        (int64_t)tally->units,
        (int64_t)tally->passed,
        (int64_t)tally->failed,
        (int64_t)tally->errored,
        (int64_t)tally->timed_out,
        (int64_t)tally->skipped,
        (int64_t)tally->flaky,
        (int64_t)tally->not_run,
        (int64_t)tally->cases,
        (int64_t)tally->cases_passed,
        (int64_t)tally->cases_failed,
        (int64_t)tally->cases_errored,
        (int64_t)tally->cases_skipped,
    };
    bind_numbers(statement, 1, numbers, sizeof numbers / sizeof numbers[0]);
    (void)database_step(store, statement, NULL, &store->error);
    forget_run(store);
}

static void emit(struct event_sink *sink, const struct event *event)
{
    struct store *store = (struct store *)sink; /* its first member */
    if (store->error.code != 0) {
        return;
    }
    switch (event->type) {
    case EVENT_RUN_STARTED:
        on_run_started(store, event);
        break;
    case EVENT_LAYER_PLANNED:
        on_layer_planned(store, event);
        break;
    case EVENT_UNIT_FINISHED:
        on_unit_finished(store, event);
        break;
    case EVENT_LAYER_JUDGED:
        on_layer_judged(store, event);
        break;
    case EVENT_RUN_FINISHED:
        on_run_finished(store, event);
        break;
    case EVENT_LAYER_STARTED:
    case EVENT_UNIT_STARTED:
    case EVENT_UNIT_SLOW:
    case EVENT_NOTE:
    default:
        break;
    }
    flush_when_due(store);
}
