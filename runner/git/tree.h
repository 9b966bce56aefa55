/* SPDX-License-Identifier: Apache-2.0 */
/* Questions about git trees, answered from the object store: no checkout, one `git cat-file`
 * process for all of them, started when the first object is needed. Tree objects are read by us,
 * folder by folder, as questions reach them, and kept by their id: two trees that share a folder
 * share what is known about it. Sees the repository's own objects and those of git_snapshot().
 * SHA-1 and SHA-256 repositories. One thread at a time. */
#ifndef SLUICE_GIT_TREE_H
#define SLUICE_GIT_TREE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/hash.h"
#include "git/git.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One tree object. A folder of a million names of 40 bytes takes 75 MB; beyond: -EFBIG. */
#define GIT_FOLDER_BYTES_MAX (128u << 20)

/* Bytes of an object id, binary: 20 or 32. */
#define GIT_RAW_ID_MAX 32

/* One object read as a whole (a link's target, an attribute file). Beyond: -EFBIG. */
#define GIT_OBJECT_BYTES_MAX (16u << 20)

struct git_objects;
struct git_folder; /* a tree object that was read; lives as long as its git_objects */

/* Opens the object store of `repo` (borrowed). Starts nothing yet. */
int git_objects_open(const struct git_repo *repo,
                     struct git_objects **ret_objects,
                     struct err *err);

/* Ends the process and frees all folders. NULL is accepted. */
void git_objects_close(struct git_objects *objects);

/* What an entry of a tree is. */
enum git_type {
    GIT_TYPE_FILE,
    GIT_TYPE_EXECUTABLE, /* mode 100755 */
    GIT_TYPE_LINK,
    GIT_TYPE_FOLDER,
    GIT_TYPE_SUBMODULE, /* a commit of another repository: an empty folder in a checkout */
};

/* One entry, borrowed from its folder. */
struct git_entry {
    enum git_type type;
    const char *name; /* not terminated */
    size_t name_len;
    const unsigned char *id; /* binary, git_id_size() bytes */
};

/* Length of a binary id in this repository: 20 or 32. Known after the first object was read. */
size_t git_id_size(const struct git_objects *objects);

/* The folder with this id (hex). -ENOENT when there is no such tree. */
int git_tree_open(struct git_objects *objects,
                  const char *tree,
                  const struct git_folder **ret_root,
                  struct err *err);

/* The folder behind an entry of type GIT_TYPE_FOLDER. */
int git_folder_open(struct git_objects *objects,
                    const struct git_entry *entry,
                    const struct git_folder **ret_folder,
                    struct err *err);

/* Binary id of a folder. */
const unsigned char *git_folder_id(const struct git_folder *folder);

/* Entries in git's order, and how many. */
size_t git_folder_count(const struct git_folder *folder);
void git_folder_entry(const struct git_folder *folder, size_t index, struct git_entry *ret_entry);

/* Finds a name (len bytes) in a folder: true and *ret_entry. */
bool git_folder_find(const struct git_folder *folder,
                     const char *name,
                     size_t len,
                     struct git_entry *ret_entry);

enum git_presence {
    GIT_ABSENT,      /* a name on the way, or the last one, is not there */
    GIT_BLOCKED,     /* a name on the way is a file or submodule: nothing can be below */
    GIT_BEHIND_LINK, /* a name on the way is a symbolic link */
    GIT_PRESENT,     /* entry */
};

struct git_found {
    enum git_presence presence;
    size_t reached;         /* bytes of the path up to the end of the component that decided */
    struct git_entry entry; /* GIT_PRESENT; the root itself is a folder without name */
};

/* Walks `path` (relative to the root; "" or "." = the root; lexically clean). */
int git_tree_find(struct git_objects *objects,
                  const struct git_folder *root,
                  const char *path,
                  struct git_found *ret_found,
                  struct err *err);

/* Reads all folders on the way to these paths at once, level by level: far fewer waits than asking
 * one path after the other. Missing ones are no error. */
int git_tree_prefetch(struct git_objects *objects,
                      const struct git_folder *root,
                      const char *const *paths,
                      size_t count,
                      struct err *err);

/* Reads all folders of a tree at once, but no more than about `max`. */
int git_tree_read_all(struct git_objects *objects,
                      const struct git_folder *root,
                      size_t max,
                      struct err *err);

/* Letter of a type in a listing, as readdir shows it: 'f', 'l' or 'd'. */
char git_type_letter(enum git_type type);

/* SHA-256 over letter, name and a NUL for each entry in byte order of the names: what readdir tells
 * of the folder. Worked out once per tree id. */
int git_folder_listing(const struct git_folder *folder, struct hash *ret_hash, struct err *err);

/* Appends a blob's bytes to *out: -EFBIG beyond out->max or GIT_OBJECT_BYTES_MAX, -ENOENT. */
int git_blob_read(struct git_objects *objects,
                  const unsigned char *id,
                  struct str *out,
                  struct err *err);

/* Size of each of `count` blobs, of binary ids one behind the other. */
int git_blob_sizes(struct git_objects *objects,
                   const unsigned char *ids,
                   size_t count,
                   uint64_t *ret_sizes,
                   struct err *err);

/* Hex form of a binary id of this repository. Returns buf. */
char *git_id_hex(const struct git_objects *objects, const unsigned char *id, char buf[GIT_ID_MAX]);

/* ---- conversion ----
 * A blob's id stands for a file's content only where nothing converts between them. */

/* What the configuration and attribute files outside of trees add to that: a hash over autocrlf,
 * eol, filter settings and attribute files that name a conversion. `ret_always` = every file may be
 * converted, attributes or not. Zero when nothing is configured. Starts git, once. */
int git_conversion_config(struct git_objects *objects,
                          struct hash *ret_salt,
                          bool *ret_always,
                          struct err *err);

/* Starts git for that and does not wait. What fails now fails again where the answer is needed. */
void git_conversion_ask(struct git_objects *objects);

/* The .gitattributes of one folder: 1 and *ret_id (borrowed) when it names a conversion (eol, crlf,
 * ident, filter, working-tree-encoding), else 0: then the folder's own files and those below are
 * not converted because of it. */
int git_folder_conversion(struct git_objects *objects,
                          const struct git_folder *folder,
                          const unsigned char **ret_id,
                          struct err *err);

/* ---- differences ---- */

/* Calls `each` for every file that differs between two trees (hex ids). `in_place`: a file or link
 * that is one in both and kept its type; else something came, went or became something else. A
 * number other than 0 from `each` ends it and is handed on. Starts git. */
int git_diff_each(const struct git_repo *repo,
                  const char *old_tree,
                  const char *new_tree,
                  int (*each)(void *context, const char *path, bool in_place),
                  void *context,
                  struct err *err);

/* ---- trees that do not exist yet ---- */

/* Tree id of a revision, or -ENOENT. */
int git_commit_tree(const struct git_repo *repo,
                    const char *revision,
                    char tree[GIT_ID_MAX],
                    struct err *err);

/* Merges `changes` (revisions, NULL-terminated) one after the other onto `base`, in memory, by
 * git's own merge: the tree that would land. Written to the state folder's object store. -EUCLEAN
 * on a conflict, with the change and the files named; -ENOENT for an unknown revision. */
int git_merge_tree(const struct git_repo *repo,
                   const char *base,
                   const char *const *changes,
                   char tree[GIT_ID_MAX],
                   struct err *err);

#endif
