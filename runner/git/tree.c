/* SPDX-License-Identifier: Apache-2.0 */
/* A folder is read when a question first reaches it and hangs from the entry it was reached
 * through; a map by id makes the same folder in two trees one. */
#include "git/tree.h"

#include "git/call.h"
#include "git/folder.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

size_t git_id_size(const struct git_objects *objects)
{
    return objects->id_size;
}

char *git_id_hex(const struct git_objects *objects, const unsigned char *id, char buf[GIT_ID_MAX])
{
    assert(objects->id_size != 0);
    id_hex(id, objects->id_size, buf);
    return buf;
}

/* ---- reading a folder ---- */

static int add_folder(
    struct git_objects *objects, const char *hex, const char *bytes, size_t len, struct err *err)
{
    struct git_folder *folder = NULL;
    int rc = folder_new(hex, bytes, len, objects->id_size, &folder);
    if (rc == 0) {
        rc = map_add(&objects->folders, folder->hex, (uintptr_t)folder);
    }
    if (rc == 0) {
        return 0;
    }
    folder_free(folder); /* 1: it was there already, asked for twice in one group */
    if (rc == -EBADMSG) {
        return err_set(err, rc, "git tree %s is damaged; run `git fsck`", hex);
    }
    return rc > 0 ? 0 : err_set(err, rc, "not enough memory to read git trees");
}

struct folder_wanted {
    struct git_objects *objects;
    const char (*ids)[GIT_ID_MAX];
};

static int take_folder(
    void *context, size_t index, const struct object_head *head, const char *bytes, struct err *err)
{
    const struct folder_wanted *wanted = context;
    const char *hex = wanted->ids[index];
    if (strcmp(head->type, "tree") != 0) {
        return err_set(err,
                       -ENOENT,
                       "%s is %s, not a tree in the repository %s",
                       hex,
                       head->type[0] == '\0' ? "nowhere to be found" : head->type,
                       wanted->objects->repo->root);
    }
    return add_folder(wanted->objects, hex, bytes, (size_t)head->size, err);
}

int folders_read(struct git_objects *objects,
                 const char (*ids)[GIT_ID_MAX],
                 size_t count,
                 struct err *err)
{
    struct folder_wanted wanted = {.objects = objects, .ids = ids};
    const struct object_request request = {
        .ids = ids,
        .count = count,
        .size_max = GIT_FOLDER_BYTES_MAX,
        .each = take_folder,
        .context = &wanted,
    };
    return objects_ask(objects, &request, err);
}

struct git_folder *folder_known(const struct git_objects *objects, const char *hex)
{
    uintptr_t value = 0;
    return map_get(&objects->folders, hex, &value) == 1 ? (struct git_folder *)value : NULL;
}

static int folder_by_hex(struct git_objects *objects,
                         const char *hex,
                         struct git_folder **ret_folder,
                         struct err *err)
{
    struct git_folder *folder = folder_known(objects, hex);
    if (folder == NULL) {
        char ids[1][GIT_ID_MAX];
        memcpy(ids[0], hex, strlen(hex) + 1);
        int rc = folders_read(objects, (const char(*)[GIT_ID_MAX])ids, 1, err);
        if (rc != 0) {
            return rc;
        }
        folder = folder_known(objects, hex);
        assert(folder != NULL);
    }
    *ret_folder = folder;
    return 0;
}

int git_tree_open(struct git_objects *objects,
                  const char *tree,
                  const struct git_folder **ret_root,
                  struct err *err)
{
    if (!git_is_id(tree)) {
        return err_set(err, -EINVAL, "'%s' is no tree id", tree);
    }
    assert(objects->id_size == 0 || strlen(tree) == 2 * objects->id_size);
    objects->id_size = strlen(tree) / 2;
    struct git_folder *folder = NULL;
    int rc = folder_by_hex(objects, tree, &folder, err);
    if (rc == 0) {
        *ret_root = folder;
    }
    return rc;
}

static int open_child(struct git_objects *objects, struct git_node *node, struct err *err)
{
    char hex[GIT_ID_MAX];
    if (node->child != NULL) {
        return 0;
    }
    id_hex(node->id, objects->id_size, hex);
    return folder_by_hex(objects, hex, &node->child, err);
}

int git_folder_open(struct git_objects *objects,
                    const struct git_entry *entry,
                    const struct git_folder **ret_folder,
                    struct err *err)
{
    struct git_node node = {.id = entry->id};
    assert(entry->type == GIT_TYPE_FOLDER);
    int rc = open_child(objects, &node, err);
    if (rc == 0) {
        *ret_folder = node.child;
    }
    return rc;
}

/* ---- walking ---- */

size_t path_component(const char **path)
{
    const char *at = *path;
    size_t len = strcspn(at, "/");
    *path = at[len] == '/' ? at + len + 1 : at + len;
    return len;
}

static enum git_presence presence_of(enum git_type type)
{
    switch (type) {
    case GIT_TYPE_LINK:
        return GIT_BEHIND_LINK;
    case GIT_TYPE_FILE:
    case GIT_TYPE_EXECUTABLE:
        return GIT_BLOCKED;
    case GIT_TYPE_SUBMODULE: /* an empty folder: nothing is in it, but it blocks nothing */
        return GIT_ABSENT;
    case GIT_TYPE_FOLDER:
        break;
    }
    return GIT_PRESENT;
}

/* One component: what it is, and the folder to go on in. 1: the walk is over. */
static int step(struct git_objects *objects,
                const struct git_folder **folder,
                const char *name,
                bool last,
                struct git_found *found,
                struct err *err)
{
    struct git_node *node = folder_find(*folder, name, strcspn(name, "/"));
    found->presence = node == NULL ? GIT_ABSENT : last ? GIT_PRESENT : presence_of(node->type);
    if (node == NULL || last || found->presence != GIT_PRESENT) {
        if (node != NULL) {
            node_entry(node, &found->entry);
        }
        return 1;
    }
    int rc = open_child(objects, node, err);
    *folder = node->child;
    return rc;
}

int git_tree_find(struct git_objects *objects,
                  const struct git_folder *root,
                  const char *path,
                  struct git_found *ret_found,
                  struct err *err)
{
    const struct git_folder *folder = root;
    struct git_found found = {
        .presence = GIT_PRESENT,
        .entry = {.type = GIT_TYPE_FOLDER, .name = "", .id = root->id},
    };
    const char *start = strcmp(path, ".") == 0 ? "" : path;
    const char *at = start;
    int rc = 0;
    while (rc == 0 && *at != '\0') {
        const char *name = at;
        size_t len = path_component(&at);
        found.reached = (size_t)(name - start) + len;
        rc = step(objects, &folder, name, *at == '\0', &found, err);
    }
    if (rc >= 0) {
        *ret_found = found;
    }
    return rc < 0 ? rc : 0;
}
