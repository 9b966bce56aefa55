/* SPDX-License-Identifier: Apache-2.0 */
/* The least that observation by seccomp notification can cost: runs a command under the filter of
 * runner/observe with a supervisor that says "go on" to every call and looks at nothing. Writes how
 * many calls stopped. What `sluice` costs beyond this is work of its supervisor; the rest belongs
 * to the kernel.
 *
 * usage: bench_floor COUNT_FILE COMMAND [ARG...]     exits as the command does */
#include "observe/filter.h"
#include "observe/handover.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#    define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#endif
#define SYNC_WAKE_UP 1UL

/* The kernel's structures may be larger than those of our headers. */
union notification {
    struct seccomp_notif request;
    struct seccomp_notif_resp response;
    char room[512];
};

static _Noreturn void run_command(const struct filter *filter, int socket, char **command)
{
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    const int listener = filter_install(filter);
    const struct handover header = {.type = HANDOVER_LISTENER, .value = listener};
    (void)handover_send(socket, &header, NULL, &listener, listener >= 0 ? 1 : 0, filter->secret);
    if (listener >= 0) {
        (void)close(listener);
        (void)execvp(command[0], command);
    }
    _exit(127);
}

static int is_over(int listener)
{
    struct pollfd watched = {.fd = listener, .events = POLLIN};
    (void)poll(&watched, 1, -1);
    return (watched.revents & POLLIN) == 0 && (watched.revents & (POLLHUP | POLLERR)) != 0;
}

/* 1 = a call waits, 0 = look again, negative: all who could make one are gone. */
static int receive(int listener, union notification *call)
{
    memset(call, 0, sizeof *call);
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, call) == 0) {
        return 1;
    }
    return errno != EINTR && is_over(listener) ? -1 : 0;
}

static void go_on(int listener, const union notification *call)
{
    union notification answer = {.room = {0}};
    answer.response.id = call->request.id;
    answer.response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    (void)ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
}

static unsigned long serve(int listener)
{
    union notification call;
    unsigned long count = 0;
    int rc = 0;
    (void)ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SYNC_WAKE_UP);
    while (rc >= 0) {
        rc = receive(listener, &call);
        if (rc > 0) {
            count++;
            go_on(listener, &call);
        }
    }
    return count;
}

static int write_count(const char *path, unsigned long count)
{
    FILE *file = fopen(path, "we");
    const int rc = file == NULL || fprintf(file, "%lu\n", count) < 0 ? -1 : 0;
    return file != NULL && fclose(file) == 0 ? rc : -1;
}

int main(int argc, char **argv)
{
    struct err err = {0};
    struct filter filter = {0};
    struct handover header = {0};
    int fds[HANDOVER_FDS_MAX] = {-1, -1};
    int ends[2];
    int status = 0;
    if (argc < 3) {
        (void)fprintf(stderr, "usage: bench_floor COUNT_FILE COMMAND [ARG...]\n");
        return 2;
    }
    if (filter_build(false, &filter, &err) < 0
        || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
        (void)fprintf(stderr, "bench_floor: no filter or socket: %s\n", err.text);
        return 3;
    }
    const pid_t pid = fork();
    if (pid == 0) {
        run_command(&filter, ends[1], argv + 2);
    }
    (void)close(ends[1]);
    filter_fini(&filter);
    if (pid < 0 || handover_receive(ends[0], &header, fds) != 1 || fds[0] < 0) {
        (void)fprintf(stderr, "bench_floor: the kernel refuses a listener\n");
        return 3;
    }
    const unsigned long count = serve(fds[0]);
    if (waitpid(pid, &status, 0) != pid || write_count(argv[1], count) < 0) {
        (void)fprintf(stderr, "bench_floor: cannot write %s\n", argv[1]);
        return 3;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
