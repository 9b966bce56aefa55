/* SPDX-License-Identifier: Apache-2.0 */
/* Node's test runner, one file a unit, or one test with `split: case`. Each file is run as a
 * script, without `--test`: node then writes what its tests said in that process itself, through a
 * reporter of ours (node_report.c), which also sees when the process ends before they have. With
 * `--test` a second process would report, from what came until then, and a test that calls
 * process.exit(0) would be missed by nobody. A plain script says all it has to say by its exit
 * code.
 *
 * Node cannot list the tests of a file: it is asked for one of no name, and node_report.c sees
 * which tests it makes to leave them out. */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/map.h"
#include "base/mem.h"
#include "plugins/sdk/sdk_find.h"
#include "plugins/unit/javascript_cases.h"
#include "plugins/unit/report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What `node --test` looks for by itself (node's documentation, "Running tests from the command
 * line"), for the endings that need no loader. */
static const char *const patterns[] = {
    "**/*.test.{js,mjs,cjs}", /* told in messages; the ones below are matched */
    "**/*.test.js",
    "**/*.test.mjs",
    "**/*.test.cjs",
    "**/*-test.js",
    "**/*-test.mjs",
    "**/*-test.cjs",
    "**/*_test.js",
    "**/*_test.mjs",
    "**/*_test.cjs",
    "**/test-*.js",
    "**/test-*.mjs",
    "**/test-*.cjs",
    "**/test.js",
    "**/test.mjs",
    "**/test.cjs",
    "**/test/**/*.js",
    "**/test/**/*.mjs",
    "**/test/**/*.cjs",
    NULL,
};
static const char *const pruned[] = {"node_modules", NULL};

/* A test file is small; a larger one is not split. */
#define SCRIPT_MAX (4u << 20)

/* Does a file use node:test itself? Others are not run to be asked: a plain script has no way to
 * leave its tests out. */
static bool says_node_test(const struct tool *tool, const char *path)
{
    char whole[PATH_TEXT_MAX];
    CLEANUP(str_fini) struct str text = STR_INIT(SCRIPT_MAX);
    struct err err = {0};
    int status = file_read_regular(tool_path(tool, path, whole), &text, &err);
    return status == 0 && strstr(str_text(&text), "node:test") != NULL;
}

static int emit(struct tool *tool,
                const struct found *files,
                size_t at,
                const struct javascript_test *test,
                struct err *err)
{
    char report[TOOL_REPORT_SIZE];
    char reporter[TOOL_REPORT_SIZE + 64];
    char operand[PATH_TEXT_MAX];
    const char *path = files->items[at];
    (void)tool_report(test != NULL ? test->id : path, ".cases", report);
    (void)snprintf(reporter, sizeof reporter, "--test-reporter=./%s.cjs", report);
    const char *const before[] = {
        reporter, "--test-reporter-destination=stdout", test != NULL ? test->pattern : NULL, NULL};
    const char *const after[] = {tool_operand(path, operand), NULL};
    const struct tool_unit unit = {
        .id = test != NULL ? test->id : path,
        .file = path,
        .verb = "report",
        .how = test != NULL ? test->how : "node",
        .format = "cases",
        .report = report,
        .before = before,
        .after = after,
    };
    return tool_emit(tool, &unit, err);
}

/* ---- split: case ---- */

struct naming {
    struct javascript_names names;
    struct map seen;

    struct vec_of_names {
        VEC_FIELDS(char *);
    } kept; /* the keys of `seen` */
};

static void naming_fini(struct naming *naming)
{
    for (size_t i = 0; i < naming->kept.count; i++) {
        mem_free(naming->kept.items[i]);
    }
    vec_fini(&naming->kept);
    map_fini(&naming->seen);
}

static int add_name(void *context, const char *name, struct err *err)
{
    struct naming *naming = context;
    if (map_get(&naming->seen, name, NULL)) {
        return 0;
    }
    char *copy = mem_strdup(name);
    if (copy == NULL || vec_push(&naming->kept, copy) != 0) {
        mem_free(copy);
        return err_set(err, -ENOMEM, "out of memory for the list of tests");
    }
    if (map_put(&naming->seen, copy, 1) < 0) {
        return err_set(err, -ENOMEM, "out of memory for the list of tests");
    }
    return javascript_emit_test(&naming->names, name, err);
}

/* Has node load a file and run none of its tests. */
static int ask(struct tool *tool, const char *path, const char *place, struct err *err)
{
    static const char none[] = "--test-name-pattern=" JAVASCRIPT_NONE;
    CLEANUP(str_fini) struct str out = STR_INIT(TOOL_ANSWER_MAX);
    char script[JAVASCRIPT_PLACE_SIZE + 8];
    char reporter[JAVASCRIPT_PLACE_SIZE + 32];
    char operand[PATH_TEXT_MAX];
    (void)snprintf(script, sizeof script, "%s.cjs", place);
    (void)snprintf(reporter, sizeof reporter, "--test-reporter=%s", script);
    int status = file_write_atomic(script, report_node_script, strlen(report_node_script), err);
    const char *const before[] = {
        "--require", script, reporter, "--test-reporter-destination=stdout", none, NULL};
    const char *const after[] = {tool_operand(path, operand), NULL};
    status = status == 0 ? tool_ask(tool, before, tool->settings->args, after, &out, err) : status;
    return status == -EIO ? 0 : status; /* the unit of the file will tell why */
}

static int emit_cases(struct tool *tool, const struct found *files, size_t at, struct err *err)
{
    CLEANUP(naming_fini)
    struct naming naming = {
        .names = {.tool = tool,
                  .files = files,
                  .at = at,
                  .kind = "node",
                  .option = "--test-name-pattern=",
                  .emit = emit},
    };
    char place[JAVASCRIPT_PLACE_SIZE];
    char raw[JAVASCRIPT_PLACE_SIZE + 8];
    int status = javascript_make_place(place, err);
    if (status != 0) {
        return status;
    }
    (void)snprintf(raw, sizeof raw, "%s.raw", place);
    status = ask(tool, files->items[at], place, err);
    if (status == 0 && file_exists(raw)) {
        status = report_list_node(raw, add_name, &naming, err);
    }
    javascript_drop_place(place);
    if (status != 0) {
        return err_wrap(err, "asking node for the tests of %s", files->items[at]);
    }
    return naming.seen.count == 0 ? emit(tool, files, at, NULL, err) : 0;
}

int unit_plan_node(struct sdk *sdk, const struct unit_settings *settings, struct err *err)
{
    CLEANUP(tool_fini) struct tool tool = {0};
    CLEANUP(found_fini) struct found found = {0};
    const char *const own[] = {settings->tests, NULL};
    const struct find_query query = {
        .dir = settings->dir,
        .patterns = settings->tests != NULL ? own : patterns,
        .pruned = pruned,
    };
    int status = tool_init(&tool, sdk, settings, "node", err);
    status = status == 0 ? find_files(&query, &found, err) : status;
    if (status == 0 && found.count == 0) {
        status = find_refuse(&query, &found, err);
    }
    for (size_t i = 0; i < found.count && status == 0; i++) {
        bool split = settings->split_case && says_node_test(&tool, found.items[i]);
        status = split ? emit_cases(&tool, &found, i, err) : emit(&tool, &found, i, NULL, err);
    }
    return status;
}
