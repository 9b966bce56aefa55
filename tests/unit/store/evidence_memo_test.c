/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "store/evidence.h"

#include <stdio.h>
#include <string.h>

#include "support/proof.h"
#include "support/test.h"

TEST(digests_of_files_hold_while_all_of_stat_is_the_same)
{
    struct evidence_store *store = open_evidence("e");
    const int64_t now_ms = clock_wall_ms();
    const int64_t old_ns = (now_ms - 60000) * 1000000;
    const struct evidence_file known = {1, UINT64_MAX - 5, 100, old_ns, old_ns, hash_of("f")};
    struct evidence_file young = known;
    young.ino = 7;
    young.ctime_ns = (now_ms - 500) * 1000000;
    const struct evidence_file files[] = {known, young};
    assert_int_equal(evidence_files_put(store, files, 2, now_ms, NULL), 0);
    struct evidence_file asked = known;
    memset(&asked.digest, 0, sizeof asked.digest);
    assert_int_equal(evidence_file_get(store, &asked, NULL), 1);
    assert_memory_equal(&asked.digest, &known.digest, HASH_SIZE);
    for (int field = 0; field < 5; field++) {
        asked = known;
        asked.dev += field == 0;
        asked.ino += field == 1;
        asked.size += field == 2;
        asked.mtime_ns += field == 3;
        asked.ctime_ns += field == 4;
        assert_int_equal(evidence_file_get(store, &asked, NULL), 0);
    }
    assert_int_equal(evidence_file_get(store, &young, NULL), 0);
    evidence_close(store);
}

TEST(answers_of_a_state_are_sorted_and_the_newest_of_a_unit_counts)
{
    struct evidence_store *store = open_evidence("e");
    struct arena *arena = arena_new(1u << 20);
    const struct evidence_state state = {hash_of("state"), "tree", "r1"};
    struct evidence_answer first[100];
    char name[16];
    for (int i = 0; i < 100; i++) {
        (void)snprintf(name, sizeof name, "u%d", i);
        first[i].unit_key = hash_of(name);
        first[i].evidence_id = i + 1;
    }
    assert_int_equal(evidence_answers_put(store, &state, first, 60, NULL), 0);
    first[7].evidence_id = 777;
    assert_int_equal(evidence_answers_put(store, &state, first + 5, 95, NULL), 0);
    const struct evidence_answer *answers = NULL;
    size_t count = 0;
    assert_int_equal(evidence_answers(store, &state.id, arena, &answers, &count, NULL), 0);
    assert_int_equal(count, 100);
    unsigned sevens = 0;
    for (size_t i = 0; i < count; i++) {
        assert_true(i == 0
                    || memcmp(&answers[i - 1].unit_key, &answers[i].unit_key, HASH_SIZE) < 0);
        sevens += answers[i].evidence_id == 777
                  && memcmp(&answers[i].unit_key, &first[7].unit_key, HASH_SIZE) == 0;
    }
    assert_int_equal(sevens, 1);
    const struct hash other = hash_of("other");
    assert_int_equal(evidence_answers(store, &other, arena, &answers, &count, NULL), 0);
    assert_int_equal(count, 0);
    arena_free(arena);
    evidence_close(store);
}

TEST(only_the_newest_states_are_remembered)
{
    struct evidence_store *store = open_evidence("e");
    char name[16];
    const struct evidence_answer answer = {hash_of("u"), 1};
    for (int i = 0; i < EVIDENCE_STATES_MAX + 10; i++) {
        (void)snprintf(name, sizeof name, "s%d", i);
        const struct evidence_state state = {hash_of(name), "", "r"};
        assert_int_equal(evidence_answers_put(store, &state, &answer, 1, NULL), 0);
    }
    assert_int_equal(count_in("e", "answers"), EVIDENCE_STATES_MAX);
    evidence_close(store);
}
