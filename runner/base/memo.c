/* SPDX-License-Identifier: Apache-2.0 */
#include "base/memo.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/limits.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What is read of a file whose content is part of a key: /proc/self/status has 1.5 kB. */
#define CONTENT_MAX 8192

static bool name_of(char path[PATH_TEXT_MAX], const char *folder, const struct hash *key)
{
    char hex[HASH_HEX_SIZE];
    int len = snprintf(path, PATH_TEXT_MAX, "%s/%s", folder, hash_hex(key, hex));
    return len > 0 && len < PATH_TEXT_MAX;
}

bool memo_find(const char *folder, const struct hash *key, struct str *out)
{
    char path[PATH_TEXT_MAX];
    CLEANUP(str_fini) struct str text = STR_INIT(HASH_SIZE + MEMO_ANSWER_MAX);
    if (!name_of(path, folder, key) || file_read(path, &text, NULL) != 0 || text.len < HASH_SIZE) {
        return false;
    }
    const char *bytes = text.data + HASH_SIZE;
    const size_t len = text.len - HASH_SIZE;
    struct hash hash = hash_bytes(bytes, len);
    return memcmp(hash.bytes, text.data, HASH_SIZE) == 0 && str_append_n(out, bytes, len) == 0;
}

/* Removes all answers when there are too many. */
static void make_room(const char *folder)
{
    DIR *dir = opendir(folder);
    unsigned count = 0;
    if (dir == NULL) {
        return;
    }
    // NOLINTNEXTLINE(concurrency-mt-unsafe): the stream is ours alone
    while (readdir(dir) != NULL) {
        count++;
    }
    (void)closedir(dir);
    if (count > MEMO_COUNT_MAX) {
        (void)tree_remove(AT_FDCWD, folder, NULL);
        (void)mkdir(folder, 0777);
    }
}

/* Beside its place first, so that nobody sees a part; a killed one's is written over or counted. */
static bool write_beside(const char *path,
                         const struct hash *hash,
                         const void *bytes,
                         size_t len,
                         char temporary[PATH_TEXT_MAX])
{
    int printed = snprintf(temporary, PATH_TEXT_MAX, "%s.%ld", path, (long)getpid());
    if (printed < 0 || printed >= PATH_TEXT_MAX) {
        return false;
    }
    (void)unlink(temporary);
    CLEANUP(cleanup_fd)
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    return fd >= 0 && fd_write_all(fd, hash->bytes, HASH_SIZE) == 0
           && fd_write_all(fd, bytes, len) == 0;
}

void memo_keep(const char *folder, const struct hash *key, const void *bytes, size_t len)
{
    char path[PATH_TEXT_MAX];
    char temporary[PATH_TEXT_MAX];
    if (len > MEMO_ANSWER_MAX || !name_of(path, folder, key)
        || (mkdir(folder, 0777) != 0 && errno != EEXIST)) {
        return;
    }
    make_room(folder);
    struct hash hash = hash_bytes(bytes, len);
    if (!write_beside(path, &hash, bytes, len, temporary) || rename(temporary, path) != 0) {
        (void)unlink(temporary);
    }
}

void memo_add_stat(struct hasher *hasher, const struct stat *st)
{
    const uint64_t facts[] = {
        (uint64_t)st->st_dev,
        (uint64_t)st->st_ino,
        (uint64_t)st->st_mode,
        (uint64_t)st->st_size,
        (uint64_t)st->st_mtim.tv_sec,
        (uint64_t)st->st_mtim.tv_nsec,
        (uint64_t)st->st_ctim.tv_sec,
        (uint64_t)st->st_ctim.tv_nsec,
    };
    hasher_add(hasher, facts, sizeof facts);
}

bool memo_add_file(struct hasher *hasher, const char *path)
{
    struct stat st;
    hasher_add_text(hasher, path);
    if (stat(path, &st) != 0) {
        return false;
    }
    memo_add_stat(hasher, &st);
    return true;
}

bool memo_add_content(struct hasher *hasher, const char *path)
{
    char bytes[CONTENT_MAX];
    CLEANUP(cleanup_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd >= 0 ? read(fd, bytes, sizeof bytes) : -1;
    hasher_add_text(hasher, path);
    hasher_add(hasher, &len, sizeof len);
    if (len > 0) {
        hasher_add(hasher, bytes, (size_t)len);
    }
    return len >= 0;
}

bool memo_add_boot(struct hasher *hasher)
{
    return memo_add_content(hasher, "/proc/sys/kernel/random/boot_id");
}
