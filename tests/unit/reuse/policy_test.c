/* SPDX-License-Identifier: Apache-2.0 */
/* What does not answer although it is known: off, too old, too slow, of others, or in the sample.
 */
#include "base/clock.h"
#include "reuse/reuse.h"

#include <string.h>

#include "support/shop.h"
#include "support/test.h"

static const char *const reads_a[] = {"C/src/src/a.c", "X/src/src/none.h", "D/src/src", NULL};
static const char *const reads_b[] = {"C/src/src/b.c", NULL};

TEST(off_means_off)
{
    const struct reuse_policy off = {.mode = REUSE_OFF};
    const struct reuse_options options = {.trust = EVIDENCE_MEMBER, .run = "r", .hits_off = true};
    struct shop shop = {0};
    shop_make_tree();
    shop_earn(reads_a, OUTCOME_PASSED);
    shop_open_as(&shop, &options);
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    assert_int_equal(shop.decision.reason, REUSE_REASON_OFF);
    assert_int_equal(shop_run(&shop, reads_a, OUTCOME_PASSED), 1); /* look-up only is off */
    shop_close(&shop);
    shop_open(&shop, "two");
    shop.again = true;
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    shop_drop(&shop);
    shop.again = false;
    shop.policy = &off;
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    assert_int_equal(shop_run(&shop, reads_a, OUTCOME_PASSED), 0);
    shop.policy = NULL;
    assert_int_equal(shop_ask(&shop), REUSE_HIT);
    shop_close(&shop);
}

TEST(a_unit_with_network_rests_on_what_is_declared_and_expires)
{
    static const char *const files[] = {"src", NULL};
    const struct reuse_policy policy = {
        .mode = REUSE_DECLARED, .ttl_ms = 60000, .declared = {files, 1}
    };
    struct outcome outcome = {.attempt = 1, .started_ms = clock_wall_ms()};
    const int64_t now_ms = clock_wall_ms();
    struct reuse_options options = {.trust = EVIDENCE_MEMBER, .run = "r", .now_ms = now_ms};
    struct shop shop = {.network = true};
    shop_make_tree();
    shop_open_as(&shop, &options);
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    assert_int_equal(shop_end(&shop, &outcome, NULL), 0);
    assert_non_null(strstr(shop.why, "declared"));
    shop.policy = &policy;
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    assert_int_equal(shop_end(&shop, &outcome, NULL), 1);
    assert_int_equal(shop_ask(&shop), REUSE_HIT);
    shop_close(&shop);
    options.now_ms = now_ms + 61000;
    shop_open_as(&shop, &options);
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    assert_int_equal(shop.decision.reason, REUSE_REASON_EXPIRED);
    shop_close(&shop);
    sh("echo x >r/src/new");
    options.now_ms = now_ms;
    shop_open_as(&shop, &options);
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    assert_int_equal(shop.decision.reason, REUSE_REASON_CHANGED);
    shop_close(&shop);
}

/* An expired pass that ran again was only confirmed, as old as it was: it ran in every run. */
TEST(a_pass_takes_the_place_of_one_that_was_too_old)
{
    const struct reuse_policy policy = {.mode = REUSE_OBSERVED, .ttl_ms = 60000};
    const int64_t now_ms = clock_wall_ms();
    struct reuse_options options = {.trust = EVIDENCE_MEMBER, .run = "r", .now_ms = now_ms};
    struct shop shop = {.policy = &policy};
    shop_make_tree();
    for (int i = 0; i < 2; i++) {
        shop_open_as(&shop, &options);
        assert_int_equal(shop_ask(&shop), REUSE_RUN);
        assert_int_equal(shop_run(&shop, reads_a, OUTCOME_PASSED), 1);
        assert_int_equal(shop_ask(&shop), REUSE_HIT);
        shop_close(&shop);
        options.now_ms += 61000;
    }
}

TEST(evidence_from_the_future_has_no_age)
{
    const struct reuse_policy policy = {.mode = REUSE_OBSERVED, .ttl_ms = 60000};
    const int64_t now_ms = clock_wall_ms();
    struct reuse_options options = {
        .trust = EVIDENCE_MEMBER, .run = "r", .now_ms = now_ms + INT64_C(86400000)};
    struct shop shop = {.policy = &policy};
    shop_make_tree();
    shop_open_as(&shop, &options);
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    assert_int_equal(shop_run(&shop, reads_a, OUTCOME_PASSED), 1);
    shop_close(&shop);
    options.now_ms = now_ms; /* the clock was set back */
    shop_open_as(&shop, &options);
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    assert_int_equal(shop.decision.reason, REUSE_REASON_EXPIRED);
    shop_drop(&shop);
    shop.policy = NULL; /* without a ttl its age is of no interest */
    assert_int_equal(shop_ask(&shop), REUSE_HIT);
    shop_close(&shop);
}

/* A unit that took 2 s was green under a timeout of 1 s that was set later. */
TEST(what_took_longer_than_its_timeout_is_now_runs_again)
{
    struct shop shop = {0};
    shop_make_tree();
    struct outcome outcome = {.exit_code = 0,
                              .attempt = 1,
                              .final = true,
                              .started_ms = clock_wall_ms() - 1,
                              .wall_ns = INT64_C(2000000000)};
    struct trace trace = {0};
    outcome.trace = &trace;
    shop_open(&shop, "slow");
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    assert_int_equal(shop_end(&shop, &outcome, NULL), 1);
    shop.timeout_ms = 2001;
    assert_int_equal(shop_ask(&shop), REUSE_HIT);
    shop.timeout_ms = 2000;
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    assert_int_equal(shop.decision.reason, REUSE_REASON_SLOW);
    assert_non_null(strstr(shop.decision.why, "more than its timeout"));
    shop_drop(&shop);
    shop.timeout_ms = 1;
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    assert_int_equal(shop.decision.reason, REUSE_REASON_SLOW);
    shop.timeout_ms = 2000;
    outcome.wall_ns = 1000000; /* on a calmer machine */
    assert_int_equal(shop_end(&shop, &outcome, NULL), 1);
    assert_int_equal(shop_ask(&shop), REUSE_HIT);
    shop_close(&shop);
}

TEST(protected_reads_protected_only_and_a_change_its_own)
{
    const struct reuse_options change = {.trust = EVIDENCE_FORK, .scope = "7", .run = "c"};
    const struct reuse_options other = {.trust = EVIDENCE_FORK, .scope = "8", .run = "o"};
    const struct reuse_options main_line = {.trust = EVIDENCE_PROTECTED, .run = "m"};
    struct shop shop = {0};
    shop_make_tree();
    shop_open_as(&shop, &change);
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    assert_int_equal(shop_run(&shop, reads_a, OUTCOME_PASSED), 1);
    assert_int_equal(shop_ask(&shop), REUSE_HIT);
    assert_string_equal(shop.decision.outcome->reused->change, "7");
    shop_close(&shop);
    shop_open_as(&shop, &other);
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    shop_close(&shop);
    shop_open_as(&shop, &main_line);
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    assert_int_equal(shop_run(&shop, reads_a, OUTCOME_PASSED), 1);
    shop_close(&shop);
    shop_open_as(&shop, &other);
    assert_int_equal(shop_ask(&shop), REUSE_HIT);
    shop_close(&shop);
}

TEST(a_sample_of_hits_runs_again_and_a_mismatch_quarantines)
{
    const struct reuse_options options = {
        .trust = EVIDENCE_MEMBER, .run = "v", .verify_ppm = 1000000};
    struct shop shop = {0};
    shop_make_tree();
    shop_earn(reads_a, OUTCOME_PASSED);
    shop_open_as(&shop, &options);
    assert_int_equal(shop_peek(&shop), REUSE_HIT);
    assert_int_equal(shop_ask(&shop), REUSE_VERIFY);
    assert_non_null(shop.decision.outcome);
    assert_int_equal(shop_run(&shop, reads_a, OUTCOME_PASSED), 1);
    assert_null(reuse_take_note(shop.reuse));
    assert_int_equal(shop_ask(&shop), REUSE_VERIFY);
    assert_int_equal(shop_run(&shop, reads_b, OUTCOME_FAILED), 1); /* it even asked other things */
    assert_non_null(strstr(reuse_take_note(shop.reuse), "when it ran again to verify"));
    shop_close(&shop);
    shop_assert_now(REUSE_RUN);
}
