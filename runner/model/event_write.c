/* SPDX-License-Identifier: Apache-2.0 */
/* Events to NDJSON. One function per type; a table picks it. Fields at their zero value are left
 * out where zero means "nothing", so that a line of a passed unit stays short. */
#include "base/json.h"
#include "model/event_json.h"

static void put_int_unless_zero(struct json_writer *w, const char *key, int64_t value)
{
    if (value != 0) {
        json_put_int(w, key, value);
    }
}

static void put_text_list(struct json_writer *w, const char *key, const struct text_list *list)
{
    if (list->count == 0) {
        return;
    }
    json_key(w, key);
    json_array(w);
    for (size_t i = 0; i < list->count; i++) {
        json_string(w, list->items[i]);
    }
    json_end_array(w);
}

void case_write(struct json_writer *w, const struct test_case *test_case)
{
    json_object(w);
    json_put_string(w, "suite", test_case->suite);
    json_put_string(w, "classname", test_case->classname);
    json_put_string(w, "name", test_case->name);
    json_put_string(w, "status", outcome_status_name(test_case->status));
    if (test_case->time_s >= 0) {
        json_put_double(w, "time", test_case->time_s);
    }
    json_put_string(w, "file", test_case->file);
    put_int_unless_zero(w, "line", test_case->line);
    json_put_string(w, "message", test_case->message);
    json_put_string(w, "type", test_case->type);
    json_put_string(w, "details", test_case->details);
    json_put_string(w, "output", test_case->output);
    if (test_case->flaky) {
        json_put_bool(w, "flaky", true);
    }
    json_end_object(w);
}

static void write_run_started(struct json_writer *w, const struct event *event)
{
    json_put_string(w, "run", event->u.run_started.run_id);
    json_put_string(w, "version", event->u.run_started.version);
    json_put_string(w, "root", event->u.run_started.root);
    json_put_string(w, "pipeline", event->u.run_started.pipeline);
    json_put_string(w, "name", event->u.run_started.name);
    json_put_string(w, "tree", event->u.run_started.tree);
    json_put_string(w, "host", event->u.run_started.host);
    json_put_string(w, "resumed", event->u.run_started.resumed);
    json_put_string(w, "command", event->u.run_started.command);
    json_put_int(w, "jobs", event->u.run_started.jobs);
    json_put_int(w, "layers", (int64_t)event->u.run_started.layer_count);
}

static void write_layer_started(struct json_writer *w, const struct event *event)
{
    json_put_string(w, "layer", event->u.layer_started.layer);
    json_put_string(w, "name", event->u.layer_started.name);
    json_put_string(w, "stage", event->u.layer_started.stage);
}

static void write_layer_planned(struct json_writer *w, const struct event *event)
{
    json_put_string(w, "layer", event->u.layer_planned.layer);
    json_put_int(w, "units", (int64_t)event->u.layer_planned.units);
    put_int_unless_zero(w, "excluded", (int64_t)event->u.layer_planned.excluded);
    put_int_unless_zero(w, "carried", (int64_t)event->u.layer_planned.carried);
}

static void write_unit_started(struct json_writer *w, const struct event *event)
{
    json_put_string(w, "layer", event->u.unit_started.layer);
    json_put_string(w, "unit", event->u.unit_started.unit);
    json_put_int(w, "attempt", event->u.unit_started.attempt);
    json_put_int(w, "slot", event->u.unit_started.slot);
}

static void write_capture(struct json_writer *w, const char *key, const struct capture *capture)
{
    if (capture->len == 0) {
        return;
    }
    json_key(w, key);
    json_object(w);
    json_put_string(w, "file", capture->file);
    json_put_int(w, "offset", (int64_t)capture->offset);
    json_put_int(w, "len", (int64_t)capture->len);
    put_int_unless_zero(w, "dropped", (int64_t)capture->dropped);
    json_end_object(w);
}

static const char *const flag_names[] = {
    "leaked_process",
    "leaked_pipe",
    "output_cut",
    "slow",
    "killed",
    "unsandboxed",
    "cancelled",
    "scratch_full",
    "oom",
};

static void write_flags(struct json_writer *w, unsigned flags)
{
    if (flags == 0) {
        return;
    }
    json_key(w, "flags");
    json_array(w);
    for (unsigned i = 0; i < sizeof flag_names / sizeof *flag_names; i++) {
        if ((flags & (1U << i)) != 0) {
            json_string(w, flag_names[i]);
        }
    }
    json_end_array(w);
}

static void write_outcome(struct json_writer *w, const struct outcome *outcome)
{
    json_put_string(w, "status", outcome_status_name(outcome->status));
    json_put_int(w, "attempt", outcome->attempt);
    json_put_bool(w, "final", outcome->final);
    if (outcome->flaky) {
        json_put_bool(w, "flaky", true);
    }
    json_put_int(w, "exit", outcome->exit_code);
    put_int_unless_zero(w, "signal", outcome->signal);
    write_flags(w, outcome->flags);
    json_put_string(w, "message", outcome->message);
    json_put_string(w, "hint", outcome->hint);
    json_put_int(w, "started", outcome->started_ms);
    json_put_int(w, "wall_ns", outcome->wall_ns);
    json_put_int(w, "user_us", outcome->cpu_user_us);
    json_put_int(w, "sys_us", outcome->cpu_sys_us);
    put_int_unless_zero(w, "rss_kib", outcome->max_rss_kib);
    json_put_int(w, "slot", outcome->slot);
    write_capture(w, "out", &outcome->out);
    write_capture(w, "err", &outcome->err);
    if (outcome->cases.count > 0) {
        json_key(w, "cases");
        json_array(w);
        for (size_t i = 0; i < outcome->cases.count; i++) {
            case_write(w, &outcome->cases.items[i]);
        }
        json_end_array(w);
    }
}

static void write_unit_finished(struct json_writer *w, const struct event *event)
{
    const struct unit *unit = event->u.unit_finished.definition;
    json_put_string(w, "layer", event->u.unit_finished.layer);
    json_put_string(w, "unit", event->u.unit_finished.unit);
    if (unit != NULL) {
        json_put_string(w, "file", unit->file);
        put_int_unless_zero(w, "line", unit->line);
        put_text_list(w, "labels", &unit->labels);
    }
    write_outcome(w, event->u.unit_finished.outcome);
}

static void write_tally(struct json_writer *w, const struct tally *tally)
{
    if (tally == NULL) {
        return;
    }
    json_key(w, "tally");
    json_object(w);
    json_put_int(w, "units", (int64_t)tally->units);
    json_put_int(w, "passed", (int64_t)tally->passed);
    json_put_int(w, "failed", (int64_t)tally->failed);
    json_put_int(w, "errored", (int64_t)tally->errored);
    json_put_int(w, "timed_out", (int64_t)tally->timed_out);
    json_put_int(w, "skipped", (int64_t)tally->skipped);
    json_put_int(w, "flaky", (int64_t)tally->flaky);
    json_put_int(w, "not_run", (int64_t)tally->not_run);
    json_put_int(w, "cases", (int64_t)tally->cases);
    json_put_int(w, "cases_passed", (int64_t)tally->cases_passed);
    json_put_int(w, "cases_failed", (int64_t)tally->cases_failed);
    json_put_int(w, "cases_errored", (int64_t)tally->cases_errored);
    json_put_int(w, "cases_skipped", (int64_t)tally->cases_skipped);
    json_end_object(w);
}

static void write_finding(struct json_writer *w, const struct finding *finding)
{
    json_object(w);
    json_put_string(w, "file", finding->file);
    put_int_unless_zero(w, "line", finding->line);
    put_int_unless_zero(w, "column", finding->column);
    json_put_string(w, "rule", finding->rule);
    json_put_string(w, "severity", finding->severity);
    json_put_string(w, "message", finding->message);
    json_put_string(w, "fix", finding->fix);
    json_end_object(w);
}

static void write_judgement(struct json_writer *w, const struct judgement *judgement)
{
    if (judgement == NULL) {
        return;
    }
    json_key(w, "metrics");
    json_object(w);
    for (size_t i = 0; i < judgement->metric_count; i++) {
        json_put_double(w, judgement->metrics[i].name, judgement->metrics[i].value);
    }
    json_end_object(w);
    if (judgement->finding_count > 0) {
        json_key(w, "findings");
        json_array(w);
        for (size_t i = 0; i < judgement->finding_count; i++) {
            write_finding(w, &judgement->findings[i]);
        }
        json_end_array(w);
    }
    put_text_list(w, "artifacts", &judgement->artifacts);
}

static void write_gate(struct json_writer *w, const struct gate_result *gate)
{
    json_object(w);
    json_put_string(w, "metric", gate->rule.metric);
    if (gate->rule.has_min) {
        json_put_double(w, "min", gate->rule.min);
    }
    if (gate->rule.has_max) {
        json_put_double(w, "max", gate->rule.max);
    }
    if (gate->known) {
        json_put_double(w, "value", gate->value);
    }
    json_put_bool(w, "open", gate->open);
    json_end_object(w);
}

static void write_layer_judged(struct json_writer *w, const struct event *event)
{
    const struct verdict *verdict = event->u.layer_judged.verdict;
    json_put_string(w, "layer", event->u.layer_judged.layer);
    json_put_string(w, "name", event->u.layer_judged.name);
    json_put_string(w, "state", verdict_state_name(verdict->state));
    json_put_string(w, "reason", verdict->reason);
    if (event->u.layer_judged.allow_failure) {
        json_put_bool(w, "allow_failure", true);
    }
    write_judgement(w, event->u.layer_judged.judgement);
    json_key(w, "gates");
    json_array(w);
    for (size_t i = 0; i < verdict->gate_count; i++) {
        write_gate(w, &verdict->gates[i]);
    }
    json_end_array(w);
    write_tally(w, event->u.layer_judged.tally);
}

static void write_note(struct json_writer *w, const struct event *event)
{
    json_put_string(w, "level", event->u.note.level);
    json_put_string(w, "text", event->u.note.text);
    json_put_string(w, "layer", event->u.note.layer);
    json_put_string(w, "unit", event->u.note.unit);
}

static void write_run_finished(struct json_writer *w, const struct event *event)
{
    json_put_int(w, "exit_code", event->u.run_finished.exit_code);
    json_put_string(w, "reason", event->u.run_finished.reason);
    json_put_int(w, "wall_ns", event->u.run_finished.wall_ns);
    json_put_int(w, "cpu_us", event->u.run_finished.cpu_us);
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
    json_begin(&w, out);
    json_object(&w);
    json_put_int(&w, "v", EVENT_VERSION);
    json_put_int(&w, "seq", (int64_t)event->seq);
    json_put_int(&w, "t", event->time_ms);
    json_put_string(&w, "type", event_type_name(event->type));
    writers[event->type](&w, event);
    json_end_object(&w);
    return str_append_char(out, '\n');
}
