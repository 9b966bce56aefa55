/* SPDX-License-Identifier: Apache-2.0 */
/* GitHub Actions: annotations as workflow commands, and a page for the step
 * (docs/formats/github.md). */
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/text.h"
#include "reports/capture_text.h"
#include "reports/github_impl.h"
#include "reports/report_text.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* Text of an annotation: GitHub takes 64 KiB, a person reads the beginning. */
#define ANNOTATION_TEXT_MAX 4096
#define TITLE_MAX           250

/* Of what a unit printed. */
#define LAST_LINES 10
#define LAST_BYTES 1024

/* What is shown first when there are more than can be shown. */
enum rank {
    RANK_RUN,     /* explains all the others */
    RANK_PLACED,  /* a failure with file and line */
    RANK_GATE,    /* a layer as a whole */
    RANK_FINDING, /* of a judge */
    RANK_UNIT,    /* a failure that does not say where */
};

/* ---- workflow commands ---- */

/* As the toolkit's command.ts: data escapes these three, properties two more. */
static void append_escaped(struct str *out, const char *text, bool property)
{
    for (; *text != '\0'; text++) {
        const bool special = *text == '%' || *text == '\r' || *text == '\n'
                             || (property && (*text == ':' || *text == ','));
        (void)(special ? str_appendf(out, "%%%02X", (unsigned char)*text)
                       : str_append_char(out, *text));
    }
}

static void append_property(struct str *out, const char *name, const char *value, size_t max)
{
    CLEANUP(str_fini) struct str clean = STR_INIT(4 * max + 256);
    text_clean_cut(&clean, value, max);
    const bool first = text_ends_with(str_text(out), " ");
    (void)str_appendf(out, "%s%s=", first ? "" : ",", name);
    str_carry_error(out, &clean);
    append_escaped(out, str_text(&clean), true);
}

struct note {
    const char *level;
    const char *file;
    uint32_t line;
    uint32_t column;
    const char *title;
    const char *text;
};

static void append_command(struct str *out, const struct note *note)
{
    CLEANUP(str_fini) struct str text = STR_INIT(4 * (size_t)ANNOTATION_TEXT_MAX + 256);
    (void)str_appendf(out, "::%s ", note->level);
    if (note->file != NULL) {
        append_property(out, "file", note->file, ANNOTATION_TEXT_MAX);
        if (note->line > 0) {
            (void)str_appendf(out, ",line=%u", (unsigned)note->line);
        }
        if (note->line > 0 && note->column > 0) {
            (void)str_appendf(out, ",col=%u", (unsigned)note->column);
        }
    }
    append_property(out, "title", note->title, TITLE_MAX);
    (void)str_append(out, "::");
    text_clean_cut(&text, note->text, ANNOTATION_TEXT_MAX);
    str_carry_error(out, &text);
    append_escaped(out, str_text(&text), false);
    (void)str_append_char(out, '\n');
}

/* Keeps the best, in order; the last one goes when there is no room. */
static int annotate(struct annotations *list, unsigned rank, const struct note *note)
{
    list->count++;
    size_t at = list->kept;
    while (at > 0 && list->items[at - 1].rank > rank) {
        at--;
    }
    if (at == ANNOTATIONS_MAX) {
        return 0;
    }
    CLEANUP(str_fini) struct str line = STR_INIT(1u << 20);
    append_command(&line, note);
    char *text = str_take(&line);
    if (text == NULL) {
        return -ENOMEM;
    }
    if (list->kept == ANNOTATIONS_MAX) {
        mem_free(list->items[--list->kept].line);
    }
    memmove(&list->items[at + 1], &list->items[at], (list->kept - at) * sizeof list->items[0]);
    list->items[at] = (struct annotation){.rank = rank, .line = text};
    list->kept++;
    return 0;
}

/* ---- entries and findings ---- */

static unsigned rank_of(const struct case_entry *entry)
{
    if (entry->kind == ENTRY_RUN) {
        return RANK_RUN;
    }
    if (entry->kind == ENTRY_GATE || entry->kind == ENTRY_LAYER) {
        return RANK_GATE;
    }
    return entry->file != NULL ? RANK_PLACED : RANK_UNIT;
}

/* Units that are their own case say why in what they print. */
static void append_last_words(const struct github *self,
                              struct str *out,
                              const struct outcome *outcome)
{
    const struct capture *said = outcome->err.len > 0 ? &outcome->err : &outcome->out;
    if (said->len > 0) {
        (void)str_append_char(out, '\n');
        (void)capture_tail(out, self->report.run_dir, said, LAST_LINES, LAST_BYTES);
    }
}

static int annotate_entry(struct github *self, const struct case_entry *entry)
{
    char buf[ENTRY_MESSAGE_SIZE];
    CLEANUP(str_fini) struct str title = STR_INIT(SIZE_MAX / 4);
    CLEANUP(str_fini) struct str text = STR_INIT(SIZE_MAX / 4);
    const bool bad = status_is_bad(entry->status);
    (void)str_appendf(&title, "%s: %s", entry->classname, entry->name);
    (void)str_append(&text,
                     bad ? case_entry_message(entry, buf)
                         : "flaky: passed, but not at the first attempt");
    if (bad && entry->outcome != NULL) {
        append_last_words(self, &text, entry->outcome);
    }
    if (title.error != 0 || text.error != 0) {
        return title.error != 0 ? title.error : text.error;
    }
    const struct note note = {
        .level = bad ? "error" : "warning",
        .file = entry->file,
        .line = entry->line,
        .title = str_text(&title),
        .text = str_text(&text),
    };
    return annotate(bad ? &self->errors : &self->warnings, rank_of(entry), &note);
}

static int add_entry(void *context, size_t layer, const struct case_entry *entry)
{
    struct github *self = context;
    github_tell_entry(self, layer, entry);
    return status_is_bad(entry->status) || entry->flaky ? annotate_entry(self, entry) : 0;
}

static int add_layer(void *context, size_t layer)
{
    struct github *self = context;
    (void)layer;
    return vec_push(&self->layers, (struct github_layer){0});
}

static const struct case_fold_ops fold_ops = {.layer = add_layer, .entry = add_entry};

static int annotate_finding(struct github *self, const char *layer, const struct finding *finding)
{
    const char *severity = finding->severity != NULL ? finding->severity : "warning";
    CLEANUP(str_fini) struct str title = STR_INIT(SIZE_MAX / 4);
    CLEANUP(str_fini) struct str text = STR_INIT(SIZE_MAX / 4);
    if (strcmp(severity, "note") == 0) {
        return 0; /* the report has them */
    }
    const bool bad = strcmp(severity, "error") == 0;
    const char *rule = finding->rule != NULL ? finding->rule : "finding";
    (void)str_appendf(&title, "%s: %s", layer, rule);
    (void)str_append(&text, finding->message != NULL ? finding->message : rule);
    if (finding->fix != NULL) {
        (void)str_appendf(&text, "\n%s", finding->fix);
    }
    if (title.error != 0 || text.error != 0) {
        return title.error != 0 ? title.error : text.error;
    }
    const struct note note = {
        .level = bad ? "error" : "warning",
        .file = finding->file,
        .line = finding->line,
        .column = finding->column,
        .title = str_text(&title),
        .text = str_text(&text),
    };
    return annotate(bad ? &self->errors : &self->warnings, RANK_FINDING, &note);
}

/* ---- events ---- */

/* After the fold, which has met the layer. */
static void on_layer_judged(struct github *self, const struct event *event)
{
    const struct judgement *judgement = event->u.layer_judged.judgement;
    const struct verdict *verdict = event->u.layer_judged.verdict;
    const char *id = event->u.layer_judged.layer;
    for (size_t i = 0; judgement != NULL && i < judgement->finding_count; i++) {
        report_keep_error(&self->report, annotate_finding(self, id, &judgement->findings[i]));
    }
    for (size_t i = 0; i < self->layers.count; i++) {
        struct github_layer *layer = &self->layers.items[i];
        if (strcmp(self->fold.layers.items[i].id, id) == 0) {
            layer->judged = true;
            layer->allow_failure = event->u.layer_judged.allow_failure;
            layer->state = verdict->state;
            mem_free(layer->reason);
            layer->reason = verdict->reason != NULL ? mem_strdup(verdict->reason) : NULL;
            const bool lost = verdict->reason != NULL && layer->reason == NULL;
            report_keep_error(&self->report, lost ? -ENOMEM : 0);
        }
    }
}

static void emit(struct event_sink *sink, const struct event *event)
{
    struct github *self = (struct github *)sink;
    if (event->type == EVENT_RUN_STARTED) {
        (void)str_append(&self->run, event->u.run_started.run_id);
        const char *name = event->u.run_started.name;
        (void)str_append(&self->name, name != NULL ? name : "");
    }
    case_fold_event(&self->fold, event);
    if (event->type == EVENT_LAYER_JUDGED) {
        on_layer_judged(self, event);
    }
}

/* ---- the end ---- */

static void append_annotations(struct str *out, const struct annotations *list)
{
    for (size_t i = 0; i < list->kept; i++) {
        (void)str_append(out, list->items[i].line);
    }
}

/* One line for all that GitHub would drop. */
static void append_rest(const struct github *self, struct str *out)
{
    const uint64_t errors = self->errors.count - self->errors.kept;
    const uint64_t warnings = self->warnings.count - self->warnings.kept;
    char text[256];
    if (errors + warnings == 0) {
        return;
    }
    (void)snprintf(text,
                   sizeof text,
                   "%llu more errors and %llu more warnings are not shown here (GitHub shows %d of "
                   "each); the summary of this step and the report have them",
                   (unsigned long long)errors,
                   (unsigned long long)warnings,
                   ANNOTATIONS_MAX);
    append_command(out, &(struct note){.level = "notice", .title = "sluice", .text = text});
}

static int write_commands(const struct github *self, struct err *err)
{
    CLEANUP(str_fini) struct str out = STR_INIT(SIZE_MAX / 4);
    append_annotations(&out, &self->errors);
    append_annotations(&out, &self->warnings);
    append_rest(self, &out);
    return self->report.fd >= 0 ? report_write_str(self->report.fd, &out, err) : 0;
}

static int write_page(void *context, int fd, struct err *err)
{
    CLEANUP(str_fini) struct str page = STR_INIT((size_t)2 * GITHUB_SUMMARY_MAX);
    github_write_summary(context, GITHUB_SUMMARY_MAX, &page);
    return report_write_str(fd, &page, err);
}

/* Adds to what other commands of the step have written. */
static int append_page(struct github *self, struct err *err)
{
    CLEANUP(str_fini) struct str page = STR_INIT((size_t)2 * GITHUB_SUMMARY_MAX);
    struct stat st;
    const bool there = stat(self->report.path, &st) == 0 && st.st_size > 0;
    const size_t used = there ? (size_t)st.st_size : 0;
    const size_t room = used < GITHUB_SUMMARY_MAX ? GITHUB_SUMMARY_MAX - used : 0;
    github_write_summary(self, room, &page);
    return report_append_file(self->report.path, &page, err);
}

static int init(struct report_output *report, struct err *err)
{
    struct github *self = (struct github *)report;
    (void)err;
    report->sink.emit = emit;
    case_fold_init(&self->fold, &fold_ops, self);
    str_init(&self->failures.text, GITHUB_FAILURES_MAX);
    str_init(&self->flaky.text, GITHUB_FLAKY_MAX);
    str_init(&self->name, 1u << 16);
    str_init(&self->run, 1u << 16);
    return 0;
}

static int finish(struct report_output *report, struct err *err)
{
    struct github *self = (struct github *)report;
    case_fold_finish(&self->fold);
    report_keep_error(report, self->fold.error);
    report_keep_error(report, str_error(&self->name));
    report_keep_error(report, str_error(&self->run));
    report_keep_error(report, str_error(&self->failures.text));
    report_keep_error(report, str_error(&self->flaky.text));
    if (report->error.code != 0) {
        return err_set(err, report->error.code, "%s", report->error.text);
    }
    const int rc = write_commands(self, err);
    if (rc != 0) {
        return rc;
    }
    return report->append ? append_page(self, err)
                          : report_write_file(report->path, write_page, self, err);
}

static void annotations_fini(struct annotations *list)
{
    for (size_t i = 0; i < list->kept; i++) {
        mem_free(list->items[i].line);
    }
}

static void fini(struct report_output *report)
{
    struct github *self = (struct github *)report;
    annotations_fini(&self->errors);
    annotations_fini(&self->warnings);
    for (size_t i = 0; i < self->layers.count; i++) {
        mem_free(self->layers.items[i].reason);
    }
    vec_fini(&self->layers);
    case_fold_fini(&self->fold);
    str_fini(&self->failures.text);
    str_fini(&self->flaky.text);
    str_fini(&self->name);
    str_fini(&self->run);
}

static const char *const endings[] = {".md", NULL};

const struct report_writer report_github = {
    .kind = {.name = "github",
             .what = "GitHub annotations on standard output, and a page (Markdown)"},
    .endings = endings,
    .size = sizeof(struct github),
    .init = init,
    .finish = finish,
    .fini = fini,
};
