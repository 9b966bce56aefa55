/* SPDX-License-Identifier: Apache-2.0 */
/* Many classes, many runs: what only shows when a store has seen a lot. */
#include "base/clock.h"
#include "reuse/reuse_impl.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/shop.h"
#include "support/test.h"

static const char *const reads_a[] = {"C/src/src/a.c", "X/src/src/none.h", "D/src/src", NULL};

/* A program that asks by what it read before has a class of questions for each way through it. Of
 * 16, the one most like a new one was widened by it and lost its rows: a quarter of the programs
 * ran again in trees they had passed in. */
TEST(a_unit_of_many_classes_is_answered_by_all_of_them)
{
    enum {
        WAYS = 40
    };

    static char texts[WAYS][64];
    char change[64];
    shop_make_tree();
    sh("cd r; for i in $(seq 40); do echo $i >f$i; done");
    for (int i = 0; i < WAYS; i++) {
        const char *asks[] = {"C/src/src/a.c", texts[i], NULL};
        (void)snprintf(texts[i], sizeof texts[i], "C/src/f%d", i + 1);
        (void)snprintf(change, sizeof change, "echo %d >r/src/a.c", i);
        sh(change);
        shop_assert_now(REUSE_RUN);
        shop_earn(asks, OUTCOME_PASSED);
    }
    for (int i = 0; i < WAYS; i += 13) {
        (void)snprintf(change, sizeof change, "echo %d >r/src/a.c", i);
        sh(change);
        shop_assert_now(REUSE_HIT);
        (void)snprintf(change, sizeof change, "echo new >r/f%d", i + 1);
        sh(change);
        shop_assert_now(REUSE_RUN);
    }
}

TEST(a_store_that_was_killed_answers_right)
{
    shop_make_tree();
    for (int round = 0; round < 20; round++) {
        char change[64];
        (void)snprintf(change, sizeof change, "echo %d >r/src/a.c", round % 5);
        sh(change);
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            struct shop shop = {0};
            shop_open(&shop, "killed");
            if (shop_ask(&shop) == REUSE_RUN) {
                (void)shop_run(&shop, reads_a, OUTCOME_PASSED);
            }
            _exit(0); /* never closed */
        }
        (void)usleep((useconds_t)(round * 1500));
        (void)kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        struct shop shop = {0};
        shop_open(&shop, "after");
        enum reuse_action action = shop_ask(&shop);
        assert_true(action == REUSE_RUN || action == REUSE_HIT);
        if (action == REUSE_HIT) {
            assert_int_equal(shop.decision.outcome->status, OUTCOME_PASSED);
        }
        shop_close(&shop);
    }
}

/* Beyond some size an outcome is a file of its own in the store. */
TEST(an_outcome_of_thousands_of_cases_is_brought_whole_or_not_at_all)
{
    enum {
        CASES = 5000
    };

    static struct test_case cases[CASES];
    static char names[CASES][24];
    const struct observation asked = {OBSERVE_CONTENT, "/src/src/a.c"};
    const struct trace trace = {.items = &asked, .count = 1};
    const struct outcome outcome = {
        .attempt = 1,
        .trace = &trace,
        .cases = {cases, CASES},
        .started_ms = clock_wall_ms() - 1,
    };
    for (int i = 0; i < CASES; i++) {
        (void)snprintf(names[i], sizeof names[i], "adds %d and %d", i, i);
        cases[i] = (struct test_case){.name = names[i], .status = OUTCOME_PASSED, .time_s = -1};
    }
    struct shop shop = {0};
    shop_make_tree();
    shop_open(&shop, "one");
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    assert_int_equal(shop_end(&shop, &outcome, NULL), 1);
    shop_close(&shop);
    shop_open(&shop, "two");
    assert_int_equal(shop_ask(&shop), REUSE_HIT);
    assert_int_equal(shop.decision.outcome->cases.count, CASES);
    assert_string_equal(shop.decision.outcome->cases.items[CASES - 1].name, names[CASES - 1]);
    shop_close(&shop);
    sh("rm -rf cache/blobs/??");
    shop_open(&shop, "three");
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    assert_int_equal(shop.decision.reason, REUSE_REASON_DAMAGED);
    shop_drop(&shop);
    shop_close(&shop);
}

/* Rows of many units are read at once; an edit that none of them asks of, and one that all do. */
TEST(many_units_are_answered_at_once_and_one_by_one_alike)
{
    enum {
        UNITS = EVIDENCE_ROLL_ROWS_MIN
    };

    static const char *const asks[] = {"C/src/src/a.c", NULL};

    static const struct {
        const char *change;
        enum reuse_action expected;
        bool at_once;
    } runs[] = {
        {"true",                REUSE_RUN, false},
        {"true",                REUSE_HIT, true },
        {"echo new >r/other",   REUSE_HIT, true },
        {"echo new >r/src/a.c", REUSE_RUN, true },
    };

    shop_make_tree();
    for (size_t run = 0; run < sizeof runs / sizeof runs[0]; run++) {
        struct shop shop = {0};
        sh(runs[run].change);
        shop_open(&shop, "run");
        for (unsigned i = 0; i < UNITS; i++) {
            shop.key.bytes[0] = (unsigned char)i;
            assert_int_equal(shop_ask(&shop), runs[run].expected);
            assert_int_equal(shop_state(&shop)->roll != NULL, runs[run].at_once);
            if (run == 0) {
                assert_int_equal(shop_run(&shop, asks, OUTCOME_PASSED), 1);
            } else if (runs[run].expected == REUSE_RUN) {
                shop_drop(&shop);
            } else {
                assert_int_equal(shop.decision.outcome->status, OUTCOME_PASSED);
                assert_string_equal(shop.decision.outcome->reused->run, "run");
            }
        }
        shop_close(&shop);
    }
}
