/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "plugin/plugin.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "support/test.h"
#include "unit/plugin/support/files.h"

static const char *const metric_names[] = {"score", "survivors", NULL};
static const struct plugin_description description = {
    .name = "demo", .judges = true, .metrics = {metric_names, 2}
};
static const struct layer layer = {.id = "mutation", .with = "{\"a\":1}"};

static void cleanup_arena(struct arena **arena)
{
    arena_free(*arena);
}

static int read_text(const char *text,
                     struct arena *arena,
                     struct judgement *judgement,
                     struct err *err)
{
    const char *file = write_file("judgement", text);
    return plugin_read_judgement(&description, &FILE_WHOLE(file), arena, judgement, err);
}

static void assert_refused(const char *line, int code, const char *message)
{
    CLEANUP(cleanup_arena) struct arena *arena = arena_new(1u << 20);
    struct judgement judgement = {.metric_count = 77};
    struct err err = {0};
    char expected[1000];
    (void)snprintf(expected, sizeof expected, "demo judge: line 1: %s", message);
    assert_int_equal(read_text(line, arena, &judgement, &err), code);
    assert_string_equal(err.text, expected);
    assert_int_equal(judgement.metric_count, 77); /* untouched */
}

TEST(the_header_carries_the_layer_and_its_settings)
{
    CLEANUP(str_fini) struct str out = STR_INIT(4096);
    assert_int_equal(plugin_judge_header(&layer, "/src", NULL, &out), 0);
    assert_string_equal(
        str_text(&out),
        "{\"protocol\":1,\"layer\":\"mutation\",\"root\":\"/src\",\"with\":{\"a\":1},\"diff\":null}\n");
}

TEST(an_outcome_is_one_line)
{
    CLEANUP(str_fini) struct str out = STR_INIT(4096);
    const struct test_case cases[] = {
        {.name = "a", .status = OUTCOME_PASSED },
        {.name = "b", .status = OUTCOME_FAILED },
        {.name = "c", .status = OUTCOME_ERRORED},
        {.name = "d", .status = OUTCOME_SKIPPED},
        {.name = "e", .status = OUTCOME_PASSED },
    };
    const struct unit unit = {.id = "u \"1\"", .shard = 2};
    const struct outcome outcome = {
        .status = OUTCOME_FAILED,
        .exit_code = 1,
        .attempt = 2,
        .final = true,
        .message = "two\nlines",
        .wall_ns = 12999999,
        .cpu_user_us = 3000,
        .cpu_sys_us = 1500,
        .cases = {cases, 5}
    };
    assert_int_equal(plugin_judge_outcome(&unit, &outcome, &(struct text_list){0}, &out), 0);
    assert_string_equal(str_text(&out),
                        "{\"unit\":\"u \\\"1\\\"\",\"shard\":2,\"status\":\"failed\",\"exit\":1,"
                        "\"wall_ms\":12,\"cpu_ms\":4,\"attempts\":2,\"flaky\":false,"
                        "\"message\":\"two\\nlines\",\"cases\":{\"total\":5,\"passed\":2,"
                        "\"failed\":1,\"errored\":1,\"skipped\":1}}\n");
}

TEST(a_unit_without_report_is_its_own_case)
{
    CLEANUP(str_fini) struct str out = STR_INIT(4096);
    const struct unit unit = {.id = "u"};
    const struct outcome outcome = {
        .status = OUTCOME_ERRORED, .exit_code = -1, .signal = 11, .attempt = 1, .final = true};
    assert_int_equal(plugin_judge_outcome(&unit, &outcome, &(struct text_list){0}, &out), 0);
    assert_string_equal(str_text(&out),
                        "{\"unit\":\"u\",\"status\":\"errored\",\"signal\":11,\"wall_ms\":0,"
                        "\"cpu_ms\":0,\"attempts\":1,\"flaky\":false,\"cases\":{\"total\":1,"
                        "\"passed\":0,\"failed\":0,\"errored\":1,\"skipped\":0}}\n");
}

TEST(a_reused_outcome_says_so)
{
    CLEANUP(str_fini) struct str out = STR_INIT(4096);
    const struct unit unit = {.id = "u"};
    const struct reused reused = {.evidence = "77"};
    const struct outcome outcome = {.attempt = 1, .final = true, .reused = &reused};
    assert_int_equal(plugin_judge_outcome(&unit, &outcome, &(struct text_list){0}, &out), 0);
    assert_string_equal(str_text(&out),
                        "{\"unit\":\"u\",\"status\":\"passed\",\"exit\":0,\"wall_ms\":0,"
                        "\"cpu_ms\":0,\"attempts\":1,\"flaky\":false,\"reused\":true,"
                        "\"cases\":{\"total\":1,\"passed\":1,\"failed\":0,\"errored\":0,"
                        "\"skipped\":0}}\n");
}

TEST(what_was_kept_of_a_unit_is_told_by_absolute_paths)
{
    CLEANUP(str_fini) struct str out = STR_INIT(4096);
    const struct unit unit = {.id = "u"};
    static const char *const kept[] = {"/run/a \"b\"", "/run/c", NULL};
    const struct outcome outcome = {.status = OUTCOME_FAILED, .exit_code = 1, .final = true};
    assert_int_equal(plugin_judge_outcome(&unit, &outcome, &(struct text_list){kept, 2}, &out), 0);
    assert_non_null(strstr(str_text(&out), ",\"artifacts\":[\"/run/a \\\"b\\\"\",\"/run/c\"]}\n"));
}

TEST(metrics_findings_and_artifacts_are_read)
{
    CLEANUP(cleanup_arena) struct arena *arena = arena_new(1u << 20);
    struct judgement judgement = {0};
    struct err err = {0};
    assert_int_equal(
        read_text(
            "{\"metric\":\"score\",\"value\":81.5}\n"
            "{\"finding\":{\"file\":\"src/a.c\",\"line\":3,\"column\":7,\"rule\":\"survivor\","
            "\"severity\":\"warning\",\"message\":\"'<' became '<='\",\"fix\":\"test n == 0\"}}\n"
            "{\"artifact\":\"out/mutants.json\"}\n"
            "{\"finding\":{\"rule\":\"r\",\"message\":\"m\"}}\n"
            "{\"metric\":\"survivors\",\"value\":2}",
            arena,
            &judgement,
            &err),
        0);
    assert_int_equal(judgement.metric_count, 2);
    assert_string_equal(judgement.metrics[0].name, "score");
    assert_true(judgement.metrics[0].value > 81.4 && judgement.metrics[0].value < 81.6);
    assert_string_equal(judgement.metrics[1].name, "survivors");
    assert_int_equal(judgement.finding_count, 2);
    const struct finding *finding = &judgement.findings[0];
    assert_string_equal(finding->file, "src/a.c");
    assert_int_equal(finding->line, 3);
    assert_int_equal(finding->column, 7);
    assert_string_equal(finding->rule, "survivor");
    assert_string_equal(finding->severity, "warning");
    assert_string_equal(finding->message, "'<' became '<='");
    assert_string_equal(finding->fix, "test n == 0");
    assert_null(judgement.findings[1].file);
    assert_null(judgement.findings[1].fix);
    assert_string_equal(judgement.findings[1].severity, "error");
    assert_int_equal(judgement.artifacts.count, 1);
    assert_string_equal(judgement.artifacts.items[0], "out/mutants.json");
    assert_null(judgement.artifacts.items[1]);
}

TEST(a_metric_of_null_was_not_measured)
{
    CLEANUP(cleanup_arena) struct arena *arena = arena_new(1u << 20);
    struct judgement judgement = {0};
    struct err err = {0};
    assert_int_equal(read_text("{\"metric\":\"score\",\"value\":null,\"why\":\"2 are pending\"}\n"
                               "{\"metric\":\"survivors\",\"value\":null}",
                               arena,
                               &judgement,
                               &err),
                     0);
    assert_int_equal(judgement.metric_count, 2);
    assert_true(isnan(judgement.metrics[0].value));
    assert_string_equal(judgement.metrics[0].why, "2 are pending");
    assert_true(isnan(judgement.metrics[1].value));
    assert_null(judgement.metrics[1].why);
}

TEST(an_empty_judgement_adds_nothing)
{
    CLEANUP(cleanup_arena) struct arena *arena = arena_new(1u << 20);
    struct judgement judgement = {.metric_count = 5};
    struct err err = {0};
    assert_int_equal(read_text("", arena, &judgement, &err), 0);
    assert_int_equal(judgement.metric_count, 0);
    assert_int_equal(judgement.finding_count, 0);
    assert_int_equal(judgement.artifacts.count, 0);
}

TEST(what_is_no_judgement_is_refused)
{
    assert_refused(
        "rubbish", -EINVAL, "not valid JSON: invalid token near 'rubbish' (line 1, column 7)");
    assert_refused(
        "{}", -EINVAL, "must be an object with \"metric\", \"finding\" or \"artifact\" in it");
    assert_refused(
        "[1]", -EINVAL, "must be an object with \"metric\", \"finding\" or \"artifact\" in it");
    assert_refused(
        "{\"metric\":\"score\",\"value\":1,\"unit\":\"%\"}", -EINVAL, "unknown field \"unit\"");
    assert_refused(
        "{\"metric\":\"scroe\",\"value\":1}",
        -EINVAL,
        "metric \"scroe\" is not among those that describe names; did you mean \"score\"?");
    assert_refused("{\"metric\":\"zzzzzz\",\"value\":1}",
                   -EINVAL,
                   "metric \"zzzzzz\" is not among those that describe names");
    assert_refused("{\"metric\":\"score\",\"value\":\"1\"}",
                   -EINVAL,
                   "field \"value\" must be a number, but is a string");
    assert_refused("{\"metric\":\"score\",\"value\":1,\"why\":\"w\"}",
                   -EINVAL,
                   "field \"why\" explains a value of null only");
    assert_refused("{\"metric\":\"score\",\"value\":null,\"why\":1}",
                   -EINVAL,
                   "field \"why\" must be a string, but is an integer");
    assert_refused("{\"metric\":\"score\"}", -EINVAL, "field \"value\" is missing");
    assert_refused(
        "{\"artifact\":\"../../etc/shadow\"}",
        -EINVAL,
        "artifact \"../../etc/shadow\" must be a relative path without \"..\", \".\" and "
        "empty parts");
    assert_refused(
        "{\"finding\":{\"rule\":\"r\"}}", -EINVAL, "finding: field \"message\" is missing");
    assert_refused(
        "{\"finding\":{\"rule\":\"r\",\"message\":\"\"}}", -EINVAL, "finding: message is empty");
    assert_refused(
        "{\"finding\":{\"rule\":\"\",\"message\":\"m\"}}", -EINVAL, "finding: rule is empty");
    assert_refused("{\"finding\":{\"rule\":\"r\",\"message\":\"m\",\"severity\":\"fatal\"}}",
                   -EINVAL,
                   "finding: severity \"fatal\" must be error, warning or note");
    assert_refused(
        "{\"finding\":{\"rule\":\"r\",\"message\":\"m\",\"file\":\"/etc/passwd\"}}",
        -EINVAL,
        "finding: file \"/etc/passwd\" must be a relative path without \"..\", \".\" and "
        "empty parts");
    assert_refused("{\"finding\":{\"rule\":\"r\",\"message\":\"m\",\"line\":-1}}",
                   -EINVAL,
                   "finding: line and column must be from 0 to 4294967295");
}

TEST(a_metric_is_given_once)
{
    CLEANUP(cleanup_arena) struct arena *arena = arena_new(1u << 20);
    struct judgement judgement = {0};
    struct err err = {0};
    const char *text = "{\"metric\":\"score\",\"value\":1}\n{\"metric\":\"score\",\"value\":2}\n";
    assert_int_equal(read_text(text, arena, &judgement, &err), -EEXIST);
    assert_string_equal(err.text, "demo judge: line 2: metric \"score\" was given already");
}

TEST(a_flood_of_findings_is_cut_off)
{
    CLEANUP(cleanup_arena) struct arena *arena = arena_new(64u << 20);
    CLEANUP(str_fini) struct str text = STR_INIT(32u << 20);
    for (int i = 0; i <= PLUGIN_FINDINGS_MAX; i++) {
        (void)str_append(&text, "{\"finding\":{\"rule\":\"r\",\"message\":\"m\"}}\n");
    }
    struct judgement judgement = {0};
    struct err err = {0};
    assert_int_equal(read_text(str_text(&text), arena, &judgement, &err), -EFBIG);
    assert_string_equal(err.text,
                        "demo judge: line 100001: more than 100000 findings, the "
                        "most that are read");
}

TEST(running_out_of_memory_while_judging_is_an_error)
{
    bool succeeded = false;
    for (size_t n = 1; n < 100 && !succeeded; n++) {
        CLEANUP(cleanup_arena) struct arena *arena = arena_new(1u << 20);
        struct judgement judgement = {0};
        struct err err = {0};
        const char *file = write_file("judgement",
                                      "{\"metric\":\"score\",\"value\":1}\n"
                                      "{\"finding\":{\"rule\":\"r\",\"message\":\"m\"}}\n"
                                      "{\"artifact\":\"a\"}\n");
        (void)mem_fail_from(n);
        int status =
            plugin_read_judgement(&description, &FILE_WHOLE(file), arena, &judgement, &err);
        (void)mem_fail_from(0);
        succeeded = status == 0;
        if (!succeeded) {
            assert_int_equal(status, -ENOMEM);
        }
    }
    assert_true(succeeded);
}
