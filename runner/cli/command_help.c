/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cleanup.h"
#include "cli/commands.h"
#include "cli/help.h"
#include "cli/say.h"
#include "model/event.h"

/* All help there is has about 8 KiB. */
#define HELP_MAX (256u << 10)

static int refuse_word(const char *word)
{
    const struct command *near = command_nearest(word);
    say_problem("there is no command \"%s\"%s%s%s (`sluice help` lists them)",
                word,
                near != NULL ? "; did you mean \"" : "",
                near != NULL ? near->name : "",
                near != NULL ? "\"?" : "");
    return EXIT_USAGE;
}

static int explain(const struct command *command)
{
    CLEANUP(str_fini) struct str text = STR_INIT(HELP_MAX);
    if (command == NULL || command->summary == NULL) {
        (void)help_overview(&text);
    } else {
        (void)help_command(&text, command);
    }
    return say_answer(&text);
}

/* `sluice help run`, and `sluice run --help` as well. */
int command_help(const struct invocation *invocation)
{
    const struct command *command = invocation->command;
    if (command == NULL || command->bit != COMMAND_HELP) {
        return explain(command);
    }
    if (invocation->args.count == 0) {
        return explain(NULL);
    }
    const char *word = invocation->args.items[0];
    command = command_find(word);
    return command != NULL && command->summary != NULL ? explain(command) : refuse_word(word);
}
