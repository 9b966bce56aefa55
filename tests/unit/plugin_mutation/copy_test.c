/* SPDX-License-Identifier: Apache-2.0 */
/* Engine C by the verb `try`, on small projects whose tests are shell scripts. */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "plugins/mutation/copy_compiled.h"
#include "plugins/mutation/copy_process.h"
#include "plugins/mutation/copy_tree.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/test.h"
#include "unit/plugin_mutation/support/layer.h"

/* ---- processes ---- */

static struct copy_ended run_line(const char *line, int64_t cpu_us, int64_t wall_us)
{
    const char *const argv[] = {"sh", "-c", line, NULL};
    const struct copy_command command = {
        .argv = argv, .cwd = layer_enter(), .cpu_us = cpu_us, .wall_us = wall_us};
    struct copy_ended ended = {0};
    struct err err = {0};
    if (copy_run(&command, &ended, &err) != 0) {
        fail_msg("%s", err.text);
    }
    return ended;
}

TEST(a_command_ends_as_it_ends)
{
    assert_int_equal(run_line("exit 0", 0, 0).exit, 0);
    assert_int_equal(run_line("exit 7", 0, 0).exit, 7);
    struct copy_ended killed = run_line("kill -SEGV $$", 0, 0);
    assert_int_equal(killed.exit, -1);
    assert_int_equal(killed.signal, 11);
    assert_false(killed.timed_out);
}

TEST(cpu_time_of_the_whole_tree_is_limited)
{
    struct copy_ended ended = run_line("(while :; do :; done) & wait", 100000, 60000000);
    assert_true(ended.timed_out);
    assert_true(ended.cpu_us >= 90000 && ended.cpu_us < 5000000);
    ended = run_line("sleep 0.3", 20000, 60000000);
    assert_false(ended.timed_out); /* it slept: no CPU time is used */
    assert_int_equal(ended.exit, 0);
}

TEST(wall_time_is_limited_for_what_sleeps)
{
    struct copy_ended ended = run_line("sleep 100", 20000, 200000);
    assert_true(ended.timed_out);
    assert_true(ended.wall_us < 20000000);
}

TEST(what_a_command_leaves_running_is_ended)
{
    (void)layer_enter();
    struct copy_ended ended = run_line("setsid sh -c 'echo $$ >pid; sleep 100' & "
                                       "while ! test -s pid; do :; done",
                                       0,
                                       60000000);
    assert_int_equal(ended.exit, 0);
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%ld", strtol(layer_read("pid"), NULL, 10));
    assert_int_equal(access(path, F_OK), -1);
}

TEST(a_command_that_is_not_there_is_an_error)
{
    const char *const argv[] = {"no-such-program-here", NULL};
    const struct copy_command command = {.argv = argv, .cwd = "/"};
    struct copy_ended ended = {0};
    struct err err = {0};
    assert_int_equal(copy_run(&command, &ended, &err), -ENOENT);
    assert_string_equal(err.text,
                        "cannot start no-such-program-here in /: No such file or directory");
}

/* ---- trees ---- */

static void run_in(const struct copy_tree *tree, const char *line)
{
    const char *const argv[] = {"sh", "-c", line, NULL};
    const struct copy_command command = {.argv = argv, .cwd = tree->path};
    struct copy_ended ended = {0};
    struct err err = {0};
    assert_int_equal(copy_run(&command, &ended, &err), 0);
    assert_int_equal(ended.exit, 0);
}

static const char *text_in(const struct copy_tree *tree, const char *path)
{
    char full[4096];
    (void)snprintf(full, sizeof full, "%s/%s", tree->path, path);
    return layer_read(full);
}

static void make_tree(struct copy_tree *tree)
{
    struct err err = {0};
    layer_write("origin/a", "A", 0644);
    layer_write("origin/sub/b", "B", 0755);
    layer_write("origin/.git/HEAD", "x", 0644);
    layer_write("origin/node_modules/p/i.js", "1", 0644);
    assert_true(symlink("a", "origin/link") == 0 || errno == EEXIST);
    if (copy_tree_make("origin", tree, &err) != 0) {
        fail_msg("%s", err.text);
    }
}

TEST(a_tree_is_copied_without_history_and_packages)
{
    CLEANUP(copy_tree_fini) struct copy_tree tree = {0};
    char path[4096];
    struct stat st;
    (void)layer_enter();
    make_tree(&tree);
    assert_string_equal(text_in(&tree, "a"), "A");
    assert_string_equal(text_in(&tree, "sub/b"), "B");
    assert_string_equal(text_in(&tree, ".git/HEAD"), "");
    (void)snprintf(path, sizeof path, "%s/node_modules", tree.path);
    assert_int_equal(lstat(path, &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    (void)snprintf(path, sizeof path, "%s", tree.folder);
    copy_tree_fini(&tree);
    assert_int_equal(access(path, F_OK), -1);
}

TEST(whatever_a_test_does_to_the_tree_is_undone)
{
    CLEANUP(copy_tree_fini) struct copy_tree tree = {0};
    struct err err = {0};
    size_t repaired = 0;
    (void)layer_enter();
    make_tree(&tree);
    run_in(&tree, "echo built >made; mkdir out; echo o >out/a.o");
    assert_int_equal(copy_tree_remember(&tree, &err), 0);
    assert_int_equal(copy_tree_repair(&tree, &repaired, &err), 0);
    assert_int_equal(repaired, 0);
    run_in(
        &tree,
        "echo X >a; rm -r sub; echo changed >made; rm out/a.o; mkdir -p new/deep; echo n >new/f; "
        "ln -sf b link; touch -d 2001-01-01 new/f; chmod 000 new/deep");
    if (copy_tree_repair(&tree, &repaired, &err) != 0) {
        fail_msg("%s", err.text);
    }
    assert_true(repaired >= 6);
    assert_string_equal(text_in(&tree, "a"), "A");
    assert_string_equal(text_in(&tree, "sub/b"), "B");
    assert_string_equal(text_in(&tree, "made"), "built\n");
    assert_string_equal(text_in(&tree, "out/a.o"), "o\n");
    assert_string_equal(text_in(&tree, "link"), "A");
    run_in(&tree, "test ! -e new && test -x sub/b");
    assert_int_equal(copy_tree_repair(&tree, &repaired, &err), 0);
    assert_int_equal(repaired, 0);
}

TEST(a_file_of_the_same_size_and_time_is_seen_as_changed)
{
    CLEANUP(copy_tree_fini) struct copy_tree tree = {0};
    struct err err = {0};
    (void)layer_enter();
    make_tree(&tree);
    assert_int_equal(copy_tree_remember(&tree, &err), 0);
    run_in(&tree, "cp -p a time; printf Z >a; touch -r time a; rm time");
    assert_int_equal(copy_tree_repair(&tree, NULL, &err), 0);
    assert_string_equal(text_in(&tree, "a"), "A");
}

TEST(a_folder_in_the_place_of_a_file_is_undone)
{
    CLEANUP(copy_tree_fini) struct copy_tree tree = {0};
    struct err err = {0};
    (void)layer_enter();
    make_tree(&tree);
    assert_int_equal(copy_tree_remember(&tree, &err), 0);
    run_in(&tree, "rm a; mkdir a; touch a/x; rm -r sub; touch sub");
    if (copy_tree_repair(&tree, NULL, &err) != 0) {
        fail_msg("%s", err.text);
    }
    assert_string_equal(text_in(&tree, "a"), "A");
    assert_string_equal(text_in(&tree, "sub/b"), "B");
}

TEST(each_edit_has_a_later_time)
{
    CLEANUP(copy_tree_fini) struct copy_tree tree = {0};
    struct err err = {0};
    struct timespec last = {0};
    char path[4096];
    (void)layer_enter();
    make_tree(&tree);
    assert_int_equal(copy_tree_remember(&tree, &err), 0);
    (void)snprintf(path, sizeof path, "%s/a", tree.path);
    for (int i = 0; i < 200; i++) {
        struct stat st;
        assert_int_equal(copy_tree_write(&tree, "a", "xy", 2, &err), 0);
        assert_int_equal(stat(path, &st), 0);
        assert_true(st.st_mtim.tv_sec > last.tv_sec
                    || (st.st_mtim.tv_sec == last.tv_sec && st.st_mtim.tv_nsec > last.tv_nsec));
        last = st.st_mtim;
    }
    assert_int_equal(copy_tree_write(&tree, "none", "x", 1, &err), -EINVAL);
}

/* ---- try ---- */

/* What is tried: a shell script without grammar, mutated by regular expressions. */
#define WITH(tests, rest)                                                                           \
    "{\"layer\":\"l\",\"file\":\"lib.txt\",\"per_line\":0,\"part\":1,\"parts\":1,\"part_size\":60," \
    "\"budget_ms\":0,\"with\":{\"files\":[\"lib.txt\"],\"operators\":{\"regex\":[{\"name\":"        \
    "\"swap\",\"pattern\":\"[0-9]+\",\"replace\":\"9\"}]},\"tests\":[" tests "]" rest "}}"

static const char *results(void)
{
    return layer_read(".sluice-mutation/results/lib.txt.ndjson");
}

static size_t count_of(const char *text, const char *word)
{
    size_t count = 0;
    for (const char *at = strstr(text, word); at != NULL; at = strstr(at + 1, word)) {
        count++;
    }
    return count;
}

static void write_lib(const char *test)
{
    (void)layer_enter();
    layer_write("lib.txt", "first 1\nsecond 2\nthird 3\n", 0644);
    layer_write("test.sh", test, 0755);
}

TEST(mutants_are_killed_and_survive)
{
    write_lib("grep -q '^first 1$' lib.txt && grep -q second lib.txt\n");
    assert_int_equal(layer_try(WITH("{\"run\":\"sh test.sh\"}", "")), 1);
    assert_int_equal(count_of(results(), "\"status\":\"Killed\""), 1);
    assert_int_equal(count_of(results(), "\"status\":\"Survived\""), 2);
    assert_int_equal(count_of(results(), "\"complete\":true"), 1);
    assert_string_equal(layer_read("lib.txt"), "first 1\nsecond 2\nthird 3\n");
    const char *cases = layer_read(".sluice-mutation/cases/lib.txt.ndjson");
    assert_int_equal(count_of(cases, "\"status\":\"failed\""), 2);
    assert_non_null(strstr(cases, "-second 2\\n+second 9"));
}

TEST(tests_are_asked_to_end_at_the_first_failure_unless_the_user_says_otherwise)
{
    write_lib("grep -q '^first 1$' lib.txt || exit 1\n"
              "test \"$CMOCKA_TEST_ABORT $GTEST_FAIL_FAST $CRITERION_FAIL_FAST $PYTEST_ADDOPTS\" "
              "= '1 0 1 -x'\n");
    assert_int_equal(setenv("GTEST_FAIL_FAST", "0", 1), 0);
    int status = layer_try(WITH("{\"run\":\"sh test.sh\"}", ""));
    assert_int_equal(unsetenv("GTEST_FAIL_FAST"), 0);
    assert_int_equal(status, 1);
    assert_int_equal(count_of(results(), "\"status\":\"Killed\""), 1);
}

TEST(a_file_that_no_test_reaches_is_not_covered)
{
    (void)layer_enter();
    layer_write("other.txt", "x 5\n", 0644);
    write_lib("grep -q 'x' other.txt\n");
    /* The harness is proven with all files in scope. */
    assert_int_equal(
        layer_try("{\"layer\":\"l\",\"file\":\"lib.txt\",\"per_line\":0,\"part\":1,\"parts\":1,"
                  "\"part_size\":60,\"budget_ms\":0,\"with\":{\"files\":[\"*.txt\"],\"operators\":{"
                  "\"regex\":[{\"name\":\"swap\",\"pattern\":\"[0-9]+\",\"replace\":\"9\"}]},"
                  "\"tests\":[{\"run\":\"sh test.sh\"}]}}"),
        0);
    assert_int_equal(count_of(results(), "\"status\":\"NoCoverage\""), 3);
    assert_int_equal(
        layer_try("{\"layer\":\"l\",\"file\":\"lib.txt\",\"per_line\":0,\"part\":1,\"parts\":1,"
                  "\"part_size\":60,\"budget_ms\":0,\"with\":{\"files\":[\"*.txt\"],\"uncovered\":"
                  "\"fail\",\"operators\":{\"regex\":[{\"name\":\"swap\",\"pattern\":\"[0-9]+\","
                  "\"replace\":\"9\"}]},\"tests\":[{\"run\":\"sh test.sh\"}]}}"),
        1);
}

TEST(a_test_that_does_not_use_the_copy_is_an_infrastructure_error)
{
    char script[5000];
    (void)snprintf(script, sizeof script, "grep -q '^first 1$' %s/lib.txt\n", layer_enter());
    write_lib(script);
    assert_int_equal(layer_try(WITH("{\"run\":\"sh test.sh\"}", "")), 3);
    assert_non_null(strstr(layer_read("stderr"),
                           "canary: with every file in scope broken on purpose, test sh test.sh "
                           "still passes"));
    assert_string_equal(results(), "");
}

TEST(tests_that_fail_or_are_flaky_are_excluded_and_named)
{
    write_lib("grep -q '^first 1$' lib.txt\n");
    layer_write("bad.sh", "echo no; exit 1\n", 0755);
    char flaky[5000];
    (void)snprintf(flaky,
                   sizeof flaky,
                   "f=%s/flag; if test -e $f; then exit 1; fi; touch $f\n",
                   layer_enter());
    layer_write("flaky.sh", flaky, 0755);
    assert_int_equal(layer_try(WITH("{\"run\":\"sh bad.sh\"},{\"run\":\"sh flaky.sh\"},"
                                    "{\"name\":\"good\",\"run\":\"sh test.sh\"}",
                                    "")),
                     1);
    const char *told = layer_read("stderr");
    assert_non_null(strstr(
        told, "test \"sh bad.sh\" is not used: it fails without any mutant; it printed:\nno"));
    assert_non_null(strstr(told,
                           "test \"sh flaky.sh\" is not used: it is flaky: without any mutant it "
                           "passed and failed"));
    assert_int_equal(count_of(results(), "\"status\":\"Killed\""), 1);
    assert_int_equal(layer_try(WITH("{\"run\":\"sh bad.sh\"}", "")), 3);
    assert_non_null(strstr(layer_read("stderr"), "no test is left to try mutants with: sh bad.sh"));
}

TEST(what_check_refuses_is_never_killed)
{
    write_lib("grep -q '^first 1$' lib.txt\n");
    layer_write("check.sh", "! grep -q 'first 9' \"$1\" || { echo bad 9; exit 1; }\n", 0755);
    assert_int_equal(
        layer_try(WITH("{\"run\":\"sh test.sh\"}", ",\"check\":\"sh check.sh {file}\"")), 1);
    assert_int_equal(count_of(results(), "\"status\":\"Killed\""), 0);
    assert_int_equal(count_of(results(), "\"status\":\"CompileError\",\"reason\":\"bad 9"), 1);
}

TEST(a_check_of_a_file_is_given_one_before_there_is_a_mutant)
{
    write_lib("grep -q '^first 1$' lib.txt\n");
    assert_int_equal(layer_try(WITH("{\"run\":\"sh test.sh\"}", ",\"check\":\"test -f {file}\"")),
                     1);
    assert_int_equal(count_of(results(), "\"status\":\"Killed\""), 1);
}

TEST(what_a_test_leaves_outside_of_the_tree_kills_nothing)
{
    char text[5000];
    (void)snprintf(text,
                   sizeof text,
                   "echo x >>%s/runs; test $(wc -l <%s/runs) -le 5 || exit 1\n"
                   "grep -q '^first 1$' lib.txt\n",
                   layer_enter(),
                   layer_enter());
    write_lib(text);
    assert_int_equal(layer_try(WITH("{\"run\":\"sh test.sh\"}", "")), 3);
    assert_non_null(strstr(layer_read("stderr"), "as it is, after mutants: it passed before"));
}

/* The runs: two of the baseline, the canary, sanity, three mutants. The sixth fails by chance. */
TEST(a_test_that_fails_by_chance_kills_nobody)
{
    char text[5000];
    (void)snprintf(text,
                   sizeof text,
                   "echo x >>%s/runs; test $(wc -l <%s/runs) -ne 6 || exit 1\n"
                   "grep -q '^first 1$' lib.txt\n",
                   layer_enter(),
                   layer_enter());
    write_lib(text);
    assert_int_equal(layer_try(WITH("{\"run\":\"sh test.sh\"}", "")), 1);
    assert_int_equal(count_of(results(), "\"status\":\"Killed\""), 1);
    assert_int_equal(count_of(results(), "\"status\":\"Survived\""), 2);
    assert_non_null(strstr(layer_read("stderr"), "it fails by chance"));
}

TEST(a_check_that_refuses_the_tree_as_it_is_ends_the_unit)
{
    write_lib("true\n");
    assert_int_equal(layer_try(WITH("{\"run\":\"sh test.sh\"}", ",\"check\":\"echo no; false\"")),
                     3);
    assert_non_null(strstr(layer_read("stderr"), "check refuses the tree without any mutant"));
}

TEST(a_loop_without_end_is_a_timeout)
{
    write_lib("grep -q '^first 1$' lib.txt || test ! -s lib.txt || "
              "{ grep -q ')]}' lib.txt && exit 1; while :; do :; done; }\n");
    assert_int_equal(layer_try(WITH("{\"run\":\"sh test.sh\"}", "")), 1);
    assert_int_equal(count_of(results(), "\"status\":\"Timeout\""), 1);
    assert_int_equal(count_of(results(), "\"status\":\"Survived\""), 2);
}

TEST(output_that_counts_is_compared)
{
    write_lib("cat lib.txt | head -n 1\n");
    assert_int_equal(layer_try(WITH("{\"run\":\"sh test.sh\",\"stdout\":\"compare\"}", "")), 1);
    assert_int_equal(count_of(results(), "\"status\":\"Killed\""), 1);
    layer_write("test.sh", "cat lib.txt; date +%N\n", 0755);
    assert_int_equal(layer_try(WITH("{\"run\":\"sh test.sh\",\"stdout\":\"compare\"}", "")), 3);
    assert_non_null(strstr(layer_read("stderr"), "what it prints differs from run to run"));
}

/* One mutant is tried whatever the budget, so that all come to be tried in the end. */
/* Status and replacement of each mutant: "Killed 2\nIgnored 3\n". */
static const char *words_of_results(const char *path)
{
    static char words[4096];
    size_t len = 0;
    CLEANUP(str_fini) struct str text = STR_INIT(65536);
    assert_int_equal(str_append(&text, layer_read(path)), 0);
    words[0] = '\0';
    for (const char *line = str_text(&text); line != NULL && *line != '\0';) {
        const char *end = strchr(line, '\n');
        json_t *json = NULL;
        struct err err = {0};
        assert_non_null(end);
        assert_int_equal(json_parse(line, (size_t)(end - line), &json, &err), 0);
        const char *status = json_string_value(json_object_get(json, "status"));
        const char *replacement = json_string_value(json_object_get(json, "replacement"));
        if (status != NULL && replacement != NULL) {
            len +=
                (size_t)snprintf(words + len, sizeof words - len, "%s %s\n", status, replacement);
        }
        json_decref(json);
        line = end + 1;
    }
    return words;
}

/* The same file by engine C. `with` are more settings. */
static void expect_of_c(const char *with, const char *words)
{
    char job[1024];
    (void)snprintf(job,
                   sizeof job,
                   "{\"layer\":\"l\",\"file\":\"lib.c\",\"per_line\":0,\"part\":1,\"parts\":1,"
                   "\"part_size\":60,\"budget_ms\":0,\"with\":{\"files\":[\"lib.c\"],\"isolation\":"
                   "\"copy\",\"operators\":{\"only\":[\"number-literal\"]},%s}}",
                   with);
    int status = layer_try(job);
    if (status != 1) {
        fail_msg("%d: %s", status, layer_read("stderr"));
    }
    assert_string_equal(words_of_results(".sluice-mutation/results/lib.c.ndjson"), words);
}

/* The parser does not know an #if within an expression: the branch was in no node of the tree, and
 * mutants of what no program has were survivors. */
TEST(a_branch_within_an_expression_is_found_and_one_that_ended_is_not)
{
    static const char text[] = "int f(int a)\n{\n    /*\n#if NO\n    */\n    if (a > 2\n"
                               "#ifdef EXTRA\n        && a < 9\n#else\n        && a < 8\n"
                               "#  endif\n    ) {\n        return 7;\n    }\n    return 0;\n}\n";
    struct err err = {0};
    struct source source = {0};
    assert_int_equal(source_parse("a.c", text, sizeof text - 1, &source, &err), 0);

    static const struct {
        const char *at;
        const char *branch; /* NULL = in none */
    } cases[] = {
        {"> 2", NULL              },
        {"< 9", "        && a < 9"},
        {"< 8", "        && a < 8"},
        {"7;",  NULL              },
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct mutant mutant = {0};
        mutant.span.start = (uint32_t)(strstr(text, cases[i].at) - text);
        mutant.span.end = mutant.span.start + 1;
        const char *branch = cases[i].branch != NULL ? strstr(text, cases[i].branch) : text;
        assert_int_equal(copy_branch_of(&source, &mutant), branch - text);
    }
    source_fini(&source);
}

TEST(what_an_if_leaves_out_is_not_compiled_and_no_survivor)
{
    (void)layer_enter();
    layer_write("lib.c",
                "static int used = 4, idle = 5;\n"
                "#if 0\n"
                "static int out = 6;\n"
                "static int more = 7;\n"
                "#elif 1 /* a comment\n"
                "of two lines */\n"
                "static int in = 8;\n"
                "#else\n"
                "static int other = 9;\n"
                "#endif\n"
                "#ifndef \\\n"
                "  OUT\n"
                "static int guarded = 11;\n"
                "#endif\n"
                "int main(void) { return used != 4; }\n",
                0644);
    static const char words[] = "Killed (4 + 1)\n"
                                "Survived (5 + 1)\n"
                                "Ignored (6 + 1)\n"
                                "Ignored (7 + 1)\n"
                                "Survived (8 + 1)\n"
                                "Ignored (9 + 1)\n"
                                "Survived (11 + 1)\n"
                                "Killed (4 + 1)\n";
    expect_of_c("\"build\":\"cc -w -o lib lib.c\",\"tests\":[\"lib\"]", words);
    /* Where a test compiles, that says so, too. */
    expect_of_c("\"tests\":[{\"run\":\"cc -w -o lib lib.c && ./lib\"}]", words);
}

TEST(a_budget_that_is_used_up_leaves_the_rest_pending)
{
    write_lib("grep -q '^first 1$' lib.txt && sleep 0.1\n");
    assert_int_equal(
        layer_try(
            "{\"layer\":\"l\",\"file\":\"lib.txt\",\"per_line\":0,\"part\":1,\"parts\":1,"
            "\"part_size\":60,\"budget_ms\":1,\"with\":{\"files\":[\"lib.txt\"],\"operators\":"
            "{\"regex\":[{\"name\":\"swap\",\"pattern\":\"[0-9]+\",\"replace\":\"9\"}]},"
            "\"tests\":[{\"run\":\"sh test.sh\"}]}}"),
        0);
    assert_int_equal(count_of(results(), "\"status\":\"Pending\""), 2);
    assert_int_equal(count_of(results(), "\"complete\":false"), 1);
    assert_non_null(strstr(layer_read("stderr"), "2 mutants are left for the next run"));
}

TEST(a_job_that_is_not_one_is_refused)
{
    (void)layer_enter();
    assert_int_equal(layer_try("{}"), 3);
    assert_int_equal(layer_try("no"), 3);
    write_lib("true\n");
    assert_int_equal(
        layer_try(
            "{\"layer\":\"l\",\"file\":\"lib.txt\",\"per_line\":0,\"part\":1,\"parts\":2,"
            "\"part_size\":60,\"budget_ms\":0,\"with\":{\"files\":[\"lib.txt\"],\"operators\":"
            "{\"regex\":[{\"name\":\"swap\",\"pattern\":\"[0-9]+\",\"replace\":\"9\"}]},"
            "\"tests\":[{\"run\":\"sh test.sh\"}]}}"),
        3);
    assert_non_null(strstr(layer_read("stderr"), "was edited meanwhile"));
}
