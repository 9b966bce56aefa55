/* SPDX-License-Identifier: Apache-2.0 */
/* A snapshot has no files of submodules: told before a unit fails for want of them. */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/limits.h"
#include "cli/session_impl.h"

#include <stdio.h>
#include <string.h>

/* Names of submodules of one tree. */
#define SUBMODULES_BYTES_MAX (1u << 20)
/* Submodules told one by one. */
#define SUBMODULES_TOLD_MAX 8

static bool exposes(const struct layer *layer, const char *path)
{
    bool found = false;
    for (size_t i = 0; !found && i < layer->expose.count; i++) {
        found = strcmp(layer->expose.items[i], path) == 0;
    }
    return found;
}

static bool is_exposed(const struct pipeline *pipeline, const char *path)
{
    bool found = false;
    for (size_t i = 0; !found && i < pipeline->layer_count; i++) {
        found = exposes(&pipeline->layers[i], path);
    }
    return found;
}

static void tell(const struct session *session, const char *path)
{
    CLEANUP(str_fini) struct str text = STR_INIT((size_t)2 * PATH_TEXT_MAX);
    (void)str_appendf(&text,
                      "%s is a submodule: isolated units do not see its files; add `expose: [%s]` "
                      "to the layers that need them",
                      path,
                      path);
    session->tell(session->tell_context, str_text(&text));
}

void submodules_tell(const struct session *session)
{
    char path[PATH_TEXT_MAX];
    CLEANUP(str_fini) struct str names = STR_INIT(SUBMODULES_BYTES_MAX);
    struct err ignored = {0};
    unsigned told = 0;
    int n = snprintf(path, sizeof path, "%s/.gitmodules", session->project.root);
    if (n < 0 || (size_t)n >= sizeof path || !file_exists(path)
        || git_submodules(session->repo, session->tree, &names, &ignored) < 0) {
        return; /* nobody has any, or nobody can say */
    }
    const char *end = str_text(&names) + names.len;
    for (const char *name = str_text(&names); name < end && told < SUBMODULES_TOLD_MAX;
         name += strlen(name) + 1) {
        if (!is_exposed(config_pipeline(session->project.config), name)) {
            tell(session, name);
            told++;
        }
    }
}
