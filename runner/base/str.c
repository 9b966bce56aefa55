/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"

#include "base/mem.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* First allocation: most ids and messages fit without growing. */
#define STR_FIRST_CAP 64

void str_init(struct str *s, size_t max)
{
    *s = (struct str){.max = max};
}

void str_fini(struct str *s)
{
    mem_free(s->data);
    str_init(s, s->max);
}

void str_clear(struct str *s)
{
    s->len = 0;
    s->error = 0;
    if (s->data != NULL) {
        s->data[0] = '\0';
    }
}

static int grow(struct str *s, size_t need)
{
    size_t cap = s->cap != 0 ? size_mul(s->cap, 2) : STR_FIRST_CAP;
    size_t most = size_add(s->max, 1);

    cap = cap > most ? most : cap;
    cap = cap < need ? need : cap;
    char *data = mem_realloc(s->data, cap, 1);
    if (data == NULL) {
        s->error = -ENOMEM;
        return s->error;
    }
    data[s->len] = '\0';
    s->data = data;
    s->cap = cap;
    return 0;
}

int str_reserve(struct str *s, size_t len)
{
    if (s->error != 0) {
        return s->error;
    }
    assert(s->len <= s->max);
    if (len > s->max - s->len) {
        s->error = -EFBIG;
        return s->error;
    }
    size_t need = size_add(s->len + len, 1);
    return need <= s->cap ? 0 : grow(s, need);
}

int str_append(struct str *s, const char *text)
{
    return str_append_n(s, text, strlen(text));
}

/* Is there room for so many bytes and the end mark, without growing? Reports and logs are made of
 * millions of short pieces. What there is room for is within the limit. */
static bool has_room(const struct str *s, size_t len)
{
    return s->error == 0 && s->cap > s->len && len < s->cap - s->len;
}

int str_append_n(struct str *s, const void *bytes, size_t len)
{
    if (!has_room(s, len) && str_reserve(s, len) != 0) {
        return s->error;
    }
    if (len != 0) {
        memcpy(s->data + s->len, bytes, len);
        s->len += len;
    }
    s->data[s->len] = '\0';
    return 0;
}

int str_append_char(struct str *s, char c)
{
    if (!has_room(s, 1)) {
        return str_append_n(s, &c, 1);
    }
    s->data[s->len++] = c;
    s->data[s->len] = '\0';
    return 0;
}

int str_append_number(struct str *s, uint64_t number)
{
    char digits[20]; /* 2^64 has twenty */
    char *digit = digits + sizeof digits;
    do {
        *--digit = (char)('0' + (int)(number % 10));
        number /= 10;
    } while (number != 0);
    return str_append_n(s, digit, (size_t)(digits + sizeof digits - digit));
}

int str_appendf(struct str *s, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int rc = str_vappendf(s, format, args);
    va_end(args);
    return rc;
}

int str_vappendf(struct str *s, const char *format, va_list args)
{
    va_list again;

    if (s->error != 0) {
        return s->error;
    }
    size_t room = s->cap - s->len;
    va_copy(again, args);
    int len = vsnprintf(s->data != NULL ? s->data + s->len : NULL, room, format, args);
    if (len < 0) {
        s->error = -ENOMEM; /* an encoding error cannot happen: no wide characters in our formats */
    } else if ((size_t)len > s->max - s->len || (size_t)len >= room) {
        /* What was written in part is cut off again, the second try has room. */
        if (s->data != NULL) {
            s->data[s->len] = '\0';
        }
        if (str_reserve(s, (size_t)len) == 0) {
            (void)vsnprintf(s->data + s->len, (size_t)len + 1, format, again);
        }
    }
    va_end(again);
    if (s->error == 0) {
        s->len += (size_t)len;
    }
    return s->error;
}

const char *str_text(const struct str *s)
{
    return s->data != NULL ? s->data : "";
}

int str_error(const struct str *s)
{
    return s->error;
}

char *str_take(struct str *s)
{
    if (str_reserve(s, 0) != 0) {
        return NULL;
    }
    char *data = s->data;
    str_init(s, s->max);
    return data;
}

int text_starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

int text_ends_with(const char *text, const char *suffix)
{
    size_t text_len = strlen(text);
    size_t suffix_len = strlen(suffix);

    return text_len >= suffix_len && strcmp(text + text_len - suffix_len, suffix) == 0;
}

/* Words compared for "did you mean" are keys and ids people typed; longer ones are no typing slip.
 * Three rows of 65 counters live on the stack. */
#define DISTANCE_LEN_MAX 64
#define DISTANCE_FAR     1000000u

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Fills row i of the edit table from the rows i-1 (`last`) and i-2 (`before`). */
static void distance_row(unsigned *now,
                         const unsigned *last,
                         const unsigned *before,
                         size_t i,
                         const char *a,
                         const char *b)
{
    size_t b_len = strlen(b);

    now[0] = (unsigned)i;
    for (size_t j = 1; j <= b_len; j++) {
        unsigned change = last[j - 1] + (a[i - 1] != b[j - 1]);
        now[j] = least(change, least(last[j], now[j - 1]) + 1);
        if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
            now[j] = least(now[j], before[j - 2] + 1); /* two neighbours swapped */
        }
    }
}

unsigned text_distance(const char *a, const char *b)
{
    unsigned row[3][DISTANCE_LEN_MAX + 1]; /* rows i-2, i-1 and i of the edit table, in turn */
    size_t a_len = strlen(a);
    size_t b_len = strlen(b);

    if (a_len > DISTANCE_LEN_MAX || b_len > DISTANCE_LEN_MAX) {
        return DISTANCE_FAR;
    }
    memset(row, 0, sizeof row);
    for (size_t j = 0; j <= b_len; j++) {
        row[0][j] = (unsigned)j;
    }
    for (size_t i = 1; i <= a_len; i++) {
        distance_row(row[i % 3], row[(i + 2) % 3], row[(i + 1) % 3], i, a, b);
    }
    return row[a_len % 3][b_len];
}

const char *text_nearest(const char *word, const char *const *candidates, size_t count)
{
    size_t limit = 1 + strlen(word) / 4;
    const char *best = NULL;
    unsigned best_distance = DISTANCE_FAR;

    for (size_t i = 0; i < count; i++) {
        if (candidates[i] == NULL) {
            continue;
        }
        unsigned distance = text_distance(word, candidates[i]);
        if (distance <= limit && distance < best_distance) {
            best = candidates[i];
            best_distance = distance;
        }
    }
    return best;
}
