/* SPDX-License-Identifier: Apache-2.0 */
#define PCRE2_CODE_UNIT_WIDTH 8

#include "base/mem.h"
#include "base/str.h"
#include "plan/filter_impl.h"

#include <pcre2.h>

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Bytes of a pattern and of a text that are shown when a match fails. */
#define TROUBLE_SHOWN_MAX 100

struct filter_regex {
    pcre2_general_context *memory;
    pcre2_match_context *limits;
    pcre2_code *code;
    char pattern[TROUBLE_SHOWN_MAX];
    int trouble; /* error of the first match that failed; 0 = none did */
    char trouble_on[TROUBLE_SHOWN_MAX];
};

/* Heap PCRE2 may use for one match, in KiB: 1 MiB holds the frames of FILTER_MATCH_LIMIT steps on
 * an id of ID_MAX bytes for all but absurd patterns. */
#define REGEX_HEAP_KIB 1024

static void *regex_alloc(size_t size, void *context)
{
    (void)context;
    return mem_realloc(NULL, size, 1);
}

static void regex_release(void *block, void *context)
{
    (void)context;
    mem_free(block);
}

static void regex_free(struct filter_regex *regex)
{
    if (regex != NULL) {
        pcre2_code_free(regex->code);
        pcre2_match_context_free(regex->limits);
        pcre2_general_context_free(regex->memory);
        mem_free(regex);
    }
}

static int regex_compile(struct filter_regex *regex,
                         const char *text,
                         const struct token *token,
                         struct err *err)
{
    const uint32_t options = PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C;
    unsigned char reason[128] = "";
    int code = 0;
    PCRE2_SIZE offset = 0;

    pcre2_compile_context *compile = pcre2_compile_context_create(regex->memory);
    if (compile == NULL) {
        return -ENOMEM;
    }
    regex->code = pcre2_compile(
        (PCRE2_SPTR)(text + token->text_at), token->text_len, options, &code, &offset, compile);
    pcre2_compile_context_free(compile);
    if (regex->code != NULL) {
        return 0;
    }
    if (code == PCRE2_ERROR_NOMEMORY || code == PCRE2_ERROR_HEAP_FAILED) {
        return -ENOMEM;
    }
    (void)pcre2_get_error_message(code, reason, sizeof reason);
    offset = offset < token->text_len ? offset : token->text_len;
    return filter_complain(text, token->text_at + offset, err, "bad pattern: %s", (char *)reason);
}

static int regex_new(const char *text,
                     const struct token *token,
                     struct filter_regex **ret_regex,
                     struct err *err)
{
    struct filter_regex *regex = mem_calloc(1, sizeof *regex);
    int rc = -ENOMEM;

    if (regex == NULL) {
        return -ENOMEM;
    }
    regex->memory = pcre2_general_context_create(regex_alloc, regex_release, NULL);
    if (regex->memory != NULL) {
        regex->limits = pcre2_match_context_create(regex->memory);
    }
    (void)snprintf(
        regex->pattern, sizeof regex->pattern, "%.*s", (int)token->text_len, text + token->text_at);
    if (regex->limits != NULL) {
        (void)pcre2_set_match_limit(regex->limits, FILTER_MATCH_LIMIT);
        (void)pcre2_set_depth_limit(regex->limits, FILTER_MATCH_LIMIT);
        (void)pcre2_set_heap_limit(regex->limits, REGEX_HEAP_KIB);
        rc = regex_compile(regex, text, token, err);
    }
    if (rc != 0) {
        regex_free(regex);
        return rc;
    }
    *ret_regex = regex;
    return 0;
}

/* A match error (limit, no memory) is no answer: it is kept for matcher_error(). */
static bool regex_match(struct filter_regex *regex, const char *value)
{
    pcre2_match_data *data = pcre2_match_data_create(1, regex->memory);
    int rc = PCRE2_ERROR_NOMEMORY;

    if (data != NULL) {
        rc = pcre2_match(regex->code, (PCRE2_SPTR)value, strlen(value), 0, 0, data, regex->limits);
        pcre2_match_data_free(data);
    }
    if (rc < 0 && rc != PCRE2_ERROR_NOMATCH && regex->trouble == 0) {
        regex->trouble = rc;
        (void)snprintf(regex->trouble_on, sizeof regex->trouble_on, "%s", value);
    }
    return rc >= 0;
}

int matcher_error(const struct matcher *matcher, struct err *err)
{
    const struct filter_regex *regex = matcher->regex;
    unsigned char reason[128] = "";

    if (regex == NULL || regex->trouble == 0) {
        return 0;
    }
    if (regex->trouble == PCRE2_ERROR_NOMEMORY) {
        return err_set(err, -ENOMEM, "not enough memory for the filter");
    }
    (void)pcre2_get_error_message(regex->trouble, reason, sizeof reason);
    return err_set(err,
                   -EINVAL,
                   "filter: the pattern /%s/ is too costly to match against \"%s\" (%s); make it "
                   "simpler: no repetition inside a repetition, as in (a+)+",
                   regex->pattern,
                   regex->trouble_on,
                   (char *)reason);
}

/* ---- globs */

/* Steps over one character: a UTF-8 sequence, or one byte where it is none. */
static const char *next_char(const char *at)
{
    at++;
    while (((unsigned char)*at & 0xc0) == 0x80) {
        at++;
    }
    return at;
}

/* Matches one character against the class after '['. Returns the place after ']', or NULL when it
 * is not closed: then '[' is an ordinary character. Ranges are over bytes. */
static const char *match_class(const char *pattern, char c, bool *ret_match)
{
    bool negated = *pattern == '!' || *pattern == '^';
    const char *at = negated ? pattern + 1 : pattern;
    const char *first = at;
    bool found = false;

    while (*at != '\0' && (*at != ']' || at == first)) {
        unsigned char low = (unsigned char)*at;
        unsigned char high = low;
        if (at[1] == '-' && at[2] != ']' && at[2] != '\0') {
            high = (unsigned char)at[2];
            at += 2;
        }
        found = found || (low <= (unsigned char)c && (unsigned char)c <= high);
        at++;
    }
    if (*at == '\0') {
        return NULL;
    }
    *ret_match = found != negated;
    return at + 1;
}

/* Matches one character at *value by what stands at *pattern (no star), and steps over both. */
static bool match_one(const char **pattern, const char **value)
{
    const char *p = *pattern;
    bool match = false;
    const char *after = *p == '[' ? match_class(p + 1, **value, &match) : NULL;

    if (**value == '\0') {
        return false;
    }
    if (after != NULL) {
        *pattern = after;
        *value = next_char(*value);
        return match;
    }
    if (*p == '?') {
        *pattern = p + 1;
        *value = next_char(*value);
        return true;
    }
    if (*p == '\\' && p[1] != '\0') {
        p++;
    }
    match = *p == **value;
    *pattern = p + (*p != '\0');
    (*value)++;
    return match;
}

/* The usual way with one place to come back to: after a '*', the rest of the pattern is tried at
 * each later place. Only the last star matters, so time is pattern x value at most. */
static bool glob_matches(const char *pattern, const char *value)
{
    const char *star = NULL;  /* pattern after the last star */
    const char *retry = NULL; /* value where it is tried next */

    while (*value != '\0' || *pattern != '\0') {
        if (*pattern == '*') {
            star = ++pattern;
            retry = value;
            continue;
        }
        if (match_one(&pattern, &value)) {
            continue;
        }
        if (star == NULL || *retry == '\0') {
            return false;
        }
        value = ++retry;
        pattern = star;
    }
    return true;
}

/* ---- matchers */

/* Drops the '\' before parentheses, which the lexer needed; a glob keeps its own quoting. */
static void unquote(char *text)
{
    char *out = text;

    for (const char *in = text; *in != '\0'; in++) {
        if (*in == '\\' && (in[1] == '(' || in[1] == ')')) {
            in++;
        }
        *out++ = *in;
    }
    *out = '\0';
}

/* A bare word matches anywhere in the name. */
static char *widen(const char *word, size_t len)
{
    char *text = mem_calloc(size_add(len, 3), 1);

    if (text != NULL) {
        text[0] = '*';
        memcpy(text + 1, word, len);
        text[len + 1] = '*';
    }
    return text;
}

int matcher_init(struct matcher *ret_matcher,
                 const char *text,
                 const struct token *token,
                 struct err *err)
{
    struct matcher matcher = {.type = token->matcher};
    const char *part = text + token->text_at;
    int rc = 0;

    if (token->matcher == MATCHER_REGEX) {
        rc = regex_new(text, token, &matcher.regex, err);
    } else {
        matcher.text =
            token->word ? widen(part, token->text_len) : mem_strndup(part, token->text_len);
        rc = matcher.text == NULL ? -ENOMEM : 0;
    }
    if (rc == -ENOMEM) {
        return err_set(err, -ENOMEM, "not enough memory for the filter");
    }
    if (rc != 0) {
        return rc;
    }
    if (matcher.type == MATCHER_EXACT || matcher.type == MATCHER_SUBSTRING) {
        unquote(matcher.text);
    }
    *ret_matcher = matcher;
    return 0;
}

void matcher_fini(struct matcher *matcher)
{
    mem_free(matcher->text);
    regex_free(matcher->regex);
    *matcher = (struct matcher){0};
}

bool matcher_match(const struct matcher *matcher, const char *value)
{
    switch (matcher->type) {
    case MATCHER_GLOB:
        return glob_matches(matcher->text, value) || strcmp(matcher->text, value) == 0;
    case MATCHER_EXACT:
        return strcmp(matcher->text, value) == 0;
    case MATCHER_SUBSTRING:
        return strstr(value, matcher->text) != NULL;
    case MATCHER_REGEX:
        return regex_match(matcher->regex, value);
    }
    assert(false);
    return false;
}
