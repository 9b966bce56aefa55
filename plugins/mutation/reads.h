/* SPDX-License-Identifier: Apache-2.0 */
/* Which files of a tree are opened while tests run in it, by whichever process: each file is
 * watched until it is opened for the first time (inotify). What a verdict rests on is known by it.
 */
#ifndef SLUICE_PLUGINS_MUTATION_READS_H
#define SLUICE_PLUGINS_MUTATION_READS_H

#include "base/arena.h"
#include "base/err.h"
#include "base/hash.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* Paths of a tree of a million files. */
#define READS_ARENA_MAX (256u << 20)

struct reads {
    int fd;              /* -1: nothing is watched */
    struct arena *arena; /* owner of the paths */
    const char **paths;  /* by number of the watch, relative to the root */
    size_t count;
    struct hash names; /* of all paths of the tree: a file that appears or goes changes it */
    struct hash asked; /* of those that tests may ask for */
    bool lost;         /* not all that was opened is known */
};

#define READS_INIT \
    {              \
        .fd = -1   \
    }

/* Watches all regular files below `root`. `patterns`: glob patterns of what tests may ask for; NULL
 * = anything. -ENOSPC, -EMFILE: the system has no more watches, the message says which limit.
 * reads_fini() afterwards in any case. */
int reads_init(const char *root, json_t *patterns, struct reads *ret_reads, struct err *err);
void reads_fini(struct reads *reads);

/* Ends watching; digests stay. */
void reads_close(struct reads *reads);

/* Does a pattern name this path? */
bool reads_may_ask(json_t *patterns, const char *path);

/* Calls `each` for each file that was opened since the last call; a file comes once. Ends with the
 * first error of it. */
int reads_take(struct reads *reads, int (*each)(void *context, const char *path), void *context);

/* SHA-256 of a regular file in hexadecimal; "-" when there is none. */
void reads_digest(const char *root, const char *path, char digest[HASH_HEX_SIZE]);

/* SHA-256 of all of a tree: names, kinds, contents, targets of links. Left out: `skip`
 * (NULL-terminated names of folders, wherever they stand); of `named` only names and sizes are
 * looked at. */
int reads_digest_tree(const char *root,
                      const char *const *skip,
                      const char *const *named,
                      char digest[HASH_HEX_SIZE],
                      struct err *err);

#endif
