/* SPDX-License-Identifier: Apache-2.0 */
/* Questions to a repository that change nothing. */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/limits.h"
#include "git/call.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int git_resolve(const struct git_repo *repo,
                const char *revision,
                char id[GIT_ID_MAX],
                struct err *err)
{
    CLEANUP(str_fini) struct str out = STR_INIT(4096);
    CLEANUP(str_fini) struct str spec = STR_INIT(1u << 16);
    (void)str_append(&spec, revision);
    (void)str_append(&spec, "^{commit}");
    if (str_error(&spec) != 0) {
        return err_set(err, str_error(&spec), "the revision is too long");
    }
    const char *const argv[] = {
        "git", "rev-parse", "--verify", "-q", "--end-of-options", str_text(&spec), NULL};
    struct git_call call = {.argv = argv, .repo = repo};
    int status = 0;
    int result = git_call(&call, &out, NULL, &status, err);
    if (result != 0) {
        return result;
    }
    if (out.len > 0 && out.data[out.len - 1] == '\n') {
        out.data[--out.len] = '\0';
    }
    if (status != 0 || !git_is_id(str_text(&out))) {
        return err_set(err,
                       -ENOENT,
                       "'%s' names no commit here; `git log %s` shows what git makes of it",
                       revision,
                       revision);
    }
    memcpy(id, out.data, out.len + 1);
    return 0;
}

int git_diff_names(const struct git_repo *repo,
                   const char *old_tree,
                   const char *new_tree,
                   struct str *out,
                   struct err *err)
{
    if (!git_is_id(old_tree) || !git_is_id(new_tree)) {
        return err_set(err, -EINVAL, "'%s'..'%s': not two tree ids", old_tree, new_tree);
    }
    const char *const argv[] = {"git",
                                "diff-tree",
                                "-r",
                                "-z",
                                "--name-only",
                                "--no-renames",
                                "--ignore-submodules=none",
                                old_tree,
                                new_tree,
                                NULL};
    struct git_call call = {.argv = argv, .repo = repo};
    CLEANUP(str_fini) struct str names = STR_INIT(GIT_OUTPUT_MAX);
    int result = git_call_ok(&call, "cannot compare two snapshots", &names, err);
    if (result == 0 && str_append_n(out, str_text(&names), names.len) != 0) {
        result = err_set(err, str_error(out), "the list of changed files is too long");
    }
    return result;
}

int git_submodules(const struct git_repo *repo, const char *tree, struct str *out, struct err *err)
{
    static const char mode[] = "160000 ";
    if (!git_is_id(tree)) {
        return err_set(err, -EINVAL, "'%s' is no tree id", tree);
    }
    const char *const argv[] = {
        "git", "ls-tree", "-r", "-z", "--format=%(objectmode) %(path)", tree, NULL};
    struct git_call call = {.argv = argv, .repo = repo};
    CLEANUP(str_fini) struct str list = STR_INIT(GIT_OUTPUT_MAX);
    int result = git_call_ok(&call, "cannot list a snapshot", &list, err);
    const char *end = str_text(&list) + list.len;
    for (const char *line = str_text(&list); result == 0 && line < end; line += strlen(line) + 1) {
        if (strncmp(line, mode, sizeof mode - 1) == 0
            && str_append_n(out, line + sizeof mode - 1, strlen(line + sizeof mode - 1) + 1) != 0) {
            result = err_set(err, str_error(out), "the list of submodules is too long");
        }
    }
    return result;
}
