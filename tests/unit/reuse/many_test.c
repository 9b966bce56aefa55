/* SPDX-License-Identifier: Apache-2.0 */
/* Many classes, many runs: what only shows when a store has seen a lot. */
#include "reuse/reuse.h"

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
