/* SPDX-License-Identifier: Apache-2.0 */
/* A line of a plan as most plugins print it, read at a tenth of the cost of any JSON: an object
 * without white space, of fields "id", "argv", "file", "line", "cwd", "timeout", "cost_ms", "slots"
 * and "skip", each once, whose texts are printable ASCII without escapes. Every other line, right
 * or wrong, is for json_parse(), which has the words for it. */
#ifndef SLUICE_PLUGIN_PLAIN_LINE_H
#define SLUICE_PLUGIN_PLAIN_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Words of one command; a longer one is not plain. */
#define PLAIN_ARGV_MAX 64

/* Bytes of a plain line; most have a hundred. */
#define PLAIN_LINE_MAX 8192

struct plain_line {
    const char *id; /* NULL: absent, here and below */
    const char *cwd;
    const char *timeout;
    const char *file;
    const char *skip;
    int64_t cost_ms;
    int64_t slots;
    int64_t line;
    const char *argv[PLAIN_ARGV_MAX];
    size_t argc;
    char bytes[PLAIN_LINE_MAX]; /* the texts */
};

/* True: it is plain, has an id and a command, and *ret_line says what it says, which is what any
 * reader of JSON would say. False: *ret_line means nothing. */
bool plain_line_read(const char *text, size_t len, struct plain_line *ret_line);

#endif
