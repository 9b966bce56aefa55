/* SPDX-License-Identifier: Apache-2.0 */
/* Paths inside /proc. The folders of processes say nothing about the unit's inputs, but some of
 * their links lead back to files; the other files are facts of the host. */
#ifndef SLUICE_OBSERVE_PROC_PATH_H
#define SLUICE_OBSERVE_PROC_PATH_H

#include "observe/caller.h"
#include "observe/recorder.h"

struct proc_question {
    const struct caller *caller;
    int root;         /* folder: the unit's root, for processes by number */
    const char *base; /* where in /proc the walk stands: "", "/12/fd" */
    const char *rest; /* what is still to walk */
    bool follow;      /* a link at the end is followed */
};

/* Walks inside /proc. When it comes upon a link to a file or folder that is followed, returns the
 * length of its absolute path (put into buf) and how much of `rest` is used. 0: the walk ends here;
 * a fact has been noted where one was asked for. */
int proc_path(struct recorder *recorder,
              const struct proc_question *question,
              char *buf,
              size_t size,
              size_t *ret_used);

#endif
