/* SPDX-License-Identifier: Apache-2.0 */
/* ${{ matrix.AXIS }} and ${{ sluice.seed }}: replaced in every text of a layer. There is no more to
 * the language, on purpose. */
#include "base/cleanup.h"
#include "base/str.h"
#include "config/reader.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define OPEN  "${{"
#define CLOSE "}}"

/* Longest name between the braces: "matrix." and an axis. */
#define EXPRESSION_MAX 96
/* A text after replacement: every replaced part grows by less than 64 bytes, and no file is larger
 * than 1 MiB. Beyond: refused as too big. */
#define EXPANDED_MAX ((size_t)16 << 20)
/* Digits of a seed. */
#define SEED_TEXT_MAX 24

/* Where the n-th OPEN of a text stands in the file. Reads the file from its start, so it is asked
 * for complaints that will be kept only: complaints_room(). */
static void locate(const struct reader *r,
                   const struct node *node,
                   size_t n,
                   unsigned *ret_line,
                   unsigned *ret_column)
{
    const struct source *source = &r->complaints->source;
    size_t offset = source_offset(source, node->line, node->column);
    for (size_t i = 0;; i++) {
        size_t left = source->len - offset;
        const char *found = memmem(source->text + offset, left, OPEN, strlen(OPEN));
        if (found == NULL) {
            break;
        }
        offset = (size_t)(found - source->text);
        if (i == n) {
            break;
        }
        offset += strlen(OPEN);
    }
    source_locate(source, offset, ret_line, ret_column);
}

/* The blank-trimmed name between the braces; false when it is too long to be one. */
static bool trimmed_name(const char *from, const char *to, char name[EXPRESSION_MAX])
{
    while (from < to && (*from == ' ' || *from == '\t')) {
        from++;
    }
    while (to > from && (to[-1] == ' ' || to[-1] == '\t')) {
        to--;
    }
    if (to - from >= EXPRESSION_MAX) {
        return false;
    }
    memcpy(name, from, (size_t)(to - from));
    name[to - from] = '\0';
    return true;
}

static bool append_value(const struct reader *r, const char *name, struct str *out)
{
    if (strcmp(name, "sluice.seed") == 0) {
        (void)str_appendf(out, "%" PRIu64, r->options->seed);
        return true;
    }
    if (strncmp(name, "matrix.", 7) != 0) {
        return false;
    }
    for (size_t i = 0; i < r->matrix->count; i++) {
        if (strcmp(r->matrix->items[i].name, name + 7) == 0) {
            (void)str_append(out, r->matrix->items[i].value);
            return true;
        }
    }
    return false;
}

/* Writes the expression that is most like `name`; false when none is like it. */
static bool nearest_expression(const struct reader *r,
                               const char *name,
                               char ret_nearest[EXPRESSION_MAX])
{
    unsigned best = UINT_MAX;
    for (size_t i = 0; i <= r->matrix->count; i++) {
        char known[EXPRESSION_MAX] = "sluice.seed";
        const char *candidate = known;
        if (i > 0) {
            (void)snprintf(known, sizeof known, "matrix.%s", r->matrix->items[i - 1].name);
        }
        unsigned distance = text_distance(name, known);
        if (distance < best && text_nearest(name, &candidate, 1) != NULL) {
            best = distance;
            memcpy(ret_nearest, known, sizeof known);
        }
    }
    return best != UINT_MAX;
}

static void complain_unknown(struct reader *r, const struct node *node, size_t n, const char *name)
{
    if (!complaints_room(r->complaints, node)) {
        return;
    }
    unsigned line = 0;
    unsigned column = 0;
    locate(r, node, n, &line, &column);
    char nearest[EXPRESSION_MAX];
    if (nearest_expression(r, name, nearest)) {
        complain_at(r->complaints,
                    line,
                    column,
                    "unknown expression `${{ %s }}`: did you mean `${{ %s }}`?",
                    name,
                    nearest);
    } else if (r->matrix->count == 0 && strncmp(name, "matrix.", 7) == 0) {
        complain_at(r->complaints,
                    line,
                    column,
                    "`${{ %s }}` has no value, because there is no `matrix` here",
                    name);
    } else {
        complain_at(r->complaints,
                    line,
                    column,
                    "unknown expression `${{ %s }}`: there are `${{ matrix.AXIS }}`, with an axis "
                    "of this layer's matrix, and `${{ sluice.seed }}`",
                    name);
    }
}

static void complain_open(struct reader *r, const struct node *node, size_t n, const char *sentence)
{
    if (!complaints_room(r->complaints, node)) {
        return;
    }
    unsigned line = 0;
    unsigned column = 0;
    locate(r, node, n, &line, &column);
    complain_at(r->complaints, line, column, "%s", sentence);
}

static bool expand(struct reader *r, const struct node *node, struct str *out)
{
    const char *p = node->text;
    size_t n = 0;
    for (const char *open = strstr(p, OPEN); open != NULL; open = strstr(p, OPEN)) {
        const char *close = strstr(open, CLOSE);
        char name[EXPRESSION_MAX];
        if (close == NULL) {
            complain_open(r, node, n, "`${{` is never closed: write `}}` behind the name");
            return false;
        }
        if (!trimmed_name(open + strlen(OPEN), close, name)) {
            complain_open(r, node, n, "this is no expression: the text up to `}}` is too long");
            return false;
        }
        (void)str_append_n(out, p, (size_t)(open - p));
        if (!append_value(r, name, out)) {
            complain_unknown(r, node, n, name);
            return false;
        }
        p = close + strlen(CLOSE);
        n++;
    }
    return str_append(out, p) == 0;
}

const char *reader_text(struct reader *r, const struct node *node)
{
    if (strstr(node->text, OPEN) == NULL) {
        return node->text;
    }
    if (r->matrix == NULL) {
        complain_open(r, node, 0, "`${{ }}` is replaced in layers and `defaults` only");
        return NULL;
    }
    CLEANUP(str_fini) struct str out = STR_INIT(EXPANDED_MAX);
    bool good = expand(r, node, &out);
    if (str_error(&out) != 0) {
        complaints_fail(r->complaints, str_error(&out) == -ENOMEM ? -ENOMEM : -E2BIG);
        return NULL;
    }
    if (!good) {
        return NULL;
    }
    const char *text = arena_strdup(r->arena, str_text(&out));
    if (text == NULL) {
        complaints_fail_arena(r->complaints, r->arena);
    }
    return text;
}

bool reader_is_bare_expression(const struct node *node)
{
    if (!node->plain || strncmp(node->text, OPEN, strlen(OPEN)) != 0) {
        return false;
    }
    const char *close = strstr(node->text, CLOSE);
    return close != NULL && close[strlen(CLOSE)] == '\0';
}

bool reader_scalar(struct reader *r,
                   const struct node *node,
                   const char **ret_text,
                   struct scalar *ret_scalar)
{
    if (node->type != NODE_TEXT) {
        return false;
    }
    const char *text = reader_text(r, node);
    if (text == NULL) {
        return false;
    }
    bool typed = node->plain && (text == node->text || reader_is_bare_expression(node));
    *ret_text = text;
    *ret_scalar = typed ? scalar_parse(text) : (struct scalar){.type = SCALAR_TEXT};
    return true;
}
