/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/caller.h"

#include "base/cleanup.h"
#include "base/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/* Most paths are shorter than this; reading a whole page costs as much again. */
#define FIRST_READ 256u

/* A read that crosses into a page that is not there fails as a whole where it begins, so no read
 * crosses a page. All page sizes are multiples of this. */
#define PAGE 4096u

/* The kernel reads more than process_vm_readv(2) does: pages that may only be written or executed,
 * where the processor knows no such thing. This way takes them all. */
static ssize_t read_closed_piece(const struct caller *caller,
                                 uint64_t address,
                                 char *buf,
                                 size_t len)
{
    char path[32];
    (void)snprintf(path, sizeof path, "%d/mem", (int)caller->pid);
    CLEANUP(cleanup_fd)
    int fd = address <= INT64_MAX ? openat(caller->proc, path, O_RDONLY | O_CLOEXEC) : -1;
    const ssize_t n = fd >= 0 ? pread(fd, buf, len, (off_t)address) : -1;
    return n > 0 ? n : -EFAULT;
}

/* NOLINTNEXTLINE(readability-non-const-parameter): the kernel writes there */
static ssize_t read_piece(const struct caller *caller, uint64_t address, char *buf, size_t len)
{
    const struct iovec local = {buf, len};
    const struct iovec remote = {(void *)(uintptr_t)address, len};
    const ssize_t n = process_vm_readv(caller->pid, &local, 1, &remote, 1, 0);
    if (n == 0 || (n < 0 && errno == EFAULT)) {
        return read_closed_piece(caller, address, buf, len);
    }
    return n < 0 ? -errno : n;
}

static size_t piece(uint64_t address, size_t have, size_t size)
{
    size_t len = PAGE - (size_t)(address & (PAGE - 1));
    if (have == 0 && len > FIRST_READ) {
        len = FIRST_READ;
    }
    return len < size - have ? len : size - have;
}

int caller_text(const struct caller *caller, uint64_t address, char *buf, size_t size)
{
    size_t have = 0;
    if (address == 0) {
        return -EFAULT;
    }
    while (have < size) {
        const size_t len = piece(address + have, have, size);
        const ssize_t n = read_piece(caller, address + have, buf + have, len);
        if (n < 0) {
            return (int)n;
        }
        const char *end = memchr(buf + have, '\0', (size_t)n);
        if (end != NULL) {
            return (int)(end - buf);
        }
        have += (size_t)n;
    }
    return -ENAMETOOLONG;
}

int caller_bytes(const struct caller *caller, uint64_t address, void *buf, size_t size)
{
    char *to = buf;
    size_t have = 0;
    while (have < size) {
        const size_t len = piece(address + have, 1, size + 1 - have);
        const ssize_t n =
            read_piece(caller, address + have, to + have, len < size - have ? len : size - have);
        if (n < 0) {
            return (int)n;
        }
        have += (size_t)n;
    }
    return 0;
}

/* "123/fd/3", and what others ask for: map_files has the longest names. */
#define LINK_NAME_MAX 64

/* A deleted "a" reads as a folder that is called "a (deleted)" does. */
static bool leads_to(int from, const char *link, const char *root, const char *text)
{
    char path[PATH_TEXT_MAX + LINK_NAME_MAX];
    struct stat linked;
    struct stat named;
    const int n = snprintf(path, sizeof path, "%s%s", root, text);
    return n > 0 && (size_t)n < sizeof path && fstatat(from, link, &linked, 0) == 0
           && fstatat(from, path, &named, AT_SYMLINK_NOFOLLOW) == 0 && linked.st_dev == named.st_dev
           && linked.st_ino == named.st_ino;
}

static const char deleted_mark[] = " (deleted)";
#define DELETED_MARK_LEN (sizeof deleted_mark - 1)

static bool is_marked(const char *text, size_t len)
{
    return len > DELETED_MARK_LEN
           && memcmp(text + len - DELETED_MARK_LEN, deleted_mark, DELETED_MARK_LEN) == 0;
}

size_t link_strip_deleted(int from, const char *link, const char *root, char *text, size_t len)
{
    if (is_marked(text, len) && !leads_to(from, link, root, text)) {
        len -= DELETED_MARK_LEN;
        text[len] = '\0';
    }
    return len;
}

/* Decimal digits of a number; returns where they end. snprintf(3) would take a tenth of the time of
 * the readlink(2) that they are for, once for each relative path. */
static char *put_number(char *to, unsigned number)
{
    char digits[10];
    size_t count = 0;
    do {
        digits[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    while (count > 0) {
        *to++ = digits[--count];
    }
    return to;
}

/* "fd/3" of descriptor 3. */
#define FD_NAME_MAX 16

int caller_link(const struct caller *caller, const char *name, char *buf, size_t size)
{
    char path[LINK_NAME_MAX];
    const size_t len = strlen(name);
    char *to = put_number(path, (unsigned)caller->pid);
    *to++ = '/';
    if (len >= sizeof path - (size_t)(to - path)) {
        return -ENOENT; /* nothing there has such a name */
    }
    memcpy(to, name, len + 1);
    const ssize_t n = readlinkat(caller->proc, path, buf, size);
    if (n < 0) {
        return -errno;
    }
    if ((size_t)n >= size) {
        return -ENAMETOOLONG;
    }
    buf[n] = '\0';
    if (!is_marked(buf, (size_t)n)) {
        return (int)n;
    }
    char root[LINK_NAME_MAX];
    (void)snprintf(root, sizeof root, "%d/root", (int)caller->pid);
    return (int)link_strip_deleted(caller->proc, path, root, buf, (size_t)n);
}

int caller_folder(const struct caller *caller, int dirfd, char *buf, size_t size)
{
    char name[FD_NAME_MAX] = "cwd";
    if (dirfd == AT_FDCWD && caller->folder != NULL) {
        const int n = snprintf(buf, size, "%s", caller->folder);
        return n >= 0 && (size_t)n < size ? n : -ENAMETOOLONG;
    }
    if (dirfd != AT_FDCWD) {
        if (dirfd < 0) {
            return -ENOENT;
        }
        memcpy(name, "fd/", 3);
        *put_number(name + 3, (unsigned)dirfd) = '\0';
    }
    return caller_link(caller, name, buf, size);
}

bool thread_exists(int proc, pid_t tid)
{
    char path[32];
    (void)snprintf(path, sizeof path, "%d", (int)tid);
    return faccessat(proc, path, F_OK, 0) == 0;
}
