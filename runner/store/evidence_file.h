/* SPDX-License-Identifier: Apache-2.0 */
/* The stream of records of an exported file, writing and reading. Inside of evidence_export.c and
 * evidence_import.c only. */
#ifndef SLUICE_STORE_EVIDENCE_FILE_H
#define SLUICE_STORE_EVIDENCE_FILE_H

#include "store/evidence_impl.h"
#include "store/evidence_transfer.h"

#include <zstd.h>

enum record_type {
    RECORD_HEAD = 'H',
    RECORD_BLOB = 'B',
    RECORD_BYTES = 'b',
    RECORD_QUESTIONS = 'Q',
    RECORD_UNIT = 'U',
    RECORD_CLASS = 'C',
    RECORD_ROW = 'R',
    RECORD_LEDGER = 'L',
    RECORD_END = 'E',
};

#define RECORD_HEAD_SIZE 5

/* A row as a record: flags (1 passed, 2 declared, 4 fast value known), trust, times, counts; then
 * fast (16 bytes, zeros when not known), full, stdout, stderr, manifest, outcome blob (32 bytes
 * each); then byte strings: outcome, products, vector; then texts: scope, tree, run, host,
 * observer. */
struct transfer_row {
    uint64_t flags, trust;
    uint64_t time_ms, wall_ns, cpu_us, expires_ms, confirmed;
    unsigned char fast[EVIDENCE_FAST_SIZE];
    struct hash full, stdout_blob, stderr_blob, manifest, outcome_blob;
    const void *outcome, *products, *vector;
    size_t outcome_len, products_len, vector_len;
    const char *scope, *tree, *run, *host, *observer;
};

enum transfer_flag {
    TRANSFER_PASSED = 1 << 0,
    TRANSFER_DECLARED = 1 << 1,
    TRANSFER_FAST = 1 << 2,
};

/* ---- writing ---- */

struct record_writer {
    int fd;
    ZSTD_CCtx *packer;
    struct hasher *hasher;
    unsigned char *out; /* EVIDENCE_CHUNK_MAX */
    uint64_t bytes;     /* of the file so far */
};

int record_writer_init(struct record_writer *writer, int fd);
void record_writer_fini(struct record_writer *writer);
/* 0 or -errno. */
int record_write(struct record_writer *writer,
                 enum record_type type,
                 const void *bytes,
                 size_t len);
/* Writes the E record and ends the stream. */
int record_write_end(struct record_writer *writer);

/* ---- reading ---- */

struct record {
    enum record_type type;
    const unsigned char *bytes; /* valid until the next record */
    size_t len;
};

struct record_reader {
    int fd;
    ZSTD_DCtx *unpacker;
    struct hasher *hasher;
    unsigned char *in; /* EVIDENCE_CHUNK_MAX */
    size_t in_len, in_pos;
    bool at_end; /* of the file */
    bool frame_ended;
    struct str record;
};

int record_reader_init(struct record_reader *reader, int fd);
void record_reader_fini(struct record_reader *reader);
/* The next record: 1; 0 after an E record that is right and the end of the file; -EBADMSG when it
 * is wrong, or what follows is; -ENOMEM, -EIO. */
int record_read(struct record_reader *reader, struct record *ret_record);

/* ---- fields of a record ---- */

void put_bytes(struct str *out, const void *bytes, size_t len);
void put_text(struct str *out, const char *text);
void put_row(struct str *out, const struct transfer_row *row);

struct fields {
    const unsigned char *place;
    const unsigned char *end;
    bool wrong; /* sticks */
};

uint64_t take_number(struct fields *fields);
struct hash take_hash(struct fields *fields);
const void *take_bytes(struct fields *fields, size_t *ret_len);
/* A text without NUL, terminated, in the arena; "" when wrong. */
const char *take_text(struct fields *fields, struct arena *arena);
/* Texts are in the arena, the rest points into the record. False when it makes no sense. */
bool take_row(struct fields *fields, struct arena *arena, struct transfer_row *ret_row);

#endif
