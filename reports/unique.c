/* SPDX-License-Identifier: Apache-2.0 */
#include "reports/unique.h"

#include "base/mem.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>

#define FIRST_CAP 1024

void unique_fini(struct unique *unique)
{
    mem_free(unique->entries);
    *unique = (struct unique){0};
}

/* FNV-1a, then a mix so that the low bits depend on all. */
uint64_t unique_hash(const char *scope, const char *name)
{
    uint64_t hash = 0xcbf29ce484222325;
    const char *const texts[] = {scope, name};
    for (size_t i = 0; i < 2; i++) {
        for (const char *c = texts[i]; *c != '\0'; c++) {
            hash = (hash ^ (unsigned char)*c) * 0x100000001b3;
        }
        hash = (hash ^ 0xFF) * 0x100000001b3; /* no byte of UTF-8: keeps "ab","c" from "a","bc" */
    }
    hash ^= hash >> 32;
    hash *= 0x9e3779b97f4a7c15;
    hash ^= hash >> 29;
    return hash != 0 ? hash : 1;
}

/* The entry with the hash, or the free one where it belongs. */
static struct unique_entry *find(const struct unique *unique, uint64_t hash)
{
    size_t at = hash & (unique->cap - 1);
    while (unique->entries[at].hash != 0 && unique->entries[at].hash != hash) {
        at = (at + 1) & (unique->cap - 1);
    }
    return &unique->entries[at];
}

static int grow(struct unique *unique)
{
    struct unique larger = {.cap = unique->cap != 0 ? unique->cap * 2 : FIRST_CAP,
                            .count = unique->count};
    larger.entries = mem_calloc(larger.cap, sizeof *larger.entries);
    if (larger.entries == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < unique->cap; i++) {
        if (unique->entries[i].hash != 0) {
            *find(&larger, unique->entries[i].hash) = unique->entries[i];
        }
    }
    mem_free(unique->entries);
    *unique = larger;
    return 0;
}

/* Enters a hash: true when it is new. The set has room. */
static bool enter(struct unique *unique, uint64_t hash)
{
    struct unique_entry *entry = find(unique, hash);
    if (entry->hash != 0) {
        return false;
    }
    *entry = (struct unique_entry){.hash = hash, .next = 2};
    unique->count++;
    return true;
}

int unique_name(struct unique *unique, const char *scope, const char *name, struct str *ret_name)
{
    /* two places free: the name and the other name; at most 3/4 full */
    if ((unique->count + 2) * 4 > unique->cap * 3 && grow(unique) != 0) {
        return -ENOMEM;
    }
    uint64_t hash = unique_hash(scope, name);
    str_clear(ret_name);
    if (enter(unique, hash)) {
        return 0;
    }
    struct unique_entry *entry = find(unique, hash);
    assert(entry->hash == hash);
    do {
        str_clear(ret_name);
        if (str_appendf(ret_name, "%s (%" PRIu64 ")", name, entry->next++) != 0) {
            return ret_name->error;
        }
    } while (!enter(unique, unique_hash(scope, str_text(ret_name))));
    return 0;
}
