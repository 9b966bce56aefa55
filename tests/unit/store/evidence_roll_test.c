/* SPDX-License-Identifier: Apache-2.0 */
/* A roll gives out what evidence_get() would, or nothing. */
#include "store/evidence_roll.h"

#include "base/file.h"
#include "base/mem.h"
#include "store/evidence_keep.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "support/proof.h"
#include "support/story.h"
#include "support/test.h"

#define ROWS 100

static const struct evidence_reader member = {.trust = EVIDENCE_MEMBER, .scope = ""};

static struct hash roll_name(void)
{
    return hash_of("settings");
}

static struct hash key_of(unsigned number)
{
    char word[32];
    (void)snprintf(word, sizeof word, "unit %u", number);
    return hash_of(word);
}

static struct evidence_query query_of(unsigned number)
{
    return (struct evidence_query){
        .unit_key = key_of(number),
        .reader = member,
        .failed_too = true,
        .now_ms = 5000,
    };
}

/* A hundred rows of units 0 to 99, all different. Their ids. */
static void fill_store(struct evidence_store *store, int64_t ids[ROWS])
{
    for (unsigned i = 0; i < ROWS; i++) {
        char unit[32];
        char answers[32];
        (void)snprintf(unit, sizeof unit, "unit %u", i);
        (void)snprintf(answers, sizeof answers, "answers %u", i);
        struct evidence_new proof = proof_of(unit, i % 2 == 0 ? "C/a" : "C/a X/b", answers);
        proof.time_ms = 1000 + i;
        proof.wall_ns = INT64_C(7) * i;
        proof.cpu_us = INT64_C(3) * i;
        proof.host = i % 3 == 0 ? "h3" : "h";
        proof.outcome = answers;
        proof.outcome_len = i % 9;
        proof.manifest = i % 5 == 0 ? hash_of("manifest") : (struct hash){{0}};
        proof.stdout_blob = i % 4 == 0 ? hash_of("output") : (struct hash){{0}};
        ids[i] = add(store, &proof).id;
    }
}

static struct evidence_roll *open_roll(struct evidence_store *store)
{
    struct evidence_roll *roll = NULL;
    const struct hash name = roll_name();
    assert_int_equal(evidence_begin_read(store, NULL), 0);
    assert_int_equal(evidence_roll_open(store, &name, &roll, NULL), 0);
    evidence_end_read(store);
    return roll;
}

static void put_roll(struct evidence_store *store, struct evidence_roll *roll)
{
    const struct hash name = roll_name();
    assert_int_equal(evidence_roll_put(store, &name, roll, NULL), 0);
    evidence_roll_free(roll);
}

/* Puts the rows into the roll and keeps it. */
static void keep_rows(struct evidence_store *store, const int64_t ids[ROWS], unsigned count)
{
    struct arena *arena = arena_new(1u << 20);
    struct evidence_roll *roll = open_roll(store);
    assert_int_equal(evidence_begin_read(store, NULL), 0);
    for (unsigned i = count; i > 0; i--) { /* in any order */
        const struct evidence_query query = query_of(i - 1);
        struct evidence_row row;
        assert_int_equal(evidence_get(store, ids[i - 1], &query, arena, &row, NULL), 1);
        evidence_roll_add(store, roll, &row);
    }
    evidence_end_read(store);
    put_roll(store, roll);
    arena_free(arena);
}

/* How many of the rows a kept roll gives out to the reader. */
static unsigned count_given(struct evidence_store *store,
                            const int64_t ids[ROWS],
                            const struct evidence_reader *reader)
{
    unsigned count = 0;
    struct evidence_roll *roll = open_roll(store);
    assert_int_equal(evidence_begin_read(store, NULL), 0);
    for (unsigned i = 0; i < ROWS; i++) {
        struct evidence_query query = query_of(i);
        struct evidence_row row;
        query.reader = *reader;
        count += evidence_roll_get(store, roll, ids[i], &query, &row) == 1 ? 1 : 0;
    }
    evidence_end_read(store);
    evidence_roll_free(roll);
    return count;
}

static void assert_same_row(const struct evidence_row *a, const struct evidence_row *b)
{
    assert_int_equal(a->id, b->id);
    assert_int_equal(a->class_id, b->class_id);
    assert_memory_equal(&a->unit_key, &b->unit_key, HASH_SIZE);
    assert_memory_equal(&a->full, &b->full, HASH_SIZE);
    assert_true(a->passed && b->passed);
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->trust, b->trust);
    assert_string_equal(a->scope, b->scope);
    assert_string_equal(a->tree, b->tree);
    assert_string_equal(a->run, b->run);
    assert_string_equal(a->host, b->host);
    assert_string_equal(a->observer, b->observer);
    assert_int_equal(a->time_ms, b->time_ms);
    assert_int_equal(a->wall_ns, b->wall_ns);
    assert_int_equal(a->cpu_us, b->cpu_us);
    assert_int_equal(a->expires_ms, b->expires_ms);
    assert_int_equal(a->used_ms, b->used_ms);
    assert_int_equal(a->confirmed, b->confirmed);
    assert_memory_equal(&a->stdout_blob, &b->stdout_blob, HASH_SIZE);
    assert_memory_equal(&a->stderr_blob, &b->stderr_blob, HASH_SIZE);
    assert_memory_equal(&a->manifest, &b->manifest, HASH_SIZE);
    assert_memory_equal(&a->outcome_blob, &b->outcome_blob, HASH_SIZE);
    assert_int_equal(a->outcome_len, b->outcome_len);
    assert_int_equal(a->outcome == NULL, b->outcome == NULL);
    if (a->outcome_len > 0) {
        assert_memory_equal(a->outcome, b->outcome, a->outcome_len);
    }
}

TEST(a_roll_gives_out_rows_as_they_are_in_the_store)
{
    int64_t ids[ROWS];
    struct evidence_store *store = open_evidence("e");
    struct arena *arena = arena_new(1u << 20);
    fill_store(store, ids);
    keep_rows(store, ids, ROWS);
    evidence_close(store);
    store = open_evidence("e");
    struct evidence_roll *roll = open_roll(store);
    assert_int_equal(evidence_begin_read(store, NULL), 0);
    for (unsigned i = 0; i < ROWS; i++) {
        const struct evidence_query query = query_of(i);
        struct evidence_row stored;
        struct evidence_row given;
        assert_int_equal(evidence_get(store, ids[i], &query, arena, &stored, NULL), 1);
        assert_int_equal(evidence_roll_get(store, roll, ids[i], &query, &given), 1);
        assert_same_row(&given, &stored);
    }
    const struct evidence_query other = query_of(1);
    struct evidence_row row;
    assert_int_equal(evidence_roll_get(store, roll, ids[0], &other, &row), 0); /* another unit's */
    assert_int_equal(evidence_roll_get(store, roll, ids[ROWS - 1] + 1, &other, &row), 0);
    evidence_end_read(store);
    assert_int_equal(evidence_roll_get(store, roll, ids[1], &other, &row), 0); /* no picture */
    evidence_roll_free(roll);
    arena_free(arena);
    evidence_close(store);
}

TEST(a_roll_grows_and_keeps_when_its_rows_were_used)
{
    int64_t ids[ROWS];
    struct evidence_store *store = open_evidence("e");
    fill_store(store, ids);
    keep_rows(store, ids, EVIDENCE_ROLL_ROWS_MIN - 1);
    assert_int_equal(count_given(store, ids, &member), 0); /* few are not kept */
    keep_rows(store, ids, 70);
    assert_int_equal(count_given(store, ids, &member), 70);
    keep_rows(store, ids, ROWS); /* 70 of them a second time */
    assert_int_equal(count_given(store, ids, &member), ROWS);
    struct evidence_roll *roll = open_roll(store);
    evidence_roll_touch(roll, ids[3], 123456);
    evidence_roll_touch(roll, 4711, 123456);
    put_roll(store, roll);
    roll = open_roll(store);
    const struct evidence_query query = query_of(3);
    struct evidence_row row;
    assert_int_equal(evidence_begin_read(store, NULL), 0);
    assert_int_equal(evidence_roll_get(store, roll, ids[3], &query, &row), 1);
    assert_int_equal(row.used_ms, 123456);
    evidence_end_read(store);
    evidence_roll_free(roll);
    assert_int_equal(count_in("e", "roll"), 1);
    evidence_close(store);
}

TEST(failures_are_in_no_roll)
{
    struct evidence_store *store = open_evidence("e");
    struct evidence_roll *roll = open_roll(store);
    struct evidence_new proof = proof_of("unit 0", "C/a", "1");
    struct arena *arena = arena_new(1u << 20);
    proof.passed = false;
    const int64_t id = add(store, &proof).id;
    const struct evidence_query query = query_of(0);
    struct evidence_row row;
    assert_int_equal(evidence_begin_read(store, NULL), 0);
    assert_int_equal(evidence_get(store, id, &query, arena, &row, NULL), 1);
    for (unsigned i = 0; i < ROWS; i++) {
        evidence_roll_add(store, roll, &row);
    }
    evidence_end_read(store);
    put_roll(store, roll);
    assert_int_equal(count_in("e", "roll"), 0);
    arena_free(arena);
    evidence_close(store);
}

/* ---- what may not be given out any more ---- */

static void forget_one(struct evidence_store *store, const int64_t ids[ROWS])
{
    assert_int_equal(evidence_forget(store, ids[7], NULL), 0);
}

static void revoke_a_host(struct evidence_store *store, const int64_t ids[ROWS])
{
    const struct evidence_revocation what = {.host = "h3", .until_ms = INT64_MAX};
    (void)ids;
    assert_int_equal(evidence_revoke(store, &what, false, NULL, NULL, NULL), 0);
}

static void make_room(struct evidence_store *store, const int64_t ids[ROWS])
{
    struct evidence_cleaned cleaned;
    (void)ids;
    assert_int_equal(evidence_gc(store, 0, &cleaned, NULL), 0);
    assert_int_equal(count_in("e", "roll"), 0); /* it takes room as well */
}

static void lift_a_quarantine(struct evidence_store *store, const int64_t ids[ROWS])
{
    const struct hash key = key_of(7);
    (void)ids;
    assert_int_equal(evidence_quarantine_lift(store, &key, NULL, NULL), 0);
    assert_int_equal(evidence_forget(store, ids[8], NULL), 0);
}

static void crowd_a_class_out(struct evidence_store *store, const int64_t ids[ROWS])
{
    char question[32];
    (void)ids;
    for (int i = 0; i < EVIDENCE_CLASSES_MAX; i++) {
        (void)snprintf(question, sizeof question, "C/new/%d", i);
        struct evidence_new proof = proof_of("unit 4", question, "1");
        (void)add(store, &proof);
    }
}

/* As a class with all its rows goes: the database deletes the rows itself. */
static void delete_a_unit(struct evidence_store *store, const int64_t ids[ROWS])
{
    (void)store;
    (void)ids;
    (void)sql("e/evidence.db", "PRAGMA foreign_keys = ON; DELETE FROM unit WHERE id = 5");
}

static void change_when_it_expires(struct evidence_store *store, const int64_t ids[ROWS])
{
    struct evidence_new proof = proof_of("unit 4", "C/a", "answers 4");
    (void)ids;
    proof.expires_ms = INT64_C(1) << 50; /* a row that never expires stays so */
    (void)add(store, &proof);
    assert_int_equal(count_given(store, ids, &member), ROWS);
    (void)sql("e/evidence.db", "UPDATE evidence SET expires_ms = 2000 WHERE id = 4");
}

TEST(a_roll_ends_with_the_first_row_that_goes_or_changes)
{
    static void (*const ways[])(struct evidence_store * store, const int64_t ids[ROWS]) = {
        forget_one,
        revoke_a_host,
        make_room,
        lift_a_quarantine,
        crowd_a_class_out,
        delete_a_unit,
        change_when_it_expires,
    };
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        int64_t ids[ROWS];
        struct evidence_store *store = open_evidence("e");
        fill_store(store, ids);
        keep_rows(store, ids, ROWS);
        struct evidence_roll *roll = open_roll(store); /* also one that was read before */
        ways[i](store, ids);
        assert_int_equal(count_given(store, ids, &member), 0);
        const struct evidence_query query = query_of(20);
        struct evidence_row row;
        assert_int_equal(evidence_begin_read(store, NULL), 0);
        assert_int_equal(evidence_roll_get(store, roll, ids[20], &query, &row), 0);
        evidence_end_read(store);
        put_roll(store, roll);
        evidence_close(store);
        assert_int_equal(tree_remove(AT_FDCWD, at("e"), NULL), 0);
    }
}

TEST(rows_that_are_added_or_used_end_no_roll)
{
    int64_t ids[ROWS];
    struct evidence_store *store = open_evidence("e");
    fill_store(store, ids);
    keep_rows(store, ids, ROWS);
    struct evidence_new proof = proof_of("unit 2", "C/a", "answers 2");
    (void)add(store, &proof); /* confirms */
    proof = proof_of("another unit", "C/a", "1");
    (void)add(store, &proof);
    assert_int_equal(evidence_touch(store, ids, NULL, ROWS, NULL), 0);
    assert_int_equal(count_given(store, ids, &member), ROWS);
    evidence_close(store);
}

TEST(whoever_may_not_read_a_row_does_not_get_it_from_a_roll)
{
    static const struct evidence_reader readers[] = {
        {.trust = EVIDENCE_PROTECTED, .scope = ""  },
        {.trust = EVIDENCE_FORK,      .scope = "c7"},
        {.trust = EVIDENCE_MEMBER,    .scope = "c7"},
    };
    int64_t ids[ROWS];
    struct evidence_store *store = open_evidence("e");
    fill_store(store, ids);
    keep_rows(store, ids, ROWS);
    for (size_t i = 0; i < sizeof readers / sizeof readers[0]; i++) {
        assert_int_equal(count_given(store, ids, &readers[i]), 0);
    }
    /* its evidence contradicts itself since */
    struct evidence_new proof = proof_of("unit 4", "C/a", "answers 4");
    proof.passed = false;
    assert_true(add(store, &proof).conflict.quarantined);
    assert_int_equal(count_given(store, ids, &member), ROWS - 1);
    evidence_close(store);
}

TEST(a_row_that_expired_is_not_given_out)
{
    int64_t ids[ROWS];
    struct evidence_store *store = open_evidence("e");
    fill_store(store, ids);
    (void)sql("e/evidence.db",
              "UPDATE evidence SET expires_ms = 5000 WHERE id = 5; "
              "UPDATE evidence SET expires_ms = 5001 WHERE id = 6");
    struct arena *arena = arena_new(1u << 20);
    struct evidence_roll *roll = open_roll(store);
    assert_int_equal(evidence_begin_read(store, NULL), 0);
    for (unsigned i = 0; i < ROWS; i++) {
        struct evidence_query query = query_of(i);
        struct evidence_row row;
        query.now_ms = 4000;
        assert_int_equal(evidence_get(store, ids[i], &query, arena, &row, NULL), 1);
        evidence_roll_add(store, roll, &row);
    }
    evidence_end_read(store);
    put_roll(store, roll);
    assert_int_equal(count_given(store, ids, &member), ROWS - 1); /* asked at 5000 */
    arena_free(arena);
    evidence_close(store);
}

/* ---- bytes ---- */

TEST(a_damaged_roll_is_none)
{
    static const char *const damages[] = {
        "UPDATE roll SET rows = x''",
        "UPDATE roll SET rows = x'0102'",
        "UPDATE roll SET rows = substr(rows, 1, 16)",
        "UPDATE roll SET rows = substr(rows, 1, 40)",
        "UPDATE roll SET rows = substr(rows, 1, length(rows) - 1)",
        "UPDATE roll SET rows = CAST(x'00000000' || substr(rows, 5) AS BLOB)",
        /* a million origins; the second half for the first */
        "UPDATE roll SET rows = CAST(substr(rows, 1, 4) || x'00001000' || substr(rows, 9) AS BLOB)",
        "UPDATE roll SET rows = CAST(substr(rows, 1, 16) || substr(rows, length(rows) / 2) AS BLOB)",
    };
    int64_t ids[ROWS];
    struct evidence_store *store = open_evidence("e");
    fill_store(store, ids);
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        keep_rows(store, ids, ROWS);
        assert_int_equal(count_given(store, ids, &member), ROWS);
        (void)sql("e/evidence.db", damages[i]);
        assert_int_equal(count_given(store, ids, &member), 0);
    }
    evidence_close(store);
}

TEST(only_some_rolls_are_kept)
{
    int64_t ids[ROWS];
    struct evidence_store *store = open_evidence("e");
    fill_store(store, ids);
    keep_rows(store, ids, ROWS);
    for (int i = 0; i < EVIDENCE_ROLLS_MAX + 3; i++) {
        struct evidence_roll *roll = open_roll(store);
        const struct hash name = key_of((unsigned)i);
        evidence_roll_touch(roll, ids[0], 1);
        assert_int_equal(evidence_roll_put(store, &name, roll, NULL), 0);
        evidence_roll_free(roll);
    }
    assert_int_equal(count_in("e", "roll"), EVIDENCE_ROLLS_MAX);
    evidence_close(store);
}

/* A budget that the rows fit into, but not the rows and their copies: some hundreds of megabytes of
 * rolls may lie beside rows that are as large. */
TEST(rolls_make_room_before_rows_have_to)
{
    int64_t ids[ROWS];
    struct evidence_stats with_roll;
    struct evidence_stats after;
    struct evidence_cleaned cleaned;
    struct evidence_store *store = open_evidence("e");
    fill_store(store, ids);
    keep_rows(store, ids, ROWS);
    assert_int_equal(count_given(store, ids, &member), ROWS);
    assert_int_equal(evidence_stats(store, &with_roll, NULL), 0);
    const uint64_t budget = with_roll.database_bytes + with_roll.blob_bytes - 1;
    assert_int_equal(evidence_gc(store, budget, &cleaned, NULL), 0);
    assert_int_equal(cleaned.rows, 0);
    assert_int_equal(evidence_stats(store, &after, NULL), 0);
    assert_int_equal(after.rows, ROWS);
    assert_true(after.database_bytes < with_roll.database_bytes);
    assert_int_equal(count_given(store, ids, &member), 0);
    evidence_close(store);
}

TEST(short_memory_costs_the_roll_and_nothing_else)
{
    int64_t ids[ROWS];
    struct evidence_store *store = open_evidence("e");
    fill_store(store, ids);
    keep_rows(store, ids, 70);
    struct arena *arena = arena_new(1u << 20);
    const struct hash name = roll_name();
    bool done = false;
    for (size_t n = 1; !done && n < 200; n++) {
        struct evidence_roll *roll = NULL;
        const struct evidence_query query = query_of(80);
        struct evidence_row row;
        assert_int_equal(evidence_begin_read(store, NULL), 0);
        assert_int_equal(evidence_get(store, ids[80], &query, arena, &row, NULL), 1);
        mem_fail_from(n);
        int rc = evidence_roll_open(store, &name, &roll, NULL);
        if (rc == 0) {
            evidence_roll_add(store, roll, &row);
        }
        evidence_end_read(store);
        rc = rc == 0 ? evidence_roll_put(store, &name, roll, NULL) : rc;
        done = mem_fail_from(0) < n;
        assert_true(rc == 0 || rc == -ENOMEM);
        evidence_roll_free(roll);
        assert_true(count_given(store, ids, &member) >= 70);
    }
    arena_free(arena);
    evidence_close(store);
}
