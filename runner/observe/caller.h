/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that waits for our answer: its memory and what /proc says about it. Everything read
 * here was written by the unit; nothing is believed beyond its bounds. */
#ifndef SLUICE_OBSERVE_CALLER_H
#define SLUICE_OBSERVE_CALLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct caller {
    pid_t pid;            /* thread id in our pid namespace */
    int proc;             /* folder: a /proc of our pid namespace */
    const uint64_t *args; /* the call's six arguments */
    /* Before the unit's very first execve(2) its memory and folders are closed to us; these were
     * handed over. Else NULL. */
    const char *program;
    const char *folder;
};

/* Reads a text of at most size - 1 bytes. Its length; -ENAMETOOLONG; -EFAULT where the kernel would
 * say so too (then nothing is asked); other errors: it could not be read. */
int caller_text(const struct caller *caller, uint64_t address, char *buf, size_t size);

/* Reads exactly `size` bytes. 0 or negative, as above. */
int caller_bytes(const struct caller *caller, uint64_t address, void *buf, size_t size);

/* Where a link in its /proc folder leads ("cwd", "fd/3"), without the mark of a deleted name.
 * Length, or negative: -ENOENT when it has no such thing. */
int caller_link(const struct caller *caller, const char *name, char *buf, size_t size);

/* Where its working folder (AT_FDCWD) or a descriptor leads. As caller_link(). */
int caller_folder(const struct caller *caller, int dirfd, char *buf, size_t size);

/* Takes " (deleted)" off the end of `text` (len bytes), which a link of /proc says, unless that is
 * a part of the name: what lies there is what the link leads to. `link` is the link and `root` what
 * its process has as "/", both below the folder `from`. New length. */
size_t link_strip_deleted(int from, const char *link, const char *root, char *text, size_t len);

/* True while the thread exists. */
bool thread_exists(int proc, pid_t tid);

#endif
