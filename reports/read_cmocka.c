/* SPDX-License-Identifier: Apache-2.0 */
/* cmocka's XML (1.1.5) -> well-formed XML -> the JUnit reader. cmocka escapes nothing, writes one
 * root per group into one file, and shares its stream with what the tests print. But it writes line
 * by line:
 *
 *     <testsuites>
 *       <testsuite name="GROUP" time="0.000" tests="2" failures="1" errors="0" skipped="0" >
 *         <testcase name="TEST" time="0.000" >
 *           <failure><![CDATA[MESSAGE]]></failure>
 *
 * so names reach up to the last `" time="` of their line, and a message up to a `]]></failure>`
 * before a line `</testcase>`. Lines outside of <testsuites> are not its and are dropped. */
#include "base/cleanup.h"
#include "base/text.h"
#include "reports/read_impl.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define CDATA_OPEN "<![CDATA["

struct repair {
    const char *at;
    struct str *out;
};

static size_t line_length(const char *line)
{
    size_t len = strcspn(line, "\n");
    return line[len] == '\n' ? len + 1 : len;
}

/* True when '&' at `text` begins what XML knows: newer versions of cmocka escape. */
static bool is_reference(const char *text)
{
    static const char *const known[] = {"&lt;", "&gt;", "&amp;", "&quot;", "&apos;"};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (text_starts_with(text, known[i])) {
            return true;
        }
    }
    return text[1] == '#';
}

static void escape_name(struct str *out, const char *text, size_t len)
{
    for (const char *c = text; c < text + len; c++) {
        if (*c == '<') {
            (void)str_append(out, "&lt;");
        } else if (*c == '"') {
            (void)str_append(out, "&quot;");
        } else if (*c == '&' && !is_reference(c)) {
            (void)str_append(out, "&amp;");
        } else {
            (void)str_append_char(out, *c);
        }
    }
}

/* The last occurrence of `needle` in the line. */
static const char *find_last(const char *line, size_t len, const char *needle)
{
    size_t needle_len = strlen(needle);
    for (size_t at = len; at >= needle_len; at--) {
        if (memcmp(line + at - needle_len, needle, needle_len) == 0) {
            return line + at - needle_len;
        }
    }
    return NULL;
}

/* Copies `<testcase name="..." time=...` with the name escaped. */
static void repair_named(struct repair *repair, const char *open)
{
    size_t len = line_length(repair->at);
    const char *name = strstr(repair->at, open) + strlen(open);
    const char *end = find_last(repair->at, len, "\" time=\"");
    if (end == NULL || end < name) {
        (void)str_append_n(repair->out, repair->at, len); /* another shape: let XML judge it */
    } else {
        (void)str_append_n(repair->out, repair->at, (size_t)(name - repair->at));
        escape_name(repair->out, name, (size_t)(end - name));
        (void)str_append_n(repair->out, end, (size_t)(repair->at + len - end));
    }
    repair->at += len;
}

/* Where the message of a failure ends: at the first "]]></failure>" that a line "</testcase>"
 * follows. NULL when there is none. */
static const char *find_message_end(const char *text, const char *close)
{
    for (const char *at = strstr(text, close); at != NULL; at = strstr(at + 1, close)) {
        const char *next = at + strlen(close);
        if (text_starts_with(next + strspn(next, " \t\n"), "</testcase>")) {
            return at;
        }
    }
    return NULL;
}

/* Copies a failure, splitting each "]]>" in its message over two CDATA sections. */
static void repair_message(struct repair *repair, const char *close)
{
    const char *message = strstr(repair->at, CDATA_OPEN) + strlen(CDATA_OPEN);
    const char *end = find_message_end(message, close);
    if (end == NULL) { /* truncated: the XML reader says so */
        (void)str_append(repair->out, repair->at);
        repair->at += strlen(repair->at);
        return;
    }
    (void)str_append_n(repair->out, repair->at, (size_t)(message - repair->at));
    for (const char *at = message; at < end; at++) {
        if (text_starts_with(at, "]]>") && end - at >= 3) {
            (void)str_append(repair->out, "]]]]>" CDATA_OPEN ">");
            at += 2;
        } else {
            (void)str_append_char(repair->out, *at);
        }
    }
    (void)str_append(repair->out, close);
    repair->at = end + strlen(close);
}

/* Copies one line, or one failure, from within <testsuites>. False behind its end tag. */
static bool repair_line(struct repair *repair)
{
    const char *line = repair->at + strspn(repair->at, " \t");
    if (text_starts_with(line, "<testcase name=\"")) {
        repair_named(repair, "<testcase name=\"");
    } else if (text_starts_with(line, "<testsuite name=\"")) {
        repair_named(repair, "<testsuite name=\"");
    } else if (text_starts_with(line, "<failure>" CDATA_OPEN)) {
        repair_message(repair, "]]></failure>");
    } else if (text_starts_with(line, "<error>" CDATA_OPEN)) {
        repair_message(repair, "]]></error>");
    } else {
        size_t len = line_length(repair->at);
        (void)str_append_n(repair->out, repair->at, len);
        repair->at += len;
    }
    return !text_starts_with(line, "</testsuites>");
}

int read_cmocka(const char *text, size_t len, struct report_feed *feed)
{
    CLEANUP(str_fini) struct str clean = STR_INIT(SIZE_MAX / 4);
    CLEANUP(str_fini) struct str xml = STR_INIT(SIZE_MAX / 4);
    (void)text_sanitize(&clean, text, len); /* messages hold whatever bytes the test compared */
    struct repair repair = {.at = str_text(&clean), .out = &xml};
    while ((repair.at = strstr(repair.at, "<testsuites")) != NULL) {
        bool inside = true;
        while (inside && *repair.at != '\0') {
            inside = repair_line(&repair);
        }
    }
    if (clean.error != 0 || xml.error != 0) {
        return err_set(feed->err, -ENOMEM, "out of memory reading a report of %zu bytes", len);
    }
    return read_junit_counted(str_text(&xml), xml.len, feed);
}
