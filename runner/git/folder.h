/* SPDX-License-Identifier: Apache-2.0 */
/* Folders as they are kept, shared by folder.c, tree.c, tree_ahead.c and blob.c. Inside of the git
 * module only. */
#ifndef SLUICE_GIT_FOLDER_H
#define SLUICE_GIT_FOLDER_H

#include "git/objects.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One entry. */
struct git_node {
    const char *name;
    const unsigned char *id;
    struct git_folder *child; /* NULL = not read yet */
    uint32_t name_len;
    enum git_type type;
};

/* One tree object. */
struct git_folder {
    char hex[GIT_ID_MAX]; /* key in the map */
    unsigned char id[GIT_RAW_ID_MAX];
    char *bytes; /* the object; names and ids point into it */
    struct git_node *nodes;
    size_t count;
    uint64_t *index; /* open addressing by name: hash << 32 | node + 1; NULL = not made yet */
    size_t index_mask;
    bool listing_known;
    struct hash listing;
};

/* ---- folder.c: one folder, whatever lies behind its entries ---- */

/* Splits a tree object. -EBADMSG: it is damaged. */
int folder_new(
    const char *hex, const char *bytes, size_t len, size_t id_size, struct git_folder **ret_folder);

/* NULL is accepted. */
void folder_free(struct git_folder *folder);

/* The entry of a name, or NULL. */
struct git_node *folder_find(const struct git_folder *folder, const char *name, size_t len);

void node_entry(const struct git_node *node, struct git_entry *ret_entry);

/* Binary ids of `size` bytes as text, and back. */
void id_hex(const unsigned char *id, size_t size, char buf[GIT_ID_MAX]);
void id_raw(const char *hex, size_t size, unsigned char *id);

/* ---- tree.c: folders that are known, and how one is come by ---- */

/* The folder that was read already, or NULL. */
struct git_folder *folder_known(const struct git_objects *objects, const char *hex);

/* Reads folders, all in one go; each is known then. -ENOENT: one is no tree. */
int folders_read(struct git_objects *objects,
                 const char (*ids)[GIT_ID_MAX],
                 size_t count,
                 struct err *err);

/* The length of the next component of *path, which moves behind it and its slash; 0 at the end. */
size_t path_component(const char **path);

#endif
