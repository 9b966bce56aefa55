/* SPDX-License-Identifier: Apache-2.0 */
/* The private verbs that run a tool and make its report: in a child, with scripts as tools. */
#include "base/cleanup.h"
#include "base/file.h"
#include "plugins/unit/unit.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "support/test.h"
#include "unit/plugin_unit/support/plan.h"
#include "unit/plugin_unit/support/verb.h"

TEST(a_run_that_pytest_exit_ended_is_no_pass)
{
    (void)enter_folder();
    assert_exit(run_report("pytest",
                           "r.xml",
                           "#!/bin/sh\necho '<x/>' >r.xml\n"
                           "printf '\\0\\n!!!! _pytest.outcomes.Exit: enough !!!!\\n'\n"),
                1);
    assert_exit(run_report("pytest",
                           "r.xml",
                           "#!/bin/sh\necho '<x/>' >r.xml\n"
                           "echo 'about! _pytest.outcomes.Exit: words'\n"),
                0);
}

/* A process that is left behind holds the pipe: the report does not wait for it. */
TEST(a_daemon_does_not_keep_a_report_waiting)
{
    (void)enter_folder();
    assert_exit(run_report("pytest",
                           "r.xml",
                           "#!/bin/sh\necho '<x/>' >r.xml\nsleep 600 &\necho $! >pid\necho end\n"),
                0);
    assert_file("out", "end\n");
    CLEANUP(str_fini) struct str pid = STR_INIT(64);
    struct err err = {0};
    assert_int_equal(file_read("pid", &pid, &err), 0);
    assert_int_equal(kill((pid_t)strtol(str_text(&pid), NULL, 10), SIGKILL), 0);
}

TEST(a_pytest_file_without_tests_is_a_skipped_case)
{
    (void)enter_folder();
    assert_exit(run_report("pytest", "r.xml", "#!/bin/sh\necho '<x/>' >r.xml\nexit 5\n"), 0);
    assert_file("r.xml",
                "<testsuite><testcase name=\"(no test)\"><skipped message=\"pytest found no test "
                "in it\"/></testcase></testsuite>\n");
    assert_exit(run_report("pytest", "r.xml", "#!/bin/sh\necho '<x/>' >r.xml\nexit 1\n"), 1);
    assert_file("r.xml", "<x/>\n");
}

TEST(no_report_is_made_up_and_old_ones_are_gone)
{
    (void)enter_folder();
    write_file("r.xml", "<old/>", 0644);
    write_file("r.xml.raw", "old", 0644);
    assert_exit(run_report("pytest", "r.xml", "#!/bin/sh\n[ ! -e r.xml.raw ]\n"), 0);
    assert_false(file_exists("r.xml"));
    assert_exit(run_report("jest", "r.xml", "#!/bin/sh\n"), 1);
    assert_false(file_exists("r.xml"));
    assert_file("out", "jest left no report; it was ended before its tests were\n");
}

TEST(a_signal_ends_the_verb_as_well)
{
    (void)enter_folder();
    int status = run_report("pytest", "r.xml", "#!/bin/sh\nkill -USR1 $$\n");
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGUSR1);
}

TEST(what_cannot_be_started_or_is_no_kind_is_told)
{
    (void)enter_folder();
    const char *const missing[] = {"report", "pytest", "r.xml", "no-such-tool", NULL};
    assert_exit(run_verb(unit_run_report, missing), 127);
    assert_file("out", "cannot start no-such-tool: No such file or directory\n");
    const char *const unknown[] = {"report", "kind", "r.xml", "true", NULL};
    assert_exit(run_verb(unit_run_report, unknown), 2);
    const char *const folder[] = {"report", "pytest", "/", "true", NULL};
    assert_exit(run_verb(unit_run_report, folder), 126);
}

TEST(jest_s_results_become_cases)
{
    (void)enter_folder();
    assert_exit(
        run_report(
            "jest",
            "r.cases",
            "#!/bin/sh\ncat >r.cases.raw <<X\n{\"testResults\":[{\"name\":\"$PWD/a.test.js\","
            "\"status\":\"failed\",\"message\":\"m\",\"assertionResults\":["
            "{\"ancestorTitles\":[\"s\",\"t\"],\"title\":\"one\",\"status\":\"passed\","
            "\"duration\":1500,\"failureMessages\":[],\"location\":{\"line\":3,\"column\":1}},"
            "{\"ancestorTitles\":[],\"title\":\"two\",\"status\":\"failed\",\"duration\":null,"
            "\"failureMessages\":[\"Error: no\\\\n at $PWD/a.test.js:7:2\"],\"location\":null},"
            "{\"ancestorTitles\":[],\"title\":\"three\",\"status\":\"todo\"},"
            "{\"ancestorTitles\":[],\"title\":\"four\",\"status\":\"a new word\"}]},"
            "{\"name\":\"$PWD/bad.test.js\",\"status\":\"failed\",\"message\":\"Unexpected\","
            "\"assertionResults\":[]}]}\nX\nexit 1\n"),
        1);
    CLEANUP(str_fini) struct str expected = STR_INIT(10000);
    (void)str_appendf(
        &expected,
        "{\"name\":\"one\",\"classname\":\"s > t\",\"status\":\"passed\",\"file\":\"a.test.js\","
        "\"line\":3,\"time\":1.5}\n"
        "{\"name\":\"two\",\"status\":\"failed\",\"file\":\"a.test.js\",\"line\":7,\"message\":"
        "\"Error: no\",\"details\":\"Error: no\\n at %s/a.test.js:7:2\"}\n"
        "{\"name\":\"three\",\"status\":\"skipped\",\"file\":\"a.test.js\",\"message\":\"todo\"}\n"
        "{\"name\":\"four\",\"status\":\"errored\",\"file\":\"a.test.js\"}\n"
        "{\"name\":\"bad.test.js\",\"status\":\"errored\",\"file\":\"bad.test.js\",\"message\":"
        "\"the test file could not be run\",\"details\":\"Unexpected\"}\n",
        enter_folder());
    assert_file("r.cases", str_text(&expected));
}

TEST(a_jest_report_cut_short_is_an_error)
{
    (void)enter_folder();
    assert_exit(run_report("jest", "r.cases", "#!/bin/sh\necho '{\"testR' >r.cases.raw\n"), 1);
    assert_false(file_exists("r.cases"));
}

TEST(a_meson_test_that_should_have_failed_is_a_failure)
{
    (void)enter_folder();
    assert_exit(run_report("meson",
                           "r.junit.xml",
                           "#!/bin/sh\necho '<plain/>' >r.junit.xml\n"
                           "echo '{\"name\":\"a<b\",\"result\":\"UNEXPECTEDPASS\"}' >r.json\n"
                           "echo '{\"name\":\"c\",\"result\":\"SKIP\"}' >>r.json\n"
                           "echo '{\"name\":\"d\",\"result\":\"TIMEOUT\"}' >>r.json\nexit 1\n"),
                1);
    assert_file("r.junit.xml",
                "<testsuite>\n<testcase name=\"a&#60;b\"><failure message=\"it should have failed, "
                "but passed\"/></testcase>\n<testcase name=\"c\"><skipped/></testcase>\n<testcase "
                "name=\"d\"><error message=\"not done within the timeout of its "
                "meson.build\"/></testcase>\n</testsuite>\n");
    assert_exit(run_report("meson",
                           "r.junit.xml",
                           "#!/bin/sh\necho '<plain/>' >r.junit.xml\n"
                           "echo '{\"name\":\"d\",\"result\":\"TIMEOUT\"}' >r.json\nexit 1\n"),
                1);
    assert_file("r.junit.xml",
                "<testsuite>\n<testcase name=\"d\"><error message=\"not done within the timeout of "
                "its meson.build\"/></testcase>\n</testsuite>\n");
    assert_exit(run_report("meson",
                           "r.junit.xml",
                           "#!/bin/sh\necho '<plain/>' >r.junit.xml\n"
                           "echo '{\"name\":\"a\",\"result\":\"FAIL\"}' >r.json\nexit 1\n"),
                1);
    assert_file("r.junit.xml", "<plain/>\n");
}

TEST(what_a_rust_program_prints_becomes_cases)
{
    (void)enter_folder();
    static const char script[] =
        "#!/bin/sh\ncat <<'X'\n\nrunning 5 tests\ntest tests::one ... ok\n"
        "test tests::four - should panic ... ok\ntest tests::later ... ignored, not yet\n"
        "test tests::new ... FAILED\ntest tests::old ... FAILED\n\nfailures:\n\n"
        "---- tests::new stdout ----\nhi\n\nthread 'tests::new' (7) panicked at src/lib.rs:9:40:\n"
        "assertion failed: why\n  left: 2\n\n---- tests::old stdout ----\n"
        "thread 'tests::old' panicked at 'it's, no', src/old.rs:12:5\n\n\nfailures:\n"
        "    tests::new\n    tests::old\n\ntest result: FAILED. 2 passed; 2 failed; "
        "1 ignored; 0 measured\nX\nexit 101\n";
    assert_exit(run_report("libtest", "r.cases", script), 101);
    assert_file(
        "r.cases",
        "{\"name\":\"tests::one\",\"status\":\"passed\"}\n"
        "{\"name\":\"tests::four\",\"status\":\"passed\"}\n"
        "{\"name\":\"tests::later\",\"status\":\"skipped\",\"message\":\"not yet\"}\n"
        "{\"name\":\"tests::new\",\"status\":\"failed\",\"file\":\"src/lib.rs\",\"line\":9,"
        "\"message\":\"assertion failed: why\",\"details\":\"hi\\n\\nthread 'tests::new' (7) "
        "panicked at src/lib.rs:9:40:\\nassertion failed: why\\n  left: 2\\n\"}\n"
        "{\"name\":\"tests::old\",\"status\":\"failed\",\"file\":\"src/old.rs\",\"line\":12,"
        "\"message\":\"it's, no\",\"details\":\"thread 'tests::old' panicked at 'it's, no', "
        "src/old.rs:12:5\\n\\n\"}\n");
}

TEST(a_rust_program_that_ends_in_the_middle_is_in_error)
{
    (void)enter_folder();
    assert_exit(run_report("libtest",
                           "r.cases",
                           "#!/bin/sh\necho 'running 2 tests'; echo 'test a ... ok'\n"),
                0);
    assert_file("r.cases",
                "{\"name\":\"a\",\"status\":\"passed\"}\n{\"name\":\"(the program ended before its "
                "tests had)\",\"status\":\"errored\",\"message\":\"it printed no \\\"test "
                "result:\\\"; did a test end the process?\"}\n");
}

TEST(a_rust_program_that_counts_other_tests_than_it_names_is_in_error)
{
    (void)enter_folder();
    assert_exit(run_report("libtest",
                           "r.cases",
                           "#!/bin/sh\necho 'running 2 tests'; echo 'test a ... ok'\n"
                           "echo 'test b ... hello'; echo ok\n"
                           "echo 'test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured'\n"),
                0);
    CLEANUP(str_fini) struct str text = STR_INIT(1u << 16);
    struct err err = {0};
    assert_int_equal(file_read("r.cases", &text, &err), 0);
    assert_non_null(strstr(str_text(&text),
                           "counts other tests than it names)\",\"status\":"
                           "\"errored\""));
}

/* ---- nextest, from a list of our own writing in the form its documentation gives ---- */

static const char nextest_tool[] =
    "#!/bin/sh\n[ \"$1 $2\" = 'nextest list' ] || exit 9\ncat <<X\n"
    "{\"rust-build-meta\":{\"target-directory\":\"$PWD/target\"},\"test-count\":3,"
    "\"rust-suites\":{\"demo\":{\"binary-id\":\"demo\",\"testcases\":{"
    "\"tests::a\":{\"ignored\":false,\"filter-match\":{\"status\":\"matches\"}},"
    "\"tests::b\":{\"ignored\":true,\"filter-match\":{\"status\":\"mismatch\"}}}},"
    "\"demo::it\":{\"binary-id\":\"demo::it\",\"testcases\":{"
    "\"it\":{\"ignored\":false,\"filter-match\":{\"status\":\"matches\"}}}},"
    "\"demo::none\":{\"binary-id\":\"demo::none\",\"testcases\":{}}}}\nX\n";

static void expand(const char *split, const char *expected)
{
    CLEANUP(str_fini) struct str words = STR_INIT(2000);
    (void)str_appendf(&words,
                      "{\"program\":\"/plugin\",\"root\":\"%s\",\"with\":{\"discover\":\"nextest\","
                      "\"command\":\"./tool\"%s}}",
                      enter_folder(),
                      split);
    write_file("tool", nextest_tool, 0755);
    const char *const argv[] = {"cargo", str_text(&words), NULL};
    assert_exit(run_verb(unit_run_cargo, argv), 0);
    CLEANUP(str_fini) struct str out = STR_INIT(1u << 20);
    struct err err = {0};
    assert_int_equal(file_read("out", &out, &err), 0);
    CLEANUP(str_fini) struct str ids = STR_INIT(1000);
    for (const char *at = str_text(&out); (at = strstr(at, "\"id\":\"")) != NULL; at++) {
        (void)str_appendf(&ids, "%.*s|", (int)strcspn(at + 6, "\""), at + 6);
    }
    assert_string_equal(str_text(&ids), expected);
    assert_non_null(strstr(str_text(&out), "\"needs\":[\"build\"]"));
    assert_non_null(strstr(str_text(&out), "binary_id(=demo::it)"));
}

TEST(nextest_programs_and_their_tests_become_units)
{
    (void)enter_folder();
    expand("", "demo|demo::it|");
    expand(",\"split\":\"case\"", "demo tests::a|demo::it it|");
    run_shell("[ $(ls target/sluice/*.toml | wc -l) = 4 ] && "
              "grep -q 'profile.default.junit' target/sluice/*.toml");
}

TEST(what_the_build_is_told_must_be_whole)
{
    (void)enter_folder();
    const char *const none[] = {"cargo", NULL};
    assert_exit(run_verb(unit_run_cargo, none), 2);
    const char *const broken[] = {"cargo", "{\"program\":\"x\"}", NULL};
    assert_exit(run_verb(unit_run_cargo, broken), 1);
}
