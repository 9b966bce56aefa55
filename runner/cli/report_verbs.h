/* SPDX-License-Identifier: Apache-2.0 */
/* Verbs of `sluice report`: `read` and its like work on other tools' files; without a verb it shows
 * a run. A new verb is one row of the table and one file command_report_VERB.c. */
#ifndef SLUICE_CLI_REPORT_VERBS_H
#define SLUICE_CLI_REPORT_VERBS_H

#include "cli/invocation.h"

struct report_verb {
    const char *name;
    int (*run)(const struct invocation *invocation); /* args.items[0] is the verb */
};

/* The verb that the first word is; NULL when it is none (a run, a file, nothing). */
const struct report_verb *report_verb_find(const struct invocation *invocation);

/* Each returns the process's exit code. */
int command_report_read(const struct invocation *invocation);
int command_report_merge(const struct invocation *invocation);

#endif
