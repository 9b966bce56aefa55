/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/run.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "proc/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Bytes read at once; a pipe holds 64 KiB. */
#define READ_SIZE 65536

/* The two output streams and the child itself, as poll() sees them. */
enum watched {
    WATCH_OUT,
    WATCH_ERR,
    WATCH_CHILD,
    WATCH_COUNT
};

struct run_child {
    pid_t pid;
    struct pollfd watched[WATCH_COUNT]; /* fd -1 = closed */
    struct str *sinks[2];               /* where streams go; NULL = dropped */
    const char *name;
    int control;         /* of its keeper; -1 = it has none */
    int64_t timeout_ms;  /* 0 = none */
    int64_t deadline_ns; /* 0 = none */
    bool over;           /* it has ended, or `failed` */
    int failed;          /* what went wrong with it; 0 = nothing */
    struct err why;
};

static void child_close(struct run_child *child)
{
    for (int i = 0; i < WATCH_COUNT; i++) {
        cleanup_fd(&child->watched[i].fd);
        child->watched[i].fd = -1;
    }
    cleanup_fd(&child->control);
    child->control = -1;
}

/* With all it started, as far as that can be known. */
static void child_kill(struct run_child *child)
{
    if (child->control < 0) {
        (void)kill(-child->pid, SIGKILL);
    }
    cleanup_fd(&child->control);
    child->control = -1;
}

/* A file that cannot be seen by others, holding the input: no writer to feed, no SIGPIPE. */
static int open_input(const struct run_request *request, int *ret_fd, struct err *err)
{
    if (request->input == NULL) {
        *ret_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        return *ret_fd < 0 ? err_errno(err, "/dev/null") : 0;
    }
    int fd = memfd_create("input", MFD_CLOEXEC);
    if (fd < 0) {
        return err_errno(err, "cannot make an input buffer");
    }
    int rc = fd_write_all(fd, request->input, request->input_len);
    if (rc < 0 || lseek(fd, 0, SEEK_SET) != 0) {
        (void)close(fd);
        return err_set(err, rc < 0 ? rc : -EIO, "cannot fill an input buffer");
    }
    *ret_fd = fd;
    return 0;
}

static void set_attributes(posix_spawnattr_t *attributes)
{
    sigset_t none;
    sigset_t all;
    (void)sigemptyset(&none);
    (void)sigfillset(&all);
    (void)posix_spawnattr_setsigmask(attributes, &none);
    (void)posix_spawnattr_setsigdefault(attributes, &all);
    (void)posix_spawnattr_setpgroup(attributes, 0);
    (void)posix_spawnattr_setflags(
        attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
}

int run_spawn(const struct run_request *request, const int fds[3], pid_t *ret_pid, struct err *err)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    if (posix_spawn_file_actions_init(&actions) != 0) {
        return err_set(err, -ENOMEM, "out of memory starting %s", request->argv[0]);
    }
    (void)posix_spawnattr_init(&attributes);
    set_attributes(&attributes);
    int rc = 0;
    for (int i = 0; i < 3 && rc == 0; i++) {
        rc = posix_spawn_file_actions_adddup2(&actions, fds[i], i);
    }
    if (rc == 0 && request->cwd != NULL) {
        rc = posix_spawn_file_actions_addchdir_np(&actions, request->cwd);
    }
    if (rc == 0) {
        char *const *argv = (char *const *)(uintptr_t)request->argv;
        char *const *env = request->env != NULL ? (char *const *)(uintptr_t)request->env : environ;
        rc = posix_spawnp(ret_pid, request->argv[0], &actions, &attributes, argv, env);
    }
    (void)posix_spawnattr_destroy(&attributes);
    (void)posix_spawn_file_actions_destroy(&actions);
    return rc == 0
               ? 0
               : err_set(err, -rc, "cannot start %s: %s", request->argv[0], strerrordesc_np(rc));
}

static void reap(pid_t pid, struct run_result *ret_result)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (ret_result == NULL) {
        return;
    }
    ret_result->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    ret_result->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

/* Starts the child with its streams on our pipes. On failure nothing is left open. */
static int child_start(struct run_child *child, const struct run_request *request, struct err *err)
{
    CLEANUP(cleanup_fd) int input = -1;
    int out[2] = {-1, -1};
    int errors[2] = {-1, -1};
    int rc = open_input(request, &input, err);
    if (rc == 0 && (pipe2(out, O_CLOEXEC) < 0 || pipe2(errors, O_CLOEXEC) < 0)) {
        rc = err_errno(err, "cannot make a pipe");
    }
    child->watched[WATCH_OUT] = (struct pollfd){.fd = out[0], .events = POLLIN};
    child->watched[WATCH_ERR] = (struct pollfd){.fd = errors[0], .events = POLLIN};
    child->watched[WATCH_CHILD] = (struct pollfd){.fd = -1, .events = POLLIN};
    if (rc == 0) {
        const int fds[] = {input, out[1], errors[1]};
        rc = request->contain ? keeper_start(request, fds, &child->pid, &child->control, err)
                              : run_spawn(request, fds, &child->pid, err);
    }
    cleanup_fd(&out[1]);
    cleanup_fd(&errors[1]);
    if (rc < 0) {
        child_close(child);
        return rc;
    }
    child->watched[WATCH_CHILD].fd = (int)syscall(SYS_pidfd_open, child->pid, 0);
    if (child->watched[WATCH_CHILD].fd < 0) { /* nobody would tell us of its end */
        rc = err_errno(err, "cannot watch %s", request->argv[0]);
        child_kill(child);
        reap(child->pid, NULL);
        child_close(child);
    }
    return rc;
}

/* Room for the next read: in the sink, or (without one, or when it is full) in `dropped`. */
static int find_room(struct run_child *child,
                     struct str *sink,
                     char *dropped,
                     char **ret_place,
                     size_t *ret_room,
                     struct err *err)
{
    size_t room = sink != NULL ? sink->max - sink->len : 0;
    room = room < READ_SIZE ? room : READ_SIZE;
    if (room == 0) {
        *ret_place = dropped;
        *ret_room = READ_SIZE;
        return 0;
    }
    int rc = str_reserve(sink, room);
    if (rc < 0) {
        return err_set(err, rc, "out of memory reading from %s", child->name);
    }
    *ret_place = sink->data + sink->len;
    *ret_room = room;
    return 0;
}

/* Reads what is there. 1 = there may be more, 0 = end, negative = error. */
static int read_stream(struct run_child *child, int which, struct err *err)
{
    static char dropped[READ_SIZE];
    struct str *sink = child->sinks[which];
    char *place = NULL;
    size_t room = 0;
    int rc = find_room(child, sink, dropped, &place, &room, err);
    if (rc < 0) {
        return rc;
    }
    ssize_t n = read(child->watched[which].fd, place, room);
    if (n < 0) {
        return errno == EINTR || errno == EAGAIN ? 1
                                                 : err_errno(err, "reading from %s", child->name);
    }
    if (n > 0 && sink != NULL && place == dropped) {
        return err_set(err, -EFBIG, "%s printed more than %zu bytes", child->name, sink->max);
    }
    if (n > 0 && sink != NULL) {
        sink->len += (size_t)n;
        sink->data[sink->len] = '\0';
    }
    return n > 0;
}

static int serve_streams(struct run_child *child, struct err *err)
{
    for (int i = WATCH_OUT; i <= WATCH_ERR; i++) {
        if (child->watched[i].revents == 0) {
            continue;
        }
        int rc = read_stream(child, i, err);
        if (rc < 0) {
            return rc;
        }
        if (rc == 0) {
            cleanup_fd(&child->watched[i].fd);
            child->watched[i].fd = -1;
        }
    }
    return 0;
}

/* What the dead child left in its pipes; a descendant may hold them open, so never wait for the
 * end. */
static int drain(struct run_child *child, struct err *err)
{
    for (;;) {
        int ready = poll(child->watched, WATCH_CHILD, 0);
        if (ready <= 0 || (child->watched[WATCH_OUT].fd < 0 && child->watched[WATCH_ERR].fd < 0)) {
            return 0;
        }
        int rc = serve_streams(child, err);
        if (rc < 0) {
            return rc;
        }
    }
}

static int time_left(int64_t deadline_ns)
{
    if (deadline_ns == 0) {
        return -1;
    }
    int64_t left_ms = (deadline_ns - clock_mono_ns()) / 1000000;
    return left_ms < 0 ? 0 : left_ms > 60000 ? 60000 : (int)left_ms + 1;
}

/* Serves what is ready; waits for it no longer than `wait_ms` (-1 = for ever). 1 = the program has
 * ended. */
static int serve(struct run_child *child, int wait_ms, struct err *err)
{
    int ready = poll(child->watched, WATCH_COUNT, wait_ms);
    if (ready < 0 && errno != EINTR) {
        return err_errno(err, "waiting for %s", child->name);
    }
    int rc = ready > 0 ? serve_streams(child, err) : 0;
    if (rc < 0) {
        return rc;
    }
    if (ready > 0 && child->watched[WATCH_CHILD].revents != 0) {
        rc = drain(child, err);
        return rc < 0 ? rc : 1;
    }
    if (child->deadline_ns != 0 && clock_mono_ns() >= child->deadline_ns) {
        return err_set(err,
                       -ETIMEDOUT,
                       "%s did not end within %lld ms and was killed",
                       child->name,
                       (long long)child->timeout_ms);
    }
    return 0;
}

static void step(struct run_child *child, int wait_ms)
{
    const int rc = serve(child, wait_ms, &child->why);
    child->failed = rc < 0 ? rc : 0;
    child->over = rc != 0;
}

int run_begin(const struct run_request *request,
              struct str *out,
              struct str *errors,
              struct run_child **ret_child,
              struct err *err)
{
    struct run_child *child = mem_calloc(1, sizeof *child);
    if (child == NULL) {
        return err_set(err, -ENOMEM, "out of memory starting %s", request->argv[0]);
    }
    child->sinks[WATCH_OUT] = out;
    child->sinks[WATCH_ERR] = errors;
    child->name = request->argv[0];
    child->control = -1;
    int rc = child_start(child, request, err);
    if (rc < 0) {
        mem_free(child);
        return rc;
    }
    child->timeout_ms = request->timeout_ms;
    child->deadline_ns =
        request->timeout_ms > 0 ? clock_mono_ns() + request->timeout_ms * 1000000 : 0;
    *ret_child = child;
    return 0;
}

bool run_is_over(struct run_child *child)
{
    /* one look at a time: a program that never stops printing must not keep us here */
    if (!child->over) {
        step(child, 0);
    }
    return child->over;
}

int run_end(struct run_child *child, struct run_result *ret_result, struct err *err)
{
    while (!child->over) {
        step(child, time_left(child->deadline_ns));
    }
    const int rc = child->failed;
    if (rc < 0) {
        child_kill(child);
        (void)err_set(err, rc, "%s", child->why.text);
    }
    struct run_result result;
    reap(child->pid, &result);
    child_close(child);
    mem_free(child);
    if (rc == 0 && ret_result != NULL) {
        *ret_result = result;
    }
    return rc;
}

void run_abandon(struct run_child *child)
{
    if (child == NULL) {
        return;
    }
    child_kill(child);
    reap(child->pid, NULL);
    child_close(child);
    mem_free(child);
}

int run_program(const struct run_request *request,
                struct str *out,
                struct str *errors,
                struct run_result *ret_result,
                struct err *err)
{
    struct run_child *child = NULL;
    const int rc = run_begin(request, out, errors, &child, err);
    return child == NULL ? rc : run_end(child, ret_result, err);
}
