/* SPDX-License-Identifier: Apache-2.0 */
/* Node's test runner, one file a unit: node runs each file in a process of its own anyway. It
 * cannot list the tests of a file without running it, so there is no `split: case`. The JUnit
 * reporter names no file and no line, but tells todo and skipped apart as TAP does not; versions
 * without it print TAP, which every version of node:test can.
 *
 * A file that says "node:test" runs without `--test`: its process writes the report itself, and
 * when a test calls process.exit(0) there is none, or half of one. With `--test` a second process
 * writes it, from what came until then: what was lost is not missed, and the file is a pass.
 * Plain scripts have no other way than `--test`: their exit code is all they say. */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "plugins/unit/find.h"
#include "plugins/unit/tool.h"

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

/* The reporter came with these (node's changelog). */
#define NODE_JUNIT_MAJOR 20
#define NODE_JUNIT_MINOR 11

/* A test file is small; a larger one is taken for one of node:test, as most are. */
#define SCRIPT_MAX (4u << 20)

/* Does a file use node:test itself? */
static bool says_node_test(const struct tool *tool, const char *path)
{
    char whole[PATH_TEXT_MAX];
    CLEANUP(str_fini) struct str text = STR_INIT(SCRIPT_MAX);
    struct err err = {0};
    int status = file_read_regular(tool_path(tool, path, whole), &text, &err);
    return status != 0 || strstr(str_text(&text), "node:test") != NULL;
}

/* "v20.20.2": can it write JUnit? An unknown form is one of the future. */
static bool writes_junit(const char *version)
{
    unsigned major = 0;
    unsigned minor = 0;
    // NOLINTNEXTLINE(cert-err34-c): two small numbers; what does not fit is let pass
    if (sscanf(version, "v%4u.%4u", &major, &minor) != 2) {
        return true;
    }
    return major > NODE_JUNIT_MAJOR || (major == NODE_JUNIT_MAJOR && minor >= NODE_JUNIT_MINOR);
}

static int ask_version(const struct tool *tool, bool *ret_junit, struct err *err)
{
    static const char *const options[] = {"--version", NULL};
    CLEANUP(str_fini) struct str out = STR_INIT(64u << 10);
    int status = tool_ask(tool, options, NULL, NULL, &out, err);
    if (status == 0) {
        *ret_junit = writes_junit(str_text(&out));
    }
    return status;
}

static int emit_file(struct tool *tool, const char *path, bool junit, struct err *err)
{
    char report[TOOL_REPORT_SIZE];
    char destination[TOOL_REPORT_SIZE + 64];
    char operand[PATH_TEXT_MAX];
    (void)tool_report(path, ".xml", report);
    (void)snprintf(destination, sizeof destination, "--test-reporter-destination=%s", report);
    const char *const reporter = junit ? "--test-reporter=junit" : "--test-reporter=tap";
    const char *before[4] = {NULL};
    size_t count = 0;
    if (!says_node_test(tool, path)) {
        before[count++] = "--test";
    }
    before[count++] = reporter;
    before[count] = junit ? destination : NULL;
    const char *const after[] = {tool_operand(path, operand), NULL};
    const struct tool_unit unit = {
        .id = path,
        .file = path,
        .format = junit ? "junit" : "tap",
        .report = junit ? report : NULL,
        .before = before,
        .after = after,
    };
    return tool_emit(tool, &unit, err);
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
    bool junit = false;
    int status = tool_init(&tool, sdk, settings, "node", err);
    status = status == 0 ? find_files(&query, &found, err) : status;
    if (status == 0 && found.count == 0) {
        status = find_refuse(&query, &found, err);
    }
    status = status == 0 ? ask_version(&tool, &junit, err) : status;
    for (size_t i = 0; i < found.count && status == 0; i++) {
        status = emit_file(&tool, found.items[i], junit, err);
    }
    return status;
}
