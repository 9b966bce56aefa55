/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a plugin's output line by line: bounded, whatever is in it. Private to this module. */
#ifndef SLUICE_PLUGIN_LINES_H
#define SLUICE_PLUGIN_LINES_H

#include "base/file.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct line_reader {
    int fd;
    char *buf;      /* one line of the longest kind, and its newline */
    size_t start;   /* of the part not yet given */
    size_t scanned; /* from start to here there is no newline */
    size_t end;     /* of what was read */
    size_t line;    /* number of the line given last, from 1 */
    uint64_t total; /* bytes read */
    uint64_t left;  /* to be read; UINT64_MAX = up to the end of the file */
    uint64_t max;
    bool ended;
};

/* Opens `part`, of which at most `max` bytes are read. */
int lines_open(struct line_reader *reader,
               const struct file_part *part,
               uint64_t max,
               struct err *err);

/* Gives the next line without its newline, valid until the next call: 1, or 0 at the end. A line
 * beyond PLUGIN_LINE_MAX, a file beyond max: -EFBIG. The last line may lack its newline. */
int lines_next(struct line_reader *reader, const char **ret_line, size_t *ret_len, struct err *err);

/* Accepts a zeroed reader and one whose lines_open() failed. */
void lines_close(struct line_reader *reader);

#endif
