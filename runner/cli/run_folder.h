/* SPDX-License-Identifier: Apache-2.0 */
/* Folders below .sluice: one per run (runs/ID), held by a lock while the run lives, and the pool of
 * checkouts (pool/node_modules/N), each used by one sluice at a time. */
#ifndef SLUICE_CLI_RUN_FOLDER_H
#define SLUICE_CLI_RUN_FOLDER_H

#include "base/err.h"
#include "base/limits.h"
#include "cli/run_id.h"

#include <stdbool.h>
#include <stddef.h>

#define RUN_EVENTS_FILE "events.ndjson"

/* Runs kept after a run; a run of 10,000 units has about 5 MiB of log and captures. */
#define RUNS_KEPT 100

/* Checkouts in the pool: as many sluices as run over one tree at once. Beyond: an error that says
 * so. */
#define POOL_MAX 64

/* The checkouts lie in the tree, on its file system, and go when it goes. Their folder has the one
 * name that tools which look for tests or packages pass over without being told (Jest, Vitest, node
 * --test, mocha, ESLint, tsc): run by hand, they would find everything twice. */
#define POOL_FOLDER "pool/node_modules"

/* Kinds of folders below the state folder: of runs, and of plans (removed when they end). */
#define FOLDERS_RUNS  "runs"
#define FOLDERS_PLANS "plans"

/* A locked folder. */
struct held_folder {
    char path[PATH_TEXT_MAX]; /* absolute */
    int lock;                 /* descriptor that holds the lock; -1 = not held */
};

/* Makes the state folder with a .gitignore of "*". */
int state_folder_make(const char *state, struct err *err);

/* Makes and locks state/KIND/ID with a fresh id. */
int run_folder_make(const char *state,
                    const char *kind,
                    char run_id[RUN_ID_SIZE],
                    struct held_folder *ret_folder,
                    struct err *err);

/* Does a living process hold this folder? False when it is missing. */
bool run_folder_is_alive(const char *state, const char *kind, const char *run_id);

/* Takes the first free checkout of the pool; made when needed. */
int pool_take(const char *state, struct held_folder *ret_folder, struct err *err);

/* Gives a folder back (keeps its content). */
void held_folder_release(struct held_folder *folder);

/* Calls `each` for the ids in state/KIND, newest first; non-zero stops and is returned. A missing
 * folder has none. */
int run_folder_list(const char *state,
                    const char *kind,
                    int (*each)(void *context, const char *run_id),
                    void *context,
                    struct err *err);

/* Removes all folders but the newest `keep` and those still alive. */
int run_folder_prune(const char *state, const char *kind, unsigned keep, struct err *err);

#endif
