/* SPDX-License-Identifier: Apache-2.0 */
/* The content store: files of any size under the SHA-256 of their plain content, compressed. Shared
 * by all processes and work trees of a user.
 *
 * FOLDER/ab/cdef... is the content whose digest starts with ab, cdef...: a head of BLOB_HEAD_SIZE
 * bytes (magic, codec, plain size), then the bytes, raw or as one zstd frame. A blob is written
 * under a name of its own in FOLDER/new and renamed when it is whole, so every name holds all of
 * its content, whenever the writer was killed. Nothing is synced: what a power failure tears is
 * found by its digest when it is read, removed, and is missing from then on.
 *
 * The modification time of a blob is the time of its last use, true to BLOB_TOUCH_MS. One thread at
 * a time per handle; any number of processes. */
#ifndef SLUICE_STORE_BLOBS_H
#define SLUICE_STORE_BLOBS_H

#include "base/err.h"
#include "base/hash.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

/* Readings of a blob within this time of the last use are not written down: one utimensat a blob
 * an hour. */
#define BLOB_TOUCH_MS (3600LL * 1000)

#define BLOB_HEAD_SIZE 16

struct blobs;

/* Opens (makes, mode 0700) the folder. */
int blobs_open(const char *folder, struct blobs **ret_blobs, struct err *err);
void blobs_close(struct blobs *blobs);

/* Stores bytes; fills *ret_digest. Content that is there already is not written again. -ENOSPC:
 * the disk is full, nothing was left behind. */
int blobs_put(
    struct blobs *blobs, const void *bytes, size_t len, struct hash *ret_digest, struct err *err);

/* Stores what can be read from `fd`, from its position to its end, in bounded memory. ret_size (may
 * be NULL): bytes read. */
int blobs_put_file(
    struct blobs *blobs, int fd, struct hash *ret_digest, uint64_t *ret_size, struct err *err);

/* Appends a blob to *out. -ENOENT: not there (a row without its blob is a miss). -EBADMSG: it was
 * damaged and has been removed. -EFBIG: beyond out->max. On failure *out is as before. */
int blobs_get(struct blobs *blobs, const struct hash *digest, struct str *out, struct err *err);

/* Writes a blob to `fd`. As blobs_get(), but after -EBADMSG (or a write that failed) the file holds
 * a part that must be thrown away. */
int blobs_get_file(struct blobs *blobs, const struct hash *digest, int fd, struct err *err);

/* Hands a blob to `each`, piece by piece. As blobs_get_file(); what `each` returns when it is not 0
 * ends it and is handed on, *err untouched. */
int blobs_stream(struct blobs *blobs,
                 const struct hash *digest,
                 int (*each)(void *context, const void *bytes, size_t len),
                 void *context,
                 struct err *err);

/* Is it there? Says nothing of its bytes. */
bool blobs_has(struct blobs *blobs, const struct hash *digest);

/* Reads a blob to its end without keeping it: 0, -ENOENT, or -EBADMSG (then it was removed). */
int blobs_verify(struct blobs *blobs, const struct hash *digest, struct err *err);

struct blob_info {
    struct hash digest;
    uint64_t bytes;  /* on disk, with its head */
    int64_t used_ms; /* last use, wall clock */
};

/* Calls `each` for every blob, in no order; a blob that comes or goes meanwhile may be told or not.
 * A positive number from `each` stops; a negative one stops and is handed on, *err untouched.
 * `each` may remove the blob it is told of. */
int blobs_walk(struct blobs *blobs,
               int (*each)(void *context, const struct blob_info *info),
               void *context,
               struct err *err);

/* Removes a blob; a missing one is success. */
int blobs_remove(struct blobs *blobs, const struct hash *digest, struct err *err);

/* As blobs_remove(), but only when it was not used since `before_ms`: 1 = removed, 0 = kept. */
int blobs_remove_unused(struct blobs *blobs,
                        const struct hash *digest,
                        int64_t before_ms,
                        struct err *err);

/* Removes what killed writers left unfinished more than `age_ms` ago. */
int blobs_sweep(struct blobs *blobs, int64_t age_ms, struct err *err);

#endif
