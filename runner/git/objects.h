/* SPDX-License-Identifier: Apache-2.0 */
/* One long-lived `git cat-file` that hands out objects. Inside of the git module only. */
#ifndef SLUICE_GIT_OBJECTS_H
#define SLUICE_GIT_OBJECTS_H

#include "base/map.h"
#include "base/vec.h"
#include "git/git.h"
#include "git/tree.h"

#include <stdint.h>
#include <sys/types.h>

/* Requests under way at once. With an id of 64 digits each takes 74 bytes: 37 kB, less than any
 * socket buffer holds. */
#define OBJECTS_BATCH_MAX 512

struct object_process {
    pid_t pid; /* 0 = not running */
    int fd;    /* its standard input and output */
    struct str in;
    size_t in_at; /* bytes of `in` that were taken */
};

struct run_child;

struct git_objects {
    const struct git_repo *repo;
    struct object_process process;
    size_t id_size;
    struct map folders;       /* hex id -> struct git_folder */
    struct run_child *asking; /* `git config`, under way; NULL = it is not */
    struct str settings;      /* its words */
    struct str complaints;
    bool config_known;
    bool config_always;
    struct hash config_salt;
    struct map attributes; /* hex id of an attribute file -> 1 names a conversion, 2 does not */

    struct {
        VEC_FIELDS(char *);
    } attribute_ids; /* keys of that map */
};

/* The head of an answer. */
struct object_head {
    char type[16]; /* "tree", "blob", ...; "" = there is no such object */
    uint64_t size;
};

/* Called for each object in the order asked; `bytes` is NULL for those that are missing and when
 * only heads were asked for. Negative ends it. */
typedef int object_each(void *context,
                        size_t index,
                        const struct object_head *head,
                        const char *bytes,
                        struct err *err);

struct object_request {
    const char (*ids)[GIT_ID_MAX];
    size_t count;
    uint64_t size_max; /* larger contents: -EFBIG; 0 = heads only */
    object_each *each;
    void *context;
};

/* Asks for any number of objects; the process is started when it does not run. After a failure it
 * is ended, and started again by the next request. */
int objects_ask(struct git_objects *objects, const struct object_request *request, struct err *err);

#endif
