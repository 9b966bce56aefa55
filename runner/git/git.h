/* SPDX-License-Identifier: Apache-2.0 */
/* The git command line as a library. Every call starts one git process (proc/run.h) with a scrubbed
 * environment (no GIT_*, LC_ALL=C, no prompts, no hooks, no optional locks).
 *
 * Trust: sluice also works on a checkout that belongs to somebody else (git's safe.directory check
 * is switched off), because CI containers do that all the time. What that check guards against is
 * switched off instead, one by one: hooks and the fsmonitor program of the repository's
 * configuration never run. Filter drivers (`filter=` attributes: LFS, crypt) do run, as `git add`
 * and checkout need them; their commands come from configuration files, never from the tree. */
#ifndef SLUICE_GIT_GIT_H
#define SLUICE_GIT_GIT_H

#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Object id in hex, SHA-1 or SHA-256, with terminator. */
#define GIT_ID_MAX 65

/* A tree on disk and where its git objects are kept. A folder that is no git repository gets a
 * private repository in `state`/git, so that snapshots work everywhere. */
struct git_repo {
    char root[4096];    /* top folder of the work tree, absolute, real path */
    char git_dir[4096]; /* its .git, or the private one */
    char state[4096];   /* root/.sluice */
    char objects[4096]; /* object store of git_dir; ours is state/objects */
    bool private_repo;  /* no repository of the user's */
};

/* Finds the top folder from `start`: the nearest folder upwards with a `.git`, else `start` itself.
 * `ret_found` tells whether it is a git repository. */
int git_find_root(const char *start, char *buf, size_t size, bool *ret_found, struct err *err);

/* Opens `root` with state folder root/.sluice (made, with a .gitignore of "*"). -ENOENT: git is not
 * installed or too old (needs 2.38). -EINVAL: it is a bare repository; nothing is made in it. */
int git_open(const char *root, struct git_repo *ret_repo, struct err *err);

/* The snapshot: tracked files as they are on disk plus untracked ones that git does not ignore,
 * without .sluice/ and the `exclude` paths (relative, may be NULL). Written as a git tree into the
 * state folder's own object store; the repository, its index and its refs are not touched. Unmerged
 * entries, unreadable files: errors that name the file.
 * Bytes are those git would commit: line ends and filters as its attributes say. Tracked files that
 * a sparse checkout keeps off the disk are taken from the index. Submodules and other repositories
 * inside the tree are recorded as git does, by their commit: their files are not in the snapshot.
 */
int git_snapshot(const struct git_repo *repo,
                 const char *const *exclude,
                 char tree[GIT_ID_MAX],
                 struct err *err);

/* The same in parts, for who has something else to do while git looks at the tree: about `busy_us`
 * microseconds of processor time. Where that is much and processors are few, git is kept to one of
 * them. `repo` must stay until the end, the list of excluded paths need not. */
struct git_snapshot;

int git_snapshot_begin(const struct git_repo *repo,
                       const char *const *exclude,
                       uint64_t busy_us,
                       struct git_snapshot **ret_snapshot,
                       struct err *err);

/* Would git_snapshot_end() hardly wait? */
bool git_snapshot_is_due(struct git_snapshot *snapshot);

/* Waits for the end. Frees the handle in any case. */
int git_snapshot_end(struct git_snapshot *snapshot, char tree[GIT_ID_MAX], struct err *err);

/* Nobody wants it any more. NULL is accepted. */
void git_snapshot_abandon(struct git_snapshot *snapshot);

/* Makes `folder`/tree hold exactly `tree`, by difference from what it held (index in folder/index).
 * All files and folders get GIT_MTIME as modification time and 0644 or 0755 as mode. What someone
 * changed, added or removed there is repaired. One process at a time per folder: others wait
 * for GIT_FOLDER_WAIT_MS, then get -EBUSY. While it works, folder/dirty exists: whoever finds it
 * there starts anew. */
#define GIT_FOLDER_WAIT_MS 120000     /* a checkout of a million files */
#define GIT_MTIME          1000000000 /* 2001-09-09T01:46:40Z: old enough for every "newer than" test */
int git_materialise(const struct git_repo *repo,
                    const char *tree,
                    const char *folder,
                    struct err *err);

/* Commit id of a revision, or -ENOENT. */
int git_resolve(const struct git_repo *repo,
                const char *revision,
                char id[GIT_ID_MAX],
                struct err *err);

/* Paths of submodules and other repositories recorded in a tree, each ended by NUL, appended to
 * *out. Lists the whole tree: for those who have reason to think that there are some. */
int git_submodules(const struct git_repo *repo, const char *tree, struct str *out, struct err *err);

/* Paths that differ between two trees, NUL-separated, appended to *out. */
int git_diff_names(const struct git_repo *repo,
                   const char *old_tree,
                   const char *new_tree,
                   struct str *out,
                   struct err *err);

/* Where `revision` and HEAD part: the commit that a change is compared with. -ENOENT: no such
 * revision, no common history, or a clone that has only a part of it; the message says what to do.
 */
int git_merge_base(const struct git_repo *repo,
                   const char *revision,
                   char base[GIT_ID_MAX],
                   struct err *err);

/* Lines from 1, both ends included. */
struct git_lines {
    uint32_t first;
    uint32_t last;
};

/* A file of the new tree that is new or differs: `lines` are those of it that are not in the old
 * tree, ascending, none that touch. None for files from which lines only went, whose mode or name
 * changed, that are binary (or said to be so by the attribute `-diff`), links and submodules.
 * Negative stops. */
typedef int (*git_changed_fn)(void *context,
                              const char *path,
                              const struct git_lines *lines,
                              size_t count);

/* What differs between two trees (or commits), by path; deleted files are not told. A renamed file
 * is compared with what it was. -EFBIG beyond 256 MiB of changed lines. */
int git_diff_lines(const struct git_repo *repo,
                   const char *old_tree,
                   const char *new_tree,
                   git_changed_fn each,
                   void *context,
                   struct err *err);

#endif
