/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/completion.h"

#include "base/cleanup.h"
#include "cli/manual.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "support/test.h"

TEST(the_name_of_an_argument_says_what_it_may_be)
{
    assert_int_equal(completion_of(NULL), 0);
    assert_int_equal(completion_of("N"), 0);
    assert_int_equal(completion_of("[RUN|FILE.ndjson]"), COMPLETES_RUNS | COMPLETES_FILES);
    assert_int_equal(completion_of("DIR"), COMPLETES_FOLDERS);
}

TEST(the_first_word_may_be_something_else_than_later_ones)
{
    assert_int_equal(completion_of_first("VERB [FILE|KEY]"), 0);
    assert_int_equal(completion_of_later("VERB [FILE|KEY]"), COMPLETES_FILES);
    assert_int_equal(completion_of_first("[LAYER...]"), COMPLETES_LAYERS);
    assert_int_equal(completion_of_later("[LAYER...]"), COMPLETES_LAYERS);
    assert_int_equal(completion_of_later("[COMMAND]"), 0);
    assert_int_equal(completion_of_first(""), 0);
}

static void assert_mentions(const struct str *text, const char *part)
{
    if (strstr(str_text(text), part) == NULL) {
        fail_msg("\"%s\" is missing in:\n%s", part, str_text(text));
    }
}

/* Every option of every command a person may type, as the shell's script writes it. */
static void assert_complete(const char *shell, const char *format)
{
    CLEANUP(str_fini) struct str script = STR_INIT(1u << 20);
    size_t count = 0;
    const struct option_spec *table = option_table(&count);
    assert_int_equal(completion_script(&script, shell), 0);
    for (size_t i = 0; i < count; i++) {
        CLEANUP(str_fini) struct str word = STR_INIT(256);
        (void)str_appendf(&word, "%s%s", format, table[i].name);
        assert_mentions(&script, str_text(&word));
    }
    const struct command *commands = command_table(&count);
    for (size_t i = 0; i < count; i++) {
        if (commands[i].summary != NULL) {
            assert_mentions(&script, commands[i].name);
        }
    }
}

TEST(every_option_is_in_every_script)
{
    assert_complete("bash", "--");
    assert_complete("zsh", "--");
    assert_complete("fish", "-l ");
}

TEST(an_unknown_shell_has_no_script)
{
    CLEANUP(str_fini) struct str script = STR_INIT(1u << 20);
    assert_int_equal(completion_script(&script, "tcsh"), -EINVAL);
    assert_int_equal(script.len, 0);
}

TEST(a_note_stands_between_quotes)
{
    CLEANUP(str_fini) struct str out = STR_INIT(256);
    completion_note(&out, "the layers' own `when`:\na[b] \\");
    assert_string_equal(str_text(&out), "the layers'\\'' own when: a(b) ");
}

/* The next option of the table that the command has, as the manual writes it. */
static void assert_options_in(const struct str *page, const struct command *command)
{
    size_t count = 0;
    const struct option_spec *table = option_table(&count);
    for (size_t i = 0; i < count; i++) {
        if ((table[i].commands & command->bit) == 0) {
            continue;
        }
        CLEANUP(str_fini) struct str word = STR_INIT(256);
        (void)str_append(&word, "\\fB\\-\\-");
        for (const char *c = table[i].name; *c != '\0'; c++) {
            (void)str_appendf(&word, "%s%c", *c == '-' ? "\\" : "", *c);
        }
        assert_mentions(page, str_text(&word));
    }
}

TEST(every_command_has_a_page_with_its_options)
{
    size_t count = 0;
    const struct command *commands = command_table(&count);
    CLEANUP(str_fini) struct str overview = STR_INIT(1u << 20);
    assert_int_equal(manual_overview(&overview), 0);
    for (size_t i = 0; i < count; i++) {
        char name[64];
        CLEANUP(str_fini) struct str page = STR_INIT(1u << 20);
        if (commands[i].summary == NULL) {
            continue;
        }
        assert_int_equal(manual_command(&page, &commands[i]), 0);
        assert_options_in(&page, &commands[i]);
        (void)snprintf(name, sizeof name, "sluice\\-%s", commands[i].name);
        assert_mentions(&page, name);
        assert_mentions(&overview, name);
    }
    assert_mentions(&overview, "\\fB130\\fR");
    assert_mentions(&overview, "NO_COLOR");
}

TEST(what_does_not_fit_is_an_error)
{
    CLEANUP(str_fini) struct str small = STR_INIT(16);
    assert_int_equal(completion_script(&small, "bash"), -EFBIG);
    assert_int_equal(completion_zsh(&small), -EFBIG);
    assert_int_equal(completion_fish(&small), -EFBIG);
    assert_int_equal(manual_overview(&small), -EFBIG);
}
