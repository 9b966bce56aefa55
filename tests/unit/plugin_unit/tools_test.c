/* SPDX-License-Identifier: Apache-2.0 */
/* What each adapter plans, with scripts in the place of the tools. Live tools are tried by
 * tests/scenario/adapters_*.test. */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "plugins/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "support/test.h"
#include "unit/plugin_unit/support/plan.h"

static json_t *planned(const char *with, const char *ids)
{
    json_t *units = NULL;
    struct err err = {0};
    if (plan(with, &units, &err) != 0) {
        fail_msg("%s", err.text);
    }
    CLEANUP(str_fini) struct str text = STR_INIT(4000);
    size_t i = 0;
    json_t *unit = NULL;
    json_array_foreach(units, i, unit)
    {
        (void)str_appendf(&text, "%s%s", i == 0 ? "" : "|", text_of(unit, "id"));
    }
    assert_string_equal(str_text(&text), ids);
    return units;
}

/* Words of the n-th unit's command, with its report's name as REPORT. */
static const char *command_of(json_t *units, size_t n)
{
    static char text[4096];
    const json_t *unit = json_array_get(units, n);
    const char *report = text_of(json_object_get(unit, "report"), "path");
    const char *name = path_basename(report);
    text[0] = '\0';
    for (const char *at = words_of(unit, "argv"); *at != '\0';) {
        size_t len = strlen(text);
        bool is_report = name[0] != '\0' && strncmp(at, name, strlen(name)) == 0;
        (void)snprintf(
            text + len, sizeof text - len, "%.*s", is_report ? 6 : 1, is_report ? "REPORT" : at);
        at += is_report ? strlen(name) : 1;
    }
    return text;
}

static const char *format_of(json_t *units, size_t n)
{
    return text_of(json_object_get(json_array_get(units, n), "report"), "format");
}

/* ---- pytest ---- */

TEST(pytest_files_are_found_without_python)
{
    (void)enter_folder();
    write_file("py/test_a.py", "", 0644);
    write_file("py/sub/b_test.py", "", 0644);
    write_file("py/sub/helper.py", "", 0644);
    write_file("py/node_modules/x/test_no.py", "", 0644);
    write_file("py/.tox/test_no.py", "", 0644);
    CLEANUP(json_cleanup)
    json_t *units = planned("{\"discover\":\"pytest\",\"dir\":\"py\",\"args\":[\"-x\"],"
                            "\"command\":\"no-such-python -m pytest\"}",
                            "sub/b_test.py|test_a.py");
    assert_string_equal(command_of(units, 1),
                        "/plugin report pytest REPORT no-such-python -m pytest -p "
                        "no:cacheprovider --junitxml=REPORT -o junit_family=xunit2 -x test_a.py");
    const json_t *unit = json_array_get(units, 0);
    assert_string_equal(text_of(unit, "cwd"), "py");
    assert_string_equal(text_of(unit, "file"), "py/sub/b_test.py");
    assert_string_equal(text_of(json_object_get(unit, "env"), "PYTHONDONTWRITEBYTECODE"), "1");
}

TEST(pytest_is_asked_where_a_configuration_says_which_files)
{
    static const char *const configs[] = {
        "pytest.ini", "pyproject.toml", "py/tox.ini", "py/setup.cfg", "py/sub/conftest.py"};
    for (size_t i = 0; i < sizeof configs / sizeof configs[0]; i++) {
        (void)enter_folder();
        write_file("py/test_a.py", "", 0644);
        write_file("py/tool",
                   "#!/bin/sh\necho a.py::t1; echo 'a.py::t2[x y]'; echo; echo 'ERROR "
                   "bad.py - SyntaxError'; exit 2\n",
                   0755);
        write_file(configs[i], "collect_ignore python_files\n", 0644);
        CLEANUP(json_cleanup)
        json_t *units = planned("{\"discover\":\"pytest\",\"dir\":\"py\",\"command\":\"./tool\"}",
                                "a.py|bad.py");
        assert_string_equal(format_of(units, 1), "junit");
        assert_int_equal(unlink(configs[i]), 0);
    }
}

TEST(pytest_units_can_be_cases)
{
    (void)enter_folder();
    write_file("tool", "#!/bin/sh\necho a.py::t1; echo 'a.py::t2[x y]'\n", 0755);
    CLEANUP(json_cleanup)
    json_t *units = planned("{\"discover\":\"pytest\",\"command\":\"./tool\",\"split\":\"case\"}",
                            "a.py::t1|a.py::t2[x y]");
    assert_string_equal(text_of(json_array_get(units, 1), "file"), "a.py");
}

TEST(pytest_without_tests_is_an_error)
{
    (void)enter_folder();
    assert_plan_refused("{\"discover\":\"pytest\"}",
                        "tests: \"**/test_*.py\" matches no file in . (files that another layer "
                        "makes are there when that layer is in `needs` and has them in `outputs`)");
    write_file("tool", "#!/bin/sh\nexit 5\n", 0755);
    assert_plan_refused("{\"discover\":\"pytest\",\"command\":\"./tool\",\"split\":\"case\"}",
                        "pytest finds no test in .: ./tool exited with 5");
}

/* ---- node, Vitest, Jest ---- */

/* Never with --test: a test that ends its process would be missed by nobody. */
TEST(node_files_are_run_as_scripts_with_a_reporter_of_ours)
{
    (void)enter_folder();
    write_file("js/a.test.js", "import test from 'node:test';", 0644);
    write_file("js/-b.test.js", "require('assert')(true)", 0644);
    write_file("js/test/deep/c.mjs", "", 0644);
    write_file("js/lib/d.js", "", 0644);
    write_file("js/node_modules/e.test.js", "", 0644);
    CLEANUP(json_cleanup)
    json_t *units = planned("{\"discover\":\"node\",\"dir\":\"js\",\"command\":\"no-such-node\"}",
                            "-b.test.js|a.test.js|test/deep/c.mjs");
    assert_string_equal(command_of(units, 0),
                        "/plugin report node REPORT no-such-node --test-reporter=./REPORT.cjs "
                        "--test-reporter-destination=stdout ./-b.test.js");
    assert_string_equal(format_of(units, 0), "cases");
}

TEST(a_file_is_never_taken_for_an_option)
{
    (void)enter_folder();
    write_file("-x_test.py", "", 0644);
    CLEANUP(json_cleanup)
    json_t *units = planned("{\"discover\":\"pytest\",\"command\":\"py\"}", "-x_test.py");
    assert_non_null(strstr(command_of(units, 0), " ./-x_test.py"));
}

TEST(vitest_leaves_out_the_files_its_path_is_a_part_of)
{
    (void)enter_folder();
    write_file("tool",
               "#!/bin/sh\necho note; p=$(pwd -P); echo \"[{\\\"file\\\":\\\"$p/data.test.js\\\"},"
               "{\\\"file\\\":\\\"$p/a.test.js\\\"},{\\\"file\\\":\\\"$p/.sluice/x/a.test.js\\\"}]"
               "\"\n",
               0755);
    CLEANUP(json_cleanup)
    json_t *units =
        planned("{\"discover\":\"vitest\",\"command\":\"./tool\"}", "a.test.js|data.test.js");
    assert_string_equal(command_of(units, 0),
                        "/plugin fresh REPORT ./tool run --reporter=junit --outputFile=REPORT "
                        "--exclude=**/.sluice/** --exclude=data.test.js a.test.js");
    assert_string_equal(command_of(units, 1),
                        "/plugin fresh REPORT ./tool run --reporter=junit --outputFile=REPORT "
                        "--exclude=**/.sluice/** data.test.js");
}

TEST(jest_files_run_by_their_path)
{
    (void)enter_folder();
    write_file("js/tool", "#!/bin/sh\necho \"[\\\"$(pwd -P)/t/a.test.js\\\"]\"\n", 0755);
    CLEANUP(json_cleanup)
    json_t *units =
        planned("{\"discover\":\"jest\",\"dir\":\"js\",\"command\":\"./tool\"}", "t/a.test.js");
    assert_string_equal(command_of(units, 0),
                        "/plugin report jest REPORT ./tool --ci --json --outputFile=REPORT.raw "
                        "--testLocationInResults --runTestsByPath t/a.test.js");
    assert_string_equal(format_of(units, 0), "cases");
    assert_string_equal(text_of(json_array_get(units, 0), "file"), "js/t/a.test.js");
}

TEST(a_list_that_is_empty_or_leads_out_is_refused)
{
    (void)enter_folder();
    write_file("none", "#!/bin/sh\necho '[]'\n", 0755);
    write_file("text", "#!/bin/sh\necho 'no json'\n", 0755);
    write_file("out", "#!/bin/sh\necho '[\"/etc/a.test.js\"]'\n", 0755);
    assert_plan_refused("{\"discover\":\"jest\",\"command\":\"./none\"}",
                        "jest finds no test file in .");
    json_t *units = NULL;
    struct err err = {0};
    assert_int_equal(plan("{\"discover\":\"vitest\",\"command\":\"./out\"}", &units, &err),
                     -EBADMSG);
    assert_non_null(strstr(err.text, "set `dir` to a folder that holds all"));
    assert_true(plan("{\"discover\":\"vitest\",\"command\":\"./text\"}", &units, &err) < 0);
    assert_non_null(strstr(err.text, "is node_modules there?"));
}

/* ---- go ---- */

TEST(go_packages_are_units_and_never_cached)
{
    (void)enter_folder();
    write_file("tool",
               "#!/bin/sh\ncase \"$1 $2\" in list*) echo x.org/a; echo x.org/b;; 'test -list=.') "
               "[ \"$3\" = x.org/a ] || exit 1; echo TestA; echo BenchmarkB; echo ExampleC; "
               "echo 'ok  x.org/a 0.1s';; esac\n",
               0755);
    CLEANUP(json_cleanup)
    json_t *units = planned("{\"discover\":\"go\",\"command\":\"./tool\",\"args\":[\"-race\"]}",
                            "x.org/a|x.org/b");
    assert_string_equal(command_of(units, 0), "./tool test -json -count=1 -race x.org/a");
    assert_string_equal(format_of(units, 0), "gotest");
    /* x.org/b cannot be compiled: it is one unit, and says so when it runs. */
    CLEANUP(json_cleanup)
    json_t *cases = planned("{\"discover\":\"go\",\"command\":\"./tool\",\"split\":\"case\"}",
                            "x.org/a TestA|x.org/a ExampleC|x.org/b");
    assert_string_equal(command_of(cases, 0), "./tool test -json -count=1 -run=^TestA$ x.org/a");
}

TEST(go_without_tests_is_an_error)
{
    (void)enter_folder();
    write_file("tool", "#!/bin/sh\n", 0755);
    assert_plan_refused("{\"discover\":\"go\",\"command\":\"./tool\"}",
                        "go finds no package with a *_test.go file in . (is a go.mod there?)");
}

/* ---- GoogleTest, Criterion ---- */

static const char gtest_list[] = "#!/bin/sh\ncat <<'X'\nRunning main() from x.cc\nA.\n  one\n  "
                                 "DISABLED_two\nI/P.\n  par/0  # GetParam() = 1\nT/0.  # TypeParam "
                                 "= int\n  typed\nX\n";

TEST(gtest_programs_write_xml_and_list_their_cases)
{
    (void)enter_folder();
    write_file("b/test_x", gtest_list, 0755);
    CLEANUP(json_cleanup)
    json_t *units =
        planned("{\"discover\":\"gtest\",\"dir\":\"b\",\"tests\":\"test_*\",\"command\":\"env\"}",
                "test_x");
    assert_string_equal(command_of(units, 0),
                        "/plugin fresh REPORT env ./test_x --gtest_output=xml:REPORT");
    CLEANUP(json_cleanup)
    json_t *cases =
        planned("{\"discover\":\"gtest\",\"dir\":\"b\",\"tests\":\"test_*\",\"split\":\"case\"}",
                "test_x A.one|test_x A.DISABLED_two|test_x I/P.par/0|test_x T/0.typed");
    assert_string_equal(
        command_of(cases, 2),
        "/plugin fresh REPORT ./test_x --gtest_output=xml:REPORT --gtest_filter=I/P.par/0");
}

TEST(criterion_programs_write_xml)
{
    (void)enter_folder();
    write_file("t", "", 0755);
    CLEANUP(json_cleanup)
    json_t *units = planned("{\"discover\":\"criterion\",\"tests\":\"t\"}", "t");
    assert_string_equal(command_of(units, 0), "/plugin fresh REPORT ./t --xml=REPORT");
}

/* ---- Meson ---- */

#define MESON_TEST(name, more) \
    "{\"name\":\"" name "\",\"cmd\":[\"/bin/sh\"],\"suite\":[\"m\"]," more "}"

TEST(meson_tests_are_chosen_by_name_with_their_properties)
{
    (void)enter_folder();
    write_file("b/meson-private/coredata.dat", "", 0644);
    write_file(
        "b/tool",
        "#!/bin/sh\ncat <<'X'\n[" MESON_TEST("one", "\"timeout\":30") "," MESON_TEST(
            "two", "\"timeout\":5,\"is_parallel\":false") "," MESON_TEST("one",
                                                                         "\"timeout\":0") "]\nX\n",
        0755);
    CLEANUP(json_cleanup)
    json_t *units =
        planned("{\"discover\":\"meson\",\"dir\":\"b\",\"command\":\"./tool\"}", "one|two");
    const json_t *one = json_array_get(units, 0);
    const json_t *two = json_array_get(units, 1);
    assert_null(json_object_get(one, "timeout")); /* one of that name has none */
    assert_string_equal(text_of(two, "timeout"), "35000ms");
    assert_null(json_object_get(one, "slots"));
    assert_int_equal(json_integer_value(json_object_get(two, "slots")), UINT32_MAX);
    assert_string_equal(words_of(two, "labels"), "m");
    assert_true(text_ends_with(words_of(two, "argv"), " :two"));
    assert_true(text_starts_with(text_of(json_object_get(two, "report"), "path"), "meson-logs/"));
}

TEST(meson_says_what_to_build_first)
{
    (void)enter_folder();
    assert_plan_refused("{\"discover\":\"meson\",\"dir\":\"b\"}",
                        "dir: there is no b/meson-private/coredata.dat, so this is no build folder "
                        "of Meson. A build that another layer makes is there when that layer is in "
                        "`needs` and has b/** in `outputs`");
    write_file("b/meson-private/coredata.dat", "", 0644);
    write_file("b/tool", "#!/bin/sh\necho '[{\"name\":\"t\",\"cmd\":[\"/no/such/t\"]}]'\n", 0755);
    assert_plan_refused("{\"discover\":\"meson\",\"dir\":\"b\",\"command\":\"./tool\"}",
                        "test \"t\": its program /no/such/t is not built. Build first, in a layer "
                        "that is in `needs`: `uses: build`, or ninja -C b with b/** in `outputs`");
    write_file("b/tool", "#!/bin/sh\necho '[]'\n", 0755);
    assert_plan_refused("{\"discover\":\"meson\",\"dir\":\"b\",\"command\":\"./tool\"}",
                        "meson knows no test in b; does a meson.build call test()?");
}

/* ---- cargo ---- */

TEST(cargo_is_one_unit_that_builds_and_expands)
{
    (void)enter_folder();
    assert_plan_refused("{\"discover\":\"cargo\"}", "dir: there is no Cargo.toml in .");
    write_file("rs/Cargo.toml", "", 0644);
    CLEANUP(json_cleanup)
    json_t *units = planned("{\"discover\":\"cargo\",\"dir\":\"rs\"}", "build");
    const json_t *unit = json_array_get(units, 0);
    assert_true(json_is_true(json_object_get(unit, "expands")));
    assert_string_equal(words_of(unit, "outputs"), "rs/target/**");
    assert_true(text_starts_with(words_of(unit, "argv"), "/plugin cargo {\"program\":\"/plugin\""));
}

/* ---- without memory ---- */

/* Plans again and again, the n-th allocation and all after it failing; `plan` must fail with a
 * message each time, until there is enough. */
static void assert_walked(const char *with)
{
    CLEANUP(json_cleanup) json_t *settings = NULL;
    struct err err = {0};
    bool succeeded = false;
    assert_int_equal(json_parse(with, strlen(with), &settings, &err), 0);
    for (size_t n = 1; n < 400 && !succeeded; n++) {
        struct sdk sdk = {.layer = "l",
                          .root = enter_folder(),
                          .program = "/plugin",
                          .with = settings,
                          .plugin = &unit_plugin,
                          .out = STR_INIT(8u << 20),
                          .out_fd = -1};
        err = (struct err){0};
        (void)mem_fail_from(n);
        int status = unit_plan(&sdk, &err);
        (void)mem_fail_from(0);
        str_fini(&sdk.out);
        succeeded = status == 0;
        assert_true(succeeded || (status < 0 && err.text[0] != '\0'));
    }
    assert_true(succeeded);
}

TEST(planning_without_memory_is_an_error_at_any_allocation)
{
    (void)enter_folder();
    write_file("test_a.py", "", 0644);
    write_file("a.test.js", "", 0644);
    write_file("test_x", gtest_list, 0755);
    write_file("Cargo.toml", "", 0644);
    write_file("collect", "#!/bin/sh\necho a.py::t1; echo b.py::t2\n", 0755);
    write_file("list", "#!/bin/sh\necho \"[\\\"$(pwd -P)/a.test.js\\\"]\"\n", 0755);
    write_file("packages", "#!/bin/sh\necho x.org/a\n", 0755);
    assert_walked("{\"discover\":\"pytest\"}");
    assert_walked("{\"discover\":\"pytest\",\"command\":\"./collect\",\"split\":\"case\"}");
    assert_walked("{\"discover\":\"node\",\"command\":\"true\"}");
    assert_walked("{\"discover\":\"vitest\",\"command\":\"./list\"}");
    assert_walked("{\"discover\":\"jest\",\"command\":\"./list\"}");
    assert_walked("{\"discover\":\"go\",\"command\":\"./packages\"}");
    assert_walked("{\"discover\":\"gtest\",\"tests\":\"test_x\",\"split\":\"case\"}");
    assert_walked("{\"discover\":\"cargo\"}");
}
