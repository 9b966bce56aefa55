/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/event_file.h"

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "model/event_json.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* Read at once: a few hundred events. */
#define READ_SIZE (256u << 10)

struct reading {
    const char *path;
    int (*each)(void *context, const struct event *event);
    void *context;
    uint64_t line; /* number of the line, from 1 */
    struct event_file_result result;
};

/* One whole line, without its newline. */
static int read_line(struct reading *reading, const char *line, size_t len, struct err *err)
{
    struct event event = {0};
    struct err why = {0};
    struct arena *arena = arena_new(EVENT_ARENA_MAX);
    if (arena == NULL) {
        return err_set(err, -ENOMEM, "out of memory");
    }
    reading->line++;
    int rc = event_read(line, len, arena, &event, &why);
    if (rc < 0) {
        rc = err_set(err,
                     rc == -ENOMEM ? rc : -EBADMSG,
                     "%s:%llu: this is no event: %s",
                     reading->path,
                     (unsigned long long)reading->line,
                     why.text);
    } else if (rc == 1) {
        reading->result.events++;
        reading->result.finished |= event.type == EVENT_RUN_FINISHED;
        rc = reading->each(reading->context, &event);
    }
    arena_free(arena);
    return rc;
}

/* Hands out the whole lines in `buffer` and keeps the rest at its start. */
static int read_lines(struct reading *reading, struct str *buffer, struct err *err)
{
    size_t start = 0;
    int rc = 0;
    while (rc == 0) {
        const char *newline = memchr(buffer->data + start, '\n', buffer->len - start);
        if (newline == NULL) {
            break;
        }
        const size_t len = (size_t)(newline - buffer->data) - start;
        rc = read_line(reading, buffer->data + start, len, err);
        start += len + 1;
    }
    memmove(buffer->data, buffer->data + start, buffer->len - start);
    buffer->len -= start;
    return rc;
}

static int read_all(struct reading *reading, int fd, struct str *buffer, struct err *err)
{
    for (;;) {
        if (str_reserve(buffer, READ_SIZE) != 0) {
            return err_set(err,
                           str_error(buffer),
                           "%s:%llu: the line is too long",
                           reading->path,
                           (unsigned long long)reading->line + 1);
        }
        const ssize_t got = read(fd, buffer->data + buffer->len, READ_SIZE);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return err_errno(err, "%s", reading->path);
        }
        if (got == 0) {
            reading->result.torn = buffer->len > 0;
            return 0;
        }
        buffer->len += (size_t)got;
        const int rc = read_lines(reading, buffer, err);
        if (rc != 0) {
            return rc;
        }
    }
}

int event_file_read(const char *path,
                    int (*each)(void *context, const struct event *event),
                    void *context,
                    struct event_file_result *ret_result,
                    struct err *err)
{
    CLEANUP(str_fini) struct str buffer = STR_INIT(EVENT_LINE_MAX);
    struct reading reading = {.path = path, .each = each, .context = context};
    CLEANUP(cleanup_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return err_errno(err, "%s", path);
    }
    const int rc = read_all(&reading, fd, &buffer, err);
    if (rc != 0) {
        return rc;
    }
    if (reading.result.events == 0) {
        return err_set(err, -ENODATA, "%s: there is no event in it", path);
    }
    *ret_result = reading.result;
    return 0;
}
