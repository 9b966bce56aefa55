/* SPDX-License-Identifier: Apache-2.0 */
/* Files and paths. Nothing here follows a path out of the folder it is given, where it says so. */
#ifndef SLUICE_BASE_FILE_H
#define SLUICE_BASE_FILE_H

#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A stretch of a file. */
struct file_part {
    const char *path;
    uint64_t offset;
    uint64_t len; /* UINT64_MAX = up to its end */
};

#define FILE_WHOLE(file) ((struct file_part){.path = (file), .len = UINT64_MAX})

/* Reads a whole regular file (or pipe) into *out, appending. -EFBIG beyond out->max, named in the
 * message. */
int file_read(const char *path, struct str *out, struct err *err);
int file_read_fd(int fd, const char *name, struct str *out, struct err *err);

/* As file_read(), for a file that a person or a tree named: anything but a regular file is -EINVAL,
 * and neither a pipe nobody writes to nor a device makes us wait. */
int file_read_regular(const char *path, struct str *out, struct err *err);

/* Writes all bytes, retrying short writes and EINTR. 0 or -errno. */
int fd_write_all(int fd, const void *bytes, size_t len);

/* Writes to a temporary file beside `path`, syncs, renames: readers see the old or the new file,
 * never a part. Folders are made as needed. */
int file_write_atomic(const char *path, const void *bytes, size_t len, struct err *err);

/* mkdir -p. An existing folder is success. */
int dir_make(const char *path, mode_t mode, struct err *err);

/* rm -rf below `dirfd` (AT_FDCWD allowed); a missing path is success; never follows links; makes
 * folders writable where needed; no recursion limit beyond PATH depth (iterative). */
int tree_remove(int dirfd, const char *path, struct err *err);

/* Copies one regular file, symlink or folder node (not its content) from one folder to another,
 * keeping the permission bits (never set-user-id, set-group-id, sticky; a folder can be used by its
 * owner whatever it was) and holes. Parents in the target are made; a file or link there is
 * replaced. Below a given folder (not AT_FDCWD) the path must be path_is_inside() and no link on
 * the way is followed, on either side: -EINVAL, -ELOOP, -ENOTDIR. Devices, pipes, sockets:
 * -EOPNOTSUPP. */
int file_copy_at(int from_dir, const char *from, int to_dir, const char *to, struct err *err);

bool file_exists(const char *path);

/* True when `path` is relative, non-empty and has no "..", ".", empty or NUL-broken component:
 * safe to join below a folder. A single trailing '/' is refused too. */
bool path_is_inside(const char *path);

/* True when a symbolic link at `path` (path_is_inside()) to `target` leads nowhere outside of the
 * folder that `path` is relative to: each ".." stands at its beginning, and there are no more of
 * them than folders above the link. Behind a name, which may be a link itself, ".." can be
 * anywhere. */
bool link_is_inside(const char *path, const char *target);

/* Lexical clean-up into buf: collapses "//" and "/./", keeps ".."; -ENAMETOOLONG. */
int path_clean(const char *path, char *buf, size_t size);

/* The part after the last '/'. */
const char *path_basename(const char *path);

/* Shell-like pattern over '/'-separated paths: '*' and '?' stay inside one component, "**" crosses
 * components ("build/" followed by two stars matches everything below), [a-z] and [!a-z] classes,
 * '\\' quotes. Works on bytes. Linear in pattern x path; no recursion. A pattern without wildcard
 * matches itself and everything below it. A pattern of PATH_TEXT_MAX bytes or more matches nothing.
 */
bool glob_match(const char *pattern, const char *path);
bool glob_has_magic(const char *pattern);

#endif
