/* SPDX-License-Identifier: Apache-2.0 */
#include "reports/capture_text.h"

#include "base/cleanup.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int open_capture(const char *run_dir, const struct capture *capture)
{
    char path[PATH_TEXT_MAX];
    if (run_dir == NULL || capture->file == NULL) {
        errno = ENOENT;
        return -1;
    }
    int len = snprintf(path, sizeof path, "%s/%s", run_dir, capture->file);
    if (len < 0 || (size_t)len >= sizeof path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    return open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
}

/* Reads `len` bytes from `offset`; fewer when the file is shorter. */
static size_t read_piece(int fd, char *buf, size_t len, uint64_t offset)
{
    size_t used = 0;
    while (used < len) {
        ssize_t got = pread(fd, buf + used, len - used, (off_t)(offset + used));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            break;
        }
        used += (size_t)got;
    }
    return used;
}

static void append_unreadable(struct str *out, const struct capture *capture, int error)
{
    (void)str_appendf(out,
                      "[output not available: %s: %s]\n",
                      capture->file != NULL ? capture->file : "no file",
                      strerrordesc_np(error));
}

static int append_whole(struct str *out, int fd, const struct capture *capture, char *buf)
{
    size_t got = read_piece(fd, buf, (size_t)capture->len, capture->offset);
    return text_sanitize(out, buf, got);
}

static int append_halves(
    struct str *out, int fd, const struct capture *capture, char *buf, size_t half)
{
    size_t head = read_piece(fd, buf, half, capture->offset);
    (void)text_sanitize(out, buf, head);
    (void)str_appendf(out, "\n[... %" PRIu64 " bytes left out ...]\n", capture->len - 2 * half);
    size_t tail = read_piece(fd, buf, half, capture->offset + capture->len - half);
    return text_sanitize(out, buf, tail);
}

int capture_text(struct str *out, const char *run_dir, const struct capture *capture, size_t max)
{
    if (capture->len == 0) {
        return str_error(out);
    }
    int fd CLEANUP(cleanup_fd) = open_capture(run_dir, capture);
    if (fd < 0) {
        append_unreadable(out, capture, errno);
        return str_error(out);
    }
    size_t size = capture->len <= max ? (size_t)capture->len : max / 2;
    char *buf = mem_calloc(size, 1);
    if (buf == NULL) {
        out->error = -ENOMEM;
        return out->error;
    }
    int rc = capture->len <= max ? append_whole(out, fd, capture, buf)
                                 : append_halves(out, fd, capture, buf, size);
    mem_free(buf);
    return rc;
}

/* The start of the last `lines` lines. */
static size_t last_lines(const char *text, size_t len, unsigned lines)
{
    size_t at = len;
    while (at > 0 && text[at - 1] == '\n') {
        at--;
    }
    while (at > 0) {
        if (text[at - 1] == '\n' && --lines == 0) {
            return at;
        }
        at--;
    }
    return 0;
}

int capture_tail(
    struct str *out, const char *run_dir, const struct capture *capture, unsigned lines, size_t max)
{
    if (capture->len == 0) {
        return str_error(out);
    }
    CLEANUP(str_fini) struct str text = STR_INIT(3 * max + 256);
    struct capture tail = *capture;
    tail.len = capture->len < max ? capture->len : max;
    tail.offset += capture->len - tail.len;
    if (capture_text(&text, run_dir, &tail, max) != 0) {
        out->error = text.error;
        return out->error;
    }
    size_t from = last_lines(str_text(&text), text.len, lines);
    return str_append_n(out, str_text(&text) + from, text.len - from);
}
