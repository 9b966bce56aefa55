/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "support/test.h"
#include "unit/plugin_unit/support/plan.h"

#define SCRIPT "#!/bin/sh\nexit 0\n"

static json_t *planned(const char *with, size_t count)
{
    json_t *units = NULL;
    struct err err = {0};
    if (plan(with, &units, &err) != 0) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(json_array_size(units), count);
    return units;
}

TEST(executables_are_found_by_pattern_in_order_of_names)
{
    (void)enter_folder();
    write_file("build/test_b", SCRIPT, 0755);
    write_file("build/sub/test_a", SCRIPT, 0755);
    write_file("build/test_a", SCRIPT, 0755);
    write_file("build/test_data", "not executable", 0644);
    write_file("build/other", SCRIPT, 0755);
    write_file("build/.git/test_hook", SCRIPT, 0755);
    assert_int_equal(symlink("test_a", "build/test_link"), 0);
    assert_int_equal(symlink("nowhere", "build/test_broken"), 0);
    CLEANUP(json_cleanup)
    json_t *units =
        planned("{\"discover\":\"executables\",\"dir\":\"build\",\"tests\":\"**/test_*\"}", 4);
    assert_string_equal(text_of(json_array_get(units, 0), "id"), "sub/test_a");
    assert_string_equal(text_of(json_array_get(units, 1), "id"), "test_a");
    assert_string_equal(text_of(json_array_get(units, 2), "id"), "test_b");
    assert_string_equal(text_of(json_array_get(units, 3), "id"), "test_link");
    const json_t *unit = json_array_get(units, 0);
    assert_string_equal(words_of(unit, "argv"), "./sub/test_a");
    assert_string_equal(text_of(unit, "cwd"), "build");
    assert_null(json_object_get(unit, "report"));
    assert_null(json_object_get(unit, "file"));
}

TEST(executables_may_leave_a_junit_file)
{
    (void)enter_folder();
    write_file("t", SCRIPT, 0755);
    CLEANUP(json_cleanup)
    json_t *one =
        planned("{\"discover\":\"executables\",\"tests\":\"t\",\"report\":\"out/result.xml\"}", 1);
    const json_t *unit = json_array_get(one, 0);
    assert_string_equal(words_of(unit, "argv"), "/plugin fresh out/result.xml ./t");
    const json_t *report = json_object_get(unit, "report");
    assert_string_equal(text_of(report, "format"), "junit");
    assert_string_equal(text_of(report, "path"), "out/result.xml");
    CLEANUP(json_cleanup)
    json_t *several =
        planned("{\"discover\":\"executables\",\"tests\":\"t\",\"report\":\"out/*.xml\"}", 1);
    assert_string_equal(words_of(json_array_get(several, 0), "argv"), "./t");
}

TEST(cmocka_programs_write_xml_into_a_fresh_file)
{
    (void)enter_folder();
    write_file("build/test_x", SCRIPT, 0755);
    write_file("build/test_y", SCRIPT, 0755);
    CLEANUP(json_cleanup)
    json_t *units = planned("{\"discover\":\"cmocka\",\"tests\":\"build/test_*\"}", 2);
    const json_t *unit = json_array_get(units, 0);
    const json_t *report = json_object_get(unit, "report");
    const json_t *env = json_object_get(unit, "env");
    assert_string_equal(text_of(unit, "id"), "build/test_x");
    assert_string_equal(text_of(report, "format"), "cmocka");
    assert_string_equal(text_of(env, "CMOCKA_MESSAGE_OUTPUT"), "xml");
    assert_string_equal(text_of(env, "CMOCKA_XML_FILE"), text_of(report, "path"));
    assert_true(text_ends_with(text_of(report, "path"), ".cmocka.xml"));
    assert_true(text_starts_with(words_of(unit, "argv"), "/plugin fresh sluice-"));
    assert_true(text_ends_with(words_of(unit, "argv"), ".cmocka.xml ./build/test_x"));
    const json_t *other = json_object_get(json_array_get(units, 1), "report");
    assert_string_not_equal(text_of(report, "path"), text_of(other, "path"));
}

TEST(bats_files_are_run_by_bats_and_need_not_be_executable)
{
    (void)enter_folder();
    write_file("tests/cli.bats", "@test \"one\" { true; }\n", 0644);
    CLEANUP(json_cleanup)
    json_t *units = planned("{\"discover\":\"bats\",\"dir\":\"tests\",\"tests\":\"*.bats\"}", 1);
    const json_t *unit = json_array_get(units, 0);
    assert_string_equal(words_of(unit, "argv"), "bats --tap ./cli.bats");
    assert_string_equal(text_of(unit, "id"), "cli.bats");
    assert_string_equal(text_of(unit, "cwd"), "tests");
    assert_string_equal(text_of(unit, "file"), "tests/cli.bats");
    assert_string_equal(text_of(json_object_get(unit, "report"), "format"), "tap");
    assert_null(json_object_get(json_object_get(unit, "report"), "path"));
}

TEST(bats_says_what_the_unit_expects)
{
    (void)enter_folder();
    if (!has_tool("bats")) {
        skip();
    }
    write_file("cli.bats", "@test \"one\" { true; }\n@test \"two\" { false; }\n", 0644);
    run_shell("bats --tap ./cli.bats > out; [ $? = 1 ] && grep -q '^1..2$' out "
              "&& grep -q '^ok 1 one$' out && grep -q '^not ok 2 two$' out");
}

TEST(tap_programs_print_their_cases)
{
    (void)enter_folder();
    write_file("t/a.t", SCRIPT, 0755);
    CLEANUP(json_cleanup) json_t *units = planned("{\"discover\":\"tap\",\"tests\":\"t/*.t\"}", 1);
    const json_t *unit = json_array_get(units, 0);
    assert_string_equal(words_of(unit, "argv"), "./t/a.t");
    assert_string_equal(text_of(json_object_get(unit, "report"), "format"), "tap");
}

TEST(a_command_leaves_a_junit_file)
{
    CLEANUP(json_cleanup)
    json_t *units = planned("{\"discover\":\"command\",\"dir\":\"py\",\"run\":\"pytest "
                            "--junitxml=r.xml\",\"report\":\"r.xml\"}",
                            1);
    const json_t *unit = json_array_get(units, 0);
    assert_string_equal(words_of(unit, "argv"), "/plugin fresh r.xml pytest --junitxml=r.xml");
    assert_string_equal(text_of(unit, "cwd"), "py");
    assert_string_equal(text_of(unit, "id"), "run");
}

TEST(no_test_found_is_an_error_that_says_why)
{
    (void)enter_folder();
    write_file("t/a.t", "x", 0644);
    assert_plan_refused("{\"discover\":\"tap\",\"tests\":\"*.t\"}",
                        "tests: \"*.t\" matches no file in . (files that another layer makes are "
                        "there when that layer is in `needs` and has them in `outputs`)");
    assert_plan_refused(
        "{\"discover\":\"tap\",\"tests\":\"t/*.t\"}",
        "tests: \"t/*.t\" in . matches 1 files, e.g. t/a.t, but none is executable");
    assert_plan_refused("{\"discover\":\"tap\",\"dir\":\"gone\",\"tests\":\"*.t\"}",
                        "dir: there is no folder \"gone\" (one that another layer makes is there "
                        "when that layer is in `needs` and has it in `outputs`)");
}

TEST(settings_that_do_not_fit_are_told)
{
    assert_plan_refused("{\"discover\":\"bats\"}",
                        "with: discover: bats needs the setting \"tests\"");
    assert_plan_refused("{\"discover\":\"ctest\"}",
                        "with: discover: ctest needs the setting \"dir\"");
    assert_plan_refused("{\"discover\":\"command\",\"run\":\"x\"}",
                        "with: discover: command needs the setting \"report\"");
    assert_plan_refused("{\"discover\":\"junit\"}",
                        "with: discover: unknown way \"junit\"; known are ctest, meson, gtest, "
                        "criterion, cmocka, pytest, node, vitest, jest, go, cargo, nextest, "
                        "executables, bats, tap, command");
    assert_plan_refused("{\"discover\":\"tap\",\"tests\":\"*\",\"split\":\"case\"}",
                        "with: discover: tap has no setting \"split\"");
    assert_plan_refused("{\"discover\":\"pytest\",\"split\":\"test\"}",
                        "with: split \"test\" must be file or case");
    assert_plan_refused("{\"discover\":\"pytest\",\"args\":[1]}",
                        "with: args must be a list of texts");
    assert_plan_refused("{\"discover\":\"pytest\",\"command\":\"a | b\"}",
                        "with: command \"a | b\" needs a shell, but words are added behind it; put "
                        "it into a script and name that");
    assert_plan_refused("{\"discover\":\"tap\",\"dir\":\"../x\",\"tests\":\"*\"}",
                        "with: dir \"../x\" must be a path below the root, without \"..\"");
    assert_plan_refused("{\"discover\":\"tap\",\"test\":\"*\"}",
                        "with: unknown field \"test\"; did you mean \"tests\"?");
    assert_plan_refused("{}", "with: field \"discover\" is missing");
}
