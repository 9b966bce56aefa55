/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"

#include "base/cleanup.h"
#include "base/mem.h"

#include <assert.h>
#include <errno.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

/* Short pieces are gathered: a call into libcrypto costs as much as hashing a hundred bytes. Two
 * hundred paths' worth would not be faster. */
#define GATHER_MAX 1024u

/* Bytes of a file read at once: large enough that system calls do not matter. */
#define READ_SIZE (64u << 10)

struct hasher {
    EVP_MD_CTX *context;
    bool clean; /* begun, and nothing handed to libcrypto since */
    size_t gathered;
    unsigned char bytes[GATHER_MAX];
};

/* Fetching an algorithm walks libcrypto's providers under a lock (a microsecond or more each time);
 * hashing a short path costs a tenth of that. So it is fetched once and kept for the process. */
static EVP_MD *sha256;
static pthread_once_t sha256_once = PTHREAD_ONCE_INIT;

static void sha256_fetch(void)
{
    sha256 = EVP_MD_fetch(NULL, "SHA2-256", NULL);
}

static const EVP_MD *sha256_md(void)
{
    (void)pthread_once(&sha256_once, sha256_fetch);
    return sha256;
}

struct hasher *hasher_new(void)
{
    struct hasher *hasher = mem_calloc(1, sizeof *hasher);
    if (hasher == NULL || sha256_md() == NULL) {
        goto fail;
    }
    hasher->context = EVP_MD_CTX_new();
    if (hasher->context == NULL) {
        goto fail;
    }
    hasher_begin(hasher);
    return hasher;
fail:
    hasher_free(hasher);
    return NULL;
}

void hasher_free(struct hasher *hasher)
{
    if (hasher != NULL) {
        EVP_MD_CTX_free(hasher->context);
        mem_free(hasher);
    }
}

/* libcrypto's digest calls cannot fail on a context that was made and a digest that was fetched. */
void hasher_begin(struct hasher *hasher)
{
    hasher->gathered = 0;
    if (!hasher->clean) {
        int ok = EVP_DigestInit_ex2(hasher->context, sha256_md(), NULL);
        assert(ok == 1);
        (void)ok;
        hasher->clean = true;
    }
}

static void hand_over(struct hasher *hasher, const void *bytes, size_t len)
{
    int ok = EVP_DigestUpdate(hasher->context, bytes, len);
    assert(ok == 1);
    (void)ok;
    hasher->clean = false;
}

static void hand_over_gathered(struct hasher *hasher)
{
    if (hasher->gathered > 0) {
        hand_over(hasher, hasher->bytes, hasher->gathered);
        hasher->gathered = 0;
    }
}

void hasher_add(struct hasher *hasher, const void *bytes, size_t len)
{
    if (len > GATHER_MAX - hasher->gathered) {
        hand_over_gathered(hasher);
    }
    if (len > GATHER_MAX) {
        hand_over(hasher, bytes, len);
    } else if (len > 0) {
        memcpy(hasher->bytes + hasher->gathered, bytes, len);
        hasher->gathered += len;
    }
}

void hasher_add_text(struct hasher *hasher, const char *text)
{
    uint64_t len = strlen(text);
    unsigned char prefix[8];
    for (unsigned i = 0; i < sizeof prefix; i++) {
        prefix[i] = (unsigned char)(len >> (56 - 8 * i));
    }
    hasher_add(hasher, prefix, sizeof prefix);
    hasher_add(hasher, text, len);
}

int hasher_add_fd(struct hasher *hasher, int fd, uint64_t *ret_len)
{
    CLEANUP(cleanup_free) char *bytes = mem_calloc(1, READ_SIZE);
    int rc = bytes != NULL ? 0 : -ENOMEM;
    uint64_t len = 0;
    for (ssize_t n = 1; rc == 0 && n != 0;) {
        n = read(fd, bytes, READ_SIZE);
        if (n > 0) {
            hasher_add(hasher, bytes, (size_t)n);
            len += (uint64_t)n;
        } else if (n < 0 && errno != EINTR) {
            rc = -errno;
        }
    }
    if (rc != 0) {
        hasher_begin(hasher);
    } else if (ret_len != NULL) {
        *ret_len = len;
    }
    return rc;
}

struct hash hasher_end(struct hasher *hasher)
{
    struct hash hash;
    unsigned size = 0;
    hand_over_gathered(hasher);
    int ok = EVP_DigestFinal_ex(hasher->context, hash.bytes, &size);
    assert(ok == 1 && size == HASH_SIZE);
    (void)ok;
    hasher->clean = false;
    hasher_begin(hasher);
    return hash;
}

struct hash hash_bytes(const void *bytes, size_t len)
{
    struct hash hash;
    unsigned size = 0;
    int ok = EVP_Digest(bytes, len, hash.bytes, &size, sha256_md(), NULL);
    /* The one call that allocates inside libcrypto: a wrong digest must never leave this place. */
    assert(ok == 1 && size == HASH_SIZE);
    (void)ok;
    return hash;
}

char *hash_hex(const struct hash *hash, char buf[HASH_HEX_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < HASH_SIZE; i++) {
        buf[2 * i] = digits[hash->bytes[i] / 16u];
        buf[2 * i + 1] = digits[hash->bytes[i] % 16u];
    }
    buf[HASH_HEX_SIZE - 1] = '\0';
    return buf;
}

uint64_t hash_stable64(const char *text)
{
    struct hash hash = hash_bytes(text, strlen(text));
    uint64_t number = 0;
    for (unsigned i = 0; i < 8; i++) {
        number = number << 8 | hash.bytes[i];
    }
    return number;
}
