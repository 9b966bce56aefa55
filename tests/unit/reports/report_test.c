/* SPDX-License-Identifier: Apache-2.0 */
/* What all kinds of reports have in common, and what is each kind's own but no reader checks. That
 * other tools read them is shown by tests/scenario/writers.test. */
#include "reports/report.h"

#include "base/json.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/test.h"
#include "unit/reports/support/collect.h"
#include "unit/reports/support/feed.h"

static char path[512];

static const struct report_kind *kind_of(const char *name)
{
    size_t count = 0;
    const struct report_kind *kinds = report_kinds(&count);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(kinds[i].name, name) == 0) {
            return &kinds[i];
        }
    }
    fail_msg("no kind %s", name);
    return NULL;
}

static bool is_json(const struct report_kind *kind)
{
    return strncmp(kind->name, "junit", 5) != 0 && strcmp(kind->name, "github") != 0;
}

/* A report into test_folder()/out, workflow commands into `fd`. NULL when memory is short. */
static struct report_output *begin_in(const struct report_kind *kind, int fd, bool append)
{
    struct report_output *report = NULL;
    struct err err = {0};
    (void)snprintf(path, sizeof path, "%s/out", test_folder());
    const struct report_options options = {
        .kind = kind, .path = path, .run_dir = test_folder(), .fd = fd, .append = append};
    return report_new(&options, &report, &err) == 0 ? report : NULL;
}

static struct report_output *begin(const char *kind)
{
    struct report_output *report = begin_in(kind_of(kind), -1, false);
    assert_non_null(report);
    return report;
}

/* Ends the report and returns its text; free() it. */
static char *end(struct report_output *report)
{
    struct err err = {0};
    if (report_finish(report, &err) != 0) {
        fail_msg("%s", err.text);
    }
    report_free(report);
    size_t len = 0;
    return read_text_file(path, &len);
}

static json_t *end_json(struct report_output *report)
{
    struct err err = {0};
    json_t *value = NULL;
    char *text = end(report);
    if (json_parse(text, strlen(text), &value, &err) != 0) {
        fail_msg("%s in:\n%s", err.text, text);
    }
    free(text);
    return value;
}

static size_t occurrences(const char *text, const char *part)
{
    size_t count = 0;
    while ((text = strstr(text, part)) != NULL) {
        text += strlen(part);
        count++;
    }
    return count;
}

#define HOSTILE "]]> \033[31m<b>& \"q\" \\ \x01 \xff \xed\xa0\x80 %0A ::error::x\n|`*_ \xe2\x82\xac"

/* Every kind of entry there is, with texts from hell. */
static void feed_all(struct event_sink *sink)
{
    static const struct test_case cases[] = {
        {.name = HOSTILE,
         .suite = HOSTILE,
         .file = "t.c",
         .line = 9,
         .message = HOSTILE,
         .details = HOSTILE,
         .output = HOSTILE,
         .time_s = 0.25,
         .status = OUTCOME_FAILED},
        {.name = "twice", .time_s = -1,                          .status = OUTCOME_PASSED                                                                  },
        {.name = "twice",    .time_s = -1,              .status = OUTCOME_PASSED, .flaky = true                                                                                                                            },
        {.name = "s",   .message = "m",.time_s = -1,           .status = OUTCOME_SKIPPED},
    };
    struct outcome outcome = feed_outcome(OUTCOME_FAILED);
    feed_run_started(sink);
    feed_layer_started(sink, "unit");
    outcome.message = HOSTILE;
    outcome.hint = HOSTILE;
    outcome.final = false;
    feed_unit_started(sink, "unit", "a", 0);
    feed_unit(sink, "unit", "a", &outcome);
    outcome.final = true;
    outcome.attempt = 2;
    feed_unit(sink, "unit", "a", &outcome);
    outcome.cases = (struct case_list){cases, 4};
    feed_unit(sink, "unit", "b", &outcome);
    feed_passed(sink, "unit", "c");
    feed_reused(sink, "unit", "d", "7");
    feed_unit_started(sink, "unit", "e", 1); /* runs still */
    feed_judged(sink, "g", VERDICT_SHUT, HOSTILE);
}

TEST(a_kind_that_does_not_exist_is_told_with_those_that_do)
{
    struct err err = {0};
    const struct report_kind *kind = NULL;
    const char *file = NULL;
    assert_int_equal(report_parse("ctrf=a=b", &kind, &file, &err), 0);
    assert_string_equal(kind->name, "ctrf");
    assert_string_equal(file, "a=b");
    assert_int_equal(report_parse("junit:ant=x/", &kind, &file, &err), 0);
    assert_int_equal(report_parse("sarfi=x", &kind, &file, &err), -EINVAL);
    assert_non_null(strstr(err.text, "did you mean \"sarif\""));
    assert_non_null(strstr(err.text, "junit:jenkins"));
    assert_int_equal(report_parse("sarif", &kind, &file, &err), -EINVAL);
    assert_non_null(strstr(err.text, "sarif=report.out"));
    assert_int_equal(report_parse("sarif=", &kind, &file, &err), -EINVAL);
    assert_int_equal(report_parse("sarif=x/", &kind, &file, &err), -EINVAL);
    assert_non_null(strstr(err.text, "one file"));
}

TEST(every_kind_takes_every_text)
{
    size_t count = 0;
    const struct report_kind *kinds = report_kinds(&count);
    for (size_t i = 0; i < count; i++) {
        struct report_output *report = begin(kinds[i].name);
        feed_all(report_sink(report));
        feed_run_finished(report_sink(report), EXIT_SHUT, HOSTILE);
        if (is_json(&kinds[i])) {
            json_decref(end_json(report));
        } else {
            free(end(report));
        }
    }
}

/* It was told twice, "m.pkg/calc.py.pkg/calc.py": a mutated file is a unit, or a part of one. */
TEST(a_suite_that_is_the_unit_is_told_once)
{
    static const struct {
        const char *unit;
        const char *suite;
        const char *told;
    } names[] = {
        {"pkg/a.py",     "pkg/a.py", "\"m.pkg/a.py\""           },
        {"pkg/b.py#2/3", "pkg/b.py", "\"m.pkg/b.py#2/3\""       },
        {"pkg/c.py#2",   "pkg/c.py", "\"m.pkg/c.py#2.pkg/c.py\""},
        {"pkg/d.py2",    "pkg/d.py", "\"m.pkg/d.py2.pkg/d.py\"" },
        {"e",            "inner",    "\"m.e.inner\""            },
        {"f#1/2x",       "f",        "\"m.f#1/2x.f\""           },
    };
    struct report_output *report = begin("junit");
    struct event_sink *sink = report_sink(report);
    feed_run_started(sink);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct test_case c = {
            .name = "n", .suite = names[i].suite, .time_s = -1, .status = OUTCOME_PASSED};
        struct outcome outcome = feed_outcome(OUTCOME_PASSED);
        outcome.cases = (struct case_list){&c, 1};
        feed_unit(sink, "m", names[i].unit, &outcome);
    }
    feed_run_finished(sink, EXIT_OPEN, NULL);
    char *text = end(report);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char attribute[128];
        (void)snprintf(attribute, sizeof attribute, "classname=%s", names[i].told);
        if (strstr(text, attribute) == NULL) {
            fail_msg("no %s in\n%s", attribute, text);
        }
    }
    free(text);
}

/* A log that ends in the middle: sluice was killed. */
TEST(every_kind_says_that_a_run_did_not_finish)
{
    size_t count = 0;
    const struct report_kind *kinds = report_kinds(&count);
    for (size_t i = 0; i < count; i++) {
        struct report_output *report = begin(kinds[i].name);
        feed_run_started(report_sink(report));
        feed_passed(report_sink(report), "unit", "a");
        char *text = end(report);
        if (strstr(text, "did not finish") == NULL) {
            fail_msg("%s does not tell:\n%s", kinds[i].name, text);
        }
        free(text);
    }
}

static int write_without(const struct report_kind *kind, size_t fail_from)
{
    struct err err = {0};
    int rc = -ENOMEM;
    (void)mem_fail_from(fail_from);
    struct report_output *report = begin_in(kind, -1, false);
    if (report != NULL) {
        feed_all(report_sink(report));
        feed_run_finished(report_sink(report), EXIT_SHUT, "shut");
        rc = report_finish(report, &err);
    }
    (void)mem_fail_from(0);
    report_free(report);
    return rc;
}

static void assert_whole_or_error(const struct report_kind *kind)
{
    size_t full = 0;
    assert_int_equal(write_without(kind, 0), 0);
    free(read_text_file(path, &full));
    for (size_t n = 1; n < 3000; n++) {
        (void)unlink(path);
        const int rc = write_without(kind, n);
        size_t len = 0;
        if (rc == 0) {
            free(read_text_file(path, &len));
        }
        if (rc == 0 && len != full) {
            fail_msg(
                "%s, allocation %zu: %zu of %zu bytes, and no error", kind->name, n, len, full);
        }
        if (rc == 0 && n > 20) {
            return;
        }
        assert_true(rc == 0 || rc == -ENOMEM);
        assert_true(rc == 0 || access(path, F_OK) != 0);
    }
    fail_msg("%s: still failing after 3000 allocations", kind->name);
}

TEST(without_memory_every_kind_is_an_error_never_a_short_file)
{
    size_t count = 0;
    const struct report_kind *kinds = report_kinds(&count);
    for (size_t i = 0; i < count; i++) {
        assert_whole_or_error(&kinds[i]);
    }
}

/* All kinds together: what is kept of a case beside its text are 16 bytes for its name. */
TEST(a_hundred_thousand_cases_stay_out_of_memory)
{
    size_t count = 0;
    struct rusage before;
    struct rusage after;
    const struct report_kind *kinds = report_kinds(&count);
    struct outcome failed = feed_outcome(OUTCOME_FAILED);
    failed.message = "it says no, in a sentence of the usual length, with an \"explanation\"";
    assert_int_equal(getrusage(RUSAGE_SELF, &before), 0);
    for (size_t i = 0; i < count; i++) {
        struct report_output *report = begin(kinds[i].name);
        struct event_sink *sink = report_sink(report);
        feed_run_started(sink);
        for (int u = 0; u < 100000; u++) {
            char unit[64];
            (void)snprintf(unit, sizeof unit, "some/longer/name/of/a/unit/%d", u);
            if (u % 2 == 0) {
                feed_unit(sink, "unit", unit, &failed);
            } else {
                feed_passed(sink, "unit", unit);
            }
        }
        feed_run_finished(sink, EXIT_SHUT, "shut");
        free(end(report));
    }
    assert_int_equal(getrusage(RUSAGE_SELF, &after), 0);
    /* the largest file is read back as a whole above: 60 MiB; the rest is a tenth of that */
    assert_true(after.ru_maxrss - before.ru_maxrss < 128L * 1024);
}

/* ---- GitHub ---- */

/* Runs the feed as a step; returns the workflow commands, free() them. */
static char *commands_of(void (*feed)(struct event_sink *sink))
{
    char file[600];
    (void)snprintf(file, sizeof file, "%s/commands", test_folder());
    const int fd = open(file, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    struct report_output *report = begin_in(kind_of("github"), fd, false);
    assert_non_null(report);
    feed(report_sink(report));
    free(end(report));
    (void)close(fd);
    size_t len = 0;
    return read_text_file(file, &len);
}

static void feed_twenty(struct event_sink *sink)
{
    feed_run_started(sink);
    for (int i = 0; i < 20; i++) {
        char unit[16];
        (void)snprintf(unit, sizeof unit, "u%d", i);
        struct outcome outcome = feed_outcome(OUTCOME_FAILED);
        const struct test_case placed = {
            .name = "x", .file = "a,b:c.c", .line = 3, .message = "no", .status = OUTCOME_FAILED};
        if (i == 19) {
            outcome.cases = (struct case_list){&placed, 1};
        }
        feed_unit(sink, "unit", unit, &outcome);
    }
    for (int i = 0; i < 12; i++) {
        char unit[16];
        (void)snprintf(unit, sizeof unit, "f%d", i);
        struct outcome outcome = feed_outcome(OUTCOME_PASSED);
        outcome.attempt = 2;
        outcome.flaky = true;
        feed_unit(sink, "unit", unit, &outcome);
    }
    feed_run_finished(sink, EXIT_SHUT, "shut");
}

TEST(ten_errors_and_ten_warnings_are_annotated_the_placed_ones_first)
{
    char *text = commands_of(feed_twenty);
    assert_int_equal(occurrences(text, "::error "), 10);
    assert_int_equal(occurrences(text, "::warning "), 10);
    assert_int_equal(occurrences(text, "::notice "), 1);
    assert_non_null(strstr(text, "10 more errors and 2 more warnings"));
    const char *first = "::error file=a%2Cb%3Ac.c,line=3,title=unit.u19%3A x::no\n";
    assert_int_equal(strncmp(text, first, strlen(first)), 0);
    free(text);
}

static void feed_hostile(struct event_sink *sink)
{
    feed_all(sink);
    feed_run_finished(sink, EXIT_SHUT, "shut");
}

/* GitHub trims a line before it looks for a command in it. */
TEST(no_text_becomes_a_workflow_command)
{
    char *text = commands_of(feed_hostile);
    for (char *save = NULL, *line = strtok_r(text, "\n", &save); line != NULL;
         line = strtok_r(NULL, "\n", &save)) {
        assert_int_equal(strncmp(line, "::error ", 8) == 0 || strncmp(line, "::warning ", 10) == 0,
                         1);
    }
    free(text);
}

static void feed_large(struct event_sink *sink)
{
    static char details[4000];
    memset(details, 'x', sizeof details - 1);
    struct outcome outcome = feed_outcome(OUTCOME_FAILED);
    outcome.message = details;
    feed_run_started(sink);
    for (int i = 0; i < 2000; i++) {
        char unit[16];
        (void)snprintf(unit, sizeof unit, "u%d", i);
        feed_unit(sink, "unit", unit, &outcome);
    }
    feed_run_finished(sink, EXIT_SHUT, "shut");
}

TEST(the_summary_stays_below_githubs_limit_and_says_that_it_was_cut)
{
    struct report_output *report = begin("github");
    feed_large(report_sink(report));
    char *text = end(report);
    assert_true(strlen(text) < 1024UL * 1024);
    assert_non_null(strstr(text, "### 2000 failed"));
    assert_non_null(strstr(text, "more are not shown"));
    free(text);
}

/* Other commands of the step write there too. */
static size_t append_to(size_t used, char **ret_text)
{
    (void)snprintf(path, sizeof path, "%s/out", test_folder());
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (size_t i = 0; i < used; i++) {
        (void)fputc('y', file);
    }
    (void)fclose(file);
    struct report_output *report = begin_in(kind_of("github"), -1, true);
    assert_non_null(report);
    feed_large(report_sink(report));
    *ret_text = end(report);
    return strlen(*ret_text);
}

TEST(a_summary_that_others_filled_is_added_to_as_far_as_there_is_room)
{
    char *text = NULL;
    assert_true(append_to((size_t)900 << 10, &text) < (size_t)1000 << 10);
    assert_non_null(strstr(text, "yy## :x:"));
    assert_non_null(strstr(text, "The rest is left out"));
    /* no <pre> is left open: what others add later would be swallowed */
    assert_int_equal(occurrences(text, "<pre>"), occurrences(text, "</pre>"));
    free(text);
    assert_int_equal(append_to((size_t)1000 << 10, &text), (size_t)1000 << 10);
    free(text);
    assert_true(append_to(((size_t)1000 << 10) - 200, &text) <= (size_t)1000 << 10);
    assert_non_null(strstr(text, "yy## :x:"));
    free(text);
}

/* ---- trace ---- */

TEST(what_ran_when_sluice_was_killed_is_a_slice_and_what_was_reused_is_not)
{
    struct report_output *report = begin("trace");
    feed_all(report_sink(report));
    json_t *value = end_json(report);
    json_t *events = json_object_get(value, "traceEvents");
    size_t index = 0;
    json_t *event = NULL;
    size_t unfinished = 0;
    size_t reused = 0;
    json_array_foreach(events, index, event)
    {
        const char *name = json_string_value(json_object_get(event, "name"));
        const char *phase = json_string_value(json_object_get(event, "ph"));
        unfinished += strcmp(name, "e") == 0 && strcmp(phase, "X") == 0 ? 1 : 0;
        reused += strcmp(name, "d (reused)") == 0 && strcmp(phase, "i") == 0 ? 1 : 0;
    }
    assert_int_equal(unfinished, 1);
    assert_int_equal(reused, 1);
    json_decref(value);
}

/* ---- CTRF ---- */

TEST(a_retried_unit_has_its_failed_attempts)
{
    struct report_output *report = begin("ctrf");
    struct event_sink *sink = report_sink(report);
    struct outcome outcome = feed_outcome(OUTCOME_FAILED);
    feed_run_started(sink);
    outcome.final = false;
    outcome.message = "first";
    feed_unit(sink, "unit", "a", &outcome);
    outcome = feed_outcome(OUTCOME_PASSED);
    outcome.attempt = 2;
    outcome.flaky = true;
    feed_unit(sink, "unit", "a", &outcome);
    feed_run_finished(sink, EXIT_OPEN, NULL);
    char *text = end(report);
    assert_non_null(strstr(text,
                           "\"flaky\":true,\"retryAttempts\":[{\"attempt\":1,\"status\":\"failed\","
                           "\"duration\":10,\"message\":\"first\"}],\"retries\":1"));
    assert_non_null(strstr(text, "\"passed\":1,\"failed\":0"));
    free(text);
}
