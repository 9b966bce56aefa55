/* SPDX-License-Identifier: Apache-2.0 */
/* nextest, one test program a unit, or one test with `split: case`. Its JUnit report is switched on
 * by a configuration file only: the unit that builds leaves one a unit in the target folder, each
 * naming a report of its own, and the project's own configuration stays what it is. */
#include "base/cleanup.h"
#include "base/file.h"
#include "plugins/unit/cargo.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Text of one configuration file, and of an expression that chooses tests. */
#define CONFIG_SIZE 256
#define CHOICE_SIZE (2 * CARGO_NAME_MAX + 64)

struct suite {
    const char *id;     /* nextest's id of the program */
    const char *target; /* the target folder */
};

/* Leaves the configuration of one unit; its path is *ret_path, that of the report *ret_report. */
static int write_config(const struct tool *tool,
                        const struct suite *suite,
                        const char *id,
                        char option[PATH_TEXT_MAX],
                        char report[PATH_TEXT_MAX],
                        struct err *err)
{
    char name[TOOL_REPORT_SIZE];
    char path[PATH_TEXT_MAX];
    char text[CONFIG_SIZE];
    (void)tool_report(id, "", name);
    int n = snprintf(path, sizeof path, "%s/sluice/%s.toml", suite->target, name);
    int m = snprintf(option, PATH_TEXT_MAX, "sluice:%s/sluice/%s.toml", suite->target, name);
    if (n < 0 || (size_t)n >= sizeof path || m < 0 || m >= PATH_TEXT_MAX) {
        return err_set(err, -ENAMETOOLONG, "too long a path: %.80s", suite->target);
    }
    (void)snprintf(text, sizeof text, "[profile.default.junit]\npath = \"%s.xml\"\n", name);
    (void)snprintf(report, PATH_TEXT_MAX, "target/nextest/default/%s.xml", name);
    (void)tool;
    return file_write_atomic(path, text, strlen(text), err);
}

static int emit(struct tool *tool, const struct suite *suite, const char *test, struct err *err)
{
    CLEANUP(str_fini) struct str id = STR_INIT(CHOICE_SIZE);
    CLEANUP(str_fini) struct str choice = STR_INIT(CHOICE_SIZE);
    char option[PATH_TEXT_MAX];
    char report[PATH_TEXT_MAX];
    (void)str_appendf(&id, "%s%s%s", suite->id, test != NULL ? " " : "", test != NULL ? test : "");
    (void)str_appendf(&choice, "binary_id(=%s)", suite->id);
    if (test != NULL) {
        (void)str_appendf(&choice, " & test(=%s)", test);
    }
    if (str_error(&id) != 0 || str_error(&choice) != 0) {
        return err_set(err, -ENAMETOOLONG, "%.80s has a test with too long a name", suite->id);
    }
    int status = write_config(tool, suite, str_text(&id), option, report, err);
    if (status != 0) {
        return status;
    }
    const char *const before[] = {"nextest",
                                  "run",
                                  "--offline",
                                  "--no-fail-fast",
                                  "--profile",
                                  "default",
                                  "--tool-config-file",
                                  option,
                                  "-E",
                                  str_text(&choice),
                                  NULL};
    const struct tool_unit unit = {
        .id = str_text(&id), .format = "junit", .report = report, .before = before};
    return cargo_emit(tool, &unit, err);
}

/* Is a test one that `nextest run` would run? Ignored ones are not, and not in its report. */
static bool is_run(json_t *test)
{
    json_t *match = json_object_get(test, "filter-match");
    const char *status = json_string_value(json_object_get(match, "status"));
    return !json_is_true(json_object_get(test, "ignored"))
           && (status == NULL || strcmp(status, "matches") == 0);
}

static int emit_suite(
    struct tool *tool, const struct suite *suite, json_t *tests, size_t *count, struct err *err)
{
    const char *name = NULL;
    json_t *test = NULL;
    size_t run = 0;
    int status = 0;
    json_object_foreach(tests, name, test)
    {
        if (status == 0 && is_run(test)) {
            run++;
            status = tool->settings->split_case ? emit(tool, suite, name, err) : 0;
        }
    }
    *count += run;
    return status == 0 && run > 0 && !tool->settings->split_case ? emit(tool, suite, NULL, err)
                                                                 : status;
}

int nextest_emit(struct tool *tool, json_t *list, struct err *err)
{
    json_t *meta = json_object_get(list, "rust-build-meta");
    struct suite suite = {.target = json_string_value(json_object_get(meta, "target-directory"))};
    const char *id = NULL;
    json_t *about = NULL;
    size_t count = 0;
    int status = 0;
    if (suite.target == NULL || !json_is_object(json_object_get(list, "rust-suites"))) {
        return err_set(err, -EBADMSG, "nextest's list has no target-directory or no rust-suites");
    }
    json_object_foreach(json_object_get(list, "rust-suites"), id, about)
    {
        suite.id = id;
        if (status == 0) {
            status = emit_suite(tool, &suite, json_object_get(about, "testcases"), &count, err);
        }
    }
    if (status == 0 && count == 0) {
        return err_set(err, -ENODATA, "nextest lists no test in %s", tool->settings->dir);
    }
    return status;
}
