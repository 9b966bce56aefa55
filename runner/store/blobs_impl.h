/* SPDX-License-Identifier: Apache-2.0 */
/* The open content store and the head of its files. Inside of blobs*.c only. */
#ifndef SLUICE_STORE_BLOBS_IMPL_H
#define SLUICE_STORE_BLOBS_IMPL_H

#include "base/cleanup.h"
#include "store/blobs.h"

#include <sys/stat.h>
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

/* Sets the time of an open blob when it is BLOB_TOUCH_MS old. */
void blob_note_use(int fd, const struct stat *st);

/* Reads up to `len` bytes, fewer only at the end of the file; bytes read or -errno. */
ssize_t blob_read_full(int fd, void *bytes, size_t len);

#endif
