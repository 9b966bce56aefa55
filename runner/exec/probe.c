/* SPDX-License-Identifier: Apache-2.0 */
/* Tries a whole world for real, in a child that is thrown away: nothing is guessed from versions.
 */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/memo.h"
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
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
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

/* ---- once ---- */

/* What decides whether units can be isolated and observed; those that a machine lacks count as
 * lacking. */
static const char *const deciding[] = {
    "/proc/self/attr/current", /* the security module's label */
    "/proc/self/uid_map",
    "/proc/self/gid_map",
    "/proc/sys/user/max_user_namespaces",
    "/proc/sys/user/max_mnt_namespaces",
    "/proc/sys/user/max_pid_namespaces",
    "/proc/sys/user/max_net_namespaces",
    "/proc/sys/user/max_ipc_namespaces",
    "/proc/sys/user/max_uts_namespaces",
    "/proc/sys/kernel/unprivileged_userns_clone",
    "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
    "/proc/sys/kernel/yama/ptrace_scope",
};

/* Lines of /proc/self/status that do so; the others change all the time. */
static const char *const deciding_lines[] = {
    "Uid:", "Gid:", "Groups:", "Cap", "NoNewPrivs:", "Seccomp"};

static bool is_deciding(const char *line)
{
    for (size_t i = 0; i < sizeof deciding_lines / sizeof *deciding_lines; i++) {
        if (strncmp(line, deciding_lines[i], strlen(deciding_lines[i])) == 0) {
            return true;
        }
    }
    return false;
}

static void add_status(struct hasher *hasher)
{
    CLEANUP(str_fini) struct str status = STR_INIT(1u << 16);
    (void)file_read("/proc/self/status", &status, NULL);
    const char *line = str_text(&status);
    while (*line != '\0') {
        const size_t len = strcspn(line, "\n");
        if (is_deciding(line)) {
            hasher_add(hasher, line, len);
        }
        line += len + (line[len] == '\n');
    }
}

/* Namespaces we are in. Their numbers are used again; names of containers are not. */
static void add_surroundings(struct hasher *hasher)
{
    static const char *const spaces[] = {"/proc/self/ns/user", "/proc/self/ns/mnt"};
    struct utsname host = {0};
    struct stat st;
    (void)uname(&host);
    hasher_add_text(hasher, host.nodename);
    hasher_add_text(hasher, host.release);
    hasher_add_text(hasher, host.version);
    for (size_t i = 0; i < sizeof spaces / sizeof *spaces; i++) {
        const uint64_t number = stat(spaces[i], &st) == 0 ? (uint64_t)st.st_ino : 0;
        hasher_add(hasher, &number, sizeof number);
    }
    const uint64_t device = stat("/tmp", &st) == 0 ? (uint64_t)st.st_dev : 0;
    hasher_add(hasher, &device, sizeof device);
}

static bool probe_key(struct hash *ret_key)
{
    struct hasher *hasher = hasher_new();
    if (hasher == NULL) {
        return false;
    }
    hasher_begin(hasher);
    hasher_add_text(hasher, "units can be isolated and observed, 1");
    const bool good = memo_add_boot(hasher) && memo_add_file(hasher, "/proc/self/exe");
    add_status(hasher);
    add_surroundings(hasher);
    for (size_t i = 0; i < sizeof deciding / sizeof *deciding; i++) {
        (void)memo_add_content(hasher, deciding[i]);
    }
    *ret_key = hasher_end(hasher);
    hasher_free(hasher);
    return good;
}

void exec_probe_once(const char *folder, struct exec_probe *ret_probe)
{
    static const char *const words[] = {"without attributes", "with attributes"};
    CLEANUP(str_fini) struct str known = STR_INIT(64);
    struct hash key;
    const bool has_key = probe_key(&key);
    if (has_key && memo_find(folder, &key, &known)) {
        *ret_probe = (struct exec_probe){
            .user_namespaces = true,
            .mount_namespaces = true,
            .pid_namespaces = true,
            .net_namespaces = true,
            .overlay = true,
            .tmpfs_xattr = strcmp(str_text(&known), words[1]) == 0,
            .isolated = true,
            .observed = true,
        };
        return;
    }
    exec_probe(ret_probe);
    if (has_key && ret_probe->isolated && ret_probe->observed) {
        const char *word = words[ret_probe->tmpfs_xattr ? 1 : 0];
        memo_keep(folder, &key, word, strlen(word));
    }
}
