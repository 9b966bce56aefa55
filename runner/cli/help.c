/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/help.h"

#include "cli/exit_words.h"
#include "cli/options.h"

#include <string.h>

/* Column where the explanation of an option starts; longer names get a line of their own. */
#define HELP_INDENT 26

/* Text below `  name`, from column HELP_INDENT on; '\n' in it starts a new line there. */
static void append_entry(struct str *out, const char *name, const char *text)
{
    const size_t used = 2 + strlen(name);
    (void)str_appendf(out, "  %s", name);
    if (used + 1 > HELP_INDENT) {
        (void)str_appendf(out, "\n%*s", HELP_INDENT, "");
    } else {
        (void)str_appendf(out, "%*s", (int)(HELP_INDENT - used), "");
    }
    for (const char *c = text; *c != '\0'; c++) {
        (void)str_append_char(out, *c);
        if (*c == '\n') {
            (void)str_appendf(out, "%*s", HELP_INDENT, "");
        }
    }
    (void)str_append_char(out, '\n');
}

static void append_option(struct str *out, const struct option_spec *spec)
{
    struct str name = STR_INIT(256);
    if (spec->letter != '\0') {
        (void)str_appendf(&name, "-%c, ", spec->letter);
    }
    (void)str_appendf(&name, "--%s", spec->name);
    if (spec->kind == OPTION_RUN) {
        (void)str_appendf(&name, "[=%s]", spec->argument);
    } else if (spec->argument != NULL) {
        (void)str_appendf(&name, " %s", spec->argument);
    }
    append_entry(out, str_text(&name), spec->help);
    str_fini(&name);
}

/* The options a command has for itself, or those that every command has. */
static void append_options(struct str *out, unsigned bit, bool everywhere)
{
    size_t count = 0;
    const struct option_spec *table = option_table(&count);
    for (size_t i = 0; i < count; i++) {
        if ((table[i].commands == COMMAND_ALL) == everywhere && (table[i].commands & bit) != 0) {
            append_option(out, &table[i]);
        }
    }
}

static bool has_options(unsigned bit)
{
    size_t count = 0;
    const struct option_spec *table = option_table(&count);
    for (size_t i = 0; i < count; i++) {
        if (table[i].commands != COMMAND_ALL && (table[i].commands & bit) != 0) {
            return true;
        }
    }
    return false;
}

static void append_exit_codes(struct str *out)
{
    (void)str_append(out, "\nExit codes:\n");
    size_t count = 0;
    const struct exit_word *table = exit_words(&count);
    for (size_t i = 0; i < count; i++) {
        (void)str_appendf(out, "  %-5d %s\n", (int)table[i].code, table[i].text);
    }
}

int help_overview(struct str *out)
{
    (void)str_append(
        out,
        "Usage: sluice COMMAND [OPTION...] [WORD...]\n"
        "\n"
        "Runs staged layers of tests over a tree, in parallel and isolated, and opens\n"
        "or shuts a gate. The pipeline stands in sluice.yml.\n"
        "\n"
        "Commands:\n");
    size_t count = 0;
    const struct command *table = command_table(&count);
    for (size_t i = 0; i < count; i++) {
        if (table[i].summary != NULL) {
            append_entry(out, table[i].name, table[i].summary);
        }
    }
    (void)str_append(out, "\nOptions of every command:\n");
    append_options(out, COMMAND_ALL, true);
    append_exit_codes(out);
    (void)str_append(out, "\n`sluice help COMMAND` explains one command.\n");
    return str_error(out);
}

int help_command(struct str *out, const struct command *command)
{
    const bool own = has_options(command->bit);
    (void)str_appendf(out,
                      "Usage: sluice %s [OPTION...]%s%s\n\n",
                      command->name,
                      command->arguments[0] != '\0' ? " " : "",
                      command->arguments);
    (void)str_appendf(out, "%s: %s.\n", command->name, command->summary);
    if (command->text[0] != '\0') {
        (void)str_appendf(out, "\n%s", command->text);
    }
    if (own) {
        (void)str_append(out, "\nOptions:\n");
        append_options(out, command->bit, false);
    }
    (void)str_append(out, "\nOptions of every command:\n");
    append_options(out, command->bit, true);
    if (command->bit == COMMAND_RUN) {
        append_exit_codes(out);
    }
    return str_error(out);
}
