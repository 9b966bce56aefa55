/* SPDX-License-Identifier: Apache-2.0 */
/* Folders of a unit's own that lie too deep to be named: their path is longer than PATH_TEXT_MAX,
 * and the kernel does not tell it. Nothing in the private folders of a unit is a question, so no
 * name is needed there; only that a walk stays there must be sure. Each private folder is a mount
 * of its own: a walk goes folder by folder, each held open, and ends the trace (TRACE_INCOMPLETE)
 * where it
 *
 *   comes upon another mount         above or below, its names are questions
 *   would follow a symbolic link     which leads anywhere, and may be changed under the walk
 *   goes up and then down again      names that can be told lie there; others may change them
 *
 * Whoever puts links or moved things into such folders is flagged by ask.c. Folders of the tree and
 * of the machine that are too deep to be named stay incomplete. */
#ifndef SLUICE_OBSERVE_NAMELESS_H
#define SLUICE_OBSERVE_NAMELESS_H

#include "observe/caller.h"

/* Private folders of a unit's world (stage_folders of exec); more are not believed to be private.
 */
#define OWN_FOLDERS_MAX 8

/* The private folders of the present unit, looked at when the first question needs them. */
struct own_folders {
    const char *paths[OWN_FOLDERS_MAX]; /* absolute, each a mount with nothing else mounted below */
    size_t path_count;
    uint64_t mounts[OWN_FOLDERS_MAX];
    size_t count;
    bool known;
};

/* Where a walk stands. */
struct nameless {
    int fd;         /* folder, ours; negative = the walk has names */
    uint64_t mount; /* of the private folder it is in */
    bool went_up;
};

enum nameless_step {
    NAMELESS_ON,    /* it stands in the next folder */
    NAMELESS_END,   /* nothing is there, or what the path ends in: no question */
    NAMELESS_ALIEN, /* it cannot be told what it asks; *ret_why says why */
};

/* Opens a caller's folder (as caller_folder()). 0; -EXDEV when it is in no private folder; negative
 * when it cannot be told. `root` is the unit's root. */
int nameless_at_caller(struct own_folders *own,
                       int root,
                       const struct caller *caller,
                       int dirfd,
                       struct nameless *ret);

/* The same for a folder that has a name: an absolute path of the unit without links. */
int nameless_at_path(struct own_folders *own, int root, const char *path, struct nameless *ret);

/* Walks one component; `last`: nothing follows but "/" and ".", `follow`: a link would be followed.
 */
enum nameless_step nameless_step(struct nameless *at,
                                 const char *name,
                                 size_t len,
                                 bool last,
                                 bool follow,
                                 const char **ret_why);

void nameless_fini(struct nameless *at);

#endif
