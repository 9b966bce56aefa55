/* SPDX-License-Identifier: Apache-2.0 */
/* Units that run in place: how they end, what is captured, and that nothing outlives them. */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "support/engine.h"
#include "support/test.h"

static struct engine engine;
static struct result result;

static void run(const char *script, void (*change)(struct exec_request *request))
{
    engine_open(&engine, false);
    engine_shell(&engine, script, change, &result);
    engine_close(&engine);
}

TEST(a_command_that_exits_zero_passes_and_its_output_is_kept_apart)
{
    run("echo to stdout; echo to stderr >&2", NULL);
    assert_int_equal(result.outcome.status, OUTCOME_PASSED);
    assert_string_equal(result.out, "to stdout\n");
    assert_string_equal(result.err, "to stderr\n");
    assert_int_equal(result.outcome.exit_code, 0);
    assert_true(result.outcome.wall_ns > 0);
    assert_true((result.outcome.flags & FLAG_UNSANDBOXED) != 0);
}

TEST(an_exit_code_is_a_failure_and_told)
{
    run("exit 7", NULL);
    assert_int_equal(result.outcome.status, OUTCOME_FAILED);
    assert_string_equal(result.message, "exit code 7");
}

TEST(a_crash_is_an_error_with_the_signals_name)
{
    run("kill -SEGV $$", NULL);
    assert_int_equal(result.outcome.status, OUTCOME_ERRORED);
    assert_int_equal(result.outcome.signal, SIGSEGV);
    assert_non_null(strstr(result.message, "SIGSEGV"));
}

TEST(a_command_that_is_not_there_is_an_error_that_names_it)
{
    const char *argv[] = {"no-such-command-here", NULL};
    engine_open(&engine, false);
    engine_run(&engine, argv, NULL, &result);
    engine_close(&engine);
    assert_int_equal(result.outcome.status, OUTCOME_ERRORED);
    assert_non_null(strstr(result.message, "no-such-command-here"));
    assert_non_null(strstr(result.message, "PATH"));
}

TEST(what_the_shell_did_not_find_is_an_error_not_a_failure)
{
    run("no-such-command-here", NULL);
    assert_int_equal(result.outcome.status, OUTCOME_ERRORED);
}

static void short_timeout(struct exec_request *request)
{
    request->timeout_ms = 200;
}

TEST(a_hanging_command_times_out_on_sigterm)
{
    run("exec sleep 1000.25", short_timeout);
    assert_int_equal(result.outcome.status, OUTCOME_TIMED_OUT);
    assert_true((result.outcome.flags & FLAG_KILLED) == 0);
    assert_int_equal(count_processes("1000.25"), 0);
}

TEST(detached_grandchildren_die_with_the_unit_and_are_reported)
{
    run("setsid setsid sh -c 'sleep 1000.31 & sleep 1000.31' >/dev/null 2>&1 & exit 0", NULL);
    assert_int_equal(result.outcome.status, OUTCOME_PASSED);
    assert_true((result.outcome.flags & FLAG_LEAKED_PROCESS) != 0);
    assert_int_equal(count_processes("1000.31"), 0);
}

/* The unit's slot process is its parent here. */
TEST(a_slot_process_that_is_killed_takes_its_unit_with_it)
{
    run("(setsid sleep 1000.35 >/dev/null 2>&1 &); sleep 0.1; kill -KILL $PPID; exec sleep 1000.35",
        NULL);
    assert_int_equal(result.outcome.status, OUTCOME_ERRORED);
    assert_non_null(strstr(result.message, "slot process"));
    assert_int_equal(count_processes("1000.35"), 0);
}

TEST(a_flood_keeps_head_and_tail_and_counts_the_rest)
{
    run("echo first line; head -c 300000000 /dev/zero | tr '\\0' x; echo; echo last line", NULL);
    assert_int_equal(result.outcome.status, OUTCOME_PASSED);
    assert_true((result.outcome.flags & FLAG_OUTPUT_CUT) != 0);
    assert_true(result.outcome.out.dropped > 290000000);
    assert_true(result.outcome.out.len < 3000000);
    assert_memory_equal(result.out, "first line\n", 11);
}

TEST(closing_the_output_streams_early_is_no_end)
{
    run("exec >&- 2>&-; sleep 0.2; exit 3", NULL);
    assert_int_equal(result.outcome.status, OUTCOME_FAILED);
    assert_int_equal(result.outcome.exit_code, 3);
}

TEST(stopping_ends_the_unit_and_marks_it_cancelled)
{
    engine_open(&engine, false);
    engine_stop_after(&engine, 100, true);
    engine_shell(&engine, "trap '' TERM; sleep 1000.41; sleep 1000.41", NULL, &result);
    engine_close(&engine);
    assert_true((result.outcome.flags & FLAG_CANCELLED) != 0);
    assert_int_equal(count_processes("1000.41"), 0);
}

static void stdout_report(struct exec_request *request)
{
    request->report = REPORT_TAP;
}

TEST(cases_are_read_from_standard_output)
{
    run("echo pass one; echo skip two", stdout_report);
    assert_int_equal(result.outcome.status, OUTCOME_PASSED);
    assert_string_equal(result.cases, "one:passed two:skipped");
}

TEST(a_failing_case_fails_the_unit_whatever_its_exit_code)
{
    run("echo pass one; echo fail two; exit 0", stdout_report);
    assert_int_equal(result.outcome.status, OUTCOME_FAILED);
    assert_string_equal(result.message, "1 of 2 cases failed");
}

TEST(a_clean_report_beside_a_bad_exit_code_is_an_error)
{
    run("echo pass one; exit 1", stdout_report);
    assert_int_equal(result.outcome.status, OUTCOME_ERRORED);
    assert_non_null(strstr(result.message, "shows no failure"));
}

static void unreadable_report(struct exec_request *request)
{
    request->report = REPORT_CMOCKA;
}

TEST(a_report_for_which_the_machine_misses_something_is_an_error)
{
    run("echo pass one", unreadable_report);
    assert_int_equal(result.outcome.status, OUTCOME_ERRORED);
    assert_non_null(strstr(result.message, "install a reader"));
}

TEST(a_report_without_cases_is_an_error)
{
    run("true", stdout_report);
    assert_int_equal(result.outcome.status, OUTCOME_ERRORED);
    assert_non_null(strstr(result.message, "no test case"));
}

TEST(a_report_that_breaks_off_is_an_error_and_keeps_its_cases)
{
    run("echo pass one; echo nonsense", stdout_report);
    assert_int_equal(result.outcome.status, OUTCOME_ERRORED);
    assert_non_null(strstr(result.message, "nonsense"));
    assert_string_equal(result.cases, "one:passed");
}

TEST(the_reader_of_a_report_holds_none_of_our_descriptors)
{
    run("echo inspect", stdout_report);
    assert_int_equal(result.outcome.status, OUTCOME_PASSED);
    assert_string_equal(result.cases, "0-descriptors-too-many:passed");
}

TEST(a_report_that_crashes_its_reader_is_an_error_of_the_unit_only)
{
    run("echo pass one; echo crash", stdout_report);
    assert_int_equal(result.outcome.status, OUTCOME_ERRORED);
    assert_non_null(strstr(result.message, "crashed"));
}

static void file_report(struct exec_request *request)
{
    request->report = REPORT_JUNIT;
    request->report_path = "out/*.xml";
}

static void small_data(struct exec_request *request)
{
    request->output_is_data = true;
    request->output_max = 100000;
}

TEST(output_that_is_data_ends_the_unit_when_it_is_too_much)
{
    run("yes", small_data);
    assert_int_equal(result.outcome.status, OUTCOME_ERRORED);
    assert_non_null(strstr(result.message, "more than may be read"));
    assert_true(result.outcome.wall_ns < 5000000000);
}

static void few_errors(struct exec_request *request)
{
    request->errors_max = 100000;
}

TEST(a_flood_on_standard_error_ends_the_unit_where_it_is_limited)
{
    run("yes >&2", few_errors);
    assert_int_equal(result.outcome.status, OUTCOME_ERRORED);
    assert_true(result.outcome.wall_ns < 5000000000);
}

TEST(output_that_is_data_is_kept_whole_up_to_its_limit)
{
    run("head -c 100000 /dev/zero | tr '\\0' x", small_data);
    assert_int_equal(result.outcome.status, OUTCOME_PASSED);
    assert_true(result.outcome.out.len == 100000);
    assert_true(result.outcome.out.dropped == 0);
}

TEST(report_files_of_this_run_are_read_and_older_ones_are_not)
{
    engine_open(&engine, false);
    put_file(engine.root, "out/old.xml", "fail old\n");
    (void)usleep(20000);
    engine_shell(&engine, "echo pass a >out/a.xml; echo pass b >out/b.xml", file_report, &result);
    engine_close(&engine);
    assert_int_equal(result.outcome.status, OUTCOME_PASSED);
    assert_string_equal(result.cases, "a:passed b:passed");
}

TEST(a_missing_report_file_is_an_error)
{
    engine_open(&engine, false);
    put_file(engine.root, "out/other.txt", "");
    engine_shell(&engine, "true", file_report, &result);
    engine_close(&engine);
    assert_int_equal(result.outcome.status, OUTCOME_ERRORED);
    assert_non_null(strstr(result.message, "out/*.xml"));
}

TEST(many_units_share_one_slot_process)
{
    engine_open(&engine, false);
    for (int i = 0; i < 50; i++) {
        engine_shell(&engine, "echo $PPID", NULL, &result);
        assert_int_equal(result.outcome.status, OUTCOME_PASSED);
    }
    engine_close(&engine);
}

TEST(descriptors_of_sluice_do_not_leak_into_units)
{
    run("ls /proc/self/fd | wc -l", NULL);
    assert_string_equal(result.out, "4\n"); /* 0 1 2 and the listing itself */
}
