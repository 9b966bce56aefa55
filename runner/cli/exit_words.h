/* SPDX-License-Identifier: Apache-2.0 */
/* The exit codes with their meaning, one table for help and man page. */
#ifndef SLUICE_CLI_EXIT_WORDS_H
#define SLUICE_CLI_EXIT_WORDS_H

#include "model/event.h"

struct exit_word {
    enum exit_code code;
    const char *text; /* a clause for people */
};

const struct exit_word *exit_words(size_t *ret_count);

/* The exit code for a negative errno of setting something up: words and files of the user (-EINVAL,
 * -ENOENT, -EPROTO, -EBADMSG, -EILSEQ, -ELOOP, -EEXIST, -E2BIG, -EFBIG, -ENAMETOOLONG) are
 * EXIT_USAGE; everything else (memory, disk, processes) is EXIT_INFRASTRUCTURE. */
enum exit_code exit_code_of_config_error(int error);

#endif
