/* SPDX-License-Identifier: Apache-2.0 */
/* SARIF 2.1.0: findings of judge verbs as results, bad layers and runs as notifications
 * (docs/formats/sarif.md). Rules stand before the results: these are spooled. */
#include "base/cleanup.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/vec.h"
#include "reports/findings.h"
#include "reports/report_text.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define TEXT_MAX (16u << 10)

#define SCHEMA_URI \
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

/* GitHub refuses a file with more than 25,000 results. */
enum level {
    LEVEL_ERROR,
    LEVEL_WARNING,
    LEVEL_NOTE,
};

#define LEVEL_COUNT 3

static const uint64_t results_max[LEVEL_COUNT] = {20000, 4000, 1000};
static const char *const level_words[LEVEL_COUNT] = {"error", "warning", "note"};

/* Notifications: one a layer and one for the run. */
#define NOTIFICATIONS_MAX (16u << 20)

struct sarif {
    struct findings_report base;
    struct spool results[LEVEL_COUNT];
    uint64_t counts[LEVEL_COUNT];
    uint64_t left_out;
    struct str notifications; /* JSON objects, separated by commas */

    struct {
        VEC_FIELDS(char *);
    } rules; /* ids */
    struct map rule_index;
};

/* ---- rules ---- */

static int rule_index(struct sarif *self, const char *id, size_t *ret_index)
{
    uintptr_t found = 0;
    if (map_get(&self->rule_index, id, &found) == 1) {
        *ret_index = found;
        return 0;
    }
    char *copy = mem_strdup(id);
    // NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers
    if (copy == NULL || vec_push(&self->rules, copy) != 0) {
        mem_free(copy);
        return -ENOMEM;
    }
    *ret_index = self->rules.count - 1;
    return map_put(&self->rule_index, copy, *ret_index) < 0 ? -ENOMEM : 0;
}

static void put_rules(struct sarif *self, struct json_writer *w)
{
    jw_key(w, "rules");
    jw_array(w);
    for (size_t i = 0; i < self->rules.count; i++) {
        jw_object(w);
        jw_put_clean(w, "id", self->rules.items[i], TEXT_MAX);
        jw_end_object(w);
    }
    jw_end_array(w);
}

/* ---- results ---- */

static enum level level_of(const struct finding *finding)
{
    for (size_t i = 0; finding->severity != NULL && i < LEVEL_COUNT; i++) {
        if (strcmp(finding->severity, level_words[i]) == 0) {
            return (enum level)i;
        }
    }
    return LEVEL_WARNING;
}

static void put_message(struct json_writer *w, const char *text, const char *more)
{
    CLEANUP(str_fini) struct str whole = STR_INIT(SIZE_MAX / 4);
    (void)str_appendf(&whole, "%s%s%s", text, more != NULL ? "\n" : "", more != NULL ? more : "");
    jw_key(w, "message");
    jw_object(w);
    str_carry_error(w->out, &whole);
    jw_put_clean(w, "text", str_text(&whole), TEXT_MAX);
    jw_end_object(w);
}

static void put_uri(struct json_writer *w, const char *path, const char *base)
{
    CLEANUP(str_fini) struct str uri = STR_INIT(3 * (size_t)TEXT_MAX);
    uri_append_path(&uri, path);
    str_carry_error(w->out, &uri);
    jw_put_string(w, "uri", str_text(&uri));
    jw_put_string(w, "uriBaseId", base);
}

/* What concerns the whole tree is shown at the pipeline: GitHub drops results without a place. */
static void put_location(const struct sarif *self,
                         struct json_writer *w,
                         const struct finding *finding)
{
    const char *file = finding->file;
    const bool inside = file != NULL && file[0] != '/' && file[0] != '\0';
    jw_key(w, "locations");
    jw_array(w);
    jw_object(w);
    jw_key(w, "physicalLocation");
    jw_object(w);
    jw_key(w, "artifactLocation");
    jw_object(w);
    put_uri(w, inside ? file : findings_pipeline(&self->base), "SRCROOT");
    jw_end_object(w);
    jw_key(w, "region");
    jw_object(w);
    jw_put_int(w, "startLine", finding->line > 0 ? finding->line : 1);
    if (finding->column > 0) {
        jw_put_int(w, "startColumn", finding->column);
    }
    jw_end_object(w);
    jw_end_object(w);
    jw_end_object(w);
    jw_end_array(w);
}

static int add_finding(struct findings_report *base,
                       const char *layer,
                       const struct finding *finding,
                       const char *fingerprint)
{
    struct sarif *self = (struct sarif *)base;
    const enum level level = level_of(finding);
    const char *rule = finding->rule != NULL ? finding->rule : layer;
    size_t index = 0;
    struct json_writer w;
    if (self->counts[level] >= results_max[level]) {
        self->left_out++;
        return 0;
    }
    const int rc = rule_index(self, rule, &index);
    if (rc != 0) {
        return rc;
    }
    struct str *out = &self->results[level].text;
    (void)str_append(out, self->counts[level]++ > 0 ? ",\n" : "");
    jw_begin(&w, out);
    jw_object(&w);
    jw_put_clean(&w, "ruleId", rule, TEXT_MAX);
    jw_put_int(&w, "ruleIndex", (int64_t)index);
    jw_put_string(&w, "level", level_words[level]);
    const char *message = finding->message != NULL ? finding->message : rule;
    put_message(&w, message, finding->fix);
    put_location(self, &w, finding);
    jw_key(&w, "partialFingerprints");
    jw_object(&w);
    jw_put_string(&w, "sluiceFinding/v1", fingerprint);
    jw_end_object(&w);
    jw_key(&w, "properties");
    jw_object(&w);
    jw_put_string(&w, "layer", layer);
    jw_end_object(&w);
    jw_end_object(&w);
    report_settle(&base->report, &self->results[level]);
    return 0;
}

/* ---- notifications ---- */

static int notify(struct sarif *self, const char *level, const char *about, const char *text)
{
    struct json_writer w;
    CLEANUP(str_fini) struct str whole = STR_INIT(SIZE_MAX / 4);
    (void)str_appendf(&whole, "%s: %s", about, text);
    str_carry_error(&self->notifications, &whole);
    (void)str_append(&self->notifications, self->notifications.len > 0 ? "," : "");
    jw_begin(&w, &self->notifications);
    jw_object(&w);
    jw_put_string(&w, "level", level);
    put_message(&w, str_text(&whole), NULL);
    jw_end_object(&w);
    return str_error(&self->notifications);
}

/* As a result too, because most readers look at nothing else: one that sees none would close what
 * it had open. */
static int add_trouble(struct findings_report *base, const struct case_entry *entry, bool found)
{
    static const char *const rules[] = {
        [ENTRY_GATE] = "sluice.gate", [ENTRY_LAYER] = "sluice.layer", [ENTRY_RUN] = "sluice.run"};
    char buf[ENTRY_MESSAGE_SIZE];
    CLEANUP(str_fini) struct str fingerprint = STR_INIT(256);
    const struct finding finding = {
        .rule = rules[entry->kind],
        .severity = "error",
        .message = case_entry_message(entry, buf),
    };
    int rc = 0;
    if (entry->kind == ENTRY_RUN) {
        rc = notify((struct sarif *)base, "error", "the run", finding.message);
    } else if (found && entry->kind == ENTRY_GATE) {
        return 0; /* its findings say it */
    }
    rc = rc == 0 ? finding_fingerprint(&base->seen, entry->classname, &finding, &fingerprint) : rc;
    return rc == 0 ? add_finding(base, entry->classname, &finding, str_text(&fingerprint)) : rc;
}

static int add_shut(struct findings_report *base, const char *layer, const char *reason)
{
    CLEANUP(str_fini) struct str about = STR_INIT(SIZE_MAX / 4);
    if (str_appendf(&about, "layer %s", layer) != 0) {
        return str_error(&about);
    }
    return notify((struct sarif *)base,
                  "error",
                  str_text(&about),
                  reason != NULL ? reason : "its gate is shut");
}

static const struct findings_ops ops = {
    .finding = add_finding, .trouble = add_trouble, .shut = add_shut};

/* ---- the document ---- */

/* A tool that did not come to its end, or could not judge, did not execute successfully: whoever
 * sees no results then must not take it for "nothing found". A shut gate is an answer. */
static bool is_successful(const struct findings_report *base)
{
    return base->fold.finished
           && (base->fold.exit_code == EXIT_OPEN || base->fold.exit_code == EXIT_SHUT);
}

static void put_invocation(struct sarif *self, struct json_writer *w)
{
    const struct case_fold *fold = &self->base.fold;
    CLEANUP(str_fini) struct str notifications = STR_INIT(NOTIFICATIONS_MAX + 2);
    (void)str_appendf(&notifications, "[%s]", str_text(&self->notifications));
    str_carry_error(w->out, &notifications);
    jw_key(w, "invocations");
    jw_array(w);
    jw_object(w);
    jw_put_clean(
        w, "commandLine", self->base.command.len > 0 ? self->base.command.data : NULL, TEXT_MAX);
    jw_put_moment(w, "startTimeUtc", fold->started_ms);
    jw_put_moment(w, "endTimeUtc", self->base.last_ms);
    if (fold->finished) {
        jw_put_int(w, "exitCode", fold->exit_code);
        jw_put_clean(
            w, "exitCodeDescription", fold->reason.len > 0 ? fold->reason.data : NULL, TEXT_MAX);
    }
    jw_put_bool(w, "executionSuccessful", is_successful(&self->base));
    jw_key(w, "toolExecutionNotifications");
    jw_raw(w, str_text(&notifications));
    jw_end_object(w);
    jw_end_array(w);
}

static void put_root(const struct sarif *self, struct json_writer *w)
{
    CLEANUP(str_fini) struct str uri = STR_INIT(SIZE_MAX / 4);
    if (self->base.root.len == 0) {
        return;
    }
    (void)str_append(&uri, "file://");
    uri_append_path(&uri, str_text(&self->base.root));
    (void)str_append(&uri, "/");
    str_carry_error(w->out, &uri);
    jw_key(w, "originalUriBaseIds");
    jw_object(w);
    jw_key(w, "SRCROOT");
    jw_object(w);
    jw_put_string(w, "uri", str_text(&uri));
    jw_end_object(w);
    jw_end_object(w);
}

static void write_head(struct sarif *self, struct str *out)
{
    struct json_writer w;
    CLEANUP(str_fini) struct str id = STR_INIT(1u << 16);
    jw_begin(&w, out);
    jw_object(&w);
    jw_put_string(&w, "$schema", SCHEMA_URI);
    jw_put_string(&w, "version", "2.1.0");
    jw_key(&w, "runs");
    jw_array(&w);
    jw_object(&w);
    jw_key(&w, "tool");
    jw_object(&w);
    jw_key(&w, "driver");
    jw_object(&w);
    jw_put_string(&w, "name", "sluice");
    jw_put_string(&w, "version", str_text(&self->base.version));
    put_rules(self, &w);
    jw_end_object(&w);
    jw_end_object(&w);
    put_invocation(self, &w);
    put_root(self, &w);
    (void)str_appendf(&id, "sluice/%s", str_text(&self->base.run));
    str_carry_error(out, &id);
    jw_key(&w, "automationDetails");
    jw_object(&w);
    jw_put_string(&w, "id", str_text(&id));
    jw_end_object(&w);
    jw_put_string(&w, "columnKind", "utf16CodeUnits");
    (void)str_append(out, ",\"results\":[\n");
}

static int write_document(void *context, int fd, struct err *err)
{
    struct sarif *self = context;
    CLEANUP(str_fini) struct str head = STR_INIT(SIZE_MAX / 4);
    write_head(self, &head);
    int rc = report_write_str(fd, &head, err);
    bool first = true;
    for (size_t i = 0; rc == 0 && i < LEVEL_COUNT; i++) {
        if (self->counts[i] > 0) {
            rc = report_write_text(fd, first ? "" : ",\n", err);
            rc = rc == 0 ? spool_copy(&self->results[i], fd, err) : rc;
            first = false;
        }
    }
    return rc == 0 ? report_write_text(fd, "\n]}]}\n", err) : rc;
}

/* ---- life ---- */

static int init(struct report_output *report, struct err *err)
{
    struct sarif *self = (struct sarif *)report;
    (void)err;
    for (size_t i = 0; i < LEVEL_COUNT; i++) {
        spool_init(&self->results[i], report->run_dir);
    }
    str_init(&self->notifications, NOTIFICATIONS_MAX);
    return findings_init(&self->base, &ops);
}

static int finish(struct report_output *report, struct err *err)
{
    struct sarif *self = (struct sarif *)report;
    if (self->left_out > 0) {
        char text[128];
        (void)snprintf(text,
                       sizeof text,
                       "%llu more findings are left out: GitHub takes 25,000 results of a file",
                       (unsigned long long)self->left_out);
        report_keep_error(report, notify(self, "warning", "sluice (findings)", text));
    }
    const int rc = findings_finish(&self->base, err);
    return rc == 0 ? report_write_file(report->path, write_document, self, err) : rc;
}

static void fini(struct report_output *report)
{
    struct sarif *self = (struct sarif *)report;
    for (size_t i = 0; i < LEVEL_COUNT; i++) {
        spool_fini(&self->results[i]);
    }
    for (size_t i = 0; i < self->rules.count; i++) {
        mem_free(self->rules.items[i]);
    }
    vec_fini(&self->rules);
    map_fini(&self->rule_index);
    str_fini(&self->notifications);
    findings_fini(&self->base);
}

static const char *const endings[] = {".sarif", ".json", NULL};

const struct report_writer report_sarif = {
    .kind = {.name = "sarif", .what = "SARIF 2.1.0: findings, not failed cases (JSON)"},
    .endings = endings,
    .size = sizeof(struct sarif),
    .init = init,
    .finish = finish,
    .fini = fini,
};
