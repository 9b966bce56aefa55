/* SPDX-License-Identifier: Apache-2.0 */
/* Writing is in blobs_write.c, reading in blobs_read.c. */
#include "store/blobs.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "store/blobs_impl.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int blobs_open(const char *folder, struct blobs **ret_blobs, struct err *err)
{
    struct blobs *blobs = mem_calloc(1, sizeof *blobs);
    if (blobs == NULL) {
        return err_set(err, -ENOMEM, "not enough memory to open %s", folder);
    }
    blobs->root = -1;
    blobs->folder = mem_strdup(folder);
    blobs->in = mem_calloc(1, BLOB_CHUNK);
    blobs->out = mem_calloc(1, BLOB_CHUNK);
    blobs->hasher = hasher_new();
    blobs->packer = ZSTD_createCCtx();
    blobs->unpacker = ZSTD_createDCtx();
    int result = 0;
    if (blobs->folder == NULL || blobs->in == NULL || blobs->out == NULL || blobs->hasher == NULL
        || blobs->packer == NULL || blobs->unpacker == NULL) {
        result = err_set(err, -ENOMEM, "not enough memory to open %s", folder);
        goto fail;
    }
    result = dir_make(folder, 0700, err);
    if (result != 0) {
        goto fail;
    }
    blobs->root = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (blobs->root < 0 || (mkdirat(blobs->root, BLOB_NEW, 0700) != 0 && errno != EEXIST)) {
        result = err_errno(err, "cannot use the folder %s", folder);
        goto fail;
    }
    *ret_blobs = blobs;
    return 0;
fail:
    blobs_close(blobs);
    return result;
}

void blobs_close(struct blobs *blobs)
{
    if (blobs == NULL) {
        return;
    }
    cleanup_fd(&blobs->root);
    hasher_free(blobs->hasher);
    (void)ZSTD_freeCCtx(blobs->packer);
    (void)ZSTD_freeDCtx(blobs->unpacker);
    mem_free(blobs->in);
    mem_free(blobs->out);
    mem_free(blobs->folder);
    mem_free(blobs);
}

/* ---- names ---- */

void blob_name(const struct hash *digest, char name[BLOB_NAME_SIZE])
{
    char hex[HASH_HEX_SIZE];
    (void)hash_hex(digest, hex);
    (void)snprintf(name, BLOB_NAME_SIZE, "%.2s/%s", hex, hex + 2);
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The digest that folder and name stand for; false when they are none of ours. */
static bool parse_name(const char *folder, const char *name, struct hash *ret_digest)
{
    char hex[HASH_HEX_SIZE];
    if (strlen(folder) != 2 || strlen(name) != HASH_HEX_SIZE - 3) {
        return false;
    }
    (void)snprintf(hex, sizeof hex, "%s%s", folder, name);
    for (size_t i = 0; i < HASH_SIZE; i++) {
        int high = hex_value(hex[2 * i]);
        int low = hex_value(hex[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        ret_digest->bytes[i] = (unsigned char)(high * 16 + low);
    }
    return true;
}

int64_t blob_mtime_ms(const struct stat *st)
{
    return (int64_t)st->st_mtim.tv_sec * 1000 + st->st_mtim.tv_nsec / 1000000;
}

/* A time that could not be written is of no consequence: the blob may go sooner. */
void blob_note_use(int fd, const struct stat *st, int64_t age_ms)
{
    int64_t found_ms = clock_wall_ms() - blob_mtime_ms(st);
    if (found_ms >= age_ms || found_ms < 0) {
        (void)futimens(fd, NULL);
    }
}

/* ---- there or not ---- */

bool blobs_has(struct blobs *blobs, const struct hash *digest)
{
    char name[BLOB_NAME_SIZE];
    struct stat st;
    blob_name(digest, name);
    return fstatat(blobs->root, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode)
           && st.st_size >= BLOB_HEAD_SIZE;
}

int blobs_remove(struct blobs *blobs, const struct hash *digest, struct err *err)
{
    char name[BLOB_NAME_SIZE];
    blob_name(digest, name);
    if (unlinkat(blobs->root, name, 0) != 0 && errno != ENOENT) {
        return err_errno(err, "cannot remove %s/%s", blobs->folder, name);
    }
    return 0;
}

int blobs_remove_unused(struct blobs *blobs,
                        const struct hash *digest,
                        int64_t before_ms,
                        struct err *err)
{
    char name[BLOB_NAME_SIZE];
    struct stat st;
    blob_name(digest, name);
    if (fstatat(blobs->root, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
        return errno == ENOENT ? 0 : err_errno(err, "cannot look at %s/%s", blobs->folder, name);
    }
    if (blob_mtime_ms(&st) >= before_ms) {
        return 0;
    }
    int result = blobs_remove(blobs, digest, err);
    return result == 0 ? 1 : result;
}

/* ---- all of them ---- */

static DIR *open_folder(struct blobs *blobs, const char *name, struct err *err)
{
    int fd = openat(blobs->root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (dir == NULL) {
        int code = errno;
        cleanup_fd(&fd);
        errno = code;
        (void)err_errno(err, "cannot list %s/%s", blobs->folder, name);
    }
    return dir;
}

struct walk {
    struct blobs *blobs;
    int (*each)(void *context, const struct blob_info *info);
    void *context;
};

/* One of the 256 folders. */
static int walk_folder(const struct walk *walk, const char *folder, struct err *err)
{
    DIR *dir = open_folder(walk->blobs, folder, err);
    if (dir == NULL) {
        return errno == ENOENT ? 0 : -errno;
    }
    int stop = 0;
    const struct dirent *entry = NULL;
    // NOLINTNEXTLINE(concurrency-mt-unsafe): safe on a stream of one's own
    while (stop == 0 && (entry = readdir(dir)) != NULL) {
        struct blob_info info = {.bytes = 0};
        struct stat st;
        if (parse_name(folder, entry->d_name, &info.digest)
            && fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0
            && S_ISREG(st.st_mode)) {
            info.bytes = (uint64_t)st.st_size;
            info.used_ms = blob_mtime_ms(&st);
            stop = walk->each(walk->context, &info);
        }
    }
    (void)closedir(dir);
    return stop;
}

int blobs_walk(struct blobs *blobs,
               int (*each)(void *context, const struct blob_info *info),
               void *context,
               struct err *err)
{
    const struct walk walk = {blobs, each, context};
    int stop = 0;
    for (unsigned i = 0; stop == 0 && i < 256; i++) {
        char folder[3];
        struct stat st;
        (void)snprintf(folder, sizeof folder, "%02x", i);
        if (fstatat(blobs->root, folder, &st, AT_SYMLINK_NOFOLLOW) == 0) {
            stop = walk_folder(&walk, folder, err);
        }
    }
    return stop < 0 ? stop : 0;
}

int blobs_sweep(struct blobs *blobs, int64_t age_ms, struct err *err)
{
    DIR *dir = open_folder(blobs, BLOB_NEW, err);
    if (dir == NULL) {
        return -errno;
    }
    int64_t before_ms = clock_wall_ms() - age_ms;
    const struct dirent *entry = NULL;
    // NOLINTNEXTLINE(concurrency-mt-unsafe): safe on a stream of one's own
    while ((entry = readdir(dir)) != NULL) {
        struct stat st;
        if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode)
            && blob_mtime_ms(&st) <= before_ms) {
            (void)unlinkat(dirfd(dir), entry->d_name, 0);
        }
    }
    (void)closedir(dir);
    return 0;
}
