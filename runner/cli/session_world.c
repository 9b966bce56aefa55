/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshot and checkout of a session. */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/memo.h"
#include "base/vec.h"
#include "cli/session_impl.h"
#include "cli/session_reuse.h"
#include "exec/local.h"
#include "git/tree.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct path_list {
    VEC_FIELDS(char *);
};

static void path_list_fini(struct path_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        mem_free(list->items[i]);
    }
    vec_fini(list);
}

/* ---- which layers may run ---- */

static bool word_names(const struct text_list *words, const struct layer *layer)
{
    for (size_t i = 0; i < words->count; i++) {
        if (strcmp(words->items[i], layer->id) == 0
            || strcmp(words->items[i], layer->base_id) == 0) {
            return true;
        }
    }
    return words->count == 0;
}

/* Marks what a marked layer needs; true when something was added. */
static bool mark_needs(const struct layer *layer, bool *marks)
{
    bool added = false;
    for (size_t i = 0; i < layer->need_count; i++) {
        added |= !marks[layer->needs[i]];
        marks[layer->needs[i]] = true;
    }
    return added;
}

/* Marks the named layers (all without names) and all they need. */
static void mark_layers(const struct pipeline *pipeline, const struct text_list *words, bool *marks)
{
    for (size_t i = 0; i < pipeline->layer_count; i++) {
        marks[i] = word_names(words, &pipeline->layers[i]);
    }
    bool added = true;
    while (added) {
        added = false;
        for (size_t i = 0; i < pipeline->layer_count; i++) {
            added |= marks[i] && mark_needs(&pipeline->layers[i], marks);
        }
    }
}

int world_wanted(const struct session *session, struct world_wanted *ret_wanted, struct err *err)
{
    const struct pipeline *pipeline = config_pipeline(session->project.config);
    bool *marks = mem_calloc(pipeline->layer_count + 1, sizeof *marks);
    if (marks == NULL) {
        return err_set(err, -ENOMEM, "out of memory");
    }
    *ret_wanted = (struct world_wanted){.tree = session->invocation->diff != NULL};
    mark_layers(pipeline, &session->invocation->args, marks);
    for (size_t i = 0; i < pipeline->layer_count; i++) {
        ret_wanted->isolated |= marks[i] && pipeline->layers[i].sandbox == SANDBOX_FULL;
        ret_wanted->tree |=
            marks[i]
            && (pipeline->layers[i].when == WHEN_CHANGED || session->project.plugins[i].selects);
    }
    mem_free(marks);
    return 0;
}

/* ---- what the snapshot leaves out: the files this run writes ---- */

/* The path of `file` below the root, or 1 when it lies elsewhere. */
static int path_below_root(const char *root, const char *file, char *buf, size_t size)
{
    char folder[PATH_TEXT_MAX];
    char real[PATH_TEXT_MAX];
    const char *base = path_basename(file);
    (void)snprintf(folder, sizeof folder, "%.*s.", (int)(base - file), file);
    if (realpath(folder, real) == NULL) {
        return 1; /* a folder that is not there has nothing in it to leave out */
    }
    const size_t len = strlen(root);
    if (strncmp(real, root, len) != 0 || (real[len] != '\0' && real[len] != '/')) {
        return 1;
    }
    const char *inside = real[len] == '/' ? real + len + 1 : "";
    const int written = snprintf(buf, size, "%s%s%s", inside, inside[0] != '\0' ? "/" : "", base);
    return written > 0 && (size_t)written < size ? 0 : -ENAMETOOLONG;
}

static int exclude_file(struct path_list *list, const char *root, const char *file)
{
    char path[PATH_TEXT_MAX];
    int rc = path_below_root(root, file, path, sizeof path);
    if (rc != 0) {
        return rc == 1 ? 0 : rc;
    }
    char *kept = mem_strdup(path);
    rc = kept != NULL ? vec_push(list, kept) : -ENOMEM;
    if (rc != 0) {
        mem_free(kept);
    }
    return rc;
}

/* A folder of JUnit files gets one per layer; sources may lie beside them. */
static int exclude_report(struct path_list *list, const struct session *session, const char *file)
{
    const struct pipeline *pipeline = config_pipeline(session->project.config);
    if (!text_ends_with(file, "/")) {
        return exclude_file(list, session->project.root, file);
    }
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < pipeline->layer_count; i++) {
        char path[PATH_TEXT_MAX];
        (void)snprintf(path, sizeof path, "%sTEST-sluice-%s.xml", file, pipeline->layers[i].id);
        rc = exclude_file(list, session->project.root, path);
    }
    return rc;
}

static int list_excludes(struct path_list *list, const struct session *session)
{
    int rc = 0;
    const struct report_choices *reports = &session->invocation->reports;
    if (session->invocation->junit != NULL) {
        rc = exclude_report(list, session, session->invocation->junit);
    }
    for (size_t i = 0; rc == 0 && i < reports->count; i++) {
        rc = exclude_report(list, session, reports->items[i].path);
    }
    if (rc == 0 && session->invocation->events != NULL) {
        rc = exclude_file(list, session->project.root, session->invocation->events);
    }
    return rc == 0 ? vec_push(list, NULL) : rc;
}

/* ---- snapshot and checkout ---- */

/* "merge:BASE,CHANGE,..." */
static int merged_tree(const struct git_repo *repo,
                       const char *list,
                       char tree[GIT_ID_MAX],
                       struct err *err)
{
    struct path_list names CLEANUP(path_list_fini) = {0};
    int rc = 0;
    while (rc == 0 && *list != '\0') {
        const size_t len = strcspn(list, ",");
        char *name = mem_strndup(list, len);
        rc = name != NULL ? vec_push(&names, name) : -ENOMEM;
        list += len + (list[len] == ',');
    }
    rc = rc == 0 ? vec_push(&names, NULL) : rc;
    if (rc != 0) {
        return err_set(err, rc, "out of memory");
    }
    if (names.count < 3) {
        return err_set(err,
                       -ENOENT,
                       "--at merge: names a base and at least one change: merge:BASE,CHANGE,...");
    }
    return git_merge_tree(repo, names.items[0], (const char *const *)names.items + 1, tree, err);
}

static int tree_at(const struct git_repo *repo,
                   const char *state,
                   char tree[GIT_ID_MAX],
                   struct err *err)
{
    const int rc = strncmp(state, "merge:", 6) == 0 ? merged_tree(repo, state + 6, tree, err)
                                                    : git_commit_tree(repo, state, tree, err);
    return rc == 0 ? 0 : err_wrap(err, "--at %s", state);
}

/* Most runs are of the tree of the run before. Not worth a guess is a run that will start programs
 * anyway, and one whose choice of units rests on the tree; what --diff says of the tree is told to
 * plugins before the guess is settled. */
static bool guess_tree(struct session *session)
{
    const struct invocation *in = session->invocation;
    struct err ignored = {0};
    return session->guesses && session->invocation->diff == NULL && session->isolated
           && session->store != NULL && session->reuse != NULL && !in->no_reuse && !in->rerun_failed
           && !in->resume.given
           && store_last_tree(session->store, session->tree, sizeof session->tree, &ignored) == 1;
}

/* ---- how busy this process will be while git looks at the tree ---- */

/* Of the processor, to decide about one unit that evidence answers for (docs/decisions/0022). */
#define DECISION_US 5u

/* A number of units, in decimal. */
#define UNITS_TEXT_MAX 24

/* Where it is kept how many units there were; false when it cannot be told. */
static bool units_memo(const struct session *session,
                       char folder[PATH_TEXT_MAX],
                       struct hash *ret_key)
{
    struct hasher *hasher = hasher_new();
    const int len = snprintf(folder, PATH_TEXT_MAX, "%s/memo", session->project.state);
    if (hasher == NULL || len >= PATH_TEXT_MAX) {
        hasher_free(hasher);
        return false;
    }
    hasher_add_text(hasher, "units known");
    hasher_add_text(hasher, session->project.file);
    *ret_key = hasher_end(hasher);
    hasher_free(hasher);
    return true;
}

/* As many as were known last time: the history is not open before git has been started. */
static uint64_t recall_units(const struct session *session)
{
    char folder[PATH_TEXT_MAX];
    struct hash key;
    CLEANUP(str_fini) struct str text = STR_INIT(MEMO_ANSWER_MAX);
    const bool known = units_memo(session, folder, &key) && memo_find(folder, &key, &text);
    return known ? strtoull(str_text(&text), NULL, 10) : 0;
}

/* Kept when it is another number than before by more than a quarter. A run of some layers alone
 * does not read what is known of all. */
static void remember_units(const struct session *session, uint64_t before)
{
    char folder[PATH_TEXT_MAX];
    char text[UNITS_TEXT_MAX];
    struct hash key;
    const uint64_t now = session->known_units;
    const uint64_t apart = now > before ? now - before : before - now;
    if (now > 0 && apart > before / 4 && units_memo(session, folder, &key)) {
        (void)snprintf(text, sizeof text, "%llu", (unsigned long long)now);
        memo_keep(folder, &key, text, strlen(text));
    }
}

static int take_snapshot(struct session *session, struct git_repo *repo, struct err *err)
{
    CLEANUP(path_list_fini) struct path_list excludes = {0};
    if (list_excludes(&excludes, session) != 0) {
        return err_set(err, -ENOMEM, "out of memory");
    }
    const int rc = git_open(session->project.root, repo, err);
    if (rc != 0) {
        return rc;
    }
    if (session->invocation->at != NULL) {
        return tree_at(repo, session->invocation->at, session->tree, err);
    }
    struct git_snapshot *taking = NULL;
    const bool decides = session->guesses && !session->invocation->no_reuse;
    const uint64_t units = decides ? recall_units(session) : 0;
    const int begun = git_snapshot_begin(
        repo, (const char *const *)excludes.items, units * DECISION_US, &taking, err);
    if (begun != 0) {
        return begun;
    }
    session_read_ahead(session);
    if (decides) {
        remember_units(session, units);
    }
    if (guess_tree(session)) {
        session->taking = taking;
        session_reuse_suppose(session->reuse);
        return 0;
    }
    return git_snapshot_end(taking, session->tree, err);
}

bool session_knows_tree(const struct session *session)
{
    return session->taking == NULL || git_snapshot_is_due(session->taking);
}

int session_confirm(struct session *session, struct err *err)
{
    char tree[GIT_ID_MAX];
    const int rc = git_snapshot_end(session->taking, tree, err);
    session->taking = NULL;
    if (rc != 0) {
        return rc;
    }
    const bool right = strcmp(tree, session->tree) == 0 && session_reuse_stands(session->reuse);
    memcpy(session->tree, tree, sizeof tree);
    session_tree_known(session);
    return right;
}

/* A place for the checkout; it is filled when something must run there. */
static int take_place(struct session *session, struct err *err)
{
    int rc = pool_take(session->project.state, &session->checkout, err);
    if (rc == 0
        && snprintf(session->lower, sizeof session->lower, "%s/tree", session->checkout.path)
               >= (int)sizeof session->lower) {
        rc = err_set(err, -ENAMETOOLONG, "%s: the path is too long", session->checkout.path);
    }
    return rc;
}

/* Can this machine isolate? When it cannot, layers run in place, unless isolation was asked for on
 * the command line. */
static int check_isolation(struct session *session, struct world_wanted *wanted, struct err *err)
{
    struct exec_probe probe = {0};
    char memo[PATH_TEXT_MAX];
    if (snprintf(memo, sizeof memo, "%s/memo", session->project.state) >= (int)sizeof memo) {
        return err_set(err, -ENAMETOOLONG, "%s: the path is too long", session->project.state);
    }
    exec_probe_once(memo, &probe);
    if (probe.isolated) {
        return 0;
    }
    if (session->invocation->sandbox == SANDBOX_CHOICE_FULL) {
        return err_set(err,
                       -ENOTSUP,
                       "--sandbox full: units cannot be isolated on this machine: %s",
                       probe.reason);
    }
    /* told by the first layer that asks for a world, so that the log has it too */
    (void)snprintf(session->no_lower, sizeof session->no_lower, "%s", probe.reason);
    wanted->isolated = false;
    return 0;
}

int world_prepare(struct session *session, struct err *err)
{
    struct world_wanted wanted = {0};
    int rc = world_wanted(session, &wanted, err);
    if (rc == 0 && wanted.isolated) {
        rc = check_isolation(session, &wanted, err);
    }
    if (rc != 0 || (!wanted.isolated && !wanted.tree)) {
        return rc;
    }
    session->repo = mem_calloc(1, sizeof *session->repo); /* 12 KiB of paths */
    if (session->repo == NULL) {
        return err_set(err, -ENOMEM, "out of memory");
    }
    session->isolated = wanted.isolated;
    rc = take_snapshot(session, session->repo, err);
    if (rc == 0 && wanted.isolated) {
        rc = take_place(session, err);
    }
    return rc;
}

int world_lay_out(void *context, struct err *err)
{
    const struct session *session = context;
    return git_materialise(session->repo, session->tree, session->checkout.path, err);
}
