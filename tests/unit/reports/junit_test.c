/* SPDX-License-Identifier: Apache-2.0 */
#include "reports/junit.h"

#include "base/clock.h"
#include "base/mem.h"

#include <libxml/parser.h>
#include <libxml/xmlschemas.h>

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/test.h"
#include "unit/reports/support/collect.h"
#include "unit/reports/support/feed.h"

#define ASSERT_CONTAINS(text, part) assert_contains_at(__LINE__, text, part)
#define ASSERT_LACKS(text, part)    assert_null(strstr((text), (part)))

static void assert_contains_at(int line, const char *text, const char *part)
{
    if (strstr(text, part) == NULL) {
        fail_msg("line %d: no %s in\n%s", line, part, text);
    }
}

static char path[512];

static struct junit *begin(void)
{
    struct junit *junit = NULL;
    struct err err = {0};
    (void)snprintf(path, sizeof path, "%s/out/r.xml", test_folder());
    const struct junit_options options = {.file = path, .run_dir = test_folder()};
    if (junit_new(&options, &junit, &err) != 0) {
        fail_msg("%s", err.text);
    }
    feed_run_started(junit_sink(junit));
    return junit;
}

static void assert_well_formed(const char *text, size_t len)
{
    xmlDocPtr doc = xmlReadMemory(text, (int)len, "r.xml", NULL, XML_PARSE_NONET | XML_PARSE_HUGE);
    if (doc == NULL) {
        fail_msg("not well-formed:\n%s", text);
    }
    xmlFreeDoc(doc);
}

/* Ends the report and returns its text; free() it. */
static char *end(struct junit *junit)
{
    struct err err = {0};
    if (junit_finish(junit, &err) != 0) {
        fail_msg("%s", err.text);
    }
    junit_free(junit);
    size_t len = 0;
    char *text = read_text_file(path, &len);
    assert_well_formed(text, len);
    return text;
}

TEST(units_are_the_cases_of_one_suite_per_layer)
{
    struct junit *junit = begin();
    struct event_sink *sink = junit_sink(junit);
    struct outcome failed = feed_outcome(OUTCOME_FAILED);
    struct outcome skipped = feed_outcome(OUTCOME_SKIPPED);
    struct outcome late = feed_outcome(OUTCOME_TIMED_OUT);
    failed.message = "exit code 1";
    skipped.message = "no database";
    feed_layer_started(sink, "unit");
    feed_passed(sink, "unit", "a");
    feed_unit(sink, "unit", "b", &failed);
    feed_unit(sink, "unit", "c", &skipped);
    feed_unit(sink, "unit", "d", &late);
    feed_judged(sink, "unit", VERDICT_SHUT, "failed is 1");
    feed_run_finished(sink, EXIT_SHUT, "unit is shut");
    char *text = end(junit);
    ASSERT_CONTAINS(text,
                    "<testsuites name=\"demo\" tests=\"4\" failures=\"1\" errors=\"1\" "
                    "skipped=\"1\" time=\"12.300\" timestamp=\"2026-11-22T09:00:00\">");
    ASSERT_CONTAINS(text,
                    "<testsuite name=\"unit\" tests=\"4\" failures=\"1\" errors=\"1\" "
                    "skipped=\"1\" time=\"0.040\" timestamp=\"2026-11-22T09:00:00\" "
                    "hostname=\"host1\">");
    ASSERT_CONTAINS(text, "<property name=\"sluice.run\" value=\"20261122T090000-4f2a\"/>");
    ASSERT_CONTAINS(text, "<testcase classname=\"unit\" name=\"a\" time=\"0.010\"/>");
    ASSERT_CONTAINS(text,
                    "<failure message=\"exit code 1\" type=\"failure\">exit code 1</failure>");
    ASSERT_CONTAINS(text, "<skipped message=\"no database\"/>");
    ASSERT_CONTAINS(text, "<error message=\"timed out\" type=\"timeout\">");
    ASSERT_LACKS(text, "(gate)");
    ASSERT_LACKS(text, "(run)");
    free(text);
}

TEST(cases_of_a_unit_are_a_suite_with_places_in_front)
{
    struct junit *junit = begin();
    struct event_sink *sink = junit_sink(junit);
    const struct test_case cases[] = {
        {.name = "x",      .suite = "math",                   .time_s = 0.25, .status = OUTCOME_PASSED},
        {.name = "y",
         .suite = "math",
         .file = "t.c",
         .line = 9,
         .message = "1 != 2 & <3>",
         .type = "assert",
         .details = "more ]]> text\n\033[31mred\033[0m \x01",
         .time_s = -1,
         .status = OUTCOME_FAILED},
        {.name = "z", .classname = "K", .time_s = -1,                                                        .status = OUTCOME_SKIPPED                                                                     }
    };
    struct outcome outcome = feed_outcome(OUTCOME_FAILED);
    outcome.cases = (struct case_list){cases, 3};
    feed_unit(sink, "unit", "t1", &outcome);
    feed_judged(sink, "unit", VERDICT_SHUT, "failed");
    feed_run_finished(sink, EXIT_SHUT, "shut");
    char *text = end(junit);
    ASSERT_CONTAINS(text, "<testsuite name=\"unit.t1\" tests=\"3\" failures=\"1\"");
    ASSERT_CONTAINS(text, "<testcase classname=\"unit.t1.math\" name=\"x\" time=\"0.250\"/>");
    ASSERT_CONTAINS(text,
                    "<testcase classname=\"unit.t1.math\" name=\"y\" file=\"t.c\" line=\"9\">");
    ASSERT_CONTAINS(text,
                    "<failure message=\"1 != 2 &amp; &lt;3&gt;\" type=\"assert\">"
                    "t.c:9: 1 != 2 &amp; &lt;3&gt;\nmore ]]&gt; text\nred \xEF\xBF\xBD</failure>");
    ASSERT_CONTAINS(text, "<testcase classname=\"unit.t1.K\" name=\"z\">\n<skipped/>");
    ASSERT_LACKS(text, "(unit)");
    free(text);
}

/* A producer that exits non-zero beside a clean report must not look green. */
TEST(a_problem_beside_the_cases_is_a_case_of_its_own)
{
    struct junit *junit = begin();
    struct event_sink *sink = junit_sink(junit);
    const struct test_case cases[] = {
        {.name = "x", .time_s = 0, .status = OUTCOME_PASSED}
    };
    struct outcome outcome = feed_outcome(OUTCOME_ERRORED);
    outcome.message = "exit code 3, but its report shows no failure";
    outcome.hint = "look at the end of its output";
    outcome.cases = (struct case_list){cases, 1};
    feed_unit(sink, "unit", "t1", &outcome);
    feed_run_finished(sink, EXIT_SHUT, "shut");
    char *text = end(junit);
    ASSERT_CONTAINS(text, "<testcase classname=\"unit.t1\" name=\"(unit)\">");
    ASSERT_CONTAINS(text, "<error message=\"exit code 3, but its report shows no failure\"");
    ASSERT_CONTAINS(text, "hint: look at the end of its output");
    ASSERT_CONTAINS(text, "tests=\"2\" failures=\"0\" errors=\"1\"");
    free(text);
}

TEST(names_are_unique_in_the_file)
{
    struct junit *junit = begin();
    struct event_sink *sink = junit_sink(junit);
    const struct test_case cases[] = {
        {.name = "x",     .time_s = 0, .status = OUTCOME_PASSED},
        {.name = "x",     .time_s = 0, .status = OUTCOME_PASSED},
        {.name = "x (2)", .time_s = 0, .status = OUTCOME_PASSED},
        {.name = "x",     .time_s = 0, .status = OUTCOME_PASSED}
    };
    struct outcome outcome = feed_outcome(OUTCOME_PASSED);
    outcome.cases = (struct case_list){cases, 4};
    feed_unit(sink, "unit", "t1", &outcome);
    feed_run_finished(sink, EXIT_OPEN, NULL);
    char *text = end(junit);
    ASSERT_CONTAINS(text, "name=\"x\"");
    ASSERT_CONTAINS(text, "name=\"x (2)\"");
    ASSERT_CONTAINS(text, "name=\"x (2) (2)\"");
    ASSERT_CONTAINS(text, "name=\"x (3)\"");
    free(text);
}

TEST(earlier_attempts_are_flaky_failures_when_it_passed_and_reruns_when_not)
{
    struct junit *junit = begin();
    struct event_sink *sink = junit_sink(junit);
    struct outcome first = feed_outcome(OUTCOME_FAILED);
    struct outcome second = feed_outcome(OUTCOME_PASSED);
    first.final = false;
    first.message = "first try";
    second.attempt = 2;
    second.flaky = true;
    feed_unit(sink, "unit", "a", &first);
    feed_unit(sink, "unit", "a", &second);
    feed_unit(sink, "unit", "b", &first);
    struct outcome again = feed_outcome(OUTCOME_FAILED);
    again.attempt = 2;
    again.message = "second try";
    feed_unit(sink, "unit", "b", &again);
    feed_run_finished(sink, EXIT_SHUT, "shut");
    char *text = end(junit);
    ASSERT_CONTAINS(text,
                    "<flakyFailure message=\"first try\" type=\"failure\"><stackTrace>first "
                    "try</stackTrace></flakyFailure>");
    ASSERT_CONTAINS(text, "<rerunFailure message=\"first try\"");
    ASSERT_CONTAINS(text, "<property name=\"attempts\" value=\"2\"/>");
    ASSERT_CONTAINS(text, "tests=\"2\" failures=\"1\" errors=\"0\"");
    free(text);
    struct collected c = collect_file(REPORT_JUNIT, path);
    assert_true(c.cases[0].flaky);
    assert_int_equal(c.cases[1].status, OUTCOME_FAILED);
    collected_fini(&c);
}

TEST(earlier_attempts_are_told_at_the_case_that_failed)
{
    struct junit *junit = begin();
    struct event_sink *sink = junit_sink(junit);
    const struct test_case bad[] = {
        {.name = "x",  .time_s = 0,              .status = OUTCOME_PASSED },
        { .name = "y", .time_s = 0, .status = OUTCOME_FAILED, .message = "now and then"}
    };
    const struct test_case good[] = {
        {.name = "x", .time_s = 0, .status = OUTCOME_PASSED},
        {.name = "y", .time_s = 0, .status = OUTCOME_PASSED}
    };
    struct outcome first = feed_outcome(OUTCOME_FAILED);
    struct outcome second = feed_outcome(OUTCOME_PASSED);
    first.final = false;
    first.cases = (struct case_list){bad, 2};
    second.attempt = 2;
    second.flaky = true;
    second.cases = (struct case_list){good, 2};
    feed_unit(sink, "unit", "t", &first);
    feed_unit(sink, "unit", "t", &second);
    feed_run_finished(sink, EXIT_OPEN, NULL);
    char *text = end(junit);
    ASSERT_CONTAINS(text, "name=\"y\" time=\"0.000\">\n<flakyFailure message=\"now and then\"");
    ASSERT_CONTAINS(text, "tests=\"2\"");
    ASSERT_LACKS(text, "(unit)");
    free(text);
}

/* Nothing is green by absence: each case that did not run says so, and the suite counts them. */
TEST(reused_cases_name_their_evidence)
{
    struct junit *junit = begin();
    struct event_sink *sink = junit_sink(junit);
    const struct test_case cases[] = {
        {.name = "x",  .time_s = 0.5,             .status = OUTCOME_PASSED},
        { .name = "y", .time_s = 0, .status = OUTCOME_SKIPPED,     .message = "no disk"}
    };
    const struct reused reused = feed_origin("7");
    struct outcome outcome = feed_outcome(OUTCOME_PASSED);
    outcome.cases = (struct case_list){cases, 2};
    outcome.reused = &reused;
    feed_passed(sink, "unit", "ran");
    feed_reused(sink, "unit", "a", NULL);
    feed_unit(sink, "unit", "t", &outcome);
    feed_run_finished(sink, EXIT_OPEN, NULL);
    char *text = end(junit);
    ASSERT_CONTAINS(
        text,
        "<testcase classname=\"unit\" name=\"a\" time=\"0.010\">\n<properties>\n"
        "<property name=\"sluice.reused\" value=\"77\"/>\n"
        "<property name=\"sluice.reused.run\" value=\"20261122T070000-0001\"/>\n"
        "<property name=\"sluice.reused.change\" value=\"main\"/>\n"
        "<property name=\"sluice.reused.earned\" value=\"2026-11-22T07:00:00\"/>\n"
        "<property name=\"sluice.reused.age\" value=\"2 h ago\"/>\n</properties>\n"
        "<system-out>[sluice] not run, reused: evidence 77 of run 20261122T070000-0001 (main, 2 h "
        "ago)\n</system-out>\n</testcase>");
    ASSERT_CONTAINS(text, "<testcase classname=\"unit\" name=\"ran\" time=\"0.010\"/>");
    ASSERT_CONTAINS(text,
                    "<property name=\"sluice.reused\" value=\"1\"/>\n</properties>\n<testcase");
    /* of the suite of unit t: 2 of its 2 cases, as long as they took when they ran */
    ASSERT_CONTAINS(text,
                    "<testsuite name=\"unit.t\" tests=\"2\" failures=\"0\" errors=\"0\" "
                    "skipped=\"1\" time=\"0.500\"");
    ASSERT_CONTAINS(text,
                    "<property name=\"sluice.reused\" value=\"2\"/>\n</properties>\n<testcase "
                    "classname=\"unit.t\" name=\"x\" time=\"0.500\">\n<properties>\n<property "
                    "name=\"sluice.reused\" value=\"77\"/>\n");
    ASSERT_CONTAINS(text, "value=\"7\"/>");
    ASSERT_CONTAINS(text,
                    "</properties>\n<skipped message=\"no disk\"/>\n<system-out>[sluice] not run, "
                    "reused: evidence 77");
    free(text);
    struct collected c = collect_file(REPORT_JUNIT, path);
    assert_int_equal(c.count, 4);
    assert_int_equal(c.by_status[OUTCOME_PASSED], 3);
    collected_fini(&c);
}

/* Words are made once for cases that have them in common: a case beside others has its own. */
TEST(reused_cases_beside_each_other_tell_each_their_own)
{
    struct junit *junit = begin();
    struct event_sink *sink = junit_sink(junit);
    const struct reused common = feed_origin("7");
    struct reused origins[8];
    for (size_t i = 0; i < sizeof origins / sizeof origins[0]; i++) {
        origins[i] = common;
    }
    origins[1].run = "another<run";
    origins[2].run = NULL;
    origins[3].change = "8";
    origins[4].change = NULL;
    origins[5].earned_ms += 60000; /* a minute younger */
    origins[6].earned_ms = 0;
    for (size_t i = 0; i < sizeof origins / sizeof origins[0]; i++) {
        struct outcome outcome = feed_outcome(OUTCOME_PASSED);
        char unit[16];
        outcome.reused = &origins[i];
        (void)snprintf(unit, sizeof unit, "u%zu", i);
        feed_unit(sink, "unit", unit, &outcome);
    }
    feed_run_finished(sink, EXIT_OPEN, NULL);
    char *text = end(junit);
    static const char *const lines[] = {
        " of run 20261122T070000-0001 (change 7, 2 h ago)\n",
        " of run another&lt;run (change 7, 2 h ago)\n",
        " of change 7, 2 h ago\n",
        " of run 20261122T070000-0001 (change 8, 2 h ago)\n",
        " of run 20261122T070000-0001 (main, 2 h ago)\n",
        " of run 20261122T070000-0001 (change 7, 1 h ago)\n",
        " of run 20261122T070000-0001 (change 7)\n",
        " of run 20261122T070000-0001 (change 7, 2 h ago)\n",
    };
    const char *at = text;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        at = strstr(at, "reused: evidence 77");
        assert_non_null(at);
        at += strlen("reused: evidence 77");
        assert_memory_equal(at, lines[i], strlen(lines[i]));
    }
    ASSERT_CONTAINS(text, "name=\"sluice.reused.run\" value=\"another&lt;run\"/>");
    ASSERT_CONTAINS(text, "name=\"sluice.reused.age\" value=\"1 h ago\"/>");
    free(text);
}

TEST(a_reused_failure_is_a_failure_with_its_evidence)
{
    struct junit *junit = begin();
    struct event_sink *sink = junit_sink(junit);
    const struct test_case cases[] = {
        {.name = "y",
         .time_s = 0,
         .status = OUTCOME_FAILED,
         .message = "m",
         .output = "own words"}
    };
    const struct reused nowhere = {0};
    struct outcome outcome = feed_outcome(OUTCOME_FAILED);
    outcome.cases = (struct case_list){cases, 1};
    outcome.reused = &nowhere;
    feed_unit(sink, "unit", "t", &outcome);
    feed_run_finished(sink, EXIT_SHUT, "shut");
    char *text = end(junit);
    ASSERT_CONTAINS(text,
                    "<properties>\n<property name=\"sluice.reused\" value=\"unknown\"/>\n<property "
                    "name=\"sluice.reused.change\" value=\"main\"/>\n</properties>\n<failure ");
    ASSERT_CONTAINS(text,
                    "<system-out>[sluice] not run, reused: evidence unknown of main; sluice run "
                    "--rerun-failed runs it again\nown "
                    "words</system-out>");
    ASSERT_CONTAINS(text, "tests=\"1\" failures=\"1\"");
    free(text);
}

TEST(a_report_of_endless_reused_cases_stays_below_30_megabytes)
{
    struct junit *junit = begin();
    struct event_sink *sink = junit_sink(junit);
    for (int i = 0; i < 90000; i++) {
        char unit[32];
        (void)snprintf(unit, sizeof unit, "u%d", i);
        feed_reused(sink, "unit", unit, "7");
    }
    feed_run_finished(sink, EXIT_OPEN, NULL);
    char *text = end(junit);
    size_t len = strlen(text);
    size_t told = 0;
    for (const char *at = text; *at != '\0'; at++) {
        told += *at == '[' && strncmp(at, "[sluice] not run, reused: evidence 77", 37) == 0 ? 1 : 0;
    }
    assert_int_equal(told, 90000);
    free(text);
    print_message("90,000 reused cases take %zu bytes\n", len);
    assert_true(len < 30000000);
}

/* A layer that never ran, or could not be judged, must not vanish. */
TEST(layers_without_cases_are_cases_themselves)
{
    struct junit *junit = begin();
    struct event_sink *sink = junit_sink(junit);
    feed_judged(sink, "skipped", VERDICT_SKIPPED, "unit is shut");
    feed_judged(sink, "broken", VERDICT_ERROR, "the plugin crashed");
    feed_passed(sink, "gated", "a");
    feed_judged(sink, "gated", VERDICT_SHUT, "score is below 80");
    feed_run_finished(sink, EXIT_SHUT, "shut");
    char *text = end(junit);
    ASSERT_CONTAINS(text,
                    "<testcase classname=\"skipped\" name=\"(layer)\">\n<skipped message="
                    "\"unit is shut\"/>");
    ASSERT_CONTAINS(text,
                    "<testcase classname=\"broken\" name=\"(layer)\">\n<error message=\"the "
                    "plugin crashed\"");
    ASSERT_CONTAINS(text,
                    "<testcase classname=\"gated\" name=\"(gate)\">\n<failure message=\"score "
                    "is below 80\"");
    ASSERT_CONTAINS(text, "gate shut: score was not reported, must be at least 80");
    free(text);
}

TEST(a_run_that_did_not_finish_is_an_error)
{
    struct junit *junit = begin();
    feed_passed(junit_sink(junit), "unit", "a");
    char *text = end(junit);
    ASSERT_CONTAINS(text,
                    "<testcase classname=\"sluice\" name=\"(run)\">\n<error message=\"the run "
                    "did not finish");
    ASSERT_CONTAINS(text, "tests=\"2\" failures=\"0\" errors=\"1\"");
    free(text);
}

TEST(a_run_that_ended_badly_for_no_case_says_why)
{
    struct junit *junit = begin();
    feed_run_finished(junit_sink(junit), EXIT_NOTHING_SELECTED, "no unit matches the filter");
    char *text = end(junit);
    ASSERT_CONTAINS(text, "<error message=\"no unit matches the filter\"");
    free(text);
    junit = begin();
    feed_passed(junit_sink(junit), "unit", "a");
    feed_run_finished(junit_sink(junit), EXIT_OPEN, NULL);
    text = end(junit);
    ASSERT_LACKS(text, "<error");
    free(text);
}

static void write_output(const char *name, const char *text, size_t len)
{
    char file[600];
    (void)snprintf(file, sizeof file, "%s/%s", test_folder(), name);
    FILE *out = fopen(file, "we");
    assert_non_null(out);
    assert_int_equal(fwrite(text, 1, len, out), len);
    assert_int_equal(fclose(out), 0);
}

TEST(output_of_failed_units_is_shown_head_and_tail)
{
    struct junit *junit = begin();
    struct event_sink *sink = junit_sink(junit);
    size_t len = 300000;
    char *big = malloc(len);
    assert_non_null(big);
    memset(big, '.', len);
    for (int i = 0; i < 7; i++) {
        big[i] = "xxxHEAD"[i];
        big[len - 7 + (size_t)i] = "...TAIL"[i];
    }
    write_output("out.0", big, len);
    write_output("err.0", "oh no", 5);
    free(big);
    struct outcome outcome = feed_outcome(OUTCOME_FAILED);
    outcome.out = (struct capture){.file = "out.0", .offset = 3, .len = len - 3};
    outcome.err = (struct capture){.file = "err.0", .offset = 0, .len = 5};
    feed_unit(sink, "unit", "a", &outcome);
    outcome.status = OUTCOME_PASSED;
    feed_unit(sink, "unit", "b", &outcome);
    outcome.status = OUTCOME_FAILED;
    outcome.out.file = "gone";
    feed_unit(sink, "unit", "c", &outcome);
    feed_run_finished(sink, EXIT_SHUT, "shut");
    char *text = end(junit);
    ASSERT_CONTAINS(text, "<system-out>HEAD....");
    ASSERT_CONTAINS(text, "TAIL</system-out>");
    ASSERT_CONTAINS(text, "[... 234461 bytes left out ...]");
    ASSERT_CONTAINS(text, "<system-err>oh no</system-err>");
    ASSERT_CONTAINS(text, "<testcase classname=\"unit\" name=\"b\" time=\"0.010\"/>");
    ASSERT_CONTAINS(text, "[output not available: gone: No such file or directory]");
    free(text);
}

TEST(a_report_of_endless_outputs_stays_below_30_megabytes)
{
    struct junit *junit = begin();
    struct event_sink *sink = junit_sink(junit);
    size_t len = 64 << 10;
    char *big = malloc(len);
    assert_non_null(big);
    memset(big, '.', len);
    write_output("out.0", big, len);
    free(big);
    struct outcome outcome = feed_outcome(OUTCOME_FAILED);
    outcome.out = (struct capture){.file = "out.0", .offset = 0, .len = len};
    for (int i = 0; i < 1000; i++) {
        char unit[32];
        (void)snprintf(unit, sizeof unit, "u%d", i);
        feed_unit(sink, "unit", unit, &outcome);
    }
    feed_run_finished(sink, EXIT_SHUT, "shut");
    char *text = end(junit);
    assert_true(strlen(text) < 30u << 20);
    ASSERT_CONTAINS(text, "size limit");
    ASSERT_CONTAINS(text, "tests=\"1000\" failures=\"1000\"");
    free(text);
}

TEST(a_folder_gets_one_file_per_layer_and_keeps_no_old_one)
{
    struct junit *junit = NULL;
    char folder[512];
    char file[700];
    struct stat st;
    (void)snprintf(folder, sizeof folder, "%s/all/", test_folder());
    assert_int_equal(mkdir(folder, 0700), 0);
    (void)snprintf(file, sizeof file, "%sTEST-sluice-old.xml", folder);
    FILE *old = fopen(file, "we");
    assert_non_null(old);
    (void)fclose(old);
    const struct junit_options options = {.file = folder, .run_dir = test_folder()};
    assert_int_equal(junit_new(&options, &junit, NULL), 0);
    struct event_sink *sink = junit_sink(junit);
    feed_run_started(sink);
    feed_passed(sink, "unit[asan]", "a");
    feed_passed(sink, "a/b", "a");
    feed_run_finished(sink, EXIT_OPEN, NULL);
    assert_int_equal(junit_finish(junit, NULL), 0);
    junit_free(junit);
    assert_int_equal(stat(file, &st), -1);
    (void)snprintf(file, sizeof file, "%sTEST-sluice-unit[asan].xml", folder);
    assert_int_equal(stat(file, &st), 0);
    (void)snprintf(file, sizeof file, "%sTEST-sluice-a_b.xml", folder);
    assert_int_equal(stat(file, &st), 0);
}

TEST(a_report_that_cannot_be_written_is_an_error)
{
    struct junit *junit = NULL;
    struct err err = {0};
    const struct junit_options options = {.file = "/proc/nowhere/r.xml", .run_dir = NULL};
    assert_int_equal(junit_new(&options, &junit, &err), 0);
    feed_run_started(junit_sink(junit));
    assert_true(junit_finish(junit, &err) < 0);
    ASSERT_CONTAINS(err.text, "/proc/nowhere");
    junit_free(junit);
}

static int write_all_kinds(size_t fail_from)
{
    struct junit *junit = NULL;
    struct err err = {0};
    (void)snprintf(path, sizeof path, "%s/r.xml", test_folder());
    const struct junit_options options = {.file = path, .run_dir = test_folder()};
    const struct test_case cases[] = {
        {.name = "x", .suite = "s", .time_s = 0, .status = OUTCOME_FAILED, .message = "m"}
    };
    (void)mem_fail_from(fail_from);
    int rc = junit_new(&options, &junit, &err);
    if (rc == 0) {
        struct outcome first = feed_outcome(OUTCOME_FAILED);
        first.cases = (struct case_list){cases, 1};
        first.final = false;
        feed_run_started(junit_sink(junit));
        feed_unit(junit_sink(junit), "unit", "a", &first);
        first.final = true;
        feed_unit(junit_sink(junit), "unit", "a", &first);
        feed_passed(junit_sink(junit), "unit", "b");
        feed_reused(junit_sink(junit), "unit", "c", "7");
        feed_judged(junit_sink(junit), "g", VERDICT_SHUT, "r");
        feed_run_finished(junit_sink(junit), EXIT_SHUT, "shut");
        rc = junit_finish(junit, &err);
    }
    (void)mem_fail_from(0);
    junit_free(junit);
    return rc;
}

TEST(a_report_without_memory_is_an_error_never_a_short_file)
{
    size_t full = 0;
    assert_int_equal(write_all_kinds(0), 0);
    free(read_text_file(path, &full));
    for (size_t n = 1; n < 400; n++) {
        int rc = write_all_kinds(n);
        if (rc == 0) {
            size_t len = 0;
            free(read_text_file(path, &len));
            assert_int_equal(len, full);
            assert_true(n > 20);
            return;
        }
        assert_int_equal(rc, -ENOMEM);
    }
    fail_msg("still failing after 400 allocations");
}

TEST(ten_thousand_units_are_written_in_well_under_a_second)
{
    struct junit *junit = begin();
    struct event_sink *sink = junit_sink(junit);
    struct outcome failed = feed_outcome(OUTCOME_FAILED);
    int64_t start = clock_mono_ns();
    for (int i = 0; i < 10000; i++) {
        char unit[64];
        (void)snprintf(unit, sizeof unit, "tests/unit/%d", i);
        if (i % 100 == 0) {
            feed_unit(sink, "unit", unit, &failed);
        } else {
            feed_passed(sink, "unit", unit);
        }
    }
    feed_run_finished(sink, EXIT_SHUT, "shut");
    struct err err = {0};
    assert_int_equal(junit_finish(junit, &err), 0);
    int64_t took = clock_mono_ns() - start;
    junit_free(junit);
    print_message("10,000 units in %lld us\n", (long long)(took / 1000));
    assert_true(took < 1000LL * 1000 * 1000);
    struct collected c = collect_file(REPORT_JUNIT, path);
    assert_int_equal(c.rc, 0);
    assert_int_equal(c.count, 10000);
    assert_int_equal(c.by_status[OUTCOME_FAILED], 100);
    collected_fini(&c);
}

TEST(many_units_go_through_a_file_not_through_memory)
{
    struct junit *junit = begin();
    struct event_sink *sink = junit_sink(junit);
    for (int i = 0; i < 200000; i++) {
        char unit[64];
        (void)snprintf(unit, sizeof unit, "some/longer/name/of/a/unit/%d", i);
        feed_passed(sink, "unit", unit);
    }
    feed_run_finished(sink, EXIT_OPEN, NULL);
    struct err err = {0};
    assert_int_equal(junit_finish(junit, &err), 0);
    junit_free(junit);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_true(st.st_size > 10 << 20); /* went through the spool's file */
    struct collected c = collect_file(REPORT_JUNIT, path);
    assert_int_equal(c.count, 200000);
    collected_fini(&c);
}

/* What the corpus holds, written again, reads back the same. */
TEST(cases_survive_writing_and_reading)
{
    const char *folder = corpus_path("junit");
    if (folder == NULL) {
        print_message("no corpora (SLUICE_SHARED): skipped\n");
        skip();
    }
    char base[2048];
    (void)snprintf(base, sizeof base, "%s", folder);
    DIR *dir = opendir(base);
    assert_non_null(dir);
    size_t rounds = 0;
    for (struct dirent *entry = readdir(dir); entry != NULL && rounds < 60; entry = readdir(dir)) {
        char file[4096];
        (void)snprintf(file, sizeof file, "%s/%s", base, entry->d_name);
        if (strstr(entry->d_name, ".xml") == NULL) {
            continue;
        }
        struct collected in = collect_file(REPORT_JUNIT, file);
        if (in.count > 0 && in.count < 500) {
            struct junit *junit = begin();
            struct outcome outcome =
                feed_outcome(in.by_status[OUTCOME_ERRORED] > 0  ? OUTCOME_ERRORED
                             : in.by_status[OUTCOME_FAILED] > 0 ? OUTCOME_FAILED
                                                                : OUTCOME_PASSED);
            outcome.cases = (struct case_list){in.cases, in.count};
            feed_unit(junit_sink(junit), "unit", "u", &outcome);
            feed_run_finished(junit_sink(junit), EXIT_SHUT, "shut");
            char *text = end(junit);
            free(text);
            struct collected out = collect_file(REPORT_JUNIT, path);
            size_t extra = out.count - in.count; /* "(run)" when all passed */
            assert_true(extra <= 1);
            assert_int_equal(out.by_status[OUTCOME_FAILED], in.by_status[OUTCOME_FAILED]);
            assert_int_equal(out.by_status[OUTCOME_SKIPPED], in.by_status[OUTCOME_SKIPPED]);
            assert_int_equal(out.by_status[OUTCOME_PASSED], in.by_status[OUTCOME_PASSED]);
            for (size_t i = 0; i < in.count; i++) {
                assert_int_equal(out.cases[i].status, in.cases[i].status);
                assert_int_equal(out.cases[i].flaky, in.cases[i].flaky);
            }
            collected_fini(&out);
            rounds++;
        }
        collected_fini(&in);
    }
    (void)closedir(dir);
    assert_true(rounds > 30);
}

/* What `rich` carries although no published schema allows it; all else must be valid. */
#if LIBXML_VERSION >= 21200
static void check_schema_error(void *context, const xmlError *error)
#else
static void check_schema_error(void *context, xmlErrorPtr error)
#endif
{
    static const char *const allowed[] = {"The attribute 'timestamp' is not allowed",
                                          "The attribute 'skipped' is not allowed",
                                          "The attribute 'file' is not allowed",
                                          "The attribute 'line' is not allowed",
                                          "Element 'properties': This element is not expected"};
    for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++) {
        if (strstr(error->message, allowed[i]) != NULL) {
            return;
        }
    }
    print_message("line %d: %s", error->line, error->message);
    ++*(size_t *)context;
}

TEST(the_rich_profile_leaves_the_jenkins_schema_only_where_it_means_to)
{
    const char *file = corpus_path("xsd/junit-10.xsd");
    if (file == NULL) {
        print_message("no corpora (SLUICE_SHARED): skipped\n");
        skip();
    }
    xmlSchemaParserCtxtPtr parser = xmlSchemaNewParserCtxt(file);
    xmlSchemaPtr schema = xmlSchemaParse(parser);
    assert_non_null(schema);
    assert_int_equal(write_all_kinds(0), 0);
    xmlDocPtr doc = xmlReadFile(path, NULL, XML_PARSE_NONET);
    assert_non_null(doc);
    xmlSchemaValidCtxtPtr valid = xmlSchemaNewValidCtxt(schema);
    size_t others = 0;
    xmlSchemaSetValidStructuredErrors(valid, check_schema_error, &others);
    (void)xmlSchemaValidateDoc(valid, doc);
    xmlSchemaFreeValidCtxt(valid);
    xmlFreeDoc(doc);
    xmlSchemaFree(schema);
    xmlSchemaFreeParserCtxt(parser);
    assert_int_equal(others, 0);
}
