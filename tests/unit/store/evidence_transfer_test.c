/* SPDX-License-Identifier: Apache-2.0 */
#include "store/evidence_transfer.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "store/evidence_keep.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/proof.h"
#include "support/story.h"
#include "support/test.h"

static struct evidence_transferred export_to(struct evidence_store *store,
                                             const char *tree,
                                             const char *run,
                                             const char *file)
{
    const struct evidence_selection selection = {tree, run};
    struct evidence_transferred done;
    struct err err = {0};
    memset(&done, 0, sizeof done);
    if (evidence_export(store, &selection, at(file), &done, &err) != 0) {
        fail_msg("%s", err.text);
    }
    return done;
}

static struct evidence_transferred import_from(struct evidence_store *store,
                                               const char *file,
                                               enum evidence_trust trust)
{
    struct evidence_transferred done;
    struct err err = {0};
    memset(&done, 0, sizeof done);
    if (evidence_import(store, at(file), trust, &done, &err) != 0) {
        fail_msg("%s", err.text);
    }
    return done;
}

static struct hash put_blob(struct evidence_store *store, const char *text)
{
    struct hash digest;
    assert_int_equal(blobs_put(evidence_blobs(store), text, strlen(text), &digest, NULL), 0);
    return digest;
}

/* Three units: a build with products, a test with output, one of another tree. */
static void fill(struct evidence_store *store)
{
    struct evidence_new proof = proof_of("build", "C/src/a.c X/src/b.h", "1");
    const struct hash products[] = {put_blob(store, "product one"), put_blob(store, "product two")};
    struct str large = STR_INIT(1u << 20);
    proof.manifest = put_blob(store, "a manifest");
    proof.products = products;
    proof.product_count = 2;
    proof.trust = EVIDENCE_PROTECTED;
    (void)add(store, &proof);
    proof = proof_of("test", "C/src/a.c C/t.sh", "2");
    proof.stdout_blob = put_blob(store, "all well\n");
    while (large.len < 400000) {
        (void)str_appendf(&large, "case %zu ", large.len * 7919);
    }
    proof.outcome = large.data;
    proof.outcome_len = large.len;
    (void)add(store, &proof);
    (void)add(store, &proof);
    proof = proof_of("other", "C/o", "3");
    proof.tree = "tree-2";
    proof.run = "r2";
    (void)add(store, &proof);
    str_fini(&large);
}

TEST(what_is_exported_for_a_tree_answers_elsewhere)
{
    struct evidence_store *here = open_evidence("here");
    struct evidence_store *there = open_evidence("there");
    fill(here);
    struct evidence_transferred done = export_to(here, "tree-1", NULL, "f");
    assert_int_equal(done.rows, 2);
    assert_int_equal(done.blobs, 5);
    assert_int_equal(done.incomplete, 0);
    struct stat st;
    assert_int_equal(stat(at("f"), &st), 0);
    assert_int_equal(done.bytes, st.st_size);
    done = import_from(there, "f", EVIDENCE_PROTECTED);
    assert_int_equal(done.rows, 2);
    assert_int_equal(done.blobs, 5);
    assert_int_equal(done.known + done.incomplete + done.revoked + done.conflicts, 0);
    struct evidence_row row;
    assert_int_equal(find_proof(there, "build", "1", &row), 1);
    assert_int_equal(row.trust, EVIDENCE_PROTECTED);
    assert_string_equal(row.tree, "tree-1");
    struct str out = STR_INIT(1u << 20);
    assert_int_equal(blobs_get(evidence_blobs(there), &row.manifest, &out, NULL), 0);
    assert_string_equal(str_text(&out), "a manifest");
    assert_int_equal(find_proof(there, "test", "2", &row), 1);
    assert_int_equal(row.trust, EVIDENCE_MEMBER);
    assert_int_equal(row.confirmed, 2);
    str_clear(&out);
    assert_int_equal(evidence_outcome(there, &row, &out, NULL), 0);
    assert_true(out.len >= 400000);
    assert_int_equal(find_proof(there, "other", "3", NULL), 0);
    struct arena *arena = arena_new(1u << 20);
    const struct evidence_vector *vectors = NULL;
    size_t count = 0;
    assert_int_equal(evidence_vectors(there, row.class_id, arena, &vectors, &count, NULL), 0);
    assert_int_equal(count, 1);
    assert_memory_equal(vectors[0].bytes, "2", 1);
    arena_free(arena);
    str_fini(&out);
    evidence_close(here);
    evidence_close(there);
}

TEST(what_answered_for_a_run_is_exported_with_what_it_earned)
{
    struct evidence_store *here = open_evidence("here");
    struct evidence_store *there = open_evidence("there");
    fill(here);
    struct evidence_row row;
    assert_int_equal(find_proof(here, "test", "2", &row), 1);
    const struct evidence_state state = {hash_of("s"), "tree-9", "r2"};
    const struct evidence_answer answer = {hash_of("test"), row.id};
    assert_int_equal(evidence_answers_put(here, &state, &answer, 1, NULL), 0);
    assert_int_equal(export_to(here, NULL, "r2", "f").rows, 2);
    assert_int_equal(export_to(here, "tree-9", NULL, "g").rows, 1);
    assert_int_equal(import_from(there, "g", EVIDENCE_MEMBER).rows, 1);
    assert_int_equal(find_proof(there, "test", "2", NULL), 1);
    struct err err = {0};
    struct evidence_transferred done;
    const struct evidence_selection nothing = {"tree-77", NULL};
    assert_int_equal(evidence_export(here, &nothing, at("h"), &done, &err), -ENODATA);
    assert_non_null(strstr(err.text, "no evidence for tree tree-77"));
    assert_false(file_exists(at("h")));
    evidence_close(here);
    evidence_close(there);
}

TEST(trust_is_never_raised)
{
    struct evidence_store *here = open_evidence("here");
    fill(here);
    (void)export_to(here, "tree-1", NULL, "f");
    for (int trust = 0; trust < EVIDENCE_TRUST_COUNT; trust++) {
        char name[16];
        struct evidence_row row;
        (void)snprintf(name, sizeof name, "there%d", trust);
        struct evidence_store *there = open_evidence(name);
        (void)import_from(there, "f", (enum evidence_trust)trust);
        assert_int_equal(find_as(there, "build", "1", EVIDENCE_FORK, "", &row), 1);
        assert_int_equal((int)row.trust, trust);
        bool found = find_as(there, "test", "2", EVIDENCE_PROTECTED, "", NULL) == 1;
        assert_false(found); /* it was a member's */
        evidence_close(there);
    }
    evidence_close(here);
}

TEST(importing_twice_changes_nothing)
{
    struct evidence_store *here = open_evidence("here");
    struct evidence_store *there = open_evidence("there");
    fill(here);
    (void)export_to(here, "tree-1", NULL, "f");
    (void)import_from(there, "f", EVIDENCE_MEMBER);
    struct evidence_transferred done = import_from(there, "f", EVIDENCE_MEMBER);
    assert_int_equal(done.rows, 0);
    assert_int_equal(done.known, 2);
    assert_int_equal(done.blobs, 0);
    struct evidence_row row;
    assert_int_equal(find_proof(there, "test", "2", &row), 1);
    assert_int_equal(row.confirmed, 2); /* two runs, however often the file is read */
    done = import_from(here, "f", EVIDENCE_PROTECTED);
    assert_int_equal(done.known, 2);
    evidence_close(here);
    evidence_close(there);
}

TEST(an_empty_store_takes_the_secret_over_and_another_compares_in_full)
{
    struct evidence_store *here = open_evidence("here");
    struct evidence_store *empty = open_evidence("empty");
    struct evidence_store *used = open_evidence("used");
    struct evidence_new proof = proof_of("mine", "C/m", "9");
    (void)add(used, &proof);
    fill(here);
    (void)export_to(here, "tree-1", NULL, "f");
    (void)import_from(empty, "f", EVIDENCE_MEMBER);
    (void)import_from(used, "f", EVIDENCE_MEMBER);
    assert_memory_equal(evidence_secret(empty), evidence_secret(here), HASH_SIZE);
    assert_memory_not_equal(evidence_secret(used), evidence_secret(here), HASH_SIZE);
    struct arena *arena = arena_new(1u << 20);
    const struct evidence_class *classes = NULL;
    size_t count = 0;
    const struct hash key = hash_of("test");
    const struct hash fast = hash_of("2");
    assert_int_equal(evidence_classes(empty, &key, arena, &classes, &count, NULL), 0);
    assert_false(classes[0].foreign);
    assert_int_equal(evidence_probe(empty, classes[0].id, fast.bytes, NULL), 1);
    assert_int_equal(evidence_classes(used, &key, arena, &classes, &count, NULL), 0);
    assert_true(classes[0].foreign);
    assert_int_equal(evidence_probe(used, classes[0].id, fast.bytes, NULL), 0);
    struct evidence_row row;
    assert_int_equal(find_proof(used, "test", "2", &row), 1);
    assert_int_equal(evidence_touch(used, &row.id, fast.bytes, 1, NULL), 0);
    assert_int_equal(evidence_probe(used, classes[0].id, fast.bytes, NULL), 1);
    arena_free(arena);
    evidence_close(here);
    evidence_close(empty);
    evidence_close(used);
}

TEST(an_imported_contradiction_quarantines)
{
    struct evidence_store *here = open_evidence("here");
    struct evidence_store *there = open_evidence("there");
    struct evidence_new proof = proof_of("u", "C/a", "1");
    (void)add(here, &proof);
    proof.passed = false;
    (void)add(there, &proof);
    (void)export_to(here, "tree-1", NULL, "f");
    assert_int_equal(import_from(there, "f", EVIDENCE_MEMBER).conflicts, 1);
    assert_int_equal(find_as(there, "u", "1", EVIDENCE_MEMBER, "", NULL), 0);
    assert_int_equal(count_in("there", "evidence"), 2);
    evidence_close(here);
    evidence_close(there);
}

/* CMake's log has the time in it. On a runner that imported two configures, the third ran for ever:
 * what no unit reads was held against it here, and nowhere else. */
TEST(imported_runs_that_left_different_products_answer)
{
    struct evidence_store *here = open_evidence("here");
    struct evidence_store *there = open_evidence("there");
    struct evidence_new proof = proof_of("u", "C/a", "1");
    proof.products_vary = true;
    proof.manifest = put_blob(here, "a log of nine lines");
    (void)add(here, &proof);
    proof.manifest = put_blob(here, "a log of ten lines");
    assert_true(add(here, &proof).conflict.products);
    assert_int_equal(export_to(here, "tree-1", NULL, "f").rows, 2);
    const struct evidence_transferred done = import_from(there, "f", EVIDENCE_MEMBER);
    assert_int_equal(done.rows, 2);
    assert_int_equal(done.conflicts, 0);
    assert_int_equal(find_proof(here, "u", "1", NULL), 1);
    assert_int_equal(find_proof(there, "u", "1", NULL), 1);
    evidence_close(here);
    evidence_close(there);
}

TEST(what_was_revoked_does_not_come_back)
{
    struct evidence_store *here = open_evidence("here");
    struct evidence_store *there = open_evidence("there");
    fill(here);
    (void)export_to(here, "tree-1", NULL, "f");
    (void)import_from(there, "f", EVIDENCE_MEMBER);
    const struct evidence_revocation what = {.host = "host-1", .until_ms = INT64_MAX};
    uint64_t count = 0;
    assert_int_equal(evidence_revoke(there, &what, false, NULL, &count, NULL), 0);
    assert_int_equal(count, 2);
    struct evidence_transferred done = import_from(there, "f", EVIDENCE_MEMBER);
    assert_int_equal(done.rows, 0);
    assert_int_equal(done.revoked, 2);
    assert_int_equal(count_in("there", "evidence"), 0);
    evidence_close(here);
    evidence_close(there);
}

TEST(rows_without_their_content_are_left_out)
{
    struct evidence_store *here = open_evidence("here");
    struct evidence_store *there = open_evidence("there");
    fill(here);
    const struct hash product = hash_of("product two");
    assert_int_equal(blobs_remove(evidence_blobs(here), &product, NULL), 0);
    struct evidence_transferred done = export_to(here, "tree-1", NULL, "f");
    assert_int_equal(done.rows, 1);
    assert_int_equal(done.incomplete, 1);
    assert_int_equal(import_from(there, "f", EVIDENCE_MEMBER).rows, 1);
    evidence_close(here);
    evidence_close(there);
}

TEST(the_ledger_of_flaky_units_travels_and_is_not_counted_twice)
{
    struct evidence_store *here = open_evidence("here");
    struct evidence_store *there = open_evidence("there");
    struct evidence_new proof = proof_of("u", "C/a", "1");
    (void)add(here, &proof);
    assert_int_equal(evidence_ledger_count(here, &proof.unit_key, &proof.full, false, NULL), 0);
    (void)export_to(here, "tree-1", NULL, "f");
    for (int i = 0; i < 2; i++) {
        uint64_t passes = 0;
        uint64_t failures = 0;
        (void)import_from(there, "f", EVIDENCE_MEMBER);
        assert_int_equal(
            evidence_ledger(there, &proof.unit_key, &proof.full, &passes, &failures, NULL), 0);
        assert_true(passes == 1 && failures == 1);
    }
    evidence_close(here);
    evidence_close(there);
}

/* ---- hostile files ---- */

static void expect_refused(struct evidence_store *store, const void *bytes, size_t len)
{
    struct evidence_transferred done;
    struct err err = {0};
    assert_int_equal(file_write_atomic(at("bad"), bytes, len, NULL), 0);
    int result = evidence_import(store, at("bad"), EVIDENCE_PROTECTED, &done, &err);
    if (result != -EPROTO) { /* the version is looked at first */
        assert_int_equal(result, -EBADMSG);
        assert_non_null(strstr(err.text, "nothing of it was taken"));
    }
}

TEST(a_file_that_is_cut_or_changed_anywhere_is_refused_and_nothing_taken)
{
    struct evidence_store *here = open_evidence("here");
    struct evidence_store *there = open_evidence("there");
    struct evidence_new proof = proof_of("u", "C/a X/b", "1");
    proof.stdout_blob = put_blob(here, "hello hello hello hello");
    (void)add(here, &proof);
    (void)export_to(here, "tree-1", NULL, "f");
    struct str file = STR_INIT(1u << 20);
    assert_int_equal(file_read(at("f"), &file, NULL), 0);
    for (size_t i = 0; i < file.len; i++) {
        expect_refused(there, file.data, i);
        if (i == 13) {
            continue; /* size of zstd's window: a larger one changes nothing */
        }
        file.data[i] = (char)(file.data[i] ^ 0x08);
        expect_refused(there, file.data, file.len);
        file.data[i] = (char)(file.data[i] ^ 0x08);
    }
    (void)str_append_char(&file, 'x');
    expect_refused(there, file.data, file.len);
    assert_int_equal(count_in("there", "evidence"), 0);
    struct evidence_stats stats;
    assert_int_equal(evidence_stats(there, &stats, NULL), 0);
    assert_int_equal(stats.blobs, 0);
    str_fini(&file);
    evidence_close(here);
    evidence_close(there);
}

TEST(files_that_cannot_be_read_or_written_are_told)
{
    struct evidence_store *store = open_evidence("here");
    struct evidence_transferred done;
    struct err err = {0};
    assert_int_equal(evidence_import(store, at("none"), EVIDENCE_MEMBER, &done, &err), -ENOENT);
    assert_non_null(strstr(err.text, "none"));
    (void)mkdir(at("folder"), 0755);
    assert_int_equal(evidence_import(store, at("folder"), EVIDENCE_MEMBER, &done, &err), -EISDIR);
    fill(store);
    const struct evidence_selection selection = {"tree-1", NULL};
    assert_int_equal(evidence_export(store, &selection, at("no/f"), &done, &err), -ENOENT);
    assert_non_null(strstr(err.text, "cannot write"));
    assert_int_equal(evidence_export(store, &selection, at("folder"), &done, &err), -EISDIR);
    evidence_close(store);
}

TEST(many_rows_go_in_several_transactions)
{
    struct evidence_store *here = open_evidence("here");
    struct evidence_store *there = open_evidence("there");
    char unit[16];
    char question[32];
    assert_int_equal(evidence_begin_write(here, NULL), 0);
    for (int i = 0; i < 1000; i++) {
        (void)snprintf(unit, sizeof unit, "u%d", i);
        (void)snprintf(question, sizeof question, "C/common C/%d", i / 3);
        struct evidence_new proof = proof_of(unit, question, unit);
        (void)add(here, &proof);
    }
    assert_int_equal(evidence_end_write(here, true, NULL), 0);
    assert_int_equal(export_to(here, "tree-1", NULL, "f").rows, 1000);
    assert_int_equal(import_from(there, "f", EVIDENCE_MEMBER).rows, 1000);
    assert_int_equal(find_proof(there, "u0", "u0", NULL), 1);
    assert_int_equal(find_proof(there, "u999", "u999", NULL), 1);
    assert_int_equal(count_in("there", "atom"), count_in("here", "atom"));
    evidence_close(here);
    evidence_close(there);
}

TEST(short_memory_ends_an_import_and_an_export_cleanly)
{
    struct evidence_store *here = open_evidence("here");
    struct evidence_store *there = open_evidence("there");
    const struct evidence_selection selection = {"tree-1", NULL};
    fill(here);
    int result = -1;
    for (size_t n = 1; result != 0; n++) {
        struct evidence_transferred done;
        (void)mem_fail_from(n);
        result = evidence_export(here, &selection, at("f"), &done, NULL);
        (void)mem_fail_from(0);
        assert_true(result == 0 || result == -ENOMEM);
        assert_true(result == 0 || !file_exists(at("f")));
    }
    result = -1;
    for (size_t n = 1; result != 0; n++) {
        struct evidence_transferred done;
        (void)mem_fail_from(n);
        result = evidence_import(there, at("f"), EVIDENCE_MEMBER, &done, NULL);
        (void)mem_fail_from(0);
        assert_true(result == 0 || result == -ENOMEM || result == -EBADMSG);
    }
    assert_int_equal(find_proof(there, "build", "1", NULL), 1);
    evidence_close(here);
    evidence_close(there);
}
