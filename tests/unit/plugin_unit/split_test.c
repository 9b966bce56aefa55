/* SPDX-License-Identifier: Apache-2.0 */
/* `split: case` where the tool tells all tests of a file, and node:test: lists and reports, with
 * scripts in the place of the tools. */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "plugins/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "support/test.h"
#include "unit/plugin_unit/support/plan.h"
#include "unit/plugin_unit/support/verb.h"

/* What each unit is and what it is asked for: "ID: WORDS|...", words without those that name a
 * report. */
static void assert_units(const char *with, const char *expected)
{
    CLEANUP(json_cleanup) json_t *units = NULL;
    CLEANUP(str_fini) struct str text = STR_INIT(20000);
    struct err err = {0};
    if (plan(with, &units, &err) != 0) {
        fail_msg("%s", err.text);
    }
    size_t i = 0;
    size_t k = 0;
    json_t *unit = NULL;
    json_t *word = NULL;
    json_array_foreach(units, i, unit)
    {
        (void)str_appendf(&text, "%s:", text_of(unit, "id"));
        json_array_foreach(json_object_get(unit, "argv"), k, word)
        {
            const char *one = json_string_value(word);
            if (k > 0 && strstr(one, "sluice-") == NULL) {
                (void)str_appendf(&text, " %s", one);
            }
        }
        (void)str_append_char(&text, '\n');
    }
    assert_string_equal(str_text(&text), expected);
}

/* Writes `tool`: lists files as both tools do, and answers a run with the JSON of Jest. */
static void write_tool(const char *results)
{
    CLEANUP(str_fini) struct str script = STR_INIT(20000);
    (void)str_appendf(&script,
                      "#!/bin/sh\np=$(pwd -P)\ncase \"$*\" in\n"
                      "*--listTests*|*--filesOnly*) echo \"[\\\"$p/a.test.js\\\","
                      "\\\"$p/bad.test.js\\\"]\"; exit ;;\nesac\n"
                      "for w; do case $w in --outputFile=*) out=${w#--outputFile=} ;; esac; done\n"
                      "case \"$*\" in *a^*) ;; *) exit 9 ;; esac\n%s\n",
                      results);
    write_file("tool", str_text(&script), 0755);
}

static const char results[] =
    "cat >\"$out\" <<X\n{\"testResults\":[{\"name\":\"$p/a.test.js\",\"assertionResults\":["
    "{\"fullName\":\"s one (1)\"},{\"fullName\":\"two\"},{\"fullName\":\"two\"},{}]},"
    "{\"name\":\"$p/a.test.js\",\"assertionResults\":[{\"fullName\":\"two\"},"
    "{\"fullName\":\"three\"}]},{\"assertionResults\":[]},"
    "{\"name\":\"$p/bad.test.js\",\"status\":\"failed\",\"assertionResults\":[]}]}\nX\nexit 1";

TEST(tests_of_jest_are_units_by_their_names)
{
    (void)enter_folder();
    write_tool(results);
    assert_units(
        "{\"discover\":\"jest\",\"command\":\"./tool\",\"split\":\"case\"}",
        "a.test.js s one (1): report jest=s one (1) ./tool --ci --json --testLocationInResults "
        "--testNamePattern=^s one \\(1\\)$ --runTestsByPath a.test.js\n"
        "a.test.js two: report jest=two ./tool --ci --json --testLocationInResults "
        "--testNamePattern=^two$ --runTestsByPath a.test.js\n"
        "a.test.js three: report jest=three ./tool --ci --json --testLocationInResults "
        "--testNamePattern=^three$ --runTestsByPath a.test.js\n"
        "bad.test.js: report jest ./tool --ci --json --testLocationInResults --runTestsByPath "
        "bad.test.js\n");
}

TEST(tests_of_vitest_are_units_by_their_names)
{
    (void)enter_folder();
    write_tool(results);
    assert_units("{\"discover\":\"vitest\",\"command\":\"./tool\",\"split\":\"case\"}",
                 "a.test.js s one (1): report jest=s one (1) ./tool run --reporter=json "
                 "--includeTaskLocation --testNamePattern=^s one \\(1\\)$ --exclude=**/.sluice/** "
                 "a.test.js\n"
                 "a.test.js two: report jest=two ./tool run --reporter=json "
                 "--includeTaskLocation --testNamePattern=^two$ --exclude=**/.sluice/** a.test.js\n"
                 "a.test.js three: report jest=three ./tool run --reporter=json "
                 "--includeTaskLocation --testNamePattern=^three$ --exclude=**/.sluice/** "
                 "a.test.js\n"
                 "bad.test.js: fresh ./tool run --reporter=junit --exclude=**/.sluice/** "
                 "bad.test.js\n");
}

TEST(a_list_of_tests_that_is_not_left_is_an_error)
{
    (void)enter_folder();
    write_tool("exit 1");
    assert_plan_refused("{\"discover\":\"jest\",\"command\":\"./tool\",\"split\":\"case\"}",
                        "asking jest for the tests in .: ./tool exited with 1");
    write_tool("echo '{' >\"$out\"");
    CLEANUP(json_cleanup) json_t *units = NULL;
    struct err err = {0};
    assert_true(
        plan("{\"discover\":\"vitest\",\"command\":\"./tool\",\"split\":\"case\"}", &units, &err)
        < 0);
}

TEST(a_test_name_of_jest_may_be_long_but_not_endless)
{
    (void)enter_folder();
    write_tool("n=$(printf %020000d 0)\necho \"{\\\"testResults\\\":[{\\\"name\\\":"
               "\\\"$p/a.test.js\\\",\\\"assertionResults\\\":[{\\\"fullName\\\":\\\"$n\\\"}]}]}\" "
               ">\"$out\"");
    CLEANUP(json_cleanup) json_t *units = NULL;
    struct err err = {0};
    assert_int_equal(
        plan("{\"discover\":\"jest\",\"command\":\"./tool\",\"split\":\"case\"}", &units, &err),
        -ENAMETOOLONG);
}

TEST(only_the_unit_s_own_test_of_jest_is_taken)
{
    (void)enter_folder();
    static const char script[] =
        "#!/bin/sh\ncat >r.cases.raw <<X\n{\"testResults\":[{\"name\":\"$PWD/a.test.js\","
        "\"status\":\"passed\",\"assertionResults\":["
        "{\"ancestorTitles\":[\"s\"],\"title\":\"one\",\"fullName\":\"s one\",\"status\":\"passed\"},"
        "{\"ancestorTitles\":[],\"title\":\"s one\",\"fullName\":\"s one\",\"status\":\"skipped\"},"
        "{\"title\":\"two\",\"fullName\":\"two\",\"status\":\"skipped\"}]}]}\nX\n";
    assert_exit(run_report("jest=s one", "r.cases", script), 0);
    assert_file("r.cases",
                "{\"name\":\"one\",\"classname\":\"s\",\"status\":\"passed\",\"file\":"
                "\"a.test.js\"}\n{\"name\":\"s one\",\"status\":\"skipped\",\"file\":"
                "\"a.test.js\"}\n");
    assert_false(file_exists("r.cases.raw"));
    assert_exit(run_report("jest=gone", "r.cases", script), 1);
    assert_false(file_exists("r.cases"));
    assert_file("out", "no test is called \"gone\"; does its name change from run to run?\n");
}

/* ---- Criterion ---- */

TEST(tests_of_criterion_are_asked_for_one_by_one)
{
    (void)enter_folder();
    write_file("bin/t",
               "#!/bin/sh\n[ \"$*\" = --list ] || exit 9\nprintf 's: 2 tests\\n|-- one\\n`-- two "
               "(skipped)\\nu: 1 test\\n\\342\\224\\224\\342\\224\\200\\342\\224\\200 par\\n'\n",
               0755);
    assert_units("{\"discover\":\"criterion\",\"tests\":\"bin/*\",\"split\":\"case\"}",
                 "bin/t s::one: report criterion=s::one ./bin/t --filter=s/one\n"
                 "bin/t s::two: report criterion=s::two ./bin/t --filter=s/two\n"
                 "bin/t u::par: report criterion=u::par ./bin/t --filter=u/par\n");
    write_file("bin/t", "#!/bin/sh\n", 0755);
    assert_plan_refused("{\"discover\":\"criterion\",\"tests\":\"bin/*\",\"split\":\"case\"}",
                        "./bin/t lists no test when started with --list; is it a program of "
                        "Criterion?");
}

static const char tap[] =
    "#!/bin/sh\ncat >r.cases.raw <<'X'\nTAP version 13\n1..8\n#\n"
    "not ok - u::par  (0.01s)\n  ---\n  assertions: 1\n  failures:\n"
    "  - a.c:11: |+\n      Assertion failed: *p == 1\n      \"more\"\n"
    "  - a.c:12: |+\n      Assertion failed: x\n  ...\n"
    "ok - u::par  (0.50s)\nnot ok - t::slow timed out (0.21s)\n"
    "not ok - t::dies unexpected signal after a.c:7\nok - s::two  # SKIP later\n"
    "ok - s::twofold  (0.00s)\nX\n";

TEST(a_test_of_criterion_is_found_among_those_left_out)
{
    (void)enter_folder();
    assert_exit(run_report("criterion=u::par", "r.cases", tap), 0);
    assert_file("r.cases",
                "{\"name\":\"u::par\",\"status\":\"failed\",\"file\":\"a.c\",\"line\":11,\"time\":"
                "0.01,\"message\":\"Assertion failed: *p == 1\",\"details\":\"Assertion failed: *p "
                "== 1\\n\\\"more\\\"\\nAssertion failed: x\\n\"}\n"
                "{\"name\":\"u::par\",\"status\":\"passed\",\"time\":0.5}\n");
    assert_exit(run_report("criterion=s::two", "r.cases", tap), 0);
    assert_file("r.cases", "{\"name\":\"s::two\",\"status\":\"skipped\",\"message\":\"later\"}\n");
    assert_exit(run_report("criterion=t::dies", "r.cases", tap), 0);
    assert_file("r.cases",
                "{\"name\":\"t::dies\",\"status\":\"errored\",\"file\":\"a.c\",\"line\":7,"
                "\"message\":\"unexpected signal after a.c:7\"}\n");
    assert_exit(run_report("criterion=t::slow", "r.cases", tap), 0);
    assert_file("r.cases",
                "{\"name\":\"t::slow\",\"status\":\"errored\",\"time\":0.21,\"message\":\"timed "
                "out\"}\n");
}

TEST(a_test_of_criterion_that_is_not_there_is_no_pass)
{
    (void)enter_folder();
    assert_exit(run_report("criterion=s::none", "r.cases", tap), 1);
    assert_file("out", "no test is called \"s::none\" any more\n");
    assert_exit(run_report("criterion=s::none", "r.cases", "#!/bin/sh\n"), 1);
    assert_false(file_exists("r.cases"));
    assert_exit(run_report("criterion", "r.cases", tap), 1);
}

/* ---- node:test ---- */

/* A run of node that leaves these lines. */
static int run_node(const char *kind, const char *lines, int code)
{
    CLEANUP(str_fini) struct str script = STR_INIT(20000);
    (void)str_appendf(&script,
                      "#!/bin/sh\n[ -s r.cases.cjs ] || exit 9\n"
                      "case $NODE_OPTIONS in *\" --require \\\"/\"*\"/r.cases.cjs\\\"\") ;; "
                      "*) exit 9 ;; esac\ncat >r.cases.raw <<X\n%s\nX\nexit %d\n",
                      lines,
                      code);
    int status = run_report(kind, "r.cases", str_text(&script));
    assert_false(file_exists("r.cases.cjs"));
    assert_false(file_exists("r.cases.raw"));
    return status;
}

#define WHOLE "{\"exit\":0,\"loaded\":true,\"begun\":true,\"ended\":true,\"natural\":true}"

TEST(what_node_test_tells_becomes_cases)
{
    (void)enter_folder();
    assert_exit(
        run_node(
            "node",
            "{\"start\":\"s\",\"nesting\":0}\n{\"start\":\"one\",\"nesting\":1}\n"
            "{\"test\":\"one\",\"nesting\":1,\"passed\":true,\"file\":\"$PWD/a.js\",\"line\":3,"
            "\"ms\":1500}\n"
            "{\"start\":\"no\",\"nesting\":1}\n{\"test\":\"no\",\"nesting\":1,\"passed\":false,"
            "\"failure\":\"testCodeFailure\",\"message\":\"why\",\"stack\":\"Error: why at "
            "file:///x/a.js:7:2\",\"file\":\"file:///x/a.js\",\"line\":5}\n"
            "{\"test\":\"s\",\"nesting\":0,\"passed\":false,\"suite\":true,\"failure\":"
            "\"subtestsFailed\"}\n"
            "{\"start\":\"b\",\"nesting\":0}\n{\"test\":\"b\",\"nesting\":0,\"passed\":true,"
            "\"skip\":\"later\"}\n"
            "{\"start\":\"c\",\"nesting\":0}\n{\"test\":\"c\",\"nesting\":0,\"passed\":false,"
            "\"todo\":\"\",\"message\":\"m\"}\n"
            "{\"start\":\"h\",\"nesting\":0}\n{\"test\":\"h\",\"nesting\":0,\"passed\":false,"
            "\"suite\":true,\"failure\":\"hookFailed\",\"message\":\"hook\"}\n" WHOLE,
            1),
        1);
    assert_file("r.cases",
                "{\"name\":\"one\",\"classname\":\"s\",\"status\":\"passed\",\"file\":\"a.js\","
                "\"line\":3,\"time\":1.5}\n"
                "{\"name\":\"no\",\"classname\":\"s\",\"status\":\"failed\",\"line\":7,\"message\":"
                "\"why\",\"details\":\"Error: why at file:///x/a.js:7:2\"}\n"
                "{\"name\":\"b\",\"status\":\"skipped\",\"message\":\"later\"}\n"
                "{\"name\":\"c\",\"status\":\"skipped\",\"message\":\"todo\"}\n"
                "{\"name\":\"h\",\"status\":\"failed\",\"message\":\"hook\"}\n");
}

#define CUT                                                                                      \
    "{\"name\":\"(the process ended before its tests had)\",\"status\":\"errored\",\"message\":" \
    "\""
#define UNKNOWN "what was left out is not known\"}\n"

TEST(a_process_that_ends_before_its_tests_is_in_error)
{
    static const struct {
        const char *lines;
        const char *message;
    } ends[] = {
        {"{\"exit\":0,\"loaded\":true,\"begun\":true,\"natural\":true}",
         "a test, or what it called, ended the process; " UNKNOWN                                                          },
        {"{\"exit\":0,\"loaded\":true,\"natural\":false}",
         "a test, or what it called, ended the process; " UNKNOWN                                                          },
        {"",                                                             "it did not even come to process.exit(); " UNKNOWN},
        {"{\"cut\":\"/x.js\"}\n" WHOLE,
         "it started node with /x.js, and that ended with exit code 0 before its tests had; " UNKNOWN                      },
    };

    (void)enter_folder();
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        char expected[400];
        (void)snprintf(expected, sizeof expected, CUT "%s", ends[i].message);
        assert_exit(run_node("node", ends[i].lines, 0), 0);
        assert_file("r.cases", expected);
    }
}

TEST(a_plain_script_is_its_exit_code)
{
    (void)enter_folder();
    assert_exit(run_node("node", "{\"exit\":0,\"loaded\":true,\"natural\":true}", 0), 0);
    assert_file("r.cases", "{\"name\":\"./tool\",\"status\":\"passed\"}\n");
    assert_exit(run_node("node", "{\"exit\":0,\"loaded\":false,\"natural\":false}", 0), 0);
    assert_file("r.cases", "{\"name\":\"./tool\",\"status\":\"passed\"}\n");
    assert_exit(run_node("node", "{\"exit\":3,\"loaded\":true,\"natural\":false}", 3), 3);
    assert_file("r.cases",
                "{\"name\":\"./tool\",\"status\":\"failed\",\"message\":\"exited with 3\"}\n");
    assert_exit(run_report("node", "r.cases", "#!/bin/sh\n"), 1);
    assert_false(file_exists("r.cases"));
}

TEST(tests_within_a_test_of_node_that_are_left_out_are_no_pass)
{
    (void)enter_folder();
#define LEFT_OUT "\"passed\":true,\"skip\":\"test name does not match pattern\"}\n"
    static const char lines[] =
        "{\"test\":\"other\",\"nesting\":0," LEFT_OUT "{\"test\":\"x\",\"nesting\":1," LEFT_OUT
        "{\"test\":\"s\",\"nesting\":0,\"passed\":true,\"suite\":true}\n"
        "{\"test\":\"child\",\"nesting\":1," LEFT_OUT
        "{\"test\":\"p\",\"nesting\":0,\"passed\":true}\n" WHOLE;
    assert_exit(run_node("node=p", lines, 0), 0);
    assert_file("r.cases",
                "{\"name\":\"p\",\"status\":\"errored\",\"message\":\"this version of node leaves "
                "out the tests within a test that is asked for by its name; use `split: "
                "file`\"}\n");
    assert_exit(run_node("node=q", "{\"test\":\"other\",\"nesting\":0," LEFT_OUT WHOLE, 0), 1);
    assert_false(file_exists("r.cases"));
    assert_file("out", "no test is called \"q\"; does its name change from run to run?\n");
}

TEST(deep_and_broken_lines_of_node_do_no_harm)
{
    (void)enter_folder();
    assert_exit(run_node("node",
                         "{\"start\":\"a\",\"nesting\":100000}\n"
                         "{\"test\":\"a\",\"nesting\":100000,\"passed\":true}\n"
                         "{\"test\":\"b\",\"nesting\":-5,\"passed\":true}\n[]\n" WHOLE,
                         0),
                0);
    assert_exit(run_node("node", "{\"test\":", 0), 1);
    assert_false(file_exists("r.cases"));
}

TEST(tests_of_node_are_units_by_their_names)
{
    (void)enter_folder();
    write_file("a.test.js", "require('node:test')", 0644);
    write_file("bad.test.js", "require('node:test')", 0644);
    write_file("plain.test.js", "", 0644);
    /* words of a list: --require SCRIPT --test-reporter=SCRIPT ... FILE */
    write_file("tool",
               "#!/bin/sh\n[ \"$1\" = --require ] || exit 9\nfor f; do :; done\n"
               "[ $f = a.test.js ] || exit 7\ncat >${2%.cjs}.raw <<X\n"
               "{\"test\":\"s\",\"nesting\":0,\"suite\":true}\n"
               "{\"test\":\"left\",\"nesting\":0," LEFT_OUT
               "{\"list\":\"one?\"}\n{\"list\":\"one?\"}\n{\"list\":\"two\"}\nX\n",
               0755);
    assert_units("{\"discover\":\"node\",\"command\":\"./tool\",\"split\":\"case\"}",
                 "a.test.js one?: report node=one? ./tool --test-reporter-destination=stdout "
                 "--test-name-pattern=^one\\?$ a.test.js\n"
                 "a.test.js two: report node=two ./tool --test-reporter-destination=stdout "
                 "--test-name-pattern=^two$ a.test.js\n"
                 "bad.test.js: report node ./tool --test-reporter-destination=stdout bad.test.js\n"
                 "plain.test.js: report node ./tool --test-reporter-destination=stdout "
                 "plain.test.js\n");
}

TEST(lists_of_tests_survive_a_lack_of_memory)
{
    (void)enter_folder();
    write_tool(results);
    write_file("n.test.js", "require('node:test')", 0644);
    write_file("tool.node", "#!/bin/sh\ncat >${2%.cjs}.raw <<X\n{\"list\":\"one\"}\nX\n", 0755);
    static const char *const all[] = {
        "{\"discover\":\"jest\",\"command\":\"./tool\",\"split\":\"case\"}",
        "{\"discover\":\"node\",\"tests\":\"n.test.js\",\"command\":\"./tool.node\",\"split\":"
        "\"case\"}",
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        int status = -ENOMEM;
        for (unsigned n = 1; status != 0; n++) {
            json_t *units = NULL;
            struct err err = {0};
            mem_fail_from(n);
            status = plan(all[i], &units, &err);
            mem_fail_from(0);
            json_decref(units);
            assert_true(n < 5000);
        }
    }
}
