/* SPDX-License-Identifier: Apache-2.0 */
#include "exec/capture.h"

#include "base/file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* A pipe's default capacity: one read empties it. */
#define READ_SIZE 65536

int capture_file_open(struct capture_file *file, int run_dir_fd, const char *name)
{
    struct stat st;
    *file = (struct capture_file){.fd = -1};
    (void)snprintf(file->name, sizeof file->name, "%s", name);
    int fd = openat(run_dir_fd, name, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (fd < 0 || fstat(fd, &st) < 0) {
        return -errno;
    }
    file->fd = fd;
    file->size = (uint64_t)st.st_size;
    return 0;
}

void capture_file_close(struct capture_file *file)
{
    if (file->fd >= 0) {
        (void)close(file->fd);
        file->fd = -1;
    }
    if (file->ring != NULL) {
        (void)munmap(file->ring, CAPTURE_TAIL_MAX);
        file->ring = NULL;
    }
}

void capture_begin(struct capture_stream *stream,
                   struct capture_file *file,
                   int pipe,
                   uint64_t max,
                   size_t tail_max)
{
    assert(tail_max <= CAPTURE_TAIL_MAX);
    size_t tail = max / 2 < tail_max ? (size_t)(max / 2) : tail_max;
    *stream = (struct capture_stream){
        .file = file,
        .pipe = pipe,
        .start = file->size,
        .head_max = max - tail,
        .tail_max = tail,
    };
}

static void write_file(struct capture_stream *stream, const char *bytes, size_t len)
{
    if (stream->error != 0 || len == 0) {
        return;
    }
    int rc = fd_write_all(stream->file->fd, bytes, len);
    if (rc < 0) {
        struct stat st;
        stream->error = rc;
        stream->file->size =
            fstat(stream->file->fd, &st) == 0 ? (uint64_t)st.st_size : stream->file->size;
        return;
    }
    stream->file->size += len;
}

static void write_ring(struct capture_stream *stream, const char *bytes, size_t len)
{
    struct capture_file *file = stream->file;
    if (file->ring == NULL) {
        void *ring = mmap(
            NULL, CAPTURE_TAIL_MAX, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (ring == MAP_FAILED) {
            stream->error = -ENOMEM;
            return;
        }
        file->ring = ring;
    }
    if (stream->tail_max == 0) {
        return;
    }
    if (len > stream->tail_max) {
        bytes += len - stream->tail_max;
        len = stream->tail_max;
    }
    size_t first =
        stream->tail_max - stream->ring_at < len ? stream->tail_max - stream->ring_at : len;
    memcpy(file->ring + stream->ring_at, bytes, first);
    memcpy(file->ring, bytes + first, len - first);
    stream->ring_at = (stream->ring_at + len) % stream->tail_max;
}

static void take(struct capture_stream *stream, const char *bytes, size_t len)
{
    size_t to_head = 0;
    if (stream->total < stream->head_max) {
        uint64_t room = stream->head_max - stream->total;
        to_head = room < len ? (size_t)room : len;
        write_file(stream, bytes, to_head);
    }
    if (len > to_head) {
        write_ring(stream, bytes + to_head, len - to_head);
    }
    stream->total += len;
}

static void close_pipe(struct capture_stream *stream)
{
    if (stream->pipe >= 0) {
        (void)close(stream->pipe);
        stream->pipe = -1;
    }
}

bool capture_read(struct capture_stream *stream)
{
    static char buffer[READ_SIZE];
    ssize_t n = read(stream->pipe, buffer, sizeof buffer);
    if (n > 0) {
        take(stream, buffer, (size_t)n);
        return true;
    }
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return true;
    }
    close_pipe(stream);
    return false;
}

bool capture_drain(struct capture_stream *stream)
{
    /* A process that keeps writing could hold us here: at most 2 pipes full. */
    for (int i = 0; i < 32 && stream->pipe >= 0; i++) {
        uint64_t before = stream->total;
        if (!capture_read(stream)) {
            return true;
        }
        if (stream->total == before) {
            return false;
        }
    }
    return stream->pipe < 0;
}

/* Bytes that wait in the ring. */
static size_t ring_used(const struct capture_stream *stream)
{
    uint64_t beyond = stream->total > stream->head_max ? stream->total - stream->head_max : 0;
    return beyond < stream->tail_max ? (size_t)beyond : stream->tail_max;
}

int capture_end(struct capture_stream *stream, struct capture *ret_capture)
{
    size_t used = ring_used(stream);
    uint64_t head = stream->total < stream->head_max ? stream->total : stream->head_max;
    uint64_t dropped = stream->total - head - used;
    close_pipe(stream);
    if (dropped > 0) {
        char line[96];
        int len = snprintf(line,
                           sizeof line,
                           "\n[sluice: %llu bytes are left out here]\n",
                           (unsigned long long)dropped);
        write_file(stream, line, (size_t)len);
    }
    if (used > 0) {
        size_t begin = used < stream->tail_max ? 0 : stream->ring_at;
        write_file(stream, stream->file->ring + begin, used - begin);
        if (begin > 0) {
            write_file(stream, stream->file->ring, begin);
        }
    }
    *ret_capture = (struct capture){
        .offset = stream->start,
        .len = stream->file->size - stream->start,
        .dropped = dropped,
    };
    if (stream->error != 0) {
        /* at least one byte that was to be kept is not: whoever reads this as data must know */
        uint64_t kept = ret_capture->len;
        ret_capture->dropped = stream->total > kept ? stream->total - kept : 1;
    }
    ret_capture->file = ret_capture->len > 0 ? stream->file->name : NULL;
    return stream->error;
}
