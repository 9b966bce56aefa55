/* SPDX-License-Identifier: Apache-2.0 */
/* The root of the world: products over the tree, as overlayfs shows two lower layers. At one name a
 * product hides what the tree has there, unless both are folders: those merge. Below a product that
 * is no folder, or a product folder over a file of the tree, nothing of the tree is seen. */
#include "base/cleanup.h"
#include "base/mem.h"
#include "reuse/answer_impl.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Products of one folder in one text: a million of 250 bytes. */
#define SUBTREE_BYTES_MAX (256u << 20)

bool path_is_below(const char *path, const char *folder)
{
    size_t len = strlen(folder);
    if (len == 0) {
        return true;
    }
    return strncmp(path, folder, len) == 0
           && (path[len] == '/' || path[len] == '\0' || folder[len - 1] == '/');
}

/* ---- products ---- */

/* Order of a product's path and the first `len` bytes of another. */
static int compare_path(const char *product, const char *path, size_t len)
{
    int order = strncmp(product, path, len);
    return order != 0 ? order : product[len] != '\0';
}

size_t merged_lower_bound(const struct manifest *products, const char *path, size_t len)
{
    size_t low = 0;
    size_t high = products != NULL ? products->count : 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_path(products->items[middle].path, path, len) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* The product at a path; NULL = none. */
static const struct product *product_at(const struct manifest *products,
                                        const char *path,
                                        size_t len)
{
    size_t at = merged_lower_bound(products, path, len);
    bool found = products != NULL && at < products->count
                 && compare_path(products->items[at].path, path, len) == 0;
    return found ? &products->items[at] : NULL;
}

/* Is there a product below a path? */
static bool has_below(const struct manifest *products, const char *path, size_t len)
{
    char prefix[PATH_TEXT_MAX];
    if (products == NULL || products->count == 0 || len + 2 > sizeof prefix) {
        return false;
    }
    if (len == 0) {
        return true;
    }
    memcpy(prefix, path, len);
    prefix[len] = '/';
    size_t at = merged_lower_bound(products, prefix, len + 1);
    return at < products->count && strncmp(products->items[at].path, prefix, len + 1) == 0;
}

/* ---- one name ---- */

static void child_of_product(const struct product *product, bool below, struct child *child)
{
    if (product != NULL && !S_ISDIR(product->mode)) {
        *child = (struct child){.kind = CHILD_PRODUCT, .product = product};
    } else if (product != NULL || below) {
        *child = (struct child){.kind = CHILD_FOLDER, .products = true};
    }
}

/* The first `len` bytes of `path` name something in `parent`. */
static void find_child(const struct answers *answers,
                       const struct spot *parent,
                       const char *path,
                       size_t len,
                       struct child *child)
{
    const struct manifest *products = parent->products ? answers->state->products : NULL;
    size_t start = parent->path[0] == '\0' ? 0 : strlen(parent->path) + 1;
    struct git_entry entry;
    *child = (struct child){.kind = CHILD_NONE};
    if (products != NULL) {
        child_of_product(product_at(products, path, len), has_below(products, path, len), child);
    }
    if (child->kind == CHILD_PRODUCT || parent->tree == NULL
        || !git_folder_find(parent->tree, path + start, len - start, &entry)) {
        return;
    }
    bool folder = entry.type == GIT_TYPE_FOLDER;
    if (child->kind == CHILD_NONE) {
        *child = (struct child){.kind = folder ? CHILD_FOLDER : CHILD_TREE, .entry = entry};
        child->in_tree = folder;
    } else if (folder) {
        child->in_tree = true;
        child->entry = entry;
    }
}

void merged_child(const struct answers *answers,
                  const struct spot *parent,
                  const char *path,
                  struct child *ret_child)
{
    find_child(answers, parent, path, strlen(path), ret_child);
}

/* ---- folders ---- */

static void spot_free(struct spot *spot)
{
    if (spot != NULL) {
        mem_free(spot->path);
        mem_free(spot);
    }
}

static struct spot *spot_new(struct answers *answers, const char *path, size_t len)
{
    struct spot *spot = mem_calloc(1, sizeof *spot);
    if (spot == NULL || (spot->path = mem_strndup(path, len)) == NULL) {
        spot_free(spot);
        return NULL;
    }
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): a list of pointers */
    if (vec_push(&answers->all_spots, spot) != 0) {
        spot_free(spot);
        return NULL;
    }
    return map_put(&answers->spots, spot->path, (uintptr_t)spot) < 0 ? NULL : spot;
}

/* Conversions that hold in the folder: those of its parent and its own. */
static int spot_salt(struct answers *answers,
                     const struct spot *parent,
                     struct spot *spot,
                     struct err *err)
{
    const unsigned char *id = NULL;
    spot->salt = parent != NULL ? parent->salt : answers->config_salt;
    spot->salted = parent != NULL ? parent->salted : answers->always_converted;
    int rc = spot->tree != NULL ? git_folder_conversion(answers->objects, spot->tree, &id, err) : 0;
    if (rc <= 0) {
        return rc;
    }
    hasher_add(answers->hasher, spot->salt.bytes, HASH_SIZE);
    hasher_add_text(answers->hasher, spot->path);
    hasher_add(answers->hasher, id, git_id_size(answers->objects));
    spot->salt = hasher_end(answers->hasher);
    spot->salted = true;
    return 0;
}

static enum git_presence presence_of_child(const struct child *child)
{
    switch (child->kind) {
    case CHILD_FOLDER:
        return GIT_PRESENT;
    case CHILD_PRODUCT:
        return S_ISLNK(child->product->mode) ? GIT_BEHIND_LINK : GIT_BLOCKED;
    case CHILD_TREE:
        if (child->entry.type == GIT_TYPE_SUBMODULE) {
            return GIT_PRESENT; /* an empty folder */
        }
        return child->entry.type == GIT_TYPE_LINK ? GIT_BEHIND_LINK : GIT_BLOCKED;
    case CHILD_NONE:
        break;
    }
    return GIT_ABSENT;
}

bool merged_leads_to_exposed(const struct answers *answers, const char *path)
{
    size_t len = strlen(path);
    const struct exposure *entry = NULL;
    vec_for_each (entry, &answers->exposed) {
        const char *inside = entry->world + sizeof WORLD_ROOT;
        if (entry->source != NULL && path_is_below(entry->world, WORLD_ROOT)
            && strncmp(inside, path, len) == 0 && inside[len] == '/') {
            return true;
        }
    }
    return false;
}

static int fill_spot(struct answers *answers,
                     const struct spot *parent,
                     struct spot *spot,
                     struct err *err)
{
    struct child child = {0};
    if (parent->presence != GIT_PRESENT) {
        spot->presence = parent->presence;
        return 0;
    }
    find_child(answers, parent, spot->path, strlen(spot->path), &child);
    spot->presence = presence_of_child(&child);
    if (spot->presence == GIT_ABSENT && merged_leads_to_exposed(answers, spot->path)) {
        spot->presence = GIT_PRESENT; /* made for the mount point */
    }
    spot->products = child.products;
    if (child.kind == CHILD_FOLDER && child.in_tree) {
        int rc = git_folder_open(answers->objects, &child.entry, &spot->tree, err);
        if (rc != 0) {
            return rc;
        }
    }
    return spot_salt(answers, parent, spot, err);
}

static int root_spot(struct answers *answers, const struct spot **ret_spot, struct err *err)
{
    struct spot *spot = spot_new(answers, "", 0);
    if (spot == NULL) {
        return err_set(err, -ENOMEM, "not enough memory to look into the tree");
    }
    spot->presence = GIT_PRESENT;
    spot->tree = answers->root;
    spot->products = answers->state->products != NULL && answers->state->products->count > 0;
    int rc = spot_salt(answers, NULL, spot, err);
    spot->broken = rc != 0;
    if (rc == 0) {
        *ret_spot = spot;
    }
    return rc;
}

static const struct spot *known_spot(const struct answers *answers, const char *path, size_t len)
{
    char key[PATH_TEXT_MAX];
    uintptr_t known = 0;
    memcpy(key, path, len);
    key[len] = '\0';
    return map_get(&answers->spots, key, &known) == 1 ? (const struct spot *)known : NULL;
}

/* The nearest folder upwards that is known; *ret_len: how much of the path it is. */
static int nearest_known(struct answers *answers,
                         const char *path,
                         size_t *len,
                         const struct spot **ret_spot,
                         struct err *err)
{
    const struct spot *spot = known_spot(answers, path, *len);
    while (spot == NULL && *len > 0) {
        do {
            (*len)--;
        } while (*len > 0 && path[*len] != '/');
        spot = known_spot(answers, path, *len);
    }
    if (spot == NULL) {
        return root_spot(answers, ret_spot, err);
    }
    if (spot->broken) {
        return err_set(err, -EIO, "the folder /%s of the tree could not be read", spot->path);
    }
    *ret_spot = spot;
    return 0;
}

int merged_folder(struct answers *answers,
                  const char *path,
                  size_t len,
                  const struct spot **ret_spot,
                  struct err *err)
{
    size_t at = len;
    const struct spot *spot = NULL;
    if (len >= PATH_TEXT_MAX) {
        return err_set(err, -ENAMETOOLONG, "path too long: %.200s...", path);
    }
    int rc = nearest_known(answers, path, &at, &spot, err);
    while (rc == 0 && at < len) {
        at += at > 0 ? 1 : 0;
        at += strcspn(path + at, "/");
        struct spot *below = spot_new(answers, path, at);
        if (below == NULL) {
            return err_set(err, -ENOMEM, "not enough memory to look into the tree");
        }
        assert(spot != NULL);
        rc = fill_spot(answers, spot, below, err);
        below->broken = rc != 0;
        spot = below;
    }
    if (rc == 0) {
        *ret_spot = spot;
    }
    return rc;
}

int merged_parent(struct answers *answers,
                  const char *path,
                  const struct spot **ret_spot,
                  struct err *err)
{
    const char *slash = strrchr(path, '/');
    size_t len = slash != NULL ? (size_t)(slash - path) : 0;
    const struct spot *last = answers->last;
    if (last != NULL && strncmp(last->path, path, len) == 0 && last->path[len] == '\0') {
        *ret_spot = last;
        return 0;
    }
    int rc = merged_folder(answers, path, len, ret_spot, err);
    if (rc == 0) {
        answers->last = *ret_spot;
    }
    return rc;
}

/* ---- listings ---- */

struct listed {
    const char *name;
    size_t len;
    char letter;
    unsigned layer; /* 0 hides 1 hides 2 */
};

struct listing {
    VEC_FIELDS(struct listed);
};

static int compare_listed(const void *a, const void *b)
{
    const struct listed *x = a;
    const struct listed *y = b;
    size_t both = x->len < y->len ? x->len : y->len;
    int order = memcmp(x->name, y->name, both);
    if (order == 0) {
        order = (x->len > y->len) - (x->len < y->len);
    }
    return order != 0 ? order : (int)x->layer - (int)y->layer;
}

/* Names that exposed entries put into the folder: mount points, and folders made on the way. */
static int list_exposed(const struct answers *answers,
                        const struct spot *folder,
                        struct listing *out)
{
    char world[PATH_TEXT_MAX + sizeof WORLD_ROOT];
    size_t len = sizeof WORLD_ROOT - 1;
    memcpy(world, WORLD_ROOT, len);
    if (folder->path[0] != '\0') {
        world[len++] = '/';
        memcpy(world + len, folder->path, strlen(folder->path));
        len += strlen(folder->path);
    }
    world[len] = '\0';
    for (size_t i = 0; i < answers->exposed.count; i++) {
        const struct exposure *entry = &answers->exposed.items[i];
        if (entry->source == NULL || !path_is_below(entry->world, world)
            || entry->world[len] == '\0') {
            continue;
        }
        const char *name = entry->world + len + 1;
        size_t name_len = strcspn(name, "/");
        struct stat st;
        bool file = name[name_len] == '\0' && stat(entry->source, &st) == 0 && !S_ISDIR(st.st_mode);
        struct listed listed = {
            .name = name, .len = name_len, .letter = file ? 'f' : 'd', .layer = 0};
        if (vec_push(out, listed) != 0) {
            return -ENOMEM;
        }
    }
    return 0;
}

static int list_products(const struct answers *answers,
                         const struct spot *folder,
                         struct listing *out)
{
    const struct manifest *products = answers->state->products;
    size_t prefix = folder->path[0] != '\0' ? strlen(folder->path) + 1 : 0;
    size_t at = merged_lower_bound(products, folder->path, strlen(folder->path));
    for (; folder->products && at < products->count; at++) {
        const struct product *product = &products->items[at];
        if (prefix > 0 && strncmp(product->path, folder->path, prefix - 1) != 0) {
            break;
        }
        if (prefix > 0 && product->path[prefix - 1] != '/') {
            continue; /* the folder itself, or a name that starts like it */
        }
        const char *name = product->path + prefix;
        size_t len = strcspn(name, "/");
        bool folder_here = name[len] == '/' || S_ISDIR(product->mode);
        struct listed listed = {
            .name = name,
            .len = len,
            .letter = folder_here              ? 'd'
                      : S_ISLNK(product->mode) ? 'l'
                                               : 'f',
            .layer = 1,
        };
        if (vec_push(out, listed) != 0) {
            return -ENOMEM;
        }
    }
    return 0;
}

static bool is_hidden(const struct spot *folder, const char *name, size_t len)
{
    return folder->path[0] == '\0'
           && ((len == 4 && memcmp(name, ".git", 4) == 0)
               || (len == 7 && memcmp(name, ".sluice", 7) == 0));
}

static int list_tree(const struct spot *folder, struct listing *out)
{
    size_t count = folder->tree != NULL ? git_folder_count(folder->tree) : 0;
    for (size_t i = 0; i < count; i++) {
        struct git_entry entry;
        git_folder_entry(folder->tree, i, &entry);
        struct listed listed = {
            .name = entry.name,
            .len = entry.name_len,
            .letter = git_type_letter(entry.type),
            .layer = 2,
        };
        if (!is_hidden(folder, entry.name, entry.name_len) && vec_push(out, listed) != 0) {
            return -ENOMEM;
        }
    }
    return 0;
}

static struct hash hash_listing(struct answers *answers, struct listing *listing)
{
    static const char end[1] = "";
    if (listing->count > 1) {
        qsort(listing->items, listing->count, sizeof *listing->items, compare_listed);
    }
    const struct listed *before = NULL;
    const struct listed *item = NULL;
    vec_for_each (item, listing) {
        if (before == NULL || before->len != item->len
            || memcmp(before->name, item->name, item->len) != 0) {
            hasher_add(answers->hasher, &item->letter, 1);
            hasher_add(answers->hasher, item->name, item->len);
            hasher_add(answers->hasher, end, 1);
        }
        before = item;
    }
    return hasher_end(answers->hasher);
}

int merged_listing(struct answers *answers,
                   const struct spot *folder,
                   struct answer *ret_answer,
                   struct err *err)
{
    struct hash digest;
    struct listing listing = {0};
    int rc = list_exposed(answers, folder, &listing);
    if (rc == 0 && listing.count == 0 && !folder->products && folder->tree != NULL
        && folder->path[0] != '\0') {
        rc = git_folder_listing(folder->tree, &digest, err); /* nothing but the tree: known by id */
    } else {
        rc = rc == 0 ? list_products(answers, folder, &listing) : rc;
        rc = rc == 0 ? list_tree(folder, &listing) : rc;
        digest = rc == 0 ? hash_listing(answers, &listing) : (struct hash){0};
    }
    vec_fini(&listing);
    if (rc != 0) {
        return err_set(err, rc, "not enough memory to list %s", folder->path);
    }
    answer_set(ret_answer, ANSWER_LISTING, digest.bytes, HASH_SIZE);
    return 0;
}

/* ---- subtrees ---- */

/* Tree id, conversions, every product below, every exposed entry below: more than what is seen
 * (hidden parts of the tree count too), never less. */
static void sum_products(const struct answers *answers, const struct spot *folder, struct str *text)
{
    const struct manifest *products = answers->state->products;
    size_t len = strlen(folder->path);
    if (!folder->products) {
        return;
    }
    for (size_t at = merged_lower_bound(products, folder->path, len); at < products->count; at++) {
        const struct product *product = &products->items[at];
        if (strncmp(product->path, folder->path, len) != 0) {
            break;
        }
        if (len == 0 || product->path[len] == '/') { /* not the folder, not a name alike */
            (void)str_appendf(text, "%o %s", product->mode, product->path + len);
            (void)str_append_n(text, "", 1);
            (void)str_append_n(text, product->digest.bytes, HASH_SIZE);
        }
    }
}

/* 1 = summed up; 0 = one of them has no answer: nor has the whole. */
static int sum_exposed(struct answers *answers,
                       const struct spot *folder,
                       struct str *text,
                       struct err *err)
{
    const struct exposure *entry = NULL;
    vec_for_each (entry, &answers->exposed) {
        struct answer below = {0};
        if (entry->source == NULL || !path_is_below(entry->world, WORLD_ROOT "/")
            || !path_is_below(entry->world + sizeof WORLD_ROOT, folder->path)) {
            continue;
        }
        int rc = host_answer(
            answers, OBSERVE_SUBTREE, entry->source, strlen(entry->source), &below, err);
        if (rc != 0 || below.bytes[0] == ANSWER_VOLATILE) {
            return rc;
        }
        (void)str_append(text, entry->world);
        (void)str_append_n(text, &below, sizeof below);
    }
    return 1;
}

int merged_subtree(struct answers *answers,
                   const struct spot *folder,
                   struct answer *ret_answer,
                   struct err *err)
{
    CLEANUP(str_fini) struct str text = STR_INIT(SUBTREE_BYTES_MAX);
    if (folder->tree != NULL) {
        (void)str_append_n(&text, git_folder_id(folder->tree), git_id_size(answers->objects));
        (void)str_append_n(&text, folder->salt.bytes, HASH_SIZE);
    }
    sum_products(answers, folder, &text);
    int rc = sum_exposed(answers, folder, &text, err);
    if (rc < 0) {
        return rc;
    }
    if (str_error(&text) != 0) {
        return err_set(err, str_error(&text), "not enough memory to sum up %s", folder->path);
    }
    struct hash digest = hash_bytes(str_text(&text), text.len);
    if (rc == 1) {
        answer_set(ret_answer, ANSWER_SUBTREE, digest.bytes, HASH_SIZE);
    } else {
        answer_set(ret_answer, ANSWER_VOLATILE, NULL, 0);
    }
    return 0;
}
