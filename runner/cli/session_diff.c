/* SPDX-License-Identifier: Apache-2.0 */
/* --diff REF: the lines that a run is about, as plugins are told of them. */
#include "base/json.h"
#include "cli/session_impl.h"

#include <errno.h>

/* The lines of a diff as JSON: half a million files of 60 bytes, or three million changes. Plugins
 * in C read 48 MiB with their settings (SDK_INPUT_MAX). Beyond: a usage error. */
#define DIFF_JSON_MAX (32u << 20)

static int put_file(void *context, const char *path, const struct git_lines *lines, size_t count)
{
    struct json_writer *w = context;
    jw_object(w);
    jw_put_string(w, "file", path);
    jw_key(w, "lines");
    jw_array(w);
    for (size_t i = 0; i < count; i++) {
        jw_array(w);
        jw_int(w, lines[i].first);
        jw_int(w, lines[i].last);
        jw_end_array(w);
    }
    jw_end_array(w);
    jw_end_object(w);
    return 0;
}

static int write_diff(struct session *session, struct err *err)
{
    const char *revision = session->invocation->diff;
    char base[GIT_ID_MAX];
    int rc = git_merge_base(session->repo, revision, base, err);
    if (rc != 0) {
        return rc;
    }
    struct json_writer w;
    str_init(&session->diff, DIFF_JSON_MAX);
    jw_begin(&w, &session->diff);
    jw_object(&w);
    jw_put_string(&w, "base", base);
    jw_key(&w, "files");
    jw_array(&w);
    rc = git_diff_lines(session->repo, base, session->tree, put_file, &w, err);
    jw_end_array(&w);
    jw_end_object(&w);
    if (rc == 0 && str_error(&session->diff) != 0) {
        rc = err_set(err,
                     str_error(&session->diff) == -EFBIG ? -EINVAL : str_error(&session->diff),
                     "more differs than plugins can be told (%u MiB): compare with a revision that "
                     "is nearer",
                     DIFF_JSON_MAX >> 20);
    }
    return rc == -EFBIG ? -EINVAL : rc;
}

int diff_prepare(struct session *session, struct err *err)
{
    const struct invocation *in = session->invocation;
    if (in->diff == NULL) {
        return 0;
    }
    if (in->at != NULL) {
        return err_set(err,
                       -EINVAL,
                       "--diff compares with the tree on disk, and --at answers for another one: "
                       "leave out one of them");
    }
    int rc = write_diff(session, err);
    return rc == 0 ? 0 : err_wrap(err, "--diff %s", in->diff);
}
