/* SPDX-License-Identifier: Apache-2.0 */
/* Test programs of GoogleTest and Criterion: one program a unit; of GoogleTest, one test with
 * `split: case`: then each program is asked for its list. (Criterion runs each test in a process of
 * its own, and reports those it was not asked for as skipped: there is no such split.) A program
 * that dies leaves no report, and one that ends in the middle with exit code 0 neither: both are
 * errors, never a pass. */
#include "base/cleanup.h"
#include "plugins/unit/find.h"
#include "plugins/unit/tool.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* "suite.test": the longest name that is run alone. C++ names of types can be
 * long; beyond: an error that names it. */
#define CASE_NAME_MAX 2000

static const struct program_kind {
    const char *name;
    const char *output; /* option that names the report; its value follows */
} kinds[] = {
    {"gtest",     "--gtest_output=xml:"},
    {"criterion", "--xml="             },
};

/* "Suite.", "  test", "Suite/0.  # TypeParam = int", "  test/0  # GetParam() = 1". */
static const char *gtest_line(char *line, struct str *suite)
{
    char *comment = strstr(line, "  # ");
    if (comment != NULL) {
        *comment = '\0';
    }
    if (line[0] == ' ') {
        return line + strspn(line, " ");
    }
    size_t len = strlen(line);
    str_clear(suite);
    if (len > 1 && line[len - 1] == '.' && strchr(line, ' ') == NULL) {
        (void)str_append_n(suite, line, len - 1);
    }
    return NULL;
}

struct programs {
    struct tool tool;
    const struct program_kind *kind;
};

static void programs_fini(struct programs *programs)
{
    tool_fini(&programs->tool);
}

/* One unit: all of a program, or its test `name`. */
static int emit(struct programs *programs, const char *program, const char *name, struct err *err)
{
    const struct program_kind *kind = programs->kind;
    char id[PATH_TEXT_MAX + CASE_NAME_MAX + 8];
    char report[TOOL_REPORT_SIZE];
    char output[TOOL_REPORT_SIZE + 32];
    char filter[CASE_NAME_MAX + 32];
    (void)snprintf(
        id, sizeof id, "%s%s%s", program + 2, name != NULL ? " " : "", name != NULL ? name : "");
    (void)tool_report(id, ".xml", report);
    (void)snprintf(output, sizeof output, "%s%s", kind->output, report);
    (void)snprintf(filter, sizeof filter, "%s%s", "--gtest_filter=", name != NULL ? name : "");
    const char *const before[] = {program, output, name != NULL ? filter : NULL, NULL};
    const struct tool_unit unit = {
        .id = id,
        .format = "junit",
        .report = report,
        .before = before,
    };
    return tool_emit(&programs->tool, &unit, err);
}

static int emit_list(struct programs *programs, const char *program, char *text, struct err *err)
{
    CLEANUP(str_fini) struct str suite = STR_INIT(CASE_NAME_MAX);
    char name[CASE_NAME_MAX];
    size_t count = 0;
    int status = 0;
    char *line = NULL;
    while (status == 0 && (line = tool_line(&text)) != NULL) {
        const char *test = gtest_line(line, &suite);
        if (test == NULL || suite.len == 0) {
            continue;
        }
        int n = snprintf(name, sizeof name, "%s.%s", str_text(&suite), test);
        if (n < 0 || (size_t)n >= sizeof name || str_error(&suite) != 0) {
            return err_set(
                err, -ENAMETOOLONG, "%s has a test with too long a name: %.80s", program, test);
        }
        status = emit(programs, program, name, err);
        count++;
    }
    if (status == 0 && count == 0) {
        return err_set(err,
                       -ENODATA,
                       "%s lists no test when started with --gtest_list_tests; is it a program of "
                       "GoogleTest?",
                       program);
    }
    return status;
}

static int emit_cases(struct programs *programs, const char *program, struct err *err)
{
    CLEANUP(str_fini) struct str out = STR_INIT(TOOL_ANSWER_MAX);
    static const char *const list[] = {"--gtest_list_tests", NULL};
    const char *const before[] = {program, NULL};
    int status = tool_ask(&programs->tool, before, NULL, list, &out, err);
    if (status != 0) {
        return err_wrap(err, "asking %s for its tests", program);
    }
    (void)str_append(&out, "");
    if (str_error(&out) != 0) {
        return err_set(err, -ENOMEM, "out of memory for the tests of %s", program);
    }
    return emit_list(programs, program, out.data, err);
}

static int emit_program(struct programs *programs, const char *path, struct err *err)
{
    char program[PATH_TEXT_MAX];
    int n = snprintf(program, sizeof program, "./%s", path);
    if (n < 0 || (size_t)n >= sizeof program) {
        return err_set(err, -ENAMETOOLONG, "too long a path: %.80s", path);
    }
    return programs->tool.settings->split_case ? emit_cases(programs, program, err)
                                               : emit(programs, program, NULL, err);
}

static int plan_programs(struct sdk *sdk,
                         const struct unit_settings *settings,
                         const struct program_kind *kind,
                         struct err *err)
{
    const char *const patterns[] = {settings->tests, NULL};
    const struct find_query query = {
        .dir = settings->dir, .patterns = patterns, .executable = true};
    CLEANUP(programs_fini) struct programs programs = {.kind = kind};
    CLEANUP(found_fini) struct found found = {0};
    int status = tool_init(&programs.tool, sdk, settings, "", err);
    status = status == 0 ? find_files(&query, &found, err) : status;
    if (status == 0 && found.count == 0) {
        status = find_refuse(&query, &found, err);
    }
    for (size_t i = 0; i < found.count && status == 0; i++) {
        status = emit_program(&programs, found.items[i], err);
    }
    return status;
}

int unit_plan_gtest(struct sdk *sdk, const struct unit_settings *settings, struct err *err)
{
    return plan_programs(sdk, settings, &kinds[0], err);
}

int unit_plan_criterion(struct sdk *sdk, const struct unit_settings *settings, struct err *err)
{
    return plan_programs(sdk, settings, &kinds[1], err);
}
