/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/plugin_unit/support/plan.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "plugins/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/test.h"

const char *enter_folder(void)
{
    static char path[4096];
    assert_int_equal(chdir(test_folder()), 0);
    assert_non_null(getcwd(path, sizeof path));
    assert_int_equal(unsetenv("SLUICE_UNIT"), 0); /* these tests may be a unit themselves */
    return path;
}

void write_file(const char *path, const char *text, unsigned mode)
{
    struct err err = {0};
    if (file_write_atomic(path, text, strlen(text), &err) != 0) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(chmod(path, mode), 0);
}

bool has_tool(const char *tool)
{
    const char *const argv[] = {tool, "--version", NULL};
    CLEANUP(str_fini) struct str out = STR_INIT(1u << 20);
    struct err err = {0};
    if (sdk_run(argv, NULL, &out, &err) == 0) {
        return true;
    }
    print_message("not tested: %s\n", err.text);
    return false;
}

void run_shell(const char *line)
{
    const char *const argv[] = {"/bin/sh", "-c", line, NULL};
    CLEANUP(str_fini) struct str out = STR_INIT(16u << 20);
    struct err err = {0};
    if (sdk_run(argv, NULL, &out, &err) != 0) {
        fail_msg("%s: %s\n%s", line, err.text, str_text(&out));
    }
}

static json_t *read_units(const char *text)
{
    json_t *units = json_array();
    while (*text != '\0') {
        const char *end = strchr(text, '\n');
        assert_non_null(end);
        json_t *unit = NULL;
        struct err err = {0};
        assert_int_equal(json_parse(text, (size_t)(end - text), &unit, &err), 0);
        assert_int_equal(json_array_append_new(units, unit), 0);
        text = end + 1;
    }
    return units;
}

int plan(const char *settings, json_t **ret_units, struct err *err)
{
    CLEANUP(json_cleanup) json_t *with = NULL;
    assert_int_equal(json_parse(settings, strlen(settings), &with, err), 0);
    struct sdk sdk = {.layer = "l",
                      .root = enter_folder(),
                      .program = "/plugin",
                      .with = with,
                      .plugin = &unit_plugin,
                      .out = STR_INIT(8u << 20),
                      .out_fd = -1};
    int status = unit_plan(&sdk, err);
    if (status == 0) {
        *ret_units = read_units(str_text(&sdk.out));
    }
    str_fini(&sdk.out);
    return status;
}

void assert_plan_refused(const char *settings, const char *message)
{
    json_t *units = NULL;
    struct err err = {0};
    assert_true(plan(settings, &units, &err) < 0);
    assert_string_equal(err.text, message);
}

const char *text_of(const json_t *unit, const char *key)
{
    const char *text = json_string_value(json_object_get(unit, key));
    return text != NULL ? text : "";
}

const char *words_of(const json_t *unit, const char *key)
{
    static char text[4096];
    text[0] = '\0';
    size_t i = 0;
    json_t *word = NULL;
    json_array_foreach(json_object_get(unit, key), i, word)
    {
        size_t len = strlen(text);
        (void)snprintf(
            text + len, sizeof text - len, "%s%s", i == 0 ? "" : " ", json_string_value(word));
    }
    return text;
}
