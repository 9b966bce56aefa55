/* SPDX-License-Identifier: Apache-2.0 */
/* The writing side: events come in, rows wait in memory, batches go out in one transaction each.
 * No transaction is open while we wait for events: another process may write then. */
#include "store/store.h"

#include "base/clock.h"
#include "base/mem.h"
#include "store/reused.h"
#include "store/store_impl.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

static_assert(OUTCOME_PASSED == 0 && OUTCOME_FAILED == 1 && OUTCOME_ERRORED == 2
                  && OUTCOME_TIMED_OUT == 3 && OUTCOME_SKIPPED == 4 && OUTCOME_STATUS_COUNT == 5,
              "schema/0001-runs.sql holds these numbers");
static_assert(VERDICT_OPEN == 0 && VERDICT_SHUT == 1 && VERDICT_SKIPPED == 2 && VERDICT_ERROR == 3,
              "schema/0001-runs.sql holds these numbers");

static const char *const statement_sql[STATEMENT_COUNT] = {
    [STATEMENT_BEGIN] = "BEGIN IMMEDIATE",
    [STATEMENT_COMMIT] = "COMMIT",
    [STATEMENT_RUN_STARTED] =
        "INSERT INTO run (run_id, version, root, pipeline, tree, host, command, resumed, started_ms) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
    [STATEMENT_RUN_FINISHED] =
        "UPDATE run SET wall_ms = ?2, exit_code = ?3, units = ?4, passed = ?5, failed = ?6, "
        "errored = ?7, timed_out = ?8, skipped = ?9, flaky = ?10, not_run = ?11, cases = ?12, "
        "cases_passed = ?13, cases_failed = ?14, cases_errored = ?15, cases_skipped = ?16, "
        "reused = ?17 WHERE id = ?1",
    [STATEMENT_LAYER] = "INSERT INTO layer (name) VALUES (?) "
                        "ON CONFLICT DO UPDATE SET name = name RETURNING id",
    [STATEMENT_LAYER_OPEN] = "UPDATE layer SET open_tree = ?2, open_ms = ?3 WHERE id = ?1",
    [STATEMENT_UNIT_SEEN] = "INSERT INTO unit (layer, name) VALUES (?1, ?2) "
                            "ON CONFLICT DO UPDATE SET name = name RETURNING id",
    /* ?3 status, ?4 passed (0 or 1), ?5 flaky, ?6 duration, ?7 time of failure or 0, ?8 weight,
     * ?9 snapshot, ?10 why it became no evidence */
    [STATEMENT_UNIT_DONE] =
        "INSERT INTO unit (layer, name, runs, last, passes, flakes, duration_ms, last_failed_ms, "
        "last_tree, unstored) VALUES (?1, ?2, 1, ?3, ?4, ?5, ?4 * ?6, ?7, ?9, ?10) "
        "ON CONFLICT DO UPDATE SET runs = runs + 1, last = ?3, last_tree = ?9, unstored = ?10, flakes = flakes + ?5, "
        "duration_ms = CASE WHEN ?4 = 0 THEN duration_ms WHEN passes = 0 THEN ?6 "
        "ELSE duration_ms + ?8 * (?6 - duration_ms) END, passes = passes + ?4, "
        "last_failed_ms = max(last_failed_ms, ?7) RETURNING id",
    /* Not a run of the unit: it measures nothing. */
    [STATEMENT_UNIT_REUSED] =
        "UPDATE unit SET last = ?3, last_tree = ?4, unstored = NULL WHERE layer = ?1 AND name = ?2",
    [STATEMENT_SET_FIND] = "SELECT id, tree FROM reused_set WHERE layer = ? AND digest = ?",
    [STATEMENT_SET_ADD] =
        "INSERT INTO reused_set (layer, digest, units, count, passed, failed, errored, timed_out, "
        "skipped, flaky) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
    [STATEMENT_SET_DOUBT] =
        "UPDATE reused_set SET tree = NULL WHERE layer = ? AND tree IS NOT NULL "
        "AND tree_run IS NOT ?",
    [STATEMENT_SET_KNOWN] = "UPDATE reused_set SET tree_run = ?2, tree = ?3 WHERE id = ?1",
    [STATEMENT_SETS_SWEEP] = "DELETE FROM reused_set WHERE id NOT IN (SELECT units FROM reused)",
    [STATEMENT_REUSED] = "INSERT OR IGNORE INTO reused (run, units) VALUES (?, ?)",
    [STATEMENT_OUTCOME] =
        "INSERT OR REPLACE INTO outcome (run, unit, attempt, final, status, flaky, exit_code, "
        "signal, flags, started_ms, wall_ms, cpu_us, max_rss_kib) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [STATEMENT_VERDICT] =
        "INSERT OR REPLACE INTO verdict (run, layer, state, time_ms) VALUES (?, ?, ?, ?)",
    [STATEMENT_HISTORY] =
        "SELECT unit.name, duration_ms, last, runs, flakes, last_failed_ms, last_tree, unstored FROM unit "
        "JOIN layer ON layer.id = unit.layer WHERE layer.name = ? AND runs > 0",
    /* A run that never finished has no sums: they are made from its rows. */
    [STATEMENT_RUNS] =
        "SELECT run_id, pipeline, tree, started_ms, wall_ms, exit_code, units, passed, failed, "
        "errored, timed_out, skipped, flaky, not_run, cases, cases_passed, cases_failed, "
        "cases_errored, cases_skipped, reused FROM run WHERE wall_ms IS NOT NULL "
        "UNION ALL SELECT run_id, pipeline, tree, run.started_ms, NULL, NULL, "
        "count(outcome.final) + coalesce(max(sets.count), 0), "
        "coalesce(sum(status = 0), 0) + coalesce(max(sets.passed), 0), "
        "coalesce(sum(status = 1), 0) + coalesce(max(sets.failed), 0), "
        "coalesce(sum(status = 2), 0) + coalesce(max(sets.errored), 0), "
        "coalesce(sum(status = 3), 0) + coalesce(max(sets.timed_out), 0), "
        "coalesce(sum(status = 4), 0) + coalesce(max(sets.skipped), 0), "
        "coalesce(sum(outcome.flaky), 0) + coalesce(max(sets.flaky), 0), 0, 0, 0, 0, 0, 0, "
        "coalesce(sum(outcome.reused), 0) + coalesce(max(sets.count), 0) "
        "FROM run LEFT JOIN outcome ON outcome.run = run.id AND outcome.final = 1 "
        "LEFT JOIN (SELECT reused.run AS of, sum(count) AS count, sum(passed) AS passed, "
        "sum(failed) AS failed, sum(errored) AS errored, sum(timed_out) AS timed_out, "
        "sum(skipped) AS skipped, sum(flaky) AS flaky FROM reused "
        "JOIN reused_set ON reused_set.id = reused.units GROUP BY reused.run) AS sets "
        "ON sets.of = run.id "
        "WHERE run.wall_ms IS NULL GROUP BY run.id ORDER BY 4 DESC, 1 DESC",
    [STATEMENT_OUTCOMES] =
        "SELECT layer.name, unit.name, status, flaky FROM outcome "
        "JOIN unit ON unit.id = outcome.unit JOIN layer ON layer.id = unit.layer "
        "WHERE run = (SELECT id FROM run WHERE run_id = ?) AND final = 1",
    [STATEMENT_OUTCOMES_REUSED] =
        "SELECT layer.name, reused_set.units FROM reused "
        "JOIN reused_set ON reused_set.id = reused.units JOIN layer ON layer.id = reused_set.layer "
        "WHERE run = (SELECT id FROM run WHERE run_id = ?)",
    [STATEMENT_LAST_OPEN] = "SELECT open_tree FROM layer WHERE name = ? AND open_tree IS NOT NULL",
    [STATEMENT_LAST_TREE] =
        "SELECT tree FROM run WHERE id = (SELECT max(id) FROM run) AND tree IS NOT NULL",
    [STATEMENT_PRUNE] = "DELETE FROM run WHERE id NOT IN "
                        "(SELECT id FROM run ORDER BY started_ms DESC, run_id DESC LIMIT ?)",
};

/* "slce" */
static const struct database_kind history_kind = {
    .application_id = 0x736c6365,
    .schema = &schema_runs,
    .page_bytes = 4096,
    .leaves_log = true,
    .loss = "Only the history of runs is in it.",
};

static void emit(struct event_sink *sink, const struct event *event);

int store_statement(struct store *store,
                    enum statement which,
                    sqlite3_stmt **ret_statement,
                    struct err *err)
{
    sqlite3_stmt **place = &store->statements[which];
    assert((size_t)which < STATEMENT_COUNT && statement_sql[which] != NULL);
    int result = database_prepare(&store->database, statement_sql[which], place, err);
    if (result == 0) {
        *ret_statement = *place;
    }
    return result;
}

int store_open(const char *file, struct store **ret_store, struct err *err)
{
    struct store *store = mem_calloc(1, sizeof *store);
    if (store == NULL) {
        return err_set(err, -ENOMEM, "not enough memory to open %s", file);
    }
    store->sink.emit = emit;
    int result = database_open(&store->database, file, &history_kind, err);
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
    reused_forget(store);
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
    if (store->database.db != NULL && store->error.code == 0) {
        (void)store_flush(store, NULL);
    }
    for (size_t i = 0; i < STATEMENT_COUNT; i++) {
        (void)sqlite3_finalize(store->statements[i]);
    }
    database_close(&store->database);
    forget_pending(store);
    forget_run(store);
    vec_fini(&store->pending);
    vec_fini(&store->reused);
    vec_fini(&store->plans);
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
    int result = store_statement(store, STATEMENT_LAYER, &statement, err);
    if (result != 0) {
        return result;
    }
    bind_text(statement, 1, layer);
    return database_step(&store->database, statement, ret, err);
}

/* A failed attempt that is tried again tells nothing of the unit yet. */
static int write_unit(struct store *store,
                      const struct pending_row *row,
                      sqlite3_int64 layer,
                      sqlite3_int64 *ret_unit,
                      struct err *err)
{
    const struct outcome *outcome = &row->outcome;
    enum statement which = outcome->final ? STATEMENT_UNIT_DONE : STATEMENT_UNIT_SEEN;
    sqlite3_stmt *statement = NULL;
    int result = store_statement(store, which, &statement, err);
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
        bind_text(statement, 9, store->tree);
        bind_text(statement, 10, row->unstored);
    }
    return database_step(&store->database, statement, ret_unit, err);
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
    result = store_statement(store, STATEMENT_OUTCOME, &statement, err);
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
    return database_step(&store->database, statement, NULL, err);
}

static int write_verdict(struct store *store,
                         const struct pending_row *row,
                         sqlite3_int64 layer,
                         struct err *err)
{
    sqlite3_stmt *statement = NULL;
    int result = store_statement(store, STATEMENT_VERDICT, &statement, err);
    if (result != 0) {
        return result;
    }
    const int64_t numbers[] = {store->run, layer, (int64_t)row->state, row->time_ms};
    bind_numbers(statement, 1, numbers, 4);
    result = database_step(&store->database, statement, NULL, err);
    if (result != 0 || !row->records_open) {
        return result;
    }
    result = store_statement(store, STATEMENT_LAYER_OPEN, &statement, err);
    if (result != 0) {
        return result;
    }
    (void)sqlite3_bind_int64(statement, 1, layer);
    bind_text(statement, 2, store->tree);
    (void)sqlite3_bind_int64(statement, 3, row->time_ms);
    return database_step(&store->database, statement, NULL, err);
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
            result = result == 0 ? reused_doubt(store, layer, err) : result;
        }
        if (result == 0) {
            result = row->unit != NULL ? write_outcome(store, row, layer, err)
                                       : write_verdict(store, row, layer, err);
        }
    }
    return result;
}

static int write_reused(struct store *store, struct err *err)
{
    int result = 0;
    for (size_t i = 0; i < store->reused.count && result == 0; i++) {
        sqlite3_int64 layer = 0;
        result = write_layer(store, store->reused.items[i].layer, &layer, err);
        result = result == 0 ? reused_write(store, &store->reused.items[i], layer, err) : result;
    }
    return result;
}

static int simple(struct store *store, enum statement which, struct err *err)
{
    sqlite3_stmt *statement = NULL;
    int result = store_statement(store, which, &statement, err);
    return result == 0 ? database_step(&store->database, statement, NULL, err) : result;
}

static int write_batch(struct store *store, struct err *err)
{
    int result = simple(store, STATEMENT_BEGIN, err);
    if (result != 0) {
        return result;
    }
    result = write_reused(store, err);
    result = result == 0 ? write_rows(store, err) : result;
    result = result == 0 ? simple(store, STATEMENT_COMMIT, err) : result;
    if (result != 0) {
        (void)sqlite3_exec(store->database.db, "ROLLBACK", NULL, NULL, NULL);
    }
    return result;
}

static size_t waiting(const struct store *store)
{
    return store->pending.count + store->reused_count;
}

int store_flush(struct store *store, struct err *err)
{
    if (store->error.code != 0) {
        return store_error(store, err);
    }
    if (waiting(store) > 0) {
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
        (void)err_set(&store->error, code, "%s: %s", store->database.file, why);
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
        /* only a word of explanation: without memory for it the row is still right */
        row.unstored = row.unstored != NULL ? arena_strdup(store->arena, row.unstored) : NULL;
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
    if (store->pending.count >= STORE_BATCH_ROWS || store->reused_count >= STORE_BATCH_REUSED
        || (waiting(store) > 0 && age_ns >= INT64_C(1000000) * STORE_BATCH_MS)) {
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
    if (store_statement(store, STATEMENT_RUN_STARTED, &statement, &store->error) != 0) {
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
    (void)database_step(&store->database, statement, &store->run, &store->error);
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
    if (outcome->reused != NULL && outcome->final && store->run != 0) {
        if (reused_add(store, event->u.unit_finished.layer, event->u.unit_finished.unit, outcome)
            != 0) {
            fail(store, -ENOMEM, "not enough memory to record what happened");
        }
        return;
    }
    struct pending_row row = {
        .layer = event->u.unit_finished.layer,
        .unit = event->u.unit_finished.unit,
        .time_ms = event->time_ms,
        .outcome = *outcome,
        .unstored = outcome->unstored,
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
    if (store_statement(store, STATEMENT_RUN_FINISHED, &statement, &store->error) != 0) {
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
        (int64_t)tally->reused,
    };
    bind_numbers(statement, 1, numbers, sizeof numbers / sizeof numbers[0]);
    (void)database_step(&store->database, statement, NULL, &store->error);
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
