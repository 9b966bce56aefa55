/* SPDX-License-Identifier: Apache-2.0 */
/* `split: case` of Jest and Vitest, and what node:test needs of it. */
#include "plugins/unit/javascript_cases.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/map.h"
#include "base/mem.h"
#include "plugins/unit/javascript.h"
#include "plugins/unit/report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Names of tests that tell a story have some hundred bytes; their pattern has at most twice as
 * many. Beyond: an error that names the test. */
#define NAME_MAX_BYTES (16u << 10)

/* ---- asking outside of the tree ---- */

int javascript_make_place(char place[JAVASCRIPT_PLACE_SIZE], struct err *err)
{
    const char *folder = getenv("TMPDIR"); // NOLINT(concurrency-mt-unsafe): one thread
    bool fits = folder != NULL && folder[0] == '/' && strlen(folder) < JAVASCRIPT_PLACE_SIZE / 2;
    (void)snprintf(place, JAVASCRIPT_PLACE_SIZE, "%s/sluice-list-XXXXXX", fits ? folder : "/tmp");
    if (mkdtemp(place) == NULL) {
        return err_errno(err, "cannot make %s", place);
    }
    size_t len = strlen(place);
    (void)snprintf(place + len, JAVASCRIPT_PLACE_SIZE - len, "/list");
    return 0;
}

void javascript_drop_place(char place[JAVASCRIPT_PLACE_SIZE])
{
    static const char *const endings[] = {"raw", "cjs"};
    char path[JAVASCRIPT_PLACE_SIZE + 8];
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        (void)snprintf(path, sizeof path, "%s.%s", place, endings[i]);
        (void)unlink(path);
    }
    *strrchr(place, '/') = '\0';
    (void)rmdir(place);
}

/* ---- one test ---- */

int javascript_pattern(struct str *out, const char *option, const char *name)
{
    (void)str_appendf(out, "%s^", option);
    for (const char *at = name; *at != '\0'; at++) {
        if (strchr("\\^$.*+?()[]{}|", *at) != NULL) {
            (void)str_append_char(out, '\\');
        }
        (void)str_append_char(out, *at);
    }
    (void)str_append_char(out, '$');
    return str_error(out);
}

int javascript_emit_test(const struct javascript_names *names, const char *name, struct err *err)
{
    CLEANUP(str_fini) struct str id = STR_INIT(NAME_MAX_BYTES);
    CLEANUP(str_fini) struct str pattern = STR_INIT((size_t)NAME_MAX_BYTES * 2);
    CLEANUP(str_fini) struct str how = STR_INIT(NAME_MAX_BYTES);
    const char *path = names->files->items[names->at];
    (void)str_appendf(&id, "%s %s", path, name);
    (void)str_appendf(&how, "%s=%s", names->kind, name);
    int status = javascript_pattern(&pattern, names->option, name);
    if (status != 0 || str_error(&id) != 0 || str_error(&how) != 0) {
        return err_set(err, -ENAMETOOLONG, "%s has a test with too long a name: %.80s", path, name);
    }
    const struct javascript_test test = {
        .id = str_text(&id), .pattern = str_text(&pattern), .how = str_text(&how)};
    return names->emit(names->tool, names->files, names->at, &test, err);
}

/* ---- lists of Jest and Vitest ---- */

struct listing {
    struct tool *tool;
    const struct javascript_tool *javascript;
    const struct found *files;
    struct map results; /* path -> its json_t in testResults, the first */
};

/* A file that cannot be loaded has no tests: it stays one unit, which says why. */
static int emit_file(const struct listing *listing,
                     size_t at,
                     const json_t *result,
                     struct err *err)
{
    const struct javascript_names names = {
        .tool = listing->tool,
        .files = listing->files,
        .at = at,
        .kind = "jest",
        .option = "--testNamePattern=",
        .emit = listing->javascript->emit,
    };
    struct map seen = {0};
    json_t *test = NULL;
    size_t i = 0;
    int status = 0;
    json_array_foreach(json_object_get(result, "assertionResults"), i, test)
    {
        const char *name = json_string_value(json_object_get(test, "fullName"));
        int known = name != NULL && status == 0 ? map_add(&seen, name, 1) : 1;
        if (known < 0) {
            status = err_set(err, -ENOMEM, "out of memory for the list of tests");
        }
        if (known == 0) {
            status = javascript_emit_test(&names, name, err);
        }
    }
    bool none = seen.count == 0;
    map_fini(&seen);
    return status == 0 && none ? names.emit(names.tool, names.files, at, NULL, err) : status;
}

/* Files of a project that runs them twice, in two environments, are named twice: one list. */
static int collect(struct listing *listing, const json_t *answer, struct err *err)
{
    size_t i = 0;
    json_t *result = NULL;
    json_array_foreach(json_object_get(answer, "testResults"), i, result)
    {
        uintptr_t first = 0;
        const char *path = json_string_value(json_object_get(result, "name"));
        if (path == NULL) {
            continue;
        }
        int known = map_get(&listing->results, path, &first);
        int status = known ? json_array_extend(json_object_get((json_t *)first, "assertionResults"),
                                               json_object_get(result, "assertionResults"))
                           : map_put(&listing->results, path, (uintptr_t)result);
        if (status < 0) {
            return err_set(err, -ENOMEM, "out of memory for the list of tests");
        }
    }
    return 0;
}

static int read_list(const char *raw, json_t **ret_answer, struct err *err)
{
    CLEANUP(str_fini) struct str text = STR_INIT(REPORT_TEXT_MAX);
    int status = file_read(raw, &text, err);
    return status == 0 ? json_parse_foreign(str_text(&text), text.len, ret_answer, err) : status;
}

/* Runs the tool without a test. It ends with 1 when a file cannot be loaded: what it left counts.
 */
static int ask(const struct listing *listing,
               const char *place,
               json_t **ret_answer,
               struct err *err)
{
    const struct javascript_tool *javascript = listing->javascript;
    CLEANUP(str_fini) struct str out = STR_INIT(TOOL_ANSWER_MAX);
    char output[JAVASCRIPT_PLACE_SIZE + 32];
    char raw[JAVASCRIPT_PLACE_SIZE + 8];
    (void)snprintf(raw, sizeof raw, "%s.raw", place);
    (void)snprintf(output, sizeof output, "--outputFile=%s", raw);
    struct javascript_words words = {0};
    int status = vec_push(&words, output);
    status = status == 0 ? vec_push(&words, "--testNamePattern=" JAVASCRIPT_NONE) : status;
    if (status == 0 && javascript->operands != NULL) {
        status = vec_push(&words, javascript->operands);
    }
    for (size_t i = 0; i < listing->files->count && status == 0; i++) {
        status = vec_push(&words, listing->files->items[i]);
    }
    status = status == 0 ? vec_push(&words, NULL) : status;
    if (status != 0) {
        (void)err_set(err, -ENOMEM, "out of memory for a command");
    } else {
        status = tool_ask(listing->tool,
                          javascript->cases,
                          listing->tool->settings->args,
                          words.items,
                          &out,
                          err);
    }
    vec_fini(&words);
    return status == 0 || (status == -EIO && file_exists(raw)) ? read_list(raw, ret_answer, err)
                                                               : status;
}

static int emit_all(struct listing *listing, const char *folder, struct err *err)
{
    char path[2 * PATH_TEXT_MAX];
    int status = 0;
    for (size_t i = 0; i < listing->files->count && status == 0; i++) {
        uintptr_t result = 0;
        (void)snprintf(path, sizeof path, "%s/%s", folder, listing->files->items[i]);
        (void)map_get(&listing->results, path, &result);
        status = emit_file(listing, i, (const json_t *)result, err);
    }
    return status;
}

int javascript_emit_cases(struct tool *tool,
                          const struct javascript_tool *javascript,
                          const struct found *files,
                          struct err *err)
{
    struct listing listing = {.tool = tool, .javascript = javascript, .files = files};
    CLEANUP(json_cleanup) json_t *answer = NULL;
    char place[JAVASCRIPT_PLACE_SIZE];
    char folder[PATH_TEXT_MAX];
    if (realpath(tool->settings->dir, folder) == NULL) {
        return err_errno(err, "dir: \"%s\"", tool->settings->dir);
    }
    int status = javascript_make_place(place, err);
    if (status != 0) {
        return status;
    }
    status = ask(&listing, place, &answer, err);
    javascript_drop_place(place);
    if (status != 0) {
        return err_wrap(
            err, "asking %s for the tests in %s", javascript->name, tool->settings->dir);
    }
    status = collect(&listing, answer, err);
    status = status == 0 ? emit_all(&listing, folder, err) : status;
    map_fini(&listing.results);
    return status;
}
