/* SPDX-License-Identifier: Apache-2.0 */
/* Who asks for evidence of its own gets that and nothing else, however much more it may read. */
#include "store/evidence.h"

#include <string.h>

#include "support/proof.h"
#include "support/test.h"

static const struct {
    enum evidence_trust trust;
    const char *scope;
} kinds[] = {
    {EVIDENCE_PROTECTED, ""  },
    {EVIDENCE_PROTECTED, "c1"},
    {EVIDENCE_MEMBER,    ""  },
    {EVIDENCE_MEMBER,    "c1"},
    {EVIDENCE_MEMBER,    "c2"},
    {EVIDENCE_FORK,      ""  },
    {EVIDENCE_FORK,      "c1"},
};

enum {
    KINDS = sizeof kinds / sizeof kinds[0]
};

TEST(evidence_of_ones_own_is_of_the_same_trust_and_the_same_change)
{
    struct evidence_store *store = open_evidence("e");
    struct arena *arena = arena_new(1u << 16);
    int64_t ids[KINDS] = {0};
    for (size_t i = 0; i < KINDS; i++) {
        struct evidence_new proof = proof_of("u", "C/a", "1");
        struct evidence_query query = {
            .unit_key = proof.unit_key,
            .full = proof.full,
            .reader = {kinds[i].trust, kinds[i].scope},
            .own = true,
            .now_ms = 1,
        };
        struct evidence_row row;
        if (i > 0) { /* there are those of others */
            query.class_id = 1;
            assert_int_equal(evidence_find(store, &query, arena, &row, NULL), 0);
        }
        proof.trust = kinds[i].trust;
        proof.scope = kinds[i].scope;
        const struct evidence_added added = add(store, &proof);
        assert_int_equal(added.class_id, 1);
        ids[i] = added.id;
    }
    for (size_t i = 0; i < KINDS; i++) {
        const struct evidence_new proof = proof_of("u", "C/a", "1");
        const struct evidence_query query = {
            .unit_key = proof.unit_key,
            .class_id = 1,
            .full = proof.full,
            .reader = {kinds[i].trust, kinds[i].scope},
            .own = true,
            .now_ms = 1,
        };
        struct evidence_row row;
        assert_int_equal(evidence_find(store, &query, arena, &row, NULL), 1);
        assert_int_equal(row.id, ids[i]);
        assert_int_equal(row.trust, kinds[i].trust);
        assert_string_equal(row.scope, kinds[i].scope);
        for (size_t k = 0; k < KINDS; k++) {
            assert_int_equal(evidence_get(store, ids[k], &query, arena, &row, NULL), k == i);
        }
    }
    arena_free(arena);
    evidence_close(store);
}
