/* SPDX-License-Identifier: Apache-2.0 */
/* subunit version 1, as text: what a test is and how it ended, a line each; anything else is what
 * the tests print.
 *
 *     test: name            success: name
 *     failure: name [       (details up to a line "]", or "[ multipart" in chunks)
 *     time: 2026-11-22 15:18:57Z
 *
 * A test that began and never ended is errored: its program died. */
#include "base/limits.h"
#include "base/text.h"
#include "reports/read_impl.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Seconds of a minute, a leap second among them. */
#define SECOND_END 61

struct stream {
    struct report_feed *feed;
    const char *at, *end;
    size_t line;
    struct str name;  /* the test that began; empty = none */
    struct str ended; /* the test that ends */
    struct str message, details;
    struct str shown, shown_name; /* the same as valid text */
    int64_t time_us;              /* the last time: line; -1 = none */
    int64_t started_us;           /* of the open test; -1 = unknown */
    bool open;
};

struct keyword {
    const char *word;
    int status; /* STARTS, PASSED_OVER or enum outcome_status */
};

enum {
    STARTS = -1,
    TIME = -2,
    PASSED_OVER = -3,
};

static const struct keyword keywords[] = {
    {"testing",    STARTS         },
    {"test",       STARTS         },
    {"time",       TIME           },
    {"successful", OUTCOME_PASSED },
    {"success",    OUTCOME_PASSED },
    {"xfail",      OUTCOME_PASSED },
    {"failure",    OUTCOME_FAILED },
    {"uxsuccess",  OUTCOME_FAILED },
    {"error",      OUTCOME_ERRORED},
    {"skip",       OUTCOME_SKIPPED},
    {"progress",   PASSED_OVER    },
    {"tags",       PASSED_OVER    },
};

/* Takes the next line: its start and length without the newline. False at the end. */
static bool next_line(struct stream *s, const char **ret_line, size_t *ret_len)
{
    if (s->at >= s->end) {
        return false;
    }
    const char *newline = memchr(s->at, '\n', (size_t)(s->end - s->at));
    const char *stop = newline != NULL ? newline : s->end;
    *ret_line = s->at;
    *ret_len = (size_t)(stop - s->at);
    s->at = stop < s->end ? stop + 1 : s->end;
    s->line++;
    return true;
}

/* "success: name" and "success name", in any case; *ret_rest is what follows. */
static const struct keyword *find_keyword(const char *line, size_t len, const char **ret_rest)
{
    for (size_t i = 0; i < sizeof keywords / sizeof keywords[0]; i++) {
        size_t word = strlen(keywords[i].word);
        if (len > word && strncasecmp(line, keywords[i].word, word) == 0 && line[word] == ':') {
            const char *rest = line + word + 1;
            *ret_rest = rest + (rest < line + len && *rest == ' ' ? 1 : 0);
            return &keywords[i];
        }
    }
    return NULL;
}

/* ---- times ---- */

/* "2026-11-22 15:18:57.123456Z" in microseconds; -1 when it is none. */
static int64_t parse_time(const char *text, size_t len)
{
    char buf[64];
    int year = 0;
    unsigned month = 0;
    unsigned day = 0;
    unsigned hour = 0;
    unsigned minute = 0;
    double second = 0;
    (void)snprintf(buf, sizeof buf, "%.*s", (int)(len < sizeof buf ? len : sizeof buf - 1), text);
    // NOLINTNEXTLINE(cert-err34-c): six numbers of a fixed form; what does not fit is no time
    if (sscanf(buf, "%4d-%2u-%2u %2u:%2u:%lf", &year, &month, &day, &hour, &minute, &second) != 6
        || month < 1 || month > 12 || year < 1970 || day > 31 || hour > 24 || minute > 59
        || !(second >= 0 && second < SECOND_END)) {
        return -1;
    }
    /* days since an arbitrary March: only differences count */
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t m = month <= 2 ? month + 9 : month - 3;
    int64_t days = y * 365 + y / 4 - y / 100 + y / 400 + (m * 306 + 5) / 10 + day;
    return (((days * 24 + hour) * 60 + minute) * 60) * 1000000 + (int64_t)(second * 1e6);
}

/* ---- details ---- */

/* "[" ... "]": lines up to one that is a bracket alone. False when the text ends before. */
static bool read_bracket(struct stream *s)
{
    const char *line = NULL;
    size_t len = 0;
    while (next_line(s, &line, &len)) {
        if (len == 1 && line[0] == ']') {
            return true;
        }
        size_t indent =
            len > 1 && line[0] == ' ' && line[1] == ']' ? 1 : 0; /* an escaped bracket */
        keep_text(&s->details, line + indent, len - indent);
        keep_text(&s->details, "\n", 1);
    }
    return false;
}

/* One part of "[ multipart": its type, its name, then chunks "HEX\r\nbytes" up to "0\r\n". */
static bool read_part(struct stream *s)
{
    const char *line = NULL;
    size_t len = 0;
    if (!next_line(s, &line, &len)) { /* its name */
        return false;
    }
    while (next_line(s, &line, &len)) {
        char *end = NULL;
        unsigned long size = len > 0 ? strtoul(line, &end, 16) : 0;
        if (len == 0 || end == line || size > (unsigned long)(s->end - s->at)) {
            return false;
        }
        if (size == 0) {
            return true;
        }
        keep_text(&s->details, s->at, size);
        s->at += size;
    }
    return false;
}

static bool read_multipart(struct stream *s)
{
    const char *line = NULL;
    size_t len = 0;
    while (next_line(s, &line, &len)) {
        if (len == 1 && line[0] == ']') {
            return true;
        }
        if (strncmp(line, "Content-Type:", 13) != 0 || !read_part(s)) {
            return false;
        }
        keep_text(&s->details, "\n", 1);
    }
    return false;
}

/* cmocka's "error: NAME [ why ]": details in the same line, of the test that is open. */
static bool read_inline(struct stream *s, const char *name, size_t *len)
{
    size_t open_len = s->name.len;
    if (!s->open || *len < open_len + 5 || memcmp(name, str_text(&s->name), open_len) != 0
        || memcmp(name + open_len, " [ ", 3) != 0 || memcmp(name + *len - 2, " ]", 2) != 0) {
        return false;
    }
    keep_text(&s->details, name + open_len + 3, *len - open_len - 5);
    *len = open_len;
    return true;
}

/* Cuts " [" or " [ multipart" from the end of a name, and reads what it announces. */
static bool read_details(struct stream *s, const char *name, size_t *len)
{
    static const char multipart[] = " [ multipart";
    size_t mark = strlen(multipart);
    str_clear(&s->details);
    if (read_inline(s, name, len)) {
        return true;
    }
    if (*len > mark && memcmp(name + *len - mark, multipart, mark) == 0) {
        *len -= mark;
        return read_multipart(s);
    }
    if (*len > 2 && memcmp(name + *len - 2, " [", 2) == 0) {
        *len -= 2;
        return read_bracket(s);
    }
    return true;
}

/* ---- tests ---- */

/* What tests print is any bytes: made text here, not before, because chunks are counted. */
static void set_shown(struct stream *s, const struct str *name)
{
    str_clear(&s->shown);
    str_clear(&s->shown_name);
    (void)text_sanitize(&s->shown, str_text(&s->details), s->details.len);
    (void)text_sanitize(&s->shown_name, str_text(name), name->len);
    const char *text = str_text(&s->shown);
    text += strspn(text, " \t\r\n");
    str_clear(&s->message);
    keep_text(&s->message, text, strcspn(text, "\r\n"));
}

static void feed_test(struct stream *s, const struct str *name, int status, const char *why)
{
    const char *path = NULL;
    size_t len = 0;
    char file[PATH_TEXT_MAX];
    set_shown(s, name);
    struct test_case c = {
        .name = text_or_null(&s->shown_name), .status = (enum outcome_status)status, .time_s = -1};
    if (status != OUTCOME_PASSED) {
        c.message = why != NULL ? why : text_or_null(&s->message);
        c.details = text_or_null(&s->shown);
        if (find_location(str_text(&s->shown), &path, &len, &c.line) == 1) {
            (void)snprintf(file, sizeof file, "%.*s", (int)len, path);
            c.file = file;
        }
    }
    if (s->open && s->started_us >= 0 && s->time_us >= s->started_us) {
        c.time_s = (double)(s->time_us - s->started_us) / 1e6;
    }
    (void)feed_case(s->feed, &c);
    s->open = false;
}

static void end_open(struct stream *s)
{
    str_clear(&s->details);
    if (s->open) {
        feed_test(s, &s->name, OUTCOME_ERRORED, "the test began and never ended");
    }
}

static void start_test(struct stream *s, const char *name, size_t len)
{
    end_open(s);
    str_clear(&s->name);
    keep_text(&s->name, name, len);
    s->open = true;
    s->started_us = s->time_us;
}

/* 0, or -EBADMSG. */
static int take_line(struct stream *s, const char *line, size_t len)
{
    const char *rest = NULL;
    const struct keyword *keyword = find_keyword(line, len, &rest);
    if (keyword == NULL || keyword->status == PASSED_OVER) {
        return 0;
    }
    size_t rest_len = (size_t)(line + len - rest);
    if (keyword->status == TIME) {
        s->time_us = parse_time(rest, rest_len);
    } else if (keyword->status == STARTS) {
        start_test(s, rest, rest_len);
    } else {
        bool whole = read_details(s, rest, &rest_len);
        str_clear(&s->ended);
        keep_text(&s->ended, rest, rest_len);
        if (s->open && strcmp(str_text(&s->name), str_text(&s->ended)) != 0) {
            struct str kept = s->details;
            s->details = (struct str){.max = kept.max};
            end_open(s);
            str_fini(&s->details);
            s->details = kept;
        }
        if (s->feed->stop == 0) {
            feed_test(s, &s->ended, keyword->status, NULL);
        }
        if (!whole && s->feed->stop == 0) {
            return err_set(s->feed->err,
                           -EBADMSG,
                           "line %zu: the details of a test have no end: the report is truncated",
                           s->line);
        }
    }
    return 0;
}

static int read_stream(struct stream *s)
{
    const char *line = NULL;
    size_t len = 0;
    int rc = 0;
    while (rc == 0 && s->feed->stop == 0 && next_line(s, &line, &len)) {
        rc = take_line(s, line, len);
    }
    if (s->feed->stop == 0 && s->open) {
        end_open(s);
    }
    if (str_error(&s->name) != 0 || str_error(&s->details) != 0 || str_error(&s->message) != 0
        || str_error(&s->ended) != 0 || str_error(&s->shown) != 0
        || str_error(&s->shown_name) != 0) {
        feed_no_memory(s->feed);
    }
    return s->feed->stop != 0 ? s->feed->stop : rc;
}

int read_subunit(const char *text, size_t len, struct report_feed *feed)
{
    struct stream s = {
        .feed = feed, .at = text, .end = text + len, .time_us = -1, .started_us = -1};
    str_init(&s.name, KEEP_MAX);
    str_init(&s.ended, KEEP_MAX);
    str_init(&s.message, KEEP_MAX);
    str_init(&s.details, KEEP_MAX);
    str_init(&s.shown, SIZE_MAX / 4);
    str_init(&s.shown_name, SIZE_MAX / 4);
    int rc = read_stream(&s);
    str_fini(&s.name);
    str_fini(&s.ended);
    str_fini(&s.message);
    str_fini(&s.details);
    str_fini(&s.shown);
    str_fini(&s.shown_name);
    return rc;
}
