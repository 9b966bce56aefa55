/* SPDX-License-Identifier: Apache-2.0 */
/* The setting `operators`: what is on, queries and regular expressions of one's own. */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "plugins/mutation/find.h"

#include <errno.h>
#include <string.h>

#include "support/finding.h"
#include "support/test.h"

#define TEXT "int f(int a) { g(a); return a < 1; }\n"

TEST(only_on_and_off_choose)
{
    assert_string_equal(mutants_of("a.c", TEXT, "{\"only\": [\"delete-call\"]}"),
                        "1 delete-call: g(a); => ;\n");
    assert_string_equal(
        mutants_of("a.c", TEXT, "{\"only\": \"delete-call\", \"on\": \"return-value\"}"),
        "1 delete-call: g(a); => ;\n"
        "1 return-value: a < 1 => 0\n1 return-value: a < 1 => 1\n");
    assert_string_equal(
        mutants_of(
            "a.c", TEXT, "{\"off\": [\"delete-call\", \"number-literal\", \"relational-negate\"]}"),
        "1 relational-boundary: < => <=\n");
    assert_string_equal(mutants_of("a.c", TEXT, "{\"only\": []}"), "");
    assert_string_equal(
        mutants_of(
            "a.c",
            TEXT,
            "{\"on\": [\"return-value\"], \"off\": [\"return-value\"], \"only\": [\"delete-call\"]}"),
        "1 delete-call: g(a); => ;\n");
}

TEST(mistakes_in_settings_are_named)
{
    static const char *const wrong[][2] = {
        {"{\"only\": [\"logcal\"]}",
         "error: operators.only: there is no operator \"logcal\"; did you mean \"logical\"?; "
         "docs/mutation/operators.md lists them"                                                                                           },
        {"{\"off\": [3]}",                                                           "error: operators.off: must be a list of texts"       },
        {"{\"on\": {}}",                                                             "error: operators.on: must be a list of texts"        },
        {"{\"arid\": [\"\"]}",                                                       "error: operators.arid: must be a list of texts"      },
        {"{\"onyl\": []}",                                                           "error: operators: "                                  },
        {"{\"command\": 3}",                                                         "error: operators: "                                  },
        {"{\"queries\": [\"x.scm\"]}",
         "error: operators.queries: x.scm: must be the path of a file"                                                                     },
        {"{\"queries\": [\"go.scm\"]}",
         "error: operators.queries: go.scm: must be the path of a file"                                                                    },
        {"{\"queries\": [\"../c.scm\"]}",                                            "error: operators.queries: ../c.scm: must be the path"},
        {"{\"queries\": [\"none.c.scm\"]}",                                          "error: operators.queries: "                          },
        {"{\"regex\": [{\"name\": \"x\", \"pattern\": \"(\", \"replace\": \"y\"}]}",
         "error: operators.regex, entry 1: \"(\" is no regular expression, at offset 1: "                                                  },
        {"{\"regex\": [{\"name\": \"x\", \"pattern\": \"a\"}]}",
         "error: operators.regex, entry 1: "                                                                                               },
        {"{\"regex\": [7]}",                                                         "error: operators.regex, entry 1: "                   },
        {"[]",                                                                       "error: operators: "                                  },
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        const char *said = mutants_of("a.c", TEXT, wrong[i][0]);
        if (strncmp(said, wrong[i][1], strlen(wrong[i][1])) != 0) {
            fail_msg("%s\n  gives: %s\n  not:   %s", wrong[i][0], said, wrong[i][1]);
        }
    }
}

/* Writes a query of the test and says what it finds in `text`. */
static const char *with_query(const char *name, const char *query, const char *text)
{
    struct err err = {0};
    CLEANUP(str_fini) struct str path = STR_INIT(4096);
    CLEANUP(str_fini) struct str settings = STR_INIT(4096);
    (void)str_appendf(&path, "%s/%s", test_folder(), name);
    (void)str_appendf(&settings, "{\"only\": [\"house\"], \"queries\": [\"%s\"]}", name);
    assert_int_equal(file_write_atomic(str_text(&path), query, strlen(query), &err), 0);
    find_set_root(test_folder());
    const char *said =
        mutants_of(strstr(name, "python") != NULL ? "a.py" : "a.c", text, str_text(&settings));
    find_set_root(".");
    return said;
}

TEST(a_query_of_ones_own_is_an_operator)
{
    assert_string_equal(
        with_query("house.c.scm",
                   "((call_expression function: (identifier) @f arguments: (_) @a) @mutant\n"
                   " (#eq? @f \"lock\")\n"
                   " (#set! mutant.operator \"house\")\n"
                   " (#set! mutant.replace \"try_${f}${a}\")\n"
                   " (#set! mutant.replace \"${nothing} $ {a} ${\"))\n",
                   "void f(void) { lock(1); unlock(1); }\n"),
        "1 house: lock(1) => ${nothing} $ {a} ${\n1 house: lock(1) => try_lock(1)\n");
    assert_string_equal(with_query("sub/python.scm",
                                   "((none) @mutant (#set! mutant.operator \"house\")"
                                   " (#set! mutant.replace \"0\"))",
                                   "x = None\n"),
                        "1 house: None => 0\n");
}

#define HOUSE " (#set! mutant.operator \"house\") (#set! mutant.replace \"0\"))"

TEST(each_condition_holds_and_is_negated)
{
    static const char text[] = "int x = a + a; int y = b + c; int z = 1 + d;\n";
    static const char *const cases[][2] = {
        {"(#eq? @l @r)",                                                    "1 house: a + a => 0\n"                     },
        {"(#not-eq? @l @r)",                                                "1 house: b + c => 0\n1 house: 1 + d => 0\n"},
        {"(#eq? @l \"b\")",                                                 "1 house: b + c => 0\n"                     },
        {"(#any-of? @l \"a\" \"b\")",                                       "1 house: a + a => 0\n1 house: b + c => 0\n"},
        {"(#not-any-of? @l \"a\" \"b\")",                                   "1 house: 1 + d => 0\n"                     },
        {"(#match? @r \"^[cd]$\")",                                         "1 house: b + c => 0\n1 house: 1 + d => 0\n"},
        {"(#not-match? @mutant \"\\\\d\")",                                 "1 house: a + a => 0\n1 house: b + c => 0\n"},
        {"(#kind? @l \"number_literal\")",                                  "1 house: 1 + d => 0\n"                     },
        {"(#not-kind? @l \"number_literal\" \"call\") (#not-eq? @l \"a\")",
         "1 house: b + c => 0\n"                                                                                        },
        {"(#operator? @mutant \"+\") (#eq? @l \"b\")",                      "1 house: b + c => 0\n"                     },
        {"(#not-operator? @mutant \"+\")",                                  ""                                          },
        {"(#match? @mutant \"(a+)+$(?<!a)\")",                              ""                                          },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CLEANUP(str_fini) struct str query = STR_INIT(4096);
        (void)str_appendf(&query,
                          "((binary_expression left: (_) @l right: (_) @r) @mutant %s" HOUSE,
                          cases[i][0]);
        assert_string_equal(with_query("c.scm", str_text(&query), text), cases[i][1]);
    }
}

TEST(regions_are_named_by_queries)
{
    static const char query[] = "(return_statement (_) @region.answer)\n"
                                "((number_literal) @mutant (#in? @mutant \"answer\")" HOUSE;
    static const char other[] =
        "(return_statement (_) @region.answer)\n"
        "((number_literal) @mutant (#not-in? @mutant \"answer\" \"x\")" HOUSE;
    assert_string_equal(with_query("c.scm", query, "int f(void) { g(1); return h(2 + 3); }\n"),
                        "1 house: 2 => 0\n1 house: 3 => 0\n");
    assert_string_equal(with_query("c.scm", other, "int f(void) { g(1); return h(2 + 3); }\n"),
                        "1 house: 1 => 0\n");
}

TEST(mistakes_in_a_query_have_their_place)
{
    static const char *const wrong[][2] = {
        {"\n (binary_expression",                                  "error: c.scm:2:20: this is no pattern"                 },
        {"(nothing) @mutant",                                      "error: c.scm:1:2: the grammar has no node of this type"},
        {"(binary_expression\n  side: (_))",
         "error: c.scm:2:3: the grammar has no field of this name"                                                         },
        {"((true) @mutant (#eq? @x \"a\"))",                       "error: c.scm:1:24: the pattern has no capture"         },
        {"(true (false))",                                         "error: c.scm:1:7: nothing in this grammar ever matches"},
        {"\n((true) @mutant)",                                     "error: c.scm:2:1: "                                    },
        {"((true) @mutant (#set! mutant.operator \"house\"))",
         "error: c.scm:1:1: operator house: has neither mutant.swap nor mutant.replace"                                    },
        {"((true) @x" HOUSE,
         "error: c.scm:1:1: operator house: nothing in the pattern is captured as @mutant"                                 },
        {"((true) @mutant (#swap! mutant.x)" HOUSE,                "error: c.scm:1:1: #swap! is not known"                 },
        {"((true) @mutant (#set! mutant.x \"1\")" HOUSE,
         "error: c.scm:1:1: #set! mutant.x: must be mutant.operator"                                                       },
        {"((true) @mutant (#set! mutant.swap \"1\")" HOUSE,
         "error: c.scm:1:1: #set! mutant.swap: must be"                                                                    },
        {"((true) @mutant (#set! mutant.default \"of\")" HOUSE,
         "error: c.scm:1:1: #set! mutant.default: must be"                                                                 },
        {"((true) @mutant (#set! @mutant)" HOUSE,
         "error: c.scm:1:1: #set!: must be followed by a key"                                                              },
        {"((true) @mutant (#eq? \"a\" \"b\")" HOUSE,
         "error: c.scm:1:1: #eq?: must be followed by a capture"                                                           },
        {"((true) @mutant (#eq? @mutant)" HOUSE,                   "error: c.scm:1:1: #eq?: compares with nothing"         },
        {"((true) @mutant (#any-of? @mutant \"b\" @mutant)" HOUSE,
         "error: c.scm:1:1: #any-of?: must be followed by a capture and texts"                                             },
        {"((true) @mutant (#kind? @mutant @mutant)" HOUSE,         "error: c.scm:1:1: #kind?: takes texts"                 },
        {"((true) @mutant (#match? @mutant \"(\")" HOUSE,
         "error: c.scm:1:1: #match?: \"(\" is no regular expression"                                                       },
        {"((true) @mutant (#match? @mutant \"a\" \"b\")" HOUSE,
         "error: c.scm:1:1: #match?: takes one text"                                                                       },
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        const char *said = with_query("c.scm", wrong[i][0], "int x;\n");
        if (strncmp(said, wrong[i][1], strlen(wrong[i][1])) != 0) {
            fail_msg("%s\n  gives: %s\n  not:   %s", wrong[i][0], said, wrong[i][1]);
        }
    }
}

TEST(regular_expressions_of_ones_own_have_their_files)
{
    const char *settings =
        "{\"only\": [\"x-y\"], \"regex\": [{\"name\": \"x-y\", \"pattern\": \"x(\\\\d)\", "
        "\"replace\": \"y$1\", \"files\": [\"*.c\", \"b.go\"]}]}";
    assert_string_equal(mutants_of("a.c", "int x1; // x2\nchar *s = \"x3\"; int x4;\n", settings),
                        "1 x-y: x1 => y1\n2 x-y: x4 => y4\n");
    assert_string_equal(mutants_of("b.go", "x1", settings), "1 x-y: x1 => y1\n");
    assert_string_equal(mutants_of("c.go", "x1", settings), "");
    /* Without `files`: where there is no grammar. */
    settings =
        "{\"only\": [\"x-y\"], \"regex\": [{\"name\": \"x-y\", \"pattern\": \"x\", \"replace\": \"y\"}]}";
    assert_string_equal(mutants_of("a.c", "int x;", settings), "");
    assert_string_equal(mutants_of("a.go", "x", settings), "1 x-y: x => y\n");
}

TEST(a_match_of_nothing_is_an_insertion)
{
    assert_string_equal(
        mutants_of(
            "a.go",
            "ab\n",
            "{\"only\": [\"z\"], \"regex\": [{\"name\": \"z\", \"pattern\": \"^\", \"replace\": \"!\"}]}"),
        "1 z:  => !\n");
}

TEST(a_long_replacement_and_a_wrong_one)
{
    CLEANUP(str_fini) struct str settings = STR_INIT(8192);
    CLEANUP(str_fini) struct str expected = STR_INIT(8192);
    (void)str_append(
        &settings,
        "{\"only\": [\"z\"], \"regex\": [{\"name\": \"z\", \"pattern\": \"(b)\", \"replace\": \"");
    (void)str_append(&expected, "1 z: b => ");
    for (size_t i = 0; i < 600; i++) {
        (void)str_append(&settings, "$1");
        (void)str_append(&expected, "b");
    }
    (void)str_append(&settings, "\"}]}");
    (void)str_append(&expected, "\n");
    assert_string_equal(mutants_of("a.go", "abc", str_text(&settings)), str_text(&expected));
    assert_non_null(strstr(
        mutants_of(
            "a.go",
            "abc",
            "{\"only\": [\"z\"], \"regex\": [{\"name\": \"z\", \"pattern\": \"b\", \"replace\": \"$2\"}]}"),
        "error: operators.regex: \"z\": the replacement \"$2\": "));
}

TEST(an_expression_that_never_ends_is_an_error)
{
    const char *said = mutants_of(
        "a.go",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!",
        "{\"only\": [\"z\"], \"regex\": [{\"name\": \"z\", \"pattern\": \"^(a|a)+$\", \"replace\": \"y\"}]}");
    assert_non_null(strstr(
        said, "error: a.go: operators.regex: \"z\" takes more than 1000000 steps at offset 0"));
}

TEST(texts_between_quotes_are_no_code)
{
    const char *settings =
        "{\"only\": [\"z\"], \"regex\": [{\"name\": \"z\", \"pattern\": \"q\", \"replace\": \"y\", \"files\": \"*\"}]}";
    assert_string_equal(mutants_of("a.go", "q \"q\\\"q\" q 'q' `q` q /* q */ q // q", settings),
                        "1 z: q => y\n1 z: q => y\n1 z: q => y\n1 z: q => y\n");
    assert_string_equal(mutants_of("a.sh", "q # q\nq '\\' q 'q'\n", settings),
                        "1 z: q => y\n2 z: q => y\n2 z: q => y\n");
    assert_string_equal(mutants_of("a.py", "\"\"\"q \" q\"\"\" q\n", settings), "1 z: q => y\n");
    assert_string_equal(mutants_of("a.lua", "q -- q\n--[[ q\nq ]] q\n", settings),
                        "1 z: q => y\n3 z: q => y\n");
    assert_string_equal(mutants_of("a.go", "q \"never closed q\nq", settings), "1 z: q => y\n");
}

TEST(short_memory_anywhere_is_an_error)
{
    const char *text =
        "class A { f() { return g(a[1] < 2, !b); } } // mutant-off all until 2027-01-31: why\n";
    const char *settings =
        "{\"on\": \"string-literal\", \"arid\": \"x\", \"regex\": [{\"name\": \"z\", "
        "\"pattern\": \"b\", \"replace\": \"$0c\", \"files\": [\"*\"]}]}";
    for (size_t n = 1;; n++) {
        struct err err = {0};
        struct mutant_list list = {0};
        (void)mem_fail_from(n);
        int rc = find_in_text("a.js", text, settings, NULL, &list, &err);
        (void)mem_fail_from(0);
        mutant_list_fini(&list);
        if (rc == 0) {
            assert_true(n > 20);
            return;
        }
        if (rc != -ENOMEM) {
            fail_msg("allocation %zu: %d, %s", n, rc, err.text);
        }
    }
}
