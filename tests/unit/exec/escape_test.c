/* SPDX-License-Identifier: Apache-2.0 */
/* Ways out of a world that a hostile tree or unit may try: links to descriptors of the processes
 * that look after it, its init, device files, kernel keys. */
#include "base/file.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/engine.h"
#include "support/test.h"

/* Descriptors of the slot and the init lie in this range. */
#define FD_FIRST 3
#define FD_LAST  20

static struct engine engine;
static struct result result;
static char path[64];
static char command[64];

static void open_world(void)
{
    need_isolation();
    engine_open(&engine, true);
}

static void run(const char *script, void (*change)(struct exec_request *request))
{
    engine_shell(&engine, script, change, &result);
}

static void expect(const char *output)
{
    if (result.outcome.status != OUTCOME_PASSED) {
        fail_msg("%s: %s\n%s%s",
                 outcome_status_name(result.outcome.status),
                 result.message,
                 result.out,
                 result.err);
    }
    assert_string_equal(result.out, output);
}

/* A link in the tree: out-N -> /proc/WHO/fd/N/.. (from the run folder to the test's). */
static void put_links(const char *who)
{
    for (int fd = FD_FIRST; fd <= FD_LAST; fd++) {
        char link[400];
        char target[64];
        (void)snprintf(link, sizeof link, "%s/out-%d", engine.lower, fd);
        (void)snprintf(target, sizeof target, "/proc/%s/fd/%d/..", who, fd);
        assert_int_equal(symlink(target, link), 0);
    }
}

static void cwd_is_path(struct exec_request *request)
{
    request->cwd = path;
}

static void start_in_links(const char *who)
{
    open_world();
    put_links(who);
    for (int fd = FD_FIRST; fd <= FD_LAST; fd++) {
        (void)snprintf(path, sizeof path, "out-%d", fd);
        run("ls; pwd", cwd_is_path);
        assert_int_equal(result.outcome.status, OUTCOME_ERRORED);
        assert_non_null(strstr(result.message, "cwd"));
        assert_string_equal(result.out, "");
    }
    engine_close(&engine);
}

/* The story: a CTest property WORKING_DIRECTORY named a link of the tree that went through the run
 * folder's descriptor, and the test started in the machine's files, with write access. */
TEST(a_working_folder_does_not_lead_out_through_our_descriptors)
{
    start_in_links("self");
}

TEST(a_working_folder_does_not_lead_out_through_the_inits_descriptors)
{
    start_in_links("1");
}

TEST(a_command_is_not_looked_up_through_our_descriptors)
{
    static const char *const who[] = {"self", "1"};
    open_world();
    put_file(engine.run_dir, "../tool", "#!/bin/sh\necho out\n");
    char tool[400];
    (void)snprintf(tool, sizeof tool, "%s/../tool", engine.run_dir);
    assert_int_equal(chmod(tool, 0755), 0);
    for (int i = 0; i < 2; i++) {
        for (int fd = FD_FIRST; fd <= FD_LAST; fd++) {
            const char *const argv[] = {command, NULL};
            (void)snprintf(command, sizeof command, "/proc/%s/fd/%d/../tool", who[i], fd);
            engine_run(&engine, argv, NULL, &result);
            assert_int_equal(result.outcome.status, OUTCOME_ERRORED);
            assert_string_equal(result.out, "");
        }
    }
    engine_close(&engine);
}

static void report_is_path(struct exec_request *request)
{
    request->report = REPORT_JUNIT;
    request->report_path = path;
}

/* Beside the run folder, newer than any unit. */
static void put_fresh_report(void)
{
    char report[400];
    const struct timespec times[2] = {{.tv_sec = 4000000000}, {.tv_sec = 4000000000}};
    put_file(engine.run_dir, "../report.xml", "pass stolen\n");
    (void)snprintf(report, sizeof report, "%s/../report.xml", engine.run_dir);
    assert_int_equal(utimensat(AT_FDCWD, report, times, 0), 0);
}

TEST(a_report_is_not_taken_through_our_descriptors)
{
    open_world();
    put_links("self");
    for (int fd = FD_FIRST; fd <= FD_LAST; fd++) {
        put_fresh_report();
        (void)snprintf(path, sizeof path, "out-%d/report.xml", fd);
        run("true", report_is_path);
        assert_int_equal(result.outcome.status, OUTCOME_ERRORED);
        assert_string_equal(result.cases, "");
    }
    engine_close(&engine);
}

TEST(a_report_may_be_reached_by_a_link_of_the_units_own)
{
    open_world();
    (void)snprintf(path, sizeof path, "link/report.xml");
    run("mkdir /tmp/there; ln -s /tmp/there link; echo pass one >link/report.xml", report_is_path);
    engine_close(&engine);
    assert_string_equal(result.cases, "one:passed");
}

TEST(the_init_of_a_unit_is_closed_to_it)
{
    open_world();
    run("for f in environ maps mem fd/1 cwd root exe; do\n"
        "  { readlink /proc/1/$f || head -c 1 /proc/1/$f; } 2>/dev/null && echo got $f\n"
        "done; for f in /proc/1/fd/*; do readlink $f; done; (echo x >/proc/1/oom_score_adj) 2>/dev/null && echo wrote; true",
        NULL);
    expect("");
    engine_close(&engine);
}

TEST(signals_to_its_init_end_the_unit_and_nothing_else)
{
    open_world();
    run("for s in STOP INT HUP SEGV BUS ABRT PIPE ALRM CHLD KILL; do kill -$s 1; done; sleep 0.1; echo alive",
        NULL);
    expect("alive\n");
    run("kill -USR1 1; sleep 100", NULL);
    assert_int_equal(result.outcome.status, OUTCOME_ERRORED);
    assert_int_equal(result.outcome.signal, 9);
    run("echo fine", NULL);
    expect("fine\n");
    engine_close(&engine);
}

/* The mode asked for is the one it has: a failing test changes nothing. */
TEST(devices_of_the_machine_cannot_be_changed)
{
    open_world();
    run("for f in null zero full random urandom; do\n"
        "  chmod \"$(stat -c %a /dev/$f)\" /dev/$f 2>/dev/null && echo changed $f\n"
        "done; echo x >/dev/null && echo written",
        NULL);
    expect("written\n");
    engine_close(&engine);
}

/* add_key("user", "sluice-test", ...) into a keyring, then request it. */
#define KEY_SCRIPT                                                                      \
    "use strict; my ($add, $ctl) = (248, 250);"                                         \
    "my ($type, $name, $data) = ('user', 'sluice-test', 'secret');"                     \
    "for my $ring (-3, -4) {"                                                           \
    "  my $there = syscall($ctl, 10, $ring, $type, $name, 0);"                          \
    "  print $there > 0 ? 'there ' : 'absent ';"                                        \
    "  print syscall($add, $type, $name, $data, 6, $ring) > 0 ? 'added ' : 'refused ';" \
    "}"

TEST(no_kernel_key_outlives_a_unit)
{
#ifdef __x86_64__
    const char *const argv[] = {"perl", "-e", KEY_SCRIPT, NULL};
    open_world();
    engine_run(&engine, argv, NULL, &result);
    if (strstr(result.out, "refused") != NULL || result.outcome.status != OUTCOME_PASSED) {
        print_message("skipped: no kernel keys here\n");
        engine_close(&engine);
        skip();
    }
    expect("absent added absent added ");
    engine_run(&engine, argv, NULL, &result);
    expect("absent added absent added ");
    engine_close(&engine);
#endif
}

TEST(an_exposed_path_is_not_mounted_through_a_link_of_the_tree)
{
    static const char *const expose[] = {"link/made", NULL};
    open_world();
    put_file(engine.root, "link/made/file", "exposed\n");
    char link[400];
    (void)snprintf(link, sizeof link, "%s/link", engine.lower);
    assert_int_equal(symlink("/.stage/proc/self/fd/5/..", link), 0);
    engine.world.expose = (struct text_list){expose, 1};
    run("true", NULL);
    engine_close(&engine);
    assert_int_equal(result.outcome.status, OUTCOME_ERRORED);
    assert_non_null(strstr(result.message, "link is a symbolic link in the tree"));
}

static void input_is_file(struct exec_request *request)
{
    static char input[400];
    (void)snprintf(input, sizeof input, "%s/input", engine.run_dir);
    request->input = input;
}

TEST(standard_input_is_read_and_cannot_be_written)
{
    open_world();
    put_file(engine.run_dir, "input", "question\n");
    run("(echo answer >/proc/self/fd/0) 2>/dev/null; readlink /proc/self/fd/0 | grep -c input; cat",
        input_is_file);
    expect("1\nquestion\n");
    run("cat", input_is_file);
    expect("question\n");
    engine_close(&engine);
}

TEST(a_live_tree_in_a_system_folder_is_hidden_too)
{
    char tree[64] = "/opt/sluice-test-XXXXXX";
    need_isolation();
    if (mkdtemp(tree) == NULL) {
        print_message("skipped: /opt cannot be written\n");
        skip();
    }
    open_world();
    put_file(tree, "secret", "x");
    engine.world.root = tree;
    char script[100];
    (void)snprintf(script, sizeof script, "ls %s; ls -d /opt/sluice-test-*; pwd", tree);
    run(script, NULL);
    struct err err = {0};
    assert_int_equal(tree_remove(AT_FDCWD, tree, &err), 0);
    (void)strcat(tree, "\n/src\n");
    expect(tree);
    engine_close(&engine);
}
