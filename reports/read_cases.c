/* SPDX-License-Identifier: Apache-2.0 */
/* sluice's own format: one JSON object a line (model/event_json.h, case_read()). */
#include "base/arena.h"
#include "base/cleanup.h"
#include "model/event_json.h"
#include "reports/read_impl.h"

#include <errno.h>
#include <string.h>

/* Memory for the strings of one line: each byte of it ends up in at most one string, with a
 * terminator; the arena's own rounding fits into the rest. */
#define LINE_ARENA_MAX(len) (2 * (len) + 4096)

static void cleanup_arena(struct arena **arena)
{
    arena_free(*arena);
}

static int read_line(const char *line, size_t len, size_t number, struct report_feed *feed)
{
    CLEANUP(cleanup_arena) struct arena *arena = arena_new(LINE_ARENA_MAX(len));
    if (arena == NULL) {
        return err_set(feed->err, -ENOMEM, "out of memory reading a report");
    }
    struct test_case test_case;
    int rc = case_read(line, len, arena, &test_case, feed->err);
    if (rc == 0 && test_case.status == OUTCOME_TIMED_OUT) {
        test_case.status = OUTCOME_ERRORED; /* a report knows no timeout: units have those */
    }
    if (rc == 0) {
        return feed_case(feed, &test_case);
    }
    (void)err_wrap(feed->err, "line %zu of the cases report", number);
    return rc == -ENOMEM ? rc : -EBADMSG;
}

static bool is_blank_line(const char *line, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (line[i] != ' ' && line[i] != '\t' && line[i] != '\r') {
            return false;
        }
    }
    return true;
}

int read_cases(const char *text, size_t len, struct report_feed *feed)
{
    size_t number = 0;
    int rc = 0;
    for (size_t at = 0; at < len && rc == 0;) {
        const char *end = memchr(text + at, '\n', len - at);
        size_t line_len = end != NULL ? (size_t)(end - text) - at : len - at;
        number++;
        if (!is_blank_line(text + at, line_len)) {
            rc = read_line(text + at, line_len, number, feed);
        }
        at += line_len + 1;
    }
    return rc;
}
