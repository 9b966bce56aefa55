/* SPDX-License-Identifier: Apache-2.0 */
/* Tries a whole world for real, in a child that is thrown away: nothing is guessed from versions.
 */
#include "base/cleanup.h"
#include "base/file.h"
#include "exec/local.h"
#include "exec/namespace.h"
#include "observe/observer.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the child tells. */
struct answer {
    enum namespace_step step; /* first that failed, STEP_DONE */
    bool tmpfs_xattr;
    bool observed;
    char text[256];
    char observed_text[512]; /* why not; "" */
};

static _Noreturn void probe_unit(const struct world *world, int out, struct answer *answer)
{
    struct err err = {0};
    int upper = -1;
    int scratch = -1;
    const struct unit_share share = {.serial = 1};
    if (unit_world_enter(world, &share, &upper, &scratch, &answer->step, &err) < 0) {
        (void)snprintf(answer->text, sizeof answer->text, "%.200s", err.text);
    }
    answer->observed = answer->step == STEP_DONE && observer_probe(&err);
    if (answer->step == STEP_DONE && !answer->observed) {
        (void)snprintf(answer->observed_text, sizeof answer->observed_text, "%.500s", err.text);
    }
    (void)!write(out, answer, sizeof *answer);
    _exit(0);
}

static _Noreturn void probe_child(const char *folder, int out)
{
    const struct world world = {.root = folder, .isolated = true};
    struct answer answer = {0};
    struct err err = {0};
    if (world_enter(&world, folder, folder, &answer.step, &err) < 0) {
        (void)snprintf(answer.text, sizeof answer.text, "%.200s", err.text);
        (void)!write(out, &answer, sizeof answer);
        _exit(0);
    }
    answer.tmpfs_xattr = !world_scratch_on_disk();
    long pid = syscall(SYS_clone, CLONE_NEWNS | CLONE_NEWPID | SIGCHLD, NULL, NULL, NULL, NULL);
    if (pid == 0) {
        probe_unit(&world, out, &answer);
    }
    if (pid < 0) {
        answer.step = STEP_PID;
        (void)snprintf(answer.text, sizeof answer.text, "clone: %s", strerrordesc_np(errno));
        (void)!write(out, &answer, sizeof answer);
    }
    (void)waitpid((pid_t)pid, NULL, 0);
    _exit(0);
}

static void read_answer(const char *folder, struct answer *answer)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0) {
        return;
    }
    pid_t pid = fork();
    if (pid == 0) {
        (void)close(ends[0]);
        probe_child(folder, ends[1]);
    }
    (void)close(ends[1]);
    CLEANUP(cleanup_fd) int from = ends[0];
    if (pid > 0) {
        struct answer read_back = {0};
        if (read(from, &read_back, sizeof read_back) == (ssize_t)sizeof read_back) {
            *answer = read_back;
        }
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
        }
    }
}

void exec_probe(struct exec_probe *ret_probe)
{
    struct answer answer = {.step = STEP_USER, .text = "the probe did not answer"};
    char folder[] = "/tmp/sluice-probe-XXXXXX";
    if (mkdtemp(folder) != NULL) {
        read_answer(folder, &answer);
        (void)tree_remove(AT_FDCWD, folder, NULL);
    } else {
        (void)snprintf(answer.text, sizeof answer.text, "/tmp: %s", strerrordesc_np(errno));
    }
    struct exec_probe probe = {
        .user_namespaces = answer.step > STEP_USER,
        .mount_namespaces = answer.step > STEP_MOUNT,
        .net_namespaces = answer.step > STEP_NET,
        .overlay = answer.step > STEP_OVERLAY,
        .pid_namespaces = answer.step > STEP_PID,
        .tmpfs_xattr = answer.tmpfs_xattr,
        .isolated = answer.step == STEP_DONE,
        .observed = answer.observed,
    };
    (void)snprintf(probe.observed_reason,
                   sizeof probe.observed_reason,
                   "%.500s",
                   answer.step == STEP_DONE ? answer.observed_text : "units cannot be isolated");
    if (!probe.isolated) {
        (void)snprintf(probe.reason,
                       sizeof probe.reason,
                       "%.200s; %.300s",
                       answer.text,
                       namespace_step_help(answer.step));
    }
    *ret_probe = probe;
}
