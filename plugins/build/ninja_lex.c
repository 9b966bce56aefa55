/* SPDX-License-Identifier: Apache-2.0 */
/* Moves through the text of a manifest: lines, blanks, words, and pieces that are replaced later.
 */
#include "plugins/build/ninja_lex.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Message without its file and line. */
#define WHY_MAX 400
/* What is shown of a word in a message. */
#define SHOWN_MAX 80

/* ---- complaints ---- */

unsigned lex_line(struct ninja_source *source, const char *at)
{
    if (at < source->counted) {
        source->counted = source->text;
        source->line = 1;
    }
    while (source->counted < at) {
        source->line += *source->counted++ == '\n';
    }
    return source->line;
}

struct ninja_source *lex_top(struct ninja_lexer *lex)
{
    assert(lex->depth > 0);
    return &lex->stack[lex->depth - 1];
}

int lex_refuse(struct ninja_lexer *lex, const char *at, const char *format, ...)
{
    char why[WHY_MAX];
    va_list args;
    struct ninja_source *source = lex_top(lex);
    va_start(args, format);
    (void)vsnprintf(why, sizeof why, format, args);
    va_end(args);
    return err_set(lex->err, -EINVAL, "%s:%u: %s", source->name, lex_line(source, at), why);
}

int lex_no_memory(struct ninja_lexer *lex)
{
    return err_set(lex->err,
                   -ENOMEM,
                   "out of memory, or the manifest is larger than is read (%zu MiB)",
                   NINJA_ARENA_MAX >> 20);
}

/* ---- words ---- */

bool lex_is_newline(const char *at)
{
    return *at == '\n' || (*at == '\r' && at[1] == '\n');
}

static void skip_newline(struct ninja_source *source)
{
    source->at += *source->at == '\r' ? 2 : 1;
}

/* Blanks, and lines that go on after "$". */
void lex_skip_blanks(struct ninja_source *source)
{
    for (;;) {
        if (*source->at == ' ') {
            source->at++;
        } else if (*source->at == '$' && lex_is_newline(source->at + 1)) {
            source->at++;
            skip_newline(source);
        } else {
            return;
        }
    }
}

/* Comments; `empty_too`: empty lines as well. */
void lex_skip_lines(struct ninja_source *source, bool empty_too)
{
    for (;;) {
        const char *at = source->at + strspn(source->at, " ");
        if (*at == '#') {
            source->at = at + strcspn(at, "\n");
        } else if (empty_too && lex_is_newline(at)) {
            source->at = at + (*at == '\r');
        } else {
            return;
        }
        source->at += *source->at == '\n';
    }
}

static bool is_word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'
           || c == '-' || c == '.';
}

/* A name and the blanks after it. */
int lex_word(struct ninja_lexer *lex, const char *what, const char **ret_word)
{
    struct ninja_source *source = lex_top(lex);
    const char *start = source->at;
    const char *at = start;
    while (is_word_char(*at)) {
        at++;
    }
    if (at == start) {
        return lex_refuse(
            lex, start, "%s", *start == '\t' ? "tabs are not allowed, use blanks" : what);
    }
    const char *word = arena_strndup(lex->arena, start, (size_t)(at - start));
    if (word == NULL) {
        return lex_no_memory(lex);
    }
    source->at = at;
    lex_skip_blanks(source);
    *ret_word = word;
    return 0;
}

int lex_expect_newline(struct ninja_lexer *lex)
{
    struct ninja_source *source = lex_top(lex);
    if (*source->at == '\0') {
        return 0;
    }
    if (!lex_is_newline(source->at)) {
        return lex_refuse(lex,
                          source->at,
                          "the end of the line was expected, not \"%.*s\"",
                          (int)strcspn(source->at, " \r\n") < SHOWN_MAX
                              ? (int)strcspn(source->at, " \r\n")
                              : SHOWN_MAX,
                          source->at);
    }
    skip_newline(source);
    return 0;
}

int lex_expect_colon(struct ninja_lexer *lex)
{
    struct ninja_source *source = lex_top(lex);
    if (*source->at != ':') {
        return lex_refuse(lex, source->at, "a ':' was expected after the outputs");
    }
    source->at++;
    lex_skip_blanks(source);
    return 0;
}

bool lex_ends_piece(const char *at, bool path)
{
    return *at == '\0' || lex_is_newline(at) || (path && (*at == ' ' || *at == ':' || *at == '|'));
}

/* A piece of text with its variables: to the end of the line, or one path. */
int lex_raw(struct ninja_lexer *lex, bool path, struct ninja_raw *ret_raw)
{
    struct ninja_source *source = lex_top(lex);
    const char *start = source->at;
    const char *at = start;
    while (!lex_ends_piece(at, path)) {
        if (*at == '$' && lex_is_newline(at + 1)) {
            at += at[1] == '\r' ? 3 : 2;
        } else if (*at == '$' && at[1] != '\0') {
            at += 2;
        } else if (*at == '$') {
            return lex_refuse(lex, at, "the file ends after a $");
        } else {
            at++;
        }
    }
    *ret_raw = (struct ninja_raw){start, (size_t)(at - start)};
    source->at = at;
    if (path) {
        lex_skip_blanks(source);
    }
    return 0;
}
