/* SPDX-License-Identifier: Apache-2.0 */
/* Patterns are matched by running a small non-deterministic automaton: the pattern becomes a list
 * of tokens, a state is a token number, and a bit set holds every state that is possible after the
 * bytes read so far. Each byte of the path looks at each possible state once: pattern x path steps
 * whatever the pattern, where a backtracking matcher can be made to run for hours. */
#include "base/file.h"
#include "base/limits.h"

#include <stdint.h>
#include <string.h>

/* A longer pattern could match no path the kernel accepts, but for repeated stars: no match. */
#define GLOB_TOKENS_MAX PATH_TEXT_MAX
#define GLOB_WORDS      (GLOB_TOKENS_MAX / 64 + 1)

enum token_kind {
    TOKEN_END,
    TOKEN_BYTE,    /* exactly `byte` */
    TOKEN_ANY,     /* '?' */
    TOKEN_CLASS,   /* [...] starting at `offset` in the pattern */
    TOKEN_STAR,    /* '*': stays inside a component */
    TOKEN_CROSS,   /* "**" at the end or beside other text: any bytes */
    TOKEN_FOLDERS, /* "**" and '/' at the start of a component: nothing, or go to the next token */
    TOKEN_FOLDERS_IN, /* inside such folders: left by a '/' */
};

struct token {
    uint8_t kind;
    unsigned char byte;
    uint16_t offset;
};

struct glob {
    const char *pattern;
    size_t count; /* tokens, TOKEN_END included */
    bool magic;   /* any token but TOKEN_BYTE */
    struct token tokens[GLOB_TOKENS_MAX + 1];
};

struct states {
    uint64_t words[GLOB_WORDS];
};

static void states_add(struct states *states, size_t state)
{
    states->words[state / 64] |= UINT64_C(1) << state % 64;
}

static bool states_has(const struct states *states, size_t state)
{
    return (states->words[state / 64] >> state % 64 & 1) != 0;
}

/* Length of the class that starts at text[0] == '[', or 0 when it is never closed. */
static size_t class_length(const char *text)
{
    size_t i = 1;
    if (text[i] == '!') {
        i++;
    }
    for (size_t first = i; text[i] != '\0'; i++) {
        if (text[i] == ']' && i > first) {
            return i + 1;
        }
        if (text[i] == '\\' && text[i + 1] != '\0') {
            i++;
        }
    }
    return 0;
}

/* Takes one byte of a class, quoted or not. */
static unsigned char class_byte(const char **at)
{
    if (**at == '\\') {
        (*at)++;
    }
    return (unsigned char)*(*at)++;
}

static bool class_has(const char *text, unsigned char byte)
{
    const char *end = text + class_length(text) - 1;
    const char *at = text + 1;
    bool negated = *at == '!';
    bool found = false;
    at += negated ? 1 : 0;
    while (at < end) {
        unsigned char low = class_byte(&at);
        unsigned char high = low;
        if (at[0] == '-' && at + 1 < end) {
            at++;
            high = class_byte(&at);
        }
        found = found || (low <= byte && byte <= high);
    }
    return found != negated;
}

/* Adds the token for the two or more stars at `at` and returns how many bytes it took. */
static size_t compile_stars(struct glob *glob, size_t at)
{
    const char *pattern = glob->pattern;
    size_t stars = strspn(pattern + at, "*");
    bool starts = at == 0 || pattern[at - 1] == '/';
    if (starts && pattern[at + stars] == '/') {
        glob->tokens[glob->count++].kind = TOKEN_FOLDERS;
        glob->tokens[glob->count++].kind = TOKEN_FOLDERS_IN;
        return stars + 1;
    }
    glob->tokens[glob->count++].kind = TOKEN_CROSS;
    return stars;
}

/* Adds the token that starts at `at`; returns how many bytes it took. */
static size_t compile_one(struct glob *glob, size_t at)
{
    const char *text = glob->pattern + at;
    if (text[0] == '*' && text[1] == '*') {
        glob->magic = true;
        return compile_stars(glob, at);
    }
    struct token *token = &glob->tokens[glob->count++];
    size_t len = text[0] == '[' ? class_length(text) : 0;
    *token = (struct token){TOKEN_BYTE, (unsigned char)text[0], (uint16_t)at};
    if (text[0] == '\\' && text[1] != '\0') {
        token->byte = (unsigned char)text[1];
        return 2;
    }
    if (text[0] == '*') {
        token->kind = TOKEN_STAR;
    } else if (text[0] == '?') {
        token->kind = TOKEN_ANY;
    } else if (len > 0) {
        token->kind = TOKEN_CLASS;
    }
    glob->magic = glob->magic || token->kind != TOKEN_BYTE;
    return len > 0 ? len : 1;
}

static bool compile(struct glob *glob, const char *pattern)
{
    size_t len = strnlen(pattern, GLOB_TOKENS_MAX);
    if (len >= GLOB_TOKENS_MAX) {
        return false;
    }
    glob->pattern = pattern;
    glob->count = 0;
    glob->magic = false;
    for (size_t at = 0; at < len;) {
        at += compile_one(glob, at);
    }
    if (!glob->magic && glob->count > 1 && glob->tokens[glob->count - 1].byte == '/') {
        glob->count--; /* "build/" is the folder "build" */
    }
    glob->tokens[glob->count++].kind = TOKEN_END;
    return true;
}

/* Adds a state and those that are reached from it without reading a byte. All of these lie to the
 * right, so the loop is bounded by the pattern. */
static void reach(const struct glob *glob, struct states *states, size_t state)
{
    while (!states_has(states, state)) {
        states_add(states, state);
        switch ((enum token_kind)glob->tokens[state].kind) {
        case TOKEN_STAR:
        case TOKEN_CROSS:
            state++;
            break;
        case TOKEN_FOLDERS:
            states_add(states, state + 1);
            state += 2;
            break;
        case TOKEN_END:
        case TOKEN_BYTE:
        case TOKEN_ANY:
        case TOKEN_CLASS:
        case TOKEN_FOLDERS_IN:
        default:
            return;
        }
    }
}

/* Reads one byte in one state. */
static void step(const struct glob *glob, size_t state, unsigned char byte, struct states *next)
{
    const struct token *token = &glob->tokens[state];
    bool advance = false;
    bool stay = false;
    switch ((enum token_kind)token->kind) {
    case TOKEN_BYTE:
        advance = token->byte == byte;
        break;
    case TOKEN_ANY:
        advance = byte != '/';
        break;
    case TOKEN_CLASS:
        advance = byte != '/' && class_has(glob->pattern + token->offset, byte);
        break;
    case TOKEN_STAR:
        stay = byte != '/';
        break;
    case TOKEN_CROSS:
        stay = true;
        break;
    case TOKEN_FOLDERS_IN:
        advance = byte == '/';
        stay = true;
        break;
    case TOKEN_FOLDERS:
    case TOKEN_END:
    default:
        break;
    }
    if (advance) {
        reach(glob, next, state + 1);
    }
    if (stay) {
        reach(glob, next, state);
    }
}

/* One byte of the path, all possible states. False when none is left. */
static bool advance_all(const struct glob *glob, struct states *now, unsigned char byte)
{
    size_t words = (glob->count + 63) / 64;
    struct states next;
    memset(next.words, 0, words * sizeof next.words[0]);
    bool any = false;
    for (size_t w = 0; w < words; w++) {
        for (uint64_t bits = now->words[w]; bits != 0; bits &= bits - 1) {
            step(glob, w * 64 + (size_t)__builtin_ctzll(bits), byte, &next);
        }
    }
    for (size_t w = 0; w < words; w++) {
        now->words[w] = next.words[w];
        any = any || next.words[w] != 0;
    }
    return any;
}

bool glob_match(const char *pattern, const char *path)
{
    struct glob glob;
    if (!compile(&glob, pattern)) {
        return false;
    }
    struct states now = {{0}};
    size_t end = glob.count - 1;
    reach(&glob, &now, 0);
    for (const char *at = path; *at != '\0'; at++) {
        if (!glob.magic && *at == '/' && at > path && states_has(&now, end)) {
            return true; /* a plain name matches what is below it */
        }
        if (!advance_all(&glob, &now, (unsigned char)*at)) {
            return false;
        }
    }
    return states_has(&now, end);
}

bool glob_has_magic(const char *pattern)
{
    for (const char *at = pattern; *at != '\0'; at++) {
        if (*at == '\\' && at[1] != '\0') {
            at++;
        } else if (*at == '*' || *at == '?' || (*at == '[' && class_length(at) > 0)) {
            return true;
        }
    }
    return false;
}
