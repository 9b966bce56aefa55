/* SPDX-License-Identifier: Apache-2.0 */
/* What is done to the file from outside: killed writers, full disks, damage, others at the same
 * time. */
#include "base/file.h"
#include "store/schema.h"
#include "store/store.h"
#include "store/store_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/story.h"
#include "support/test.h"

static void expect_open_error(const char *name, int code, const char *words)
{
    struct store *store = NULL;
    struct err err = {0};
    assert_int_equal(store_open(at(name), &store, &err), code);
    assert_null(store);
    if (strstr(err.text, words) == NULL || strstr(err.text, name) == NULL) {
        fail_msg("'%s' not in: %s", words, err.text);
    }
}

static void put(const char *name, const void *bytes, size_t len)
{
    assert_int_equal(file_write_atomic(at(name), bytes, len, NULL), 0);
}

static void record_run(struct store *store, const char *run_id, unsigned units)
{
    char unit[32];
    tell_start(store, run_id, 1, "t");
    for (unsigned i = 0; i < units; i++) {
        (void)snprintf(unit, sizeof unit, "unit-%u", i);
        tell_unit(store, unit, OUTCOME_PASSED, 1);
    }
    tell_end(store, EXIT_OPEN);
}

static int wait_for(pid_t pid)
{
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

/* ---- migration ---- */

static void load(const char *name, const char *dump)
{
    struct str text = STR_INIT(1u << 20);
    assert_int_equal(file_read(dump, &text, NULL), 0);
    (void)sql(name, str_text(&text));
    str_fini(&text);
}

TEST(the_first_version_is_brought_up_to_date)
{
    load("s.db", TEST_DATA("data/v1.sql"));
    assert_string_equal(sql("s.db", "PRAGMA user_version"), "1");
    struct store *store = open_store("s.db");
    char version[16];
    (void)snprintf(version, sizeof version, "%d", schema_runs.count);
    assert_string_equal(sql("s.db", "PRAGMA user_version"), version);
    assert_int_equal(count_runs(store), 3);
    assert_int_equal(count_outcomes(store, "20260101T000000-0001"), 3);
    struct unit_history history = history_of(store, "unit", "tests/a");
    assert_int_equal(history.runs, 2);
    assert_int_equal(history.duration_ms, 150);
    assert_int_equal(history.last, OUTCOME_PASSED);
    assert_int_equal(history.flakes, 0);
    history = history_of(store, "unit", "tests/b");
    assert_int_equal(history.runs, 2);
    assert_int_equal(history.duration_ms, 40);
    assert_int_equal(history.last, OUTCOME_FAILED);
    assert_true(history.last_failed_ms == INT64_C(1767312000530));
    history = history_of(store, "lint", "style");
    assert_int_equal(history.flakes, 1);
    char tree[65];
    assert_int_equal(store_last_open(store, "unit", tree, sizeof tree, NULL), 1);
    assert_string_equal(tree, "1111111111111111111111111111111111111111");
    record_run(store, "new", 3);
    assert_int_equal(store_error(store, NULL), 0);
    store_close(store);
    assert_string_equal(sql("s.db", "PRAGMA integrity_check"), "ok");
    assert_string_equal(sql("s.db", "PRAGMA foreign_key_check"), "");
}

TEST(a_migration_that_is_killed_or_fails_never_happened)
{
    for (unsigned i = 0; i < 30; i++) {
        (void)unlink(at("s.db"));
        (void)unlink(at("s.db-wal"));
        (void)unlink(at("s.db-shm"));
        load("s.db", TEST_DATA("data/v1.sql"));
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            struct store *store = NULL;
            _exit(store_open(at("s.db"), &store, NULL) == 0 ? 0 : 1);
        }
        (void)usleep(i * 150);
        (void)kill(pid, SIGKILL);
        (void)wait_for(pid);
        struct store *store = open_store("s.db");
        assert_int_equal(history_of(store, "unit", "tests/a").runs, 2);
        store_close(store);
    }
}

TEST(a_file_of_a_newer_version_is_refused_and_not_touched)
{
    store_close(open_store("s.db"));
    (void)sql("s.db", "PRAGMA user_version = 999");
    expect_open_error("s.db", -EPROTO, "newer sluice (schema 999");
    assert_string_equal(sql("s.db", "PRAGMA user_version"), "999");
}

/* ---- damage ---- */

TEST(a_file_that_is_no_database_is_named_with_what_to_do)
{
    char garbage[8192];
    memset(garbage, 'x', sizeof garbage);
    put("s.db", garbage, sizeof garbage);
    expect_open_error("s.db", -EUCLEAN, "rm -f");
    expect_open_error("s.db", -EUCLEAN, "s.db.damaged");
    struct str text = STR_INIT(1u << 20);
    assert_int_equal(file_read(at("s.db"), &text, NULL), 0);
    assert_int_equal(text.len, sizeof garbage); /* left for whoever wants to look */
    str_fini(&text);
}

TEST(a_database_of_somebody_else_is_not_touched)
{
    (void)sql("s.db", "CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)");
    expect_open_error("s.db", -EUCLEAN, "some other program");
    assert_string_equal(sql("s.db", "SELECT count(*) FROM sqlite_schema"), "1");
    assert_string_equal(sql("s.db", "PRAGMA journal_mode"), "delete");
}

TEST(a_truncated_file_is_damaged)
{
    struct store *store = open_store("s.db");
    record_run(store, "r", 500);
    store_close(store);
    (void)sql("s.db", "PRAGMA wal_checkpoint(TRUNCATE)");
    struct stat st;
    assert_int_equal(stat(at("s.db"), &st), 0);
    assert_true(st.st_size > 16384);
    assert_int_equal(truncate(at("s.db"), st.st_size / 2), 0);
    expect_open_error("s.db", -EUCLEAN, "Move it away");
    assert_int_equal(truncate(at("s.db"), 50), 0);
    expect_open_error("s.db", -EUCLEAN, "Move it away");
}

/* Closing would wait for the disk. What the log has is no less there. */
TEST(a_short_log_is_left_to_the_next_process_and_a_long_one_is_not)
{
    struct stat st;
    struct store *store = open_store("s.db");
    record_run(store, "r1", 3);
    store_close(store);
    (void)sql("s.db", "PRAGMA wal_checkpoint(TRUNCATE)");
    store = open_store("s.db");
    record_run(store, "r2", 3);
    store_close(store);
    assert_int_equal(stat(at("s.db-wal"), &st), 0);
    assert_true(st.st_size > 0);
    assert_string_equal(sql("s.db", "SELECT count(*) FROM run"), "2");
    store = open_store("s.db");
    record_run(store, "r3", 5000);
    store_close(store);
    assert_int_equal(stat(at("s.db-wal"), &st), -1);
    assert_string_equal(sql("s.db", "SELECT count(*) FROM run"), "3");
}

TEST(an_empty_file_is_a_new_history)
{
    put("s.db", "", 0);
    struct store *store = open_store("s.db");
    record_run(store, "r", 1);
    assert_int_equal(store_error(store, NULL), 0);
    store_close(store);
}

/* Pages inside are overwritten: opening works, reading or writing tells it; nothing crashes. */
TEST(damage_inside_the_file_is_told_when_it_is_met)
{
    struct store *store = open_store("s.db");
    record_run(store, "r", 2000);
    store_close(store);
    (void)sql("s.db", "PRAGMA wal_checkpoint(TRUNCATE)");
    int fd = open(at("s.db"), O_WRONLY);
    assert_true(fd >= 0);
    char garbage[4096];
    memset(garbage, 0xa5, sizeof garbage);
    struct stat st;
    assert_int_equal(fstat(fd, &st), 0);
    for (off_t offset = 40960; offset < st.st_size; offset += 4096) {
        assert_int_equal(pwrite(fd, garbage, sizeof garbage, offset), (int)sizeof garbage);
    }
    (void)close(fd);
    struct err err = {0};
    int result = store_open(at("s.db"), &store, &err);
    if (result == 0) {
        record_run(store, "r2", 2000);
        result = store_error(store, &err);
        store_close(store);
    }
    assert_int_equal(result, -EUCLEAN);
    assert_non_null(strstr(err.text, "Move it away"));
}

/* ---- where nothing can be written ---- */

static int open_in_read_only_folder(void)
{
    struct store *store = NULL;
    struct err err = {0};
    int result = store_open(at("folder/s.db"), &store, &err);
    if (result != -EACCES && result != -EROFS) {
        return 1;
    }
    return strstr(err.text, "permissions") != NULL && strstr(err.text, "s.db") != NULL ? 0 : 2;
}

static void as_nobody(int (*body)(void))
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        /* Root in a world without capabilities may not become nobody, but has no more rights. */
        if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0) && errno != EPERM) {
            _exit(99);
        }
        _exit(body());
    }
    assert_int_equal(wait_for(pid), 0);
}

TEST(a_folder_or_file_that_cannot_be_written_is_told)
{
    (void)at("");
    assert_int_equal(chmod(test_folder(), 0755), 0);
    assert_int_equal(mkdir(at("folder"), 0755), 0);
    assert_int_equal(chmod(at("folder"), 0555), 0);
    as_nobody(open_in_read_only_folder);
    assert_int_equal(chmod(at("folder"), 0755), 0);
    struct store *store = open_store("folder/s.db");
    store_close(store);
    assert_int_equal(chmod(at("folder/s.db"), 0444), 0);
    assert_int_equal(chmod(at("folder"), 0555), 0);
    as_nobody(open_in_read_only_folder);
    assert_int_equal(chmod(at("folder"), 0755), 0);
}

TEST(a_folder_in_the_place_of_the_file_is_told)
{
    assert_int_equal(mkdir(at("s.db"), 0755), 0);
    expect_open_error("s.db", -EACCES, "cannot be opened");
    put("file", "x", 1);
    expect_open_error("file/s.db", -ENOTDIR, "file");
}

/* SQLite's own limit stands for the disk's: what was committed before stays, the run goes on. */
TEST(a_full_disk_loses_the_newest_rows_only)
{
    struct store *store = open_store("s.db");
    record_run(store, "before", 100);
    assert_int_equal(
        sqlite3_exec(store->database.db, "PRAGMA max_page_count = 40", NULL, NULL, NULL),
        SQLITE_OK);
    char unit[64];
    struct err err = {0};
    tell_start(store, "r", 1, NULL);
    for (unsigned i = 0; i < 5000; i++) {
        (void)snprintf(unit, sizeof unit, "unit-with-a-longer-name-%u", i);
        tell_unit(store, unit, OUTCOME_PASSED, 1);
        if (i % 100 == 99) {
            (void)store_flush(store, NULL);
        }
    }
    assert_int_equal(store_error(store, &err), -ENOSPC);
    assert_non_null(strstr(err.text, "the disk is full"));
    assert_int_equal(store_flush(store, &err), -ENOSPC);
    assert_int_equal(count_outcomes(store, "before"), 100);
    unsigned kept = count_outcomes(store, "r");
    assert_true(kept > 0 && kept % 100 == 0 && kept < 5000);
    tell_end(store, EXIT_OPEN);
    store_close(store);
    assert_string_equal(sql("s.db", "PRAGMA integrity_check"), "ok");
    assert_string_equal(sql("s.db", "SELECT exit_code FROM run WHERE run_id = 'r'"), "NULL");
    store = open_store("s.db"); /* room again */
    record_run(store, "after", 10);
    assert_int_equal(store_error(store, NULL), 0);
    store_close(store);
}

TEST(a_file_that_may_not_grow_is_an_error_and_stays_whole)
{
    store_close(open_store("s.db"));
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct rlimit limit = {200000, 200000};
        struct store *store = open_store("s.db");
        (void)signal(SIGXFSZ, SIG_IGN);
        (void)setrlimit(RLIMIT_FSIZE, &limit);
        record_run(store, "r", 20000);
        struct err err = {0};
        int result = store_error(store, &err);
        store_close(store);
        _exit(result < 0 && strstr(err.text, "s.db") != NULL ? 0 : 1);
    }
    assert_int_equal(wait_for(pid), 0);
    assert_string_equal(sql("s.db", "PRAGMA integrity_check"), "ok");
}

/* ---- killed writers ---- */

#define KILLS 200

static void write_until_killed(const char *run_id)
{
    char unit[32];
    struct store *store = open_store("s.db");
    tell_start(store, run_id, 1, NULL);
    for (unsigned i = 0;; i++) {
        (void)snprintf(unit, sizeof unit, "unit-%u", i);
        tell_unit(store, unit, OUTCOME_PASSED, 1);
        if (i % 7 == 6) {
            (void)store_flush(store, NULL);
        }
        if (i % 500 == 499) {
            (void)sqlite3_wal_checkpoint_v2(
                store->database.db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
        }
    }
}

struct prefix {
    unsigned char seen[1u << 20];
    unsigned count;
};

static int see_unit(void *context, const struct outcome_row *row)
{
    struct prefix *prefix = context;
    unsigned long number = strtoul(row->unit + strlen("unit-"), NULL, 10);
    assert_true(number < sizeof prefix->seen);
    prefix->seen[number] = 1;
    prefix->count++;
    return 0;
}

TEST(whatever_the_instant_of_the_kill_the_rows_are_a_prefix_of_what_was_written)
{
    static struct prefix prefix;
    unsigned with_rows = 0;
    int window_us = 12000; /* what a calm machine needs for a few batches */
    store_close(open_store("s.db"));
    srand(1);
    for (unsigned i = 0; i < KILLS; i++) {
        char run_id[32];
        (void)snprintf(run_id, sizeof run_id, "run-%u", i);
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            write_until_killed(run_id);
        }
        // NOLINTNEXTLINE(concurrency-mt-unsafe,cert-msc30-c): any instants will do
        (void)usleep((useconds_t)(rand() % window_us));
        (void)kill(pid, SIGKILL);
        assert_int_equal(WTERMSIG(wait_for(pid)), SIGKILL);
        struct store *store = open_store("s.db");
        memset(&prefix, 0, sizeof prefix);
        assert_int_equal(store_outcomes(store, run_id, see_unit, &prefix, NULL), 0);
        for (unsigned u = 0; u < prefix.count; u++) {
            assert_int_equal(prefix.seen[u], 1);
        }
        assert_int_equal(prefix.count % 7, 0); /* whole batches */
        with_rows += prefix.count > 0 ? 1 : 0;
        /* slower here (a sanitizer, a busy machine): some must live long enough to write */
        window_us += with_rows * 5 < i && window_us < 1000000 ? 4000 : 0;
        store_close(store);
    }
    assert_true(with_rows > KILLS / 10);
    assert_string_equal(sql("s.db", "PRAGMA integrity_check"), "ok");
    assert_string_equal(sql("s.db", "PRAGMA foreign_key_check"), "");
}

/* ---- others at the same time ---- */

TEST(processes_write_at_the_same_time)
{
    pid_t pids[3];
    (void)test_folder(); /* one for all */
    for (int p = 0; p < 3; p++) {
        pids[p] = fork();
        assert_true(pids[p] >= 0);
        if (pids[p] == 0) {
            char run_id[32];
            struct store *store = open_store("s.db");
            for (int i = 0; i < 40; i++) {
                (void)snprintf(run_id, sizeof run_id, "run-%d-%d", p, i);
                record_run(store, run_id, 25);
            }
            _exit(store_error(store, NULL) == 0 ? 0 : 1);
        }
    }
    for (int p = 0; p < 3; p++) {
        assert_int_equal(wait_for(pids[p]), 0);
    }
    struct store *store = open_store("s.db");
    assert_int_equal(count_runs(store), 120);
    assert_int_equal(count_outcomes(store, "run-2-39"), 25);
    assert_int_equal(history_of(store, "unit", "unit-24").runs, 120);
    store_close(store);
}

TEST(processes_make_the_file_at_the_same_time)
{
    (void)test_folder(); /* one for all */
    for (int round = 0; round < 5; round++) {
        char name[32];
        pid_t pids[6];
        (void)snprintf(name, sizeof name, "s%d.db", round);
        for (int p = 0; p < 6; p++) {
            pids[p] = fork();
            assert_true(pids[p] >= 0);
            if (pids[p] == 0) {
                struct store *store = NULL;
                struct err err = {0};
                int result = store_open(at(name), &store, &err);
                (void)fprintf(stderr, "%s", err.text);
                store_close(store);
                _exit(result == 0 ? 0 : 1);
            }
        }
        for (int p = 0; p < 6; p++) {
            assert_int_equal(wait_for(pids[p]), 0);
        }
    }
}

/* A long unit: nobody is kept out meanwhile. */
TEST(rows_that_wait_lock_nobody_out)
{
    struct store *one = open_store("s.db");
    struct store *two = open_store("s.db");
    tell_start(one, "one", 1, NULL);
    tell_unit(one, "a", OUTCOME_PASSED, 1);
    record_run(two, "two", 10);
    assert_int_equal(store_error(two, NULL), 0);
    tell_end(one, EXIT_OPEN);
    assert_int_equal(store_error(one, NULL), 0);
    assert_int_equal(count_runs(two), 2);
    store_close(one);
    store_close(two);
}

TEST(a_run_id_that_is_taken_is_an_error_of_the_history_alone)
{
    struct store *store = open_store("s.db");
    record_run(store, "r", 2);
    record_run(store, "r", 3);
    struct err err = {0};
    assert_true(store_error(store, &err) < 0);
    assert_non_null(strstr(err.text, "UNIQUE"));
    assert_int_equal(count_outcomes(store, "r"), 2);
    store_close(store);
}
