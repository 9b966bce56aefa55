/* SPDX-License-Identifier: Apache-2.0 */
#include "reports/junit_case.h"

#include "base/limits.h"
#include "reports/read_impl.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Longest number read: 17 digits, an exponent and separators fit thrice. */
#define NUMBER_MAX 64

/* Longest value of an attribute that is no text, a status word or a number among blanks: a longer
 * one is cut, and is neither. */
#define VALUE_MAX 256

void junit_case_init(struct junit_case *c)
{
    *c = (struct junit_case){.time_s = -1, .status = OUTCOME_PASSED};
    for (size_t i = 0; i < JUNIT_CASE_TEXTS; i++) {
        str_init(&c->texts[i], KEEP_MAX);
    }
}

void junit_case_fini(struct junit_case *c)
{
    for (size_t i = 0; i < JUNIT_CASE_TEXTS; i++) {
        str_fini(&c->texts[i]);
    }
}

void junit_case_clear(struct junit_case *c)
{
    for (size_t i = 0; i < JUNIT_CASE_TEXTS; i++) {
        if (c->texts[i].len > 0 || c->texts[i].error != 0) {
            str_clear(&c->texts[i]);
        }
    }
    c->line = 0;
    c->time_s = -1;
    c->status = OUTCOME_PASSED;
    c->has_result = false;
    c->todo = false;
    c->flaky = false;
    c->not_run = false;
}

bool junit_case_is_short(const struct junit_case *c)
{
    size_t longest = 0; /* or longer, but below the power of two where the longest is */
    _Static_assert((CASE_NAME_MAX & (CASE_NAME_MAX - 1)) == 0, "a power of two");
    for (size_t i = 0; i < JUNIT_CASE_TEXTS; i++) {
        longest |= c->texts[i].len;
    }
    return longest < CASE_NAME_MAX;
}

/* Copies a number, making its decimal sign a dot: with a dot in it commas group thousands, else a
 * comma is the decimal sign. False when it is too long for a number. */
static bool copy_number(const char *text, char buf[NUMBER_MAX])
{
    bool has_dot = strchr(text, '.') != NULL;
    size_t used = 0;
    for (; *text != '\0'; text++) {
        if (used == NUMBER_MAX - 1) {
            return false;
        }
        if (*text == ',' && has_dot) {
            continue;
        }
        char c = *text;
        if (c == ',') {
            c = '.';
        }
        buf[used++] = c;
    }
    buf[used] = '\0';
    return used > 0;
}

/* Digits that a number without rounding can have, and the powers of ten that are exact. */
#define EXACT_DIGITS 15

/* "12.345", as nearly all are: both parts of the quotient are exact, so that it is the nearest
 * there is, as strtod() has it. Any other text, false. */
static bool plain_time(const char *text, size_t len, double *ret_seconds)
{
    static const double powers[EXACT_DIGITS + 1] = {
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    uint64_t number = 0;
    unsigned digits = 0;
    unsigned places = 0;
    bool has_dot = false;
    for (const char *end = text + len; text < end; text++) {
        if (*text == '.' && !has_dot && digits > 0) {
            has_dot = true;
        } else if (*text >= '0' && *text <= '9' && digits < EXACT_DIGITS) {
            number = number * 10 + (uint64_t)(*text - '0');
            digits++;
            places += has_dot ? 1 : 0;
        } else {
            return false;
        }
    }
    *ret_seconds = (double)number / powers[places];
    return digits > 0;
}

double junit_time(const char *text)
{
    double plain = 0;
    if (plain_time(text, strlen(text), &plain)) {
        return plain;
    }
    char buf[NUMBER_MAX];
    char *end = NULL;
    if (!copy_number(text, buf)) {
        return -1;
    }
    double seconds = strtod(buf, &end);
    end += strspn(end, " \ts");
    return *end == '\0' && end != buf && isfinite(seconds) && seconds >= 0 ? seconds : -1;
}

double junit_clock(const char *value)
{
    double seconds = 0;
    const char *dot = strchr(value, '.');
    const char *colon = strchr(value, ':');
    if (dot != NULL && colon != NULL && dot < colon) {
        seconds = strtod(value, NULL) * 86400;
        value = dot + 1;
    }
    double part = 0;
    for (const char *at = value; at != NULL; at = strchr(at, ':')) {
        at += *at == ':';
        char *end = NULL;
        double number = strtod(at, &end);
        if (end == at || number < 0 || (*end != ':' && *end != '\0')) {
            return -1;
        }
        part = part * 60 + number;
    }
    return seconds + part;
}

static uint32_t parse_line(const char *text)
{
    char *end = NULL;
    errno = 0;
    long line = strtol(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' && line > 0 && line < INT32_MAX
               ? (uint32_t)line
               : 0;
}

/* Words in status= or result= that tell something no element does. */
static const struct {
    const char *word;
    enum outcome_status status;
} status_words[] = {
    {"disabled",   OUTCOME_SKIPPED},
    {"notrun",     OUTCOME_SKIPPED},
    {"ignored",    OUTCOME_SKIPPED},
    {"skipped",    OUTCOME_SKIPPED},
    {"suppressed", OUTCOME_SKIPPED},
    {"pending",    OUTCOME_SKIPPED},
    {"fail",       OUTCOME_FAILED },
    {"failed",     OUTCOME_FAILED },
    {"failure",    OUTCOME_FAILED },
    {"error",      OUTCOME_ERRORED},
    {"errored",    OUTCOME_ERRORED},
};

/* What the word says of a case without result elements; elements come later and may be worse. */
static enum outcome_status status_of_word(const char *word)
{
    for (size_t i = 0; i < sizeof status_words / sizeof status_words[0]; i++) {
        if (strcasecmp(word, status_words[i].word) == 0) {
            return status_words[i].status;
        }
    }
    return OUTCOME_PASSED;
}

/* skipped < failed < errored; outcome_status_worse() ranks a skip below a pass, here a word or an
 * element that says "skipped" outranks silence. */
static int severity(enum outcome_status status)
{
    static const int ranks[OUTCOME_STATUS_COUNT] = {
        [OUTCOME_PASSED] = 0,
        [OUTCOME_SKIPPED] = 1,
        [OUTCOME_FAILED] = 2,
        [OUTCOME_TIMED_OUT] = 3,
        [OUTCOME_ERRORED] = 3,
    };
    return ranks[status];
}

void junit_case_worsen(struct junit_case *c, enum outcome_status status)
{
    if (severity(status) > severity(c->status)) {
        c->status = status;
    }
}

static void set_text(struct str *s, const char *value)
{
    str_clear(s);
    keep_text(s, value, strlen(value));
}

static void set_bytes(struct str *s, const char *bytes, size_t len)
{
    if (len < s->cap && len < CASE_TEXT_MAX) { /* as nearly always: there is room */
        memcpy(s->data, bytes, len);
        s->data[len] = '\0';
        s->len = len;
        s->error = 0;
        return;
    }
    str_clear(s);
    keep_text(s, bytes, len);
}

/* `class` is what some write for `classname`; PHPUnit has both, and only `class` is PHP's own
 * name, with backslashes. */
static void take_class(struct junit_case *c, bool is_class, const char *value, size_t len)
{
    bool has_php_name =
        c->classname.len > 0 && memchr(c->classname.data, '\\', c->classname.len) != NULL;
    if (is_class ? c->classname.len == 0 || memchr(value, '\\', len) != NULL : !has_php_name) {
        set_bytes(&c->classname, value, len);
    }
}

/* Values that are more than text: numbers and words. What is too long for them is none. */
static void take_value(struct junit_case *c, enum junit_attribute attribute, const char *value)
{
    if (attribute == JUNIT_ATTR_LINE || (attribute == JUNIT_ATTR_LINENO && c->line == 0)) {
        c->line = parse_line(value);
    } else if (attribute == JUNIT_ATTR_TIME) {
        c->time_s = junit_time(value);
    } else if (attribute == JUNIT_ATTR_STATUS) {
        junit_case_worsen(c, status_of_word(value));
        c->not_run = c->not_run || strcmp(value, "notrun") == 0;
    }
}

enum junit_attribute junit_attribute_of(const char *name)
{
    static const struct {
        const char *name;
        enum junit_attribute attribute;
    } names[] = {
        {"name",        JUNIT_ATTR_NAME     },
        {"classname",   JUNIT_ATTR_CLASSNAME},
        {"class",       JUNIT_ATTR_CLASS    },
        {"value_param", JUNIT_ATTR_PARAMETER},
        {"file",        JUNIT_ATTR_FILE     },
        {"line",        JUNIT_ATTR_LINE     },
        {"lineno",      JUNIT_ATTR_LINENO   },
        {"time",        JUNIT_ATTR_TIME     },
        {"status",      JUNIT_ATTR_STATUS   },
        {"result",      JUNIT_ATTR_STATUS   },
    };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(name, names[i].name) == 0) {
            return names[i].attribute;
        }
    }
    return JUNIT_ATTR_OTHER;
}

void junit_case_attribute(struct junit_case *c,
                          enum junit_attribute attribute,
                          const char *value,
                          size_t len)
{
    char text[VALUE_MAX];
    switch (attribute) {
    case JUNIT_ATTR_NAME:
        set_bytes(&c->name, value, len);
        return;
    case JUNIT_ATTR_CLASSNAME:
        take_class(c, false, value, len);
        return;
    case JUNIT_ATTR_CLASS:
        take_class(c, true, value, len);
        return;
    case JUNIT_ATTR_PARAMETER:
        set_bytes(&c->parameter, value, len);
        return;
    case JUNIT_ATTR_FILE:
        set_bytes(&c->file, value, len);
        return;
    case JUNIT_ATTR_OTHER:
        return;
    case JUNIT_ATTR_TIME:
        if (plain_time(value, len, &c->time_s)) {
            return;
        }
        break;
    case JUNIT_ATTR_LINE:
    case JUNIT_ATTR_LINENO:
    case JUNIT_ATTR_STATUS:
        break;
    }
    len = len < sizeof text ? len : sizeof text - 1;
    memcpy(text, value, len);
    text[len] = '\0';
    take_value(c, attribute, text);
}

void junit_case_begin_result(struct junit_case *c, enum junit_result result)
{
    c->result = result;
    str_clear(&c->result_message);
    str_clear(&c->result_type);
    str_clear(&c->result_text);
}

void junit_case_result_attribute(struct junit_case *c, const char *name, const char *value)
{
    if (strcmp(name, "message") == 0) {
        set_text(&c->result_message, value);
    } else if (strcmp(name, "type") == 0) {
        set_text(&c->result_type, value);
    }
}

static enum outcome_status result_status(enum junit_result result)
{
    static const enum outcome_status statuses[] = {
        [JUNIT_FAILURE] = OUTCOME_FAILED,
        [JUNIT_ERROR] = OUTCOME_ERRORED,
        [JUNIT_SKIPPED] = OUTCOME_SKIPPED,
        [JUNIT_FLAKY] = OUTCOME_PASSED,
        [JUNIT_RERUN] = OUTCOME_FAILED,
    };

    return statuses[result];
}

/* The whole text of a result: its content, after its message when the content lacks it. */
static void append_details(struct junit_case *c)
{
    const char *message = str_text(&c->result_message);
    if (c->details.len > 0 && (c->result_message.len > 0 || c->result_text.len > 0)) {
        keep_text(&c->details, "\n", 1);
    }
    if (c->result_message.len > 0 && strstr(str_text(&c->result_text), message) == NULL) {
        keep_text(&c->details, message, c->result_message.len);
        if (c->result_text.len > 0) {
            keep_text(&c->details, "\n", 1);
        }
    }
    keep_text(&c->details, str_text(&c->result_text), c->result_text.len);
}

/* The first line that has something in it. */
static void set_first_line(struct str *s, const char *text)
{
    text += strspn(text, " \t\r\n");
    str_clear(s);
    keep_text(s, text, strcspn(text, "\r\n"));
}

/* CTest writes <skipped> also for tests that it could not run, and counts them as failed. */
static bool could_not_run(const struct junit_case *c)
{
    static const char *const reasons[] = {"Unable to find executable",
                                          "Required Files Missing",
                                          "Fixture dependency failed",
                                          "Insufficient resources"};
    for (size_t i = 0; c->not_run && i < sizeof reasons / sizeof reasons[0]; i++) {
        if (strcmp(str_text(&c->result_message), reasons[i]) == 0) {
            return true;
        }
    }
    return false;
}

void junit_case_end_result(struct junit_case *c)
{
    enum outcome_status status = result_status(c->result);
    if (status == OUTCOME_SKIPPED && could_not_run(c)) {
        status = OUTCOME_ERRORED;
    }
    append_details(c);
    c->todo = c->todo
              || (c->result == JUNIT_SKIPPED && strcasecmp(str_text(&c->result_type), "todo") == 0);
    c->flaky = c->flaky || c->result == JUNIT_FLAKY;
    if (c->has_result && severity(status) <= severity(c->status)) {
        return; /* an earlier result is at least as severe: its message stays */
    }
    if (severity(status) >= severity(c->status)) {
        c->status = status;
    }
    c->has_result = true;
    set_first_line(&c->message,
                   c->result_message.len > 0 ? c->result_message.data : str_text(&c->result_text));
    set_text(&c->type, str_text(&c->result_type));
}

/* A failure that names its place gives the case the place it lacks. */
static void take_location(struct junit_case *c, const char **file, uint32_t *line)
{
    const char *path = NULL;
    size_t len = 0;
    uint32_t number = 0;
    if (severity(c->status) < severity(OUTCOME_FAILED) || c->file.len > 0
        || find_location(str_text(&c->details), &path, &len, &number) == 0) {
        return;
    }
    keep_text(&c->file, path, len);
    *file = text_or_null(&c->file);
    *line = number;
}

static int texts_error(const struct junit_case *c)
{
    int error = 0;
    for (size_t i = 0; i < JUNIT_CASE_TEXTS; i++) {
        error |= c->texts[i].error;
    }
    return error != 0 ? -ENOMEM : 0; /* keep_text() knows no other */
}

int junit_case_finish(struct junit_case *c,
                      const char *suite,
                      const char *file,
                      struct test_case *ret_case)
{
    if (c->todo) {
        c->status = OUTCOME_SKIPPED; /* a test that is expected to fail says nothing yet */
    }
    if (c->parameter.len > 0) { /* gtest: tests of one name with other values */
        keep_text(&c->name, " (", 2);
        keep_text(&c->name, c->parameter.data, c->parameter.len);
        keep_text(&c->name, ")", 1);
    }
    const char *own_file = c->file.len > 0 ? c->file.data : file;
    uint32_t line = c->line;
    if (own_file == NULL) {
        take_location(c, &own_file, &line);
    }
    *ret_case = (struct test_case){
        .suite = suite,
        .classname = text_or_null(&c->classname),
        .name = text_or_null(&c->name),
        .file = own_file,
        .message = text_or_null(&c->message),
        .type = text_or_null(&c->type),
        .details = text_or_null(&c->details),
        .output = text_or_null(&c->output),
        .time_s = c->time_s,
        .line = line,
        .status = c->status,
        .flaky = c->flaky && c->status == OUTCOME_PASSED,
    };
    return texts_error(c);
}
