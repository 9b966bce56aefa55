/* SPDX-License-Identifier: Apache-2.0 */
/* The command line: wiring and words. The only module that prints or ends the process. One file
 * per command (command_NAME.c), one table of commands (commands.c) and one of options
 * (options.c) from which parsing, help, man page and completion are made. */
#ifndef SLUICE_CLI_CLI_H
#define SLUICE_CLI_CLI_H

/* Does what the words ask; returns the process's exit code (enum exit_code of model/event.h). */
int cli_main(int argc, char *const *argv);

#endif
