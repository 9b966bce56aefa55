/* SPDX-License-Identifier: Apache-2.0 */
/* A random program, made of a seed: asks the file system all kinds of questions, changes what it
 * sees, starts processes and threads, and prints every answer it gets. So what it prints is a
 * witness: evidence that is reused for it must have the same text as a fresh run.
 *
 *     fsplay SEED [LEVEL]
 *
 * The same seed asks the same questions in the same order as long as it gets the same answers.
 * Printed are only things a tree determines: no inode, no time, no order of a folder. A program of
 * an even seed is talkative: it tells of all it can ask, so that another answer shows in its text;
 * needless misses are counted on those. One of an odd seed asks only what it must: a question that
 * is missed shows there. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

/* Steps of one process; most end earlier by starting others. */
#define STEPS 14
/* Processes start processes this deep. */
#define LEVEL_MAX 2
#define NAMES_MAX 64
#define PATH_SIZE 512

static uint64_t state;
static bool talkative; /* tells of each name on the way what it is: nothing it asks stays secret */
static int level;
static const char *self;

static uint64_t next(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static unsigned below(unsigned n)
{
    return (unsigned)(next() >> 11) % n;
}

/* The words paths are made of; the tree of the driver uses the same. */
static const char *const words[] = {"a", "b", "c", "d", "lib", "x.txt"};

static void make_path(char *path)
{
    static const char *const starts[] = {
        "", "", "", "", "./", "/src/", "../src/", "/tmp/", "/proc/self/cwd/"};
    size_t len =
        (size_t)snprintf(path, PATH_SIZE, "%s", starts[below(sizeof starts / sizeof *starts)]);
    unsigned parts = 1 + below(3);
    for (unsigned i = 0; i < parts; i++) {
        const char *word = below(12) == 0 ? ".." : words[below(sizeof words / sizeof *words)];
        len += (size_t)snprintf(path + len, PATH_SIZE - len, "%s%s", i > 0 ? "/" : "", word);
    }
    if (below(20) == 0) {
        (void)snprintf(path + len, PATH_SIZE - len, "/");
    }
}

/* The root of the world has /proc below it, where every run finds something else. */
static bool leads_out(const char *path)
{
    char real[PATH_MAX];
    return realpath(path, real) != NULL && strncmp(real, "/src", 4) != 0
           && strncmp(real, "/tmp", 4) != 0;
}

static void say(const char *what, const char *path, int result)
{
    printf("%d %s %s: %s\n", level, what, path, result < 0 ? strerrorname_np(errno) : "ok");
}

static void say_stat(const char *what, const char *path, int result, const struct stat *st)
{
    if (result < 0) {
        say(what, path, result);
        return;
    }
    printf("%d %s %s: type %o", level, what, path, (unsigned)(st->st_mode & S_IFMT) >> 12);
    if (S_ISREG(st->st_mode)) {
        printf(" mode %o size %lld", (unsigned)st->st_mode & 0777, (long long)st->st_size);
    } else if (S_ISLNK(st->st_mode)) {
        printf(" size %lld", (long long)st->st_size);
    }
    printf("\n");
}

/* Everything that can be read from a descriptor, as a number, and what kind of file it is. */
static void say_content(const char *what, const char *path, int fd)
{
    struct stat st;
    if (fstat(fd, &st) == 0) {
        say_stat(what, path, 0, &st);
    }
    unsigned char bytes[4096];
    uint64_t sum = 1469598103934665603ull;
    long long total = 0;
    ssize_t n = 0;
    while ((n = read(fd, bytes, sizeof bytes)) > 0) {
        for (ssize_t i = 0; i < n; i++) {
            sum = (sum ^ bytes[i]) * 1099511628211ull;
        }
        total += n;
    }
    if (n < 0) {
        say(what, path, -1);
    } else {
        printf("%d %s %s: %lld bytes %016llx\n", level, what, path, total, (unsigned long long)sum);
    }
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void say_listing(const char *what, const char *path, DIR *dir)
{
    char *names[NAMES_MAX];
    size_t count = 0;
    for (struct dirent *entry = NULL; count < NAMES_MAX && (entry = readdir(dir)) != NULL;) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0
            && asprintf(&names[count], "%s:%d", entry->d_name, entry->d_type) >= 0) {
            count++;
        }
    }
    qsort(names, count, sizeof *names, compare);
    printf("%d %s %s:", level, what, path);
    for (size_t i = 0; i < count; i++) {
        printf(" %s", names[i]);
        free(names[i]);
    }
    printf("\n");
}

/* All there is at a path, so that what was only moved is told too. */
static void say_all(const char *path)
{
    struct stat st;
    if (lstat(path, &st) < 0) {
        return;
    }
    if (S_ISREG(st.st_mode)) {
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd >= 0) {
            say_content("moved", path, fd);
            close(fd);
        }
    } else if (S_ISDIR(st.st_mode)) {
        char line[2 * PATH_SIZE];
        (void)snprintf(
            line,
            sizeof line,
            "find %s -printf '%%P %%M %%l\\n' | sort; find %s -type f | sort | xargs -r cat",
            path,
            path);
        (void)fflush(stdout);
        (void)!system(line);
    }
}

static void tell(const char *path, int hops);

/* ---- questions ---- */

static void ask_stat(const char *path)
{
    struct stat st;
    say_stat("stat", path, stat(path, &st), &st);
}

static void ask_lstat(const char *path)
{
    struct stat st;
    say_stat("lstat", path, lstat(path, &st), &st);
}

static void ask_statx(const char *path)
{
    struct statx sx;
    int rc =
        statx(AT_FDCWD, path, below(2) ? AT_SYMLINK_NOFOLLOW : 0, STATX_TYPE | STATX_SIZE, &sx);
    if (rc < 0 || !S_ISREG(sx.stx_mode)) {
        say("statx", path, rc);
    } else {
        printf("%d statx %s: size %llu\n", level, path, (unsigned long long)sx.stx_size);
    }
}

static void ask_access(const char *path)
{
    static const int modes[] = {F_OK, R_OK, X_OK};
    say("access", path, faccessat(AT_FDCWD, path, modes[below(3)], 0));
    ask_lstat(path);
}

static void ask_read(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        say("open", path, -1);
        return;
    }
    say_content("read", path, fd);
    close(fd);
}

static void ask_map(const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size == 0) {
        say("map", path, fd < 0 ? -1 : 0);
    } else {
        const char *bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        printf("%d map %s: %d %d\n", level, path, bytes[0], bytes[st.st_size - 1]);
        munmap((void *)(uintptr_t)bytes, (size_t)st.st_size);
    }
    if (fd >= 0) {
        close(fd);
    }
}

static void ask_link(const char *path)
{
    char target[PATH_SIZE];
    ssize_t n = readlink(path, target, sizeof target - 1);
    if (n < 0) {
        say("readlink", path, -1);
    } else {
        printf("%d readlink %s: %.*s\n", level, path, (int)n, target);
    }
}

static void ask_list(const char *path)
{
    DIR *dir = opendir(path);
    if (dir == NULL) {
        say("opendir", path, -1);
        return;
    }
    say_listing("list", path, dir);
    closedir(dir);
}

/* A folder opened, then names asked relative to it. */
static void ask_at(const char *path)
{
    char name[PATH_SIZE];
    int dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0) {
        say("open folder", path, -1);
        return;
    }
    (void)snprintf(name, sizeof name, "%s", words[below(sizeof words / sizeof *words)]);
    struct stat st;
    say_stat("fstatat", name, fstatat(dir, name, &st, 0), &st);
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        say("openat", name, -1);
    } else {
        say_content("readat", name, fd);
        close(fd);
    }
    close(dir);
}

static void ask_openat2(const char *path)
{
    static const uint64_t rules[] = {
        0, RESOLVE_NO_SYMLINKS, RESOLVE_BENEATH, RESOLVE_NO_MAGICLINKS};
    struct open_how how = {.flags = O_RDONLY | O_CLOEXEC, .resolve = rules[below(4)]};
    int fd = -1;
    do { /* a way through ".." is refused while anything on the machine is renamed: openat2(2) */
        fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
    } while (fd < 0 && errno == EAGAIN);
    if (fd < 0) {
        say("openat2", path, -1);
        return;
    }
    say_content("openat2", path, fd);
    close(fd);
}

static void ask_walk(const char *path)
{
    char here[PATH_SIZE];
    say("chdir", path, chdir(path));
    printf("%d cwd %s\n", level, getcwd(here, sizeof here) != NULL ? here : strerrorname_np(errno));
}

/* ---- changes ---- */

static void do_write(const char *path, int flags, const char *what)
{
    int fd = open(path, flags | O_CLOEXEC, below(2) ? 0644 : 0755);
    if (fd < 0) {
        say(what, path, -1);
        return;
    }
    printf("%d %s %s: ok %zd\n", level, what, path, write(fd, "written\n", 8));
    close(fd);
}

static void do_create(const char *path)
{
    do_write(path, O_WRONLY | O_CREAT | O_EXCL, "create");
}

static void do_overwrite(const char *path)
{
    do_write(path, O_WRONLY | O_CREAT | O_TRUNC, "overwrite");
}

static void do_append(const char *path)
{
    do_write(path, O_WRONLY | O_APPEND, "append");
    ask_read(path);
}

static void do_update(const char *path)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        say("update", path, -1);
        return;
    }
    (void)!pwrite(fd, "U", 1, 0);
    say_content("update", path, fd);
    close(fd);
}

static void do_mkdir(const char *path)
{
    say("mkdir", path, mkdir(path, 0755));
}

static void do_rmdir(const char *path)
{
    ask_list(path);
    say("rmdir", path, rmdir(path));
}

static void do_unlink(const char *path)
{
    ask_lstat(path);
    say("unlink", path, unlink(path));
}

static void do_rename(const char *path)
{
    char to[PATH_SIZE];
    make_path(to);
    if (talkative) {
        tell(to, 0);
        say_all(path);
        ask_list(to);
    }
    int rc = rename(path, to);
    say("rename", path, rc);
    printf("   -> %s\n", to);
    if (rc == 0) {
        say_all(to);
    }
}

static void do_hardlink(const char *path)
{
    char to[PATH_SIZE];
    make_path(to);
    int rc = link(path, to);
    say("link", path, rc);
    printf("   -> %s\n", to);
    if (rc == 0) {
        say_all(to);
    }
}

static void do_symlink(const char *path)
{
    char target[PATH_SIZE];
    make_path(target);
    say("symlink", path, symlink(target, path));
    printf("   -> %s\n", target);
}

static void do_chmod(const char *path)
{
    ask_stat(path);
    say("chmod", path, chmod(path, below(2) ? 0644 : 0755));
}

static void do_truncate(const char *path)
{
    int rc = truncate(path, below(20));
    say("truncate", path, rc);
    if (rc == 0) {
        say_all(path);
    }
}

static void do_tmpfile(const char *path)
{
    int fd = open(path, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    say("tmpfile", path, fd);
    if (fd >= 0) {
        close(fd);
    }
}

static void do_utimes(const char *path)
{
    const struct timespec times[2] = {
        {1, 0},
        {1, 0}
    };
    ask_stat(path);
    say("utimes", path, utimensat(AT_FDCWD, path, times, 0));
}

/* ---- processes ---- */

static void play(unsigned steps);

static void flush_and_wait(pid_t pid)
{
    int status = 0;
    (void)waitpid(pid, &status, 0);
    printf("%d child: %d\n", level, WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
}

static void do_fork(const char *path)
{
    (void)path;
    (void)fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        level++;
        play(STEPS / 2);
        (void)fflush(stdout);
        _exit((int)below(4));
    }
    flush_and_wait(pid);
}

static void run(char *const argv[])
{
    (void)fflush(stdout);
    pid_t pid = vfork();
    if (pid == 0) {
        execvp(argv[0], argv);
        _exit(127);
    }
    flush_and_wait(pid);
}

static void do_exec(const char *path)
{
    (void)path;
    char seed[32];
    char depth[16];
    (void)snprintf(seed, sizeof seed, "%llu", (unsigned long long)(next() << 1 | !talkative));
    (void)snprintf(depth, sizeof depth, "%d", level + 1);
    char *argv[] = {(char *)(uintptr_t)self, seed, depth, NULL};
    run(argv);
}

/* A file of the tree executed: a script, or nothing that can be. */
static void do_exec_path(const char *path)
{
    char *argv[] = {(char *)(uintptr_t)path, NULL};
    if (strchr(path, '/') != NULL) {
        run(argv);
    }
}

static void do_shell(const char *path)
{
    static const char *const lines[] = {
        "cat %s",
        "ls %s | sort",
        "test -x %s && echo executable",
        "cp %s copy && cat copy",
        "for f in %s/*; do test -f $f && cat $f; done",
        "find %s -type f | sort",
        "grep -r w %s | sort",
        "cd %s && pwd && ls | sort",
        "mv %s moved && cat moved",
        "echo more >> %s && cat %s",
        "test -L %s && readlink %s",
    };
    char line[2 * PATH_SIZE];
    const char *form = lines[below(sizeof lines / sizeof *lines)];
    size_t len = 0;
    for (const char *at = form; *at != '\0' && len < sizeof line - PATH_SIZE; at++) {
        if (at[0] == '%' && at[1] == 's') {
            len += (size_t)snprintf(line + len, sizeof line - len, "%s", path);
            at++;
        } else {
            line[len++] = *at;
        }
    }
    line[len] = '\0';
    char *argv[] = {"sh", "-c", line, NULL};
    printf("%d sh %s\n", level, line);
    run(argv);
}

static void *thread_main(void *argument)
{
    ask_stat(argument);
    ask_read(argument);
    return NULL;
}

static void do_thread(const char *path)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, thread_main, (void *)(uintptr_t)path) == 0) {
        (void)pthread_join(thread, NULL);
    }
}

/* A descriptor opened by one process and read by another. */
static void do_pass(const char *path)
{
    int ends[2];
    (void)fflush(stdout);
    if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends) < 0) {
        return;
    }
    char byte = 0;
    struct iovec io = {&byte, 1};

    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct msghdr message = {
        .msg_iov = &io, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    pid_t pid = fork();
    if (pid == 0) {
        int fd = open(path, O_RDONLY);
        control.header = (struct cmsghdr){
            .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof fd)};
        memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
        message.msg_controllen = fd < 0 ? 0 : sizeof control;
        message.msg_control = fd < 0 ? NULL : &control;
        (void)!sendmsg(ends[0], &message, 0);
        _exit(0);
    }
    (void)!recvmsg(ends[1], &message, MSG_CMSG_CLOEXEC);
    flush_and_wait(pid);
    if (message.msg_controllen >= CMSG_LEN(sizeof(int))) {
        int fd = -1;
        memcpy(&fd, CMSG_DATA(&control.header), sizeof fd);
        say_content("passed", path, fd);
        close(fd);
    } else {
        printf("%d passed %s: nothing\n", level, path);
    }
    close(ends[0]);
    close(ends[1]);
}

/* What every name on the way is, and where every link leads. */
static void tell(const char *path, int hops)
{
    char part[2 * PATH_SIZE];
    char target[PATH_SIZE];
    const size_t len = strlen(path);
    for (size_t i = 1; i <= len && hops < 6; i++) {
        if (path[i] != '/' && path[i] != '\0') {
            continue;
        }
        struct stat st;
        (void)snprintf(part, sizeof part, "%.*s", (int)i, path);
        say_stat("way", part, lstat(part, &st), &st);
        ssize_t n = readlink(part, target, sizeof target - 1);
        if (n > 0) {
            target[n] = '\0';
            printf("%d way %s -> %s\n", level, part, target);
            const char *slash = target[0] == '/' ? NULL : strrchr(part, '/');
            char next_path[2 * PATH_SIZE + PATH_SIZE + 2];
            (void)snprintf(next_path,
                           sizeof next_path,
                           "%.*s%s%s",
                           slash != NULL ? (int)(slash - part + 1) : 0,
                           part,
                           target,
                           path + i);
            tell(next_path, hops + 1);
            return;
        }
    }
}

static void play(unsigned steps)
{
    static void (*const plays[])(const char *path) = {
        ask_stat,  ask_stat,  ask_lstat,    ask_statx,  ask_access,   ask_read,    ask_read,
        ask_read,  ask_map,   ask_link,     ask_list,   ask_list,     ask_at,      ask_openat2,
        ask_walk,  do_create, do_overwrite, do_append,  do_update,    do_mkdir,    do_rmdir,
        do_unlink, do_rename, do_hardlink,  do_symlink, do_chmod,     do_truncate, do_tmpfile,
        do_utimes, do_thread, do_pass,      do_shell,   do_exec_path, do_fork,     do_exec,
    };
    const unsigned starters = level < LEVEL_MAX ? 0 : 2; /* the last two start more players */
    for (unsigned i = 0; i < steps; i++) {
        char path[PATH_SIZE];
        make_path(path);
        if (leads_out(path)) {
            continue;
        }
        if (talkative) {
            tell(path, 0);
        }
        plays[below((unsigned)(sizeof plays / sizeof *plays) - starters)](path);
    }
}

int main(int argc, char **argv)
{
    static char here[PATH_SIZE];
    self = realpath("/proc/self/exe", here);
    state = (argc > 1 ? strtoull(argv[1], NULL, 10) : 1) * 0x9e3779b97f4a7c15ull + 1;
    level = argc > 2 ? atoi(argv[2]) : 0;
    talkative = strtoull(argc > 1 ? argv[1] : "1", NULL, 10) % 2 == 0;
    play(STEPS);
    return below(16) == 0 ? 1 : 0;
}
