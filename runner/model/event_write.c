/* SPDX-License-Identifier: Apache-2.0 */
/* Events to NDJSON. One function per type; a table picks it. Fields at their zero value are left
 * out where zero means "nothing", so that a line of a passed unit stays short. */
#include "base/json.h"
#include "model/event_json.h"

static void put_int_unless_zero(struct json_writer *w, const char *key, int64_t value)
{
    if (value != 0) {
        jw_put_int(w, key, value);
    }
}

static void put_text_list(struct json_writer *w, const char *key, const struct text_list *list)
{
    if (list->count == 0) {
        return;
    }
    jw_key(w, key);
    jw_array(w);
    for (size_t i = 0; i < list->count; i++) {
        jw_string(w, list->items[i]);
    }
    jw_end_array(w);
}

void case_write(struct json_writer *w, const struct test_case *test_case)
{
    jw_object(w);
    jw_put_string(w, "suite", test_case->suite);
    jw_put_string(w, "classname", test_case->classname);
    jw_put_string(w, "name", test_case->name);
    jw_put_string(w, "status", outcome_status_name(test_case->status));
    if (test_case->time_s >= 0) {
        jw_put_double(w, "time", test_case->time_s);
    }
    jw_put_string(w, "file", test_case->file);
    put_int_unless_zero(w, "line", test_case->line);
    jw_put_string(w, "message", test_case->message);
    jw_put_string(w, "type", test_case->type);
    jw_put_string(w, "details", test_case->details);
    jw_put_string(w, "output", test_case->output);
    if (test_case->flaky) {
        jw_put_bool(w, "flaky", true);
    }
    jw_end_object(w);
}

static void write_run_started(struct json_writer *w, const struct event *event)
{
    jw_put_string(w, "run", event->u.run_started.run_id);
    jw_put_string(w, "version", event->u.run_started.version);
    jw_put_string(w, "root", event->u.run_started.root);
    jw_put_string(w, "pipeline", event->u.run_started.pipeline);
    jw_put_string(w, "name", event->u.run_started.name);
    jw_put_string(w, "tree", event->u.run_started.tree);
    jw_put_string(w, "host", event->u.run_started.host);
    jw_put_string(w, "resumed", event->u.run_started.resumed);
    jw_put_string(w, "command", event->u.run_started.command);
    jw_put_int(w, "jobs", event->u.run_started.jobs);
    jw_put_int(w, "layers", (int64_t)event->u.run_started.layer_count);
    if (event->u.run_started.shard_count > 0) {
        jw_put_int(w, "shard", event->u.run_started.shard_index);
        jw_put_int(w, "shards", event->u.run_started.shard_count);
    }
}

static void write_layer_started(struct json_writer *w, const struct event *event)
{
    jw_put_string(w, "layer", event->u.layer_started.layer);
    jw_put_string(w, "name", event->u.layer_started.name);
    jw_put_string(w, "stage", event->u.layer_started.stage);
}

static void write_layer_planned(struct json_writer *w, const struct event *event)
{
    jw_put_string(w, "layer", event->u.layer_planned.layer);
    jw_put_int(w, "units", (int64_t)event->u.layer_planned.units);
    put_int_unless_zero(w, "excluded", (int64_t)event->u.layer_planned.excluded);
    put_int_unless_zero(w, "left_out", (int64_t)event->u.layer_planned.left_out);
    put_int_unless_zero(w, "carried", (int64_t)event->u.layer_planned.carried);
}

static void write_unit_started(struct json_writer *w, const struct event *event)
{
    jw_put_string(w, "layer", event->u.unit_started.layer);
    jw_put_string(w, "unit", event->u.unit_started.unit);
    jw_put_int(w, "attempt", event->u.unit_started.attempt);
    jw_put_int(w, "slot", event->u.unit_started.slot);
    jw_put_string(w, "why", event->u.unit_started.why);
}

static void write_capture(struct json_writer *w, const char *key, const struct capture *capture)
{
    if (capture->len == 0) {
        return;
    }
    jw_key(w, key);
    jw_object(w);
    jw_put_string(w, "file", capture->file);
    jw_put_int(w, "offset", (int64_t)capture->offset);
    jw_put_int(w, "len", (int64_t)capture->len);
    put_int_unless_zero(w, "dropped", (int64_t)capture->dropped);
    jw_end_object(w);
}

static void write_flags(struct json_writer *w, unsigned flags)
{
    if (flags == 0) {
        return;
    }
    jw_key(w, "flags");
    jw_array(w);
    for (unsigned i = 0; i < OUTCOME_FLAG_COUNT; i++) {
        if ((flags & (1U << i)) != 0) {
            jw_string(w, outcome_flag_names[i]);
        }
    }
    jw_end_array(w);
}

static void write_reused(struct json_writer *w, const struct reused *reused)
{
    if (reused == NULL) {
        return;
    }
    jw_key(w, "reused");
    jw_object(w);
    jw_put_string(w, "evidence", reused->evidence);
    jw_put_string(w, "run", reused->run);
    jw_put_string(w, "change", reused->change);
    jw_put_string(w, "tree", reused->tree);
    jw_put_int(w, "earned", reused->earned_ms);
    jw_end_object(w);
}

static void write_outcome(struct json_writer *w, const struct outcome *outcome)
{
    jw_put_string(w, "status", outcome_status_name(outcome->status));
    jw_put_int(w, "attempt", outcome->attempt);
    jw_put_bool(w, "final", outcome->final);
    if (outcome->flaky) {
        jw_put_bool(w, "flaky", true);
    }
    jw_put_int(w, "exit", outcome->exit_code);
    put_int_unless_zero(w, "signal", outcome->signal);
    write_flags(w, outcome->flags);
    jw_put_string(w, "message", outcome->message);
    jw_put_string(w, "hint", outcome->hint);
    jw_put_string(w, "unstored", outcome->unstored);
    jw_put_string(w, "warning", outcome->warning);
    jw_put_int(w, "started", outcome->started_ms);
    jw_put_int(w, "wall_ns", outcome->wall_ns);
    jw_put_int(w, "user_us", outcome->cpu_user_us);
    jw_put_int(w, "sys_us", outcome->cpu_sys_us);
    put_int_unless_zero(w, "rss_kib", outcome->max_rss_kib);
    jw_put_int(w, "slot", outcome->slot);
    write_reused(w, outcome->reused);
    write_capture(w, "out", &outcome->out);
    write_capture(w, "err", &outcome->err);
    if (outcome->cases.count > 0) {
        jw_key(w, "cases");
        jw_array(w);
        for (size_t i = 0; i < outcome->cases.count; i++) {
            case_write(w, &outcome->cases.items[i]);
        }
        jw_end_array(w);
    }
}

static void write_unit_finished(struct json_writer *w, const struct event *event)
{
    const struct unit *unit = event->u.unit_finished.definition;
    jw_put_string(w, "layer", event->u.unit_finished.layer);
    jw_put_string(w, "unit", event->u.unit_finished.unit);
    if (unit != NULL) {
        jw_put_string(w, "file", unit->file);
        put_int_unless_zero(w, "line", unit->line);
        put_text_list(w, "labels", &unit->labels);
    }
    write_outcome(w, event->u.unit_finished.outcome);
}

void tally_write(struct json_writer *w, const struct tally *tally)
{
    jw_object(w);
    jw_put_int(w, "units", (int64_t)tally->units);
    jw_put_int(w, "passed", (int64_t)tally->passed);
    jw_put_int(w, "failed", (int64_t)tally->failed);
    jw_put_int(w, "errored", (int64_t)tally->errored);
    jw_put_int(w, "timed_out", (int64_t)tally->timed_out);
    jw_put_int(w, "skipped", (int64_t)tally->skipped);
    jw_put_int(w, "flaky", (int64_t)tally->flaky);
    jw_put_int(w, "not_run", (int64_t)tally->not_run);
    jw_put_int(w, "reused", (int64_t)tally->reused);
    jw_put_int(w, "cases", (int64_t)tally->cases);
    jw_put_int(w, "cases_passed", (int64_t)tally->cases_passed);
    jw_put_int(w, "cases_failed", (int64_t)tally->cases_failed);
    jw_put_int(w, "cases_errored", (int64_t)tally->cases_errored);
    jw_put_int(w, "cases_skipped", (int64_t)tally->cases_skipped);
    jw_end_object(w);
}

static void write_tally(struct json_writer *w, const struct tally *tally)
{
    if (tally != NULL) {
        jw_key(w, "tally");
        tally_write(w, tally);
    }
}

static void write_finding(struct json_writer *w, const struct finding *finding)
{
    jw_object(w);
    jw_put_string(w, "file", finding->file);
    put_int_unless_zero(w, "line", finding->line);
    put_int_unless_zero(w, "column", finding->column);
    jw_put_string(w, "rule", finding->rule);
    jw_put_string(w, "severity", finding->severity);
    jw_put_string(w, "message", finding->message);
    jw_put_string(w, "fix", finding->fix);
    jw_end_object(w);
}

static void write_judgement(struct json_writer *w, const struct judgement *judgement)
{
    if (judgement == NULL) {
        return;
    }
    jw_key(w, "metrics");
    jw_object(w);
    for (size_t i = 0; i < judgement->metric_count; i++) {
        jw_put_double(w, judgement->metrics[i].name, judgement->metrics[i].value);
    }
    jw_end_object(w);
    if (judgement->finding_count > 0) {
        jw_key(w, "findings");
        jw_array(w);
        for (size_t i = 0; i < judgement->finding_count; i++) {
            write_finding(w, &judgement->findings[i]);
        }
        jw_end_array(w);
    }
    put_text_list(w, "artifacts", &judgement->artifacts);
}

void gate_write(struct json_writer *w, const struct gate_result *gate)
{
    jw_object(w);
    jw_put_string(w, "metric", gate->rule.metric);
    if (gate->rule.has_min) {
        jw_put_double(w, "min", gate->rule.min);
    }
    if (gate->rule.has_max) {
        jw_put_double(w, "max", gate->rule.max);
    }
    if (gate->known) {
        jw_put_double(w, "value", gate->value);
    }
    jw_put_bool(w, "open", gate->open);
    jw_end_object(w);
}

static void write_layer_judged(struct json_writer *w, const struct event *event)
{
    const struct verdict *verdict = event->u.layer_judged.verdict;
    jw_put_string(w, "layer", event->u.layer_judged.layer);
    jw_put_string(w, "name", event->u.layer_judged.name);
    jw_put_string(w, "state", verdict_state_name(verdict->state));
    jw_put_string(w, "reason", verdict->reason);
    if (verdict->unasked) {
        jw_put_bool(w, "unasked", true);
    }
    if (event->u.layer_judged.allow_failure) {
        jw_put_bool(w, "allow_failure", true);
    }
    write_judgement(w, event->u.layer_judged.judgement);
    jw_key(w, "gates");
    jw_array(w);
    for (size_t i = 0; i < verdict->gate_count; i++) {
        gate_write(w, &verdict->gates[i]);
    }
    jw_end_array(w);
    write_tally(w, event->u.layer_judged.tally);
}

static void write_note(struct json_writer *w, const struct event *event)
{
    jw_put_string(w, "level", event->u.note.level);
    jw_put_string(w, "text", event->u.note.text);
    jw_put_string(w, "layer", event->u.note.layer);
    jw_put_string(w, "unit", event->u.note.unit);
}

static void write_run_finished(struct json_writer *w, const struct event *event)
{
    jw_put_int(w, "exit_code", event->u.run_finished.exit_code);
    jw_put_string(w, "reason", event->u.run_finished.reason);
    jw_put_int(w, "wall_ns", event->u.run_finished.wall_ns);
    jw_put_int(w, "cpu_us", event->u.run_finished.cpu_us);
    write_tally(w, event->u.run_finished.tally);
}

int event_write(struct str *out, const struct event *event)
{
    static void (*const writers[EVENT_TYPE_COUNT])(struct json_writer *, const struct event *) = {
        [EVENT_RUN_STARTED] = write_run_started,
        [EVENT_LAYER_STARTED] = write_layer_started,
        [EVENT_LAYER_PLANNED] = write_layer_planned,
        [EVENT_UNIT_STARTED] = write_unit_started,
        [EVENT_UNIT_SLOW] = write_unit_started,
        [EVENT_UNIT_FINISHED] = write_unit_finished,
        [EVENT_LAYER_JUDGED] = write_layer_judged,
        [EVENT_NOTE] = write_note,
        [EVENT_RUN_FINISHED] = write_run_finished,
    };
    struct json_writer w;
    if (event->line != NULL) {
        return str_append_n(out, event->line, event->line_len);
    }
    jw_begin(&w, out);
    jw_object(&w);
    jw_put_int(&w, "v", EVENT_VERSION);
    jw_put_int(&w, "seq", (int64_t)event->seq);
    jw_put_int(&w, "t", event->time_ms);
    jw_put_string(&w, "type", event_type_name(event->type));
    writers[event->type](&w, event);
    jw_end_object(&w);
    return str_append_char(out, '\n');
}
