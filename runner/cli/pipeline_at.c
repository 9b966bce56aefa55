/* SPDX-License-Identifier: Apache-2.0 */
/* --at answers for another tree by the pipeline on disk: told when that tree has another one. */
#include "base/cleanup.h"
#include "base/file.h"
#include "cli/session_impl.h"
#include "config/config.h"
#include "git/tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* 1 and its bytes: it is a file there; 0: it is not. */
static int read_there(const struct session *session, const char *path, struct str *out)
{
    struct git_objects *objects = NULL;
    const struct git_folder *root = NULL;
    struct git_found found = {.presence = GIT_ABSENT};
    struct err ignored = {0};
    int rc = git_objects_open(session->repo, &objects, &ignored);
    rc = rc == 0 ? git_tree_open(objects, session->tree, &root, &ignored) : rc;
    rc = rc == 0 ? git_tree_find(objects, root, path, &found, &ignored) : rc;
    const bool is_file =
        rc == 0 && found.presence == GIT_PRESENT
        && (found.entry.type == GIT_TYPE_FILE || found.entry.type == GIT_TYPE_EXECUTABLE);
    if (is_file) {
        rc = git_blob_read(objects, found.entry.id, out, &ignored);
    }
    git_objects_close(objects);
    return rc == -EFBIG ? 1 : rc < 0 ? rc : is_file;
}

/* The pipeline's path below the root; NULL: it lies elsewhere. */
static const char *below_root(const struct session *session, const char *path)
{
    const size_t len = strlen(session->project.root);
    return strncmp(path, session->project.root, len) == 0 && path[len] == '/' ? path + len + 1
                                                                              : NULL;
}

void pipeline_at_tell(const struct session *session)
{
    CLEANUP(cleanup_free) char *path = realpath(session->project.file, NULL);
    const char *name = path != NULL ? below_root(session, path) : NULL;
    CLEANUP(str_fini) struct str here = STR_INIT(CONFIG_BYTES_MAX);
    CLEANUP(str_fini) struct str there = STR_INIT(CONFIG_BYTES_MAX);
    CLEANUP(str_fini) struct str text = STR_INIT((size_t)2 * PATH_TEXT_MAX);
    if (name == NULL || file_read(path, &here, NULL) != 0) {
        return;
    }
    const int found = read_there(session, name, &there);
    if (found < 0
        || (found == 1 && here.len == there.len
            && memcmp(str_text(&here), str_text(&there), here.len) == 0)) {
        return;
    }
    (void)str_appendf(&text,
                      "--at %s: %s %s; this answers for the one on disk",
                      session->invocation->at,
                      name,
                      found == 1 ? "is another one there" : "is not there");
    session->tell(session->tell_context, str_text(&text));
}
