/* SPDX-License-Identifier: Apache-2.0 */
#include "model/manifest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int compare_paths(const void *a, const void *b)
{
    const struct product *left = a;
    const struct product *right = b;
    return strcmp(left->path, right->path);
}

static bool same_product(const struct product *a, const struct product *b)
{
    return a->mode == b->mode && a->size == b->size
           && memcmp(&a->digest, &b->digest, sizeof a->digest) == 0;
}

/* Sorted items with each path once; the number that is left, or -EEXIST. */
static int64_t drop_doubles(struct product *items, size_t count, struct err *err)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || strcmp(items[kept - 1].path, items[i].path) != 0) {
            items[kept++] = items[i];
        } else if (!same_product(&items[kept - 1], &items[i])) {
            return err_set(
                err, -EEXIST, "%s: two units left it with different contents", items[i].path);
        }
    }
    return (int64_t)kept;
}

int manifest_merge(const struct manifest *const *parts,
                   size_t count,
                   struct arena *arena,
                   struct manifest *ret_manifest,
                   struct err *err)
{
    size_t total = 0;
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        total += parts[i]->count;
    }
    struct product *items = arena_calloc(arena, total + 1, sizeof *items);
    if (items == NULL) {
        return err_set(err, -ENOMEM, "out of memory for %zu products", total);
    }
    for (size_t i = 0; i < count; i++) {
        if (parts[i]->count > 0) {
            memcpy(items + at, parts[i]->items, parts[i]->count * sizeof *items);
            at += parts[i]->count;
        }
    }
    qsort(items, total, sizeof *items, compare_paths);
    const int64_t kept = drop_doubles(items, total, err);
    if (kept < 0) {
        return (int)kept;
    }
    *ret_manifest = (struct manifest){.items = items, .count = (size_t)kept};
    return 0;
}

bool manifest_equal(const struct manifest *a, const struct manifest *b)
{
    if (a->count != b->count) {
        return false;
    }
    for (size_t i = 0; i < a->count; i++) {
        if (strcmp(a->items[i].path, b->items[i].path) != 0
            || !same_product(&a->items[i], &b->items[i])) {
            return false;
        }
    }
    return true;
}
