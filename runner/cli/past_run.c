/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/past_run.h"

#include "base/file.h"
#include "base/text.h"
#include "cli/event_file.h"
#include "cli/project.h"
#include "cli/run_folder.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int past_run_state(const char *pipeline, struct past_run *past, struct err *err)
{
    char folder[PATH_TEXT_MAX] = ".";
    char root[PATH_TEXT_MAX];
    if (pipeline != NULL) {
        const char *base = path_basename(pipeline);
        (void)snprintf(folder, sizeof folder, "%.*s.", (int)(base - pipeline), pipeline);
    }
    const int rc = project_find_root(folder, root, sizeof root, err);
    if (rc != 0) {
        return rc;
    }
    return snprintf(past->state, sizeof past->state, "%s/%s", root, STATE_FOLDER)
                   < (int)sizeof past->state
               ? 0
               : err_set(err, -ENAMETOOLONG, "%s: the path is too long", root);
}

struct choosing {
    const char *word; /* id of a run or its beginning; NULL = newest */
    char run_id[RUN_ID_SIZE];
    unsigned matches;
};

static int choose_one(void *context, const char *run_id)
{
    struct choosing *choosing = context;
    if (choosing->word != NULL && !text_starts_with(run_id, choosing->word)) {
        return 0;
    }
    if (choosing->matches++ == 0) {
        (void)snprintf(choosing->run_id, sizeof choosing->run_id, "%s", run_id);
    }
    return choosing->word == NULL ? 1 : 0;
}

static int choose_run(struct past_run *past, const char *word, struct err *err)
{
    struct choosing choosing = {.word = word};
    const int rc = run_folder_list(past->state, FOLDERS_RUNS, choose_one, &choosing, err);
    if (rc < 0) {
        return rc;
    }
    if (choosing.matches == 0 && word == NULL) {
        return err_set(
            err, -ENOENT, "there is no run in %s yet; `sluice run` makes one", past->state);
    }
    if (choosing.matches != 1) {
        return err_set(err,
                       -ENOENT,
                       "\"%s\" is %s (`sluice report --list` shows the runs)",
                       word,
                       choosing.matches == 0 ? "neither a run nor an event log (FILE.ndjson)"
                                             : "the beginning of several runs' ids");
    }
    const int len = snprintf(past->run_dir,
                             sizeof past->run_dir,
                             "%s/" FOLDERS_RUNS "/%s",
                             past->state,
                             choosing.run_id);
    const int file_len =
        snprintf(past->file, sizeof past->file, "%s/" RUN_EVENTS_FILE, past->run_dir);
    return len < (int)sizeof past->run_dir && file_len < (int)sizeof past->file
               ? 0
               : err_set(err, -ENAMETOOLONG, "%s: the path is too long", past->state);
}

/* Captures of a log that lies elsewhere are where its first event says, or beside it. */
static int choose_file(struct past_run *past, const char *file, struct err *err)
{
    struct event event = {0};
    const char *base = path_basename(file);
    struct arena *arena = arena_new(EVENT_ARENA_MAX);
    if (arena == NULL) {
        return err_set(err, -ENOMEM, "out of memory");
    }
    const int file_len = snprintf(past->file, sizeof past->file, "%s", file);
    const int rc = event_file_first(file, arena, &event, err);
    int len = 0;
    if (rc == 0 && run_id_is_valid(event.u.run_started.run_id)) {
        len = snprintf(past->run_dir,
                       sizeof past->run_dir,
                       "%s/" STATE_FOLDER "/" FOLDERS_RUNS "/%s",
                       event.u.run_started.root,
                       event.u.run_started.run_id);
    }
    if (len == 0 || len >= (int)sizeof past->run_dir || !file_exists(past->run_dir)) {
        len = snprintf(past->run_dir, sizeof past->run_dir, "%.*s.", (int)(base - file), file);
    }
    arena_free(arena);
    if (rc == 0 && (len >= (int)sizeof past->run_dir || file_len >= (int)sizeof past->file)) {
        return err_set(err, -ENAMETOOLONG, "the path is too long");
    }
    return rc;
}

int past_run_find(const char *pipeline, const char *word, struct past_run *past, struct err *err)
{
    if (word != NULL && strcmp(word, PAST_RUN_LATEST) == 0) {
        word = NULL;
    }
    if (word != NULL && !run_id_is_valid(word)
        && (text_ends_with(word, ".ndjson") || file_exists(word))) {
        return choose_file(past, word, err);
    }
    const int rc = past_run_state(pipeline, past, err);
    return rc == 0 ? choose_run(past, word, err) : rc;
}
