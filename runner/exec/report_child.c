/* SPDX-License-Identifier: Apache-2.0 */
#include "exec/report_child.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/vec.h"
#include "exec/message.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Buffered bytes that are written to the pipe at once. */
#define FLUSH_SIZE 65536

/* What the pipe may hold: reader and slot change places less often. What users may ask for at most.
 */
#define PIPE_SIZE (1 << 20)

/* What a piece of the stream tells: a case, so many cases that are only counted, or the end with
 * the reader's result. */
enum mark {
    MARK_CASE = 1,
    MARK_COUNT = 2,
    MARK_END = 3
};

/* Before each piece: its mark and its length. */
struct piece {
    uint64_t mark;
    uint64_t len;
};

/* Longest piece. Readers cut the texts of a case: two of 1 MiB, six of 64 KiB, and 100 bytes of
 * numbers. A child that sends more is not to be trusted. */
#define PIECE_MAX ((size_t)4 << 20)

/* Texts of passed-on cases that are kept before their memory serves again. */
#define PASSED_ON_MAX ((size_t)32 << 10)

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#    define LIMIT_ADDRESS_SPACE 0
#elif defined(__has_feature)
#    if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#        define LIMIT_ADDRESS_SPACE 0 /* sanitizers map terabytes */
#    endif
#endif
#ifndef LIMIT_ADDRESS_SPACE
#    define LIMIT_ADDRESS_SPACE 1
#endif

/* ---- the child ---- */

struct writer {
    int fd;
    bool (*wanted)(const struct test_case *test_case);
    uint64_t unwanted[OUTCOME_STATUS_COUNT][2]; /* by status and flakiness */
    size_t start;                               /* of the open piece in the buffer */
    struct str buffer;
};

static int flush(struct writer *writer)
{
    int rc = str_error(&writer->buffer);
    rc = rc == 0 ? fd_write_all(writer->fd, str_text(&writer->buffer), writer->buffer.len) : rc;
    str_clear(&writer->buffer);
    return rc;
}

static void begin_piece(struct writer *writer, enum mark mark)
{
    const struct piece piece = {.mark = (uint64_t)mark};
    writer->start = writer->buffer.len;
    (void)str_append_n(&writer->buffer, &piece, sizeof piece);
}

static int end_piece(struct writer *writer)
{
    uint64_t len = writer->buffer.len - writer->start - sizeof(struct piece);
    if (str_error(&writer->buffer) == 0) {
        memcpy(writer->buffer.data + writer->start + offsetof(struct piece, len), &len, sizeof len);
    }
    return writer->buffer.len >= FLUSH_SIZE ? flush(writer) : str_error(&writer->buffer);
}

static int send_case(void *context, const struct test_case *test_case)
{
    struct writer *writer = context;
    if (writer->wanted != NULL && !writer->wanted(test_case)) {
        writer->unwanted[test_case->status][test_case->flaky ? 1 : 0]++;
        return 0;
    }
    begin_piece(writer, MARK_CASE);
    message_put_case(&writer->buffer, test_case);
    return end_piece(writer);
}

static void send_count(struct writer *writer, uint64_t status, uint64_t flaky)
{
    if (writer->unwanted[status][flaky] > 0) {
        begin_piece(writer, MARK_COUNT);
        wire_put_u64(&writer->buffer, status);
        wire_put_u64(&writer->buffer, flaky);
        wire_put_u64(&writer->buffer, writer->unwanted[status][flaky]);
        (void)end_piece(writer);
    }
}

static int send_end(struct writer *writer, int rc, const struct err *err)
{
    for (uint64_t status = 0; status < OUTCOME_STATUS_COUNT; status++) {
        send_count(writer, status, 0);
        send_count(writer, status, 1);
    }
    begin_piece(writer, MARK_END);
    wire_put_u64(&writer->buffer, (uint64_t)(int64_t)rc);
    wire_put_text(&writer->buffer, err->text);
    (void)end_piece(writer);
    return flush(writer);
}

static void limit_self(void)
{
    const struct rlimit cpu = {REPORT_CPU_S, REPORT_CPU_S};
    const struct rlimit memory = {REPORT_MEMORY, REPORT_MEMORY};
    const struct rlimit none = {0, 0};
    (void)setrlimit(RLIMIT_CPU, &cpu);
    (void)setrlimit(RLIMIT_FSIZE, &none);
    (void)setrlimit(RLIMIT_CORE, &none);
    if (LIMIT_ADDRESS_SPACE) {
        (void)setrlimit(RLIMIT_AS, &memory);
    }
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
}

/* Nothing of the slot's is in the child's hands but the report and the way back: they become 3 and
 * 4, the rest is closed; no capability is left. A sanitizer's runtime keeps descriptors of its own:
 * these are in nobody's way. */
static void let_go(int *fd, int *out)
{
    const struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};
    int high_fd = fcntl(*fd, F_DUPFD, 64);
    int high_out = fcntl(*out, F_DUPFD, 64);
    if (high_fd < 0 || high_out < 0 || dup2(high_fd, 3) < 0 || dup2(high_out, 4) < 0) {
        _exit(1);
    }
    *fd = 3;
    *out = 4;
    (void)syscall(SYS_close_range, 5U, ~0U, 0U);
    (void)prctl(PR_SET_DUMPABLE, 0);
    (void)syscall(SYS_capset, &header, none);
}

static _Noreturn void child_main(const struct slot_reports *reports,
                                 enum report_format format,
                                 int fd,
                                 int out)
{
    let_go(&fd, &out);
    struct writer writer = {
        .fd = out, .wanted = reports->wanted, .buffer = STR_INIT(FLUSH_SIZE + PIECE_MAX)};
    struct err err = {0};
    limit_self();
    int rc =
        lseek(fd, 0, SEEK_SET) < 0 ? -errno : reports->read(format, fd, send_case, &writer, &err);
    _exit(send_end(&writer, rc, &err) == 0 ? 0 : 1);
}

/* ---- the parent ---- */

/* What the child sends, taken apart as it comes. */
struct answer {
    int fd;
    const struct report_sink *sink;
    struct arena *arena; /* texts of cases */
    bool passes_on;      /* the arena is ours: texts live as long as the sink has the case */
    struct str buffer;   /* what came and is not taken yet */
    size_t room;         /* bytes of cases it may still be */
    size_t cases;
    size_t cases_max;
    bool ended;
};

static int refuse_nonsense(struct err *err)
{
    return err_set(err, -EBADMSG, "the reader of the report went astray");
}

/* The reader's own result. */
static int take_end(struct answer *answer, struct wire_reader *reader, struct err *err)
{
    int rc = (int)(int64_t)wire_get_u64(reader);
    const char *text = wire_get_text(reader);
    if (reader->broken) {
        return refuse_nonsense(err);
    }
    answer->ended = true;
    if (rc < 0) {
        return err_set(err, rc, "%s", text != NULL ? text : "unreadable report");
    }
    if (err != NULL && text != NULL) {
        (void)snprintf(err->text, sizeof err->text, "%s", text); /* a warning */
    }
    return 0;
}

static int admit(struct answer *answer, uint64_t count, struct err *err)
{
    if (count > answer->cases_max - answer->cases) {
        return err_set(err,
                       -EFBIG,
                       "the report has more than %zu cases; split it over several units",
                       answer->cases_max);
    }
    answer->cases += (size_t)count;
    return 0;
}

static int take_case(struct answer *answer, struct wire_reader *reader, struct err *err)
{
    struct test_case test_case = {0};
    message_get_case(reader, &test_case);
    if (reader->broken || reader->len > answer->room) {
        return err_set(
            err, -EFBIG, "the cases of the report take more than %u MiB", REPORT_ANSWER_MAX >> 20);
    }
    answer->room -= answer->passes_on ? 0 : reader->len;
    int rc = admit(answer, 1, err);
    rc = rc == 0 ? answer->sink->take(answer->sink->context, &test_case, err) : rc;
    if (answer->passes_on && arena_used(answer->arena) > PASSED_ON_MAX) {
        arena_clear(answer->arena);
    }
    return rc;
}

static int take_count(struct answer *answer, struct wire_reader *reader, struct err *err)
{
    uint64_t status = wire_get_u64(reader);
    uint64_t flaky = wire_get_u64(reader);
    uint64_t count = wire_get_u64(reader);
    if (reader->broken || status >= OUTCOME_STATUS_COUNT || flaky > 1
        || answer->sink->count == NULL) {
        return refuse_nonsense(err);
    }
    int rc = admit(answer, count, err);
    if (rc == 0) {
        answer->sink->count(
            answer->sink->context, (enum outcome_status)status, flaky != 0, (size_t)count);
    }
    return rc;
}

static int take_piece(
    struct answer *answer, uint64_t mark, const char *data, size_t len, struct err *err)
{
    struct wire_reader reader = {.data = data, .len = len, .arena = answer->arena};
    switch (mark) {
    case MARK_CASE:
        return take_case(answer, &reader, err);
    case MARK_COUNT:
        return take_count(answer, &reader, err);
    case MARK_END:
        return take_end(answer, &reader, err);
    default:
        return refuse_nonsense(err);
    }
}

/* Takes the whole pieces that came; what is left of the next one moves to the front. */
static int take_pieces(struct answer *answer, struct err *err)
{
    struct str *buffer = &answer->buffer;
    size_t at = 0;
    struct piece piece;
    int rc = 0;
    while (rc == 0 && !answer->ended && buffer->len - at >= sizeof piece) {
        memcpy(&piece, buffer->data + at, sizeof piece);
        if (piece.len > PIECE_MAX) {
            return refuse_nonsense(err);
        }
        if (buffer->len - at - sizeof piece < piece.len) {
            break;
        }
        at += sizeof piece;
        rc = take_piece(answer, piece.mark, buffer->data + at, (size_t)piece.len, err);
        at += (size_t)piece.len;
    }
    memmove(buffer->data, buffer->data + at, buffer->len - at);
    buffer->len -= at;
    return rc;
}

/* Takes what is in the pipe. -EPIPE when the child is gone. */
static int read_some(struct answer *answer, struct err *err)
{
    if (str_reserve(&answer->buffer, FLUSH_SIZE) < 0) {
        return err_set(err, -ENOMEM, "out of memory for cases");
    }
    ssize_t n = read(answer->fd, answer->buffer.data + answer->buffer.len, FLUSH_SIZE);
    if (n == 0) {
        return -EPIPE;
    }
    if (n < 0) {
        return errno == EINTR ? 0 : err_errno(err, "reading from the report reader");
    }
    answer->buffer.len += (size_t)n;
    return take_pieces(answer, err);
}

/* Reads and passes on all the child says within REPORT_WALL_MS. -EPIPE when it ended before its end
 * mark. */
static int read_answer(struct answer *answer, struct err *err)
{
    int64_t deadline = clock_mono_ns() + (int64_t)REPORT_WALL_MS * 1000000;
    int rc = 0;
    while (rc == 0 && !answer->ended) {
        struct pollfd watched = {.fd = answer->fd, .events = POLLIN};
        int64_t left = (deadline - clock_mono_ns()) / 1000000;
        if (left <= 0) {
            return err_set(
                err, -ETIMEDOUT, "reading the report took more than %d s", REPORT_WALL_MS / 1000);
        }
        rc = poll(&watched, 1, (int)left) > 0 ? read_some(answer, err) : 0;
    }
    return rc;
}

static const char *death_words(int status)
{
    if (!WIFSIGNALED(status)) {
        return "stopped in the middle";
    }
    if (WTERMSIG(status) == SIGBUS) {
        return "found that the file was cut short while it was read";
    }
    return WTERMSIG(status) == SIGXCPU || WTERMSIG(status) == SIGKILL
               ? "used too much time or memory"
               : "crashed";
}

/* Starts the child. Its process id and where its answer comes. */
static int start_child(const struct slot_reports *reports,
                       enum report_format format,
                       int fd,
                       pid_t *ret_pid,
                       int *ret_answer,
                       struct err *err)
{
    int ends[2];
    int rc = reports->prepare != NULL ? reports->prepare(format, err) : 0;
    if (rc < 0) {
        return rc;
    }
    if (pipe2(ends, O_CLOEXEC) < 0) {
        return err_errno(err, "no pipe for the report reader");
    }
    (void)fcntl(ends[1], F_SETPIPE_SZ, PIPE_SIZE); /* refused: the usual 64 KiB, more switches */
    pid_t pid = fork();
    if (pid == 0) {
        child_main(reports, format, fd, ends[1]);
    }
    rc = pid < 0 ? err_errno(err, "cannot start the report reader") : 0;
    (void)close(ends[1]);
    if (rc < 0) {
        (void)close(ends[0]);
        return rc;
    }
    *ret_pid = pid;
    *ret_answer = ends[0];
    return 0;
}

static int read_in_child(const struct slot_reports *reports,
                         enum report_format format,
                         int fd,
                         struct answer *answer,
                         struct err *err)
{
    pid_t pid = 0;
    int status = 0;
    int rc = start_child(reports, format, fd, &pid, &answer->fd, err);
    if (rc < 0) {
        return rc;
    }
    answer->room = REPORT_ANSWER_MAX;
    answer->cases_max = reports->cases_max > 0 ? reports->cases_max : CASES_PER_UNIT_MAX;
    str_init(&answer->buffer, sizeof(struct piece) + PIECE_MAX + FLUSH_SIZE);
    rc = read_answer(answer, err);
    str_fini(&answer->buffer);
    if (rc != 0 && rc != -EPIPE && !answer->ended) {
        (void)kill(pid, SIGKILL); /* nobody listens any more */
    }
    (void)close(answer->fd);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return rc == -EPIPE ? err_set(err,
                                  -EBADMSG,
                                  "the reader of the %s report %s",
                                  report_format_name(format),
                                  death_words(status))
                        : rc;
}

int report_child_pass(const struct slot_reports *reports,
                      enum report_format format,
                      int fd,
                      const struct report_sink *sink,
                      struct err *err)
{
    struct answer answer = {
        .sink = sink, .arena = arena_new(PASSED_ON_MAX + PIECE_MAX), .passes_on = true};
    if (answer.arena == NULL) {
        return err_set(err, -ENOMEM, "out of memory for cases");
    }
    int rc = read_in_child(reports, format, fd, &answer, err);
    arena_free(answer.arena);
    return rc;
}

/* ---- all cases at once ---- */

struct case_vec {
    VEC_FIELDS(struct test_case);
};

static int keep_case(void *context, const struct test_case *test_case, struct err *err)
{
    struct case_vec *cases = context;
    return vec_push(cases, *test_case) < 0 ? err_set(err, -ENOMEM, "out of memory for cases") : 0;
}

static int keep_cases(const struct case_vec *vec, struct arena *arena, struct case_list *ret_cases)
{
    struct test_case *items = arena_calloc(arena, vec->count, sizeof *items);
    if (items == NULL) {
        return -ENOMEM;
    }
    if (vec->count > 0) {
        memcpy(items, vec->items, vec->count * sizeof *items);
    }
    *ret_cases = (struct case_list){items, vec->count};
    return 0;
}

int report_child_read(const struct slot_reports *reports,
                      enum report_format format,
                      int fd,
                      struct arena *arena,
                      struct case_list *ret_cases,
                      struct err *err)
{
    struct case_vec cases = {0};
    const struct report_sink sink = {.take = keep_case, .context = &cases};
    struct answer answer = {.sink = &sink, .arena = arena};
    assert(reports->wanted == NULL);
    int rc = read_in_child(reports, format, fd, &answer, err);
    int kept = keep_cases(&cases, arena, ret_cases);
    vec_fini(&cases);
    return kept < 0 ? err_set(err, kept, "out of memory for cases") : rc;
}
