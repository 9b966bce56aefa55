/* SPDX-License-Identifier: Apache-2.0 */
/* The table of options and the parser it drives: GNU style (`--opt=value`, `--opt value`, `-j2`,
 * `-j 2`, `-qj2`, `--` ends the options, options and words in any order). Pure: no I/O. */
#ifndef SLUICE_CLI_OPTIONS_H
#define SLUICE_CLI_OPTIONS_H

#include "base/err.h"
#include "cli/commands.h"
#include "cli/invocation.h"

enum option_kind {
    OPTION_FLAG,     /* bool */
    OPTION_TEXT,     /* const char *; may be repeated, the last one counts */
    OPTION_ONCE,     /* const char *; twice is an error, because both would seem to count */
    OPTION_NUMBER,   /* unsigned, 1 .. max */
    OPTION_SEED,     /* uint64_t */
    OPTION_DURATION, /* int64_t, milliseconds, above 0 */
    OPTION_WORD,     /* int: index into `words` */
    OPTION_SHARD,    /* struct shard_choice */
    OPTION_RUN,      /* struct run_choice; the value may be left out */
    OPTION_SHARE,    /* unsigned, parts per million */
    OPTION_SIZE,     /* struct size_choice: 5GiB, 300MB, 0 */
    OPTION_REPORT,   /* struct report_choices: each one is added */
};

#define OPTION_KIND_COUNT 12

struct option_spec {
    const char *name; /* long name, without dashes */
    char letter;      /* short form; 0 = none */
    enum option_kind kind;
    unsigned commands;        /* enum command_bit of those that take it */
    size_t offset;            /* of its value in struct invocation */
    const char *argument;     /* how the value is called in help; NULL = takes none */
    const char *help;         /* one or two lines, '\n' between them */
    const char *const *words; /* OPTION_WORD: NULL-terminated; "" entries cannot be typed */
    unsigned max;             /* OPTION_NUMBER */
    const char *instead;      /* OPTION_ONCE: what to do instead of giving it twice */
};

/* Room for marks of all options; the table may grow into it. */
#define OPTIONS_MAX 128

/* All options, in the order of help (option_table.c). */
const struct option_spec *option_table(size_t *ret_count);

/* Understands argv[1..]. On failure (-EINVAL) *err says which word is wrong and what is right; the
 * invocation is untouched. On success invocation_fini() it. A run without command is success with
 * command == NULL. */
int options_parse(int argc,
                  const char *const *argv,
                  struct invocation *ret_invocation,
                  struct err *err);

#endif
