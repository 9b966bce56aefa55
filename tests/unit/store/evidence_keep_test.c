/* SPDX-License-Identifier: Apache-2.0 */
/* Room, damage, revoked trust, leases; killed writers and full disks. */
#include "store/evidence_keep.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "store/evidence_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/proof.h"
#include "support/story.h"
#include "support/test.h"

static int wait_for(pid_t pid)
{
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static struct hash put_blob(struct evidence_store *store, const void *bytes, size_t len)
{
    struct hash digest;
    struct err err = {0};
    if (blobs_put(evidence_blobs(store), bytes, len, &digest, &err) != 0) {
        fail_msg("%s", err.text);
    }
    return digest;
}

/* Makes everything look as if it were hours old. */
static void age(const char *store_name, int hours)
{
    char command[4096];
    char file[64];
    (void)snprintf(command,
                   sizeof command,
                   "find '%s/blobs' -type f -exec touch -d '%d hours ago' '{}' +",
                   at(store_name),
                   hours);
    assert_int_equal(system(command), 0); // NOLINT(cert-env33-c): a folder of the test's own
    (void)snprintf(file, sizeof file, "%s/evidence.db", store_name);
    (void)snprintf(
        command, sizeof command, "UPDATE evidence SET used_ms = used_ms - %lld", hours * 3600000LL);
    (void)sql(file, command);
}

static void add_with_blob(struct evidence_store *store, const char *unit, unsigned seed, size_t len)
{
    unsigned char *bytes = mem_calloc(len, 1);
    struct evidence_new proof = proof_of(unit, "C/a", "1");
    assert_non_null(bytes);
    for (size_t i = 0; i < len; i++) {
        seed = seed * 1103515245u + 12345u;
        bytes[i] = (unsigned char)(seed >> 16);
    }
    proof.stdout_blob = put_blob(store, bytes, len);
    (void)add(store, &proof);
    mem_free(bytes);
}

/* ---- room ---- */

TEST(what_was_not_used_for_the_longest_time_goes_first)
{
    struct evidence_store *store = open_evidence("e");
    char unit[16];
    for (unsigned i = 0; i < 10; i++) {
        (void)snprintf(unit, sizeof unit, "u%u", i);
        add_with_blob(store, unit, i + 1, 100000);
        age("e", 2); /* all before it as well: the first one is the oldest */
    }
    struct evidence_stats stats;
    assert_int_equal(evidence_stats(store, &stats, NULL), 0);
    assert_int_equal(stats.rows, 10);
    assert_int_equal(stats.blobs, 10);
    const uint64_t budget = stats.database_bytes + stats.blob_bytes - 350000;
    struct evidence_cleaned cleaned;
    assert_int_equal(evidence_gc(store, budget, &cleaned, NULL), 0);
    assert_int_equal(cleaned.rows, 4);
    assert_int_equal(cleaned.blobs, 4);
    assert_true(cleaned.bytes_after <= budget);
    assert_true(cleaned.bytes_before > budget);
    for (unsigned i = 0; i < 10; i++) {
        (void)snprintf(unit, sizeof unit, "u%u", i);
        assert_int_equal(find_proof(store, unit, "1", NULL), i >= 4 ? 1 : 0);
    }
    assert_int_equal(count_in("e", "unit"), 6);
    assert_int_equal(count_in("e", "class"), 6);
    assert_int_equal(evidence_gc(store, budget, &cleaned, NULL), 0);
    assert_int_equal(cleaned.rows, 0);
    assert_int_equal(evidence_gc(store, 0, &cleaned, NULL), 0);
    assert_int_equal(cleaned.rows, 6);
    assert_int_equal(evidence_stats(store, &stats, NULL), 0);
    assert_true(stats.rows == 0 && stats.blobs == 0 && stats.units == 0);
    evidence_close(store);
}

TEST(content_that_two_rows_name_stays_with_the_second)
{
    struct evidence_store *store = open_evidence("e");
    add_with_blob(store, "old", 1, 5000);
    age("e", 48);
    add_with_blob(store, "new", 1, 5000); /* the same bytes */
    struct evidence_cleaned cleaned;
    assert_int_equal(evidence_prune(store, clock_wall_ms() - 24 * 3600000LL, &cleaned, NULL), 0);
    assert_int_equal(cleaned.rows, 1);
    assert_int_equal(cleaned.blobs, 0);
    struct evidence_row row;
    assert_int_equal(find_proof(store, "old", "1", NULL), 0);
    assert_int_equal(find_proof(store, "new", "1", &row), 1);
    assert_true(blobs_has(evidence_blobs(store), &row.stdout_blob));
    evidence_close(store);
}

TEST(content_without_a_row_is_kept_while_a_row_may_come)
{
    struct evidence_store *store = open_evidence("e");
    const struct hash digest = put_blob(store, "soon", 4);
    struct evidence_cleaned cleaned;
    assert_int_equal(evidence_gc(store, 0, &cleaned, NULL), 0);
    assert_true(blobs_has(evidence_blobs(store), &digest));
    age("e", 1);
    assert_int_equal(evidence_gc(store, UINT64_MAX, &cleaned, NULL), 0);
    assert_false(blobs_has(evidence_blobs(store), &digest));
    assert_int_equal(cleaned.blobs, 1);
    evidence_close(store);
}

TEST(products_are_kept_with_their_row)
{
    struct evidence_store *store = open_evidence("e");
    const struct hash product = put_blob(store, "product", 7);
    struct evidence_new proof = proof_of("u", "C/a", "1");
    proof.products = &product;
    proof.product_count = 1;
    (void)add(store, &proof);
    age("e", 5);
    struct evidence_cleaned cleaned;
    assert_int_equal(evidence_gc(store, UINT64_MAX, &cleaned, NULL), 0);
    assert_true(blobs_has(evidence_blobs(store), &product));
    evidence_close(store);
}

TEST(questions_nobody_asks_any_more_go_and_their_ids_are_never_given_again)
{
    struct evidence_store *store = open_evidence("e");
    struct evidence_store *other = open_evidence("e");
    char unit[32];
    char question[32];
    assert_int_equal(evidence_begin_write(store, NULL), 0);
    for (int i = 0; i < 1200; i++) {
        (void)snprintf(unit, sizeof unit, "u%d", i);
        (void)snprintf(question, sizeof question, "C/%d C/common", i);
        struct evidence_new proof = proof_of(unit, question, unit);
        (void)add(store, &proof);
    }
    assert_int_equal(evidence_end_write(store, true, NULL), 0);
    age("e", 48);
    struct evidence_new proof = proof_of("new", "C/new C/common", "1");
    (void)add(other, &proof); /* its handle knows ids of questions */
    const struct questions *gone = ask("C/7");
    uint32_t before = 0;
    assert_int_equal(evidence_intern(other, gone->items, 1, &before, NULL), 0);
    struct evidence_cleaned cleaned;
    assert_int_equal(evidence_prune(store, clock_wall_ms() - 3600000, &cleaned, NULL), 0);
    assert_int_equal(cleaned.rows, 1200);
    assert_int_equal(count_in("e", "atom"), 2);
    uint32_t after = 0;
    assert_int_equal(evidence_intern(other, gone->items, 1, &after, NULL), 0);
    assert_true(after > before);
    assert_int_equal(find_proof(other, "new", "1", NULL), 1);
    evidence_close(store);
    evidence_close(other);
}

TEST(one_process_cleans_at_a_time)
{
    struct evidence_store *store = open_evidence("e");
    int fd = open(at("e/gc.lock"), O_RDWR | O_CREAT, 0600);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    struct evidence_cleaned cleaned;
    struct err err = {0};
    assert_int_equal(evidence_gc(store, 0, &cleaned, &err), -EBUSY);
    assert_non_null(strstr(err.text, "another process"));
    assert_int_equal(evidence_gc_when_due(store, 0, &cleaned, NULL), 0);
    (void)close(fd);
    evidence_close(store);
}

TEST(the_end_of_a_run_cleans_only_beyond_the_budget_and_not_each_time)
{
    struct evidence_store *store = open_evidence("e");
    struct evidence_cleaned cleaned;
    add_with_blob(store, "u", 1, 300000);
    age("e", 2);
    assert_int_equal(evidence_gc_when_due(store, (uint64_t)1 << 30, &cleaned, NULL), 0);
    assert_int_equal(evidence_gc_when_due(store, 1000, &cleaned, NULL), 0); /* looked just now */
    assert_int_equal(unlink(at("e/gc.lock")), 0);
    assert_int_equal(evidence_gc_when_due(store, 1000, &cleaned, NULL), 1);
    assert_int_equal(cleaned.rows, 1);
    evidence_close(store);
}

/* ---- damage ---- */

static void damage_blob(const char *store_name, const struct hash *digest)
{
    char hex[HASH_HEX_SIZE];
    char name[256];
    (void)hash_hex(digest, hex);
    (void)snprintf(name, sizeof name, "%s/blobs/%.2s/%s", store_name, hex, hex + 2);
    int fd = open(at(name), O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, "~", 1, BLOB_HEAD_SIZE), 1);
    (void)close(fd);
}

TEST(verify_removes_what_is_damaged_and_keeps_the_rest)
{
    struct evidence_store *store = open_evidence("e");
    struct evidence_row row;
    add_with_blob(store, "a", 1, 1000);
    add_with_blob(store, "b", 2, 1000);
    add_with_blob(store, "c", 3, 1000);
    add_with_blob(store, "d", 4, 1000);
    assert_int_equal(find_proof(store, "b", "1", &row), 1);
    damage_blob("e", &row.stdout_blob);
    assert_int_equal(find_proof(store, "c", "1", &row), 1);
    assert_int_equal(blobs_remove(evidence_blobs(store), &row.stdout_blob, NULL), 0);
    (void)sql("e/evidence.db", "UPDATE unit SET classes = x'07' WHERE words = 'd'");
    struct evidence_verified verified;
    assert_int_equal(evidence_verify(store, &verified, NULL), 0);
    assert_int_equal(verified.blobs, 3);
    assert_int_equal(verified.blobs_damaged, 1);
    assert_int_equal(verified.rows, 4);
    assert_int_equal(verified.rows_removed, 2);
    assert_int_equal(verified.classes_removed, 1);
    assert_int_equal(find_proof(store, "a", "1", NULL), 1);
    assert_int_equal(find_proof(store, "b", "1", NULL), 0);
    assert_int_equal(find_proof(store, "d", "1", NULL), 0);
    assert_int_equal(evidence_verify(store, &verified, NULL), 0);
    assert_int_equal(verified.rows, 1);
    assert_int_equal(verified.rows_removed + verified.blobs_damaged + verified.classes_removed, 0);
    evidence_close(store);
}

/* ---- trust taken back ---- */

struct told {
    unsigned count;
    int answer;
};

static int note_row(void *context, const struct evidence_row *row, const char *words)
{
    struct told *told = context;
    assert_true(row->id > 0);
    assert_string_equal(words, "u");
    told->count++;
    return told->answer;
}

static void add_from(struct evidence_store *store,
                     const char *host,
                     const char *scope,
                     const char *answers,
                     int64_t time_ms)
{
    struct evidence_new proof = proof_of("u", "C/a", answers);
    proof.host = host;
    proof.scope = scope;
    proof.time_ms = time_ms;
    (void)add(store, &proof);
}

TEST(revoking_removes_all_that_rests_on_it_and_nothing_else)
{
    static const struct {
        struct evidence_revocation what;
        const char *gone; /* by row */
    } cases[] = {
        {{.host = "h1", .until_ms = INT64_MAX},                   "1010"},
        {{.scope = "c1", .until_ms = INT64_MAX},                  "1100"},
        {{.host = "h1", .scope = "c1", .until_ms = INT64_MAX},    "1000"},
        {{.since_ms = 2000, .until_ms = 3000},                    "0110"},
        {{.host = "h2", .since_ms = 3000, .until_ms = INT64_MAX}, "0001"},
        {{.run = "r1", .until_ms = INT64_MAX},                    "1111"},
        {{.run = "r9", .until_ms = INT64_MAX},                    "0000"},
    };

    static const char *const answers[] = {"1", "2", "3", "4"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "e%zu", i);
        struct evidence_store *store = open_evidence(name);
        add_from(store, "h1", "c1", "1", 1000);
        add_from(store, "h2", "c1", "2", 2000);
        add_from(store, "h1", "", "3", 3000);
        add_from(store, "h2", "", "4", 4000);
        struct told told = {0, 0};
        const struct evidence_listener listener = {note_row, &told};
        uint64_t count = 99;
        uint64_t dry = 99;
        assert_int_equal(evidence_revoke(store, &cases[i].what, true, &listener, &dry, NULL), 0);
        assert_int_equal(told.count, dry);
        assert_int_equal(count_in(name, "evidence"), 4);
        assert_int_equal(count_in(name, "revocation"), 0);
        assert_int_equal(evidence_revoke(store, &cases[i].what, false, NULL, &count, NULL), 0);
        assert_int_equal(count, dry);
        for (size_t r = 0; r < 4; r++) {
            int found = find_as(store, "u", answers[r], EVIDENCE_MEMBER, "", NULL);
            assert_int_equal(found, cases[i].gone[r] == '1' ? 0 : 1);
        }
        evidence_close(store);
    }
}

TEST(what_a_revoked_host_attested_then_is_refused_and_later_work_is_not)
{
    struct evidence_store *store = open_evidence("e");
    const struct evidence_revocation what = {.host = "host-1", .until_ms = INT64_MAX};
    struct evidence_new proof = proof_of("u", "C/a", "1");
    assert_int_equal(evidence_revoke(store, &what, false, NULL, NULL, NULL), 0);
    struct err err = {0};
    proof.time_ms = 1000;
    assert_int_equal(evidence_add(store, &proof, NULL, &err), -EPERM);
    assert_non_null(strstr(err.text, "revoked"));
    proof.time_ms = clock_wall_ms() + 1000;
    (void)add(store, &proof);
    evidence_close(store);
}

TEST(revoking_takes_the_shortcuts_along_and_wants_to_know_what)
{
    struct evidence_store *store = open_evidence("e");
    const struct evidence_state state = {hash_of("s"), "t", "r"};
    const struct evidence_answer answer = {hash_of("u"), 1};
    const struct evidence_revocation all = {.until_ms = INT64_MAX};
    const struct evidence_revocation what = {.host = "h1", .until_ms = INT64_MAX};
    assert_int_equal(evidence_answers_put(store, &state, &answer, 1, NULL), 0);
    struct err err = {0};
    assert_int_equal(evidence_revoke(store, &all, false, NULL, NULL, &err), -EINVAL);
    add_from(store, "h1", "", "1", 1000);
    struct told told = {0, -EINTR};
    const struct evidence_listener listener = {note_row, &told};
    assert_int_equal(evidence_revoke(store, &what, false, &listener, NULL, &err), -EINTR);
    assert_int_equal(count_in("e", "evidence"), 1);
    assert_int_equal(evidence_revoke(store, &what, false, NULL, NULL, NULL), 0);
    assert_int_equal(count_in("e", "answers"), 0);
    evidence_close(store);
}

/* ---- leases ---- */

#define HOUR_MS 3600000LL

TEST(of_two_that_want_the_same_one_waits)
{
    struct evidence_store *one = open_evidence("e");
    struct evidence_store *two = open_evidence("e");
    const struct hash key = hash_of("work");
    struct evidence_lease lease = {.token = 0};
    struct evidence_lease other = {.token = 0};
    char holder[EVIDENCE_OWNER_MAX] = "";
    char pid[32];
    assert_int_equal(evidence_lease_take(one, &key, "run r1", HOUR_MS, &lease, holder, NULL), 1);
    assert_int_equal(evidence_lease_take(two, &key, "run r2", HOUR_MS, &other, holder, NULL), 0);
    (void)snprintf(pid, sizeof pid, "pid %d: run r1", getpid());
    assert_non_null(strstr(holder, pid));
    assert_int_equal(evidence_lease_look(two, &key, holder, NULL), 1);
    assert_int_equal(evidence_lease_renew(one, &lease, HOUR_MS, NULL), 1);
    assert_int_equal(evidence_lease_drop(one, &lease, NULL), 0);
    assert_int_equal(evidence_lease_look(two, &key, NULL, NULL), 0);
    assert_int_equal(evidence_lease_take(two, &key, "run r2", HOUR_MS, &other, NULL, NULL), 1);
    assert_int_equal(evidence_lease_renew(one, &lease, HOUR_MS, NULL), 0); /* lost */
    assert_int_equal(evidence_lease_drop(one, &lease, NULL), 0);
    assert_int_equal(evidence_lease_look(one, &key, NULL, NULL), 1); /* the other's stays */
    evidence_close(one);
    evidence_close(two);
}

TEST(a_lease_ends_with_its_time)
{
    struct evidence_store *store = open_evidence("e");
    const struct hash key = hash_of("work");
    struct evidence_lease lease = {.token = 0};
    struct evidence_lease other = {.token = 0};
    assert_int_equal(evidence_lease_take(store, &key, "a", 1, &lease, NULL, NULL), 1);
    (void)usleep(5000);
    assert_int_equal(evidence_lease_take(store, &key, "b", HOUR_MS, &other, NULL, NULL), 1);
    assert_true(lease.token != other.token);
    evidence_close(store);
}

/* Of a holder that cannot be asked: another process namespace, perhaps gone. */
static void take_far_away(struct evidence_store *store, const struct hash *key, int64_t ttl_ms)
{
    struct evidence_lease lease = {.token = 0};
    assert_int_equal(evidence_lease_take(store, key, "a", ttl_ms, &lease, NULL, NULL), 1);
    (void)sql("e/evidence.db", "UPDATE lease SET space = 'another'");
}

TEST(a_lease_taken_before_the_clock_was_set_back_is_free)
{
    struct evidence_store *store = open_evidence("e");
    const struct hash key = hash_of("work");
    struct evidence_lease lease = {.token = 0};
    char holder[EVIDENCE_OWNER_MAX];
    take_far_away(store, &key, HOUR_MS);
    assert_int_equal(evidence_lease_look(store, &key, holder, NULL), 1);
    (void)sql("e/evidence.db", "UPDATE lease SET expires_ms = expires_ms + 86400000");
    assert_int_equal(evidence_lease_look(store, &key, holder, NULL), 0);
    assert_int_equal(evidence_lease_take(store, &key, "b", HOUR_MS, &lease, NULL, NULL), 1);
    assert_int_equal(evidence_lease_look(store, &key, holder, NULL), 1);
    evidence_close(store);
}

static void hold_and_wait(const struct hash *key)
{
    struct evidence_store *store = open_evidence("e");
    struct evidence_lease lease = {.token = 0};
    int taken = evidence_lease_take(store, key, "dies", HOUR_MS, &lease, NULL, NULL);
    (void)file_write_atomic(at("taken"), taken == 1 ? "1" : "0", 1, NULL);
    for (;;) {
        (void)pause();
    }
}

TEST(the_lease_of_a_killed_process_is_free_at_once)
{
    const struct hash key = hash_of("work");
    struct evidence_store *store = open_evidence("e");
    struct evidence_lease lease = {.token = 0};
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        hold_and_wait(&key);
    }
    for (int i = 0; i < 1000 && !file_exists(at("taken")); i++) {
        (void)usleep(5000);
    }
    assert_int_equal(evidence_lease_take(store, &key, "me", HOUR_MS, &lease, NULL, NULL), 0);
    (void)kill(pid, SIGKILL);
    (void)wait_for(pid);
    assert_int_equal(evidence_lease_take(store, &key, "me", HOUR_MS, &lease, NULL, NULL), 1);
    evidence_close(store);
}

TEST(a_lease_is_held_by_a_process_and_not_by_its_number)
{
    static const struct {
        const char *edit;
        int held;
    } cases[] = {
        {"UPDATE lease SET start = start - 1",                     0}, /* the number is used again */
        {"UPDATE lease SET boot = 'before'",                       0}, /* this machine, started anew */
        {"UPDATE lease SET boot = 'b', host = 'elsewhere'",        1},
        {"UPDATE lease SET space = 'pid:[1]', pid = 1, start = 1", 1}, /* another container */
        {"UPDATE lease SET pid = 2000000000",                      0},
        {"UPDATE lease SET start = 0",                             1}, /* not known: trust the number */
    };
    struct evidence_store *store = open_evidence("e");
    const struct hash key = hash_of("work");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct evidence_lease lease = {.token = 0};
        (void)sql("e/evidence.db", "DELETE FROM lease");
        assert_int_equal(evidence_lease_take(store, &key, "a", HOUR_MS, &lease, NULL, NULL), 1);
        (void)sql("e/evidence.db", cases[i].edit);
        assert_int_equal(evidence_lease_look(store, &key, NULL, NULL), cases[i].held);
    }
    evidence_close(store);
}

TEST(of_many_processes_one_gets_the_lease)
{
    pid_t pids[8];
    int all_tried[2]; /* ends for the readers when nobody is left who writes */
    const struct hash key = hash_of("work");
    evidence_close(open_evidence("e"));
    assert_int_equal(pipe(all_tried), 0);
    unsigned taken = 0;
    for (int p = 0; p < 8; p++) {
        pids[p] = fork();
        assert_true(pids[p] >= 0);
        if (pids[p] == 0) {
            struct evidence_store *store = open_evidence("e");
            struct evidence_lease lease = {.token = 0};
            char byte = 0;
            int result = evidence_lease_take(store, &key, "x", HOUR_MS, &lease, NULL, NULL);
            (void)close(all_tried[1]);
            const ssize_t n = read(all_tried[0], &byte, 1); /* alive until the others have tried */
            _exit(n != 0 ? 13 : result == 1 ? 10 : result == 0 ? 11 : 12);
        }
    }
    (void)close(all_tried[1]);
    for (int p = 0; p < 8; p++) {
        int code = WEXITSTATUS(wait_for(pids[p]));
        assert_in_range(code, 10, 11);
        taken += code == 10;
    }
    (void)close(all_tried[0]);
    assert_int_equal(taken, 1);
}

/* ---- killed writers ---- */

#define KILLS 150

/* Each row names a blob that is the text of its answers, and its outcome is the same text. */
static void write_until_killed(unsigned writer)
{
    struct evidence_store *store = open_evidence("e");
    char answers[64];
    char unit[32];
    for (unsigned i = 0;; i++) {
        (void)snprintf(unit, sizeof unit, "u%u", i % 20);
        (void)snprintf(answers, sizeof answers, "%u %u %s", writer, i, unit);
        struct evidence_new proof = proof_of(unit, i % 3 == 0 ? "C/a C/b" : "C/a X/c", answers);
        proof.stdout_blob = put_blob(store, answers, strlen(answers));
        proof.outcome = answers;
        proof.outcome_len = strlen(answers);
        (void)add(store, &proof);
        if (i % 50 == 49) {
            struct evidence_cleaned cleaned;
            (void)evidence_prune(store, clock_wall_ms() - 200, &cleaned, NULL);
        }
    }
}

struct whole {
    struct evidence_store *store;
    unsigned rows;
};

/* Every row says what was written: its content is there and speaks of it. */
static void expect_whole(struct whole *whole)
{
    sqlite3_stmt *statement = NULL;
    struct evidence_store *store = whole->store;
    struct str text = STR_INIT(1000);
    assert_int_equal(evidence_statement(store, SQL_ROWS, &statement, NULL), 0);
    whole->rows = 0;
    while (evidence_next(store, statement, NULL) == 1) {
        const struct hash blob = column_hash(statement, ROW_STDOUT);
        const struct hash full = column_hash(statement, ROW_FULL);
        str_clear(&text);
        assert_int_equal(blobs_get(evidence_blobs(store), &blob, &text, NULL), 0);
        const struct hash found = hash_bytes(text.data, text.len);
        assert_memory_equal(&found, &full, sizeof found);
        assert_int_equal(column_len(statement, ROW_INLINED), text.len);
        assert_memory_equal(sqlite3_column_blob(statement, ROW_INLINED), text.data, text.len);
        whole->rows++;
    }
    str_fini(&text);
    assert_string_equal(sql("e/evidence.db", "PRAGMA foreign_key_check"), "");
    assert_string_equal(
        sql("e/evidence.db",
            "SELECT count(*) FROM class WHERE id NOT IN (SELECT class FROM evidence)"),
        "0");
}

TEST(whatever_the_instant_of_the_kill_no_evidence_is_wrong_or_torn)
{
    struct whole whole = {open_evidence("e"), 0};
    unsigned with_rows = 0;
    int window_us = 30000;
    srand(3);
    for (unsigned i = 0; i < KILLS; i++) {
        pid_t pids[2];
        for (unsigned p = 0; p < 2; p++) {
            pids[p] = fork();
            assert_true(pids[p] >= 0);
            if (pids[p] == 0) {
                write_until_killed(i * 2 + p);
            }
        }
        // NOLINTNEXTLINE(concurrency-mt-unsafe,cert-msc30-c): any instants will do
        (void)usleep((useconds_t)(rand() % window_us));
        for (unsigned p = 0; p < 2; p++) {
            (void)kill(pids[p], SIGKILL);
            assert_int_equal(WTERMSIG(wait_for(pids[p])), SIGKILL);
        }
        expect_whole(&whole);
        with_rows += whole.rows > 0 ? 1 : 0;
        window_us += with_rows * 5 < i && window_us < 1000000 ? 10000 : 0;
    }
    assert_true(with_rows > KILLS / 10);
    struct evidence_verified verified;
    assert_int_equal(evidence_verify(whole.store, &verified, NULL), 0);
    assert_int_equal(verified.blobs_damaged + verified.rows_removed + verified.classes_removed, 0);
    evidence_close(whole.store);
}

/* ---- full disks ---- */

TEST(a_full_database_refuses_and_stays_whole)
{
    struct evidence_store *store = open_evidence("e");
    char answers[32];
    char unit[32];
    struct err err = {0};
    int result = 0;
    assert_int_equal(
        sqlite3_exec(store->database.db, "PRAGMA max_page_count = 60", NULL, NULL, NULL),
        SQLITE_OK);
    int added = 0;
    for (; result == 0 && added < 20000; added++) {
        (void)snprintf(answers, sizeof answers, "%d", added);
        (void)snprintf(unit, sizeof unit, "u%d", added / 1000);
        struct evidence_new proof = proof_of(unit, "C/a", answers);
        result = evidence_add(store, &proof, NULL, &err);
    }
    assert_int_equal(result, -ENOSPC);
    assert_non_null(strstr(err.text, "the disk is full"));
    assert_int_equal(count_in("e", "evidence"), added - 1);
    assert_int_equal(find_proof(store, "u0", "5", NULL), 1);
    /* a batch in which it happens is undone as a whole, and says so */
    assert_int_equal(evidence_begin_write(store, NULL), 0);
    struct evidence_new proof = proof_of("v", "C/a", "1");
    int one = 0;
    for (int i = 0; i < 5000 && one == 0; i++) {
        (void)snprintf(answers, sizeof answers, "v%d", i);
        proof = proof_of("v", "C/a", answers);
        one = evidence_add(store, &proof, NULL, NULL);
    }
    assert_int_equal(one, -ENOSPC);
    assert_int_equal(evidence_add(store, &proof, NULL, &err), -EIO);
    assert_int_equal(evidence_end_write(store, true, &err), -EIO);
    assert_int_equal(find_proof(store, "v", "v0", NULL), 0);
    assert_string_equal(sql("e/evidence.db", "PRAGMA integrity_check"), "ok");
    evidence_close(store);
}

static bool write_map(const char *file, unsigned id)
{
    char text[64];
    int fd = open(file, O_WRONLY);
    int len = id == UINT32_MAX ? snprintf(text, sizeof text, "deny")
                               : snprintf(text, sizeof text, "0 %u 1", id);
    bool written = fd >= 0 && write(fd, text, (size_t)len) == len;
    (void)close(fd);
    return written;
}

/* A mount namespace in which we may mount. */
static bool get_mounts(void)
{
    const unsigned uid = getuid();
    const unsigned gid = getgid();
    return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0
           && write_map("/proc/self/setgroups", UINT32_MAX) && write_map("/proc/self/uid_map", uid)
           && write_map("/proc/self/gid_map", gid);
}

/* A real one: a small tmpfs in namespaces of our own, where we may mount. 0 = all well, 77 = may
 * not. */
static int on_a_small_disk(void)
{
    char bytes[20000];
    struct evidence_store *store = NULL;
    if (!get_mounts() || mount("tmpfs", at(""), "tmpfs", 0, "size=2m") != 0) {
        return 77;
    }
    if (evidence_open(at("e"), &store, NULL) != 0) {
        return 1;
    }
    int result = 0;
    unsigned i = 0;
    struct err err = {0};
    for (; result == 0 && i < 1000; i++) {
        struct hash digest;
        unsigned seed = i + 1;
        for (size_t b = 0; b < sizeof bytes; b++) {
            seed = seed * 1103515245u + 12345u;
            bytes[b] = (char)(seed >> 16);
        }
        result = blobs_put(evidence_blobs(store), bytes, sizeof bytes, &digest, &err);
        char unit[16];
        (void)snprintf(unit, sizeof unit, "u%u", i);
        struct evidence_new proof = proof_of(unit, "C/a", "1");
        proof.stdout_blob = digest;
        result = result == 0 ? evidence_add(store, &proof, NULL, &err) : result;
    }
    struct evidence_verified verified = {.blobs = 0};
    bool told = result == -ENOSPC && strstr(err.text, "the disk is full") != NULL && i > 10;
    struct evidence_cleaned cleaned;
    bool whole = evidence_verify(store, &verified, &err) == 0 && verified.blobs_damaged == 0
                 && verified.rows_removed == 0 && verified.rows > 5;
    (void)blobs_sweep(evidence_blobs(store), -1000, NULL);
    bool room = evidence_gc(store, 0, &cleaned, &err) == 0;
    (void)fprintf(stderr, "%s", whole && room ? "" : err.text);
    evidence_close(store);
    return told && whole && room ? 0 : 2;
}

TEST(a_full_disk_is_told_and_room_can_be_made)
{
    (void)at("");
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        _exit(on_a_small_disk());
    }
    int status = wait_for(pid);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77) {
        print_message("this machine lets nobody mount a small disk: not tried\n");
        return;
    }
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* ---- others at the same time ---- */

TEST(processes_add_look_and_clean_at_the_same_time)
{
    pid_t pids[4];
    evidence_close(open_evidence("e"));
    for (int p = 0; p < 4; p++) {
        pids[p] = fork();
        assert_true(pids[p] >= 0);
        if (pids[p] == 0) {
            struct evidence_store *store = open_evidence("e");
            char answers[32];
            for (int i = 0; i < 60; i++) {
                struct evidence_cleaned cleaned;
                (void)snprintf(answers, sizeof answers, "%d %d", p, i);
                struct evidence_new proof = proof_of("u", i % 2 == 0 ? "C/a" : "C/b", answers);
                (void)add(store, &proof);
                assert_int_equal(find_proof(store, "u", answers, NULL), 1);
                if (i % 20 == 0) {
                    (void)evidence_gc(store, UINT64_MAX, &cleaned, NULL);
                }
            }
            _exit(0);
        }
    }
    for (int p = 0; p < 4; p++) {
        assert_int_equal(wait_for(pids[p]), 0);
    }
    assert_int_equal(count_in("e", "evidence"), 240);
    assert_int_equal(count_in("e", "class"), 2);
}
