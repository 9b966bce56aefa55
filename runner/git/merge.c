/* SPDX-License-Identifier: Apache-2.0 */
/* Trees of revisions, their differences, and merges that nobody has made yet. `git merge-tree`
 * joins two commits, so between two changes the tree so far is made a commit, in the state folder's
 * object store, where no ref leads to it. */
#include "base/cleanup.h"
#include "git/call.h"
#include "git/tree.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Files of a conflict that are named. */
#define CONFLICTS_SHOWN 5

/* The first line (or NUL-terminated text) of what git printed, which must be an id. */
static int take_id(const struct str *out, const char *what, char id[GIT_ID_MAX], struct err *err)
{
    char text[GIT_ID_MAX];
    size_t len = strcspn(str_text(out), "\n");
    if (len >= sizeof text) {
        return err_set(err, -EPROTO, "%s printed no id", what);
    }
    memcpy(text, str_text(out), len);
    text[len] = '\0';
    if (!git_is_id(text)) {
        return err_set(err, -EPROTO, "%s printed no id: %s", what, text);
    }
    memcpy(id, text, len + 1);
    return 0;
}

int git_commit_tree(const struct git_repo *repo,
                    const char *revision,
                    char tree[GIT_ID_MAX],
                    struct err *err)
{
    char commit[GIT_ID_MAX];
    char spec[GIT_ID_MAX + 8];
    CLEANUP(str_fini) struct str out = STR_INIT(4096);
    int rc = git_resolve(repo, revision, commit, err);
    if (rc != 0) {
        return rc;
    }
    (void)snprintf(spec, sizeof spec, "%s^{tree}", commit);
    const char *const argv[] = {"git", "rev-parse", "--verify", "-q", spec, NULL};
    const struct git_call call = {.argv = argv, .repo = repo};
    rc = git_call_ok(&call, "git rev-parse", &out, err);
    return rc == 0 ? take_id(&out, "git rev-parse", tree, err) : rc;
}

/* ":100644 100755 ID ID M" and a path, each closed by a NUL; moves *at behind both. NULL: it is
 * none.
 */
static const char *parse_difference(const char **at, const char *end, const char **ret_head)
{
    const char *head = *at;
    size_t len = strnlen(head, (size_t)(end - head));
    if (head[0] != ':' || len < 20 || head + len + 1 >= end) {
        return NULL;
    }
    const char *path = head + len + 1;
    size_t path_len = strnlen(path, (size_t)(end - path));
    *at = path + path_len + 1;
    *ret_head = head;
    return path_len > 0 && path + path_len < end ? path : NULL;
}

int git_diff_each(const struct git_repo *repo,
                  const char *old_tree,
                  const char *new_tree,
                  int (*each)(void *context, const char *path, bool in_place),
                  void *context,
                  struct err *err)
{
    const char *const argv[] = {"git",
                                "diff-tree",
                                "-r",
                                "-z",
                                "--raw",
                                "--no-renames",
                                "--ignore-submodules=none",
                                old_tree,
                                new_tree,
                                NULL};
    const struct git_call call = {.argv = argv, .repo = repo};
    CLEANUP(str_fini) struct str out = STR_INIT(GIT_OUTPUT_MAX);
    if (!git_is_id(old_tree) || !git_is_id(new_tree)) {
        return err_set(err, -EINVAL, "'%s'..'%s': not two tree ids", old_tree, new_tree);
    }
    int rc = git_call_ok(&call, "cannot compare two trees", &out, err);
    const char *at = str_text(&out);
    const char *end = at + out.len;
    while (rc == 0 && at < end) {
        const char *head = NULL;
        const char *path = parse_difference(&at, end, &head);
        if (path == NULL) {
            return err_set(err, -EPROTO, "git diff-tree printed something else than differences");
        }
        /* The kind of node is in the first three digits of both modes. */
        rc = each(context, path, memcmp(head + 1, head + 8, 3) == 0);
    }
    return rc;
}

/* "A and B" of what git listed behind the tree, each name closed by a NUL. */
static int complain_conflict(const char *change, const struct str *out, struct err *err)
{
    CLEANUP(str_fini) struct str names = STR_INIT(ERR_TEXT_MAX);
    const char *at = str_text(out) + strlen(str_text(out)) + 1;
    const char *end = str_text(out) + out->len;
    unsigned shown = 0;
    while (at < end && *at != '\0') {
        if (shown++ < CONFLICTS_SHOWN) {
            (void)str_appendf(&names, "%s%s", names.len > 0 ? ", " : "", at);
        }
        at += strlen(at) + 1;
    }
    return err_set(err,
                   -EUCLEAN,
                   "merging %s conflicts in %s%s; rebase it",
                   change,
                   str_text(&names),
                   shown > CONFLICTS_SHOWN ? " and more" : "");
}

static int merge_two(const struct git_repo *repo,
                     const char *ours,
                     const char *theirs,
                     const char *change,
                     char tree[GIT_ID_MAX],
                     struct err *err)
{
    const char *const argv[] = {"git",
                                "merge-tree",
                                "--write-tree",
                                "-z",
                                "--name-only",
                                "--no-messages",
                                ours,
                                theirs,
                                NULL};
    const struct git_call call = {.argv = argv, .repo = repo};
    CLEANUP(str_fini) struct str out = STR_INIT(GIT_ERRORS_MAX);
    CLEANUP(str_fini) struct str errors = STR_INIT(GIT_ERRORS_MAX);
    int status = 0;
    int rc = git_call(&call, &out, &errors, &status, err);
    if (rc != 0) {
        return rc;
    }
    if (status == 1) {
        return complain_conflict(change, &out, err);
    }
    if (status != 0) {
        (void)git_complain(err, -EIO, "git merge-tree", &errors);
        return err_wrap(err, "merging %s", change);
    }
    return take_id(&out, "git merge-tree", tree, err);
}

static int make_commit(const struct git_repo *repo,
                       const char *tree,
                       const char *parents[2],
                       char commit[GIT_ID_MAX],
                       struct err *err)
{
    const char *const argv[] = {"git",
                                "-c",
                                "user.name=sluice",
                                "-c",
                                "user.email=sluice@localhost",
                                "commit-tree",
                                "--no-gpg-sign",
                                "-m",
                                "candidate",
                                "-p",
                                parents[0],
                                "-p",
                                parents[1],
                                tree,
                                NULL};
    const struct git_call call = {.argv = argv, .repo = repo};
    CLEANUP(str_fini) struct str out = STR_INIT(4096);
    int rc = git_call_ok(&call, "git commit-tree", &out, err);
    return rc == 0 ? take_id(&out, "git commit-tree", commit, err) : rc;
}

/* One change onto the tip, which moves: to a commit of the merged tree when more are to come. */
static int merge_change(const struct git_repo *repo,
                        const char *change,
                        bool last,
                        char tip[GIT_ID_MAX],
                        char tree[GIT_ID_MAX],
                        struct err *err)
{
    char theirs[GIT_ID_MAX];
    int rc = git_resolve(repo, change, theirs, err);
    rc = rc == 0 ? merge_two(repo, tip, theirs, change, tree, err) : rc;
    if (rc != 0 || last) {
        return rc;
    }
    const char *parents[2] = {tip, theirs};
    char commit[GIT_ID_MAX];
    rc = make_commit(repo, tree, parents, commit, err);
    if (rc == 0) {
        memcpy(tip, commit, sizeof commit);
    }
    return rc;
}

int git_merge_tree(const struct git_repo *repo,
                   const char *base,
                   const char *const *changes,
                   char tree[GIT_ID_MAX],
                   struct err *err)
{
    char tip[GIT_ID_MAX];
    char merged[GIT_ID_MAX];
    int rc = git_resolve(repo, base, tip, err);
    rc = rc == 0 ? git_commit_tree(repo, tip, merged, err) : rc;
    for (size_t i = 0; rc == 0 && changes[i] != NULL; i++) {
        rc = merge_change(repo, changes[i], changes[i + 1] == NULL, tip, merged, err);
    }
    if (rc == 0) {
        memcpy(tree, merged, sizeof merged);
    }
    return rc;
}
