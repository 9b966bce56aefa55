/* SPDX-License-Identifier: Apache-2.0 */
/* The ids of mutants: SHA-256 of what does not change when text moves, its first 64 bits.
 *
 *     path, function, operator, original, replacement, the part of the statement around it, and its
 *     number among those for which all these are the same
 *
 * Texts are taken without blanks, except one between two words. The part around it is the largest
 * piece of the statement that holds no other statement: the condition of an `if`, not its branches;
 * what is a whole statement itself stands for itself. */
#include "base/cleanup.h"
#include "base/hash.h"
#include "base/mem.h"
#include "plugins/mutation/find_impl.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

struct naming {
    struct finding *finding;
    struct hasher *hasher;
    struct map numbers; /* key in hexadecimal -> how many there were */
    struct map ids;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'
           || (unsigned char)c >= 0x80;
}

/* FNV-1a of the text without blanks. */
static uint64_t hash_text(const char *text, size_t length)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    char before = '\0';
    bool gap = false;
    for (size_t i = 0; i < length; i++) {
        if (is_blank(text[i])) {
            gap = true;
            continue;
        }
        if (gap && is_word(before) && is_word(text[i])) {
            hash = (hash ^ ' ') * UINT64_C(1099511628211);
        }
        hash = (hash ^ (unsigned char)text[i]) * UINT64_C(1099511628211);
        before = text[i];
        gap = false;
    }
    return hash == 0 ? 1 : hash; /* 0 means: not yet computed */
}

/* Without a tree, the line. */
static struct extent line_of(const struct finding *finding, const struct mutant *mutant)
{
    const struct outline *outline = &finding->outline;
    size_t last = mutant->span.end_line;
    return (struct extent){
        outline->lines[mutant->span.line - 1],
        last < outline->line_count ? outline->lines[last] : finding->source->size,
    };
}

static uint64_t hash_around(struct finding *finding, const struct mutant *mutant)
{
    const char *text = finding->source->text;
    struct extent own = {mutant->span.start, mutant->span.end};
    if (finding->source->tree == NULL) {
        struct extent line = line_of(finding, mutant);
        return hash_text(text + line.start, line.end - line.start);
    }
    struct stretches *statements = &finding->outline.statements;
    uint32_t at = stretches_find(statements, own);
    if (at == FIND_NOWHERE || !statements->items[at].part) {
        return hash_text(text + own.start, own.end - own.start);
    }
    struct stretch *part = &statements->items[at];
    if (part->hash == 0) {
        part->hash = hash_text(text + part->extent.start, part->extent.end - part->extent.start);
    }
    return part->hash;
}

static void add_number(struct hasher *hasher, uint64_t number)
{
    unsigned char bytes[8];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (unsigned char)(number >> (56 - 8 * i));
    }
    hasher_add(hasher, bytes, sizeof bytes);
}

static void write_id(char id[MUTANT_ID_SIZE], const struct hash *hash)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < (MUTANT_ID_SIZE - 1) / 2; i++) {
        id[2 * i] = digits[hash->bytes[i] >> 4];
        id[2 * i + 1] = digits[hash->bytes[i] & 15];
    }
    id[MUTANT_ID_SIZE - 1] = '\0';
}

static int name_one(struct naming *naming, struct mutant *mutant)
{
    struct hasher *hasher = naming->hasher;
    char key[MUTANT_ID_SIZE];
    hasher_begin(hasher);
    hasher_add_text(hasher, mutant->file);
    hasher_add_text(hasher, mutant->function);
    hasher_add_text(hasher, mutant->operator);
    add_number(hasher, hash_text(mutant->original, strlen(mutant->original)));
    add_number(hasher, hash_text(mutant->replacement, strlen(mutant->replacement)));
    add_number(hasher, hash_around(naming->finding, mutant));
    struct hash hash = hasher_end(hasher);
    write_id(key, &hash);
    uintptr_t number = 0;
    if (map_get(&naming->numbers, key, &number) == 0) {
        char *kept = arena_strdup(naming->finding->arena, key);
        if (kept == NULL || map_put(&naming->numbers, kept, 1) < 0) {
            return -ENOMEM;
        }
        memcpy(mutant->id, key, sizeof key);
    } else {
        (void)map_put(&naming->numbers, key, number + 1); /* the key is there: nothing is kept */
        hasher_begin(hasher);
        hasher_add_text(hasher, key);
        add_number(hasher, number);
        hash = hasher_end(hasher);
        write_id(mutant->id, &hash);
    }
    int known = map_add(&naming->ids, mutant->id, 1);
    return known == 1 ? -EEXIST : known;
}

int find_name_mutants(struct finding *finding,
                      struct mutant *mutants,
                      size_t count,
                      struct err *err)
{
    struct naming naming = {.finding = finding, .hasher = hasher_new()};
    int rc = naming.hasher == NULL ? -ENOMEM : 0;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        rc = name_one(&naming, &mutants[i]);
    }
    if (rc == -EEXIST) {
        rc = err_set(err,
                     -EEXIST,
                     "%s: two mutants have one id by chance (1 in 10^9): write one of their lines "
                     "differently, or exclude the file in `files`",
                     finding->source->path);
    } else if (rc < 0) {
        rc = finding_short_of_memory(finding, err);
    }
    map_fini(&naming.numbers);
    map_fini(&naming.ids);
    hasher_free(naming.hasher);
    return rc;
}
