/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/manual.h"

#include "base/roff.h"
#include "cli/exit_words.h"
#include "cli/options.h"
#include "cli/version.h"

#include <ctype.h>
#include <string.h>

/* What stands in no table. Names, then their meaning. */
static const char *const environment[][2] = {
    {"NO_COLOR",          "When set and not empty, nothing is coloured unless --color says so."},
    {"SLUICE_CACHE",      "Where the evidence lies."                                           },
    {"XDG_CACHE_HOME",
     "Without SLUICE_CACHE the evidence lies in sluice/ below it (default: ~/.cache)."         },
    {"SLUICE_PLUGIN_DIR", "Where the built-in plugins lie, instead of beside the program."     },
    {"TERM",              "Nothing is redrawn and nothing coloured when it is dumb."           },
    {NULL,                NULL                                                                 },
};

static const char *const files[][2] = {
    {"sluice.yml",      "The pipeline; see sluice.yml(5)."                               },
    {".sluice/runs/ID", "All that a run left: its event log, and what its units printed."},
    {".sluice/pool",    "Checkouts that units see, kept from run to run."                },
    {NULL,              NULL                                                             },
};

static void put_title(struct str *out, const char *command)
{
    (void)str_append(out, ".\\\" Made from the tables of sluice: `sluice help --man`.\n.TH SLUICE");
    for (const char *c = command; c != NULL && *c != '\0'; c++) {
        (void)str_append(out, c == command ? "\\-" : "");
        (void)str_append_char(out, (char)toupper((unsigned char)*c));
    }
    (void)str_appendf(
        out, " 1 %s \"sluice %s\" \"User Commands\"\n", sluice_date(), sluice_version());
}

static void put_option(struct str *out, const struct option_spec *spec)
{
    (void)str_append(out, ".TP\n");
    if (spec->letter != '\0') {
        (void)str_appendf(out, "\\fB\\-%c\\fR, ", spec->letter);
    }
    (void)str_append(out, "\\fB\\-\\-");
    (void)roff_text(out, spec->name);
    (void)str_append(out, "\\fR");
    if (spec->argument != NULL) {
        (void)str_append(out, spec->kind == OPTION_RUN ? "[=\\fI" : " \\fI");
        (void)roff_text(out, spec->argument);
        (void)str_append(out, spec->kind == OPTION_RUN ? "\\fR]" : "\\fR");
    }
    (void)str_append_char(out, '\n');
    (void)roff_text(out, spec->help);
    (void)str_append_char(out, '\n');
}

static bool belongs(const struct option_spec *spec, unsigned bit, bool everywhere)
{
    return (spec->commands & bit) != 0 && (spec->commands == COMMAND_ALL) == everywhere;
}

/* The options of a command for itself, or those that every command has. */
static void put_options(struct str *out, const char *title, unsigned bit, bool everywhere)
{
    size_t count = 0;
    const struct option_spec *table = option_table(&count);
    bool any = false;
    for (size_t i = 0; i < count; i++) {
        if (!belongs(&table[i], bit, everywhere)) {
            continue;
        }
        if (!any) {
            (void)str_appendf(out, ".SH %s\n", title);
        }
        put_option(out, &table[i]);
        any = true;
    }
}

static void put_exit_codes(struct str *out)
{
    size_t count = 0;
    const struct exit_word *table = exit_words(&count);
    (void)str_append(out, ".SH EXIT STATUS\n");
    for (size_t i = 0; i < count; i++) {
        (void)str_appendf(out, ".TP\n\\fB%d\\fR\n", (int)table[i].code);
        (void)roff_text(out, table[i].text);
        (void)str_append_char(out, '\n');
    }
}

static void put_pairs(struct str *out, const char *title, const char *const (*pairs)[2])
{
    (void)str_appendf(out, ".SH %s\n", title);
    for (; (*pairs)[0] != NULL; pairs++) {
        (void)str_append(out, ".TP\n");
        (void)roff_bold(out, (*pairs)[0]);
        (void)str_append_char(out, '\n');
        (void)roff_text(out, (*pairs)[1]);
        (void)str_append_char(out, '\n');
    }
}

static void put_commands(struct str *out)
{
    size_t count = 0;
    const struct command *table = command_table(&count);
    (void)str_append(out, ".SH COMMANDS\n");
    for (size_t i = 0; i < count; i++) {
        if (table[i].summary == NULL) {
            continue;
        }
        (void)str_appendf(out, ".TP\n\\fBsluice\\-%s\\fR(1)\n", table[i].name);
        (void)roff_text(out, table[i].summary);
        (void)str_append_char(out, '\n');
    }
}

/* All pages but this one, by name. */
static void put_others(struct str *out, const struct command *self)
{
    size_t count = 0;
    const struct command *table = command_table(&count);
    (void)str_append(out, ".SH SEE ALSO\n");
    (void)str_append(out, self != NULL ? ".BR sluice (1),\n" : "");
    for (size_t i = 0; i < count; i++) {
        if (table[i].summary != NULL && &table[i] != self) {
            (void)str_appendf(out, ".BR sluice\\-%s (1),\n", table[i].name);
        }
    }
    (void)str_append(out, ".BR sluice.yml (5)\n");
}

int manual_overview(struct str *out)
{
    put_title(out, NULL);
    (void)str_append(
        out,
        ".SH NAME\n"
        "sluice \\- run staged layers of tests and open or shut a gate\n"
        ".SH SYNOPSIS\n"
        "\\fBsluice\\fR \\fICOMMAND\\fR [\\fIOPTION\\fR...] [\\fIWORD\\fR...]\n"
        ".SH DESCRIPTION\n"
        "Runs staged layers of tests over a tree, in parallel and isolated, and opens\n"
        "or shuts a gate. The pipeline stands in\n"
        ".BR sluice.yml (5).\n"
        "What was run before over the same files is not run again.\n");
    put_commands(out);
    put_options(out, "OPTIONS", COMMAND_ALL, true);
    put_exit_codes(out);
    put_pairs(out, "ENVIRONMENT", environment);
    put_pairs(out, "FILES", files);
    put_others(out, NULL);
    return str_error(out);
}

int manual_command(struct str *out, const struct command *command)
{
    put_title(out, command->name);
    (void)str_appendf(out, ".SH NAME\nsluice\\-%s \\- ", command->name);
    (void)roff_text(out, command->summary);
    (void)str_appendf(out, "\n.SH SYNOPSIS\n\\fBsluice %s\\fR [\\fIOPTION\\fR...]", command->name);
    (void)str_append(out, command->arguments[0] != '\0' ? " " : "");
    (void)roff_text(out, command->arguments);
    (void)str_append(out, "\n.SH DESCRIPTION\n");
    if (command->text[0] != '\0') {
        (void)roff_paragraphs(out, command->text);
    } else {
        (void)str_append_char(out, (char)toupper((unsigned char)command->summary[0]));
        (void)roff_text(out, command->summary + 1);
        (void)str_append(out, ".\n");
    }
    put_options(out, "OPTIONS", command->bit, false);
    put_options(out, "OPTIONS OF EVERY COMMAND", command->bit, true);
    if (command->bit == COMMAND_RUN) {
        put_exit_codes(out);
    }
    put_others(out, command);
    return str_error(out);
}
