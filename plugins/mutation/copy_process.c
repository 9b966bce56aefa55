/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/mutation/copy_process.h"

#include "base/cleanup.h"
#include "base/clock.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* Processes of one test that are looked at; a test with more is ended by its wall time. */
#define PROCESSES_MAX 4096

/* CPU time is looked up no more often than this. */
#define LOOK_MIN_US 5000

/* A command while it runs. */
struct running {
    const struct copy_command *command;
    pid_t pid;
    int pidfd;
    int pipe; /* its standard output; -1 = thrown away or closed */
    struct hasher *hasher;
    int64_t started_us;
    bool timed_out;
};

static void running_fini(struct running *running)
{
    cleanup_fd(&running->pidfd);
    cleanup_fd(&running->pipe);
    hasher_free(running->hasher);
}

static int64_t now_us(void)
{
    return clock_mono_ns() / 1000;
}

static int64_t time_us(const struct timeval *time)
{
    return (int64_t)time->tv_sec * 1000000 + time->tv_usec;
}

/* ---- start ---- */

static int add_actions(posix_spawn_file_actions_t *actions,
                       const struct copy_command *command,
                       int output)
{
    int error = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (error == 0 && output >= 0) {
        error = posix_spawn_file_actions_adddup2(actions, output, STDOUT_FILENO);
    } else if (error == 0) {
        error = posix_spawn_file_actions_addopen(actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    }
    if (error == 0 && command->digest) {
        error = posix_spawn_file_actions_addopen(actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    } else if (error == 0) {
        error = posix_spawn_file_actions_adddup2(actions, STDOUT_FILENO, STDERR_FILENO);
    }
    /* A descriptor that we were started with is not the test's: engine A would take it for a file
     * that the test holds open. */
    if (error == 0) {
        error = posix_spawn_file_actions_addclosefrom_np(actions, STDERR_FILENO + 1);
    }
    return error != 0 ? error : posix_spawn_file_actions_addchdir_np(actions, command->cwd);
}

/* A session of its own, no signals blocked or ignored that we have. */
static int set_attributes(posix_spawnattr_t *attributes)
{
    sigset_t none;
    sigset_t defaults;
    (void)sigemptyset(&none);
    (void)sigemptyset(&defaults);
    (void)sigaddset(&defaults, SIGPIPE);
    (void)sigaddset(&defaults, SIGCHLD);
    int error = posix_spawnattr_setsigmask(attributes, &none);
    error = error != 0 ? error : posix_spawnattr_setsigdefault(attributes, &defaults);
    return error != 0
               ? error
               : posix_spawnattr_setflags(
                   attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

static int spawn(struct running *running, int output)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    const struct copy_command *command = running->command;
    int error = posix_spawn_file_actions_init(&actions);
    if (error != 0) {
        return error;
    }
    error = posix_spawnattr_init(&attributes);
    if (error == 0) {
        error = add_actions(&actions, command, output);
        error = error != 0 ? error : set_attributes(&attributes);
        if (error == 0) {
            error = posix_spawnp(&running->pid,
                                 command->argv[0],
                                 &actions,
                                 &attributes,
                                 (char *const *)(uintptr_t)command->argv,
                                 environ);
        }
        (void)posix_spawnattr_destroy(&attributes);
    }
    (void)posix_spawn_file_actions_destroy(&actions);
    return error;
}

static int start(struct running *running, struct err *err)
{
    const struct copy_command *command = running->command;
    int ends[2] = {-1, -1};
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) {
        return err_errno(err, "cannot take care of what a test leaves running");
    }
    if (command->digest && (running->hasher = hasher_new()) == NULL) {
        return err_set(err, -ENOMEM, "out of memory for the output of a test");
    }
    if ((command->shown != NULL || command->digest) && pipe2(ends, O_CLOEXEC) != 0) {
        return err_errno(err, "cannot make a pipe");
    }
    running->pipe = ends[0];
    running->started_us = now_us();
    int error = spawn(running, ends[1]);
    cleanup_fd(&ends[1]);
    if (error != 0) {
        return err_set(err,
                       -error,
                       "cannot start %s in %s: %s",
                       command->argv[0],
                       command->cwd,
                       strerrordesc_np(error));
    }
    running->pidfd = pidfd_open(running->pid, 0);
    return running->pidfd >= 0 ? 0 : err_errno(err, "cannot watch %s", command->argv[0]);
}

/* ---- its processes ---- */

struct processes {
    pid_t pids[PROCESSES_MAX];
    size_t count;
};

/* Appends the pids in a list of children as /proc has it. */
static void take_children(struct processes *processes, const char *path)
{
    char text[8192];
    FILE *stream = fopen(path, "re");
    if (stream == NULL) {
        return; /* it ended meanwhile */
    }
    while (processes->count < PROCESSES_MAX && fscanf(stream, "%15s", text) == 1) {
        processes->pids[processes->count++] = (pid_t)strtol(text, NULL, 10);
    }
    (void)fclose(stream);
}

static void take_children_of(struct processes *processes, pid_t pid)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *tasks = opendir(path);
    if (tasks == NULL) {
        return;
    }
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): the folder is ours alone */
    for (struct dirent *task = readdir(tasks); task != NULL; task = readdir(tasks)) {
        if (task->d_name[0] != '.') {
            char children[512];
            (void)snprintf(children, sizeof children, "%s/%s/children", path, task->d_name);
            take_children(processes, children);
        }
    }
    (void)closedir(tasks);
}

/* All that descends from this process: the command, what it started, and orphans. */
static void find_processes(struct processes *processes)
{
    processes->count = 0;
    take_children_of(processes, getpid());
    for (size_t i = 0; i < processes->count; i++) {
        take_children_of(processes, processes->pids[i]);
    }
}

/* CPU time of a process and of those that it waited for. */
static int64_t cpu_of(pid_t pid)
{
    char path[64];
    char text[1024];
    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *stream = fopen(path, "re");
    if (stream == NULL) {
        return 0;
    }
    size_t len = fread(text, 1, sizeof text - 1, stream);
    (void)fclose(stream);
    text[len] = '\0';
    unsigned long long ticks[4] = {0};
    const char *behind = strrchr(text, ')'); /* the name may hold anything */
    if (behind == NULL) {
        return 0;
    }
    /* Fields 14 to 17: utime stime cutime cstime; the third follows the name. */
    char *at = (char *)(uintptr_t)behind + 2;
    for (int field = 3; field < 14 && at != NULL; field++) {
        at = strchr(at + 1, ' ');
    }
    for (int i = 0; i < 4 && at != NULL; i++) {
        ticks[i] = strtoull(at, &at, 10);
    }
    unsigned long long sum = ticks[0] + ticks[1] + ticks[2] + ticks[3];
    return (int64_t)(sum * 1000000 / (unsigned long long)sysconf(_SC_CLK_TCK));
}

static int64_t cpu_of_all(void)
{
    struct processes processes;
    int64_t sum = 0;
    find_processes(&processes);
    for (size_t i = 0; i < processes.count; i++) {
        sum += cpu_of(processes.pids[i]);
    }
    return sum;
}

/* Ends and reaps all that is left; returns the CPU time it used. */
static int64_t end_orphans(void)
{
    struct processes processes;
    struct rusage usage;
    int64_t sum = 0;
    for (;;) {
        find_processes(&processes);
        for (size_t i = 0; i < processes.count; i++) {
            (void)kill(processes.pids[i], SIGKILL);
        }
        pid_t pid = wait4(-1, NULL, __WALL, &usage);
        if (pid < 0 && errno != EINTR) {
            return sum;
        }
        if (pid > 0) {
            sum += time_us(&usage.ru_utime) + time_us(&usage.ru_stime);
        }
    }
}

/* ---- wait ---- */

static int64_t processors(void)
{
    cpu_set_t set;
    int count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return count > 0 ? count : 1;
}

/* How long it may run until a limit could have been reached; 0 = one is. */
static int64_t time_left(const struct running *running)
{
    const struct copy_command *command = running->command;
    int64_t used = now_us() - running->started_us;
    int64_t left = INT64_C(60000000);
    if (command->wall_us > 0) {
        if (used >= command->wall_us) {
            return 0;
        }
        left = command->wall_us - used < left ? command->wall_us - used : left;
    }
    /* No test uses more than all processors all the time. */
    if (command->cpu_us > 0) {
        int64_t most = used * processors();
        int64_t cpu = most > command->cpu_us ? cpu_of_all() : 0;
        int64_t safe = most > command->cpu_us ? command->cpu_us - cpu : command->cpu_us - most;
        if (cpu >= command->cpu_us) {
            return 0;
        }
        safe /= processors();
        left = safe < left ? safe : left;
    }
    return left > LOOK_MIN_US ? left : LOOK_MIN_US;
}

/* Takes what it printed. */
static void drain(struct running *running)
{
    char bytes[16384];
    ssize_t got = read(running->pipe, bytes, sizeof bytes);
    if (got < 0 && errno == EINTR) {
        return;
    }
    if (got <= 0) {
        cleanup_fd(&running->pipe);
        running->pipe = -1;
        return;
    }
    if (running->hasher != NULL) {
        hasher_add(running->hasher, bytes, (size_t)got);
    }
    struct str *shown = running->command->shown;
    if (shown != NULL && shown->len < COPY_OUTPUT_MAX) {
        size_t room = COPY_OUTPUT_MAX - shown->len;
        (void)str_append_n(shown, bytes, (size_t)got < room ? (size_t)got : room);
    }
}

/* Until the command ended or a limit is reached. */
static void watch(struct running *running)
{
    for (;;) {
        int64_t left = time_left(running);
        if (left == 0) {
            running->timed_out = true;
            return;
        }
        struct pollfd fds[2] = {
            {.fd = running->pidfd, .events = POLLIN},
            {.fd = running->pipe,  .events = POLLIN},
        };
        struct timespec time = {.tv_sec = left / 1000000, .tv_nsec = left % 1000000 * 1000};
        int ready = ppoll(fds, 2, &time, NULL);
        if (ready > 0 && fds[1].revents != 0) {
            drain(running);
        } else if (ready > 0 && fds[0].revents != 0) {
            return; /* it ended, and nothing is to be read at this moment */
        }
    }
}

static void finish(struct running *running, struct copy_ended *ended)
{
    struct rusage usage = {0};
    int status = 0;
    /* The group is ended while its leader is not reaped: until then the number is its own. */
    (void)kill(-running->pid, SIGKILL);
    (void)kill(running->pid, SIGKILL);
    while (wait4(running->pid, &status, 0, &usage) < 0 && errno == EINTR) {
    }
    ended->wall_us = now_us() - running->started_us;
    ended->cpu_us = time_us(&usage.ru_utime) + time_us(&usage.ru_stime) + end_orphans();
    while (running->pipe >= 0) {
        drain(running); /* nobody is left who could write */
    }
    ended->timed_out = running->timed_out;
    ended->exit = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    ended->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

int copy_run(const struct copy_command *command, struct copy_ended *ret_ended, struct err *err)
{
    CLEANUP(running_fini) struct running running = {.command = command, .pidfd = -1, .pipe = -1};
    struct copy_ended ended = {0};
    int status = start(&running, err);
    if (status != 0) {
        if (running.pid > 0) {
            (void)end_orphans();
        }
        return status;
    }
    if (running.hasher != NULL) {
        hasher_begin(running.hasher);
    }
    watch(&running);
    finish(&running, &ended);
    if (running.hasher != NULL) {
        ended.digest = hasher_end(running.hasher);
    }
    *ret_ended = ended;
    return 0;
}

bool copy_passed(const struct copy_ended *ended)
{
    return !ended->timed_out && ended->exit == 0;
}
