/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/file.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "support/test.h"

static const struct {
    const char *pattern;
    const char *path;
    bool match;
} samples[] = {
    {"a.c",          "a.c",               true },
    {"a.c",          "a.cc",              false},
    {"a.c",          "b/a.c",             false},
    {"build",        "build",             true },
    {"build",        "build/x/y.o",       true },
    {"build/",       "build/x",           true },
    {"build",        "builds",            false},
    {"build/x",      "build",             false},
    {"*.c",          "a.c",               true },
    {"*.c",          ".c",                true },
    {"*.c",          "d/a.c",             false},
    {"*",            "a/b",               false},
    {"d/*",          "d/",                true },
    {"d/*/f",        "d/e/f",             true },
    {"d/*/f",        "d/e/e/f",           false},
    {"?",            "a",                 true },
    {"?",            "/",                 false},
    {"?",            "",                  false},
    {"a?c",          "abc",               true },
    {"build/**",     "build/x",           true },
    {"build/**",     "build/x/y",         true },
    {"build/**",     "build",             false},
    {"build/**",     "other/x",           false},
    {"**",           "a/b/c",             true },
    {"**",           "",                  true },
    {"**/b",         "b",                 true },
    {"**/b",         "a/b",               true },
    {"**/b",         "x/a/b",             true },
    {"**/b",         "ab",                false},
    {"**/b",         "a/cb",              false},
    {"a/**/b",       "a/b",               true },
    {"a/**/b",       "a/x/b",             true },
    {"a/**/b",       "a/x/y/b",           true },
    {"a/**/b",       "a/xb",              false},
    {"a/**/b",       "ab",                false},
    {"**/*.o",       "x/y/z.o",           true },
    {"**/*.o",       "z.o",               true },
    {"a**z",         "a/b/z",             true },
    {"a***z",        "a/b/z",             true },
    {"**/a/**/b/**", "x/a/y/b/z",         true },
    {"**/a/**/b/**", "x/a/y/c/z",         false},
    {"[a-c]x",       "bx",                true },
    {"[a-c]x",       "dx",                false},
    {"[!a-c]x",      "dx",                true },
    {"[!a-c]x",      "ax",                false},
    {"a[!b]c",       "a/c",               false},
    {"a[/]c",        "a/c",               false},
    {"[]]",          "]",                 true },
    {"[!]]",         "]",                 false},
    {"[a-]",         "-",                 true },
    {"[\\]]",        "]",                 true },
    {"[\\\\-a]",     "]",                 true },
    {"[abc",         "[abc",              true },
    {"[abc",         "a",                 false},
    {"unit[asan]",   "unita",             true },
    {"\\*",          "*",                 true },
    {"\\*",          "a",                 false},
    {"a\\",          "a\\",               true },
    {"",             "",                  true },
    {"",             "a",                 false},
    {"*",            "",                  true },
    {"\xff*",        "\xff\xfe",          true },
    {"[\x80-\xff]",  "\xc3",              true },
    {"a*b*c",        "aXXbYYc",           true },
    {"a*b*c",        "aXXbYY",            false},
    {"*a*a*a*a*b",   "aaaaaaaaaaaaaaaab", true },
};

TEST(patterns_match_what_the_header_says)
{
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        if (glob_match(samples[i].pattern, samples[i].path) != samples[i].match) {
            fail_msg("'%s' against '%s'", samples[i].pattern, samples[i].path);
        }
    }
}

TEST(magic_is_what_can_match_more_than_itself)
{
    assert_true(glob_has_magic("*.c"));
    assert_true(glob_has_magic("a?"));
    assert_true(glob_has_magic("[ab]"));
    assert_false(glob_has_magic("a\\*"));
    assert_false(glob_has_magic("[ab"));
    assert_false(glob_has_magic("plain/name"));
    assert_false(glob_has_magic(""));
}

/* A backtracking matcher needs longer than the age of the universe for these. */
TEST(hostile_patterns_take_no_more_than_pattern_times_path)
{
    static char path[4001];
    static char pattern[4001];
    memset(path, 'a', 4000);
    for (size_t i = 0; i + 4 < 4000; i += 5) {
        (void)snprintf(pattern + i, 6, "**/*a");
    }
    static char stars[2001];
    for (size_t i = 0; i < 2000; i += 2) {
        (void)snprintf(stars + i, 3, "*a");
    }
    stars[1999] = 'b';
    int64_t begin = clock_mono_ns();
    assert_false(glob_match("**/*a*/**b*/**a*/**b*/**a*/**b", path));
    assert_false(glob_match(pattern, path));
    assert_false(glob_match(stars, path));
    /* 3 x 16 million steps of a few ns; a sanitizer build is ten times slower. */
    assert_true(clock_mono_ns() - begin < INT64_C(10000000000));
}

TEST(a_pattern_longer_than_any_path_matches_nothing)
{
    static char pattern[5000];
    memset(pattern, '*', sizeof pattern - 1);
    assert_false(glob_match(pattern, "a"));
    pattern[4000] = '\0';
    assert_true(glob_match(pattern, "a"));
}
