/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/mutation/schema.h"

#include "base/hash.h"
#include "plugins/mutation/schema_impl.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Mutants of one site: each nests one ?: or else deeper, and compilers nest 256 brackets. A site
 * has about three; one with more than this is an expression of hundreds of terms. */
#define SITE_MUTANTS_MAX 200

/* 65,536 mutants: places, sites, lists (100 bytes each) and reasons of 500 bytes. */
#define ARENA_MAX (64u << 20)

/* A mutant and the carrier that was found for it. */
struct candidate {
    struct schema_site site;
    uint32_t mutant;
};

static int by_place(const void *a, const void *b)
{
    const struct candidate *left = a;
    const struct candidate *right = b;
    if (left->site.start != right->site.start) {
        return left->site.start < right->site.start ? -1 : 1;
    }
    if (left->site.end != right->site.end) {
        return left->site.end < right->site.end ? -1 : 1;
    }
    return left->mutant < right->mutant ? -1 : 1;
}

static bool is_same(const struct schema_site *a, const struct schema_site *b)
{
    return a->start == b->start && a->end == b->end;
}

/* Spans of the source and replacements make a schema what it is. */
static int make_key(const struct source *source,
                    const struct mutant_list *list,
                    uint64_t *ret_key,
                    struct err *err)
{
    struct hasher *hasher = hasher_new();
    if (hasher == NULL) {
        return err_set(err, -ENOMEM, "%s: not enough memory for its schema", source->path);
    }
    hasher_begin(hasher);
    hasher_add_text(hasher, source->path);
    hasher_add(hasher, source->text, source->size);
    for (size_t i = 0; i < list->count; i++) {
        const struct mutant *mutant = &list->items[i];
        hasher_add(hasher, &mutant->span.start, sizeof(mutant->span.start));
        hasher_add(hasher, &mutant->span.end, sizeof(mutant->span.end));
        hasher_add_text(hasher, mutant->replacement);
        hasher_add(hasher, mutant->ignored == NULL ? "+" : "-", 1);
    }
    struct hash hash = hasher_end(hasher);
    hasher_free(hasher);
    memcpy(ret_key, hash.bytes, sizeof(*ret_key));
    return 0;
}

/* Fills `candidates` with the mutants that have a carrier; the reasons of others in places. */
static size_t find_candidates(const struct source *source,
                              const struct mutant_list *list,
                              struct schema *schema,
                              struct candidate *candidates)
{
    size_t count = 0;
    for (size_t i = 0; i < list->count; i++) {
        const struct mutant *mutant = &list->items[i];
        struct schema_place *place = &schema->places[mutant->number];
        place->site = SCHEMA_NO_SITE;
        place->refused = mutant->ignored;
        if (place->refused == NULL) {
            place->refused = schema_find_carrier(
                source, &mutant->span, mutant->replacement, &candidates[count].site);
        }
        if (place->refused == NULL) {
            candidates[count++].mutant = mutant->number;
        }
    }
    return count;
}

/* Makes sites of sorted candidates: equal ones share a site, what overlaps the last has none. */
static void make_sites(struct schema *schema, const struct candidate *candidates, size_t count)
{
    uint32_t in_order = 0;
    uint32_t end = 0;
    for (size_t i = 0; i < count; i++) {
        const struct candidate *candidate = &candidates[i];
        struct schema_place *place = &schema->places[candidate->mutant];
        struct schema_site *last =
            schema->site_count == 0 ? NULL : &schema->sites[schema->site_count - 1];
        bool same = last != NULL && is_same(last, &candidate->site);
        if (!same && candidate->site.start < end) {
            place->refused = "inside of another place with mutants";
            continue;
        }
        if (same && in_order - schema->first[schema->site_count - 1] >= SITE_MUTANTS_MAX) {
            place->refused = "more mutants than compilers nest brackets";
            continue;
        }
        if (!same) {
            schema->first[schema->site_count] = in_order;
            schema->sites[schema->site_count++] = candidate->site;
            end = candidate->site.end;
        }
        place->site = schema->site_count - 1;
        schema->mutants[in_order++] = candidate->mutant;
    }
    schema->first[schema->site_count] = in_order;
}

static int plan_into(const struct source *source,
                     const struct mutant_list *list,
                     struct schema *schema,
                     struct err *err)
{
    struct candidate *candidates =
        arena_calloc(schema->arena, list->count, sizeof(struct candidate));
    schema->mutant_count = (uint32_t)list->count;
    schema->name = (uint32_t)hash_stable64(source->path);
    schema->places = arena_calloc(schema->arena, list->count, sizeof(struct schema_place));
    schema->sites = arena_calloc(schema->arena, list->count, sizeof(struct schema_site));
    schema->first = arena_calloc(schema->arena, list->count + 1, sizeof(uint32_t));
    schema->mutants = arena_calloc(schema->arena, list->count, sizeof(uint32_t));
    if (candidates == NULL || schema->places == NULL || schema->sites == NULL
        || schema->first == NULL || schema->mutants == NULL) {
        return err_set(err, -ENOMEM, "%s: not enough memory for its schema", source->path);
    }
    size_t count = find_candidates(source, list, schema, candidates);
    qsort(candidates, count, sizeof(struct candidate), by_place);
    make_sites(schema, candidates, count);
    return make_key(source, list, &schema->key, err);
}

int schema_plan(const struct source *source,
                const struct mutant_list *list,
                struct schema *ret_schema,
                struct err *err)
{
    assert(source->tree != NULL);
    struct schema schema = {.arena = arena_new(ARENA_MAX)};
    int rc = schema.arena == NULL
                 ? err_set(err, -ENOMEM, "%s: not enough memory for its schema", source->path)
                 : plan_into(source, list, &schema, err);
    if (rc < 0) {
        schema_fini(&schema);
        return rc;
    }
    *ret_schema = schema;
    return 0;
}

void schema_fini(struct schema *schema)
{
    arena_free(schema->arena);
    *schema = (struct schema){0};
}

int schema_refuse(struct schema *schema, uint32_t mutant, const char *reason, bool compile_error)
{
    assert(mutant < schema->mutant_count);
    struct schema_place *place = &schema->places[mutant];
    if (place->refused != NULL) {
        return 0;
    }
    place->refused = arena_strdup(schema->arena, reason);
    place->compile_error = compile_error;
    return place->refused == NULL ? -ENOMEM : 0;
}

int schema_refuse_site(struct schema *schema, uint32_t site, const char *reason)
{
    assert(site < schema->site_count);
    if (schema->sites[site].refused == NULL) {
        schema->sites[site].refused = arena_strdup(schema->arena, reason);
    }
    int rc = schema->sites[site].refused == NULL ? -ENOMEM : 0;
    for (uint32_t i = schema->first[site]; rc == 0 && i < schema->first[site + 1]; i++) {
        rc = schema_refuse(schema, schema->mutants[i], reason, false);
    }
    return rc;
}

uint32_t schema_count(const struct schema *schema)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < schema->mutant_count; i++) {
        count += schema->places[i].refused == NULL;
    }
    return count;
}
