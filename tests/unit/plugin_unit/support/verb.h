/* SPDX-License-Identifier: Apache-2.0 */
/* Private verbs of the plugin `unit`, run in the working folder. */
#ifndef SLUICE_TESTS_PLUGIN_UNIT_SUPPORT_VERB_H
#define SLUICE_TESTS_PLUGIN_UNIT_SUPPORT_VERB_H

/* Runs a verb in a child whose output goes into "out"; how it ended, as of waitpid(). */
int run_verb(int (*verb)(int argc, char **argv), const char *const *words);

/* `report KIND REPORT ./tool`, with a script as the tool. */
int run_report(const char *kind, const char *report, const char *script);

void assert_file(const char *path, const char *expected);

/* It ended by itself, with `code`. */
void assert_exit(int status, int code);

#endif
