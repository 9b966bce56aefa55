/* SPDX-License-Identifier: Apache-2.0 */
#include "store/evidence_pack.h"

#include "base/cleanup.h"
#include "base/mem.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <zstd.h>

int pack_number(struct str *out, uint64_t number)
{
    unsigned char bytes[10];
    size_t len = 0;
    while (number >= 0x80) {
        bytes[len++] = (unsigned char)(number | 0x80);
        number >>= 7;
    }
    bytes[len++] = (unsigned char)number;
    return str_append_n(out, bytes, len);
}

int unpack_number(const unsigned char **place, const unsigned char *end, uint64_t *ret_number)
{
    uint64_t number = 0;
    for (unsigned shift = 0; shift < 64 && *place < end; shift += 7) {
        unsigned char byte = *(*place)++;
        number |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0) {
            *ret_number = number;
            return 0;
        }
    }
    return -EUCLEAN;
}

/* ---- atoms ---- */

/* Small numbers of either sign to small ones without. */
static uint64_t zigzag(int64_t number)
{
    return number < 0 ? ((uint64_t)-number << 1) - 1 : (uint64_t)number << 1;
}

static int64_t unzigzag(uint64_t number)
{
    return (number & 1) != 0 ? -(int64_t)(number >> 1) - 1 : (int64_t)(number >> 1);
}

int pack_atoms(struct str *out, const uint32_t *ids, size_t count)
{
    int64_t before = 0;
    for (size_t i = 0; i < count; i++) {
        (void)pack_number(out, zigzag((int64_t)ids[i] - before));
        before = ids[i];
    }
    return out->error;
}

/* One difference. Nearly all take one byte or two: those are read without a call. */
static inline int unpack_difference(const unsigned char **place,
                                    const unsigned char *end,
                                    uint64_t *ret_number)
{
    const unsigned char *bytes = *place;
    if (end - bytes >= 2) {
        if (bytes[0] < 0x80) {
            *ret_number = bytes[0];
            *place = bytes + 1;
            return 0;
        }
        if (bytes[1] < 0x80) {
            *ret_number = (uint64_t)(bytes[0] & 0x7f) | (uint64_t)bytes[1] << 7;
            *place = bytes + 2;
            return 0;
        }
    }
    return unpack_number(place, end, ret_number);
}

int evidence_class_atoms(const struct evidence_class *item, uint32_t *atoms, struct err *err)
{
    const unsigned char *place = item->packed;
    const unsigned char *end = place + item->packed_len;
    int64_t id = 0;
    for (uint32_t i = 0; i < item->count; i++) {
        uint64_t number = 0;
        int result = unpack_difference(&place, end, &number);
        id += number <= (uint64_t)2 * UINT32_MAX ? unzigzag(number) : INT64_C(1) << 40;
        if (result != 0 || id <= 0 || id > UINT32_MAX) {
            return err_set(err,
                           -EUCLEAN,
                           "the questions of class %lld are damaged: `sluice cache verify` removes "
                           "what is",
                           (long long)item->id);
        }
        atoms[i] = (uint32_t)id;
    }
    return 0;
}

/* ---- classes ---- */

int pack_class(struct str *out, const struct evidence_class *item)
{
    (void)pack_number(out, (uint64_t)item->id);
    (void)pack_number(out, ((uint64_t)item->count << 1) | (item->foreign ? 1 : 0));
    (void)pack_number(out, item->packed_len);
    return str_append_n(out, item->packed, item->packed_len);
}

static int unpack_class(const unsigned char **place,
                        const unsigned char *end,
                        struct evidence_class *ret_class)
{
    uint64_t id = 0;
    uint64_t count = 0;
    uint64_t len = 0;
    int result = unpack_number(place, end, &id);
    result = result == 0 ? unpack_number(place, end, &count) : result;
    result = result == 0 ? unpack_number(place, end, &len) : result;
    /* an atom is at least a byte */
    if (result != 0 || id > INT64_MAX || len > (uint64_t)(end - *place) || count >> 1 > len) {
        return -EUCLEAN;
    }
    ret_class->id = (int64_t)id;
    ret_class->count = (uint32_t)(count >> 1);
    ret_class->foreign = (count & 1) != 0;
    ret_class->packed = *place;
    ret_class->packed_len = (size_t)len;
    *place += len;
    return 0;
}

int unpack_classes(const void *bytes,
                   size_t len,
                   struct evidence_class classes[EVIDENCE_CLASSES_MAX],
                   size_t *ret_count)
{
    static const unsigned char nothing;
    const unsigned char *place = len > 0 ? bytes : &nothing;
    const unsigned char *end = place + len;
    size_t count = 0;
    if (len > PACK_CLASSES_BYTES) {
        return -EUCLEAN;
    }
    while (place < end) {
        if (count == EVIDENCE_CLASSES_MAX || unpack_class(&place, end, &classes[count]) != 0) {
            return -EUCLEAN;
        }
        count++;
    }
    *ret_count = count;
    return 0;
}

/* ---- vectors ---- */

/* The plain bytes of a frame; -EUCLEAN, -ENOMEM. */
static int unpack_frame(const void *frame, size_t len, unsigned char **ret_bytes, size_t *ret_len)
{
    unsigned long long size = ZSTD_getFrameContentSize(frame, len);
    if (size == ZSTD_CONTENTSIZE_UNKNOWN || size == ZSTD_CONTENTSIZE_ERROR
        || size > PACK_VECTORS_BYTES) {
        return -EUCLEAN;
    }
    unsigned char *bytes = mem_calloc(size > 0 ? (size_t)size : 1, 1);
    if (bytes == NULL) {
        return -ENOMEM;
    }
    size_t got = ZSTD_decompress(bytes, (size_t)size, frame, len);
    if (ZSTD_isError(got) || got != size) {
        mem_free(bytes);
        return -EUCLEAN;
    }
    *ret_bytes = bytes;
    *ret_len = got;
    return 0;
}

static int unpack_vector(const unsigned char **place,
                         const unsigned char *end,
                         struct evidence_vector *ret_vector)
{
    uint64_t id = 0;
    uint64_t len = 0;
    int result = unpack_number(place, end, &id);
    result = result == 0 ? unpack_number(place, end, &len) : result;
    if (result != 0 || len > (uint64_t)(end - *place)) {
        return -EUCLEAN;
    }
    ret_vector->evidence_id = (int64_t)id;
    ret_vector->bytes = *place;
    ret_vector->len = (size_t)len;
    *place += len;
    return 0;
}

static int pack_vector(struct str *out, const struct evidence_vector *vector)
{
    (void)pack_number(out, (uint64_t)vector->evidence_id);
    (void)pack_number(out, vector->len);
    return str_append_n(out, vector->bytes, vector->len);
}

/* Appends the old vectors behind the newest one, as many as fit. An old frame that is damaged is
 * forgotten: it is for explanations only. */
static int append_old(struct str *plain, const void *frame, size_t len)
{
    CLEANUP(cleanup_free) unsigned char *bytes = NULL;
    size_t bytes_len = 0;
    int result = frame != NULL ? unpack_frame(frame, len, &bytes, &bytes_len) : -EUCLEAN;
    if (result != 0) {
        return result == -ENOMEM ? result : 0;
    }
    const unsigned char *place = bytes;
    for (size_t i = 1; i < EVIDENCE_VECTORS_PER_CLASS && place < bytes + bytes_len; i++) {
        struct evidence_vector vector = {.evidence_id = 0};
        if (unpack_vector(&place, bytes + bytes_len, &vector) != 0
            || vector.len + 20 > plain->max - plain->len) {
            break;
        }
        (void)pack_vector(plain, &vector);
    }
    return plain->error;
}

int pack_vectors(struct str *out,
                 const void *old_frame,
                 size_t old_len,
                 const struct evidence_vector *newest)
{
    CLEANUP(str_fini) struct str plain = STR_INIT(PACK_VECTORS_BYTES);
    if (newest->len + 20 > PACK_VECTORS_BYTES) {
        return old_frame != NULL ? str_append_n(out, old_frame, old_len) : 0;
    }
    (void)pack_vector(&plain, newest);
    int result = append_old(&plain, old_frame, old_len);
    if (result != 0) {
        return result;
    }
    size_t bound = ZSTD_compressBound(plain.len);
    result = str_reserve(out, bound);
    if (result != 0) {
        return result;
    }
    size_t packed = ZSTD_compress(out->data + out->len, bound, plain.data, plain.len, 1);
    if (ZSTD_isError(packed)) {
        return -ENOMEM; /* the only way to fail with room enough */
    }
    out->len += packed;
    out->data[out->len] = '\0';
    return 0;
}

int unpack_vectors(const void *frame,
                   size_t len,
                   struct arena *arena,
                   const struct evidence_vector **ret_vectors,
                   size_t *ret_count)
{
    CLEANUP(cleanup_free) unsigned char *plain = NULL;
    size_t plain_len = 0;
    int result = unpack_frame(frame, len, &plain, &plain_len);
    if (result != 0) {
        return result;
    }
    struct evidence_vector *vectors =
        arena_calloc(arena, EVIDENCE_VECTORS_PER_CLASS, sizeof *vectors);
    unsigned char *bytes = arena_alloc(arena, plain_len);
    if (vectors == NULL || bytes == NULL) {
        return -ENOMEM;
    }
    memcpy(bytes, plain, plain_len);
    const unsigned char *place = bytes;
    size_t count = 0;
    while (place < bytes + plain_len) {
        if (count == EVIDENCE_VECTORS_PER_CLASS
            || unpack_vector(&place, bytes + plain_len, &vectors[count]) != 0) {
            return -EUCLEAN;
        }
        count++;
    }
    *ret_vectors = vectors;
    *ret_count = count;
    return 0;
}
