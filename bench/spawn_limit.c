/* SPDX-License-Identifier: Apache-2.0 */
/* The bare limit a runner is measured against: two threads, each starting one process after the
 * other with posix_spawn and two pipes, reading both to their ends and waiting for the status.
 * Nothing is scheduled, written or reported.
 *
 * usage: spawn_limit COUNT FAIL_EVERY
 * Runs COUNT times /bin/true, every FAIL_EVERY-th time /bin/false; prints how many failed. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS 2

static atomic_long next_unit;
static atomic_long failures;
static long unit_count;
static long fail_every;

static void stop(const char *what)
{
    perror(what);
    _exit(3);
}

/* Starts one program with both its streams in pipes; fds[0] and fds[1] are our ends. */
static pid_t start(const char *program, int fds[2])
{
    int out[2];
    int err[2];
    if (pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0) {
        stop("pipe2");
    }
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, err[1], STDERR_FILENO);
    char *const argv[] = {(char *)(uintptr_t)program, NULL};
    pid_t pid = 0;
    const int code = posix_spawn(&pid, program, &actions, NULL, argv, environ);
    if (code != 0) {
        errno = code;
        stop(program);
    }
    posix_spawn_file_actions_destroy(&actions);
    close(out[1]);
    close(err[1]);
    fds[0] = out[0];
    fds[1] = err[0];
    return pid;
}

/* Reads what a ready pipe holds; at its end closes it and takes it out of the poll. 1 = ended. */
static int drain_ready(struct pollfd *polled)
{
    char buf[4096];
    if (polled->fd < 0 || polled->revents == 0 || read(polled->fd, buf, sizeof buf) > 0) {
        return 0;
    }
    close(polled->fd);
    polled->fd = -1;
    return 1;
}

/* Reads both pipes until nobody holds their other ends. */
static void drain(const int fds[2])
{
    struct pollfd polled[2] = {
        {fds[0], POLLIN, 0},
        {fds[1], POLLIN, 0}
    };
    for (int open = 2; open > 0;) {
        if (poll(polled, 2, -1) < 0) {
            stop("poll");
        }
        open -= drain_ready(&polled[0]) + drain_ready(&polled[1]);
    }
}

static void *work(void *unused)
{
    (void)unused;
    for (long i = atomic_fetch_add(&next_unit, 1); i < unit_count;
         i = atomic_fetch_add(&next_unit, 1)) {
        int fds[2];
        const pid_t pid = start(i % fail_every == fail_every - 1 ? "/bin/false" : "/bin/true", fds);
        drain(fds);
        int status = 0;
        if (waitpid(pid, &status, 0) != pid) {
            stop("waitpid");
        }
        if (status != 0) {
            atomic_fetch_add(&failures, 1);
        }
    }
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        (void)fprintf(stderr, "usage: spawn_limit COUNT FAIL_EVERY\n");
        return 2;
    }
    unit_count = strtol(argv[1], NULL, 10);
    fail_every = strtol(argv[2], NULL, 10);
    if (unit_count <= 0 || fail_every <= 0) {
        (void)fprintf(stderr, "spawn_limit: both numbers must be positive\n");
        return 2;
    }
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        if (pthread_create(&threads[i], NULL, work, NULL) != 0) {
            stop("pthread_create");
        }
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    printf("%ld units, %ld failed\n", unit_count, atomic_load(&failures));
    return 0;
}
