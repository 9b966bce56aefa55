/* SPDX-License-Identifier: Apache-2.0 */
/* One test of a Criterion program. Its reports name all tests of the program, those that the filter
 * leaves out as skipped, as if they were. So the unit's own are taken out of its TAP (in its JSON
 * and XML, texts are not escaped):
 *
 *     ok - suite::one  (0.00s)
 *     ok - suite::two  # SKIP later
 *     not ok - suite::dies unexpected signal after a.c:7
 *     not ok - suite::no  (0.00s)
 *       ---
 *       assertions: 1
 *       failures:
 *       - a.c:5: |+
 *           Assertion failed: 1 == 2
 *       ...
 *
 * A parameterized test has a line for each parameter. */
#include "base/cleanup.h"
#include "base/file.h"
#include "plugins/unit/report.h"
#include "plugins/unit/tool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The first line of a failure; a longer one is cut, and whole in the details. */
#define MESSAGE_SIZE 512

struct reading {
    struct report_job *job;
    struct report_case c; /* name is NULL: none of ours is being read */
    struct str details;
    char file[PATH_TEXT_MAX];
    size_t count;
};

/* The case is whole. */
static void flush(struct reading *reading)
{
    struct report_case *c = &reading->c;
    char first[MESSAGE_SIZE];
    if (c->name != NULL) {
        const char *details = str_text(&reading->details);
        c->details = details[0] != '\0' ? details : NULL;
        (void)snprintf(first, sizeof first, "%.*s", (int)strcspn(details, "\n"), details);
        c->message = c->message == NULL && first[0] != '\0' ? first : c->message;
        report_add_case(reading->job->report, c);
        reading->count++;
    }
    *c = (struct report_case){0};
    str_clear(&reading->details);
}

/* "a.c:5" and what follows: where the first failure is. */
static void take_place(struct reading *reading, const char *text)
{
    const char *colon = strchr(text, ':');
    if (reading->c.file != NULL || colon == NULL || colon == text || text[0] == '/'
        || (size_t)(colon - text) >= sizeof reading->file) {
        return;
    }
    (void)snprintf(reading->file, sizeof reading->file, "%.*s", (int)(colon - text), text);
    reading->c.file = reading->file;
    reading->c.line = strtol(colon + 1, NULL, 10);
}

/* Behind "ok - " or "not ok - ". */
static void take_result(struct reading *reading, bool ok, char *text)
{
    static const char skipped[] = " # SKIP ";
    size_t len = strcspn(text, " ");
    if (strlen(reading->job->only) != len || memcmp(text, reading->job->only, len) != 0) {
        return;
    }
    char *rest = text + len;
    char *skip = strstr(rest, skipped);
    char *place = strstr(rest, " unexpected signal after ");
    char *seconds = strrchr(rest, '(');
    reading->c = (struct report_case){
        .name = reading->job->only,
        .status = !ok            ? "failed"
                  : skip != NULL ? "skipped"
                                 : "passed",
        .message = skip != NULL ? skip + sizeof skipped - 1 : NULL,
        .seconds = seconds != NULL ? strtod(seconds + 1, NULL) : 0,
    };
    if (place != NULL) {
        reading->c.status = "errored";
        reading->c.message = place + 1;
        take_place(reading, place + strlen(" unexpected signal after "));
    } else if (strstr(rest, " timed out ") != NULL) {
        reading->c.status = "errored";
        reading->c.message = "timed out";
    }
}

static void take_line(struct reading *reading, char *line)
{
    if (strncmp(line, "ok - ", 5) == 0) {
        flush(reading);
        take_result(reading, true, line + 5);
    } else if (strncmp(line, "not ok - ", 9) == 0) {
        flush(reading);
        take_result(reading, false, line + 9);
    } else if (strncmp(line, "  - ", 4) == 0) {
        take_place(reading, line + 4);
    } else if (strncmp(line, "      ", 6) == 0) {
        (void)str_appendf(&reading->details, "%s\n", line + 6);
    }
}

int report_from_criterion(struct report_job *job, struct err *err)
{
    CLEANUP(str_fini) struct str text = STR_INIT(REPORT_TEXT_MAX);
    if (job->only == NULL) {
        return err_set(err, -EINVAL, "usage: report criterion=TEST REPORT COMMAND...");
    }
    int status = file_read(job->raw, &text, err);
    if (status != 0) {
        return status == -ENOENT
                   ? err_set(err, -ENOENT, "it left no report; it was ended before its tests were")
                   : status;
    }
    struct reading reading = {.job = job, .details = STR_INIT(REPORT_TEXT_MAX)};
    char *rest = text.data;
    char *line = NULL;
    while ((line = tool_line(&rest)) != NULL) {
        take_line(&reading, line);
    }
    flush(&reading);
    int error = str_error(&reading.details);
    str_fini(&reading.details);
    if (error != 0) {
        return err_set(err, error, "out of memory for a report");
    }
    return reading.count > 0
               ? 0
               : err_set(err, -ENODATA, "no test is called \"%.200s\" any more", job->only);
}
