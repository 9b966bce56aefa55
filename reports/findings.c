/* SPDX-License-Identifier: Apache-2.0 */
#include "reports/findings.h"

#include "base/cleanup.h"
#include "reports/report_text.h"

#include <errno.h>
#include <string.h>

static int add_entry(void *context, size_t layer, const struct case_entry *entry)
{
    struct findings_report *self = context;
    (void)layer;
    const bool is_case =
        entry->kind == ENTRY_UNIT || entry->kind == ENTRY_CASE || entry->kind == ENTRY_REST;
    if (is_case || !status_is_bad(entry->status)) {
        return 0;
    }
    return self->ops->trouble(self, entry, entry->kind != ENTRY_RUN && self->found);
}

static const struct case_fold_ops fold_ops = {.entry = add_entry};

static int add_finding(struct findings_report *self,
                       const char *layer,
                       const struct finding *finding)
{
    CLEANUP(str_fini) struct str fingerprint = STR_INIT(256);
    const int rc = finding_fingerprint(&self->seen, layer, finding, &fingerprint);
    return rc == 0 ? self->ops->finding(self, layer, finding, str_text(&fingerprint)) : rc;
}

static void on_layer_judged(struct findings_report *self, const struct event *event)
{
    const struct judgement *judgement = event->u.layer_judged.judgement;
    const size_t count = judgement != NULL ? judgement->finding_count : 0;
    const struct verdict *verdict = event->u.layer_judged.verdict;
    const bool bad = verdict->state == VERDICT_SHUT || verdict->state == VERDICT_ERROR;
    self->found = count > 0;
    if (bad && !event->u.layer_judged.allow_failure && self->ops->shut != NULL) {
        report_keep_error(&self->report,
                          self->ops->shut(self, event->u.layer_judged.layer, verdict->reason));
    }
    for (size_t i = 0; i < count; i++) {
        report_keep_error(&self->report,
                          add_finding(self, event->u.layer_judged.layer, &judgement->findings[i]));
    }
}

static void keep_text(struct str *out, const char *text)
{
    (void)str_append(out, text != NULL ? text : "");
}

static void emit(struct event_sink *sink, const struct event *event)
{
    struct findings_report *self = (struct findings_report *)sink;
    self->last_ms = event->time_ms;
    if (event->type == EVENT_RUN_STARTED) {
        keep_text(&self->run, event->u.run_started.run_id);
        keep_text(&self->version, event->u.run_started.version);
        keep_text(&self->root, event->u.run_started.root);
        keep_text(&self->pipeline, event->u.run_started.pipeline);
        keep_text(&self->command, event->u.run_started.command);
    } else if (event->type == EVENT_LAYER_JUDGED) {
        on_layer_judged(self, event);
    }
    case_fold_event(&self->fold, event);
}

const char *findings_pipeline(const struct findings_report *self)
{
    const char *pipeline = str_text(&self->pipeline);
    const size_t root = self->root.len;
    if (root > 0 && strncmp(pipeline, str_text(&self->root), root) == 0 && pipeline[root] == '/') {
        pipeline += root + 1;
    }
    return pipeline[0] != '\0' && pipeline[0] != '/' ? pipeline : "sluice.yml";
}

int findings_init(struct findings_report *self, const struct findings_ops *ops)
{
    self->ops = ops;
    self->report.sink.emit = emit;
    case_fold_init(&self->fold, &fold_ops, self);
    struct str *const texts[] = {
        &self->run, &self->version, &self->root, &self->pipeline, &self->command};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        str_init(texts[i], 4u << 20);
    }
    return 0;
}

int findings_finish(struct findings_report *self, struct err *err)
{
    case_fold_finish(&self->fold);
    report_keep_error(&self->report, self->fold.error);
    const struct str *const texts[] = {
        &self->run, &self->version, &self->root, &self->pipeline, &self->command};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        report_keep_error(&self->report, str_error(texts[i]));
    }
    const struct err *error = &self->report.error;
    return error->code == 0 ? 0 : err_set(err, error->code, "%s", error->text);
}

void findings_fini(struct findings_report *self)
{
    case_fold_fini(&self->fold);
    unique_fini(&self->seen);
    str_fini(&self->run);
    str_fini(&self->version);
    str_fini(&self->root);
    str_fini(&self->pipeline);
    str_fini(&self->command);
}
