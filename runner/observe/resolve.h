/* SPDX-License-Identifier: Apache-2.0 */
/* Walks a path as the kernel will for the caller, in the unit's merged view, and notes what the way
 * itself asks:
 *
 *   a link on the way             L(link), then on with its target (40 of them at most)
 *   a component left by ".."      T(component): it must be a folder
 *   a component that is missing,  X(the rest of the path as it is written): the answer is "absent"
 *   or no folder                  until something appears there
 *   /proc/PID/{cwd,root,exe,fd}   followed by what the kernel says; nothing noted
 *
 * What it lands on is noted by the caller of resolve(), as the system call demands. In private
 * folders that are too deep to be named the walk goes on by descriptor (nameless.h).
 *
 * What was seen once is believed (struct place), because nothing but the unit changes its view, and
 * the calls with which it puts or takes names are seen before they happen: those places are
 * `unstable` from then on. Two exceptions, looked up every time outside read-only folders: missing
 * components and files on the way of a path, since mkdir(2) marks nothing. */
#ifndef SLUICE_OBSERVE_RESOLVE_H
#define SLUICE_OBSERVE_RESOLVE_H

#include "base/limits.h"
#include "observe/caller.h"
#include "observe/nameless.h"
#include "observe/observer.h"
#include "observe/recorder.h"

/* As MAXSYMLINKS of Linux. */
#define LINK_HOPS_MAX 40

/* Text still to walk: a path, and targets of links in front of it. Beyond: the trace is
 * incomplete. */
#define WALK_TEXT_MAX (4 * PATH_TEXT_MAX)

/* Links of one walk that are remembered for races (race.h); a walk of more counts as touching
 * everything. */
#define TOUCHED_MAX 8

struct resolver {
    struct recorder *recorder;
    int root;                        /* folder: the unit's root */
    int layers[OBSERVED_LAYERS_MAX]; /* folders: the pristine layers of the tree */
    size_t layer_count;
    struct place *tree;
    struct place *proc;
    struct own_folders own;
    struct place *nameless; /* stands for all of the unit's own folders that are too deep to name */
    /* The folder that was last told for a caller, and its place: the next relative path mostly
     * begins there again. What a text means as a place never changes; what lies there may. */
    struct place *base;
    char base_text[PATH_TEXT_MAX];
};

struct path_question {
    const struct caller *caller;
    struct place *base; /* where a relative path begins; NULL = at `dirfd` */
    int dirfd;          /* as in the system call; used when the path is relative */
    const char *path;
    bool follow;  /* a link at the end is followed */
    bool in_root; /* RESOLVE_IN_ROOT: the base is the root of the walk */
};

/* Where a walk ended. */
struct landing {
    struct place *place;       /* NULL: it asks nothing more */
    const struct place *reach; /* the furthest place it named: `place`, or what a walk that was
                                  blocked asked about; NULL after too many links */
    bool fixed;                /* it never left read-only folders: it will always end here */
    bool is_folder_wanted;     /* it ended in "/" or "/.": what lies there must be a folder */
    bool by_descriptor;        /* it is an open file, not one by name: it may have none any more */
    bool is_nameless;          /* it is in such a folder: no question, but what is put there is */
    unsigned touched_count;
    const struct place *touched[TOUCHED_MAX]; /* links followed */
};

void resolve(struct resolver *resolver, const struct path_question *question, struct landing *ret);

/* The place of resolver.nameless; NULL when there is no room. */
struct place *resolve_nameless(struct recorder *recorder);

/* The folder a relative path of this caller begins in; `resolver->nameless` for one of the unit's
 * own without a name; NULL when it has none (a closed descriptor, a pipe). */
struct place *resolve_base(struct resolver *resolver, const struct caller *caller, int dirfd);

/* What lies at a place now, from memory where that is sound. */
enum place_state resolve_state(struct resolver *resolver, struct place *place);

/* Notes a question about a place (recorder_ask()), after it has looked what the pristine state has
 * there and above. */
void resolve_ask(struct resolver *resolver, struct place *place, unsigned asked);

/* What the pristine layers have at a place of the tree. */
enum place_pristine resolve_pristine(struct resolver *resolver, struct place *place);

#endif
