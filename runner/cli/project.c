/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/project.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/map.h"
#include "base/mem.h"
#include "git/git.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- where ---- */

int project_plugin_dir(char *buf, size_t size, struct err *err)
{
    char path[PATH_TEXT_MAX] = "";
    char real[PATH_TEXT_MAX];
    const char *given = getenv("SLUICE_PLUGIN_DIR"); // NOLINT(concurrency-mt-unsafe): nobody sets
    if (given != NULL && given[0] != '\0') {
        (void)snprintf(path, sizeof path, "%s", given);
    } else {
        char self[PATH_TEXT_MAX];
        const ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
        if (len <= 0) {
            return err_errno(err, "cannot find our own executable by /proc/self/exe");
        }
        self[len] = '\0';
        const char *base = path_basename(self);
        const int bin = (int)(base - self);
        if (snprintf(path, sizeof path, "%.*s../libexec/sluice/plugins", bin, self)
            >= (int)sizeof path) {
            return err_set(err, -ENAMETOOLONG, "%s: the path is too long", self);
        }
    }
    if (realpath(path, real) == NULL) {
        return err_errno(err,
                         "the folder of built-in plugins %s cannot be used (is the installation "
                         "complete? SLUICE_PLUGIN_DIR names another folder)",
                         path);
    }
    (void)snprintf(buf, size, "%s", real);
    return 0;
}

int project_find_root(const char *folder, char *buf, size_t size, struct err *err)
{
    char real[PATH_TEXT_MAX];
    bool found = false;
    if (realpath(folder, real) == NULL) {
        return err_errno(err, "%s", folder);
    }
    struct err git_err = {0};
    const int rc = git_find_root(real, buf, size, &found, &git_err);
    if (rc != 0 && rc != -ENOENT) {
        return err_set(err, rc, "%s", git_err.text);
    }
    if (rc != 0 || !found) {
        (void)snprintf(buf, size, "%s", real);
    }
    return 0;
}

/* The folder part of a path: "" becomes ".". */
static void folder_of(const char *file, char *buf, size_t size)
{
    const char *base = path_basename(file);
    (void)snprintf(buf, size, "%.*s", (int)(base - file), file);
    if (buf[0] == '\0') {
        (void)snprintf(buf, size, ".");
    }
}

/* Fills root, state and file. */
static int locate(struct project *project, const char *given, struct err *err)
{
    char folder[PATH_TEXT_MAX];
    const char *file = given != NULL ? given : CONFIG_FILE_DEFAULT;
    if (strlen(file) >= sizeof project->file) {
        return err_set(err, -ENAMETOOLONG, "the name of the pipeline file is too long");
    }
    if (given != NULL && !file_exists(given)) {
        return err_set(err, -ENOENT, "%s: there is no such pipeline file", given);
    }
    folder_of(file, folder, sizeof folder);
    int rc = project_find_root(folder, project->root, sizeof project->root, err);
    if (rc != 0) {
        return rc;
    }
    (void)snprintf(project->file, sizeof project->file, "%s", file);
    if (given == NULL && !file_exists(file)) {
        rc = snprintf(project->file, sizeof project->file, "%s/%s", project->root, file);
        if (rc >= (int)sizeof project->file || !file_exists(project->file)) {
            return err_set(err,
                           -ENOENT,
                           "there is no %s here nor at the top of the tree (%s)\n"
                           "  make one by `sluice init`, or name another file: "
                           "--pipeline FILE",
                           CONFIG_FILE_DEFAULT,
                           project->root);
        }
    }
    rc = snprintf(project->state, sizeof project->state, "%s/%s", project->root, STATE_FOLDER);
    return rc < (int)sizeof project->state ? 0 : err_set(err, -ENAMETOOLONG, "%s", project->root);
}

/* ---- plugins ---- */

/* Puts one more complaint below those that are there, unless it was made before (variants of a
 * matrix share their settings). */
static void add_complaint(struct err *all, const struct err *one)
{
    if (all->code == 0) {
        *all = *one;
        return;
    }
    if (strstr(all->text, one->text) == NULL) {
        const size_t used = strlen(all->text);
        const int len = snprintf(all->text + used, sizeof all->text - used, "\n%s", one->text);
        assert(len > 0); /* a list that grows too long is cut */
    }
}

/* A built-in one says the same as long as the program is the same; another may look at anything. */
static int describe_program(struct project *project,
                            const char *program,
                            struct plugin_description *ret_description,
                            struct err *err)
{
    char memo[PATH_TEXT_MAX];
    const size_t len = strlen(project->plugin_dir);
    const bool built_in = strncmp(program, project->plugin_dir, len) == 0 && program[len] == '/';
    if (!built_in || snprintf(memo, sizeof memo, "%s/memo", project->state) >= (int)sizeof memo) {
        return plugin_describe(program, project->arena, ret_description, err);
    }
    return plugin_describe_once(program, memo, project->arena, ret_description, err);
}

static int describe_plugin(struct project *project,
                           const struct layer *layer,
                           struct plugin_description *ret_description,
                           struct err *err)
{
    char program[PATH_TEXT_MAX];
    struct err why = {0};
    int rc =
        plugin_find(layer->uses, project->plugin_dir, project->root, program, sizeof program, &why);
    if (rc == 0) {
        const char *kept = arena_strdup(project->arena, program);
        rc = kept != NULL ? describe_program(project, kept, ret_description, &why)
                          : err_set(&why, -ENOMEM, "out of memory");
    }
    if (rc != 0) {
        return config_complain(project->config, layer->pos, err, rc, "%s", why.text);
    }
    return 0;
}

/* What check_plugins() knows of plugins, by the index of the first layer that uses them. */
struct known {
    struct map uses;  /* `uses` -> that index */
    json_t **schemas; /* read once: a pipeline may have a thousand layers of one plugin */
    size_t count;
};

static void known_fini(struct known *known)
{
    for (size_t i = 0; known->schemas != NULL && i < known->count; i++) {
        json_decref(known->schemas[i]);
    }
    mem_free(known->schemas);
    map_fini(&known->uses);
}

/* Checks layer `i`; what is wrong with it is told in *one. Negative only without memory. */
static int check_plugin_of(struct project *project, size_t i, struct known *known, struct err *one)
{
    const struct layer *layer = &config_pipeline(project->config)->layers[i];
    struct plugin_description *plugin = &project->plugins[i];
    uintptr_t first = i;
    int rc = map_get(&known->uses, layer->uses, &first);
    if (rc == 1) {
        *plugin = project->plugins[first];
    } else if (describe_plugin(project, layer, plugin, one) == 0) {
        (void)plugin_read_schema(plugin, &known->schemas[i], one);
    }
    rc = rc == 1 ? 0 : map_put(&known->uses, layer->uses, i);
    /* a plugin that could not be described has no schema and was complained about once */
    if (rc >= 0 && known->schemas[first] != NULL) {
        (void)plugin_check_layer(plugin, known->schemas[first], project->config, layer, one);
    }
    return rc;
}

/* Describes each distinct plugin once and checks the settings of every layer. */
static int check_plugins(struct project *project, struct err *err)
{
    const size_t count = config_pipeline(project->config)->layer_count;
    CLEANUP(known_fini)
    struct known known = {.schemas = mem_calloc(count, sizeof(json_t *)), .count = count};
    struct err all = {0};
    project->plugins = arena_calloc(project->arena, count, sizeof *project->plugins);
    if (project->plugins == NULL || known.schemas == NULL) {
        return err_set(err, -ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < count; i++) {
        struct err one = {0};
        const int rc = check_plugin_of(project, i, &known, &one);
        if (rc < 0) {
            return err_set(err, rc, "out of memory");
        }
        if (one.code != 0) {
            add_complaint(&all, &one);
        }
    }
    return all.code == 0 ? 0 : err_set(err, all.code, "%s", all.text);
}

static int load(struct project *project, const struct invocation *invocation, struct err *err)
{
    struct text_list names = {0};
    int rc = project_plugin_dir(project->plugin_dir, sizeof project->plugin_dir, err);
    if (rc == 0) {
        rc = plugin_list_builtin(project->plugin_dir, project->arena, &names, err);
    }
    if (rc != 0) {
        return rc;
    }
    const struct config_options options = {
        .seed = invocation->seed,
        .plugins = names.items,
        .plugin_count = names.count,
    };
    rc = config_load(project->file, &options, &project->config, err);
    return rc == 0 ? check_plugins(project, err) : rc;
}

int project_open(const struct invocation *invocation,
                 const char *file,
                 struct project *ret_project,
                 struct err *err)
{
    struct project *project = mem_calloc(1, sizeof *project);
    if (project == NULL) {
        return err_set(err, -ENOMEM, "out of memory");
    }
    project->arena = arena_new(PROJECT_ARENA_MAX);
    int rc = project->arena != NULL ? 0 : err_set(err, -ENOMEM, "out of memory");
    if (rc == 0) {
        rc = locate(project, file != NULL ? file : invocation->pipeline, err);
    }
    if (rc == 0) {
        rc = load(project, invocation, err);
    }
    if (rc == 0) {
        *ret_project = *project;
    } else {
        project_close(project);
    }
    mem_free(project);
    return rc;
}

void project_close(struct project *project)
{
    config_free(project->config);
    arena_free(project->arena);
    project->config = NULL;
    project->arena = NULL;
}

/* ---- layers ---- */

static bool names_layer(const struct pipeline *pipeline, const char *word)
{
    for (size_t i = 0; i < pipeline->layer_count; i++) {
        if (strcmp(pipeline->layers[i].id, word) == 0
            || strcmp(pipeline->layers[i].base_id, word) == 0) {
            return true;
        }
    }
    return false;
}

static int complain_layer(const struct project *project, const char *word, struct err *err)
{
    const struct pipeline *pipeline = config_pipeline(project->config);
    const char **names = mem_calloc(pipeline->layer_count + 1, sizeof *names);
    const char *near = NULL;
    if (names != NULL) {
        for (size_t i = 0; i < pipeline->layer_count; i++) {
            names[i] = pipeline->layers[i].base_id;
        }
        near = text_nearest(word, names, pipeline->layer_count);
    }
    (void)err_set(err,
                  -ENOENT,
                  "%s has no layer \"%s\"%s%s%s",
                  project->file,
                  word,
                  near != NULL ? "; did you mean \"" : "",
                  near != NULL ? near : "",
                  near != NULL ? "\"?" : "");
    mem_free(names);
    return -ENOENT;
}

int project_check_layers(const struct project *project,
                         const struct text_list *words,
                         struct err *err)
{
    for (size_t i = 0; i < words->count; i++) {
        if (!names_layer(config_pipeline(project->config), words->items[i])) {
            return complain_layer(project, words->items[i], err);
        }
    }
    return 0;
}

void project_overrule(struct project *project, const struct invocation *invocation)
{
    const struct pipeline *pipeline = config_pipeline(project->config);
    for (size_t i = 0; i < pipeline->layer_count; i++) {
        /* The pipeline is const for its readers; it lies in writable memory of the arena, and
         * nobody has read it yet but the checks. */
        struct layer *layer = (struct layer *)(uintptr_t)&pipeline->layers[i];
        if (invocation->when != WHEN_CHOICE_PIPELINE && layer->when != WHEN_MANUAL) {
            layer->when = invocation->when == WHEN_CHOICE_ALWAYS ? WHEN_ALWAYS : WHEN_CHANGED;
        }
        if (invocation->sandbox != SANDBOX_CHOICE_PIPELINE) {
            layer->sandbox =
                invocation->sandbox == SANDBOX_CHOICE_FULL ? SANDBOX_FULL : SANDBOX_NONE;
        }
    }
}
