/* SPDX-License-Identifier: Apache-2.0 */
/* When a failure answers for a run: confirmed, observed, and never by a unit that is flaky. */
#include "reuse/reuse_impl.h"

#include <string.h>

#include "support/shop.h"
#include "support/test.h"

static const char *const reads_a[] = {"C/src/src/a.c", "X/src/src/none.h", "D/src/src", NULL};
static const char *const reads_b[] = {"C/src/src/b.c", NULL};

/* A run of its own in which the unit fails or passes, whatever is known; attempt 2 of two. */
static void once_more(const char *const *asked, enum outcome_status status, int stored)
{
    struct shop shop = {.again = true};
    shop_open(&shop, "again");
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    assert_int_equal(shop_run(&shop, asked, status), stored);
    shop_close(&shop);
}

static void expect(enum reuse_action action, bool take_fails, const char *words)
{
    struct shop shop = {.take_fails = take_fails};
    shop_open(&shop, "later");
    assert_int_equal(shop_peek(&shop), action);
    if (strstr(shop.decision.why, words) == NULL) {
        fail_msg("not \"%s\": %s", words, shop.decision.why);
    }
    shop_close(&shop);
}

TEST(a_failure_answers_once_a_second_run_has_confirmed_it)
{
    struct shop shop = {0};
    shop_make_tree();
    shop_earn(reads_a, OUTCOME_FAILED);
    expect(REUSE_RUN, true, "no second run has confirmed");
    shop_earn(reads_a, OUTCOME_FAILED);
    expect(REUSE_RUN, false, "always run again");
    shop.take_fails = true;
    shop_open(&shop, "third");
    assert_int_equal(shop_ask(&shop), REUSE_HIT);
    assert_int_equal(shop.decision.outcome->status, OUTCOME_FAILED);
    assert_string_equal(shop.decision.outcome->reused->run, "earn");
    assert_non_null(strstr(shop.decision.why, "failed 2 times with the same inputs"));
    shop_close(&shop);
    sh("echo more >>r/src/a.c");
    expect(REUSE_RUN, true, "changed");
}

TEST(a_failure_that_came_once_answers_only_to_attribute)
{
    struct shop shop = {.attribute = true};
    shop_make_tree();
    shop_earn(reads_a, OUTCOME_FAILED);
    shop_open(&shop, "later");
    assert_int_equal(shop_peek(&shop), REUSE_HIT);
    assert_int_equal(shop.decision.outcome->status, OUTCOME_FAILED);
    shop_close(&shop);
}

TEST(a_further_attempt_that_fails_confirms_nothing_a_further_run_does)
{
    shop_make_tree();
    shop_earn(reads_a, OUTCOME_FAILED);
    once_more(reads_a, OUTCOME_FAILED, 0);
    expect(REUSE_RUN, true, "no second run has confirmed");
    shop_earn(reads_a, OUTCOME_FAILED);
    expect(REUSE_HIT, true, "failed 2 times");
}

TEST(a_further_attempt_that_passes_makes_it_flaky_for_ever)
{
    shop_make_tree();
    shop_earn(reads_a, OUTCOME_FAILED);
    once_more(reads_a, OUTCOME_PASSED, 0);
    shop_earn(reads_a, OUTCOME_FAILED);
    expect(REUSE_RUN, true, "it is flaky");
    shop_earn(reads_a, OUTCOME_FAILED);
    expect(REUSE_RUN, true, "it is flaky");
}

/* What fails asks for more than what passes (the sources that it quotes, say), so the attempt that
 * passed left its mark where nobody who found the failure looked: a flaky unit that passes with
 * every second attempt was red after two runs, for as long as its inputs stayed. */
TEST(a_further_attempt_that_passes_with_other_questions_makes_it_flaky_too)
{
    shop_make_tree();
    for (int i = 0; i < 3; i++) {
        shop_earn(reads_a, OUTCOME_FAILED);
        once_more(reads_b, OUTCOME_PASSED, 0);
        expect(REUSE_RUN, true, i == 0 ? "no second run has confirmed" : "it is flaky");
    }
}

TEST(a_pass_that_earns_no_evidence_speaks_against_a_failure)
{
    const struct outcome killed = {.exit_code = 0, .attempt = 1, .flags = FLAG_LEAKED_PROCESS};
    struct shop shop = {0};
    shop_make_tree();
    shop_earn(reads_a, OUTCOME_FAILED);
    shop_open(&shop, "leaks");
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    assert_int_equal(shop_end(&shop, &killed, NULL), 0);
    shop_close(&shop);
    shop_earn(reads_a, OUTCOME_FAILED);
    expect(REUSE_RUN, true, "it is flaky");
}

TEST(a_pass_that_answers_through_other_questions_speaks_against_a_failure)
{
    shop_make_tree();
    shop_earn(reads_b, OUTCOME_FAILED);
    sh("echo other >r/src/a.c");
    shop_earn(reads_b, OUTCOME_FAILED);
    expect(REUSE_HIT, true, "failed 2 times");
    struct shop shop = {0};
    shop_open(&shop, "pass");
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    assert_int_equal(shop_run(&shop, reads_a, OUTCOME_PASSED), 1);
    shop_close(&shop);
    struct shop failed = {.take_fails = true}; /* the class of the failure comes first again */
    shop_open(&failed, "fail");
    failed.again = true;
    failed.attempt = 1;
    assert_int_equal(shop_ask(&failed), REUSE_RUN);
    assert_int_equal(shop_run(&failed, reads_b, OUTCOME_FAILED), 1);
    failed.again = false;
    sh("echo '* text=auto' >r/.gitattributes"); /* nothing is carried over, all is summed up */
    shop_snapshot(&failed);
    assert_int_equal(shop_peek(&failed), REUSE_RUN);
    assert_int_equal(failed.decision.reason, REUSE_REASON_FAILED);
    assert_non_null(strstr(failed.decision.why, "it is flaky"));
    shop_close(&failed);
}

/* It fails both ways: nothing of that speaks against the failure. */
TEST(a_failure_that_is_known_through_other_questions_too_answers)
{
    shop_make_tree();
    for (int i = 0; i < 2; i++) {
        shop_earn(reads_a, OUTCOME_FAILED);
        shop_earn(reads_b, OUTCOME_FAILED);
    }
    expect(REUSE_HIT, true, "failed 2 times");
}

/* What is known of a tree is known before any question is looked at, and a pass over another tree
 * does not change it. */
TEST(a_pass_over_another_tree_speaks_against_a_failure_that_is_known_of_this_one)
{
    struct shop shop = {.take_fails = true};
    shop_make_tree();
    shop_earn(reads_b, OUTCOME_FAILED);
    shop_earn(reads_b, OUTCOME_FAILED);
    shop_open(&shop, "knows");
    assert_int_equal(shop_ask(&shop), REUSE_HIT);
    shop_close(&shop);
    expect(REUSE_HIT, true, "failed 2 times");
    sh("echo new >r/other");
    shop_earn(reads_a, OUTCOME_PASSED);
    sh("rm r/other");
    expect(REUSE_RUN, true, "it is flaky");
}

static uint64_t passes_beside(struct shop *shop, int64_t failure)
{
    uint64_t passes = 0;
    uint64_t failures = 0;
    shop->decision.evidence = failure;
    const struct evidence_row row = shop_row(shop);
    assert_false(row.passed);
    assert_int_equal(
        evidence_ledger(shop->reuse->store, &shop->key, &row.full, &passes, &failures, NULL), 0);
    assert_int_equal(failures, 1);
    return passes;
}

/* An attempt that passes asks what it likes; each failure that answers in this state is of a flaky
 * unit from then on. */
TEST(a_further_attempt_that_passes_is_counted_beside_each_failure)
{
    static const char *const reads_run[] = {"C/src/run.sh", NULL};
    struct shop shop = {0};
    shop_make_tree();
    shop_earn(reads_a, OUTCOME_FAILED);
    shop_earn(reads_b, OUTCOME_FAILED);
    sh("cp r/src/b.c kept; echo other >r/src/b.c");
    shop_earn(reads_b, OUTCOME_FAILED); /* does not answer in what follows */
    sh("cp kept r/src/b.c");
    once_more(reads_run, OUTCOME_PASSED, 0);
    shop_open(&shop, "later");
    assert_int_equal(passes_beside(&shop, 1), 1);
    assert_int_equal(passes_beside(&shop, 2), 1);
    assert_int_equal(passes_beside(&shop, 3), 0);
    shop_close(&shop);
}

TEST(a_failure_that_rests_on_what_was_declared_never_answers)
{
    const char *files[] = {"src/a.c"};
    const struct reuse_policy policy = {
        .mode = REUSE_DECLARED, .declared = {files, 1},
             .ttl_ms = 100000
    };
    struct shop shop = {.policy = &policy, .network = true, .take_fails = true};
    shop_make_tree();
    shop_open(&shop, "net");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(shop_ask(&shop), REUSE_RUN);
        assert_int_equal(shop_run(&shop, reads_b, OUTCOME_FAILED), 1);
    }
    assert_int_equal(shop_peek(&shop), REUSE_RUN);
    assert_int_equal(shop.decision.reason, REUSE_REASON_FAILED);
    shop_close(&shop);
}

TEST(confirmations_go_with_the_evidence)
{
    struct shop shop = {.take_fails = true};
    shop_make_tree();
    shop_earn(reads_a, OUTCOME_FAILED);
    shop_earn(reads_a, OUTCOME_FAILED);
    shop_open(&shop, "forget");
    assert_int_equal(shop_peek(&shop), REUSE_HIT);
    reuse_picture_end(shop.reuse);
    assert_int_equal(evidence_forget(shop.reuse->store, shop.decision.evidence, NULL), 0);
    shop_close(&shop);
    shop_earn(reads_a, OUTCOME_FAILED);
    expect(REUSE_RUN, true, "no second run has confirmed");
}
