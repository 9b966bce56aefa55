/* SPDX-License-Identifier: Apache-2.0 */
/* Many folders at once: whoever knows what will be asked waits for git once for each level of the
 * tree, not once for each folder. */
#include "base/cleanup.h"
#include "base/mem.h"
#include "git/folder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- the folders on the way to some paths ---- */

/* How far the walk to one path has come. */
struct walk {
    struct git_folder *folder;
    const char *rest;         /* NULL = done */
    struct git_node *stopped; /* its child must be read first */
};

struct wanted {
    struct {
        char (*items)[GIT_ID_MAX];
        size_t count;
        size_t cap;
    } ids;
};

/* Goes down as far as folders are known. */
static void walk_on(struct walk *walk)
{
    walk->stopped = NULL;
    while (walk->rest != NULL) {
        const char *name = walk->rest;
        const char *rest = name;
        size_t len = path_component(&rest);
        struct git_node *node = *rest != '\0' ? folder_find(walk->folder, name, len) : NULL;
        if (node == NULL || node->type != GIT_TYPE_FOLDER) {
            walk->rest = NULL; /* the last component, or nothing to read */
        } else if (node->child == NULL) {
            walk->stopped = node;
            return;
        } else {
            walk->folder = node->child;
            walk->rest = rest;
        }
    }
}

static bool same_parent(const char *a, const char *b)
{
    const char *slash = strrchr(a, '/');
    size_t len = slash != NULL ? (size_t)(slash - a) + 1 : 0;
    return strncmp(a, b, len) == 0 && strchr(b + len, '/') == NULL;
}

/* Puts the folder behind a node on the list, unless it is known: then it is hung there. */
static int want_child(struct git_objects *objects, struct git_node *node, struct wanted *wanted)
{
    size_t size = sizeof wanted->ids.items[0];
    if (vec_reserve_one(&wanted->ids.items, &wanted->ids.cap, wanted->ids.count, size) != 0) {
        return -ENOMEM;
    }
    char *hex = wanted->ids.items[wanted->ids.count];
    id_hex(node->id, objects->id_size, hex);
    node->child = folder_known(objects, hex);
    wanted->ids.count += node->child == NULL ? 1 : 0;
    return 0;
}

/* One round: every walk goes on; what stops it is put on the list. */
static int walk_round(struct git_objects *objects,
                      struct walk *walks,
                      size_t count,
                      struct wanted *wanted)
{
    for (size_t i = 0; i < count; i++) {
        walk_on(&walks[i]);
        int rc = walks[i].stopped != NULL ? want_child(objects, walks[i].stopped, wanted) : 0;
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

static int compare_ids(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* Sorted, each once. */
static void make_unique(struct wanted *wanted)
{
    size_t kept = 0;
    char(*ids)[GIT_ID_MAX] = wanted->ids.items;
    qsort(ids, wanted->ids.count, sizeof *ids, compare_ids);
    for (size_t i = 0; i < wanted->ids.count; i++) {
        if (kept == 0 || strcmp(ids[kept - 1], ids[i]) != 0) {
            memmove(ids[kept++], ids[i], sizeof *ids);
        }
    }
    wanted->ids.count = kept;
}

/* Hangs what was read where the walks stopped. */
static void link_children(struct git_objects *objects, struct walk *walks, size_t count)
{
    char hex[GIT_ID_MAX];
    for (size_t i = 0; i < count; i++) {
        if (walks[i].stopped != NULL && walks[i].stopped->child == NULL) {
            id_hex(walks[i].stopped->id, objects->id_size, hex);
            walks[i].stopped->child = folder_known(objects, hex);
        }
    }
}

static bool is_under_way(const struct walk *walks, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (walks[i].stopped != NULL) {
            return true;
        }
    }
    return false;
}

static int walk_all(struct git_objects *objects, struct walk *walks, size_t count, struct err *err)
{
    struct wanted wanted = {0};
    int rc = 0;
    do {
        wanted.ids.count = 0;
        rc = walk_round(objects, walks, count, &wanted);
        if (rc != 0) {
            (void)err_set(err, rc, "not enough memory to read git trees");
        } else if (wanted.ids.count > 0) {
            make_unique(&wanted);
            rc = folders_read(
                objects, (const char(*)[GIT_ID_MAX])wanted.ids.items, wanted.ids.count, err);
            link_children(objects, walks, count);
        }
    } while (rc == 0 && is_under_way(walks, count));
    mem_free(wanted.ids.items);
    return rc;
}

int git_tree_prefetch(struct git_objects *objects,
                      const struct git_folder *root,
                      const char *const *paths,
                      size_t count,
                      struct err *err)
{
    CLEANUP(cleanup_free) struct walk *walks = mem_calloc(count + 1, sizeof *walks);
    size_t used = 0;
    if (walks == NULL) {
        return err_set(err, -ENOMEM, "not enough memory to read git trees");
    }
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || !same_parent(paths[i - 1], paths[i])) {
            walks[used++] = (struct walk){
                .folder = (struct git_folder *)(uintptr_t)root,
                .rest = paths[i],
            };
        }
    }
    return walk_all(objects, walks, used, err);
}

/* ---- all folders of a tree ---- */

/* Folders whose children are to be read next. */
struct level {
    VEC_FIELDS(struct git_folder *);
};

/* Ids of the children of one folder that are not known. */
static int want_children(struct git_objects *objects,
                         struct git_folder *folder,
                         struct wanted *wanted)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < folder->count; i++) {
        struct git_node *node = &folder->nodes[i];
        if (node->type == GIT_TYPE_FOLDER && node->child == NULL) {
            rc = want_child(objects, node, wanted);
        }
    }
    return rc;
}

/* The children of one folder, which were read, onto the next level. */
static int take_children(struct git_objects *objects, struct git_folder *folder, struct level *next)
{
    char hex[GIT_ID_MAX];
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < folder->count; i++) {
        struct git_node *node = &folder->nodes[i];
        if (node->type != GIT_TYPE_FOLDER) {
            continue;
        }
        if (node->child == NULL) {
            id_hex(node->id, objects->id_size, hex);
            node->child = folder_known(objects, hex);
        }
        /* NOLINTNEXTLINE(bugprone-sizeof-expression): a list of pointers */
        rc = node->child != NULL ? vec_push(next, node->child) : 0;
    }
    return rc;
}

/* Reads what lies right below one level. */
static int read_level(struct git_objects *objects,
                      const struct level *level,
                      struct wanted *wanted,
                      struct err *err)
{
    int rc = 0;
    wanted->ids.count = 0;
    for (size_t i = 0; rc == 0 && i < level->count; i++) {
        rc = want_children(objects, level->items[i], wanted);
    }
    if (rc != 0 || wanted->ids.count == 0) {
        return rc;
    }
    make_unique(wanted);
    return folders_read(
        objects, (const char(*)[GIT_ID_MAX])wanted->ids.items, wanted->ids.count, err);
}

int git_tree_read_all(struct git_objects *objects,
                      const struct git_folder *root,
                      size_t max,
                      struct err *err)
{
    struct level level = {0};
    struct wanted wanted = {0};
    size_t read = 0;
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): a list of pointers */
    int rc = vec_push(&level, (struct git_folder *)(uintptr_t)root);
    while (rc == 0 && level.count > 0 && read < max) {
        struct level next = {0};
        rc = read_level(objects, &level, &wanted, err);
        for (size_t i = 0; rc == 0 && i < level.count; i++) {
            rc = take_children(objects, level.items[i], &next);
        }
        read += wanted.ids.count;
        vec_fini(&level);
        level = next;
    }
    vec_fini(&level);
    mem_free(wanted.ids.items);
    return rc != -ENOMEM ? rc : err_set(err, rc, "not enough memory to read git trees");
}
