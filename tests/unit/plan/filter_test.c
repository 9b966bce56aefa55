/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/filter.h"

#include "base/mem.h"
#include "base/str.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/test.h"

static const char *const labels[] = {"slow", "net", NULL};

static const struct filter_subject subject = {
    .layer = "unit[asan]",
    .layer_base = "unit",
    .stage = "test",
    .unit = "json/parse (deep) \xc3\xa9t\xc3\xa9",
    .labels = {labels, 2},
    .status = "failed",
    .flaky = false,
};

static bool matches_subject(const char *text, const struct filter_subject *s)
{
    struct filter *filter = NULL;
    struct err err = {0};

    if (filter_parse(text, &filter, &err) != 0) {
        fail_msg("%s: %s", text, err.text);
    }
    bool match = filter_match(filter, s);
    filter_free(filter);
    return match;
}

static bool matches(const char *text)
{
    return matches_subject(text, &subject);
}

static bool name_matches(const char *pattern, const char *name)
{
    struct filter_subject s = subject;
    char text[256];

    s.unit = name;
    (void)snprintf(text, sizeof text, "name(%s)", pattern);
    return matches_subject(text, &s);
}

TEST(a_bare_word_matches_anywhere_in_the_name)
{
    assert_true(matches("parse"));
    assert_true(matches("json"));
    assert_true(matches("p*e"));
    assert_false(matches("xml"));
    assert_false(matches("Parse"));
}

TEST(words_and_operators_are_parted_by_any_white_space)
{
    assert_true(matches("json\nand\r\nparse"));
    assert_true(matches("json\tor\tnothing"));
    assert_false(matches("json\nand\nnothing"));
    assert_false(matches("json and nothing")); /* each word is its own, not the first again */
    assert_true(matches("nothing or json"));
}

TEST(operators_need_no_blank_before_a_parenthesis)
{
    assert_true(matches("stage(test) and not(stage(x))"));
    assert_true(matches("stage(test) and(stage(test))"));
    assert_true(matches("stage(x) or(stage(test))"));
    assert_false(matches("stage(x) or(stage(x))"));
}

TEST(each_test_asks_its_own_field)
{
    assert_true(matches("layer(unit)"));
    assert_true(matches("layer(unit[asan])"));
    assert_true(matches("layer(=unit[asan])"));
    assert_false(matches("layer(test)"));
    assert_true(matches("stage(test)"));
    assert_false(matches("stage(tes)"));
    assert_true(matches("name(json/*)"));
    assert_false(matches("name(parse)"));
    assert_true(matches("label(net)"));
    assert_true(matches("label(slow)"));
    assert_false(matches("label(fast)"));
    assert_true(matches("status(failed)"));
    assert_false(matches("status(passed)"));
    assert_true(matches("status(f*)"));
}

TEST(a_flaky_unit_is_flaky_beside_its_status)
{
    struct filter_subject s = subject;

    s.status = "passed";
    assert_false(matches_subject("status(flaky)", &s));
    s.flaky = true;
    assert_true(matches_subject("status(flaky)", &s));
    assert_true(matches_subject("status(passed)", &s));
    assert_true(matches_subject("status(/^fl/)", &s));
}

TEST(matchers_come_in_four_kinds)
{
    assert_true(matches("name(*\xc3\xa9)"));
    assert_true(matches("name(=json/parse (deep) \xc3\xa9t\xc3\xa9)"));
    assert_false(matches("name(=json/parse)"));
    assert_true(matches("name(~(deep))"));
    assert_true(matches("name(~se \\(d)"));
    assert_false(matches("name(~shallow)"));
    assert_true(matches("name(/^json\\/.*\\(deep\\)/)"));
    assert_true(matches("name(/(?i)DEEP/)"));
    assert_false(matches("name(/DEEP/)"));
    assert_true(matches("name( json* )"));
    assert_true(matches("name( /deep/ )"));
    assert_true(matches("name(/(json).(parse)/)")); /* groups are allowed, and not asked for */
    assert_true(matches("name(//)"));
}

TEST(a_backslash_quotes_parentheses_and_nothing_else)
{
    assert_true(name_matches("=a\\(b\\)", "a(b)"));
    assert_true(name_matches("=a\\b", "a\\b"));
    assert_false(name_matches("=a\\b", "ab"));
    assert_true(name_matches("=a\\)b", "a)b"));
}

TEST(globs_cover_the_whole_value)
{
    assert_true(name_matches("abc", "abc"));
    assert_false(name_matches("abc", "abcd"));
    assert_false(name_matches("bc", "abc"));
    assert_true(name_matches("a*", "a/b/c"));
    assert_true(name_matches("*", ""));
    assert_true(name_matches("*.c", "x.c.c"));
    assert_true(name_matches("a*b*c", "a--b--b--c"));
    assert_false(name_matches("a*b*c", "a--c--b"));
    assert_true(name_matches("?b?", "abc"));
    assert_false(name_matches("?", ""));
    assert_true(name_matches("\xc3\xa9?x", "\xc3\xa9\xc3\xa9x"));
    assert_true(name_matches("**a**", "a"));
    assert_false(name_matches("a?", "a"));
}

TEST(globs_have_classes_and_quoting)
{
    assert_true(name_matches("[a-c]x", "bx"));
    assert_false(name_matches("[a-c]x", "dx"));
    assert_true(name_matches("[!a-c]x", "dx"));
    assert_false(name_matches("[!a-c]x", "ax"));
    assert_true(name_matches("[!a]", "!"));
    assert_true(name_matches("[!a]", "["));
    assert_false(name_matches("[a-c]", "-"));
    assert_true(name_matches("[]]", "]"));
    assert_true(name_matches("[a-]", "-"));
    assert_true(name_matches("[open", "[open"));
    assert_true(name_matches("\\*", "*"));
    assert_false(name_matches("\\*", "x"));
    assert_true(name_matches("a\\(b", "a(b"));
    assert_true(name_matches("x[1]", "x1"));
    assert_true(name_matches("x[1]", "x[1]")); /* equal text matches as well */
    assert_false(name_matches("[a]", ""));
}

TEST(and_binds_tighter_than_or_and_not_tightest)
{
    /* T = stage(test) is true, F = stage(x) is false. */
    static const struct {
        const char *text;
        bool expected;
    } cases[] = {
        {"stage(test) or stage(x) and stage(x)",              true },
        {"(stage(test) or stage(x)) and stage(x)",            false},
        {"not stage(test) and stage(x)",                      false},
        {"not (stage(test) and stage(x))",                    true },
        {"not stage(x) and not stage(x)",                     true },
        {"not not stage(test)",                               true },
        {"not not not stage(test)",                           false},
        {"not(stage(test))",                                  false},
        {"stage(x) or stage(x) or stage(test)",               true },
        {"stage(test) and stage(test) and stage(x)",          false},
        {"stage(x) and stage(test) or stage(test)",           true },
        {"stage(x) and (stage(test) or stage(test))",         false},
        {"((stage(test)))",                                   true },
        {"not stage(test) or stage(test)",                    true },
        {"stage(test) and not (stage(x) or not stage(test))", true },
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (matches(cases[i].text) != cases[i].expected) {
            fail_msg("%s", cases[i].text);
        }
    }
}

TEST(complaints_name_the_column_and_what_to_do)
{
    static const struct {
        const char *text;
        const char *message;
    } cases[] = {
        {"",                 "the filter is empty"                                                  },
        {"  \t ",            "the filter is empty"                                                  },
        {"foo bar",          "column 5: expected \"and\" or \"or\""                                 },
        {"foo and",          "column 8: the filter ends here"                                       },
        {"and foo",
         "column 1: expected a test here, such as a word, name(glob) or status(failed), not \"and\""},
        {"foo or )",         "column 8: expected a test here"                                       },
        {"(foo and (bar",    "column 10: this '(' is never closed"                                  },
        {"(foo",             "column 1: this '(' is never closed"                                   },
        {"foo)",             "column 4: this ')' closes nothing"                                    },
        {"()",               "column 2: expected a test"                                            },
        {"foo (bar)",        "column 5: expected \"and\""                                           },
        {"foo not bar",      "column 5: expected \"and\""                                           },
        {"layr(x)",          "column 1: there is no test \"layr(...)\"; did you mean \"layer\"?"    },
        {"parse(1)",         "a name with parentheses is written name(=...)"                        },
        {"name(x",           "column 1: this test has no closing ')'"                               },
        {"name()",           "column 6: nothing to match"                                           },
        {"name(=)",          "column 7: nothing to match"                                           },
        {"name(= )",         "column 8: nothing to match"                                           },
        {"foo and and",
         "column 9: expected a test here, such as a word, name(glob) or "
         "status(failed), not \"and\""                                                              },
        {"name(x\\",         "column 1: this test has no closing ')'"                               },
        {"name(/x\\",        "column 6: this pattern has no closing '/'"                            },
        {"name(/[b-a]xyz/)", "column 10: bad pattern: range out of order"                           },
        {"name(/x)",         "column 6: this pattern has no closing '/'"                            },
        {"name(/x/y)",       "column 9: expected ')' after the pattern"                             },
        {"name(/x/",         "column 9: expected ')' after the pattern"                             },
        {"name(/a(b/)",      "column 10: bad pattern: missing closing parenthesis"                  },
        {"status(fail)",     "column 8: no status is like this; there are passed"                   },
        {"status(/^x/)",     "column 9: no status is like this"                                     },
        {"\xc3\xa9 x",       "column 3: expected"                                                   },
        {"x and layer(/[/)", "bad pattern"                                                          },
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct filter *filter = NULL;
        struct err err = {0};
        assert_int_equal(filter_parse(cases[i].text, &filter, &err), -EINVAL);
        assert_null(filter);
        if (strstr(err.text, cases[i].message) == NULL) {
            fail_msg("%s\n gave: %s\n  not: %s", cases[i].text, err.text, cases[i].message);
        }
    }
}

TEST(a_complaint_shows_the_place)
{
    struct filter *filter = NULL;
    struct err err = {0};

    assert_int_equal(filter_parse("name(a) nam(b)", &filter, &err), -EINVAL);
    assert_string_equal(err.text,
                        "filter, column 9: there is no test \"nam(...)\"; did you mean \"name\"?\n"
                        "    name(a) nam(b)\n"
                        "            ^");
}

TEST(a_filter_that_would_spoil_the_terminal_is_not_shown_below_its_complaint)
{
    char text[256];
    struct err err = {0};
    struct filter *filter = NULL;
    /* "nam(aa...a)": 160 characters are shown, 161 are not. */
    for (int len = 160; len <= 161; len++) {
        (void)snprintf(text, sizeof text, "nam(%0*d)", len - 5, 0);
        assert_int_equal(strlen(text), len);
        assert_int_equal(filter_parse(text, &filter, &err), -EINVAL);
        assert_true((strchr(err.text, '\n') != NULL) == (len == 160));
    }
    assert_int_equal(filter_parse("nam(a)\tb", &filter, &err), -EINVAL);
    assert_null(strchr(err.text, '\t'));
    assert_null(filter);
}

static char *repeated(const char *part, size_t count, const char *tail)
{
    struct str s = STR_INIT(1 << 20);

    for (size_t i = 0; i < count; i++) {
        str_append(&s, part);
    }
    str_append(&s, tail);
    return str_take(&s);
}

static int parse_only(const char *text, struct err *err)
{
    struct filter *filter = NULL;
    int rc = filter_parse(text, &filter, err);

    filter_free(filter);
    return rc;
}

TEST(depth_and_length_are_bounded)
{
    struct err err = {0};
    struct str fits = STR_INIT(1 << 16);
    for (int i = 0; i < FILTER_DEPTH_MAX; i++) {
        str_append(&fits, "not (a or b and ");
    }
    str_append(&fits, "c");
    for (int i = 0; i < FILTER_DEPTH_MAX; i++) {
        str_append(&fits, ")");
    }
    assert_int_equal(parse_only(str_text(&fits), NULL), 0);
    str_fini(&fits);

    char *flat = repeated("(a) or ", 1000, "(b)");
    assert_int_equal(parse_only(flat, NULL), 0);
    mem_free(flat);

    char *too_deep = repeated("(", FILTER_DEPTH_MAX + 1, "a");
    assert_int_equal(parse_only(too_deep, &err), -EINVAL);
    assert_non_null(strstr(err.text, "more than 64 parentheses"));
    mem_free(too_deep);

    char *nots = repeated("not ", 10000, "a");
    assert_int_equal(parse_only(nots, NULL), 0);
    mem_free(nots);

    char *wide = repeated("abcdefg or ", FILTER_TEXT_MAX / 11, "x");
    assert_int_equal(parse_only(wide, NULL), 0);
    mem_free(wide);

    char *longest = repeated("a", FILTER_TEXT_MAX, "");
    assert_int_equal(parse_only(longest, NULL), 0);
    mem_free(longest);

    char *long_one = repeated("a", FILTER_TEXT_MAX + 1, "");
    assert_int_equal(parse_only(long_one, &err), -E2BIG);
    mem_free(long_one);
}

TEST(a_pattern_that_explodes_gives_up_and_does_not_match)
{
    struct filter_subject s = subject;
    char *name = repeated("a", 1000, "b");

    s.unit = name;
    assert_false(matches_subject("name(/^(a+)+$/)", &s));
    assert_true(matches_subject("name(/^a+b$/)", &s));
    mem_free(name);
}

TEST(a_name_that_is_no_utf8_can_be_asked_about)
{
    struct filter_subject s = subject;

    s.unit = "bad\xff\xfename";
    assert_true(matches_subject("name(/^bad/)", &s));
    assert_true(matches_subject("name(bad*name)", &s));
}

static bool may_match(const char *text, const char *layer)
{
    struct filter *filter = NULL;

    assert_int_equal(filter_parse(text, &filter, NULL), 0);
    bool may = filter_may_match_layer(filter, layer, layer, "test");
    filter_free(filter);
    return may;
}

TEST(a_layer_is_left_out_only_when_no_unit_of_it_can_match)
{
    assert_true(may_match("layer(unit)", "unit"));
    assert_false(may_match("layer(unit)", "lint"));
    assert_true(may_match("layer(unit) or name(x)", "lint"));
    assert_false(may_match("layer(unit) and name(x)", "lint"));
    assert_false(may_match("not layer(lint)", "lint"));
    assert_true(may_match("not layer(lint)", "unit"));
    assert_true(may_match("not name(x)", "unit"));
    assert_false(may_match("not (layer(unit) or name(x))", "unit"));
    assert_true(may_match("not (layer(unit) and name(x))", "unit"));
    assert_true(may_match("status(failed) and label(x)", "unit"));
    assert_false(may_match("stage(build)", "unit"));
    assert_true(may_match("stage(test)", "unit"));
}

TEST(a_filter_names_a_layer_only_by_layer_tests)
{
    struct filter *filter = NULL;

    assert_int_equal(filter_parse("name(unit) or layer(b*) and stage(x)", &filter, NULL), 0);
    assert_true(filter_names_layer(filter, "bench", "bench"));
    assert_true(filter_names_layer(filter, "x[1]", "bx"));
    assert_false(filter_names_layer(filter, "unit", "unit"));
    filter_free(filter);
    filter_free(NULL);
}

static void check_parsing(size_t (*set_fail)(size_t n))
{
    size_t made = 1;

    for (size_t n = 1; made >= n; n++) {
        struct err err = {0};
        struct filter *filter = NULL;
        (void)set_fail(n);
        int rc = filter_parse("a and not (name(/x(y)z/) or layer(=b)) or label(~c)", &filter, &err);
        made = set_fail(0);
        assert_int_equal(rc, made >= n ? -ENOMEM : 0);
        assert_int_equal(err.code, rc);
        assert_int_equal(filter == NULL, rc != 0);
        filter_free(filter);
        assert_true(n < 200);
    }
}

TEST(memory_running_out_while_parsing_is_told_and_leaks_nothing)
{
    check_parsing(mem_fail_from);
    check_parsing(mem_fail_once);
}

/* A pattern that hit its limit was "no match", and under `not` it selected the unit. */
TEST(a_pattern_that_is_too_costly_is_an_error_and_no_answer)
{
    struct filter *filter = NULL;
    struct err err = {0};
    struct filter_subject s = subject;

    assert_int_equal(filter_parse("not name(/^(a+)+$/)", &filter, NULL), 0);
    (void)filter_match(filter, &s);
    assert_int_equal(filter_error(filter, &err), 0);
    s.unit = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab";
    (void)filter_match(filter, &s);
    assert_int_equal(filter_error(filter, &err), -EINVAL);
    assert_non_null(strstr(err.text, "the pattern /^(a+)+$/ is too costly to match against \"aaa"));
    filter_free(filter);
}

TEST(a_costly_pattern_behind_another_one_is_an_error_too)
{
    struct filter *filter = NULL;
    struct err err = {0};
    struct filter_subject s = subject;

    assert_int_equal(filter_parse("name(/^a/) and name(/x/) or name(/^(a+)+$/)", &filter, NULL), 0);
    s.unit = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab";
    (void)filter_match(filter, &s);
    assert_int_equal(filter_error(filter, &err), -EINVAL);
    filter_free(filter);
}

TEST(memory_running_out_while_matching_is_an_error)
{
    struct filter *filter = NULL;
    struct err err = {0};

    assert_int_equal(filter_parse("name(/json/)", &filter, NULL), 0);
    mem_fail_from(1);
    bool match = filter_match(filter, &subject);
    mem_fail_from(0);
    assert_false(match);
    assert_int_equal(filter_error(filter, &err), -ENOMEM);
    assert_true(filter_match(filter, &subject));
    filter_free(filter);
}
