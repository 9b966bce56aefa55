/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/rerun.h"

#include <string.h>

#include "support/test.h"

static const struct rerun nothing_left = {
    .ran = 1, .last_known = true, .last_exit = EXIT_OPEN, .last_run = "20261122T090000-4f2a"};

TEST(re_runs_that_passed_and_left_nothing_open_the_gate)
{
    char reason[RERUN_REASON_MAX] = "x";
    assert_int_equal(rerun_exit(EXIT_OPEN, &nothing_left, reason), EXIT_OPEN);
    assert_string_equal(reason, "");
}

TEST(re_runs_that_passed_but_left_some_are_outstanding)
{
    struct rerun rerun = nothing_left;
    char reason[RERUN_REASON_MAX];
    rerun.outstanding = 3;
    assert_int_equal(rerun_exit(EXIT_OPEN, &rerun, reason), EXIT_RERUNS_OUTSTANDING);
    assert_non_null(strstr(reason, "3 units"));
    rerun.outstanding = 1;
    assert_int_equal(rerun_exit(EXIT_NOTHING_SELECTED, &rerun, reason), EXIT_RERUNS_OUTSTANDING);
    assert_non_null(strstr(reason, "1 unit that did not pass before has"));
    assert_non_null(strstr(reason, "nothing was selected"));
}

TEST(nothing_to_re_run_after_a_green_run_is_open_with_words)
{
    char reason[RERUN_REASON_MAX];
    assert_int_equal(rerun_exit(EXIT_NOTHING_SELECTED, &nothing_left, reason), EXIT_OPEN);
    assert_string_equal(reason,
                        "nothing has to be run again: all passed in run 20261122T090000-4f2a");
}

TEST(carried_units_that_open_the_gates_alone_are_nothing_new)
{
    struct rerun rerun = nothing_left;
    char reason[RERUN_REASON_MAX];
    rerun.ran = 0;
    assert_int_equal(rerun_exit(EXIT_OPEN, &rerun, reason), EXIT_OPEN);
    assert_non_null(strstr(reason, "nothing has to be run again"));
    rerun.last_exit = EXIT_SHUT;
    assert_int_equal(rerun_exit(EXIT_OPEN, &rerun, reason), EXIT_NOTHING_SELECTED);
    rerun.outstanding = 2;
    assert_int_equal(rerun_exit(EXIT_OPEN, &rerun, reason), EXIT_RERUNS_OUTSTANDING);
    assert_non_null(strstr(reason, "nothing was selected"));
}

TEST(nothing_to_re_run_after_a_run_that_was_not_green_proves_nothing)
{
    struct rerun rerun = nothing_left;
    char reason[RERUN_REASON_MAX];
    rerun.last_exit = EXIT_SHUT;
    assert_int_equal(rerun_exit(EXIT_NOTHING_SELECTED, &rerun, reason), EXIT_NOTHING_SELECTED);
    assert_non_null(strstr(reason, "exit code 1"));
    rerun = (struct rerun){0};
    assert_int_equal(rerun_exit(EXIT_NOTHING_SELECTED, &rerun, reason), EXIT_NOTHING_SELECTED);
    assert_string_equal(reason, "");
}

TEST(what_went_wrong_now_is_never_covered_up)
{
    static const enum exit_code codes[] = {
        EXIT_SHUT, EXIT_USAGE, EXIT_INFRASTRUCTURE, EXIT_DEADLINE, EXIT_INTERRUPTED};
    struct rerun rerun = nothing_left;
    char reason[RERUN_REASON_MAX];
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        rerun.outstanding = 0;
        assert_int_equal(rerun_exit(codes[i], &rerun, reason), codes[i]);
        rerun.outstanding = 5;
        assert_int_equal(rerun_exit(codes[i], &rerun, reason), codes[i]);
        assert_string_equal(reason, "");
    }
}
