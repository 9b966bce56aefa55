/* SPDX-License-Identifier: Apache-2.0 */
/* Vitest, one file a unit. A file is named by its whole path: vitest takes a shorter one as a part
 * of any path, and "a.test.js" would run "data.test.js" as well. Tests left out by a name are
 * reported as skipped: there is no `split: case`. */
#include "plugins/unit/javascript.h"

#include <stdio.h>
#include <string.h>

/* Files whose path goes on where another's ends, "a.test.ts" and "a.test.tsx". Beyond: their tests
 * are run, and counted, in both units. */
#define EXCLUDED_MAX 4

static int emit(struct tool *tool, const struct found *files, size_t at, struct err *err)
{
    const char *path = files->items[at];
    char report[TOOL_REPORT_SIZE];
    char output[TOOL_REPORT_SIZE + 32];
    char whole[PATH_TEXT_MAX * 2];
    char local[PATH_TEXT_MAX];
    char excluded[EXCLUDED_MAX][PATH_TEXT_MAX];
    const char *before[6 + EXCLUDED_MAX] = {"run", "--reporter=junit", output};
    size_t count = 3;
    (void)tool_report(path, ".xml", report);
    (void)snprintf(output, sizeof output, "--outputFile=%s", report);
    (void)snprintf(whole, sizeof whole, "%s/%s", tool->sdk->root, tool_path(tool, path, local));
    size_t len = strlen(path);
    for (size_t i = at + 1;
         i < files->count && count < 3 + EXCLUDED_MAX && strncmp(files->items[i], path, len) == 0;
         i++) {
        char *option = excluded[count - 3];
        (void)snprintf(option, PATH_TEXT_MAX, "--exclude=%s", files->items[i]);
        before[count++] = option;
    }
    before[count] = NULL;
    const char *const after[] = {whole, NULL};
    const struct tool_unit unit = {
        .id = path,
        .file = path,
        .format = "junit",
        .report = report,
        .before = before,
        .after = after,
    };
    return tool_emit(tool, &unit, err);
}

int unit_plan_vitest(struct sdk *sdk, const struct unit_settings *settings, struct err *err)
{
    static const char *const options[] = {"list", "--filesOnly", "--json", NULL};
    static const struct javascript_tool vitest = {
        .name = "vitest", .fallback = "node_modules/.bin/vitest", .list = options, .emit = emit};
    return javascript_plan(sdk, settings, &vitest, err);
}
