/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/keeper.h"

#include "base/cleanup.h"
#include "proc/children.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the keeper says first: was the program started? */
struct start_report {
    int rc; /* 0 or negative errno */
    char text[ERR_TEXT_MAX];
};

/* ---- the keeper ---- */

static _Noreturn void end_as(int status)
{
    const struct rlimit none = {0, 0};
    sigset_t open;
    if (WIFEXITED(status)) {
        _exit(WEXITSTATUS(status));
    }
    (void)setrlimit(RLIMIT_CORE, &none); /* the program's was written, if any */
    (void)signal(WTERMSIG(status), SIG_DFL);
    (void)sigemptyset(&open);
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): a keeper has one thread */
    (void)sigprocmask(SIG_SETMASK, &open, NULL);
    (void)kill(getpid(), WTERMSIG(status));
    _exit(128 + WTERMSIG(status));
}

/* Until the program has ended (true) or nobody wants it any more. */
static bool wait_for(pid_t program, int control)
{
    CLEANUP(cleanup_fd) int watch = (int)syscall(SYS_pidfd_open, program, 0);
    struct pollfd watched[] = {
        {.fd = watch,   .events = POLLIN},
        {.fd = control, .events = POLLIN}
    };
    while (watch >= 0 && watched[0].revents == 0 && watched[1].revents == 0) {
        (void)poll(watched, 2, -1);
    }
    return watched[0].revents != 0;
}

static _Noreturn void keeper_main(const struct run_request *request, const int fds[3], int control)
{
    struct start_report report = {0};
    struct err err = {0};
    pid_t program = -1;
    int status = 0;
    (void)setpgid(0, 0);
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
    (void)prctl(PR_SET_NAME, "sluice-keeper");
    report.rc = run_spawn(request, fds, &program, &err);
    memcpy(report.text, err.text, sizeof report.text);
    /* Nothing is left in our hands but the way back: who holds a stream is the program alone. */
    if (dup2(control, STDIN_FILENO) < 0) {
        _exit(1);
    }
    (void)syscall(SYS_close_range, 1U, ~0U, 0U);
    const bool told = write(STDIN_FILENO, &report, sizeof report) == sizeof report;
    if (!told || report.rc < 0 || !wait_for(program, STDIN_FILENO)) {
        (void)children_end(NULL);
        _exit(1);
    }
    while (waitpid(program, &status, 0) < 0 && errno == EINTR) {
    }
    (void)children_end(NULL);
    end_as(status);
}

/* ---- its parent ---- */

static int read_report(int control, struct start_report *report)
{
    size_t at = 0;
    while (at < sizeof *report) {
        ssize_t n = read(control, (char *)report + at, sizeof *report - at);
        if (n == 0 || (n < 0 && errno != EINTR)) {
            return -EPIPE;
        }
        at += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

int keeper_start(const struct run_request *request,
                 const int fds[3],
                 pid_t *ret_keeper,
                 int *ret_control,
                 struct err *err)
{
    struct start_report report = {0};
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
        return err_errno(err, "cannot start %s", request->argv[0]);
    }
    pid_t keeper = fork();
    if (keeper == 0) {
        (void)close(ends[0]);
        keeper_main(request, fds, ends[1]);
    }
    (void)close(ends[1]);
    int rc = keeper < 0 ? err_errno(err, "cannot start %s", request->argv[0]) : 0;
    if (rc == 0 && read_report(ends[0], &report) < 0) {
        rc = err_set(err, -EPIPE, "cannot start %s: its keeper died", request->argv[0]);
    } else if (rc == 0 && report.rc < 0) {
        rc = err_set(err, report.rc, "%s", report.text);
    }
    if (rc < 0) {
        (void)close(ends[0]);
        while (keeper > 0 && waitpid(keeper, NULL, 0) < 0 && errno == EINTR) {
        }
        return rc;
    }
    *ret_keeper = keeper;
    *ret_control = ends[0];
    return 0;
}
