/* SPDX-License-Identifier: Apache-2.0 */
/* The slot process's life:
 *
 *   WIRE_WORLD -> enter the world's template ---> READY (or FAILED)
 *   WIRE_RUN   -> start -> [ poll: socket | stdout | stderr | unit ] -> read report -> classify ->
 * RESULT STOP            capture      ended, gone       timeout: TERM, grace, KILL, KILL the init
 *   closed     -> end the unit, exit
 */
#include "exec/slot.h"

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/limits.h"
#include "exec/capture.h"
#include "exec/classify.h"
#include "exec/message.h"
#include "exec/namespace.h"
#include "exec/oom.h"
#include "exec/report_child.h"
#include "exec/stage.h"
#include "exec/unit_process.h"
#include "model/world.h"
#include "observe/observer.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Texts of one request and its cases. A result larger than this is an error of the unit. */
#define REQUEST_ARENA_MAX (512u << 20)

/* After SIGKILL to everything, how long the init may need to say goodbye before it is killed too.
 */
#define HARD_KILL_MS 5000

#define SLOT_OBSERVER_TEXT_MAX 512

struct slot {
    int socket;
    const struct slot_reports *reports;
    struct slot_world world;
    struct arena *world_arena;
    struct unit_context context;
    struct capture_file files[2]; /* standard output, standard error */
    struct str in, out;           /* messages */
    struct oom_watch oom;
    struct observer
        *observer; /* serves one unit after the other; NULL until one is to be observed */
    char observer_text[SLOT_OBSERVER_TEXT_MAX]; /* why the present unit's observer is of no use; ""
                                                 */
    bool unobservable; /* this machine refused an observer: not tried again */
    unsigned serial;
    pid_t leaving[UNIT_LEAVING_MAX]; /* inits of earlier units, the oldest last; 0 = none */
    bool closing;                    /* the parent is gone */
};

enum stage {
    STAGE_RUNNING,
    STAGE_TERM,
    STAGE_KILL,
    STAGE_HARD
};

struct running {
    struct slot_request request;
    struct unit_process unit;
    struct unit_stdio stdio;
    struct capture_stream streams[2];
    int64_t started_ns;
    int64_t ended_ns;
    int64_t deadline_ns; /* of the present stage; 0 = none */
    enum stage stage;
    bool timed_out;
    bool cancelled;
    bool flooded;
};

/* ---- setting up ---- */

static void fix_limits(void)
{
    struct rlimit files;
    struct rlimit stack;
    const struct rlimit none = {0, 0};
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_max = files.rlim_max < WORLD_FILES_HARD ? files.rlim_max : WORLD_FILES_HARD;
        files.rlim_cur = files.rlim_max < WORLD_FILES_SOFT ? files.rlim_max : WORLD_FILES_SOFT;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
    if (getrlimit(RLIMIT_STACK, &stack) == 0) {
        stack.rlim_cur = stack.rlim_max < WORLD_STACK ? stack.rlim_max : WORLD_STACK;
        (void)setrlimit(RLIMIT_STACK, &stack);
    }
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)umask(022);
}

/* Units are killed before sluice when memory runs out. */
static void offer_to_oom_killer(void)
{
    CLEANUP(cleanup_fd) int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd >= 0) {
        (void)!write(fd, "500", 3);
    }
}

static int open_files(struct slot *slot, struct err *err)
{
    static const char *const names[] = {"out", "err"};
    slot->context.run_dir = open(slot->world.run_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (slot->context.run_dir < 0) {
        return err_errno(err, "%s", slot->world.run_dir);
    }
    for (int i = 0; i < 2; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "%s.%u", names[i], slot->world.slot);
        int rc = capture_file_open(&slot->files[i], slot->context.run_dir, name);
        if (rc < 0) {
            return err_set(err, rc, "%s/%s: %s", slot->world.run_dir, name, strerrordesc_np(-rc));
        }
    }
    return 0;
}

static int enter_isolated(struct slot *slot, struct err *err)
{
    char scratch[PATH_TEXT_MAX];
    enum namespace_step step = STEP_DONE;
    (void)snprintf(scratch, sizeof scratch, "%s/scratch.%u", slot->world.run_dir, slot->world.slot);
    int rc = dir_make(scratch, 0755, err);
    if (rc < 0) {
        return rc;
    }
    rc = world_enter(&slot->world.world, slot->world.run_dir, scratch, &step, err);
    if (rc < 0) {
        char first[ERR_TEXT_MAX / 2];
        (void)snprintf(first, sizeof first, "%.1000s", err->text);
        return err_set(err, rc, "%s; %s", first, namespace_step_help(step));
    }
    const struct rlimit processes = {WORLD_PIDS_MAX, WORLD_PIDS_MAX};
    (void)setrlimit(RLIMIT_NPROC, &processes);
    return 0;
}

static int set_up_world(struct slot *slot, struct err *err)
{
    struct wire_reader reader = {.data = str_text(&slot->in),
                                 .len = slot->in.len,
                                 .at = sizeof(struct wire_header),
                                 .arena = slot->world_arena};
    int rc = message_get_world(&reader, &slot->world);
    if (rc < 0) {
        return err_set(err, rc, "damaged world message");
    }
    slot->context.world = &slot->world.world;
    slot->context.root = -1;
    rc = open_files(slot, err);
    if (rc < 0) {
        return rc;
    }
    if (slot->world.world.isolated) {
        return enter_isolated(slot, err);
    }
    slot->context.root = open(slot->world.world.root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return slot->context.root < 0 ? err_errno(err, "%s", slot->world.world.root) : 0;
}

static int send_out(struct slot *slot)
{
    int rc = str_error(&slot->out);
    return rc < 0 ? rc : fd_write_all(slot->socket, str_text(&slot->out), slot->out.len);
}

static int answer_world(struct slot *slot)
{
    struct err err = {0};
    int rc = set_up_world(slot, &err);
    wire_begin(&slot->out, rc == 0 ? WIRE_READY : WIRE_FAILED);
    wire_put_text(&slot->out, err.text);
    (void)wire_end(&slot->out);
    int sent = send_out(slot);
    return rc < 0 ? rc : sent;
}

/* ---- a unit's descriptors ---- */

static int open_pipes(struct slot *slot, struct running *running, struct err *err)
{
    int *const writers[2] = {&running->stdio.out, &running->stdio.err};
    const uint64_t asked = running->request.output_max;
    for (int i = 0; i < 2; i++) {
        int ends[2];
        const bool is_data = i == 0 && running->request.output_is_data;
        const uint64_t max = i == 0 && asked != 0 ? asked : EXEC_OUTPUT_DEFAULT;
        if (pipe2(ends, O_CLOEXEC) < 0) {
            return err_errno(err, "cannot make a pipe");
        }
        (void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
        *writers[i] = ends[1];
        capture_begin(
            &running->streams[i], &slot->files[i], ends[0], max, is_data ? 0 : CAPTURE_TAIL_MAX);
    }
    return 0;
}

/* Standard input of a unit in a world is a copy that cannot be written: through /proc/self/fd/0 it
 * would open the file of the run folder for writing. */
static int seal_input(int *fd, struct err *err)
{
    struct stat st;
    CLEANUP(cleanup_fd) int from = *fd;
    *fd = memfd_create("input", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (*fd < 0 || fstat(from, &st) < 0) {
        return err_errno(err, "cannot copy standard input");
    }
    for (off_t left = st.st_size; left > 0;) {
        ssize_t n = sendfile(*fd, from, NULL, (size_t)left);
        if (n <= 0) {
            return err_errno(err, "cannot copy standard input");
        }
        left -= n;
    }
    const int seals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL;
    return lseek(*fd, 0, SEEK_SET) < 0 || fcntl(*fd, F_ADD_SEALS, seals) < 0
               ? err_errno(err, "cannot copy standard input")
               : 0;
}

static int open_stdio(struct slot *slot, struct running *running, struct err *err)
{
    const char *input = running->request.input;
    running->stdio = (struct unit_stdio){-1, -1, -1, -1};
    running->streams[0].pipe = running->streams[1].pipe = -1;
    running->stdio.in = input == NULL ? open("/dev/null", O_RDONLY | O_CLOEXEC)
                                      : openat(slot->context.run_dir, input, O_RDONLY | O_CLOEXEC);
    if (running->stdio.in < 0) {
        return err_errno(err, "cannot open standard input");
    }
    if (input != NULL && slot->world.world.isolated && seal_input(&running->stdio.in, err) < 0) {
        return -EIO;
    }
    if (running->request.report != REPORT_NONE && running->request.report_path != NULL) {
        running->stdio.report = memfd_create("report", MFD_CLOEXEC);
    }
    return open_pipes(slot, running, err);
}

static void close_writers(struct running *running)
{
    cleanup_fd(&running->stdio.in);
    cleanup_fd(&running->stdio.out);
    cleanup_fd(&running->stdio.err);
    running->stdio.in = running->stdio.out = running->stdio.err = -1;
}

/* ---- while it runs ---- */

static void escalate(struct running *running)
{
    int64_t now = clock_mono_ns();
    switch (running->stage) {
    case STAGE_RUNNING:
        unit_signal(&running->unit, UNIT_TERM);
        running->stage = STAGE_TERM;
        running->deadline_ns = now + (int64_t)EXEC_GRACE_MS * 1000000;
        break;
    case STAGE_TERM:
        unit_signal(&running->unit, UNIT_KILL);
        running->stage = STAGE_KILL;
        running->deadline_ns = now + (int64_t)HARD_KILL_MS * 1000000;
        break;
    case STAGE_KILL:
    case STAGE_HARD:
        unit_signal(&running->unit, UNIT_KILL_HARD);
        running->stage = STAGE_HARD;
        running->deadline_ns = now + (int64_t)HARD_KILL_MS * 1000000;
        break;
    }
}

/* Without the grace of a SIGTERM. */
static void stop_now(struct running *running)
{
    if (running->stage < STAGE_TERM) {
        running->stage = STAGE_TERM;
    }
    escalate(running);
}

static void cancel(struct running *running, bool now)
{
    running->cancelled = true;
    if (now && running->unit.ended) {
        unit_signal(&running->unit, UNIT_KILL_HARD); /* its init collects files: not any more */
    } else if (now) {
        stop_now(running);
    } else if (running->stage < STAGE_TERM) {
        escalate(running);
    }
}

static void serve_socket(struct slot *slot, struct running *running)
{
    enum wire_type type;
    if (wire_receive(slot->socket, &slot->in, &type, NULL) != 1) {
        slot->closing = true;
        cancel(running, true);
        return;
    }
    if (type == WIRE_STOP) {
        struct wire_reader reader = {
            .data = str_text(&slot->in), .len = slot->in.len, .at = sizeof(struct wire_header)};
        cancel(running, wire_get_u64(&reader) != 0);
    }
}

static int poll_timeout(const struct running *running)
{
    if (running->deadline_ns == 0 || (running->unit.ended && !running->unit.gone)) {
        return -1;
    }
    int64_t left = (running->deadline_ns - clock_mono_ns() + 999999) / 1000000;
    return left < 0 ? 0 : left > 3600000 ? 3600000 : (int)left;
}

static void on_deadline(struct running *running)
{
    if (running->deadline_ns == 0 || running->unit.ended
        || clock_mono_ns() < running->deadline_ns) {
        return;
    }
    if (running->stage == STAGE_RUNNING) {
        running->timed_out = true;
    }
    escalate(running);
}

enum watched {
    WATCH_SOCKET,
    WATCH_UNIT,
    WATCH_OUT,
    WATCH_ERR,
    WATCH_OBSERVER,
    WATCH_COUNT
};

/* More than the request allows to be read? */
static bool is_flooded(const struct running *running)
{
    const struct slot_request *request = &running->request;
    return (request->output_is_data && running->streams[0].total > request->output_max)
           || (request->errors_max != 0 && running->streams[1].total > request->errors_max);
}

static void serve(struct slot *slot, struct running *running, const struct pollfd *watched)
{
    for (int i = 0; i < 2; i++) {
        if (watched[WATCH_OUT + i].revents != 0) {
            (void)capture_read(&running->streams[i]);
        }
    }
    if (!running->flooded && is_flooded(running)) {
        running->flooded = true;
        stop_now(running);
    }
    if (watched[WATCH_UNIT].revents != 0) {
        unit_advance(&running->unit, &slot->context, &running->request, &running->stdio);
        if (running->unit.ended && running->ended_ns == 0) {
            running->ended_ns = clock_mono_ns();
        }
    }
    if (watched[WATCH_OBSERVER].revents != 0) {
        /* From here on what the unit asks is refused: nothing it does means anything. */
        (void)snprintf(slot->observer_text, sizeof slot->observer_text, "its observer died");
        stop_now(running);
    }
    if (watched[WATCH_SOCKET].revents != 0 && !slot->closing) {
        serve_socket(slot, running);
    }
}

/* Its socket hangs up when it is dead; nothing else is looked for. */
static int watched_observer(const struct slot *slot)
{
    return slot->context.observer != NULL && slot->observer_text[0] == '\0'
               ? observer_fd(slot->context.observer)
               : -1;
}

static void watch(struct slot *slot, struct running *running)
{
    while (!running->unit.gone) {
        struct pollfd watched[WATCH_COUNT] = {
            [WATCH_SOCKET] = {.fd = slot->closing ? -1 : slot->socket, .events = POLLIN},
            [WATCH_UNIT] = {.fd = running->unit.watch,                                       .events = POLLIN},
            [WATCH_OUT] = {.fd = running->streams[0].pipe,.events = POLLIN},
            [WATCH_ERR] = {.fd = running->streams[1].pipe,          .events = POLLIN},
            [WATCH_OBSERVER] = {.fd = watched_observer(slot)                                      },
        };
        int ready = poll(watched, WATCH_COUNT, poll_timeout(running));
        if (ready > 0) {
            serve(slot, running, watched);
        }
        on_deadline(running);
    }
}

/* ---- after it ended ---- */

/* The report on standard output is a piece of the capture file: copied, so that the reader sees
 * nothing else. */
static int stdout_report(const struct slot *slot, const struct capture *capture)
{
    int fd = memfd_create("report", MFD_CLOEXEC);
    off_t offset = (off_t)capture->offset;
    uint64_t left = capture->len;
    while (fd >= 0 && left > 0) {
        ssize_t n =
            sendfile(fd, slot->files[0].fd, &offset, left > (1U << 30) ? (1U << 30) : (size_t)left);
        if (n <= 0) {
            break;
        }
        left -= (uint64_t)n;
    }
    if (left > 0) {
        cleanup_fd(&fd); /* half a report is none */
        return -1;
    }
    return fd;
}

/* What to do about a report that nobody wrote, or that has no case. */
static const char hint_no_report[] =
    "the command has to write it there: give the tool its own option for such a report, and "
    "`report:` of the layer the same path, below `dir`";
static const char hint_no_case[] =
    "the tool found no test, or a filter left none: see what it printed, then the paths and "
    "arguments in `with:` of the layer";

static const char *read_report_file(const struct slot *slot,
                                    struct running *running,
                                    int fd,
                                    struct arena *arena,
                                    struct outcome *outcome)
{
    struct err err = {0};
    const char *name = report_format_name(running->request.report);
    int rc =
        report_child_read(slot->reports, running->request.report, fd, arena, &outcome->cases, &err);
    const char *words =
        err.text[0] != '\0' ? arena_printf(arena, "its %s report: %s", name, err.text) : NULL;
    if (rc >= 0) {
        outcome->warning = words;
        return NULL;
    }
    outcome->hint = rc == -ENODATA ? hint_no_case : outcome->hint;
    return words != NULL ? words : "its report cannot be read";
}

/* NULL, or why there are no (or not all) cases. */
static const char *read_report(const struct slot *slot,
                               struct running *running,
                               struct arena *arena,
                               struct outcome *outcome)
{
    const struct unit_collected *collected = &running->unit.collected;
    if (running->stdio.report >= 0) {
        if (collected->report_files < 0) {
            return arena_strdup(arena, collected->report_error);
        }
        if (collected->report_files == 0) {
            outcome->hint = hint_no_report;
            return arena_printf(arena, "it left no report %s", running->request.report_path);
        }
        return read_report_file(slot, running, running->stdio.report, arena, outcome);
    }
    if ((outcome->flags & FLAG_OUTPUT_LOST) != 0) {
        return "its report on standard output could not be kept: the disk is full";
    }
    if (outcome->out.dropped > 0) {
        return "its report on standard output is longer than what is kept of it";
    }
    CLEANUP(cleanup_fd) int fd = stdout_report(slot, &outcome->out);
    return fd < 0 ? "no memory for its report"
                  : read_report_file(slot, running, fd, arena, outcome);
}

static void end_streams(struct running *running, struct outcome *outcome)
{
    struct capture *const captures[2] = {&outcome->out, &outcome->err};
    for (int i = 0; i < 2; i++) {
        struct capture_stream *stream = &running->streams[i];
        if (stream->file == NULL) {
            continue;
        }
        if (stream->pipe >= 0 && !capture_drain(stream)) {
            outcome->flags |= FLAG_LEAKED_PIPE;
        }
        if (capture_end(stream, captures[i]) < 0) {
            outcome->flags |= FLAG_OUTPUT_LOST;
        } else if (captures[i]->dropped > 0) {
            outcome->flags |= FLAG_OUTPUT_CUT;
        }
    }
}

static void fill_times(const struct running *running, struct outcome *outcome)
{
    const struct unit_end *end = &running->unit.end;
    int64_t ended = running->ended_ns != 0 ? running->ended_ns : clock_mono_ns();
    outcome->started_ms =
        (int64_t)running->unit.started.tv_sec * 1000 + running->unit.started.tv_nsec / 1000000;
    outcome->wall_ns = ended - running->started_ns;
    outcome->cpu_user_us = end->user_us;
    outcome->cpu_sys_us = end->sys_us;
    outcome->max_rss_kib = end->max_rss_kib;
    outcome->exit_code =
        running->unit.ended && end->start_error[0] == '\0' && WIFEXITED(end->wait_status)
            ? WEXITSTATUS(end->wait_status)
            : -1;
    outcome->signal = end->start_error[0] == '\0' && WIFSIGNALED(end->wait_status)
                          ? WTERMSIG(end->wait_status)
                          : 0;
    outcome->flags |= end->flags;
    outcome->flags |= running->stage >= STAGE_KILL ? FLAG_KILLED : 0;
    outcome->flags |= running->cancelled ? FLAG_CANCELLED : 0;
}

/* A SIGKILL that nobody of ours sent, to the command or (as its shell tells) below it, while the
 * kernel ended processes for memory. */
static void note_oom(struct slot *slot, const struct running *running, struct outcome *outcome)
{
    const bool killed = outcome->signal == SIGKILL || outcome->exit_code == 128 + SIGKILL;
    if (killed && running->stage < STAGE_KILL && oom_watch_rose(&slot->oom)) {
        outcome->flags |= FLAG_OOM;
    }
}

static const char *text_or_null(const char *text)
{
    return text[0] != '\0' ? text : NULL;
}

/* ---- observation ---- */

/* What units of this world may ask of, for the observer. Texts in `arena`. */
static int describe_world(const struct world *world,
                          struct arena *arena,
                          struct observed_world *ret)
{
    const size_t count = world->expose.count;
    size_t fixed_count = 0;
    while (world_system_paths[fixed_count] != NULL) {
        fixed_count++;
    }
    const char **fixed = arena_calloc(arena, fixed_count + 2, sizeof *fixed);
    const char **exposed = arena_calloc(arena, count + 1, sizeof *exposed);
    const char **own = arena_calloc(arena, STAGE_FOLDERS + 1, sizeof *own);
    if (fixed == NULL || exposed == NULL || own == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < STAGE_FOLDERS; i++) {
        own[i] = stage_folders[i].target;
    }
    memcpy(fixed, world_system_paths, fixed_count * sizeof *fixed);
    fixed[fixed_count] = WORLD_PLUGINS;
    for (size_t i = 0; i < count; i++) {
        const char *path = world->expose.items[i];
        exposed[i] = path[0] == '/' ? path : arena_printf(arena, WORLD_ROOT "/%s", path);
        if (exposed[i] == NULL) {
            return -ENOMEM;
        }
    }
    *ret = (struct observed_world){
        .proc = world_machine_proc,
        .tree = WORLD_ROOT,
        .fixed = fixed,
        .own = own,
        .exposed = {exposed, count},
        .covered = world_covers_tree(world) ? world->root : NULL,
        .network = world->network,
    };
    return 0;
}

/* Sees to an observer for a unit that is to be observed. Where there can be none it runs without,
 * and its outcome has no trace. */
static void prepare_observer(struct slot *slot, const struct slot_request *request)
{
    struct observed_world world;
    slot->context.observer = NULL;
    slot->observer_text[0] = '\0';
    if (!request->observe || !slot->world.world.isolated || slot->unobservable) {
        return;
    }
    if (slot->observer == NULL) {
        struct arena *arena = arena_new(REQUEST_ARENA_MAX);
        if (arena == NULL || describe_world(&slot->world.world, arena, &world) < 0
            || observer_new(&world, &slot->observer, NULL) < 0) {
            slot->unobservable = true;
        }
        arena_free(arena);
    }
    slot->context.observer = slot->observer;
}

/* Takes the trace of a unit that is over. An observer that does not answer is ended; the next unit
 * gets a fresh one. */
static void take_trace(struct slot *slot, struct arena *arena, struct outcome *outcome)
{
    struct err err = {0};
    if (slot->context.observer == NULL) {
        return;
    }
    const int rc = slot->observer_text[0] == '\0'
                       ? observer_finish(slot->observer, arena, &outcome->trace, &err)
                       : -EPIPE;
    if (rc < 0) {
        if (slot->observer_text[0] == '\0') {
            (void)snprintf(slot->observer_text, sizeof slot->observer_text, "%.400s", err.text);
        }
        outcome->trace = NULL;
        observer_free(slot->observer);
        slot->observer = NULL;
        slot->context.observer = NULL;
    } else if (outcome->trace == NULL && err.code != 0) {
        slot->unobservable = true;
    }
}

/* What kept a unit from saying anything; NULL = nothing. */
static const char *infrastructure_error(const struct slot *slot,
                                        const struct running *running,
                                        struct arena *arena)
{
    const char *start_error = text_or_null(running->unit.end.start_error);
    if (start_error != NULL || slot->observer_text[0] == '\0') {
        return start_error;
    }
    const char *text = arena_printf(
        arena, "infrastructure: %s, so nothing can be said about this run", slot->observer_text);
    return text != NULL ? text : "infrastructure: its observer died";
}

static void conclude(struct slot *slot,
                     struct running *running,
                     const char *setup_error,
                     struct arena *arena,
                     struct outcome *outcome)
{
    struct ending ending = {
        .start_error =
            setup_error != NULL ? setup_error : infrastructure_error(slot, running, arena),
        .timed_out = running->timed_out,
        .cancelled = running->cancelled,
        .flooded = running->flooded,
        .timeout_ms = running->request.timeout_ms,
        .report = running->request.report,
        .collect_error = text_or_null(running->unit.collected.collect_error),
    };
    end_streams(running, outcome);
    fill_times(running, outcome);
    note_oom(slot, running, outcome);
    if (ending.report != REPORT_NONE && ending.start_error == NULL && !ending.cancelled) {
        ending.report_error = read_report(slot, running, arena, outcome);
    }
    outcome_classify(&ending, arena, outcome);
}

static void reap(pid_t pid)
{
    while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
    }
}

/* Makes room for one more that is leaving. */
static void let_leave(struct slot *slot, pid_t pid)
{
    reap(slot->leaving[UNIT_LEAVING_MAX - 1]);
    memmove(slot->leaving + 1, slot->leaving, (UNIT_LEAVING_MAX - 1) * sizeof *slot->leaving);
    slot->leaving[0] = pid;
}

static int run_request(struct slot *slot, struct running *running, struct arena *arena)
{
    struct slot_result result = {.outcome = {.exit_code = -1}};
    struct err err = {0};
    const char *setup_error = NULL;
    running->started_ns = clock_mono_ns();
    if (open_stdio(slot, running, &err) < 0) {
        setup_error = err.text;
    } else {
        running->deadline_ns = running->request.timeout_ms > 0
                                   ? running->started_ns + running->request.timeout_ms * 1000000
                                   : 0;
        slot->serial++;
        prepare_observer(slot, &running->request);
        oom_watch_begin(&slot->oom);
        unit_start(
            &running->unit, &slot->context, &running->request, &running->stdio, slot->serial);
        close_writers(running);
        watch(slot, running);
        take_trace(slot, arena, &result.outcome);
        if (running->unit.leaving) {
            let_leave(slot, running->unit.pid);
        }
    }
    close_writers(running);
    conclude(slot, running, setup_error, arena, &result.outcome);
    cleanup_fd(&running->stdio.report);
    if (slot->world.world.isolated) {
        unit_world_clean(slot->serial);
        result.renew = namespace_is_dirty();
    }
    int rc = message_put_result(&slot->out, &result);
    if (rc < 0) {
        result.outcome.cases = (struct case_list){0};
        result.outcome.trace = NULL;
        result.outcome.status = OUTCOME_ERRORED;
        result.outcome.message = "its cases are more than a message can hold";
        str_clear(&slot->out);
        rc = message_put_result(&slot->out, &result);
    }
    return rc < 0 || slot->closing ? -EPIPE : send_out(slot);
}

static int answer_run(struct slot *slot)
{
    struct arena *arena = arena_new(REQUEST_ARENA_MAX);
    struct running running = {0};
    struct wire_reader reader = {.data = str_text(&slot->in),
                                 .len = slot->in.len,
                                 .at = sizeof(struct wire_header),
                                 .arena = arena};
    int rc = arena == NULL ? -ENOMEM : message_get_request(&reader, &running.request);
    rc = rc == 0 ? run_request(slot, &running, arena) : rc;
    arena_free(arena);
    return rc;
}

int slot_main(int socket_fd, const struct slot_reports *reports)
{
    struct slot slot = {
        .socket = socket_fd,
        .reports = reports,
        .in = STR_INIT(WIRE_MESSAGE_MAX),
        .out = STR_INIT(WIRE_MESSAGE_MAX),
        .world_arena = arena_new(REQUEST_ARENA_MAX),
        .files = {{.fd = -1}, {.fd = -1}},
    };
    /* Nothing we inherited reaches a unit. */
    (void)syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC);
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
    (void)prctl(PR_SET_NAME, "sluice-slot");
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGINT, SIG_IGN); /* a terminal's ^C is for sluice, which tells us */
    (void)signal(SIGQUIT,
                 SIG_IGN); /* its ^\ too: we end our unit and ourselves when sluice is gone */
    fix_limits();
    offer_to_oom_killer();
    oom_watch_open(&slot.oom, "/proc/vmstat");
    enum wire_type type;
    int rc = slot.world_arena == NULL ? -ENOMEM : 0;
    while (rc >= 0 && wire_receive(socket_fd, &slot.in, &type, NULL) == 1) {
        rc = type == WIRE_WORLD ? answer_world(&slot) : type == WIRE_RUN ? answer_run(&slot) : 0;
    }
    observer_free(slot.observer);
    for (int i = 0; i < UNIT_LEAVING_MAX; i++) {
        reap(slot.leaving[i]);
    }
    capture_file_close(&slot.files[0]);
    capture_file_close(&slot.files[1]);
    oom_watch_close(&slot.oom);
    str_fini(&slot.in);
    str_fini(&slot.out);
    arena_free(slot.world_arena);
    return rc < 0 ? 3 : 0;
}
