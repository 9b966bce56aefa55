/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/plain_line.h"

#include <string.h>

/* Digits of a number that surely fits. */
#define DIGITS_MAX 15

enum field {
    FIELD_ID,
    FIELD_ARGV,
    FIELD_FILE,
    FIELD_LINE,
    FIELD_CWD,
    FIELD_TIMEOUT,
    FIELD_COST,
    FIELD_SLOTS,
    FIELD_SKIP,
    FIELD_COUNT,
};

static const char *const field_names[FIELD_COUNT] = {
    "id", "argv", "file", "line", "cwd", "timeout", "cost_ms", "slots", "skip"};

struct scan {
    char *at; /* in the scratch */
    const char *end;
};

static bool take(struct scan *scan, char wanted)
{
    if (scan->at == scan->end || *scan->at != wanted) {
        return false;
    }
    scan->at++;
    return true;
}

/* A text, whose end mark takes the place of the quote behind it. */
static const char *take_text(struct scan *scan)
{
    if (!take(scan, '"')) {
        return NULL;
    }
    char *start = scan->at;
    while (scan->at < scan->end && *scan->at >= 0x20 && *scan->at < 0x7f && *scan->at != '"'
           && *scan->at != '\\') {
        scan->at++;
    }
    if (scan->at == scan->end || *scan->at != '"') {
        return NULL;
    }
    *scan->at++ = '\0';
    return start;
}

static bool take_number(struct scan *scan, int64_t *ret)
{
    const char *start = scan->at;
    int64_t number = 0;
    while (scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9'
           && scan->at - start < DIGITS_MAX) {
        number = number * 10 + (*scan->at++ - '0');
    }
    if (scan->at == start || (*start == '0' && scan->at - start > 1)) {
        return false;
    }
    *ret = number;
    return true;
}

static bool take_argv(struct scan *scan, struct plain_line *line)
{
    if (!take(scan, '[')) {
        return false;
    }
    do {
        const char *word = line->argc < PLAIN_ARGV_MAX ? take_text(scan) : NULL;
        if (word == NULL) {
            return false;
        }
        line->argv[line->argc++] = word;
    } while (take(scan, ','));
    return take(scan, ']') && line->argv[0][0] != '\0';
}

static bool take_value(struct scan *scan, enum field field, struct plain_line *line)
{
    const char **const texts[FIELD_COUNT] = {
        [FIELD_ID] = &line->id,
        [FIELD_FILE] = &line->file,
        [FIELD_CWD] = &line->cwd,
        [FIELD_TIMEOUT] = &line->timeout,
        [FIELD_SKIP] = &line->skip,
    };
    int64_t *const numbers[FIELD_COUNT] = {
        [FIELD_LINE] = &line->line,
        [FIELD_COST] = &line->cost_ms,
        [FIELD_SLOTS] = &line->slots,
    };
    if (texts[field] != NULL) {
        *texts[field] = take_text(scan);
        return *texts[field] != NULL;
    }
    return numbers[field] != NULL ? take_number(scan, numbers[field]) : take_argv(scan, line);
}

/* FIELD_COUNT: no field of a plain line. */
static enum field take_name(struct scan *scan)
{
    const char *name = take_text(scan);
    enum field field = FIELD_ID;
    while (name != NULL && field < FIELD_COUNT && strcmp(field_names[field], name) != 0) {
        field++;
    }
    return name != NULL && take(scan, ':') ? field : FIELD_COUNT;
}

bool plain_line_read(const char *text, size_t len, struct plain_line *ret_line)
{
    if (len > PLAIN_LINE_MAX) {
        return false;
    }
    struct scan scan = {.at = ret_line->bytes, .end = ret_line->bytes + len};
    unsigned seen = 0;
    memcpy(ret_line->bytes, text, len);
    ret_line->id = ret_line->cwd = ret_line->timeout = ret_line->file = ret_line->skip = NULL;
    ret_line->cost_ms = ret_line->slots = ret_line->line = 0;
    ret_line->argc = 0;
    if (!take(&scan, '{')) {
        return false;
    }
    do {
        const enum field field = take_name(&scan);
        if (field == FIELD_COUNT || (seen >> field & 1u) != 0
            || !take_value(&scan, field, ret_line)) {
            return false;
        }
        seen |= 1u << field;
    } while (take(&scan, ','));
    return take(&scan, '}') && scan.at == scan.end && ret_line->id != NULL && ret_line->argc > 0;
}
