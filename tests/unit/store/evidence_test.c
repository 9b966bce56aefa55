/* SPDX-License-Identifier: Apache-2.0 */
#include "store/evidence.h"

#include "base/clock.h"
#include "base/mem.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/proof.h"
#include "support/story.h"
#include "support/test.h"

/* ---- opening ---- */

TEST(the_folder_is_ours_alone)
{
    struct evidence_store *store = open_evidence("e");
    struct stat st;
    assert_int_equal(stat(at("e"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(stat(at("e/blobs"), &st), 0);
    assert_non_null(evidence_blobs(store));
    evidence_close(store);
    evidence_close(NULL);
}

TEST(the_secret_is_random_and_stays)
{
    unsigned char secret[HASH_SIZE];
    struct evidence_store *store = open_evidence("e");
    struct evidence_store *other = open_evidence("f");
    memcpy(secret, evidence_secret(store), sizeof secret);
    assert_memory_not_equal(secret, evidence_secret(other), sizeof secret);
    evidence_close(store);
    evidence_close(other);
    store = open_evidence("e");
    assert_memory_equal(secret, evidence_secret(store), sizeof secret);
    evidence_close(store);
}

TEST(a_database_of_the_history_of_runs_is_no_evidence)
{
    (void)mkdir(at("e"), 0700);
    store_close(open_store("e/evidence.db"));
    struct evidence_store *store = NULL;
    struct err err = {0};
    assert_int_equal(evidence_open(at("e"), &store, &err), -EUCLEAN);
    assert_non_null(strstr(err.text, "some other program"));
    assert_null(store);
}

TEST(evidence_of_a_newer_sluice_is_refused)
{
    evidence_close(open_evidence("e"));
    (void)sql("e/evidence.db", "PRAGMA user_version = 99");
    struct evidence_store *store = NULL;
    struct err err = {0};
    assert_int_equal(evidence_open(at("e"), &store, &err), -EPROTO);
    assert_non_null(strstr(err.text, "newer sluice"));
}

/* ---- atoms ---- */

TEST(an_observation_has_one_id_in_all_processes)
{
    struct evidence_store *one = open_evidence("e");
    struct evidence_store *two = open_evidence("e");
    const struct questions *asked = ask("C/src/a.c X/src/a.c C/src/b.c L/x");
    uint32_t ids[4];
    uint32_t again[4];
    assert_int_equal(evidence_intern(one, asked->items, 4, ids, NULL), 0);
    assert_int_equal(evidence_intern(two, asked->items, 4, again, NULL), 0);
    assert_memory_equal(ids, again, sizeof ids);
    assert_true(ids[0] != ids[1] && ids[1] != ids[2] && ids[2] != ids[3]);
    struct observation atom;
    assert_int_equal(evidence_atom(two, ids[1], &atom, NULL), 0);
    assert_int_equal(atom.kind, OBSERVE_EXISTS);
    assert_string_equal(atom.path, "/src/a.c");
    const struct observation *atoms = NULL;
    uint32_t end = 0;
    assert_int_equal(evidence_atoms(one, &atoms, &end, NULL), 0);
    assert_true(end > ids[3]);
    assert_string_equal(atoms[ids[3]].path, "/x");
    assert_int_equal(atoms[ids[3]].kind, OBSERVE_LINK);
    const struct questions *more = ask("D/src");
    assert_int_equal(evidence_intern(two, more->items, 1, ids, NULL), 0);
    assert_int_equal(evidence_atoms(one, &atoms, &end, NULL), 0);
    assert_true(end == ids[0] + 1);
    assert_string_equal(atoms[ids[0]].path, "/src");
    struct err err = {0};
    assert_int_equal(evidence_atom(one, 4711, &atom, &err), -ENOENT);
    evidence_close(one);
    evidence_close(two);
}

/* A run that made its 1,025th question while it held the array crashed: the array had moved. */
TEST(an_array_of_atoms_stays_while_more_are_made)
{
    struct evidence_store *store = open_evidence("e");
    char path[32];
    const struct observation item = {.kind = OBSERVE_CONTENT, .path = path};
    const struct observation *atoms = NULL;
    uint32_t end = 0;
    uint32_t first = 0;
    uint32_t id = 0;
    for (unsigned round = 0; round < 3; round++) {
        (void)snprintf(path, sizeof path, "/first/%u", round);
        assert_int_equal(evidence_intern(store, &item, 1, &first, NULL), 0);
        assert_int_equal(evidence_atoms(store, &atoms, &end, NULL), 0);
        for (unsigned i = 0; i < 4000; i++) {
            struct observation atom;
            (void)snprintf(path, sizeof path, "/%u/%u", round, i);
            assert_int_equal(evidence_intern(store, &item, 1, &id, NULL), 0);
            assert_int_equal(evidence_atom(store, id, &atom, NULL), 0);
            assert_string_equal(atom.path, path);
        }
        (void)snprintf(path, sizeof path, "/first/%u", round);
        assert_string_equal(atoms[first].path, path);
        assert_true(id >= end);
    }
    evidence_close(store);
}

TEST(a_path_of_any_bytes_is_kept)
{
    struct evidence_store *store = open_evidence("e");
    char longest[4096];
    memset(longest, 'p', sizeof longest);
    longest[4095] = '\0';
    const struct observation items[] = {
        {OBSERVE_CONTENT, "/src/\xff\n\x01'\"%s"},
        {OBSERVE_CONTENT, longest               },
        {OBSERVE_HOST,    "ncpu"                },
        {OBSERVE_EXISTS,  ""                    },
    };
    uint32_t ids[4];
    uint32_t again[4];
    assert_int_equal(evidence_intern(store, items, 4, ids, NULL), 0);
    assert_int_equal(evidence_intern(store, items, 4, again, NULL), 0);
    assert_memory_equal(ids, again, sizeof ids);
    for (size_t i = 0; i < 4; i++) {
        struct observation atom;
        assert_int_equal(evidence_atom(store, ids[i], &atom, NULL), 0);
        assert_string_equal(atom.path, items[i].path);
        assert_int_equal(atom.kind, items[i].kind);
    }
    evidence_close(store);
}

/* A rollback frees ids: what was remembered of them must not survive it. */
TEST(ids_of_a_batch_that_was_given_up_are_forgotten)
{
    struct evidence_store *store = open_evidence("e");
    const struct questions *lost = ask("C/lost");
    const struct questions *kept = ask("C/kept");
    uint32_t lost_id = 0;
    uint32_t kept_id = 0;
    uint32_t lost_again = 0;
    assert_int_equal(evidence_begin_write(store, NULL), 0);
    assert_int_equal(evidence_intern(store, lost->items, 1, &lost_id, NULL), 0);
    assert_int_equal(evidence_end_write(store, false, NULL), 0);
    assert_int_equal(evidence_intern(store, kept->items, 1, &kept_id, NULL), 0);
    assert_int_equal(kept_id, lost_id); /* the trap */
    assert_int_equal(evidence_intern(store, lost->items, 1, &lost_again, NULL), 0);
    assert_true(lost_again != kept_id);
    struct observation atom;
    assert_int_equal(evidence_atom(store, kept_id, &atom, NULL), 0);
    assert_string_equal(atom.path, "/kept");
    evidence_close(store);
}

/* ---- adding and finding ---- */

TEST(what_was_added_is_found_with_all_it_said)
{
    struct evidence_store *store = open_evidence("e");
    struct evidence_new proof = proof_of("u", "C/a X/b", "1 2");
    proof.stdout_blob = hash_of("out");
    proof.manifest = hash_of("manifest");
    proof.scope = "change-7";
    proof.trust = EVIDENCE_PROTECTED;
    proof.words = "{\"unit\":\"u\"}";
    struct evidence_added added = add(store, &proof);
    assert_false(added.conflict.found);
    evidence_close(store);
    store = open_evidence("e");
    struct evidence_row row;
    assert_int_equal(find_proof(store, "u", "1 2", &row), 1);
    assert_true(row.id == added.id && row.class_id == added.class_id);
    assert_memory_equal(&row.unit_key, &proof.unit_key, HASH_SIZE);
    assert_memory_equal(&row.full, &proof.full, HASH_SIZE);
    assert_true(row.passed);
    assert_int_equal(row.kind, EVIDENCE_OBSERVED);
    assert_int_equal(row.trust, EVIDENCE_PROTECTED);
    assert_string_equal(row.scope, "change-7");
    assert_string_equal(row.tree, "tree-1");
    assert_string_equal(row.run, "r1");
    assert_string_equal(row.host, "host-1");
    assert_string_equal(row.observer, "observer-1");
    assert_true(row.time_ms == proof.time_ms && row.wall_ns == 5000000 && row.cpu_us == 4000);
    assert_true(row.expires_ms == 0 && row.confirmed == 1);
    assert_memory_equal(&row.stdout_blob, &proof.stdout_blob, HASH_SIZE);
    assert_memory_equal(&row.manifest, &proof.manifest, HASH_SIZE);
    const struct hash zero = {{0}};
    assert_memory_equal(&row.stderr_blob, &zero, HASH_SIZE);
    struct str out = STR_INIT(100);
    assert_int_equal(evidence_outcome(store, &row, &out, NULL), 0);
    assert_string_equal(str_text(&out), "{}");
    str_fini(&out);
    assert_int_equal(find_proof(store, "u", "1 3", NULL), 0);
    assert_int_equal(find_proof(store, "v", "1 2", NULL), 0);
    struct arena *arena = arena_new(100000);
    const char *words = NULL;
    assert_int_equal(evidence_words(store, &proof.unit_key, arena, &words, NULL), 0);
    assert_string_equal(words, "{\"unit\":\"u\"}");
    const struct hash nobody = hash_of("nobody");
    assert_int_equal(evidence_words(store, &nobody, arena, &words, NULL), 0);
    assert_null(words);
    arena_free(arena);
    evidence_close(store);
}

TEST(large_outcomes_are_in_the_content_store)
{
    struct evidence_store *store = open_evidence("e");
    struct evidence_new proof = proof_of("u", "C/a", "1");
    struct str large = STR_INIT(100000);
    while (large.len < 50000) {
        (void)str_appendf(&large, "case %zu ", large.len);
    }
    proof.outcome = large.data;
    proof.outcome_len = large.len;
    (void)add(store, &proof);
    struct evidence_row row;
    struct str out = STR_INIT(100000);
    assert_int_equal(find_proof(store, "u", "1", &row), 1);
    assert_null(row.outcome);
    assert_int_equal(evidence_outcome(store, &row, &out, NULL), 0);
    assert_string_equal(str_text(&out), str_text(&large));
    assert_int_equal(blobs_remove(evidence_blobs(store), &row.outcome_blob, NULL), 0);
    assert_int_equal(evidence_outcome(store, &row, &out, NULL), -ENOENT);
    assert_int_equal(evidence_forget(store, row.id, NULL), 0);
    assert_int_equal(find_proof(store, "u", "1", &row), 0);
    assert_int_equal(evidence_forget(store, row.id, NULL), 0);
    str_fini(&out);
    str_fini(&large);
    evidence_close(store);
}

static size_t classes_of(struct evidence_store *store,
                         const char *unit,
                         struct arena *arena,
                         const struct evidence_class **ret)
{
    const struct hash key = hash_of(unit);
    size_t count = 0;
    assert_int_equal(evidence_classes(store, &key, arena, ret, &count, NULL), 0);
    return count;
}

/* "C/a X/b" */
static const char *questions_of(struct evidence_store *store, const struct evidence_class *item)
{
    static char text[2048];
    uint32_t ids[64];
    size_t len = 0;
    assert_true(item->count <= 64);
    assert_int_equal(evidence_class_atoms(item, ids, NULL), 0);
    text[0] = '\0';
    for (uint32_t i = 0; i < item->count; i++) {
        struct observation atom;
        assert_int_equal(evidence_atom(store, ids[i], &atom, NULL), 0);
        len += (size_t)snprintf(
            text + len, sizeof text - len, "%s%c%s", i > 0 ? " " : "", (char)atom.kind, atom.path);
    }
    return text;
}

TEST(classes_keep_the_order_of_their_questions_and_come_newest_first)
{
    struct evidence_store *store = open_evidence("e");
    struct arena *arena = arena_new(1u << 20);
    const struct evidence_class *classes = NULL;
    struct evidence_new proof = proof_of("u", "C/z C/y X/m C/a", "1");
    struct evidence_added first = add(store, &proof);
    proof = proof_of("u", "C/a C/z", "2");
    (void)add(store, &proof);
    proof = proof_of("other", "", "3"); /* it asked nothing */
    (void)add(store, &proof);
    assert_int_equal(classes_of(store, "u", arena, &classes), 2);
    assert_string_equal(questions_of(store, &classes[0]), "C/a C/z");
    assert_string_equal(questions_of(store, &classes[1]), "C/z C/y X/m C/a");
    assert_false(classes[0].foreign);
    assert_true(classes[1].id == first.class_id);
    assert_int_equal(classes_of(store, "other", arena, &classes), 1);
    assert_int_equal(classes[0].count, 0);
    assert_int_equal(classes_of(store, "nobody", arena, &classes), 0);
    /* a use brings its class to the front, once its last use is an hour ago */
    (void)sql("e/evidence.db", "UPDATE evidence SET used_ms = 1");
    assert_int_equal(evidence_touch(store, &first.id, NULL, 1, NULL), 0);
    assert_int_equal(classes_of(store, "u", arena, &classes), 2);
    assert_true(classes[0].id == first.class_id);
    assert_true(strtoll(sql("e/evidence.db", "SELECT max(used_ms) FROM evidence"), NULL, 10)
                > 1000);
    arena_free(arena);
    evidence_close(store);
}

TEST(the_same_result_again_confirms_and_adds_nothing)
{
    struct evidence_store *store = open_evidence("e");
    struct evidence_new proof = proof_of("u", "C/a", "1");
    struct evidence_added first = add(store, &proof);
    struct evidence_added second = add(store, &proof);
    assert_true(first.id == second.id);
    struct evidence_row row;
    assert_int_equal(find_proof(store, "u", "1", &row), 1);
    assert_int_equal(row.confirmed, 2);
    proof.scope = "change-1"; /* another origin attests for itself */
    assert_true(add(store, &proof).id != first.id);
    proof.kind = EVIDENCE_DECLARED;
    assert_true(add(store, &proof).id != first.id);
    assert_int_equal(count_in("e", "evidence"), 3);
    assert_int_equal(count_in("e", "quarantine"), 0);
    evidence_close(store);
}

TEST(evidence_expires)
{
    struct evidence_store *store = open_evidence("e");
    struct evidence_new proof = proof_of("u", "C/a", "1");
    proof.expires_ms = clock_wall_ms() + 60000;
    (void)add(store, &proof);
    assert_int_equal(find_proof(store, "u", "1", NULL), 1);
    (void)sql("e/evidence.db", "UPDATE evidence SET expires_ms = 1");
    assert_int_equal(find_proof(store, "u", "1", NULL), 0);
    (void)add(store, &proof); /* it was run again */
    assert_int_equal(find_proof(store, "u", "1", NULL), 1);
    assert_int_equal(count_in("e", "evidence"), 1);
    evidence_close(store);
}

TEST(failures_are_given_only_to_those_who_ask_for_them)
{
    struct evidence_store *store = open_evidence("e");
    struct evidence_new proof = proof_of("u", "C/a", "1");
    proof.passed = false;
    (void)add(store, &proof);
    (void)add(store, &proof);
    assert_int_equal(find_proof(store, "u", "1", NULL), 0);
    struct evidence_row row;
    assert_int_equal(find_as(store, "u", "1", EVIDENCE_MEMBER, "", &row), 1);
    assert_false(row.passed);
    assert_int_equal(row.confirmed, 2);
    evidence_close(store);
}

TEST(a_class_that_is_not_the_units_answers_nothing)
{
    struct evidence_store *store = open_evidence("e");
    struct evidence_new proof = proof_of("u", "C/a", "1");
    struct evidence_added added = add(store, &proof);
    struct arena *arena = arena_new(1u << 16);
    struct evidence_query query = {
        .unit_key = hash_of("v"),
        .class_id = added.class_id,
        .full = proof.full,
        .reader = {EVIDENCE_MEMBER, ""},
        .now_ms = clock_wall_ms(),
    };
    struct evidence_row row;
    assert_int_equal(evidence_find(store, &query, arena, &row, NULL), 0);
    assert_int_equal(evidence_get(store, added.id, &query, arena, &row, NULL), 0);
    query.unit_key = hash_of("u");
    assert_int_equal(evidence_find(store, &query, arena, &row, NULL), 1);
    assert_int_equal(evidence_get(store, added.id, &query, arena, &row, NULL), 1);
    assert_int_equal(evidence_get(store, added.id + 1, &query, arena, &row, NULL), 0);
    arena_free(arena);
    evidence_close(store);
}

TEST(one_picture_serves_many_look_ups)
{
    struct evidence_store *reader = open_evidence("e");
    struct evidence_store *writer = open_evidence("e");
    struct evidence_new proof = proof_of("u", "C/a", "1");
    assert_int_equal(evidence_begin_read(reader, NULL), 0);
    (void)add(writer, &proof);
    assert_int_equal(find_proof(reader, "u", "1", NULL), 0);
    evidence_end_read(reader);
    assert_int_equal(find_proof(reader, "u", "1", NULL), 1);
    evidence_close(reader);
    evidence_close(writer);
}

TEST(a_batch_is_all_or_nothing)
{
    struct evidence_store *store = open_evidence("e");
    struct evidence_new proof = proof_of("u", "C/a", "1");
    assert_int_equal(evidence_begin_write(store, NULL), 0);
    (void)add(store, &proof);
    proof = proof_of("v", "C/a", "1");
    (void)add(store, &proof);
    assert_int_equal(evidence_end_write(store, false, NULL), 0);
    assert_int_equal(find_proof(store, "u", "1", NULL), 0);
    assert_int_equal(evidence_begin_write(store, NULL), 0);
    (void)add(store, &proof);
    assert_int_equal(evidence_end_write(store, true, NULL), 0);
    assert_int_equal(find_proof(store, "v", "1", NULL), 1);
    evidence_close(store);
}

/* ---- trust ---- */

TEST(everybody_reads_what_he_may_and_nothing_else)
{
    static const struct {
        enum evidence_trust trust;
        const char *scope;
    } rows[] = {
        {EVIDENCE_PROTECTED, ""  },
        {EVIDENCE_PROTECTED, "c1"},
        {EVIDENCE_MEMBER,    ""  },
        {EVIDENCE_MEMBER,    "c1"},
        {EVIDENCE_FORK,      ""  },
        {EVIDENCE_FORK,      "c1"},
    };

    static const struct {
        enum evidence_trust trust;
        const char *scope;
        const char *reads; /* by row */
    } readers[] = {
        {EVIDENCE_PROTECTED, "",   "110000"},
        {EVIDENCE_PROTECTED, "c1", "110000"},
        {EVIDENCE_MEMBER,    "",   "111100"},
        {EVIDENCE_MEMBER,    "c1", "110100"},
        {EVIDENCE_MEMBER,    "c2", "110000"},
        {EVIDENCE_FORK,      "c1", "110101"},
        {EVIDENCE_FORK,      "c2", "110000"},
        {EVIDENCE_FORK,      "",   "111010"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "e%zu", i);
        struct evidence_store *store = open_evidence(name);
        struct evidence_new proof = proof_of("u", "C/a", "1");
        proof.trust = rows[i].trust;
        proof.scope = rows[i].scope;
        (void)add(store, &proof);
        for (size_t r = 0; r < sizeof readers / sizeof readers[0]; r++) {
            int found = find_as(store, "u", "1", readers[r].trust, readers[r].scope, NULL);
            if (found != readers[r].reads[i] - '0') {
                fail_msg("reader %zu, row %zu: %d", r, i, found);
            }
        }
        evidence_close(store);
    }
}

TEST(the_most_trusted_row_answers_first)
{
    struct evidence_store *store = open_evidence("e");
    struct evidence_new proof = proof_of("u", "C/a", "1");
    (void)add(store, &proof);
    proof.trust = EVIDENCE_PROTECTED;
    struct evidence_added best = add(store, &proof);
    proof.trust = EVIDENCE_MEMBER;
    proof.scope = "c1";
    (void)add(store, &proof);
    struct evidence_row row;
    assert_int_equal(find_proof(store, "u", "1", &row), 1);
    assert_true(row.id == best.id);
    evidence_close(store);
}

/* ---- limits ---- */

/* Adds a row of a class of its own; `i` names both. */
static int add_class_of(struct evidence_store *store, int i, bool imported)
{
    char question[32];
    char answers[32];
    (void)snprintf(question, sizeof question, "C/%d", i);
    (void)snprintf(answers, sizeof answers, "%d", i);
    struct evidence_new proof = proof_of("u", question, answers);
    proof.imported = imported;
    return evidence_add(store, &proof, NULL, NULL);
}

TEST(beyond_the_last_class_the_one_used_longest_ago_goes)
{
    struct evidence_store *store = open_evidence("e");
    assert_int_equal(evidence_begin_write(store, NULL), 0);
    for (int i = 0; i < EVIDENCE_CLASSES_MAX; i++) {
        assert_int_equal(add_class_of(store, i, false), 0);
    }
    assert_int_equal(add_class_of(store, 0, false), 0); /* used again */
    assert_int_equal(add_class_of(store, EVIDENCE_CLASSES_MAX, false), 0);
    assert_int_equal(evidence_end_write(store, true, NULL), 0);
    assert_int_equal(count_in("e", "class"), EVIDENCE_CLASSES_MAX);
    assert_int_equal(count_in("e", "evidence"), EVIDENCE_CLASSES_MAX);
    assert_int_equal(find_proof(store, "u", "1", NULL), 0);
    assert_int_equal(find_proof(store, "u", "0", NULL), 1);
    assert_int_equal(find_proof(store, "u", "2", NULL), 1);
    char newest[32];
    (void)snprintf(newest, sizeof newest, "%d", EVIDENCE_CLASSES_MAX);
    assert_int_equal(find_proof(store, "u", newest, NULL), 1);
    evidence_close(store);
}

TEST(what_is_imported_pushes_nothing_out_and_the_batch_goes_on)
{
    struct evidence_store *store = open_evidence("e");
    assert_int_equal(evidence_begin_write(store, NULL), 0);
    for (int i = 0; i < EVIDENCE_CLASSES_MAX; i++) {
        assert_int_equal(add_class_of(store, i, true), 0);
    }
    assert_int_equal(add_class_of(store, EVIDENCE_CLASSES_MAX, true), -EMLINK);
    struct evidence_new proof = proof_of("u", "C/3", "new"); /* one that is there */
    proof.imported = true;
    (void)add(store, &proof);
    assert_int_equal(evidence_end_write(store, true, NULL), 0);
    assert_int_equal(count_in("e", "class"), EVIDENCE_CLASSES_MAX);
    assert_int_equal(find_proof(store, "u", "0", NULL), 1);
    assert_int_equal(find_proof(store, "u", "new", NULL), 1);
    evidence_close(store);
}

/* Many questions, in classes that differ in one. */
static void add_large_class(struct evidence_store *store, int i)
{
    enum {
        QUESTIONS = 10000
    };

    static struct observation items[QUESTIONS + 1];
    static char names[QUESTIONS][16];
    char own[16];
    char answers[16];
    (void)snprintf(own, sizeof own, "/z%d", i);
    (void)snprintf(answers, sizeof answers, "%d", i);
    for (size_t k = 0; k < QUESTIONS; k++) {
        (void)snprintf(names[k], sizeof names[k], "/%05zu", (k * 7919) % QUESTIONS);
        items[k] = (struct observation){.kind = OBSERVE_CONTENT, .path = names[k]};
    }
    items[QUESTIONS] = (struct observation){.kind = OBSERVE_CONTENT, .path = own};
    struct evidence_new proof = proof_of("u", "C/a", answers);
    proof.questions = items;
    proof.question_count = QUESTIONS + 1;
    (void)add(store, &proof);
}

TEST(classes_that_take_much_room_are_few_but_not_too_few)
{
    struct evidence_store *store = open_evidence("e");
    for (int i = 0; i < 2 * EVIDENCE_CLASSES_SURE + 2; i++) {
        add_large_class(store, i);
    }
    /* 10,000 bytes each: 26 of them would be within the limit */
    assert_in_range(count_in("e", "class"), EVIDENCE_CLASSES_SURE, 26);
    assert_int_equal(find_proof(store, "u", "0", NULL), 0);
    assert_int_equal(find_proof(store, "u", "33", NULL), 1);
    evidence_close(store);
}

TEST(a_class_keeps_the_fingerprints_that_were_used_last)
{
    struct evidence_store *store = open_evidence("e");
    char answers[32];
    assert_int_equal(evidence_begin_write(store, NULL), 0);
    for (int i = 0; i < EVIDENCE_ROWS_PER_CLASS + 64; i++) {
        (void)snprintf(answers, sizeof answers, "%d", i);
        struct evidence_new proof = proof_of("u", "C/a", answers);
        (void)add(store, &proof);
    }
    assert_int_equal(evidence_end_write(store, true, NULL), 0);
    unsigned long rows = count_in("e", "evidence");
    assert_in_range(rows, EVIDENCE_ROWS_PER_CLASS, EVIDENCE_ROWS_PER_CLASS + 63);
    assert_int_equal(find_proof(store, "u", "0", NULL), 0);
    assert_int_equal(find_proof(store, "u", answers, NULL), 1);
    evidence_close(store);
}

TEST(the_newest_vectors_of_a_class_are_kept)
{
    struct evidence_store *store = open_evidence("e");
    struct evidence_added added = {.id = 0};
    char answers[2000];
    for (int i = 0; i < 12; i++) {
        memset(answers, 'v', sizeof answers);
        (void)snprintf(answers + 1900, 99, "answers %d", i);
        struct evidence_new proof = proof_of("u", "C/a", answers);
        added = add(store, &proof);
    }
    struct arena *arena = arena_new(1u << 20);
    const struct evidence_vector *vectors = NULL;
    size_t count = 0;
    assert_int_equal(evidence_vectors(store, added.class_id, arena, &vectors, &count, NULL), 0);
    assert_int_equal(count, EVIDENCE_VECTORS_PER_CLASS);
    assert_true(vectors[0].evidence_id == added.id);
    assert_int_equal(vectors[0].len, strlen(answers));
    assert_memory_equal(vectors[0].bytes, answers, strlen(answers));
    assert_memory_equal((const char *)vectors[7].bytes + 1900, "answers 4", 9);
    assert_true(strtol(sql("e/evidence.db", "SELECT length(vectors) FROM class"), NULL, 10) < 1000);
    assert_int_equal(evidence_vectors(store, 4711, arena, &vectors, &count, NULL), 0);
    assert_int_equal(count, 0);
    arena_free(arena);
    evidence_close(store);
}

/* ---- damage ---- */

TEST(columns_that_make_no_sense_are_damage_and_nothing_worse)
{
    static const char *const edits[] = {
        "UPDATE unit SET classes = x'ff'",
        "UPDATE unit SET classes = x'01ffffffffffffffffff7f00'",
        "UPDATE unit SET classes = x'01047f01'",
        "UPDATE unit SET classes = zeroblob(100)",
    };
    struct evidence_store *store = open_evidence("e");
    struct evidence_new proof = proof_of("u", "C/a C/b", "1");
    for (size_t i = 0; i < sizeof edits / sizeof edits[0]; i++) {
        struct arena *arena = arena_new(1u << 20);
        const struct evidence_class *classes = NULL;
        size_t count = 0;
        struct err err = {0};
        (void)sql("e/evidence.db", "DELETE FROM unit");
        (void)add(store, &proof);
        (void)sql("e/evidence.db", edits[i]);
        assert_int_equal(evidence_classes(store, &proof.unit_key, arena, &classes, &count, &err),
                         -EUCLEAN);
        assert_non_null(strstr(err.text, "damaged"));
        assert_int_equal(evidence_add(store, &proof, NULL, &err), -EUCLEAN);
        arena_free(arena);
    }
    (void)sql("e/evidence.db", "DELETE FROM unit");
    (void)add(store, &proof);
    (void)sql("e/evidence.db", "UPDATE class SET vectors = x'00112233'");
    struct arena *arena = arena_new(1u << 20);
    const struct evidence_vector *vectors = NULL;
    size_t count = 0;
    const int64_t class_id = strtoll(sql("e/evidence.db", "SELECT max(id) FROM class"), NULL, 10);
    assert_int_equal(evidence_vectors(store, class_id, arena, &vectors, &count, NULL), -EUCLEAN);
    proof = proof_of("u", "C/a C/b", "2"); /* adding goes on: they only explain */
    (void)add(store, &proof);
    assert_int_equal(evidence_vectors(store, class_id, arena, &vectors, &count, NULL), 0);
    assert_int_equal(count, 1);
    arena_free(arena);
    evidence_close(store);
}

TEST(short_memory_is_an_error_and_the_evidence_stays_whole)
{
    struct evidence_store *store = open_evidence("e");
    struct evidence_new proof = proof_of("u", "C/a C/b", "0");
    char answers[16];
    size_t failures = 0;
    for (size_t n = 1;; n++) {
        struct err err = {0};
        (void)snprintf(answers, sizeof answers, "%zu", n);
        proof = proof_of("u", n % 2 == 0 ? "C/a C/b" : "C/b X/c", answers);
        (void)mem_fail_from(n);
        int result = evidence_add(store, &proof, NULL, &err);
        (void)mem_fail_from(0);
        assert_int_equal(find_proof(store, "u", answers, NULL), result == 0 ? 1 : 0);
        if (result == 0) {
            break;
        }
        assert_int_equal(result, -ENOMEM);
        failures++;
    }
    assert_true(failures > 3);
    for (size_t n = 1;; n++) {
        struct evidence_store *other = NULL;
        (void)mem_fail_from(n);
        int result = evidence_open(at("e"), &other, NULL);
        (void)mem_fail_from(0);
        evidence_close(other);
        if (result == 0) {
            break;
        }
        assert_int_equal(result, -ENOMEM);
    }
    assert_string_equal(sql("e/evidence.db", "PRAGMA integrity_check"), "ok");
    assert_string_equal(sql("e/evidence.db", "PRAGMA foreign_key_check"), "");
    evidence_close(store);
}
