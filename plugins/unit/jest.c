/* SPDX-License-Identifier: Apache-2.0 */
/* Jest, one file a unit, or one test with `split: case`. It has no JUnit reporter of its own
 * (jest-junit is a package a project may not have), so its JSON is made into case lines. Vitest
 * writes the same JSON, and its tests are read here as well when they are units. Both name all
 * tests of a file, those that were not asked for as skipped: only the unit's own is taken. */
#include "base/cleanup.h"
#include "base/file.h"
#include "plugins/sdk/sdk_find.h"
#include "plugins/unit/javascript.h"
#include "plugins/unit/report.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- reading what it left ---- */

static const char *status_of(const char *word)
{
    static const struct {
        const char *word;
        const char *status;
    } known[] = {
        {"passed",   "passed" },
        {"failed",   "failed" },
        {"pending",  "skipped"},
        {"skipped",  "skipped"},
        {"todo",     "skipped"},
        {"disabled", "skipped"},
    };

    for (size_t i = 0; word != NULL && i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(word, known[i].word) == 0) {
            return known[i].status;
        }
    }
    return "errored"; /* a word of a later version: never a pass */
}

/* Texts of a list, one behind the other. */
static void join(struct str *out, json_t *list, const char *between)
{
    size_t i = 0;
    json_t *item = NULL;
    json_array_foreach(list, i, item)
    {
        const char *text = json_string_value(item);
        (void)str_appendf(out, "%s%s", out->len > 0 ? between : "", text != NULL ? text : "");
    }
}

static void add_test(struct report_job *job, json_t *test, const char *path)
{
    CLEANUP(str_fini) struct str titles = STR_INIT(64u << 10);
    CLEANUP(str_fini) struct str failures = STR_INIT(1u << 20);
    CLEANUP(str_fini) struct str first = STR_INIT(64u << 10);
    join(&titles, json_object_get(test, "ancestorTitles"), " > ");
    join(&failures, json_object_get(test, "failureMessages"), "\n");
    (void)str_append_n(&first, str_text(&failures), strcspn(str_text(&failures), "\n"));
    const char *title = json_string_value(json_object_get(test, "title"));
    const char *word = json_string_value(json_object_get(test, "status"));
    int64_t line = path != NULL ? report_find_line(str_text(&failures), path) : 0;
    json_t *place = json_object_get(json_object_get(test, "location"), "line");
    const struct report_case c = {
        .name = title != NULL && title[0] != '\0' ? title : "(no name)",
        .classname = titles.len > 0 ? str_text(&titles) : NULL,
        .status = status_of(word),
        .file = report_below_here(path),
        .line = line > 0 ? line : (int64_t)json_integer_value(place),
        .seconds = json_number_value(json_object_get(test, "duration")) / 1000,
        .message = first.len > 0                               ? str_text(&first)
                   : word != NULL && strcmp(word, "todo") == 0 ? "todo"
                                                               : NULL,
        .details = failures.len > 0 ? str_text(&failures) : NULL,
    };
    report_add_case(job->report, &c);
}

/* A file that could not be run has no tests, or failed although none of its tests did: that is a
 * case of its own. */
static void add_file(struct report_job *job, json_t *file, size_t *kept)
{
    json_t *tests = json_object_get(file, "assertionResults");
    const char *path = json_string_value(json_object_get(file, "name"));
    const char *message = json_string_value(json_object_get(file, "message"));
    const char *status = json_string_value(json_object_get(file, "status"));
    bool failed = false;
    size_t i = 0;
    json_t *test = NULL;
    json_array_foreach(tests, i, test)
    {
        const char *word = json_string_value(json_object_get(test, "status"));
        const char *name = json_string_value(json_object_get(test, "fullName"));
        failed = failed || strcmp(status_of(word), "failed") == 0;
        if (job->only == NULL || (name != NULL && strcmp(name, job->only) == 0)) {
            add_test(job, test, path);
            ++*kept;
        }
    }
    bool bad = status == NULL || strcmp(status, "failed") == 0;
    if ((bad && !failed) || json_array_size(tests) == 0) {
        const struct report_case c = {
            .name = report_below_here(path) != NULL ? report_below_here(path) : job->name,
            .status = "errored",
            .file = report_below_here(path),
            .line = path != NULL && message != NULL ? report_find_line(message, path) : 0,
            .message = json_array_size(tests) == 0
                           ? "the test file could not be run"
                           : "the test file failed, although none of its tests did",
            .details = message,
        };
        report_add_case(job->report, &c);
        ++*kept;
    }
}

int report_from_jest(struct report_job *job, struct err *err)
{
    CLEANUP(str_fini) struct str text = STR_INIT(REPORT_TEXT_MAX);
    CLEANUP(json_cleanup) json_t *answer = NULL;
    int status = file_read(job->raw, &text, err);
    if (status == -ENOENT) {
        return err_set(err, -ENOENT, "jest left no report; it was ended before its tests were");
    }
    status = status == 0 ? json_parse_foreign(str_text(&text), text.len, &answer, err) : status;
    if (status != 0) {
        return err_wrap(err, "the report of jest");
    }
    size_t i = 0;
    size_t kept = 0;
    json_t *file = NULL;
    json_array_foreach(json_object_get(answer, "testResults"), i, file)
    {
        add_file(job, file, &kept);
    }
    return kept > 0 || job->only == NULL
               ? 0
               : err_set(err,
                         -ENODATA,
                         "no test is called \"%.200s\"; does its name change from run to run?",
                         job->only);
}

/* ---- plan ---- */

static int emit(struct tool *tool,
                const struct found *files,
                size_t at,
                const struct javascript_test *test,
                struct err *err)
{
    char report[TOOL_REPORT_SIZE];
    char output[TOOL_REPORT_SIZE + 32];
    char operand[PATH_TEXT_MAX];
    const char *path = files->items[at];
    (void)tool_report(test != NULL ? test->id : path, ".cases", report);
    (void)snprintf(output, sizeof output, "--outputFile=%s.raw", report);
    const char *const before[] = {"--ci",
                                  "--json",
                                  output,
                                  "--testLocationInResults",
                                  test != NULL ? test->pattern : NULL,
                                  NULL};
    const char *const after[] = {"--runTestsByPath", tool_operand(path, operand), NULL};
    const struct tool_unit unit = {
        .id = test != NULL ? test->id : path,
        .file = path,
        .verb = "report",
        .how = test != NULL ? test->how : "jest",
        .format = "cases",
        .report = report,
        .before = before,
        .after = after,
    };
    return tool_emit(tool, &unit, err);
}

int unit_plan_jest(struct sdk *sdk, const struct unit_settings *settings, struct err *err)
{
    static const char *const options[] = {"--listTests", "--json", NULL};
    static const char *const cases[] = {"--ci", "--json", NULL};
    static const struct javascript_tool jest = {
        .name = "jest",
        .fallback = "node_modules/.bin/jest",
        .list = options,
        .cases = cases,
        .operands = "--runTestsByPath",
        .emit = emit,
    };
    return javascript_plan(sdk, settings, &jest, err);
}
