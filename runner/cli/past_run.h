/* SPDX-License-Identifier: Apache-2.0 */
/* Which run is meant: the newest one, one by its id or the beginning of it, or one by its event
 * log. */
#ifndef SLUICE_CLI_PAST_RUN_H
#define SLUICE_CLI_PAST_RUN_H

#include "base/err.h"
#include "base/limits.h"

struct past_run {
    char state[PATH_TEXT_MAX];   /* the project's state folder; "" when a file was named */
    char file[PATH_TEXT_MAX];    /* the event log */
    char run_dir[PATH_TEXT_MAX]; /* where its captures lie */
};

/* The state folder of the project that `pipeline` (NULL = the current folder) belongs to. */
int past_run_state(const char *pipeline, struct past_run *past, struct err *err);

/* A user's word for the newest run. A file of that name is ./latest. */
#define PAST_RUN_LATEST "latest"

/* `word`: as a user names it; NULL = the newest. -ENOENT: there is none, or there are several. */
int past_run_find(const char *pipeline, const char *word, struct past_run *past, struct err *err);

#endif
