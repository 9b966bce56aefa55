/* SPDX-License-Identifier: Apache-2.0 */
/* The JUnit writer: entries (case_fold.h) to suites. Bodies are spooled per layer, because counts
 * come before them in the file. */
#include "reports/junit.h"

#include "base/clock.h"
#include "base/mem.h"
#include "reports/junit_impl.h"
#include "reports/report_impl.h"
#include "reports/xml_write.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- errors stick until junit_finish() ---- */

static void keep_error(struct junit *junit, int rc)
{
    if (rc != 0 && junit->error.code == 0) {
        (void)err_set(&junit->error, rc, "cannot write the JUnit report: out of memory");
    }
}

static void settle(struct junit *junit, struct spool *spool)
{
    struct err err = {0};
    if (spool_settle(spool, &err) != 0 && junit->error.code == 0) {
        junit->error = err;
    }
    keep_error(junit, junit->writer.error);
}

/* ---- layers ---- */

static void layer_free(struct layer_report *layer)
{
    spool_fini(&layer->flat_body);
    spool_fini(&layer->suites_body);
    spool_fini(&layer->flat_out);
    spool_fini(&layer->flat_err);
    mem_free(layer);
}

static int add_layer(void *context, size_t index)
{
    struct junit *junit = context;
    assert(index == junit->layers.count);
    (void)index;
    struct layer_report *layer = mem_calloc(1, sizeof *layer);
    if (layer == NULL) {
        return -ENOMEM;
    }
    spool_init(&layer->flat_body, junit->run_dir);
    spool_init(&layer->suites_body, junit->run_dir);
    spool_init(&layer->flat_out, junit->run_dir);
    spool_init(&layer->flat_err, junit->run_dir);
    // NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers
    if (vec_push(&junit->layers, layer) != 0) {
        layer_free(layer);
        return -ENOMEM;
    }
    return 0;
}

/* ---- suites ---- */

void junit_begin_suite(struct junit *junit,
                       struct str *out,
                       const char *name,
                       const struct junit_counts *counts,
                       int64_t started_ms)
{
    char timestamp[TIMESTAMP_TEXT_MAX];
    const bool all = junit->writer.profile->all_required;
    (void)str_append(out, "<testsuite");
    xml_attribute(out, "name", name);
    if (all) {
        xml_attribute(out, "package", name);
        xml_attribute_count(out, "id", junit->suite_count++);
    }
    junit_write_counts(out, counts);
    xml_attribute(out, "timestamp", timestamp_format(started_ms, timestamp));
    const char *unknown = all ? "localhost" : NULL;
    xml_attribute(out, "hostname", junit->host.len > 0 ? junit->host.data : unknown);
    (void)str_append(out, ">\n<properties>\n");
    (void)str_append(out, str_text(&junit->properties));
    junit_write_reused_count(out, counts);
    (void)str_append(out, "</properties>\n");
}

void junit_end_suite(const struct junit *junit,
                     struct str *out,
                     const struct str *suite_out,
                     const struct str *suite_err)
{
    if (!junit->writer.profile->case_outputs) {
        (void)str_append(out, "<system-out>");
        (void)str_append(out, suite_out != NULL ? str_text(suite_out) : "");
        (void)str_append(out, "</system-out>\n<system-err>");
        (void)str_append(out, suite_err != NULL ? str_text(suite_err) : "");
        (void)str_append(out, "</system-err>\n");
    } else if (suite_err != NULL && suite_err->len > 0) { /* sluice's own words on the suite */
        (void)str_append(out, "<system-err>");
        (void)str_append(out, str_text(suite_err));
        (void)str_append(out, "</system-err>\n");
    }
    (void)str_append(out, "</testsuite>\n");
}

static void unit_init(struct unit_report *unit)
{
    *unit = (struct unit_report){0};
    spool_init(&unit->body, NULL);
    str_init(&unit->out, (size_t)JUNIT_TEXTS_MAX * 6); /* a byte may take six */
    str_init(&unit->err, (size_t)JUNIT_TEXTS_MAX * 6);
}

static void unit_fini(struct unit_report *unit)
{
    spool_fini(&unit->body);
    str_fini(&unit->out);
    str_fini(&unit->err);
}

static int begin_unit(void *context, size_t layer, const struct event *event, const char *suite)
{
    struct junit *junit = context;
    (void)layer;
    (void)event;
    (void)suite;
    unit_init(&junit->unit);
    return 0;
}

static int end_unit(void *context, size_t index, const struct event *event, const char *suite)
{
    struct junit *junit = context;
    struct unit_report *unit = &junit->unit;
    struct layer_report *layer = junit->layers.items[index];
    const struct outcome *outcome = event->u.unit_finished.outcome;
    struct junit_counts *counts = &unit->counts;
    junit->writer.suite_out = &unit->out;
    junit->writer.suite_err = &unit->err;
    if (counts->failures + counts->errors > 0 && !unit->told) {
        junit_write_captures(&junit->writer, &unit->body.text, outcome);
    }
    if (counts->time_s <= 0) {
        counts->time_s = (double)outcome->wall_ns / 1e9;
    }
    if (outcome->warning != NULL) {
        (void)str_append(&unit->err, "warning: ");
        xml_text(&unit->err, outcome->warning);
        (void)str_append_char(&unit->err, '\n');
    }
    struct str *out = &layer->suites_body.text;
    junit_begin_suite(junit, out, suite, counts, outcome->started_ms);
    keep_error(junit, unit->body.text.error);
    (void)str_append_n(out, str_text(&unit->body.text), unit->body.text.len);
    keep_error(junit, unit->out.error != 0 ? unit->out.error : unit->err.error);
    junit_end_suite(junit, out, &unit->out, &unit->err);
    junit_counts_add(&layer->suites, counts);
    unit_fini(unit);
    settle(junit, &layer->suites_body);
    return 0;
}

static int add_entry(void *context, size_t index, const struct case_entry *entry)
{
    struct junit *junit = context;
    struct layer_report *layer = junit->layers.items[index];
    struct unit_report *unit = &junit->unit;
    if (entry->kind == ENTRY_CASE || entry->kind == ENTRY_REST) {
        junit->writer.suite_out = &unit->out;
        junit->writer.suite_err = &unit->err;
        junit_write_entry(&junit->writer, &unit->body.text, entry, &unit->counts);
        unit->told = unit->told || entry->kind == ENTRY_REST;
        return 0;
    }
    junit->writer.suite_out = &layer->flat_out.text;
    junit->writer.suite_err = &layer->flat_err.text;
    junit_write_entry(&junit->writer, &layer->flat_body.text, entry, &layer->flat);
    settle(junit, &layer->flat_body);
    settle(junit, &layer->flat_out);
    settle(junit, &layer->flat_err);
    return 0;
}

static int keep_attempt(void *context, struct str *out, const struct case_entry *entry)
{
    struct junit *junit = context;
    return junit_write_attempt(&junit->writer, out, entry);
}

static const struct case_fold_ops fold_ops = {
    .layer = add_layer,
    .attempt = keep_attempt,
    .begin_unit = begin_unit,
    .end_unit = end_unit,
    .entry = add_entry,
};

/* ---- the run ---- */

static void on_run_started(struct junit *junit, const struct event *event)
{
    struct str *p = &junit->properties;
    const char *name = event->u.run_started.name;
    const char *host = event->u.run_started.host;
    str_clear(p);
    junit_write_property(p, "sluice.run", event->u.run_started.run_id);
    junit_write_property(p, "sluice.version", event->u.run_started.version);
    junit_write_property(p, "sluice.pipeline", event->u.run_started.pipeline);
    junit_write_property(p, "sluice.tree", event->u.run_started.tree);
    junit_write_property(p, "sluice.resumed", event->u.run_started.resumed);
    if (event->u.run_started.shard_count > 0) {
        char shard[32];
        (void)snprintf(shard,
                       sizeof shard,
                       "%u/%u",
                       event->u.run_started.shard_index,
                       event->u.run_started.shard_count);
        junit_write_property(p, "sluice.shard", shard);
    }
    (void)str_append(&junit->name, name != NULL ? name : "sluice");
    (void)str_append(&junit->host, host != NULL ? host : "");
}

static void emit(struct event_sink *sink, const struct event *event)
{
    struct junit *junit = (struct junit *)sink;
    if (event->type == EVENT_RUN_STARTED) {
        on_run_started(junit, event);
    }
    case_fold_event(&junit->fold, event);
}

/* ---- life ---- */

int junit_new(const struct junit_options *options, struct junit **ret_junit, struct err *err)
{
    assert(options->file != NULL && options->file[0] != '\0');
    struct junit *junit = mem_calloc(1, sizeof *junit);
    if (junit == NULL) {
        return err_set(err, -ENOMEM, "out of memory");
    }
    junit->sink.emit = emit;
    case_fold_init(&junit->fold, &fold_ops, junit);
    str_init(&junit->properties, 1u << 20);
    str_init(&junit->name, 1u << 16);
    str_init(&junit->host, 1u << 16);
    junit->file = mem_strdup(options->file);
    junit->run_dir = options->run_dir != NULL ? mem_strdup(options->run_dir) : NULL;
    if (junit->file == NULL || (options->run_dir != NULL && junit->run_dir == NULL)) {
        junit_free(junit);
        return err_set(err, -ENOMEM, "out of memory");
    }
    junit->writer.profile = options->profile != NULL ? options->profile : &junit_profile_rich;
    junit->writer.run_dir = junit->run_dir;
    junit->folder = text_ends_with(options->file, "/");
    junit_forget(junit->file);
    *ret_junit = junit;
    return 0;
}

struct event_sink *junit_sink(struct junit *junit)
{
    return &junit->sink;
}

int junit_finish(struct junit *junit, struct err *err)
{
    case_fold_finish(&junit->fold);
    keep_error(junit, junit->fold.error);
    if (junit->error.code != 0) {
        return err_set(err, junit->error.code, "%s", junit->error.text);
    }
    return junit->folder ? junit_write_folder(junit, err)
                         : junit_write_file(junit, junit->file, 0, junit->layers.count, err);
}

void junit_free(struct junit *junit)
{
    if (junit == NULL) {
        return;
    }
    for (size_t i = 0; i < junit->layers.count; i++) {
        layer_free(junit->layers.items[i]);
    }
    vec_fini(&junit->layers);
    unit_fini(&junit->unit);
    case_fold_fini(&junit->fold);
    junit_writer_fini(&junit->writer);
    str_fini(&junit->properties);
    str_fini(&junit->name);
    str_fini(&junit->host);
    mem_free(junit->file);
    mem_free(junit->run_dir);
    mem_free(junit);
}

/* ---- as reports by name ---- */

struct junit_report {
    struct report_output report;
    struct event_sink *inner;
    struct junit *junit;
};

static void pass_on(struct event_sink *sink, const struct event *event)
{
    const struct junit_report *self = (struct junit_report *)sink;
    self->inner->emit(self->inner, event);
}

static int report_init(struct report_output *report, struct err *err)
{
    static const struct junit_profile *const profiles[] = {
        &junit_profile_rich, &junit_profile_jenkins, &junit_profile_ant};
    struct junit_report *self = (struct junit_report *)report;
    const struct junit_options options = {
        .file = report->path,
        .run_dir = report->run_dir,
        .profile = profiles[report->writer->variant],
    };
    const int rc = junit_new(&options, &self->junit, err);
    if (rc == 0) {
        self->inner = junit_sink(self->junit);
        report->sink.emit = pass_on;
    }
    return rc;
}

static int finish(struct report_output *report, struct err *err)
{
    return junit_finish(((struct junit_report *)report)->junit, err);
}

static void fini(struct report_output *report)
{
    junit_free(((struct junit_report *)report)->junit);
}

#define WRITER(profile_name, words, number)                                            \
    {                                                                                  \
        .kind = {.name = (profile_name), .what = (words), .folders = true},            \
        .size = sizeof(struct junit_report), .variant = (number), .init = report_init, \
        .finish = finish, .fini = fini, .forget = junit_forget,                        \
    }

const struct report_writer report_junit = WRITER("junit", "JUnit XML with all there is to tell", 0);
const struct report_writer report_junit_jenkins =
    WRITER("junit:jenkins", "JUnit XML, valid by Jenkins's schema", 1);
const struct report_writer report_junit_ant =
    WRITER("junit:ant", "JUnit XML, valid by Ant's schema: the strictest", 2);
