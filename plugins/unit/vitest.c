/* SPDX-License-Identifier: Apache-2.0 */
/* Vitest, one file a unit. It takes the path of a file as a part of any path: "a.test.js" runs
 * "data.test.js" and "a.test.jsx" as well, also when the whole path is given. So each unit excludes
 * the other files that its own path is a part of. With `split: case` its JSON is read, as Jest's:
 * JUnit names the tests that were left out as skipped, and not in a way to tell them apart. */
#include "base/cleanup.h"
#include "base/mem.h"
#include "plugins/unit/javascript.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Options that exclude one file each: the kernel takes 2 MiB of words, a path has at most 4 KiB but
 * hardly 1. Beyond: an error that names the file. */
#define EXCLUDED_MAX 1000

/* The words of a unit's command before its file; found_fini() frees them. */
static int add_word(struct found *words, const char *option, const char *value)
{
    CLEANUP(str_fini) struct str text = STR_INIT((size_t)PATH_TEXT_MAX * 16);
    (void)str_appendf(&text, "%s%s", option, value);
    char *word = str_take(&text);
    if (word == NULL || vec_push(words, word) != 0) {
        mem_free(word);
        return -ENOMEM;
    }
    return 0;
}

static int add_excluded(struct found *words, const struct found *files, size_t at)
{
    int status = add_word(words, "--exclude=", "**/.sluice/**");
    for (size_t i = 0; i < files->count && status == 0; i++) {
        if (i != at && strstr(files->items[i], files->items[at]) != NULL) {
            status = words->count < EXCLUDED_MAX ? add_word(words, "--exclude=", files->items[i])
                                                 : -E2BIG;
        }
    }
    return status;
}

/* Options of the unit of a file, or of one test. */
static int add_options(struct found *words, const char *report, const struct javascript_test *test)
{
    int status = add_word(words, "run", "");
    if (test == NULL) {
        status = status == 0 ? add_word(words, "--reporter=", "junit") : status;
        return status == 0 ? add_word(words, "--outputFile=", report) : status;
    }
    char raw[TOOL_REPORT_SIZE + 8];
    (void)snprintf(raw, sizeof raw, "%s.raw", report);
    status = status == 0 ? add_word(words, "--reporter=", "json") : status;
    status = status == 0 ? add_word(words, "--outputFile=", raw) : status;
    status = status == 0 ? add_word(words, "--includeTaskLocation", "") : status;
    return status == 0 ? add_word(words, test->pattern, "") : status;
}

static int emit(struct tool *tool,
                const struct found *files,
                size_t at,
                const struct javascript_test *test,
                struct err *err)
{
    CLEANUP(found_fini) struct found words = {0};
    const char *path = files->items[at];
    char report[TOOL_REPORT_SIZE];
    (void)tool_report(test != NULL ? test->id : path, test != NULL ? ".cases" : ".xml", report);
    int status = add_options(&words, report, test);
    status = status == 0 ? add_excluded(&words, files, at) : status;
    status = status == 0 ? vec_push(&words, NULL) : status;
    if (status != 0) {
        return err_set(err,
                       status,
                       "%s: %s",
                       path,
                       status == -E2BIG
                           ? "its path is a part of that of a thousand other tests, and "
                             "vitest would run them all; rename it"
                           : "out of memory for its command");
    }
    char operand[PATH_TEXT_MAX];
    const char *const after[] = {tool_operand(path, operand), NULL};
    const struct tool_unit unit = {
        .id = test != NULL ? test->id : path,
        .file = path,
        .verb = test != NULL ? "report" : NULL,
        .how = test != NULL ? test->how : NULL,
        .format = test != NULL ? "cases" : "junit",
        .report = report,
        .before = (const char *const *)words.items,
        .after = after,
    };
    return tool_emit(tool, &unit, err);
}

int unit_plan_vitest(struct sdk *sdk, const struct unit_settings *settings, struct err *err)
{
    static const char *const options[] = {"list", "--filesOnly", "--json", NULL};
    static const char *const cases[] = {"run", "--reporter=json", NULL};
    static const struct javascript_tool vitest = {
        .name = "vitest",
        .fallback = "node_modules/.bin/vitest",
        .list = options,
        .cases = cases,
        .emit = emit,
    };
    return javascript_plan(sdk, settings, &vitest, err);
}
