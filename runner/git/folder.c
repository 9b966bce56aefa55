/* SPDX-License-Identifier: Apache-2.0 */
/* A tree object: "MODE NAME\0ID" one behind the other, ordered as if folders ended in '/'. Split
 * once, then found by name through an index. */
#include "git/folder.h"

#include "base/cleanup.h"
#include "base/mem.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- ids ---- */

void id_hex(const unsigned char *id, size_t size, char buf[GIT_ID_MAX])
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

void id_raw(const char *hex, size_t size, unsigned char *id)
{
    for (size_t i = 0; i < size; i++) {
        id[i] = (unsigned char)(digit_of(hex[2 * i]) << 4 | digit_of(hex[2 * i + 1]));
    }
}

void folder_free(struct git_folder *folder)
{
    if (folder != NULL) {
        mem_free(folder->bytes);
        mem_free(folder->nodes);
        mem_free(folder->index);
        mem_free(folder);
    }
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
static bool parse_node(const char **at, const char *end, size_t id_size, struct git_node *node)
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

static bool in_order(const struct git_node *a, const struct git_node *b)
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
        VEC_FIELDS(struct git_node);
    } nodes = {0};

    const char *at = folder->bytes;
    const char *end = at + len;
    while (at < end) {
        struct git_node node = {0};
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

int folder_new(
    const char *hex, const char *bytes, size_t len, size_t id_size, struct git_folder **ret_folder)
{
    struct git_folder *folder = mem_calloc(1, sizeof *folder);
    if (folder == NULL || (folder->bytes = mem_calloc(1, len + 1)) == NULL) {
        mem_free(folder);
        return -ENOMEM;
    }
    memcpy(folder->bytes, bytes, len);
    memcpy(folder->hex, hex, strlen(hex) + 1);
    int rc = parse_nodes(folder, len, id_size);
    if (rc != 0) {
        folder_free(folder);
        return rc;
    }
    id_raw(hex, id_size, folder->id);
    *ret_folder = folder;
    return 0;
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

void node_entry(const struct git_node *node, struct git_entry *ret_entry)
{
    *ret_entry = (struct git_entry){
        .type = node->type, .name = node->name, .name_len = node->name_len, .id = node->id};
}

void git_folder_entry(const struct git_folder *folder, size_t index, struct git_entry *ret_entry)
{
    assert(index < folder->count);
    node_entry(&folder->nodes[index], ret_entry);
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

static bool is_named(const struct git_node *node, const char *name, size_t len)
{
    return node->name_len == len && memcmp(node->name, name, len) == 0;
}

/* Without an index, for want of memory. */
static struct git_node *find_slowly(const struct git_folder *folder, const char *name, size_t len)
{
    for (size_t i = 0; i < folder->count; i++) {
        if (is_named(&folder->nodes[i], name, len)) {
            return &folder->nodes[i];
        }
    }
    return NULL;
}

struct git_node *folder_find(const struct git_folder *folder, const char *name, size_t len)
{
    /* What is remembered of it is no part of what a folder is. */
    if (folder->index == NULL && !make_index((struct git_folder *)(uintptr_t)folder)) {
        return find_slowly(folder, name, len);
    }
    uint32_t hash = hash_name(name, len);
    size_t at = hash & folder->index_mask;
    while (folder->index[at] != 0) {
        struct git_node *node = &folder->nodes[(uint32_t)folder->index[at] - 1];
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
    const struct git_node *node = folder_find(folder, name, len);
    if (node != NULL) {
        node_entry(node, ret_entry);
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
    const struct git_node *x = *(const struct git_node *const *)a;
    const struct git_node *y = *(const struct git_node *const *)b;
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
    const struct git_node **sorted = mem_calloc(folder->count + 1, sizeof(const struct git_node *));
    if (hasher == NULL || sorted == NULL) {
        hasher_free(hasher);
        return err_set(err, -ENOMEM, "not enough memory to list a folder");
    }
    for (size_t i = 0; i < folder->count; i++) {
        sorted[i] = &folder->nodes[i];
    }
    qsort(sorted, folder->count, sizeof(const struct git_node *), by_name);
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
