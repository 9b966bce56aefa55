/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/unit/javascript.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "plugins/unit/javascript_cases.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const pruned[] = {"node_modules", NULL};

static int compare_paths(const void *a, const void *b)
{
    const char *const *left = a;
    const char *const *right = b;
    return strcmp(*left, *right);
}

/* Takes one path of the tool's list: absolute, below dir. Copies of the tree that sluice keeps are
 * passed over. */
static int take(const char *folder, const json_t *entry, struct found *found, struct err *err)
{
    const char *path =
        json_string_value(json_is_object(entry) ? json_object_get(entry, "file") : entry);
    size_t len = strlen(folder);
    if (path == NULL || strncmp(path, folder, len) != 0 || path[len] != '/'
        || !path_is_inside(path + len + 1)) {
        return err_set(
            err,
            -EBADMSG,
            "it lists a test outside of %s: %.200s; set `dir` to a folder that holds all",
            folder,
            path != NULL ? path : "(no path)");
    }
    if (strncmp(path + len, "/.sluice/", 9) == 0) {
        return 0;
    }
    char *copy = mem_strdup(path + len + 1);
    if (copy == NULL || vec_push(found, copy) != 0) {
        mem_free(copy);
        return err_set(err, -ENOMEM, "out of memory for the list of tests");
    }
    return 0;
}

/* Programs of npm packages print notes before what they were asked for: the list begins with the
 * first '[' at the start of a line. */
static const char *list_start(const char *text)
{
    if (text[0] == '[') {
        return text;
    }
    const char *found = strstr(text, "\n[");
    return found != NULL ? found + 1 : text;
}

static int ask(const struct tool *tool,
               const struct javascript_tool *javascript,
               struct found *found,
               struct err *err)
{
    CLEANUP(str_fini) struct str out = STR_INIT(TOOL_ANSWER_MAX);
    CLEANUP(json_cleanup) json_t *list = NULL;
    char folder[PATH_TEXT_MAX];
    if (realpath(tool->settings->dir, folder) == NULL) {
        return err_errno(err, "dir: \"%s\"", tool->settings->dir);
    }
    int status = tool_ask(tool, javascript->list, NULL, NULL, &out, err);
    if (status != 0) {
        return status;
    }
    const char *text = list_start(str_text(&out));
    status = json_parse(text, strlen(text), &list, err);
    size_t i = 0;
    json_t *entry = NULL;
    json_array_foreach(list, i, entry)
    {
        status = status == 0 ? take(folder, entry, found, err) : status;
    }
    return status;
}

/* The list, by the tool or by `tests`; never empty. */
static int list(const struct tool *tool,
                const struct javascript_tool *javascript,
                struct found *found,
                struct err *err)
{
    const struct unit_settings *settings = tool->settings;
    int status = 0;
    if (settings->tests != NULL) {
        const char *const own[] = {settings->tests, NULL};
        const struct find_query query = {.dir = settings->dir, .patterns = own, .pruned = pruned};
        status = find_files(&query, found, err);
        return status == 0 && found->count == 0 ? find_refuse(&query, found, err) : status;
    }
    status = ask(tool, javascript, found, err);
    if (status != 0) {
        return err_wrap(err,
                        "asking %s for its files in %s (is node_modules there? it must be in "
                        "`expose`, or in `outputs` of a layer in `needs`)",
                        javascript->name,
                        settings->dir);
    }
    return found->count > 0
               ? 0
               : err_set(
                   err, -ENODATA, "%s finds no test file in %s", javascript->name, settings->dir);
}

int javascript_plan(struct sdk *sdk,
                    const struct unit_settings *settings,
                    const struct javascript_tool *javascript,
                    struct err *err)
{
    CLEANUP(tool_fini) struct tool tool = {0};
    CLEANUP(found_fini) struct found found = {0};
    int status = tool_init(&tool, sdk, settings, javascript->fallback, err);
    status = status == 0 ? list(&tool, javascript, &found, err) : status;
    if (status == 0 && found.count > 0) {
        qsort(found.items, found.count, sizeof *found.items, compare_paths);
    }
    if (status == 0 && settings->split_case) {
        return javascript_emit_cases(&tool, javascript, &found, err);
    }
    for (size_t i = 0; i < found.count && status == 0; i++) {
        status = javascript->emit(&tool, &found, i, NULL, err);
    }
    return status;
}
