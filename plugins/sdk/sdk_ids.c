/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"
#include "base/mem.h"
#include "base/text.h"
#include "plugins/sdk/sdk.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define FIRST_CAP 1024

void sdk_ids_fini(struct sdk_ids *ids)
{
    mem_free(ids->entries);
    *ids = (struct sdk_ids){0};
}

/* The place of a hash: its entry, or the free one where it belongs. */
static struct sdk_id_entry *find(const struct sdk_ids *ids, uint64_t hash)
{
    assert(ids->cap > ids->count);
    size_t at = (size_t)hash & (ids->cap - 1);
    while (ids->entries[at].count != 0 && ids->entries[at].hash != hash) {
        at = (at + 1) & (ids->cap - 1);
    }
    return &ids->entries[at];
}

static int grow(struct sdk_ids *ids)
{
    struct sdk_ids larger = {.cap = ids->cap == 0 ? FIRST_CAP : 2 * ids->cap, .count = ids->count};
    larger.entries = mem_calloc(larger.cap, sizeof *larger.entries);
    if (larger.entries == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < ids->cap; i++) {
        if (ids->entries[i].count != 0) {
            *find(&larger, ids->entries[i].hash) = ids->entries[i];
        }
    }
    mem_free(ids->entries);
    *ids = larger;
    return 0;
}

/* Notes one more use of an id. *ret_count is how often it came, this time included. */
static int note(struct sdk_ids *ids, const char *id, uint64_t *ret_count)
{
    if (2 * (ids->count + 1) > ids->cap && grow(ids) != 0) {
        return -ENOMEM;
    }
    uint64_t hash = hash_stable64(id);
    struct sdk_id_entry *entry = find(ids, hash);
    if (entry->count == 0) {
        entry->hash = hash;
        ids->count++;
    }
    *ret_count = ++entry->count;
    return 0;
}

/* Where a long text may be cut: not inside a character. */
static size_t cut_at(const char *text, size_t len)
{
    if (len <= SDK_ID_MAX) {
        return len;
    }
    return utf8_valid_prefix(text, SDK_ID_MAX);
}

static void write_base(const char *text, char buf[SDK_ID_SIZE])
{
    size_t len = strlen(text);
    size_t kept = cut_at(text, len);
    memcpy(buf, text, kept);
    buf[kept] = '\0';
    for (char *at = buf; *at != '\0'; at++) {
        if ((unsigned char)*at < 0x20 || *at == 0x7f) {
            *at = ' ';
        }
    }
    if (kept < len) {
        (void)snprintf(
            buf + kept, SDK_ID_SIZE - kept, " [%016llx]", (unsigned long long)hash_stable64(text));
    }
}

int sdk_ids_make(struct sdk_ids *ids, const char *text, char buf[SDK_ID_SIZE])
{
    write_base(text, buf);
    size_t len = strlen(buf);
    uint64_t number = 0;
    uint64_t uses = 0;
    int status = note(ids, buf, &number);
    /* "make #2" may be a line of its own: a made id is looked up like any other. */
    for (uses = number; status == 0 && uses > 1; number++) {
        (void)snprintf(buf + len, SDK_ID_SIZE - len, " #%llu", (unsigned long long)number);
        status = note(ids, buf, &uses);
    }
    return status;
}
