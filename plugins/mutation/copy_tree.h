/* SPDX-License-Identifier: Apache-2.0 */
/* A private copy of a tree that is put back to a remembered state whenever somebody has worked in
 * it. */
#ifndef SLUICE_PLUGINS_MUTATION_COPY_TREE_H
#define SLUICE_PLUGINS_MUTATION_COPY_TREE_H

#include "base/err.h"
#include "base/map.h"
#include "base/vec.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* One name as it is to be: about 120 bytes. */
struct copy_entry {
    char *path; /* relative to the tree */
    uint32_t mode;
    int64_t size;
    struct timespec changed; /* mtime; of files */
    struct timespec touched; /* ctime, which nobody can set */
    bool made;               /* not in the original, or other than there: a spare is kept */
    bool seen;               /* by the scan that is under way */
};

struct copy_tree {
    char *folder; /* owner of all below, removed at the end */
    char *path;   /* the copy, absolute */
    char *spare;  /* files that are not as in the original */
    char *origin;
    int fd; /* of `path` */
    int spare_fd;
    int origin_fd;

    struct {
        VEC_FIELDS(struct copy_entry *);
    } entries;

    struct map by_path;
};

/* copy_files() with COPY_FILES_LINK of the tree `origin` into a new folder below $TMPDIR or /tmp.
 * copy_tree_fini() afterwards in any case. */
int copy_tree_make(const char *origin, struct copy_tree *ret_tree, struct err *err);
void copy_tree_fini(struct copy_tree *tree);

/* The state that is there now is the one to go back to. */
int copy_tree_remember(struct copy_tree *tree, struct err *err);

/* Goes back to it: what was made is removed, what was changed or removed is put back.
 * *ret_repaired, which may be NULL, counts. */
int copy_tree_repair(struct copy_tree *tree, size_t *ret_repaired, struct err *err);

/* Writes a file of the tree, with a modification time later than any before: make, ninja and caches
 * of byte code go by it. The state to go back to has the file as it is now. */
int copy_tree_write(
    struct copy_tree *tree, const char *path, const char *text, size_t size, struct err *err);

#endif
