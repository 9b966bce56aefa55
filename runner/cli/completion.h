/* SPDX-License-Identifier: Apache-2.0 */
/* Completion scripts for shells, made from the tables of commands and options. What depends on the
 * project at hand (layers, runs) the scripts ask `sluice completion layers|runs` for. Pure: text
 * into a str. */
#ifndef SLUICE_CLI_COMPLETION_H
#define SLUICE_CLI_COMPLETION_H

#include "base/str.h"
#include "cli/options.h"

/* What a word may be, as the name of an argument says it; bits. */
enum completes {
    COMPLETES_FILES = 1 << 0,
    COMPLETES_FOLDERS = 1 << 1,
    COMPLETES_LAYERS = 1 << 2,
    COMPLETES_RUNS = 1 << 3,
    COMPLETES_COMMANDS = 1 << 4,
};

/* "[RUN|FILE.ndjson]" -> COMPLETES_RUNS | COMPLETES_FILES. NULL -> 0. */
unsigned completion_of(const char *argument);

/* The same for the first and for any later word of a command's arguments: of "VERB [FILE|KEY]" and
 * "[LAYER...]". */
unsigned completion_of_first(const char *arguments);
unsigned completion_of_later(const char *arguments);

/* The script for "bash", "zsh" or "fish". -EINVAL for another name, with nothing appended. */
int completion_script(struct str *out, const char *shell);

/* The scripts one by one. */
int completion_bash(struct str *out);
int completion_zsh(struct str *out);
int completion_fish(struct str *out);

/* ---- for the scripts ---- */

/* Calls `each` for every option the command has, in the order of help; NULL = options of every
 * command. */
void completion_options(struct str *out,
                        const struct command *command,
                        void (*each)(struct str *out,
                                     const struct command *command,
                                     const struct option_spec *spec));

/* Appends the words an option's value may be, each behind a blank. */
void completion_words(struct str *out, const struct option_spec *spec);

/* Appends a help text in one line as it stands between the single quotes of zsh or fish; brackets,
 * which zsh would take, become round. */
void completion_note(struct str *out, const char *text);

#endif
