/* SPDX-License-Identifier: Apache-2.0 */
#include "store/evidence_file.h"

#include "base/file.h"
#include "base/mem.h"
#include "store/evidence_pack.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <zstd_errors.h>

/* Texts of provenance: a change, a tree, a run, a host. */
#define TRANSFER_TEXT_MAX 4096

/* ---- writing ---- */

int record_writer_init(struct record_writer *writer, int fd)
{
    *writer = (struct record_writer){
        .fd = fd,
        .packer = ZSTD_createCCtx(),
        .hasher = hasher_new(),
        .out = mem_calloc(1, EVIDENCE_CHUNK_MAX),
    };
    if (writer->packer == NULL || writer->hasher == NULL || writer->out == NULL) {
        return -ENOMEM;
    }
    (void)ZSTD_CCtx_setParameter(writer->packer, ZSTD_c_compressionLevel, 3);
    writer->bytes = sizeof EVIDENCE_FILE_MAGIC - 1;
    return fd_write_all(fd, EVIDENCE_FILE_MAGIC, sizeof EVIDENCE_FILE_MAGIC - 1);
}

void record_writer_fini(struct record_writer *writer)
{
    (void)ZSTD_freeCCtx(writer->packer);
    hasher_free(writer->hasher);
    mem_free(writer->out);
    *writer = (struct record_writer){.fd = -1};
}

static int pack(struct record_writer *writer, const void *bytes, size_t len, ZSTD_EndDirective mode)
{
    ZSTD_inBuffer in = {bytes, len, 0};
    bool done = false;
    while (!done) {
        ZSTD_outBuffer out = {writer->out, EVIDENCE_CHUNK_MAX, 0};
        size_t left = ZSTD_compressStream2(writer->packer, &out, &in, mode);
        if (ZSTD_isError(left)) {
            return -ENOMEM;
        }
        int result = fd_write_all(writer->fd, out.dst, out.pos);
        if (result != 0) {
            return result;
        }
        writer->bytes += out.pos;
        done = mode == ZSTD_e_end ? left == 0 : in.pos == in.size;
    }
    return 0;
}

static void make_head(unsigned char head[RECORD_HEAD_SIZE], enum record_type type, size_t len)
{
    head[0] = (unsigned char)type;
    for (unsigned i = 0; i < 4; i++) {
        head[1 + i] = (unsigned char)(len >> (8 * i));
    }
}

int record_write(struct record_writer *writer, enum record_type type, const void *bytes, size_t len)
{
    unsigned char head[RECORD_HEAD_SIZE];
    if (len > EVIDENCE_RECORD_MAX) {
        return -EFBIG;
    }
    make_head(head, type, len);
    hasher_add(writer->hasher, head, sizeof head);
    hasher_add(writer->hasher, bytes, len);
    int result = pack(writer, head, sizeof head, ZSTD_e_continue);
    return result == 0 ? pack(writer, bytes, len, ZSTD_e_continue) : result;
}

int record_write_end(struct record_writer *writer)
{
    unsigned char head[RECORD_HEAD_SIZE];
    const struct hash digest = hasher_end(writer->hasher);
    make_head(head, RECORD_END, sizeof digest);
    int result = pack(writer, head, sizeof head, ZSTD_e_continue);
    return result == 0 ? pack(writer, digest.bytes, sizeof digest, ZSTD_e_end) : result;
}

/* ---- reading ---- */

int record_reader_init(struct record_reader *reader, int fd)
{
    char magic[sizeof EVIDENCE_FILE_MAGIC - 1];
    *reader = (struct record_reader){
        .fd = fd,
        .unpacker = ZSTD_createDCtx(),
        .hasher = hasher_new(),
        .in = mem_calloc(1, EVIDENCE_CHUNK_MAX),
        .record = STR_INIT(EVIDENCE_RECORD_MAX),
    };
    if (reader->unpacker == NULL || reader->hasher == NULL || reader->in == NULL) {
        return -ENOMEM;
    }
    /* 8 MiB of window: what our level asks for, and a bound for what a file may ask */
    (void)ZSTD_DCtx_setParameter(reader->unpacker, ZSTD_d_windowLogMax, 23);
    if (lseek(fd, 0, SEEK_SET) != 0) {
        return -errno;
    }
    ssize_t len = read(fd, magic, sizeof magic);
    if (len < 0) {
        return -errno;
    }
    return len == (ssize_t)sizeof magic && memcmp(magic, EVIDENCE_FILE_MAGIC, sizeof magic) == 0
               ? 0
               : -EBADMSG;
}

void record_reader_fini(struct record_reader *reader)
{
    (void)ZSTD_freeDCtx(reader->unpacker);
    hasher_free(reader->hasher);
    mem_free(reader->in);
    str_fini(&reader->record);
    *reader = (struct record_reader){.fd = -1};
}

/* Has more bytes in `in`: 1, 0 = the file is at its end, or -errno. */
static int fill(struct record_reader *reader)
{
    while (reader->in_pos == reader->in_len && !reader->at_end) {
        ssize_t len = read(reader->fd, reader->in, EVIDENCE_CHUNK_MAX);
        if (len < 0 && errno == EINTR) {
            continue;
        }
        if (len < 0) {
            return -errno;
        }
        reader->at_end = len == 0;
        reader->in_len = (size_t)len;
        reader->in_pos = 0;
    }
    return reader->at_end ? 0 : 1;
}

/* Unpacks exactly `len` bytes. */
static int unpack(struct record_reader *reader, void *bytes, size_t len)
{
    ZSTD_outBuffer out = {bytes, len, 0};
    while (out.pos < out.size) {
        int more = fill(reader);
        if (more < 0) {
            return more;
        }
        const size_t before = out.pos;
        if (reader->frame_ended) {
            return -EBADMSG;
        }
        ZSTD_inBuffer in = {reader->in, reader->in_len, reader->in_pos};
        size_t left = ZSTD_decompressStream(reader->unpacker, &out, &in);
        if (ZSTD_isError(left)) {
            return ZSTD_getErrorCode(left) == ZSTD_error_memory_allocation ? -ENOMEM : -EBADMSG;
        }
        reader->in_pos = in.pos;
        reader->frame_ended = left == 0;
        if (more == 0 && out.pos == before) {
            return -EBADMSG; /* cut */
        }
    }
    return 0;
}

/* After the E record: the frame and the file end here. */
static int read_end(struct record_reader *reader, const struct hash *expected)
{
    const struct hash found = hasher_end(reader->hasher);
    unsigned char byte = 0;
    if (reader->record.len != sizeof found || memcmp(&found, expected, sizeof found) != 0) {
        return -EBADMSG;
    }
    if (!reader->frame_ended && unpack(reader, &byte, 1) == 0) {
        return -EBADMSG;
    }
    int more = reader->frame_ended ? fill(reader) : -EBADMSG;
    return more == 1 ? -EBADMSG : more;
}

/* The bytes of a record; room grows with what really comes. */
static int read_bytes(struct record_reader *reader, size_t len)
{
    str_clear(&reader->record);
    while (reader->record.len < len) {
        size_t rest = len - reader->record.len;
        size_t part = rest < EVIDENCE_CHUNK_MAX ? rest : EVIDENCE_CHUNK_MAX;
        int result = str_reserve(&reader->record, part);
        result =
            result == 0 ? unpack(reader, reader->record.data + reader->record.len, part) : result;
        if (result != 0) {
            return result;
        }
        reader->record.len += part;
        reader->record.data[reader->record.len] = '\0';
    }
    return 0;
}

int record_read(struct record_reader *reader, struct record *ret_record)
{
    unsigned char head[RECORD_HEAD_SIZE];
    size_t len = 0;
    int result = unpack(reader, head, sizeof head);
    if (result != 0) {
        return result;
    }
    for (unsigned i = 4; i > 0; i--) {
        len = len << 8 | head[i];
    }
    if (len > EVIDENCE_RECORD_MAX || strchr("HBbQUCRLE", head[0]) == NULL || head[0] == '\0') {
        return -EBADMSG;
    }
    result = read_bytes(reader, len);
    if (result != 0) {
        return result;
    }
    if (head[0] == RECORD_END) {
        struct hash digest = {{0}};
        memcpy(&digest, str_text(&reader->record), len < sizeof digest ? len : sizeof digest);
        return read_end(reader, &digest);
    }
    hasher_add(reader->hasher, head, sizeof head);
    hasher_add(reader->hasher, str_text(&reader->record), len);
    ret_record->type = (enum record_type)head[0];
    ret_record->bytes = (const unsigned char *)str_text(&reader->record);
    ret_record->len = len;
    return 1;
}

/* ---- fields ---- */

void put_bytes(struct str *out, const void *bytes, size_t len)
{
    (void)pack_number(out, len);
    (void)str_append_n(out, bytes, len);
}

void put_text(struct str *out, const char *text)
{
    put_bytes(out, text, strlen(text));
}

void put_row(struct str *out, const struct transfer_row *row)
{
    const uint64_t numbers[] = {row->flags,
                                row->trust,
                                row->time_ms,
                                row->wall_ns,
                                row->cpu_us,
                                row->expires_ms,
                                row->confirmed};
    const struct hash *const hashes[] = {
        &row->full, &row->stdout_blob, &row->stderr_blob, &row->manifest, &row->outcome_blob};
    const char *const texts[] = {row->scope, row->tree, row->run, row->host, row->observer};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        (void)pack_number(out, numbers[i]);
    }
    (void)str_append_n(out, row->fast, sizeof row->fast);
    for (size_t i = 0; i < sizeof hashes / sizeof hashes[0]; i++) {
        (void)str_append_n(out, hashes[i], sizeof *hashes[i]);
    }
    put_bytes(out, row->outcome, row->outcome_len);
    put_bytes(out, row->products, row->products_len);
    put_bytes(out, row->vector, row->vector_len);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        put_text(out, texts[i]);
    }
}

uint64_t take_number(struct fields *fields)
{
    uint64_t number = 0;
    if (fields->wrong || unpack_number(&fields->place, fields->end, &number) != 0) {
        fields->wrong = true;
        return 0;
    }
    return number;
}

static void take_fixed(struct fields *fields, void *bytes, size_t len)
{
    if (fields->wrong || len > (size_t)(fields->end - fields->place)) {
        fields->wrong = true;
        return;
    }
    memcpy(bytes, fields->place, len);
    fields->place += len;
}

struct hash take_hash(struct fields *fields)
{
    struct hash hash = {{0}};
    take_fixed(fields, &hash, sizeof hash);
    return hash;
}

const void *take_bytes(struct fields *fields, size_t *ret_len)
{
    uint64_t len = take_number(fields);
    const unsigned char *bytes = fields->place;
    if (fields->wrong || len > (uint64_t)(fields->end - fields->place)) {
        fields->wrong = true;
        *ret_len = 0;
        return NULL;
    }
    fields->place += len;
    *ret_len = (size_t)len;
    return bytes;
}

const char *take_text(struct fields *fields, struct arena *arena)
{
    size_t len = 0;
    const char *bytes = take_bytes(fields, &len);
    if (bytes == NULL || len > TRANSFER_TEXT_MAX || memchr(bytes, '\0', len) != NULL) {
        fields->wrong = true;
        return "";
    }
    const char *copy = arena_strndup(arena, bytes, len);
    fields->wrong = fields->wrong || copy == NULL;
    return copy != NULL ? copy : "";
}

/* A number that must be one of the database's: not negative there. */
static uint64_t take_signed(struct fields *fields)
{
    uint64_t number = take_number(fields);
    fields->wrong = fields->wrong || number > INT64_MAX;
    return number;
}

bool take_row(struct fields *fields, struct arena *arena, struct transfer_row *ret_row)
{
    struct transfer_row *row = ret_row;
    row->flags = take_number(fields);
    row->trust = take_number(fields);
    row->time_ms = take_signed(fields);
    row->wall_ns = take_signed(fields);
    row->cpu_us = take_signed(fields);
    row->expires_ms = take_signed(fields);
    row->confirmed = take_number(fields);
    take_fixed(fields, row->fast, sizeof row->fast);
    row->full = take_hash(fields);
    row->stdout_blob = take_hash(fields);
    row->stderr_blob = take_hash(fields);
    row->manifest = take_hash(fields);
    row->outcome_blob = take_hash(fields);
    row->outcome = take_bytes(fields, &row->outcome_len);
    row->products = take_bytes(fields, &row->products_len);
    row->vector = take_bytes(fields, &row->vector_len);
    row->scope = take_text(fields, arena);
    row->tree = take_text(fields, arena);
    row->run = take_text(fields, arena);
    row->host = take_text(fields, arena);
    row->observer = take_text(fields, arena);
    const bool sizes = row->outcome_len <= EVIDENCE_INLINE_MAX && row->products_len % HASH_SIZE == 0
                       && row->products_len <= EVIDENCE_BLOB_MAX
                       && row->vector_len <= PACK_VECTORS_BYTES;
    return !fields->wrong && fields->place == fields->end && sizes && row->flags <= 7
           && row->trust < EVIDENCE_TRUST_COUNT && row->confirmed >= 1
           && row->confirmed <= INT32_MAX && !hash_is_zero(&row->full);
}
