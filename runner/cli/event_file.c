/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/event_file.h"

#include "base/cleanup.h"
#include "base/str.h"
#include "model/event_json.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* Read at once; first lines have about 400 bytes. */
#define READ_SIZE 4096u

/* Appends up to the first newline, which is left out; all there is when there is none. */
static int read_first_line(int fd, const char *path, struct str *line, struct err *err)
{
    for (;;) {
        if (str_reserve(line, READ_SIZE) != 0) {
            return err_set(err, str_error(line), "%s:1: the line is too long", path);
        }
        char *piece = line->data + line->len;
        const ssize_t got = read(fd, piece, READ_SIZE);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return err_errno(err, "%s", path);
        }
        const char *newline = memchr(piece, '\n', (size_t)got);
        line->len += newline != NULL ? (size_t)(newline - piece) : (size_t)got;
        if (newline != NULL || got == 0) {
            return 0;
        }
    }
}

int event_file_first(const char *path,
                     struct arena *arena,
                     struct event *ret_event,
                     struct err *err)
{
    CLEANUP(str_fini) struct str line = STR_INIT(EVENT_FIRST_MAX);
    struct event event = {0};
    struct err why = {0};
    CLEANUP(cleanup_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return err_errno(err, "%s", path);
    }
    int rc = read_first_line(fd, path, &line, err);
    if (rc != 0) {
        return rc;
    }
    if (line.len == 0) {
        return err_set(err,
                       -EBADMSG,
                       "%s is empty: no event log; its run was ended before it began, or the file "
                       "was not kept. Run it again",
                       path);
    }
    rc = event_read(str_text(&line), line.len, arena, &event, &why);
    if (rc != 1 || event.type != EVENT_RUN_STARTED) {
        return err_set(err,
                       rc == -ENOMEM ? -ENOMEM : -EBADMSG,
                       "%s:1: an event log begins with a run_started event%s%s",
                       path,
                       rc < 0 ? ": " : "",
                       rc < 0 ? why.text : "");
    }
    *ret_event = event;
    return 0;
}
