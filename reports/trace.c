/* SPDX-License-Identifier: Apache-2.0 */
/* Chrome trace events, for Perfetto and chrome://tracing (docs/formats/trace.md):
 *
 *   process 1        the run: a slice for it, and one for each layer on a track of its own
 *   process 2, 3 ... a layer each; a track per slot, a slice per attempt of a unit; on track 0 an
 *                    instant for each unit that evidence answered for
 *
 * Slices of a track never overlap, as the format demands: a slot runs one unit at a time, but
 * beginnings are known to the millisecond only. */
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/vec.h"
#include "reports/report_impl.h"
#include "reports/report_text.h"

#include <errno.h>
#include <string.h>

#define TEXT_MAX 4096

#define PID_RUN       1
#define PID_OF(layer) ((int64_t)(layer) + 2)
/* Track 0 of a layer is of what did not run; slot 0 is track 1. */
#define TID_OF(slot) ((int64_t)(slot) + 1)

struct trace_layer {
    char *id;
    int64_t started_ms;
    bool judged;

    struct {
        VEC_FIELDS(bool);
    } slots; /* named already; [0] is track 0 */
};

struct trace_slot {
    int64_t free_us;    /* end of its last slice */
    int64_t started_ms; /* of what runs there now; 0 = nothing */
    size_t layer;
    char *unit;
};

struct trace_report {
    struct report_output report;
    struct spool events;
    struct str run, version;
    int64_t started_ms, last_ms;
    bool finished;
    enum exit_code exit_code;
    uint64_t count;

    struct {
        VEC_FIELDS(struct trace_layer);
    } layers;

    struct {
        VEC_FIELDS(struct trace_slot);
    } slots;
};

/* ---- events ---- */

static int64_t us_of(const struct trace_report *self, int64_t wall_ms)
{
    return wall_ms > self->started_ms ? (wall_ms - self->started_ms) * 1000 : 0;
}

static void begin(struct trace_report *self, struct json_writer *w, const char *phase, int64_t pid)
{
    struct str *out = &self->events.text;
    (void)str_append(out, self->count++ > 0 ? ",\n" : "");
    jw_begin(w, out);
    jw_object(w);
    jw_put_string(w, "ph", phase);
    jw_put_int(w, "pid", pid);
}

static void end(struct trace_report *self, struct json_writer *w)
{
    jw_end_object(w);
    report_settle(&self->report, &self->events);
}

/* A name of a process or a track. */
static void put_name(
    struct trace_report *self, int64_t pid, int64_t tid, const char *what, const char *name)
{
    struct json_writer w;
    begin(self, &w, "M", pid);
    jw_put_int(&w, "tid", tid);
    jw_put_string(&w, "name", what);
    jw_key(&w, "args");
    jw_object(&w);
    jw_put_clean(&w, "name", name, TEXT_MAX);
    jw_end_object(&w);
    end(self, &w);
}

/* Begins a slice; the caller adds args and ends it. */
static void begin_slice(
    struct trace_report *self, struct json_writer *w, int64_t pid, int64_t tid, const char *name)
{
    begin(self, w, "X", pid);
    jw_put_int(w, "tid", tid);
    jw_put_clean(w, "name", name, TEXT_MAX);
}

static void put_span(struct json_writer *w, int64_t from_us, int64_t to_us)
{
    jw_put_int(w, "ts", from_us);
    jw_put_int(w, "dur", to_us > from_us ? to_us - from_us : 0);
}

/* ---- layers and slots ---- */

#define NONE SIZE_MAX

static size_t layer_of(struct trace_report *self, const char *id, int64_t time_ms)
{
    for (size_t i = self->layers.count; i > 0; i--) {
        if (strcmp(self->layers.items[i - 1].id, id) == 0) {
            return i - 1;
        }
    }
    struct trace_layer layer = {.id = mem_strdup(id), .started_ms = time_ms};
    if (layer.id == NULL || vec_push(&self->layers, layer) != 0) {
        mem_free(layer.id);
        report_keep_error(&self->report, -ENOMEM);
        return NONE;
    }
    const size_t index = self->layers.count - 1;
    put_name(self, PID_OF(index), 0, "process_name", id);
    put_name(self, PID_RUN, TID_OF(index), "thread_name", id);
    return index;
}

/* Names the track of a slot when it is first used. `slot` -1 is track 0. */
static void name_track(struct trace_report *self, size_t layer, int slot)
{
    struct trace_layer *told = &self->layers.items[layer];
    const size_t track = (size_t)TID_OF(slot);
    while (told->slots.count <= track) {
        if (vec_push(&told->slots, false) != 0) {
            report_keep_error(&self->report, -ENOMEM);
            return;
        }
    }
    if (!told->slots.items[track]) {
        CLEANUP(str_fini) struct str name = STR_INIT(64);
        told->slots.items[track] = true;
        (void)(slot < 0 ? str_append(&name, "not run") : str_appendf(&name, "slot %d", slot));
        report_keep_error(&self->report, str_error(&name));
        put_name(self, PID_OF(layer), TID_OF(slot), "thread_name", str_text(&name));
    }
}

static struct trace_slot *slot_of(struct trace_report *self, int slot)
{
    while (slot >= 0 && self->slots.count <= (size_t)slot) {
        if (vec_push(&self->slots, (struct trace_slot){0}) != 0) {
            report_keep_error(&self->report, -ENOMEM);
            return NULL;
        }
    }
    return slot >= 0 ? &self->slots.items[slot] : NULL;
}

/* ---- units ---- */

static void on_unit_started(struct trace_report *self, const struct event *event)
{
    const size_t layer = layer_of(self, event->u.unit_started.layer, event->time_ms);
    struct trace_slot *slot = slot_of(self, event->u.unit_started.slot);
    if (slot == NULL || layer == NONE) {
        return;
    }
    mem_free(slot->unit);
    slot->unit = mem_strdup(event->u.unit_started.unit);
    slot->layer = layer;
    slot->started_ms = event->time_ms;
    report_keep_error(&self->report, slot->unit != NULL ? 0 : -ENOMEM);
}

static void put_outcome(struct json_writer *w, const struct outcome *outcome)
{
    jw_put_string(w, "cat", outcome_status_name(outcome->status));
    jw_key(w, "args");
    jw_object(w);
    jw_put_string(w, "status", outcome_status_name(outcome->status));
    if (outcome->attempt > 1 || !outcome->final) {
        jw_put_int(w, "attempt", outcome->attempt);
    }
    if (outcome->flaky) {
        jw_put_bool(w, "flaky", true);
    }
    jw_put_clean(w, "message", outcome->message, TEXT_MAX);
    if (outcome->reused != NULL) {
        jw_put_bool(w, "reused", true);
        jw_put_string(w, "evidence", outcome->reused->evidence);
        jw_put_string(w, "run", outcome->reused->run);
    } else {
        jw_put_int(w, "cpu_us", outcome->cpu_user_us + outcome->cpu_sys_us);
        jw_put_int(w, "rss_kib", outcome->max_rss_kib);
    }
    if (outcome->cases.count > 0) {
        jw_put_int(w, "cases", (int64_t)outcome->cases.count);
    }
    jw_end_object(w);
}

/* What did not run: reused, skipped, never started. */
static void put_instant(struct trace_report *self, size_t layer, const struct event *event)
{
    struct json_writer w;
    name_track(self, layer, -1);
    begin(self, &w, "i", PID_OF(layer));
    jw_put_int(&w, "tid", 0);
    jw_put_string(&w, "s", "t");
    const char *unit = event->u.unit_finished.unit;
    const bool reused = event->u.unit_finished.outcome->reused != NULL;
    CLEANUP(str_fini) struct str name = STR_INIT(1u << 16);
    (void)str_appendf(&name, "%s%s", unit, reused ? " (reused)" : "");
    str_carry_error(w.out, &name);
    jw_put_clean(&w, "name", str_text(&name), TEXT_MAX);
    jw_put_int(&w, "ts", us_of(self, event->time_ms));
    put_outcome(&w, event->u.unit_finished.outcome);
    end(self, &w);
}

static void on_unit_finished(struct trace_report *self, const struct event *event)
{
    const struct outcome *outcome = event->u.unit_finished.outcome;
    const size_t layer = layer_of(self, event->u.unit_finished.layer, event->time_ms);
    if (layer == NONE) {
        return;
    }
    struct trace_slot *slot = outcome->reused == NULL ? slot_of(self, outcome->slot) : NULL;
    if (slot == NULL) {
        put_instant(self, layer, event);
        return;
    }
    struct json_writer w;
    const int64_t began_us = us_of(self, outcome->started_ms);
    const int64_t from_us = began_us > slot->free_us ? began_us : slot->free_us;
    const int64_t end_us = began_us + outcome->wall_ns / 1000;
    const int64_t to_us = end_us > from_us ? end_us : from_us;
    name_track(self, layer, outcome->slot);
    begin_slice(self, &w, PID_OF(layer), TID_OF(outcome->slot), event->u.unit_finished.unit);
    put_span(&w, from_us, to_us);
    put_outcome(&w, outcome);
    end(self, &w);
    slot->free_us = to_us;
    slot->started_ms = 0;
}

/* ---- layers and the run ---- */

static void put_layer(struct trace_report *self, size_t index, int64_t end_ms, const char *state)
{
    struct trace_layer *layer = &self->layers.items[index];
    struct json_writer w;
    begin_slice(self, &w, PID_RUN, TID_OF(index), layer->id);
    put_span(&w, us_of(self, layer->started_ms), us_of(self, end_ms));
    jw_put_string(&w, "cat", "layer");
    jw_key(&w, "args");
    jw_object(&w);
    jw_put_string(&w, "state", state);
    jw_end_object(&w);
    end(self, &w);
    layer->judged = true;
}

static void on_layer_judged(struct trace_report *self, const struct event *event)
{
    const size_t layer = layer_of(self, event->u.layer_judged.layer, event->time_ms);
    if (layer != NONE) {
        put_layer(
            self, layer, event->time_ms, verdict_state_name(event->u.layer_judged.verdict->state));
    }
}

static void emit(struct event_sink *sink, const struct event *event)
{
    struct trace_report *self = (struct trace_report *)sink;
    self->last_ms = event->time_ms;
    switch (event->type) {
    case EVENT_RUN_STARTED:
        self->started_ms = event->time_ms;
        (void)str_append(&self->run, event->u.run_started.run_id);
        (void)str_append(&self->version, event->u.run_started.version);
        break;
    case EVENT_LAYER_STARTED:
        (void)layer_of(self, event->u.layer_started.layer, event->time_ms);
        break;
    case EVENT_UNIT_STARTED:
        on_unit_started(self, event);
        break;
    case EVENT_UNIT_FINISHED:
        on_unit_finished(self, event);
        break;
    case EVENT_LAYER_JUDGED:
        on_layer_judged(self, event);
        break;
    case EVENT_RUN_FINISHED:
        self->finished = true;
        self->exit_code = event->u.run_finished.exit_code;
        break;
    case EVENT_LAYER_PLANNED:
    case EVENT_UNIT_SLOW:
    case EVENT_NOTE:
        break;
    }
}

/* ---- the document ---- */

/* What was under way when sluice was killed ends with the last event. */
static void end_slots(struct trace_report *self)
{
    for (size_t i = 0; i < self->slots.count; i++) {
        struct trace_slot *slot = &self->slots.items[i];
        if (slot->started_ms == 0 || slot->unit == NULL) {
            continue;
        }
        struct json_writer w;
        const int64_t began_us = us_of(self, slot->started_ms);
        name_track(self, slot->layer, (int)i);
        begin_slice(self, &w, PID_OF(slot->layer), TID_OF(i), slot->unit);
        put_span(
            &w, began_us > slot->free_us ? began_us : slot->free_us, us_of(self, self->last_ms));
        jw_put_string(&w, "cat", "unfinished");
        end(self, &w);
    }
}

static void end_run(struct trace_report *self)
{
    struct json_writer w;
    for (size_t i = 0; i < self->layers.count; i++) {
        if (!self->layers.items[i].judged) {
            put_layer(self, i, self->last_ms, "unfinished");
        }
    }
    put_name(self, PID_RUN, 0, "process_name", "sluice");
    put_name(self, PID_RUN, 0, "thread_name", "run");
    begin_slice(self, &w, PID_RUN, 0, str_text(&self->run));
    put_span(&w, 0, us_of(self, self->last_ms));
    jw_put_string(&w, "cat", self->finished ? "run" : "unfinished");
    jw_key(&w, "args");
    jw_object(&w);
    if (self->finished) {
        jw_put_int(&w, "exit_code", self->exit_code);
    } else {
        jw_put_string(&w, "error", "the run did not finish");
    }
    jw_end_object(&w);
    end(self, &w);
}

static int write_document(void *context, int fd, struct err *err)
{
    struct trace_report *self = context;
    CLEANUP(str_fini) struct str head = STR_INIT(1u << 20);
    struct json_writer w;
    jw_begin(&w, &head);
    jw_object(&w);
    jw_put_string(&w, "displayTimeUnit", "ms");
    jw_key(&w, "otherData");
    jw_object(&w);
    jw_put_string(&w, "run", str_text(&self->run));
    jw_put_string(&w, "version", str_text(&self->version));
    jw_put_moment(&w, "started", self->started_ms);
    jw_end_object(&w);
    (void)str_append(&head, ",\"traceEvents\":[\n");
    int rc = report_write_str(fd, &head, err);
    rc = rc == 0 ? spool_copy(&self->events, fd, err) : rc;
    return rc == 0 ? report_write_text(fd, "\n]}\n", err) : rc;
}

/* ---- life ---- */

static int init(struct report_output *report, struct err *err)
{
    struct trace_report *self = (struct trace_report *)report;
    (void)err;
    report->sink.emit = emit;
    spool_init(&self->events, report->run_dir);
    str_init(&self->run, 1u << 16);
    str_init(&self->version, 1u << 16);
    return 0;
}

static int finish(struct report_output *report, struct err *err)
{
    struct trace_report *self = (struct trace_report *)report;
    end_slots(self);
    end_run(self);
    report_keep_error(report, str_error(&self->run));
    report_keep_error(report, str_error(&self->version));
    if (report->error.code != 0) {
        return err_set(err, report->error.code, "%s", report->error.text);
    }
    return report_write_file(report->path, write_document, self, err);
}

static void fini(struct report_output *report)
{
    struct trace_report *self = (struct trace_report *)report;
    for (size_t i = 0; i < self->layers.count; i++) {
        mem_free(self->layers.items[i].id);
        vec_fini(&self->layers.items[i].slots);
    }
    vec_fini(&self->layers);
    for (size_t i = 0; i < self->slots.count; i++) {
        mem_free(self->slots.items[i].unit);
    }
    vec_fini(&self->slots);
    spool_fini(&self->events);
    str_fini(&self->run);
    str_fini(&self->version);
}

static const char *const endings[] = {".json", NULL};

const struct report_writer report_trace = {
    .kind = {.name = "trace", .what = "Chrome trace events: who ran when, for Perfetto (JSON)"},
    .endings = endings,
    .size = sizeof(struct trace_report),
    .init = init,
    .finish = finish,
    .fini = fini,
};
