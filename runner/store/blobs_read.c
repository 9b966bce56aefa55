/* SPDX-License-Identifier: Apache-2.0 */
/* How a blob goes out: unpacked and hashed on the way, so that what was damaged is known before it
 * is used. */
#include "base/file.h"
#include "store/blobs_impl.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <zstd_errors.h>

/* Where the bytes go. */
struct target {
    struct str *text;                                          /* NULL = not there */
    int fd;                                                    /* -1 = not there */
    int (*each)(void *context, const void *bytes, size_t len); /* NULL = not there */
    void *context;
    int stop; /* what `each` said last */
};

struct reading {
    struct blobs *blobs;
    struct target target;
    int fd;
    enum blob_codec codec;
    uint64_t size; /* plain, as the head says */
    uint64_t done;
};

static int parse_head(struct reading *r, const unsigned char head[BLOB_HEAD_SIZE])
{
    static const unsigned char zeros[3];
    if (memcmp(head, BLOB_MAGIC, 4) != 0 || head[4] > BLOB_ZSTD
        || memcmp(head + 5, zeros, 3) != 0) {
        return -EBADMSG;
    }
    r->codec = (enum blob_codec)head[4];
    r->size = 0;
    for (unsigned i = 8; i > 0; i--) {
        r->size = r->size << 8 | head[7 + i];
    }
    return 0;
}

/* More bytes than the head told are damage: a frame cannot unpack to more than was asked for. */
static int take(struct reading *r, const unsigned char *bytes, size_t len)
{
    if (len > r->size - r->done) {
        return -EBADMSG;
    }
    r->done += len;
    hasher_add(r->blobs->hasher, bytes, len);
    if (r->target.text != NULL) {
        return str_append_n(r->target.text, bytes, len);
    }
    if (r->target.each != NULL) {
        r->target.stop = r->target.each(r->target.context, bytes, len);
        return r->target.stop;
    }
    return r->target.fd >= 0 ? fd_write_all(r->target.fd, bytes, len) : 0;
}

static int take_packed(struct reading *r, size_t len, bool *frame_ended)
{
    ZSTD_inBuffer in = {r->blobs->in, len, 0};
    bool full = false;
    while (in.pos < in.size || full) {
        ZSTD_outBuffer out = {r->blobs->out, BLOB_CHUNK, 0};
        if (*frame_ended) {
            return -EBADMSG; /* something behind the frame */
        }
        size_t left = ZSTD_decompressStream(r->blobs->unpacker, &out, &in);
        if (ZSTD_isError(left)) {
            return ZSTD_getErrorCode(left) == ZSTD_error_memory_allocation ? -ENOMEM : -EBADMSG;
        }
        *frame_ended = left == 0;
        full = out.pos == out.size && !*frame_ended;
        int result = take(r, out.dst, out.pos);
        if (result != 0) {
            return result;
        }
    }
    return 0;
}

static int read_body(struct reading *r)
{
    bool frame_ended = false;
    (void)ZSTD_DCtx_reset(r->blobs->unpacker, ZSTD_reset_session_only);
    hasher_begin(r->blobs->hasher);
    for (;;) {
        ssize_t len = blob_read_full(r->fd, r->blobs->in, BLOB_CHUNK);
        if (len <= 0) {
            return (int)len;
        }
        int result = r->codec == BLOB_ZSTD ? take_packed(r, (size_t)len, &frame_ended)
                                           : take(r, r->blobs->in, (size_t)len);
        if (result != 0) {
            return result;
        }
    }
}

static int open_blob(struct reading *r, const char *name, struct err *err)
{
    unsigned char head[BLOB_HEAD_SIZE];
    struct stat st;
    r->fd = openat(r->blobs->root, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (r->fd < 0 && errno == ENOENT) {
        return err_set(err, -ENOENT, "content %s is not in %s", name, r->blobs->folder);
    }
    if (r->fd < 0 || fstat(r->fd, &st) != 0) {
        return err_errno(err, "cannot read %s/%s", r->blobs->folder, name);
    }
    if (!S_ISREG(st.st_mode) || blob_read_full(r->fd, head, sizeof head) != (ssize_t)sizeof head) {
        return -EBADMSG;
    }
    if (r->target.text != NULL || r->target.fd >= 0
        || r->target.each != NULL) { /* else it is only looked at */
        blob_note_use(r->fd, &st, BLOB_TOUCH_MS);
    }
    return parse_head(r, head);
}

/* Tells it, and takes a damaged file away, so that it can be stored anew. */
static int fail(struct reading *r, const char *name, int code, struct err *err)
{
    const char *folder = r->blobs->folder;
    if (code == -EBADMSG) {
        (void)unlinkat(r->blobs->root, name, 0);
        return err_set(err,
                       -EBADMSG,
                       "content %s in %s was damaged and has been removed: what needs it will be "
                       "made again",
                       name,
                       folder);
    }
    errno = -code;
    return err_errno(err, "cannot read %s/%s", folder, name);
}

/* Reads the open blob; `limit` bytes at most. */
static int read_blob(
    struct reading *r, const struct hash *digest, const char *name, uint64_t limit, struct err *err)
{
    if (r->size > limit) {
        return err_set(err,
                       -EFBIG,
                       "content %s has %llu bytes, more than the %llu that are expected here",
                       name,
                       (unsigned long long)r->size,
                       (unsigned long long)limit);
    }
    int result = read_body(r);
    if (result == 0) {
        struct hash found = hasher_end(r->blobs->hasher);
        bool right = r->done == r->size && memcmp(&found, digest, sizeof found) == 0;
        result = right ? 0 : -EBADMSG;
    }
    return result == 0 || r->target.stop != 0 ? result : fail(r, name, result, err);
}

static int get(struct reading *r, const struct hash *digest, uint64_t limit, struct err *err)
{
    char name[BLOB_NAME_SIZE];
    blob_name(digest, name);
    int result = open_blob(r, name, err);
    if (result == -EBADMSG) {
        result = fail(r, name, result, err);
    } else if (result == 0) {
        result = read_blob(r, digest, name, limit, err);
    }
    cleanup_fd(&r->fd);
    return result;
}

int blobs_get(struct blobs *blobs, const struct hash *digest, struct str *out, struct err *err)
{
    const size_t before = out->len;
    assert(out->max >= before);
    struct reading r = {
        .blobs = blobs, .target = {.text = out, .fd = -1},
             .fd = -1
    };
    int result = get(&r, digest, out->max - before, err);
    if (result != 0 && out->data != NULL) {
        out->len = before;
        out->data[before] = '\0';
    }
    return result;
}

int blobs_get_file(struct blobs *blobs, const struct hash *digest, int fd, struct err *err)
{
    struct reading r = {.blobs = blobs, .target = {.fd = fd}, .fd = -1};
    return get(&r, digest, UINT64_MAX, err);
}

int blobs_stream(struct blobs *blobs,
                 const struct hash *digest,
                 int (*each)(void *context, const void *bytes, size_t len),
                 void *context,
                 struct err *err)
{
    const struct target target = {.fd = -1, .each = each, .context = context};
    struct reading r = {.blobs = blobs, .target = target, .fd = -1};
    return get(&r, digest, UINT64_MAX, err);
}

int blobs_verify(struct blobs *blobs, const struct hash *digest, struct err *err)
{
    struct reading r = {.blobs = blobs, .target = {.fd = -1}, .fd = -1};
    return get(&r, digest, UINT64_MAX, err);
}
