/* SPDX-License-Identifier: Apache-2.0 */
#include "reports/event_log.h"

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "model/event_json.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* Lines are written out when so many bytes wait, whatever the time: some 250 units' worth. */
#define BUFFER_FLUSH (120u << 10)

/* ---- writing ---- */

struct event_log {
    struct event_sink sink;
    struct str buffer;
    int fd;
    bool owns_fd;
    int64_t flushed_ms;
    struct err error; /* first failure; code 0 = none */
};

static void keep_error(struct event_log *log, int rc)
{
    if (log->error.code == 0) {
        (void)err_set(&log->error, rc, "the event log cannot be written: %s", strerrordesc_np(-rc));
    }
}

static void write_out(struct event_log *log)
{
    if (log->buffer.len > 0 && log->error.code == 0) {
        int rc = fd_write_all(log->fd, log->buffer.data, log->buffer.len);
        if (rc != 0) {
            keep_error(log, rc);
        }
    }
    str_clear(&log->buffer);
    log->flushed_ms = clock_mono_ns() / 1000000;
}

/* After a failure the log stays as it is: a line torn by a full disk must remain its last. */
static void emit(struct event_sink *sink, const struct event *event)
{
    struct event_log *log = (struct event_log *)sink;
    if (log->error.code != 0) {
        return;
    }
    size_t before = log->buffer.len;
    int rc = event_write(&log->buffer, event);
    if (rc != 0) {
        /* the lines before are whole: they go out, the one that did not fit does not */
        log->buffer.error = 0;
        log->buffer.len = before;
        write_out(log);
        keep_error(log, rc);
        return;
    }
    bool due = clock_mono_ns() / 1000000 - log->flushed_ms >= EVENT_LOG_FLUSH_MS;
    if (due || log->buffer.len >= BUFFER_FLUSH || event->type == EVENT_RUN_STARTED
        || event->type == EVENT_RUN_FINISHED) {
        write_out(log);
    }
}

int event_log_new(int fd, bool owns_fd, struct event_log **ret_log, struct err *err)
{
    struct event_log *log = mem_calloc(1, sizeof *log);
    if (log == NULL) {
        return err_set(err, -ENOMEM, "out of memory");
    }
    log->sink.emit = emit;
    log->fd = fd;
    log->owns_fd = owns_fd;
    str_init(&log->buffer, EVENT_LINE_MAX);
    *ret_log = log;
    return 0;
}

struct event_sink *event_log_sink(struct event_log *log)
{
    return &log->sink;
}

int event_log_flush(struct event_log *log, struct err *err)
{
    write_out(log);
    return log->error.code == 0 ? 0 : err_set(err, log->error.code, "%s", log->error.text);
}

void event_log_free(struct event_log *log)
{
    if (log == NULL) {
        return;
    }
    write_out(log);
    if (log->owns_fd) {
        (void)close(log->fd);
    }
    str_fini(&log->buffer);
    mem_free(log);
}

/* ---- reading ---- */

/* Bytes asked for at once. */
#define READ_CHUNK (256u << 10)

/* Memory for one event: each byte of its line is in one string at most, and each case's structure
 * is smaller than five times its shortest line. */
#define EVENT_ARENA_MAX(len) (8 * (len) + (64u << 10))

struct replay {
    int fd;
    const char *name;
    struct event_sink *sink;
    struct str text; /* bytes read and not yet consumed, from `start` */
    size_t start;
    size_t line;
    bool end; /* of the file */
    struct event_log_read result;
    struct err *err;
};

static void cleanup_arena(struct arena **arena)
{
    arena_free(*arena);
}

/* Delivers one line. 0, or a negative errno with the reason (without place) in replay->err. */
static int replay_line(struct replay *replay, const char *line, size_t len)
{
    CLEANUP(cleanup_arena) struct arena *arena = arena_new(EVENT_ARENA_MAX(len));
    struct event event;
    if (arena == NULL) {
        return err_set(replay->err, -ENOMEM, "out of memory");
    }
    int rc = event_read(line, len, arena, &event, replay->err);
    if (rc > 0) {
        replay->result.events++;
        replay->result.finished = replay->result.finished || event.type == EVENT_RUN_FINISHED;
        replay->sink->emit(replay->sink, &event);
    }
    return rc < 0 ? rc : 0;
}

static int damaged(struct replay *replay, int rc)
{
    (void)err_wrap(replay->err, "%s:%zu", replay->name, replay->line);
    return rc == -ENOMEM || rc == -EPROTO ? rc : -EBADMSG;
}

/* Reads more of the file; drops what was consumed first. */
static int fill(struct replay *replay)
{
    struct str *text = &replay->text;
    if (replay->start > 0) {
        memmove(text->data, text->data + replay->start, text->len - replay->start);
        text->len -= replay->start;
        replay->start = 0;
    }
    if (str_reserve(text, READ_CHUNK) != 0) {
        replay->line++;
        (void)err_set(replay->err, text->error, "the line is longer than any event");
        return damaged(replay, text->error);
    }
    ssize_t got = read(replay->fd, text->data + text->len, READ_CHUNK);
    if (got < 0 && errno != EINTR) {
        return err_errno(replay->err, "cannot read %s", replay->name);
    }
    text->len += got > 0 ? (size_t)got : 0;
    replay->end = got == 0;
    return 0;
}

/* Delivers all whole lines in the buffer. */
static int replay_lines(struct replay *replay)
{
    for (;;) {
        const char *line = replay->text.data + replay->start;
        const char *newline = memchr(line, '\n', replay->text.len - replay->start);
        if (newline == NULL) {
            return 0;
        }
        replay->line++;
        int rc = newline > line ? replay_line(replay, line, (size_t)(newline - line)) : 0;
        if (rc != 0) {
            return damaged(replay, rc);
        }
        replay->start = (size_t)(newline + 1 - replay->text.data);
    }
}

int event_log_replay(int fd,
                     const char *name,
                     struct event_sink *sink,
                     struct event_log_read *ret_read,
                     struct err *err)
{
    struct replay replay = {.fd = fd, .name = name, .sink = sink, .err = err};
    str_init(&replay.text, EVENT_LINE_MAX);
    int rc = 0;
    while (rc == 0 && !replay.end) {
        rc = fill(&replay);
        rc = rc == 0 ? replay_lines(&replay) : rc;
    }
    replay.result.torn = rc == 0 && replay.text.len > replay.start;
    str_fini(&replay.text);
    if (ret_read != NULL) {
        *ret_read = replay.result;
    }
    if (rc == 0 && replay.result.events == 0) {
        return err_set(err, -ENODATA, "%s has no event in it", name);
    }
    return rc;
}
