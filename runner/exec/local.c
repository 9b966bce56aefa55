/* SPDX-License-Identifier: Apache-2.0 */
/* The parent of the slot processes. Each slot has at most one process and one request; a process
 * serves one world, a request for another world gets a fresh process. libuv's memory law: a slot's
 * poll handle is heap memory of its own, freed by its close callback and by nobody else. */
#include "exec/local.h"

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "exec/exec_impl.h"
#include "exec/hidden.h"
#include "exec/message.h"
#include "proc/children.h"

#include <uv.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* The number under which a slot process finds its socket. */
#define SLOT_FD 3

/* Texts of one result: as large as a message. */
#define RESULT_ARENA_MAX (WIRE_MESSAGE_MAX + (64u << 20))

/* What is looked at of a failed unit's output for hidden paths. */
#define HINT_OUTPUT_MAX ((size_t)65536)

struct local_slot {
    struct local *local;
    unsigned number;
    pid_t pid;       /* 0 = no process */
    int fd;          /* our end of the socket; -1 */
    uv_poll_t *poll; /* NULL = not watched */
    const struct world *world;
    struct str in;
    bool busy;
    struct exec_request request; /* while busy: done, context, cwd (copied), world */
    char cwd[PATH_TEXT_MAX];
    uint64_t start[2]; /* where in out.N and err.N the present request's output begins */
};

struct local {
    struct exec exec;
    uv_loop_t *loop;
    char run_dir[PATH_TEXT_MAX];
    char program[PATH_TEXT_MAX];
    struct str out;
    unsigned jobs;
    struct local_slot slots[];
};

static void free_poll(uv_handle_t *handle)
{
    mem_free(handle);
}

/* Lets go of the process: it ends by itself when its socket closes. Idle ones end at once;
 * `kill_it` for those that do not listen. */
static void drop_process(struct local_slot *slot, bool kill_it)
{
    if (slot->poll != NULL) {
        (void)uv_poll_stop(slot->poll);
        uv_close((uv_handle_t *)slot->poll, free_poll);
        slot->poll = NULL;
    }
    cleanup_fd(&slot->fd);
    slot->fd = -1;
    if (slot->pid > 0) {
        if (kill_it) {
            (void)kill(slot->pid, SIGKILL);
        }
        while (waitpid(slot->pid, NULL, 0) < 0 && errno == EINTR) {
        }
    }
    slot->pid = 0;
    slot->world = NULL;
    str_clear(&slot->in);
}

static uint64_t capture_size(const struct local *local, const char *stream, unsigned number)
{
    char path[PATH_TEXT_MAX + 32];
    struct stat st;
    (void)snprintf(path, sizeof path, "%s/%s.%u", local->run_dir, stream, number);
    return stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

/* ---- results ---- */

/* Ends the request; afterwards the slot is free, so that done() may start the next one in it. */
static void finish(struct local_slot *slot, const struct outcome *outcome)
{
    struct outcome mine = *outcome;
    void (*done)(void *, const struct outcome *) = slot->request.done;
    void *context = slot->request.context;
    mine.slot = (int)slot->number;
    mine.attempt = 1;
    mine.final = true;
    slot->busy = false;
    done(context, &mine);
}

static void finish_error(struct local_slot *slot, const char *message)
{
    struct outcome outcome = {.status = OUTCOME_ERRORED, .exit_code = -1, .message = message};
    finish(slot, &outcome);
}

static void read_tail(const struct local *local, const struct capture *capture, struct str *out)
{
    char path[PATH_TEXT_MAX + 32];
    if (capture->len == 0) {
        return;
    }
    (void)snprintf(path, sizeof path, "%s/%s", local->run_dir, capture->file);
    CLEANUP(cleanup_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    uint64_t len = capture->len < HINT_OUTPUT_MAX ? capture->len : HINT_OUTPUT_MAX;
    if (fd >= 0 && str_reserve(out, (size_t)len) == 0) {
        ssize_t n = pread(
            fd, out->data + out->len, (size_t)len, (off_t)(capture->offset + capture->len - len));
        out->len += n > 0 ? (size_t)n : 0;
        out->data[out->len] = '\0';
    }
}

/* Adds a hint about hidden paths to an isolated unit that did not pass. */
/* What programs say of ENOSPC: in C's words, by its name. */
static bool tells_of_full_disk(const char *output)
{
    return strstr(output, "No space left on device") != NULL || strstr(output, "ENOSPC") != NULL;
}

static void add_hint(const struct local_slot *slot, struct arena *arena, struct outcome *outcome)
{
    CLEANUP(str_fini) struct str output = STR_INIT(3 * HINT_OUTPUT_MAX);
    CLEANUP(str_fini) struct str hint = STR_INIT((size_t)4 * PATH_TEXT_MAX);
    if (outcome->status == OUTCOME_PASSED || outcome->status == OUTCOME_SKIPPED
        || !slot->request.world->isolated) {
        return;
    }
    read_tail(slot->local, &outcome->err, &output);
    read_tail(slot->local, &outcome->out, &output);
    if (outcome->message != NULL) {
        (void)str_append(&output, "\n");
        (void)str_append(&output, outcome->message);
    }
    /* What filled its scratch and then cleaned up leaves no other trace, and how large a scratch is
     * depends on the machine: no outcome that another one may rest on. */
    if (tells_of_full_disk(str_text(&output))) {
        outcome->flags |= FLAG_SCRATCH_FULL;
    }
    if (hidden_explain(slot->request.world, slot->cwd, str_text(&output), output.len, &hint) > 0) {
        outcome->hint = arena_strdup(arena, str_text(&hint));
    } else if ((outcome->flags & FLAG_SCRATCH_FULL) != 0) {
        outcome->hint =
            "its scratch space is full, or was: what it writes may take a quarter of the machine's memory; run it with "
            "`sandbox: none`, or make it write less";
    }
}

/* Removes a served message from the front of the buffer. */
static void consume(struct str *in, size_t size)
{
    assert(in->len >= size);
    memmove(in->data, in->data + size, in->len - size);
    in->len -= size;
}

static void note_captures(struct local_slot *slot, const struct outcome *outcome)
{
    const struct capture *const captures[2] = {&outcome->out, &outcome->err};
    for (int i = 0; i < 2; i++) {
        if (captures[i]->len > 0) {
            slot->start[i] = captures[i]->offset + captures[i]->len;
        }
    }
}

/* The message is taken apart and consumed first: done() may start the next request, even in a new
 * process. */
static void on_result(struct local_slot *slot, size_t size)
{
    struct arena *arena = arena_new(RESULT_ARENA_MAX);
    struct wire_reader reader = {
        .data = str_text(&slot->in), .len = size, .at = sizeof(struct wire_header), .arena = arena};
    struct slot_result result = {0};
    int rc = arena != NULL ? message_get_result(&reader, &result) : -ENOMEM;
    consume(&slot->in, size);
    if (rc < 0) {
        drop_process(slot, true);
        finish_error(slot, "infrastructure: damaged result from a slot process");
        arena_free(arena);
        return;
    }
    result.outcome.flags |= slot->request.world->isolated ? 0 : FLAG_UNSANDBOXED;
    add_hint(slot, arena, &result.outcome);
    note_captures(slot, &result.outcome);
    if (result.renew) {
        drop_process(slot, false);
    }
    finish(slot, &result.outcome);
    arena_free(arena);
}

static void on_failed(struct local_slot *slot, size_t size)
{
    struct arena *arena = arena_new(RESULT_ARENA_MAX);
    struct wire_reader reader = {
        .data = str_text(&slot->in), .len = size, .at = sizeof(struct wire_header), .arena = arena};
    const char *text = arena != NULL ? wire_get_text(&reader) : NULL;
    const char *message =
        arena != NULL
            ? arena_printf(arena, "cannot make the unit's world: %s", text != NULL ? text : "?")
            : NULL;
    drop_process(slot, false);
    finish_error(slot, message != NULL ? message : "cannot make the unit's world");
    arena_free(arena);
}

/* What a slot process that died has left behind is ours now (exec_local_new()). Slots and their
 * units have sessions of their own; a helper that we run ourselves has ours. */
static void end_orphans(const struct local *local)
{
    pid_t *slots = mem_calloc(local->jobs, sizeof *slots);
    size_t count = 0;
    for (unsigned i = 0; slots != NULL && i < local->jobs; i++) {
        if (local->slots[i].pid > 0) {
            slots[count++] = local->slots[i].pid;
        }
    }
    if (slots != NULL) {
        const struct children_kept kept = {slots, count, true};
        (void)children_end(&kept);
    }
    mem_free(slots);
}

static void on_death(struct local_slot *slot)
{
    bool busy = slot->busy;
    drop_process(slot, true);
    end_orphans(slot->local);
    if (busy) {
        finish_error(slot, "infrastructure: the slot process that ran this unit died");
    }
}

/* True when a message was served and another may follow from the same process. */
static bool serve_message(struct local_slot *slot)
{
    enum wire_type type;
    size_t size = 0;
    int rc = wire_complete(&slot->in, &type, &size);
    if (rc == 0) {
        return false;
    }
    if (rc < 0) {
        on_death(slot);
    } else if (type == WIRE_RESULT && slot->busy) {
        on_result(slot, size);
    } else if (type == WIRE_FAILED && slot->busy) {
        on_failed(slot, size);
    } else {
        consume(&slot->in, size);
    }
    return slot->fd >= 0;
}

/* Bytes read at once; most results are under 300. */
#define READ_SIZE 16384

/* One read, and what it completes. False when the process is gone. */
static bool read_some(struct local_slot *slot)
{
    ssize_t n = str_reserve(&slot->in, READ_SIZE) < 0
                    ? 0
                    : read(slot->fd, slot->in.data + slot->in.len, READ_SIZE);
    if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN)) {
        on_death(slot);
        return false;
    }
    slot->in.len += n > 0 ? (size_t)n : 0;
    while (slot->fd >= 0 && serve_message(slot)) {
    }
    return slot->fd >= 0;
}

/* A peer that closed with unread requests shows as an error (POLLERR) although its last words wait
 * in the socket: libuv has stopped polling then, so they are read here to the end. */
static void on_readable(uv_poll_t *handle, int status, int events)
{
    struct local_slot *slot = handle->data;
    (void)events;
    const pid_t pid = slot->pid;
    bool more = read_some(slot);
    while (status < 0 && more && slot->pid == pid) {
        more = read_some(slot);
    }
}

/* ---- starting ---- */

static int spawn_slot(struct local_slot *slot, int theirs, struct err *err)
{
    char *const argv[] = {(char[]){"sluice"}, (char[]){"slot"}, (char[]){"3"}, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    if (posix_spawn_file_actions_init(&actions) != 0 || posix_spawnattr_init(&attributes) != 0) {
        return err_set(err, -ENOMEM, "out of memory");
    }
    (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
    int rc = posix_spawn_file_actions_adddup2(&actions, theirs, SLOT_FD);
    rc = rc == 0
             ? posix_spawn(&slot->pid, slot->local->program, &actions, &attributes, argv, environ)
             : rc;
    (void)posix_spawnattr_destroy(&attributes);
    (void)posix_spawn_file_actions_destroy(&actions);
    if (rc != 0) {
        slot->pid = 0;
        return err_set(err, -rc, "cannot start a slot process: %s", strerrordesc_np(rc));
    }
    return 0;
}

static int watch_slot(struct local_slot *slot, struct err *err)
{
    slot->poll = mem_calloc(1, sizeof *slot->poll);
    if (slot->poll == NULL) {
        return err_set(err, -ENOMEM, "out of memory");
    }
    int rc = uv_poll_init(slot->local->loop, slot->poll, slot->fd);
    if (rc < 0) {
        mem_free(slot->poll);
        slot->poll = NULL;
        return err_set(err, rc, "uv_poll_init: %s", uv_strerror(rc));
    }
    slot->poll->data = slot;
    rc = uv_poll_start(slot->poll, UV_READABLE, on_readable);
    return rc < 0 ? err_set(err, rc, "uv_poll_start: %s", uv_strerror(rc)) : 0;
}

static int send_message(struct local_slot *slot, struct err *err)
{
    struct str *out = &slot->local->out;
    int rc = str_error(out);
    size_t at = 0;
    while (rc == 0 && at < out->len) {
        ssize_t n = send(slot->fd, out->data + at, out->len - at, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR && errno != EAGAIN) {
            rc = -errno;
        }
        at += n > 0 ? (size_t)n : 0;
    }
    return rc < 0 ? err_set(err, rc, "cannot reach a slot process: %s", strerrordesc_np(-rc)) : 0;
}

static int start_process(struct local_slot *slot, const struct world *world, struct err *err)
{
    int ends[2];
    const struct slot_world message = {
        .world = *world, .run_dir = slot->local->run_dir, .slot = slot->number};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
        return err_errno(err, "socketpair");
    }
    slot->fd = ends[0];
    int rc = spawn_slot(slot, ends[1], err);
    (void)close(ends[1]);
    rc = rc == 0 ? watch_slot(slot, err) : rc;
    if (rc == 0) {
        (void)message_put_world(&slot->local->out, &message);
        rc = send_message(slot, err);
    }
    if (rc < 0) {
        drop_process(slot, true);
        return rc;
    }
    slot->world = world;
    return 0;
}

static size_t count_texts(const char *const *texts)
{
    size_t count = 0;
    while (texts[count] != NULL) {
        count++;
    }
    return count;
}

/* Paths in a request are below the run folder: the slot process knows no other. */
static const char *below_run_dir(const struct local *local, const char *path)
{
    size_t len = strlen(local->run_dir);
    return path != NULL && strncmp(path, local->run_dir, len) == 0 && path[len] == '/'
               ? path + len + 1
               : path;
}

static void put_request(struct local *local, const struct exec_request *request)
{
    const char *products[EXEC_PRODUCTS_MAX];
    assert(request->products.count <= EXEC_PRODUCTS_MAX);
    for (size_t i = 0; i < request->products.count; i++) {
        products[i] = below_run_dir(local, request->products.items[i]);
    }
    const struct slot_request message = {
        .argv = {request->argv, count_texts(request->argv)},
        .env = {request->env,  count_texts(request->env) },
        .cwd = request->cwd != NULL ? request->cwd : ".",
        .input = below_run_dir(local, request->input),
        .timeout_ms = request->timeout_ms,
        .output_max = request->output_max,
        .output_is_data = request->output_is_data,
        .errors_max = request->errors_max,
        .observe = request->observe && request->world->isolated,
        .report = request->report,
        .report_path = request->report_path,
        .products = {products,      request->products.count   },
        .outputs = request->outputs,
        .output_dir = below_run_dir(local, request->output_dir),
        .artifacts = request->artifacts,
        .artifact_dir = below_run_dir(local, request->artifact_dir),
    };
    (void)message_put_request(&local->out, &message);
}

static int local_start(struct exec *exec,
                       unsigned number,
                       const struct exec_request *request,
                       struct err *err)
{
    struct local *local = (struct local *)exec;
    assert(number < local->jobs);
    struct local_slot *slot = &local->slots[number];
    assert(!slot->busy);
    if (slot->pid != 0 && slot->world != request->world) {
        drop_process(slot, false);
    }
    int rc = slot->pid == 0 ? start_process(slot, request->world, err) : 0;
    if (rc < 0) {
        return rc;
    }
    put_request(local, request);
    rc = send_message(slot, err);
    if (rc < 0 && rc != -EPIPE && rc != -ECONNRESET) {
        drop_process(slot, true);
        return rc;
    }
    /* A process that is gone already has said why (WIRE_FAILED); that is read like any answer. */
    slot->request = *request;
    (void)snprintf(slot->cwd, sizeof slot->cwd, "%s", request->cwd != NULL ? request->cwd : ".");
    slot->busy = true;
    return 0;
}

static void local_stop(struct exec *exec, unsigned number, bool now)
{
    struct local *local = (struct local *)exec;
    struct local_slot *slot = &local->slots[number];
    if (!slot->busy) {
        return;
    }
    wire_begin(&local->out, WIRE_STOP);
    wire_put_u64(&local->out, now);
    (void)wire_end(&local->out);
    (void)send_message(slot, NULL);
}

/* The newest bytes the slot process has put into its capture files: what a running unit printed
 * last. */
static int local_peek(struct exec *exec, unsigned number, char *buf, size_t size)
{
    const struct local *local = (const struct local *)exec;
    const struct local_slot *slot = &local->slots[number];
    if (!slot->busy) {
        return -ENODATA;
    }
    CLEANUP(str_fini) struct str text = STR_INIT(HINT_OUTPUT_MAX);
    static const char *const streams[] = {"out", "err"};
    for (int i = 0; i < 2; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "%s.%u", streams[i], number);
        uint64_t end = capture_size(local, streams[i], number);
        uint64_t have = end > slot->start[i] ? end - slot->start[i] : 0;
        struct capture capture = {.file = name, .len = have < size / 2 ? have : size / 2};
        capture.offset = end - capture.len;
        read_tail(local, &capture, &text);
    }
    (void)snprintf(buf, size, "%s", str_text(&text));
    return 0;
}

static void local_free(struct exec *exec)
{
    struct local *local = (struct local *)exec;
    for (unsigned i = 0; i < local->jobs; i++) {
        drop_process(&local->slots[i], local->slots[i].busy);
        str_fini(&local->slots[i].in);
    }
    str_fini(&local->out);
    mem_free(local);
}

static const struct exec_ops local_ops = {
    .start = local_start,
    .stop = local_stop,
    .peek = local_peek,
    .free = local_free,
};

int exec_local_new(const struct exec_local_options *options,
                   struct exec **ret_exec,
                   struct err *err)
{
    assert(options->jobs > 0);
    struct local *local =
        mem_calloc(1, size_add(sizeof *local, size_mul(options->jobs, sizeof local->slots[0])));
    if (local == NULL) {
        return err_set(err, -ENOMEM, "out of memory for %u slots", options->jobs);
    }
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1); /* see end_orphans() */
    local->exec.ops = &local_ops;
    local->loop = options->loop;
    local->jobs = options->jobs;
    str_init(&local->out, WIRE_MESSAGE_MAX);
    (void)snprintf(local->run_dir, sizeof local->run_dir, "%s", options->run_dir);
    (void)snprintf(local->program,
                   sizeof local->program,
                   "%s",
                   options->program != NULL ? options->program : "/proc/self/exe");
    for (unsigned i = 0; i < options->jobs; i++) {
        local->slots[i].local = local;
        local->slots[i].number = i;
        local->slots[i].fd = -1;
        str_init(&local->slots[i].in, WIRE_MESSAGE_MAX + sizeof(struct wire_header) + READ_SIZE);
    }
    *ret_exec = &local->exec;
    return 0;
}
