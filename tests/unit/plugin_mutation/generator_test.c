/* SPDX-License-Identifier: Apache-2.0 */
/* A command that proposes mutants, and what hostile ones print. */
#include "base/cleanup.h"
#include "base/json.h"
#include "base/str.h"

#include <string.h>

#include "support/finding.h"
#include "support/test.h"

/* What a command makes of `text`; only its mutants are shown. */
static const char *by_command(const char *text, const char *command)
{
    CLEANUP(str_fini) struct str settings = STR_INIT(1 << 16);
    struct json_writer w;
    jw_begin(&w, &settings);
    jw_object(&w);
    jw_key(&w, "only");
    jw_array(&w);
    jw_string(&w, "generated");
    jw_end_array(&w);
    jw_put_string(&w, "command", command);
    jw_end_object(&w);
    return mutants_of("a.c", text, str_text(&settings));
}

TEST(a_command_reads_the_file_and_prints_mutants)
{
    assert_string_equal(
        by_command(
            "int x = 1;\n",
            "grep -q 'int x' && echo '{\"start\": 8, \"end\": 9, \"text\": \"2\"}'; "
            "printf '{\"start\":0,\"end\":0,\"text\":\"/* %s */\",\"note\":\"why\"}\\n' \"$MUTANT_FILE\""),
        "1 generated:  => /* a.c */\n1 generated: 1 => 2\n");
}

TEST(a_command_names_its_operators)
{
    assert_string_equal(
        mutants_of(
            "a.c",
            "int x = 1;\n",
            "{\"off\": [\"number-literal\"], \"command\": \"echo '{\\\"start\\\": 8, \\\"end\\\": 9, "
            "\\\"text\\\": \\\"2\\\", \\\"operator\\\": \\\"model.v1\\\"}'\"}"),
        "1 model.v1: 1 => 2\n");
}

TEST(a_command_says_why)
{
    struct mutant_list list = {0};
    struct err err = {0};
    const char *settings =
        "{\"only\": \"generated\", \"command\": \"echo '{\\\"start\\\": 0, \\\"end\\\": 3, \\\"text\\\": "
        "\\\"long\\\", \\\"note\\\": \\\"wider\\\"}'\"}";
    assert_int_equal(find_in_text("a.c", "int x;\n", settings, NULL, &list, &err), 0);
    assert_int_equal(list.count, 1);
    assert_string_equal(list.items[0].note, "wider");
    mutant_list_fini(&list);
}

TEST(a_command_that_prints_nothing_finds_nothing)
{
    assert_string_equal(by_command("int x;\n", "true"), "");
    assert_string_equal(by_command("int x;\n", "echo; echo"), "");
    assert_string_equal(by_command("int x;\n", "echo '{\"start\":0,\"end\":3,\"text\":\"int\"}'"),
                        "");
}

TEST(a_command_that_fails_is_an_error)
{
    assert_string_equal(by_command("int x;\n", "exit 3"),
                        "error: a.c: operators.command (exit 3): /bin/sh exited with 3");
    assert_non_null(strstr(by_command("int x;\n", "kill -9 $$"), "was ended by signal 9"));
    assert_non_null(
        strstr(by_command("int x;\n", "no-such-program-here 2>/dev/null"), "exited with 127"));
}

TEST(what_a_command_prints_is_not_believed)
{
    static const char *const wrong[][2] = {
        {"{\"start\":0,\"end\":8,\"text\":\"\"}",                                     "bytes 0 to 8 are not in the file, which has 7"},
        {"{\"start\":-1,\"end\":2,\"text\":\"\"}",                                    "bytes -1 to 2 are not in the file"            },
        {"{\"start\":3,\"end\":2,\"text\":\"\"}",                                     "bytes 3 to 2 are not in the file"             },
        {"{\"start\":9223372036854775807,\"end\":9223372036854775807,\"text\":\"\"}",
         "are not in the file"                                                                                                       },
        {"{\"start\":\"0\",\"end\":2,\"text\":\"\"}",                                 "start"                                        },
        {"{\"start\":0,\"end\":2}",                                                   "text"                                         },
        {"{\"start\":0,\"end\":2,\"text\":\"\",\"more\":1}",                          "more"                                         },
        {"{\"start\":0,\"end\":2,\"text\":\"a\\u0000b\"}",                            ""                                             },
        {"{\"start\":0,\"end\":2,\"text\":\"\",\"operator\":\"a b\"}",
         "\"operator\" must be a word"                                                                                               },
        {"{\"start\":0,\"end\":2,\"text\":\"\",\"operator\":\"\"}",                   "\"operator\" must be a word"                  },
        {"[1]",                                                                       ""                                             },
        {"Sure! Here are the mutants:",                                               ""                                             },
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        CLEANUP(str_fini) struct str command = STR_INIT(4096);
        (void)str_appendf(
            &command,
            "echo '{\"start\":0,\"end\":3,\"text\":\"long\"}'; cat <<'END'\n%s\nEND\n",
            wrong[i][0]);
        const char *said = by_command("int x;\n", str_text(&command));
        static const char begins[] = "error: a.c: line 2 of what operators.command printed: ";
        if (strncmp(said, begins, sizeof(begins) - 1) != 0 || strstr(said, wrong[i][1]) == NULL) {
            fail_msg("%s\n  gives: %s", wrong[i][0], said);
        }
    }
}

/* Each survivor is shown with its text: a line of megabytes filled the terminal and the reports. */
TEST(a_command_may_not_propose_a_book)
{
    static const char command[] = "printf '{\"start\": 0, \"end\": 3, \"text\": \"'; "
                                  "head -c 16385 /dev/zero | tr '\\0' x; echo '\"}'";
    assert_string_equal(by_command("int x;\n", command),
                        "error: a.c: line 1 of what operators.command printed: \"text\" has more "
                        "than 16384 bytes");
}

TEST(a_command_may_not_cut_a_character_in_two)
{
    assert_non_null(
        strstr(by_command("// \xc3\xa9\n", "echo '{\"start\":3,\"end\":4,\"text\":\"x\"}'"),
               "must not cut a character"));
    assert_string_equal(
        by_command("// \xc3\xa9\n", "echo '{\"start\":3,\"end\":5,\"text\":\"x\"}'"),
        "1 generated: \xc3\xa9 => x\n");
}

TEST(a_command_that_prints_without_end_is_stopped)
{
    assert_non_null(
        strstr(by_command("int x;\n", "exec yes '{\"start\":0,\"end\":3,\"text\":\"long\"}'"),
               "the output of /bin/sh cannot be read: it is too long"));
}
