/* SPDX-License-Identifier: Apache-2.0 */
/* Run, mutate, expect: decisions over a real store and a real repository. */
#include "reuse/reuse.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "reuse/reuse_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/shop.h"
#include "support/test.h"

static const char *const reads_a[] = {"C/src/src/a.c", "X/src/src/none.h", "D/src/src", NULL};
static const char *const reads_b[] = {"C/src/src/b.c", NULL};

static void assert_now(enum reuse_action expected)
{
    struct shop shop = {0};
    shop_open(&shop, "now");
    enum reuse_action action = shop_ask(&shop);
    if (action != expected) {
        fail_msg("decided %d, not %d: %s", (int)action, (int)expected, shop.decision.why);
    }
    shop_drop(&shop);
    shop_close(&shop);
}

TEST(what_passed_is_reused_until_something_it_asked_changes)
{
    static const struct {
        const char *change;
        enum reuse_action expected;
    } list[] = {
        {"true",                                               REUSE_HIT},
        {"touch r/src/a.c",                                    REUSE_HIT},
        {"echo other >r/src/b.c",                              REUSE_HIT},
        {"echo new >r/other",                                  REUSE_HIT},
        {"mkdir r/src/sub; echo >r/src/sub/x",                 REUSE_RUN},
        {"rm -r r/src/sub",                                    REUSE_HIT},
        {"echo more >>r/src/a.c",                              REUSE_RUN},
        {"echo one >r/src/a.c",                                REUSE_HIT},
        {"chmod +x r/src/a.c",                                 REUSE_RUN},
        {"chmod -x r/src/a.c; echo >r/src/none.h",             REUSE_RUN},
        {"rm r/src/none.h; mv r/src r/gone; ln -s gone r/src", REUSE_RUN},
        {"rm r/src; mv r/gone r/src",                          REUSE_HIT},
    };

    shop_make_tree();
    assert_now(REUSE_RUN);
    shop_earn(reads_a, OUTCOME_PASSED);
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        sh(list[i].change);
        assert_now(list[i].expected);
    }
}

TEST(a_hit_brings_outcome_cases_output_and_origin)
{
    static const struct test_case cases[] = {
        {.suite = "s",           .name = "one", .time_s = 0.5, .status = OUTCOME_PASSED},
        { .suite = "s",
         .name = "two \xc3\xa9",
         .message = "why",
         .time_s = -1,
         .status = OUTCOME_SKIPPED},
    };
    const struct observation asked = {OBSERVE_CONTENT, "/src/src/a.c"};
    const struct trace trace = {.items = &asked, .count = 1};
    const struct outcome outcome = {
        .status = OUTCOME_PASSED,
        .attempt = 1,
        .final = true,
        .started_ms = clock_wall_ms() - 1,
        .wall_ns = 5000000,
        .cpu_user_us = 10,
        .cpu_sys_us = 20,
        .max_rss_kib = 30,
        .out = {.file = "out.0", .offset = 2, .len = 5},
        .cases = {cases,               2                     },
        .trace = &trace,
        .slot = 3,
    };
    struct shop shop = {0};
    shop_make_tree();
    sh("printf 'xxhellorest' >out.0");
    shop_open(&shop, "first run");
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    assert_int_equal(shop.decision.reason, REUSE_REASON_NEW);
    assert_int_equal(shop_end(&shop, &outcome, NULL), 1);
    shop_close(&shop);

    shop_open(&shop, "second run");
    assert_int_equal(shop_ask(&shop), REUSE_HIT);
    const struct outcome *reused = shop.decision.outcome;
    assert_int_equal(reused->status, OUTCOME_PASSED);
    assert_true(reused->final);
    assert_int_equal(reused->wall_ns, 5000000);
    assert_int_equal(reused->max_rss_kib, 30);
    assert_int_equal(reused->cases.count, 2);
    assert_string_equal(reused->cases.items[1].name, "two \xc3\xa9");
    assert_int_equal(reused->cases.items[1].status, OUTCOME_SKIPPED);
    assert_string_equal(reused->reused->run, "first run");
    assert_string_equal(reused->reused->tree, shop.tree);
    assert_null(reused->reused->change);
    assert_null(shop.decision.err);
    assert_non_null(shop.decision.out);
    assert_non_null(strstr(shop.decision.why, "first run"));
    CLEANUP(str_fini) struct str text = STR_INIT(100);
    struct err err = {0};
    int fd = open(at("copy"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(reuse_fetch(shop.reuse, shop.decision.out, fd, &err), 0);
    (void)close(fd);
    assert_int_equal(file_read(at("copy"), &text, &err), 0);
    assert_string_equal(str_text(&text), "hello");
    shop_close(&shop);
}

TEST(another_command_is_another_question)
{
    struct shop shop = {0};
    shop_make_tree();
    shop_earn(reads_a, OUTCOME_PASSED);
    shop_open(&shop, "other");
    shop.key.bytes[0] ^= 1;
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    assert_int_equal(shop.decision.reason, REUSE_REASON_NEW);
    shop_close(&shop);
}

TEST(a_unit_may_ask_different_things_in_different_states)
{
    shop_make_tree();
    shop_earn(reads_a, OUTCOME_PASSED);
    sh("echo changed >r/src/a.c");
    shop_earn(reads_b, OUTCOME_PASSED); /* as if a.c now said to look at b.c only */
    assert_now(REUSE_HIT);
    sh("echo one >r/src/a.c");
    assert_now(REUSE_HIT);
    sh("echo changed >r/src/b.c; echo another >r/src/a.c");
    assert_now(REUSE_RUN);
}

TEST(a_miss_names_what_differs_with_both_answers)
{
    struct shop shop = {0};
    CLEANUP(str_fini) struct str text = STR_INIT(10000);
    struct err err = {0};
    shop_make_tree();
    shop_earn(reads_a, OUTCOME_PASSED);
    sh("echo longer >r/src/a.c; echo >r/src/none.h");
    shop_open(&shop, "later");
    assert_int_equal(shop_peek(&shop), REUSE_RUN);
    assert_int_equal(shop.decision.reason, REUSE_REASON_CHANGED);
    assert_non_null(strstr(shop.decision.why, "and 2 more"));
    assert_non_null(strstr(shop.decision.why, "run earn"));
    const struct reuse_request request = shop_request(&shop);
    assert_int_equal(reuse_why(shop.reuse, &request, &text, &err), 0);
    assert_non_null(strstr(str_text(&text), "src/a.c changed (content 5626abf0 -> content "));
    assert_non_null(strstr(str_text(&text), "src/none.h changed (absent -> there)"));
    assert_non_null(strstr(str_text(&text), "src lists other names (added none.h)"));
    shop_close(&shop);
}

TEST(a_listing_that_differs_names_what_came_and_went)
{
    static const char *const lists[] = {"D/src/src", NULL};
    struct shop shop = {0};
    shop_make_tree();
    shop_earn(lists, OUTCOME_PASSED);
    sh("cd r/src; rm a.c; rm b.c; mkdir b.c; for i in 1 2 3 4 5; do echo $i >n$i; done; echo >b.c/x");
    shop_open(&shop, "later");
    assert_int_equal(shop_peek(&shop), REUSE_RUN);
    assert_non_null(strstr(shop.decision.why,
                           "src lists other names (added b.c, n1, n2 and 3 more; gone a.c, b.c)"));
    sh("rm -rf r/.git r/.sluice; git init -q r"); /* the tree of then is gone */
    shop_close(&shop);
    shop_open(&shop, "much later");
    assert_int_equal(shop_peek(&shop), REUSE_RUN);
    assert_non_null(strstr(shop.decision.why, "(which ones is not known any more)"));
    shop_close(&shop);
}

TEST(the_same_inputs_with_both_results_quarantine_the_unit)
{
    struct shop shop = {0};
    shop_make_tree();
    shop_earn(reads_a, OUTCOME_FAILED);
    shop_open(&shop, "second");
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    assert_int_equal(shop_run(&shop, reads_a, OUTCOME_PASSED), 1);
    const char *note = reuse_take_note(shop.reuse);
    assert_non_null(note);
    assert_non_null(strstr(note, "flaky"));
    assert_null(reuse_take_note(shop.reuse));
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    assert_int_equal(shop.decision.reason, REUSE_REASON_QUARANTINED);
    shop_close(&shop);
    assert_now(REUSE_RUN);
}

TEST(what_may_have_been_missed_is_not_stored)
{
    static const struct {
        struct outcome outcome;
        unsigned trace_flags;
        bool no_trace;
        const char *why;
    } list[] = {
        {{.flags = FLAG_LEAKED_PROCESS},                             0,                false, "processes outlived it"},
        {{.flags = FLAG_UNSANDBOXED},                                0,                false, "ran in place"         },
        {{.flags = FLAG_CANCELLED},                                  0,                false, "cancelled"            },
        {{.flags = FLAG_SCRATCH_FULL},                               0,                false, "scratch"              },
        {{.flags = FLAG_OOM},                                        0,                false, "memory"               },
        {{.flags = FLAG_OUTPUT_LOST},                                0,                false, "disk is full"         },
        {{.flags = FLAG_KILLED},                                     0,                false, "killed"               },
        {{.signal = 11, .exit_code = -1, .status = OUTCOME_ERRORED}, 0,                false, "signal"               },
        {{.status = OUTCOME_ERRORED},                                0,                false, "error is no answer"   },
        {{.status = OUTCOME_TIMED_OUT},                              0,                false, "timed out"            },
        {{.exit_code = -1},                                          0,                false, "by itself"            },
        {{.flags = 0},                                               TRACE_INCOMPLETE, false, "incomplete"           },
        {{.flags = 0},                                               TRACE_ESCAPED,    false, "escaped"              },
        {{.flags = 0},                                               TRACE_NET,        false, "net"                  },
        {{.flags = 0},                                               TRACE_FOREIGN,    false, "foreign"              },
        {{.flags = 0},                                               1u << 20,         false, "not known"            },
        {{.flags = 0},                                               0,                true,  "not observed"         },
    };

    shop_make_tree();
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        const struct observation asked = {OBSERVE_CONTENT, "/src/src/a.c"};
        const struct trace trace = {.items = &asked, .count = 1, .flags = list[i].trace_flags};
        struct outcome outcome = list[i].outcome;
        struct shop shop = {0};
        outcome.trace = list[i].no_trace ? NULL : &trace;
        outcome.attempt = 1;
        outcome.started_ms = clock_wall_ms();
        shop_open(&shop, "bad");
        assert_int_equal(shop_ask(&shop), REUSE_RUN);
        assert_int_equal(shop_end(&shop, &outcome, NULL), 0);
        if (shop.why == NULL || strstr(shop.why, list[i].why) == NULL) {
            fail_msg("%zu: '%s' does not say '%s'", i, shop.why, list[i].why);
        }
        shop_close(&shop);
    }
    assert_now(REUSE_RUN);
}

TEST(a_file_of_the_machine_that_changes_during_the_run_is_no_evidence)
{
    static const char *const asks[] = {"C/sluice/plugins/p", NULL};
    const struct observation asked = {OBSERVE_CONTENT, "/sluice/plugins/p"};
    const struct trace trace = {.items = &asked, .count = 1};
    struct outcome outcome = {.attempt = 1, .trace = &trace};
    struct shop shop = {0};
    shop_make_tree();
    (void)usleep(100000);
    shop_open(&shop, "one");
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    outcome.started_ms = clock_wall_ms();
    sh("echo changed >plugins/p");
    assert_int_equal(shop_end(&shop, &outcome, NULL), 0);
    assert_non_null(strstr(shop.why, "/sluice/plugins/p may have changed while it ran"));
    shop_close(&shop);
    (void)usleep(100000);
    shop_earn(asks, OUTCOME_PASSED);
    assert_now(REUSE_HIT);
    sh("echo again >plugins/p");
    assert_now(REUSE_RUN);
}

/* Facts were looked up once a run, and what units were told later was recorded as that. */
TEST(a_fact_of_the_machine_that_changes_during_the_run_is_no_evidence)
{
    char fact[64];
    (void)snprintf(fact, sizeof fact, "proc:%ld/comm", (long)getpid());
    const struct observation asked = {OBSERVE_HOST, fact};
    const struct trace trace = {.items = &asked, .count = 1};
    const struct outcome outcome = {.attempt = 1, .trace = &trace, .started_ms = clock_wall_ms()};
    struct shop shop = {0};
    shop_make_tree();
    assert_int_equal(prctl(PR_SET_NAME, "one"), 0);
    shop_open(&shop, "one");
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    assert_int_equal(shop_end(&shop, &outcome, NULL), 1);
    shop.again = true;
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    assert_int_equal(prctl(PR_SET_NAME, "two"), 0);
    assert_int_equal(shop_end(&shop, &outcome, NULL), 0);
    assert_non_null(strstr(shop.why, "/comm may have changed while it ran"));
    shop_close(&shop);
}

/* `npm ci` while a run is under way: units that start later still see the folder that was mounted
 * for the first one, which is empty now. What they did not find there was recorded as it is in the
 * new folder. */
TEST(an_exposed_folder_that_is_replaced_during_the_run_earns_no_evidence)
{
    static const char *const changes[] = {
        "rm -r one; mkdir one; echo new >one/f",
        "ln -sfn ../two r/dep",
        "rm r/dep; mkdir r/dep; echo new >r/dep/f",
        "rm r/dep",
    };
    const char *items[] = {"dep", NULL};
    static const char *const asks[] = {"C/src/dep/f", NULL};
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        struct shop shop = {
            .expose = {items, 1}
        };
        sh("rm -rf r one two plugins cache");
        shop_make_tree();
        sh("mkdir one two; echo new >two/f; cd r; echo dep >.gitignore; ln -s ../one dep");
        shop_open(&shop, "one");
        assert_int_equal(shop_ask(&shop), REUSE_RUN); /* it is new: no answer was looked for */
        sh(changes[i]);
        (void)usleep(100000);
        assert_int_equal(shop_run(&shop, asks, OUTCOME_PASSED), 0);
        assert_non_null(strstr(shop.why, "may have changed"));
        shop_close(&shop);
    }
}

TEST(a_question_no_state_can_stand_for_is_no_evidence)
{
    const char *items[] = {"/dev/zero", NULL};
    static const char *const asks[] = {"C/dev/zero", NULL};
    struct shop shop = {
        .expose = {items, 1}
    };
    shop_make_tree();
    shop_open(&shop, "one");
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    assert_int_equal(shop_run(&shop, asks, OUTCOME_PASSED), 0);
    assert_non_null(shop.why);
    shop_close(&shop);
}

TEST(missing_or_damaged_content_makes_it_run)
{
    const struct observation asked = {OBSERVE_CONTENT, "/src/src/a.c"};
    const struct trace trace = {.items = &asked, .count = 1};
    struct outcome outcome = {
        .attempt = 1, .trace = &trace, .out = {.file = "out.0", .len = 5000}
    };
    struct shop shop = {0};
    shop_make_tree();
    sh("head -c 5000 /dev/zero >out.0");
    shop_open(&shop, "one");
    outcome.started_ms = clock_wall_ms();
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    assert_int_equal(shop_end(&shop, &outcome, NULL), 1);
    shop_close(&shop);
    assert_now(REUSE_HIT);
    sh("rm -rf cache/blobs/??");
    shop_open(&shop, "two");
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    assert_int_equal(shop.decision.reason, REUSE_REASON_DAMAGED);
    shop_close(&shop);
    assert_now(REUSE_RUN);
}

TEST(short_output_comes_with_the_outcome_and_needs_no_blob)
{
    const struct observation asked = {OBSERVE_CONTENT, "/src/src/a.c"};
    const struct trace trace = {.items = &asked, .count = 1};
    struct outcome outcome = {
        .attempt = 1,
        .trace = &trace,
        .message = "it said so",
        .out = {.file = "out.0", .offset = 2, .len = 5},
        .err = {.file = "out.0",               .len = 1020           }, /* no room for both: a blob */
    };
    struct shop shop = {0};
    shop_make_tree();
    sh("printf '..a\\0b\\nc' >out.0; head -c 2000 /dev/zero >>out.0");
    shop_open(&shop, "one");
    outcome.started_ms = clock_wall_ms();
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    assert_int_equal(shop_end(&shop, &outcome, NULL), 1);
    shop_close(&shop);
    shop_open(&shop, "two");
    assert_int_equal(shop_ask(&shop), REUSE_HIT);
    assert_null(shop.decision.out);
    assert_int_equal(shop.decision.out_len, 5);
    assert_memory_equal(shop.decision.out_text, "a\0b\nc", 5);
    assert_null(shop.decision.err_text);
    assert_non_null(shop.decision.err);
    assert_string_equal(shop.decision.outcome->message, "it said so");
    shop_close(&shop);
}

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
    assert_now(REUSE_RUN);
}

/* A hit that crashed when it ran again earned no evidence, and so was green again in the next run.
 */
TEST(a_hit_that_does_not_end_well_when_it_runs_again_is_quarantined_fit_as_evidence_or_not)
{
    static const struct {
        struct outcome outcome;
        unsigned trace_flags;
        const char *told; /* NULL = it says nothing about the evidence */
    } list[] = {
        {{.status = OUTCOME_ERRORED, .exit_code = -1, .signal = SIGSEGV},                          0,         "by a signal"             },
        {{.status = OUTCOME_FAILED, .exit_code = 1},                                               TRACE_NET, "failed when it ran again"},
        {{.status = OUTCOME_FAILED, .exit_code = 1, .flags = FLAG_LEAKED_PROCESS},                 0,         "failed"                  },
        {{.status = OUTCOME_ERRORED, .exit_code = -1, .signal = SIGSEGV, .flags = FLAG_CANCELLED},
         0,                                                                                                   NULL                      },
        {{.status = OUTCOME_ERRORED, .exit_code = -1, .signal = SIGKILL, .flags = FLAG_OOM},
         0,                                                                                                   NULL                      },
        {{.status = OUTCOME_ERRORED, .exit_code = -1, .signal = SIGKILL},                          0,         NULL                      },
        {{.status = OUTCOME_TIMED_OUT, .exit_code = -1, .signal = SIGTERM},                        0,         NULL                      },
        {{.status = OUTCOME_ERRORED, .exit_code = 0},                                              0,         NULL                      },
        {{.status = OUTCOME_PASSED},                                                               TRACE_NET, NULL                      },
    };
    const struct reuse_options options = {
        .trust = EVIDENCE_MEMBER, .run = "v", .verify_ppm = 1000000};
    const struct observation asked = {OBSERVE_CONTENT, "/src/src/a.c"};
    shop_make_tree();
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        const struct trace trace = {.items = &asked, .count = 1, .flags = list[i].trace_flags};
        struct outcome outcome = list[i].outcome;
        struct shop shop = {0};
        sh("rm -rf cache");
        shop_earn(reads_a, OUTCOME_PASSED);
        shop_open_as(&shop, &options);
        assert_int_equal(shop_ask(&shop), REUSE_VERIFY);
        outcome.attempt = 1;
        outcome.started_ms = clock_wall_ms();
        outcome.trace = &trace;
        assert_int_equal(shop_end(&shop, &outcome, NULL), 0);
        const char *note = reuse_take_note(shop.reuse);
        assert_true((note != NULL) == (list[i].told != NULL));
        if (note != NULL) {
            assert_non_null(strstr(note, list[i].told));
        }
        shop_close(&shop);
        assert_now(list[i].told != NULL ? REUSE_RUN : REUSE_HIT);
    }
}

TEST(a_further_attempt_is_counted_and_not_stored)
{
    const struct observation asked = {OBSERVE_CONTENT, "/src/src/a.c"};
    const struct trace trace = {.items = &asked, .count = 1};
    struct outcome outcome = {.attempt = 2, .trace = &trace, .started_ms = clock_wall_ms()};
    struct shop shop = {0};
    shop_make_tree();
    shop_open(&shop, "one");
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    assert_int_equal(shop_end(&shop, &outcome, NULL), 0);
    shop_close(&shop);
    assert_now(REUSE_RUN);
}

TEST(an_identical_unit_under_way_is_joined)
{
    struct shop first = {0};
    struct shop second = {0};
    shop_make_tree();
    shop_open(&first, "first run");
    shop_open(&second, "second run");
    assert_int_equal(shop_ask(&first), REUSE_RUN);
    assert_int_equal(shop_ask(&second), REUSE_JOIN);
    assert_non_null(strstr(second.decision.why, "first run"));
    assert_int_equal(shop_peek(&second), REUSE_JOIN);
    assert_non_null(strstr(second.decision.why, "first run"));
    second.no_join = true;
    assert_int_equal(shop_peek(&second), REUSE_RUN);
    assert_int_equal(shop_ask(&second), REUSE_RUN);
    shop_drop(&second);
    second.no_join = false;
    assert_int_equal(shop_run(&first, reads_a, OUTCOME_PASSED), 1);
    assert_int_equal(shop_peek(&second), REUSE_HIT);
    assert_int_equal(shop_ask(&second), REUSE_HIT);
    shop_close(&second);
    shop_close(&first);
}

TEST(units_with_the_same_answers_in_other_trees_are_joined)
{
    struct shop first = {0};
    struct shop second = {0};
    shop_make_tree();
    shop_earn(reads_a, OUTCOME_PASSED);
    sh("echo changed >r/src/a.c");
    shop_open(&first, "first run");
    sh("echo unrelated >r/other");
    shop_open(&second, "second run");
    assert_string_not_equal(first.tree, second.tree);
    assert_int_equal(shop_ask(&first), REUSE_RUN);
    assert_int_equal(shop_ask(&second), REUSE_JOIN);
    shop_close(&second);
    shop_close(&first);
}

TEST(the_lease_of_a_killed_process_is_free)
{
    struct shop shop = {0};
    shop_make_tree();
    sh("echo >ready"); /* makes the folder before the fork */
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        shop_open(&shop, "killed");
        _exit(shop_ask(&shop) == REUSE_RUN ? 0 : 1);
    }
    int status = 1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    shop_open(&shop, "later");
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    shop_close(&shop);
}

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
        assert_now(REUSE_RUN);
        shop_earn(asks, OUTCOME_PASSED);
    }
    for (int i = 0; i < WAYS; i += 13) {
        (void)snprintf(change, sizeof change, "echo %d >r/src/a.c", i);
        sh(change);
        assert_now(REUSE_HIT);
        (void)snprintf(change, sizeof change, "echo new >r/f%d", i + 1);
        sh(change);
        assert_now(REUSE_RUN);
    }
}

/* Was any class looked at? */
static bool looked_at_classes(struct shop *shop)
{
    return shop_state(shop)->answers != NULL;
}

TEST(an_unchanged_state_is_answered_without_looking_at_classes)
{
    static const char *const asks[] = {
        "C/src/src/a.c", "C/usr/bin/env", "X/usr/bin/no-such", "Huname", NULL};
    struct shop shop = {0};
    shop_make_tree();
    shop_earn(asks, OUTCOME_PASSED);
    shop_open(&shop, "second");
    assert_int_equal(shop_ask(&shop), REUSE_HIT);
    assert_false(looked_at_classes(&shop));
    shop_close(&shop);
    sh("echo new >r/src/a.c");
    assert_now(REUSE_RUN);
}

/* Over another tree: is it decided by what answered before, or by looking at classes? */
static void assert_carried(const char *change, enum reuse_action expected, bool carried)
{
    struct shop shop = {0};
    sh(change);
    shop_open(&shop, "other tree");
    enum reuse_action action = shop_ask(&shop);
    if (action != expected || looked_at_classes(&shop) == carried) {
        fail_msg("`%s`: decided %d: %s", change, (int)action, shop.decision.why);
    }
    shop_drop(&shop);
    shop_close(&shop);
}

TEST(what_answered_over_the_tree_before_is_carried_over_when_nothing_asked_of_differs)
{
    static const char *const asks[] = {"C/src/src/a.c",
                                       "D/src/src",
                                       "R/src/data",
                                       "T/src/run.sh",
                                       "X/src/far/off/file",
                                       "X/src/src/b.c",
                                       "X/usr/bin/no-such",
                                       NULL};

    static const struct {
        const char *change;
        enum reuse_action expected;
        bool carried;
    } list[] = {
        {"echo new >r/other",                            REUSE_HIT, true },
        {"echo new >r/src/b.c",                          REUSE_HIT, true },
        {"echo x >>r/other; mkdir r/new; echo >r/new/f", REUSE_HIT, true },
        {"mkdir r/far; echo >r/far/x",                   REUSE_HIT, true }, /* still nothing there */
        {"echo y >r/far/x",                              REUSE_HIT, true },
        {"rm -r r/far; echo >r/far",                     REUSE_RUN, false},
        {"rm r/far",                                     REUSE_HIT, true },
        {"mkdir r/data/sub; echo >r/data/sub/f",         REUSE_RUN, false},
        {"rm -r r/data/sub",                             REUSE_HIT, true },
        {"echo x >r/data/f",                             REUSE_RUN, false},
        {"echo data >r/data/f",                          REUSE_HIT, true },
        {"echo x >r/src/new",                            REUSE_RUN, false},
        {"rm r/src/new",                                 REUSE_HIT, true },
        {"chmod -x r/run.sh",                            REUSE_RUN, false},
        {"chmod +x r/run.sh",                            REUSE_HIT, true },
        {"echo '* text=auto' >r/.gitattributes",         REUSE_HIT, false}, /* may convert */
        {"echo new2 >r/other",                           REUSE_HIT, true },
        {"mv r/src r/moved; ln -s moved r/src",          REUSE_RUN, false},
    };

    shop_make_tree();
    sh("mkdir r/data; echo data >r/data/f");
    shop_earn(asks, OUTCOME_PASSED);
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        assert_carried(list[i].change, list[i].expected, list[i].carried);
    }
}

TEST(the_machines_files_are_part_of_what_is_unchanged)
{
    static const char *const asks[] = {"C/sluice/plugins/p", "X/sluice/plugins/none", NULL};
    struct shop shop = {0};
    shop_make_tree();
    (void)usleep(2200000); /* stat data that is younger is not believed */
    shop_earn(asks, OUTCOME_PASSED);
    shop_open(&shop, "second");
    assert_int_equal(shop_ask(&shop), REUSE_HIT);
    assert_false(looked_at_classes(&shop));
    shop_close(&shop);
    sh("echo >plugins/none");
    assert_now(REUSE_RUN);
    sh("rm plugins/none");
    assert_now(REUSE_HIT);
    sh("echo q >plugins/p");
    assert_now(REUSE_RUN);
    (void)usleep(2200000);
    assert_now(REUSE_RUN); /* also when its stat data is believed again */
    sh("echo p >plugins/p");
    assert_now(REUSE_HIT);
}

/* The run noted what had answered under the state at its end. */
TEST(what_answered_before_the_machine_changed_is_not_remembered_for_what_it_became)
{
    const char *items[] = {"dep", NULL};
    static const char *const asks[] = {"X/src/dep/env", "X/usr/bin/no-such", "Hncpu", NULL};
    struct shop shop = {
        .expose = {items, 1}
    };
    cpu_set_t all;
    cpu_set_t one;
    assert_int_equal(sched_getaffinity(0, sizeof all, &all), 0);
    CPU_ZERO(&one);
    for (size_t cpu = 0; CPU_COUNT(&one) == 0; cpu++) {
        if (CPU_ISSET(cpu, &all)) {
            CPU_SET(cpu, &one);
        }
    }
    for (int facts = 0; facts < (CPU_COUNT(&all) > 1 ? 2 : 1); facts++) {
        sh("rm -rf r plugins cache");
        shop_make_tree();
        sh("cd r; echo dep >.gitignore; ln -s /usr/bin dep");
        shop_open(&shop, "one");
        assert_int_equal(shop_ask(&shop), REUSE_RUN);
        assert_int_equal(shop_run(&shop, asks, OUTCOME_PASSED), 1);
        if (facts == 1) {
            assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
        } else {
            sh("ln -sfn /usr/lib r/dep");
        }
        shop_close(&shop);
        shop_open(&shop, "two");
        assert_int_equal(shop_ask(&shop), REUSE_RUN);
        shop_drop(&shop);
        shop_close(&shop);
        assert_int_equal(sched_setaffinity(0, sizeof all, &all), 0);
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
