/* SPDX-License-Identifier: Apache-2.0 */
/* The keyed hash is SipHash-2-4 with 128 bits of output (Aumasson and Bernstein). */
#include "reuse/fingerprint.h"

#include "base/limits.h"

#include <errno.h>
#include <string.h>

struct sip {
    uint64_t v[4];
};

static uint64_t rotate(uint64_t x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}

static void sip_round(struct sip *s)
{
    uint64_t *v = s->v;
    v[0] += v[1];
    v[2] += v[3];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] = rotate(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] = rotate(v[2], 32);
}

static uint64_t load64(const unsigned char *bytes)
{
    uint64_t word = 0;
    memcpy(&word, bytes, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

static void sip_word(struct sip *s, uint64_t word)
{
    s->v[3] ^= word;
    sip_round(s);
    sip_round(s);
    s->v[0] ^= word;
}

static uint64_t sip_last_word(const unsigned char *bytes, size_t len)
{
    unsigned char tail[8] = {0};
    memcpy(tail, bytes + (len & ~(size_t)7), len & 7);
    tail[7] = (unsigned char)len;
    return load64(tail);
}

static uint64_t sip_finish(struct sip *s)
{
    for (int i = 0; i < 4; i++) {
        sip_round(s);
    }
    return s->v[0] ^ s->v[1] ^ s->v[2] ^ s->v[3];
}

static struct term sip128(const unsigned char *key, const unsigned char *bytes, size_t len)
{
    uint64_t k0 = load64(key);
    uint64_t k1 = load64(key + 8);
    struct sip s = {
        {k0 ^ 0x736f6d6570736575u,
         k1 ^ 0x646f72616e646f6du ^ 0xee,
         k0 ^ 0x6c7967656e657261u,
         k1 ^ 0x7465646279746573u}
    };
    for (size_t at = 0; at + 8 <= len; at += 8) {
        sip_word(&s, load64(bytes + at));
    }
    sip_word(&s, sip_last_word(bytes, len));
    struct term term;
    s.v[2] ^= 0xee;
    term.lo = sip_finish(&s);
    s.v[1] ^= 0xdd;
    term.hi = sip_finish(&s);
    return term;
}

/* Kind, answer with its length, path: no two questions with answers are the same bytes. */
int term_of(const unsigned char *key,
            const struct observation *asked,
            const struct answer *answer,
            struct term *ret_term)
{
    unsigned char text[2 + ANSWER_BYTES_MAX + PATH_TEXT_MAX];
    size_t len = strlen(asked->path);
    if (len >= PATH_TEXT_MAX) {
        return -ENAMETOOLONG;
    }
    text[0] = (unsigned char)asked->kind;
    text[1] = answer->len;
    memcpy(text + 2, answer->bytes, answer->len);
    memcpy(text + 2 + answer->len, asked->path, len);
    *ret_term = sip128(key, text, 2 + (size_t)answer->len + len);
    return 0;
}

uint64_t question_number(const struct observation *asked)
{
    static const unsigned char key[16] = "sluice question";
    unsigned char text[1 + PATH_TEXT_MAX];
    size_t len = strnlen(asked->path, PATH_TEXT_MAX);
    text[0] = (unsigned char)asked->kind;
    memcpy(text + 1, asked->path, len);
    return sip128(key, text, 1 + len).lo;
}

struct term term_add(struct term a, struct term b)
{
    struct term sum = {.lo = a.lo + b.lo, .hi = a.hi + b.hi};
    sum.hi += sum.lo < a.lo ? 1 : 0;
    return sum;
}

struct term term_sub(struct term a, struct term b)
{
    struct term rest = {.lo = a.lo - b.lo, .hi = a.hi - b.hi};
    rest.hi -= a.lo < b.lo ? 1 : 0;
    return rest;
}

void term_bytes(struct term sum, unsigned char bytes[EVIDENCE_FAST_SIZE])
{
    for (unsigned i = 0; i < 8; i++) {
        bytes[i] = (unsigned char)(sum.lo >> (8 * i));
        bytes[8 + i] = (unsigned char)(sum.hi >> (8 * i));
    }
}

int vector_add(struct str *vector, uint64_t question, const struct answer *answer)
{
    char bytes[8 + 1 + ANSWER_BYTES_MAX];
    for (unsigned i = 0; i < 8; i++) {
        bytes[i] = (char)(question >> (8 * i));
    }
    bytes[8] = (char)answer->len;
    memcpy(bytes + 9, answer->bytes, answer->len);
    return str_append_n(vector, bytes, 9 + (size_t)answer->len);
}

int vector_next(const void *vector, size_t len, size_t *at, struct answer *ret_answer)
{
    const unsigned char *bytes = vector;
    if (*at == len) {
        return 0;
    }
    if (len - *at < 10 || bytes[*at + 8] == 0 || bytes[*at + 8] > ANSWER_BYTES_MAX
        || len - *at - 9 < bytes[*at + 8]) {
        return -EUCLEAN;
    }
    *ret_answer = (struct answer){.len = bytes[*at + 8]};
    memcpy(ret_answer->bytes, bytes + *at + 9, ret_answer->len);
    *at += 9 + (size_t)ret_answer->len;
    return 1;
}
