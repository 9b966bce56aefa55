/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/complaint.h"

#include "base/json.h"

#include <limits.h>
#include <string.h>

/* Reads "123:" and moves behind it; 0 when there is no such number. */
static unsigned read_number(const char **at)
{
    const char *c = *at;
    unsigned value = 0;
    for (; *c >= '0' && *c <= '9' && value < UINT_MAX / 10 - 1; c++) {
        value = value * 10 + (unsigned)(*c - '0');
    }
    if (c == *at || *c != ':') {
        return 0;
    }
    *at = c + 1;
    return value;
}

/* Is this line "file:line:column: ..."? Then moves *at to the message. */
static bool read_place(const char **at, const char *file, unsigned *ret_line, unsigned *ret_column)
{
    const size_t len = strlen(file);
    const char *c = *at;
    if (strncmp(c, file, len) != 0 || c[len] != ':') {
        return false;
    }
    c += len + 1;
    const unsigned line = read_number(&c);
    const unsigned column = line != 0 ? read_number(&c) : 0;
    if (column == 0 || *c != ' ') {
        return false;
    }
    *at = c + 1;
    *ret_line = line;
    *ret_column = column;
    return true;
}

int complaint_next(const char **text, const char *file, struct complaint *ret_complaint)
{
    struct complaint found = {.message = *text};
    if (**text == '\0') {
        return 0;
    }
    (void)read_place(&found.message, file, &found.line, &found.column);
    found.message_len = strcspn(found.message, "\n");
    const char *end = found.message + found.message_len;
    found.more = *end == '\n' ? end + 1 : end;
    while (*end == '\n') {
        const char *next = end + 1;
        unsigned line = 0;
        unsigned column = 0;
        if (read_place(&next, file, &line, &column)) {
            break;
        }
        end = next + strcspn(next, "\n");
    }
    found.more_len = end > found.more ? (size_t)(end - found.more) : 0;
    *text = *end == '\n' ? end + 1 : end;
    *ret_complaint = found;
    return 1;
}

int complaint_write_json(struct str *out, const char *file, const char *text)
{
    struct complaint complaint;
    while (complaint_next(&text, file, &complaint) == 1) {
        struct json_writer w;
        jw_begin(&w, out);
        jw_object(&w);
        jw_put_string(&w, "file", file);
        if (complaint.line != 0) {
            jw_put_int(&w, "line", complaint.line);
            jw_put_int(&w, "column", complaint.column);
        }
        jw_key(&w, "message");
        jw_string_n(&w, complaint.message, complaint.message_len);
        if (complaint.more_len > 0) {
            jw_key(&w, "text");
            jw_string_n(&w, complaint.more, complaint.more_len);
        }
        jw_end_object(&w);
        (void)str_append_char(out, '\n');
    }
    return str_error(out);
}
