/* SPDX-License-Identifier: Apache-2.0 */
/* How mutants are shown. */
#include "base/json.h"
#include "base/text.h"
#include "cli/mutants.h"

#include <string.h>

#define RED   "\033[31m"
#define GREEN "\033[32m"
#define BOLD  "\033[1m"
#define PLAIN "\033[0m"

/* Source that is shown of one line. */
#define SHOWN_MAX 400

static void put_color(struct mutants_out *out, const char *color)
{
    if (out->color) {
        (void)str_append(&out->text, color);
    }
}

/* The first line of a text of a source; what a terminal would act on is made harmless. */
static void put_source(struct mutants_out *out, const char *text, size_t len)
{
    const char *newline = len > 0 ? memchr(text, '\n', len) : NULL;
    size_t first = newline != NULL ? (size_t)(newline - text) : len;
    if (first > 0 && text[first - 1] == '\r') {
        first--;
        len = newline != NULL ? len : first;
    }
    const size_t shown = first < SHOWN_MAX ? first : SHOWN_MAX;
    (void)text_show(&out->text, text, shown);
    if (shown < len) {
        (void)str_append(&out->text, "...");
    }
}

/* The bytes of the source line before the mutant; the line is there. */
static size_t before_of(const struct mutants_entry *entry)
{
    const size_t len = strlen(entry->source);
    const size_t before = entry->column > 0 ? (size_t)entry->column - 1 : 0;
    return before < len ? before : len;
}

/* What stands behind the original on its line; "" when that goes on to further lines. */
static const char *after_of(const struct mutants_entry *entry)
{
    const size_t before = before_of(entry);
    const size_t len = strlen(entry->original);
    return entry->end_line <= entry->line && strlen(entry->source) >= before + len
               ? entry->source + before + len
               : "";
}

/* The line with `text` (the original or the replacement) in its place. */
static void put_line_with(struct mutants_out *out,
                          const struct mutants_entry *entry,
                          const char *text,
                          const char *color)
{
    const char *after = after_of(entry);
    put_source(out, entry->source, before_of(entry));
    put_color(out, color);
    put_source(out, text, strlen(text));
    put_color(out, PLAIN);
    put_source(out, after, strlen(after));
}

static void put_place(struct mutants_out *out,
                      const struct mutants_part *part,
                      const struct mutants_entry *entry)
{
    (void)text_show(&out->text, part->file, strlen(part->file));
    (void)str_appendf(&out->text, ":%lld:%lld", (long long)entry->line, (long long)entry->column);
}

void mutants_put_line(struct mutants_out *out,
                      const struct mutants_part *part,
                      const struct mutants_entry *entry)
{
    put_color(out, BOLD);
    (void)str_appendf(&out->text, "%-12s", entry->status);
    put_color(out, PLAIN);
    (void)str_appendf(&out->text, " %s  ", entry->id);
    put_place(out, part, entry);
    (void)str_appendf(&out->text, "  %s\n", entry->operator);
    if (entry->source != NULL) {
        (void)str_appendf(&out->text, "%8lld | ", (long long)entry->line);
        put_line_with(out, entry, entry->replacement, GREEN);
        (void)str_append_char(&out->text, '\n');
    }
}

static void put_tests(struct mutants_out *out,
                      const struct mutants_part *part,
                      const struct mutants_entry *entry)
{
    const size_t count = json_array_size(entry->covered_by);
    if (entry->covered_by == NULL) {
        (void)str_append(&out->text, "reached by: not known\n");
        return;
    }
    (void)str_append(&out->text, count == 0 ? "reached by: no test\n" : "reached by:\n");
    for (size_t i = 0; i < count; i++) {
        const char *name = mutants_covering(part, entry, i);
        (void)str_append(&out->text, "  ");
        (void)text_show(&out->text, name != NULL ? name : "?", name != NULL ? strlen(name) : 1);
        (void)str_append_char(&out->text, '\n');
    }
}

static void put_diff(struct mutants_out *out,
                     const struct mutants_part *part,
                     const struct mutants_entry *entry)
{
    (void)str_append(&out->text, "--- a/");
    (void)text_show(&out->text, part->file, strlen(part->file));
    (void)str_append(&out->text, "\n+++ b/");
    (void)text_show(&out->text, part->file, strlen(part->file));
    (void)str_appendf(
        &out->text, "\n@@ -%lld +%lld @@\n", (long long)entry->line, (long long)entry->line);
    (void)str_append_char(&out->text, '-');
    put_line_with(out, entry, entry->original, RED);
    (void)str_append(&out->text, "\n+");
    put_line_with(out, entry, entry->replacement, GREEN);
    (void)str_append_char(&out->text, '\n');
}

void mutants_put_all(struct mutants_out *out,
                     const struct mutants_part *part,
                     const struct mutants_entry *entry)
{
    put_color(out, BOLD);
    (void)str_append(&out->text, entry->status);
    put_color(out, PLAIN);
    (void)str_appendf(&out->text, " %s  ", entry->id);
    put_place(out, part, entry);
    (void)str_appendf(&out->text, "\noperator: %s\n", entry->operator);
    if (entry->function != NULL && entry->function[0] != '\0') {
        (void)str_appendf(&out->text, "function: %s\n", entry->function);
    }
    (void)str_appendf(&out->text, "layer: %s\n", part->layer);
    if (entry->reason != NULL) {
        (void)str_append(&out->text, "reason: ");
        (void)text_show(&out->text, entry->reason, strlen(entry->reason));
        (void)str_append_char(&out->text, '\n');
    }
    if (entry->engine != NULL) {
        (void)str_appendf(&out->text, "engine: %s\n", entry->engine);
    }
    if (entry->source != NULL) {
        put_diff(out, part, entry);
    }
    put_tests(out, part, entry);
    if (entry->killed_by != NULL) {
        (void)str_append(&out->text, "killed by: ");
        (void)text_show(&out->text, entry->killed_by, strlen(entry->killed_by));
        (void)str_append_char(&out->text, '\n');
    }
}

void mutants_put_json(struct str *out,
                      const struct mutants_part *part,
                      const struct mutants_entry *entry)
{
    struct json_writer w;
    const char *name = NULL;
    jw_begin(&w, out);
    jw_object(&w);
    jw_put_string(&w, "id", entry->id);
    jw_put_string(&w, "layer", part->layer);
    jw_put_string(&w, "file", part->file);
    jw_put_int(&w, "line", entry->line);
    jw_put_int(&w, "column", entry->column);
    jw_put_string(&w, "function", entry->function);
    jw_put_string(&w, "operator", entry->operator);
    jw_put_string(&w, "original", entry->original);
    jw_put_string(&w, "replacement", entry->replacement);
    jw_put_string(&w, "status", entry->status);
    jw_put_string(&w, "reason", entry->reason);
    jw_key(&w, "killed_by");
    jw_string(&w, entry->killed_by);
    jw_key(&w, "covered_by");
    if (entry->covered_by == NULL) {
        jw_null(&w);
    } else {
        jw_array(&w);
        for (size_t i = 0; (name = mutants_covering(part, entry, i)) != NULL; i++) {
            jw_string(&w, name);
        }
        jw_end_array(&w);
    }
    jw_end_object(&w);
    (void)str_append_char(out, '\n');
}
