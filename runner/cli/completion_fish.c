/* SPDX-License-Identifier: Apache-2.0 */
/* Completion for fish 3: a list of `complete` commands. */
#include "cli/completion.h"

static const char head[] =
    "# fish completion for sluice, made from its tables by `sluice completion fish`.\n"
    "\n"
    "# Layers and runs of the project at hand, wherever -C and --pipeline point to.\n"
    "function __sluice_ask\n"
    "    set -l words (commandline -opc)\n"
    "    set -l at\n"
    "    for i in (seq 2 (count $words))\n"
    "        switch $words[$i]\n"
    "            case -C --directory --pipeline\n"
    "                set -l next (math $i + 1)\n"
    "                set -q words[$next]; and set -a at $words[$i] $words[$next]\n"
    "            case '--directory=*' '--pipeline=*'\n"
    "                set -a at $words[$i]\n"
    "        end\n"
    "    end\n"
    "    $words[1] $at completion $argv 2>/dev/null\n"
    "end\n"
    "\n"
    "complete -c sluice -f\n";

static void put_from(struct str *out, const struct command *command)
{
    (void)str_append(out, "complete -c sluice");
    if (command != NULL) {
        (void)str_appendf(out, " -n '__fish_seen_subcommand_from %s'", command->name);
    }
}

/* What a word may be. Files are offered by fish itself. */
static void put_kinds(struct str *out, unsigned bits)
{
    if ((bits & COMPLETES_FILES) != 0) {
        (void)str_append(out, " -F");
    }
    if ((bits & COMPLETES_FOLDERS) != 0) {
        (void)str_append(out, " -a '(__fish_complete_directories)'");
    }
    if ((bits & COMPLETES_LAYERS) != 0) {
        (void)str_append(out, " -a '(__sluice_ask layers)'");
    }
    if ((bits & COMPLETES_RUNS) != 0) {
        (void)str_append(out, " -a '(__sluice_ask runs)'");
    }
}

static void put_option(struct str *out,
                       const struct command *command,
                       const struct option_spec *spec)
{
    if (command != NULL && spec->commands == COMMAND_ALL) {
        return; /* stands there once, for all */
    }
    put_from(out, command);
    (void)str_appendf(out, " -l %s", spec->name);
    if (spec->letter != '\0') {
        (void)str_appendf(out, " -s %c", spec->letter);
    }
    if (spec->argument != NULL) {
        const bool takes_path = (completion_of(spec->argument) & COMPLETES_FILES) != 0;
        (void)str_append(out, spec->kind == OPTION_RUN ? "" : takes_path ? " -r" : " -x");
        put_kinds(out, completion_of(spec->argument));
    }
    if (spec->words != NULL) {
        (void)str_append(out, " -a '");
        completion_words(out, spec);
        (void)str_append(out, "'");
    }
    (void)str_append(out, " -d '");
    completion_note(out, spec->help);
    (void)str_append(out, "'\n");
}

static void put_command(struct str *out, const struct command *command)
{
    (void)str_appendf(out, "complete -c sluice -n __fish_use_subcommand -a %s -d '", command->name);
    completion_note(out, command->summary);
    (void)str_append(out, "'\n");
}

/* Where the first word is one of a few, nothing else stands there. */
static void put_arguments(struct str *out, const struct command *command)
{
    const unsigned bits = completion_of(command->arguments);
    if (command->words != NULL) {
        (void)str_appendf(out,
                          "complete -c sluice -n '__fish_seen_subcommand_from %s; "
                          "and not __fish_seen_subcommand_from %s' -a '%s'\n",
                          command->name,
                          command->words,
                          command->words);
    }
    if (bits != 0) {
        (void)str_appendf(
            out, "complete -c sluice -n '__fish_seen_subcommand_from %s", command->name);
        if (command->words != NULL && completion_of_first(command->arguments) == 0) {
            (void)str_appendf(out, "; and __fish_seen_subcommand_from %s", command->words);
        }
        (void)str_append_char(out, '\'');
        put_kinds(out, bits);
        (void)str_append_char(out, '\n');
    }
}

/* `sluice help COMMAND` */
static void put_commands_as_words(struct str *out, const struct command *command)
{
    size_t count = 0;
    const struct command *table = command_table(&count);
    put_from(out, command);
    (void)str_append(out, " -a '");
    for (size_t i = 0; i < count; i++) {
        if (table[i].summary != NULL) {
            (void)str_appendf(out, " %s", table[i].name);
        }
    }
    (void)str_append(out, "'\n");
}

int completion_fish(struct str *out)
{
    size_t count = 0;
    const struct command *table = command_table(&count);
    (void)str_append(out, head);
    completion_options(out, NULL, put_option);
    for (size_t i = 0; i < count; i++) {
        if (table[i].summary == NULL) {
            continue;
        }
        put_command(out, &table[i]);
        completion_options(out, &table[i], put_option);
        if ((completion_of(table[i].arguments) & COMPLETES_COMMANDS) != 0) {
            put_commands_as_words(out, &table[i]);
        } else {
            put_arguments(out, &table[i]);
        }
    }
    return str_error(out);
}
