/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include "base/cleanup.h"
#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/test.h"

static const char *at(const char *name)
{
    static char buf[4][512];
    static unsigned next;
    char *path = buf[next++ % 4];
    (void)snprintf(path, sizeof buf[0], "%s/%s", test_folder(), name);
    return path;
}

static void put(const char *name, const char *text)
{
    struct err err = {0};
    if (file_write_atomic(at(name), text, strlen(text), &err) != 0) {
        fail_msg("%s", err.text);
    }
}

static void expect_text(const char *name, const char *text)
{
    struct str out = STR_INIT(1 << 20);
    assert_int_equal(file_read(at(name), &out, NULL), 0);
    assert_string_equal(str_text(&out), text);
    str_fini(&out);
}

static int open_fds(void)
{
    int count = 0;
    DIR *dir = opendir("/proc/self/fd");
    assert_non_null(dir);
    while (readdir(dir) != NULL) {
        count++;
    }
    (void)closedir(dir);
    return count;
}

static int entries(const char *path)
{
    int count = 0;
    DIR *dir = opendir(path);
    assert_non_null(dir);
    while (readdir(dir) != NULL) {
        count++;
    }
    (void)closedir(dir);
    return count - 2;
}

/* Runs a body as an ordinary user, for whom permissions count; the child's exit code 0 = good. */
static void as_nobody(int (*body)(void))
{
    assert_int_equal(chmod(test_folder(), 0777), 0);
    (void)test_folder();
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        /* Root in a world without capabilities may not become nobody, but has no more rights. */
        if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0) && errno != EPERM) {
            _exit(99);
        }
        _exit(body());
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

/* ---- reading and writing ---- */

TEST(what_was_written_is_read_and_appended)
{
    put("a/b/c.txt", "hello");
    struct str out = STR_INIT(1 << 20);
    assert_int_equal(str_append(&out, "> "), 0);
    assert_int_equal(file_read(at("a/b/c.txt"), &out, NULL), 0);
    assert_string_equal(str_text(&out), "> hello");
    str_fini(&out);
    put("a/b/c.txt", "");
    expect_text("a/b/c.txt", "");
    assert_int_equal(entries(at("a/b")), 1);
}

TEST(a_file_that_is_as_large_as_the_limit_is_read_and_one_byte_more_is_refused)
{
    put("f", "12345678");
    struct err err = {0};
    struct str out = STR_INIT(10);
    assert_int_equal(str_append(&out, "ab"), 0);
    assert_int_equal(file_read(at("f"), &out, &err), 0);
    assert_string_equal(str_text(&out), "ab12345678");
    str_fini(&out);

    str_init(&out, 9);
    assert_int_equal(str_append(&out, "ab"), 0);
    assert_int_equal(file_read(at("f"), &out, &err), -EFBIG);
    assert_non_null(strstr(err.text, "limit of 9 bytes"));
    assert_non_null(strstr(err.text, "/f"));
    assert_string_equal(str_text(&out), "ab"); /* untouched */
    assert_int_equal(str_error(&out), 0);
    str_fini(&out);
}

TEST(a_missing_file_and_a_folder_are_named_when_they_cannot_be_read)
{
    struct err err = {0};
    struct str out = STR_INIT(10);
    assert_int_equal(file_read(at("missing"), &out, &err), -ENOENT);
    assert_non_null(strstr(err.text, "/missing"));
    assert_int_equal(file_read(test_folder(), &out, &err), -EISDIR);
    assert_non_null(strstr(err.text, test_folder()));
    assert_int_equal(str_append(&out, "much more than ten"), -EFBIG);
    assert_int_equal(file_read(at("missing"), &out, &err), -ENOENT);
    put("f", "x");
    assert_int_equal(file_read(at("f"), &out, &err), -EFBIG);
    str_fini(&out);
}

TEST(a_pipe_is_read_to_its_end)
{
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    pid_t pid = fork();
    if (pid == 0) {
        static char piece[100000];
        memset(piece, 'x', sizeof piece);
        (void)close(fds[0]);
        _exit(fd_write_all(fds[1], piece, sizeof piece) == 0 ? 0 : 1);
    }
    (void)close(fds[1]);
    struct str out = STR_INIT(1 << 20);
    assert_int_equal(file_read_fd(fds[0], "the pipe", &out, NULL), 0);
    assert_int_equal(out.len, 100000);
    str_fini(&out);
    (void)close(fds[0]);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

TEST(short_memory_while_reading_is_an_error_and_leaves_the_buffer)
{
    put("f", "12345678");
    struct str out = STR_INIT(100);
    struct err err = {0};
    (void)mem_fail_from(1);
    int result = file_read(at("f"), &out, &err);
    (void)mem_fail_from(0);
    assert_int_equal(result, -ENOMEM);
    assert_string_equal(str_text(&out), "");
    str_fini(&out);
}

TEST(a_non_blocking_pipe_gets_all_bytes)
{
    int fds[2];
    assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
    pid_t pid = fork();
    if (pid == 0) {
        static char piece[1 << 20];
        (void)close(fds[0]);
        _exit(fd_write_all(fds[1], piece, sizeof piece) == 0 ? 0 : 1);
    }
    (void)close(fds[1]);
    assert_int_equal(fcntl(fds[0], F_SETFL, 0), 0);
    struct str out = STR_INIT(2 << 20);
    assert_int_equal(file_read_fd(fds[0], "the pipe", &out, NULL), 0);
    assert_int_equal(out.len, 1 << 20);
    str_fini(&out);
    (void)close(fds[0]);
    int status = 1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(fd_write_all(-1, "x", 1), -EBADF);
}

TEST(an_atomic_write_that_fails_leaves_the_old_file_and_no_litter)
{
    put("d/f", "old");
    struct err err = {0};
    struct rlimit old;
    struct rlimit small = {4, 0};
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small.rlim_max = old.rlim_max;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    int result = file_write_atomic(at("d/f"), "much longer", 11, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    (void)signal(SIGXFSZ, handler);
    assert_int_equal(result, -EFBIG);
    assert_non_null(strstr(err.text, "d/f"));
    expect_text("d/f", "old");
    assert_int_equal(entries(at("d")), 1);
    assert_int_equal(file_write_atomic(at("d"), "x", 1, &err), -EISDIR);
    assert_int_equal(entries(test_folder()), 1);
    assert_int_equal(file_write_atomic(at("d/f/g"), "x", 1, &err), -ENOTDIR);
}

TEST(a_written_file_has_the_mode_that_the_umask_gives)
{
    mode_t old = umask(027);
    put("f", "x");
    (void)umask(old);
    struct stat st;
    assert_int_equal(stat(at("f"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
}

/* ---- folders ---- */

TEST(a_folder_is_made_with_its_parents_and_again_without_complaint)
{
    assert_int_equal(dir_make(at("x/y//z/./"), 0755, NULL), 0);
    assert_int_equal(dir_make(at("x/y/z"), 0755, NULL), 0);
    assert_true(file_exists(at("x/y/z")));
    assert_int_equal(dir_make("/", 0755, NULL), 0);
    assert_int_equal(dir_make(".", 0755, NULL), 0);
}

TEST(a_file_in_the_way_of_a_folder_is_told)
{
    struct err err = {0};
    put("f", "x");
    assert_int_equal(dir_make(at("f"), 0755, &err), -ENOTDIR);
    assert_non_null(strstr(err.text, "/f"));
    assert_int_equal(dir_make(at("f/g/h"), 0755, &err), -ENOTDIR);
    static char path[5000];
    memset(path, 'a', sizeof path - 1);
    assert_int_equal(dir_make(path, 0755, &err), -ENAMETOOLONG);
    assert_int_equal(file_write_atomic(path, "x", 1, &err), -ENAMETOOLONG);
}

TEST(a_dangling_link_exists_and_a_missing_name_does_not)
{
    assert_int_equal(symlink("nowhere", at("link")), 0);
    assert_true(file_exists(at("link")));
    assert_false(file_exists(at("link2")));
}

/* ---- removal ---- */

TEST(a_tree_is_removed_and_what_its_links_point_to_stays)
{
    put("out/side.txt", "kept");
    put("tree/a/b/c.txt", "x");
    put("tree/d/new\nline\xff", "x");
    assert_int_equal(symlink(at("out"), at("tree/link")), 0);
    assert_int_equal(symlink(at("out/side.txt"), at("tree/a/link")), 0);
    assert_int_equal(mkfifo(at("tree/fifo"), 0600), 0);
    int before = open_fds();
    assert_int_equal(tree_remove(AT_FDCWD, at("tree"), NULL), 0);
    assert_int_equal(open_fds(), before);
    assert_false(file_exists(at("tree")));
    expect_text("out/side.txt", "kept");
    assert_int_equal(entries(test_folder()), 1);
}

TEST(a_link_to_a_folder_is_removed_itself)
{
    put("out/side.txt", "kept");
    assert_int_equal(symlink("out", at("link")), 0);
    assert_int_equal(tree_remove(AT_FDCWD, at("link"), NULL), 0);
    assert_false(file_exists(at("link")));
    expect_text("out/side.txt", "kept");
}

TEST(removing_nothing_is_success)
{
    put("f", "x");
    assert_int_equal(tree_remove(AT_FDCWD, at("missing"), NULL), 0);
    assert_int_equal(tree_remove(AT_FDCWD, at("f/below"), NULL), 0);
    assert_int_equal(tree_remove(AT_FDCWD, at("f"), NULL), 0);
    assert_false(file_exists(at("f")));
}

TEST(a_tree_is_removed_below_a_given_folder)
{
    put("tree/a/b/c.txt", "x");
    put("tree/a/d", "x");
    int fd = open(at("tree"), O_RDONLY | O_DIRECTORY);
    assert_true(fd >= 0);
    assert_int_equal(tree_remove(fd, "a/b", NULL), 0);
    assert_int_equal(entries(at("tree/a")), 1);
    assert_int_equal(tree_remove(fd, "a", NULL), 0);
    assert_int_equal(entries(at("tree")), 0);
    (void)close(fd);
}

#define DEEP_LEVELS 10000

TEST(a_tree_of_ten_thousand_levels_is_removed)
{
    put("deep/side/f", "x");
    int fd = open(at("deep"), O_RDONLY | O_DIRECTORY);
    assert_true(fd >= 0);
    for (int i = 0; i < DEEP_LEVELS; i++) {
        assert_int_equal(mkdirat(fd, "a long name for a folder", 0755), 0);
        int next = openat(fd, "a long name for a folder", O_RDONLY | O_DIRECTORY);
        assert_true(next >= 0);
        (void)close(fd);
        fd = next;
    }
    (void)close(fd);
    int before = open_fds();
    assert_int_equal(tree_remove(AT_FDCWD, at("deep"), NULL), 0);
    assert_int_equal(open_fds(), before);
    assert_int_equal(entries(test_folder()), 0);
}

TEST(a_folder_of_many_folders_and_files_is_removed)
{
    char name[64];
    assert_int_equal(mkdir(at("wide"), 0755), 0);
    for (int i = 0; i < 3000; i++) {
        (void)snprintf(name, sizeof name, "wide/folder with a rather long name %d", i);
        assert_int_equal(mkdir(at(name), 0755), 0);
        (void)snprintf(name, sizeof name, "wide/file with a rather long name %d", i);
        int fd = open(at(name), O_CREAT | O_WRONLY, 0600);
        assert_true(fd >= 0);
        (void)close(fd);
    }
    assert_int_equal(tree_remove(AT_FDCWD, at("wide"), NULL), 0);
    assert_false(file_exists(at("wide")));
}

static int remove_forbidden(void)
{
    if (mkdir(at("t"), 0755) != 0 || mkdir(at("t/a"), 0755) != 0 || mkdir(at("t/a/b"), 0755) != 0
        || mkdir(at("t/a/b/c"), 0) != 0 || mkdir(at("t/x"), 0755) != 0) {
        return 1;
    }
    if (open(at("t/a/b/f"), O_CREAT | O_WRONLY, 0) < 0 || chmod(at("t/a/b"), 0555) != 0
        || chmod(at("t/a"), 0) != 0 || chmod(at("t/x"), 0) != 0 || chmod(at("t"), 0) != 0) {
        return 2;
    }
    return tree_remove(AT_FDCWD, at("t"), NULL) == 0 && !file_exists(at("t")) ? 0 : 3;
}

TEST(folders_without_permissions_are_removed_by_their_owner)
{
    as_nobody(remove_forbidden);
    assert_int_equal(entries(test_folder()), 0);
}

static int remove_foreign(void)
{
    struct err err = {0};
    int before = open_fds();
    int result = tree_remove(AT_FDCWD, at("t"), &err);
    if (result != -EACCES || strstr(err.text, "cannot remove f (below ") == NULL) {
        return 1;
    }
    return open_fds() == before ? 0 : 2;
}

TEST(what_cannot_be_removed_is_named)
{
    put("t/a/f", "x");
    if (chown(at("t/a/f"), 12345, (gid_t)-1) != 0) {
        skip(); /* only a privileged user has files that are another's */
    }
    as_nobody(remove_foreign);
}

TEST(short_memory_during_removal_is_an_error_without_leaks)
{
    int before = open_fds();
    size_t n = 1;
    int result = -ENOMEM;
    for (; result != 0; n++) {
        put("t/a/b/f", "x");
        (void)mem_fail_from(n);
        result = tree_remove(AT_FDCWD, at("t"), NULL);
        (void)mem_fail_from(0);
        assert_true(result == 0 || result == -ENOMEM);
        assert_int_equal(open_fds(), before);
    }
    assert_true(n > 3);
    assert_false(file_exists(at("t")));
}

/* A process that goes on writing while its tree is removed. */
TEST(a_tree_that_is_being_filled_does_not_hang_removal)
{
    assert_int_equal(mkdir(at("t"), 0755), 0);
    char path[512];
    (void)snprintf(path, sizeof path, "%s", at("t/x"));
    pid_t pid = fork();
    if (pid == 0) {
        for (;;) {
            int fd = open(path, O_CREAT | O_WRONLY, 0600);
            (void)close(fd);
        }
    }
    int result = tree_remove(AT_FDCWD, at("t"), NULL);
    assert_true(result == 0 || result == -ENOTEMPTY);
    (void)kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_int_equal(tree_remove(AT_FDCWD, at("t"), NULL), 0);
}

/* ---- copying ---- */

static int folder_fd(const char *name)
{
    int fd = open(at(name), O_RDONLY | O_DIRECTORY);
    assert_true(fd >= 0);
    return fd;
}

TEST(files_links_and_folders_are_copied_with_their_permissions)
{
    put("from/a/f", "text");
    assert_int_equal(chmod(at("from/a/f"), 0751), 0);
    assert_int_equal(symlink("nowhere", at("from/link")), 0);
    assert_int_equal(mkdir(at("from/dir"), 0700), 0);
    assert_int_equal(mkdir(at("to"), 0755), 0);
    int from = folder_fd("from");
    int to = folder_fd("to");
    int before = open_fds();
    assert_int_equal(file_copy_at(from, "a/f", to, "x/y/f", NULL), 0);
    assert_int_equal(file_copy_at(from, "a/f", to, "x/y/f", NULL), 0); /* replaced */
    assert_int_equal(file_copy_at(from, "link", to, "link", NULL), 0);
    assert_int_equal(file_copy_at(from, "dir", to, "dir", NULL), 0);
    assert_int_equal(file_copy_at(from, "dir", to, "dir", NULL), 0);
    assert_int_equal(open_fds(), before);
    (void)close(from);
    (void)close(to);
    expect_text("to/x/y/f", "text");
    struct stat st;
    assert_int_equal(stat(at("to/x/y/f"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0751);
    assert_int_equal(stat(at("to/dir"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    char target[64] = {0};
    assert_int_equal(readlink(at("to/link"), target, sizeof target - 1), 7);
    assert_string_equal(target, "nowhere");
}

TEST(a_copy_by_path_makes_parents)
{
    put("f", "text");
    char from[512];
    (void)snprintf(from, sizeof from, "%s", at("f"));
    assert_int_equal(file_copy_at(AT_FDCWD, from, AT_FDCWD, at("p/q/f"), NULL), 0);
    expect_text("p/q/f", "text");
}

/* A unit may leave a file that claims more than the disk holds. */
TEST(a_hole_is_copied_as_a_hole)
{
    const off_t size = (off_t)1 << 30;
    struct stat st;
    char bytes[4] = "";
    int fd = open(at("sparse"), O_RDWR | O_CREAT, 0644);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, "one", 3, 100000), 3);
    assert_int_equal(pwrite(fd, "two", 3, size / 2), 3);
    assert_int_equal(ftruncate(fd, size), 0);
    (void)close(fd);
    char from[512];
    (void)snprintf(from, sizeof from, "%s", at("sparse"));
    assert_int_equal(file_copy_at(AT_FDCWD, from, AT_FDCWD, at("copy"), NULL), 0);
    fd = open(at("copy"), O_RDONLY);
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_size, size);
    assert_true(st.st_blocks < 4096);
    assert_int_equal(pread(fd, bytes, 3, 100000), 3);
    assert_string_equal(bytes, "one");
    assert_int_equal(pread(fd, bytes, 3, size / 2), 3);
    assert_string_equal(bytes, "two");
    (void)close(fd);
}

TEST(a_file_that_is_all_hole_keeps_its_size)
{
    struct stat st;
    put("hole", "");
    char from[512];
    (void)snprintf(from, sizeof from, "%s", at("hole"));
    assert_int_equal(truncate(from, 1 << 20), 0);
    assert_int_equal(file_copy_at(AT_FDCWD, from, AT_FDCWD, at("copy"), NULL), 0);
    assert_int_equal(stat(at("copy"), &st), 0);
    assert_int_equal(st.st_size, 1 << 20);
}

TEST(a_copy_gives_no_rights_of_its_own)
{
    struct stat st;
    put("tool", "x");
    char from[512];
    (void)snprintf(from, sizeof from, "%s", at("tool"));
    assert_int_equal(chmod(from, 06755), 0);
    assert_int_equal(file_copy_at(AT_FDCWD, from, AT_FDCWD, at("copy"), NULL), 0);
    assert_int_equal(stat(at("copy"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0755);
}

TEST(a_file_of_proc_that_claims_to_be_empty_is_copied_whole)
{
    assert_int_equal(file_copy_at(AT_FDCWD, "/proc/self/status", AT_FDCWD, at("status"), NULL), 0);
    struct stat st;
    assert_int_equal(stat(at("status"), &st), 0);
    assert_true(st.st_size > 100);
}

/* A unit may leave `out -> /etc`: collecting out/passwd must not read the host's file, and copying
 * into such a folder must not write there. */
TEST(links_on_the_way_are_not_followed_below_a_given_folder)
{
    put("secret/f", "secret");
    put("from/f", "text");
    assert_int_equal(symlink("../secret", at("from/out")), 0);
    assert_int_equal(mkdir(at("to"), 0755), 0);
    assert_int_equal(symlink("../secret", at("to/out")), 0);
    assert_int_equal(symlink("../secret/f", at("to/f")), 0);
    int from = folder_fd("from");
    int to = folder_fd("to");
    struct err err = {0};
    int result = file_copy_at(from, "out/f", to, "g", &err);
    assert_true(result == -ELOOP || result == -ENOTDIR);
    assert_non_null(strstr(err.text, "a link or a file stands where a folder is needed"));
    result = file_copy_at(from, "f", to, "out/f", &err);
    assert_true(result == -ELOOP || result == -ENOTDIR);
    assert_int_equal(file_copy_at(from, "../secret/f", to, "g", &err), -EINVAL);
    assert_int_equal(file_copy_at(from, "f", to, "/f", &err), -EINVAL);
    assert_int_equal(file_copy_at(from, "f", to, "f", &err), 0); /* the link itself is replaced */
    (void)close(from);
    (void)close(to);
    expect_text("secret/f", "secret");
    expect_text("to/f", "text");
}

TEST(what_is_no_file_link_or_folder_is_not_copied)
{
    struct err err = {0};
    char fifo[512];
    (void)snprintf(fifo, sizeof fifo, "%s", at("fifo"));
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_int_equal(file_copy_at(AT_FDCWD, fifo, AT_FDCWD, at("x"), &err), -EOPNOTSUPP);
    assert_non_null(strstr(err.text, "pipe"));
    assert_int_equal(file_copy_at(AT_FDCWD, at("missing"), AT_FDCWD, at("x"), &err), -ENOENT);
    assert_int_equal(file_copy_at(AT_FDCWD, at("no/dir"), AT_FDCWD, at("x"), &err), -ENOENT);
    assert_false(file_exists(at("x")));
}

/* ---- paths ---- */

/* A pipeline file that was a named pipe made `lint` wait for ever. */
TEST(what_is_no_regular_file_is_refused_at_once)
{
    CLEANUP(str_fini) struct str text = STR_INIT(4096);
    struct err err = {0};
    char path[512];
    (void)snprintf(path, sizeof path, "%s/file", test_folder());
    assert_int_equal(file_write_atomic(path, "hello", 5, &err), 0);
    assert_int_equal(file_read_regular(path, &text, &err), 0);
    assert_string_equal(str_text(&text), "hello");
    (void)snprintf(path, sizeof path, "%s/pipe", test_folder());
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(file_read_regular(path, &text, &err), -EINVAL);
    assert_non_null(strstr(err.text, "/pipe is no regular file but a named pipe"));
    assert_int_equal(file_read_regular("/dev/zero", &text, &err), -EINVAL);
    assert_non_null(strstr(err.text, "device"));
    assert_int_equal(file_read_regular(test_folder(), &text, &err), -EISDIR);
    assert_int_equal(file_read_regular("/no/such", &text, &err), -ENOENT);
    assert_string_equal(str_text(&text), "hello");
}

TEST(paths_that_leave_their_folder_are_told_from_those_that_stay)
{
    static const char *const good[] = {"a", "a/b", ".a", "a..b/..c", "..."};
    static const char *const bad[] = {
        "", "/", "/a", "a/", "..", "a/../b", "a//b", ".", "./a", "a/."};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(path_is_inside(good[i]));
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(path_is_inside(bad[i]));
    }
}

TEST(paths_are_cleaned)
{
    static const char *const samples[][2] = {
        {"a",        "a"    },
        {"./a",      "a"    },
        {"a/./b//c", "a/b/c"},
        {"a/..",     "a/.." },
        {"/",        "/"    },
        {"//a/",     "/a"   },
        {"",         "."    },
        {".",        "."    },
        {"/.",       "/"    },
        {"a/",       "a"    },
    };
    char buf[64];
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        assert_int_equal(path_clean(samples[i][0], buf, sizeof buf), 0);
        assert_string_equal(buf, samples[i][1]);
    }
    assert_int_equal(path_clean("abcd", buf, 4), -ENAMETOOLONG);
    assert_string_equal(path_basename("a/b"), "b");
    assert_string_equal(path_basename("b"), "b");
    assert_string_equal(path_basename("a/"), "");
}
