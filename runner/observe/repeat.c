/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/repeat.h"

#include "base/mem.h"

#include <string.h>

#define REPEATS_FIRST 4096 /* entries; twice what a compiler asks of the system */

void repeat_fini(struct repeats *repeats)
{
    mem_free(repeats->entries);
    *repeats = (struct repeats){0};
}

static uint16_t how_of(const struct path_question *question, unsigned asked)
{
    return (uint16_t)(asked | (question->follow ? 0x100u : 0));
}

static struct repeat_entry **slot_of(
    const struct repeats *repeats, const char *path, size_t len, uint16_t how, uint64_t hash)
{
    size_t at = (size_t)hash & (repeats->capacity - 1);
    for (;;) {
        struct repeat_entry *entry = repeats->entries[at];
        if (entry == NULL
            || (entry->hash == hash && entry->len == len && entry->how == how
                && memcmp(entry->path, path, len) == 0)) {
            return &repeats->entries[at];
        }
        at = (at + 1) & (repeats->capacity - 1);
    }
}

bool repeat_find(const struct repeats *repeats,
                 const struct places *places,
                 const struct path_question *question,
                 unsigned asked,
                 struct landing *ret)
{
    if (repeats->count == 0 || question->path[0] != '/' || question->in_root) {
        return false;
    }
    const size_t len = strlen(question->path);
    const uint16_t how = how_of(question, asked);
    const uint64_t hash = places_hash(places, how, question->path, len);
    const struct repeat_entry *entry = *slot_of(repeats, question->path, len, how, hash);
    if (entry == NULL) {
        return false;
    }
    ret->place = entry->place;
    ret->reach = entry->place;
    ret->is_folder_wanted = entry->is_folder_wanted;
    ret->by_descriptor = false;
    ret->touched_count = 0;
    ret->fixed = true;
    return true;
}

/* At three quarters the table doubles; entries stay where they are. */
static bool grow(struct repeats *repeats)
{
    const size_t capacity = repeats->capacity == 0 ? REPEATS_FIRST : repeats->capacity * 2;
    if (repeats->count < repeats->capacity / 4 * 3) {
        return true;
    }
    struct repeats larger = {.entries = mem_calloc(capacity, sizeof(struct repeat_entry *)),
                             .capacity = capacity,
                             .count = repeats->count};
    if (larger.entries == NULL) {
        return false;
    }
    for (size_t i = 0; i < repeats->capacity; i++) {
        struct repeat_entry *entry = repeats->entries[i];
        if (entry != NULL) {
            *slot_of(&larger, entry->path, entry->len, entry->how, entry->hash) = entry;
        }
    }
    mem_free(repeats->entries);
    *repeats = larger;
    return true;
}

void repeat_add(struct repeats *repeats,
                struct places *places,
                const struct path_question *question,
                unsigned asked,
                const struct landing *landing)
{
    if (!landing->fixed || question->path[0] != '/' || question->in_root || !grow(repeats)) {
        return;
    }
    const size_t len = strlen(question->path);
    struct repeat_entry *entry = arena_alloc(places->arena, sizeof *entry + len + 1);
    if (entry == NULL) {
        return;
    }
    entry->place = landing->place;
    entry->len = (uint32_t)len;
    entry->how = how_of(question, asked);
    entry->hash = places_hash(places, entry->how, question->path, len);
    entry->is_folder_wanted = landing->is_folder_wanted;
    memcpy(entry->path, question->path, len);
    struct repeat_entry **slot = slot_of(repeats, entry->path, len, entry->how, entry->hash);
    repeats->count += *slot == NULL;
    *slot = entry;
}
