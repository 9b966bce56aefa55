/* SPDX-License-Identifier: Apache-2.0 */
/* Go, one package a unit, or one top-level test, example or fuzz target with `split: case`.
 * -count=1 keeps go's own cache of results out: what it answers would have run unobserved, and
 * sluice has its own. -vet=off is not set: what `go test` says must be what the user's says. */
#include "base/cleanup.h"
#include "plugins/unit/tool.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* A name of a test as a pattern for -run: it is an identifier, so nothing has to be escaped. */
#define PATTERN_MAX 1000

/* One line a package that has test files or cannot be read: its import path. Of one that cannot be
 * read (a folder's name that is no import path, say) go does not tell the files, and `go test
 * ./...` fails for it. */
#define LIST_FORMAT "{{if or .TestGoFiles .XTestGoFiles .Error}}{{.ImportPath}}{{end}}"

/* -e: a package that cannot be read is listed as well, and its unit says what is wrong with it. */
static int ask_packages(const struct tool *tool, struct str *out, struct err *err)
{
    static const char *const options[] = {"list", "-e", "-f", LIST_FORMAT, "./...", NULL};
    int status = tool_ask(tool, options, NULL, NULL, out, err);
    if (status != 0) {
        return err_wrap(err, "asking go for the packages in %s", tool->settings->dir);
    }
    if (out->len == 0) {
        return err_set(err,
                       -ENODATA,
                       "go finds no package with a *_test.go file in %s (is a go.mod there?)",
                       tool->settings->dir);
    }
    return 0;
}

static int emit(struct tool *tool, const char *package, const char *test, struct err *err)
{
    char id[SDK_ID_MAX + PATTERN_MAX];
    char pattern[PATTERN_MAX + 8];
    (void)snprintf(
        id, sizeof id, "%s%s%s", package, test != NULL ? " " : "", test != NULL ? test : "");
    (void)snprintf(pattern, sizeof pattern, "-run=^%s$", test != NULL ? test : "");
    const char *const before[] = {"test", "-json", "-count=1", test != NULL ? pattern : NULL, NULL};
    const char *const after[] = {package, NULL};
    const struct tool_unit unit = {
        .id = id,
        .format = "gotest",
        .before = before,
        .after = after,
    };
    return tool_emit(tool, &unit, err);
}

/* Lines of `go test -list`: names, then "ok  	package	0.003s". */
static bool is_test_name(const char *line)
{
    static const char *const starts[] = {"Test", "Example", "Fuzz"};
    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
        if (strncmp(line, starts[i], strlen(starts[i])) == 0) {
            return line[strcspn(line, " \t")] == '\0' && strlen(line) < PATTERN_MAX;
        }
    }
    return false;
}

/* A package that cannot be compiled has no list: it is one unit, and fails. */
static int emit_cases(struct tool *tool, const char *package, struct err *err)
{
    CLEANUP(str_fini) struct str out = STR_INIT(TOOL_ANSWER_MAX);
    const char *const options[] = {"test", "-list=.", NULL};
    const char *const after[] = {package, NULL};
    int status = tool_ask(tool, options, tool->settings->args, after, &out, err);
    if (status != 0 && status != -EIO) {
        return err_wrap(err, "asking go for the tests of %s", package);
    }
    if (status != 0) {
        return emit(tool, package, NULL, err);
    }
    char *rest = out.data;
    char *line = NULL;
    while (status == 0 && (line = tool_line(&rest)) != NULL) {
        status = is_test_name(line) ? emit(tool, package, line, err) : 0;
    }
    return status;
}

int unit_plan_go(struct sdk *sdk, const struct unit_settings *settings, struct err *err)
{
    CLEANUP(tool_fini) struct tool tool = {0};
    CLEANUP(str_fini) struct str out = STR_INIT(TOOL_ANSWER_MAX);
    int status = tool_init(&tool, sdk, settings, "go", err);
    status = status == 0 ? ask_packages(&tool, &out, err) : status;
    char *rest = out.data;
    char *package = NULL;
    while (status == 0 && (package = tool_line(&rest)) != NULL) {
        status = settings->split_case ? emit_cases(&tool, package, err)
                                      : emit(&tool, package, NULL, err);
    }
    return status;
}
