/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/init.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/test.h"

/* A tree of files, looked at. */
struct looked {
    struct arena *arena;
    struct init_tree tree;
    struct init_plan plan;
};

static void put_file(const char *path, const char *text)
{
    char full[4096];
    struct err err = {0};
    (void)snprintf(full, sizeof full, "%s/%s", test_folder(), path);
    assert_int_equal(file_write_atomic(full, text, strlen(text), &err), 0);
}

static void look(struct looked *looked)
{
    struct err err = {0};
    *looked = (struct looked){.arena = arena_new(INIT_ARENA_MAX)};
    assert_non_null(looked->arena);
    assert_int_equal(init_scan(test_folder(), looked->arena, &looked->tree, &err), 0);
    assert_int_equal(init_detect(&looked->tree, &looked->plan, &err), 0);
}

static void looked_fini(struct looked *looked)
{
    init_plan_fini(&looked->plan);
    init_tree_fini(&looked->tree);
    arena_free(looked->arena);
}

static void assert_written(const struct looked *looked, const char *text)
{
    CLEANUP(str_fini) struct str out = STR_INIT(1u << 20);
    assert_int_equal(init_write(&looked->plan, &out), 0);
    if (strstr(str_text(&out), text) == NULL) {
        fail_msg("not written: %s\nbut:\n%s", text, str_text(&out));
    }
}

static struct init_script script_of(struct init_plan *plan, const char *scripts)
{
    CLEANUP(json_cleanup) json_t *object = NULL;
    struct err err = {0};
    assert_int_equal(json_parse(scripts, strlen(scripts), &object, &err), 0);
    return init_read_script(plan, object, true);
}

TEST(an_empty_tree_has_no_layers)
{
    CLEANUP(looked_fini) struct looked looked;
    look(&looked);
    assert_int_equal(looked.plan.layers.count, 0);
    assert_int_equal(looked.plan.problems.count, 0);
}

TEST(folders_come_shallow_first_and_by_name)
{
    CLEANUP(looked_fini) struct looked looked;
    put_file("b/x", "");
    put_file("a/deep/x", "");
    put_file("node_modules/x", "");
    put_file(".hidden/x", "");
    look(&looked);
    assert_int_equal(looked.tree.folders.count, 4);
    assert_string_equal(looked.tree.folders.items[0].path, ".");
    assert_string_equal(looked.tree.folders.items[1].path, "a");
    assert_string_equal(looked.tree.folders.items[2].path, "b");
    assert_string_equal(looked.tree.folders.items[3].path, "a/deep");
}

TEST(a_loop_of_links_is_not_followed)
{
    CLEANUP(looked_fini) struct looked looked;
    char link[4096];
    put_file("a/Makefile", "test:\n");
    (void)snprintf(link, sizeof link, "%s/a/up", test_folder());
    assert_int_equal(symlink("..", link), 0);
    look(&looked);
    assert_int_equal(looked.tree.folders.count, 2);
    assert_int_equal(looked.plan.layers.count, 1);
}

TEST(the_build_tool_that_declares_tests_is_taken)
{
    CLEANUP(looked_fini) struct looked looked;
    put_file("CMakeLists.txt", "project(x)\n");
    put_file("meson.build", "project('x')\nsubdir('t')\n");
    put_file("t/meson.build", "test('a', exe)\n");
    put_file("Makefile", "check:\n");
    look(&looked);
    assert_int_equal(looked.plan.layers.count, 2);
    assert_string_equal(looked.plan.layers.items[0].id, "build");
    assert_string_equal(looked.plan.layers.items[1].id, "unit");
    assert_string_equal(looked.plan.layers.items[1].marker, "t/meson.build");
    assert_written(&looked, "discover: meson");
    assert_written(&looked, "needs: [build]");
}

TEST(a_build_that_writes_into_the_sources_is_one_unit)
{
    CLEANUP(looked_fini) struct looked looked;
    put_file("a b/CMakeLists.txt",
             "option(X_TESTS \"x\" OFF)\noption(Y_TESTS \"y\" OFF)\n"
             "configure_file( in.h\n  ${PROJECT_SOURCE_DIR}/out.h)\nadd_test(NAME a COMMAND b)\n");
    put_file("c/CMakeLists.txt",
             "configure_file(${PROJECT_SOURCE_DIR}/in.h ${PROJECT_BINARY_DIR}/out.h)\n");
    look(&looked);
    assert_written(
        &looked,
        "run: \"cmake -S 'a b' -B 'a b/build' -G Ninja -DX_TESTS=ON -DY_TESTS=ON && cmake "
        "--build 'a b/build'\"");
    assert_written(&looked, "outputs: [\"a b/build/**\"]");
    assert_written(&looked, "build_dir: c/build");
}

TEST(folders_below_a_build_belong_to_it)
{
    CLEANUP(looked_fini) struct looked looked;
    put_file("CMakeLists.txt", "add_test(NAME a COMMAND b)\n");
    put_file("sub/Makefile", "test:\n");
    look(&looked);
    assert_int_equal(looked.plan.layers.count, 2);
}

TEST(two_builds_have_ids_of_their_own)
{
    CLEANUP(looked_fini) struct looked looked;
    put_file("a-b/Makefile", "test:\n");
    put_file("a_b/Makefile", "test:\n");
    look(&looked);
    assert_int_equal(looked.plan.layers.count, 2);
    assert_string_equal(looked.plan.layers.items[0].id, "make-test-a-b");
    assert_string_equal(looked.plan.layers.items[1].id, "make-test-a-b2");
}

TEST(a_target_is_no_variable_and_no_part_of_a_word)
{
    CLEANUP(looked_fini) struct looked looked;
    put_file("a/Makefile", "test := 1\ntestall: x\n\ttest: y\n");
    put_file("b/Makefile", ".PHONY: test\ntests : x\n");
    look(&looked);
    assert_int_equal(looked.plan.layers.count, 1);
    assert_written(&looked, "run: make tests");
}

TEST(more_layers_than_a_person_reads_are_told)
{
    CLEANUP(looked_fini) struct looked looked;
    char path[64];
    for (int i = 0; i < INIT_LAYERS_MAX + 2; i++) {
        (void)snprintf(path, sizeof path, "d%03d/Makefile", i);
        put_file(path, "test:\n");
    }
    look(&looked);
    assert_int_equal(looked.plan.layers.count, INIT_LAYERS_MAX);
    assert_true(looked.plan.problems.count >= 1);
    assert_non_null(strstr(looked.plan.problems.items[0], "are not in the file"));
}

TEST(scalars_are_quoted_where_yaml_would_read_something_else)
{
    static const char *const words[][2] = {
        {"a/b.c",   "a/b.c"          },
        {"true",    "\"true\""       },
        {"No",      "\"No\""         },
        {"12",      "\"12\""         },
        {"a b",     "\"a b\""        },
        {"a\"b\\c", "\"a\\\"b\\\\c\""},
        {"a\nb",    "\"a\\x0Ab\""    },
        {"-x",      "\"-x\""         },
        {"",        "\"\""           },
        {"a: b",    "\"a: b\""       },
        {"#a",      "\"#a\""         },
        {".",       "."              },
        {"..5",     "\"..5\""        },
    };

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        CLEANUP(str_fini) struct str out = STR_INIT(100);
        init_put_scalar(&out, words[i][0]);
        assert_string_equal(str_text(&out), words[i][1]);
    }
}

TEST(a_text_of_the_tree_never_ends_its_comment)
{
    CLEANUP(looked_fini) struct looked looked;
    CLEANUP(str_fini) struct str out = STR_INIT(1u << 20);
    put_file("package.json",
             "{\"scripts\": {\"test\": \"a\\nlayers: b\\rlayers: c\\u2028layers: d\\u0085layers: "
             "e\"}}");
    look(&looked);
    assert_int_equal(init_write(&looked.plan, &out), 0);
    assert_non_null(strstr(str_text(&out), "layers: e"));
    assert_null(strstr(str_text(&out), "\r"));
    assert_null(strstr(str_text(&out), "\nlayers: b"));
    assert_null(strstr(str_text(&out), "\xe2\x80\xa8"));
    assert_null(strstr(str_text(&out), "\xc2\x85"));
}

TEST(a_script_is_followed_to_its_tool)
{
    CLEANUP(looked_fini) struct looked looked;
    look(&looked);
    struct init_plan *plan = &looked.plan;
    struct init_script s = script_of(plan, "{\"test\": \"npm run a\", \"a\": \"nyc mocha x.js\"}");
    assert_string_equal(s.tool, "mocha");
    assert_true(s.dropped);
    assert_string_equal(s.words, " x.js");
    s = script_of(plan, "{\"test\": \"lint && npm run a && types\", \"a\": \"jest src --ci\"}");
    assert_string_equal(s.tool, "jest");
    assert_string_equal(s.checks, "lint && types");
    assert_string_equal(s.args, "[\"--ci\"]");
    s = script_of(plan, "{\"test\": \"node test.js\"}");
    assert_string_equal(s.tool, "node-tap");
}

TEST(a_script_that_does_more_than_test_stays_one_command)
{
    static const char *const scripts[] = {
        "{\"test\": \"tsc && jest | cat\"}",
        "{\"test\": \"jest && vitest\"}",
        "{\"test\": \"jest\", \"pretest\": \"npm run build\"}",
        "{\"test\": \"sh run jest\"}",
        "{\"test\": \"npm run a\", \"a\": \"npm run b\", \"b\": \"npm run a\"}",
        "{\"test\": \"jest 'unended\"}",
        "{\"test\": \"\"}",
        "{\"test\": 5}",
        "{}",
    };

    CLEANUP(looked_fini) struct looked looked;
    look(&looked);
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        assert_null(script_of(&looked.plan, scripts[i]).tool);
    }
}

TEST(a_project_of_python_takes_its_own_environment)
{
    CLEANUP(looked_fini) struct looked looked;
    put_file("pyproject.toml", "[tool.pytest.ini_options]\naddopts = '--cov'\n");
    put_file("tests/test_a.py", "");
    put_file(".venv/pyvenv.cfg", "");
    look(&looked);
    assert_int_equal(looked.plan.layers.count, 1);
    assert_written(&looked, "command: \".venv/bin/python -m pytest\"");
    assert_written(&looked, "expose: [.venv]");
    assert_written(&looked, "sandbox: none"); /* there is no Python behind it */
    assert_written(&looked, "pytest-cov");
}

TEST(short_memory_is_an_error_at_every_point)
{
    struct err err = {0};
    put_file("CMakeLists.txt", "option(X_TESTS \"a\" OFF)\nadd_test(NAME a COMMAND b)\n");
    put_file("package.json",
             "{\"scripts\": {\"test\": \"a && jest --x\"}, \"dependencies\": {\"a\": \"1\"}}");
    put_file("b/go.mod", "module b\nrequire c v1\n");
    put_file("b/x_test.go", "");
    int rc = -ENOMEM;
    for (size_t n = 1; rc != 0 && n < 100000; n++) {
        struct init_tree tree = {0};
        struct init_plan plan = {0};
        mem_fail_from(n);
        struct arena *arena = arena_new(INIT_ARENA_MAX);
        rc = arena != NULL ? init_scan(test_folder(), arena, &tree, &err) : -ENOMEM;
        rc = rc == 0 ? init_detect(&tree, &plan, &err) : rc;
        mem_fail_from(0);
        assert_true(rc == 0 || rc == -ENOMEM);
        init_plan_fini(&plan);
        init_tree_fini(&tree);
        arena_free(arena);
    }
    assert_int_equal(rc, 0);
}

TEST(a_variable_has_the_name_of_one_and_is_set_once)
{
    CLEANUP(looked_fini) struct looked looked;
    look(&looked);
    struct init_script script = script_of(&looked.plan, "{\"test\": \"A=1 B=2 A=3 vitest run\"}");
    assert_string_equal(script.tool, "vitest");
    assert_string_equal(script.env, "{B: \"2\", A: \"3\"}");
    script = script_of(&looked.plan, "{\"test\": \"A[B=1 vitest run\"}");
    assert_null(script.tool);
}

TEST(what_is_no_name_of_an_option_is_none)
{
    CLEANUP(looked_fini) struct looked looked;
    put_file("meson.build", "project('x')\ntest('a', exe)\n");
    put_file("meson_options.txt",
             "option('tests: ]x', type: 'boolean', value: false)\n"
             "option('unit_tests', type: 'boolean', value: false)\n");
    look(&looked);
    assert_written(&looked, "configure: [-Dunit_tests=true]");
}
