/* SPDX-License-Identifier: Apache-2.0 */
#include "config/complain.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "config/node.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Characters of a source line shown on each side of the caret; longer lines are cut with "...". */
#define SHOWN_BEFORE 100
#define SHOWN_AFTER  60

void complaints_init(struct complaints *complaints, const struct source *source)
{
    complaints->source = *source;
    complaints->count = 0;
    complaints->dropped = 0;
    complaints->found = 0;
    complaints->error = 0;
}

static bool is_known(const struct complaints *complaints, unsigned line, unsigned column)
{
    for (size_t i = 0; i < complaints->count; i++) {
        if (complaints->items[i].line == line && complaints->items[i].column == column) {
            return true;
        }
    }
    return false;
}

__attribute__((format(printf, 4, 0))) static void add(
    struct complaints *complaints, unsigned line, unsigned column, const char *format, va_list args)
{
    complaints->found++;
    if (is_known(complaints, line, column)) {
        return;
    }
    if (complaints->count == COMPLAINTS_MAX) {
        complaints->dropped++;
        return;
    }
    struct complaint *complaint = &complaints->items[complaints->count];
    *complaint = (struct complaint){.line = line, .column = column, .order = complaints->count};
    (void)vsnprintf(complaint->text, sizeof complaint->text, format, args);
    complaints->count++;
}

void complain_at(
    struct complaints *complaints, unsigned line, unsigned column, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add(complaints, line, column, format, args);
    va_end(args);
}

void complain(struct complaints *complaints, const struct node *node, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add(complaints, node->line, node->column, format, args);
    va_end(args);
}

bool complaints_room(struct complaints *complaints, const struct node *node)
{
    bool known = is_known(complaints, node->line, node->column);
    bool full = complaints->count == COMPLAINTS_MAX;
    if (!known && !full) {
        return true;
    }
    complaints->found++;
    complaints->dropped += !known;
    return false;
}

void complaints_fail(struct complaints *complaints, int error)
{
    if (complaints->error == 0) {
        complaints->error = error;
    }
}

void complaints_fail_arena(struct complaints *complaints, const struct arena *arena)
{
    /* Requests are small against the limit, so an arena that gives up below half of it met a
     * machine without memory. */
    complaints_fail(complaints, arena_used(arena) > CONFIG_ARENA_MAX / 2 ? -E2BIG : -ENOMEM);
}

/* Length of the line break at `p`, 0 when there is none: what YAML takes for one, so that our line
 * numbers are those of libyaml. */
static size_t break_length(const char *p, const char *end)
{
    static const char *const breaks[] = {
        "\r\n", "\n", "\r", "\xc2\x85", "\xe2\x80\xa8", "\xe2\x80\xa9"};
    if (p == end || (*p != '\n' && *p != '\r' && *p != '\xc2' && *p != '\xe2')) {
        return 0;
    }
    for (size_t i = 0; i < sizeof breaks / sizeof *breaks; i++) {
        size_t len = strlen(breaks[i]);
        if ((size_t)(end - p) >= len && memcmp(p, breaks[i], len) == 0) {
            return len;
        }
    }
    return 0;
}

static const char *line_end(const struct source *source, const char *start)
{
    const char *end = source->text + source->len;
    const char *p = start;
    while (p < end && break_length(p, end) == 0) {
        p++;
    }
    return p;
}

static const char *line_start(const struct source *source, unsigned line)
{
    const char *p = source->text;
    const char *end = source->text + source->len;
    for (unsigned i = 1; i < line && p < end; i++) {
        p = line_end(source, p);
        p += break_length(p, end);
    }
    return p;
}

/* One character forward: over the lead byte and what follows it. */
static const char *next_char(const char *p, const char *end)
{
    p++;
    while (p < end && ((unsigned char)*p & 0xc0) == 0x80) {
        p++;
    }
    return p;
}

static const char *skip_chars(const char *p, const char *end, size_t count)
{
    for (size_t i = 0; i < count && p < end; i++) {
        p = next_char(p, end);
    }
    return p;
}

size_t source_offset(const struct source *source, unsigned line, unsigned column)
{
    const char *start = line_start(source, line);
    const char *p = skip_chars(start, line_end(source, start), column > 0 ? column - 1 : 0);
    return (size_t)(p - source->text);
}

void source_locate(const struct source *source,
                   size_t offset,
                   unsigned *ret_line,
                   unsigned *ret_column)
{
    const char *end = source->text + source->len;
    const char *target = source->text + (offset < source->len ? offset : source->len);
    const char *start = source->text;
    unsigned line = 1;
    for (const char *p = line_end(source, start); p < target; p = line_end(source, start)) {
        start = p + break_length(p, end);
        line++;
    }
    unsigned column = 1;
    for (const char *p = start; p < target; p = next_char(p, target)) {
        column++;
    }
    *ret_line = line;
    *ret_column = column;
}

/* Appends source bytes so that they fill one line of a terminal and nothing else. */
static void write_source(struct str *out, const char *from, const char *to)
{
    size_t begin = out->len;
    (void)text_sanitize(out, from, (size_t)(to - from));
    for (size_t i = begin; i < out->len; i++) {
        if (out->data[i] == '\n' || out->data[i] == '\t') {
            out->data[i] = ' ';
        }
    }
}

static void write_excerpt(struct str *out,
                          const struct source *source,
                          const struct complaint *complaint)
{
    const char *start = line_start(source, complaint->line);
    const char *end = line_end(source, start);
    const char *caret = source->text + source_offset(source, complaint->line, complaint->column);
    const char *from = start;
    if (complaint->column > SHOWN_BEFORE) {
        from = skip_chars(start, end, complaint->column - SHOWN_BEFORE);
    }
    const char *to = skip_chars(caret, end, SHOWN_AFTER);
    char gutter[32];
    int width = snprintf(gutter, sizeof gutter, "%5u", complaint->line);
    (void)str_appendf(out, "\n%s | %s", gutter, from > start ? "..." : "");
    size_t begin = out->len;
    write_source(out, from, caret);
    size_t columns = text_columns(str_text(out) + (begin <= out->len ? begin : 0));
    write_source(out, caret, to);
    (void)str_appendf(out,
                      "%s\n%*s | %*s^",
                      to < end ? "..." : "",
                      width,
                      "",
                      (int)columns + (from > start ? 3 : 0),
                      "");
}

/* A sentence stays on its line, whatever bytes a word of the file has. */
static void write_sentence(struct str *out, const char *text)
{
    const char *end = text + strlen(text);
    write_source(out, text, end);
}

int complaint_write(struct str *out, const struct source *source, const struct complaint *complaint)
{
    if (complaint->line == 0) {
        (void)str_appendf(out, "%s: ", source->file);
        write_sentence(out, complaint->text);
        return str_error(out);
    }
    (void)str_appendf(out, "%s:%u:%u: ", source->file, complaint->line, complaint->column);
    write_sentence(out, complaint->text);
    if (source->len > 0) {
        write_excerpt(out, source, complaint);
    }
    return str_error(out);
}

static int compare(const void *a, const void *b)
{
    const struct complaint *x = a;
    const struct complaint *y = b;
    if (x->line != y->line) {
        return x->line < y->line ? -1 : 1;
    }
    if (x->column != y->column) {
        return x->column < y->column ? -1 : 1;
    }
    return x->order < y->order ? -1 : 1;
}

/* Room kept for "\n(and 12345678 more ...)". */
#define MORE_ROOM 48

static void write_all(struct str *out, const struct complaints *complaints)
{
    size_t told = 0;
    for (; told < complaints->count; told++) {
        CLEANUP(str_fini) struct str one = STR_INIT((size_t)ERR_TEXT_MAX * 4);
        int error = complaint_write(&one, &complaints->source, &complaints->items[told]);
        if (error == -ENOMEM) {
            out->error = error;
            return;
        }
        bool fits = out->len + one.len + 1 + MORE_ROOM < ERR_TEXT_MAX;
        if (told > 0 && !fits) {
            break;
        }
        (void)str_appendf(out, "%s%s", told > 0 ? "\n" : "", str_text(&one));
    }
    size_t more = complaints->count - told + complaints->dropped;
    if (more > 0) {
        (void)str_appendf(out, "\n(and %zu more %s)", more, more == 1 ? "complaint" : "complaints");
    }
}

int complaints_tell(struct complaints *complaints, struct err *err)
{
    if (complaints->error != 0) {
        return err_set(err,
                       complaints->error,
                       complaints->error == -ENOMEM
                           ? "%s: memory is short while reading the pipeline"
                           : "%s: the pipeline is too big when aliases and matrices are written "
                             "out; split it into several files",
                       complaints->source.file);
    }
    if (complaints->count == 0) {
        return 0;
    }
    qsort(complaints->items, complaints->count, sizeof *complaints->items, compare);
    CLEANUP(str_fini) struct str out = STR_INIT((size_t)ERR_TEXT_MAX * 8);
    write_all(&out, complaints);
    if (str_error(&out) == -ENOMEM) {
        return err_set(err, -ENOMEM, "%s: memory is short", complaints->source.file);
    }
    return err_set(err, -EINVAL, "%s", str_text(&out));
}
