/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/place.h"

#include "base/mem.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/random.h>

#define BUCKETS_FIRST 4096 /* a small program asks about 300 paths, a compiler 2,000 */

/* One step of a multiply-and-fold hash: both halves of the 128-bit product count. */
static uint64_t fold(uint64_t a, uint64_t b)
{
    __extension__ const unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t places_hash(const struct places *places, uint64_t start, const char *bytes, size_t len)
{
    uint64_t hash = start ^ places->secret[0];
    size_t left = len;
    while (left > 8) {
        uint64_t word;
        memcpy(&word, bytes, sizeof word);
        hash = fold(hash ^ word, places->secret[1]);
        bytes += 8;
        left -= 8;
    }
    uint64_t word = 0;
    memcpy(&word, bytes, left);
    return fold(fold(hash ^ word, places->secret[1]) ^ len, places->secret[0]);
}

int places_init(struct places *places)
{
    *places = (struct places){.bucket_count = BUCKETS_FIRST};
    if (getrandom(places->secret, sizeof places->secret, GRND_NONBLOCK)
        != (ssize_t)sizeof places->secret) {
        places->secret[0] = (uint64_t)(uintptr_t)places * 0x9e3779b97f4a7c15u;
        places->secret[1] = 0xd6e8feb86659fd93u;
    }
    places->secret[1] |= 1; /* zero would forget what it is multiplied with */
    places->arena = arena_new(PLACES_BYTES_MAX);
    places->buckets = mem_calloc(places->bucket_count, sizeof(struct place *));
    if (places->arena == NULL || places->buckets == NULL) {
        places_fini(places);
        return -ENOMEM;
    }
    places->root = places_child(places, NULL, "", 0);
    if (places->root == NULL) {
        places_fini(places);
        return -ENOMEM;
    }
    places->root->state = PLACE_FOLDER;
    return 0;
}

void places_fini(struct places *places)
{
    arena_free(places->arena);
    mem_free(places->buckets);
    *places = (struct places){0};
}

/* Twice the buckets; when there is no memory the chains grow instead. */
static void grow(struct places *places)
{
    const size_t count = places->bucket_count * 2;
    struct place **buckets = mem_calloc(count, sizeof(struct place *));
    if (buckets == NULL) {
        return;
    }
    for (size_t i = 0; i < places->bucket_count; i++) {
        struct place *place = places->buckets[i];
        while (place != NULL) {
            struct place *next = place->next;
            struct place **bucket = &buckets[place->hash & (count - 1)];
            place->next = *bucket;
            *bucket = place;
            place = next;
        }
    }
    mem_free(places->buckets);
    places->buckets = buckets;
    places->bucket_count = count;
}

static struct place *add(
    struct places *places, struct place *parent, const char *name, size_t len, uint64_t hash)
{
    struct place *place =
        places->count < PLACES_MAX ? arena_alloc(places->arena, sizeof *place + len + 1) : NULL;
    if (place == NULL) {
        places->full = true;
        return NULL;
    }
    place->parent = parent;
    place->hash = hash;
    place->zone = parent != NULL ? parent->zone : ZONE_SILENT;
    place->name_len = (uint16_t)len;
    place->path_len = parent != NULL ? parent->path_len + (uint32_t)len + 1 : 0;
    memcpy(place->name, name, len);
    if (places->count >= places->bucket_count) {
        grow(places);
    }
    struct place **bucket = &places->buckets[hash & (places->bucket_count - 1)];
    place->next = *bucket;
    *bucket = place;
    places->count++;
    return place;
}

struct place *places_child(struct places *places,
                           struct place *parent,
                           const char *name,
                           size_t len)
{
    assert(len <= UINT16_MAX);
    const uint64_t hash = places_hash(places, parent != NULL ? parent->hash : 0, name, len);
    struct place *place = places->buckets[hash & (places->bucket_count - 1)];
    while (place != NULL) {
        if (place->hash == hash && place->parent == parent && place->name_len == len
            && memcmp(place->name, name, len) == 0) {
            return place;
        }
        place = place->next;
    }
    return add(places, parent, name, len, hash);
}

struct place *places_at(struct places *places, const char *path)
{
    struct place *place = places->root;
    while (place != NULL && *path != '\0') {
        const size_t len = strcspn(path, "/");
        const bool is_dot = len == 1 && path[0] == '.';
        const bool is_up = len == 2 && path[0] == '.' && path[1] == '.';
        if (is_up) {
            place = place->parent != NULL ? place->parent : place;
        } else if (len > UINT16_MAX) {
            return NULL;
        } else if (len > 0 && !is_dot) {
            place = places_child(places, place, path, len);
        }
        path += len + (path[len] == '/');
    }
    return place;
}

const char *places_keep(struct places *places, const char *text, size_t len)
{
    const char *copy = arena_strndup(places->arena, text, len);
    places->full = places->full || copy == NULL;
    return copy;
}

int place_path(const struct place *place, char *buf, size_t size)
{
    const size_t len = place->path_len > 0 ? place->path_len : 1;
    if (len >= size || len > INT_MAX) {
        return -ENAMETOOLONG;
    }
    buf[0] = '/';
    buf[len] = '\0';
    size_t end = len;
    for (const struct place *at = place; at->parent != NULL; at = at->parent) {
        end -= at->name_len;
        memcpy(buf + end, at->name, at->name_len);
        buf[--end] = '/';
    }
    return (int)len;
}

bool place_is_below(const struct place *place, const struct place *top)
{
    while (place != NULL && place != top) {
        place = place->parent;
    }
    return place != NULL;
}
