/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

#include "base/cleanup.h"
#include "base/mem.h"

#include <errno.h>
#include <string.h>

#include "support/test.h"

static void assert_sanitized(const char *bytes, size_t len, const char *expected)
{
    CLEANUP(str_fini) struct str out = STR_INIT(4096);
    assert_int_equal(text_sanitize(&out, bytes, len), 0);
    assert_string_equal(str_text(&out), expected);
}

#define SANITIZED(bytes, expected) assert_sanitized(bytes, sizeof(bytes) - 1, expected)

TEST(valid_utf8_ends_where_the_first_bad_byte_is)
{
    assert_int_equal(utf8_valid_prefix("abc", 3), 3);
    assert_int_equal(utf8_valid_prefix("", 0), 0);
    assert_int_equal(utf8_valid_prefix("a\xC3\xA4z", 4), 4);
    assert_int_equal(utf8_valid_prefix("a\xF0\x9F\x98\x80", 5), 5);
    assert_int_equal(utf8_valid_prefix("ab\xFF", 3), 2);
    assert_int_equal(utf8_valid_prefix("ab\xC3", 3), 2);
    assert_int_equal(utf8_valid_prefix("\xC0\x80", 2), 0);         /* overlong NUL */
    assert_int_equal(utf8_valid_prefix("\xE0\x80\xAF", 3), 0);     /* overlong slash */
    assert_int_equal(utf8_valid_prefix("\xED\xA0\x80", 3), 0);     /* surrogate */
    assert_int_equal(utf8_valid_prefix("\xF4\x90\x80\x80", 4), 0); /* beyond U+10FFFF */
}

TEST(colour_and_title_sequences_are_removed)
{
    SANITIZED("\033[31mred\033[0m", "red");
    SANITIZED("a\033[2K\033[1;5Hb", "ab");
    SANITIZED("\033]0;title\ax", "x");
    SANITIZED("\033]8;;http://x\033\\link\033]8;;\033\\", "link");
    SANITIZED("\033(Bx\033=y", "xy");
    SANITIZED("cut\033", "cut");
    SANITIZED("cut\033[3", "cut");
}

TEST(a_title_that_never_ends_does_not_eat_the_log)
{
    SANITIZED("\033]0;lost\nnext line", "0;lost\nnext line");
}

TEST(progress_that_overwrites_itself_stays_readable)
{
    SANITIZED("10%\r20%\r\033[K30%\r\n", "10%\n20%\n30%\n");
    SANITIZED("dos\r\nline\r\n", "dos\nline\n");
    SANITIZED("twice\r\r\n", "twice\n");
}

TEST(what_xml_forbids_is_replaced)
{
    SANITIZED("a\0b",
              "a\xEF\xBF\xBD"
              "b");
    SANITIZED("\x01\t\n\x7F", "\xEF\xBF\xBD\t\n\xEF\xBF\xBD");
    SANITIZED("\xEF\xBF\xBF", "\xEF\xBF\xBD");
    SANITIZED("\xC2\x9B", "\xEF\xBF\xBD"); /* CSI as one C1 character */
    SANITIZED("\xFF\xFE", "\xEF\xBF\xBD\xEF\xBF\xBD");
    SANITIZED("gr\xC3\xBC\xC3\x9F", "gr\xC3\xBC\xC3\x9F");
}

TEST(sanitizing_tells_when_the_buffer_is_full)
{
    CLEANUP(str_fini) struct str out = STR_INIT(4);
    assert_int_equal(text_sanitize(&out, "123456", 6), -EFBIG);
}

TEST(columns_count_what_a_terminal_shows)
{
    assert_int_equal(text_columns(""), 0);
    assert_int_equal(text_columns("abc"), 3);
    assert_int_equal(text_columns("\xC3\xA4"), 1);
    assert_int_equal(text_columns("a\xCC\x88"), 1);                /* a + combining diaeresis */
    assert_int_equal(text_columns("\xE6\x97\xA5"), 2);             /* East Asian wide */
    assert_int_equal(text_columns("\xF0\x9F\x98\x80"), 2);         /* emoji */
    assert_int_equal(text_columns("\xEF\xBB\xBFx"), 1);            /* zero-width no-break space */
    assert_int_equal(text_columns("\xFF\xFF"), 2);                 /* invalid bytes count 1 */
    assert_int_equal(text_columns("\xE2\x94\x81\xE2\x9C\x93"), 2); /* a bar and a check mark */
}

static void assert_split(const char *line, const char *const *expected)
{
    char **words = NULL;
    size_t count = 0;
    struct err err = {0};
    assert_int_equal(shell_split(line, &words, &count, &err), 0);
    size_t i = 0;
    for (; expected[i] != NULL; i++) {
        assert_true(i < count);
        assert_string_equal(words[i], expected[i]);
    }
    assert_int_equal(count, i);
    assert_null(words[i]);
    mem_free(words);
}

#define SPLIT(line, ...) assert_split(line, (const char *const[]){__VA_ARGS__, NULL})

TEST(words_are_split_as_a_shell_would)
{
    SPLIT("a b\tc", "a", "b", "c");
    SPLIT("  a  ", "a");
    SPLIT("'a b' \"c d\"", "a b", "c d");
    SPLIT("a'b'\"c\"d", "abcd");
    SPLIT("'' \"\" x", "", "", "x");
    SPLIT("a\\ b \\'", "a b", "'");
    SPLIT("\"\\$x \\n \\\\ \\\"\"", "$x \\n \\ \"");
    SPLIT("'\\n'", "\\n");
    SPLIT("a\\\nb", "ab");
    SPLIT("a b c d e f g h", "a", "b", "c", "d", "e", "f", "g", "h");
    assert_split(" \t ", (const char *const[]){NULL});
    assert_split("", (const char *const[]){NULL});
}

TEST(a_quote_left_open_is_told_and_outputs_stay_untouched)
{
    char **words = (char **)0x1;
    size_t count = 77;
    struct err err = {0};
    assert_int_equal(shell_split("echo 'a", &words, &count, &err), -EINVAL);
    assert_non_null(strstr(err.text, "single quote"));
    assert_int_equal(shell_split("echo \"a", &words, &count, &err), -EINVAL);
    assert_non_null(strstr(err.text, "double quote"));
    assert_int_equal(shell_split("echo a\\", &words, &count, &err), -EINVAL);
    assert_non_null(strstr(err.text, "backslash"));
    assert_ptr_equal(words, (char **)0x1);
    assert_int_equal(count, 77);
}

TEST(splitting_without_memory_is_an_error)
{
    char **words = NULL;
    size_t count = 0;
    struct err err = {0};
    (void)mem_fail_from(1);
    int rc = shell_split("a b", &words, &count, &err);
    (void)mem_fail_from(0);
    assert_int_equal(rc, -ENOMEM);
    assert_null(words);
}

TEST(plain_lines_are_told_from_shell_lines)
{
    static const char *const plain[] = {"/bin/true",
                                        "a b c",
                                        "./t --x=1 -j4",
                                        "'a $b' c",
                                        "a \"b c\"",
                                        "a \"\\$b\"",
                                        "a b=c",
                                        "a\\ b",
                                        "a#b",
                                        "printf '%s\\n' 'x|y'",
                                        "a \\*",
                                        "a b~c",
                                        "a if",
                                        "echo hi",
                                        "a '#b'",
                                        "grep \"a*\" file"};
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
        if (!shell_is_plain(plain[i])) {
            fail_msg("not plain: %s", plain[i]);
        }
    }
    static const char *const shell[] = {
        "",        "  ",     "a $b",    "a \"$b\"", "a `b`",     "a \"`b`\"", "a | b",
        "a & b",   "a; b",   "a > b",   "a < b",    "(a)",       "a *",       "a b?",
        "a [x]",   "A=b c",  "A=b",     "a_1=2 x",  "A+=b c",    "# x",       "a # x",
        "~/bin/x", "a ~",    "a b=~/x", "if x",     "! a",       "{ a; }",    "a {b,c}",
        "exit 3",  "cd x",   "a\nb",    "a 'b",     "a \\",      ". x",       ": x",
        "exec a",  "a && b", "a || b",  "while a",  "ulimit -n", "a\\\nb"};
    for (size_t i = 0; i < sizeof shell / sizeof shell[0]; i++) {
        if (shell_is_plain(shell[i])) {
            fail_msg("taken for plain: %s", shell[i]);
        }
    }
}

TEST(a_quoted_word_reads_back_as_itself)
{
    static const char *const words[] = {"a",
                                        "",
                                        "a b",
                                        "it's",
                                        "$HOME",
                                        "a\nb",
                                        "*",
                                        "~x",
                                        "A=b",
                                        "if",
                                        "!",
                                        "--x=1",
                                        "\\",
                                        "\"",
                                        "'",
                                        "a'b'c",
                                        "#x",
                                        "a;b",
                                        "\xC3\xA4"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        CLEANUP(str_fini) struct str out = STR_INIT(256);
        assert_int_equal(shell_quote(&out, words[i]), 0);
        char **split = NULL;
        size_t count = 0;
        assert_int_equal(shell_split(str_text(&out), &split, &count, NULL), 0);
        assert_int_equal(count, 1);
        assert_string_equal(split[0], words[i]);
        mem_free(split);
    }
}

static void assert_quoted(const char *word, const char *expected)
{
    CLEANUP(str_fini) struct str out = STR_INIT(256);
    assert_int_equal(shell_quote(&out, word), 0);
    assert_string_equal(str_text(&out), expected);
}

TEST(words_are_quoted_only_where_needed)
{
    assert_quoted("src/a.c:12", "src/a.c:12");
    assert_quoted("--junit=x.xml", "--junit=x.xml");
    assert_quoted("", "''");
    assert_quoted("it's", "'it'\\''s'");
    assert_quoted("A=b", "'A=b'");
    assert_quoted("if", "'if'");
}

TEST(shares_are_read_in_percent)
{
    unsigned ppm = 7;
    assert_int_equal(share_parse("1%", &ppm), 0);
    assert_int_equal(ppm, 10000);
    assert_int_equal(share_parse("0.25%", &ppm), 0);
    assert_int_equal(ppm, 2500);
    assert_int_equal(share_parse("100%", &ppm), 0);
    assert_int_equal(ppm, 1000000);
    static const char *const bad[] = {
        "", "1", "%", "-1%", "101%", "100.1%", "1.%", "1e2%", "1%%", " 1%"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(share_parse(bad[i], &ppm), -EINVAL);
    }
    assert_int_equal(ppm, 1000000);
}

TEST(what_cannot_be_seen_and_changes_what_can_is_shown_by_its_number)
{
    static const char given[] = "a\xE2\x80\xAE"
                                "b\xE2\x81\xA6"
                                "c\xC2\xAD"
                                "d\xEF\xBB\xBF"
                                "e\xF3\xA0\x81\x81"
                                "f\xE2\x80\x8B\033[31mg";
    struct str out = STR_INIT(200);
    assert_int_equal(text_show(&out, given, sizeof given - 1), 0);
    assert_string_equal(str_text(&out),
                        "a\\u{202e}b\\u{2066}c\\u{ad}d\\u{feff}e\\u{e0041}f\\u{200b}g");
    str_fini(&out);
    /* joiners belong to words and emoji; reports for machines keep all */
    static const char joined[] = "\xE2\x80\x8C\xE2\x80\x8D \xC3\xA9";
    assert_int_equal(text_show(&out, joined, sizeof joined - 1), 0);
    assert_string_equal(str_text(&out), joined);
    str_fini(&out);
    SANITIZED("a\xE2\x80\xAE", "a\xE2\x80\xAE");
}
