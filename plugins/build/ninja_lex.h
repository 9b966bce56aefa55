/* SPDX-License-Identifier: Apache-2.0 */
/* The words of a manifest: a place in the text of each file that is being read, how it moves on,
 * and complaints that name it. Knows no statement. Inside of ninja_lex.c and ninja_read.c.
 *
 * Functions that return int: 0, or negative with the message in lexer->err. What they read lives as
 * long as the lexer's arena. */
#ifndef SLUICE_PLUGINS_BUILD_NINJA_LEX_H
#define SLUICE_PLUGINS_BUILD_NINJA_LEX_H

#include "plugins/build/ninja_impl.h"

#include <stdbool.h>

/* A file that is being read. */
struct ninja_source {
    const char *name;
    const char *text;    /* all of it; ends with NUL and has no other */
    const char *at;      /* what is read next */
    const char *counted; /* `line` is the line of this place */
    unsigned line;
    struct ninja_scope *scope; /* of the reader: what the file sees */
};

/* Files that include each other stand on a stack. */
struct ninja_lexer {
    struct ninja_source stack[NINJA_DEPTH_MAX];
    size_t depth;
    struct arena *arena;
    struct err *err;
};

/* The file that is being read; there is one. */
struct ninja_source *lex_top(struct ninja_lexer *lex);

/* The line of a place. Quick when places come in order. */
unsigned lex_line(struct ninja_source *source, const char *at);

/* -EINVAL with file, line of `at` and why. */
int lex_refuse(struct ninja_lexer *lex, const char *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* -ENOMEM: the arena is full. */
int lex_no_memory(struct ninja_lexer *lex);

bool lex_is_newline(const char *at);

/* Moves over blanks, and lines that go on after "$". */
void lex_skip_blanks(struct ninja_source *source);

/* Moves over comments; `empty_too`: over empty lines as well. */
void lex_skip_lines(struct ninja_source *source, bool empty_too);

/* A name, and the blanks after it. `what`: the complaint when there is none. */
int lex_word(struct ninja_lexer *lex, const char *what, const char **ret_word);

/* The end of the line or of the file. */
int lex_expect_newline(struct ninja_lexer *lex);

/* The colon after the outputs, and the blanks after it. */
int lex_expect_colon(struct ninja_lexer *lex);

/* Does a piece end here? Paths end at what separates them, too. */
bool lex_ends_piece(const char *at, bool path);

/* A piece of text with its variables, as it is written: to the end of the line, or one path and the
 * blanks after it. */
int lex_raw(struct ninja_lexer *lex, bool path, struct ninja_raw *ret_raw);

#endif
