/* SPDX-License-Identifier: Apache-2.0 */
/* Files and facts of the machine, each looked at once a run. Inside of the reuse module. */
#ifndef SLUICE_REUSE_HOST_H
#define SLUICE_REUSE_HOST_H

#include "base/hash.h"
#include "base/map.h"
#include "base/vec.h"
#include "reuse/answer.h"

#include <sys/stat.h>

/* Nodes below a folder whose whole subtree was asked for. A larger one (node_modules of a large
 * project has 200,000) is not walked: its answer is volatile. */
#define HOST_SUBTREE_MAX (1u << 20)

/* Names in one folder; beyond, its listing is volatile. */
#define HOST_LISTING_MAX (1u << 20)

/* A time stamp this little before a unit started may still be of a change during its run: the
 * kernel's coarse clock lags behind by up to 10 ms (CONFIG_HZ=100). */
#define HOST_CLOCK_SLACK_MS 50

/* A file that changed this little before it was looked at may have changed again right after, and
 * have the same size and the same times: those are of the kernel's coarse clock, which moves every
 * 10 ms (CONFIG_HZ=100); twice that. */
#define HOST_CLOCK_TICK_MS 20

enum host_presence {
    HOST_PRESENT,
    HOST_ABSENT,
    HOST_BLOCKED,
    HOST_BEHIND_LINK,
    HOST_UNSEEN, /* we may not look */
};

/* One path of the machine, as lstat(2) saw it. */
struct host_node {
    char *path;
    struct host_node *parent; /* NULL: the place it was asked from */
    struct file_stamp stamp;
    int64_t born_ns; /* 0 = the file system does not know. Numbers of inodes are used again */
    int64_t seen_ms; /* wall clock, before it was looked at */
    mode_t mode;     /* 0 = not there */
    uint8_t owner;   /* host_owner() */
    bool unseen;
    bool digest_known;
    bool listing_known;
    bool subtree_known;
    struct answer digest;  /* content or target */
    struct answer listing; /* names and types */
    struct answer subtree; /* everything below */
};

/* What was asked once by a name. */
struct host_kept {
    char *name;
    char *real; /* of a place: where it leads; NULL = nowhere */
    struct answer fact;
};

struct host {
    struct answer_memo memo;
    struct hasher *hasher;
    struct map nodes;  /* path -> struct host_node */
    struct map places; /* path -> struct host_kept */
    struct map facts;  /* name -> struct host_kept */

    struct {
        VEC_FIELDS(struct host_kept *);
    } kept;

    struct {
        VEC_FIELDS(struct host_node *);
    } all;
};

/* What is at `path` (absolute, lexically clean), of which the first `base_len` bytes are a place
 * that exists; what lies below it is reached without links. *ret_node: the node, or for what is not
 * present the one that decided. */
int host_find(struct host *host,
              const char *path,
              size_t base_len,
              enum host_presence *ret_presence,
              const struct host_node **ret_node,
              struct err *err);

/* Content of a file or target of a link: an answer's digest part, or ANSWER_UNSEEN,
 * ANSWER_VOLATILE. */
int host_digest(struct host *host,
                const struct host_node *node,
                struct answer *ret_answer,
                struct err *err);

/* Names and types of a folder, in the form of git_folder_listing(). */
int host_listing(struct host *host,
                 const struct host_node *node,
                 struct answer *ret_answer,
                 struct err *err);

/* Everything below a folder, as it is now: walked each time. *ret_newest_ms: the newest change time
 * in it. */
int host_subtree(struct host *host,
                 const struct host_node *node,
                 struct answer *ret_answer,
                 int64_t *ret_newest_ms,
                 struct err *err);

/* The same as it was when this was first asked: what the answers of this run rest on. */
int host_subtree_once(struct host *host,
                      const struct host_node *node,
                      struct answer *ret_answer,
                      struct err *err);

/* 1 = everything below the folder is as host_subtree_once() told it, and did not change at or after
 * since_ms; 0 = it may have. The folder itself: host_recheck(). */
int host_subtree_recheck(struct host *host, const struct host_node *node, int64_t since_ms);

/* 1 = as it was, and not changed at or after since_ms unless seen before; 0 = it may have been. */
int host_recheck(struct host *host, const char *path, size_t base_len, int64_t since_ms);

/* Where a path leads, over all links, when it was first asked; what lies there is looked at then,
 * too. *ret_real: NULL = nowhere; lives as long as the host. */
int host_place(struct host *host, const char *path, const char **ret_real, struct err *err);

/* Keeps `kept` (zeroed but for its content) under a name in one of the maps; it belongs to the host
 * then. -ENOMEM: it was freed. */
int host_keep(struct host *host, struct map *map, const char *name, struct host_kept *kept);

/* A fact by its name: "uname", "ncpu", "proc:filesystems", ..., as it was when first asked. */
int host_fact(struct host *host, const char *name, struct answer *ret_answer, struct err *err);

/* 1 = the fact is what it was when first asked, which is now if nobody did; 0 = it is not. */
int host_fact_recheck(struct host *host, const char *name, struct err *err);

/* What a unit sees of who may do what: the permissions (12 bits), then two bits each for the owner
 * and the group: 0 = root's, 1 = ours, 2 = another's. Numbers differ among machines that share
 * evidence. */
uint16_t host_permissions(const struct host_node *node);

/* The upper four bits of these. */
uint8_t host_owner(uid_t uid, gid_t gid);

/* 'f', 'l', 'd' or 's'. */
char host_type_letter(mode_t mode);

void answer_set(struct answer *answer, enum answer_tag tag, const void *bytes, size_t len);

#endif
