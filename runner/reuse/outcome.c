/* SPDX-License-Identifier: Apache-2.0 */
/* An outcome as evidence keeps it. What belongs to the run it was earned in (where its output lies,
 * its slot) is left out. Two forms, told apart by the first byte, and a head for both:
 *
 * '{'  the line of the event log: outcomes with cases, and those that an older sluice kept.
 * 2    packed: all others. A run that is answered by evidence reads thousands of them, and JSON
 *      takes ten times as long. Numbers as in pack_number(), texts as their length + 1 (0 = NULL)
 *      and their bytes:
 *          status exit signal flags attempt flaky started wall_ns user_us sys_us rss_kib
 *          message hint output errors
 *      Short output is in it, so that no other file needs to be opened.
 * 3    artifacts: the hash of the patterns, the hash of their manifest (zeros = nothing came), 32
 *      bytes each; then one of the forms above. */
#include "base/str.h"
#include "model/event_json.h"
#include "reuse/reuse_impl.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <string.h>

#define PACKED    2
#define ARTIFACTS 3

/* 64 bits in groups of 7. */
#define NUMBER_BYTES_MAX 10u

enum number {
    NUMBER_STATUS,
    NUMBER_EXIT,
    NUMBER_SIGNAL,
    NUMBER_FLAGS,
    NUMBER_ATTEMPT,
    NUMBER_FLAKY,
    NUMBER_STARTED,
    NUMBER_WALL,
    NUMBER_USER,
    NUMBER_SYS,
    NUMBER_RSS,
    NUMBER_COUNT,
};

static_assert(OUTCOME_PASSED == 0 && OUTCOME_FAILED == 1 && OUTCOME_ERRORED == 2
                  && OUTCOME_TIMED_OUT == 3 && OUTCOME_SKIPPED == 4 && OUTCOME_STATUS_COUNT == 5
                  && FLAG_OUTPUT_LOST == 1 << 9 && OUTCOME_FLAG_COUNT == 10,
              "packed outcomes hold these numbers: give new ones the next, and change PACKED when "
              "old ones move");

/* ---- packing ---- */

/* Groups of 7 bits, lowest first, the top bit set in all but the last; the sign is the lowest bit.
 */
static void pack_number(struct str *out, int64_t number)
{
    uint64_t bits = number < 0 ? ~((uint64_t)number << 1) : (uint64_t)number << 1;
    unsigned char bytes[NUMBER_BYTES_MAX];
    size_t len = 0;
    while (bits > 0x7f) {
        bytes[len++] = (unsigned char)(0x80 | (bits & 0x7f));
        bits >>= 7;
    }
    bytes[len++] = (unsigned char)bits;
    (void)str_append_n(out, (const char *)bytes, len);
}

static void pack_text(struct str *out, const char *text, size_t len)
{
    pack_number(out, text != NULL ? (int64_t)len + 1 : 0);
    if (text != NULL) {
        (void)str_append_n(out, text, len);
    }
}

static int pack(const struct outcome *outcome, const struct outcome_texts *texts, struct str *out)
{
    const int64_t numbers[NUMBER_COUNT] = {
        [NUMBER_STATUS] = (int64_t)outcome->status,
        [NUMBER_EXIT] = outcome->exit_code,
        [NUMBER_SIGNAL] = outcome->signal,
        [NUMBER_FLAGS] = (int64_t)outcome->flags,
        [NUMBER_ATTEMPT] = (int64_t)outcome->attempt,
        [NUMBER_FLAKY] = outcome->flaky ? 1 : 0,
        [NUMBER_STARTED] = outcome->started_ms,
        [NUMBER_WALL] = outcome->wall_ns,
        [NUMBER_USER] = outcome->cpu_user_us,
        [NUMBER_SYS] = outcome->cpu_sys_us,
        [NUMBER_RSS] = outcome->max_rss_kib,
    };
    (void)str_append_char(out, PACKED);
    for (size_t i = 0; i < NUMBER_COUNT; i++) {
        pack_number(out, numbers[i]);
    }
    pack_text(out, outcome->message, outcome->message != NULL ? strlen(outcome->message) : 0);
    pack_text(out, outcome->hint, outcome->hint != NULL ? strlen(outcome->hint) : 0);
    pack_text(out, texts->out, texts->out_len);
    pack_text(out, texts->err, texts->err_len);
    return str_error(out);
}

bool outcome_takes_texts(const struct outcome *outcome)
{
    return outcome->cases.count == 0;
}

struct hash hash_patterns(const struct text_list *patterns)
{
    struct str text = STR_INIT(64u << 20);
    for (size_t i = 0; i < patterns->count; i++) {
        (void)str_append_n(&text, patterns->items[i], strlen(patterns->items[i]) + 1);
    }
    const struct hash digest =
        str_error(&text) == 0 ? hash_bytes(str_text(&text), text.len) : (struct hash){0};
    str_fini(&text);
    return digest;
}

int outcome_encode(const struct outcome *outcome,
                   const struct outcome_texts *texts,
                   struct str *out)
{
    if (texts->artifacts != NULL) {
        (void)str_append_char(out, ARTIFACTS);
        (void)str_append_n(out, (const char *)texts->artifacts->patterns.bytes, HASH_SIZE);
        (void)str_append_n(out, (const char *)texts->artifacts->manifest.bytes, HASH_SIZE);
    }
    if (outcome_takes_texts(outcome)) {
        return pack(outcome, texts, out);
    }
    assert(texts->out == NULL && texts->err == NULL);
    struct outcome kept = *outcome;
    kept.out = (struct capture){.dropped = outcome->out.dropped};
    kept.err = (struct capture){.dropped = outcome->err.dropped};
    kept.trace = NULL;
    kept.reused = NULL;
    kept.unstored = NULL;
    kept.slot = -1;
    const struct event event = {
        .type = EVENT_UNIT_FINISHED,
        .u.unit_finished = {.layer = "", .unit = "", .outcome = &kept},
    };
    return event_write(out, &event);
}

/* ---- unpacking ---- */

struct packed {
    const unsigned char *at;
    const unsigned char *end;
    struct arena *arena;
    int error; /* the first one; 0 = none */
};

static void set_error(struct packed *packed, int error)
{
    packed->error = packed->error != 0 ? packed->error : error;
}

static int64_t unpack_number(struct packed *packed)
{
    uint64_t bits = 0;
    for (unsigned shift = 0; packed->at < packed->end && shift < 64; shift += 7) {
        const uint64_t byte = *packed->at++;
        bits |= (byte & 0x7f) << shift;
        if (byte < 0x80) {
            return (int64_t)(bits >> 1 ^ (0 - (bits & 1)));
        }
    }
    set_error(packed, -EBADMSG);
    return 0;
}

/* Terminated, in the arena; NULL when there is none. */
static const char *unpack_text(struct packed *packed, size_t *ret_len)
{
    const int64_t size = unpack_number(packed);
    *ret_len = 0;
    if (packed->error != 0 || size == 0) {
        return NULL;
    }
    if (size < 0 || size - 1 > packed->end - packed->at) {
        set_error(packed, -EBADMSG);
        return NULL;
    }
    char *text = arena_alloc(packed->arena, (size_t)size);
    if (text == NULL) {
        set_error(packed, -ENOMEM);
        return NULL;
    }
    *ret_len = (size_t)size - 1;
    memcpy(text, packed->at, *ret_len); /* chunks of an arena are zeroed */
    packed->at += *ret_len;
    return text;
}

/* Numbers that no outcome has are damage, or of a newer sluice: such evidence is no use. */
static bool numbers_are_sound(const int64_t numbers[NUMBER_COUNT])
{
    return numbers[NUMBER_STATUS] >= 0 && numbers[NUMBER_STATUS] < OUTCOME_STATUS_COUNT
           && numbers[NUMBER_EXIT] >= INT_MIN && numbers[NUMBER_EXIT] <= INT_MAX
           && numbers[NUMBER_SIGNAL] >= 0 && numbers[NUMBER_SIGNAL] <= INT_MAX
           && numbers[NUMBER_FLAGS] >= 0 && numbers[NUMBER_FLAGS] < 1 << OUTCOME_FLAG_COUNT
           && numbers[NUMBER_ATTEMPT] >= 0 && numbers[NUMBER_ATTEMPT] <= UINT_MAX
           && (numbers[NUMBER_FLAKY] == 0 || numbers[NUMBER_FLAKY] == 1);
}

static int unpack(struct packed *packed,
                  struct outcome *ret_outcome,
                  struct outcome_texts *ret_texts)
{
    int64_t numbers[NUMBER_COUNT];
    struct outcome_texts texts = {0};
    size_t ignored = 0;
    for (size_t i = 0; i < NUMBER_COUNT; i++) {
        numbers[i] = unpack_number(packed);
    }
    const char *message = unpack_text(packed, &ignored);
    const char *hint = unpack_text(packed, &ignored);
    texts.out = unpack_text(packed, &texts.out_len);
    texts.err = unpack_text(packed, &texts.err_len);
    if (packed->error == 0 && (packed->at != packed->end || !numbers_are_sound(numbers))) {
        packed->error = -EBADMSG;
    }
    if (packed->error != 0) {
        return packed->error;
    }
    *ret_outcome = (struct outcome){
        .status = (enum outcome_status)numbers[NUMBER_STATUS],
        .exit_code = (int)numbers[NUMBER_EXIT],
        .signal = (int)numbers[NUMBER_SIGNAL],
        .flags = (unsigned)numbers[NUMBER_FLAGS],
        .attempt = (unsigned)numbers[NUMBER_ATTEMPT],
        .flaky = numbers[NUMBER_FLAKY] == 1,
        .started_ms = numbers[NUMBER_STARTED],
        .wall_ns = numbers[NUMBER_WALL],
        .cpu_user_us = numbers[NUMBER_USER],
        .cpu_sys_us = numbers[NUMBER_SYS],
        .max_rss_kib = numbers[NUMBER_RSS],
        .final = true,
        .message = message,
        .hint = hint,
        .slot = -1,
    };
    *ret_texts = texts;
    return 0;
}

static int decode_line(
    const char *text, size_t len, struct arena *arena, struct outcome *ret_outcome, struct err *err)
{
    struct event event = {0};
    while (len > 0 && text[len - 1] == '\n') {
        len--;
    }
    int rc = event_read(text, len, arena, &event, err);
    if (rc < 0) {
        return rc;
    }
    if (rc == 0 || event.type != EVENT_UNIT_FINISHED || event.u.unit_finished.outcome == NULL) {
        return err_set(err, -EBADMSG, "stored evidence holds something else than an outcome");
    }
    *ret_outcome = *event.u.unit_finished.outcome;
    return 0;
}

/* Takes the head off. *ret_artifacts = NULL: there is none. */
static int take_artifacts(struct outcome_bytes *bytes,
                          struct arena *arena,
                          const struct outcome_artifacts **ret_artifacts)
{
    struct outcome_artifacts *artifacts = NULL;
    if (bytes->len > 0 && bytes->at[0] == ARTIFACTS) {
        if (bytes->len < 1 + 2 * HASH_SIZE) {
            return -EBADMSG;
        }
        artifacts = arena_calloc(arena, 1, sizeof *artifacts);
        if (artifacts == NULL) {
            return -ENOMEM;
        }
        memcpy(artifacts->patterns.bytes, bytes->at + 1, HASH_SIZE);
        memcpy(artifacts->manifest.bytes, bytes->at + 1 + HASH_SIZE, HASH_SIZE);
        bytes->at += 1 + 2 * HASH_SIZE;
        bytes->len -= 1 + 2 * HASH_SIZE;
    }
    *ret_artifacts = artifacts;
    return 0;
}

static int decode_rest(const struct outcome_bytes *bytes,
                       struct arena *arena,
                       struct outcome *ret_outcome,
                       struct outcome_texts *ret_texts,
                       struct err *err)
{
    if (bytes->len == 0 || bytes->at[0] != PACKED) {
        int rc = decode_line(bytes->at, bytes->len, arena, ret_outcome, err);
        if (rc == 0) {
            *ret_texts = (struct outcome_texts){0};
        }
        return rc;
    }
    const unsigned char *at = (const unsigned char *)bytes->at;
    struct packed packed = {.at = at + 1, .end = at + bytes->len, .arena = arena};
    int rc = unpack(&packed, ret_outcome, ret_texts);
    return rc == 0 ? 0
                   : err_set(err,
                             rc,
                             rc == -ENOMEM ? "not enough memory to read an outcome"
                                           : "stored evidence holds a damaged outcome");
}

int outcome_decode(const struct outcome_bytes *bytes,
                   struct arena *arena,
                   struct outcome *ret_outcome,
                   struct outcome_texts *ret_texts,
                   struct err *err)
{
    struct outcome_bytes rest = *bytes;
    const struct outcome_artifacts *artifacts = NULL;
    int rc = take_artifacts(&rest, arena, &artifacts);
    if (rc < 0) {
        return err_set(err, rc, "stored evidence holds a damaged outcome");
    }
    rc = decode_rest(&rest, arena, ret_outcome, ret_texts, err);
    if (rc == 0) {
        ret_texts->artifacts = artifacts;
    }
    return rc;
}
