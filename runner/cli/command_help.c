/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cleanup.h"
#include "cli/commands.h"
#include "cli/help.h"
#include "cli/say.h"
#include "model/event.h"

/* All help there is has about 8 KiB. */
#define HELP_MAX (256u << 10)

int command_help(const struct invocation *invocation)
{
    CLEANUP(str_fini) struct str text = STR_INIT(HELP_MAX);
    /* `sluice help run`, and `sluice run --help` as well */
    const struct command *command = invocation->command;
    if (command != NULL && command->bit == COMMAND_HELP) {
        command = NULL;
        if (invocation->args.count > 0) {
            const char *word = invocation->args.items[0];
            command = command_find(word);
            if (command == NULL || command->summary == NULL) {
                const struct command *near = command_nearest(word);
                say_problem("there is no command \"%s\"%s%s%s (`sluice help` lists them)",
                            word,
                            near != NULL ? "; did you mean \"" : "",
                            near != NULL ? near->name : "",
                            near != NULL ? "\"?" : "");
                return EXIT_USAGE;
            }
        }
    }
    if (command == NULL || command->summary == NULL) {
        (void)help_overview(&text);
    } else {
        (void)help_command(&text, command);
    }
    return say_answer(&text);
}
