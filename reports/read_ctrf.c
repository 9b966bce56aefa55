/* SPDX-License-Identifier: Apache-2.0 */
/* JSON reports that are one object with arrays of tests: CTRF and mocha's. Tests are parsed one by
 * one (json_scan.h). */
#include "base/cleanup.h"
#include "base/json.h"
#include "base/mem.h"
#include "reports/json_scan.h"
#include "reports/read_impl.h"

#include <errno.h>
#include <string.h>

struct reader {
    struct json_scan scan;
    struct report_feed *feed;
    bool found;      /* the array of tests */
    int64_t counted; /* as the summary counts; -1 = it does not */
    struct str suite, output, message;
    struct err why; /* what jansson says of a value that is none */
};

static const char *text_of(json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static double milliseconds(json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);
    double number = json_number_value(value);
    return json_is_number(value) && number >= 0 ? number / 1000 : -1;
}

static uint32_t line_of(json_t *object)
{
    json_int_t line = json_integer_value(json_object_get(object, "line"));
    return line > 0 && line < INT32_MAX ? (uint32_t)line : 0;
}

/* Appends a text, or an array of texts with `between` them. */
static void append_texts(struct str *s, json_t *value, const char *between)
{
    size_t count = json_is_array(value) ? json_array_size(value) : 1;
    for (size_t i = 0; i < count; i++) {
        const char *text =
            json_string_value(json_is_array(value) ? json_array_get(value, i) : value);
        if (text != NULL) {
            keep_text(s, between, s->len > 0 ? strlen(between) : 0);
            keep_text(s, text, strlen(text));
        }
    }
}

static const char *first_line(struct str *s, const char *text)
{
    str_clear(s);
    if (text != NULL) {
        text += strspn(text, " \t\r\n");
        keep_text(s, text, strcspn(text, "\r\n"));
    }
    return text_or_null(s);
}

/* ---- CTRF ---- */

static enum outcome_status ctrf_status(const char *word)
{
    static const struct {
        const char *word;
        enum outcome_status status;
    } words[] = {
        {"passed",  OUTCOME_PASSED },
        {"failed",  OUTCOME_FAILED },
        {"skipped", OUTCOME_SKIPPED},
        {"pending", OUTCOME_SKIPPED},
    };

    for (size_t i = 0; word != NULL && i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(word, words[i].word) == 0) {
            return words[i].status;
        }
    }
    return OUTCOME_ERRORED; /* "other", and what a later version knows */
}

static bool had_failed_attempt(json_t *test)
{
    json_t *attempts = json_object_get(test, "retryAttempts");
    for (size_t i = 0; i < json_array_size(attempts); i++) {
        const char *status = text_of(json_array_get(attempts, i), "status");
        if (status != NULL && strcmp(status, "failed") == 0) {
            return true;
        }
    }
    return false;
}

static void feed_ctrf(struct reader *r, json_t *test)
{
    struct test_case c = {.name = text_of(test, "name"),
                          .status = ctrf_status(text_of(test, "status")),
                          .time_s = milliseconds(test, "duration"),
                          .file = text_of(test, "filePath"),
                          .line = line_of(test),
                          .details = text_of(test, "trace")};
    str_clear(&r->suite);
    str_clear(&r->output);
    append_texts(&r->suite, json_object_get(test, "suite"), " > ");
    append_texts(&r->output, json_object_get(test, "stdout"), "\n");
    append_texts(&r->output, json_object_get(test, "stderr"), "\n");
    c.suite = text_or_null(&r->suite);
    c.output = text_or_null(&r->output);
    if (c.status != OUTCOME_PASSED) {
        const char *message = text_of(test, "message");
        c.message = first_line(&r->message, message != NULL ? message : c.details);
        c.details = c.details != NULL ? c.details : message;
        c.type = text_of(test, "rawStatus");
    } else {
        c.details = NULL;
        c.flaky = json_is_true(json_object_get(test, "flaky")) || had_failed_attempt(test);
    }
    (void)feed_case(r->feed, &c);
}

/* ---- mocha ---- */

static void feed_mocha(struct reader *r, json_t *test, enum outcome_status status)
{
    json_t *err = json_object_get(test, "err");
    const char *name = text_of(test, "fullTitle");
    struct test_case c = {.name = name != NULL ? name : text_of(test, "title"),
                          .status = status,
                          .time_s = milliseconds(test, "duration"),
                          .file = text_of(test, "file")};
    json_int_t retry = json_integer_value(json_object_get(test, "currentRetry"));
    if (status == OUTCOME_FAILED) {
        const char *message = text_of(err, "message");
        c.details = text_of(err, "stack");
        c.message = first_line(&r->message, message != NULL ? message : c.details);
        c.details = c.details != NULL ? c.details : message;
    }
    c.flaky = status == OUTCOME_PASSED && retry > 0;
    (void)feed_case(r->feed, &c);
}

static void feed_mocha_passed(struct reader *r, json_t *test)
{
    feed_mocha(r, test, OUTCOME_PASSED);
}

static void feed_mocha_failed(struct reader *r, json_t *test)
{
    feed_mocha(r, test, OUTCOME_FAILED);
}

static void feed_mocha_pending(struct reader *r, json_t *test)
{
    feed_mocha(r, test, OUTCOME_SKIPPED);
}

/* ---- both ---- */

/* Parses the value that begins here. NULL when it cannot be: the scan is damaged then. */
static json_t *take_json(struct reader *r)
{
    json_t *value = NULL;
    size_t len = json_scan_skip(&r->scan);
    if (len > 0 && json_parse_foreign(r->scan.text + r->scan.at - len, len, &value, &r->why) != 0) {
        r->scan.damaged = true;
    }
    return value;
}

static void read_tests(struct reader *r, void (*feed_one)(struct reader *r, json_t *test))
{
    r->found = true;
    if (!json_scan_enter(&r->scan, '[')) {
        r->scan.damaged = true;
        return;
    }
    while (r->feed->stop == 0 && json_scan_item(&r->scan)) {
        json_t *test = take_json(r);
        if (json_is_object(test)) {
            feed_one(r, test);
        } else {
            r->scan.damaged = true;
        }
        json_decref(test);
        if (str_error(&r->suite) != 0 || str_error(&r->output) != 0
            || str_error(&r->message) != 0) {
            feed_no_memory(r->feed);
        }
    }
}

static void read_summary(struct reader *r)
{
    json_t *summary = take_json(r);
    json_t *tests = json_object_get(summary, "tests");
    r->counted = json_is_integer(tests) ? (int64_t)json_integer_value(tests) : r->counted;
    json_decref(summary);
}

/* Which array holds what: a member of the root, or of its member "results". */
struct array {
    const char *key;
    void (*feed_one)(struct reader *r, json_t *test);
};

static void read_members(struct reader *r, const struct array *arrays, size_t count)
{
    while (r->feed->stop == 0 && json_scan_member(&r->scan)) {
        size_t i = 0;
        while (i < count && !json_scan_is(&r->scan, arrays[i].key)) {
            i++;
        }
        if (i < count) {
            read_tests(r, arrays[i].feed_one);
        } else if (json_scan_is(&r->scan, "summary") || json_scan_is(&r->scan, "stats")) {
            read_summary(r);
        } else {
            (void)json_scan_skip(&r->scan);
        }
    }
}

static void read_ctrf_root(struct reader *r)
{
    static const struct array arrays[] = {
        {"tests", feed_ctrf}
    };
    while (r->feed->stop == 0 && json_scan_member(&r->scan)) {
        if (json_scan_is(&r->scan, "results") && json_scan_enter(&r->scan, '{')) {
            read_members(r, arrays, 1);
        } else {
            (void)json_scan_skip(&r->scan);
        }
    }
}

static void read_mocha_root(struct reader *r)
{
    static const struct array arrays[] = {
        {"passes",   feed_mocha_passed },
        {"failures", feed_mocha_failed },
        {"pending",  feed_mocha_pending},
    };
    read_members(r, arrays, sizeof arrays / sizeof arrays[0]);
}

static int result_of(const struct reader *r)
{
    struct report_feed *feed = r->feed;
    if (feed->stop != 0) {
        return feed->stop;
    }
    if (r->scan.damaged) {
        return err_set(feed->err,
                       -EBADMSG,
                       "byte %zu of %zu: %s",
                       r->scan.at,
                       r->scan.len,
                       r->why.text[0] != '\0' ? r->why.text : "not JSON, or cut short");
    }
    if (!r->found) {
        return err_set(feed->err, -EBADMSG, "JSON, but without the list of tests");
    }
    if (r->counted >= 0 && (uint64_t)r->counted != feed->count) {
        feed_warn(feed,
                  "the summary counts %lld tests, but %zu are in it",
                  (long long)r->counted,
                  feed->count);
    }
    return 0;
}

static int read_object(const char *text,
                       size_t len,
                       struct report_feed *feed,
                       void (*read_root)(struct reader *r))
{
    size_t bom = len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    struct reader r = {
        .scan = {.text = text + bom, .len = len - bom},
          .feed = feed, .counted = -1
    };
    str_init(&r.suite, KEEP_MAX);
    str_init(&r.output, KEEP_MAX);
    str_init(&r.message, KEEP_MAX);
    if (json_scan_enter(&r.scan, '{')) {
        read_root(&r);
    } else {
        r.scan.damaged = true;
    }
    str_fini(&r.suite);
    str_fini(&r.output);
    str_fini(&r.message);
    return result_of(&r);
}

int read_ctrf(const char *text, size_t len, struct report_feed *feed)
{
    return read_object(text, len, feed, read_ctrf_root);
}

int read_mocha(const char *text, size_t len, struct report_feed *feed)
{
    return read_object(text, len, feed, read_mocha_root);
}
