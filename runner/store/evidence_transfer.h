/* SPDX-License-Identifier: Apache-2.0 */
/* Evidence and its content in one file, for machines that start empty: any CI cache carries it.
 *
 * The file is the 8 bytes EVIDENCE_FILE_MAGIC and one zstd stream of records: type (1 byte), length
 * (4 bytes, little-endian), that many bytes. Numbers below are LEB128, texts and byte strings are
 * length and bytes, digests 32 bytes.
 *
 *   H  version, secret of the store it was made from (32 bytes)
 *   B  digest of a blob; its bytes follow
 *   b  at most EVIDENCE_CHUNK_MAX bytes of it; an empty one is its end
 *   Q  questions that later classes name by number, from 0 on: letter and path, some at a time
 *   U  unit key, words; the rows that follow are of this unit
 *   C  count, then numbers of questions: the class of the rows that follow
 *   R  a row: see transfer_row in evidence_file.h
 *   L  unit key, full, passes, failures: an entry of the flake ledger
 *   E  SHA-256 over all bytes of the stream before this record; the last one
 *
 * A blob stands before the rows that name it, questions before the class that names them. Nothing
 * of a file is taken before its E record was found right; a blob must have its digest, a row all of
 * its blobs. What the file says of trust counts up to the trust the importer gives it. */
#ifndef SLUICE_STORE_EVIDENCE_TRANSFER_H
#define SLUICE_STORE_EVIDENCE_TRANSFER_H

#include "store/evidence.h"

#define EVIDENCE_FILE_MAGIC   "sluicev1"
#define EVIDENCE_FILE_VERSION 1

/* Longest record: the products of a row (2^20 digests) are the largest thing in one. */
#define EVIDENCE_RECORD_MAX ((size_t)40 << 20)

/* Bytes of a blob at a time. */
#define EVIDENCE_CHUNK_MAX ((size_t)128 << 10)

struct evidence_transferred {
    uint64_t rows, blobs;
    uint64_t bytes;      /* of the file */
    uint64_t known;      /* rows that were here already: confirmed, not counted twice */
    uint64_t incomplete; /* left out: some content is missing */
    uint64_t revoked;    /* left out: what they rest on was revoked here */
    uint64_t crowded;    /* left out: their unit has too many classes */
    uint64_t conflicts;  /* taken, but they contradict what was here: quarantined */
};

/* Which rows: those earned on the tree or by the run, and those that answered for them
 * (evidence_answers_put()). NULL = not asked for; both: either. */
struct evidence_selection {
    const char *tree;
    const char *run;
};

/* Writes the file (beside it first, then renamed). No row at all is -ENODATA, and no file. */
int evidence_export(struct evidence_store *store,
                    const struct evidence_selection *selection,
                    const char *file,
                    struct evidence_transferred *ret,
                    struct err *err);

/* Reads a file. `trust` is the most that its rows are given. -EBADMSG: damaged, cut, or no such
 * file of ours; -EPROTO: of a newer sluice. Then nothing was taken. */
int evidence_import(struct evidence_store *store,
                    const char *file,
                    enum evidence_trust trust,
                    struct evidence_transferred *ret,
                    struct err *err);

/* The same from a descriptor that can be read twice (lseek). `name` for messages. */
int evidence_import_fd(struct evidence_store *store,
                       int fd,
                       const char *name,
                       enum evidence_trust trust,
                       struct evidence_transferred *ret,
                       struct err *err);

#endif
