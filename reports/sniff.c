/* SPDX-License-Identifier: Apache-2.0 */
#include "reports/sniff.h"

#include "base/str.h"
#include "reports/json_scan.h"
#include "reports/xml_table.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Bytes looked at. Comments, a DOCTYPE and what a test prints before its report fit; what begins
 * later must be named by its user. */
#define HEAD_MAX (64u << 10)

/* Longest name of a root element that is told. */
#define ROOT_MAX 64

/* The beginning as plain bytes: a byte order mark and every other byte of UTF-16 are gone. */
struct head {
    char text[HEAD_MAX + 1];
    size_t len;
};

static void make_head(struct head *head, const char *text, size_t len)
{
    const unsigned char *bytes = (const unsigned char *)text;
    bool big = len >= 2 && ((bytes[0] == 0xFE && bytes[1] == 0xFF) || bytes[0] == 0);
    bool little =
        len >= 2 && ((bytes[0] == 0xFF && bytes[1] == 0xFE) || (bytes[0] != 0 && bytes[1] == 0));
    size_t at = len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0 ? 3 : big ? 1 : 0;
    size_t step = big || little ? 2 : 1;
    head->len = 0;
    for (; at < len && head->len < HEAD_MAX; at += step) {
        char c = text[at];
        if (c != '\0' && c != '\xFF' && c != '\xFE') {
            head->text[head->len++] = c;
        }
    }
    head->text[head->len] = '\0';
}

/* ---- XML ---- */

/* Behind the part that begins here, up to and with `close`; the empty text when it has no end. */
static const char *skip_past(const char *at, const char *close)
{
    at = strstr(at, close);
    return at != NULL ? at + strlen(close) : "";
}

/* Behind what may stand before a root: declarations, comments, a DOCTYPE with its subset. */
static const char *skip_prolog(const char *at)
{
    for (;;) {
        at += strspn(at, " \t\r\n");
        if (text_starts_with(at, "<?")) {
            at = skip_past(at, "?>");
        } else if (text_starts_with(at, "<!--")) {
            at = skip_past(at, "-->");
        } else if (text_starts_with(at, "<!DOCTYPE")) {
            at = skip_past(at, at[strcspn(at, "[>")] == '[' ? "]>" : ">");
        } else {
            return at;
        }
    }
}

/* cmocka's own hand: `skipped="0" >`, which nobody else writes. */
static bool is_cmocka(const char *root)
{
    const char *suite = strstr(root, "<testsuite name=\"");
    const char *line_end = suite != NULL ? strchr(suite, '\n') : NULL;
    if (line_end == NULL || line_end - suite < 8) {
        return false;
    }
    const char *skipped = strstr(suite, "\" skipped=\"");
    return skipped != NULL && skipped < line_end && memcmp(line_end - 3, "\" >", 3) == 0;
}

static int sniff_xml(const char *text, enum report_format *ret_format, struct err *err)
{
    char name[ROOT_MAX];
    char tag[1024];
    const char *root = skip_prolog(text);
    if (*root != '<') {
        return err_set(err, -EINVAL, "this looks like XML, but has no element");
    }
    size_t len = strcspn(root + 1, " \t\r\n/>");
    const char *colon = memchr(root + 1, ':', len);
    const char *local = colon != NULL ? colon + 1 : root + 1;
    (void)snprintf(
        name, sizeof name, "%.*s", (int)((size_t)(root + 1 + len - local) % ROOT_MAX), local);
    (void)snprintf(tag, sizeof tag, "%.*s", (int)(strcspn(root, ">") % sizeof tag), root);
    const struct xml_format *format = xml_format_of_root(name, tag);
    if (format != NULL) {
        *ret_format = format->format;
        return 0;
    }
    if (strcmp(name, "testsuites") == 0 || strcmp(name, "testsuite") == 0
        || strcmp(name, "testcase") == 0) {
        *ret_format = is_cmocka(root) ? REPORT_CMOCKA : REPORT_JUNIT;
        return 0;
    }
    return err_set(err,
                   -EINVAL,
                   "XML whose root is <%s> is no report that is known; if it is one, name its "
                   "format",
                   name);
}

/* ---- JSON ---- */

/* Members of a first object that tell formats apart. */
static bool is_key_of(const struct json_scan *scan, enum report_format *ret_format)
{
    static const struct {
        const char *key;
        enum report_format format;
    } keys[] = {
        {"Action",       REPORT_GOTEST},
        {"reportFormat", REPORT_CTRF  },
        {"results",      REPORT_CTRF  },
        {"passes",       REPORT_MOCHA },
        {"stats",        REPORT_MOCHA },
        {"status",       REPORT_CASES },
    };

    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (json_scan_is(scan, keys[i].key)) {
            *ret_format = keys[i].format;
            return true;
        }
    }
    return false;
}

static bool is_json_of(const struct head *head, const char *at, enum report_format *ret_format)
{
    struct json_scan scan = {.text = at, .len = head->len - (size_t)(at - head->text)};
    if (!json_scan_enter(&scan, '{')) {
        return false;
    }
    while (json_scan_member(&scan)) {
        if (is_key_of(&scan, ret_format)) {
            return true;
        }
        (void)json_scan_skip(&scan);
    }
    return false;
}

/* ---- lines ---- */

static bool is_tap_line(const char *line)
{
    line += strncmp(line, "not ", 4) == 0 ? 4 : 0;
    if (text_starts_with(line, "TAP version ") || text_starts_with(line, "Bail out!")) {
        return true;
    }
    if (text_starts_with(line, "1..")) {
        return isdigit((unsigned char)line[3]) != 0;
    }
    /* "ok  	package	0.01s" is go's, "ok" alone nobody's */
    return text_starts_with(line, "ok") && line[2] == ' ' && line[3] != ' ' && line[3] != '\0';
}

static bool is_subunit_line(const char *line)
{
    static const char *const words[] = {"test: ",
                                        "testing: ",
                                        "success: ",
                                        "successful: ",
                                        "failure: ",
                                        "error: ",
                                        "skip: ",
                                        "xfail: ",
                                        "time: 2",
                                        "progress: "};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strncasecmp(line, words[i], strlen(words[i])) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_line_of(const struct head *head, const char *line, enum report_format *ret_format)
{
    if (*line == '{') {
        return is_json_of(head, line, ret_format);
    }
    if (text_starts_with(line, "<testsuites>") || text_starts_with(line, "<?xml")) {
        *ret_format = REPORT_CMOCKA; /* XML in the middle of what a program prints */
        return true;
    }
    if (is_tap_line(line)) {
        *ret_format = REPORT_TAP;
        return true;
    }
    if (is_subunit_line(line)) {
        *ret_format = REPORT_SUBUNIT;
        return true;
    }
    return false;
}

int sniff_format(const char *text, size_t len, enum report_format *ret_format, struct err *err)
{
    static struct head head; /* 64 KiB that a small stack need not have; one thread reads */
    make_head(&head, text, len);
    const char *start = head.text + strspn(head.text, " \t\r\n");
    if (*start == '\0') {
        return err_set(err, -ENODATA, "the report is empty (%zu bytes)", len);
    }
    if (*start == '<') {
        return sniff_xml(start, ret_format, err);
    }
    for (const char *line = start; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n' ? 1 : 0;
        if (is_line_of(&head, line, ret_format)) {
            return 0;
        }
    }
    return err_set(err,
                   -EINVAL,
                   "nothing in its first %zu bytes tells what kind of report this is; name its "
                   "format",
                   head.len);
}
