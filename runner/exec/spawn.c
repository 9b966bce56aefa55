/* SPDX-License-Identifier: Apache-2.0 */
#include "exec/spawn.h"

#include "base/arena.h"
#include "base/limits.h"
#include "observe/observer.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the child needs between its start and its execve(2); a page would do. */
#define STACK_SIZE 65536

/* Texts of the places where a program is looked for. */
#define TRIED_BYTES_MAX (4u << 20)

static const char *path_of(const struct text_list *env)
{
    for (size_t i = 0; i < env->count; i++) {
        if (strncmp(env->items[i], "PATH=", 5) == 0) {
            return env->items[i] + 5;
        }
    }
    return "/usr/local/bin:/usr/bin:/bin";
}

/* Where a program was looked for. */
struct search {
    char program[PATH_TEXT_MAX]; /* where it was found */
    struct arena *arena;
    const char **tried;
    size_t count;
};

static size_t count_folders(const char *path)
{
    size_t count = 1;
    for (; *path != '\0'; path++) {
        count += *path == ':';
    }
    return count;
}

static bool is_found(struct search *search, int folder)
{
    if (search->tried != NULL) {
        const char *copy = arena_strdup(search->arena, search->program);
        if (copy != NULL) {
            search->tried[search->count++] = copy;
        }
    }
    return faccessat(folder, search->program, X_OK, 0) == 0;
}

static int find_program(const struct spawn *spawn, struct search *search, struct err *err)
{
    const char *name = spawn->argv->items[0];
    const char *path = path_of(spawn->env);
    const size_t size = sizeof search->program;
    if (strchr(name, '/') != NULL) {
        int n = snprintf(search->program, size, "%s", name);
        return n >= 0 && (size_t)n < size ? 0
                                          : err_set(err, -ENAMETOOLONG, "command name too long");
    }
    while (*path != '\0') {
        size_t len = strcspn(path, ":");
        int n =
            snprintf(search->program, size, "%.*s%s%s", (int)len, path, len > 0 ? "/" : "./", name);
        if (n > 0 && (size_t)n < size && is_found(search, spawn->folder)) {
            return 0;
        }
        path += len + (path[len] == ':');
    }
    return err_set(
        err, -ENOENT, "cannot start \"%s\": no such command on PATH=%s", name, path_of(spawn->env));
}

static const char *spawn_advice(int error, int folder, const char *program)
{
    if (error == ENOENT && faccessat(folder, program, F_OK, 0) == 0) {
        return "its interpreter (the #! line, or the ELF loader) does not exist";
    }
    if (error == ENOEXEC) {
        return "not an executable format; a script needs a #! line";
    }
    return strerrordesc_np(error);
}

/* ---- the child: shares our memory, not our descriptors or signal handlers ---- */

struct child {
    const struct spawn *spawn;
    const char *program;
    int error; /* 0 until a step failed */
};

/* Handlers would run in our memory, so all signals are blocked until there are none. */
static void reset_signals(void)
{
    const struct sigaction action = {.sa_handler = SIG_DFL};
    sigset_t none;
    for (int number = 1; number <= SIGRTMAX; number++) {
        (void)sigaction(number, &action, NULL);
    }
    (void)sigemptyset(&none);
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): this process has one thread */
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Descriptors are closed before the program is looked up, not at exec: a name such as
 * /proc/self/fd/5/../x must not lead through one of ours out of the world. `keep` leads nowhere. */
static void close_all_but(int keep)
{
    if (keep > 3) {
        (void)syscall(SYS_close_range, 3U, (unsigned)keep - 1, 0U);
    }
    (void)syscall(SYS_close_range, keep < 3 ? 3U : (unsigned)keep + 1, ~0U, 0U);
}

static int run_child(void *argument)
{
    struct child *child = argument;
    const struct spawn *spawn = child->spawn;
    struct observer *observer = spawn->observer;
    (void)setsid();
    if (spawn->dies_with_us) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    }
    if (dup2(spawn->in, STDIN_FILENO) < 0 || dup2(spawn->out, STDOUT_FILENO) < 0
        || dup2(spawn->err, STDERR_FILENO) < 0 || fchdir(spawn->folder) < 0) {
        child->error = errno;
        _exit(127);
    }
    close_all_but(observer != NULL ? observer_fd(observer) : -1);
    reset_signals();
    if (observer != NULL) {
        (void)observer_attach(
            observer); /* refused: it runs unobserved, as observer_finish() tells */
    }
    (void)execve(child->program,
                 (char *const *)(uintptr_t)spawn->argv->items,
                 (char *const *)(uintptr_t)spawn->env->items);
    child->error = errno;
    _exit(127);
}

/* ThreadSanitizer takes every clone(2) for a fork and stumbles over the shared memory; the same
 * function under its other name is not intercepted. */
#if defined(__SANITIZE_THREAD__)
#    define UNDER_TSAN 1
#elif defined(__has_feature)
#    if __has_feature(thread_sanitizer)
#        define UNDER_TSAN 1
#    endif
#endif
#if defined(UNDER_TSAN)
/* NOLINTNEXTLINE(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp): glibc's name */
int __clone(int (*function)(void *), void *stack, int flags, void *argument, ...);
#    define clone __clone
#endif

static int start(struct child *child, pid_t *ret_pid)
{
    static _Alignas(16) char stack[STACK_SIZE];
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): this process has one thread */
    (void)sigprocmask(SIG_SETMASK, &all, &before);
    const int pid = clone(run_child, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, child);
    const int error = pid < 0 ? errno : child->error;
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): as above */
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    if (pid > 0 && error != 0) {
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
        }
    }
    *ret_pid = error == 0 ? pid : *ret_pid;
    return -error;
}

static int tell_observer(const struct spawn *spawn, const struct search *search, struct err *err)
{
    const struct observed_start start = {
        .folder = spawn->folder_path,
        .program = search->program,
        .layers = *spawn->layers,
        .tried = {search->tried, search->count}
    };
    return observer_begin(spawn->observer, &start, err);
}

static int find_and_start(const struct spawn *spawn,
                          struct search *search,
                          pid_t *ret_pid,
                          struct err *err)
{
    int rc = find_program(spawn, search, err);
    if (rc < 0) {
        return rc;
    }
    struct spawn mine = *spawn;
    rc = spawn->observer != NULL ? tell_observer(spawn, search, err) : 0;
    if (rc == -E2BIG) {
        mine.observer = NULL; /* too long a PATH to hand over: it runs unobserved */
    } else if (rc < 0) {
        return err_wrap(err, "cannot observe \"%s\"", spawn->argv->items[0]);
    }
    struct child child = {.spawn = &mine, .program = search->program};
    rc = start(&child, ret_pid);
    return rc == 0 ? 0
                   : err_set(err,
                             rc,
                             "cannot start \"%s\": %s",
                             spawn->argv->items[0],
                             spawn_advice(-rc, spawn->folder, search->program));
}

int spawn_command(const struct spawn *spawn, pid_t *ret_pid, struct err *err)
{
    struct search search = {.count = 0};
    if (spawn->observer != NULL) {
        search.arena = arena_new(TRIED_BYTES_MAX);
        search.tried = search.arena != NULL ? arena_calloc(search.arena,
                                                           count_folders(path_of(spawn->env)) + 1,
                                                           sizeof *search.tried)
                                            : NULL;
        if (search.tried == NULL) {
            arena_free(search.arena);
            return err_set(err, -ENOMEM, "out of memory");
        }
    }
    const int rc = find_and_start(spawn, &search, ret_pid, err);
    arena_free(search.arena);
    return rc;
}
