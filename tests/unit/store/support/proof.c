/* SPDX-License-Identifier: Apache-2.0 */
#include "proof.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "story.h"
#include "support/test.h"

struct evidence_store *open_evidence(const char *name)
{
    struct evidence_store *store = NULL;
    struct err err = {0};
    if (evidence_open(at(name), &store, &err) != 0) {
        fail_msg("%s", err.text);
    }
    return store;
}

struct hash hash_of(const char *word)
{
    return hash_bytes(word, strlen(word));
}

const struct questions *ask(const char *words)
{
    static struct questions sets[4];
    static unsigned next;
    struct questions *set = &sets[next++ % 4];
    set->count = 0;
    (void)snprintf(set->text, sizeof set->text, "%s", words);
    char *place = NULL;
    for (char *word = strtok_r(set->text, " ", &place); word != NULL;
         word = strtok_r(NULL, " ", &place)) {
        assert_true(set->count < 64);
        set->items[set->count].kind = (enum observation_kind)word[0];
        set->items[set->count].path = word + 1;
        set->count++;
    }
    return set;
}

struct evidence_new proof_of(const char *unit, const char *questions, const char *answers)
{
    const struct questions *asked = ask(questions);
    const struct hash fast = hash_of(answers);
    struct evidence_new evidence = {
        .unit_key = hash_of(unit),
        .words = unit,
        .questions = asked->items,
        .question_count = asked->count,
        .full = hash_of(answers),
        .vector = answers,
        .vector_len = strlen(answers),
        .passed = true,
        .outcome = "{}",
        .outcome_len = 2,
        .kind = EVIDENCE_OBSERVED,
        .trust = EVIDENCE_MEMBER,
        .scope = "",
        .tree = "tree-1",
        .run = "r1",
        .host = "host-1",
        .observer = "observer-1",
        .time_ms = clock_wall_ms(),
        .wall_ns = 5000000,
        .cpu_us = 4000,
    };
    memcpy(evidence.fast, fast.bytes, EVIDENCE_FAST_SIZE);
    return evidence;
}

struct evidence_added add(struct evidence_store *store, const struct evidence_new *evidence)
{
    struct evidence_added added = {.id = 0};
    struct err err = {0};
    if (evidence_add(store, evidence, &added, &err) != 0) {
        fail_msg("%s", err.text);
    }
    assert_true(added.id > 0);
    assert_true(added.class_id > 0);
    return added;
}

static int find_in(struct evidence_store *store,
                   const struct evidence_query *query,
                   const struct evidence_class *item,
                   struct arena *arena,
                   struct evidence_row *ret_row)
{
    struct err err = {0};
    int result = evidence_probe(store, item->id, query->full.bytes, &err);
    if (result == 1 || item->foreign) {
        result = evidence_find(store, query, arena, ret_row, &err);
    }
    if (result < 0) {
        fail_msg("%s", err.text);
    }
    return result;
}

static int find(struct evidence_store *store,
                struct evidence_query *query,
                struct evidence_row *row)
{
    static struct arena *arena;
    struct evidence_row unused;
    const struct evidence_class *classes = NULL;
    size_t count = 0;
    arena_free(arena);
    arena = arena_new((size_t)64 << 20);
    query->now_ms = clock_wall_ms();
    assert_int_equal(evidence_classes(store, &query->unit_key, arena, &classes, &count, NULL), 0);
    for (size_t i = 0; i < count; i++) {
        query->class_id = classes[i].id;
        if (find_in(store, query, &classes[i], arena, row != NULL ? row : &unused) == 1) {
            return 1;
        }
    }
    return 0;
}

int find_proof(struct evidence_store *store,
               const char *unit,
               const char *answers,
               struct evidence_row *ret_row)
{
    struct evidence_query query = {
        .unit_key = hash_of(unit),
        .full = hash_of(answers),
        .reader = {EVIDENCE_MEMBER, ""},
    };
    return find(store, &query, ret_row);
}

int find_as(struct evidence_store *store,
            const char *unit,
            const char *answers,
            enum evidence_trust trust,
            const char *scope,
            struct evidence_row *ret_row)
{
    struct evidence_query query = {
        .unit_key = hash_of(unit),
        .full = hash_of(answers),
        .reader = {trust, scope},
        .failed_too = true,
    };
    return find(store, &query, ret_row);
}

unsigned long count_in(const char *store_name, const char *table)
{
    char file[128];
    char query[128];
    (void)snprintf(file, sizeof file, "%s/evidence.db", store_name);
    (void)snprintf(query, sizeof query, "SELECT count(*) FROM %s", table);
    return strtoul(sql(file, query), NULL, 10);
}
