/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "reports/event_log.h"
#include "reports/merge_impl.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

/* Names and findings of all logs: 100,000 units at 200 bytes, and as many findings at 1 KiB. */
#define NAMES_MAX ((size_t)256 << 20)

/* The last sentence: which shards are missing, which did not finish. */
#define REASON_MAX 4096

/* The layer of units that are reports. */
#define REPORTS_LAYER "reports"

/* Suite, class and name of a case as one key; what is longer is an accident. */
#define CASE_KEY_MAX ((size_t)64 << 10)

void merge_keep_error(struct merge *merge, int rc)
{
    merge->error = merge->error != 0 ? merge->error : rc;
}

const char *merge_keep(struct merge *merge, const char *text)
{
    const char *copy = text != NULL ? arena_strdup(merge->arena, text) : NULL;
    merge_keep_error(merge, text != NULL && copy == NULL ? -ENOMEM : 0);
    return copy;
}

bool merge_seen_elsewhere(struct merge *merge, struct map *index, const char *key)
{
    uintptr_t log = 0;
    if (map_get(index, key, &log) == 1) {
        return log != merge->log;
    }
    const char *kept = merge_keep(merge, key);
    if (kept == NULL || map_put(index, kept, merge->log) < 0) {
        merge_keep_error(merge, -ENOMEM);
    }
    return false;
}

/* ---- which is worse ---- */

static enum exit_code worse_exit(enum exit_code a, enum exit_code b)
{
    /* from worst to best; 4 gives way to anything: a shard of few units may have got none */
    static const enum exit_code order[] = {EXIT_INFRASTRUCTURE,
                                           EXIT_USAGE,
                                           EXIT_INTERRUPTED,
                                           EXIT_DEADLINE,
                                           EXIT_SHUT,
                                           EXIT_RERUNS_OUTSTANDING,
                                           EXIT_OPEN,
                                           EXIT_NOTHING_SELECTED};

    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        if (a == order[i] || b == order[i]) {
            return order[i];
        }
    }
    return EXIT_INFRASTRUCTURE; /* a code of a later version */
}

/* ---- units ---- */

/* The unit an event is about; NULL when it is not known yet, or memory is short. */
static struct merge_unit *unit_of(struct merge *merge, const char *layer, const char *unit)
{
    CLEANUP(str_fini) struct str key = STR_INIT(SIZE_MAX / 4);
    uintptr_t index = 0;
    if (str_appendf(&key, "%s\n%s", layer, unit) != 0) {
        merge_keep_error(merge, -ENOMEM);
        return NULL;
    }
    if (map_get(&merge->unit_index, str_text(&key), &index) == 1) {
        return &merge->units.items[index];
    }
    if (merge->emitting) {
        return NULL;
    }
    const char *kept = merge_keep(merge, str_text(&key));
    if (kept == NULL || vec_push(&merge->units, (struct merge_unit){0}) != 0
        || map_put(&merge->unit_index, kept, merge->units.count - 1) < 0) {
        merge_keep_error(merge, -ENOMEM);
        return NULL;
    }
    return &merge->units.items[merge->units.count - 1];
}

/* ---- first reading ---- */

static void learn_unit(struct merge *merge, const struct event *event)
{
    const struct outcome *outcome = event->u.unit_finished.outcome;
    if (!outcome->final) {
        return;
    }
    struct merge_unit *unit =
        unit_of(merge, event->u.unit_finished.layer, event->u.unit_finished.unit);
    if (unit == NULL) {
        return;
    }
    const bool worse =
        unit->count == 0
        || (unit->status != outcome->status
            && outcome_status_worse(unit->status, outcome->status) == outcome->status);
    if (worse) {
        unit->status = outcome->status;
        unit->log = merge->log;
    }
    unit->count++;
}

static void learn_run(struct merge *merge, const struct event *event)
{
    merge->logs.items[merge->log].shard = event->u.run_started.shard_index;
    if (merge->log > 0) {
        return;
    }
    merge->started = *event;
    merge->started.u.run_started.run_id = merge_keep(merge, event->u.run_started.run_id);
    merge->started.u.run_started.version = merge_keep(merge, event->u.run_started.version);
    merge->started.u.run_started.root = merge_keep(merge, event->u.run_started.root);
    merge->started.u.run_started.pipeline = merge_keep(merge, event->u.run_started.pipeline);
    merge->started.u.run_started.name = merge_keep(merge, event->u.run_started.name);
    merge->started.u.run_started.tree = merge_keep(merge, event->u.run_started.tree);
    merge->started.u.run_started.host = merge_keep(merge, event->u.run_started.host);
    merge->started.u.run_started.resumed = NULL;
    merge->started.u.run_started.shard_index = 0;
    merge->started.u.run_started.shard_count = 0;
}

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL || strcmp(a, b) == 0;
}

/* Shards of different trees prove nothing together. */
static void check_run(struct merge *merge, const struct event *event)
{
    const struct event *first = &merge->started;
    const struct merge_log *log = &merge->logs.items[merge->log];
    if (log->report.file != NULL && event->u.run_started.shard_count == 0) {
        return; /* it says nothing */
    }
    if (!merge->shards_known) {
        merge->shards_known = true;
        merge->shards = event->u.run_started.shard_count;
    }
    const bool same = same_text(first->u.run_started.tree, event->u.run_started.tree)
                      && same_text(first->u.run_started.name, event->u.run_started.name)
                      && same_text(first->u.run_started.pipeline, event->u.run_started.pipeline)
                      && merge->shards == event->u.run_started.shard_count;
    merge_keep_error(merge, same ? 0 : -ESTALE);
}

static void learn_end(struct merge *merge, const struct event *event)
{
    struct merge_log *log = &merge->logs.items[merge->log];
    log->finished = true;
    log->exit_code = event->u.run_finished.exit_code;
    log->wall_ns = event->u.run_finished.wall_ns;
    log->cpu_us = event->u.run_finished.cpu_us;
    log->reason = merge_keep(merge, event->u.run_finished.reason);
}

static void learn(struct merge *merge, const struct event *event)
{
    merge->last_ms = event->time_ms > merge->last_ms ? event->time_ms : merge->last_ms;
    switch (event->type) {
    case EVENT_RUN_STARTED:
        learn_run(merge, event);
        check_run(merge, event);
        break;
    case EVENT_UNIT_FINISHED:
        learn_unit(merge, event);
        break;
    case EVENT_LAYER_JUDGED:
        merge_learn_layer(merge, event);
        break;
    case EVENT_RUN_FINISHED:
        learn_end(merge, event);
        break;
    case EVENT_LAYER_STARTED:
        (void)merge_layer_of(merge, event->u.layer_started.layer);
        break;
    case EVENT_LAYER_PLANNED:
    case EVENT_UNIT_STARTED:
    case EVENT_UNIT_SLOW:
    case EVENT_NOTE:
        break;
    }
}

/* ---- second reading ---- */

void merge_emit_event(struct merge *merge, struct event *event)
{
    event->seq = ++merge->seq;
    merge->out->emit(merge->out, event);
}

/* A capture's path from the root folder, for readers that stand there; in `buf`. */
static struct capture rooted(const struct merge *merge, const struct capture *capture, char *buf)
{
    struct capture moved = *capture;
    const char *run_dir = merge->logs.items[merge->log].run_dir;
    if (capture->file != NULL && run_dir != NULL) {
        (void)snprintf(buf, PATH_TEXT_MAX, "%s/%s", run_dir, capture->file);
        moved.file = buf;
    }
    return moved;
}

static void pass_unit(struct merge *merge, const struct event *event, const struct merge_unit *unit)
{
    char out[PATH_TEXT_MAX];
    char err[PATH_TEXT_MAX];
    struct event moved = *event;
    struct outcome outcome = *event->u.unit_finished.outcome;
    outcome.out = rooted(merge, &outcome.out, out);
    outcome.err = rooted(merge, &outcome.err, err);
    moved.u.unit_finished.outcome = &outcome;
    merge_emit_event(merge, &moved);
    if (outcome.final && unit->count > 1) {
        struct event note = {.type = EVENT_NOTE, .time_ms = event->time_ms};
        note.u.note.level = "warning";
        note.u.note.text = "is in more than one of the merged runs: its worst outcome counts";
        note.u.note.layer = event->u.unit_finished.layer;
        note.u.note.unit = event->u.unit_finished.unit;
        merge_emit_event(merge, &note);
    }
}

/* Attempts that failed go with the outcome of their own log. */
static void repeat_unit(struct merge *merge, const struct event *event)
{
    struct merge_unit *unit =
        unit_of(merge, event->u.unit_finished.layer, event->u.unit_finished.unit);
    struct merge_layer *layer = merge_layer_of(merge, event->u.unit_finished.layer);
    if (unit == NULL || layer == NULL) {
        return;
    }
    const bool counts = unit->log == merge->log && !unit->told;
    merge_count_unit(layer, merge->log, event->u.unit_finished.outcome, counts);
    if (!counts) {
        return;
    }
    unit->told = event->u.unit_finished.outcome->final;
    pass_unit(merge, event, unit);
}

static void repeat(struct merge *merge, const struct event *event)
{
    struct event copy = *event;
    switch (event->type) {
    case EVENT_UNIT_FINISHED:
        repeat_unit(merge, event);
        break;
    case EVENT_LAYER_STARTED:
        if (merge->log == 0) {
            merge_emit_event(merge, &copy);
        }
        break;
    case EVENT_NOTE:
        merge_emit_event(merge, &copy);
        break;
    case EVENT_RUN_STARTED:
    case EVENT_LAYER_PLANNED:
    case EVENT_UNIT_STARTED:
    case EVENT_UNIT_SLOW:
    case EVENT_LAYER_JUDGED:
    case EVENT_RUN_FINISHED:
        break;
    }
}

static void take(struct event_sink *sink, const struct event *event)
{
    struct merge *merge = (struct merge *)sink;
    if (merge->emitting) {
        repeat(merge, event);
    } else {
        learn(merge, event);
    }
}

/* ---- reports ---- */

/* The unit that a report is. */
static void tell_unit(struct merge *merge, const struct merge_report *report)
{
    struct outcome outcome = {.attempt = 1,
                              .final = true,
                              .slot = -1,
                              .exit_code = -1,
                              .cases = *report->cases,
                              .message = report->problem,
                              .started_ms = merge->last_ms};
    double time_s = 0;
    outcome.status = report->problem != NULL ? OUTCOME_ERRORED : OUTCOME_PASSED;
    for (size_t i = 0; i < report->cases->count; i++) {
        const struct test_case *c = &report->cases->items[i];
        time_s += c->time_s > 0 ? c->time_s : 0;
        if (c->status != OUTCOME_SKIPPED) {
            outcome.status = outcome_status_worse(outcome.status, c->status);
        }
    }
    outcome.wall_ns = (int64_t)(time_s * 1e9);
    struct event event = {.type = EVENT_UNIT_FINISHED, .time_ms = merge->last_ms};
    event.u.unit_finished.layer = REPORTS_LAYER;
    event.u.unit_finished.unit = report->file;
    event.u.unit_finished.outcome = &outcome;
    take(&merge->sink, &event);

    const bool bad = outcome.status != OUTCOME_PASSED;
    const bool error = report->problem != NULL;
    const struct verdict verdict = {
        .state = error ? VERDICT_ERROR
                 : bad ? VERDICT_SHUT
                       : VERDICT_OPEN,
        .reason = error ? report->problem
                  : bad ? "cases of merged reports failed"
                        : NULL,
    };
    event = (struct event){.type = EVENT_LAYER_JUDGED, .time_ms = merge->last_ms};
    event.u.layer_judged.layer = REPORTS_LAYER;
    event.u.layer_judged.verdict = &verdict;
    take(&merge->sink, &event);

    event = (struct event){.type = EVENT_RUN_FINISHED, .time_ms = merge->last_ms};
    event.u.run_finished.exit_code = error ? EXIT_INFRASTRUCTURE : bad ? EXIT_SHUT : EXIT_OPEN;
    event.u.run_finished.reason = verdict.reason;
    event.u.run_finished.wall_ns = outcome.wall_ns;
    take(&merge->sink, &event);
}

/* Looks for cases that another report has too. */
static void learn_cases(struct merge *merge, const struct merge_report *report)
{
    CLEANUP(str_fini) struct str key = STR_INIT(CASE_KEY_MAX);
    for (size_t i = 0; i < report->cases->count && merge->error == 0; i++) {
        const struct test_case *c = &report->cases->items[i];
        str_clear(&key);
        (void)str_appendf(&key,
                          "%s\n%s\n%s",
                          c->suite != NULL ? c->suite : "",
                          c->classname != NULL ? c->classname : "",
                          c->name);
        if (str_error(&key) == 0
            && merge_seen_elsewhere(merge, &merge->case_index, str_text(&key))) {
            merge->case_twice = merge->cases_twice++ == 0 ? c->name : merge->case_twice;
        }
    }
}

/* A report as the events of a run. */
static void replay_report(struct merge *merge, const struct merge_report *report)
{
    struct event event = {.type = EVENT_RUN_STARTED, .time_ms = merge->last_ms};
    event.u.run_started.run_id = "merged";
    event.u.run_started.shard_index = report->shard;
    event.u.run_started.shard_count = report->shards;
    take(&merge->sink, &event);
    tell_unit(merge, report);
    if (!merge->emitting) {
        learn_cases(merge, report);
    }
}

/* ---- both ---- */

static int read_file(const struct merge_log *log,
                     struct event_sink *sink,
                     struct event_log_read *ret_read,
                     struct err *err)
{
    CLEANUP(cleanup_fd) int fd = open(log->file, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? err_errno(err, "%s", log->file)
                  : event_log_replay(fd, log->file, sink, ret_read, err);
}

static int read_log(struct merge *merge,
                    size_t index,
                    struct event_log_read *ret_read,
                    struct err *err)
{
    const struct merge_log *log = &merge->logs.items[index];
    int rc = 0;
    merge->log = index;
    if (log->report.file != NULL) {
        const struct merge_report report = log->report;
        replay_report(merge, &report);
    } else {
        rc = read_file(log, &merge->sink, ret_read, err);
    }
    if (rc == 0 && merge->error != 0) {
        return err_set(err,
                       merge->error,
                       merge->error == -ESTALE
                           ? "%s is of another tree, pipeline or number of shards than %s"
                           : "%s, %s: out of memory",
                       merge->logs.items[index].file,
                       merge->logs.items[0].file);
    }
    return rc;
}

/* ---- the end ---- */

/* Why the whole cannot be green whatever its units say. */
static void judge_logs(struct merge *merge)
{
    bool seen[4096 + 1] = {false};
    for (size_t i = 0; i < merge->logs.count; i++) {
        const struct merge_log *log = &merge->logs.items[i];
        const bool again = log->shard > 0 && log->shard < sizeof seen && seen[log->shard];
        if (!log->finished || log->torn) {
            (void)str_appendf(&merge->reason, "%s did not come to its end; ", log->file);
        } else if (again) {
            (void)str_appendf(
                &merge->reason, "%s is shard %u/%u again; ", log->file, log->shard, merge->shards);
        }
        if (log->shard < sizeof seen) {
            seen[log->shard] = true;
        }
    }
    for (unsigned i = 1; i <= merge->shards && i < sizeof seen; i++) {
        if (!seen[i]) {
            (void)str_appendf(&merge->reason, "shard %u/%u is missing; ", i, merge->shards);
        }
    }
    if (merge->reason.len > 2) {
        merge->reason.len -= 2;
        merge->reason.data[merge->reason.len] = '\0';
        merge->exit_code = EXIT_INFRASTRUCTURE;
    }
}

/* What the layers of the whole say, whatever the runs said of their parts. */
static enum exit_code layers_exit(struct merge *merge, const char **ret_reason)
{
    const struct merge_layer *worst = NULL;
    for (size_t i = 0; i < merge->layers.count; i++) {
        const struct merge_layer *layer = &merge->layers.items[i];
        const bool shut = layer->state == VERDICT_SHUT;
        if (layer->allow_failure || (!shut && layer->state != VERDICT_ERROR)) {
            continue;
        }
        if (worst == NULL || (shut && worst->state == VERDICT_ERROR)) {
            worst = layer;
        }
    }
    if (worst == NULL) {
        return EXIT_OPEN;
    }
    *ret_reason = arena_printf(merge->arena,
                               "layer %s is %s: %s",
                               worst->id,
                               worst->state == VERDICT_ERROR ? "in error" : "shut",
                               worst->reason != NULL ? worst->reason : "no reason given");
    merge_keep_error(merge, *ret_reason == NULL ? -ENOMEM : 0);
    return worst->state == VERDICT_ERROR ? EXIT_INFRASTRUCTURE : EXIT_SHUT;
}

/* The worst of the runs, but for gates that are open over the whole; then the layers of the whole.
 */
static enum exit_code worst_exit(struct merge *merge, const char **ret_reason)
{
    enum exit_code worst = EXIT_NOTHING_SELECTED;
    const char *reason = NULL;
    for (size_t i = 0; i < merge->logs.count; i++) {
        const struct merge_log *log = &merge->logs.items[i];
        const enum exit_code code = merge_log_exit(merge, i);
        if (worse_exit(worst, code) != worst || i == 0) {
            worst = worse_exit(worst, code);
            reason = log->reason;
        }
    }
    const enum exit_code layers = layers_exit(merge, &reason);
    *ret_reason = reason;
    return layers == EXIT_OPEN ? worst : worse_exit(worst, layers);
}

static void emit_end(struct merge *merge)
{
    struct event event = {.type = EVENT_RUN_FINISHED, .time_ms = merge->last_ms};
    const char *reason = NULL;
    for (size_t i = 0; i < merge->logs.count; i++) {
        const struct merge_log *log = &merge->logs.items[i];
        if (log->wall_ns > event.u.run_finished.wall_ns) {
            event.u.run_finished.wall_ns = log->wall_ns; /* they ran side by side */
        }
        event.u.run_finished.cpu_us += log->cpu_us;
    }
    merge->exit_code = worst_exit(merge, &reason);
    judge_logs(merge);
    if (merge->reason.len > 0) {
        reason = str_text(&merge->reason);
    }
    event.u.run_finished.exit_code = merge->exit_code;
    event.u.run_finished.reason = merge->exit_code == EXIT_OPEN ? NULL : reason;
    event.u.run_finished.tally = &merge->tally;
    merge_emit_event(merge, &event);
}

/* Nobody knows whether a case in two reports ran twice, or is in one report too many. */
static void tell_cases_twice(struct merge *merge)
{
    char text[512];
    struct event event = {.type = EVENT_NOTE, .time_ms = merge->last_ms};
    if (merge->cases_twice == 0) {
        return;
    }
    (void)snprintf(text,
                   sizeof text,
                   "%zu %s in more than one of the merged reports, and counted in each; the first: "
                   "%.256s",
                   merge->cases_twice,
                   merge->cases_twice == 1 ? "case is" : "cases are",
                   merge->case_twice);
    event.u.note.level = "warning";
    event.u.note.text = text;
    event.u.note.layer = REPORTS_LAYER;
    merge_emit_event(merge, &event);
}

int merge_emit(struct merge *merge, const char *command, struct event_sink *sink, struct err *err)
{
    assert(merge->logs.count > 0);
    merge->emitting = true;
    merge->out = sink;
    merge->started.u.run_started.command = command;
    merge_emit_event(merge, &merge->started);
    for (size_t i = 0; i < merge->logs.count; i++) {
        const int rc = read_log(merge, i, NULL, err);
        if (rc != 0) {
            return rc;
        }
    }
    merge_judge(merge);
    tell_cases_twice(merge);
    for (size_t i = 0; i < merge->layers.count; i++) {
        merge_emit_layer(merge, &merge->layers.items[i]);
    }
    emit_end(merge);
    return merge->error == 0 ? 0 : err_set(err, merge->error, "out of memory");
}

enum exit_code merge_exit_code(const struct merge *merge)
{
    return merge->exit_code;
}

/* ---- life ---- */

int merge_new(struct merge **ret_merge, struct err *err)
{
    struct merge *merge = mem_calloc(1, sizeof *merge);
    if (merge == NULL) {
        return err_set(err, -ENOMEM, "out of memory");
    }
    merge->sink.emit = take;
    merge->exit_code = EXIT_INFRASTRUCTURE;
    str_init(&merge->reason, REASON_MAX);
    merge->arena = arena_new(NAMES_MAX);
    if (merge->arena == NULL) {
        merge_free(merge);
        return err_set(err, -ENOMEM, "out of memory");
    }
    *ret_merge = merge;
    return 0;
}

static int add_log(struct merge *merge, const struct merge_log *log, struct err *err)
{
    struct event_log_read result = {0};
    if (vec_push(&merge->logs, *log) != 0) {
        return err_set(err, -ENOMEM, "out of memory");
    }
    const int rc = read_log(merge, merge->logs.count - 1, &result, err);
    merge->logs.items[merge->logs.count - 1].torn = result.torn;
    return rc;
}

int merge_add(struct merge *merge, const char *file, const char *run_dir, struct err *err)
{
    const struct merge_log log = {.file = merge_keep(merge, file),
                                  .run_dir = merge_keep(merge, run_dir)};
    return merge->error == 0 ? add_log(merge, &log, err)
                             : err_set(err, merge->error, "out of memory");
}

int merge_add_report(struct merge *merge, const struct merge_report *report, struct err *err)
{
    static const char none[] = "no test case in it";
    struct merge_log log = {.file = merge_keep(merge, report->file), .report = *report};
    if (merge->last_ms == 0) {
        merge->last_ms = clock_wall_ms(); /* reports do not say when; logs do */
    }
    log.report.file = log.file;
    log.report.problem = merge_keep(merge, report->problem);
    if (log.report.problem == NULL && report->cases->count == 0) {
        log.report.problem = none;
    }
    return merge->error == 0 ? add_log(merge, &log, err)
                             : err_set(err, merge->error, "out of memory");
}

void merge_free(struct merge *merge)
{
    if (merge == NULL) {
        return;
    }
    for (size_t i = 0; i < merge->layers.count; i++) {
        merge_layer_fini(&merge->layers.items[i]);
    }
    vec_fini(&merge->logs);
    vec_fini(&merge->layers);
    vec_fini(&merge->units);
    map_fini(&merge->unit_index);
    map_fini(&merge->finding_index);
    map_fini(&merge->case_index);
    str_fini(&merge->reason);
    arena_free(merge->arena);
    mem_free(merge);
}
