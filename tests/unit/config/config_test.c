/* SPDX-License-Identifier: Apache-2.0 */
#include "config/config.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/test.h"
#include "unit/config/support/parse.h"

static struct config *load(const char *path)
{
    struct config *config = NULL;
    struct err err;
    if (config_load(path, &parse_options, &config, &err) != 0) {
        fail_msg("%s", err.text);
    }
    return config;
}

static const struct layer *find(const struct config *config, const char *id)
{
    const struct pipeline *pipeline = config_pipeline(config);
    for (size_t i = 0; i < pipeline->layer_count; i++) {
        if (strcmp(pipeline->layers[i].id, id) == 0) {
            return &pipeline->layers[i];
        }
    }
    fail_msg("no layer %s", id);
    return NULL;
}

static const char *env_of(const struct layer *layer, const char *name)
{
    for (size_t i = 0; i < layer->env.count; i++) {
        if (strcmp(layer->env.items[i].name, name) == 0) {
            return layer->env.items[i].value != NULL ? layer->env.items[i].value : "(passed on)";
        }
    }
    return "(absent)";
}

TEST(a_layer_that_says_nothing_has_the_documented_defaults)
{
    struct config *config = load(TEST_DATA("good/smallest.yml"));
    const struct pipeline *pipeline = config_pipeline(config);
    const struct layer *layer = &pipeline->layers[0];

    assert_string_equal(pipeline->name, "smallest");
    assert_int_equal(pipeline->stages.count, 1);
    assert_string_equal(pipeline->stages.items[0], "default");
    assert_null(pipeline->stages.items[1]);
    assert_int_equal(pipeline->layer_count, 1);
    assert_string_equal(layer->id, "unit");
    assert_string_equal(layer->base_id, "unit");
    assert_string_equal(layer->name, "unit");
    assert_string_equal(layer->uses, "unit");
    assert_string_equal(layer->with, "{}");
    assert_false(layer->has_needs);
    assert_int_equal(layer->need_count, 0);
    assert_string_equal(layer->cwd, ".");
    assert_int_equal(layer->timeout_ms, LAYER_TIMEOUT_DEFAULT_MS);
    assert_int_equal(layer->slow_after_ms, 0);
    assert_int_equal(layer->retry_max, 0);
    assert_int_equal(layer->retry_when, LAYER_RETRY_WHEN_DEFAULT);
    assert_int_equal(layer->shards, 1);
    assert_int_equal(layer->slots, 1);
    assert_int_equal(layer->when, WHEN_ALWAYS);
    assert_int_equal(layer->sandbox, SANDBOX_FULL);
    assert_int_equal(layer->reuse.mode, REUSE_OBSERVED);
    assert_false(layer->network);
    assert_false(layer->allow_failure);
    assert_int_equal(layer->pos.line, 2);
    assert_int_equal(layer->pos.column, 10);
    config_free(config);
}

TEST(settings_of_a_layer_replace_defaults_and_merge_members)
{
    struct config *config = load(TEST_DATA("good/complete.yml"));
    const struct layer *build = find(config, "build");
    const struct layer *unit = find(config, "unit[asan,2.5]");
    const struct layer *net = find(config, "net");

    assert_int_equal(build->timeout_ms, 5 * 60 * 1000);
    assert_int_equal(build->slow_after_ms, 90 * 60 * 1000);
    assert_int_equal(build->slots, 2);
    assert_int_equal(build->sandbox, SANDBOX_NONE);
    assert_string_equal(build->cwd, ".");
    assert_int_equal(build->outputs.count, 1);
    assert_string_equal(build->outputs.items[0], "build/**");
    assert_null(build->outputs.items[1]);
    assert_string_equal(unit->cwd, "src");
    assert_string_equal(env_of(unit, "LC_ALL"), "C.UTF-8");
    assert_string_equal(env_of(unit, "JOBS"), "4");
    assert_string_equal(env_of(unit, "FLAG"), "on");
    assert_string_equal(env_of(unit, "CI"), "1");
    assert_string_equal(env_of(build, "CI"), "(passed on)");
    assert_string_equal(env_of(unit, "SAN"), "asan");
    assert_int_equal(unit->env.count, 5);
    assert_int_equal(unit->retry_max, 1);
    assert_int_equal(unit->retry_when, RETRY_TIMEOUT | RETRY_SIGNAL);
    assert_int_equal(net->reuse.mode, REUSE_DECLARED);
    assert_int_equal(net->reuse.ttl_ms, 7LL * 24 * 3600 * 1000);
    assert_int_equal(net->reuse.verify_ppm, 5000);
    assert_string_equal(net->reuse.declared.items[0], "package-lock.json");
    assert_int_equal(net->when, WHEN_CHANGED);
    assert_true(net->network);
    assert_int_equal(net->slots, 1);
    assert_int_equal(net->expose.count, 2);
    assert_string_equal(net->expose.items[0], "/srv/data");
    config_free(config);
}

TEST(gate_rules_keep_bounds_and_place)
{
    struct config *config = load(TEST_DATA("good/complete.yml"));
    const struct layer *unit = find(config, "unit[none,1]");

    assert_int_equal(unit->gate_count, 3);
    assert_string_equal(unit->gate[0].metric, "failed");
    assert_true(unit->gate[0].has_max);
    assert_false(unit->gate[0].has_min);
    assert_true(unit->gate[0].max == 0);
    assert_true(unit->gate[1].final);
    assert_true(unit->gate[1].min == 10);
    assert_true(unit->gate[2].min == 0.5 && unit->gate[2].max == 1);
    assert_int_equal(unit->gate[0].pos.line, 37);
    assert_string_equal(unit->gate[0].pos.file, TEST_DATA("good/complete.yml"));
    config_free(config);
}

TEST(a_matrix_makes_one_layer_for_every_combination_the_first_axis_slowest)
{
    struct config *config = load(TEST_DATA("good/complete.yml"));
    const struct pipeline *pipeline = config_pipeline(config);
    static const char *const ids[] = {"build",
                                      "unit[none,1]",
                                      "unit[none,2.5]",
                                      "unit[asan,1]",
                                      "unit[asan,2.5]",
                                      "property",
                                      "net",
                                      "hand"};

    assert_int_equal(pipeline->layer_count, 8);
    for (size_t i = 0; i < 8; i++) {
        assert_string_equal(pipeline->layers[i].id, ids[i]);
    }
    const struct layer *unit = &pipeline->layers[4];
    assert_string_equal(unit->base_id, "unit");
    assert_string_equal(unit->name, "Unit tests [asan,2.5]");
    assert_int_equal(unit->matrix.count, 2);
    assert_string_equal(unit->matrix.items[0].name, "san");
    assert_string_equal(unit->matrix.items[0].value, "asan");
    assert_string_equal(unit->matrix.items[1].value, "2.5");
    /* A bare expression may become a number; inside a text it stays text. */
    assert_string_equal(unit->with,
                        "{\"run\":\"ctest --test-dir build-asan\",\"level\":2.5,"
                        "\"reports\":{\"junit\":\"build-*/unit.xml\"}}");
    config_free(config);
}

TEST(needs_of_a_base_id_means_all_variants_and_one_in_brackets_means_one)
{
    struct config *config = parse("version: 1\n"
                                  "layers:\n"
                                  "  all: {uses: unit, needs: unit}\n"
                                  "  one: {uses: unit, needs: [\"unit[b]\", \"unit[b]\"]}\n"
                                  "  none: {uses: unit, needs: []}\n"
                                  "  each:\n"
                                  "    uses: unit\n"
                                  "    matrix: {x: [a, b]}\n"
                                  "    needs: [\"unit[${{ matrix.x }}]\"]\n"
                                  "  unit: {uses: unit, matrix: {x: [a, b, c]}}\n");
    const struct pipeline *pipeline = config_pipeline(config);
    const struct layer *all = find(config, "all");

    assert_int_equal(all->need_count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(pipeline->layers[all->needs[i]].base_id, "unit");
    }
    assert_int_equal(find(config, "one")->need_count, 1);
    assert_string_equal(pipeline->layers[find(config, "one")->needs[0]].id, "unit[b]");
    assert_true(find(config, "none")->has_needs);
    assert_int_equal(find(config, "none")->need_count, 0);
    assert_string_equal(pipeline->layers[find(config, "each[a]")->needs[0]].id, "unit[a]");
    assert_string_equal(pipeline->layers[find(config, "each[b]")->needs[0]].id, "unit[b]");
    config_free(config);
}

TEST(a_stage_is_the_first_one_unless_it_is_written)
{
    struct config *config = load(TEST_DATA("good/complete.yml"));

    assert_int_equal(find(config, "hand")->stage, 0);
    assert_int_equal(find(config, "property")->stage, 1);
    assert_int_equal(find(config, "net")->stage, 2);
    config_free(config);
}

TEST(with_becomes_json_by_the_core_schema)
{
    struct config *config =
        parse("version: 1\n"
              "layers:\n"
              "  a:\n"
              "    uses: unit\n"
              "    with:\n"
              "      i: [0, -7, +3, 0x1f, 0o17, 9223372036854775807]\n"
              "      f: [1.50, .5, 5., 1e3, 1e-9, -0.1, 1.0]\n"
              "      b: [true, False, TRUE]\n"
              "      n: [null, ~, ]\n"
              "      s: [\"1\", 'true', 1.2.3, 1_000, -, 0x, 1e, \"a\\\"\\n\"]\n"
              "      e: {}\n"
              "      l: []\n"
              "      t: |\n"
              "        1\n"
              "      z:\n");
    assert_string_equal(
        find(config, "a")->with,
        "{\"i\":[0,-7,3,31,15,9223372036854775807],"
        "\"f\":[1.5,0.5,5.0,1000.0,1e-09,-0.1,1.0],"
        "\"b\":[true,false,true],"
        "\"n\":[null,null],"
        "\"s\":[\"1\",\"true\",\"1.2.3\",\"1_000\",\"-\",\"0x\",\"1e\",\"a\\\"\\n\"],"
        "\"e\":{},\"l\":[],\"t\":\"1\\n\",\"z\":null}");
    config_free(config);
}

TEST(quotes_make_text_of_anything)
{
    struct config *config = load(TEST_DATA("good/quoted.yml"));
    const struct layer *layer = find(config, "on");

    assert_string_equal(layer->with,
                        "{\"yes\":\"no\",\"1\":\"007\",\"~\":\"null\",\"<<\":\"plain\"}");
    assert_string_equal(env_of(layer, "Y"), "yes");
    assert_string_equal(env_of(layer, "F"), "1.50");
    assert_string_equal(env_of(layer, "B"), "true");
    assert_string_equal(env_of(layer, "O"), "0x1f");
    config_free(config);
}

TEST(a_seed_beyond_the_integers_of_json_stays_text)
{
    struct config *config = parse("version: 1\n"
                                  "layers: {a: {uses: unit, with: {s: \"${{ sluice.seed }}\"}}}\n");
    assert_string_equal(find(config, "a")->with, "{\"s\":\"18446744073709551615\"}");
    config_free(config);
    config = parse("version: 1\nlayers:\n  a:\n    uses: unit\n    with:\n"
                   "      s: ${{ sluice.seed }}\n");
    assert_string_equal(find(config, "a")->with, "{\"s\":\"18446744073709551615\"}");
    config_free(config);
}

TEST(merged_keys_give_way_to_written_ones_and_earlier_merges_win)
{
    struct config *config = load(TEST_DATA("good/aliases.yml"));

    assert_int_equal(find(config, "one")->timeout_ms, 60000);
    assert_int_equal(find(config, "two")->timeout_ms, 120000);
    assert_string_equal(find(config, "two")->with, find(config, "one")->with);
    assert_int_equal(find(config, "three")->timeout_ms, 180000);
    assert_int_equal(find(config, "three")->slots, 3);
    assert_string_equal(find(config, "three")->with,
                        "{\"run\":\"false\",\"deep\":{\"a\":[1,2],\"b\":null}}");
    assert_string_equal(env_of(find(config, "four"), "A"), "b");
    config_free(config);
}

TEST(a_byte_order_mark_and_windows_lines_are_no_obstacle)
{
    struct config *config = load(TEST_DATA("good/windows.yml"));

    assert_string_equal(find(config, "unit")->with,
                        "{\"script\":\"all:\\n\\techo tab in a block text\\n\"}");
    assert_int_equal(find(config, "unit")->pos.line, 3);
    config_free(config);
}

static void expect_pos(const struct config *config,
                       const char *pointer,
                       unsigned line,
                       unsigned column)
{
    struct source_pos pos = config_with_pos(config, find(config, "a"), pointer);
    assert_int_equal(pos.line, line);
    assert_int_equal(pos.column, column);
    assert_string_equal(pos.file, "test.yml");
}

TEST(settings_are_found_by_json_pointer)
{
    struct config *config = parse("version: 1\n"
                                  "layers:\n"
                                  "  a:\n"
                                  "    uses: unit\n"
                                  "    with:\n"
                                  "      files: [x, {y: 1}]\n"
                                  "      a/b: 1\n"
                                  "      c~d: 2\n"
                                  "  b: {uses: unit}\n");
    expect_pos(config, "", 5, 5);
    expect_pos(config, "/files", 6, 7);
    expect_pos(config, "/files/0", 6, 15);
    expect_pos(config, "/files/1/y", 6, 19);
    expect_pos(config, "/a~1b", 7, 7);
    expect_pos(config, "/c~0d", 8, 7);
    /* The nearest place for what is not there. */
    expect_pos(config, "/files/2", 6, 7);
    expect_pos(config, "/files/x", 6, 7);
    expect_pos(config, "/files/0/deeper", 6, 15);
    expect_pos(config, "/nothing", 5, 5);
    struct source_pos pos = config_with_pos(config, find(config, "b"), "/run");
    assert_int_equal(pos.line, 9);
    assert_int_equal(pos.column, 3);
    config_free(config);
}

TEST(a_complaint_after_parsing_shows_line_and_caret)
{
    struct config *config = parse("version: 1\nlayers: {a: {uses: unit, with: {dri: x}}}\n");
    struct err err;
    struct source_pos pos = config_with_pos(config, find(config, "a"), "/dri");

    assert_int_equal(config_complain(config, pos, &err, -EINVAL, "no key `%s`", "dri"), -EINVAL);
    assert_string_equal(err.text,
                        "test.yml:2:33: no key `dri`\n"
                        "    2 | layers: {a: {uses: unit, with: {dri: x}}}\n"
                        "      |                                 ^");
    config_free(config);
}

TEST(a_pointer_may_name_keys_with_tildes_that_escape_nothing)
{
    struct config *config = parse("version: 1\n"
                                  "layers:\n"
                                  "  a:\n"
                                  "    uses: unit\n"
                                  "    with:\n"
                                  "      e~2: 1\n"
                                  "      f~: 2\n"
                                  "      list: [a, b, c, d, e, f, g, h, i, j, k]\n");
    expect_pos(config, "/e~2", 6, 7);
    expect_pos(config, "/f~", 7, 7);
    expect_pos(config, "/list/10", 8, 44);
    expect_pos(config, "/list/11", 8, 7);
    expect_pos(config, "/list/", 8, 7);
    config_free(config);
}

TEST(a_missing_file_is_told_with_what_to_do)
{
    struct config *config = NULL;
    struct err err;
    char path[512];
    (void)snprintf(path, sizeof path, "%s/none.yml", test_folder());

    assert_int_equal(config_load(path, &parse_options, &config, &err), -ENOENT);
    assert_non_null(strstr(err.text, "none.yml: there is no such file"));
    assert_null(config);
    assert_int_equal(config_load(test_folder(), &parse_options, &config, &err) < 0, 1);
}

TEST(more_aliases_than_the_limit_are_refused)
{
    CLEANUP(str_fini) struct str text = STR_INIT(CONFIG_BYTES_MAX);
    (void)str_append(&text, "version: 1\nlayers: {a: {uses: unit, with: {x: &x 1, y: [0");
    for (int i = 0; i < 1001; i++) {
        (void)str_append(&text, ", *x");
    }
    (void)str_append(&text, "]}}}\n");
    refuse(text.data, text.len, -EINVAL, "more than 1000 aliases");
}

/* Hostile but small: a matrix is a multiplier too. */
TEST(a_matrix_over_a_large_layer_is_refused)
{
    CLEANUP(str_fini) struct str text = STR_INIT(CONFIG_BYTES_MAX);
    (void)str_append(&text, "version: 1\nlayers: {a: {uses: unit, matrix: {x: [0");
    for (int i = 1; i < 256; i++) {
        (void)str_appendf(&text, ",%d", i);
    }
    (void)str_append(&text, "]}, with: {y: [0");
    for (int i = 0; i < 10000; i++) {
        (void)str_append(&text, ",0");
    }
    (void)str_append(&text, "]}}}\n");
    refuse(text.data, text.len, -EINVAL, "too large for 256 variants");
}

TEST(the_schema_is_draft_07_json_with_every_key_described)
{
    CLEANUP(str_fini) struct str text = STR_INIT(1 << 20);
    CLEANUP(json_cleanup) json_t *schema = NULL;
    struct err err;
    assert_int_equal(config_schema(&text), 0);
    if (json_parse(text.data, text.len, &schema, &err) != 0) {
        fail_msg("%s", err.text);
    }
    assert_string_equal(json_string_value(json_object_get(schema, "$schema")),
                        "http://json-schema.org/draft-07/schema#");
    assert_true(json_is_false(json_object_get(schema, "additionalProperties")));
    json_t *layer = json_object_get(json_object_get(schema, "definitions"), "layer");
    assert_true(json_is_false(json_object_get(layer, "additionalProperties")));
    json_t *properties = json_object_get(layer, "properties");
    static const char *const names[] = {
        "name",      "stage",   "uses",    "with",          "needs",   "matrix",
        "env",       "cwd",     "timeout", "slow_after",    "retry",   "shards",
        "locks",     "slots",   "when",    "allow_failure", "outputs", "expose",
        "artifacts", "network", "sandbox", "reuse",         "gate"};
    assert_int_equal(json_object_size(properties), sizeof names / sizeof *names);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        json_t *key = json_object_get(properties, names[i]);
        if (json_string_length(json_object_get(key, "description")) < 20) {
            fail_msg("%s has no description", names[i]);
        }
    }
}

/* What editors and manual pages get, as a whole. After a change of the table in keys.c write it
 * anew with SLUICE_TEST_UPDATE=1, and read the difference. */
static void expect_whole(const char *path, const struct str *made)
{
    CLEANUP(str_fini) struct str known = STR_INIT(1 << 20);
    struct err err;
    if (getenv("SLUICE_TEST_UPDATE") != NULL) {
        assert_int_equal(file_write_atomic(path, made->data, made->len, &err), 0);
    }
    if (file_read(path, &known, &err) != 0) {
        fail_msg("%s", err.text);
    }
    size_t same = 0;
    while (same < known.len && same < made->len && known.data[same] == made->data[same]) {
        same++;
    }
    if (same < known.len || same < made->len) {
        fail_msg("%s: from byte %zu on\n%.200s\ncame instead of\n%.200s",
                 path,
                 same,
                 str_text(made) + same,
                 str_text(&known) + same);
    }
}

TEST(the_schema_says_of_every_key_what_the_parser_accepts)
{
    CLEANUP(str_fini) struct str text = STR_INIT(1 << 20);
    CLEANUP(str_fini) struct str made = STR_INIT(1 << 20);
    CLEANUP(json_cleanup) json_t *schema = NULL;
    assert_int_equal(config_schema(&text), 0);
    assert_int_equal(json_parse(text.data, text.len, &schema, NULL), 0);
    char *lines = json_dumps(schema, JSON_INDENT(1)); /* one member a line, for people */
    (void)str_appendf(&made, "%s\n", lines);
    free(lines);
    expect_whole(TEST_DATA("expect/schema.json"), &made);
}

TEST(the_manual_page_has_every_key_with_type_default_and_example)
{
    CLEANUP(str_fini) struct str made = STR_INIT(1 << 20);
    assert_int_equal(config_manual(&made, "2001-02-03", "1.2.3"), 0);
    expect_whole(TEST_DATA("expect/manual.5"), &made);
}

TEST(the_committed_reference_is_the_generated_one)
{
    CLEANUP(str_fini) struct str made = STR_INIT(1 << 20);
    CLEANUP(str_fini) struct str committed = STR_INIT(1 << 20);
    struct err err;
    assert_int_equal(config_reference(&made), 0);
    if (file_read(TEST_DATA("../../../docs/reference/pipeline.md"), &committed, &err) != 0) {
        fail_msg("%s", err.text);
    }
    if (strcmp(str_text(&made), str_text(&committed)) != 0) {
        fail_msg("docs/reference/pipeline.md is out of date: `sluice schema --reference` makes it");
    }
}

TEST(the_pipelines_of_the_project_are_good)
{
    static const char *const files[] = {"local", "ci", "pr", "nightly"};
    for (size_t i = 0; i < 4; i++) {
        char path[1024];
        (void)snprintf(
            path, sizeof path, "%s/../../../pipelines/%s.yml", SLUICE_TEST_DATA, files[i]);
        struct config *config = load(path);
        assert_true(config_pipeline(config)->layer_count > 1);
        config_free(config);
    }
}
