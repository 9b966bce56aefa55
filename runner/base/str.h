/* SPDX-License-Identifier: Apache-2.0 */
/* A growing byte buffer with a limit given when it is made. Errors stick: after the first failure
 * every append does nothing, so a writer checks once, at the end, with str_error(). */
#ifndef SLUICE_BASE_STR_H
#define SLUICE_BASE_STR_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

struct str {
    char *data; /* always terminated once something was appended; NULL before */
    size_t len; /* bytes before the terminator */
    size_t cap; /* bytes allocated */
    size_t max; /* len never exceeds this */
    int error;  /* 0, -ENOMEM or -EFBIG (limit reached) */
};

/* Initialiser: an empty buffer that grows up to `limit` bytes. Allocates nothing. */
#define STR_INIT(limit) \
    {                   \
        .max = (limit)  \
    }

void str_init(struct str *s, size_t max);
/* Frees the bytes; the object can be used again with the same limit. Accepts a zeroed object. */
void str_fini(struct str *s);
/* Forgets content and error, keeps the memory. */
void str_clear(struct str *s);

/* Append; each returns s->error. */
int str_append(struct str *s, const char *text);
int str_append_n(struct str *s, const void *bytes, size_t len);
int str_append_char(struct str *s, char c);
/* Decimal digits; many times as fast as str_appendf(). */
int str_append_number(struct str *s, uint64_t number);
int str_appendf(struct str *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
int str_vappendf(struct str *s, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

/* Makes room for `len` more bytes (data + s->len is writable for that many), or returns an error.
 */
int str_reserve(struct str *s, size_t len);

/* The text, never NULL. */
const char *str_text(const struct str *s);
int str_error(const struct str *s);

/* Gives the bytes (mem_free() them) to the caller and empties the object; NULL on error. */
char *str_take(struct str *s);

/* Words about text. */
int text_starts_with(const char *text, const char *prefix);
int text_ends_with(const char *text, const char *suffix);

/* Edit distance (Damerau-Levenshtein, optimal string alignment), for "did you mean"; inputs beyond
 * 64 bytes give a large number. */
unsigned text_distance(const char *a, const char *b);

/* The candidate nearest to `word` (distance <= 1 + length / 4), or NULL when none is near.
 * `candidates` has `count` entries; NULL entries are passed over. */
const char *text_nearest(const char *word, const char *const *candidates, size_t count);

#endif
