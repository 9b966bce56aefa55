/* SPDX-License-Identifier: Apache-2.0 */
/* A small plugin is run through sdk_main() with files as standard input and output. */
#include "plugins/sdk/sdk.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "support/test.h"

static int plan_one(struct sdk *sdk, struct err *err)
{
    assert_string_equal(sdk->layer, "l");
    assert_string_equal(sdk->root, "/src");
    assert_string_equal(sdk->program, "/p");
    assert_string_equal(json_string_value(json_object_get(sdk->diff, "base")), "12");
    const char *const argv[] = {"make", "check \"1\"", NULL};
    const char *const labels[] = {"slow", "net", NULL};
    const char *const locks[] = {"port", NULL};
    const struct sdk_env env[] = {
        {"A", "1" },
        {"B", NULL},
    };
    const struct sdk_unit full = {.id = "full",
                                  .argv = argv,
                                  .cwd = "sub",
                                  .env = env,
                                  .env_count = 2,
                                  .timeout_ms = 1500,
                                  .cost_ms = 20,
                                  .slots = 2,
                                  .locks = locks,
                                  .labels = labels,
                                  .report_format = "tap",
                                  .report_path = "a.tap",
                                  .file = "t.c",
                                  .line = 7,
                                  .skip = "why",
                                  .expands = true};
    int status = sdk_emit_unit(sdk, &full, err);
    const char *const artifacts[] = {"results/a.ndjson", NULL};
    const struct sdk_unit bare = {.id = "bare", .argv = argv, .artifacts = artifacts, .memo = "m"};
    return status != 0 ? status : sdk_emit_unit(sdk, &bare, err);
}

static int judge_all(struct sdk *sdk, struct err *err)
{
    struct sdk_outcome outcome;
    double failed = 0;
    int status = 0;
    while ((status = sdk_next_outcome(sdk, &outcome, err)) > 0) {
        failed += (double)outcome.cases_failed;
        assert_int_equal(json_array_size(outcome.artifacts), outcome.reused ? 2 : 0);
        if (strcmp(outcome.status, "failed") == 0) {
            const struct sdk_finding finding = {.rule = "r",
                                                .message = outcome.message,
                                                .file = "a.c",
                                                .line = 2,
                                                .column = (uint32_t)outcome.exit,
                                                .severity = "note",
                                                .fix = outcome.unit};
            status = sdk_emit_finding(sdk, &finding, err);
        }
        if (status < 0) {
            return status;
        }
    }
    if (status == 0) {
        status = sdk_emit_metric(sdk, "sum", failed, err);
    }
    return status != 0 ? status : sdk_emit_artifact(sdk, "out/x", err);
}

/* Takes what changed, and of the rest what failed last; in that order. */
static int select_some(struct sdk *sdk, struct err *err)
{
    struct sdk_candidate candidate;
    int status = 0;
    assert_int_equal(sdk->seed, 7);
    assert_int_equal(sdk->budget_ms, 60000);
    assert_int_equal(json_array_size(sdk->changed), 1);
    while ((status = sdk_next_candidate(sdk, &candidate, err)) > 0) {
        const char *changed = json_string_value(json_array_get(sdk->changed, 0));
        bool wanted = (candidate.file != NULL && strcmp(candidate.file, changed) == 0)
                      || (candidate.last != NULL && strcmp(candidate.last, "failed") == 0);
        status = wanted ? sdk_emit_selected(sdk, candidate.unit, err) : 0;
        if (status < 0) {
            return status;
        }
    }
    return status;
}

static int own_verb(int argc, char **argv)
{
    return argc == 2 && strcmp(argv[0], "own") == 0 && strcmp(argv[1], "x") == 0 ? 42 : 1;
}

static const char *const metrics[] = {"sum", NULL};
static const struct sdk_private_verb verbs[] = {
    {"own", own_verb},
    {NULL,  NULL    },
};

static const struct sdk_plugin plugin = {.name = "demo",
                                         .schema = "{\"type\":\"object\"}",
                                         .metrics = metrics,
                                         .plan = plan_one,
                                         .judge = judge_all,
                                         .verbs = verbs};

/* Makes `path` the file behind descriptor `fd`; returns a copy of the old one. */
static int redirect(int fd, const char *path, int flags)
{
    int saved = dup(fd);
    int opened = open(path, flags | O_CLOEXEC, 0600);
    assert_true(opened >= 0);
    assert_int_equal(dup2(opened, fd), fd);
    (void)close(opened);
    return saved;
}

static void restore(int fd, int saved)
{
    assert_int_equal(dup2(saved, fd), fd);
    (void)close(saved);
}

struct answer {
    int exit_code;
    struct str out;
    struct str errors;
};

static void answer_fini(struct answer *answer)
{
    str_fini(&answer->out);
    str_fini(&answer->errors);
}

static void run_plugin(const struct sdk_plugin *what,
                       const char *verb,
                       const char *input,
                       struct answer *answer)
{
    char in[300];
    char out[300];
    char errors[300];
    (void)snprintf(in, sizeof in, "%s/in", test_folder());
    (void)snprintf(out, sizeof out, "%s/out", test_folder());
    (void)snprintf(errors, sizeof errors, "%s/errors", test_folder());
    assert_int_equal(file_write_atomic(in, input, strlen(input), NULL), 0);
    char program[] = "plugin";
    char verb_copy[64];
    (void)snprintf(verb_copy, sizeof verb_copy, "%s", verb);
    char argument[] = "x";
    char *argv[] = {program, verb_copy, strcmp(verb, "own") == 0 ? argument : NULL, NULL};
    (void)fflush(stderr);
    int saved_in = redirect(STDIN_FILENO, in, O_RDONLY);
    int saved_out = redirect(STDOUT_FILENO, out, O_WRONLY | O_CREAT | O_TRUNC);
    int saved_errors = redirect(STDERR_FILENO, errors, O_WRONLY | O_CREAT | O_TRUNC);
    answer->exit_code = sdk_main(argv[2] != NULL ? 3 : 2, argv, what);
    (void)fflush(stderr);
    restore(STDIN_FILENO, saved_in);
    restore(STDOUT_FILENO, saved_out);
    restore(STDERR_FILENO, saved_errors);
    str_init(&answer->out, 16u << 20);
    str_init(&answer->errors, 1u << 20);
    assert_int_equal(file_read(out, &answer->out, NULL), 0);
    assert_int_equal(file_read(errors, &answer->errors, NULL), 0);
}

static void assert_answer_of(const struct sdk_plugin *asked,
                             const char *verb,
                             const char *input,
                             int exit_code,
                             const char *text)
{
    CLEANUP(answer_fini) struct answer answer = {0};
    run_plugin(asked, verb, input, &answer);
    assert_string_equal(str_text(exit_code == 0 ? &answer.out : &answer.errors), text);
    assert_int_equal(answer.exit_code, exit_code);
    if (exit_code != 0) {
        assert_int_equal(answer.out.len, 0);
    }
}

static void assert_answer(const char *verb, const char *input, int exit_code, const char *text)
{
    assert_answer_of(&plugin, verb, input, exit_code, text);
}

#define REQUEST                                                                         \
    "{\"protocol\":1,\"layer\":\"l\",\"root\":\"/src\",\"program\":\"/p\",\"with\":{}," \
    "\"diff\":{\"base\":\"12\",\"files\":[]}}\n"

TEST(describe_tells_name_schema_metrics_and_verbs)
{
    assert_answer("describe",
                  "",
                  0,
                  "{\"name\":\"demo\",\"protocol\":1,\"schema\":{\"type\":\"object\"},"
                  "\"metrics\":[\"sum\"],\"verbs\":[\"plan\",\"judge\"]}\n");
}

TEST(plan_writes_one_unit_a_line_and_leaves_out_what_is_not_set)
{
    assert_answer("plan",
                  REQUEST,
                  0,
                  "{\"id\":\"full\",\"argv\":[\"make\",\"check \\\"1\\\"\"],\"cwd\":\"sub\","
                  "\"env\":{\"A\":\"1\",\"B\":null},\"timeout\":\"1500ms\",\"cost_ms\":20,"
                  "\"slots\":2,\"locks\":[\"port\"],\"labels\":[\"slow\",\"net\"],"
                  "\"report\":{\"format\":\"tap\",\"path\":\"a.tap\"},\"file\":\"t.c\",\"line\":7,"
                  "\"skip\":\"why\",\"expands\":true}\n"
                  "{\"id\":\"bare\",\"argv\":[\"make\",\"check \\\"1\\\"\"],"
                  "\"artifacts\":[\"results/a.ndjson\"],\"memo\":\"m\"}\n");
}

TEST(judge_reads_outcomes_and_answers)
{
    assert_answer(
        "judge",
        "{\"protocol\":1,\"layer\":\"l\",\"root\":\"/src\",\"with\":{}}\n"
        "{\"unit\":\"a\",\"status\":\"passed\",\"exit\":0,\"cases\":{\"failed\":1},"
        "\"reused\":true,\"artifacts\":[\"/run/a\",\"/run/b\"]}\n"
        "{\"unit\":\"b\",\"status\":\"failed\",\"exit\":3,\"message\":\"no\",\"cases\":{\"failed\":"
        "2},\"of a later version\":[]}\n",
        0,
        "{\"finding\":{\"file\":\"a.c\",\"line\":2,\"column\":3,\"rule\":\"r\",\"severity\":"
        "\"note\",\"message\":\"no\",\"fix\":\"b\"}}\n"
        "{\"metric\":\"sum\",\"value\":3}\n"
        "{\"artifact\":\"out/x\"}\n");
}

TEST(select_reads_units_and_answers)
{
    static const struct sdk_plugin selecting = {
        .name = "demo", .schema = "{}", .plan = plan_one, .select = select_some};
    assert_answer_of(
        &selecting,
        "select",
        "{\"protocol\":1,\"layer\":\"l\",\"root\":\"/src\",\"with\":{},\"seed\":7,"
        "\"budget_ms\":60000,\"changed\":[\"a.c\"]}\n"
        "{\"unit\":\"a\",\"file\":\"a.c\",\"line\":3,\"labels\":[\"x\"],\"cost_ms\":5}\n"
        "{\"unit\":\"b\",\"last\":\"passed\",\"last_ms\":9,\"of a later version\":[]}\n"
        "{\"unit\":\"c\",\"last\":\"failed\",\"last_ms\":9}\n",
        0,
        "{\"unit\":\"a\"}\n{\"unit\":\"c\"}\n");
    assert_answer_of(&selecting,
                     "select",
                     "{\"protocol\":1,\"layer\":\"l\",\"root\":\"/src\",\"with\":{},\"seed\":7,"
                     "\"budget_ms\":60000,\"changed\":[\"a.c\"]}\n{\"id\":\"a\"}\n",
                     1,
                     "demo select: a unit to select lacks \"unit\"\n");
    assert_answer_of(&selecting,
                     "describe",
                     "",
                     0,
                     "{\"name\":\"demo\",\"protocol\":1,\"schema\":{},\"metrics\":[],"
                     "\"verbs\":[\"plan\",\"select\"]}\n");
}

TEST(a_private_verb_gets_its_arguments)
{
    assert_answer("own", "", 42, "");
}

TEST(fields_of_a_later_host_are_passed_over)
{
    assert_answer("judge",
                  "{\"protocol\":1,\"layer\":\"l\",\"root\":\"/src\",\"with\":{},\"later\":1}\n",
                  0,
                  "{\"metric\":\"sum\",\"value\":0}\n{\"artifact\":\"out/x\"}\n");
}

TEST(requests_that_are_wrong_are_told)
{
    assert_answer("plan",
                  "",
                  1,
                  "demo plan: standard input: not valid JSON: unexpected token near end of file "
                  "(line 1, column 1)\n");
    assert_answer("plan",
                  "{\"protocol\":1,\"layer\":\"l\",\"root\":\"/\",\"program\":\"p\"}",
                  1,
                  "demo plan: standard input: field \"with\" is missing\n");
    assert_answer("plan",
                  "{\"protocol\":1,\"layer\":\"l\",\"root\":\"/\",\"with\":{}}",
                  1,
                  "demo plan: standard input: field \"program\" is missing\n");
    assert_answer("plan",
                  "{\"protocol\":2,\"layer\":\"l\",\"root\":\"/\",\"program\":\"p\",\"with\":{}}",
                  1,
                  "demo plan: asked in protocol 2, this plugin speaks 1\n");
    assert_answer("judge", "", 1, "demo judge: standard input is empty\n");
    assert_answer("judge",
                  "{\"protocol\":1,\"layer\":\"l\",\"root\":\"/\",\"with\":{}}\n{\"unit\":\"a\"}\n",
                  1,
                  "demo judge: an outcome lacks \"unit\" or \"status\"\n");
}

TEST(a_verb_that_is_not_offered_is_a_usage_error)
{
    static const char usage[] = "sluice plugin demo: usage: describe | plan | judge\n"
                                "sluice runs this program; see docs/plugin-protocol.md\n";
    assert_answer("select", "", 2, usage);
    assert_answer("", "", 2, usage);
}

static int plan_many(struct sdk *sdk, struct err *err)
{
    const char *const argv[] = {"/bin/true", NULL};
    int status = 0;
    for (int i = 0; i < 100000 && status == 0; i++) {
        char id[32];
        (void)snprintf(id, sizeof id, "unit %d", i);
        status = sdk_emit_unit(sdk, &(struct sdk_unit){.id = id, .argv = argv}, err);
    }
    return status;
}

TEST(many_units_are_written_whole)
{
    const struct sdk_plugin many = {.name = "many", .schema = "{}", .plan = plan_many};
    CLEANUP(answer_fini) struct answer answer = {0};
    run_plugin(&many, "plan", REQUEST, &answer);
    assert_int_equal(answer.exit_code, 0);
    size_t lines = 0;
    for (size_t i = 0; i < answer.out.len; i++) {
        lines += answer.out.data[i] == '\n';
    }
    assert_int_equal(lines, 100000);
    assert_true(text_ends_with(str_text(&answer.out),
                               "{\"id\":\"unit 99999\",\"argv\":[\"/bin/true\"]}\n"));
}

static int plan_not_utf8(struct sdk *sdk, struct err *err)
{
    const char *const argv[] = {"ls", "caf\xe9", NULL};
    return sdk_emit_unit(sdk, &(struct sdk_unit){.id = "latin", .argv = argv}, err);
}

static int plan_huge(struct sdk *sdk, struct err *err)
{
    CLEANUP(str_fini) struct str word = STR_INIT(4u << 20);
    while (word.len < (3u << 20)) {
        (void)str_append_char(&word, 'x');
    }
    const char *const argv[] = {str_text(&word), NULL};
    return sdk_emit_unit(sdk, &(struct sdk_unit){.id = "huge", .argv = argv}, err);
}

static int emit_linked(struct sdk *sdk, void *context, struct err *err)
{
    const char *const argv[] = {"cc", NULL};
    const char *const outputs[] = {"out/a.o", context, NULL};
    const char *const needs[] = {"a.o", NULL};
    int status =
        sdk_emit_unit(sdk, &(struct sdk_unit){.id = "a.o", .argv = argv, .outputs = outputs}, err);
    return status != 0 ? status
                       : sdk_emit_unit(
                           sdk, &(struct sdk_unit){.id = "app", .argv = argv, .needs = needs}, err);
}

static const struct sdk_plugin expander = {.name = "x", .schema = "{}"};

static int run_expand(int argc, char **argv)
{
    struct err err = {0};
    (void)argc;
    if (sdk_expand(&expander, emit_linked, argv[0], &err) != 0) {
        (void)fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    return 0;
}

TEST(a_unit_that_expands_prints_units_that_hang_together)
{
    const struct sdk_private_verb expanding[] = {
        {"list", run_expand},
        {"\xff", run_expand},
        {NULL,   NULL      }
    };
    const struct sdk_plugin other = {.name = "x", .schema = "{}", .verbs = expanding};
    CLEANUP(answer_fini) struct answer answer = {0};
    run_plugin(&other, "list", "", &answer);
    assert_int_equal(answer.exit_code, 0);
    assert_string_equal(str_text(&answer.out),
                        "{\"id\":\"a.o\",\"argv\":[\"cc\"],\"outputs\":[\"out/a.o\",\"list\"]}\n"
                        "{\"id\":\"app\",\"argv\":[\"cc\"],\"needs\":[\"a.o\"]}\n");
    CLEANUP(answer_fini) struct answer latin = {0};
    run_plugin(&other, "\xff", "", &latin);
    assert_int_equal(latin.exit_code, 1);
    assert_string_equal(str_text(&latin.errors),
                        "an output of unit \"a.o\" is not UTF-8, and JSON can hold nothing else\n");
}

TEST(a_plugin_whose_units_produce_says_so)
{
    const struct sdk_plugin other = {.name = "x", .schema = "{}", .produces = true};
    CLEANUP(answer_fini) struct answer answer = {0};
    run_plugin(&other, "describe", "", &answer);
    assert_string_equal(str_text(&answer.out),
                        "{\"name\":\"x\",\"protocol\":1,\"schema\":{},\"metrics\":[],"
                        "\"verbs\":[\"plan\"],\"produces\":true}\n");
}

TEST(units_that_the_protocol_cannot_carry_are_refused)
{
    const struct sdk_plugin latin = {.name = "x", .schema = "{}", .plan = plan_not_utf8};
    CLEANUP(answer_fini) struct answer first = {0};
    run_plugin(&latin, "plan", REQUEST, &first);
    assert_int_equal(first.exit_code, 1);
    assert_string_equal(str_text(&first.errors),
                        "x plan: the command of unit \"latin\" is not UTF-8, and JSON can hold "
                        "nothing else\n");
    const struct sdk_plugin huge = {.name = "x", .schema = "{}", .plan = plan_huge};
    CLEANUP(answer_fini) struct answer second = {0};
    run_plugin(&huge, "plan", REQUEST, &second);
    assert_int_equal(second.exit_code, 1);
    assert_string_equal(str_text(&second.errors),
                        "x plan: huge: its description is longer than 1048576 bytes\n");
}

TEST(a_full_disk_is_told)
{
    CLEANUP(cleanup_fd) int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    if (full < 0) {
        skip();
    }
    char in[300];
    (void)snprintf(in, sizeof in, "%s/in", test_folder());
    assert_int_equal(file_write_atomic(in, REQUEST, strlen(REQUEST), NULL), 0);
    char program[] = "plugin";
    char verb[] = "plan";
    char *argv[] = {program, verb, NULL};
    int saved_in = redirect(STDIN_FILENO, in, O_RDONLY);
    int saved_out = redirect(STDOUT_FILENO, "/dev/full", O_WRONLY);
    int saved_errors = redirect(STDERR_FILENO, "/dev/null", O_WRONLY);
    int code = sdk_main(2, argv, &plugin);
    restore(STDIN_FILENO, saved_in);
    restore(STDOUT_FILENO, saved_out);
    restore(STDERR_FILENO, saved_errors);
    assert_int_equal(code, 1);
}
