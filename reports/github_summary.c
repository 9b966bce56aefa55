/* SPDX-License-Identifier: Apache-2.0 */
/* The page of a step: verdict, a line per layer, what failed with its last words, what was flaky.
 * All text from outside stands as escaped HTML: it can neither steer the page nor break a table. */
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"
#include "reports/capture_text.h"
#include "reports/github_impl.h"
#include "reports/report_text.h"
#include "reports/xml_write.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* Of one failure: its text, and the end of what the unit printed. */
#define NAME_TEXT_MAX    500
#define DETAILS_MAX      4096
#define OUTPUT_LINES     30
#define OUTPUT_MAX       4096
#define FAILURE_TEXT_MAX (1u << 17)

/* Kept free for the line that says that the page was cut. */
#define CUT_ROOM 256

/* ---- Markdown ---- */

/* One line of text: no character means anything to Markdown. */
static void append_inline(struct str *out, const char *text)
{
    CLEANUP(str_fini) struct str clean = STR_INIT(4 * (size_t)NAME_TEXT_MAX + 256);
    text_clean_cut(&clean, text, NAME_TEXT_MAX);
    str_carry_error(out, &clean);
    for (const char *c = str_text(&clean); *c != '\0'; c++) {
        if (*c == '\n' || *c == '\t') {
            (void)str_append_char(out, ' ');
        } else if (strchr("&<>\"'`*_[]|\\~#!@:", *c) != NULL) {
            (void)str_appendf(out, "&#%d;", (unsigned char)*c);
        } else {
            (void)str_append_char(out, *c);
        }
    }
}

static void append_block(struct str *out, const char *text)
{
    (void)str_append(out, "<pre>");
    xml_text(out, text);
    (void)str_append(out, "</pre>\n\n");
}

/* ---- entries ---- */

static void append_place(struct str *out, const struct case_entry *entry)
{
    if (entry->file != NULL) {
        (void)str_append(out, " (");
        append_inline(out, entry->file);
        if (entry->line > 0) {
            (void)str_appendf(out, ":%u", (unsigned)entry->line);
        }
        (void)str_append(out, ")");
    }
}

static void append_name(struct str *out, const struct case_entry *entry)
{
    append_inline(out, entry->classname);
    (void)str_append(out, " <b>");
    append_inline(out, entry->name);
    (void)str_append(out, "</b>");
    append_place(out, entry);
}

static void append_captures(const struct github *self,
                            struct str *out,
                            const struct outcome *outcome)
{
    CLEANUP(str_fini) struct str text = STR_INIT(16 * (size_t)OUTPUT_MAX);
    const struct capture *const captures[] = {&outcome->out, &outcome->err};
    for (size_t i = 0; i < 2; i++) {
        if (captures[i]->len > 0) {
            (void)capture_tail(&text, self->report.run_dir, captures[i], OUTPUT_LINES, OUTPUT_MAX);
        }
    }
    str_carry_error(out, &text);
    if (text.len > 0) {
        append_block(out, str_text(&text));
    }
}

static void append_failure(const struct github *self,
                           struct str *out,
                           const struct case_entry *entry)
{
    char buf[ENTRY_MESSAGE_SIZE];
    CLEANUP(str_fini) struct str words = STR_INIT(16 * (size_t)DETAILS_MAX);
    (void)str_append(out, "<details><summary>");
    append_name(out, entry);
    (void)str_append(out, "</summary>\n\n");
    const char *message = case_entry_message(entry, buf);
    const char *details = entry->details != NULL ? entry->details : "";
    if (strstr(details, message) == NULL) {
        text_clean_cut(&words, message, DETAILS_MAX);
        (void)str_append_char(&words, '\n');
    }
    text_clean_cut(&words, details, DETAILS_MAX);
    if (entry->hint != NULL) {
        (void)str_append(&words, "\nhint: ");
        text_clean_cut(&words, entry->hint, DETAILS_MAX);
    }
    str_carry_error(out, &words);
    append_block(out, str_text(&words));
    if (entry->outcome != NULL) {
        append_captures(self, out, entry->outcome);
    }
    (void)str_append(out, "</details>\n\n");
}

/* Adds a piece when there is room for it, and counts it in any case. */
static void add_piece(struct github_list *list, const struct str *piece)
{
    list->count++;
    if (piece->error == -ENOMEM) {
        str_carry_error(&list->text, piece);
    }
    if (piece->error != 0 || list->left_out > 0 || list->text.len + piece->len > list->text.max) {
        list->left_out++;
        return;
    }
    (void)str_append(&list->text, str_text(piece));
}

static void count_entry(struct github_layer *layer, const struct case_entry *entry)
{
    uint64_t *const places[OUTCOME_STATUS_COUNT] = {
        [OUTCOME_PASSED] = &layer->passed,
        [OUTCOME_FAILED] = &layer->failed,
        [OUTCOME_ERRORED] = &layer->errored,
        [OUTCOME_TIMED_OUT] = &layer->errored,
        [OUTCOME_SKIPPED] = &layer->skipped,
    };
    (*places[entry->status])++;
    layer->flaky += entry->flaky ? 1 : 0;
    layer->reused += entry->reused != NULL ? 1 : 0;
}

void github_tell_entry(struct github *self, size_t layer, const struct case_entry *entry)
{
    CLEANUP(str_fini) struct str piece = STR_INIT(FAILURE_TEXT_MAX);
    count_entry(&self->layers.items[layer], entry);
    if (status_is_bad(entry->status)) {
        if (self->failures.left_out == 0) {
            append_failure(self, &piece, entry);
        }
        add_piece(&self->failures, &piece);
    } else if (entry->flaky) {
        (void)str_append(&piece, "- ");
        append_name(&piece, entry);
        (void)str_append(&piece, "\n");
        add_piece(&self->flaky, &piece);
    }
}

/* ---- the page ---- */

static const char *state_words(const struct github_layer *layer)
{
    static const char *const words[] = {
        [VERDICT_OPEN] = ":white_check_mark: open",
        [VERDICT_SHUT] = ":x: shut",
        [VERDICT_SKIPPED] = "skipped",
        [VERDICT_ERROR] = ":x: error",
    };
    if (!layer->judged) {
        return ":x: not judged";
    }
    if (layer->allow_failure && layer->state == VERDICT_SHUT) {
        return ":warning: shut, allowed to";
    }
    return words[layer->state];
}

static void append_layer(struct str *out, const char *id, const struct github_layer *layer)
{
    (void)str_append(out, "| ");
    append_inline(out, id);
    (void)str_appendf(out,
                      " | %s | %" PRIu64 " | %" PRIu64 " | %" PRIu64 " | %" PRIu64 " | %" PRIu64
                      " | %" PRIu64 " | ",
                      state_words(layer),
                      layer->passed,
                      layer->failed,
                      layer->errored,
                      layer->skipped,
                      layer->flaky,
                      layer->reused);
    append_inline(out, layer->reason != NULL ? layer->reason : "");
    (void)str_append(out, " |\n");
}

static void append_layers(const struct github *self, struct str *out)
{
    const size_t start = out->len;
    (void)str_append(out,
                     "| layer | gate | passed | failed | errored | skipped | flaky | reused | |\n"
                     "|---|---|--:|--:|--:|--:|--:|--:|---|\n");
    size_t i = 0;
    for (; i < self->layers.count && out->len - start < GITHUB_LAYERS_MAX; i++) {
        append_layer(out, self->fold.layers.items[i].id, &self->layers.items[i]);
    }
    if (i < self->layers.count) {
        (void)str_appendf(out, "\n%zu more layers are not shown.\n", self->layers.count - i);
    }
    (void)str_append(out, "\n");
}

static void append_head(const struct github *self, struct str *out)
{
    const struct case_fold *fold = &self->fold;
    const bool good = fold->finished && fold->exit_code == EXIT_OPEN;
    char took[DURATION_TEXT_MAX];
    (void)str_append(out, good ? "## :white_check_mark: " : "## :x: ");
    append_inline(out, self->name.len > 0 ? self->name.data : "sluice");
    if (!fold->finished) {
        (void)str_append(out, ": the run did not finish\n\n");
        return;
    }
    (void)str_appendf(out, ": %s", good ? "open" : fold->exit_code == EXIT_SHUT ? "shut" : "error");
    (void)str_appendf(out, ", %s\n\n", duration_format(fold->wall_ns / 1000000, took));
    if (!good) {
        append_inline(out, fold->reason.len > 0 ? fold->reason.data : "");
        (void)str_appendf(out, " (exit code %d)\n\n", (int)fold->exit_code);
    }
}

static void append_list(struct str *out, const char *title, const struct github_list *list)
{
    if (list->count == 0) {
        return;
    }
    (void)str_appendf(out, "### %" PRIu64 " %s\n\n", list->count, title);
    (void)str_append(out, str_text(&list->text));
    if (list->left_out > 0) {
        (void)str_appendf(out,
                          "\n%" PRIu64 " more are not shown: this page has reached its limit.\n",
                          list->left_out);
    }
    (void)str_append(out, "\n");
}

/* Cuts behind a failure: within a <pre> what follows would be swallowed by it. False when not one
 * of them has room. */
static bool cut(struct str *out, size_t max)
{
    static const char piece_end[] = "</details>\n\n";
    size_t at = max > CUT_ROOM ? max - CUT_ROOM : 0;
    while (at > 0 && strncmp(out->data + at, piece_end, sizeof piece_end - 1) != 0) {
        at--;
    }
    if (at == 0) {
        return false;
    }
    out->len = at + sizeof piece_end - 1;
    out->data[out->len] = '\0';
    (void)str_append(out, "\nThe rest is left out: GitHub's limit for a step's summary.\n");
    return true;
}

void github_write_summary(const struct github *self, size_t max, struct str *out)
{
    CLEANUP(str_fini) struct str head = STR_INIT(GITHUB_SUMMARY_MAX);
    append_head(self, &head);
    str_carry_error(out, &head);
    (void)str_append(out, str_text(&head));
    append_layers(self, out);
    append_list(out, "failed", &self->failures);
    append_list(out, "flaky", &self->flaky);
    (void)str_append(out, "<sub>sluice run ");
    append_inline(out, str_text(&self->run));
    (void)str_append(out, "</sub>\n\n");
    if (out->error != 0 || out->len <= max) {
        return;
    }
    if (!cut(out, max)) {
        str_clear(out); /* the verdict alone, if it fits */
        (void)str_append(out, head.len <= max ? str_text(&head) : "");
    }
}
