/* SPDX-License-Identifier: Apache-2.0 */
/* Takes files out of a unit's world: its products, artifacts and reports. */
#ifndef SLUICE_EXEC_COLLECT_H
#define SLUICE_EXEC_COLLECT_H

#include "base/err.h"
#include "model/pipeline.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

/* Deepest folder followed below a collected root; PATH_MAX allows 2048 one-letter names, real trees
 * stay under 40. Beyond: an error that names the folder. */
#define COLLECT_DEPTH_MAX 256

/* Modification time of everything in the lower layers (GIT_MTIME of git/git.h for products too). */
#define COLLECTED_MTIME 1000000000

/* Files taken from one unit. A full Linux kernel build leaves about 60,000. Beyond: an error. */
#define COLLECT_FILES_MAX 1000000

/* As openat(2), but never through the links of /proc that stand for open files (openat2(2),
 * RESOLVE_NO_MAGICLINKS): for paths a unit could choose, opened by a process that holds descriptors
 * of the machine's folders. ELOOP where there is such a link. */
int open_in_world(int folder, const char *path, int flags);

/* Walks `root` (a folder descriptor) in sorted order and calls `each` with every path below it,
 * folders before their content; folders for which it returns 0 are not entered; negative stops.
 * Never follows links; .git and .sluice at the top are passed over. */
int tree_walk(int root,
              int (*each)(void *context, int root, const char *path, mode_t mode),
              void *context,
              struct err *err);

/* Copies what matches one of the globs from `from` to `to` (folder descriptors): files, links,
 * folders. Sets every modification time to the one constant of the lower layers. Returns the number
 * of files copied or negative.
 * With `published`, links that may lead out of the copy are left out: what is kept for people is
 * uploaded by programs that follow links, and then "log.txt -> /etc/shadow" is a file of the host.
 */
int64_t collect_matching(
    int from, const struct text_list *globs, int to, bool published, struct err *err);

/* Appends every file not older than `not_before` that matches `glob` (relative to `cwd`, itself
 * relative to `root`), in sorted order, to `out_fd`; a newline is put between two. Returns their
 * number, 0 when none matches, -EFBIG beyond REPORT_BYTES_MAX. Links of the unit's own are followed
 * as open_in_world() does. */
int collect_reports(int root,
                    const char *cwd,
                    const char *glob,
                    struct timespec not_before,
                    int out_fd,
                    struct err *err);

/* Puts the content of folder `from` into `to` by hard links (copies where links are not possible).
 * A path that is there already must have the same content: else -EEXIST and the path in the
 * message. No link in `to` is followed: what one unit left as a link is no folder for another's. */
int collect_merge(const char *from, const char *to, struct err *err);

/* As collect_merge(), but where another content (or a folder against a file) is in `to` already it
 * stays, if `clash` returns 0; negative (with a message in its own hands) stops. */
int collect_merge_below(const char *from,
                        const char *to,
                        int (*clash)(void *context, const char *path),
                        void *context,
                        struct err *err);

#endif
