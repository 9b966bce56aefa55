/* SPDX-License-Identifier: Apache-2.0 */
/* Sources that nobody wrote by hand. What matters: an end, no recursion, memory within its limit.
 */
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "plugins/mutation/find.h"

#include <errno.h>
#include <string.h>

#include "support/finding.h"
#include "support/test.h"

/* Nesting of a hundred thousand: any recursion needs more than this stack. */
#define DEPTH 100000

static void repeat(struct str *text, const char *piece, size_t times)
{
    for (size_t i = 0; i < times; i++) {
        (void)str_append(text, piece);
    }
}

/* 0 and the number of mutants, or the error. */
static int count_mutants(const char *path,
                         const struct str *text,
                         size_t *ret_count,
                         struct err *err)
{
    struct mutant_list list = {0};
    int rc = find_in_text(path, str_text(text), NULL, NULL, &list, err);
    *ret_count = list.count;
    mutant_list_fini(&list);
    return rc;
}

TEST(parentheses_nested_a_hundred_thousand_deep)
{
    static const char *const paths[] = {"a.c", "a.py", "a.js", "a.ts", "a.go"};
    CLEANUP(str_fini) struct str text = STR_INIT(4 << 20);
    repeat(&text, "(", DEPTH);
    (void)str_append(&text, "1");
    repeat(&text, ")", DEPTH);
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct err err = {0};
        size_t count = 0;
        int rc = count_mutants(paths[i], &text, &count, &err);
        assert_true(rc == 0 || rc == -E2BIG);
    }
}

TEST(nots_nested_deep_end_in_mutants_or_an_error)
{
    CLEANUP(str_fini) struct str text = STR_INIT(4 << 20);
    struct err err = {0};
    size_t count = 0;
    (void)str_append(&text, "int f(int a) { return ");
    repeat(&text, "!", DEPTH);
    (void)str_append(&text, "a; }\n");
    int rc = count_mutants("a.c", &text, &count, &err);
    assert_true(rc == -ENOMEM || rc == -E2BIG);
    assert_non_null(strstr(err.text, "exclude it in `files`"));
}

TEST(brackets_that_never_close)
{
    static const char *const pieces[] = {
        "(", "{", "[", "if (", "f(a < ", "\"", "/*", "'", "`${", "<p>", "case 1:", "\\\n"};
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        CLEANUP(str_fini) struct str text = STR_INIT(4 << 20);
        static const char *const paths[] = {"a.c", "a.py", "a.tsx"};
        repeat(&text, pieces[i], 300);
        for (size_t j = 0; j < sizeof paths / sizeof paths[0]; j++) {
            struct err err = {0};
            size_t count = 0;
            int rc = count_mutants(paths[j], &text, &count, &err);
            assert_true(rc == 0 || rc == -E2BIG || rc == -ENOMEM);
        }
    }
}

TEST(bytes_that_are_no_utf_8)
{
    struct err err = {0};
    CLEANUP(str_fini) struct str text = STR_INIT(1 << 16);
    (void)str_append(&text, "char *s = \"\xff\xfe\xc3\"; int x = a + b; // \xe9t\xe9\n");
    assert_string_equal(mutants_of("a.c", str_text(&text), "{\"only\": \"arithmetic\"}"),
                        "1 arithmetic: + => -\n");
    (void)err;
}

TEST(a_file_of_eight_mebibytes_is_read_or_refused)
{
    CLEANUP(str_fini) struct str text = STR_INIT(SOURCE_MAX + 1);
    struct err err = {0};
    size_t count = 0;
    while (text.len + 128 < SOURCE_MAX) {
        (void)str_append(
            &text,
            "/* A table, as generators write it, a long line of which is a comment, and no end. */ int f(int a);\n");
    }
    (void)str_append(&text, "int g(void) { h(); }");
    assert_int_equal(count_mutants("a.c", &text, &count, &err), 0);
    assert_int_equal(count, 1);
}

TEST(more_mutants_than_anybody_reads_are_refused)
{
    CLEANUP(str_fini) struct str text = STR_INIT(SOURCE_MAX + 1);
    struct err err = {0};
    size_t count = 0;
    (void)str_append(&text, "int x[] = {");
    repeat(&text, "7,", FIND_MAX + 1);
    (void)str_append(&text, "};\n");
    assert_int_equal(count_mutants("a.c", &text, &count, &err), -E2BIG);
    assert_string_equal(err.text,
                        "a.c: more than 65536 mutants: it is generated, exclude it in `files`");
}

TEST(points_in_parse_errors_are_counted)
{
    struct mutant_list list = {0};
    struct err err = {0};
    assert_int_equal(
        find_in_text("a.c", "int f(int a) { return a < 1; }\n", NULL, NULL, &list, &err), 0);
    assert_int_equal(list.points_lost, 0);
    mutant_list_fini(&list);
    /* Nothing that C knows: what stands there cannot be trusted, and is said to be lost. */
    assert_int_equal(
        find_in_text(
            "a.c",
            "int f(int a) { return a < 1; }\n) ) a + < && b ) (\nint g(int a) { return a < 1; }\n",
            NULL,
            NULL,
            &list,
            &err),
        0);
    assert_true(list.points_lost >= 2);
    assert_int_equal(list.count, 3);
    mutant_list_fini(&list);
}
