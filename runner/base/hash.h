/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 through libcrypto (uses SHA-NI where the processor has it). */
#ifndef SLUICE_BASE_HASH_H
#define SLUICE_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define HASH_SIZE     32
#define HASH_HEX_SIZE 65 /* 64 digits and the terminator */

struct hash {
    unsigned char bytes[HASH_SIZE];
};

struct hasher; /* reusable SHA-256 context; one thread at a time */

/* New, and after hasher_end(), it has begun: nothing is in it. hasher_begin() drops what is. */
struct hasher *hasher_new(void); /* NULL when memory is short */
void hasher_free(struct hasher *hasher);
void hasher_begin(struct hasher *hasher);
void hasher_add(struct hasher *hasher, const void *bytes, size_t len);
/* Adds the length and then the text, so that ("ab","c") and ("a","bc") differ. */
void hasher_add_text(struct hasher *hasher, const char *text);
/* Adds what can be read from `fd`, to its end: 0 and *ret_len (may be NULL), how many bytes that
 * were; or -errno, and the hasher holds nothing. */
int hasher_add_fd(struct hasher *hasher, int fd, uint64_t *ret_len);
struct hash hasher_end(struct hasher *hasher);

/* One-shot form. */
struct hash hash_bytes(const void *bytes, size_t len);
char *hash_hex(const struct hash *hash, char buf[HASH_HEX_SIZE]);

/* The first 64 bits of SHA-256 of the text, big-endian: the stable number behind --shard. The same
 * on every machine and in every version. */
uint64_t hash_stable64(const char *text);

#endif
