/* SPDX-License-Identifier: Apache-2.0 */
/* How a blob comes in: one pass over its bytes hashes, packs and writes them to a file in new/, and
 * the digest at the end is the name it is renamed to. */
#include "base/file.h"
#include "store/blobs_impl.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

/* Faster than the disk; 3 saves another tenth of a log and takes twice the time. */
#define BLOB_LEVEL 1

/* Below this a frame is hardly smaller than its bytes. */
#define BLOB_PACK_MIN 96

/* Tries to find a name for a new file: they are 64 random bits. */
#define BLOB_NAME_TRIES 8

/* Where the bytes come from. */
struct source {
    const unsigned char *bytes; /* NULL = read from fd */
    size_t left;
    int fd;
};

struct writing {
    struct blobs *blobs;
    struct source source;
    uint64_t size; /* plain bytes so far */
    int fd;
    char name[32]; /* of the new file, below the folder; "" = none */
};

ssize_t blob_read_full(int fd, void *bytes, size_t len)
{
    size_t done = 0;
    while (done < len) {
        ssize_t got = read(fd, (char *)bytes + done, len - done);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return -errno;
        }
        if (got == 0) {
            break;
        }
        done += (size_t)got;
    }
    return (ssize_t)done;
}

/* The next bytes, BLOB_CHUNK of them unless it is the end; 0 = none left, or -errno. */
static ssize_t next_chunk(struct writing *w, const unsigned char **ret_bytes)
{
    struct source *source = &w->source;
    ssize_t len = 0;
    if (source->bytes == NULL) {
        len = blob_read_full(source->fd, w->blobs->in, BLOB_CHUNK);
        *ret_bytes = w->blobs->in;
    } else {
        len = (ssize_t)(source->left < BLOB_CHUNK ? source->left : BLOB_CHUNK);
        *ret_bytes = source->bytes;
        source->bytes += len;
        source->left -= (size_t)len;
    }
    if (len > 0) {
        hasher_add(w->blobs->hasher, *ret_bytes, (size_t)len);
        w->size += (uint64_t)len;
    }
    return len;
}

static int fail(const struct writing *w, int code, struct err *err)
{
    if (code == -ENOSPC || code == -EDQUOT) {
        return err_set(err,
                       -ENOSPC,
                       "%s: the disk is full, the content was not stored: make room, or let "
                       "`sluice cache gc --budget 1GiB` do so",
                       w->blobs->folder);
    }
    errno = -code;
    return err_errno(err, "%s: cannot store content", w->blobs->folder);
}

static int make_file(struct writing *w, struct err *err)
{
    for (int i = 0; i < BLOB_NAME_TRIES; i++) {
        unsigned long long number = 0;
        if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number) {
            return fail(w, -EIO, err);
        }
        (void)snprintf(w->name, sizeof w->name, BLOB_NEW "/%016llx", number);
        w->fd = openat(w->blobs->root, w->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (w->fd >= 0 || errno != EEXIST) {
            break;
        }
    }
    if (w->fd < 0) {
        w->name[0] = '\0';
        return fail(w, -errno, err);
    }
    return 0;
}

static void make_head(unsigned char head[BLOB_HEAD_SIZE], enum blob_codec codec, uint64_t size)
{
    memset(head, 0, BLOB_HEAD_SIZE);
    memcpy(head, BLOB_MAGIC, 4); // NOLINT(bugprone-not-null-terminated-result): no text
    head[4] = (unsigned char)codec;
    for (unsigned i = 0; i < 8; i++) {
        head[8 + i] = (unsigned char)(size >> (8 * i));
    }
}

/* Does the first chunk shrink by a sixteenth? Pictures and archives do not. */
static enum blob_codec choose_codec(struct writing *w, const unsigned char *bytes, size_t len)
{
    if (len < BLOB_PACK_MIN) {
        return BLOB_RAW;
    }
    size_t packed =
        ZSTD_compressCCtx(w->blobs->packer, w->blobs->out, BLOB_CHUNK, bytes, len, BLOB_LEVEL);
    return !ZSTD_isError(packed) && packed <= len - len / 16 ? BLOB_ZSTD : BLOB_RAW;
}

/* Writes a chunk through zstd; the last one is empty and ends the frame. */
static int write_packed(struct writing *w, const unsigned char *bytes, size_t len)
{
    ZSTD_inBuffer in = {bytes, len, 0};
    const ZSTD_EndDirective mode = len == 0 ? ZSTD_e_end : ZSTD_e_continue;
    bool done = false;
    while (!done) {
        ZSTD_outBuffer out = {w->blobs->out, BLOB_CHUNK, 0};
        size_t left = ZSTD_compressStream2(w->blobs->packer, &out, &in, mode);
        if (ZSTD_isError(left)) {
            return -ENOMEM; /* the only way to fail for a context that is ours */
        }
        int result = fd_write_all(w->fd, out.dst, out.pos);
        if (result != 0) {
            return result;
        }
        done = mode == ZSTD_e_end ? left == 0 : in.pos == in.size;
    }
    return 0;
}

/* The bytes behind the head, from the first chunk (already taken) to the end. */
static int write_body(struct writing *w,
                      enum blob_codec codec,
                      const unsigned char *bytes,
                      ssize_t len)
{
    int result = 0;
    (void)ZSTD_CCtx_reset(w->blobs->packer, ZSTD_reset_session_and_parameters);
    (void)ZSTD_CCtx_setParameter(w->blobs->packer, ZSTD_c_compressionLevel, BLOB_LEVEL);
    while (result == 0 && len > 0) {
        result = codec == BLOB_ZSTD ? write_packed(w, bytes, (size_t)len)
                                    : fd_write_all(w->fd, bytes, (size_t)len);
        len = result == 0 ? next_chunk(w, &bytes) : 0;
    }
    result = result == 0 && len < 0 ? (int)len : result;
    return result == 0 && codec == BLOB_ZSTD ? write_packed(w, bytes, 0) : result;
}

static int write_file(struct writing *w, struct err *err)
{
    unsigned char head[BLOB_HEAD_SIZE];
    const unsigned char *bytes = NULL;
    int result = make_file(w, err);
    if (result != 0) {
        return result;
    }
    hasher_begin(w->blobs->hasher);
    ssize_t len = next_chunk(w, &bytes);
    if (len < 0) {
        return fail(w, (int)len, err);
    }
    enum blob_codec codec = choose_codec(w, bytes, (size_t)len);
    make_head(head, codec, 0);
    result = fd_write_all(w->fd, head, sizeof head);
    result = result == 0 ? write_body(w, codec, bytes, len) : result;
    if (result != 0) {
        return fail(w, result, err);
    }
    make_head(head, codec, w->size);
    if (pwrite(w->fd, head, sizeof head, 0) != (ssize_t)sizeof head) {
        return fail(w, errno != 0 ? -errno : -EIO, err);
    }
    return 0;
}

/* Notes the use of a blob that is there already. */
static bool is_there(struct blobs *blobs, const struct hash *digest)
{
    char name[BLOB_NAME_SIZE];
    struct stat st;
    blob_name(digest, name);
    CLEANUP(cleanup_fd)
    int fd = openat(blobs->root, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size < BLOB_HEAD_SIZE) {
        return false;
    }
    blob_note_use(fd, &st, BLOB_PUT_TOUCH_MS);
    return true;
}

static int publish(struct writing *w, const struct hash *digest, struct err *err)
{
    char name[BLOB_NAME_SIZE];
    struct blobs *blobs = w->blobs;
    blob_name(digest, name);
    int result = renameat(blobs->root, w->name, blobs->root, name);
    if (result != 0 && errno == ENOENT) {
        const char folder[3] = {name[0], name[1], '\0'};
        result = mkdirat(blobs->root, folder, 0700);
        result = result == 0 || errno == EEXIST ? renameat(blobs->root, w->name, blobs->root, name)
                                                : result;
    }
    if (result != 0) {
        return fail(w, -errno, err);
    }
    w->name[0] = '\0';
    return 0;
}

static int put(struct writing *w, struct hash *ret_digest, struct err *err)
{
    int result = write_file(w, err);
    if (result == 0) {
        struct hash digest = hasher_end(w->blobs->hasher);
        result = is_there(w->blobs, &digest) ? 0 : publish(w, &digest, err);
        if (result == 0) {
            *ret_digest = digest;
        }
    }
    if (w->name[0] != '\0') {
        (void)unlinkat(w->blobs->root, w->name, 0);
    }
    cleanup_fd(&w->fd);
    return result;
}

int blobs_put(
    struct blobs *blobs, const void *bytes, size_t len, struct hash *ret_digest, struct err *err)
{
    static const unsigned char nothing;
    struct writing w = {
        .blobs = blobs,
        .source = {.bytes = len > 0 ? bytes : &nothing, .left = len, .fd = -1},
        .fd = -1,
    };
    /* Here the digest costs less than a file. */
    struct hash digest = hash_bytes(w.source.bytes, len);
    if (is_there(blobs, &digest)) {
        *ret_digest = digest;
        return 0;
    }
    return put(&w, ret_digest, err);
}

int blobs_put_file(
    struct blobs *blobs, int fd, struct hash *ret_digest, uint64_t *ret_size, struct err *err)
{
    struct writing w = {.blobs = blobs, .source = {.fd = fd}, .fd = -1};
    int result = put(&w, ret_digest, err);
    if (result == 0 && ret_size != NULL) {
        *ret_size = w.size;
    }
    return result;
}
