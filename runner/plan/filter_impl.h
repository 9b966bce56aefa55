/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a filter: lexer (filter_lex.c), parser (filter_parse.c), matchers
 * (filter_matcher.c) and evaluation (filter.c). */
#ifndef SLUICE_PLAN_FILTER_IMPL_H
#define SLUICE_PLAN_FILTER_IMPL_H

#include "base/vec.h"
#include "plan/filter.h"

#include <stddef.h>
#include <stdint.h>

struct filter_regex; /* compiled pattern */

enum filter_field {
    FIELD_LAYER,
    FIELD_STAGE,
    FIELD_NAME,
    FIELD_STATUS,
    FIELD_LABEL,
};

#define FILTER_FIELD_COUNT 5
extern const char *const filter_field_names[FILTER_FIELD_COUNT];

enum matcher_type {
    MATCHER_GLOB,
    MATCHER_EXACT,
    MATCHER_SUBSTRING,
    MATCHER_REGEX,
};

struct matcher {
    enum matcher_type type;
    char *text; /* owned; NULL for a regex */
    struct filter_regex *regex;
};

struct filter_test {
    enum filter_field field;
    struct matcher matcher;
};

enum filter_op {
    OP_TEST,
    OP_NOT,
    OP_AND,
    OP_OR,
    OP_OPEN, /* only on the parser's stack */
};

/* One step of the postfix program. */
struct filter_step {
    enum filter_op op;
    uint32_t test; /* index, for OP_TEST */
};

struct filter {
    struct {
        VEC_FIELDS(struct filter_test);
    } tests;

    struct {
        VEC_FIELDS(struct filter_step);
    } steps;
};

/* Entries that wait on a stack: at each depth at most one of or, and, not and one parenthesis
 * (or three values), and the outermost level. */
#define FILTER_STACK_MAX ((size_t)4 * (FILTER_DEPTH_MAX + 1))

enum token_type {
    TOKEN_END,
    TOKEN_OPEN,
    TOKEN_CLOSE,
    TOKEN_AND,
    TOKEN_OR,
    TOKEN_NOT,
    TOKEN_TEST, /* field, matcher type, matcher text */
};

/* Slices point into the expression. */
struct token {
    enum token_type type;
    size_t at; /* offset where it starts */
    size_t len;
    enum filter_field field;
    enum matcher_type matcher;
    bool word; /* the text is a bare word: matches anywhere in the name */
    size_t text_at;
    size_t text_len;
};

struct lexer {
    const char *text;
    size_t at;
};

int filter_lex_next(struct lexer *lexer, struct token *ret_token, struct err *err);

/* -EINVAL with the message, the column of `at`, and the line itself with a mark when it is short.
 */
int filter_complain(const char *text, size_t at, struct err *err, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Fills *ret_matcher from a token. */
int matcher_init(struct matcher *ret_matcher,
                 const char *text,
                 const struct token *token,
                 struct err *err);
void matcher_fini(struct matcher *matcher);
bool matcher_match(const struct matcher *matcher, const char *value);
/* As filter_error(), of one matcher. */
int matcher_error(const struct matcher *matcher, struct err *err);

#endif
