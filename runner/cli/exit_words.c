/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/exit_words.h"

#include <errno.h>
#include <stdlib.h>

static const struct exit_word words[] = {
    {EXIT_OPEN,               "the gate is open: everything selected passed"                 },
    {EXIT_SHUT,               "the gate is shut: tests or gates failed"                      },
    {EXIT_USAGE,              "the command line or the pipeline is wrong"                    },
    {EXIT_INFRASTRUCTURE,
     "a plugin or the machine got in the way: disk, memory, git, a report file"              },
    {EXIT_NOTHING_SELECTED,   "nothing was selected, so nothing was proven"                  },
    {EXIT_RERUNS_OUTSTANDING, "what was run again passed, but other failures are outstanding"},
    {EXIT_DEADLINE,           "the --budget was used up; `sluice run --resume` goes on"      },
    {EXIT_INTERRUPTED,        "interrupted by a signal; `sluice run --resume` goes on"       },
};

/* Errors that are in what the user wrote, not in the machine. */
static const int user_errors[] = {
    EINVAL,
    ENOENT,
    EPROTO,
    EBADMSG,
    EILSEQ,
    ELOOP,
    EEXIST,
    E2BIG,
    EFBIG,
    ENAMETOOLONG,
    ENOEXEC,
    EISDIR,
    ENOTDIR,
};

const struct exit_word *exit_words(size_t *ret_count)
{
    *ret_count = sizeof words / sizeof words[0];
    return words;
}

enum exit_code exit_code_of_config_error(int error)
{
    for (size_t i = 0; i < sizeof user_errors / sizeof user_errors[0]; i++) {
        if (user_errors[i] == abs(error)) {
            return EXIT_USAGE;
        }
    }
    return EXIT_INFRASTRUCTURE;
}
