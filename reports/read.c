/* SPDX-License-Identifier: Apache-2.0 */
/* Picks the reader and gives it the bytes of a report: XML out of the mapped file, piece by piece,
 * everything else once, whole. The bytes are bounded by REPORT_BYTES_MAX; cases stream out of them.
 */
#include "reports/read.h"

#include "base/cleanup.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/text.h"
#include "reports/libxml.h"
#include "reports/read_impl.h"
#include "reports/sniff.h"
#include "reports/xml_table.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Bytes asked for at once when the size is not known beforehand. */
#define READ_CHUNK (64u << 10)

/* Said where text was cut at CASE_TEXT_MAX. */
#define CUT_MARK "\n[cut: longer than 1 MiB]"

/* Lines of a failure text in which a place is looked for: the message, and what tools put in front
 * of it. */
#define LOCATION_LINES 6

/* Cuts a text that is too long; the copy is *ret_copy. */
static int limit_text(const char **text, size_t max, char **ret_copy)
{
    if (*text == NULL || strnlen(*text, max + 1) <= max) {
        return 0;
    }
    *ret_copy = mem_strndup(*text, max);
    if (*ret_copy == NULL) {
        return -ENOMEM;
    }
    (*ret_copy)[utf8_valid_prefix(*ret_copy, max)] = '\0';
    *text = *ret_copy;
    return 0;
}

/* Hands a case on with all its texts within their limits. */
static void feed_limited(struct report_feed *feed, struct test_case *c)
{
    const struct {
        const char **text;
        size_t max;
    } texts[] = {
        {&c->suite,     CASE_NAME_MAX},
        {&c->classname, CASE_NAME_MAX},
        {&c->name,      CASE_NAME_MAX},
        {&c->file,      CASE_NAME_MAX},
        {&c->message,   CASE_NAME_MAX},
        {&c->type,      CASE_NAME_MAX},
        {&c->details,   KEEP_MAX     },
        {&c->output,    KEEP_MAX     },
    };

    char *copies[sizeof texts / sizeof texts[0]] = {NULL};
    int rc = 0;
    if (feed->brief) {
        c->details = NULL;
        c->output = NULL;
    }
    for (size_t i = 0; i < sizeof texts / sizeof texts[0] && rc == 0; i++) {
        rc = limit_text(texts[i].text, texts[i].max, &copies[i]);
    }
    if (rc == 0) {
        feed->stop = feed->each(feed->context, c);
    } else {
        feed_no_memory(feed);
    }
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        mem_free(copies[i]);
    }
}

/* Counts one more case. False when it is not to be handed on: an earlier pass did, or feed->stop.
 */
static bool is_wanted(struct report_feed *feed)
{
    assert(feed->stop == 0);
    if (feed->count == CASES_PER_FILE_MAX) {
        feed->stop = err_set(feed->err,
                             -EFBIG,
                             "the report has more than %d cases; split it over several units",
                             CASES_PER_FILE_MAX);
        return false;
    }
    feed->count++;
    return feed->count > feed->skip;
}

int feed_case(struct report_feed *feed, const struct test_case *test_case)
{
    if (!is_wanted(feed)) {
        return feed->stop;
    }
    struct test_case named = *test_case;
    char name[32];
    if (named.name == NULL || named.name[0] == '\0') {
        (void)snprintf(name, sizeof name, "(case %zu)", feed->count);
        named.name = name;
    }
    feed_limited(feed, &named);
    return feed->stop;
}

int feed_short_case(struct report_feed *feed, const struct test_case *test_case)
{
    if (feed->brief && (test_case->details != NULL || test_case->output != NULL)) {
        return feed_case(feed, test_case);
    }
    if (is_wanted(feed)) {
        feed->stop = feed->each(feed->context, test_case);
    }
    return feed->stop;
}

void feed_warn(struct report_feed *feed, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (feed->warnings++ == 0) {
        (void)vsnprintf(feed->warning, sizeof feed->warning, format, args);
    }
    va_end(args);
}

void feed_no_memory(struct report_feed *feed)
{
    if (feed->stop == 0) {
        feed->stop = err_set(feed->err, -ENOMEM, "out of memory reading a report");
    }
}

void keep_text(struct str *s, const char *bytes, size_t len)
{
    if (s->len >= CASE_TEXT_MAX) {
        return; /* already cut */
    }
    size_t room = CASE_TEXT_MAX - s->len;
    if (len < room) {
        (void)str_append_n(s, bytes, len);
        return;
    }
    (void)str_append_n(s, bytes, room);
    if (s->error == 0) {
        s->len = utf8_valid_prefix(s->data, s->len);
        s->data[s->len] = '\0';
    }
    _Static_assert(sizeof CUT_MARK > 4, "the mark makes up for a torn character of 3 bytes");
    (void)str_append(s, CUT_MARK);
}

const char *text_or_null(const struct str *s)
{
    return s->len > 0 ? s->data : NULL;
}

/* Where a failure is never written, though its trace may begin there: what is installed. */
#define INSTALLED "/usr/"

/* "path:NN" at the start of a line, blanks before it allowed; the path has no blank and looks like
 * a file of the project. */
static int line_location(const char *line,
                         const char **ret_path,
                         size_t *ret_len,
                         uint32_t *ret_line)
{
    line += strspn(line, " \t");
    size_t len = strcspn(line, " \t\n:()");
    const char *digits = line + len + 1;
    if (len == 0 || len > PATH_TEXT_MAX || line[len] != ':' || !isdigit((unsigned char)*digits)
        || memchr(line, '.', len) == NULL || strncmp(line, INSTALLED, sizeof INSTALLED - 1) == 0) {
        return 0;
    }
    uint32_t number = 0;
    while (isdigit((unsigned char)*digits) && number < UINT32_MAX / 10 - 1) {
        number = number * 10 + (uint32_t)(*digits++ - '0');
    }
    if (isdigit((unsigned char)*digits) || *digits == '.') {
        return 0; /* not a line number: 127.0.0.1:80.5, or absurdly long */
    }
    *ret_path = line;
    *ret_len = len;
    *ret_line = number;
    return 1;
}

int find_location(const char *text, const char **ret_path, size_t *ret_len, uint32_t *ret_line)
{
    for (int i = 0; i < LOCATION_LINES && text != NULL; i++) {
        if (line_location(text, ret_path, ret_len, ret_line) == 1) {
            return 1;
        }
        text = strchr(text, '\n');
        text = text != NULL ? text + 1 : NULL;
    }
    return 0;
}

/* Reads until the end of the file. One byte beyond the limit is asked for, to see it passed. */
static int read_all(int fd, struct str *out, struct err *err)
{
    struct stat st;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0
        && st.st_size <= (off_t)REPORT_BYTES_MAX) {
        (void)str_reserve(out, (size_t)st.st_size + READ_CHUNK); /* failure shows below */
    }
    for (;;) {
        if (str_reserve(out, READ_CHUNK) != 0 && out->error == -EFBIG) {
            return err_set(err,
                           -EFBIG,
                           "the report is larger than %u MiB, the most that is read",
                           REPORT_BYTES_MAX >> 20);
        }
        if (out->error != 0) {
            return err_set(err, -ENOMEM, "out of memory reading a report of %zu bytes", out->len);
        }
        ssize_t got = read(fd, out->data + out->len, out->cap - out->len - 1);
        if (got == 0) {
            return 0;
        }
        if (got < 0 && errno != EINTR) {
            return err_errno(err, "cannot read the report");
        }
        out->len += got > 0 ? (size_t)got : 0;
        out->data[out->len] = '\0';
    }
}

typedef int read_function(const char *text, size_t len, struct report_feed *feed);

static read_function *reader_of(enum report_format format)
{
    static read_function *const readers[] = {
        [REPORT_JUNIT] = read_junit,
        [REPORT_TAP] = read_tap,
        [REPORT_CMOCKA] = read_cmocka,
        [REPORT_CASES] = read_cases,
        [REPORT_CTRF] = read_ctrf,
        [REPORT_MOCHA] = read_mocha,
        [REPORT_GOTEST] = read_gotest,
        [REPORT_SUBUNIT] = read_subunit,
    };
    size_t index = (size_t)format;
    return index < sizeof readers / sizeof readers[0] ? readers[index] : NULL;
}

int report_prepare(enum report_format format, struct err *err)
{
    const struct libxml *libxml = NULL;
    if (format == REPORT_AUTO) {
        struct err unused = {0};
        (void)libxml_load(&libxml, &unused); /* it may be needed; if it is, it is missed then */
        return 0;
    }
    bool is_xml =
        format == REPORT_JUNIT || format == REPORT_CMOCKA || xml_format_of(format) != NULL;
    return is_xml ? libxml_load(&libxml, err) : 0;
}

static int read_text(enum report_format format,
                     const char *text,
                     size_t len,
                     struct report_feed *feed)
{
    const struct xml_format *table = xml_format_of(format);
    if (table != NULL) {
        return read_xml(table, text, len, feed);
    }
    read_function *reader = reader_of(format);
    if (reader == NULL) {
        return err_set(feed->err, -EINVAL, "a unit without report format has no report to read");
    }
    return reader(text, len, feed);
}

/* Reads the text as what it is said to be, or looks like. */
static int read_as(enum report_format format, const struct str *text, struct report_feed *feed)
{
    if (format == REPORT_AUTO) {
        int rc = sniff_format(str_text(text), text->len, &format, feed->err);
        if (rc != 0) {
            return rc;
        }
    }
    return read_text(format, str_text(text), text->len, feed);
}

/* XML that is read in one go, as it is: the parser copies what it is given, so that it does not
 * matter when the file changes meanwhile. Other readers want a text that is terminated and stays.
 */
static bool is_streamed(enum report_format format)
{
    return format == REPORT_JUNIT || xml_format_of(format) != NULL;
}

/* Reads it out of the mapped file. False when that cannot be done, and nothing was. */
static bool read_mapped(
    enum report_format format, int fd, struct report_feed *feed, size_t *ret_len, int *ret_rc)
{
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size < (off_t)READ_CHUNK
        || st.st_size > (off_t)REPORT_BYTES_MAX || lseek(fd, 0, SEEK_CUR) != 0) {
        return false;
    }
    size_t len = (size_t)st.st_size;
    void *text = mmap(NULL, len, PROT_READ, MAP_PRIVATE, fd, 0);
    if (text == MAP_FAILED) {
        return false;
    }
    struct err unknown = {0};
    bool done = format != REPORT_AUTO || sniff_format(text, len, &format, &unknown) == 0;
    done = done && is_streamed(format);
    if (done) {
        feed->mapped = true;
        *ret_len = len;
        *ret_rc = read_text(format, text, len, feed);
    }
    (void)munmap(text, len);
    return done;
}

static int read_whole(enum report_format format, int fd, struct report_feed *feed, size_t *ret_len)
{
    CLEANUP(str_fini) struct str text = STR_INIT(REPORT_BYTES_MAX + READ_CHUNK);
    int rc = read_all(fd, &text, feed->err);
    *ret_len = text.len;
    return rc == 0 ? read_as(format, &text, feed) : rc;
}

static int read_report(enum report_format format, int fd, struct report_feed *feed)
{
    size_t len = 0;
    int rc = 0;
    if (!read_mapped(format, fd, feed, &len, &rc)) {
        rc = read_whole(format, fd, feed, &len);
    }
    if (rc == 0 && feed->count == 0) {
        return err_set(feed->err,
                       -ENODATA,
                       "the %s report has no test case in it (%zu bytes)",
                       report_format_name(format),
                       len);
    }
    if (rc == 0 && feed->warnings > 0) {
        (void)snprintf(feed->err->text, sizeof feed->err->text, "%s", feed->warning);
    }
    return rc;
}

int report_read(enum report_format format,
                int fd,
                int (*each)(void *context, const struct test_case *test_case),
                void *context,
                struct err *err)
{
    struct report_feed feed = {.each = each, .context = context, .err = err};
    return read_report(format, fd, &feed);
}

int report_read_brief(enum report_format format,
                      int fd,
                      int (*each)(void *context, const struct test_case *test_case),
                      void *context,
                      struct err *err)
{
    struct report_feed feed = {.each = each, .context = context, .brief = true, .err = err};
    return read_report(format, fd, &feed);
}
