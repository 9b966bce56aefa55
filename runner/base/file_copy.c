/* SPDX-License-Identifier: Apache-2.0 */
/* Copying one node between folders that somebody else may have filled: with a folder given, no link
 * on the way to the last component is followed, on either side. */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* One copy_file_range or read; beyond 1 MiB nothing is gained. */
#define COPY_PIECE (1u << 20)
/* Buffer of the plain loop, on the stack. */
#define COPY_BUFFER (64u << 10)

struct place {
    int fd;           /* the parent folder */
    const char *name; /* last component */
};

static void place_fini(struct place *place)
{
    cleanup_fd(&place->fd);
}

/* Steps from *fd into one component; makes it when `make`. *fd is replaced. */
static int step_into(int *fd, const char *name, bool make)
{
    if (make && mkdirat(*fd, name, 0777) != 0 && errno != EEXIST) {
        return -errno;
    }
    int next = openat(*fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (next < 0) {
        return -errno;
    }
    (void)close(*fd);
    *fd = next;
    return 0;
}

/* Finds the parent of `path` below a folder, component by component. */
static int place_below(int dir, const char *path, bool make, struct place *ret_place)
{
    char name[PATH_TEXT_MAX];
    if (!path_is_inside(path)) {
        return -EINVAL;
    }
    CLEANUP(cleanup_fd) int fd = fcntl(dir, F_DUPFD_CLOEXEC, 3);
    if (fd < 0) {
        return -errno;
    }
    const char *at = path;
    for (const char *slash = strchr(at, '/'); slash != NULL; slash = strchr(at, '/')) {
        int len = snprintf(name, sizeof name, "%.*s", (int)(slash - at), at);
        if (len < 0 || (size_t)len >= sizeof name) {
            return -ENAMETOOLONG;
        }
        int result = step_into(&fd, name, make);
        if (result != 0) {
            return result;
        }
        at = slash + 1;
    }
    *ret_place = (struct place){fd, at};
    fd = -1;
    return 0;
}

/* Finds the parent of a path as the kernel does, links included. */
static int place_anywhere(const char *path, bool make, struct place *ret_place, struct err *err)
{
    char folder[PATH_TEXT_MAX];
    const char *name = path_basename(path);
    int len = snprintf(folder, sizeof folder, "%.*s.", (int)(name - path), path);
    if (len < 0 || (size_t)len >= sizeof folder) {
        return err_set(err, -ENAMETOOLONG, "%s: the path is too long", path);
    }
    int result = make ? dir_make(folder, 0777, err) : 0;
    if (result != 0) {
        return result;
    }
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return err_errno(err, "cannot open the folder of %s", path);
    }
    *ret_place = (struct place){fd, name};
    return 0;
}

static int place_find(int dir, const char *path, bool make, struct place *ret, struct err *err)
{
    if (dir == AT_FDCWD) {
        return place_anywhere(path, make, ret, err);
    }
    int result = place_below(dir, path, make, ret);
    if (result == -EINVAL) {
        return err_set(err, result, "%s: not a path inside the folder", path);
    }
    if (result == -ELOOP || result == -ENOTDIR) {
        return err_set(err, result, "%s: a link or a file stands where a folder is needed", path);
    }
    if (result != 0) {
        errno = -result;
        return err_errno(err, "cannot reach %s", path);
    }
    return 0;
}

static int copy_by_hand(int from, int to)
{
    char buf[COPY_BUFFER];
    for (;;) {
        ssize_t got = read(from, buf, sizeof buf);
        if (got == 0) {
            return 0;
        }
        if (got < 0 && errno == EINTR) {
            continue;
        }
        int result = got < 0 ? -errno : fd_write_all(to, buf, (size_t)got);
        if (result != 0) {
            return result;
        }
    }
}

/* copy_file_range shares blocks where the file system can; the plain loop goes on from wherever it
 * gave up (other file systems, old kernels, /proc files that claim to be empty). */
static int copy_bytes(int from, int to)
{
    ssize_t got = 1;
    while (got > 0) {
        got = copy_file_range(from, NULL, to, NULL, COPY_PIECE, 0);
    }
    if (got < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EIO)) {
        return -errno;
    }
    return copy_by_hand(from, to);
}

/* pwrite(2) to the end. */
static int write_at(int fd, const char *bytes, size_t len, off_t at)
{
    for (size_t done = 0; done < len;) {
        const ssize_t n = pwrite(fd, bytes + done, len - done, at + (off_t)done);
        if (n < 0 && errno != EINTR) {
            return -errno;
        }
        done += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

/* One stretch of data between holes. */
static int copy_stretch(int from, int to, off_t at, off_t end)
{
    char buf[COPY_BUFFER];
    while (at < end) {
        const size_t want = end - at < COPY_BUFFER ? (size_t)(end - at) : COPY_BUFFER;
        const ssize_t got = pread(from, buf, want, at);
        if (got <= 0) {
            return got == 0 ? 0 : -errno; /* it got shorter meanwhile */
        }
        const int result = write_at(to, buf, (size_t)got, at);
        if (result != 0) {
            return result;
        }
        at += got;
    }
    return 0;
}

/* Holes stay holes: a file that claims a terabyte costs what it holds. */
static int copy_sparse(int from, int to, off_t size)
{
    off_t at = 0;
    while (at < size && (at = lseek(from, at, SEEK_DATA)) >= 0) {
        const off_t end = lseek(from, at, SEEK_HOLE);
        const int result = end < 0 ? -errno : copy_stretch(from, to, at, end);
        if (result != 0) {
            return result;
        }
        at = end;
    }
    if (at < 0 && errno != ENXIO) { /* ENXIO: nothing but a hole from there on */
        return -errno;
    }
    return ftruncate(to, size) == 0 ? 0 : -errno;
}

static bool is_sparse(const struct stat *st)
{
    return st->st_blocks < st->st_size / 512; /* st_blocks counts 512 bytes, always */
}

static int copy_regular(const struct place *from, const struct place *to, mode_t mode)
{
    struct stat st;
    CLEANUP(cleanup_fd)
    int in = openat(from->fd, from->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (in < 0 || fstat(in, &st) != 0) {
        return -errno;
    }
    if (!S_ISREG(st.st_mode)) {
        return -ESTALE; /* somebody changed it since we looked */
    }
    CLEANUP(cleanup_fd)
    int out = openat(to->fd, to->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (out < 0) {
        return -errno;
    }
    int result =
        st.st_size > 0 && is_sparse(&st) ? copy_sparse(in, out, st.st_size) : copy_bytes(in, out);
    if (result == 0 && fchmod(out, mode & 0777) != 0) {
        result = -errno;
    }
    if (result != 0) {
        (void)unlinkat(to->fd, to->name, 0);
    }
    return result;
}

static int copy_link(const struct place *from, const struct place *to)
{
    char target[PATH_TEXT_MAX];
    ssize_t len = readlinkat(from->fd, from->name, target, sizeof target);
    if (len < 0) {
        return -errno;
    }
    if ((size_t)len >= sizeof target) {
        return -ENAMETOOLONG;
    }
    target[len] = '\0';
    return symlinkat(target, to->fd, to->name) == 0 ? 0 : -errno;
}

static int copy_folder(const struct place *to, mode_t mode)
{
    if (mkdirat(to->fd, to->name, 0700) != 0 && errno != EEXIST) {
        return -errno;
    }
    CLEANUP(cleanup_fd)
    int fd = openat(to->fd, to->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fchmod(fd, (mode & 0777) | S_IRWXU) != 0) {
        return -errno;
    }
    return 0;
}

static int copy_node(const struct place *from, const struct place *to)
{
    struct stat st;
    if (fstatat(from->fd, from->name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
        return -errno;
    }
    if (S_ISDIR(st.st_mode)) {
        return copy_folder(to, st.st_mode);
    }
    if (!S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode)) {
        return -EOPNOTSUPP;
    }
    if (unlinkat(to->fd, to->name, 0) != 0 && errno != ENOENT) {
        return -errno;
    }
    return S_ISREG(st.st_mode) ? copy_regular(from, to, st.st_mode) : copy_link(from, to);
}

int file_copy_at(int from_dir, const char *from, int to_dir, const char *to, struct err *err)
{
    CLEANUP(place_fini) struct place source = {-1, ""};
    CLEANUP(place_fini) struct place target = {-1, ""};
    int result = place_find(from_dir, from, false, &source, err);
    if (result == 0) {
        result = place_find(to_dir, to, true, &target, err);
    }
    if (result != 0) {
        return result;
    }
    result = copy_node(&source, &target);
    if (result == -EOPNOTSUPP) {
        return err_set(err, result, "%s: a device, pipe or socket cannot be copied", from);
    }
    if (result != 0) {
        errno = -result;
        return err_errno(err, "cannot copy %s to %s", from, to);
    }
    return 0;
}
