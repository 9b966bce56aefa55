/* SPDX-License-Identifier: Apache-2.0 */
/* Events from NDJSON. Lenient about unknown fields (a newer writer), strict about types of known
 * ones: a wrong type reads as absent, absent required fields are errors. Everything lands in the
 * arena. */
#include "base/cleanup.h"
#include "base/json.h"
#include "model/event_json.h"

#include <errno.h>
#include <math.h>
#include <string.h>

struct reader {
    struct arena *arena;
    struct err *err;
    int error; /* first failure */
};

static void *take(struct reader *r, size_t count, size_t size)
{
    void *block = arena_calloc(r->arena, count, size);
    if (block == NULL && r->error == 0) {
        r->error = err_set(r->err, -ENOMEM, "out of memory reading an event");
    }
    return block;
}

static const char *copy(struct reader *r, const char *text)
{
    if (text == NULL) {
        return NULL;
    }
    const char *mine = arena_strdup(r->arena, text);
    if (mine == NULL && r->error == 0) {
        r->error = err_set(r->err, -ENOMEM, "out of memory reading an event");
    }
    return mine;
}

static const char *get_text(struct reader *r, const json_t *object, const char *key)
{
    return copy(r, json_string_value(json_object_get(object, key)));
}

/* Text that later code relies on being there. */
static const char *need_text(struct reader *r, const json_t *object, const char *key)
{
    const char *text = get_text(r, object, key);
    if (text == NULL && r->error == 0) {
        r->error = err_set(r->err, -EBADMSG, "event without text field \"%s\"", key);
    }
    return text;
}

static int64_t get_int(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static uint32_t get_u32(const json_t *object, const char *key)
{
    int64_t value = get_int(object, key);
    return value < 0 || value > UINT32_MAX ? 0 : (uint32_t)value;
}

static uint64_t get_count(const json_t *object, const char *key)
{
    int64_t value = get_int(object, key);
    return value < 0 ? 0 : (uint64_t)value;
}

static bool get_bool(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}

static void read_texts(struct reader *r, const json_t *array, struct text_list *ret_list)
{
    size_t count = json_array_size(array);
    const char **items = take(r, count + 1, sizeof *items);
    if (items == NULL) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        const char *text = copy(r, json_string_value(json_array_get(array, i)));
        items[i] = text != NULL ? text : "";
    }
    *ret_list = (struct text_list){items, count};
}

static void read_run_started(struct reader *r, const json_t *o, struct event *event)
{
    event->u.run_started.run_id = need_text(r, o, "run");
    event->u.run_started.version = get_text(r, o, "version");
    event->u.run_started.root = get_text(r, o, "root");
    event->u.run_started.pipeline = get_text(r, o, "pipeline");
    event->u.run_started.name = get_text(r, o, "name");
    event->u.run_started.tree = get_text(r, o, "tree");
    event->u.run_started.host = get_text(r, o, "host");
    event->u.run_started.resumed = get_text(r, o, "resumed");
    event->u.run_started.command = get_text(r, o, "command");
    event->u.run_started.jobs = get_u32(o, "jobs");
    event->u.run_started.layer_count = get_u32(o, "layers");
    event->u.run_started.shard_index = get_u32(o, "shard");
    event->u.run_started.shard_count = get_u32(o, "shards");
}

static void read_layer_started(struct reader *r, const json_t *o, struct event *event)
{
    event->u.layer_started.layer = need_text(r, o, "layer");
    event->u.layer_started.name = get_text(r, o, "name");
    event->u.layer_started.stage = get_text(r, o, "stage");
}

static void read_layer_planned(struct reader *r, const json_t *o, struct event *event)
{
    event->u.layer_planned.layer = need_text(r, o, "layer");
    event->u.layer_planned.units = get_count(o, "units");
    event->u.layer_planned.excluded = get_count(o, "excluded");
    event->u.layer_planned.left_out = get_count(o, "left_out");
    event->u.layer_planned.carried = get_count(o, "carried");
}

static void read_unit_started(struct reader *r, const json_t *o, struct event *event)
{
    event->u.unit_started.layer = need_text(r, o, "layer");
    event->u.unit_started.unit = need_text(r, o, "unit");
    event->u.unit_started.attempt = get_u32(o, "attempt");
    event->u.unit_started.slot = (int)get_int(o, "slot");
    event->u.unit_started.why = get_text(r, o, "why");
}

static struct capture read_capture(struct reader *r, const json_t *o)
{
    struct capture capture = {0};
    if (json_is_object(o)) {
        capture.file = need_text(r, o, "file");
        capture.offset = get_count(o, "offset");
        capture.len = get_count(o, "len");
        capture.dropped = get_count(o, "dropped");
    }
    return capture;
}

static unsigned flag_of(const char *word)
{
    for (unsigned bit = 0; word != NULL && bit < OUTCOME_FLAG_COUNT; bit++) {
        if (strcmp(word, outcome_flag_names[bit]) == 0) {
            return 1U << bit;
        }
    }
    return 0;
}

static unsigned read_flags(const json_t *array)
{
    unsigned flags = 0;
    for (size_t i = 0; i < json_array_size(array); i++) {
        flags |= flag_of(json_string_value(json_array_get(array, i)));
    }
    return flags;
}

static enum outcome_status read_status(struct reader *r, const json_t *o)
{
    const char *word = json_string_value(json_object_get(o, "status"));
    int status = word != NULL ? outcome_status_parse(word) : -1;
    if (status < 0) {
        if (r->error == 0) {
            r->error =
                err_set(r->err,
                        -EBADMSG,
                        "status \"%s\" is none of passed, failed, errored, timed_out, skipped",
                        word != NULL ? word : "");
        }
        return OUTCOME_ERRORED;
    }
    return (enum outcome_status)status;
}

static void read_case_object(struct reader *r, const json_t *o, struct test_case *test_case)
{
    const json_t *time = json_object_get(o, "time");
    test_case->suite = get_text(r, o, "suite");
    test_case->classname = get_text(r, o, "classname");
    test_case->name = need_text(r, o, "name");
    test_case->status = read_status(r, o);
    test_case->time_s = json_is_number(time) ? json_number_value(time) : -1;
    test_case->file = get_text(r, o, "file");
    test_case->line = get_u32(o, "line");
    test_case->message = get_text(r, o, "message");
    test_case->type = get_text(r, o, "type");
    test_case->details = get_text(r, o, "details");
    test_case->output = get_text(r, o, "output");
    test_case->flaky = get_bool(o, "flaky");
}

static void read_cases(struct reader *r, const json_t *array, struct case_list *ret_list)
{
    size_t count = json_array_size(array);
    struct test_case *items = take(r, count, sizeof *items);
    for (size_t i = 0; items != NULL && i < count; i++) {
        read_case_object(r, json_array_get(array, i), &items[i]);
    }
    if (items != NULL) {
        *ret_list = (struct case_list){items, count};
    }
}

static const struct reused *read_reused(struct reader *r, const json_t *o)
{
    struct reused *reused = json_is_object(o) ? take(r, 1, sizeof *reused) : NULL;
    if (reused != NULL) {
        reused->evidence = get_text(r, o, "evidence");
        reused->run = get_text(r, o, "run");
        reused->change = get_text(r, o, "change");
        reused->tree = get_text(r, o, "tree");
        reused->earned_ms = get_int(o, "earned");
    }
    return reused;
}

static void read_outcome(struct reader *r, const json_t *o, struct outcome *outcome)
{
    outcome->status = read_status(r, o);
    outcome->attempt = get_u32(o, "attempt");
    outcome->final = get_bool(o, "final");
    outcome->flaky = get_bool(o, "flaky");
    outcome->exit_code = (int)get_int(o, "exit");
    outcome->signal = (int)get_int(o, "signal");
    outcome->flags = read_flags(json_object_get(o, "flags"));
    outcome->message = get_text(r, o, "message");
    outcome->hint = get_text(r, o, "hint");
    outcome->unstored = get_text(r, o, "unstored");
    outcome->warning = get_text(r, o, "warning");
    outcome->started_ms = get_int(o, "started");
    outcome->wall_ns = get_int(o, "wall_ns");
    outcome->cpu_user_us = get_int(o, "user_us");
    outcome->cpu_sys_us = get_int(o, "sys_us");
    outcome->max_rss_kib = get_int(o, "rss_kib");
    outcome->slot = (int)get_int(o, "slot");
    outcome->out = read_capture(r, json_object_get(o, "out"));
    outcome->err = read_capture(r, json_object_get(o, "err"));
    outcome->reused = read_reused(r, json_object_get(o, "reused"));
    const json_t *cases = json_object_get(o, "cases");
    if (cases != NULL) {
        read_cases(r, cases, &outcome->cases);
    }
}

static void read_unit_finished(struct reader *r, const json_t *o, struct event *event)
{
    struct outcome *outcome = take(r, 1, sizeof *outcome);
    struct unit *unit = take(r, 1, sizeof *unit);
    if (outcome == NULL || unit == NULL) {
        return;
    }
    read_outcome(r, o, outcome);
    unit->id = need_text(r, o, "unit");
    unit->file = get_text(r, o, "file");
    unit->line = get_u32(o, "line");
    read_texts(r, json_object_get(o, "labels"), &unit->labels);
    event->u.unit_finished.layer = need_text(r, o, "layer");
    event->u.unit_finished.unit = unit->id;
    event->u.unit_finished.definition = unit;
    event->u.unit_finished.outcome = outcome;
}

static const struct tally *read_tally(struct reader *r, const json_t *o)
{
    struct tally *tally = take(r, 1, sizeof *tally);
    if (tally == NULL || !json_is_object(o)) {
        return NULL;
    }
    *tally = (struct tally){
        .units = get_count(o, "units"),
        .passed = get_count(o, "passed"),
        .failed = get_count(o, "failed"),
        .errored = get_count(o, "errored"),
        .timed_out = get_count(o, "timed_out"),
        .skipped = get_count(o, "skipped"),
        .flaky = get_count(o, "flaky"),
        .not_run = get_count(o, "not_run"),
        .reused = get_count(o, "reused"),
        .cases = get_count(o, "cases"),
        .cases_passed = get_count(o, "cases_passed"),
        .cases_failed = get_count(o, "cases_failed"),
        .cases_errored = get_count(o, "cases_errored"),
        .cases_skipped = get_count(o, "cases_skipped"),
    };
    return tally;
}

/* What was not measured is null. */
static double number_or_nan(const json_t *value)
{
    return json_is_number(value) ? json_number_value(value) : (double)NAN;
}

static void read_metrics(struct reader *r, json_t *object, struct judgement *judgement)
{
    struct metric *metrics = take(r, json_object_size(object), sizeof *metrics);
    const char *key;
    json_t *value;
    size_t count = 0;
    if (metrics == NULL) {
        return;
    }
    json_object_foreach(object, key, value)
    {
        metrics[count++] = (struct metric){.name = copy(r, key), .value = number_or_nan(value)};
    }
    judgement->metrics = metrics;
    judgement->metric_count = count;
}

static void read_findings(struct reader *r, const json_t *array, struct judgement *judgement)
{
    size_t count = json_array_size(array);
    struct finding *findings = take(r, count, sizeof *findings);
    for (size_t i = 0; findings != NULL && i < count; i++) {
        const json_t *o = json_array_get(array, i);
        findings[i] = (struct finding){
            .file = get_text(r, o, "file"),
            .line = get_u32(o, "line"),
            .column = get_u32(o, "column"),
            .rule = get_text(r, o, "rule"),
            .severity = get_text(r, o, "severity"),
            .message = get_text(r, o, "message"),
            .fix = get_text(r, o, "fix"),
        };
    }
    judgement->findings = findings;
    judgement->finding_count = findings != NULL ? count : 0;
}

static struct gate_result read_gate(struct reader *r, const json_t *o)
{
    const json_t *min = json_object_get(o, "min");
    const json_t *max = json_object_get(o, "max");
    const json_t *value = json_object_get(o, "value");
    return (struct gate_result){
        .rule = {.metric = need_text(r, o, "metric"),
                 .has_min = json_is_number(min),
                 .has_max = json_is_number(max),
                 .min = json_number_value(min),
                 .max = json_number_value(max)},
        .known = value != NULL,
        .value = value != NULL ? number_or_nan(value) : 0,
        .open = get_bool(o, "open"),
    };
}

static void read_verdict(struct reader *r, const json_t *o, struct verdict *verdict)
{
    const char *word = json_string_value(json_object_get(o, "state"));
    int state = word != NULL ? verdict_state_parse(word) : -1;
    if (state < 0 && r->error == 0) {
        r->error = err_set(r->err, -EBADMSG, "layer_judged without a known \"state\"");
    }
    verdict->state = state < 0 ? VERDICT_ERROR : (enum verdict_state)state;
    verdict->reason = get_text(r, o, "reason");
    verdict->unasked = json_is_true(json_object_get(o, "unasked"));
    const json_t *array = json_object_get(o, "gates");
    size_t count = json_array_size(array);
    struct gate_result *gates = take(r, count, sizeof *gates);
    for (size_t i = 0; gates != NULL && i < count; i++) {
        gates[i] = read_gate(r, json_array_get(array, i));
    }
    verdict->gates = gates;
    verdict->gate_count = gates != NULL ? count : 0;
}

static void read_layer_judged(struct reader *r, const json_t *o, struct event *event)
{
    struct verdict *verdict = take(r, 1, sizeof *verdict);
    struct judgement *judgement = take(r, 1, sizeof *judgement);
    json_t *metrics = json_object_get(o, "metrics");
    if (verdict == NULL || judgement == NULL) {
        return;
    }
    read_verdict(r, o, verdict);
    if (json_is_object(metrics)) {
        read_metrics(r, metrics, judgement);
        read_findings(r, json_object_get(o, "findings"), judgement);
        read_texts(r, json_object_get(o, "artifacts"), &judgement->artifacts);
        event->u.layer_judged.judgement = judgement;
    }
    event->u.layer_judged.layer = need_text(r, o, "layer");
    event->u.layer_judged.name = get_text(r, o, "name");
    event->u.layer_judged.allow_failure = get_bool(o, "allow_failure");
    event->u.layer_judged.verdict = verdict;
    event->u.layer_judged.tally = read_tally(r, json_object_get(o, "tally"));
}

static void read_note(struct reader *r, const json_t *o, struct event *event)
{
    event->u.note.level = need_text(r, o, "level");
    event->u.note.text = need_text(r, o, "text");
    event->u.note.layer = get_text(r, o, "layer");
    event->u.note.unit = get_text(r, o, "unit");
}

static void read_run_finished(struct reader *r, const json_t *o, struct event *event)
{
    event->u.run_finished.exit_code = (enum exit_code)get_u32(o, "exit_code");
    event->u.run_finished.reason = get_text(r, o, "reason");
    event->u.run_finished.wall_ns = get_int(o, "wall_ns");
    event->u.run_finished.cpu_us = get_int(o, "cpu_us");
    event->u.run_finished.tally = read_tally(r, json_object_get(o, "tally"));
}

static int find_type(const char *word)
{
    for (int type = 0; type < EVENT_TYPE_COUNT; type++) {
        if (strcmp(event_type_name((enum event_type)type), word) == 0) {
            return type;
        }
    }
    return -1;
}

static int read_typed(struct reader *r, const json_t *object, int type, struct event *ret_event)
{
    static void (*const readers[EVENT_TYPE_COUNT])(
        struct reader *, const json_t *, struct event *) = {
        [EVENT_RUN_STARTED] = read_run_started,
        [EVENT_LAYER_STARTED] = read_layer_started,
        [EVENT_LAYER_PLANNED] = read_layer_planned,
        [EVENT_UNIT_STARTED] = read_unit_started,
        [EVENT_UNIT_SLOW] = read_unit_started,
        [EVENT_UNIT_FINISHED] = read_unit_finished,
        [EVENT_LAYER_JUDGED] = read_layer_judged,
        [EVENT_NOTE] = read_note,
        [EVENT_RUN_FINISHED] = read_run_finished,
    };
    struct event event = {
        .type = (enum event_type)type,
        .seq = get_count(object, "seq"),
        .time_ms = get_int(object, "t"),
    };
    readers[type](r, object, &event);
    if (r->error != 0) {
        return r->error;
    }
    *ret_event = event;
    return 1;
}

int event_read(
    const char *line, size_t len, struct arena *arena, struct event *ret_event, struct err *err)
{
    json_t *object CLEANUP(json_cleanup) = NULL;
    int rc = json_parse(line, len, &object, err);
    if (rc < 0) {
        return rc;
    }
    const char *word = json_string_value(json_object_get(object, "type"));
    if (word == NULL) {
        return err_set(err, -EBADMSG, "not an event: no \"type\"");
    }
    if (get_int(object, "v") > EVENT_VERSION) {
        return err_set(err,
                       -EPROTO,
                       "event version %lld is newer than %d: read it with a newer sluice",
                       (long long)get_int(object, "v"),
                       EVENT_VERSION);
    }
    int type = find_type(word);
    if (type < 0) {
        return 0;
    }
    struct reader r = {.arena = arena, .err = err};
    return read_typed(&r, object, type, ret_event);
}

int case_read(
    const char *line, size_t len, struct arena *arena, struct test_case *ret_case, struct err *err)
{
    json_t *object CLEANUP(json_cleanup) = NULL;
    int rc = json_parse(line, len, &object, err);
    if (rc < 0) {
        return rc;
    }
    const char *text = NULL;
    const char *name = NULL;
    const char *status = NULL;
    int64_t line_number = 0;
    double time = 0;
    bool flaky = false;
    const struct json_field fields[] = {
        {"suite",     JSON_FIELD_STRING, false, &text       },
        {"classname", JSON_FIELD_STRING, false, &text       },
        {"name",      JSON_FIELD_STRING, true,  &name       },
        {"status",    JSON_FIELD_STRING, true,  &status     },
        {"time",      JSON_FIELD_DOUBLE, false, &time       },
        {"file",      JSON_FIELD_STRING, false, &text       },
        {"line",      JSON_FIELD_INT,    false, &line_number},
        {"message",   JSON_FIELD_STRING, false, &text       },
        {"type",      JSON_FIELD_STRING, false, &text       },
        {"details",   JSON_FIELD_STRING, false, &text       },
        {"output",    JSON_FIELD_STRING, false, &text       },
        {"flaky",     JSON_FIELD_BOOL,   false, &flaky      },
    };
    rc = json_read_object(object, fields, sizeof fields / sizeof *fields, err);
    if (rc < 0) {
        return rc;
    }
    struct reader r = {.arena = arena, .err = err};
    struct test_case test_case = {0};
    read_case_object(&r, object, &test_case);
    if (r.error == 0) {
        *ret_case = test_case;
    }
    return r.error;
}
