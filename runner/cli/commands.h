/* SPDX-License-Identifier: Apache-2.0 */
/* The table of commands, and the functions behind it. */
#ifndef SLUICE_CLI_COMMANDS_H
#define SLUICE_CLI_COMMANDS_H

#include "cli/invocation.h"

#include <stddef.h>

/* Bits that say which commands an option belongs to. */
enum command_bit {
    COMMAND_RUN = 1 << 0,
    COMMAND_PLAN = 1 << 1,
    COMMAND_LIST = 1 << 2,
    COMMAND_LINT = 1 << 3,
    COMMAND_REPORT = 1 << 4,
    COMMAND_SCHEMA = 1 << 5,
    COMMAND_DOCTOR = 1 << 6,
    COMMAND_VERSION = 1 << 7,
    COMMAND_HELP = 1 << 8,
    COMMAND_SLOT = 1 << 9,
    COMMAND_WHY = 1 << 10,
    COMMAND_CACHE = 1 << 11,
    COMMAND_COMPLETION = 1 << 12,
    COMMAND_INIT = 1 << 13,
    COMMAND_MUTANTS = 1 << 14,
    COMMAND_ALL = (1 << 15) - 1,
};

#define ARGS_ANY ((size_t)-1)

struct command {
    const char *name;
    unsigned bit;
    const char *arguments; /* of the usage line: "[LAYER...]"; "" when it takes none */
    size_t args_max;       /* words it takes; ARGS_ANY */
    const char *words;     /* that the first may be, for completion: "stats gc"; NULL */
    const char *summary;   /* half a line; NULL = hidden from help */
    const char *text;      /* what it does, for `help COMMAND`; ends with a newline */
    int (*run)(const struct invocation *invocation);
};

/* All commands, in the order of help. */
const struct command *command_table(size_t *ret_count);
/* NULL when there is none of that name. */
const struct command *command_find(const char *name);
/* The visible command whose name is nearest; NULL when none is near. */
const struct command *command_nearest(const char *word);

/* Each returns the process's exit code. */
int command_run(const struct invocation *invocation);
int command_plan(const struct invocation *invocation);
int command_list(const struct invocation *invocation);
int command_lint(const struct invocation *invocation);
int command_report(const struct invocation *invocation);
int command_schema(const struct invocation *invocation);
int command_doctor(const struct invocation *invocation);
int command_version(const struct invocation *invocation);
int command_help(const struct invocation *invocation);
int command_why(const struct invocation *invocation);
int command_slot(const struct invocation *invocation);
int command_cache(const struct invocation *invocation);
int command_completion(const struct invocation *invocation);
int command_init(const struct invocation *invocation);
int command_mutants(const struct invocation *invocation);

#endif
