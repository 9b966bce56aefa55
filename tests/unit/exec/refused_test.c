/* SPDX-License-Identifier: Apache-2.0 */
/* A machine that refuses isolation: made here by a user namespace in which user.max_user_namespaces
 * is 0. */
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
