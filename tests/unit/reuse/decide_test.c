/* SPDX-License-Identifier: Apache-2.0 */
/* The edges of a decision: when evidence is too old, which of it may be replaced, what is drawn for
 * the sample, when a use is noted, and what remains of a row whose content is gone. */
#include "base/clock.h"
#include "base/mem.h"
#include "reuse/reuse_impl.h"
#include "store/evidence_roll.h"
#include "store/evidence_transfer.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "support/shop.h"
#include "support/test.h"

static const char *const reads_a[] = {"C/src/src/a.c", NULL};
static const char *const reads_b[] = {"C/src/src/b.c", NULL};

/* An instant, and options of a run at it. */
#define NOON INT64_C(1700000000000)

static struct reuse_options at_noon(const char *run)
{
    return (struct reuse_options){.trust = EVIDENCE_MEMBER, .run = run, .now_ms = NOON};
}

/* In a run of its own: decided to run, and passes. */
static void earn_as(const struct reuse_options *options, const char *const *asked)
{
    struct shop shop = {0};
    shop_open_as(&shop, options);
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    assert_int_equal(shop_run(&shop, asked, OUTCOME_PASSED), 1);
    shop_close(&shop);
}

/* ---- age ---- */

/* The pipeline was given a ttl after the evidence was earned. */
TEST(evidence_is_too_old_from_the_moment_its_time_is_over)
{
    static const struct {
        int64_t age_ms;
        int64_t ttl_ms;
        bool too_old;
    } list[] = {
        {0,                60000, false},
        {59999,            60000, false},
        {60000,            60000, true },
        {60001,            60000, true },
        {-600000,          60000, false}, /* a clock that is not quite the same */
        {-600001,          60000, true }, /* from the future */
        {INT64_C(1) << 40, 0,     false}, /* without a ttl for ever */
        {-600001,          0,     false},
        {1,                1,     true },
    };

    const struct reuse_options noon = at_noon("earn");
    shop_make_tree();
    earn_as(&noon, reads_a);
    for (int summed = 0; summed < 2; summed++) { /* as in the run before; and by classes */
        if (summed == 1) {
            sh("echo '* text=auto' >r/.gitattributes");
        }
        for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
            const struct reuse_policy policy = {.mode = REUSE_OBSERVED, .ttl_ms = list[i].ttl_ms};
            struct reuse_options options = at_noon("later");
            struct shop shop = {.policy = &policy};
            options.now_ms += list[i].age_ms;
            shop_open_as(&shop, &options);
            const enum reuse_action action = shop_peek(&shop);
            if (action != (list[i].too_old ? REUSE_RUN : REUSE_HIT)) {
                fail_msg("%zu, %d: %s", i, summed, shop.decision.why);
            }
            assert_int_equal(shop.decision.reason,
                             list[i].too_old ? REUSE_REASON_EXPIRED : REUSE_REASON_NONE);
            assert_true((shop_state(&shop)->answers != NULL) == (summed == 1 || list[i].too_old));
            shop_close(&shop);
        }
    }
}

/* The time that evidence was given when it was earned counts, whatever the pipeline says now. */
TEST(evidence_is_over_from_the_moment_it_was_to_expire)
{
    const struct reuse_policy policy = {.mode = REUSE_OBSERVED, .ttl_ms = 60000};
    struct reuse_options options = at_noon("one");
    struct shop shop = {.policy = &policy};
    shop_make_tree();
    shop_open_as(&shop, &options);
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    assert_int_equal(shop_run(&shop, reads_a, OUTCOME_PASSED), 1);
    shop.policy = NULL;
    shop.reuse->options.now_ms = NOON + 59999;
    assert_int_equal(shop_peek(&shop), REUSE_HIT);
    shop.reuse->options.now_ms = NOON + 60000;
    assert_int_equal(shop_peek(&shop), REUSE_RUN);
    assert_int_equal(shop.decision.reason, REUSE_REASON_EXPIRED);
    shop_close(&shop);
}

/* ---- what takes the place of what ---- */

static bool is_there(struct shop *shop, int64_t evidence)
{
    struct evidence_row row = {0};
    const struct evidence_query query = {
        .unit_key = shop->key,
        .reader = {.trust = EVIDENCE_PROTECTED, .scope = ""},
        .now_ms = 1,
    };
    reuse_picture_end(shop->reuse);
    return evidence_get(shop->reuse->store, evidence, &query, shop->arena, &row, NULL) == 1;
}

/* A run of a member that took the place of a protected row left the protected branch without
 * evidence. */
TEST(only_evidence_of_its_own_kind_is_replaced)
{
    const struct reuse_policy policy = {.mode = REUSE_OBSERVED, .ttl_ms = 60000};

    static const struct {
        enum evidence_trust trust;
        const char *scope;
        bool replaces;
    } list[] = {
        {EVIDENCE_PROTECTED, NULL, true },
        {EVIDENCE_PROTECTED, "",   true },
        {EVIDENCE_PROTECTED, "7",  false},
        {EVIDENCE_MEMBER,    NULL, false},
        {EVIDENCE_FORK,      "7",  false},
    };

    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        struct reuse_options options = at_noon("main");
        struct shop shop = {0};
        sh("rm -rf r plugins cache");
        shop_make_tree();
        options.trust = EVIDENCE_PROTECTED;
        earn_as(&options, reads_a);
        options.run = "later";
        options.now_ms += 60000;
        options.trust = list[i].trust;
        options.scope = list[i].scope;
        shop.policy = &policy;
        shop_open_as(&shop, &options);
        assert_int_equal(shop_ask(&shop), REUSE_RUN);
        assert_int_equal(shop.decision.reason, REUSE_REASON_EXPIRED);
        assert_int_equal(shop.decision.lease->replaces, list[i].replaces ? 1 : 0);
        assert_int_equal(shop_run(&shop, reads_a, OUTCOME_PASSED), 1);
        assert_int_equal(is_there(&shop, 1), !list[i].replaces);
        shop_close(&shop);
        shop_open_as(&shop, &options);
        assert_int_equal(shop_ask(&shop), REUSE_HIT);
        assert_int_equal(shop.decision.evidence, 2);
        shop_close(&shop);
    }
}

/* Of several rows with the same answers the one that is trusted most is found first. Where that one
 * was too old, too slow, or without the artifacts that a change asks for, the unit ran with every
 * push of the change, although the change's own row would have answered. */
TEST(where_evidence_of_others_will_not_do_our_own_answers)
{
    static const enum reuse_reason reasons[] = {
        REUSE_REASON_EXPIRED, REUSE_REASON_SLOW, REUSE_REASON_ARTIFACTS};
    const struct reuse_policy policy = {.mode = REUSE_OBSERVED, .ttl_ms = 60000};
    const char *patterns[] = {"*.log", NULL};
    const struct observation question = {OBSERVE_CONTENT, "/src/src/a.c"};
    const struct trace trace = {.items = &question, .count = 1};
    struct product folder = {.path = "lib", .mode = S_IFDIR | 0755};
    const struct manifest products = {&folder, 1}; /* of the main line alone */
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        struct reuse_options options = at_noon("main");
        struct shop shop = {0};
        struct outcome outcome = {.attempt = 1,
                                  .trace = &trace,
                                  .started_ms = clock_wall_ms(),
                                  .wall_ns = INT64_C(2000000000)};
        sh("rm -rf r plugins cache");
        shop_make_tree();
        options.trust = EVIDENCE_PROTECTED;
        shop_open_as(&shop, &options);
        assert_int_equal(shop_ask(&shop), REUSE_RUN);
        assert_int_equal(shop_end(&shop, &outcome, &products), 1);
        shop_close(&shop);
        options.run = "change";
        options.trust = EVIDENCE_MEMBER;
        options.scope = "7";
        options.now_ms += 60000;
        outcome.wall_ns = 1000000;
        shop.policy = reasons[i] == REUSE_REASON_EXPIRED ? &policy : NULL;
        shop.timeout_ms = reasons[i] == REUSE_REASON_SLOW ? 1000 : 0;
        for (int push = 0; push < 4; push++) {
            char change[64];
            (void)snprintf(change, sizeof change, "echo '* text=auto %d' >r/.gitattributes", push);
            sh(change); /* nothing is carried over */
            options.now_ms += push == 3 ? 60000 : 0;
            shop_open_as(&shop, &options);
            struct reuse_request request = shop_request(&shop);
            request.artifacts =
                (struct text_list){patterns, reasons[i] == REUSE_REASON_ARTIFACTS ? 1 : 0};
            reuse_decide(shop.reuse, &request, shop.arena, &shop.decision);
            const bool runs = push == 0 || (push == 3 && reasons[i] == REUSE_REASON_EXPIRED);
            assert_int_equal(shop.decision.action, runs ? REUSE_RUN : REUSE_HIT);
            if (runs) {
                assert_int_equal(shop.decision.reason, reasons[i]);
                assert_int_equal(shop.decision.lease->replaces, push == 0 ? 0 : 2);
                assert_int_equal(shop_end(&shop, &outcome, NULL), 1);
            } else {
                assert_int_equal(shop.decision.evidence, 2);
                assert_string_equal(shop.decision.outcome->reused->run, "change");
                assert_null(shop.decision.products);
                assert_true(shop.decision.outcome->final);
            }
            shop_close(&shop);
        }
    }
}

/* Our own row may be of no use for another reason. */
TEST(evidence_of_our_own_has_to_do_as_well)
{
    const struct reuse_policy policy = {.mode = REUSE_OBSERVED, .ttl_ms = 60000};
    const struct observation question = {OBSERVE_CONTENT, "/src/src/a.c"};
    const struct trace trace = {.items = &question, .count = 1};
    struct reuse_options options = at_noon("change");
    struct shop shop = {0};
    struct outcome outcome = {
        .attempt = 1, .trace = &trace, .started_ms = clock_wall_ms(), .wall_ns = 1000000};
    shop_make_tree();
    for (int i = 0; i < 2; i++) { /* ours is old, that of the main line slow */
        shop_open_as(&shop, &options);
        assert_int_equal(shop_ask(&shop), REUSE_RUN);
        assert_int_equal(shop_end(&shop, &outcome, NULL), 1);
        shop_close(&shop);
        options.trust = EVIDENCE_PROTECTED;
        options.now_ms = NOON + 60000;
        outcome.wall_ns = INT64_C(2000000000);
    }
    options.trust = EVIDENCE_MEMBER;
    shop.policy = &policy;
    shop.timeout_ms = 2000;
    sh("echo '* text=auto' >r/.gitattributes");
    shop_open_as(&shop, &options);
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    assert_int_equal(shop.decision.reason, REUSE_REASON_EXPIRED);
    assert_int_equal(shop.decision.lease->replaces, 1);
    shop_drop(&shop);
    shop.timeout_ms = 1000;
    shop.policy = NULL;
    assert_int_equal(shop_ask(&shop), REUSE_HIT);
    assert_int_equal(shop.decision.evidence, 1);
    shop_close(&shop);
}

/* What is asked anew for another reason only confirms what is there. */
TEST(evidence_is_replaced_only_where_it_is_of_no_use_any_more)
{
    struct shop shop = {.take_fails = true};
    const char *patterns[] = {"*.log", NULL};
    char took[DURATION_TEXT_MAX];
    char words[200];
    const struct trace trace = {0};
    const struct outcome slow = {.attempt = 1,
                                 .trace = &trace,
                                 .started_ms = clock_wall_ms(),
                                 .wall_ns = INT64_C(2000000000)};
    shop_make_tree();
    shop_open(&shop, "one");
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    assert_int_equal(shop.decision.lease->replaces, 0);
    assert_false(shop.decision.lease->replaces_failed);
    assert_int_equal(shop_end(&shop, &slow, NULL), 1);
    shop.timeout_ms = 1000;
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    assert_int_equal(shop.decision.reason, REUSE_REASON_SLOW);
    (void)snprintf(words,
                   sizeof words,
                   "it took %s, which is more than its timeout is now: earned by run one, ",
                   duration_format(2000, took));
    assert_int_equal(strncmp(shop.decision.why, words, strlen(words)), 0);
    assert_int_equal(shop.decision.lease->replaces, 1);
    assert_false(shop.decision.lease->replaces_failed);
    shop_drop(&shop);
    shop.timeout_ms = 0;
    struct reuse_request request = shop_request(&shop);
    request.artifacts = (struct text_list){patterns, 1};
    reuse_decide(shop.reuse, &request, shop.arena, &shop.decision);
    assert_int_equal(shop.decision.reason, REUSE_REASON_ARTIFACTS);
    assert_int_equal(shop.decision.lease->replaces, 1);
    assert_true(shop.decision.lease->replaces_failed);
    shop_drop(&shop);
    shop.key.bytes[0] = 8;
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    assert_int_equal(shop_run(&shop, reads_a, OUTCOME_FAILED), 1);
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    assert_int_equal(shop.decision.reason, REUSE_REASON_FAILED);
    assert_int_equal(shop.decision.lease->replaces, 0);
    shop_close(&shop);
}

/* ---- the sample ---- */

enum {
    SAMPLED = 100
};

/* Which units of a run are in the sample of 300,000 ppm that these two make. */
static void sample(const char *run, unsigned all_ppm, unsigned layer_ppm, bool *in)
{
    const struct reuse_policy policy = {.mode = REUSE_OBSERVED, .verify_ppm = layer_ppm};
    const struct reuse_options options = {
        .trust = EVIDENCE_MEMBER, .run = run, .verify_ppm = all_ppm};
    struct shop shop = {.policy = &policy};
    shop_open_as(&shop, &options);
    for (unsigned i = 0; i < SAMPLED; i++) {
        shop.key.bytes[0] = (unsigned char)i;
        in[i] = shop_ask(&shop) == REUSE_VERIFY;
        shop_drop(&shop);
    }
    shop_close(&shop);
}

/* How many there are is seen in record_test.c. */
TEST(a_sample_is_the_same_units_wherever_the_run_asks_and_others_in_the_next_run)
{
    bool first[SAMPLED];
    bool again[SAMPLED];
    struct shop shop = {0};
    shop_make_tree();
    shop_open(&shop, "earn");
    for (unsigned i = 0; i < SAMPLED; i++) {
        shop.key.bytes[0] = (unsigned char)i;
        assert_int_equal(shop_ask(&shop), REUSE_RUN);
        assert_int_equal(shop_run(&shop, reads_a, OUTCOME_PASSED), 1);
    }
    shop_close(&shop);
    sample("one", 300000, 0, first);
    sample("one", 0, 300000, again);
    assert_memory_equal(first, again, sizeof first);
    sample("one", 300000, 299999, again);
    assert_memory_equal(first, again, sizeof first);
    sample("two", 300000, 0, again);
    assert_memory_not_equal(first, again, sizeof first);
}

TEST(a_hit_that_is_in_the_sample_says_so_also_to_who_wants_few_words)
{
    struct shop shop = {0};
    const struct reuse_options options = {
        .trust = EVIDENCE_MEMBER, .run = "later", .verify_ppm = 1000000};
    shop_make_tree();
    shop_earn(reads_a, OUTCOME_PASSED);
    shop_open_as(&shop, &options);
    for (int brief = 0; brief < 2; brief++) {
        struct reuse_request request = shop_request(&shop);
        request.brief = brief == 1;
        reuse_decide(shop.reuse, &request, shop.arena, &shop.decision);
        static const char words[] = "it is in the sample that runs again; earned by run earn, ";
        assert_int_equal(shop.decision.action, REUSE_VERIFY);
        assert_int_equal(shop.decision.reason, REUSE_REASON_VERIFY);
        assert_int_equal(strncmp(shop.decision.why, words, sizeof words - 1), 0);
        assert_true(shop.decision.lease->verify);
        assert_true(shop.decision.lease->verify_passed);
        assert_int_equal(shop.decision.lease->verify_id, 1);
        assert_int_equal(shop.decision.lease->verify_trust, EVIDENCE_MEMBER);
        assert_string_equal(shop.decision.lease->verify_scope, "");
        assert_int_equal(shop.reuse->used.count, 0); /* it is not used, it runs */
        assert_int_equal(shop_state(&shop)->learnt.count, 0);
        shop_drop(&shop);
    }
    shop_close(&shop);
}

/* ---- what is remembered of a hit ---- */

TEST(a_use_is_noted_from_an_hour_after_the_last_one_on)
{
    struct shop shop = {0};
    shop_make_tree();
    shop_earn(reads_a, OUTCOME_PASSED);
    shop_open(&shop, "later");
    assert_int_equal(shop_peek(&shop), REUSE_HIT);
    const int64_t used_ms = shop_row(&shop).used_ms;
    shop.reuse->options.now_ms = used_ms + BLOB_TOUCH_MS - 1;
    assert_int_equal(shop_ask(&shop), REUSE_HIT);
    assert_int_equal(shop.reuse->used.count, 0);
    shop.reuse->options.now_ms = used_ms + BLOB_TOUCH_MS;
    assert_int_equal(shop_ask(&shop), REUSE_HIT);
    assert_int_equal(shop.reuse->used.count, 1);
    assert_int_equal(shop.reuse->used.items[0], shop.decision.evidence);
    shop_close(&shop);
}

/* Rows that are read at once are copies: they have to learn that they were used, or each run writes
 * so anew. */
TEST(a_use_is_noted_once_for_rows_that_are_read_at_once)
{
    enum {
        UNITS = EVIDENCE_ROLL_ROWS_MIN + 2
    };

    const int64_t now_ms = clock_wall_ms();
    struct reuse_options options = {.trust = EVIDENCE_MEMBER, .run = "r"};
    shop_make_tree();
    for (unsigned run = 0; run < 4; run++) {
        struct shop shop = {0};
        options.now_ms = now_ms + (run < 2 ? 0 : 2 * BLOB_TOUCH_MS);
        shop_open_as(&shop, &options);
        for (unsigned i = 0; i < UNITS; i++) {
            shop.key.bytes[0] = (unsigned char)i;
            assert_int_equal(shop_ask(&shop), run == 0 ? REUSE_RUN : REUSE_HIT);
            if (run == 0) {
                assert_int_equal(shop_run(&shop, reads_a, OUTCOME_PASSED), 1);
            }
        }
        assert_int_equal(shop.reuse->used.count, run == 2 ? UNITS : 0);
        shop_close(&shop);
    }
}

/* An answer that the shortcut gave is known to it. */
TEST(only_what_the_shortcut_does_not_know_is_told_to_it)
{
    struct shop shop = {0};
    shop_make_tree();
    shop_earn(reads_a, OUTCOME_PASSED);
    shop_open(&shop, "same tree");
    assert_int_equal(shop_ask(&shop), REUSE_HIT);
    assert_int_equal(shop_state(&shop)->learnt.count, 0);
    shop_close(&shop);
    sh("echo new >r/other");
    shop_open(&shop, "carried");
    assert_int_equal(shop_peek(&shop), REUSE_HIT);
    assert_int_equal(shop_state(&shop)->learnt.count, 0); /* only asked */
    assert_int_equal(shop_ask(&shop), REUSE_HIT);
    assert_int_equal(shop_state(&shop)->learnt.count, 1);
    shop_close(&shop);
    sh("echo '* text=auto' >r/.gitattributes");
    shop_open(&shop, "by classes");
    assert_int_equal(shop_ask(&shop), REUSE_HIT);
    assert_int_equal(shop_state(&shop)->learnt.count, 1);
    assert_int_equal(shop_state(&shop)->learnt.items[0].evidence_id, shop.decision.evidence);
    shop_close(&shop);
}

/* The questions that are compared are those of the row that answered, not those asked last. */
TEST(what_is_carried_over_rests_on_the_questions_of_its_own)
{
    struct shop shop = {0};
    shop_make_tree();
    shop_earn(reads_a, OUTCOME_PASSED);
    sh("cp r/src/a.c kept; echo other >r/src/a.c; cp r/src/b.c kept_b; echo other >r/src/b.c");
    shop_earn(reads_b, OUTCOME_PASSED);
    sh("cp kept r/src/a.c; cp kept_b r/src/b.c");
    shop_open(&shop, "first tree again");
    shop.key.bytes[0] = 8; /* the last tree in which something was learnt */
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    assert_int_equal(shop_run(&shop, reads_b, OUTCOME_PASSED), 1);
    shop_close(&shop);
    sh("echo third >r/src/b.c");
    shop_open(&shop, "carried");
    assert_int_equal(shop_ask(&shop), REUSE_HIT);
    assert_int_equal(shop.decision.evidence, 1);
    assert_null(shop_state(&shop)->answers); /* no class was summed up */
    shop_close(&shop);
}

/* ---- of another store ---- */

/* An imported row was summed up under another store's secret: what it sums up to is not known. */
TEST(evidence_of_another_store_answers_by_its_proof)
{
    struct evidence_transferred transferred = {0};
    struct err err = {0};
    struct shop shop = {0};
    char file[4096];
    (void)snprintf(file, sizeof file, "%s", at("exported"));
    shop_make_tree();
    shop_earn(reads_a, OUTCOME_PASSED);
    shop_open(&shop, "exports");
    const struct evidence_selection selection = {.tree = shop.tree};
    assert_int_equal(evidence_export(shop.reuse->store, &selection, file, &transferred, &err), 0);
    shop_close(&shop);
    sh("rm -r cache");
    shop_open(&shop, "has its own");
    shop.key.bytes[0] = 8;
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    assert_int_equal(shop_run(&shop, reads_b, OUTCOME_PASSED), 1);
    reuse_picture_end(shop.reuse);
    assert_int_equal(evidence_import(shop.reuse->store, file, EVIDENCE_MEMBER, &transferred, &err),
                     0);
    assert_int_equal(transferred.rows, 1);
    shop_close(&shop);
    sh("echo '* text=auto' >r/.gitattributes"); /* nothing but classes tells */
    shop_open(&shop, "later");
    assert_int_equal(shop_ask(&shop), REUSE_HIT);
    assert_string_equal(shop.decision.outcome->reused->run, "earn");
    shop_close(&shop);
    sh("echo new >r/src/a.c");
    shop_assert_now(REUSE_RUN);
}

/* ---- who is at it already ---- */

/* Two runs that would ask the same files and find other content in them are at other work. */
TEST(units_with_other_answers_do_not_wait_for_each_other)
{
    struct shop first = {0};
    struct shop second = {0};
    shop_make_tree();
    shop_earn(reads_a, OUTCOME_PASSED);
    sh("echo changed >r/src/a.c");
    shop_open(&first, "first run");
    sh("echo otherwise >r/src/a.c");
    shop_open(&second, "second run");
    assert_int_equal(shop_ask(&first), REUSE_RUN);
    assert_int_equal(first.decision.lease->taken_count, 2);
    assert_int_equal(shop_peek(&second), REUSE_RUN);
    assert_int_equal(shop_ask(&second), REUSE_RUN);
    shop_drop(&second);
    shop_drop(&first);
    shop_close(&second);
    shop_close(&first);
}

TEST(a_further_attempt_waits_for_nobody)
{
    struct shop first = {0};
    struct shop second = {0};
    shop_make_tree();
    shop_open(&first, "first run");
    shop_open(&second, "second run");
    assert_int_equal(shop_ask(&first), REUSE_RUN);
    assert_int_equal(shop_peek(&second), REUSE_JOIN);
    assert_int_equal(second.decision.reason, REUSE_REASON_BUSY);
    second.again = true;
    assert_int_equal(shop_peek(&second), REUSE_RUN);
    assert_int_equal(shop_ask(&second), REUSE_RUN);
    assert_int_equal(second.decision.lease->taken_count, 0);
    shop_close(&second);
    shop_close(&first);
}

/* ---- content that is gone ---- */

/* A row without its content is forgotten by who would have used it, not by who only asks. */
TEST(only_who_would_use_it_forgets_what_lost_its_content)
{
    struct shop shop = {0};
    const struct trace trace = {0};
    const struct outcome outcome = {
        .attempt = 1,
        .trace = &trace,
        .started_ms = clock_wall_ms(),
        .out = {.file = "out.0", .len = 5000}
    };
    shop_make_tree();
    sh("head -c 5000 /dev/zero >out.0");
    shop_open(&shop, "one");
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    assert_int_equal(shop_end(&shop, &outcome, NULL), 1);
    shop_close(&shop);
    for (int peeked = 1; peeked >= 0; peeked--) {
        sh("mv cache/blobs kept; mkdir cache/blobs");
        shop_open(&shop, "gone");
        assert_int_equal(peeked == 1 ? shop_peek(&shop) : shop_ask(&shop), REUSE_RUN);
        assert_int_equal(shop.decision.reason, REUSE_REASON_DAMAGED);
        assert_string_equal(shop.decision.why,
                            "it has evidence, but what was stored with it is missing or damaged");
        assert_null(shop.decision.outcome);
        shop_close(&shop);
        sh("rm -r cache/blobs; mv kept cache/blobs");
        shop_open(&shop, "back");
        assert_int_equal(shop_peek(&shop), peeked == 1 ? REUSE_HIT : REUSE_RUN);
        assert_int_equal(shop.decision.reason, peeked == 1 ? REUSE_REASON_NONE : REUSE_REASON_NEW);
        shop_close(&shop);
    }
}

TEST(each_product_has_to_be_there)
{
    for (unsigned gone = 0; gone < 2; gone++) {
        const struct manifest *products = NULL;
        const struct trace trace = {0};
        const struct outcome outcome = {
            .attempt = 1, .trace = &trace, .started_ms = clock_wall_ms()};
        struct shop shop = {0};
        sh("rm -rf r plugins cache out");
        shop_make_tree();
        sh("mkdir out; echo one >out/a; echo two >out/b");
        shop_open(&shop, "one");
        assert_int_equal(
            reuse_read_products(shop.reuse, at("out"), true, shop.arena, &products, NULL), 0);
        assert_int_equal(shop_ask(&shop), REUSE_RUN);
        assert_int_equal(shop_end(&shop, &outcome, products), 1);
        assert_int_equal(shop_peek(&shop), REUSE_HIT);
        assert_int_equal(shop.decision.products->count, 2);
        assert_int_equal(blobs_remove(shop.reuse->blobs, &products->items[gone].digest, NULL), 0);
        assert_int_equal(shop_peek(&shop), REUSE_RUN);
        assert_int_equal(shop.decision.reason, REUSE_REASON_DAMAGED);
        shop_close(&shop);
    }
}

/* ---- what speaks against a failure ---- */

/* A pass is counted once against each failure, whichever way it is found. */
TEST(a_further_attempt_that_passes_is_counted_once_for_each_failure)
{
    struct shop shop = {0};
    shop_make_tree();
    shop_earn(reads_a, OUTCOME_FAILED);
    sh("echo other >r/src/a.c");
    shop_earn(reads_a, OUTCOME_FAILED); /* the first one does not answer here */
    sh("echo third >r/src/b.c");
    shop_open(&shop, "again");
    for (int i = 0; i < 2; i++) { /* the very questions of the failure; and others */
        uint64_t passes = 0;
        uint64_t failures = 0;
        shop.again = true;
        assert_int_equal(shop_ask(&shop), REUSE_RUN);
        assert_int_equal(shop_run(&shop, i == 0 ? reads_a : reads_b, OUTCOME_PASSED), 0);
        shop.again = false;
        shop.attribute = true;
        assert_int_equal(shop_peek(&shop), REUSE_HIT);
        assert_int_equal(shop.decision.outcome->status, OUTCOME_FAILED);
        const struct evidence_row row = shop_row(&shop);
        assert_int_equal(
            evidence_ledger(shop.reuse->store, &shop.key, &row.full, &passes, &failures, NULL), 0);
        assert_int_equal(passes, i + 1);
        assert_int_equal(failures, 1);
    }
    shop_close(&shop);
    sh("echo one >r/src/a.c");
    shop_open(&shop, "before");
    uint64_t passes = 1;
    uint64_t failures = 0;
    assert_int_equal(shop_peek(&shop), REUSE_HIT);
    const struct evidence_row row = shop_row(&shop);
    assert_int_equal(
        evidence_ledger(shop.reuse->store, &shop.key, &row.full, &passes, &failures, NULL), 0);
    assert_int_equal(passes, 0);
    assert_int_equal(failures, 1);
    shop_close(&shop);
}

/* ---- without memory ---- */

/* What cannot be looked up runs, and says so. */
TEST(what_finds_no_memory_is_not_looked_up_and_says_so)
{
    struct shop shop = {0};
    bool seen = false;
    shop_make_tree();
    shop_earn(reads_a, OUTCOME_PASSED);
    sh("echo '* text=auto' >r/.gitattributes");
    shop_open(&shop, "later");
    assert_int_equal(shop_peek(&shop), REUSE_HIT);
    for (size_t n = 1; n < 1000; n++) {
        struct arena *arena = arena_new((size_t)1 << 24);
        struct reuse_request request = shop_request(&shop);
        request.peek = true;
        (void)mem_fail_from(n);
        reuse_decide(shop.reuse, &request, arena, &shop.decision);
        const bool whole = mem_fail_from(0) < n;
        assert_true(shop.decision.action == (whole ? REUSE_HIT : REUSE_RUN) || !whole);
        if (shop.decision.action == REUSE_RUN && shop.decision.reason == REUSE_REASON_TROUBLE) {
            seen = true;
            assert_string_equal(shop.decision.why, "evidence could not be looked up");
        }
        arena_free(arena);
        if (whole) {
            break;
        }
    }
    assert_true(seen);
    shop_close(&shop);
}
