/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cleanup.h"
#include "base/mem.h"
#include "plugins/sdk/sdk.h"

#include <errno.h>
#include <string.h>

#include "support/test.h"

/* Joins the words of a command with '|'. */
static void assert_argv(const char *line, const char *expected)
{
    const char **argv = NULL;
    struct err err = {0};
    assert_int_equal(sdk_command_argv(line, &argv, &err), 0);
    CLEANUP(str_fini) struct str joined = STR_INIT(4096);
    for (size_t i = 0; argv[i] != NULL; i++) {
        (void)str_appendf(&joined, "%s%s", i == 0 ? "" : "|", argv[i]);
    }
    mem_free(argv);
    assert_string_equal(str_text(&joined), expected);
}

TEST(plain_words_are_run_without_a_shell)
{
    assert_argv("make check", "make|check");
    assert_argv("  ./run  'a b' \"c\" d\\ e  ", "./run|a b|c|d e");
    assert_argv("printf ''", "printf|");
}

TEST(what_needs_a_shell_gets_one)
{
    assert_argv("make && ./run", "/bin/sh|-c|make && ./run");
    assert_argv("echo $HOME", "/bin/sh|-c|echo $HOME");
    assert_argv("A=1 make", "/bin/sh|-c|A=1 make");
    assert_argv("ls *.c", "/bin/sh|-c|ls *.c");
    assert_argv("if true; then ls; fi", "/bin/sh|-c|if true; then ls; fi");
}

TEST(commands_that_only_a_shell_has_get_one)
{
    assert_argv("exit 3", "/bin/sh|-c|exit 3");
    assert_argv("cd build", "/bin/sh|-c|cd build");
    assert_argv(": nothing", "/bin/sh|-c|: nothing");
    assert_argv(". ./env", "/bin/sh|-c|. ./env");
    assert_argv("'exit' 3", "/bin/sh|-c|'exit' 3");
    assert_argv("true", "true");
}

TEST(an_empty_command_is_left_to_the_shell)
{
    assert_argv("", "/bin/sh|-c|");
    assert_argv("''", "/bin/sh|-c|''");
}

TEST(no_memory_for_a_command_is_an_error)
{
    static const char *const lines[] = {"make check", "make && x"};
    for (size_t i = 0; i < 2; i++) {
        const char **argv = NULL;
        struct err err = {0};
        (void)mem_fail_from(1);
        int status = sdk_command_argv(lines[i], &argv, &err);
        (void)mem_fail_from(0);
        assert_int_equal(status, -ENOMEM);
        assert_null(argv);
    }
}

static int run_shell(const char *script, struct str *out, struct err *err)
{
    const char *const argv[] = {"/bin/sh", "-c", script, NULL};
    return sdk_run(argv, test_folder(), out, err);
}

TEST(a_program_s_output_is_collected)
{
    CLEANUP(str_fini) struct str out = STR_INIT(1u << 20);
    struct err err = {0};
    assert_int_equal(run_shell("pwd; cat; echo end", &out, &err), 0);
    assert_true(text_starts_with(str_text(&out), test_folder()));
    assert_true(text_ends_with(str_text(&out), "\nend\n"));
}

TEST(a_program_that_fails_is_told)
{
    CLEANUP(str_fini) struct str out = STR_INIT(1u << 20);
    struct err err = {0};
    assert_int_equal(run_shell("exit 7", &out, &err), -EIO);
    assert_string_equal(err.text, "/bin/sh exited with 7");
    assert_int_equal(run_shell("kill -9 $$", &out, &err), -EIO);
    assert_string_equal(err.text, "/bin/sh was ended by signal 9");
    const char *const missing[] = {"no-such-program-at-all", NULL};
    assert_int_equal(sdk_run(missing, NULL, &out, &err), -ENOENT);
    assert_string_equal(err.text, "cannot start no-such-program-at-all; is it installed?");
}

TEST(a_program_that_prints_too_much_is_killed)
{
    CLEANUP(str_fini) struct str out = STR_INIT(100000);
    struct err err = {0};
    assert_int_equal(run_shell("exec yes", &out, &err), -EFBIG);
    assert_non_null(strstr(err.text, "it is too long"));
}
