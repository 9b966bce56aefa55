/* SPDX-License-Identifier: Apache-2.0 */
/* What `run`, `plan` and `list` share: everything the scheduler needs, put together from the
 * command line. Opened in two steps, so that words reach the user before the slow part begins:
 * session_open() understands, session_prepare() takes the snapshot. */
#ifndef SLUICE_CLI_SESSION_H
#define SLUICE_CLI_SESSION_H

#include "cli/history.h"
#include "cli/project.h"
#include "cli/run_folder.h"
#include "git/git.h"
#include "sched/sched.h"
#include "store/store.h"

struct session_reuse;

struct session {
    const struct invocation *invocation;
    struct project project;
    struct filter *filter;
    struct str command; /* the command line, quoted */
    unsigned jobs;

    char run_id[RUN_ID_SIZE];
    struct held_folder folder; /* what this run writes */
    uint64_t known_units;      /* that the history knows, once it is read ahead */
    bool guesses;              /* does not wait for the tree: session_confirm() follows */
    bool passing;              /* the folder is removed in the end: plan, list */

    struct store *store;     /* NULL: the run goes on without history */
    struct history *history; /* NULL likewise */
    char resumed[RUN_ID_SIZE];
    struct git_repo *repo;       /* NULL = no snapshot was needed */
    char tree[GIT_ID_MAX];       /* "" likewise */
    struct str diff;             /* what --diff comes to, JSON; empty = it was not given */
    struct git_snapshot *taking; /* git still looks: `tree` is a guess; NULL = it does not */
    struct held_folder checkout; /* of the pool */
    int cache_hold;              /* keeps objects and checkouts in their place; -1 */
    char lower[PATH_TEXT_MAX];   /* "" = everything runs in place */
    char no_lower[ERR_TEXT_MAX]; /* why that is so although layers ask for a world; "" = they do not
                                  */
    struct session_reuse *reuse; /* NULL: everything runs */
    bool store_tried;            /* it was opened, or cannot be: while git looks at the tree */
    bool reuse_tried;            /* opened, or it cannot be */
    bool isolated;               /* units run over the snapshot */
    struct uv_loop_s *loop;
    struct exec *exec;

    /* Where warnings go; they do not stop the run. */
    void (*tell)(void *context, const char *text);
    void *tell_context;
};

/* Reads the pipeline, checks the words, makes the folder. Returns EXIT_OPEN to go on, else the exit
 * code and *err. session_close() it in both cases; a session starts zeroed. */
enum exit_code session_open(struct session *session,
                            const struct invocation *invocation,
                            bool passing,
                            struct err *err);

/* Store, history, snapshot, checkout, loop, slots. Set `tell` before. */
enum exit_code session_prepare(struct session *session, struct err *err);

/* A run that may be answered as a whole does not wait for git to have looked at the tree: the tree
 * is most often that of the run before. With `taking` set, session_confirm() has to follow; until
 * then nobody may be told anything, and nothing that was looked up may be kept. */

/* Would session_confirm() hardly wait? */
bool session_knows_tree(const struct session *session);

/* Waits for git. 1 = the guess was right. 0 = it was wrong, or the store was changed meanwhile:
 * `tree` is right now, and session_start_over() is to be called when nothing of what was looked up
 * is in use any more. Negative: git failed. */
int session_confirm(struct session *session, struct err *err);

/* Writes what waits to be written of the run folder, but for the reports. */
int session_flush(struct session *session, struct err *err);

/* As if nothing had been looked up. */
void session_start_over(struct session *session);

/* Fills what session knows of the options; the caller adds the sink. */
void session_fill(struct session *session, struct sched_options *options);

void session_close(struct session *session);

#endif
