/* SPDX-License-Identifier: Apache-2.0 */
/* What a kept index (git/kept.h) has that the user's has not: entries that `git add` put in,
 * changed or took out. Inside of the git module only.
 *
 * Starting from such an index must give what starting from the user's gives. It does while git
 * would still decide the same about those entries, which rests on more than the files themselves:
 *
 *   - a file that is in the index stays there when an ignore file begins to name it, and its bytes
 *     are not converted anew when its attributes change: so the ignore and attribute files of all
 *     folders above such a file are looked at, and those that configuration names;
 *   - files that are in the index hide that a folder above them has become a repository of its own;
 *   - a file that was taken out counts as a new one when it comes back, which may be ignored.
 *
 * Records, each ended by NUL: 'd' and a folder of the tree ("" = its top), 'r' and a path that was
 * taken out, 'f' and a file outside of the tree's folders. None: there are no changes. */
#ifndef SLUICE_GIT_CHANGES_H
#define SLUICE_GIT_CHANGES_H

#include "base/hash.h"
#include "base/str.h"
#include "git/git.h"

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

/* Bytes of records: some 50,000 folders. With more the next snapshot starts from the user's index.
 */
#define CHANGES_MAX (4u << 20)

/* Adds to `records` what `git add -v` told in `words`. *ret_count (may be NULL): how many entries.
 * -EAGAIN: a path that was taken out is there again; that snapshot has to start from the user's
 * index. -EINVAL: something that records cannot tell (a repository inside of the tree, a name with
 * a line end): the index is as good as ever, but must not be kept. Then, and when memory is short
 * (-ENOMEM, -EFBIG), `records` are worth nothing. */
int changes_add(struct str *records,
                const struct git_repo *repo,
                const char *words,
                size_t *ret_count);

/* Adds the files outside of the tree that decide what is ignored and how bytes are converted.
 * Negative: they cannot be told. */
int changes_add_files(struct str *records, const struct git_repo *repo);

/* A digest over all that the entries rest on, as it is now. False: it cannot be told, or a path
 * that was taken out is there again, or something was touched at `before` or later (NULL: no
 * matter). */
bool changes_look(const struct str *records,
                  const struct git_repo *repo,
                  const struct timespec *before,
                  struct hash *ret_digest);

#endif
