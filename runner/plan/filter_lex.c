/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"
#include "plan/filter_impl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

const char *const filter_field_names[FILTER_FIELD_COUNT] = {
    [FIELD_LAYER] = "layer",
    [FIELD_STAGE] = "stage",
    [FIELD_NAME] = "name",
    [FIELD_STATUS] = "status",
    [FIELD_LABEL] = "label",
};

/* A line up to this long is shown under the message, with a mark below the place. */
#define SHOWN_LINE_MAX 160

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static size_t column_of(const char *text, size_t at)
{
    size_t column = 1;

    for (size_t i = 0; i < at; i++) {
        column +=
            ((unsigned char)text[i] & 0xc0) != 0x80; /* UTF-8 continuation bytes are no column */
    }
    return column;
}

int filter_complain(const char *text, size_t at, struct err *err, const char *format, ...)
{
    char message[ERR_TEXT_MAX / 2];
    size_t column = column_of(text, at);
    va_list args;

    va_start(args, format);
    (void)vsnprintf(message, sizeof message, format, args);
    va_end(args);
    if (strlen(text) > SHOWN_LINE_MAX || strpbrk(text, "\t\n\r") != NULL) {
        return err_set(err, -EINVAL, "filter, column %zu: %s", column, message);
    }
    return err_set(err,
                   -EINVAL,
                   "filter, column %zu: %s\n    %s\n    %*s",
                   column,
                   message,
                   text,
                   (int)column,
                   "^");
}

static bool ends_word(char c)
{
    return c == '\0' || is_blank(c) || c == '(' || c == ')';
}

static bool slice_is(const char *at, size_t len, const char *word)
{
    return strlen(word) == len && strncmp(at, word, len) == 0;
}

/* Where the parenthesis closes that opened before `at`; quoted characters are passed over. Offset
 * of ')' or of the terminator. */
static size_t find_close(const char *text, size_t at)
{
    size_t depth = 0;

    for (; text[at] != '\0'; at++) {
        if (text[at] == '\\' && text[at + 1] != '\0') {
            at++;
        } else if (text[at] == '(') {
            depth++;
        } else if (text[at] == ')' && depth-- == 0) {
            break;
        }
    }
    return at;
}

/* The slash that ends a pattern starting at `at`, or the terminator. */
static size_t find_slash(const char *text, size_t at)
{
    while (text[at] != '\0' && text[at] != '/') {
        at += text[at] == '\\' && text[at + 1] != '\0' ? 2 : 1;
    }
    return at;
}

static size_t skip_blanks(const char *text, size_t at)
{
    while (is_blank(text[at])) {
        at++;
    }
    return at;
}

/* "/.../" then ")". lexer->at is at the first slash. */
static int lex_regex(struct lexer *lexer, struct token *token, struct err *err)
{
    const char *text = lexer->text;
    size_t slash = find_slash(text, lexer->at + 1);

    if (text[slash] == '\0') {
        return filter_complain(text, lexer->at, err, "this pattern has no closing '/'");
    }
    token->matcher = MATCHER_REGEX;
    token->text_at = lexer->at + 1;
    token->text_len = slash - token->text_at;
    lexer->at = skip_blanks(text, slash + 1);
    if (text[lexer->at] != ')') {
        return filter_complain(
            text,
            lexer->at,
            err,
            "expected ')' after the pattern; a '/' inside it is written \"\\/\"");
    }
    lexer->at++;
    return 0;
}

static int lex_plain_matcher(struct lexer *lexer, struct token *token, struct err *err)
{
    const char *text = lexer->text;

    token->matcher = MATCHER_GLOB;
    if (text[lexer->at] == '=' || text[lexer->at] == '~') {
        token->matcher = text[lexer->at] == '=' ? MATCHER_EXACT : MATCHER_SUBSTRING;
        lexer->at++;
    }
    size_t close = find_close(text, lexer->at);
    if (text[close] == '\0') {
        return filter_complain(text, token->at, err, "this test has no closing ')'");
    }
    token->text_at = lexer->at;
    token->text_len = close - lexer->at;
    while (token->text_len != 0 && is_blank(text[token->text_at + token->text_len - 1])) {
        token->text_len--;
    }
    if (token->text_len == 0) {
        return filter_complain(
            text, close, err, "nothing to match; write a name, a glob, =text, ~part or /pattern/");
    }
    lexer->at = close + 1;
    return 0;
}

static int lex_test(struct lexer *lexer, size_t word_len, struct token *token, struct err *err)
{
    const char *word = lexer->text + token->at;
    char copy[32];
    size_t field = 0;

    while (field < FILTER_FIELD_COUNT && !slice_is(word, word_len, filter_field_names[field])) {
        field++;
    }
    if (field == FILTER_FIELD_COUNT) {
        (void)snprintf(copy, sizeof copy, "%.*s", (int)(word_len < 31 ? word_len : 31), word);
        const char *near = text_nearest(copy, filter_field_names, FILTER_FIELD_COUNT);
        return filter_complain(
            lexer->text,
            token->at,
            err,
            "there is no test \"%s(...)\"; %s%s%s",
            copy,
            near != NULL ? "did you mean \"" : "",
            near != NULL ? near : "the tests are layer, stage, name, status and label",
            near != NULL ? "\"?" : "; a name with parentheses is written name(=...)");
    }
    token->type = TOKEN_TEST;
    token->field = (enum filter_field)field;
    lexer->at = skip_blanks(lexer->text, token->at + word_len + 1);
    return lexer->text[lexer->at] == '/' ? lex_regex(lexer, token, err)
                                         : lex_plain_matcher(lexer, token, err);
}

static void lex_word(struct lexer *lexer, size_t len, struct token *token)
{
    static const struct {
        const char *word;
        enum token_type type;
    } operators[] = {
        {"and", TOKEN_AND},
        {"or",  TOKEN_OR },
        {"not", TOKEN_NOT}
    };

    lexer->at = token->at + len;
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
        if (slice_is(lexer->text + token->at, len, operators[i].word)) {
            token->type = operators[i].type;
            return;
        }
    }
    token->type = TOKEN_TEST;
    token->field = FIELD_NAME;
    token->matcher = MATCHER_GLOB;
    token->word = true;
    token->text_at = token->at;
    token->text_len = len;
}

int filter_lex_next(struct lexer *lexer, struct token *ret_token, struct err *err)
{
    const char *text = lexer->text;
    int rc = 0;

    lexer->at = skip_blanks(text, lexer->at);
    struct token token = {.at = lexer->at};
    size_t len = 0;
    while (!ends_word(text[token.at + len])) {
        len++;
    }
    if (len != 0 && text[token.at + len] == '(') {
        bool is_operator = slice_is(text + token.at, len, "not")
                           || slice_is(text + token.at, len, "and")
                           || slice_is(text + token.at, len, "or");
        if (is_operator) {
            lex_word(lexer, len, &token);
        } else {
            rc = lex_test(lexer, len, &token, err);
        }
    } else if (len != 0) {
        lex_word(lexer, len, &token);
    } else if (text[token.at] != '\0') {
        token.type = text[token.at] == '(' ? TOKEN_OPEN : TOKEN_CLOSE;
        lexer->at++;
    }
    if (rc == 0) {
        token.len = lexer->at - token.at;
        *ret_token = token;
    }
    return rc;
}
