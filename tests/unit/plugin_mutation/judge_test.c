/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cleanup.h"
#include "base/json.h"
#include "base/str.h"
#include "plugins/mutation/engine_schema.h"
#include "plugins/mutation/judge_findings.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "support/test.h"
#include "unit/plugin_mutation/support/layer.h"

#define WITH(rest) "{\"files\":[\"*.py\"],\"tests\":[{\"run\":\"true\"}]" rest "}"

/* Writes results of one file: a mutant for each letter, K(illed), S(urvived), N(oCoverage),
 * T(imeout), C(ompileError), I(gnored), P(ending), u(ncompiled), r(eused kill), s(uppressed). Ids
 * are the file's letter and a number. */
static void write_results(const char *path, const char *file, const char *letters)
{
    static const char *const words[] = {"Killed",
                                        "Survived",
                                        "NoCoverage",
                                        "Timeout",
                                        "CompileError",
                                        "Ignored",
                                        "Pending",
                                        "Ignored",
                                        "Killed",
                                        "Ignored"};
    static const char order[] = "KSNTCIPurs";
    CLEANUP(str_fini) struct str text = STR_INIT(8u << 20);
    (void)str_appendf(&text,
                      "{\"mutation\":1,\"layer\":\"l\",\"file\":\"%s\",\"language\":\"python\","
                      "\"points_lost\":1,\"tests\":[\"test_a\"]}\n",
                      file);
    for (size_t i = 0; letters[i] != '\0'; i++) {
        const char *word = words[strchr(order, letters[i]) - order];
        bool killed = strchr("KTr", letters[i]) != NULL;
        const char *reason = letters[i] == 'u' ? engine_uncompiled : "suppressed: because";
        bool reasoned = strchr("us", letters[i]) != NULL;
        (void)str_appendf(&text,
                          "{\"id\":\"%015zx%c\",\"line\":%zu,\"column\":1,\"end_line\":%zu,"
                          "\"end_column\":2,\"start\":0,\"end\":1,\"function\":\"f\",\"operator\":"
                          "\"swap\",\"original\":\"<\",\"replacement\":\"<=\",\"status\":\"%s\","
                          "\"reason\":%s%s%s,\"killed_by\":%s,\"covered_by\":[0],"
                          "\"engine\":\"copy\",\"cpu_us\":1000%s,\"source\":\"a < b\"}\n",
                          i,
                          file[0],
                          i + 1,
                          i + 1,
                          word,
                          reasoned ? "\"" : "",
                          reasoned ? reason : "null",
                          reasoned ? "\"" : "",
                          killed ? "0" : "null",
                          letters[i] == 'r' ? ",\"reused\":true" : "");
    }
    (void)str_appendf(&text,
                      "{\"executed_mutants\":%zu,\"cpu_us\":500000,\"build_us\":250000,"
                      "\"bare_cpu_us\":100000,\"complete\":true}\n",
                      strlen(letters));
    layer_write(path, str_text(&text), 0644);
}

/* An outcome of a unit that left results, or (path NULL) none. */
static const char *outcome(const char *unit, const char *path)
{
    static char texts[4][6000];
    static size_t next;
    char *text = texts[next++ % 4];
    char artifact[5000] = "";
    if (path != NULL) {
        (void)snprintf(
            artifact, sizeof artifact, ",\"artifacts\":[\"%s/%s\"]", layer_enter(), path);
    }
    (void)snprintf(text,
                   sizeof texts[0],
                   "{\"unit\":\"%s\",\"status\":\"failed\",\"exit\":1%s}\n",
                   unit,
                   artifact);
    return text;
}

static json_t *judged(const char *settings, const char *a, const char *b)
{
    static char outcomes[16384];
    json_t *lines = NULL;
    struct err err = {0};
    (void)snprintf(outcomes, sizeof outcomes, "%s%s", a, b);
    if (layer_judge(settings, outcomes, &lines, &err) != 0) {
        fail_msg("%s", err.text);
    }
    return lines;
}

static bool is_near(double a, double b)
{
    return fabs(a - b) < 0.001;
}

TEST(metrics_add_up_over_files)
{
    (void)layer_enter();
    write_results("a.ndjson", "a.py", "KKKSNT");
    write_results("b.ndjson", "b.py", "KCI");
    CLEANUP(json_cleanup)
    json_t *lines = judged(WITH(""), outcome("a.py", "a.ndjson"), outcome("b.py", "b.ndjson"));
    assert_true(is_near(layer_metric(lines, "mutants"), 9));
    assert_true(is_near(layer_metric(lines, "killed"), 4));
    assert_true(is_near(layer_metric(lines, "survived"), 1));
    assert_true(is_near(layer_metric(lines, "no_coverage"), 1));
    assert_true(is_near(layer_metric(lines, "timeouts"), 1));
    assert_true(is_near(layer_metric(lines, "compile_errors"), 1));
    assert_true(is_near(layer_metric(lines, "ignored"), 1));
    assert_true(is_near(layer_metric(lines, "pending"), 0));
    assert_true(is_near(layer_metric(lines, "points_lost"), 2));
    assert_true(is_near(layer_metric(lines, "score"), 100.0 * 4 / 6));
    assert_true(is_near(layer_metric(lines, "covered_score"), 80));
    assert_true(is_near(layer_metric(lines, "new_survivors"), 1));
    assert_true(is_near(layer_metric(lines, "executed_mutants"), 9));
    assert_true(is_near(layer_metric(lines, "cpu_s"), 1));
    assert_true(is_near(layer_metric(lines, "build_cpu_s"), 0.5));
    assert_true(is_near(layer_metric(lines, "bare_cpu_s"), 0.1));
}

TEST(what_is_not_compiled_and_what_an_earlier_run_found_are_counted)
{
    (void)layer_enter();
    write_results("a.ndjson", "a.py", "KurrI");
    CLEANUP(json_cleanup) json_t *lines = judged(WITH(""), outcome("a.py", "a.ndjson"), "");
    assert_true(is_near(layer_metric(lines, "not_compiled"), 1));
    assert_true(is_near(layer_metric(lines, "ignored"), 2));
    assert_true(is_near(layer_metric(lines, "reused"), 2));
    assert_true(is_near(layer_metric(lines, "killed"), 3));
    assert_true(is_near(layer_metric(lines, "score"), 100));
}

TEST(survivors_are_findings)
{
    (void)layer_enter();
    write_results("a.ndjson", "a.py", "KS");
    CLEANUP(json_cleanup) json_t *lines = judged(WITH(""), outcome("a.py", "a.ndjson"), "");
    size_t i = 0;
    json_t *line = NULL;
    const json_t *finding = NULL;
    json_array_foreach(lines, i, line)
    {
        if (json_object_get(line, "finding") != NULL) {
            assert_null(finding);
            finding = json_object_get(line, "finding");
        }
    }
    assert_string_equal(json_string_value(json_object_get(finding, "file")), "a.py");
    assert_int_equal(json_integer_value(json_object_get(finding, "line")), 2);
    assert_string_equal(json_string_value(json_object_get(finding, "rule")), "swap");
    assert_string_equal(json_string_value(json_object_get(finding, "message")),
                        "no test fails when \"<\" becomes \"<=\" in f");
    assert_string_equal(json_string_value(json_object_get(finding, "fix")),
                        "assert what differs (1 test gets here), or suppress it with a reason; try "
                        "it: sluice mutants replay 000000000000001a");
}

/* Where the findings of a run about `diff` are, in their order: "FILE:LINE ...", at most so many.
 */
static size_t list_findings(const char *diff, const char *outcomes, size_t most, struct str *out)
{
    CLEANUP(json_cleanup) json_t *lines = NULL;
    struct err err = {0};
    size_t i = 0;
    size_t count = 0;
    json_t *line = NULL;
    if (layer_judge_diff(WITH(",\"scope\":{\"lines\":\"all\"}"), diff, outcomes, &lines, &err)
        != 0) {
        fail_msg("%s", err.text);
    }
    json_array_foreach(lines, i, line)
    {
        const json_t *finding = json_object_get(line, "finding");
        count += finding != NULL ? 1 : 0;
        if (finding != NULL && count <= most) {
            (void)str_appendf(out,
                              "%s:%d ",
                              json_string_value(json_object_get(finding, "file")),
                              (int)json_integer_value(json_object_get(finding, "line")));
        }
    }
    assert_int_equal(str_error(out), 0);
    return count;
}

TEST(survivors_on_changed_lines_are_told_first)
{
    static const char diff[] =
        "{\"base\":\"x\",\"files\":[{\"file\":\"b.py\",\"lines\":[[1,1],[3,4]]},"
        "{\"file\":\"c.py\",\"lines\":[]}]}";
    CLEANUP(str_fini) struct str outcomes = STR_INIT(1u << 20);
    CLEANUP(str_fini) struct str places = STR_INIT(1u << 20);
    (void)layer_enter();
    write_results("a.ndjson", "a.py", "SKS");
    write_results("b.ndjson", "b.py", "KSSSS");
    write_results("c.ndjson", "c.py", "S");
    (void)str_append(&outcomes, outcome("a.py", "a.ndjson"));
    (void)str_append(&outcomes, outcome("b.py", "b.ndjson"));
    (void)str_append(&outcomes, outcome("c.py", "c.ndjson"));
    assert_int_equal(list_findings(diff, str_text(&outcomes), 9, &places), 7);
    assert_string_equal(str_text(&places), "b.py:3 b.py:4 a.py:1 a.py:3 b.py:2 b.py:5 c.py:1 ");
    str_clear(&places);
    assert_int_equal(list_findings(NULL, str_text(&outcomes), 9, &places), 7);
    assert_string_equal(str_text(&places), "a.py:1 a.py:3 b.py:2 b.py:3 b.py:4 b.py:5 c.py:1 ");
}

/* More than are told: that of the changed line is among them though it comes last. */
TEST(a_survivor_on_a_changed_line_is_told_however_many_there_are)
{
    static char letters[JUDGE_FINDINGS_MAX + 101];
    char diff[200];
    CLEANUP(str_fini) struct str places = STR_INIT(1u << 20);
    (void)layer_enter();
    memset(letters, 'S', sizeof letters - 1);
    write_results("a.ndjson", "a.py", letters);
    (void)snprintf(diff,
                   sizeof diff,
                   "{\"base\":\"x\",\"files\":[{\"file\":\"a.py\",\"lines\":[[%d,%d]]}]}",
                   JUDGE_FINDINGS_MAX + 100,
                   JUDGE_FINDINGS_MAX + 200);
    assert_int_equal(list_findings(diff, outcome("a.py", "a.ndjson"), 2, &places),
                     JUDGE_FINDINGS_MAX);
    assert_string_equal(str_text(&places), "a.py:10100 a.py:1 ");
}

TEST(survivors_of_the_baseline_are_not_new)
{
    (void)layer_enter();
    write_results("a.ndjson", "a.py", "SSK");
    layer_write("known", "# known\n000000000000001a  f, because\n\n00000000000000ff\n", 0644);
    CLEANUP(json_cleanup)
    json_t *lines = judged(WITH(",\"baseline\":\"known\""), outcome("a.py", "a.ndjson"), "");
    assert_true(is_near(layer_metric(lines, "survived"), 2));
    assert_true(is_near(layer_metric(lines, "new_survivors"), 1));
}

TEST(what_is_suppressed_counts_as_a_survivor_in_each_score)
{
    (void)layer_enter();
    write_results("a.ndjson", "a.py", "KKsNuI");
    CLEANUP(json_cleanup) json_t *lines = judged(WITH(""), outcome("a.py", "a.ndjson"), "");
    assert_true(is_near(layer_metric(lines, "score"), 50));
    assert_true(is_near(layer_metric(lines, "covered_score"), 200.0 / 3));
    assert_true(is_near(layer_metric(lines, "ignored"), 3));
    assert_true(is_near(layer_metric(lines, "survived"), 0));
    assert_true(is_near(layer_metric(lines, "new_survivors"), 0));
}

static const json_t *only_finding(json_t *lines)
{
    const json_t *found = NULL;
    size_t i = 0;
    json_t *line = NULL;
    json_array_foreach(lines, i, line)
    {
        const json_t *finding = json_object_get(line, "finding");
        assert_true(found == NULL || finding == NULL);
        found = finding != NULL ? finding : found;
    }
    assert_non_null(found);
    return found;
}

/* Each part of a file has them all. */
TEST(suppressions_of_nothing_are_found_once_a_file)
{
#define PART                                                                                       \
    "{\"mutation\":1,\"layer\":\"l\",\"file\":\"a.py\",\"language\":\"python\",\"points_lost\":0," \
    "\"tests\":[],\"unused\":[{\"line\":7,\"names\":\"logical\"}]}\n"                              \
    "{\"executed_mutants\":0,\"cpu_us\":0,\"build_us\":0,\"bare_cpu_us\":0,\"complete\":true}\n"
    (void)layer_enter();
    layer_write("1.ndjson", PART, 0644);
    layer_write("2.ndjson", PART, 0644);
    CLEANUP(json_cleanup)
    json_t *lines =
        judged(WITH(""), outcome("a.py#1/2", "1.ndjson"), outcome("a.py#2/2", "2.ndjson"));
    const json_t *finding = only_finding(lines);
    assert_string_equal(json_string_value(json_object_get(finding, "message")),
                        "mutant-off logical suppresses nothing");
    assert_int_equal(json_integer_value(json_object_get(finding, "line")), 7);
}

/* It stood in the error stream of a unit that passed, where nobody looks. */
TEST(a_test_that_the_baseline_refused_is_found_once)
{
#define REFUSED                                                                                  \
    "{\"mutation\":1,\"layer\":\"l\",\"file\":\"%s\",\"language\":\"python\",\"points_lost\":0," \
    "\"tests\":[],\"left_out\":[{\"test\":\"t\",\"why\":\"it fails\"}]}\n"                       \
    "{\"executed_mutants\":0,\"cpu_us\":0,\"build_us\":0,\"bare_cpu_us\":0,\"complete\":true}\n"
    char text[1024];
    (void)layer_enter();
    (void)snprintf(text, sizeof text, REFUSED, "a.py");
    layer_write("1.ndjson", text, 0644);
    (void)snprintf(text, sizeof text, REFUSED, "b.py");
    layer_write("2.ndjson", text, 0644);
    CLEANUP(json_cleanup)
    json_t *lines = judged(WITH(""), outcome("a.py", "1.ndjson"), outcome("b.py", "2.ndjson"));
    const json_t *finding = only_finding(lines);
    assert_string_equal(json_string_value(json_object_get(finding, "message")),
                        "test \"t\" is not used: it fails");
    assert_string_equal(json_string_value(json_object_get(finding, "severity")), "warning");
}

TEST(a_baseline_that_cannot_be_read_is_an_error)
{
    json_t *lines = NULL;
    struct err err = {0};
    (void)layer_enter();
    assert_int_equal(layer_judge(WITH(",\"baseline\":\"none\""), "", &lines, &err), -ENOENT);
    layer_write("known", "000000000000001a\nnot an id\n", 0644);
    assert_int_equal(layer_judge(WITH(",\"baseline\":\"known\""), "", &lines, &err), -EINVAL);
    assert_string_equal(err.text,
                        "known:2: \"not\" is no id of a mutant: 16 digits of 0-9a-f, as `sluice "
                        "mutants list` shows them");
}

TEST(nothing_to_try_has_no_score)
{
    (void)layer_enter();
    CLEANUP(json_cleanup) json_t *lines = judged(WITH(""), outcome("scope", NULL), "");
    assert_true(is_near(layer_metric(lines, "score"), -1));
    assert_true(is_near(layer_metric(lines, "covered_score"), -1));
    assert_true(is_near(layer_metric(lines, "mutants"), 0));
    assert_true(is_near(layer_metric(lines, "new_survivors"), 0));
    assert_string_equal(layer_why(lines, "score"), "0 mutants");
}

TEST(a_unit_without_results_takes_the_score_away)
{
    (void)layer_enter();
    write_results("a.ndjson", "a.py", "KKKK");
    CLEANUP(json_cleanup)
    json_t *lines = judged(WITH(""), outcome("a.py", "a.ndjson"), outcome("b.py", NULL));
    assert_true(is_near(layer_metric(lines, "score"), -1));
    assert_true(is_near(layer_metric(lines, "new_survivors"), -1));
    assert_true(is_near(layer_metric(lines, "killed"), 4));
    assert_string_equal(layer_why(lines, "score"), "unit b.py left no results");
    assert_string_equal(layer_why(lines, "new_survivors"), "unit b.py left no results");
}

TEST(a_mutant_that_the_budget_did_not_reach_takes_the_score_away)
{
    (void)layer_enter();
    write_results("a.ndjson", "a.py", "KKP");
    CLEANUP(json_cleanup) json_t *lines = judged(WITH(""), outcome("a.py", "a.ndjson"), "");
    assert_true(is_near(layer_metric(lines, "pending"), 1));
    assert_true(is_near(layer_metric(lines, "killed"), 2));
    assert_string_equal(layer_why(lines, "covered_score"),
                        "1 mutant is pending, as the budget was used up");
    assert_true(is_near(layer_metric(lines, "score"), -1));
    assert_true(is_near(layer_metric(lines, "covered_score"), -1));
    assert_true(is_near(layer_metric(lines, "new_survivors"), -1));
}

TEST(only_timeouts_are_no_score_and_too_many_an_error)
{
    json_t *lines = NULL;
    struct err err = {0};
    (void)layer_enter();
    write_results("a.ndjson", "a.py", "TTTT");
    lines = judged(WITH(""), outcome("a.py", "a.ndjson"), "");
    assert_true(is_near(layer_metric(lines, "score"), -1));
    assert_string_equal(layer_why(lines, "score"), "no mutant was killed or survived: 4 timed out");
    json_decref(lines);
    write_results("a.ndjson", "a.py", "TTTTTKK");
    assert_int_equal(layer_judge(WITH(""), outcome("a.py", "a.ndjson"), &lines, &err), -ERANGE);
    assert_ptr_equal(strstr(err.text, "5 of 7 mutants that ran timed out"), err.text);
    write_results("a.ndjson", "a.py", "CCCCCKK");
    assert_int_equal(layer_judge(WITH(""), outcome("a.py", "a.ndjson"), &lines, &err), -ERANGE);
    assert_ptr_equal(strstr(err.text, "5 of 7 mutants do not compile"), err.text);
    lines = judged(WITH(",\"max_compile_errors\":80"), outcome("a.py", "a.ndjson"), "");
    json_decref(lines);
}

TEST(damaged_results_are_an_error_of_the_layer)
{
    json_t *lines = NULL;
    struct err err = {0};
    (void)layer_enter();
    layer_write("a.ndjson", "{}\n", 0644);
    assert_true(layer_judge(WITH(""), outcome("a.py", "a.ndjson"), &lines, &err) < 0);
    assert_non_null(strstr(err.text, "a.ndjson:1: "));
}

/* ---- the report of elements ---- */

TEST(parts_of_a_file_are_one_file_of_the_report)
{
    CLEANUP(json_cleanup) json_t *report = NULL;
    struct err err = {0};
    (void)layer_enter();
    layer_write("a.py", "\xc3\xa4 = 1 < 2\n", 0644);
    write_results("1.ndjson", "a.py", "KS");
    write_results("2.ndjson", "a.py", "T");
    CLEANUP(json_cleanup)
    json_t *lines =
        judged(WITH(""), outcome("a.py#1/2", "1.ndjson"), outcome("a.py#2/2", "2.ndjson"));
    assert_non_null(lines);
    const char *text = layer_read(".sluice-mutation/report/mutation.json");
    if (json_parse(text, strlen(text), &report, &err) != 0) {
        fail_msg("%s", err.text);
    }
    const json_t *file = json_object_get(json_object_get(report, "files"), "a.py");
    assert_int_equal(json_object_size(json_object_get(report, "files")), 1);
    assert_string_equal(json_string_value(json_object_get(file, "language")), "python");
    assert_string_equal(json_string_value(json_object_get(file, "source")), "\xc3\xa4 = 1 < 2\n");
    const json_t *mutants = json_object_get(file, "mutants");
    assert_int_equal(json_array_size(mutants), 3);
    const json_t *killed = json_array_get(mutants, 0);
    assert_string_equal(json_string_value(json_object_get(killed, "status")), "Killed");
    assert_string_equal(json_string_value(json_array_get(json_object_get(killed, "killedBy"), 0)),
                        "0");
    assert_string_equal(layer_read(".sluice-mutation/.gitignore"), "*\n");
}

TEST(columns_count_as_editors_do)
{
    CLEANUP(json_cleanup) json_t *report = NULL;
    CLEANUP(json_cleanup) json_t *lines = NULL;
    struct err err = {0};
    static const char results[] =
        "{\"mutation\":1,\"layer\":\"l\",\"file\":\"a.py\",\"language\":\"python\","
        "\"points_lost\":0,\"tests\":[]}\n"
        "{\"id\":\"000000000000001a\",\"line\":1,\"column\":10,\"end_line\":1,\"end_column\":11,"
        "\"start\":9,\"end\":10,\"function\":\"\",\"operator\":\"o\",\"original\":\"1\","
        "\"replacement\":\"0\",\"status\":\"Survived\",\"reason\":null,\"killed_by\":null,"
        "\"covered_by\":null,\"engine\":\"copy\",\"cpu_us\":0,\"source\":\"\"}\n"
        "{\"executed_mutants\":1,\"cpu_us\":0,\"build_us\":0,\"bare_cpu_us\":0,\"complete\":true}\n";
    (void)layer_enter();
    layer_write("a.py", "\xf0\x9f\x98\x80\xc3\xa4 = 1\n", 0644); /* 4 bytes and 2 units, 2 and 1 */
    layer_write("r.ndjson", results, 0644);
    lines = judged(WITH(""), outcome("a.py", "r.ndjson"), "");
    const char *text = layer_read(".sluice-mutation/report/mutation.json");
    assert_int_equal(json_parse(text, strlen(text), &report, &err), 0);
    assert_non_null(
        strstr(text, "\"start\":{\"line\":1,\"column\":7},\"end\":{\"line\":1,\"column\":8}"));
}
