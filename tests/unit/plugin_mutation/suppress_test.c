/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/mutation/find.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "support/finding.h"
#include "support/test.h"

#define ONLY "{\"only\": [\"relational-boundary\", \"arithmetic\"]}"

/* Mutants of a C text by two operators. */
static const char *mutants(const char *text)
{
    return mutants_of("a.c", text, ONLY);
}

TEST(a_comment_suppresses_an_operator_in_its_line)
{
    assert_string_equal(mutants("int x = a + b; // mutant-off arithmetic: summed elsewhere\n"
                                "int y = a + b;\n"),
                        "1 arithmetic: + => - (suppressed: summed elsewhere)\n"
                        "2 arithmetic: + => -\n");
    assert_string_equal(
        mutants("int x = a + (b < c); /* mutant-off arithmetic: sums */\n"),
        "1 arithmetic: + => - (suppressed: sums)\n1 relational-boundary: < => <=\n");
}

TEST(several_operators_or_all_can_be_named)
{
    assert_string_equal(
        mutants("int x = a + (b < c); // mutant-off arithmetic , relational-boundary : why\n"),
        "1 arithmetic: + => - (suppressed: why)\n1 relational-boundary: < => <= (suppressed: why)\n");
    assert_string_equal(mutants("int x = a + (b < c); // mutant-off all: why: because\n"),
                        "1 arithmetic: + => - (suppressed: why: because)\n"
                        "1 relational-boundary: < => <= (suppressed: why: because)\n");
}

/* "LINE NAMES\n" for each suppression that suppresses nothing. */
static const char *unused(const char *text, const struct find_scope *scope)
{
    static char out[1000];
    struct mutant_list list = {0};
    struct err err = {0};
    size_t at = 0;
    out[0] = '\0';
    if (find_in_text("a.c", text, ONLY, scope, &list, &err) != 0) {
        fail_msg("%s", err.text);
    }
    for (size_t i = 0; i < list.unused_count; i++) {
        at += (size_t)snprintf(
            out + at, sizeof out - at, "%u %s\n", list.unused[i].line, list.unused[i].names);
    }
    mutant_list_fini(&list);
    return out;
}

TEST(a_suppression_of_nothing_is_told)
{
    static const char text[] =
        "int x = a + b; // mutant-off arithmetic: used\n"
        "int y = a; // mutant-off arithmetic, relational-boundary: for what\n"
        "// mutant-off-next-line relational-boundary: moved away\n"
        "int z = a + b;\n";
    static const struct find_lines second = {2, 2};
    static const struct find_scope scope = {.lines = &second, .line_count = 1};
    assert_string_equal(unused(text, NULL),
                        "2 arithmetic,relational-boundary\n3 relational-boundary\n");
    assert_string_equal(unused(text, &scope), "2 arithmetic,relational-boundary\n");
}

TEST(the_next_line_and_blocks_have_their_forms)
{
    assert_string_equal(
        mutants("// mutant-off-next-line arithmetic: why\nint x = a + b;\nint y = a + b;\n"),
        "2 arithmetic: + => - (suppressed: why)\n3 arithmetic: + => -\n");
    assert_string_equal(
        mutants("/* mutant-off-next-line arithmetic: why\n * and more */\nint x = a + b;\n"),
        "3 arithmetic: + => - (suppressed: why)\n");
    assert_string_equal(
        mutants("int w = a + b;\n// mutant-off-begin arithmetic: why\nint x = a + b;\n"
                "int y = a + b;\n// mutant-off-end\nint z = a + b;\n"),
        "1 arithmetic: + => -\n3 arithmetic: + => - (suppressed: why)\n"
        "4 arithmetic: + => - (suppressed: why)\n6 arithmetic: + => -\n");
}

TEST(other_languages_have_their_comments)
{
    assert_string_equal(mutants_of("a.py", "x = a + b  # mutant-off arithmetic: why\n", NULL),
                        "1 delete-assignment: x = a + b => pass\n"
                        "1 arithmetic: + => - (suppressed: why)\n");
    assert_string_equal(mutants_of("a.go", "x = a + b // mutant-off arithmetic: why\n", NULL),
                        "1 arithmetic: + => - (suppressed: why)\n");
}

TEST(a_comment_that_only_speaks_of_it_suppresses_nothing)
{
    assert_string_equal(mutants("int x = a + b; // see mutant-off in the manual\n"),
                        "1 arithmetic: + => -\n");
    assert_string_equal(mutants("char *s = \"// mutant-off arithmetic\";\n"), "");
}

TEST(a_suppression_without_a_reason_is_an_error)
{
    assert_string_equal(mutants("int y;\nint x = a + b; // mutant-off arithmetic\n"),
                        "error: a.c:2:16: mutant-off needs an operator and a reason: mutant-off "
                        "OPERATOR: why it cannot be tested");
    assert_non_null(strstr(mutants("// mutant-off arithmetic:  \n"), "a.c:1:1: mutant-off needs"));
    assert_non_null(strstr(mutants("/* mutant-off arithmetic: */\n"), "a.c:1:1: mutant-off needs"));
    assert_non_null(strstr(mutants("// mutant-off\n"), "a.c:1:1: mutant-off needs"));
}

TEST(an_unknown_operator_or_form_is_an_error)
{
    assert_string_equal(
        mutants("// mutant-off arithmetics: why\n"),
        "error: a.c:1:1: mutant-off: there is no operator \"arithmetics\"; name one "
        "(docs/mutation/operators.md), or all");
    assert_non_null(strstr(mutants("// mutant-off : why\n"), "there is no operator \"\""));
    assert_non_null(
        strstr(mutants("// mutant-off-line arithmetic: why\n"), "a.c:1:1: there are mutant-off,"));
    assert_non_null(
        strstr(mutants("// mutant-offer arithmetic: why\n"), "a.c:1:1: there are mutant-off,"));
}

TEST(blocks_are_opened_and_closed)
{
    assert_string_equal(mutants("\n // mutant-off-begin all: why\n"),
                        "error: a.c:2:2: mutant-off-begin without mutant-off-end");
    assert_string_equal(mutants("// mutant-off-end\n"),
                        "error: a.c:1:1: mutant-off-end without mutant-off-begin");
}

static int find_on(const char *today, const char *text, struct err *err)
{
    struct mutant_list list = {0};
    const struct find_scope scope = {.today = today};
    int rc = find_in_text("a.c", text, NULL, &scope, &list, err);
    mutant_list_fini(&list);
    return rc;
}

TEST(a_suppression_may_run_out)
{
    struct err err = {0};
    const char *text =
        "int x = a + b; // mutant-off arithmetic until 2027-01-31: until the rewrite\n";
    assert_int_equal(find_on("2026-11-22", text, &err), 0);
    assert_int_equal(find_on("2027-01-31", text, &err), 0);
    assert_int_equal(find_on("2027-02-01", text, &err), -EINVAL);
    assert_string_equal(err.text,
                        "a.c:1:16: mutant-off ran out on 2027-01-31: write the test, or give it a "
                        "later day");
    assert_int_equal(find_on(NULL, text, &err), 0);
}

TEST(a_day_that_is_none_is_an_error)
{
    static const char *const days[] = {
        "tomorrow", "2027-1-31", "2027-13-01", "2027-01-32", "2027-01-311", ""};
    for (size_t i = 0; i < sizeof days / sizeof days[0]; i++) {
        struct err err = {0};
        char text[128];
        (void)snprintf(text, sizeof text, "int x; // mutant-off all until %s: why\n", days[i]);
        assert_int_equal(find_on("2026-11-22", text, &err), -EINVAL);
        assert_non_null(strstr(err.text, "a.c:1:8: mutant-off: until what day?"));
    }
}
