/* SPDX-License-Identifier: Apache-2.0 */
/* Places in a text, the line and the caret, and what is kept of many complaints. */
#include "config/complain.h"

#include "base/cleanup.h"
#include "base/mem.h"
#include "config/node.h"
#include "config/node_syntax.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "support/test.h"
#include "unit/config/support/parse.h"

/* Owned bytes with nothing behind them, so that a sanitizer sees one that is read too far. */
static struct source source_of(const char *text, size_t len)
{
    char *bytes = mem_calloc(1, len + (len == 0));
    assert_non_null(bytes);
    memcpy(bytes, text, len);
    return (struct source){.file = "f", .text = bytes, .len = len};
}

static void source_fini(struct source *source)
{
    mem_free((char *)(uintptr_t)source->text);
}

TEST(every_byte_of_a_text_has_a_line_and_a_column_of_characters)
{
    /* all breaks that YAML knows, and characters that only begin like two of them */
    static const char text[] = "ab\n\r\nc\rd\xc2\x85"
                               "e\xe2\x80\xa8"
                               "f\xe2\x80\xa9\xc3\xa9\xc2\xa9\xe2\x82\xac|\n";

    static const struct {
        size_t offset;
        unsigned line, column;
    } places[] = {
        {0,  1, 1},
        {1,  1, 2},
        {2,  1, 3},
        {3,  2, 1},
        {5,  3, 1},
        {6,  3, 2},
        {7,  4, 1},
        {8,  4, 2},
        {10, 5, 1},
        {11, 5, 2},
        {14, 6, 1},
        {15, 6, 2},
        {18, 7, 1},
        {20, 7, 2},
        {22, 7, 3},
        {25, 7, 4},
        {26, 7, 5},
        {27, 8, 1},
    };

    CLEANUP(source_fini) struct source source = source_of(text, sizeof text - 1);
    assert_int_equal(source.len, 27);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        unsigned line = 0;
        unsigned column = 0;
        source_locate(&source, places[i].offset, &line, &column);
        if (line != places[i].line || column != places[i].column) {
            fail_msg("%zu: %u:%u", places[i].offset, line, column);
        }
        assert_int_equal(source_offset(&source, line, column), places[i].offset);
    }
    unsigned line = 0;
    unsigned column = 0;
    source_locate(&source, 1000, &line, &column);
    assert_true(line == 8 && column == 1);
    assert_int_equal(source_offset(&source, 1, 99), 2); /* the nearest before it */
    assert_int_equal(source_offset(&source, 3, 0), 5);
    assert_int_equal(source_offset(&source, 0, 1), 0);
    assert_int_equal(source_offset(&source, 99, 7), 27);
}

TEST(half_a_line_break_at_the_end_is_read_to_the_end_and_not_beyond)
{
    static const char *const ends[] = {"a\r", "a\xc2", "a\xe2", "a\xe2\x80", "a\n", "a", ""};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        CLEANUP(source_fini) struct source source = source_of(ends[i], strlen(ends[i]));
        unsigned line = 0;
        unsigned column = 0;
        source_locate(&source, source.len, &line, &column);
        bool broken = i == 0 || i == 4;
        assert_int_equal(line, broken ? 2 : 1);
        assert_int_equal(source_offset(&source, line, column), source.len);
        assert_int_equal(source_offset(&source, 5, 5), source.len);
    }
}

static void expect_written(const struct source *source,
                           unsigned line,
                           unsigned column,
                           const char *expected)
{
    CLEANUP(str_fini) struct str out = STR_INIT(4096);
    const struct complaint complaint = {.line = line, .column = column, .text = "it\tis"};
    assert_int_equal(complaint_write(&out, source, &complaint), 0);
    assert_string_equal(str_text(&out), expected);
}

TEST(a_complaint_shows_its_line_and_a_caret_below_the_place)
{
    static const char text[] = "one\n\tt\xc3\xa9x: y\n";
    CLEANUP(source_fini) struct source source = source_of(text, sizeof text - 1);
    const struct source empty = {.file = "f", .text = "", .len = 0};
    expect_written(&source, 1, 1, "f:1:1: it is\n    1 | one\n      | ^");
    expect_written(&source, 1, 4, "f:1:4: it is\n    1 | one\n      |    ^");
    expect_written(&source, 2, 4, "f:2:4: it is\n    2 |  t\xc3\xa9x: y\n      |    ^");
    expect_written(&source, 3, 1, "f:3:1: it is\n    3 | \n      | ^");
    expect_written(&source, 0, 0, "f: it is");
    expect_written(&empty, 1, 1, "f:1:1: it is");
}

/* 100 characters before the place and 60 behind it. */
TEST(a_long_line_is_cut_on_both_sides)
{
    static char text[400];
    char line[200];
    char expected[600];
    memset(text, 'x', sizeof text);
    CLEANUP(source_fini) struct source source = source_of(text, sizeof text);
    memset(line, 'x', sizeof line);
    (void)snprintf(
        expected, sizeof expected, "f:1:100: it is\n    1 | %.159s...\n      | %99s^", line, "");
    expect_written(&source, 1, 100, expected);
    (void)snprintf(expected,
                   sizeof expected,
                   "f:1:101: it is\n    1 | ...%.159s...\n      | %102s^",
                   line,
                   "");
    expect_written(&source, 1, 101, expected);
    (void)snprintf(expected,
                   sizeof expected,
                   "f:1:340: it is\n    1 | ...%.159s...\n      | %102s^",
                   line,
                   "");
    expect_written(&source, 1, 340, expected);
    (void)snprintf(
        expected, sizeof expected, "f:1:341: it is\n    1 | ...%.159s\n      | %102s^", line, "");
    expect_written(&source, 1, 341, expected);
}

TEST(complaints_are_told_by_place_each_place_once)
{
    const struct source source = {.file = "f", .text = "", .len = 0};
    struct complaints found;
    struct err err = {0};
    memset(&found, 0xff, sizeof found);
    complaints_init(&found, &source);
    assert_int_equal(found.found, 0);
    assert_int_equal(complaints_tell(&found, &err), 0);
    complain_at(&found, 2, 5, "c");
    complain_at(&found, 10, 1, "e");
    complain_at(&found, 2, 4, "b");
    complain_at(&found, 3, 1, "d");
    complain_at(&found, 2, 5, "another");
    complain_at(&found, 1, 9, "a");
    assert_int_equal(found.count, 5);
    assert_int_equal(found.found, 6);
    assert_int_equal(complaints_tell(&found, &err), -EINVAL);
    assert_string_equal(err.text, "f:1:9: a\nf:2:4: b\nf:2:5: c\nf:3:1: d\nf:10:1: e");
}

TEST(complaints_beyond_the_limit_are_counted)
{
    const struct source source = {.file = "f", .text = "", .len = 0};
    const struct node near = {.line = 1, .column = 1};
    const struct node far = {.line = 900, .column = 1};
    for (unsigned more = 0; more < 3; more++) {
        struct complaints found;
        struct err err = {0};
        complaints_init(&found, &source);
        for (unsigned i = 1; i <= COMPLAINTS_MAX; i++) {
            assert_true(complaints_room(&found, &far));
            complain_at(&found, i, 1, "x");
        }
        for (unsigned i = 0; i < more; i++) {
            assert_false(complaints_room(&found, &near)); /* told already */
            assert_false(complaints_room(&found, &far));
        }
        assert_int_equal(found.found, COMPLAINTS_MAX + 2 * more);
        assert_int_equal(found.dropped, more);
        assert_int_equal(complaints_tell(&found, &err), -EINVAL);
        assert_non_null(strstr(err.text, "f:19:1: x\nf:20:1: x"));
        const char *expected = more == 0   ? "f:20:1: x"
                               : more == 1 ? "f:20:1: x\n(and 1 more complaint)"
                                           : "f:20:1: x\n(and 2 more complaints)";
        assert_string_equal(strstr(err.text, "f:20:"), expected);
    }
}

/* What does not fit with room for the count is left out, but never the first. */
TEST(as_many_complaints_are_told_as_fit)
{
    const struct source source = {.file = "f", .text = "", .len = 0};
    struct complaints found;
    struct err err = {0};
    complaints_init(&found, &source);
    for (unsigned i = 1; i <= 9; i++) {
        complain_at(&found, i, 1, "%0500u", i);
    }
    assert_int_equal(complaints_tell(&found, &err), -EINVAL);
    size_t told = 0;
    for (const char *at = err.text; (at = strstr(at, "f:")) != NULL; at++) {
        told++;
    }
    assert_int_equal(told, (ERR_TEXT_MAX - 49) / 508); /* "f:1:1: ", 500 digits and a line end */
    char more[64];
    (void)snprintf(more, sizeof more, "\n(and %zu more complaints)", 9 - told);
    assert_string_equal(strrchr(err.text, '\n'), more);
}

TEST(the_first_trouble_with_memory_is_told_instead)
{
    const struct source source = {.file = "f", .text = "", .len = 0};
    struct complaints found;
    struct err err = {0};
    struct arena *arena = arena_new((size_t)1 << 20);
    complaints_init(&found, &source);
    complain_at(&found, 1, 1, "x");
    complaints_fail_arena(&found, arena);
    complaints_fail(&found, -E2BIG);
    assert_int_equal(complaints_tell(&found, &err), -ENOMEM);
    assert_string_equal(err.text, "f: memory is short while reading the pipeline");
    complaints_init(&found, &source);
    complaints_fail(&found, -E2BIG);
    assert_int_equal(complaints_tell(&found, &err), -E2BIG);
    assert_non_null(strstr(err.text, "f: the pipeline is too big"));
    arena_free(arena);
}

/* ---- what libyaml says ---- */

static void expect_syntax(const yaml_parser_t *parser, const char *expected)
{
    const struct source source = {.file = "f", .text = "a\n@b", .len = 4};
    struct complaints found;
    struct err err = {0};
    complaints_init(&found, &source);
    node_syntax_complain(&found, parser);
    assert_true(complaints_tell(&found, &err) < 0);
    if (strncmp(err.text, expected, strlen(expected)) != 0) {
        fail_msg("%s", err.text);
    }
}

TEST(words_of_libyaml_that_are_not_known_are_handed_on)
{
    yaml_parser_t parser = {
        .error = YAML_PARSER_ERROR,
        .problem = "did something new",
        .problem_mark = {.line = 1, .column = 1}
    };
    expect_syntax(&parser, "f:2:2: this is not YAML: did something new\n");
    parser.context = "while reading";
    expect_syntax(&parser, "f:2:2: this is not YAML: did something new while reading\n");
    parser.problem = NULL;
    expect_syntax(&parser, "f:2:2: this is not YAML: cannot be read while reading\n");
    parser.problem = "found character that cannot start any token";
    parser.problem_mark.column = 0;
    expect_syntax(&parser, "f:2:1: a value cannot start with this character");
    parser.problem_mark.column = 2; /* behind the end */
    expect_syntax(&parser, "f:2:3: this character cannot stand here in YAML");
    parser.error = YAML_MEMORY_ERROR;
    expect_syntax(&parser, "f: memory is short");
}

/* ---- bytes ---- */

TEST(files_of_other_encodings_are_told_apart_from_broken_ones)
{
    static const struct {
        const char *text;
        size_t len;
        const char *words;
    } list[] = {
        {"\xff\xfe",        2, "test.yml:1:1: this file is UTF-16: save it as UTF-8"                       },
        {"\xfe\xff\0v",     4, "test.yml:1:1: this file is UTF-16: save it as UTF-8"                       },
        {"\xff\xfe"
         "a\0b\0", 6,
         "test.yml:1:1: this file is UTF-16: save it as UTF-8"                                             },
        {"\xfe",            1, "test.yml:1:1: this is not UTF-8: save the file as UTF-8"                   },
        {"\xff"
         "a",      2,
         "test.yml:1:1: this is not UTF-8: save the file as UTF-8"                                         },
        {"a: b\n\xff",      6, "test.yml:2:1: this is not UTF-8: save the file as UTF-8"                   },
        {"a\n\0\xff",       4, "test.yml:2:1: there is a NUL byte here"                                    },
        {"a\n\xff\0",       4, "test.yml:2:1: this is not UTF-8: save the file as UTF-8"                   },
        {"",                0, "test.yml:1:1: the file has no pipeline in it"                              },
        {"\xef\xbb\xbf",    3, "test.yml:1:1: the file has no pipeline in it"                              },
        {"[]",              2, "test.yml:1:1: the pipeline must be a mapping of keys to values, not a list"},
        {"x",               1, "test.yml:1:1: the pipeline must be a mapping of keys to values, not "      },
    };

    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        refuse(list[i].text, list[i].len, -EINVAL, list[i].words);
    }
}
