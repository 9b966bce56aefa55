/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/unit/ctest.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "plugins/sdk/sdk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "support/test.h"
#include "unit/plugin_unit/support/plan.h"

/* ---- reading and tying, on answers as CTest gives them ---- */

static json_t *parse(const char *text)
{
    json_t *value = NULL;
    struct err err = {0};
    if (json_parse(text, strlen(text), &value, &err) != 0) {
        fail_msg("%s", err.text);
    }
    return value;
}

/* "0 0 2": the group of each test. */
static void assert_groups(const char *answer_text, const char *expected)
{
    CLEANUP(json_cleanup) json_t *answer = parse(answer_text);
    CLEANUP(ctest_list_fini) struct ctest_list list = {0};
    struct err err = {0};
    assert_int_equal(ctest_read(answer, &list, &err), 0);
    assert_int_equal(ctest_tie(answer, &list, &err), 0);
    CLEANUP(str_fini) struct str text = STR_INIT(1000);
    for (size_t i = 0; i < list.count; i++) {
        (void)str_appendf(&text, "%s%zu", i == 0 ? "" : " ", list.tests[i].group);
    }
    assert_string_equal(str_text(&text), expected);
}

#define PROPERTY(name, value) "{\"name\":\"" name "\",\"value\":" value "}"
#define PLAIN(name)           "{\"name\":\"" name "\"}"
#define WITH(name, property)  "{\"name\":\"" name "\",\"properties\":[" property "]}"

TEST(tests_alone_stay_alone)
{
    assert_groups("{\"tests\":[" PLAIN("a") "," PLAIN("b") "," PLAIN("a") "]}", "0 1 2");
}

TEST(depends_ties_whole_chains_in_any_order)
{
    assert_groups("{\"tests\":[" PLAIN("a") "," WITH("b", PROPERTY("DEPENDS", "[\"d\"]")) "," PLAIN(
                      "c") "," WITH("d", PROPERTY("DEPENDS", "[\"a\",\"no such test\"]")) "]}",
                  "0 0 2 0");
}

TEST(a_fixture_ties_its_setup_its_cleanup_and_who_requires_it)
{
    assert_groups(
        "{\"tests\":[" WITH("user", PROPERTY("FIXTURES_REQUIRED", "[\"db\"]")) "," PLAIN("other") "," WITH(
            "cleanup",
            PROPERTY("FIXTURES_CLEANUP",
                     "[\"db\"]")) "," WITH("setup",
                                           PROPERTY(
                                               "FIXTURES_SETUP",
                                               "[\"db\"]")) "," WITH("user 2",
                                                                     PROPERTY(
                                                                         "FIXTURES_REQUIRED",
                                                                         "[\"db\",\"net\"]")) "]}",
        "0 1 0 0 0");
}

TEST(a_fixture_that_nobody_sets_up_ties_nothing)
{
    assert_groups("{\"tests\":[" WITH("a", PROPERTY("FIXTURES_REQUIRED", "[\"db\"]")) "," WITH(
                      "b", PROPERTY("FIXTURES_REQUIRED", "[\"db\"]")) "]}",
                  "0 1");
}

TEST(two_groups_that_meet_become_one)
{
    assert_groups(
        "{\"tests\":[" PLAIN("a") "," PLAIN("b") "," WITH(
            "c",
            PROPERTY("DEPENDS",
                     "[\"a\"]")) "," WITH("d",
                                          PROPERTY("DEPENDS",
                                                   "[\"b\"]")) "," WITH("e",
                                                                        PROPERTY(
                                                                            "DEPENDS",
                                                                            "[\"d\",\"c\"]")) "]}",
        "0 0 0 0 0");
}

TEST(answers_that_are_no_list_of_tests_are_refused)
{
    static const struct {
        const char *text;
        int code;
    } samples[] = {
        {"{}",               -EINVAL },
        {"{\"tests\":{}}",   -EINVAL },
        {"{\"tests\":[]}",   -ENODATA},
        {"{\"tests\":[{}]}", -EINVAL },
        {"{\"tests\":[7]}",  -EINVAL },
        {"[]",               -EINVAL },
    };

    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        CLEANUP(json_cleanup) json_t *answer = parse(samples[i].text);
        struct ctest_list list = {0};
        struct err err = {0};
        assert_int_equal(ctest_read(answer, &list, &err), samples[i].code);
        assert_null(list.tests);
    }
}

TEST(odd_properties_are_passed_over)
{
    CLEANUP(json_cleanup)
    json_t *answer = parse("{\"backtraceGraph\":7,\"tests\":[{\"name\":\"a\",\"backtrace\":99,"
                           "\"properties\":[7,{\"name\":\"LABELS\",\"value\":\"text\"},"
                           "{\"name\":\"TIMEOUT\",\"value\":-3},{\"name\":\"PROCESSORS\"},"
                           "{\"name\":\"COST\",\"value\":\"x\"}]}]}");
    CLEANUP(ctest_list_fini) struct ctest_list list = {0};
    struct err err = {0};
    assert_int_equal(ctest_read(answer, &list, &err), 0);
    assert_null(list.tests[0].labels);
    assert_null(list.tests[0].file);
    assert_int_equal(list.tests[0].processors, 0);
    assert_true(list.tests[0].timeout_s < 0.1 && list.tests[0].cost_s < 0.1);
}

TEST(no_memory_for_tests_is_an_error)
{
    CLEANUP(json_cleanup)
    json_t *answer =
        parse("{\"tests\":[" PLAIN("a") "," WITH("b", PROPERTY("FIXTURES_SETUP", "[\"f\"]")) "]}");
    bool succeeded = false;
    for (size_t n = 1; n < 20 && !succeeded; n++) {
        CLEANUP(ctest_list_fini) struct ctest_list list = {0};
        struct err err = {0};
        (void)mem_fail_from(n);
        int status = ctest_read(answer, &list, &err);
        status = status != 0 ? status : ctest_tie(answer, &list, &err);
        (void)mem_fail_from(0);
        succeeded = status == 0;
        assert_true(succeeded || status == -ENOMEM);
    }
    assert_true(succeeded);
}

/* ---- the real thing ---- */

static const char project[] =
    "cmake_minimum_required(VERSION 3.21)\n"
    "project(sample NONE)\n"
    "enable_testing()\n"
    "add_test(NAME plain COMMAND true)\n"
    "add_test(NAME \"odd .*+[x](a|b)\\\\$;^\" COMMAND false)\n"
    "add_test(NAME will_fail COMMAND false)\n"
    "set_tests_properties(will_fail PROPERTIES WILL_FAIL TRUE LABELS \"a;b c\" PROCESSORS 2\n"
    "  RESOURCE_LOCK \"l1;l2\" COST 3.5 TIMEOUT 7)\n"
    "add_test(NAME setup COMMAND sh -c \"echo x >> trace\")\n"
    "add_test(NAME user COMMAND sh -c \"test $(cat trace | wc -l) = 1\")\n"
    "add_test(NAME cleanup COMMAND sh -c \"rm trace\")\n"
    "set_tests_properties(setup PROPERTIES FIXTURES_SETUP db)\n"
    "set_tests_properties(user PROPERTIES FIXTURES_REQUIRED db RUN_SERIAL TRUE TIMEOUT 100)\n"
    "set_tests_properties(cleanup PROPERTIES FIXTURES_CLEANUP db)\n"
    "add_test(NAME off COMMAND false)\n"
    "set_tests_properties(off PROPERTIES DISABLED TRUE)\n"
    "add_test(NAME skips COMMAND sh -c \"exit 77\")\n"
    "set_tests_properties(skips PROPERTIES SKIP_RETURN_CODE 77)\n"
    "add_test(NAME says COMMAND sh -c \"echo WRONG $VAR; exit 3\")\n"
    "set_tests_properties(says PROPERTIES PASS_REGULAR_EXPRESSION \"WRONG set\"\n"
    "  ENVIRONMENT \"VAR=set\")\n"
    "add_subdirectory(sub)\n";

/* Configures the project into build/; false when CMake is not here. */
static bool make_project(void)
{
    (void)enter_folder();
    if (!has_tool("cmake") || !has_tool("ctest")) {
        return false;
    }
    write_file("CMakeLists.txt", project, 0644);
    write_file("sub/CMakeLists.txt", "add_test(NAME plain COMMAND false)\n", 0644);
    run_shell("cmake -S . -B build > configured 2>&1 || { cat configured; exit 1; }");
    return true;
}

static const json_t *find_unit(const json_t *units, const char *id)
{
    size_t i = 0;
    json_t *unit = NULL;
    json_array_foreach(units, i, unit)
    {
        if (strcmp(text_of(unit, "id"), id) == 0) {
            return unit;
        }
    }
    fail_msg("no unit \"%s\"", id);
    return NULL;
}

/* Runs a unit's command, without the plugin's own verb in front; returns its exit code. */
static int run_unit(const json_t *unit)
{
    const char *argv[32] = {NULL};
    const json_t *words = json_object_get(unit, "argv");
    assert_true(json_array_size(words) < 32);
    for (size_t i = 3; i < json_array_size(words); i++) {
        argv[i - 3] = json_string_value(json_array_get(words, i));
    }
    CLEANUP(str_fini) struct str out = STR_INIT(1u << 20);
    struct err err = {0};
    int status = sdk_run(argv, NULL, &out, &err);
    int code = 0;
    if (status != 0) {
        assert_true(text_starts_with(err.text, "ctest exited with "));
        code = (int)strtol(err.text + strlen("ctest exited with "), NULL, 10);
    }
    return code;
}

/* The unit's report, as text. */
static void read_report(const json_t *unit, struct str *out)
{
    str_clear(out);
    const char *path = text_of(json_object_get(unit, "report"), "path");
    struct err err = {0};
    if (file_read(path, out, &err) != 0) {
        fail_msg("%s", err.text);
    }
}

static size_t count_cases(const char *xml)
{
    size_t count = 0;
    for (const char *at = xml; (at = strstr(at, "<testcase ")) != NULL; at++) {
        count++;
    }
    return count;
}

TEST(every_test_of_a_real_project_is_run_once_and_as_ctest_means_it)
{
    static const struct {
        const char *id;
        int exit_code;
        size_t cases;
        const char *part; /* of the report */
    } expected[] = {
        {"plain",                0, 1, "name=\"plain\""     },
        {"odd .*+[x](a|b)\\$;^", 8, 1, "<failure"           },
        {"will_fail",            0, 1, "status=\"run\""     },
        {"setup +2",             0, 3, "name=\"cleanup\""   },
        {"skips",                0, 1, "SKIP_RETURN_CODE=77"},
        {"says",                 0, 1, "WRONG set"          },
        {"plain #2",             8, 1, "<failure"           },
    };

    if (!make_project()) {
        skip();
    }
    CLEANUP(json_cleanup) json_t *units = NULL;
    struct err err = {0};
    if (plan("{\"discover\":\"ctest\",\"dir\":\"build\"}", &units, &err) != 0) {
        fail_msg("%s", err.text);
    }
    /* "off" is skipped by sluice: ctest alone would call it "no tests" */
    assert_int_equal(json_array_size(units), sizeof expected / sizeof expected[0] + 1);
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        const json_t *unit = find_unit(units, expected[i].id);
        int code = run_unit(unit);
        if (code != expected[i].exit_code) {
            fail_msg("%s exited with %d", expected[i].id, code);
        }
        CLEANUP(str_fini) struct str xml = STR_INIT(1u << 20);
        read_report(unit, &xml);
        assert_int_equal(count_cases(str_text(&xml)), expected[i].cases);
        if (strstr(str_text(&xml), expected[i].part) == NULL) {
            fail_msg("%s: no %s in %s", expected[i].id, expected[i].part, str_text(&xml));
        }
    }
}

TEST(properties_become_what_the_scheduler_knows)
{
    if (!make_project()) {
        skip();
    }
    CLEANUP(json_cleanup) json_t *units = NULL;
    struct err err = {0};
    assert_int_equal(plan("{\"discover\":\"ctest\",\"dir\":\"build\"}", &units, &err), 0);
    const json_t *unit = find_unit(units, "will_fail");
    assert_string_equal(words_of(unit, "labels"), "a b c");
    assert_string_equal(words_of(unit, "locks"), "l1 l2");
    assert_int_equal(json_integer_value(json_object_get(unit, "slots")), 2);
    assert_int_equal(json_integer_value(json_object_get(unit, "cost_ms")), 3500);
    assert_string_equal(text_of(unit, "timeout"), "37000ms");
    assert_string_equal(text_of(unit, "file"), "CMakeLists.txt");
    assert_int_equal(json_integer_value(json_object_get(unit, "line")), 6);
    const json_t *tied = find_unit(units, "setup +2");
    assert_int_equal(json_integer_value(json_object_get(tied, "slots")), 4294967295);
    /* 100 s, twice CTest's own limit, and the margin */
    assert_string_equal(text_of(tied, "timeout"), "3130000ms");
    const json_t *plain = find_unit(units, "plain");
    assert_null(json_object_get(plain, "timeout"));
    assert_null(json_object_get(plain, "slots"));
    assert_string_equal(text_of(find_unit(units, "off"), "skip"), "DISABLED in CTest");
    assert_string_equal(text_of(json_object_get(plain, "report"), "format"), "junit");
    assert_string_equal(text_of(plain, "cwd"), ".");
    assert_true(text_starts_with(text_of(json_object_get(plain, "report"), "path"),
                                 "build/Testing/Temporary/sluice-"));
}

TEST(a_folder_without_tests_is_an_error_that_says_what_to_do)
{
    (void)enter_folder();
    assert_int_equal(dir_make("empty", 0755, NULL), 0);
    assert_plan_refused("{\"discover\":\"ctest\",\"dir\":\"empty\"}",
                        "dir: there is no empty/CTestTestfile.cmake, so this is no build folder "
                        "with tests. A build that another layer makes is there when that layer is "
                        "in `needs` and has empty/** in `outputs`; enable_testing() must stand in "
                        "the top CMakeLists.txt");
    if (!has_tool("ctest")) {
        skip();
    }
    write_file("empty/CTestTestfile.cmake", "", 0644);
    assert_plan_refused("{\"discover\":\"ctest\",\"dir\":\"empty\"}",
                        "ctest finds no test in empty; is BUILD_TESTING on, and does a "
                        "CMakeLists.txt call add_test()?");
}

TEST(a_broken_test_file_is_told)
{
    (void)enter_folder();
    if (!has_tool("ctest")) {
        skip();
    }
    write_file("broken/CTestTestfile.cmake", "add_test(\n", 0644);
    json_t *units = NULL;
    struct err err = {0};
    int status = plan("{\"discover\":\"ctest\",\"dir\":\"broken\"}", &units, &err);
    assert_true(status < 0);
    assert_true(strstr(err.text, "asking for the tests in broken: ctest exited with") != NULL
                || strstr(err.text, "ctest finds no test in broken") != NULL);
}
