/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/text.h"
#include "plugins/sdk/sdk.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Commands that only a shell has, so that no file of that name could be executed. (echo, test,
 * kill, printf, true and false are programs, too.) */
static bool is_shell_builtin(const char *word)
{
    static const char *const builtins[] = {
        ".",     ":",     "alias", "bg",       "break",  "cd",      "command", "continue",
        "eval",  "exec",  "exit",  "export",   "fc",     "fg",      "getopts", "hash",
        "jobs",  "local", "read",  "readonly", "return", "set",     "shift",   "source",
        "times", "trap",  "type",  "ulimit",   "umask",  "unalias", "unset",   "wait",
    };
    for (size_t i = 0; i < sizeof builtins / sizeof builtins[0]; i++) {
        if (strcmp(word, builtins[i]) == 0) {
            return true;
        }
    }
    return false;
}

static int shell_argv(const char *line, const char ***ret_argv, struct err *err)
{
    const char **argv = mem_calloc(4, sizeof *argv);
    if (argv == NULL) {
        return err_set(err, -ENOMEM, "out of memory for a command");
    }
    argv[0] = "/bin/sh";
    argv[1] = "-c";
    argv[2] = line;
    *ret_argv = argv;
    return 0;
}

int sdk_command_argv(const char *line, const char ***ret_argv, struct err *err)
{
    if (!shell_is_plain(line)) {
        return shell_argv(line, ret_argv, err);
    }
    char **words = NULL;
    size_t count = 0;
    int status = shell_split(line, &words, &count, err);
    if (status != 0) {
        return status;
    }
    if (count == 0 || words[0][0] == '\0' || is_shell_builtin(words[0])) {
        mem_free(words);
        return shell_argv(line, ret_argv, err);
    }
    *ret_argv = (const char **)(uintptr_t)words; /* only const is added */
    return 0;
}

/* Starts the program with its output in *ret_fd. */
static int start(
    const char *const *argv, const char *cwd, pid_t *ret_pid, int *ret_fd, struct err *err)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return err_errno(err, "cannot make a pipe");
    }
    posix_spawn_file_actions_t actions;
    int status = posix_spawn_file_actions_init(&actions);
    if (status == 0) {
        status = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        status = status != 0 ? status
                             : posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
        if (status == 0 && cwd != NULL) {
            status = posix_spawn_file_actions_addchdir_np(&actions, cwd);
        }
        if (status == 0) {
            status = posix_spawnp(
                ret_pid, argv[0], &actions, NULL, (char *const *)(uintptr_t)argv, environ);
        }
        (void)posix_spawn_file_actions_destroy(&actions);
    }
    (void)close(ends[1]);
    if (status != 0) {
        (void)close(ends[0]);
        return err_set(err, -status, "cannot start %s; is it installed?", argv[0]);
    }
    *ret_fd = ends[0];
    return 0;
}

/* Reads to the end of the output. */
static int collect(int fd, struct str *out)
{
    char buf[65536];
    ssize_t got = 0;
    while ((got = read(fd, buf, sizeof buf)) != 0) {
        if (got < 0 && errno != EINTR) {
            return -errno;
        }
        if (got > 0 && str_append_n(out, buf, (size_t)got) != 0) {
            return str_error(out);
        }
    }
    return 0;
}

static int wait_for(pid_t pid, const char *name, struct err *err)
{
    int ended = 0;
    while (waitpid(pid, &ended, 0) < 0) {
        if (errno != EINTR) {
            return err_errno(err, "cannot wait for %s", name);
        }
    }
    if (WIFSIGNALED(ended)) {
        return err_set(err, -EIO, "%s was ended by signal %d", name, WTERMSIG(ended));
    }
    if (WEXITSTATUS(ended) != 0) {
        return err_set(err, -EIO, "%s exited with %d", name, WEXITSTATUS(ended));
    }
    return 0;
}

int sdk_run(const char *const *argv, const char *cwd, struct str *out, struct err *err)
{
    pid_t pid = 0;
    CLEANUP(cleanup_fd) int fd = -1;
    int status = start(argv, cwd, &pid, &fd, err);
    if (status != 0) {
        return status;
    }
    int read_status = collect(fd, out);
    if (read_status != 0) {
        (void)kill(pid, SIGKILL);
    }
    status = wait_for(pid, argv[0], err);
    if (read_status != 0) {
        return err_set(err,
                       read_status,
                       "the output of %s cannot be read: %s",
                       argv[0],
                       read_status == -EFBIG ? "it is too long" : "out of memory or broken pipe");
    }
    return status;
}
