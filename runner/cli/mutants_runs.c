/* SPDX-License-Identifier: Apache-2.0 */
/* Where results of mutation lie: among the artifacts of a run's units. */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "cli/mutants.h"
#include "cli/run_folder.h"
#include "exec/collect.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RESULTS_ENDING ".ndjson"

struct walking {
    const char *folder;
    const struct mutants_reader *reader; /* NULL: only look whether there is one */
    bool found;
    struct err *err;
};

/* LAYER/UNIT.attempt-N: what an earlier attempt of a unit left; a later one did it again. */
static bool is_set_aside(const char *path)
{
    const char *slash = strchr(path, '/');
    const char *mark =
        slash != NULL && strchr(slash + 1, '/') == NULL ? strstr(slash, ".attempt-") : NULL;
    return mark != NULL
           && mark[strlen(".attempt-") + strspn(mark + strlen(".attempt-"), "0123456789")] == '\0';
}

static int visit(void *context, int root, const char *path, mode_t mode)
{
    struct walking *walking = context;
    char full[PATH_TEXT_MAX];
    (void)root;
    if (S_ISDIR(mode)) {
        return !is_set_aside(path);
    }
    if (!S_ISREG(mode) || !text_ends_with(path, RESULTS_ENDING)
        || snprintf(full, sizeof full, "%s/%s", walking->folder, path) >= (int)sizeof full
        || !mutants_looks_like(full)) {
        return 0;
    }
    walking->found = true;
    if (walking->reader == NULL) {
        return -ECANCELED; /* that is enough */
    }
    return mutants_read(full, walking->reader, walking->err);
}

static int walk(struct walking *walking, const char *run_dir)
{
    char folder[PATH_TEXT_MAX];
    if (snprintf(folder, sizeof folder, "%s/artifacts", run_dir) >= (int)sizeof folder) {
        return err_set(walking->err, -ENAMETOOLONG, "%s: the path is too long", run_dir);
    }
    CLEANUP(cleanup_fd) int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT ? 0 : err_errno(walking->err, "%s", folder);
    }
    walking->folder = folder;
    const int rc = tree_walk(fd, visit, walking, walking->err);
    walking->folder = NULL;
    return rc;
}

static bool has_results(const char *run_dir)
{
    struct err ignored = {0};
    struct walking walking = {.err = &ignored};
    (void)walk(&walking, run_dir);
    return walking.found;
}

int mutants_run_read(const struct mutants_run *run,
                     const struct mutants_reader *reader,
                     struct err *err)
{
    struct walking walking = {.reader = reader, .err = err};
    return walk(&walking, run->run_dir);
}

struct searching {
    const char *state;
    const char *before;
    struct mutants_run *run;
};

static int look_at(void *context, const char *run_id)
{
    struct searching *searching = context;
    if (searching->before != NULL) {
        searching->before = strcmp(run_id, searching->before) == 0 ? NULL : searching->before;
        return 0;
    }
    char *buf = searching->run->run_dir;
    const size_t size = sizeof searching->run->run_dir;
    return snprintf(buf, size, "%s/" FOLDERS_RUNS "/%s", searching->state, run_id) < (int)size
                   && has_results(buf)
               ? 1
               : 0;
}

int mutants_run_find(const struct invocation *invocation,
                     const char *word,
                     const char *before,
                     struct mutants_run *ret_run,
                     struct err *err)
{
    struct past_run past = {0};
    if (word != NULL && strcmp(word, PAST_RUN_LATEST) != 0) {
        int rc = past_run_find(invocation->pipeline, word, &past, err);
        if (rc == 0 && !has_results(past.run_dir)) {
            rc = err_set(err, -ENOENT, "run %s has no results of a mutation layer", word);
        }
        if (rc == 0) {
            (void)snprintf(ret_run->run_dir, sizeof ret_run->run_dir, "%s", past.run_dir);
            ret_run->id = path_basename(ret_run->run_dir);
        }
        return rc;
    }
    before = word == NULL ? before : NULL; /* the newest of all was asked for */
    int rc = past_run_state(invocation->pipeline, &past, err);
    if (rc != 0) {
        return rc;
    }
    struct searching searching = {.state = past.state, .before = before, .run = ret_run};
    rc = run_folder_list(past.state, FOLDERS_RUNS, look_at, &searching, err);
    ret_run->id = path_basename(ret_run->run_dir);
    if (rc == 0) {
        rc = before == NULL
                 ? err_set(err,
                           -ENOENT,
                           "no run here has results of a mutation layer yet; a layer with `uses: "
                           "mutation` leaves some when `sluice run` runs it")
                 : err_set(err,
                           -ENOENT,
                           "no run before %s has results of a mutation layer: there is nothing to "
                           "compare with (--against RUN names another run)",
                           before);
    }
    return rc < 0 ? rc : 0;
}

/* ---- one mutant ---- */

struct search {
    const char *word;
    struct mutants_found *found;
    char other[64]; /* a second id that begins so; "" = none */
};

static int match(void *context, const struct mutants_part *part, const struct mutants_entry *entry)
{
    struct search *search = context;
    struct mutants_found *found = search->found;
    if (!text_starts_with(entry->id, search->word)) {
        return 0;
    }
    if (found->id[0] == '\0') {
        (void)snprintf(found->id, sizeof found->id, "%s", entry->id);
        (void)snprintf(found->layer, sizeof found->layer, "%s", part->layer);
        (void)snprintf(found->file, sizeof found->file, "%s", part->file);
    } else if (strcmp(found->id, entry->id) != 0) {
        (void)snprintf(search->other, sizeof search->other, "%s", entry->id);
    }
    return 0;
}

int mutants_find(const struct mutants_run *run,
                 const char *word,
                 struct mutants_found *ret_found,
                 struct err *err)
{
    struct mutants_found found = {0};
    struct search search = {.word = word, .found = &found};
    const struct mutants_reader reader = {.entry = match, .context = &search};
    const int rc = word[0] != '\0' ? mutants_run_read(run, &reader, err) : 0;
    if (rc != 0) {
        return rc;
    }
    if (found.id[0] == '\0') {
        return err_set(err,
                       -ENOENT,
                       "no mutant of run %s has an id that begins with \"%s\"; `sluice mutants "
                       "list` shows them",
                       run->id,
                       word);
    }
    if (search.other[0] != '\0') {
        return err_set(err,
                       -ENOENT,
                       "\"%s\" is the beginning of several mutants' ids (%s, %s): say more of it",
                       word,
                       found.id,
                       search.other);
    }
    *ret_found = found;
    return 0;
}
