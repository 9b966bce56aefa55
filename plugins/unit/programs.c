/* SPDX-License-Identifier: Apache-2.0 */
/* Test programs of GoogleTest and Criterion: one program a unit, or one test with `split: case`:
 * then each program is asked for its list. A program that dies leaves no report, and one that ends
 * in the middle with exit code 0 neither: both are errors, never a pass. */
#include "base/cleanup.h"
#include "plugins/sdk/sdk_find.h"
#include "plugins/unit/tool.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* "suite.test": the longest name that is run alone. C++ names of types can be
 * long; beyond: an error that names it. */
#define CASE_NAME_MAX 2000

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

/* "suite: 2 tests", "|-- test", "`-- test (skipped)", with lines drawn in UTF-8 where the locale
 * can. */
static const char *criterion_line(char *line, struct str *suite)
{
    if (line[0] == '|' || line[0] == '`' || strncmp(line, "\xe2\x94", 2) == 0) {
        char *name = line + strcspn(line, " ");
        name += strspn(name, " ");
        name[strcspn(name, " ")] = '\0';
        return name[0] != '\0' ? name : NULL;
    }
    const char *colon = strstr(line, ": ");
    str_clear(suite);
    if (colon != NULL && strstr(colon, " test") != NULL) {
        (void)str_append_n(suite, line, (size_t)(colon - line));
    }
    return NULL;
}

static const struct program_kind {
    const char *name;
    const char *output;  /* option that names the report; its value follows */
    const char *list[2]; /* options that list the tests */
    const char *between; /* suite and test, in a name */
    const char *filter;  /* option that asks for one test; its value follows, with... */
    const char *slash;   /* between suite and test */
    const char
        *one; /* as `output`, of a unit that is one test, for the verb `report`; NULL: same */
    /* Reads a line of the list: the name of a test, or NULL and perhaps another suite. */
    const char *(*read)(char *line, struct str *suite);
} kinds[] = {
    {.name = "gtest",
     .output = "--gtest_output=xml:",
     .list = {"--gtest_list_tests", NULL},
     .between = ".",
     .filter = "--gtest_filter=",
     .slash = ".",
     .read = gtest_line    },
    { .name = "criterion",
     .output = "--xml=",
     .list = {"--list", NULL},
     .between = "::",
     .filter = "--filter=",
     .slash = "/",
     .one = "--tap=",
     .read = criterion_line},
};

struct programs {
    struct tool tool;
    const struct program_kind *kind;
};

static void programs_fini(struct programs *programs)
{
    tool_fini(&programs->tool);
}

/* A test of a program. */
struct program_test {
    const char *suite;
    const char *name;
};

/* One unit: all of a program, or one test. */
static int emit(struct programs *programs,
                const char *program,
                const struct program_test *test,
                struct err *err)
{
    const struct program_kind *kind = programs->kind;
    bool extracted = test != NULL && kind->one != NULL;
    char name[CASE_NAME_MAX] = "";
    char id[PATH_TEXT_MAX + CASE_NAME_MAX + 8];
    char report[TOOL_REPORT_SIZE];
    char output[TOOL_REPORT_SIZE + 32];
    char filter[CASE_NAME_MAX + 32] = "";
    char how[CASE_NAME_MAX + 32];
    if (test != NULL) {
        (void)snprintf(name, sizeof name, "%s%s%s", test->suite, kind->between, test->name);
        (void)snprintf(
            filter, sizeof filter, "%s%s%s%s", kind->filter, test->suite, kind->slash, test->name);
    }
    (void)snprintf(id, sizeof id, "%s%s%s", program + 2, test != NULL ? " " : "", name);
    (void)tool_report(id, extracted ? ".cases" : ".xml", report);
    (void)snprintf(output,
                   sizeof output,
                   "%s%s%s",
                   extracted ? kind->one : kind->output,
                   report,
                   extracted ? ".raw" : "");
    (void)snprintf(how, sizeof how, "%s=%s", kind->name, name);
    const char *const before[] = {program, output, test != NULL ? filter : NULL, NULL};
    const struct tool_unit unit = {
        .id = id,
        .verb = extracted ? "report" : NULL,
        .how = extracted ? how : NULL,
        .format = extracted ? "cases" : "junit",
        .report = report,
        .before = before,
    };
    return tool_emit(&programs->tool, &unit, err);
}

static int emit_list(struct programs *programs, const char *program, char *text, struct err *err)
{
    CLEANUP(str_fini) struct str suite = STR_INIT(CASE_NAME_MAX);
    size_t count = 0;
    int status = 0;
    char *line = NULL;
    while (status == 0 && (line = tool_line(&text)) != NULL) {
        const char *name = programs->kind->read(line, &suite);
        if (name == NULL || suite.len == 0) {
            continue;
        }
        /* +3: "::" and the end */
        if (str_error(&suite) != 0 || suite.len + strlen(name) + 3 > CASE_NAME_MAX) {
            return err_set(
                err, -ENAMETOOLONG, "%s has a test with too long a name: %.80s", program, name);
        }
        const struct program_test test = {.suite = str_text(&suite), .name = name};
        status = emit(programs, program, &test, err);
        count++;
    }
    if (status == 0 && count == 0) {
        return err_set(err,
                       -ENODATA,
                       "%s lists no test when started with %s; is it a program of %s?",
                       program,
                       programs->kind->list[0],
                       programs->kind == &kinds[0] ? "GoogleTest" : "Criterion");
    }
    return status;
}

static int emit_cases(struct programs *programs, const char *program, struct err *err)
{
    CLEANUP(str_fini) struct str out = STR_INIT(TOOL_ANSWER_MAX);
    const char *const before[] = {program, NULL};
    int status = tool_ask(&programs->tool, before, NULL, programs->kind->list, &out, err);
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
