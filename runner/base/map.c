/* SPDX-License-Identifier: Apache-2.0 */
/* Open addressing with linear probing; nothing is ever removed, so a probe ends at the first free
 * place. The hash is SipHash-1-3 under a key drawn once per process. */
#include "base/map.h"

#include "base/mem.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#define MAP_FIRST_CAP 16 /* a power of two; grows at three quarters */

static uint64_t seed[2];
static pthread_once_t seed_once = PTHREAD_ONCE_INIT;

static void seed_draw(void)
{
    if (getrandom(seed, sizeof seed, GRND_NONBLOCK) == (ssize_t)sizeof seed) {
        return;
    }
    /* No entropy yet (early boot): time and the address space's layout are better than nothing. */
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    seed[0] = (uint64_t)now.tv_nsec * 0x9e3779b97f4a7c15u;
    seed[1] = (uint64_t)(uintptr_t)&now ^ (uint64_t)now.tv_sec << 32;
}

static uint64_t rotate(uint64_t x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[2] += v[3];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] = rotate(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] = rotate(v[2], 32);
}

static void sip_word(uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    sip_round(v);
    v[0] ^= word;
}

static uint64_t hash_key(const char *key, size_t len)
{
    uint64_t v[4] = {seed[0] ^ 0x736f6d6570736575u,
                     seed[1] ^ 0x646f72616e646f6du,
                     seed[0] ^ 0x6c7967656e657261u,
                     seed[1] ^ 0x7465646279746573u};
    uint64_t word;
    size_t at = 0;

    for (; at + sizeof word <= len; at += sizeof word) {
        memcpy(&word, key + at, sizeof word);
        sip_word(v, word);
    }
    word = 0;
    memcpy(&word, key + at, len - at);
    sip_word(v, word ^ (uint64_t)len << 56);
    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++) {
        sip_round(v);
    }
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static uint64_t hash_of(const char *key)
{
    (void)pthread_once(&seed_once, seed_draw);
    return hash_key(key, strlen(key));
}

/* The place of the key, or the free place where it would be. The table has a free place. */
static struct map_entry *probe(const struct map *map, const char *key, uint64_t hash)
{
    size_t mask = map->cap - 1;
    size_t at = (size_t)hash & mask;

    assert(map->count < map->cap);
    while (map->entries[at].key != NULL) {
        if (map->entries[at].hash == hash && strcmp(map->entries[at].key, key) == 0) {
            break;
        }
        at = (at + 1) & mask;
    }
    return &map->entries[at];
}

static int grow(struct map *map)
{
    size_t cap = map->cap == 0 ? MAP_FIRST_CAP : size_mul(map->cap, 2);
    struct map bigger = {.cap = cap};

    bigger.entries = mem_calloc(cap, sizeof *bigger.entries);
    if (bigger.entries == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < map->cap; i++) {
        const struct map_entry *old = &map->entries[i];
        if (old->key != NULL) {
            *probe(&bigger, old->key, old->hash) = *old;
            bigger.count++;
        }
    }
    assert(bigger.count == map->count);
    mem_free(map->entries);
    *map = bigger;
    return 0;
}

void map_fini(struct map *map)
{
    mem_free(map->entries);
    *map = (struct map){0};
}

/* Finds or makes the entry of a key: 1 there, 0 new (with `value`), -ENOMEM. */
static int enter(struct map *map, const char *key, uintptr_t value, struct map_entry **ret_entry)
{
    uint64_t hash = hash_of(key);

    if (map->count != 0) {
        *ret_entry = probe(map, key, hash);
        if ((*ret_entry)->key != NULL) {
            return 1;
        }
    }
    if (map->count >= map->cap / 4 * 3 && grow(map) != 0) {
        return -ENOMEM;
    }
    *ret_entry = probe(map, key, hash);
    **ret_entry = (struct map_entry){.key = key, .hash = hash, .value = value};
    map->count++;
    return 0;
}

int map_put(struct map *map, const char *key, uintptr_t value)
{
    struct map_entry *entry = NULL;
    int rc = enter(map, key, value, &entry);

    if (rc == 1) {
        entry->value = value;
    }
    return rc;
}

int map_add(struct map *map, const char *key, uintptr_t value)
{
    struct map_entry *entry = NULL;

    return enter(map, key, value, &entry);
}

int map_get(const struct map *map, const char *key, uintptr_t *ret_value)
{
    if (map->count == 0) {
        return 0;
    }
    const struct map_entry *entry = probe(map, key, hash_of(key));
    if (entry->key == NULL) {
        return 0;
    }
    if (ret_value != NULL) {
        *ret_value = entry->value;
    }
    return 1;
}
