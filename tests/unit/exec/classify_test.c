/* SPDX-License-Identifier: Apache-2.0 */
#include "exec/classify.h"

#include <signal.h>
#include <string.h>

#include "support/test.h"

static struct arena *arena;

static struct outcome classify(struct ending ending,
                               int exit_code,
                               int signal,
                               const enum outcome_status *statuses,
                               size_t count)
{
    struct test_case *cases = arena_calloc(arena, count, sizeof *cases);
    for (size_t i = 0; i < count; i++) {
        cases[i].status = statuses[i];
    }
    struct outcome outcome = {
        .exit_code = exit_code, .signal = signal, .cases = {cases, count}
    };
    outcome_classify(&ending, arena, &outcome);
    return outcome;
}

TEST(every_way_to_end_has_its_status)
{
    static const struct {
        struct ending ending;
        int exit_code, signal;
        enum outcome_status cases[2];
        size_t count;
        enum outcome_status status;
        const char *message; /* part of it */
    } ways[] = {
        {{0},                                               0,   0,       {0},                                0, OUTCOME_PASSED,    ""                },
        {{0},                                               1,   0,       {0},                                0, OUTCOME_FAILED,    "exit code 1"     },
        {{0},                                               126, 0,       {0},                                0, OUTCOME_ERRORED,   "126"             },
        {{0},                                               127, 0,       {0},                                0, OUTCOME_ERRORED,   "127"             },
        {{0},                                               -1,  SIGABRT, {0},                                0, OUTCOME_ERRORED,   "SIGABRT"         },
        {{.cancelled = true, .timed_out = true},
         -1,
         SIGKILL,                                                         {0},
         0,                                                                                                      OUTCOME_ERRORED,
         "stopped by sluice"                                                                                                                          },
        {{.timed_out = true, .timeout_ms = 5000},           -1,  SIGTERM, {0},                                0, OUTCOME_TIMED_OUT, "5.0"             },
        {{.timed_out = true, .timeout_ms = 5000},           0,   0,       {0},                                0, OUTCOME_TIMED_OUT, "timeout"         },
        {{.start_error = "no such thing"},                  -1,  0,       {0},                                0, OUTCOME_ERRORED,   "no such thing"   },
        {{.collect_error = "disk full"},                    0,   0,       {0},                                0, OUTCOME_ERRORED,   "disk full"       },
        {{.collect_error = "disk full"},                    1,   0,       {0},                                0, OUTCOME_FAILED,    "exit code 1"     },
        {{.report = REPORT_TAP},                            0,   0,       {OUTCOME_PASSED, OUTCOME_SKIPPED},  2, OUTCOME_PASSED,    ""                },
        {{.report = REPORT_TAP},                            0,   0,       {OUTCOME_SKIPPED, OUTCOME_SKIPPED}, 2, OUTCOME_SKIPPED,   ""                },
        {{.report = REPORT_TAP},
         1,                                                      0,
         {OUTCOME_PASSED, OUTCOME_FAILED},
         2,                                                                                                      OUTCOME_FAILED,
         "1 of 2 cases failed"                                                                                                                        },
        {{.report = REPORT_TAP},
         0,                                                      0,
         {OUTCOME_FAILED, OUTCOME_ERRORED},
         2,                                                                                                      OUTCOME_ERRORED,
         "2 of 2"                                                                                                                                     },
        {{.report = REPORT_TAP},                            3,   0,       {OUTCOME_PASSED},                   1, OUTCOME_ERRORED,   "shows no failure"},
        {{.report = REPORT_TAP},                            0,   0,       {0},                                0, OUTCOME_ERRORED,   "no test case"    },
        {{.report = REPORT_TAP, .report_error = "cut off"},
         0,                                                      0,
         {OUTCOME_PASSED},
         1,                                                                                                      OUTCOME_ERRORED,
         "cut off"                                                                                                                                    },
        {{.report = REPORT_TAP},                            -1,  SIGSEGV, {OUTCOME_PASSED},                   1, OUTCOME_ERRORED,   "SIGSEGV"         },
    };

    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        arena = arena_new(1 << 20);
        struct outcome outcome = classify(
            ways[i].ending, ways[i].exit_code, ways[i].signal, ways[i].cases, ways[i].count);
        const char *message = outcome.message != NULL ? outcome.message : "";
        if (outcome.status != ways[i].status || strstr(message, ways[i].message) == NULL) {
            fail_msg("way %zu: %s: %s", i, outcome_status_name(outcome.status), message);
        }
        assert_int_equal(outcome.status == OUTCOME_PASSED || outcome.status == OUTCOME_SKIPPED,
                         outcome.message == NULL);
        arena_free(arena);
    }
}

TEST(a_kill_for_memory_says_what_to_do)
{
    struct ending ending = {0};
    struct outcome outcome = {.exit_code = -1, .signal = SIGKILL, .flags = FLAG_OOM};
    arena = arena_new(4096);
    outcome_classify(&ending, arena, &outcome);
    assert_int_equal(outcome.status, OUTCOME_ERRORED);
    assert_non_null(strstr(outcome.message, "out of memory"));
    outcome = (struct outcome){.exit_code = -1, .signal = SIGKILL};
    outcome_classify(&ending, arena, &outcome);
    assert_null(strstr(outcome.message, "memory"));
    arena_free(arena);
}
