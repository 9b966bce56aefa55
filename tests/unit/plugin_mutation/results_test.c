/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/mutation/results.h"

#include "base/cleanup.h"
#include "base/mem.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "support/test.h"
#include "unit/plugin_mutation/support/layer.h"

static const struct engine_test some_tests[] = {{.name = "test_a"}, {.name = "test \"b\""}};

/* What a reader saw, as text. */
static char seen[4096];

static int see_head(void *context, const struct results_part *part, struct err *err)
{
    (void)err;
    (void)snprintf(context,
                   sizeof seen,
                   "%s %s %s %lld %zu tests\n",
                   part->layer,
                   part->file,
                   part->language,
                   (long long)part->points_lost,
                   json_array_size(part->tests));
    return 0;
}

static int see_mutant(void *context,
                      const struct results_part *part,
                      const struct results_mutant *m,
                      struct err *err)
{
    char *text = context;
    size_t len = strlen(text);
    (void)part;
    (void)err;
    (void)snprintf(text + len,
                   sizeof seen - len,
                   "%s %u:%u-%u:%u %u %s %s '%s' '%s' %s %s by %s of %zu, %s %lld%s: %s\n",
                   m->id,
                   m->span.line,
                   m->span.column,
                   m->span.end_line,
                   m->span.end_column,
                   m->span.start,
                   m->function,
                   m->operator,
                   m->original,
                   m->replacement,
                   mutant_status_name(m->status),
                   m->reason != NULL ? m->reason : "-",
                   m->killed_by != NULL ? m->killed_by : "-",
                   json_array_size(m->covered_by),
                   engine_name(m->engine),
                   (long long)m->cpu_us,
                   m->reused ? " reused" : "",
                   m->source);
    return 0;
}

static int see_end(void *context,
                   const struct results_part *part,
                   const struct engine_cost *cost,
                   bool complete,
                   struct err *err)
{
    char *text = context;
    size_t len = strlen(text);
    (void)part;
    (void)err;
    (void)snprintf(text + len,
                   sizeof seen - len,
                   "%lld %lld %lld %lld %d\n",
                   (long long)cost->executed,
                   (long long)cost->cpu_us,
                   (long long)cost->build_us,
                   (long long)cost->bare_us,
                   complete);
    return 0;
}

static const struct results_reader seeing = {
    .context = seen, .head = see_head, .mutant = see_mutant, .end = see_end};

static const struct mutant some_mutant = {
    .id = "00f1aabbccddeeff",
    .file = "a.c",
    .function = "f",
    .operator= "relational-boundary",
    .original = "<",
    .replacement = "<=",
    .span = {.start = 9, .end = 10, .line = 2, .column = 5, .end_line = 2, .end_column = 6},
};

static char some_text[] = "int\nif (a < b)\n\x80\"";

static int write_all(struct str *out, enum mutant_status status, struct err *err)
{
    static const uint16_t reached[] = {0, 1};
    struct engine_test tests[2];
    memcpy(tests, some_tests, sizeof tests);
    const struct engine_tests list = {.items = tests, .count = 2};
    const struct results_head head = {
        .layer = "l", .file = "a.c", .language = "c", .points_lost = 3, .tests = &list};
    const struct source source = {.text = some_text, .size = sizeof some_text - 1};
    const struct engine_verdict verdict = {.status = status,
                                           .engine = ENGINE_EXEC,
                                           .killer = 1,
                                           .reached = reached,
                                           .reached_count = 2,
                                           .reused = true,
                                           .cpu_us = 21};
    const struct engine_cost cost = {.executed = 1, .cpu_us = 2, .build_us = 3, .bare_us = 4};
    int rc = results_write_head(out, &head, err);
    rc = rc != 0 ? rc : results_write_mutant(out, &source, &some_mutant, &verdict, err);
    return rc != 0 ? rc : results_write_end(out, &cost, true, err);
}

TEST(what_is_written_is_read_again)
{
    CLEANUP(str_fini) struct str out = STR_INIT(1u << 20);
    struct err err = {0};
    (void)layer_enter();
    assert_int_equal(write_all(&out, MUTANT_KILLED, &err), 0);
    layer_write("r", str_text(&out), 0644);
    if (results_read("r", &seeing, &err) != 0) {
        fail_msg("%s", err.text);
    }
    assert_string_equal(seen,
                        "l a.c c 3 2 tests\n"
                        "00f1aabbccddeeff 2:5-2:6 9 f relational-boundary '<' '<=' Killed - by "
                        "test \"b\" of 2, exec 21 reused: if (a < b)\n"
                        "1 2 3 4 1\n");
}

TEST(parts_may_follow_one_another)
{
    CLEANUP(str_fini) struct str out = STR_INIT(1u << 20);
    struct err err = {0};
    (void)layer_enter();
    assert_int_equal(write_all(&out, MUTANT_SURVIVED, &err), 0);
    assert_int_equal(write_all(&out, MUTANT_NO_COVERAGE, &err), 0);
    layer_write("r", str_text(&out), 0644);
    assert_int_equal(results_read("r", &seeing, &err), 0);
    assert_non_null(strstr(seen, "NoCoverage - by - of 2"));
}

TEST(results_that_were_cut_short_are_an_error)
{
    CLEANUP(str_fini) struct str out = STR_INIT(1u << 20);
    struct err err = {0};
    (void)layer_enter();
    assert_int_equal(write_all(&out, MUTANT_KILLED, &err), 0);
    char *last = strstr(out.data, "{\"executed_mutants");
    assert_non_null(last);
    *last = '\0';
    layer_write("r", out.data, 0644);
    assert_int_equal(results_read("r", &seeing, &err), -ENODATA);
    assert_non_null(strstr(err.text, "cut short after line 2"));
    layer_write("r", "", 0644);
    assert_int_equal(results_read("r", &seeing, &err), -ENODATA);
    assert_int_equal(results_read("none", &seeing, &err), -ENOENT);
    assert_int_equal(results_read(".", &seeing, &err), -EINVAL);
}

TEST(damaged_results_name_the_line)
{
#define HEAD                                                                               \
    "{\"mutation\":1,\"layer\":\"l\",\"file\":\"a\",\"language\":\"c\",\"points_lost\":0," \
    "\"tests\":[\"t\"]}\n"
#define MUTANT(status, killer, engine)                                                                   \
    "{\"id\":\"1\",\"line\":1,\"column\":1,\"end_line\":1,\"end_column\":2,\"start\":0,\"end\":1,"       \
    "\"function\":\"\",\"operator\":\"o\",\"original\":\"a\",\"replacement\":\"b\",\"status\":\"" status \
    "\",\"reason\":null,\"killed_by\":" killer ",\"covered_by\":[0],\"engine\":\"" engine                \
    "\",\"cpu_us\":0,\"source\":\"\"}\n"

    static const struct {
        const char *text;
        const char *message;
    } cases[] = {
        {"x\n",                                           "r:1: "                                           },
        {MUTANT("Killed",                                 "0",                                                "copy"), "r:1: a mutant outside of a part"},
        {HEAD HEAD,              "r:2: a part begins before the one of a ended"                                                               },
        {HEAD MUTANT("Dead","0","copy"), "r:2: unknown status \"Dead\" or engine \"copy\""},
        {HEAD MUTANT("Killed",                                                         "0",                                                                                                                              "vm"), "r:2: unknown status \"Killed\" or engine \"vm\""},
        {HEAD MUTANT("Killed",                                               "1",                                                                              "copy"), "r:2: killed_by: there is no test 1"},
        {HEAD MUTANT("Killed",                                          "-2","copy"), "r:2: killed_by: there is no test -2"},
        {"{\"executed_mutants\":0,\"cpu_us\":0,\"build_us\":0,\"bare_cpu_us\":0,\"complete\":true}\n",
         "r:1: the end of a part that did not begin"                            },
        {"{\"mutation\":2,\"layer\":\"l\",\"file\":\"a\",\"language\":\"c\",\"points_lost\":0,"
         "\"tests\":[]}\n",           "r:1: results of version 2; this program reads version 1"                                                            },
        {"{\"mutation\":1,\"layer\":\"l\",\"file\":\"a\",\"language\":\"c\",\"points_lost\":0,"
         "\"tests\":[],\"unused\":[{\"line\":1,\"names\":\"o\"},{\"line\":0,\"names\":\"o\"}]}\n",  "r:1: unused: item 2 needs a line and names"                                                                                                                               },
        {"{\"mutation\":1,\"layer\":\"l\",\"file\":\"a\",\"language\":\"c\",\"points_lost\":0,"
         "\"tests\":[],\"left_out\":[{\"test\":\"t\"}]}\n",                                               "r:1: left_out: item 1 needs a test and why"     },
        {"{\"mutation\":1,\"layer\":\"l\",\"file\":7,\"language\":\"c\",\"points_lost\":0,\"tests\":[]}\n",
         "r:1: field \"file\" must be a string, but is an integer"                                           },
        {"[1]\n",                                               "r:1: "},
    };

    (void)layer_enter();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct err err = {0};
        layer_write("r", cases[i].text, 0644);
        assert_true(results_read("r", &seeing, &err) < 0);
        assert_ptr_equal(strstr(err.text, cases[i].message), err.text);
    }
}

TEST(a_mutant_that_comes_twice_in_a_part_is_an_error)
{
    static const char text[] =
        HEAD MUTANT("Killed", "0", "copy") MUTANT("Survived", "null", "copy");
    struct err err = {0};
    (void)layer_enter();
    layer_write("r", text, 0644);
    assert_int_equal(results_read("r", &seeing, &err), -EEXIST);
    assert_string_equal(err.text, "r:3: the part has mutant 1 twice");
}

TEST(a_line_with_a_nul_or_beyond_the_limit_is_an_error)
{
    CLEANUP(str_fini) struct str line = STR_INIT(4u << 20);
    struct err err = {0};
    (void)layer_enter();
    (void)str_append(&line, HEAD);
    while (line.len <= RESULTS_LINE_MAX + sizeof HEAD) {
        (void)str_append(&line, "                                                        ");
    }
    (void)str_append(&line, "\n");
    layer_write("r", str_text(&line), 0644);
    assert_int_equal(results_read("r", &seeing, &err), -EFBIG);
    assert_string_equal(err.text, "r:2: the line is longer than 1048576 bytes");

    FILE *file = fopen("r", "we");
    assert_non_null(file);
    assert_int_equal(fwrite(HEAD "\0\n", 1, sizeof HEAD "\0\n" - 1, file), sizeof HEAD "\0\n" - 1);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(results_read("r", &seeing, &err), -EILSEQ);
    assert_string_equal(err.text, "r:2: the line holds a NUL: the file is damaged");
}

TEST(writing_results_survives_any_lack_of_memory)
{
    for (size_t n = 1;; n++) {
        CLEANUP(str_fini) struct str out = STR_INIT(1u << 20);
        struct err err = {0};
        (void)mem_fail_from(n);
        int rc = write_all(&out, MUTANT_KILLED, &err);
        (void)mem_fail_from(0);
        if (rc == 0) {
            assert_true(n > 1);
            return;
        }
        assert_int_equal(rc, -ENOMEM);
    }
}
