/* SPDX-License-Identifier: Apache-2.0 */
#include "asker.h"

#include "base/file.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/quota.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "asker_deep.h"
#include "engine.h"
#include "support/test.h"

/* Says what went wrong on standard error; the exit code of an action. */
static int say(const char *what)
{
    (void)fprintf(stderr, "%s: %s\n", what, strerror(errno));
    return 1;
}

static int expect(long result, const char *what)
{
    return result >= 0 ? 0 : say(what);
}

/* Expects a call to be refused with this error. */
static int expect_error(long result, int error, const char *what)
{
    if (result < 0 && errno == error) {
        return 0;
    }
    (void)fprintf(stderr, "%s: result %ld, errno %d, not %d\n", what, result, errno, error);
    return 1;
}

static int read_file(int fd)
{
    char text[4096];
    return fd < 0 ? say("open") : expect(read(fd, text, sizeof text), "read");
}

/* ---- ways to open ---- */

static int ask_openat2_call(char **args)
{
    struct open_how how = {.flags = O_RDONLY};
    return read_file((int)syscall(SYS_openat2, AT_FDCWD, args[0], &how, sizeof how));
}

static int ask_in_root(char **args)
{
    struct open_how how = {.flags = O_RDONLY, .resolve = RESOLVE_IN_ROOT};
    const int root = open(args[0], O_PATH | O_DIRECTORY);
    return root < 0 ? say("open")
                    : read_file((int)syscall(SYS_openat2, root, args[1], &how, sizeof how));
}

static int ask_dirfd(char **args)
{
    const int folder = open(args[0], O_PATH | O_DIRECTORY);
    return folder < 0 ? say("open") : read_file(openat(folder, args[1], O_RDONLY));
}

static int ask_fchdir(char **args)
{
    const int folder = open(args[0], O_RDONLY | O_DIRECTORY);
    if (folder < 0 || fchdir(folder) < 0) {
        return say("fchdir");
    }
    return read_file(open(args[1], O_RDONLY));
}

static int ask_open_folder(char **args)
{
    return expect(open(args[0], O_RDONLY | O_DIRECTORY), "open");
}

static int ask_o_path(char **args)
{
    return expect(open(args[0], O_PATH), "open");
}

static int ask_reopen(char **args)
{
    char path[64];
    const int fd = open(args[0], O_PATH);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return read_file(open(path, O_RDONLY));
}

/* An overlay of an older kernel (6.1) has none of these files; it was asked all the same. */
static int ask_tmpfile(char **args)
{
    const int fd = open(args[0], O_TMPFILE | O_RDWR, 0600);
    return fd < 0 && errno == EOPNOTSUPP ? 0 : expect(fd, "open");
}

static int ask_mmap(char **args)
{
    const int fd = open(args[0], O_RDONLY);
    const char *bytes = fd < 0 ? MAP_FAILED : mmap(NULL, 1, PROT_READ, MAP_PRIVATE, fd, 0);
    return bytes == MAP_FAILED ? say("mmap") : bytes[0] == '\0';
}

static int ask_exclusive(char **args)
{
    return expect(open(args[0], O_WRONLY | O_CREAT | O_EXCL, 0600), "open");
}

static int ask_nofollow(char **args)
{
    return expect_error(open(args[0], O_RDONLY | O_NOFOLLOW), ELOOP, "open");
}

static int ask_fd_stat(char **args)
{
    struct stat st;
    const int fd = open(args[0], O_RDONLY);
    return expect(fstat(fd, &st), "fstat") + expect(fstatat(fd, "", &st, AT_EMPTY_PATH), "fstatat")
           + expect(fstatat(fd, args[1], &st, AT_EMPTY_PATH), "fstatat with a path");
}

static int ask_inotify(char **args)
{
    return expect(inotify_add_watch(inotify_init1(0), args[0], IN_CREATE), "inotify_add_watch");
}

static int ask_dlopen(char **args)
{
    return dlopen(args[0], RTLD_NOW) != NULL ? 0 : say(dlerror());
}

/* A descriptor of a folder goes over a socket; the receiver opens below it. */
static int ask_passed(char **args)
{
    int ends[2];
    const int folder = open(args[0], O_PATH | O_DIRECTORY);

    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;

    char byte = 'x';
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    if (folder < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0) {
        return say("socketpair");
    }
    memset(&control, 0, sizeof control);
    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    control.header.cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(&control.header), &folder, sizeof folder);
    if (sendmsg(ends[0], &message, 0) < 0) {
        return say("sendmsg");
    }
    const pid_t pid = fork();
    if (pid == 0) {
        int got = -1;
        (void)close(folder);
        if (recvmsg(ends[1], &message, 0) == 1) {
            memcpy(&got, CMSG_DATA(&control.header), sizeof got);
        }
        _exit(read_file(openat(got, args[1], O_RDONLY)));
    }
    int status = 1;
    (void)waitpid(pid, &status, 0);
    return status != 0;
}

/* ---- ways to start ---- */

static int wait_for(long pid)
{
    int status = 1;
    return pid < 0 || waitpid((pid_t)pid, &status, 0) < 0 ? say("start") : status != 0;
}

static int ask_vfork(char **args)
{
    const pid_t pid = vfork(); /* NOLINT(clang-analyzer-security.insecureAPI.vfork): is the point */
    if (pid == 0) {
        (void)execl(args[0], args[0], (char *)NULL);
        _exit(1);
    }
    return wait_for(pid);
}

static int ask_clone3_call(char **args)
{
    struct clone_args how = {.exit_signal = SIGCHLD};
    const long pid = syscall(SYS_clone3, &how, sizeof how);
    if (pid == 0) {
        (void)execl(args[0], args[0], (char *)NULL);
        _exit(1);
    }
    return wait_for(pid);
}

static int ask_fexecve(char **args)
{
    char *argv[] = {args[0], NULL};
    char *env[] = {NULL};
    (void)fexecve(open(args[0], O_RDONLY), argv, env);
    return say("fexecve");
}

/* Executes a copy of a file that has no name. */
static int ask_memfd_exec(char **args)
{
    char text[4096];
    char *argv[] = {args[0], NULL};
    char *env[] = {NULL};
    const int from = open(args[0], O_RDONLY);
    const int to = memfd_create(args[1], 0);
    const ssize_t n = read(from, text, sizeof text);
    if (n <= 0 || write(to, text, (size_t)n) != n) {
        return say("memfd");
    }
    (void)fexecve(to, argv, env);
    return say("fexecve");
}

static int ask_execveat(char **args)
{
    char *argv[] = {args[1], NULL};
    char *env[] = {NULL};
    (void)syscall(SYS_execveat, open(args[0], O_PATH), args[1], argv, env, 0);
    return say("execveat");
}

#define THREADS 64

static void *probe_in_thread(void *argument)
{
    char path[64];
    struct stat st;
    for (int i = 0; i < 20; i++) {
        (void)snprintf(path, sizeof path, "probe/%d/%d", (int)(intptr_t)argument, i);
        (void)stat(path, &st);
    }
    return NULL;
}

static int ask_threads(char **args)
{
    pthread_t threads[THREADS];
    (void)args;
    for (int i = 0; i < THREADS; i++) {
        if (pthread_create(&threads[i], NULL, probe_in_thread, (void *)(intptr_t)i) != 0) {
            return say("pthread_create");
        }
    }
    for (int i = 0; i < THREADS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    return 0;
}

/* ---- names that change under others ---- */

static volatile bool flip_on = true;

static void *flip(void *argument)
{
    char **args = argument;
    while (flip_on) {
        (void)rename("link", "spare");
        (void)mkdir("link", 0755);
        (void)rmdir("link");
        (void)rename("spare", "link");
    }
    (void)args;
    return NULL;
}

/* While one thread puts a link to a folder and takes it away, another reads through it. */
static int ask_flipping(char **args)
{
    pthread_t thread;
    int seen = 0;
    if (symlink(args[0], "link") < 0 || pthread_create(&thread, NULL, flip, args) != 0) {
        return say("symlink");
    }
    for (int i = 0; i < 20000 && seen < 50; i++) {
        const int fd = open("link/file", O_RDONLY);
        seen += fd >= 0;
        if (fd >= 0) {
            (void)close(fd);
        }
    }
    flip_on = false;
    (void)pthread_join(thread, NULL);
    (void)printf("%d\n", seen > 0);
    return 0;
}

/* ---- out of the world ---- */

static int ask_unshare(char **args)
{
    return expect(unshare((int)strtol(args[0], NULL, 0)), "unshare");
}

static int ask_clone(char **args)
{
    const long flags = strtol(args[0], NULL, 0) | SIGCHLD;
    const long pid = syscall(SYS_clone, flags, NULL, NULL, NULL, NULL);
    if (pid == 0) {
        _exit(0);
    }
    return wait_for(pid);
}

static int ask_clone3_flags(char **args)
{
    struct clone_args how = {.exit_signal = SIGCHLD, .flags = (uint64_t)strtol(args[0], NULL, 0)};
    const long pid = syscall(SYS_clone3, &how, sizeof how);
    if (pid == 0) {
        _exit(0);
    }
    return wait_for(pid);
}

static int ask_mount(char **args)
{
    return expect_error(mount("x", args[0], "tmpfs", 0, NULL), EPERM, "mount");
}

static int ask_chroot(char **args)
{
    return expect_error(chroot(args[0]), EPERM, "chroot");
}

static int ask_setns(char **args)
{
    return expect_error(setns(open(args[0], O_RDONLY), 0), EPERM, "setns");
}

static int ask_uring(char **args)
{
    (void)args;
    return expect_error(syscall(SYS_io_uring_setup, 4, NULL), ENOSYS, "io_uring_setup");
}

static int ask_refused(char **args)
{
    (void)args;
    return expect_error(
               syscall(SYS_open_by_handle_at, AT_FDCWD, NULL, 0), EPERM, "open_by_handle_at")
           + expect_error(syscall(SYS_userfaultfd, 0), EPERM, "userfaultfd")
           + expect_error(syscall(SYS_bpf, 0, NULL, 0), EPERM, "bpf")
           + expect_error(syscall(SYS_perf_event_open, NULL, 0, 0, 0, 0), EPERM, "perf_event_open")
           + expect_error(syscall(447, 0), ENOSYS, "memfd_secret")
           + expect_error(syscall(400), ENOSYS, "no system call")
           + expect_error(syscall(9999), ENOSYS, "a system call of the future");
}

static int ask_i386(char **args)
{
    (void)args;
#ifdef __x86_64__
    long result = 20; /* getpid */
    __asm__ volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
    return result == -ENOSYS ? 0 : 1;
#else
    return 0;
#endif
}

static int ask_x32(char **args)
{
    (void)args;
    return expect_error(syscall(0x40000000L + 39), ENOSYS, "x32");
}

static int ask_connect_call(char **args)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    (void)snprintf(name.sun_path, sizeof name.sun_path, "%s", args[0]);
    (void)connect(fd, (const struct sockaddr *)&name, sizeof name);
    return 0;
}

static int ask_sendmsg_call(char **args)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    const int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    struct msghdr message = {.msg_name = &name, .msg_namelen = sizeof name};
    struct mmsghdr many = {.msg_hdr = message};
    (void)snprintf(name.sun_path, sizeof name.sun_path, "%s", args[0]);
    (void)sendmsg(fd, &message, 0);
    (void)snprintf(name.sun_path, sizeof name.sun_path, "%s", args[1]);
    (void)sendmmsg(fd, &many, 1, 0);
    (void)snprintf(name.sun_path, sizeof name.sun_path, "%s", args[2]);
    (void)sendto(fd, "x", 1, 0, (const struct sockaddr *)&name, sizeof name);
    return 0;
}

static int ask_bind_call(char **args)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    (void)snprintf(name.sun_path, sizeof name.sun_path, "%s", args[0]);
    return expect(bind(fd, (const struct sockaddr *)&name, sizeof name), "bind");
}

static int ask_socket_call(char **args)
{
    (void)socket((int)strtol(args[0], NULL, 0), SOCK_STREAM, 0);
    return 0;
}

static int ask_listener(char **args)
{
    struct sock_filter code[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    struct sock_fprog program = {1, code};
    (void)args;
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    return expect_error(
        syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program),
        EBUSY,
        "seccomp");
}

static int ask_ptrace(char **args)
{
    (void)args;
    const pid_t pid = fork();
    if (pid == 0) {
        (void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        (void)raise(SIGSTOP);
        _exit(access("traced", F_OK) == 0 ? 0 : 7);
    }
    int status = 0;
    (void)waitpid(pid, &status, 0);
    if (!WIFSTOPPED(status)) {
        return say("ptrace");
    }
    while (!WIFEXITED(status)) {
        if (ptrace(PTRACE_SYSCALL, pid, NULL, NULL) < 0 || waitpid(pid, &status, 0) < 0) {
            return say("ptrace");
        }
    }
    return WEXITSTATUS(status) == 7 ? 0 : 1;
}

/* ---- bad manners ---- */

static int ask_unreadable(char **args)
{
    struct stat st;
    (void)args;
    char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED || munmap(page + 4096, 4096) < 0) {
        return say("mmap");
    }
    memcpy(page + 4096 - 4, "a.c", 4); /* ends with the page: fine */
    memset(page + 1024, 'x', 1024);
    int bad = expect(stat(page + 4096 - 4, &st), "at the end of a page");
    page[4095] = 'x'; /* runs into the hole */
    bad += expect_error(stat(page + 4096 - 4, &st), EFAULT, "into a hole");
    bad += expect_error(stat((const char *)1, &st), EFAULT, "a wild pointer");
    bad += expect_error(syscall(SYS_truncate, NULL, 0), EFAULT, "NULL");
    bad += expect_error(syscall(SYS_openat2, AT_FDCWD, "a.c", (void *)1, 24), EFAULT, "openat2");
    bad += expect_error(syscall(SYS_clone3, (void *)1, 88), EFAULT, "clone3");
    bad += expect_error(connect(socket(AF_UNIX, SOCK_STREAM, 0), (void *)1, 16), EFAULT, "connect");
    return bad;
}

/* The kernel reads what the program itself has closed for reading. */
static int ask_write_only(char **args)
{
    struct stat st;
    char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) {
        return say("mmap");
    }
    (void)snprintf(page, 4096, "%s", args[0]);
    if (mprotect(page, 4096, PROT_WRITE) < 0) {
        return say("mprotect");
    }
    return expect(stat(page, &st), "in a page for writing only");
}

/* By way of its own task's folder. */
static int ask_own_task(char **args)
{
    char path[200];
    (void)snprintf(path, sizeof path, "/proc/self/task/%d/%s", (int)syscall(SYS_gettid), args[0]);
    return expect(open(path, O_RDONLY), path);
}

static int ask_quota(char **args)
{
    char buf[256];
    const int rc = (int)syscall(
        SYS_quotactl, (int)((unsigned)Q_GETFMT << SUBCMDSHIFT | USRQUOTA), args[0], 0, buf);
    return expect_error(rc, ENOTBLK, "quotactl");
}

static int ask_pin(char **args)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)strtol(args[0], NULL, 10), &set);
    (void)sched_setaffinity(0, sizeof set, &set);
    return 0;
}

static int ask_long(char **args)
{
    static char path[8192];
    struct stat st;
    (void)args;
    memset(path, 'x', 300);
    int bad = expect_error(stat(path, &st), ENAMETOOLONG, "a long name");
    for (size_t i = 0; i < 4096; i += 2) {
        path[i] = '.';
        path[i + 1] = '/';
    }
    (void)snprintf(path + 4096 - 4, 4, "a.c");
    bad += expect(stat(path, &st), "the longest path");
    memset(path, '/', 5000);
    bad += expect_error(stat(path, &st), ENAMETOOLONG, "a long path");
    return bad;
}

static int ask_many(char **args)
{
    const long count = strtol(args[0], NULL, 10);
    char path[64];
    struct stat st;
    for (long i = 0; i < count; i++) {
        (void)snprintf(path, sizeof path, "many/%ld", i);
        (void)stat(path, &st);
    }
    return 0;
}

static int ask_again_and_again(char **args)
{
    struct stat st;
    const long count = strtol(args[0], NULL, 10);
    for (long i = 0; i < count; i++) {
        (void)stat("a.c", &st);
    }
    return 0;
}

static volatile char swapped[] = "swap/a";

static void *swap_letters(void *argument)
{
    while (flip_on) {
        swapped[5] = 'a';
        swapped[5] = 'b';
        swapped[4] = '\0';
        swapped[4] = '/';
    }
    return argument;
}

static int ask_swapping(char **args)
{
    pthread_t thread;
    struct stat st;
    (void)args;
    if (pthread_create(&thread, NULL, swap_letters, NULL) != 0) {
        return say("pthread_create");
    }
    for (int i = 0; i < 5000; i++) {
        (void)stat((const char *)(uintptr_t)swapped, &st);
    }
    flip_on = false;
    (void)pthread_join(thread, NULL);
    return 0;
}

static int ask_undumpable(char **args)
{
    (void)prctl(PR_SET_DUMPABLE, 0);
    return read_file(open(args[0], O_RDONLY));
}

/* ---- the table ---- */

static const struct {
    const char *name;
    int (*act)(char **args);
    int arguments;
} actions[] = {
    {"openat2",      ask_openat2_call,    1},
    {"in-root",      ask_in_root,         2},
    {"dirfd",        ask_dirfd,           2},
    {"fchdir",       ask_fchdir,          2},
    {"open-folder",  ask_open_folder,     1},
    {"o-path",       ask_o_path,          1},
    {"reopen",       ask_reopen,          1},
    {"tmpfile",      ask_tmpfile,         1},
    {"mmap",         ask_mmap,            1},
    {"exclusive",    ask_exclusive,       1},
    {"nofollow",     ask_nofollow,        1},
    {"fd-stat",      ask_fd_stat,         2},
    {"inotify",      ask_inotify,         1},
    {"dlopen",       ask_dlopen,          1},
    {"passed",       ask_passed,          2},
    {"vfork",        ask_vfork,           1},
    {"clone3",       ask_clone3_call,     1},
    {"fexecve",      ask_fexecve,         1},
    {"execveat",     ask_execveat,        2},
    {"memfd-exec",   ask_memfd_exec,      2},
    {"threads",      ask_threads,         0},
    {"flipping",     ask_flipping,        1},
    {"unshare",      ask_unshare,         1},
    {"clone-flags",  ask_clone,           1},
    {"clone3-flags", ask_clone3_flags,    1},
    {"mount",        ask_mount,           1},
    {"chroot",       ask_chroot,          1},
    {"setns",        ask_setns,           1},
    {"uring",        ask_uring,           0},
    {"refused",      ask_refused,         0},
    {"i386",         ask_i386,            0},
    {"x32",          ask_x32,             0},
    {"connect",      ask_connect_call,    1},
    {"sendmsg",      ask_sendmsg_call,    3},
    {"bind",         ask_bind_call,       1},
    {"socket",       ask_socket_call,     1},
    {"listener",     ask_listener,        0},
    {"ptrace",       ask_ptrace,          0},
    {"unreadable",   ask_unreadable,      0},
    {"write-only",   ask_write_only,      1},
    {"quota",        ask_quota,           1},
    {"own-task",     ask_own_task,        1},
    {"pin",          ask_pin,             1},
    {"long",         ask_long,            0},
    {"deep",         ask_deep,            2},
    {"many",         ask_many,            1},
    {"again",        ask_again_and_again, 1},
    {"swapping",     ask_swapping,        0},
    {"undumpable",   ask_undumpable,      1},
};

static int act(const char *name, int argc, char **args)
{
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
        if (strcmp(actions[i].name, name) == 0 && actions[i].arguments == argc) {
            return actions[i].act(args);
        }
    }
    (void)fprintf(stderr, "no action %s with %d arguments\n", name, argc);
    return 2;
}

__attribute__((constructor)) static void be_asker(int argc, char **argv)
{
    const char *slash = argc > 1 ? strrchr(argv[0], '/') : NULL;
    if (argc > 1 && strcmp(slash != NULL ? slash + 1 : argv[0], "ask") == 0) {
        const int code = act(argv[1], argc - 2, argv + 2);
        (void)fflush(NULL);
        _exit(code);
    }
}

void put_asker(const char *folder)
{
    struct err err = {0};
    char name[600];
    char target[4096];
    const ssize_t n = readlink("/proc/self/exe", target, sizeof target - 1);
    assert_true(n > 0);
    target[n] = '\0';
    (void)snprintf(name, sizeof name, "%s/ask", folder);
    if (file_copy_at(AT_FDCWD, target, AT_FDCWD, name, &err) < 0) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(chmod(name, 0755), 0);
}
