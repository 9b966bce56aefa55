/* SPDX-License-Identifier: Apache-2.0 */
#include "exec/unit_process.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/limits.h"
#include "exec/collect.h"
#include "exec/namespace.h"
#include "exec/spawn.h"
#include "proc/children.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/keyctl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static int64_t micros(struct timeval tv)
{
    return (int64_t)tv.tv_sec * 1000000 + tv.tv_usec;
}

static void keep_text(char *place, const char *text)
{
    size_t len = strnlen(text, UNIT_TEXT_MAX - 1);
    memcpy(place, text, len);
    place[len] = '\0';
}

/* ---- starting the command ---- */

/* The folder in which a unit starts. Its path is the tree's word: in a world no link of /proc is
 * followed (a descriptor of ours would lead to the machine's files). */
static int open_folder(const struct slot_request *request,
                       const char *path,
                       bool isolated,
                       struct err *err)
{
    const int flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
    const int fd = isolated ? open_in_world(AT_FDCWD, path, flags) : open(path, flags);
    if (fd >= 0) {
        return fd;
    }
    const int error = errno;
    return err_set(err,
                   -error,
                   "cannot start \"%s\": %s",
                   request->argv.items[0],
                   error == ENOENT ? "its working folder (cwd) does not exist"
                   : error == ELOOP
                       ? "its working folder (cwd) is a link that leads out of its world"
                       : strerrordesc_np(error));
}

static int start_command(const struct slot_request *request,
                         const struct unit_stdio *stdio,
                         struct spawn *spawn,
                         pid_t *ret_pid,
                         struct err *err)
{
    spawn->argv = &request->argv;
    spawn->env = &request->env;
    spawn->in = stdio->in;
    spawn->out = stdio->out;
    spawn->err = stdio->err;
    return spawn_command(spawn, ret_pid, err);
}

/* ---- what it made ---- */

static int open_target(int run_dir, const char *path)
{
    char full[PATH_TEXT_MAX];
    (void)snprintf(full, sizeof full, "%s", path);
    for (char *slash = strchr(full, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        (void)mkdirat(run_dir, full, 0755);
        *slash = '/';
    }
    (void)mkdirat(run_dir, full, 0755);
    return openat(run_dir, full, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void collect_into(int from,
                         const struct text_list *globs,
                         int run_dir,
                         const char *target,
                         bool published,
                         char *ret_error)
{
    struct err err = {0};
    if (globs->count == 0 || target == NULL || ret_error[0] != '\0') {
        return;
    }
    CLEANUP(cleanup_fd) int to = open_target(run_dir, target);
    if (to < 0) {
        (void)snprintf(ret_error,
                       UNIT_TEXT_MAX,
                       "cannot open %s for collected files: %s",
                       target,
                       strerrordesc_np(errno));
    } else if (collect_matching(from, globs, to, published, &err) < 0) {
        (void)snprintf(ret_error, UNIT_TEXT_MAX, "cannot collect files: %.900s", err.text);
    }
}

/* Where a unit's files are taken from. */
struct source {
    int files; /* products and artifacts: what it wrote, or the tree */
    int root;  /* the tree in which reports are looked for */
    bool passed;
    struct timespec not_before;
};

static void collect_all(const struct unit_context *context,
                        const struct slot_request *request,
                        const struct unit_stdio *stdio,
                        const struct source *source,
                        struct unit_collected *collected)
{
    struct err err = {0};
    if (stdio->report >= 0) {
        collected->report_files = collect_reports(source->root,
                                                  request->cwd,
                                                  request->report_path,
                                                  source->not_before,
                                                  stdio->report,
                                                  &err);
        if (collected->report_files < 0) {
            keep_text(collected->report_error, err.text);
        }
    }
    if (source->passed) {
        collect_into(source->files,
                     &request->outputs,
                     context->run_dir,
                     request->output_dir,
                     false,
                     collected->collect_error);
    }
    collect_into(source->files,
                 &request->artifacts,
                 context->run_dir,
                 request->artifact_dir,
                 true,
                 collected->collect_error);
}

static bool collects(const struct slot_request *request, const struct unit_stdio *stdio)
{
    return stdio->report >= 0 || request->outputs.count > 0 || request->artifacts.count > 0;
}

/* ---- isolated: the unit's init ---- */

static void on_term(int signal)
{
    (void)signal;
    (void)kill(-1, SIGTERM);
}

static void on_kill(int signal)
{
    (void)signal;
    (void)kill(-1, SIGKILL);
}

/* Signals from inside reach an init only where it has a handler: it has these two and no other, of
 * whatever library. */
static void init_signals(void)
{
    struct sigaction action = {.sa_handler = SIG_DFL};
    sigset_t none;
    for (int number = 1; number <= SIGRTMAX; number++) {
        (void)sigaction(number, &action, NULL);
    }
    action = (struct sigaction){.sa_handler = on_term, .sa_flags = SA_RESTART};
    (void)sigaction(SIGTERM, &action, NULL);
    action.sa_handler = on_kill;
    (void)sigaction(SIGUSR1, &action, NULL);
    (void)sigemptyset(&none);
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): an init has one thread */
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static void note_usage(struct unit_end *end, const struct rusage *usage)
{
    end->user_us = micros(usage->ru_utime);
    end->sys_us = micros(usage->ru_stime);
    end->max_rss_kib = usage->ru_maxrss;
}

/* Waits for the command; reaps orphans on the way. */
static void init_wait(pid_t command, struct unit_end *end)
{
    struct rusage usage = {0};
    for (;;) {
        int status = 0;
        /* NOLINTNEXTLINE(concurrency-mt-unsafe): an init has one thread */
        pid_t pid = wait4(-1, &status, 0, &usage);
        if (pid == command) {
            end->wait_status = status;
            note_usage(end, &usage);
            return;
        }
        if (pid < 0 && errno != EINTR) {
            keep_text(end->start_error, "lost track of the command");
            return;
        }
    }
}

/* After the command: gives what is left a moment, then kills it. True when something had to be
 * killed. */
static bool init_end_rest(void)
{
    int64_t until = clock_mono_ns() + (int64_t)UNIT_LEAK_GRACE_MS * 1000000;
    for (;;) {
        pid_t pid = waitpid(-1, NULL, WNOHANG);
        if (pid < 0 && errno == ECHILD && kill(-1, 0) < 0) {
            return false;
        }
        if (pid > 0) {
            continue;
        }
        if (clock_mono_ns() > until) {
            break;
        }
        (void)poll(NULL, 0, 2);
    }
    bool leaked = kill(-1, SIGKILL) == 0;
    while (waitpid(-1, NULL, 0) > 0 || errno == EINTR) {
    }
    return leaked;
}

static void look_at_scratch(int scratch, struct unit_end *end)
{
    struct statvfs st;
    if (fstatvfs(scratch, &st) == 0 && st.f_blocks > 0) {
        end->flags |= st.f_bavail == 0 ? FLAG_SCRATCH_FULL : 0;
        end->left_much = (st.f_blocks - st.f_bfree) * st.f_frsize > UNIT_LEFT_MUCH;
    }
}

struct init {
    const struct unit_context *context;
    const struct slot_request *request;
    const struct unit_stdio *stdio;
    unsigned serial;
    int status; /* write end */
    struct timespec started;
};

static bool ended_well(const struct unit_end *end)
{
    return end->start_error[0] == '\0' && WIFEXITED(end->wait_status)
           && WEXITSTATUS(end->wait_status) == 0;
}

/* The pristine layers of a unit's tree, by the names the slot process (and so its observer) has for
 * them. */
struct layers {
    struct text_list list;
    const char *paths[EXEC_PRODUCTS_MAX + 2];
    char names[EXEC_PRODUCTS_MAX][WORLD_LAYER_MAX];
};

static void list_layers(const struct init *init, struct layers *layers)
{
    const struct text_list *own = &init->request->products;
    size_t count = 0;
    assert(own->count <= EXEC_PRODUCTS_MAX);
    while (count < own->count) {
        layers->paths[count] =
            world_layer_of_unit(own->items[count], layers->names[count], WORLD_LAYER_MAX);
        count++;
    }
    count += world_layers(init->context->world, layers->paths + count);
    layers->list = (struct text_list){layers->paths, count};
}

static void init_run(const struct init *init, struct unit_end *end, int *ret_upper)
{
    struct err err = {0};
    enum namespace_step step = STEP_DONE;
    int scratch = -1;
    char folder[PATH_TEXT_MAX];
    pid_t command = -1;
    const struct unit_share share = {.serial = init->serial, .products = &init->request->products};
    if (unit_world_enter(init->context->world, &share, ret_upper, &scratch, &step, &err) < 0) {
        (void)snprintf(end->start_error,
                       sizeof end->start_error,
                       "cannot isolate the unit: %.300s; %.600s",
                       err.text,
                       namespace_step_help(step));
        return;
    }
    (void)snprintf(folder, sizeof folder, WORLD_ROOT "/%s", init->request->cwd);
    CLEANUP(cleanup_fd) int fd = open_folder(init->request, folder, true, &err);
    struct layers layers = {0};
    list_layers(init, &layers);
    struct spawn spawn = {.folder = fd,
                          .folder_path = folder,
                          .observer = init->context->observer,
                          .layers = &layers.list};
    if (fd < 0 || start_command(init->request, init->stdio, &spawn, &command, &err) < 0) {
        keep_text(end->start_error, err.text);
        return;
    }
    init_wait(command, end);
    end->flags |= init_end_rest() ? FLAG_LEAKED_PROCESS : 0;
    look_at_scratch(scratch, end);
}

/* True when the slot process died before PR_SET_PDEATHSIG could take effect: nobody reads our
 * status any more. */
static bool is_orphan(int status)
{
    struct pollfd watched = {.fd = status};
    return poll(&watched, 1, 0) > 0 && (watched.revents & POLLERR) != 0;
}

/* Keys are inherited and kept by the kernel: a fresh session keyring hides those of sluice's user,
 * and what an earlier unit of this slot left in the user's keyring goes (since Linux 5.3 that one
 * belongs to the user namespace, so it is the slot's alone). */
static void forget_keys(void)
{
    (void)syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);
    (void)syscall(SYS_keyctl, KEYCTL_CLEAR, KEY_SPEC_USER_KEYRING);
    (void)syscall(SYS_keyctl, KEYCTL_CLEAR, KEY_SPEC_USER_SESSION_KEYRING);
}

/* Both in one piece: the slot process wakes once. */
static void tell_all(int status, const struct unit_end *end, const struct unit_collected *collected)
{
    const struct iovec parts[] = {
        {(void *)(uintptr_t)end,       sizeof *end      },
        {(void *)(uintptr_t)collected, sizeof *collected},
    };
    _Static_assert(sizeof *end + sizeof *collected <= PIPE_BUF, "written whole or not at all");
    (void)!writev(status, parts, 2);
}

static _Noreturn void init_main(const struct init *init)
{
    struct unit_end end = {0};
    struct unit_collected collected = {0};
    int upper = -1;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (is_orphan(init->status)) {
        _exit(1);
    }
    (void)prctl(PR_SET_NAME, "sluice-init");
    /* A unit has our uid: it must reach neither our memory nor our descriptors. */
    (void)prctl(PR_SET_DUMPABLE, 0);
    forget_keys();
    init_signals();
    init_run(init, &end, &upper);
    /* Whoever still holds these now is a leak. */
    (void)close(init->stdio->out);
    (void)close(init->stdio->err);
    if (upper < 0 || end.start_error[0] != '\0' || !collects(init->request, init->stdio)) {
        tell_all(init->status, &end, &collected);
        _exit(0);
    }
    /* The end counts from now on, whatever collecting takes. */
    if (write(init->status, &end, sizeof end) == sizeof end) {
        CLEANUP(cleanup_fd) int root = open(WORLD_ROOT, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        const struct source source = {upper, root, ended_well(&end), init->started};
        collect_all(init->context, init->request, init->stdio, &source, &collected);
    }
    (void)!write(init->status, &collected, sizeof collected);
    _exit(0);
}

static void start_isolated(struct unit_process *unit,
                           const struct unit_context *context,
                           const struct slot_request *request,
                           const struct unit_stdio *stdio,
                           unsigned serial)
{
    int status[2];
    if (pipe2(status, O_CLOEXEC) < 0) {
        keep_text(unit->end.start_error, "no descriptor left for a status pipe");
        unit->ended = unit->gone = true;
        return;
    }
    /* As fork(2), into fresh namespaces. We are single-threaded: the child may use everything. */
    long pid = syscall(SYS_clone, CLONE_NEWNS | CLONE_NEWPID | SIGCHLD, NULL, NULL, NULL, NULL);
    if (pid == 0) {
        (void)close(status[0]);
        const struct init init = {context, request, stdio, serial, status[1], unit->started};
        init_main(&init);
    }
    (void)close(status[1]);
    if (pid < 0) {
        (void)snprintf(unit->end.start_error,
                       UNIT_TEXT_MAX,
                       "cannot start a unit's init: %s; %s",
                       strerrordesc_np(errno),
                       namespace_step_help(STEP_PID));
        (void)close(status[0]);
        unit->ended = unit->gone = true;
        return;
    }
    unit->pid = (pid_t)pid;
    unit->watch = status[0];
}

/* `told`: the init has said all it had to say; taking down its mounts takes as long as the next
 * unit needs to start. */
static void finish_isolated(struct unit_process *unit, bool told)
{
    int status = 0;
    cleanup_fd(&unit->watch);
    unit->watch = -1;
    unit->leaving = told && !unit->end.left_much && !world_scratch_on_disk();
    while (!unit->leaving && waitpid(unit->pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (!unit->ended) { /* the init was killed with the unit */
        unit->end.wait_status = status;
        unit->ended = true;
    }
    unit->gone = true;
}

static void advance_isolated(struct unit_process *unit)
{
    ssize_t n = 0;
    if (!unit->ended) {
        n = read(unit->watch, &unit->end, sizeof unit->end);
        unit->ended = n == (ssize_t)sizeof unit->end;
        if (unit->ended) {
            return;
        }
    } else {
        n = read(unit->watch, &unit->collected, sizeof unit->collected);
    }
    if (n < 0 && errno == EINTR) {
        return;
    }
    const bool told = unit->ended && n == (ssize_t)sizeof unit->collected;
    if (unit->ended && !told) {
        unit->collected = (struct unit_collected){0};
        keep_text(unit->collected.collect_error,
                  "its init was killed while it collected files (out of memory?)");
    }
    finish_isolated(unit, told);
}

/* ---- in place ---- */

/* True when processes had to be killed. */
static bool end_rest_in_place(void)
{
    int64_t until = clock_mono_ns() + (int64_t)UNIT_LEAK_GRACE_MS * 1000000;
    bool killed = false;
    for (int round = 0; round < CHILDREN_ROUNDS_MAX;) {
        pid_t pid = waitpid(-1, NULL, WNOHANG);
        if (pid < 0 && errno == ECHILD) {
            return killed;
        }
        if (pid > 0) {
            continue;
        }
        if (killed || clock_mono_ns() > until) {
            (void)children_kill(NULL);
            killed = true;
            round++;
        }
        (void)poll(NULL, 0, 1);
    }
    return true;
}

static void start_in_place(struct unit_process *unit,
                           const struct unit_context *context,
                           const struct slot_request *request,
                           const struct unit_stdio *stdio)
{
    struct err err = {0};
    char folder[PATH_TEXT_MAX];
    int n = snprintf(folder, sizeof folder, "%s/%s", context->world->root, request->cwd);
    int rc =
        n > 0 && (size_t)n < sizeof folder ? 0 : err_set(&err, -ENAMETOOLONG, "cwd is too long");
    CLEANUP(cleanup_fd) int fd = rc == 0 ? open_folder(request, folder, false, &err) : rc;
    struct spawn spawn = {.folder = fd, .folder_path = folder, .dies_with_us = true};
    rc = fd < 0 ? fd : start_command(request, stdio, &spawn, &unit->pid, &err);
    if (rc == 0) {
        unit->watch = (int)syscall(SYS_pidfd_open, unit->pid, 0);
        rc = unit->watch < 0 ? err_errno(&err, "cannot watch it (pidfd_open)") : 0;
    }
    if (rc < 0) {
        if (unit->pid > 0) {
            (void)kill(-unit->pid, SIGKILL);
            (void)end_rest_in_place();
        }
        keep_text(unit->end.start_error, err.text);
        unit->ended = unit->gone = true;
    }
}

static void advance_in_place(struct unit_process *unit,
                             const struct unit_context *context,
                             const struct slot_request *request,
                             const struct unit_stdio *stdio)
{
    struct rusage usage = {0};
    int status = 0;
    pid_t pid = wait4(unit->pid, &status, WNOHANG, &usage);
    if (pid == 0 || (pid < 0 && errno == EINTR)) {
        return;
    }
    cleanup_fd(&unit->watch);
    unit->watch = -1;
    unit->end.wait_status = status;
    note_usage(&unit->end, &usage);
    unit->end.flags |= end_rest_in_place() ? FLAG_LEAKED_PROCESS : 0;
    unit->ended = true;
    if (collects(request, stdio)) {
        const struct source source = {
            context->root, context->root, ended_well(&unit->end), unit->started};
        collect_all(context, request, stdio, &source, &unit->collected);
    }
    unit->gone = true;
}

/* ---- both ---- */

void unit_start(struct unit_process *unit,
                const struct unit_context *context,
                const struct slot_request *request,
                const struct unit_stdio *stdio,
                unsigned serial)
{
    assert(request->cwd != NULL && request->argv.count > 0);
    *unit = (struct unit_process){.pid = -1, .watch = -1, .isolated = context->world->isolated};
    /* The coarse clock is the one file times come from. */
    (void)clock_gettime(CLOCK_REALTIME_COARSE, &unit->started);
    if (unit->isolated) {
        start_isolated(unit, context, request, stdio, serial);
    } else {
        start_in_place(unit, context, request, stdio);
    }
}

void unit_signal(struct unit_process *unit, enum unit_signal how)
{
    if (unit->pid <= 0 || unit->gone) {
        return;
    }
    if (!unit->isolated) {
        (void)kill(-unit->pid, how == UNIT_TERM ? SIGTERM : SIGKILL);
        return;
    }
    static const int signals[] = {
        [UNIT_TERM] = SIGTERM, [UNIT_KILL] = SIGUSR1, [UNIT_KILL_HARD] = SIGKILL};
    (void)kill(unit->pid, signals[how]);
}

void unit_advance(struct unit_process *unit,
                  const struct unit_context *context,
                  const struct slot_request *request,
                  const struct unit_stdio *stdio)
{
    if (unit->isolated) {
        advance_isolated(unit);
    } else {
        advance_in_place(unit, context, request, stdio);
    }
}
