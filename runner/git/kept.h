/* SPDX-License-Identifier: Apache-2.0 */
/* Indexes kept from one snapshot to the next. Inside of the git module only.
 *
 * A kept index has the entries of the user's index as the snapshot prepares it (same paths, modes
 * and ids), with fresher stat data and git's cache of trees: starting from it gives what starting
 * from the user's gives, by construction, whatever happened to the files since; only without asking
 * about bits, excluded paths and unfinished merges again, and without reading files whose stat data
 * was stale. What the snapshot added is in it, too, with records of what that rests on
 * (git/changes.h): only while all of it is the same the index is taken, so that neither files that
 * git does not know nor edits that are not in its index cost anything the next time. It is found by
 * a key of all that decides about its entries: the user's index file (stat data and its own
 * checksum), the excluded paths, the boot (files are not synced), and the stat data of the
 * configuration files that decide how bytes are converted.
 *
 * git compares times in whole seconds: an entry whose file was written in the second the index was
 * written in, or later, is "racily clean" and its file is read each time. A kept index is dated
 * with the start of the snapshot that made it, because what changes between git's reading of a file
 * and its writing of the index would be hidden otherwise. One that was just made is young: many
 * files may be as young. A later snapshot settles it by writing it again.
 *
 * One file each, state/objects/kept/KEY.TREE.CHANGES.AGE, with the records in KEY.CHANGES (named by
 * their digest); they go with the objects when they are dropped. Files appear by rename and are
 * taken by hard link, and git replaces an index by rename only, so no process ever sees a part of
 * one or changes another's. */
#ifndef SLUICE_GIT_KEPT_H
#define SLUICE_GIT_KEPT_H

#include "base/hash.h"
#include "base/str.h"
#include "git/git.h"

#include <limits.h>
#include <stdbool.h>
#include <time.h>

/* Kept at once: a run with a report, one without, and a plan leave out different paths. An index
 * takes about 100 bytes a file: 100 MB each for a million files. */
#define KEPT_MAX 3

struct kept {
    const struct git_repo *repo;
    char folder[PATH_MAX];
    char key[HASH_HEX_SIZE]; /* "" = this snapshot keeps nothing */
};

/* The key for the index open as `index_fd` and these excluded paths. What cannot be found out
 * leaves the key empty: the snapshot is slower, not wrong. */
void kept_init(struct kept *kept,
               const struct git_repo *repo,
               int index_fd,
               const char *const *exclude,
               size_t exclude_count);

struct kept_index {
    char tree[GIT_ID_MAX]; /* of its entries; "" = not known */
    bool young;
    struct str changes; /* git/changes.h; empty = the entries are those of the user's index */
};

/* Links the kept index to `index` (which does not exist). True when there is one that serves; then
 * *ret_taken is to be freed with kept_index_fini(). */
bool kept_take(const struct kept *kept, const char *index, struct kept_index *ret_taken);

void kept_index_fini(struct kept_index *what);

/* Keeps `index`, which is moved away; `start` = when the snapshot began, by the clock of the file
 * system. Not kept is one whose changes rest on something that was touched since. Removes what is
 * beyond KEPT_MAX, oldest first. Failing is no harm. */
void kept_put(const struct kept *kept,
              const char *index,
              const struct kept_index *what,
              const struct timespec *start);

/* Removes what is kept under this key. */
void kept_drop(const struct kept *kept);

/* Removes all that is kept in this state folder. */
void kept_drop_all(const struct git_repo *repo);

#endif
