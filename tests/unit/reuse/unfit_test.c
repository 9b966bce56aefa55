/* SPDX-License-Identifier: Apache-2.0 */
/* What a run must have been to become evidence, and what takes it away again. */
#include "base/clock.h"
#include "reuse/reuse.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "support/shop.h"
#include "support/test.h"

static const char *const reads_a[] = {"C/src/src/a.c", "X/src/src/none.h", "D/src/src", NULL};

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
    shop_assert_now(REUSE_RUN);
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
    shop_assert_now(REUSE_RUN);
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
    shop_assert_now(REUSE_HIT);
    sh("echo again >plugins/p");
    shop_assert_now(REUSE_RUN);
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
        shop_assert_now(list[i].told != NULL ? REUSE_RUN : REUSE_HIT);
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
    shop_assert_now(REUSE_RUN);
}
