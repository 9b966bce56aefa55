/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include "base/cleanup.h"
#include "base/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* One read(2); a pipe gives 64 KiB at most, larger pieces of files gain nothing measurable. */
#define READ_PIECE (64u << 10)

static ssize_t read_retry(int fd, void *buf, size_t size)
{
    ssize_t got = read(fd, buf, size);
    while (got < 0 && errno == EINTR) {
        got = read(fd, buf, size);
    }
    return got;
}

/* Reads one piece. 1 = more may follow, 0 = end, negative = error with message. */
static int read_piece(int fd, const char *name, struct str *out, struct err *err)
{
    size_t room = out->max - out->len;
    char probe = 0;
    ssize_t got = 0;
    if (room > 0) {
        room = room < READ_PIECE ? room : READ_PIECE;
        if (str_reserve(out, room) != 0) {
            return err_set(err, str_error(out), "%s: not enough memory to read it", name);
        }
        got = read_retry(fd, out->data + out->len, room);
    } else {
        got = read_retry(fd, &probe, 1);
    }
    if (got < 0) {
        return err_errno(err, "cannot read %s", name);
    }
    if (got > 0 && room == 0) {
        return err_set(err, -EFBIG, "%s: larger than the limit of %zu bytes", name, out->max);
    }
    out->len += (size_t)got;
    return got > 0 ? 1 : 0;
}

int file_read_fd(int fd, const char *name, struct str *out, struct err *err)
{
    size_t before = out->len;
    if (str_error(out) != 0) {
        return err_set(err, str_error(out), "%s: the buffer to read into has failed before", name);
    }
    int result = 1;
    while (result > 0) {
        result = read_piece(fd, name, out, err);
    }
    if (result < 0) {
        out->len = before;
    }
    if (out->data != NULL) {
        out->data[out->len] = '\0';
    }
    return result;
}

int file_read(const char *path, struct str *out, struct err *err)
{
    CLEANUP(cleanup_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        return err_errno(err, "cannot open %s", path);
    }
    return file_read_fd(fd, path, out, err);
}

int file_read_regular(const char *path, struct str *out, struct err *err)
{
    struct stat st;
    CLEANUP(cleanup_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) < 0) {
        return err_errno(err, "cannot open %s", path);
    }
    if (S_ISDIR(st.st_mode)) {
        return err_set(err, -EISDIR, "%s is a folder", path);
    }
    if (!S_ISREG(st.st_mode)) {
        return err_set(err,
                       -EINVAL,
                       "%s is no regular file but a %s",
                       path,
                       S_ISFIFO(st.st_mode)   ? "named pipe"
                       : S_ISSOCK(st.st_mode) ? "socket"
                                              : "device");
    }
    return file_read_fd(fd, path, out, err);
}

int fd_write_all(int fd, const void *bytes, size_t len)
{
    const char *at = bytes;
    while (len > 0) {
        ssize_t wrote = write(fd, at, len);
        if (wrote < 0 && errno == EAGAIN) {
            struct pollfd ready = {.fd = fd, .events = POLLOUT};
            (void)poll(&ready, 1, -1);
        } else if (wrote < 0 && errno != EINTR) {
            return -errno;
        }
        if (wrote > 0) {
            at += wrote;
            len -= (size_t)wrote;
        }
    }
    return 0;
}

/* The parent of a path into buf; "." when there is none. */
static int path_parent(const char *path, char *buf, size_t size)
{
    const char *slash = strrchr(path, '/');
    size_t len = slash == NULL ? 0 : (size_t)(slash - path);
    if (slash == path) {
        len = 1;
    }
    if (len >= size) {
        return -ENAMETOOLONG;
    }
    if (len == 0) {
        (void)snprintf(buf, size, ".");
        return 0;
    }
    memcpy(buf, path, len);
    buf[len] = '\0';
    return 0;
}

/* Opens a temporary file beside `path`. The name carries pid and a counter rather than mkstemp's
 * letters, because mkstemp forces mode 0600 and the umask cannot be asked without setting it. */
static int open_beside(const char *path, char *buf, size_t size)
{
    static atomic_uint counter;
    for (unsigned attempt = 0; attempt < 100; attempt++) {
        unsigned number = atomic_fetch_add(&counter, 1);
        int len = snprintf(buf, size, "%s.tmp%ld.%u", path, (long)getpid(), number);
        if (len < 0 || (size_t)len >= size) {
            return -ENAMETOOLONG;
        }
        int fd = open(buf, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
        if (fd >= 0) {
            return fd;
        }
        if (errno != EEXIST) {
            return -errno;
        }
    }
    return -EEXIST;
}

/* After a crash a rename may be lost although the file's bytes are not: the folder is synced too.
 * File systems that cannot sync a folder say EINVAL; there is nothing to do about it. */
static void sync_folder(const char *folder)
{
    CLEANUP(cleanup_fd) int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd);
    }
}

static int write_and_sync(int fd, const void *bytes, size_t len)
{
    int result = fd_write_all(fd, bytes, len);
    if (result == 0 && fsync(fd) != 0 && errno != EINVAL && errno != EROFS) {
        result = -errno;
    }
    return result;
}

int file_write_atomic(const char *path, const void *bytes, size_t len, struct err *err)
{
    char folder[PATH_TEXT_MAX];
    char temporary[PATH_TEXT_MAX];
    int result = path_parent(path, folder, sizeof folder);
    if (result != 0) {
        return err_set(err, result, "%s: the path is too long", path);
    }
    result = dir_make(folder, 0777, err);
    if (result != 0) {
        return result;
    }
    CLEANUP(cleanup_fd) int fd = open_beside(path, temporary, sizeof temporary);
    if (fd < 0) {
        errno = -fd;
        return err_errno(err, "cannot write beside %s", path);
    }
    result = write_and_sync(fd, bytes, len);
    if (result == 0 && rename(temporary, path) != 0) {
        result = -errno;
    }
    if (result != 0) {
        (void)unlink(temporary);
        errno = -result;
        return err_errno(err, "cannot write %s", path);
    }
    sync_folder(folder);
    return 0;
}

/* mkdir, where a folder that is there is success. */
static int make_one(const char *path, mode_t mode)
{
    struct stat st;
    if (mkdir(path, mode) == 0) {
        return 0;
    }
    int code = -errno;
    if (code == -ENOENT) {
        return code;
    }
    /* EEXIST, or EROFS and EACCES over something that is there. */
    if (stat(path, &st) != 0) {
        return code;
    }
    return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

int dir_make(const char *path, mode_t mode, struct err *err)
{
    char buf[PATH_TEXT_MAX];
    int result = path_clean(path, buf, sizeof buf);
    if (result != 0) {
        return err_set(err, result, "%s: the path is too long", path);
    }
    result = make_one(buf, mode);
    if (result == -ENOENT) {
        for (char *slash = strchr(buf + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
            *slash = '\0';
            (void)make_one(buf, mode | 0700); /* a real failure comes back from the last one */
            *slash = '/';
        }
        result = make_one(buf, mode);
    }
    if (result != 0) {
        errno = -result;
        return err_errno(err, "cannot make the folder %s", path);
    }
    return 0;
}

bool file_exists(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

bool path_is_inside(const char *path)
{
    const char *at = path;
    for (;;) {
        size_t len = strcspn(at, "/");
        bool dots = (len == 1 && at[0] == '.') || (len == 2 && at[0] == '.' && at[1] == '.');
        if (len == 0 || dots) {
            return false;
        }
        if (at[len] == '\0') {
            return true;
        }
        at += len + 1;
    }
}

bool link_is_inside(const char *path, const char *target)
{
    const char *rest = target;
    if (target[0] == '/' || target[0] == '\0') {
        return false;
    }
    for (const char *at = strchr(path, '/'); at != NULL && strncmp(rest, "../", 3) == 0;
         at = strchr(at + 1, '/')) {
        rest += 3;
    }
    const size_t left = strlen(rest);
    return strcmp(rest, "..") != 0 && strncmp(rest, "../", 3) != 0 && strstr(rest, "/../") == NULL
           && (left < 3 || strcmp(rest + left - 3, "/..") != 0);
}

/* Adds one component to a clean path of `used` bytes; returns the new length. "." adds nothing. */
static size_t add_component(char *buf, size_t used, const char *component, size_t len)
{
    if (len == 1 && component[0] == '.') {
        return used;
    }
    if (used > 0 && buf[used - 1] != '/') {
        buf[used++] = '/';
    }
    memcpy(buf + used, component, len);
    return used + len;
}

int path_clean(const char *path, char *buf, size_t size)
{
    size_t used = 0;
    if (strlen(path) + 2 > size) {
        return -ENAMETOOLONG;
    }
    if (path[0] == '/') {
        buf[used++] = '/';
    }
    for (const char *at = path + strspn(path, "/"); *at != '\0'; at += strspn(at, "/")) {
        size_t len = strcspn(at, "/");
        used = add_component(buf, used, at, len);
        at += len;
    }
    if (used == 0) {
        buf[used++] = '.';
    }
    buf[used] = '\0';
    return 0;
}

const char *path_basename(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}
