/* SPDX-License-Identifier: Apache-2.0 */
/* Tree objects: "MODE NAME\0ID" one behind the other, ordered as if folders ended in '/'. A folder
 * is read when a question first reaches it and hangs from the entry it was reached through; a map
 * by id makes the same folder in two trees one. */
#include "git/tree.h"

#include "base/cleanup.h"
#include "base/mem.h"
#include "git/call.h"
#include "git/objects.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct node {
    const char *name;
    const unsigned char *id;
    struct git_folder *child; /* NULL = not read yet */
    uint32_t name_len;
    enum git_type type;
};

struct git_folder {
    char hex[GIT_ID_MAX]; /* key in the map */
    unsigned char id[GIT_RAW_ID_MAX];
    char *bytes; /* the object; names and ids point into it */
    struct node *nodes;
    size_t count;
    uint64_t *index; /* open addressing by name: hash << 32 | node + 1; NULL = not made yet */
    size_t index_mask;
    bool listing_known;
    struct hash listing;
};

void folder_free(struct git_folder *folder)
{
    if (folder != NULL) {
        mem_free(folder->bytes);
        mem_free(folder->nodes);
        mem_free(folder->index);
        mem_free(folder);
    }
}

/* ---- ids ---- */

static void hex_of(const unsigned char *id, size_t size, char buf[GIT_ID_MAX])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < size; i++) {
        buf[2 * i] = digits[id[i] >> 4];
        buf[2 * i + 1] = digits[id[i] & 15];
    }
    buf[2 * size] = '\0';
}

static unsigned char digit_of(char c)
{
    return (unsigned char)(c <= '9' ? c - '0' : c - 'a' + 10);
}

static void raw_of(const char *hex, size_t size, unsigned char *id)
{
    for (size_t i = 0; i < size; i++) {
        id[i] = (unsigned char)(digit_of(hex[2 * i]) << 4 | digit_of(hex[2 * i + 1]));
    }
}

size_t git_id_size(const struct git_objects *objects)
{
    return objects->id_size;
}

char *git_id_hex(const struct git_objects *objects, const unsigned char *id, char buf[GIT_ID_MAX])
{
    assert(objects->id_size != 0);
    hex_of(id, objects->id_size, buf);
    return buf;
}

/* ---- reading a folder ---- */

/* The mode in front of a name; moves *at behind the blank. False when it is none of a tree. */
static bool parse_mode(const char **at, const char *end, enum git_type *ret_type)
{
    unsigned mode = 0;
    const char *p = *at;
    while (p < end && *p >= '0' && *p <= '7' && p - *at < 7) {
        mode = mode * 8 + (unsigned)(*p++ - '0');
    }
    if (p == end || *p != ' ') {
        return false;
    }
    *at = p + 1;
    switch (mode & 0170000u) {
    case 0040000:
        *ret_type = GIT_TYPE_FOLDER;
        return true;
    case 0100000:
        *ret_type = (mode & 0100) != 0 ? GIT_TYPE_EXECUTABLE : GIT_TYPE_FILE;
        return true;
    case 0120000:
        *ret_type = GIT_TYPE_LINK;
        return true;
    case 0160000:
        *ret_type = GIT_TYPE_SUBMODULE;
        return true;
    default:
        return false;
    }
}

/* One entry; moves *at behind it. */
static bool parse_node(const char **at, const char *end, size_t id_size, struct node *node)
{
    if (!parse_mode(at, end, &node->type)) {
        return false;
    }
    const char *nul = memchr(*at, '\0', (size_t)(end - *at));
    if (nul == NULL || nul == *at || (size_t)(end - nul - 1) < id_size) {
        return false;
    }
    node->name = *at;
    node->name_len = (uint32_t)(nul - *at);
    node->id = (const unsigned char *)nul + 1;
    *at = nul + 1 + id_size;
    return memchr(node->name, '/', node->name_len) == NULL;
}

/* Git's order of two names, of which folders count as if they ended in '/'. */
static int compare_names(
    const char *a, size_t a_len, bool a_folder, const char *b, size_t b_len, bool b_folder)
{
    size_t both = a_len < b_len ? a_len : b_len;
    int order = memcmp(a, b, both);
    if (order != 0) {
        return order;
    }
    int a_next = a_len > both ? (unsigned char)a[both] : a_folder ? '/' : '\0';
    int b_next = b_len > both ? (unsigned char)b[both] : b_folder ? '/' : '\0';
    return a_next - b_next;
}

static bool in_order(const struct node *a, const struct node *b)
{
    return compare_names(a->name,
                         a->name_len,
                         a->type == GIT_TYPE_FOLDER,
                         b->name,
                         b->name_len,
                         b->type == GIT_TYPE_FOLDER)
           < 0;
}

/* Splits the object into nodes. */
static int parse_nodes(struct git_folder *folder, size_t len, size_t id_size)
{
    struct {
        VEC_FIELDS(struct node);
    } nodes = {0};

    const char *at = folder->bytes;
    const char *end = at + len;
    while (at < end) {
        struct node node = {0};
        bool good = parse_node(&at, end, id_size, &node) && nodes.count < UINT32_MAX - 1
                    && (nodes.count == 0 || in_order(&nodes.items[nodes.count - 1], &node));
        int rc = good ? vec_push(&nodes, node) : -EBADMSG;
        if (rc != 0) {
            vec_fini(&nodes);
            return rc;
        }
    }
    folder->nodes = nodes.items;
    folder->count = nodes.count;
    return 0;
}

static struct git_folder *folder_new(const char *hex, const char *bytes, size_t len)
{
    struct git_folder *folder = mem_calloc(1, sizeof *folder);
    if (folder == NULL || (folder->bytes = mem_calloc(1, len + 1)) == NULL) {
        mem_free(folder);
        return NULL;
    }
    memcpy(folder->bytes, bytes, len);
    memcpy(folder->hex, hex, strlen(hex) + 1);
    return folder;
}

static int add_folder(
    struct git_objects *objects, const char *hex, const char *bytes, size_t len, struct err *err)
{
    struct git_folder *folder = folder_new(hex, bytes, len);
    int rc = folder == NULL ? -ENOMEM : parse_nodes(folder, len, objects->id_size);
    if (rc == 0) {
        raw_of(hex, objects->id_size, folder->id);
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

static int read_folders(struct git_objects *objects,
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

static struct git_folder *known_folder(const struct git_objects *objects, const char *hex)
{
    uintptr_t value = 0;
    return map_get(&objects->folders, hex, &value) == 1 ? (struct git_folder *)value : NULL;
}

static int folder_by_hex(struct git_objects *objects,
                         const char *hex,
                         struct git_folder **ret_folder,
                         struct err *err)
{
    struct git_folder *folder = known_folder(objects, hex);
    if (folder == NULL) {
        char ids[1][GIT_ID_MAX];
        memcpy(ids[0], hex, strlen(hex) + 1);
        int rc = read_folders(objects, (const char(*)[GIT_ID_MAX])ids, 1, err);
        if (rc != 0) {
            return rc;
        }
        folder = known_folder(objects, hex);
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

static int open_child(struct git_objects *objects, struct node *node, struct err *err)
{
    char hex[GIT_ID_MAX];
    if (node->child != NULL) {
        return 0;
    }
    hex_of(node->id, objects->id_size, hex);
    return folder_by_hex(objects, hex, &node->child, err);
}

int git_folder_open(struct git_objects *objects,
                    const struct git_entry *entry,
                    const struct git_folder **ret_folder,
                    struct err *err)
{
    struct node node = {.id = entry->id};
    assert(entry->type == GIT_TYPE_FOLDER);
    int rc = open_child(objects, &node, err);
    if (rc == 0) {
        *ret_folder = node.child;
    }
    return rc;
}

/* ---- looking into a folder ---- */

const unsigned char *git_folder_id(const struct git_folder *folder)
{
    return folder->id;
}

size_t git_folder_count(const struct git_folder *folder)
{
    return folder->count;
}

static void entry_of(const struct node *node, struct git_entry *ret_entry)
{
    *ret_entry = (struct git_entry){
        .type = node->type, .name = node->name, .name_len = node->name_len, .id = node->id};
}

void git_folder_entry(const struct git_folder *folder, size_t index, struct git_entry *ret_entry)
{
    assert(index < folder->count);
    entry_of(&folder->nodes[index], ret_entry);
}

/* Mixed eight bytes at a time. The tree may be a stranger's: names that collide make their own
 * folder slow to search, no other. */
static uint32_t hash_name(const char *name, size_t len)
{
    uint64_t hash = len * 0x9e3779b97f4a7c15u;
    for (size_t at = 0; at < len; at += 8) {
        uint64_t word = 0;
        memcpy(&word, name + at, len - at < 8 ? len - at : 8);
        hash = (hash ^ word) * 0xff51afd7ed558ccdu;
        hash ^= hash >> 32;
    }
    return (uint32_t)(hash * 0xc4ceb9fe1a85ec53u >> 32);
}

/* False: memory is short. */
static bool make_index(struct git_folder *folder)
{
    size_t cap = 4;
    while (cap < folder->count * 2) {
        cap *= 2;
    }
    folder->index = mem_calloc(cap, sizeof *folder->index);
    folder->index_mask = cap - 1;
    for (size_t i = 0; folder->index != NULL && i < folder->count; i++) {
        uint32_t hash = hash_name(folder->nodes[i].name, folder->nodes[i].name_len);
        size_t at = hash & folder->index_mask;
        while (folder->index[at] != 0) {
            at = (at + 1) & folder->index_mask;
        }
        folder->index[at] = (uint64_t)hash << 32 | (i + 1);
    }
    return folder->index != NULL;
}

static bool is_named(const struct node *node, const char *name, size_t len)
{
    return node->name_len == len && memcmp(node->name, name, len) == 0;
}

/* Without an index, for want of memory. */
static struct node *find_slowly(const struct git_folder *folder, const char *name, size_t len)
{
    for (size_t i = 0; i < folder->count; i++) {
        if (is_named(&folder->nodes[i], name, len)) {
            return &folder->nodes[i];
        }
    }
    return NULL;
}

static struct node *find_node(const struct git_folder *folder, const char *name, size_t len)
{
    /* What is remembered of it is no part of what a folder is. */
    if (folder->index == NULL && !make_index((struct git_folder *)(uintptr_t)folder)) {
        return find_slowly(folder, name, len);
    }
    uint32_t hash = hash_name(name, len);
    size_t at = hash & folder->index_mask;
    while (folder->index[at] != 0) {
        struct node *node = &folder->nodes[(uint32_t)folder->index[at] - 1];
        if (folder->index[at] >> 32 == hash && is_named(node, name, len)) {
            return node;
        }
        at = (at + 1) & folder->index_mask;
    }
    return NULL;
}

bool git_folder_find(const struct git_folder *folder,
                     const char *name,
                     size_t len,
                     struct git_entry *ret_entry)
{
    const struct node *node = find_node(folder, name, len);
    if (node != NULL) {
        entry_of(node, ret_entry);
    }
    return node != NULL;
}

char git_type_letter(enum git_type type)
{
    switch (type) {
    case GIT_TYPE_FILE:
    case GIT_TYPE_EXECUTABLE:
        return 'f';
    case GIT_TYPE_LINK:
        return 'l';
    case GIT_TYPE_FOLDER:
    case GIT_TYPE_SUBMODULE:
        return 'd';
    }
    return '?';
}

static int by_name(const void *a, const void *b)
{
    const struct node *x = *(const struct node *const *)a;
    const struct node *y = *(const struct node *const *)b;
    size_t both = x->name_len < y->name_len ? x->name_len : y->name_len;
    int order = memcmp(x->name, y->name, both);
    return order != 0 ? order : (x->name_len > y->name_len) - (x->name_len < y->name_len);
}

int git_folder_listing(const struct git_folder *folder, struct hash *ret_hash, struct err *err)
{
    if (folder->listing_known) {
        *ret_hash = folder->listing;
        return 0;
    }
    struct hasher *hasher = hasher_new();
    CLEANUP(cleanup_free)
    const struct node **sorted = mem_calloc(folder->count + 1, sizeof(const struct node *));
    if (hasher == NULL || sorted == NULL) {
        hasher_free(hasher);
        return err_set(err, -ENOMEM, "not enough memory to list a folder");
    }
    for (size_t i = 0; i < folder->count; i++) {
        sorted[i] = &folder->nodes[i];
    }
    qsort(sorted, folder->count, sizeof(const struct node *), by_name);
    hasher_begin(hasher);
    for (size_t i = 0; i < folder->count; i++) {
        char letter = git_type_letter(sorted[i]->type);
        hasher_add(hasher, &letter, 1);
        hasher_add(
            hasher, sorted[i]->name, sorted[i]->name_len + 1u); /* its NUL is in the object */
    }
    /* Known by id: the folder is the same whatever is remembered of it. */
    struct git_folder *mutable = (struct git_folder *)(uintptr_t)folder;
    mutable->listing = hasher_end(hasher);
    mutable->listing_known = true;
    hasher_free(hasher);
    *ret_hash = folder->listing;
    return 0;
}

/* ---- walking ---- */

/* The next component of *path, which moves behind it and its slash; 0 at the end. */
static size_t next_component(const char **path)
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
    struct node *node = find_node(*folder, name, strcspn(name, "/"));
    found->presence = node == NULL ? GIT_ABSENT : last ? GIT_PRESENT : presence_of(node->type);
    if (node == NULL || last || found->presence != GIT_PRESENT) {
        if (node != NULL) {
            entry_of(node, &found->entry);
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
        size_t len = next_component(&at);
        found.reached = (size_t)(name - start) + len;
        rc = step(objects, &folder, name, *at == '\0', &found, err);
    }
    if (rc >= 0) {
        *ret_found = found;
    }
    return rc < 0 ? rc : 0;
}

/* ---- reading many folders at once ---- */

/* How far the walk to one path has come. */
struct walk {
    struct git_folder *folder;
    const char *rest;     /* NULL = done */
    struct node *stopped; /* its child must be read first */
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
        size_t len = next_component(&rest);
        struct node *node = *rest != '\0' ? find_node(walk->folder, name, len) : NULL;
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
static int want_child(struct git_objects *objects, struct node *node, struct wanted *wanted)
{
    size_t size = sizeof wanted->ids.items[0];
    if (vec_reserve_one(&wanted->ids.items, &wanted->ids.cap, wanted->ids.count, size) != 0) {
        return -ENOMEM;
    }
    char *hex = wanted->ids.items[wanted->ids.count];
    hex_of(node->id, objects->id_size, hex);
    node->child = known_folder(objects, hex);
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
            hex_of(walks[i].stopped->id, objects->id_size, hex);
            walks[i].stopped->child = known_folder(objects, hex);
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
            rc = read_folders(
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
        struct node *node = &folder->nodes[i];
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
        struct node *node = &folder->nodes[i];
        if (node->type != GIT_TYPE_FOLDER) {
            continue;
        }
        if (node->child == NULL) {
            hex_of(node->id, objects->id_size, hex);
            node->child = known_folder(objects, hex);
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
    return read_folders(
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

/* ---- blobs ---- */

struct blob_wanted {
    struct str *out;
    uint64_t *sizes;
    const char (*ids)[GIT_ID_MAX];
};

static int take_blob(
    void *context, size_t index, const struct object_head *head, const char *bytes, struct err *err)
{
    const struct blob_wanted *wanted = context;
    if (strcmp(head->type, "blob") != 0) {
        return err_set(err,
                       -ENOENT,
                       "git object %s is %s, not a file's content",
                       wanted->ids[index],
                       head->type[0] == '\0' ? "missing" : head->type);
    }
    if (wanted->sizes != NULL) {
        wanted->sizes[index] = head->size;
    }
    if (bytes != NULL && str_append_n(wanted->out, bytes, (size_t)head->size) != 0) {
        return err_set(
            err, str_error(wanted->out), "git object %s is too large", wanted->ids[index]);
    }
    return 0;
}

int git_blob_read(struct git_objects *objects,
                  const unsigned char *id,
                  struct str *out,
                  struct err *err)
{
    char ids[1][GIT_ID_MAX];
    hex_of(id, objects->id_size, ids[0]);
    const char(*asked)[GIT_ID_MAX] = (const char(*)[GIT_ID_MAX])ids;
    struct blob_wanted wanted = {.out = out, .ids = asked};
    const struct object_request request = {
        .ids = asked,
        .count = 1,
        .size_max = GIT_OBJECT_BYTES_MAX,
        .each = take_blob,
        .context = &wanted,
    };
    return objects_ask(objects, &request, err);
}

int git_blob_sizes(struct git_objects *objects,
                   const unsigned char *ids,
                   size_t count,
                   uint64_t *ret_sizes, // NOLINT(readability-non-const-parameter): filled
                   struct err *err)
{
    CLEANUP(cleanup_free) char(*hex)[GIT_ID_MAX] = mem_calloc(count + 1, sizeof *hex);
    if (hex == NULL) {
        return err_set(err, -ENOMEM, "not enough memory to ask for sizes");
    }
    for (size_t i = 0; i < count; i++) {
        hex_of(ids + i * objects->id_size, objects->id_size, hex[i]);
    }
    const char(*asked)[GIT_ID_MAX] = (const char(*)[GIT_ID_MAX])hex;
    struct blob_wanted wanted = {.sizes = ret_sizes, .ids = asked};
    const struct object_request request = {
        .ids = asked, .count = count, .each = take_blob, .context = &wanted};
    return objects_ask(objects, &request, err);
}
