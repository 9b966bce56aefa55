/* SPDX-License-Identifier: Apache-2.0 */
/* What a run that ended says about what was known before: who is told, and with which words. */
#include "base/clock.h"
#include "reuse/reuse_impl.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "support/shop.h"
#include "support/test.h"

static const char *const reads_a[] = {"C/src/src/a.c", NULL};
static const char *const reads_b[] = {"C/src/src/b.c", NULL};

static const struct reuse_options verifies = {
    .trust = EVIDENCE_MEMBER, .run = "v", .verify_ppm = 1000000};

static void assert_note(struct shop *shop, const char *expected)
{
    const char *note = reuse_take_note(shop->reuse);
    if (expected == NULL) {
        assert_null(note);
    } else {
        assert_non_null(note);
        assert_string_equal(note, expected);
        assert_null(reuse_take_note(shop->reuse));
    }
}

/* ---- contradictions ---- */

TEST(a_flaky_unit_is_named_with_both_pieces_of_evidence)
{
    struct shop shop = {.attribute = true};
    shop_make_tree();
    shop_earn(reads_a, OUTCOME_FAILED);
    shop_open(&shop, "second");
    assert_int_equal(shop_peek(&shop), REUSE_HIT);
    assert_int_equal(shop.decision.evidence, 1);
    shop.attribute = false;
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    assert_int_equal(shop_run(&shop, reads_a, OUTCOME_PASSED), 1);
    assert_note(&shop,
                "the unit is flaky, proven: it passed and failed with the same inputs (evidence 1 "
                "and 2). It runs every time until `sluice cache quarantine` lifts it");
    shop_close(&shop);
}

TEST(a_unit_without_a_name_is_told_of_as_one)
{
    struct shop shop = {0};
    shop_make_tree();
    shop_open(&shop, "one");
    for (int i = 0; i < 2; i++) {
        struct reuse_request request = shop_request(&shop);
        request.unit = NULL;
        reuse_decide(shop.reuse, &request, shop.arena, &shop.decision);
        assert_int_equal(shop.decision.action, REUSE_RUN);
        assert_int_equal(shop_run(&shop, reads_a, i == 0 ? OUTCOME_FAILED : OUTCOME_PASSED), 1);
    }
    const char *note = reuse_take_note(shop.reuse);
    assert_non_null(note);
    assert_ptr_equal(strstr(note, "a unit is flaky, proven"), note);
    shop_close(&shop);
}

/* A pass whose time was over stands until another pass takes its place: a failure with the same
 * inputs contradicts it. */
TEST(a_failure_after_a_pass_that_expired_is_a_contradiction)
{
    const struct reuse_policy policy = {.mode = REUSE_OBSERVED, .ttl_ms = 60000};
    const int64_t now_ms = clock_wall_ms();
    struct reuse_options options = {.trust = EVIDENCE_MEMBER, .run = "r", .now_ms = now_ms};
    struct shop shop = {.policy = &policy};
    shop_make_tree();
    shop_open_as(&shop, &options);
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    assert_int_equal(shop_run(&shop, reads_a, OUTCOME_PASSED), 1);
    shop_close(&shop);
    options.now_ms += 61000;
    shop_open_as(&shop, &options);
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    assert_int_equal(shop.decision.reason, REUSE_REASON_EXPIRED);
    assert_int_equal(shop_run(&shop, reads_a, OUTCOME_FAILED), 1);
    const char *note = reuse_take_note(shop.reuse);
    assert_non_null(note);
    assert_non_null(strstr(note, "is flaky, proven"));
    shop_close(&shop);
}

/* ---- hits that run again ---- */

static int take_entry(void *context, const struct evidence_quarantine *entry)
{
    struct evidence_quarantine *kept = context;
    assert_int_equal(kept->time_ms, 0); /* one */
    *kept = *entry;
    assert_string_equal(entry->reason, "a hit that ran again to verify it came to another result");
    assert_int_equal(entry->trust, EVIDENCE_PROTECTED);
    assert_string_equal(entry->scope, "");
    assert_int_equal(entry->other_trust, EVIDENCE_FORK);
    assert_string_equal(entry->other_scope, "7");
    return 0;
}

TEST(a_hit_that_is_refuted_is_quarantined_for_those_who_read_both)
{
    const struct reuse_options main_line = {.trust = EVIDENCE_PROTECTED, .run = "main"};
    const int64_t now_ms = clock_wall_ms() + 5;
    const struct reuse_options change = {
        .trust = EVIDENCE_FORK, .scope = "7", .run = "pr", .now_ms = now_ms, .verify_ppm = 1000000};
    struct evidence_quarantine entry = {0};
    struct shop shop = {0};
    shop_make_tree();
    shop_open_as(&shop, &main_line);
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    assert_int_equal(shop_run(&shop, reads_a, OUTCOME_PASSED), 1);
    shop_close(&shop);
    shop_open_as(&shop, &change);
    assert_int_equal(shop_ask(&shop), REUSE_VERIFY);
    assert_int_equal(shop_run(&shop, reads_b, OUTCOME_FAILED), 1);
    assert_note(&shop,
                "the unit was to be reused as passed, and failed when it ran again to verify that: "
                "its evidence is not used any more (evidence 1)");
    assert_int_equal(evidence_quarantine_walk(shop.reuse->store, take_entry, &entry, NULL), 0);
    assert_memory_equal(entry.unit_key.bytes, shop.key.bytes, HASH_SIZE);
    assert_true(entry.time_ms == now_ms);
    assert_int_equal(entry.first_id, 1);
    assert_int_equal(entry.second_id, 2);
    shop_close(&shop);
    shop_open_as(&shop, &main_line); /* it may not read what the change earned */
    assert_int_equal(shop_ask(&shop), REUSE_HIT);
    shop_close(&shop);
}

TEST(a_failure_that_passes_when_it_runs_again_is_quarantined_too)
{
    struct shop shop = {.take_fails = true};
    shop_make_tree();
    shop_earn(reads_a, OUTCOME_FAILED);
    shop_earn(reads_a, OUTCOME_FAILED);
    shop_open_as(&shop, &verifies);
    assert_int_equal(shop_ask(&shop), REUSE_VERIFY);
    assert_int_equal(shop_run(&shop, reads_b, OUTCOME_PASSED), 1);
    assert_note(&shop,
                "the unit was to be reused as failed, and passed when it ran again to verify that: "
                "its evidence is not used any more (evidence 1)");
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    assert_int_equal(shop.decision.reason, REUSE_REASON_QUARANTINED);
    shop_close(&shop);
}

/* Ends the unit that was to be verified by a crash. */
static void crash(struct shop *shop, const struct trace *trace)
{
    const struct outcome outcome = {.status = OUTCOME_ERRORED,
                                    .exit_code = -1,
                                    .signal = SIGSEGV,
                                    .attempt = 1,
                                    .started_ms = clock_wall_ms(),
                                    .trace = trace};
    assert_int_equal(shop_end(shop, &outcome, NULL), 0);
    assert_string_equal(shop->why, "it was ended by a signal");
}

TEST(a_failure_that_crashes_when_it_runs_again_is_not_refuted)
{
    const struct observation asked = {OBSERVE_CONTENT, "/src/src/a.c"};
    const struct trace trace = {.items = &asked, .count = 1};
    struct shop shop = {.take_fails = true};
    shop_make_tree();
    shop_earn(reads_a, OUTCOME_FAILED);
    shop_earn(reads_a, OUTCOME_FAILED);
    shop_open_as(&shop, &verifies);
    assert_int_equal(shop_ask(&shop), REUSE_VERIFY);
    crash(&shop, &trace);
    assert_note(&shop, NULL);
    assert_int_equal(shop_ask(&shop), REUSE_VERIFY);
    shop_drop(&shop);
    shop_close(&shop);
}

/* Nobody knows what it would have come to, had the file stayed. */
TEST(a_crash_while_a_file_of_the_machine_changed_refutes_nothing)
{
    const struct observation asked = {OBSERVE_CONTENT, "/sluice/plugins/p"};
    const struct trace trace = {.items = &asked, .count = 1};
    struct shop shop = {0};
    shop_make_tree();
    shop_earn(reads_a, OUTCOME_PASSED);
    shop_open_as(&shop, &verifies);
    for (int i = 0; i < 3; i++) { /* as it was, changed, and not observed at all */
        assert_int_equal(shop_ask(&shop), REUSE_VERIFY);
        if (i == 1) {
            sh("echo changed >plugins/p");
        }
        if (i > 0) {
            crash(&shop, i == 1 ? &trace : NULL);
            assert_note(&shop, NULL);
        } else {
            assert_int_equal(shop_run(&shop, reads_a, OUTCOME_PASSED), 1);
        }
    }
    assert_int_equal(shop_ask(&shop), REUSE_VERIFY);
    shop_drop(&shop);
    shop_close(&shop);
}

TEST(a_unit_whose_inputs_are_declared_needs_no_trace_to_be_refuted)
{
    const char *files[] = {"src"};
    const struct reuse_policy policy = {
        .mode = REUSE_DECLARED, .ttl_ms = 60000, .declared = {files, 1}
    };
    struct outcome outcome = {.attempt = 1, .started_ms = clock_wall_ms()};
    struct shop shop = {.network = true, .policy = &policy};
    shop_make_tree();
    shop_open_as(&shop, &verifies);
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    assert_int_equal(shop_end(&shop, &outcome, NULL), 1);
    assert_int_equal(shop_ask(&shop), REUSE_VERIFY);
    crash(&shop, NULL);
    assert_note(&shop,
                "the unit was to be reused as passed, and was ended by a signal when it ran again "
                "to verify that: its evidence is not used any more (evidence 1)");
    shop_close(&shop);
}

/* ---- further attempts ---- */

TEST(further_attempts_are_counted_as_what_they_came_to)
{
    struct shop shop = {.attribute = true};
    uint64_t passes = 0;
    uint64_t failures = 0;
    shop_make_tree();
    shop_earn(reads_a, OUTCOME_FAILED);
    shop_open(&shop, "later");
    assert_int_equal(shop_peek(&shop), REUSE_HIT);
    const struct evidence_row row = shop_row(&shop);

    static const enum outcome_status attempts[] = {OUTCOME_FAILED, OUTCOME_FAILED, OUTCOME_SKIPPED};

    shop.again = true;
    for (size_t i = 0; i < sizeof attempts / sizeof attempts[0]; i++) {
        assert_int_equal(shop_ask(&shop), REUSE_RUN);
        assert_int_equal(shop_run(&shop, reads_a, attempts[i]), 0);
        assert_string_equal(shop.why, "it is a further attempt: only counted");
    }
    assert_int_equal(
        evidence_ledger(shop.reuse->store, &shop.key, &row.full, &passes, &failures, NULL), 0);
    assert_int_equal(passes, 1);
    assert_int_equal(failures, 3); /* the one that earned the row, too */
    shop_close(&shop);
}

/* ---- the words of a refusal ---- */

TEST(why_a_run_earned_nothing_is_said_in_a_sentence)
{
    static const struct reuse_policy off = {.mode = REUSE_OFF};

    static const struct {
        struct outcome outcome;
        struct trace trace;
        const struct reuse_policy *policy;
        bool network;
        const char *why;
    } list[] = {
        {.outcome = {.flags = FLAG_LEAKED_PIPE},                           .why = "its output stayed open after it ended"      },
        {.outcome = {.flags = FLAG_SLOW},                                  .why = NULL                                         },
        {.outcome = {.status = (enum outcome_status)OUTCOME_STATUS_COUNT},
         .why = "its status is unknown"                                                                                        },
        {.outcome = {.exit_code = -1, .status = OUTCOME_SKIPPED},
         .why = "it did not come to an end by itself"                                                                          },
        {.trace = {.flags = TRACE_NET, .why = "it asked for a name"},
         .why = "its trace is marked net: it asked for a name"                                                                 },
        {.trace = {.flags = TRACE_NET},                                    .why = "its trace is marked net"                    },
        {.trace = {.flags = 1u << 20},                                     .why = "its trace has a mark that is not known here"},
        {.policy = &off,                                                   .why = "reuse is off for it"                        },
        {.network = true,
         .why = "it may use the network, and what it rests on is not declared (reuse: {declared: "
                "[...], ttl: ...})"                                                                                            },
    };

    shop_make_tree();
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        struct outcome outcome = list[i].outcome;
        struct shop shop = {.policy = list[i].policy, .network = list[i].network};
        outcome.trace = &list[i].trace;
        outcome.attempt = 1;
        outcome.started_ms = clock_wall_ms();
        shop_open(&shop, "one");
        shop.key.bytes[0] = (unsigned char)i;
        assert_int_equal(shop_ask(&shop), REUSE_RUN);
        assert_int_equal(shop_end(&shop, &outcome, NULL), list[i].why == NULL ? 1 : 0);
        if (list[i].why == NULL) {
            assert_null(shop.why);
        } else {
            assert_non_null(shop.why);
            assert_string_equal(shop.why, list[i].why);
        }
        shop_close(&shop);
    }
}

/* ---- declared files ---- */

/* Their order is the pipeline's; the questions are the same ones. */
TEST(declared_files_may_stand_in_any_order)
{
    const char *up[] = {"run.sh", "src/a.c", "src/b.c"};
    const char *down[] = {"src/b.c", "src/a.c", "run.sh"};
    struct reuse_policy policy = {
        .mode = REUSE_DECLARED, .ttl_ms = 60000, .declared = {down, 3}
    };
    const struct outcome outcome = {.attempt = 1, .started_ms = clock_wall_ms()};
    struct shop shop = {.network = true, .policy = &policy, .attribute = true};
    shop_make_tree();
    shop_open(&shop, "one");
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    assert_int_equal(shop_end(&shop, &outcome, NULL), 1);
    assert_int_equal(shop_ask(&shop), REUSE_HIT);
    const struct evidence_row first = shop_row(&shop);
    assert_int_equal(first.kind, EVIDENCE_DECLARED);
    policy.declared.items = up;
    shop.again = true;
    shop.attempt = 1;
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    assert_int_equal(shop_end(&shop, &outcome, NULL), 1);
    shop.again = false;
    assert_int_equal(shop_ask(&shop), REUSE_HIT);
    const struct evidence_row second = shop_row(&shop);
    assert_int_equal(second.id, first.id);
    assert_int_equal(second.class_id, first.class_id);
    assert_int_equal(second.confirmed, 2);
    shop_close(&shop);
    sh("echo other >r/src/b.c");
    shop_open(&shop, "two");
    assert_int_equal(shop_peek(&shop), REUSE_RUN);
    assert_int_equal(shop.decision.reason, REUSE_REASON_CHANGED);
    assert_ptr_equal(strstr(shop.decision.why, "src/b.c changed"), shop.decision.why);
    shop_close(&shop);
}
