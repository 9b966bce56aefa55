/* SPDX-License-Identifier: Apache-2.0 */
/* The private verb `fresh` in a child process, because it becomes another program. */
#include "base/file.h"
#include "plugins/unit/unit.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/test.h"
#include "unit/plugin_unit/support/plan.h"

static int run_fresh(const char *report, const char *program, const char *argument)
{
    char words[4][64] = {"fresh"};
    (void)strncpy(words[1], report, sizeof words[1] - 1);
    (void)strncpy(words[2], program, sizeof words[2] - 1);
    (void)strncpy(words[3], argument, sizeof words[3] - 1);
    char *argv[] = {words[0], words[1], words[2], words[3], NULL};
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)close(STDERR_FILENO);
        _exit(unit_run_fresh(4, argv));
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

TEST(an_old_report_is_gone_before_the_command_starts)
{
    (void)enter_folder();
    write_file("old.xml", "<old/>", 0644);
    assert_int_equal(run_fresh("old.xml", "test", "-e"), 0); /* test -e: one word, true */
    assert_false(file_exists("old.xml"));
}

TEST(no_old_report_is_fine_and_the_exit_code_is_the_command_s)
{
    (void)enter_folder();
    write_file("script", "exit 7\n", 0644);
    assert_int_equal(run_fresh("none.xml", "/bin/sh", "script"), 7);
    assert_int_equal(run_fresh("no/such/folder/none.xml", "/bin/sh", "script"), 7);
}

TEST(a_command_that_cannot_start_ends_as_in_a_shell)
{
    (void)enter_folder();
    write_file("plain", "text", 0644);
    assert_int_equal(run_fresh("x.xml", "no-such-program", ""), 127);
    assert_int_equal(run_fresh("x.xml", "./plain", ""), 126);
}

TEST(a_report_that_cannot_be_removed_stops_the_command)
{
    (void)enter_folder();
    write_file("folder/file", "", 0644);
    assert_int_equal(run_fresh("folder", "true", ""), 126);
}

TEST(too_few_words_are_a_usage_error)
{
    char verb[] = "fresh";
    char *argv[] = {verb, NULL};
    assert_int_equal(unit_run_fresh(1, argv), 2);
}
