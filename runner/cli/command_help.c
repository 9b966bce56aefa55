/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cleanup.h"
#include "cli/commands.h"
#include "cli/help.h"
#include "cli/manual.h"
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

static int explain(const struct command *command, bool man)
{
    CLEANUP(str_fini) struct str text = STR_INIT(HELP_MAX);
    const bool all = command == NULL || command->summary == NULL;
    if (man) {
        (void)(all ? manual_overview(&text) : manual_command(&text, command));
    } else if (all) {
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
        return explain(command, false);
    }
    if (invocation->args.count == 0) {
        return explain(NULL, invocation->man);
    }
    const char *word = invocation->args.items[0];
    command = command_find(word);
    return command != NULL && command->summary != NULL ? explain(command, invocation->man)
                                                       : refuse_word(word);
}
