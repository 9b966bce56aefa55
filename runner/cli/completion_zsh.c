/* SPDX-License-Identifier: Apache-2.0 */
/* Completion for zsh: a function for $fpath, on _arguments. */
#include "cli/completion.h"

#include <string.h>

static const char head[] =
    "#compdef sluice\n"
    "# zsh completion for sluice, made from its tables by `sluice completion zsh`.\n"
    "\n"
    "# Layers and runs of the project at hand, wherever -C and --pipeline point to.\n"
    "_sluice_ask() {\n"
    "    local -a found at\n"
    "    local i\n"
    "    for ((i = 2; i < CURRENT_WORD; i++)); do\n"
    "        case $ALL_WORDS[i] in\n"
    "        -C|--directory|--pipeline) at+=($ALL_WORDS[i] ${(Q)ALL_WORDS[i+1]/#\\~/$HOME}) ;;\n"
    "        --directory=*|--pipeline=*) at+=(${(Q)ALL_WORDS[i]}) ;;\n"
    "        esac\n"
    "    done\n"
    "    found=(${(f)\"$($ALL_WORDS[1] $at completion $1 2>/dev/null)\"})\n"
    "    compadd -a found\n"
    "}\n"
    "\n"
    "_sluice_commands() {\n"
    "    local -a commands\n"
    "    commands=(\n";

/* What goes on a list of commands. */
static void put_actions(struct str *out, unsigned bits)
{
    static const struct {
        unsigned bit;
        const char *action;
    } actions[] = {
        {COMPLETES_LAYERS,   "_sluice_ask layers"},
        {COMPLETES_RUNS,     "_sluice_ask runs"  },
        {COMPLETES_COMMANDS, "_sluice_commands"  },
        {COMPLETES_FILES,    "_files"            },
        {COMPLETES_FOLDERS,  "_files -/"         },
    };

    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
        if ((bits & actions[i].bit) != 0) {
            (void)str_appendf(out, "; %s", actions[i].action);
        }
    }
}

/* The name of the value and what it may be. */
static void put_value(struct str *out, const struct option_spec *spec)
{
    (void)str_append(out, spec->kind == OPTION_RUN ? "::" : ":");
    completion_note(out, spec->argument);
    (void)str_append(out, ":");
    if (spec->words != NULL) {
        (void)str_append(out, "(");
        completion_words(out, spec);
        (void)str_append(out, ")");
    } else {
        (void)str_append(out, "{:");
        put_actions(out, completion_of(spec->argument));
        (void)str_append(out, "}");
    }
}

static void put_option(struct str *out,
                       const struct command *command,
                       const struct option_spec *spec)
{
    (void)command;
    (void)str_append(out, "            ");
    if (spec->letter != '\0') {
        (void)str_appendf(out,
                          "{-%c%s,--%s%s}",
                          spec->letter,
                          spec->argument != NULL ? "+" : "",
                          spec->name,
                          spec->argument != NULL ? "=" : "");
    } else {
        const char *glue = spec->argument == NULL ? "" : spec->kind == OPTION_RUN ? "=-" : "=";
        (void)str_appendf(out, "--%s%s", spec->name, glue);
    }
    (void)str_append(out, "'[");
    completion_note(out, spec->help);
    (void)str_append(out, "]");
    if (spec->argument != NULL) {
        put_value(out, spec);
    }
    (void)str_append(out, "' \\\n");
}

static void put_command(struct str *out, const struct command *command)
{
    const unsigned bits = completion_of_first(command->arguments);
    (void)str_appendf(out, "        %s)\n            _arguments -s -S \\\n", command->name);
    completion_options(out, command, put_option);
    (void)str_append(out, "            '1: :{:");
    if (command->words != NULL) {
        (void)str_appendf(out, "; compadd - %s", command->words);
    }
    put_actions(out, bits);
    (void)str_append(out, "}' \\\n            '*: :{:");
    put_actions(out, completion_of_later(command->arguments));
    (void)str_append(out, "}'\n            ;;\n");
}

int completion_zsh(struct str *out)
{
    size_t count = 0;
    const struct command *table = command_table(&count);
    (void)str_append(out, head);
    for (size_t i = 0; i < count; i++) {
        if (table[i].summary != NULL) {
            (void)str_appendf(out, "        '%s:", table[i].name);
            completion_note(out, table[i].summary);
            (void)str_append(out, "'\n");
        }
    }
    (void)str_append(out,
                     "    )\n"
                     "    _describe -t commands command commands\n"
                     "}\n"
                     "\n"
                     "_sluice() {\n"
                     "    local curcontext=$curcontext state line\n"
                     "    local -a ALL_WORDS=($words)\n"
                     "    local CURRENT_WORD=$CURRENT\n"
                     "    typeset -A opt_args\n"
                     "    _arguments -C -s -S \\\n");
    completion_options(out, NULL, put_option);
    (void)str_append(out,
                     "            '1:command:_sluice_commands' '*::word:->words' && return\n"
                     "    if [[ $state == words ]]; then\n"
                     "        case $line[1] in\n");
    for (size_t i = 0; i < count; i++) {
        if (table[i].summary != NULL) {
            put_command(out, &table[i]);
        }
    }
    (void)str_append(out,
                     "        esac\n"
                     "    fi\n"
                     "}\n"
                     "\n"
                     "if [[ $funcstack[1] == _sluice ]]; then\n"
                     "    _sluice \"$@\"\n"
                     "else\n"
                     "    compdef _sluice sluice\n"
                     "fi\n");
    return str_error(out);
}
