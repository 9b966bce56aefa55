/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/reports/support/feed.h"

/* 2026-11-22T09:00:00Z */
#define NOW_MS 1795338000000

static struct tally total;

void feed_run_started(struct event_sink *sink)
{
    total = (struct tally){0};
    struct event e = {.type = EVENT_RUN_STARTED, .seq = 1, .time_ms = NOW_MS};
    e.u.run_started.run_id = "20261122T090000-4f2a";
    e.u.run_started.version = "0.1.0";
    e.u.run_started.root = "/src";
    e.u.run_started.pipeline = "sluice.yml";
    e.u.run_started.name = "demo";
    e.u.run_started.tree = "abc123";
    e.u.run_started.host = "host1";
    e.u.run_started.command = "sluice run";
    e.u.run_started.jobs = 2;
    e.u.run_started.layer_count = 1;
    sink->emit(sink, &e);
}

void feed_layer_started(struct event_sink *sink, const char *layer)
{
    struct event e = {.type = EVENT_LAYER_STARTED, .seq = 2, .time_ms = NOW_MS + 1};
    e.u.layer_started.layer = layer;
    e.u.layer_started.name = layer;
    e.u.layer_started.stage = "default";
    sink->emit(sink, &e);
}

void feed_planned(struct event_sink *sink, const char *layer, uint64_t units)
{
    struct event e = {.type = EVENT_LAYER_PLANNED, .seq = 3, .time_ms = NOW_MS + 2};
    e.u.layer_planned.layer = layer;
    e.u.layer_planned.units = units;
    sink->emit(sink, &e);
}

void feed_unit_started(struct event_sink *sink, const char *layer, const char *unit, int slot)
{
    struct event e = {.type = EVENT_UNIT_STARTED, .seq = 4, .time_ms = NOW_MS + 3};
    e.u.unit_started.layer = layer;
    e.u.unit_started.unit = unit;
    e.u.unit_started.attempt = 1;
    e.u.unit_started.slot = slot;
    sink->emit(sink, &e);
}

struct outcome feed_outcome(enum outcome_status status)
{
    return (struct outcome){.status = status,
                            .exit_code = status == OUTCOME_PASSED ? 0 : 1,
                            .attempt = 1,
                            .final = true,
                            .started_ms = NOW_MS + 3,
                            .wall_ns = 10000000,
                            .cpu_user_us = 3000,
                            .cpu_sys_us = 1000};
}

void feed_unit(struct event_sink *sink,
               const char *layer,
               const char *unit,
               const struct outcome *outcome)
{
    const struct unit definition = {.id = unit, .file = NULL};
    struct event e = {.type = EVENT_UNIT_FINISHED, .seq = 5, .time_ms = NOW_MS + 20};
    e.u.unit_finished.layer = layer;
    e.u.unit_finished.unit = unit;
    e.u.unit_finished.definition = &definition;
    e.u.unit_finished.outcome = outcome;
    tally_add(&total, outcome);
    sink->emit(sink, &e);
}

struct reused feed_origin(const char *change)
{
    return (struct reused){.evidence = "77",
                           .run = "20261122T070000-0001",
                           .change = change,
                           .tree = "abc",
                           .earned_ms = NOW_MS - INT64_C(2) * 3600 * 1000};
}

void feed_reused(struct event_sink *sink, const char *layer, const char *unit, const char *change)
{
    const struct reused reused = feed_origin(change);
    struct outcome outcome = feed_outcome(OUTCOME_PASSED);
    outcome.slot = -1;
    outcome.reused = &reused;
    feed_unit(sink, layer, unit, &outcome);
}

void feed_passed(struct event_sink *sink, const char *layer, const char *unit)
{
    struct outcome outcome = feed_outcome(OUTCOME_PASSED);
    feed_unit(sink, layer, unit, &outcome);
}

void feed_judged(struct event_sink *sink,
                 const char *layer,
                 enum verdict_state state,
                 const char *reason)
{
    const struct gate_result gates[] = {
        {.rule = {.metric = "failed", .has_max = true, .max = 0},
         .known = true,
         .value = (double)total.failed,
         .open = total.failed == 0    },
        {.rule = {.metric = "score", .has_min = true, .min = 80},
         .known = state != VERDICT_SHUT,
         .value = 91.5,
         .open = state != VERDICT_SHUT}
    };
    const struct metric metrics[] = {
        {.name = "score", .value = 91.5}
    };
    const struct judgement judgement = {.metrics = metrics, .metric_count = 1};
    const struct verdict verdict = {
        .state = state, .gates = gates, .gate_count = 2, .reason = reason};
    struct event e = {.type = EVENT_LAYER_JUDGED, .seq = 6, .time_ms = NOW_MS + 30};
    e.u.layer_judged.layer = layer;
    e.u.layer_judged.name = layer;
    e.u.layer_judged.judgement = &judgement;
    e.u.layer_judged.verdict = &verdict;
    e.u.layer_judged.tally = &total;
    sink->emit(sink, &e);
}

void feed_note(struct event_sink *sink, const char *level, const char *text)
{
    struct event e = {.type = EVENT_NOTE, .seq = 7, .time_ms = NOW_MS + 31};
    e.u.note.level = level;
    e.u.note.text = text;
    sink->emit(sink, &e);
}

void feed_run_finished(struct event_sink *sink, enum exit_code code, const char *reason)
{
    struct event e = {.type = EVENT_RUN_FINISHED, .seq = 8, .time_ms = NOW_MS + 12300};
    e.u.run_finished.exit_code = code;
    e.u.run_finished.reason = reason;
    e.u.run_finished.tally = &total;
    e.u.run_finished.wall_ns = 12300000000;
    e.u.run_finished.cpu_us = 45600000;
    sink->emit(sink, &e);
}
