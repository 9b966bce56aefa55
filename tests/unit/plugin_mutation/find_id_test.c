/* SPDX-License-Identifier: Apache-2.0 */
/* Ids are what results are kept by: an edit elsewhere must not change them, an edit here must. */
#include "plugins/mutation/find.h"

#include <stdio.h>
#include <string.h>

#include "support/finding.h"
#include "support/test.h"

#define SHOWN (64 * MUTANT_ID_SIZE)

/* The ids of all mutants of `text`, one after the other. */
static void ids_of(const char *path, const char *text, char shown[SHOWN])
{
    struct mutant_list list = {0};
    struct err err = {0};
    assert_int_equal(find_in_text(path, text, NULL, NULL, &list, &err), 0);
    assert_true(list.count > 0 && list.count < 64);
    shown[0] = '\0';
    for (size_t i = 0; i < list.count; i++) {
        assert_int_equal(strlen(list.items[i].id), MUTANT_ID_SIZE - 1);
        (void)strcat(shown, list.items[i].id); /* fits: fewer than 64 */
    }
    mutant_list_fini(&list);
}

static void expect_same(const char *path, const char *before, const char *after)
{
    char first[SHOWN];
    char second[SHOWN];
    ids_of(path, before, first);
    ids_of(path, after, second);
    assert_string_equal(first, second);
}

static void expect_different(const char *before, const char *after)
{
    char first[SHOWN];
    char second[SHOWN];
    ids_of("a.c", before, first);
    ids_of("a.c", after, second);
    assert_string_not_equal(first, second);
}

TEST(ids_survive_lines_above)
{
    expect_same("a.c",
                "int f(int a) { return a < 1; }\n",
                "/* More. */\n#include <x.h>\nint g(void);\n\nint f(int a) { return a < 1; }\n");
}

TEST(ids_survive_other_statements_of_the_function)
{
    expect_same("a.c",
                "int f(int a) { if (a < 1) { return a; } return g(a + 2); }\n",
                "int f(int a) { g: if (a < 1) { a; return a; } return g(a + 2); ; }\n");
}

TEST(ids_survive_blanks_of_another_style)
{
    expect_same("a.c",
                "int f(int a) { if (a<1) return g(a,2); }\n",
                "int f(int a)\n{\n\tif ( a  <  1 )\n\t\treturn g (a,\n\t\t\t2);\n}\n");
    expect_same("a.py", "def f(a):\n    return a<1\n", "def f(a):\n\n        return a  <  1\n");
    expect_same("a.go", "  if a <= 1 {\n", "\n\tif a  <=  1 {\n");
}

TEST(ids_survive_a_branch_that_was_rewritten)
{
    expect_same("a.c",
                "int f(int a) { if (a < 1) { } }\n",
                "int f(int a) { if (a < 1) { switch (a) { default:; } } else { } }\n");
}

TEST(ids_survive_a_neighbour_within_a_callback)
{
    expect_same(
        "a.js", "const x = g(() => { f(a); });\n", "const x = g(() => { let z; f(a); });\n");
}

TEST(ids_survive_another_element_of_a_list)
{
    char first[SHOWN];
    char second[SHOWN];
    ids_of("a.c", "int x[] = {5};\n", first);
    ids_of("a.c", "int x[] = {7, 5};\n", second);
    assert_non_null(strstr(second, first));
}

TEST(ids_tell_files_functions_and_texts_apart)
{
    const char *text = "int f(int a) { return a < 1; }\n";
    char here[SHOWN];
    char there[SHOWN];
    ids_of("a.c", text, here);
    ids_of("b.c", text, there);
    assert_string_not_equal(here, there);
    expect_different(text, "int g(int a) { return a < 1; }\n");
    expect_different(text, "int f(int b) { return b < 1; }\n");
    expect_different("int f(void) { return int a; }\n int g = 1;",
                     "int f(void) { return inta; }\n int h = 1;");
}

TEST(equal_statements_are_numbered)
{
    struct mutant_list list = {0};
    struct err err = {0};
    const char *text = "void f(void)\n{\n    g(a);\n    g(a);\n    g(a);\n}\n";
    assert_int_equal(find_in_text("a.c", text, NULL, NULL, &list, &err), 0);
    assert_int_equal(list.count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_string_not_equal(list.items[i].id, list.items[(i + 1) % 3].id);
    }
    mutant_list_fini(&list);
}

TEST(a_scope_leaves_out_mutants_and_keeps_their_ids)
{
    struct mutant_list all = {0};
    struct mutant_list some = {0};
    struct err err = {0};
    const char *text = "void f(void)\n{\n    g(a);\n    g(a);\n    g(a);\n}\n";
    const struct find_lines lines[] = {
        {4,  4 },
        {90, 99}
    };
    const struct find_scope scope = {.lines = lines, .line_count = 2};
    const struct find_scope nothing = {.lines = lines, .line_count = 0};
    assert_int_equal(find_in_text("a.c", text, NULL, NULL, &all, &err), 0);
    assert_int_equal(find_in_text("a.c", text, NULL, &scope, &some, &err), 0);
    assert_int_equal(some.count, 1);
    assert_string_equal(some.items[0].id, all.items[1].id);
    assert_int_equal(some.items[0].number, 0);
    mutant_list_fini(&some);
    assert_int_equal(find_in_text("a.c", text, NULL, &nothing, &some, &err), 0);
    assert_int_equal(some.count, 0);
    mutant_list_fini(&some);
    mutant_list_fini(&all);
}

TEST(a_statement_of_many_lines_is_in_scope_by_any_of_them)
{
    struct mutant_list list = {0};
    struct err err = {0};
    const struct find_lines line = {3, 3};
    const struct find_scope scope = {.lines = &line, .line_count = 1};
    const char *text = "void f(void) {\n    g(a,\n      b);\n}\n";
    assert_int_equal(find_in_text("a.c", text, NULL, &scope, &list, &err), 0);
    assert_int_equal(list.count, 1);
    assert_int_equal(list.items[0].span.line, 2);
    mutant_list_fini(&list);
}
