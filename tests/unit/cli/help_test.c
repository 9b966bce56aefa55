/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/help.h"

#include "cli/exit_words.h"
#include "cli/options.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "support/test.h"

#define COLUMNS 100

static void assert_mentions(const struct str *text, const char *part)
{
    if (strstr(str_text(text), part) == NULL) {
        fail_msg("\"%s\" is missing in:\n%s", part, str_text(text));
    }
}

static void assert_lines_fit(const struct str *text)
{
    const char *line = str_text(text);
    while (*line != '\0') {
        const size_t len = strcspn(line, "\n");
        if (len > COLUMNS) {
            fail_msg("longer than %d columns: %.*s", COLUMNS, (int)len, line);
        }
        line += len + (line[len] == '\n');
    }
}

TEST(the_overview_names_every_visible_command_and_no_hidden_one)
{
    struct str text = STR_INIT(1u << 20);
    assert_int_equal(help_overview(&text), 0);
    size_t count = 0;
    const struct command *table = command_table(&count);
    for (size_t i = 0; i < count; i++) {
        char line[64];
        (void)snprintf(line, sizeof line, "\n  %s ", table[i].name);
        if (table[i].summary != NULL) {
            assert_mentions(&text, line);
            assert_mentions(&text, table[i].summary);
        } else {
            assert_null(strstr(str_text(&text), line));
        }
    }
    assert_lines_fit(&text);
    str_fini(&text);
}

TEST(the_overview_names_every_exit_code)
{
    struct str text = STR_INIT(1u << 20);
    assert_int_equal(help_overview(&text), 0);
    static const int codes[] = {0, 1, 2, 3, 4, 5, 6, 130};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        char line[16];
        (void)snprintf(line, sizeof line, "\n  %-5d ", codes[i]);
        assert_mentions(&text, line);
    }
    str_fini(&text);
}

static bool takes(const struct command *command, const char *name)
{
    size_t count = 0;
    const struct option_spec *options = option_table(&count);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(options[i].name, name) == 0 && (options[i].commands & command->bit) != 0) {
            return true;
        }
    }
    return false;
}

TEST(help_of_a_command_has_exactly_its_options)
{
    size_t command_count = 0;
    size_t option_count = 0;
    const struct command *commands = command_table(&command_count);
    const struct option_spec *options = option_table(&option_count);
    for (size_t i = 0; i < command_count; i++) {
        if (commands[i].summary == NULL) {
            continue;
        }
        struct str text = STR_INIT(1u << 20);
        assert_int_equal(help_command(&text, &commands[i]), 0);
        assert_mentions(&text, commands[i].text);
        assert_lines_fit(&text);
        for (size_t k = 0; k < option_count; k++) {
            char long_name[64];
            char short_name[64];
            (void)snprintf(long_name, sizeof long_name, "\n  --%s", options[k].name);
            (void)snprintf(
                short_name, sizeof short_name, "\n  -%c, --%s", options[k].letter, options[k].name);
            const char *name = options[k].letter != '\0' ? short_name : long_name;
            const char *found = strstr(str_text(&text), name);
            const bool shown = found != NULL && strchr(" [\n", found[strlen(name)]) != NULL;
            assert_int_equal(shown, takes(&commands[i], options[k].name));
        }
        str_fini(&text);
    }
}

TEST(help_that_does_not_fit_is_an_error)
{
    struct str text = STR_INIT(10);
    assert_int_equal(help_overview(&text), -EFBIG);
    str_fini(&text);
}

TEST(command_bits_are_distinct_and_names_can_be_found)
{
    size_t count = 0;
    unsigned all = 0;
    const struct command *table = command_table(&count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(all & table[i].bit, 0);
        all |= table[i].bit;
        assert_ptr_equal(command_find(table[i].name), &table[i]);
        assert_non_null(table[i].run);
    }
    assert_int_equal(all, COMMAND_ALL);
    assert_null(command_find("nothing"));
}

TEST(errors_of_the_user_and_of_the_machine_have_their_own_exit_codes)
{
    assert_int_equal(exit_code_of_config_error(-EINVAL), EXIT_USAGE);
    assert_int_equal(exit_code_of_config_error(-ENOENT), EXIT_USAGE);
    assert_int_equal(exit_code_of_config_error(-ENOMEM), EXIT_INFRASTRUCTURE);
    assert_int_equal(exit_code_of_config_error(-EIO), EXIT_INFRASTRUCTURE);
    assert_int_equal(exit_code_of_config_error(-ENOSPC), EXIT_INFRASTRUCTURE);
}
