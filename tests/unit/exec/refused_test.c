/* SPDX-License-Identifier: Apache-2.0 */
/* A machine that refuses isolation: made here by a user namespace in which user.max_user_namespaces
 * is 0. */
#include "base/clock.h"
#include "exec/local.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/engine.h"
#include "support/test.h"

static void write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text)) {
        _exit(90);
    }
    (void)close(fd);
}

/* Runs `body` where no further user namespace can be made; its return value comes back. */
static int where_refused(int (*body)(void))
{
    pid_t pid = fork();
    int status = 0;
    if (pid == 0) {
        char map[64];
        uid_t uid = geteuid();
        gid_t gid = getegid();
        if (unshare(CLONE_NEWUSER) < 0) {
            _exit(91);
        }
        write_file("/proc/self/setgroups", "deny");
        (void)snprintf(map, sizeof map, "0 %u 1", uid);
        write_file("/proc/self/uid_map", map);
        (void)snprintf(map, sizeof map, "0 %u 1", gid);
        write_file("/proc/self/gid_map", map);
        write_file("/proc/sys/user/max_user_namespaces", "0");
        _exit(body());
    }
    assert_true(waitpid(pid, &status, 0) == pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int probe_says_no_and_what_to_do(void)
{
    struct exec_probe probe;
    exec_probe(&probe);
    return !probe.isolated && !probe.user_namespaces
                   && strstr(probe.reason, "max_user_namespaces") != NULL
               ? 0
               : 1;
}

static const char *memo_folder(void)
{
    static char folder[4096];
    (void)snprintf(folder, sizeof folder, "%s/memo", test_folder());
    return folder;
}

static int probe_once_says_no(void)
{
    struct exec_probe probe;
    exec_probe_once(memo_folder(), &probe);
    return probe.isolated || probe.user_namespaces || probe.reason[0] == '\0';
}

static long microseconds_of_probe(struct exec_probe *probe)
{
    int64_t begin = clock_mono_ns();
    exec_probe_once(memo_folder(), probe);
    return (long)((clock_mono_ns() - begin) / 1000);
}

/* A yes that was kept must not be believed where namespaces are refused, and a no is never kept. */
TEST(a_yes_is_kept_and_a_no_is_not)
{
    struct exec_probe first;
    struct exec_probe second;
    need_isolation();
    assert_int_equal(where_refused(probe_once_says_no), 0);
    assert_int_not_equal(access(memo_folder(), F_OK), 0);
    long fresh = microseconds_of_probe(&first);
    assert_true(first.isolated);
    if (!first.observed) {
        print_message("[skipped: units cannot be observed here]\n");
        return;
    }
    assert_int_equal(access(memo_folder(), F_OK), 0);
    long kept = microseconds_of_probe(&second);
    assert_true(second.isolated && second.observed && second.overlay && second.net_namespaces);
    assert_int_equal(first.tmpfs_xattr, second.tmpfs_xattr);
    assert_string_equal(second.reason, "");
    print_message("probe: %ld us, kept: %ld us\n", fresh, kept);
    assert_true(kept < fresh);
    assert_int_equal(where_refused(probe_once_says_no), 0);
}

TEST(the_probe_names_what_is_refused_and_how_to_switch_it_on)
{
    need_isolation();
    assert_int_equal(where_refused(probe_says_no_and_what_to_do), 0);
}

static int unit_is_an_error(void)
{
    static struct engine engine;
    static struct result result;
    engine_open(&engine, true);
    engine_shell(&engine, "true", NULL, &result);
    return result.outcome.status == OUTCOME_ERRORED
                   && strstr(result.message, "cannot make the unit's world") != NULL
               ? 0
               : 1;
}

TEST(an_isolated_unit_there_is_an_error_and_never_runs_unprotected)
{
    need_isolation();
    assert_int_equal(where_refused(unit_is_an_error), 0);
}

static int in_place_works(void)
{
    static struct engine engine;
    static struct result result;
    engine_open(&engine, false);
    engine_shell(&engine, "true", NULL, &result);
    return result.outcome.status == OUTCOME_PASSED ? 0 : 1;
}

TEST(in_place_units_run_there)
{
    need_isolation();
    assert_int_equal(where_refused(in_place_works), 0);
}
