/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/completion.h"

#include <errno.h>
#include <string.h>

unsigned completion_of(const char *argument)
{
    static const struct {
        const char *name;
        unsigned bits;
    } names[] = {
        {"FILE",    COMPLETES_FILES   },
        {"PATH",    COMPLETES_FILES   },
        {"DIR",     COMPLETES_FOLDERS },
        {"LAYER",   COMPLETES_LAYERS  },
        {"RUN",     COMPLETES_RUNS    },
        {"COMMAND", COMPLETES_COMMANDS},
    };

    unsigned bits = 0;
    for (size_t i = 0; argument != NULL && i < sizeof names / sizeof names[0]; i++) {
        bits |= strstr(argument, names[i].name) != NULL ? names[i].bits : 0;
    }
    return bits;
}

unsigned completion_of_first(const char *arguments)
{
    char first[64] = "";
    const size_t len = strcspn(arguments, " ");
    if (len < sizeof first) {
        memcpy(first, arguments, len);
    }
    return completion_of(first);
}

unsigned completion_of_later(const char *arguments)
{
    const char *space = strchr(arguments, ' ');
    if (space == NULL) {
        return strstr(arguments, "...") != NULL ? completion_of(arguments) : 0;
    }
    return completion_of(space);
}

int completion_script(struct str *out, const char *shell)
{
    static const struct {
        const char *name;
        int (*write)(struct str *out);
    } shells[] = {
        {"bash", completion_bash},
        {"zsh",  completion_zsh },
        {"fish", completion_fish},
    };

    for (size_t i = 0; i < sizeof shells / sizeof shells[0]; i++) {
        if (strcmp(shells[i].name, shell) == 0) {
            return shells[i].write(out);
        }
    }
    return -EINVAL;
}

void completion_options(struct str *out,
                        const struct command *command,
                        void (*each)(struct str *out,
                                     const struct command *command,
                                     const struct option_spec *spec))
{
    size_t count = 0;
    const struct option_spec *table = option_table(&count);
    for (size_t i = 0; i < count; i++) {
        if (command == NULL ? table[i].commands == COMMAND_ALL
                            : (table[i].commands & command->bit) != 0) {
            each(out, command, &table[i]);
        }
    }
}

void completion_words(struct str *out, const struct option_spec *spec)
{
    for (size_t i = 0; spec->words != NULL && spec->words[i] != NULL; i++) {
        if (spec->words[i][0] != '\0') { /* cannot be typed */
            (void)str_appendf(out, " %s", spec->words[i]);
        }
    }
}

void completion_note(struct str *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '\n') {
            (void)str_append_char(out, ' ');
        } else if (*text == '\'') {
            (void)str_append(out, "'\\''"); /* out of the quotes, a quote, and in again */
        } else if (strchr("[]\\`", *text) == NULL) {
            (void)str_append_char(out, *text);
        } else if (*text == '[' || *text == ']') {
            (void)str_append(out, *text == '[' ? "(" : ")");
        }
    }
}
