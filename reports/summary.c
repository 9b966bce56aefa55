/* SPDX-License-Identifier: Apache-2.0 */
/* Layers are written as JSON when they are judged and kept as text; the end adds the counts. */
#include "reports/summary.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "base/mem.h"
#include "model/event_json.h"
#include "reports/origins.h"

#include <errno.h>

/* All layers together: a thousand with a hundred metrics each. */
#define LAYERS_TEXT_MAX (16u << 20)

struct summary {
    struct event_sink sink;
    struct str layers; /* JSON objects, separated by commas */
    struct str run;
    struct str reason;
    struct tally tally; /* from units, until the run's own comes */
    struct origins origins;
    bool finished;
    enum exit_code exit_code;
    int64_t wall_ns;
    int64_t cpu_us;
    int64_t started_ms;
    int64_t last_ms;
};

static void write_counts(struct json_writer *w, const struct tally *t)
{
    jw_key(w, "counts");
    tally_write(w, t);
}

static void write_metrics(struct json_writer *w, const struct judgement *judgement)
{
    jw_key(w, "metrics");
    jw_object(w);
    for (size_t i = 0; judgement != NULL && i < judgement->metric_count; i++) {
        jw_put_double(w, judgement->metrics[i].name, judgement->metrics[i].value);
    }
    jw_end_object(w);
}

static void write_gates(struct json_writer *w, const struct verdict *verdict)
{
    jw_key(w, "gates");
    jw_array(w);
    for (size_t i = 0; i < verdict->gate_count; i++) {
        gate_write(w, &verdict->gates[i]);
    }
    jw_end_array(w);
}

static void on_layer_judged(struct summary *summary, const struct event *event)
{
    const struct verdict *verdict = event->u.layer_judged.verdict;
    struct json_writer w;
    if (summary->layers.len > 0) {
        (void)str_append_char(&summary->layers, ',');
    }
    jw_begin(&w, &summary->layers);
    jw_object(&w);
    jw_put_string(&w, "id", event->u.layer_judged.layer);
    jw_put_string(&w, "state", verdict_state_name(verdict->state));
    jw_put_string(&w, "reason", verdict->reason);
    if (event->u.layer_judged.allow_failure) {
        jw_put_bool(&w, "allow_failure", true);
    }
    if (event->u.layer_judged.tally != NULL) {
        write_counts(&w, event->u.layer_judged.tally);
    }
    write_metrics(&w, event->u.layer_judged.judgement);
    write_gates(&w, verdict);
    jw_end_object(&w);
}

static void on_run_finished(struct summary *summary, const struct event *event)
{
    summary->finished = true;
    summary->exit_code = event->u.run_finished.exit_code;
    summary->wall_ns = event->u.run_finished.wall_ns;
    summary->cpu_us = event->u.run_finished.cpu_us;
    if (event->u.run_finished.reason != NULL) {
        (void)str_append(&summary->reason, event->u.run_finished.reason);
    }
    if (event->u.run_finished.tally != NULL) {
        summary->tally = *event->u.run_finished.tally;
    }
}

static void on_unit_finished(struct summary *summary, const struct outcome *outcome)
{
    tally_add(&summary->tally, outcome);
    origins_add(&summary->origins, outcome);
    if (outcome->reused == NULL) { /* its cost was paid by the run that earned it */
        summary->cpu_us += outcome->cpu_user_us + outcome->cpu_sys_us;
    }
}

static void emit(struct event_sink *sink, const struct event *event)
{
    struct summary *summary = (struct summary *)sink;
    summary->last_ms = event->time_ms;
    if (event->type == EVENT_RUN_STARTED) {
        summary->started_ms = event->time_ms;
        (void)str_append(&summary->run, event->u.run_started.run_id);
    } else if (event->type == EVENT_UNIT_FINISHED) {
        on_unit_finished(summary, event->u.unit_finished.outcome);
    } else if (event->type == EVENT_LAYER_JUDGED) {
        on_layer_judged(summary, event);
    } else if (event->type == EVENT_RUN_FINISHED) {
        on_run_finished(summary, event);
    }
}

int summary_new(struct summary **ret_summary, struct err *err)
{
    struct summary *summary = mem_calloc(1, sizeof *summary);
    if (summary == NULL) {
        return err_set(err, -ENOMEM, "out of memory");
    }
    summary->sink.emit = emit;
    str_init(&summary->layers, LAYERS_TEXT_MAX);
    str_init(&summary->run, 1u << 16);
    str_init(&summary->reason, 1u << 20);
    *ret_summary = summary;
    return 0;
}

struct event_sink *summary_sink(struct summary *summary)
{
    return &summary->sink;
}

static int texts_error(const struct summary *summary)
{
    if (summary->layers.error != 0) {
        return summary->layers.error;
    }
    return summary->run.error != 0 ? summary->run.error : summary->reason.error;
}

int summary_write(const struct summary *summary, struct str *out)
{
    struct json_writer w;
    CLEANUP(str_fini) struct str layers = STR_INIT(LAYERS_TEXT_MAX + 2);
    if (texts_error(summary) != 0) {
        out->error = texts_error(summary);
        return out->error;
    }
    (void)str_appendf(&layers, "[%s]", str_text(&summary->layers));
    if (layers.error != 0) {
        out->error = layers.error;
        return out->error;
    }
    jw_begin(&w, out);
    jw_object(&w);
    jw_put_string(&w, "run", str_text(&summary->run));
    if (summary->finished) {
        jw_put_int(&w, "exit_code", summary->exit_code);
        jw_put_string(&w, "reason", summary->reason.len > 0 ? summary->reason.data : NULL);
    } else {
        jw_key(&w, "exit_code");
        jw_null(&w);
        jw_put_string(&w, "reason", "the run did not finish");
    }
    write_counts(&w, &summary->tally);
    jw_key(&w, "reused_from");
    origins_write(&summary->origins, &w);
    jw_key(&w, "layers");
    jw_raw(&w, str_text(&layers));
    int64_t wall_ms = summary->last_ms - summary->started_ms;
    jw_put_double(&w, "cpu_s", (double)summary->cpu_us / 1e6);
    jw_put_double(
        &w, "wall_s", summary->finished ? (double)summary->wall_ns / 1e9 : (double)wall_ms / 1e3);
    jw_end_object(&w);
    return str_append_char(out, '\n');
}

void summary_free(struct summary *summary)
{
    if (summary != NULL) {
        origins_fini(&summary->origins);
        str_fini(&summary->layers);
        str_fini(&summary->run);
        str_fini(&summary->reason);
        mem_free(summary);
    }
}
