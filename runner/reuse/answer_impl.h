/* SPDX-License-Identifier: Apache-2.0 */
/* How a state finds what a path of the world is. Inside of the reuse module. */
#ifndef SLUICE_REUSE_ANSWER_IMPL_H
#define SLUICE_REUSE_ANSWER_IMPL_H

#include "base/limits.h"
#include "base/map.h"
#include "base/vec.h"
#include "model/world.h"
#include "reuse/host.h"

/* One entry of `expose`. */
struct exposure {
    char *world;  /* where it is in the world, without a final slash */
    char *source; /* real path on the machine; NULL = it is not there, so nothing is exposed */
    char *asked;  /* path on the machine as it was written, to look again */
};

/* A folder of the tree and products, as the merged view has it. */
struct spot {
    char *path; /* relative to the root; "" = the root */
    enum git_presence presence;
    const struct git_folder *tree; /* NULL = nothing of the tree is visible here */
    bool products;                 /* products lie below */
    bool salted;                   /* files here may be converted */
    bool broken; /* it could not be read: nothing here is known, not even absence */
    struct hash salt;
};

/* What a name in such a folder is. */
enum child_kind {
    CHILD_NONE,
    CHILD_TREE,    /* entry: file, link or submodule */
    CHILD_PRODUCT, /* product: file or link */
    CHILD_FOLDER,  /* of either or both */
};

struct child {
    enum child_kind kind;
    struct git_entry entry;        /* CHILD_TREE; CHILD_FOLDER when `in_tree` */
    const struct product *product; /* CHILD_PRODUCT */
    bool in_tree;                  /* CHILD_FOLDER: the tree has it too */
    bool products;                 /* CHILD_FOLDER: products lie below */
};

struct answers {
    struct git_objects *objects;
    struct host *host;
    const struct answer_state *state;
    const struct git_folder *root; /* NULL = no tree */
    struct hash config_salt;
    bool always_converted;
    bool root_is_in_system;

    struct {
        VEC_FIELDS(struct exposure);
    } exposed;

    struct map spots; /* path -> struct spot */

    struct {
        VEC_FIELDS(struct spot *);
    } all_spots;
    const struct spot *last; /* the one asked for last: questions come sorted by path */

    struct hasher *hasher;
};

/* Is `path` at or below `folder`? */
bool path_is_below(const char *path, const char *folder);

/* ---- merged.c: the tree under the products ---- */

/* The folder that holds `path` (relative to the root). */
int merged_parent(struct answers *answers,
                  const char *path,
                  const struct spot **ret_spot,
                  struct err *err);

/* A folder itself. */
int merged_folder(struct answers *answers,
                  const char *path,
                  size_t len,
                  const struct spot **ret_spot,
                  struct err *err);

/* What `path` is in the folder that holds it. */
void merged_child(const struct answers *answers,
                  const struct spot *parent,
                  const char *path,
                  struct child *ret_child);

/* Is the path a folder on the way to an exposed entry, made for it if need be? */
bool merged_leads_to_exposed(const struct answers *answers, const char *path);

/* First product whose path is not less than `path`. */
size_t merged_lower_bound(const struct manifest *products, const char *path, size_t len);

/* Answers D and R of a folder of the merged view. */
int merged_listing(struct answers *answers,
                   const struct spot *folder,
                   struct answer *ret_answer,
                   struct err *err);
int merged_subtree(struct answers *answers,
                   const struct spot *folder,
                   struct answer *ret_answer,
                   struct err *err);

/* The whole answer to a question about a path below the root that the machine does not answer. */
int merged_answer(struct answers *answers,
                  enum observation_kind kind,
                  const char *path,
                  struct answer *ret_answer,
                  struct err *err);

/* The blob whose size the answer to T needs; false = none. */
bool merged_needs_size(const struct answers *answers,
                       const struct spot *parent,
                       const char *path,
                       const unsigned char **ret_id);

/* ---- answer.c ---- */

/* The exposed entry that covers a path of the world; NULL = none. */
const struct exposure *exposure_of(const struct answers *answers, const char *path);

/* Where on the machine the answer comes from, or the name of the fact: 1, 0 = not from there. */
int answers_host_path(const struct answers *answers,
                      const struct observation *asked,
                      char *buf,
                      size_t size);

/* The answer of the machine for a path of which the first base_len bytes exist. */
int host_answer(struct answers *answers,
                enum observation_kind kind,
                const char *path,
                size_t base_len,
                struct answer *ret_answer,
                struct err *err);

#endif
