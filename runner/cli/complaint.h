/* SPDX-License-Identifier: Apache-2.0 */
/* Complaints about pipelines as data: err->text holds several, each "file:line:column: message",
 * then lines that belong to it (the source line, a caret, what to do). */
#ifndef SLUICE_CLI_COMPLAINT_H
#define SLUICE_CLI_COMPLAINT_H

#include "base/str.h"

#include <stddef.h>

/* One complaint; pieces of the text it was read from, not terminated. */
struct complaint {
    const char *message; /* behind "file:line:column: " */
    size_t message_len;  /* up to the end of its first line */
    const char *more;    /* the lines below; may be empty */
    size_t more_len;
    unsigned line; /* 0 = it names no place */
    unsigned column;
};

/* Reads the complaint that starts at *text and moves *text behind it. Returns 1, or 0 at the end.
 * `file` is the name the complaints start with. */
int complaint_next(const char **text, const char *file, struct complaint *ret_complaint);

/* Appends all complaints as JSON, one object a line: file, line, column, message, text. */
int complaint_write_json(struct str *out, const char *file, const char *text);

#endif
