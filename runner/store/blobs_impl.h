/* SPDX-License-Identifier: Apache-2.0 */
/* The open content store and the head of its files. Inside of blobs*.c only. */
#ifndef SLUICE_STORE_BLOBS_IMPL_H
#define SLUICE_STORE_BLOBS_IMPL_H

#include "base/cleanup.h"
#include "store/blobs.h"

#include <sys/stat.h>
#include <sys/types.h>
#include <zstd.h>

/* Read and written at once: 128 KiB is zstd's block, and beyond it system calls cost nothing. */
#define BLOB_CHUNK ((size_t)128 << 10)

/* Folder of what is being written. */
#define BLOB_NEW "new"

/* "ab/" and the other 62 digits */
#define BLOB_NAME_SIZE (HASH_HEX_SIZE + 1)

enum blob_codec {
    BLOB_RAW = 0,
    BLOB_ZSTD = 1,
};

/* The head: these four bytes, codec, three zeros, plain size in 8 bytes, little-endian. */
#define BLOB_MAGIC "slb1"

struct blobs {
    int root; /* descriptor of the folder */
    char *folder;
    unsigned char *in; /* BLOB_CHUNK each */
    unsigned char *out;
    struct hasher *hasher;
    ZSTD_CCtx *packer;
    ZSTD_DCtx *unpacker;
};

/* The file of a digest, below the folder. */
void blob_name(const struct hash *digest, char name[BLOB_NAME_SIZE]);

int64_t blob_mtime_ms(const struct stat *st);

/* Content that is stored again is about to be named by new evidence: its time is true to a minute,
 * so that a cleaning knows. */
#define BLOB_PUT_TOUCH_MS (60LL * 1000)

/* Sets the time of an open blob to now when it is `age_ms` old. */
void blob_note_use(int fd, const struct stat *st, int64_t age_ms);

/* Reads up to `len` bytes, fewer only at the end of the file; bytes read or -errno. */
ssize_t blob_read_full(int fd, void *bytes, size_t len);

#endif
