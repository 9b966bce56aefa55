/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cleanup.h"
#include "base/json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "support/test.h"
#include "unit/plugin_mutation/support/layer.h"

#define TESTS "\"tests\":[{\"run\":\"true\"}]"

static void some_tree(void)
{
    (void)layer_enter();
    layer_write(
        "src/a.py", "def f(a, b):\n    return a < b\n\n\ndef g(a):\n    return a + 2\n", 0644);
    layer_write("src/b.py", "def h(a):\n    return not a\n", 0644);
    layer_write("src/sub/c.js", "exports.f = (a, b) => a && b;\n", 0644);
    layer_write("src/none.py", "import os\n", 0644);
    layer_write("src/d.c", "int f(int a) { return a + 1; }\n", 0644);
}

static void assert_refused(const char *settings, const char *diff, const char *message)
{
    json_t *units = NULL;
    struct err err = {0};
    int status = layer_plan(settings, diff, &units, &err);
    json_decref(units);
    assert_true(status < 0);
    assert_string_equal(err.text, message);
}

TEST(each_file_with_mutants_is_a_unit)
{
    some_tree();
    assert_string_equal(layer_ids("{\"files\":[\"src/**\",\"!**/*.c\"]," TESTS "}", NULL),
                        "src/a.py [] python\nsrc/b.py [] python\nsrc/sub/c.js [] javascript\n");
}

TEST(files_of_a_compiled_layer_need_its_build)
{
    some_tree();
    assert_string_equal(
        layer_ids("{\"files\":[\"src/*.c\",\"src/b.py\"],\"build\":\"make\"," TESTS "}", NULL),
        "build [] \nsrc/b.py [] python\nsrc/d.c [build] c\n");
    assert_string_equal(
        layer_ids("{\"files\":[\"src/*.c\"],\"build\":\"make\",\"isolation\":\"copy\"," TESTS "}",
                  NULL),
        "src/d.c [] c\n");
}

TEST(a_diff_leaves_only_what_it_touches)
{
    static const char settings[] = "{\"files\":[\"src/**\",\"!**/*.c\"]," TESTS "}";
    some_tree();
    assert_string_equal(
        layer_ids(settings,
                  "{\"base\":\"x\",\"files\":[{\"file\":\"src/a.py\",\"lines\":[[1,3]]},"
                  "{\"file\":\"README\",\"lines\":[[1,1]]}]}"),
        "src/a.py [] python\n");
}

TEST(a_diff_that_touches_nothing_is_one_unit_that_says_so)
{
    static const char settings[] = "{\"files\":[\"src/**\",\"!**/*.c\"]," TESTS "}";
    some_tree();
    assert_string_equal(layer_ids(settings, "{\"base\":\"x\",\"files\":[]}"), "scope [] \n");
    assert_string_equal(
        layer_ids(settings,
                  "{\"base\":\"x\",\"files\":[{\"file\":\"src/a.py\",\"lines\":[[3,3]]}]}"),
        "scope [] \n");
    /* Lines of the diff, not all: also where the pipeline asks for all. */
    assert_string_equal(layer_ids("{\"files\":[\"src/b.py\"],\"scope\":{\"lines\":\"all\"}," TESTS
                                  "}",
                                  "{\"base\":\"x\",\"files\":[]}"),
                        "src/b.py [] python\n");
}

/* A unit of which every case is skipped would be an error of the layer. */
TEST(a_diff_whose_mutants_are_all_suppressed_is_one_unit_that_says_so)
{
    static const char settings[] = "{\"files\":[\"src/s.py\"]," TESTS "}";
    static const char diff[] =
        "{\"base\":\"x\",\"files\":[{\"file\":\"src/s.py\",\"lines\":[[2,2]]}]}";
    some_tree();
    layer_write("src/s.py", "a = 1\nb = a < 2  # mutant-off all: because\n", 0644);
    assert_string_equal(layer_ids(settings, diff), "scope [] \n");
    assert_string_equal(layer_ids(settings, NULL), "src/s.py [] python\n");
    layer_write("src/s.py", "a = 1\nb = a < 2\n", 0644);
    assert_string_equal(layer_ids(settings, diff), "src/s.py [] python\n");
}

TEST(a_shard_whose_mutants_are_all_suppressed_has_one_unit_more_that_says_so)
{
    some_tree();
    layer_write("src/s.py", "b = a < 2  # mutant-off all: because\n", 0644);
    assert_string_equal(layer_ids("{\"files\":[\"src/s.py\"]," TESTS "}", NULL),
                        "scope [] \nsrc/s.py [] python\n");
    assert_string_equal(layer_ids("{\"files\":[\"src/[sa].py\"]," TESTS "}", NULL),
                        "src/a.py [] python\nsrc/s.py [] python\n");
    assert_string_equal(
        layer_ids("{\"files\":[\"src/[sa].py\"],\"shard\":\"2/2\"," TESTS "}", NULL),
        "scope [] \nsrc/s.py [] python\n");
}

TEST(a_scope_of_a_diff_needs_one)
{
    some_tree();
    assert_refused("{\"files\":[\"src/a.py\"],\"scope\":{\"lines\":\"diff\"}," TESTS "}",
                   NULL,
                   "with: scope: lines: diff needs to know what changed: `sluice run --diff REF`, "
                   "e.g. --diff origin/main; or leave out lines");
}

TEST(patterns_that_find_nothing_are_refused)
{
    some_tree();
    assert_refused("{\"files\":[\"lib/*.py\"]," TESTS "}",
                   NULL,
                   "files: \"lib/*.py\" matches no file (files that another layer makes are there "
                   "when that layer is in `needs` and has them in `outputs`)");
    assert_refused("{\"files\":[\"src/*.py\",\"!src/**\"]," TESTS "}",
                   NULL,
                   "files: the patterns with ! exclude all that the others find");
    assert_refused("{\"files\":[\"src/none.py\"]," TESTS "}",
                   NULL,
                   "0 mutants: no operator applies to any of the 1 files that `files` names (is "
                   "their language known? see `operators`)");
}

/* A file with `count` functions of six mutants or so each. */
static void write_long(const char *path, int count)
{
    CLEANUP(str_fini) struct str text = STR_INIT(1u << 20);
    for (int i = 0; i < count; i++) {
        (void)str_appendf(&text,
                          "def f%d(a, b):\n    if a < b and a == %d:\n        return a + b\n\n\n",
                          i,
                          i + 2);
    }
    layer_write(path, str_text(&text), 0644);
}

TEST(a_long_file_is_divided_between_functions)
{
    CLEANUP(json_cleanup) json_t *units = NULL;
    struct err err = {0};
    (void)layer_enter();
    write_long("a.py", 60);
    assert_int_equal(layer_plan("{\"files\":[\"a.py\"]," TESTS "}", NULL, &units, &err), 0);
    size_t count = json_array_size(units);
    assert_true(count > 3 && count < 12);
    const json_t *first = json_array_get(units, 0);
    char id[64];
    (void)snprintf(id, sizeof id, "a.py#1/%zu", count);
    assert_string_equal(json_string_value(json_object_get(first, "id")), id);
    const char *kept = json_string_value(json_array_get(json_object_get(first, "artifacts"), 0));
    (void)snprintf(id, sizeof id, ".sluice-mutation/results/a.py.1of%zu.ndjson", count);
    assert_string_equal(kept, id);
}

TEST(shards_hold_each_file_once)
{
    char seen[3][4096];
    int total = 0;
    (void)layer_enter();
    for (int i = 0; i < 7; i++) {
        char path[32];
        (void)snprintf(path, sizeof path, "f%d.py", i);
        write_long(path, 1 + i);
    }
    for (int shard = 1; shard <= 3; shard++) {
        char settings[200];
        (void)snprintf(settings,
                       sizeof settings,
                       "{\"files\":[\"*.py\"],\"shard\":\"%d/3\"," TESTS "}",
                       shard);
        (void)snprintf(seen[shard - 1], sizeof seen[0], "%s", layer_ids(settings, NULL));
    }
    for (int i = 0; i < 7; i++) {
        char path[32];
        (void)snprintf(path, sizeof path, "f%d.py ", i);
        for (int shard = 0; shard < 3; shard++) {
            total += strstr(seen[shard], path) != NULL ? 1 : 0;
        }
    }
    assert_int_equal(total, 7);
    assert_string_equal(layer_ids("{\"files\":[\"f0.py\"],\"shard\":\"2/2\"," TESTS "}", NULL),
                        "scope [] \n");
}

/* A number of the job of the unit at `index`. */
static json_int_t job_number(json_t *units, size_t index, const char *name)
{
    CLEANUP(json_cleanup) json_t *job = NULL;
    struct err err = {0};
    const char *text =
        json_string_value(json_array_get(json_object_get(json_array_get(units, index), "argv"), 2));
    assert_int_equal(json_parse(text, strlen(text), &job, &err), 0);
    json_t *value = json_object_get(job, name);
    return json_is_array(value) ? (json_int_t)json_array_size(value) : json_integer_value(value);
}

TEST(a_budget_is_kept_for_changed_lines_and_the_rest_shared)
{
    static const char diff[] = "{\"base\":\"x\",\"files\":[{\"file\":\"b.py\",\"lines\":[[1,2]]}]}";
    CLEANUP(json_cleanup) json_t *units = NULL;
    CLEANUP(json_cleanup) json_t *plain = NULL;
    struct err err = {0};
    (void)layer_enter();
    write_long("a.py", 1);
    write_long("b.py", 1);
    const char *settings =
        "{\"files\":[\"*.py\"],\"scope\":{\"lines\":\"all\"},\"budget\":\"20s\"," TESTS "}";
    assert_int_equal(layer_plan(settings, diff, &units, &err), 0);
    assert_int_equal(job_number(units, 0, "fresh"), 0);
    assert_int_equal(job_number(units, 1, "fresh"), 1);
    json_int_t plainly = job_number(units, 0, "budget_ms");
    json_int_t changed = job_number(units, 1, "budget_ms");
    assert_true(changed > plainly && plainly + changed <= 20000 && plainly + changed > 19990);
    settings = "{\"files\":[\"*.py\"],\"scope\":{\"lines\":\"all\"}," TESTS "}";
    assert_int_equal(layer_plan(settings, diff, &plain, &err), 0);
    assert_int_equal(job_number(plain, 1, "fresh"),
                     0); /* else its evidence would be of this diff */
}

TEST(a_budget_is_shared_by_cost)
{
    CLEANUP(json_cleanup) json_t *units = NULL;
    struct err err = {0};
    int64_t sum = 0;
    size_t i = 0;
    json_t *unit = NULL;
    (void)layer_enter();
    write_long("a.py", 4);
    write_long("b.py", 1);
    assert_int_equal(
        layer_plan("{\"files\":[\"*.py\"],\"budget\":\"100s\"," TESTS "}", NULL, &units, &err), 0);
    json_array_foreach(units, i, unit)
    {
        CLEANUP(json_cleanup) json_t *job = NULL;
        const char *text = json_string_value(json_array_get(json_object_get(unit, "argv"), 2));
        assert_int_equal(json_parse(text, strlen(text), &job, &err), 0);
        sum += json_integer_value(json_object_get(job, "budget_ms"));
    }
    assert_true(sum > 99000 && sum <= 100000);
}
