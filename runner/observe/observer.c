/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/observer.h"

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "observe/filter.h"
#include "observe/handover.h"
#include "observe/recorder.h"
#include "observe/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct observer {
    pid_t pid;
    int socket;
    struct filter filter;
};

/* Everything the slot process has open but the standard streams and this socket is not ours. */
static void close_others(int socket)
{
    const unsigned keep = (unsigned)socket;
    if (keep > 3) {
        (void)syscall(SYS_close_range, 3U, keep - 1, 0U);
    }
    (void)syscall(SYS_close_range, keep + 1, ~0U, 0U);
}

static _Noreturn void run_supervisor(int socket, pid_t slot, const struct observed_world *world)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != slot) {
        _exit(1);
    }
    (void)prctl(PR_SET_DUMPABLE, 0);
    close_others(socket);
    _exit(supervisor_main(socket, world));
}

static int start(struct observer *observer, const struct observed_world *world, struct err *err)
{
    int ends[2];
    const pid_t slot = getpid();
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
        return err_errno(err, "cannot make a socket for the observer");
    }
    const pid_t pid = fork();
    if (pid == 0) {
        run_supervisor(ends[1], slot, world);
    }
    (void)close(ends[1]);
    if (pid < 0) {
        (void)err_errno(err, "cannot start an observer");
        (void)close(ends[0]);
        return err != NULL ? err->code : -EAGAIN;
    }
    observer->pid = pid;
    observer->socket = ends[0];
    return 0;
}

int observer_new(const struct observed_world *world, struct observer **ret, struct err *err)
{
    struct observer *observer = mem_calloc(1, sizeof *observer);
    if (observer == NULL) {
        return err_set(err, -ENOMEM, "out of memory");
    }
    observer->socket = -1;
    int rc = filter_build(world->network, &observer->filter, err);
    rc = rc == 0 ? start(observer, world, err) : rc;
    if (rc < 0) {
        observer_free(observer);
        return rc;
    }
    *ret = observer;
    return 0;
}

void observer_free(struct observer *observer)
{
    if (observer == NULL) {
        return;
    }
    cleanup_fd(&observer->socket);
    if (observer->pid > 0) {
        (void)kill(observer->pid, SIGKILL);
        while (waitpid(observer->pid, NULL, 0) < 0 && errno == EINTR) {
        }
    }
    filter_fini(&observer->filter);
    mem_free(observer);
}

/* ---- the unit's side ---- */

static void put_texts(struct str *out, const struct text_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        (void)str_append_n(out, list->items[i], strlen(list->items[i]) + 1);
    }
}

int observer_begin(struct observer *observer, const struct observed_start *start, struct err *err)
{
    CLEANUP(str_fini) struct str texts = STR_INIT(OBSERVER_START_MAX);
    (void)str_append_n(&texts, start->folder, strlen(start->folder) + 1);
    (void)str_append_n(&texts, start->program, strlen(start->program) + 1);
    put_texts(&texts, &start->layers);
    put_texts(&texts, &start->tried);
    CLEANUP(cleanup_fd) int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0 || str_error(&texts) < 0) {
        return root < 0 ? err_errno(err, "cannot open the unit's root")
                        : err_set(err, -E2BIG, "PATH is too long to be observed");
    }
    const struct handover header = {.type = HANDOVER_BEGIN,
                                    .length = (uint32_t)texts.len,
                                    .value = (int64_t)start->layers.count};
    const int rc = handover_send(observer->socket, &header, str_text(&texts), &root, 1, 0);
    return rc < 0 ? err_set(err, rc, "cannot reach the observer: %s", strerrordesc_np(-rc)) : 0;
}

int observer_attach(struct observer *observer)
{
    const int listener = filter_install(&observer->filter);
    const struct handover header = {.type = listener >= 0 ? HANDOVER_LISTENER : HANDOVER_REFUSED,
                                    .value = listener >= 0 ? 0 : -listener};
    const int rc = handover_send(
        observer->socket, &header, NULL, &listener, listener >= 0 ? 1 : 0, observer->filter.secret);
    return listener < 0 ? listener : rc;
}

/* ---- the slot's side ---- */

int observer_fd(const struct observer *observer)
{
    return observer->socket;
}

static int receive_trace(struct observer *observer,
                         uint32_t length,
                         struct arena *arena,
                         const struct trace **ret_trace,
                         struct err *err)
{
    CLEANUP(str_fini) struct str bytes = STR_INIT((size_t)2 * TRACE_BYTES_MAX);
    if (str_reserve(&bytes, length) < 0) {
        return err_set(err, -ENOMEM, "out of memory for a trace of %u bytes", length);
    }
    const int rc = handover_read(observer->socket, bytes.data, length);
    return rc < 0 ? err_set(err, rc, "the observer died: %s", strerrordesc_np(-rc))
                  : trace_unpack(bytes.data, length, arena, ret_trace, err);
}

int observer_finish(struct observer *observer,
                    struct arena *arena,
                    const struct trace **ret_trace,
                    struct err *err)
{
    struct handover header = {.type = HANDOVER_END};
    struct pollfd watched = {.fd = observer->socket, .events = POLLIN};
    int fds[HANDOVER_FDS_MAX];
    int rc = handover_send(observer->socket, &header, NULL, NULL, 0, 0);
    if (rc < 0 || poll(&watched, 1, OBSERVER_ANSWER_MS) != 1) {
        return err_set(err, -EPIPE, "the observer died");
    }
    rc = handover_receive(observer->socket, &header, fds);
    if (rc != 1) {
        return err_set(err, -EPIPE, "the observer died");
    }
    if (header.type == HANDOVER_TRACE) {
        return receive_trace(observer, header.length, arena, ret_trace, err);
    }
    if (header.type != HANDOVER_NONE) {
        return err_set(err, -EBADMSG, "the observer answered %u", header.type);
    }
    if (header.value != 0) {
        (void)err_set(err,
                      -(int)header.value,
                      "the kernel refuses a listener: %s",
                      strerrordesc_np((int)header.value));
    }
    *ret_trace = NULL;
    return 0;
}

/* ---- can it be done here? ---- */

static const char *refusal_help(int error)
{
    switch (error) {
    case EBUSY:
        return "these processes are observed already, by another sluice or sandbox: run units of "
               "sluice's own with `sandbox: none`";
    case EINVAL:
    case ENOSYS:
        return "needs Linux 5.9 or newer with CONFIG_SECCOMP_FILTER; in Docker add --security-opt "
               "seccomp=unconfined";
    default:
        return "in Docker add --security-opt seccomp=unconfined";
    }
}

bool observer_probe(struct err *err)
{
    struct sock_filter pass_all[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    const struct filter filter = {.code = pass_all, .length = 1};
    int status = 0;
    const pid_t pid = fork();
    if (pid == 0) {
        (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        const int listener = filter_install(&filter);
        _exit(listener >= 0 ? 0 : -listener);
    }
    if (pid < 0) {
        (void)err_errno(err, "fork");
        return false;
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    const int error = WIFEXITED(status) ? WEXITSTATUS(status) : EFAULT;
    if (error != 0) {
        (void)err_set(err,
                      -error,
                      "the kernel refuses a seccomp listener (%s): %s",
                      strerrordesc_np(error),
                      refusal_help(error));
    }
    return error == 0;
}
