/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/lines.h"

#include "base/mem.h"
#include "plugin/plugin.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* The longest line, its newline, and room to see that a longer one goes on. */
#define BUFFER_SIZE (PLUGIN_LINE_MAX + 2)

/* Read at once. Lines are short, and so only the beginning of the buffer is ever touched. */
#define READ_SIZE ((size_t)64 << 10)

int lines_open(struct line_reader *reader,
               const struct file_part *part,
               uint64_t max,
               struct err *err)
{
    *reader = (struct line_reader){.fd = -1, .max = max, .left = part->len};
    reader->buf = mem_realloc(NULL, BUFFER_SIZE, 1);
    if (reader->buf == NULL) {
        return err_set(err, -ENOMEM, "out of memory");
    }
    reader->fd = open(part->path, O_RDONLY | O_CLOEXEC);
    if (reader->fd < 0
        || (part->offset > 0 && lseek(reader->fd, (off_t)part->offset, SEEK_SET) < 0)) {
        return err_errno(err, "%s", part->path);
    }
    return 0;
}

void lines_close(struct line_reader *reader)
{
    if (reader->buf == NULL) {
        return;
    }
    if (reader->fd >= 0) {
        (void)close(reader->fd);
    }
    mem_free(reader->buf);
    *reader = (struct line_reader){.fd = -1};
}

/* Reads more behind what is there, making room first. 0, with `ended` set at the end of the file.
 */
static int fill(struct line_reader *reader, struct err *err)
{
    if (reader->start > 0) {
        memmove(reader->buf, reader->buf + reader->start, reader->end - reader->start);
        reader->end -= reader->start;
        reader->scanned -= reader->start;
        reader->start = 0;
    }
    assert(reader->end < BUFFER_SIZE);
    size_t room = BUFFER_SIZE - reader->end;
    ssize_t got = 0;
    room = room < READ_SIZE ? room : READ_SIZE;
    room = room < reader->left ? room : (size_t)reader->left;
    do {
        got = read(reader->fd, reader->buf + reader->end, room);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        return err_errno(err, "cannot read the plugin's output");
    }
    if (reader->left != UINT64_MAX) {
        if (got == 0 && room > 0) {
            return err_set(
                err,
                -EIO,
                "what it printed is shorter now than it was when it ended: was its file in the run folder cut, or the disk full?");
        }
        reader->left -= (uint64_t)got;
    }
    reader->ended = got == 0;
    reader->end += (size_t)got;
    reader->total += (uint64_t)got;
    if (reader->total > reader->max) {
        return err_set(err,
                       -EFBIG,
                       "more than %llu MiB of output, the most that is read",
                       (unsigned long long)(reader->max >> 20));
    }
    return 0;
}

/* Length of the line that begins at start, or -1 when its end was not read yet. */
static ssize_t find_line(struct line_reader *reader)
{
    const char *from = reader->buf + reader->scanned;
    const char *newline = memchr(from, '\n', reader->end - reader->scanned);
    if (newline != NULL) {
        return newline - (reader->buf + reader->start);
    }
    reader->scanned = reader->end;
    if (reader->ended && reader->end > reader->start) {
        return (ssize_t)(reader->end - reader->start);
    }
    return -1;
}

int lines_next(struct line_reader *reader, const char **ret_line, size_t *ret_len, struct err *err)
{
    ssize_t len = find_line(reader);
    while (len < 0 && !reader->ended && reader->end - reader->start <= PLUGIN_LINE_MAX) {
        int status = fill(reader, err);
        if (status != 0) {
            return status;
        }
        len = find_line(reader);
    }
    if (len < 0 && reader->ended) {
        return 0;
    }
    reader->line++;
    if (len < 0 || len > (ssize_t)PLUGIN_LINE_MAX) {
        return err_set(err,
                       -EFBIG,
                       "line %zu: longer than %u bytes, the longest that is read",
                       reader->line,
                       PLUGIN_LINE_MAX);
    }
    *ret_line = reader->buf + reader->start;
    *ret_len = (size_t)len;
    reader->start += (size_t)len;
    if (reader->start < reader->end) {
        reader->start++; /* the newline */
    }
    reader->scanned = reader->start;
    return 1;
}
