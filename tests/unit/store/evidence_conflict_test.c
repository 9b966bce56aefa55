/* SPDX-License-Identifier: Apache-2.0 */
/* Contradictions, quarantine and the ledger. */
#include "store/evidence.h"

#include <string.h>

#include "support/proof.h"
#include "support/test.h"

TEST(pass_and_fail_under_one_fingerprint_quarantine_the_unit)
{
    struct evidence_store *store = open_evidence("e");
    struct evidence_new proof = proof_of("u", "C/a", "1");
    struct evidence_added first = add(store, &proof);
    proof.passed = false;
    struct evidence_added second = add(store, &proof);
    assert_true(second.conflict.found && second.conflict.status && !second.conflict.products);
    assert_true(second.conflict.quarantined && second.conflict.other_id == first.id);
    assert_int_equal(find_as(store, "u", "1", EVIDENCE_MEMBER, "", NULL), 0);
    assert_int_equal(count_in("e", "evidence"), 2); /* both are kept */
    proof = proof_of("u", "C/a", "2");
    (void)add(store, &proof);
    assert_int_equal(find_proof(store, "u", "2", NULL), 0); /* the whole unit */
    struct arena *arena = arena_new(1u << 16);
    struct evidence_quarantine entry;
    const struct evidence_reader reader = {EVIDENCE_MEMBER, ""};
    assert_int_equal(evidence_quarantined(store, &proof.unit_key, &reader, arena, &entry, NULL), 1);
    assert_true(entry.first_id == first.id && entry.second_id == second.id);
    assert_non_null(strstr(entry.reason, "passed once and failed once"));
    uint64_t passes = 0;
    uint64_t failures = 0;
    const struct hash full = hash_of("1");
    assert_int_equal(evidence_ledger(store, &proof.unit_key, &full, &passes, &failures, NULL), 0);
    assert_true(passes == 1 && failures == 1);
    uint64_t lifted = 0;
    assert_int_equal(evidence_quarantine_lift(store, &proof.unit_key, &lifted, NULL), 0);
    assert_int_equal(lifted, 1);
    assert_int_equal(evidence_quarantine_lift(store, &proof.unit_key, &lifted, NULL), 0);
    assert_int_equal(lifted, 0);
    assert_int_equal(count_in("e", "evidence"), 0);
    assert_int_equal(count_in("e", "class"), 0);
    (void)add(store, &proof);
    assert_int_equal(find_proof(store, "u", "2", NULL), 1);
    assert_int_equal(evidence_ledger(store, &proof.unit_key, &full, &passes, &failures, NULL), 0);
    assert_true(passes == 1 && failures == 1);
    arena_free(arena);
    evidence_close(store);
}

TEST(other_products_under_one_fingerprint_quarantine_unless_they_may_vary)
{
    struct evidence_store *store = open_evidence("e");
    struct evidence_new proof = proof_of("u", "C/a", "1");
    proof.manifest = hash_of("m1");
    (void)add(store, &proof);
    proof.manifest = hash_of("m2");
    proof.products_vary = true;
    struct evidence_added added = add(store, &proof);
    const struct hash other = hash_of("m1");
    assert_true(added.conflict.found && added.conflict.products && !added.conflict.status);
    assert_memory_equal(&added.conflict.other_manifest, &other, HASH_SIZE);
    assert_false(added.conflict.quarantined);
    assert_int_equal(find_proof(store, "u", "1", NULL), 1);
    proof.manifest = hash_of("m3");
    proof.products_vary = false;
    assert_true(add(store, &proof).conflict.quarantined);
    assert_int_equal(find_proof(store, "u", "1", NULL), 0);
    evidence_close(store);
}

/* Otherwise anybody's fork could switch reuse off for all. */
TEST(a_contradiction_concerns_only_those_who_may_read_both_rows)
{
    struct evidence_store *store = open_evidence("e");
    struct evidence_new proof = proof_of("u", "C/a", "1");
    proof.trust = EVIDENCE_PROTECTED;
    (void)add(store, &proof);
    proof.trust = EVIDENCE_FORK;
    proof.scope = "c9";
    proof.passed = false;
    assert_true(add(store, &proof).conflict.quarantined);
    assert_int_equal(find_as(store, "u", "1", EVIDENCE_PROTECTED, "", NULL), 1);
    assert_int_equal(find_as(store, "u", "1", EVIDENCE_MEMBER, "", NULL), 1);
    assert_int_equal(find_as(store, "u", "1", EVIDENCE_FORK, "c9", NULL), 0);
    assert_int_equal(find_as(store, "u", "1", EVIDENCE_FORK, "c8", NULL), 1);
    evidence_close(store);
}

static int see_entry(void *context, const struct evidence_quarantine *entry)
{
    unsigned *seen = context;
    assert_string_equal(entry->words, *seen == 0 ? "new" : "old");
    (*seen)++;
    return 0;
}

TEST(the_quarantine_is_listed_newest_first)
{
    struct evidence_store *store = open_evidence("e");
    static const char *const units[] = {"old", "new"};
    for (int i = 0; i < 2; i++) {
        struct evidence_new proof = proof_of(units[i], "C/a", "1");
        (void)add(store, &proof);
        proof.passed = false;
        proof.time_ms = 1000 + i;
        (void)add(store, &proof);
    }
    unsigned seen = 0;
    assert_int_equal(evidence_quarantine_walk(store, see_entry, &seen, NULL), 0);
    assert_int_equal(seen, 2);
    evidence_close(store);
}

TEST(results_without_a_row_are_counted_too)
{
    struct evidence_store *store = open_evidence("e");
    const struct hash unit = hash_of("u");
    const struct hash full = hash_of("1");
    uint64_t passes = 9;
    uint64_t failures = 9;
    assert_int_equal(evidence_ledger(store, &unit, &full, &passes, &failures, NULL), 0);
    assert_true(passes == 0 && failures == 0);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(evidence_ledger_count(store, &unit, &full, i % 2 == 0, NULL), 0);
    }
    assert_int_equal(evidence_ledger(store, &unit, &full, &passes, &failures, NULL), 0);
    assert_true(passes == 3 && failures == 2);
    evidence_close(store);
}
