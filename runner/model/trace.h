/* SPDX-License-Identifier: Apache-2.0 */
/* What a unit asked of its world, and what it left there: plain data, no answers. A trace is the
 * set of questions; the answers are computed from the immutable state the run was given
 * (design section 5), never taken from the process. */
#ifndef SLUICE_MODEL_TRACE_H
#define SLUICE_MODEL_TRACE_H

#include "base/hash.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One kind of question. The value is its letter in storage and in messages. What the answer to each
 * is, is told in reuse/answer.h; C answers all that T does, T all that X does, D that it is a
 * folder, R everything below. */
enum observation_kind {
    OBSERVE_EXISTS = 'X',  /* is something there, and is it a link */
    OBSERVE_TYPE = 'T',    /* type, exec bit, size */
    OBSERVE_LINK = 'L',    /* target of a symbolic link, or that it is none */
    OBSERVE_CONTENT = 'C', /* type, exec bit and content of a file */
    OBSERVE_LISTING = 'D', /* sorted names and types in a folder */
    OBSERVE_SUBTREE = 'R', /* everything below a folder */
    OBSERVE_HOST = 'H',    /* a fact of the host: path is its name, "uname", "ncpu", ... */
};

/* `path` is absolute in the unit's world ("/src/a.c", "/usr/include/stdio.h"), lexically clean, and
 * no component but the last was a link when it was asked. Any bytes but NUL. */
struct observation {
    enum observation_kind kind;
    const char *path;
};

/* Why a run cannot become evidence; bits. */
enum trace_flag {
    TRACE_INCOMPLETE = 1 << 0, /* a question may have been missed */
    TRACE_ESCAPED = 1 << 1,    /* it left its namespaces or mounted something */
    TRACE_NET = 1 << 2,        /* it reached for a socket outside its world */
    TRACE_FOREIGN = 1 << 3,    /* it insisted on a refused interface: foreign ABI, io_uring */
};

#define TRACE_FLAG_COUNT 4
extern const char *const trace_flag_names[TRACE_FLAG_COUNT]; /* "incomplete", "escaped", ... */

struct trace {
    const struct observation *items; /* canonical: sorted by path (bytes), then kind; no duplicates;
                                        nothing that another one of the same path answers */
    size_t count;
    unsigned flags;  /* enum trace_flag bits; any = never stored */
    const char *why; /* sentence for the first flag that was set; NULL = none */
    uint64_t calls;  /* system calls that were looked at */
};

/* One file a unit left under its layer's outputs, or a folder or link among them. */
struct product {
    const char *path; /* relative to the root */
    uint32_t mode;    /* as st_mode: S_IFREG, S_IFLNK or S_IFDIR, and 0644, 0755 or 0777 */
    uint64_t size;
    struct hash digest; /* SHA-256 of content or link target; zero for folders */
};

/* Everything a unit (or a set of units) left: sorted by path, each path once. */
struct manifest {
    const struct product *items;
    size_t count;
};

#endif
