/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a command and writes what it cost as one line of numbers:
 *     STATUS WALL_MS CPU_MS RSS_KIB TREE_KIB
 * STATUS is the exit code (128 + signal when killed). RSS_KIB is the highest resident size of the
 * command's own process (VmHWM, polled every 5 ms, so growth in the last 5 ms is missed); TREE_KIB
 * is that of the largest process among it and all descendants that were waited for (wait4), exact.
 *
 * usage: measure RESULT_FILE COMMAND [ARG...] */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define POLL_MS 5

static double now_ms(void)
{
    struct timespec ts;
    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

/* VmHWM of a process in KiB; 0 when it is gone. */
static long peak_kib(pid_t pid)
{
    char path[64];
    char line[256];
    long peak = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return 0;
    }
    while (fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, "VmHWM:", 6) == 0) {
            peak = strtol(line + 6, NULL, 10);
        }
    }
    (void)fclose(file);
    return peak;
}

/* Waits for the end of a process while reading its peak. The pidfd wakes us at once. */
static long watch(pid_t pid)
{
    const long fd = syscall(SYS_pidfd_open, pid, 0);
    struct pollfd polled = {.fd = (int)fd, .events = POLLIN};
    long peak = 0;
    while (fd >= 0 && poll(&polled, 1, POLL_MS) == 0) {
        const long seen = peak_kib(pid);
        peak = seen > peak ? seen : peak;
    }
    return peak;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        (void)fprintf(stderr, "usage: measure RESULT_FILE COMMAND [ARG...]\n");
        return 2;
    }
    const double began = now_ms();
    const pid_t pid = fork();
    if (pid == 0) {
        execvp(argv[2], argv + 2);
        perror(argv[2]);
        _exit(127);
    }
    const long peak = watch(pid);
    int status = 0;
    struct rusage usage;
    if (pid < 0 || wait4(pid, &status, 0, &usage) != pid) {
        perror("measure");
        return 3;
    }
    const double wall = now_ms() - began;
    const double cpu = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e3
                       + (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e3;
    FILE *file = fopen(argv[1], "we");
    if (file == NULL) {
        perror(argv[1]);
        return 3;
    }
    (void)fprintf(file,
                  "%d %.3f %.3f %ld %ld\n",
                  WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
                  wall,
                  cpu,
                  peak,
                  usage.ru_maxrss);
    return fclose(file) == 0 ? 0 : 3;
}
