/* SPDX-License-Identifier: Apache-2.0 */
/* The protocol of `git cat-file --batch-command --buffer`: "contents ID", "info ID", "flush", one a
 * line; answers "ID TYPE SIZE" (and the bytes and a newline for contents) or "ID missing". Requests
 * go out in groups with a flush behind each. Both directions are one socket: writing to a process
 * that is gone is an error, not a signal. */
#include "git/objects.h"

#include "base/cleanup.h"
#include "base/mem.h"
#include "git/call.h"
#include "git/folder.h"
#include "proc/run.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Bytes asked of the socket at once. */
#define READ_SIZE 65536u

/* The head line: an id, a type, a size of 20 digits. */
#define HEAD_LINE_MAX 256

int git_objects_open(const struct git_repo *repo, struct git_objects **ret_objects, struct err *err)
{
    struct git_objects *objects = mem_calloc(1, sizeof *objects);
    if (objects == NULL) {
        return err_set(err, -ENOMEM, "not enough memory to read git objects");
    }
    objects->repo = repo;
    objects->process.fd = -1;
    str_init(&objects->process.in, GIT_FOLDER_BYTES_MAX + READ_SIZE);
    str_init(&objects->settings, GIT_OUTPUT_MAX);
    str_init(&objects->complaints, GIT_ERRORS_MAX);
    *ret_objects = objects;
    return 0;
}

/* It only reads: there is nothing it must be given time for. */
static void process_end(struct object_process *process)
{
    cleanup_fd(&process->fd);
    process->fd = -1;
    if (process->pid > 0) {
        (void)kill(process->pid, SIGKILL);
        while (waitpid(process->pid, NULL, 0) < 0 && errno == EINTR) {
        }
    }
    process->pid = 0;
    str_fini(&process->in);
    process->in_at = 0;
}

void git_objects_close(struct git_objects *objects)
{
    if (objects == NULL) {
        return;
    }
    process_end(&objects->process);
    run_abandon(objects->asking);
    str_fini(&objects->settings);
    str_fini(&objects->complaints);
    for (size_t i = 0; i < objects->folders.cap; i++) {
        if (objects->folders.entries[i].key != NULL) {
            folder_free((struct git_folder *)objects->folders.entries[i].value);
        }
    }
    map_fini(&objects->folders);
    map_fini(&objects->attributes);
    for (size_t i = 0; i < objects->attribute_ids.count; i++) {
        mem_free(objects->attribute_ids.items[i]);
    }
    vec_fini(&objects->attribute_ids);
    mem_free(objects);
}

/* ---- the process ---- */

static int spawn_git(int end, const struct git_call *call, char *const *env, pid_t *ret_pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    sigset_t all;
    (void)sigemptyset(&none);
    (void)sigfillset(&all);
    int rc = posix_spawn_file_actions_init(&actions);
    if (rc != 0) {
        return -rc;
    }
    (void)posix_spawnattr_init(&attributes);
    (void)posix_spawnattr_setsigmask(&attributes, &none);
    (void)posix_spawnattr_setsigdefault(&attributes, &all);
    (void)posix_spawnattr_setpgroup(&attributes, 0); /* an interrupt at the keyboard is for us */
    (void)posix_spawnattr_setflags(
        &attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    rc = posix_spawn_file_actions_adddup2(&actions, end, STDIN_FILENO);
    rc = rc == 0 ? posix_spawn_file_actions_adddup2(&actions, end, STDOUT_FILENO) : rc;
    rc = rc == 0
             ? posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0)
             : rc;
    rc = rc == 0 ? posix_spawn_file_actions_addchdir_np(&actions, git_call_cwd(call)) : rc;
    if (rc == 0) {
        char *const *argv = (char *const *)(uintptr_t)call->argv;
        rc = posix_spawnp(ret_pid, argv[0], &actions, &attributes, argv, env);
    }
    (void)posix_spawnattr_destroy(&attributes);
    (void)posix_spawn_file_actions_destroy(&actions);
    return -rc;
}

static int process_start(struct git_objects *objects, struct err *err)
{
    static const char *const argv[] = {"git", "cat-file", "--batch-command", "--buffer", NULL};
    const struct git_call call = {.argv = argv, .repo = objects->repo};
    int ends[2];
    if (objects->process.pid > 0) {
        return 0;
    }
    CLEANUP(git_env_fini) struct git_env env = {0};
    if (git_env_build(&call, &env) != 0) {
        return err_set(err, -ENOMEM, "not enough memory to start git");
    }
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        return err_errno(err, "cannot make a socket for git");
    }
    int rc = spawn_git(ends[1], &call, env.items, &objects->process.pid);
    (void)close(ends[1]);
    if (rc != 0) {
        (void)close(ends[0]);
        objects->process.pid = 0;
        return err_set(err, rc, "cannot start git cat-file: %s", strerrordesc_np(-rc));
    }
    objects->process.fd = ends[0];
    return 0;
}

/* ---- its answers ---- */

/* Appends more of its output to the buffer. */
static int fill(struct object_process *process, struct err *err)
{
    struct pollfd watched = {.fd = process->fd, .events = POLLIN};
    if (process->in_at > 0) {
        process->in.len -= process->in_at;
        memmove(process->in.data, process->in.data + process->in_at, process->in.len);
        process->in_at = 0;
    }
    if (str_reserve(&process->in, READ_SIZE) != 0) {
        return err_set(err, str_error(&process->in), "git cat-file: an object is too large");
    }
    int ready = poll(&watched, 1, (int)GIT_CALL_TIMEOUT_MS);
    if (ready == 0) {
        return err_set(err, -ETIMEDOUT, "git cat-file does not answer");
    }
    ssize_t n =
        ready < 0 ? -1 : recv(process->fd, process->in.data + process->in.len, READ_SIZE, 0);
    if (n < 0 && errno == EINTR) {
        return 0;
    }
    if (n <= 0) {
        return err_set(err,
                       -EPIPE,
                       "git cat-file ended by itself; `git fsck` tells whether the repository is "
                       "damaged");
    }
    process->in.len += (size_t)n;
    process->in.data[process->in.len] = '\0';
    return 0;
}

/* A line of its output, terminated in place; valid until the next read. */
static int read_line(struct object_process *process, char **ret_line, struct err *err)
{
    for (;;) {
        size_t have = process->in.len - process->in_at;
        char *start = have > 0 ? process->in.data + process->in_at : NULL;
        char *end = have > 0 ? memchr(start, '\n', have) : NULL;
        if (end != NULL) {
            *end = '\0';
            process->in_at += (size_t)(end - start) + 1;
            *ret_line = start;
            return 0;
        }
        int rc = have > HEAD_LINE_MAX ? err_set(err, -EPROTO, "git cat-file: a line too long")
                                      : fill(process, err);
        if (rc != 0) {
            return rc;
        }
    }
}

/* `len` bytes of its output and the newline behind them; valid until the next read. */
static int read_bytes(struct object_process *process,
                      size_t len,
                      const char **ret_bytes,
                      struct err *err)
{
    while (process->in.len - process->in_at < len + 1) {
        int rc = fill(process, err);
        if (rc != 0) {
            return rc;
        }
    }
    *ret_bytes = process->in.data + process->in_at;
    process->in_at += len + 1;
    return 0;
}

static int parse_head(char *line, struct object_head *head, struct err *err)
{
    char *type = strchr(line, ' ');
    *head = (struct object_head){0};
    if (type == NULL) {
        return err_set(err, -EPROTO, "git cat-file said: %.100s", line);
    }
    *type++ = '\0';
    char *size = strchr(type, ' ');
    if (size == NULL) {
        return strcmp(type, "missing") == 0
                   ? 0
                   : err_set(err, -EPROTO, "git cat-file said: %.60s %.60s", line, type);
    }
    *size++ = '\0';
    char *end = NULL;
    head->size = strtoull(size, &end, 10);
    if (*end != '\0' || strlen(type) >= sizeof head->type) {
        return err_set(err, -EPROTO, "git cat-file said: %.60s %.60s", type, size);
    }
    memcpy(head->type, type, strlen(type) + 1);
    return 0;
}

static int take_answer(struct git_objects *objects,
                       const struct object_request *request,
                       size_t index,
                       struct err *err)
{
    struct object_head head;
    const char *bytes = NULL;
    char *line = NULL;
    int rc = read_line(&objects->process, &line, err);
    rc = rc == 0 ? parse_head(line, &head, err) : rc;
    if (rc == 0 && request->size_max > 0 && head.type[0] != '\0') {
        if (head.size > request->size_max) {
            return err_set(err,
                           -EFBIG,
                           "git object %s has %llu bytes; at most %llu are read",
                           request->ids[index],
                           (unsigned long long)head.size,
                           (unsigned long long)request->size_max);
        }
        rc = read_bytes(&objects->process, (size_t)head.size, &bytes, err);
    }
    return rc == 0 ? request->each(request->context, index, &head, bytes, err) : rc;
}

/* ---- requests ---- */

/* Sends all of it. It may answer before it has read everything: what it says is taken in, so that
 * neither side waits for the other. */
static int send_all(struct object_process *process, const struct str *text, struct err *err)
{
    size_t at = 0;
    while (at < text->len) {
        ssize_t n = send(process->fd, text->data + at, text->len - at, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n >= 0) {
            at += (size_t)n;
            continue;
        }
        if (errno != EAGAIN && errno != EINTR) {
            return err_errno(err, "cannot ask git cat-file");
        }
        struct pollfd watched = {.fd = process->fd, .events = POLLIN | POLLOUT};
        (void)poll(&watched, 1, (int)GIT_CALL_TIMEOUT_MS);
        int rc = (watched.revents & POLLIN) != 0 ? fill(process, err) : 0;
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

static int send_group(struct git_objects *objects,
                      const struct object_request *request,
                      size_t first,
                      size_t count,
                      struct err *err)
{
    CLEANUP(str_fini) struct str text = STR_INIT(OBJECTS_BATCH_MAX * 80u + 16);
    for (size_t i = first; i < first + count; i++) {
        (void)str_append(&text, request->size_max > 0 ? "contents " : "info ");
        (void)str_append(&text, request->ids[i]);
        (void)str_append_char(&text, '\n');
    }
    (void)str_append(&text, "flush\n");
    if (str_error(&text) != 0) {
        return err_set(err, str_error(&text), "not enough memory to ask git cat-file");
    }
    return send_all(&objects->process, &text, err);
}

int objects_ask(struct git_objects *objects, const struct object_request *request, struct err *err)
{
    int rc = process_start(objects, err);
    for (size_t first = 0; rc == 0 && first < request->count; first += OBJECTS_BATCH_MAX) {
        size_t left = request->count - first;
        size_t count = left < OBJECTS_BATCH_MAX ? left : OBJECTS_BATCH_MAX;
        rc = send_group(objects, request, first, count, err);
        for (size_t i = first; rc == 0 && i < first + count; i++) {
            rc = take_answer(objects, request, i, err);
        }
    }
    if (rc != 0) {
        process_end(&objects->process); /* what is left of its answers belongs to nobody */
    }
    return rc;
}
