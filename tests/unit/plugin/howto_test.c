/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin of docs/howto/add-a-plugin.md, as a reader would copy it, is described, planned, run
 * and judged. */
#include "base/arena.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "plugin/plugin.h"
#include "proc/run.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "support/test.h"
#include "unit/plugin/support/files.h"

#define PAGE TEST_DATA("../../../docs/howto/add-a-plugin.md")

/* The page says so. */
#define PLUGIN_LINES 30

static void cleanup_arena(struct arena **arena)
{
    arena_free(*arena);
}

/* Appends the first fenced block of the language. */
static void append_block(struct str *out, const char *language)
{
    CLEANUP(str_fini) struct str page = STR_INIT(1u << 20);
    struct err err = {0};
    if (file_read(PAGE, &page, &err) != 0) {
        fail_msg("%s", err.text);
    }
    char fence[32];
    (void)snprintf(fence, sizeof fence, "```%s\n", language);
    const char *start = strstr(str_text(&page), fence);
    assert_non_null(start);
    start += strlen(fence);
    const char *end = strstr(start, "```");
    assert_non_null(end);
    (void)str_append_n(out, start, (size_t)(end - start));
}

static size_t count_code_lines(const char *text)
{
    size_t count = 0;
    for (const char *at = text; *at != '\0'; at++) {
        count += *at != '\n' && (at == text || at[-1] == '\n');
    }
    return count;
}

static bool has_python(void)
{
    const char *const argv[] = {"python3", "--version", NULL};
    const struct run_request request = {.argv = argv, .timeout_ms = 20000};
    struct run_result result = {0};
    struct err err = {0};
    return run_program(&request, NULL, NULL, &result, &err) == 0 && result.exit_code == 0;
}

/* Runs `argv` in the test's folder and writes what it prints to a file; returns the exit code. */
static int run(const char *const *argv, const struct str *input, const char **ret_file)
{
    const struct run_request request = {.argv = argv,
                                        .cwd = test_folder(),
                                        .input = input != NULL ? str_text(input) : NULL,
                                        .input_len = input != NULL ? input->len : 0,
                                        .timeout_ms = 20000};
    CLEANUP(str_fini) struct str out = STR_INIT(1u << 20);
    struct run_result result = {0};
    struct err err = {0};
    if (run_program(&request, &out, NULL, &result, &err) != 0) {
        fail_msg("%s", err.text);
    }
    if (ret_file != NULL) {
        *ret_file = write_bytes("answer", str_text(&out), out.len);
    }
    return result.exit_code;
}

struct units {
    struct unit items[8];
    size_t count;
};

static int keep(void *context, const struct unit *unit)
{
    struct units *units = context;
    assert_true(units->count < 8);
    units->items[units->count++] = *unit;
    return 0;
}

/* Plans, runs and judges a layer with the plugin, as sluice does. */
static void run_layer(const struct plugin_description *plugin,
                      const struct layer *layer,
                      struct arena *arena,
                      struct judgement *judgement)
{
    const char *const plan_argv[] = {plugin->program, "plan", NULL};
    const char *const judge_argv[] = {plugin->program, "judge", NULL};
    CLEANUP(str_fini) struct str input = STR_INIT(1u << 20);
    const char *file = NULL;
    struct err err = {0};
    assert_int_equal(plugin_plan_input(layer, test_folder(), plugin->program, NULL, &input), 0);
    assert_int_equal(run(plan_argv, &input, &file), 0);
    struct units units = {.count = 0};
    if (plugin_read_units(plugin, 0, &FILE_WHOLE(file), arena, keep, &units, &err) != 0) {
        fail_msg("%s", err.text);
    }
    str_clear(&input);
    assert_int_equal(plugin_judge_header(layer, test_folder(), NULL, &input), 0);
    assert_int_equal(units.count, 2);
    assert_string_equal(units.items[0].id, "src/bad.py");
    assert_string_equal(units.items[1].id, "src/good.py");
    assert_string_equal(units.items[1].file, "src/good.py");
    for (size_t i = 0; i < units.count; i++) {
        int code = run(units.items[i].argv, NULL, NULL);
        const struct outcome outcome = {.status = code == 0 ? OUTCOME_PASSED : OUTCOME_FAILED,
                                        .exit_code = code,
                                        .attempt = 1,
                                        .final = true};
        assert_int_equal(
            plugin_judge_outcome(&units.items[i], &outcome, &(struct text_list){0}, &input), 0);
    }
    assert_int_equal(run(judge_argv, &input, &file), 0);
    if (plugin_read_judgement(plugin, &FILE_WHOLE(file), arena, judgement, &err) != 0) {
        fail_msg("%s", err.text);
    }
}

TEST(the_plugin_of_the_howto_works_as_printed)
{
    if (!has_python()) {
        print_message("not tested: python3 is not here\n");
        skip();
    }
    CLEANUP(str_fini) struct str script = STR_INIT(1u << 20);
    append_block(&script, "python");
    assert_in_range(count_code_lines(str_text(&script)), 20, PLUGIN_LINES);
    (void)write_program("tools/py-syntax", str_text(&script));
    (void)write_file("src/good.py", "x = 1\n");
    (void)write_file("src/bad.py", "x = = 1\n");

    char path[512];
    struct err err = {0};
    CLEANUP(cleanup_arena) struct arena *arena = arena_new(1u << 20);
    struct plugin_description plugin = {0};
    struct judgement judgement = {0};
    if (plugin_find("./tools/py-syntax", "/nowhere", test_folder(), path, sizeof path, &err) != 0
        || plugin_describe(path, arena, &plugin, &err) != 0) {
        fail_msg("%s", err.text);
    }
    assert_string_equal(plugin.name, "py-syntax");
    const struct layer layer = {.id = "syntax", .with = "{\"files\":\"**/*.py\"}"};
    run_layer(&plugin, &layer, arena, &judgement);
    assert_int_equal(judgement.metric_count, 1);
    assert_string_equal(judgement.metrics[0].name, "valid_percent");
    assert_true(judgement.metrics[0].value > 49.9 && judgement.metrics[0].value < 50.1);

    const struct layer nothing = {.id = "syntax", .with = "{\"files\":\"**/*.pyx\"}"};
    const char *const argv[] = {plugin.program, "plan", NULL};
    CLEANUP(str_fini) struct str input = STR_INIT(1u << 20);
    assert_int_equal(plugin_plan_input(&nothing, test_folder(), plugin.program, NULL, &input), 0);
    assert_int_equal(run(argv, &input, NULL), 1);
}

TEST(the_pipeline_of_the_howto_fits_the_plugin)
{
    if (!has_python()) {
        skip();
    }
    CLEANUP(str_fini) struct str script = STR_INIT(1u << 20);
    CLEANUP(str_fini) struct str yaml = STR_INIT(1u << 20);
    append_block(&script, "python");
    append_block(&yaml, "yaml");
    const char *program = write_program("py-syntax", str_text(&script));
    CLEANUP(cleanup_arena) struct arena *arena = arena_new(1u << 20);
    struct plugin_description plugin = {0};
    struct err err = {0};
    struct config *config = NULL;
    const struct config_options options = {0};
    if (plugin_describe(program, arena, &plugin, &err) != 0
        || config_parse("sluice.yml", str_text(&yaml), yaml.len, &options, &config, &err) != 0) {
        fail_msg("%s", err.text);
    }
    const struct layer *layer = pipeline_find_layer(config_pipeline(config), "syntax");
    assert_non_null(layer);
    assert_string_equal(layer->uses, "./tools/py-syntax");
    CLEANUP(json_cleanup) json_t *schema = NULL;
    assert_int_equal(plugin_read_schema(&plugin, &schema, &err), 0);
    int status = plugin_check_layer(&plugin, schema, config, layer, &err);
    config_free(config);
    if (status != 0) {
        fail_msg("%s", err.text);
    }
}
