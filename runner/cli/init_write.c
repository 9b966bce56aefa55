/* SPDX-License-Identifier: Apache-2.0 */
/* The layers as a commented pipeline. */
#include "cli/init.h"

#include <string.h>

/* Each line of `text` behind `before`. */
static void put_lines(struct str *out, const char *before, const char *text)
{
    for (const char *at = text; at != NULL && *at != '\0';) {
        const size_t len = strcspn(at, "\n");
        (void)str_append(out, before);
        (void)str_append_n(out, at, len);
        (void)str_append_char(out, '\n');
        at += len + (at[len] == '\n');
    }
}

/* A sentence as a comment of lines that fit a screen. */
#define COMMENT_COLUMNS 96

/* Ends a word of a comment: blanks, and all that YAML takes for the end of a line, behind which a
 * text of the tree would be no comment any more. 0, or its length. */
static size_t separator(const char *at)
{
    static const char *const breaks[] = {"\xc2\x85", "\xe2\x80\xa8", "\xe2\x80\xa9"};
    for (size_t i = 0; i < sizeof breaks / sizeof breaks[0]; i++) {
        if (strncmp(at, breaks[i], strlen(breaks[i])) == 0) {
            return strlen(breaks[i]);
        }
    }
    return (unsigned char)*at <= ' ' || *at == 0x7f;
}

static size_t word_length(const char *at)
{
    size_t len = 0;
    while (at[len] != '\0' && separator(at + len) == 0) {
        len++;
    }
    return len;
}

/* A comment under way. */
struct comment {
    struct str *out;
    const char *before; /* its first line, and the others */
    const char *next;
    size_t column; /* 0 = nothing is written yet */
};

static void put_word(struct comment *comment, const char *word, size_t len)
{
    if (comment->column > 0 && comment->column + 1 + len <= COMMENT_COLUMNS) {
        (void)str_append_char(comment->out, ' ');
        comment->column++;
    } else {
        const bool first = comment->column == 0;
        (void)str_append(comment->out, first ? "" : "\n");
        (void)str_append(comment->out, first ? comment->before : comment->next);
        comment->column = strlen(comment->before);
    }
    (void)str_append_n(comment->out, word, len);
    comment->column += len;
}

static void put_comment(struct str *out, const char *before, const char *next, const char *text)
{
    struct comment comment = {.out = out, .before = before, .next = next};
    for (const char *at = text; *at != '\0';) {
        const size_t len = word_length(at);
        if (len > 0) {
            put_word(&comment, at, len);
        }
        at += len;
        at += *at != '\0' ? separator(at) : 0;
    }
    (void)str_append(out, comment.column > 0 ? "\n" : "");
}

static void put_key(struct str *out, const char *key, const char *value)
{
    if (value != NULL) {
        (void)str_appendf(out, "    %s: %s\n", key, value);
    }
}

static void put_layer(struct str *out, const struct init_plan *plan, size_t at)
{
    const struct init_layer *layer = &plan->layers.items[at];
    (void)str_append(out, at > 0 ? "\n" : "");
    put_comment(out, "  # ", "  # ", layer->comment);
    (void)str_appendf(out, "  %s:\n", layer->id);
    put_key(out, "uses", layer->uses);
    if (layer->needs > 0) {
        (void)str_appendf(out, "    needs: [%s]\n", plan->layers.items[layer->needs - 1].id);
    }
    if (layer->in_place != NULL) {
        put_comment(out, "    # In place: ", "    # ", layer->in_place);
        put_key(out, "sandbox", "none");
    }
    put_key(out, "cwd", layer->cwd);
    put_key(out, "env", layer->env);
    put_key(out, "expose", layer->expose);
    put_key(out, "outputs", layer->outputs);
    (void)str_append(out, "    with:\n");
    put_lines(out, "      ", layer->with);
}

int init_write(const struct init_plan *plan, struct str *out)
{
    (void)str_append(
        out,
        "# Made by `sluice init`, and yours to change. `sluice lint` checks it, `sluice run` runs it,\n"
        "# `sluice schema --reference` explains every key.\n"
        "# Each unit sees a clean checkout, without ignored files, your home folder or the network;\n"
        "# `expose`, `env` and `network` in a layer give it more.\n"
        "version: 1\n"
        "\n"
        "layers:\n");
    for (size_t i = 0; i < plan->layers.count; i++) {
        put_layer(out, plan, i);
    }
    if (plan->unknown.count > 0) {
        (void)str_append(out, "\n# What the files do not tell:\n");
    }
    for (size_t i = 0; i < plan->unknown.count; i++) {
        put_comment(out, "# - ", "#   ", plan->unknown.items[i]);
    }
    return str_error(out);
}
