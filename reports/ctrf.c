/* SPDX-License-Identifier: Apache-2.0 */
/* Common Test Report Format: one JSON object (docs/formats/ctrf.md). Counts stand before the tests:
 * these are spooled. */
#include "base/cleanup.h"
#include "base/mem.h"
#include "reports/capture_text.h"
#include "reports/case_fold.h"
#include "reports/origins.h"
#include "reports/report_impl.h"
#include "reports/report_text.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define MESSAGE_MAX 4096
/* A trace, and what a unit printed; people read no more. */
#define TEXT_MAX (64u << 10)
/* All texts of a report together; beyond, outputs are left out: tools hold reports in memory. */
#define TEXTS_MAX (24u << 20)

/* One test: four texts of 64 KiB, a byte of which takes six at most, and a hundred failed attempts
 * of as much. */
#define TEST_MAX (160u << 20)

struct ctrf {
    struct report_output report;
    struct case_fold fold;
    struct unique names;
    struct spool tests;
    struct str run; /* id */
    struct str version;
    uint64_t count, suites;
    uint64_t by_status[OUTCOME_STATUS_COUNT];
    uint64_t flaky, reused;
    size_t texts;
    int64_t last_ms;
};

static const char *const status_words[OUTCOME_STATUS_COUNT] = {
    [OUTCOME_PASSED] = "passed",
    [OUTCOME_FAILED] = "failed",
    [OUTCOME_ERRORED] = "failed",
    [OUTCOME_TIMED_OUT] = "failed",
    [OUTCOME_SKIPPED] = "skipped",
};

static bool take_budget(struct ctrf *ctrf, size_t len)
{
    const bool fits = ctrf->texts + len <= TEXTS_MAX;
    ctrf->texts += fits ? len : 0;
    return fits;
}

static void put_text(struct ctrf *ctrf, struct json_writer *w, const char *key, const char *text)
{
    if (text == NULL || text[0] == '\0') {
        return;
    }
    const size_t len = strlen(text);
    if (take_budget(ctrf, len < TEXT_MAX ? len : TEXT_MAX)) {
        jw_put_clean(w, key, text, TEXT_MAX);
    } else {
        jw_put_string(w, key, "[left out: this report has reached its size limit]");
    }
}

static void put_result(struct ctrf *ctrf, struct json_writer *w, const struct case_entry *entry)
{
    char buf[ENTRY_MESSAGE_SIZE];
    if (status_is_bad(entry->status)) {
        jw_put_clean(w, "message", case_entry_message(entry, buf), MESSAGE_MAX);
        put_text(ctrf, w, "trace", entry->details);
    } else if (entry->status == OUTCOME_SKIPPED) {
        jw_put_clean(w, "message", entry->message, MESSAGE_MAX);
    }
}

/* A list of lines. */
static void put_lines(struct json_writer *w, const char *key, const char *text)
{
    jw_key(w, key);
    jw_array(w);
    while (*text != '\0') {
        const size_t len = strcspn(text, "\n");
        jw_string_n(w, text, len);
        text += len + (text[len] == '\n' ? 1 : 0);
    }
    jw_end_array(w);
}

static void put_capture(struct ctrf *ctrf,
                        struct json_writer *w,
                        const char *key,
                        const struct capture *capture)
{
    const size_t size = capture->len < TEXT_MAX ? (size_t)capture->len : TEXT_MAX;
    CLEANUP(str_fini) struct str text = STR_INIT(4 * (size_t)TEXT_MAX);
    if (size == 0 || !take_budget(ctrf, size)) {
        return;
    }
    if (capture_text(&text, ctrf->report.run_dir, capture, TEXT_MAX) != 0) {
        report_keep_error(&ctrf->report, text.error);
        return;
    }
    put_lines(w, key, str_text(&text));
}

static void put_outputs(struct ctrf *ctrf, struct json_writer *w, const struct case_entry *entry)
{
    if (!status_is_bad(entry->status)) {
        return;
    }
    if (entry->outcome != NULL) {
        put_capture(ctrf, w, "stdout", &entry->outcome->out);
        put_capture(ctrf, w, "stderr", &entry->outcome->err);
    } else if (entry->output != NULL && take_budget(ctrf, strlen(entry->output))) {
        CLEANUP(str_fini) struct str text = STR_INIT(4 * (size_t)TEXT_MAX);
        text_clean_cut(&text, entry->output, TEXT_MAX);
        str_carry_error(w->out, &text);
        put_lines(w, "stdout", str_text(&text));
    }
}

/* An attempt as it was kept, with its number in front. */
static void put_attempt(struct json_writer *w, unsigned number, const char *kept)
{
    CLEANUP(str_fini) struct str object = STR_INIT(TEST_MAX);
    (void)str_appendf(&object, "{\"attempt\":%u,%s", number, kept + 1);
    str_carry_error(w->out, &object);
    jw_raw(w, str_text(&object));
}

/* The failed attempts before this one. */
static void put_attempts(struct json_writer *w, const struct case_entry *entry)
{
    unsigned count = 0;
    const struct case_attempt *attempt = NULL;
    while ((attempt = case_entry_take_attempt(entry)) != NULL) {
        if (count++ == 0) {
            jw_key(w, "retryAttempts");
            jw_array(w);
        }
        put_attempt(w, count, attempt->text);
    }
    if (count > 0) {
        jw_end_array(w);
        jw_put_int(w, "retries", count);
    } else if (entry->outcome != NULL && entry->outcome->attempt > 1) {
        jw_put_int(w, "retries", entry->outcome->attempt - 1);
    }
}

static void put_extra(struct json_writer *w, const struct case_entry *entry)
{
    jw_key(w, "extra");
    jw_object(w);
    jw_put_clean(w, "classname", entry->classname, MESSAGE_MAX);
    jw_put_string(w, "unit", entry->unit);
    if (status_is_bad(entry->status)) {
        jw_put_clean(w, "type", case_entry_type(entry), MESSAGE_MAX);
        jw_put_clean(w, "hint", entry->hint, MESSAGE_MAX);
    }
    if (entry->outcome != NULL && status_is_bad(entry->status)) {
        jw_put_int(w, "exit", entry->outcome->exit_code);
        jw_put_int(w, "signal", entry->outcome->signal);
    }
    if (entry->reused != NULL) {
        jw_key(w, "reused");
        jw_object(w);
        jw_put_string(w, "evidence", entry->reused->evidence);
        jw_put_string(w, "run", entry->reused->run);
        jw_put_string(w, "change", entry->reused->change);
        jw_end_object(w);
    }
    jw_end_object(w);
}

static int64_t milliseconds(double seconds)
{
    return isfinite(seconds) && seconds > 0 && seconds < 1e9 ? (int64_t)(seconds * 1000 + 0.5) : 0;
}

static void put_moments(struct json_writer *w, const struct case_entry *entry)
{
    jw_put_int(w, "duration", milliseconds(entry->time_s));
    if (entry->kind == ENTRY_UNIT && entry->outcome->started_ms > 0) {
        const int64_t started_ms = entry->outcome->started_ms;
        jw_put_int(w, "start", started_ms);
        jw_put_int(w, "stop", started_ms + entry->outcome->wall_ns / 1000000);
    }
}

static void write_test(struct ctrf *ctrf,
                       struct str *out,
                       size_t layer,
                       const struct case_entry *entry)
{
    struct json_writer w;
    CLEANUP(str_fini) struct str other = STR_INIT(TEXT_MAX);
    report_keep_error(&ctrf->report,
                      unique_name(&ctrf->names, entry->classname, entry->name, &other));
    jw_begin(&w, out);
    jw_object(&w);
    jw_put_clean(&w, "name", other.len > 0 ? other.data : entry->name, MESSAGE_MAX);
    jw_put_string(&w, "status", status_words[entry->status]);
    put_moments(&w, entry);
    jw_key(&w, "suite");
    jw_array(&w);
    jw_string(&w, ctrf->fold.layers.items[layer].id);
    if (entry->kind == ENTRY_CASE || entry->kind == ENTRY_REST) {
        jw_string(&w, entry->unit);
    }
    jw_end_array(&w);
    put_result(ctrf, &w, entry);
    jw_put_string(&w, "rawStatus", outcome_status_name(entry->status));
    jw_put_clean(&w, "filePath", entry->file, MESSAGE_MAX);
    if (entry->line > 0) {
        jw_put_int(&w, "line", entry->line);
    }
    jw_put_bool(&w, "flaky", entry->flaky);
    put_attempts(&w, entry);
    put_outputs(ctrf, &w, entry);
    put_extra(&w, entry);
    jw_end_object(&w);
}

/* ---- entries ---- */

static int keep_attempt(void *context, struct str *out, const struct case_entry *entry)
{
    struct ctrf *ctrf = context;
    struct json_writer w;
    jw_begin(&w, out);
    jw_object(&w);
    /* a pass that its report calls flaky stands for the attempt that failed */
    jw_put_string(&w, "status", "failed");
    jw_put_int(&w, "duration", milliseconds(entry->time_s));
    put_result(ctrf, &w, entry);
    jw_end_object(&w);
    return str_error(out);
}

static int add_entry(void *context, size_t layer, const struct case_entry *entry)
{
    struct ctrf *ctrf = context;
    struct str *out = &ctrf->tests.text;
    CLEANUP(str_fini) struct str test = STR_INIT(TEST_MAX);
    write_test(ctrf, &test, layer, entry);
    report_keep_error(&ctrf->report, str_error(&test));
    (void)str_append(out, ctrf->count > 0 ? ",\n" : "");
    (void)str_append(out, str_text(&test));
    ctrf->count++;
    ctrf->by_status[entry->status]++;
    ctrf->flaky += entry->flaky ? 1 : 0;
    ctrf->reused += entry->reused != NULL ? 1 : 0;
    report_settle(&ctrf->report, &ctrf->tests);
    return 0;
}

static int add_suite(void *context, size_t layer, const struct event *event, const char *suite)
{
    struct ctrf *ctrf = context;
    (void)layer;
    (void)event;
    (void)suite;
    ctrf->suites++;
    return 0;
}

static int add_layer(void *context, size_t layer)
{
    struct ctrf *ctrf = context;
    (void)layer;
    ctrf->suites++;
    return 0;
}

static const struct case_fold_ops fold_ops = {
    .layer = add_layer,
    .attempt = keep_attempt,
    .begin_unit = add_suite,
    .entry = add_entry,
};

static void emit(struct event_sink *sink, const struct event *event)
{
    struct ctrf *ctrf = (struct ctrf *)sink;
    ctrf->last_ms = event->time_ms;
    if (event->type == EVENT_RUN_STARTED) {
        (void)str_append(&ctrf->run, event->u.run_started.run_id);
        (void)str_append(&ctrf->version, event->u.run_started.version);
    }
    case_fold_event(&ctrf->fold, event);
}

/* ---- the document ---- */

static void put_summary(struct ctrf *ctrf, struct json_writer *w)
{
    const uint64_t *n = ctrf->by_status;
    jw_key(w, "summary");
    jw_object(w);
    jw_put_int(w, "tests", (int64_t)ctrf->count);
    jw_put_int(w, "passed", (int64_t)n[OUTCOME_PASSED]);
    jw_put_int(
        w, "failed", (int64_t)(n[OUTCOME_FAILED] + n[OUTCOME_ERRORED] + n[OUTCOME_TIMED_OUT]));
    jw_put_int(w, "skipped", (int64_t)n[OUTCOME_SKIPPED]);
    jw_put_int(w, "pending", 0);
    jw_put_int(w, "other", 0);
    jw_put_int(w, "flaky", (int64_t)ctrf->flaky);
    jw_put_int(w, "suites", (int64_t)ctrf->suites);
    jw_put_int(w, "start", ctrf->fold.started_ms);
    jw_put_int(w, "stop", ctrf->last_ms);
    if (ctrf->fold.finished) {
        jw_put_int(w, "duration", ctrf->fold.wall_ns / 1000000);
    }
    jw_key(w, "extra");
    jw_object(w);
    jw_put_int(w, "errored", (int64_t)(n[OUTCOME_ERRORED] + n[OUTCOME_TIMED_OUT]));
    jw_put_int(w, "reused", (int64_t)ctrf->reused);
    if (ctrf->fold.finished) {
        jw_put_int(w, "exit_code", ctrf->fold.exit_code);
    }
    jw_end_object(w);
    jw_end_object(w);
}

static void write_head(struct ctrf *ctrf, struct str *out)
{
    struct json_writer w;
    CLEANUP(str_fini) struct str by = STR_INIT(1u << 16);
    (void)str_appendf(&by, "sluice %s", str_text(&ctrf->version));
    str_carry_error(out, &by);
    jw_begin(&w, out);
    jw_object(&w);
    jw_put_string(&w, "reportFormat", "CTRF");
    jw_put_string(&w, "specVersion", "1.0.0");
    jw_put_string(&w, "runId", str_text(&ctrf->run));
    jw_put_moment(&w, "timestamp", ctrf->fold.started_ms);
    jw_put_string(&w, "generatedBy", str_text(&by));
    jw_key(&w, "results");
    jw_object(&w);
    jw_key(&w, "tool");
    jw_object(&w);
    jw_put_string(&w, "name", "sluice");
    jw_put_string(&w, "version", str_text(&ctrf->version));
    jw_end_object(&w);
    put_summary(ctrf, &w);
    (void)str_append(out, ",\"tests\":[\n");
}

static int write_document(void *context, int fd, struct err *err)
{
    struct ctrf *ctrf = context;
    CLEANUP(str_fini) struct str head = STR_INIT(1u << 20);
    write_head(ctrf, &head);
    int rc = report_write_str(fd, &head, err);
    rc = rc == 0 ? spool_copy(&ctrf->tests, fd, err) : rc;
    return rc == 0 ? report_write_text(fd, "\n]}}\n", err) : rc;
}

/* ---- life ---- */

static int init(struct report_output *report, struct err *err)
{
    struct ctrf *ctrf = (struct ctrf *)report;
    (void)err;
    report->sink.emit = emit;
    case_fold_init(&ctrf->fold, &fold_ops, ctrf);
    spool_init(&ctrf->tests, report->run_dir);
    str_init(&ctrf->run, 1u << 16);
    str_init(&ctrf->version, 1u << 16);
    return 0;
}

static int finish(struct report_output *report, struct err *err)
{
    struct ctrf *ctrf = (struct ctrf *)report;
    case_fold_finish(&ctrf->fold);
    report_keep_error(report, ctrf->fold.error);
    report_keep_error(report, str_error(&ctrf->run));
    report_keep_error(report, str_error(&ctrf->version));
    if (report->error.code != 0) {
        return err_set(err, report->error.code, "%s", report->error.text);
    }
    return report_write_file(report->path, write_document, ctrf, err);
}

static void fini(struct report_output *report)
{
    struct ctrf *ctrf = (struct ctrf *)report;
    case_fold_fini(&ctrf->fold);
    unique_fini(&ctrf->names);
    spool_fini(&ctrf->tests);
    str_fini(&ctrf->run);
    str_fini(&ctrf->version);
}

static const char *const endings[] = {".json", NULL};

const struct report_writer report_ctrf = {
    .kind = {.name = "ctrf", .what = "Common Test Report Format (JSON)"},
    .endings = endings,
    .size = sizeof(struct ctrf),
    .init = init,
    .finish = finish,
    .fini = fini,
};
