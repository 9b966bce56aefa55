/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/plugin.h"

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/limits.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "support/test.h"
#include "unit/plugin/support/files.h"

static void cleanup_arena(struct arena **arena)
{
    arena_free(*arena);
}

/* A folder with plugins `command`, `unit` and things that are none. */
static const char *plugin_dir(void)
{
    (void)write_program("plugins/sluice-plugin-unit", "#!/bin/sh\n");
    (void)write_program("plugins/sluice-plugin-command", "#!/bin/sh\n");
    (void)write_file("plugins/sluice-plugin-", "");
    (void)write_file("plugins/README", "");
    static char dir[300];
    (void)snprintf(dir, sizeof dir, "%s/plugins", test_folder());
    return dir;
}

TEST(built_in_plugins_are_listed_by_name)
{
    CLEANUP(cleanup_arena) struct arena *arena = arena_new(1u << 20);
    struct text_list names = {0};
    struct err err = {0};
    assert_int_equal(plugin_list_builtin(plugin_dir(), arena, &names, &err), 0);
    assert_int_equal(names.count, 2);
    assert_string_equal(names.items[0], "command");
    assert_string_equal(names.items[1], "unit");
    assert_null(names.items[2]);
}

TEST(a_missing_plugin_folder_is_told)
{
    CLEANUP(cleanup_arena) struct arena *arena = arena_new(1u << 20);
    struct text_list names = {0};
    struct err err = {0};
    assert_int_equal(plugin_list_builtin("/no/such/dir", arena, &names, &err), -ENOENT);
    assert_non_null(strstr(err.text, "cannot list the built-in plugins in /no/such/dir"));
}

static void assert_found(const char *uses, const char *end)
{
    char path[PATH_TEXT_MAX] = "";
    struct err err = {0};
    assert_int_equal(plugin_find(uses, plugin_dir(), test_folder(), path, sizeof path, &err), 0);
    assert_true(text_starts_with(path, test_folder()));
    assert_true(text_ends_with(path, end));
}

static void assert_not_found(const char *uses, int code, const char *part)
{
    char path[PATH_TEXT_MAX] = "untouched";
    struct err err = {0};
    assert_int_equal(plugin_find(uses, plugin_dir(), test_folder(), path, sizeof path, &err), code);
    assert_string_equal(path, "untouched");
    if (strstr(err.text, part) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", err.text, part);
    }
}

TEST(plugins_are_found_by_name_or_path)
{
    (void)write_program("tools/mine", "#!/bin/sh\n");
    assert_found("command", "/plugins/sluice-plugin-command");
    assert_found("./tools/mine", "/tools/mine");
}

TEST(a_plugin_that_is_not_there_is_told_with_a_suggestion)
{
    assert_not_found("comand",
                     -ENOENT,
                     "there is no plugin \"comand\"; did you mean \"command\"? Built in are: "
                     "command, unit. A plugin of your own is named by its path");
    assert_not_found("./tools/other", -ENOENT, "there is no plugin \"./tools/other\" in ");
    assert_not_found("", -ENOENT, "there is no plugin \"\"");
}

TEST(a_plugin_cannot_be_fetched_from_elsewhere)
{
    (void)write_program("outside", "#!/bin/sh\n");
    assert_not_found("./../outside", -EINVAL, "must be a path below the root");
    assert_not_found("./a/../../outside", -EINVAL, "must be a path below the root");
    assert_not_found("../outside", -ENOENT, "there is no plugin");
    assert_not_found("/bin/sh", -ENOENT, "there is no plugin");
    assert_not_found("./", -EINVAL, "must be a path below the root");
}

TEST(a_plugin_must_be_executable)
{
    (void)write_file("tools/plain", "text");
    assert_not_found("./tools/plain", -EACCES, "is not an executable file; try: chmod +x ");
    assert_not_found("./tools", -EACCES, "is not an executable file");
}

TEST(a_short_buffer_is_no_overflow)
{
    char path[8] = "same";
    struct err err = {0};
    assert_int_equal(plugin_find("command", plugin_dir(), test_folder(), path, sizeof path, &err),
                     -ENAMETOOLONG);
    assert_string_equal(path, "same");
}

TEST(plan_is_asked_with_the_settings_as_they_are)
{
    CLEANUP(str_fini) struct str out = STR_INIT(4096);
    const struct layer layer = {.id = "unit[asan]", .with = "{\"run\":\"make \\\"x\\\"\"}"};
    assert_int_equal(plugin_plan_input(&layer, "/src", "/opt/p", NULL, &out), 0);
    assert_string_equal(str_text(&out),
                        "{\"protocol\":1,\"layer\":\"unit[asan]\",\"root\":\"/src\",\"program\":"
                        "\"/opt/p\",\"with\":{\"run\":\"make \\\"x\\\"\"},\"diff\":null}\n");
    str_clear(&out);
    assert_int_equal(plugin_plan_input(&layer, "/src", "/p", "{\"base\":\"1\",\"files\":[]}", &out),
                     0);
    assert_non_null(strstr(str_text(&out), "},\"diff\":{\"base\":\"1\",\"files\":[]}}\n"));
}

static const char *const metric_names[] = {"score", NULL};
static const struct plugin_description description = {
    .name = "demo",
    .schema = "{\"type\":\"object\",\"properties\":{\"run\":{\"type\":\"string\"},\"files\":{"
              "\"type\":\"array\",\"items\":{\"type\":\"string\",\"minLength\":1}}},"
              "\"additionalProperties\":false,\"required\":[\"run\"]}",
    .metrics = {metric_names, 1},
};

/* Parses a pipeline and checks its layer `one`; returns the status. */
static int check_pipeline(const char *text, struct err *err)
{
    struct config *config = NULL;
    const struct config_options options = {0};
    if (config_parse("sluice.yml", text, strlen(text), &options, &config, err) != 0) {
        fail_msg("%s", err->text);
    }
    const struct layer *layer = pipeline_find_layer(config_pipeline(config), "one");
    assert_non_null(layer);
    CLEANUP(json_cleanup) json_t *schema = NULL;
    assert_int_equal(plugin_read_schema(&description, &schema, err), 0);
    int status = plugin_check_layer(&description, schema, config, layer, err);
    config_free(config);
    return status;
}

TEST(settings_and_gates_that_fit_are_accepted)
{
    struct err err = {0};
    assert_int_equal(check_pipeline("version: 1\nlayers:\n  one:\n    uses: demo\n    with:\n"
                                    "      run: make\n      files: [a, b]\n"
                                    "    gate: {score: {min: 80}, cases_skipped: {max: 3}}\n",
                                    &err),
                     0);
}

static void assert_complaint(const char *text, const char *place, const char *message)
{
    struct err err = {0};
    assert_int_equal(check_pipeline(text, &err), -EINVAL);
    if (!text_starts_with(err.text, place) || strstr(err.text, message) == NULL) {
        fail_msg("\"%s\" is not at %s or does not say \"%s\"", err.text, place, message);
    }
}

TEST(settings_that_do_not_fit_are_told_where_they_stand)
{
    assert_complaint("version: 1\nlayers:\n  one:\n    uses: demo\n    with:\n      rnu: make\n"
                     "      run: make\n",
                     "sluice.yml:6:",
                     "layer one, plugin demo: with /rnu: unknown setting \"rnu\"; did you mean "
                     "\"run\"?");
    assert_complaint("version: 1\nlayers:\n  one:\n    uses: demo\n    with:\n      run: make\n"
                     "      files:\n        - a\n        - ''\n",
                     "sluice.yml:9:",
                     "with /files/1: must not be empty");
    assert_complaint("version: 1\nlayers:\n  one:\n    uses: demo\n    with: {files: [a]}\n",
                     "sluice.yml:5:",
                     "with: setting \"run\" is missing");
}

TEST(a_gate_on_an_unknown_metric_is_told_where_it_stands)
{
    assert_complaint(
        "version: 1\nlayers:\n  one:\n    uses: demo\n    with: {run: make}\n    gate:\n"
        "      scroe: {min: 80}\n",
        "sluice.yml:7:",
        "plugin demo has no metric \"scroe\"; did you mean \"score\"?");
}
