/* SPDX-License-Identifier: Apache-2.0 */
/* Going on with an interrupted run. */
#include "base/file.h"
#include "cli/event_file.h"
#include "cli/session_impl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* A run that resumes one that resumed one ...: a nightly job that needs a week has 7. Beyond: what
 * passed in the oldest ones runs again. */
#define RESUME_CHAIN_MAX 1000

struct choice {
    const struct session *session;
    const char *wanted; /* NULL = the newest unfinished one */
    bool found;
    bool finished;
    char run_id[RUN_ID_SIZE];
    char tree[GIT_ID_MAX];
    int exit_code;
};

static bool row_is_unfinished(const struct run_row *row)
{
    return row->wall_ms < 0 || row->exit_code == EXIT_INTERRUPTED
           || row->exit_code == EXIT_DEADLINE;
}

static int consider_run(void *context, const struct run_row *row)
{
    struct choice *choice = context;
    const struct session *session = choice->session;
    const bool named = choice->wanted != NULL && strcmp(row->run_id, choice->wanted) == 0;
    const bool fits =
        choice->wanted == NULL && row_is_unfinished(row) && row->pipeline != NULL
        && strcmp(path_basename(row->pipeline), path_basename(session->project.file)) == 0
        && !run_folder_is_alive(session->project.state, FOLDERS_RUNS, row->run_id);
    if (!named && !fits) {
        return 0;
    }
    choice->found = true;
    choice->finished = !row_is_unfinished(row);
    choice->exit_code = row->exit_code;
    (void)snprintf(choice->run_id, sizeof choice->run_id, "%s", row->run_id);
    (void)snprintf(choice->tree, sizeof choice->tree, "%s", row->tree != NULL ? row->tree : "");
    return 1;
}

static void tell(const struct session *session, const char *text)
{
    session->tell(session->tell_context, text);
}

/* Whether nothing can be gone on with: a named run is insisted on, the newest one is not. */
static int refuse(const struct session *session,
                  const struct choice *choice,
                  struct err *err,
                  const char *why)
{
    if (choice->wanted != NULL) {
        return err_set(err, -EINVAL, "--resume %s: %s", choice->wanted, why);
    }
    char text[ERR_TEXT_MAX];
    (void)snprintf(text, sizeof text, "--resume: %s; all that is selected runs", why);
    tell(session, text);
    return 1;
}

/* 0 = go on with it, 1 = start afresh, negative = error. */
static int check_choice(const struct session *session, struct choice *choice, struct err *err)
{
    if (!choice->found) {
        return refuse(session,
                      choice,
                      err,
                      choice->wanted != NULL
                          ? "there is no such run (`sluice report --list` shows those there are)"
                          : "no interrupted run was found");
    }
    if (choice->finished) {
        return refuse(session,
                      choice,
                      err,
                      "this run came to its end, there is nothing to go on with (--rerun-failed "
                      "runs again what failed)");
    }
    if (run_folder_is_alive(session->project.state, FOLDERS_RUNS, choice->run_id)) {
        return refuse(session, choice, err, "this run is still under way");
    }
    if (session->tree[0] != '\0' && strcmp(session->tree, choice->tree) != 0) {
        return refuse(session,
                      choice,
                      err,
                      "the tree has changed since that run, what passed there proves nothing now");
    }
    if (session->tree[0] == '\0') {
        tell(session,
             "--resume: everything runs in place, so it is not known whether the tree has changed "
             "since; what passed is taken over");
    }
    return 0;
}

/* The first event of the log of a run, in `arena`; NULL when it cannot be read. */
static const struct event *first_event(const struct session *session,
                                       const char *run_id,
                                       struct arena *arena,
                                       struct event *event)
{
    char path[PATH_TEXT_MAX];
    const int len = snprintf(path,
                             sizeof path,
                             "%s/" FOLDERS_RUNS "/%s/" RUN_EVENTS_FILE,
                             session->project.state,
                             run_id);
    const bool read =
        arena != NULL && len < (int)sizeof path && event_file_first(path, arena, event, NULL) == 0;
    return read ? event : NULL;
}

/* The run that `run_id` itself went on with, or "". */
static void find_resumed(const struct session *session, const char *run_id, char *resumed)
{
    struct event event = {0};
    struct arena *arena = arena_new(EVENT_ARENA_MAX);
    const struct event *first = first_event(session, run_id, arena, &event);
    resumed[0] = '\0';
    if (first != NULL && first->u.run_started.resumed != NULL) {
        (void)snprintf(resumed, RUN_ID_SIZE, "%s", first->u.run_started.resumed);
    }
    arena_free(arena);
}

/* What passed is remembered, what was selected is not: a run of one layer, resumed without a word,
 * ran all the others and never came to the one that had been interrupted. So its words are shown.
 */
static void tell_words(const struct session *session, const char *run_id)
{
    char text[ERR_TEXT_MAX];
    struct event event = {0};
    struct arena *arena = arena_new(EVENT_ARENA_MAX);
    const struct event *first = first_event(session, run_id, arena, &event);
    if (first != NULL && first->u.run_started.command != NULL) {
        (void)snprintf(text,
                       sizeof text,
                       "--resume: going on with run %s, which was: %s (layers and filters are not "
                       "taken from it; name them again)",
                       run_id,
                       first->u.run_started.command);
        tell(session, text);
    }
    arena_free(arena);
}

int resume_prepare(struct session *session, struct err *err)
{
    struct choice choice = {.session = session, .wanted = session->invocation->resume.run};
    if (session->store == NULL) {
        return err_set(err,
                       -ENODATA,
                       "--resume needs the history of runs, which could not be opened (see above)");
    }
    int rc = store_runs(session->store, consider_run, &choice, err);
    if (rc < 0) {
        return rc;
    }
    rc = check_choice(session, &choice, err);
    if (rc != 0) {
        return rc == 1 ? 0 : rc;
    }
    char run_id[RUN_ID_SIZE];
    memcpy(run_id, choice.run_id, sizeof run_id);
    for (unsigned i = 0; run_id[0] != '\0' && i < RESUME_CHAIN_MAX; i++) {
        rc = history_carry(session->history, run_id, err);
        if (rc != 0) {
            return rc;
        }
        char next[RUN_ID_SIZE] = "";
        find_resumed(session, run_id, next);
        memcpy(run_id, next, sizeof run_id);
    }
    memcpy(session->resumed, choice.run_id, sizeof session->resumed);
    tell_words(session, choice.run_id);
    return 0;
}
