/* SPDX-License-Identifier: Apache-2.0 */
#include "exec/report_child.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/vec.h"
#include "exec/message.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
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

/* Marks in the stream: a case follows, or the end with the reader's result. */
enum mark {
    MARK_CASE = 1,
    MARK_END = 2
};

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
    struct str buffer;
};

static int flush(struct writer *writer)
{
    int rc = str_error(&writer->buffer);
    rc = rc == 0 ? fd_write_all(writer->fd, str_text(&writer->buffer), writer->buffer.len) : rc;
    str_clear(&writer->buffer);
    return rc;
}

static int send_case(void *context, const struct test_case *test_case)
{
    struct writer *writer = context;
    wire_put_u64(&writer->buffer, MARK_CASE);
    message_put_case(&writer->buffer, test_case);
    return writer->buffer.len >= FLUSH_SIZE ? flush(writer) : 0;
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

static _Noreturn void child_main(slot_report_reader reader,
                                 enum report_format format,
                                 int fd,
                                 int out)
{
    let_go(&fd, &out);
    struct writer writer = {.fd = out, .buffer = STR_INIT(REPORT_ANSWER_MAX)};
    struct err err = {0};
    limit_self();
    int rc = lseek(fd, 0, SEEK_SET) < 0 ? -errno : reader(format, fd, send_case, &writer, &err);
    wire_put_u64(&writer.buffer, MARK_END);
    wire_put_u64(&writer.buffer, (uint64_t)(int64_t)rc);
    wire_put_text(&writer.buffer, err.text);
    _exit(flush(&writer) == 0 ? 0 : 1);
}

/* ---- the parent ---- */

/* Reads all the child says within REPORT_WALL_MS. */
static int read_answer(int fd, struct str *answer, struct err *err)
{
    int64_t deadline = clock_mono_ns() + (int64_t)REPORT_WALL_MS * 1000000;
    for (;;) {
        struct pollfd watched = {.fd = fd, .events = POLLIN};
        int64_t left = (deadline - clock_mono_ns()) / 1000000;
        if (left <= 0) {
            return err_set(
                err, -ETIMEDOUT, "reading the report took more than %d s", REPORT_WALL_MS / 1000);
        }
        if (poll(&watched, 1, (int)left) <= 0) {
            continue;
        }
        if (str_reserve(answer, FLUSH_SIZE) < 0) {
            return err_set(err,
                           -EFBIG,
                           "the cases of the report take more than %u MiB",
                           REPORT_ANSWER_MAX >> 20);
        }
        ssize_t n = read(fd, answer->data + answer->len, FLUSH_SIZE);
        if (n == 0) {
            return 0;
        }
        if (n < 0 && errno != EINTR) {
            return err_errno(err, "reading from the report reader");
        }
        answer->len += n > 0 ? (size_t)n : 0;
    }
}

struct case_vec {
    VEC_FIELDS(struct test_case);
};

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

/* The reader's own result; -EPIPE when the child died before it could tell. */
static int decode_end(struct wire_reader *reader, struct err *err)
{
    int rc = (int)(int64_t)wire_get_u64(reader);
    const char *text = wire_get_text(reader);
    if (reader->broken) {
        return -EPIPE;
    }
    if (rc < 0) {
        return err_set(err, rc, "%s", text != NULL ? text : "unreadable report");
    }
    if (err != NULL && text != NULL) {
        (void)snprintf(err->text, sizeof err->text, "%s", text); /* a warning */
    }
    return 0;
}

static int decode_cases(struct wire_reader *reader,
                        size_t max,
                        struct case_vec *cases,
                        struct err *err)
{
    for (;;) {
        struct test_case test_case = {0};
        uint64_t mark = wire_get_u64(reader);
        if (mark == MARK_END) {
            return decode_end(reader, err);
        }
        if (reader->broken || mark != MARK_CASE) {
            return -EPIPE;
        }
        message_get_case(reader, &test_case);
        if (reader->broken) {
            return -EPIPE;
        }
        if (cases->count >= max) {
            return err_set(err,
                           -EFBIG,
                           "the report has more than %zu cases; split it over several units",
                           max);
        }
        if (vec_push(cases, test_case) < 0) {
            return err_set(err, -ENOMEM, "out of memory for cases");
        }
    }
}

/* Takes the answer apart. */
static int decode(const struct str *answer,
                  size_t max,
                  struct arena *arena,
                  struct case_list *ret_cases,
                  struct err *err)
{
    struct wire_reader reader = {.data = str_text(answer), .len = answer->len, .arena = arena};
    struct case_vec cases = {0};
    int rc = decode_cases(&reader, max, &cases, err);
    int kept = keep_cases(&cases, arena, ret_cases);
    vec_fini(&cases);
    return kept < 0 ? err_set(err, kept, "out of memory for cases") : rc;
}

static const char *death_words(int status)
{
    if (!WIFSIGNALED(status)) {
        return "stopped in the middle";
    }
    return WTERMSIG(status) == SIGXCPU || WTERMSIG(status) == SIGKILL
               ? "used too much time or memory"
               : "crashed";
}

int report_child_read(const struct slot_reports *reports,
                      enum report_format format,
                      int fd,
                      struct arena *arena,
                      struct case_list *ret_cases,
                      struct err *err)
{
    int ends[2];
    int status = 0;
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
        child_main(reports->read, format, fd, ends[1]);
    }
    (void)close(ends[1]);
    CLEANUP(cleanup_fd) int answer_fd = ends[0];
    if (pid < 0) {
        return err_errno(err, "cannot start the report reader");
    }
    CLEANUP(str_fini) struct str answer = STR_INIT(REPORT_ANSWER_MAX);
    rc = read_answer(answer_fd, &answer, err);
    if (rc < 0) {
        (void)kill(pid, SIGKILL);
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (rc < 0) {
        return rc;
    }
    size_t max = reports->cases_max > 0 ? reports->cases_max : CASES_PER_UNIT_MAX;
    rc = decode(&answer, max, arena, ret_cases, err);
    return rc == -EPIPE ? err_set(err,
                                  -EBADMSG,
                                  "the reader of the %s report %s",
                                  report_format_name(format),
                                  death_words(status))
                        : rc;
}
