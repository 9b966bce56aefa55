/* SPDX-License-Identifier: Apache-2.0 */
/* GitLab code quality: a JSON array of issues (docs/formats/codequality.md). */
#include "base/cleanup.h"
#include "reports/findings.h"
#include "reports/report_text.h"

#include <stdio.h>
#include <string.h>

#define TEXT_MAX 4096

/* Issues written; GitLab's page shows 10,000 characters of a file's issues and compares the rest in
 * memory. Beyond: counted in a last issue. */
#define ISSUES_MAX 20000

struct codequality {
    struct findings_report base;
    struct spool issues;
    uint64_t count; /* written */
    uint64_t left_out;
};

struct issue {
    const char *check;
    const char *description;
    const char *severity;
    const char *fingerprint;
    const char *path;
    uint32_t line;
};

static void write_issue(struct codequality *self, const struct issue *issue)
{
    struct json_writer w;
    struct str *out = &self->issues.text;
    (void)str_append(out, self->count > 0 ? ",\n" : "");
    jw_begin(&w, out);
    jw_object(&w);
    jw_put_clean(&w, "description", issue->description, TEXT_MAX);
    jw_put_clean(&w, "check_name", issue->check, TEXT_MAX);
    jw_put_string(&w, "fingerprint", issue->fingerprint);
    jw_put_string(&w, "severity", issue->severity);
    jw_key(&w, "location");
    jw_object(&w);
    jw_put_clean(&w, "path", issue->path, TEXT_MAX);
    jw_key(&w, "lines");
    jw_object(&w);
    jw_put_int(&w, "begin", issue->line > 0 ? issue->line : 1);
    jw_end_object(&w);
    jw_end_object(&w);
    jw_end_object(&w);
    self->count++;
    report_settle(&self->base.report, &self->issues);
}

static const char *severity_of(const struct finding *finding)
{
    const char *word = finding->severity != NULL ? finding->severity : "warning";
    if (strcmp(word, "error") == 0) {
        return "critical";
    }
    return strcmp(word, "note") == 0 ? "info" : "major";
}

static int add_finding(struct findings_report *base,
                       const char *layer,
                       const struct finding *finding,
                       const char *fingerprint)
{
    struct codequality *self = (struct codequality *)base;
    if (self->count >= ISSUES_MAX) {
        self->left_out++;
        return 0;
    }
    write_issue(
        self,
        &(struct issue){.check = finding->rule != NULL ? finding->rule : layer,
                        .description = finding->message != NULL ? finding->message : "",
                        .severity = severity_of(finding),
                        .fingerprint = fingerprint,
                        .path = finding->file != NULL ? finding->file : findings_pipeline(base),
                        .line = finding->line});
    return 0;
}

static int add_trouble(struct findings_report *base, const struct case_entry *entry, bool found)
{
    struct codequality *self = (struct codequality *)base;
    const struct finding key = {.rule = entry->name, .message = entry->message};
    CLEANUP(str_fini) struct str fingerprint = STR_INIT(256);
    CLEANUP(str_fini) struct str text = STR_INIT(1u << 20);
    char buf[ENTRY_MESSAGE_SIZE];
    if (found && entry->kind == ENTRY_GATE) {
        return 0; /* its findings say it */
    }
    int rc = finding_fingerprint(&base->seen, entry->classname, &key, &fingerprint);
    rc = rc == 0 ? str_appendf(
             &text, "%s %s: %s", entry->classname, entry->name, case_entry_message(entry, buf))
                 : rc;
    if (rc == 0) {
        write_issue(self,
                    &(struct issue){.check = "sluice",
                                    .description = str_text(&text),
                                    .severity = "blocker",
                                    .fingerprint = str_text(&fingerprint),
                                    .path = findings_pipeline(base)});
    }
    return rc;
}

static const struct findings_ops ops = {.finding = add_finding, .trouble = add_trouble};

static int write_document(void *context, int fd, struct err *err)
{
    struct codequality *self = context;
    int rc = report_write_text(fd, "[\n", err);
    rc = rc == 0 ? spool_copy(&self->issues, fd, err) : rc;
    return rc == 0 ? report_write_text(fd, "\n]\n", err) : rc;
}

static void tell_left_out(struct codequality *self)
{
    char text[128];
    (void)snprintf(text,
                   sizeof text,
                   "%llu more findings are left out here",
                   (unsigned long long)self->left_out);
    const struct case_entry entry = {
        .kind = ENTRY_LAYER, .classname = "sluice", .name = "(findings)", .message = text};
    report_keep_error(&self->base.report, add_trouble(&self->base, &entry, false));
}

static int init(struct report_output *report, struct err *err)
{
    struct codequality *self = (struct codequality *)report;
    (void)err;
    spool_init(&self->issues, report->run_dir);
    return findings_init(&self->base, &ops);
}

static int finish(struct report_output *report, struct err *err)
{
    struct codequality *self = (struct codequality *)report;
    if (self->left_out > 0) {
        tell_left_out(self);
    }
    const int rc = findings_finish(&self->base, err);
    return rc == 0 ? report_write_file(report->path, write_document, self, err) : rc;
}

static void fini(struct report_output *report)
{
    struct codequality *self = (struct codequality *)report;
    spool_fini(&self->issues);
    findings_fini(&self->base);
}

static const char *const endings[] = {".json", NULL};

const struct report_writer report_codequality = {
    .kind = {.name = "codequality", .what = "GitLab code quality: findings (JSON)"},
    .endings = endings,
    .size = sizeof(struct codequality),
    .init = init,
    .finish = finish,
    .fini = fini,
};
