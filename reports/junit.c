/* SPDX-License-Identifier: Apache-2.0 */
/* The JUnit writer: a fold over events.
 *
 *   unit without cases  -> one <testcase> in the suite LAYER
 *   unit with cases     -> a suite LAYER.UNIT, one <testcase> per case; "(unit)" for what went
 * wrong beside them layer               -> "(layer)" / "(gate)" when its verdict shows in no case
 *   run                 -> "(run)" in the suite "sluice" when it did not end well
 *
 * Never green by absence: whatever keeps the exit code from 0 is in the file as a failure or error.
 * Bodies are spooled per layer, because counts come before them in the file. */
#include "reports/junit.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/vec.h"
#include "reports/junit_body.h"
#include "reports/junit_impl.h"
#include "reports/spool.h"
#include "reports/xml_write.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Findings told in the text of a shut gate; the rest is counted. */
#define FINDINGS_TOLD 50

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
    if (layer == NULL) {
        return;
    }
    spool_fini(&layer->flat_body);
    spool_fini(&layer->suites_body);
    mem_free(layer->id);
    mem_free(layer);
}

static struct layer_report *layer_new(struct junit *junit, const char *id)
{
    struct layer_report *layer = mem_calloc(1, sizeof *layer);
    if (layer == NULL) {
        return NULL;
    }
    spool_init(&layer->flat_body, junit->run_dir);
    spool_init(&layer->suites_body, junit->run_dir);
    layer->id = mem_strdup(id);
    // NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers
    if (layer->id == NULL || vec_push(&junit->layers, layer) != 0) {
        layer_free(layer);
        return NULL;
    }
    return layer;
}

/* Layers are few (a pipeline has tens): a search is fine, the newest first because events come in
 * bursts of one layer. */
static struct layer_report *layer_of(struct junit *junit, const char *id, int64_t time_ms)
{
    for (size_t i = junit->layers.count; i > 0; i--) {
        if (strcmp(junit->layers.items[i - 1]->id, id) == 0) {
            return junit->layers.items[i - 1];
        }
    }
    struct layer_report *layer = layer_new(junit, id);
    if (layer == NULL) {
        keep_error(junit, -ENOMEM);
        return NULL;
    }
    layer->started_ms = time_ms;
    return layer;
}

static bool layer_is_bad(const struct layer_report *layer)
{
    return layer->flat.failures + layer->flat.errors + layer->suites.failures + layer->suites.errors
           > 0;
}

static void add_layer_entry(struct junit *junit,
                            struct layer_report *layer,
                            const struct junit_entry *entry)
{
    junit_write_entry(&junit->writer, &layer->flat_body.text, entry, &layer->flat);
    settle(junit, &layer->flat_body);
}

/* ---- attempts ---- */

static int make_key(struct str *out, const char *layer, const char *unit)
{
    return str_appendf(out, "%s\n%s", layer, unit);
}

static struct retried *retried_new(struct junit *junit, const struct str *key)
{
    struct retried *retried = mem_calloc(1, sizeof *retried);
    if (retried == NULL) {
        return NULL;
    }
    retried->key = mem_strdup(str_text(key));
    // NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers
    if (retried->key == NULL || vec_push(&junit->retried, retried) != 0) {
        mem_free(retried->key);
        mem_free(retried);
        return NULL;
    }
    if (map_put(&junit->retried_by_key, retried->key, (uintptr_t)retried) < 0) {
        return NULL; /* freed with the vector */
    }
    return retried;
}

/* The failed attempts of a unit so far; NULL when there are none (and `make` is false). */
static struct retried *retried_of(struct junit *junit, const struct event *event, bool make)
{
    CLEANUP(str_fini) struct str key = STR_INIT(SIZE_MAX / 4);
    uintptr_t found = 0;
    if (junit->retried.count == 0 && !make) {
        return NULL;
    }
    if (make_key(&key, event->u.unit_finished.layer, event->u.unit_finished.unit) != 0) {
        keep_error(junit, -ENOMEM);
        return NULL;
    }
    if (map_get(&junit->retried_by_key, str_text(&key), &found) == 1) {
        return (struct retried *)found; // NOLINT(performance-no-int-to-ptr)
    }
    struct retried *retried = make ? retried_new(junit, &key) : NULL;
    if (make && retried == NULL) {
        keep_error(junit, -ENOMEM);
    }
    return retried;
}

static const char *text_or(const char *text, const char *otherwise)
{
    return text != NULL ? text : otherwise;
}

static uint64_t case_key(const struct test_case *c)
{
    return unique_hash(text_or(c->suite, ""), text_or(c->name, ""));
}

static bool is_bad(enum outcome_status status)
{
    return status != OUTCOME_PASSED && status != OUTCOME_SKIPPED;
}

static struct junit_entry unit_entry(const struct event *event, const char *name)
{
    const struct outcome *outcome = event->u.unit_finished.outcome;
    const struct unit *unit = event->u.unit_finished.definition;
    bool cancelled = (outcome->flags & FLAG_CANCELLED) != 0;
    return (struct junit_entry){
        .classname = event->u.unit_finished.layer,
        .name = name,
        .file = unit != NULL ? unit->file : NULL,
        .line = unit != NULL ? unit->line : 0,
        .time_s = (double)outcome->wall_ns / 1e9,
        .status = cancelled ? OUTCOME_SKIPPED : outcome->status,
        .message = outcome->message != NULL || !cancelled ? outcome->message : "not run to its end",
        .hint = outcome->hint,
        .outcome = outcome,
        .reused = outcome->reused,
        .now_ms = event->time_ms,
    };
}

/* A case of the unit that ended with this event. */
static struct junit_entry case_entry(const struct test_case *c, const struct event *event)
{
    return (struct junit_entry){
        .name = text_or(c->name, "(no name)"),
        .file = c->file,
        .line = c->line,
        .time_s = c->time_s,
        .status = c->status,
        .message = c->message,
        .type = c->type,
        .details = c->details,
        .output = c->output,
        .reused = event->u.unit_finished.outcome->reused,
        .now_ms = event->time_ms,
    };
}

/* Keeps what failed in an attempt that is not the last: each case, or the unit as a whole. */
static void keep_attempt(struct junit *junit, const struct event *event)
{
    const struct outcome *outcome = event->u.unit_finished.outcome;
    struct retried *retried = retried_of(junit, event, true);
    bool any = false;
    for (size_t i = 0; retried != NULL && i < outcome->cases.count; i++) {
        const struct test_case *c = &outcome->cases.items[i];
        if (is_bad(c->status)) {
            struct junit_entry entry = case_entry(c, event);
            keep_error(junit,
                       junit_keep_attempt(&junit->writer, &retried->attempts, case_key(c), &entry));
            any = true;
        }
    }
    if (retried != NULL && !any) {
        struct junit_entry entry = unit_entry(event, event->u.unit_finished.unit);
        keep_error(junit, junit_keep_attempt(&junit->writer, &retried->attempts, 0, &entry));
    }
}

/* ---- units ---- */

void junit_begin_suite(struct junit *junit,
                       struct str *out,
                       const char *name,
                       const struct junit_counts *counts,
                       int64_t started_ms)
{
    char timestamp[TIMESTAMP_TEXT_MAX];
    (void)str_append(out, "<testsuite");
    xml_attribute(out, "name", name);
    junit_write_counts(out, counts);
    xml_attribute(out, "timestamp", timestamp_format(started_ms, timestamp));
    xml_attribute(out, "hostname", junit->host.len > 0 ? junit->host.data : NULL);
    (void)str_append(out, ">\n<properties>\n");
    (void)str_append(out, str_text(&junit->properties));
    junit_write_reused_count(out, counts);
    (void)str_append(out, "</properties>\n");
}

/* A status that the cases do not account for: a non-zero exit beside a clean report, a crash, a
 * timeout, a damaged report. */
static bool is_unexplained(const struct outcome *outcome)
{
    bool failed = false;
    bool errored = false;
    if (!is_bad(outcome->status)) {
        return false;
    }
    for (size_t i = 0; i < outcome->cases.count; i++) {
        failed = failed || outcome->cases.items[i].status == OUTCOME_FAILED;
        errored = errored || outcome->cases.items[i].status == OUTCOME_ERRORED;
    }
    if (outcome->status == OUTCOME_FAILED) {
        return !failed && !errored;
    }
    return outcome->status == OUTCOME_TIMED_OUT || !errored || outcome->signal != 0;
}

static bool has_unused(const struct junit_attempts *attempts)
{
    for (size_t i = 0; attempts != NULL && i < attempts->count; i++) {
        if (!attempts->items[i].used) {
            return true;
        }
    }
    return false;
}

/* A case's own failed attempts, as its report tells them. */
static void keep_reported_flake(struct junit *junit,
                                const struct event *event,
                                const struct test_case *c,
                                struct junit_attempts *attempts)
{
    if (c->flaky && c->status == OUTCOME_PASSED) {
        struct junit_entry entry = case_entry(c, event);
        keep_error(junit, junit_keep_attempt(&junit->writer, attempts, case_key(c), &entry));
    }
}

static void write_case(struct junit *junit,
                       struct str *out,
                       const char *suite,
                       const struct event *event,
                       const struct test_case *c,
                       struct junit_counts *counts)
{
    CLEANUP(str_fini) struct str classname = STR_INIT(SIZE_MAX / 4);
    struct retried *retried = retried_of(junit, event, false);
    struct junit_entry entry = case_entry(c, event);
    const char *inner = c->suite != NULL ? c->suite : c->classname;
    if (inner != NULL && inner[0] != '\0') {
        keep_error(junit, str_appendf(&classname, "%s.%s", suite, inner));
        entry.classname = str_text(&classname);
    } else {
        entry.classname = suite;
    }
    struct junit_attempts reported = {0};
    keep_reported_flake(junit, event, c, &reported);
    if (reported.count > 0) {
        entry.attempts = &reported;
    } else if (retried != NULL) {
        entry.attempts = &retried->attempts;
    }
    entry.attempt_key = case_key(c);
    junit_write_entry(&junit->writer, out, &entry, counts);
    junit_attempts_fini(&reported);
}

static void write_cases(struct junit *junit,
                        const struct event *event,
                        const char *suite,
                        struct str *body,
                        struct junit_counts *counts)
{
    const struct outcome *outcome = event->u.unit_finished.outcome;
    struct retried *retried = retried_of(junit, event, false);
    struct junit_attempts *attempts = retried != NULL ? &retried->attempts : NULL;
    for (size_t i = 0; i < outcome->cases.count; i++) {
        write_case(junit, body, suite, event, &outcome->cases.items[i], counts);
    }
    if (is_unexplained(outcome) || (!is_bad(outcome->status) && has_unused(attempts))) {
        struct junit_entry entry = unit_entry(event, "(unit)");
        entry.classname = suite;
        entry.time_s = -1; /* its cases have the time */
        entry.attempts = attempts;
        junit_write_entry(&junit->writer, body, &entry, counts);
    } else if (counts->failures + counts->errors > 0) {
        junit_write_captures(&junit->writer, body, outcome);
    }
}

/* The suite of a unit with cases. */
static void write_unit_suite(struct junit *junit,
                             struct layer_report *layer,
                             const struct event *event)
{
    const struct outcome *outcome = event->u.unit_finished.outcome;
    struct spool body;
    struct junit_counts counts = {0};
    CLEANUP(str_fini) struct str suite = STR_INIT(SIZE_MAX / 4);
    spool_init(&body, NULL);
    keep_error(
        junit,
        str_appendf(&suite, "%s.%s", event->u.unit_finished.layer, event->u.unit_finished.unit));
    write_cases(junit, event, str_text(&suite), &body.text, &counts);
    if (counts.time_s <= 0) {
        counts.time_s = (double)outcome->wall_ns / 1e9;
    }
    struct str *out = &layer->suites_body.text;
    junit_begin_suite(junit, out, str_text(&suite), &counts, outcome->started_ms);
    keep_error(junit, body.text.error);
    (void)str_append_n(out, str_text(&body.text), body.text.len);
    (void)str_append(out, "</testsuite>\n");
    spool_fini(&body);
    junit_counts_add(&layer->suites, &counts);
    settle(junit, &layer->suites_body);
}

static void on_unit_finished(struct junit *junit, const struct event *event)
{
    const struct outcome *outcome = event->u.unit_finished.outcome;
    if (!outcome->final) {
        keep_attempt(junit, event);
        return;
    }
    struct layer_report *layer = layer_of(junit, event->u.unit_finished.layer, event->time_ms);
    if (layer == NULL) {
        return;
    }
    if (outcome->cases.count > 0) {
        write_unit_suite(junit, layer, event);
        return;
    }
    struct retried *retried = retried_of(junit, event, false);
    struct junit_entry entry = unit_entry(event, event->u.unit_finished.unit);
    entry.attempts = retried != NULL ? &retried->attempts : NULL;
    add_layer_entry(junit, layer, &entry);
}

/* ---- layers and the run ---- */

static void describe_gate(struct str *out, const struct gate_result *gate)
{
    (void)str_appendf(out, "gate %s: %s", gate->open ? "open" : "shut", gate->rule.metric);
    if (gate->known) {
        (void)str_appendf(out, " is %g", gate->value);
    } else {
        (void)str_append(out, " was not reported");
    }
    if (gate->rule.has_min) {
        (void)str_appendf(out, ", must be at least %g", gate->rule.min);
    }
    if (gate->rule.has_max) {
        (void)str_appendf(out, ", must be at most %g", gate->rule.max);
    }
    (void)str_append_char(out, '\n');
}

static void describe_findings(struct str *out, const struct judgement *judgement)
{
    for (size_t i = 0; i < judgement->finding_count && i < FINDINGS_TOLD; i++) {
        const struct finding *f = &judgement->findings[i];
        (void)str_appendf(out, "%s", text_or(f->file, "(tree)"));
        if (f->line > 0) {
            (void)str_appendf(out, ":%u", (unsigned)f->line);
        }
        (void)str_appendf(
            out, ": %s: %s", text_or(f->severity, "finding"), text_or(f->message, ""));
        (void)str_appendf(out, f->rule != NULL ? " [%s]\n" : "%s\n", text_or(f->rule, ""));
    }
    if (judgement->finding_count > FINDINGS_TOLD) {
        (void)str_appendf(out, "and %zu more\n", judgement->finding_count - FINDINGS_TOLD);
    }
}

/* How a verdict shows as a case: status, or -1 when the cases of the layer say it already. */
static int verdict_status(const struct layer_report *layer, const struct event *event)
{
    bool empty = layer->flat.tests + layer->suites.tests == 0;
    switch (event->u.layer_judged.verdict->state) {
    case VERDICT_OPEN:
    case VERDICT_SKIPPED:
        return empty ? OUTCOME_SKIPPED : -1;
    case VERDICT_SHUT:
        if (layer_is_bad(layer)) {
            return -1;
        }
        return event->u.layer_judged.allow_failure ? OUTCOME_SKIPPED : OUTCOME_FAILED;
    case VERDICT_ERROR:
        return event->u.layer_judged.allow_failure ? OUTCOME_SKIPPED : OUTCOME_ERRORED;
    }
    return -1;
}

static void on_layer_judged(struct junit *junit, const struct event *event)
{
    const struct verdict *verdict = event->u.layer_judged.verdict;
    const struct judgement *judgement = event->u.layer_judged.judgement;
    struct layer_report *layer = layer_of(junit, event->u.layer_judged.layer, event->time_ms);
    int status = layer != NULL ? verdict_status(layer, event) : -1;
    if (status < 0) {
        return;
    }
    CLEANUP(str_fini) struct str details = STR_INIT(1u << 20);
    for (size_t i = 0; i < verdict->gate_count; i++) {
        describe_gate(&details, &verdict->gates[i]);
    }
    bool has_artifact = judgement != NULL && judgement->artifacts.count > 0;
    if (judgement != NULL) {
        describe_findings(&details, judgement);
    }
    const char *none = verdict->state == VERDICT_OPEN ? "no units" : NULL;
    struct junit_entry entry = {
        .classname = layer->id,
        .name = verdict->state == VERDICT_SHUT ? "(gate)" : "(layer)",
        .time_s = -1,
        .status = (enum outcome_status)status,
        .message = verdict->reason != NULL ? verdict->reason : none,
        .details = str_text(&details),
        .attachment = has_artifact ? judgement->artifacts.items[0] : NULL,
    };
    add_layer_entry(junit, layer, &entry);
}

static void on_run_started(struct junit *junit, const struct event *event)
{
    struct str *p = &junit->properties;
    str_clear(p);
    junit_write_property(p, "sluice.run", event->u.run_started.run_id);
    junit_write_property(p, "sluice.version", event->u.run_started.version);
    junit_write_property(p, "sluice.pipeline", event->u.run_started.pipeline);
    junit_write_property(p, "sluice.tree", event->u.run_started.tree);
    junit_write_property(p, "sluice.resumed", event->u.run_started.resumed);
    (void)str_append(&junit->name, text_or(event->u.run_started.name, "sluice"));
    (void)str_append(&junit->host, text_or(event->u.run_started.host, ""));
    junit->started_ms = event->time_ms;
}

static void on_run_finished(struct junit *junit, const struct event *event)
{
    junit->finished = true;
    junit->exit_code = event->u.run_finished.exit_code;
    junit->wall_ns = event->u.run_finished.wall_ns;
    (void)str_append(&junit->reason, text_or(event->u.run_finished.reason, ""));
}

static void emit(struct event_sink *sink, const struct event *event)
{
    struct junit *junit = (struct junit *)sink;
    switch (event->type) {
    case EVENT_RUN_STARTED:
        on_run_started(junit, event);
        break;
    case EVENT_LAYER_STARTED:
        (void)layer_of(junit, event->u.layer_started.layer, event->time_ms);
        break;
    case EVENT_UNIT_FINISHED:
        on_unit_finished(junit, event);
        break;
    case EVENT_LAYER_JUDGED:
        on_layer_judged(junit, event);
        break;
    case EVENT_RUN_FINISHED:
        on_run_finished(junit, event);
        break;
    case EVENT_LAYER_PLANNED:
    case EVENT_UNIT_STARTED:
    case EVENT_UNIT_SLOW:
    case EVENT_NOTE:
        break;
    }
}

/* A run that did not end, or ended badly for a reason that no case shows. */
static void add_run_entry(struct junit *junit)
{
    bool bad = false;
    for (size_t i = 0; i < junit->layers.count; i++) {
        bad = bad || layer_is_bad(junit->layers.items[i]);
    }
    if (junit->finished
        && (junit->exit_code == EXIT_OPEN || (junit->exit_code == EXIT_SHUT && bad))) {
        return;
    }
    struct layer_report *layer = layer_of(junit, "sluice", junit->started_ms);
    if (layer == NULL) {
        return;
    }
    const char *reason = junit->reason.len > 0 ? junit->reason.data : "the run did not end well";
    struct junit_entry entry = {
        .classname = "sluice",
        .name = "(run)",
        .time_s = -1,
        .status = OUTCOME_ERRORED,
        .message = junit->finished ? reason
                                   : "the run did not finish: sluice was killed or lost its "
                                     "machine; this report shows what had ended by then",
    };
    add_layer_entry(junit, layer, &entry);
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
    str_init(&junit->properties, 1u << 20);
    str_init(&junit->name, 1u << 16);
    str_init(&junit->host, 1u << 16);
    str_init(&junit->reason, 1u << 20);
    junit->file = mem_strdup(options->file);
    junit->run_dir = options->run_dir != NULL ? mem_strdup(options->run_dir) : NULL;
    if (junit->file == NULL || (options->run_dir != NULL && junit->run_dir == NULL)) {
        junit_free(junit);
        return err_set(err, -ENOMEM, "out of memory");
    }
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
    add_run_entry(junit);
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
    for (size_t i = 0; i < junit->retried.count; i++) {
        junit_attempts_fini(&junit->retried.items[i]->attempts);
        mem_free(junit->retried.items[i]->key);
        mem_free(junit->retried.items[i]);
    }
    vec_fini(&junit->retried);
    map_fini(&junit->retried_by_key);
    junit_writer_fini(&junit->writer);
    str_fini(&junit->properties);
    str_fini(&junit->name);
    str_fini(&junit->host);
    str_fini(&junit->reason);
    mem_free(junit->file);
    mem_free(junit->run_dir);
    mem_free(junit);
}
