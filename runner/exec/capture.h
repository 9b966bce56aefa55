/* SPDX-License-Identifier: Apache-2.0 */
/* One captured stream: the head goes straight to a file that all units of the slot share, the tail
 * waits in a ring; what lies between is counted and dropped. Memory is one ring per stream and
 * slot, whatever a unit prints. */
#ifndef SLUICE_EXEC_CAPTURE_H
#define SLUICE_EXEC_CAPTURE_H

#include "model/outcome.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Largest tail kept in memory; a larger output_max gives its rest to the head. */
#define CAPTURE_TAIL_MAX (1u << 20)

struct capture_file {
    char name[32]; /* relative to the run folder */
    int fd;        /* append only */
    uint64_t size;
    char *ring; /* CAPTURE_TAIL_MAX bytes, mapped at first use */
};

struct capture_stream {
    struct capture_file *file;
    int pipe;       /* read end, non-blocking; -1 = closed */
    uint64_t start; /* offset in the file */
    uint64_t total; /* bytes seen */
    uint64_t head_max;
    size_t tail_max;
    size_t ring_at; /* next write position */
    int error;      /* first failure to write, negative errno */
};

/* Opens (appends to) run_dir/name. 0 or -errno. */
int capture_file_open(struct capture_file *file, int run_dir_fd, const char *name);
void capture_file_close(struct capture_file *file);

/* Begins a stream of which `max` bytes are kept: at most half of them, and at most tail_max
 * (<= CAPTURE_TAIL_MAX), as tail. */
void capture_begin(struct capture_stream *stream,
                   struct capture_file *file,
                   int pipe,
                   uint64_t max,
                   size_t tail_max);

/* Reads what the pipe holds, once. Returns false when the stream has ended (the pipe is closed
 * then). */
bool capture_read(struct capture_stream *stream);

/* Reads all that is there without waiting. Returns false when someone still holds the pipe open. */
bool capture_drain(struct capture_stream *stream);

/* Writes the tail and fills *ret_capture, whatever happens. Closes the pipe. 0, or the first
 * failure to write since the beginning: then what is lost counts as dropped. */
int capture_end(struct capture_stream *stream, struct capture *ret_capture);

#endif
