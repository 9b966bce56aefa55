/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/declared.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Plugin `build`, when its settings name no other. */
#define BUILD_FOLDER "build"

static bool is_below(const char *path, const char *top)
{
    const size_t len = strlen(top);
    return strncmp(path, top, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

static bool is_in_build_folder(const struct layer *layer, const char *name)
{
    struct err ignored = {0};
    CLEANUP(json_cleanup) json_t *with = NULL;
    if (json_parse(layer->with, strlen(layer->with), &with, &ignored) != 0) {
        return false;
    }
    const char *folder = json_string_value(json_object_get(with, "build_dir"));
    return is_below(name, folder != NULL ? folder : BUILD_FOLDER);
}

/* Also what may lie in its folders, and a folder that some of it lies in. */
static bool is_output(const char *pattern, const char *name)
{
    const size_t plain = strcspn(pattern, "*?[");
    return glob_match(pattern, name) || (plain > 0 && strncmp(name, pattern, plain) == 0)
           || strncmp(name, pattern, strlen(name)) == 0;
}

static bool may_make(const struct layer *layer, const char *name)
{
    for (size_t i = 0; i < layer->outputs.count; i++) {
        if (is_output(layer->outputs.items[i], name)) {
            return true;
        }
    }
    return strcmp(layer->uses, "build") == 0 && is_in_build_folder(layer, name);
}

static bool is_there(const struct project *project, const char *name)
{
    char path[2 * PATH_TEXT_MAX];
    const struct pipeline *pipeline = config_pipeline(project->config);
    (void)snprintf(path, sizeof path, "%s/%s", project->root, name);
    bool found = file_exists(path);
    for (size_t i = 0; !found && i < pipeline->layer_count; i++) {
        found = may_make(&pipeline->layers[i], name);
    }
    return found;
}

static bool declares(const struct layer *layer, const char *name)
{
    for (size_t i = 0; i < layer->reuse.declared.count; i++) {
        if (strcmp(layer->reuse.declared.items[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* Another variant of the same layer has told it. */
static bool is_told(const struct pipeline *pipeline, const struct layer *layer, const char *name)
{
    for (const struct layer *other = pipeline->layers; other < layer; other++) {
        if (strcmp(other->base_id, layer->base_id) == 0 && declares(other, name)) {
            return true;
        }
    }
    return false;
}

static void complain(const struct project *project,
                     const struct layer *layer,
                     size_t index,
                     struct err *err)
{
    (void)config_complain(project->config,
                          config_declared_pos(project->config, layer, index),
                          err,
                          -ENOENT,
                          "`%.200s` is declared, but there is no such file or folder: what the "
                          "layer `%.60s` earns is reused whatever else changes; correct the name, "
                          "or take it out",
                          layer->reuse.declared.items[index],
                          layer->base_id);
}

static void tell_layer(const struct project *project,
                       const struct layer *layer,
                       void (*tell)(void *context, const char *text),
                       void *context)
{
    const struct pipeline *pipeline = config_pipeline(project->config);
    for (size_t i = 0; i < layer->reuse.declared.count; i++) {
        const char *name = layer->reuse.declared.items[i];
        struct err err = {0};
        if (!is_there(project, name) && !is_told(pipeline, layer, name)) {
            complain(project, layer, i, &err);
            tell(context, err.text);
        }
    }
}

void declared_tell(const struct project *project,
                   void (*tell)(void *context, const char *text),
                   void *context)
{
    const struct pipeline *pipeline = config_pipeline(project->config);
    for (size_t i = 0; i < pipeline->layer_count; i++) {
        if (pipeline->layers[i].reuse.mode == REUSE_DECLARED) {
            tell_layer(project, &pipeline->layers[i], tell, context);
        }
    }
}
