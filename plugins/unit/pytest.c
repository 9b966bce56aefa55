/* SPDX-License-Identifier: Apache-2.0 */
/* pytest, one file a unit, or one test with `split: case`. Files are found by pytest's own default
 * patterns without starting Python; where a configuration changes what is collected, pytest is
 * asked. Units leave nothing in the tree but the report: no cache, no byte code.
 *
 * The report is of family xunit2: xunit1 has file and line, but the line before the test's, and not
 * that of the failure, which sluice reads from its text. A file without tests (exit code
 * 5) is a skipped case that says so: plain pytest passes over it in silence, but a unit that proves
 * nothing has to be seen. */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "plugins/sdk/sdk_find.h"
#include "plugins/unit/tool.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* python_files and norecursedirs as they are when nobody sets them. */
static const char *const patterns[] = {"**/test_*.py", "**/*_test.py", NULL};
static const char *const pruned[] = {
    "*.egg", ".*", "_darcs", "build", "CVS", "dist", "node_modules", "venv", "{arch}", NULL};

/* A configuration file is small; of a larger one only this much is looked at. Beyond: pytest is
 * asked. */
#define CONFIG_MAX (1u << 20)

/* Does a file say anything that changes which files are collected? Better asked too often. */
static bool config_says(const char *path)
{
    static const char *const words[] = {"python_files",
                                        "testpaths",
                                        "norecursedirs",
                                        "addopts",
                                        "collect_ignore",
                                        "pytest_ignore_collect",
                                        "pytest_collect_file"};
    CLEANUP(str_fini) struct str text = STR_INIT(CONFIG_MAX);
    struct err err = {0};
    int status = file_read_regular(path, &text, &err);
    if (status != 0) {
        return status != -ENOENT;
    }
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strstr(str_text(&text), words[i]) != NULL) {
            return true;
        }
    }
    return false;
}

/* The files that pytest may be configured in: those of dir and those above it up to the root, and
 * each conftest.py below. */
static int must_ask(const struct unit_settings *settings, bool *ret_asks, struct err *err)
{
    static const char *const names[] = {
        "pytest.ini", ".pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg"};
    static const char *const conftests[] = {"conftest.py", "**/conftest.py", NULL};
    char path[PATH_TEXT_MAX];
    bool asks = false;
    size_t len = strcmp(settings->dir, ".") == 0 ? 0 : strlen(settings->dir);
    for (bool more = true; more && !asks;) {
        for (size_t i = 0; i < sizeof names / sizeof names[0] && !asks; i++) {
            (void)snprintf(path,
                           sizeof path,
                           "%.*s%s%s",
                           (int)len,
                           settings->dir,
                           len > 0 ? "/" : "",
                           names[i]);
            asks = config_says(path);
        }
        more = len > 0;
        while (len > 0 && settings->dir[--len] != '/') {
        }
    }
    CLEANUP(found_fini) struct found found = {0};
    const struct find_query query = {.dir = settings->dir, .patterns = conftests, .pruned = pruned};
    int status = asks ? 0 : find_files(&query, &found, err);
    for (size_t i = 0; i < found.count && !asks; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", settings->dir, found.items[i]);
        asks = config_says(path);
    }
    *ret_asks = asks;
    return status;
}

/* ---- units ---- */

static int emit(struct tool *tool, const char *node, const char *file, struct err *err)
{
    char report[TOOL_REPORT_SIZE];
    char junit[TOOL_REPORT_SIZE + 32];
    char operand[PATH_TEXT_MAX];
    (void)tool_report(node, ".xml", report);
    (void)snprintf(junit, sizeof junit, "--junitxml=%s", report);
    const char *const before[] = {
        "-p", "no:cacheprovider", junit, "-o", "junit_family=xunit2", NULL};
    const char *const after[] = {tool_operand(node, operand), NULL};
    const struct tool_unit unit = {
        .id = node,
        .file = file,
        .verb = "report",
        .how = "pytest",
        .format = "junit",
        .report = report,
        .before = before,
        .after = after,
    };
    return tool_emit(tool, &unit, err);
}

/* A line of what pytest printed: "FILE::NODE", or "ERROR FILE" or "ERROR FILE - why" of a file that
 * cannot be imported: that is a unit as well, and fails. */
struct collected {
    const char *node; /* what pytest is to run */
    const char *file;
    size_t file_len;
    bool broken;
};

static bool read_line(const char *line, struct collected *ret_collected)
{
    static const char error[] = "ERROR ";
    bool broken = strncmp(line, error, sizeof error - 1) == 0;
    const char *node = broken ? line + sizeof error - 1 : line;
    const char *end = strstr(node, broken ? " - " : "::");
    if (!broken && end == NULL) {
        return false;
    }
    *ret_collected = (struct collected){
        .node = node,
        .file = node,
        .file_len = end != NULL ? (size_t)(end - node) : strlen(node),
        .broken = broken,
    };
    return true;
}

/* One unit a file, or a line with `split: case`. Lines of one file follow one another. */
static int emit_lines(struct tool *tool, char *text, size_t *ret_count, struct err *err)
{
    CLEANUP(str_fini) struct str file = STR_INIT(PATH_TEXT_MAX);
    bool split = tool->settings->split_case;
    struct collected c;
    char *line = NULL;
    int status = 0;
    while (status == 0 && (line = tool_line(&text)) != NULL) {
        if (!read_line(line, &c)) {
            continue;
        }
        bool again = file.len == c.file_len && memcmp(str_text(&file), c.file, file.len) == 0;
        if (again && !split) {
            continue;
        }
        str_clear(&file);
        (void)str_append_n(&file, c.file, c.file_len);
        if (str_error(&file) != 0) {
            return err_set(err, -ENAMETOOLONG, "pytest names a file too long: %.80s", line);
        }
        ++*ret_count;
        status = emit(tool, split && !c.broken ? c.node : str_text(&file), str_text(&file), err);
    }
    return status;
}

/* Files by the setting `tests`, or by the default patterns. */
static int find(const struct unit_settings *settings, struct found *found, struct err *err)
{
    const char *const own[] = {settings->tests, NULL};
    const struct find_query query = {
        .dir = settings->dir,
        .patterns = settings->tests != NULL ? own : patterns,
        .pruned = pruned,
    };
    int status = find_files(&query, found, err);
    return status == 0 && found->count == 0 ? find_refuse(&query, found, err) : status;
}

/* Exit codes of pytest: 0; 2 when a file cannot be imported (its lines are there); 5 no tests. */
static int emit_asked(struct tool *tool, const struct found *found, struct err *err)
{
    static const char *const options[] = {
        "-p", "no:cacheprovider", "--collect-only", "-q", "--no-header", "--tb=no", NULL};
    const struct unit_settings *settings = tool->settings;
    const char *const *files = found->count > 0 ? (const char *const *)found->items : NULL;
    CLEANUP(str_fini) struct str out = STR_INIT(TOOL_ANSWER_MAX);
    struct err asked = {0};
    int status = tool_ask(tool, options, settings->args, files, &out, &asked);
    if (status != 0 && status != -EIO) {
        *err = asked;
        return err_wrap(err, "asking pytest for the tests in %s", settings->dir);
    }
    size_t count = 0;
    int told = out.data != NULL ? emit_lines(tool, out.data, &count, err) : 0;
    if (told == 0 && count == 0) {
        return err_set(err,
                       -ENODATA,
                       "pytest finds no test in %s%s%s",
                       settings->dir,
                       status != 0 ? ": " : "",
                       status != 0 ? asked.text : "");
    }
    return told;
}

/* One unit a file, found without pytest. */
static int emit_found(struct tool *tool, struct err *err)
{
    CLEANUP(found_fini) struct found found = {0};
    int status = find(tool->settings, &found, err);
    for (size_t i = 0; i < found.count && status == 0; i++) {
        status = emit(tool, found.items[i], found.items[i], err);
    }
    return status;
}

/* pytest's word for it; of the files that `tests` names where it is set. */
static int ask(struct tool *tool, struct err *err)
{
    CLEANUP(found_fini) struct found found = {0};
    int status = tool->settings->tests != NULL ? find(tool->settings, &found, err) : 0;
    if (status == 0 && found.count > 0 && vec_push(&found, NULL) != 0) {
        status = err_set(err, -ENOMEM, "out of memory for the list of tests");
    }
    return status == 0 ? emit_asked(tool, &found, err) : status;
}

int unit_plan_pytest(struct sdk *sdk, const struct unit_settings *settings, struct err *err)
{
    CLEANUP(tool_fini) struct tool tool = {0};
    int status = tool_init(&tool, sdk, settings, "python3 -m pytest", err);
    if (status != 0) {
        return status;
    }
    tool.env[0] = (struct sdk_env){"PYTHONDONTWRITEBYTECODE", "1"};
    tool.env_count = 1;
    bool asks = settings->split_case;
    if (!asks && settings->tests == NULL) {
        status = must_ask(settings, &asks, err);
    }
    if (status != 0) {
        return status;
    }
    return asks ? ask(&tool, err) : emit_found(&tool, err);
}
