/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/build/build.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIST_TEXT "{\"type\":\"array\",\"items\":{\"type\":\"string\",\"minLength\":1}"

static const char schema[] =
    "{\"$schema\":\"http://json-schema.org/draft-07/schema#\",\"type\":\"object\","
    "\"additionalProperties\":false,\"properties\":{"
    "\"dir\":{\"type\":\"string\",\"minLength\":1,\"default\":\".\",\"description\":"
    "\"Folder with the sources, below the root.\"},"
    "\"tool\":{\"enum\":[\"cmake\",\"meson\",\"ninja\"],\"description\":\"What describes the build; "
    "found by CMakeLists.txt, meson.build or build.ninja when not given.\"},"
    "\"build_dir\":{\"type\":\"string\",\"minLength\":1,\"default\":\"build\",\"description\":"
    "\"Folder in which is built, below the root; for ninja the one of build.ninja.\"},"
    "\"configure\":" LIST_TEXT ",\"description\":\"Arguments for cmake or meson setup.\"},"
    "\"targets\":" LIST_TEXT
    ",\"description\":\"What to build, as ninja would be told; its default "
    "when not given.\"},"
    "\"command\":{\"type\":\"string\",\"minLength\":1,\"description\":\"Any other build: one command, "
    "one clean unit.\"},"
    "\"outputs\":" LIST_TEXT
    ",\"description\":\"With command: files it leaves for other layers, as "
    "paths or glob patterns below the root.\"}}}";

static const struct sdk_private_verb verbs[] = {
    {"configure", build_run_configure},
    {NULL,        NULL               },
};

const struct sdk_plugin build_plugin = {
    .name = "build",
    .schema = schema,
    .plan = build_plan,
    .verbs = verbs,
    .produces = true,
};

/* ---- settings ---- */

static int check_folder(const char *name, const char *path, struct err *err)
{
    if (path == NULL || strcmp(path, ".") == 0 || path_is_inside(path)) {
        return 0;
    }
    return err_set(err,
                   -EINVAL,
                   "with: %s \"%.200s\" must be a path below the root, without \"..\"",
                   name,
                   path);
}

static int check_list(const char *name, json_t *list, struct err *err)
{
    size_t i = 0;
    json_t *item = NULL;
    if (json_array_size(list) > BUILD_LIST_MAX) {
        return err_set(err, -E2BIG, "with: %s has more than %d items", name, BUILD_LIST_MAX);
    }
    json_array_foreach(list, i, item)
    {
        if (json_string_length(item) == 0) {
            return err_set(err, -EINVAL, "with: %s: item %zu must be a text", name, i + 1);
        }
    }
    return 0;
}

/* A generator is chosen by -G; the edges are read from a build.ninja. */
static int check_generator(json_t *configure, struct err *err)
{
    size_t i = 0;
    json_t *item = NULL;
    json_array_foreach(configure, i, item)
    {
        if (strncmp(json_string_value(item), "-G", 2) == 0) {
            return err_set(err,
                           -EINVAL,
                           "with: configure: \"%.80s\": the generator is always Ninja, its edges "
                           "become units",
                           json_string_value(item));
        }
    }
    return 0;
}

static int check_tool(const char *tool, struct err *err)
{
    return tool == NULL || strcmp(tool, "cmake") == 0 || strcmp(tool, "meson") == 0
                   || strcmp(tool, "ninja") == 0
               ? 0
               : err_set(err,
                         -EINVAL,
                         "with: unknown tool \"%.80s\"; known are cmake, meson, ninja (any other: "
                         "`command:`)",
                         tool);
}

static int check_sense(const struct build_settings *s, struct err *err)
{
    if (s->command != NULL
        && (s->tool != NULL || s->build_dir != NULL || s->configure != NULL
            || s->targets != NULL)) {
        return err_set(err,
                       -EINVAL,
                       "with: `command` is the whole build: tool, build_dir, configure and targets "
                       "do not go with it");
    }
    if (s->command == NULL && s->outputs != NULL) {
        return err_set(err,
                       -EINVAL,
                       "with: `outputs` goes with `command`; what the edges of a build leave is "
                       "known");
    }
    return 0;
}

int build_read_settings(json_t *with, struct build_settings *ret_settings, struct err *err)
{
    struct build_settings s = {0};
    const struct json_field fields[] = {
        {"dir",       JSON_FIELD_STRING, false, &s.dir      },
        {"tool",      JSON_FIELD_STRING, false, &s.tool     },
        {"build_dir", JSON_FIELD_STRING, false, &s.build_dir},
        {"configure", JSON_FIELD_ARRAY,  false, &s.configure},
        {"targets",   JSON_FIELD_ARRAY,  false, &s.targets  },
        {"command",   JSON_FIELD_STRING, false, &s.command  },
        {"outputs",   JSON_FIELD_ARRAY,  false, &s.outputs  },
        {"root",      JSON_FIELD_STRING, false, &s.root     },
    };
    int rc = json_read_object(with, fields, sizeof fields / sizeof fields[0], err);
    if (rc != 0) {
        return err_wrap(err, "with");
    }
    if ((rc = check_folder("dir", s.dir, err)) < 0
        || (rc = check_folder("build_dir", s.build_dir, err)) < 0
        || (rc = check_list("configure", s.configure, err)) < 0
        || (rc = check_list("targets", s.targets, err)) < 0
        || (rc = check_list("outputs", s.outputs, err)) < 0
        || (rc = check_generator(s.configure, err)) < 0 || (rc = check_tool(s.tool, err)) < 0
        || (rc = check_sense(&s, err)) < 0) {
        return rc;
    }
    s.dir = s.dir != NULL ? s.dir : ".";
    *ret_settings = s;
    return 0;
}

const char **build_list(json_t *list, const char *const *before)
{
    size_t count = 0;
    size_t i = 0;
    json_t *item = NULL;
    while (before != NULL && before[count] != NULL) {
        count++;
    }
    const char **items = mem_calloc(count + json_array_size(list) + 1, sizeof *items);
    if (items == NULL) {
        return NULL;
    }
    for (size_t n = 0; n < count; n++) {
        items[n] = before[n];
    }
    json_array_foreach(list, i, item)
    {
        items[count + i] = json_string_value(item);
    }
    return items;
}

/* ---- which tool ---- */

static bool has_file(const char *dir, const char *name)
{
    char path[PATH_TEXT_MAX];
    int n = snprintf(path, sizeof path, "%s/%s", dir, name);
    return n > 0 && (size_t)n < sizeof path && file_exists(path);
}

static int find_tool(const struct build_settings *s, const char **ret_tool, struct err *err)
{
    static const struct {
        const char *file;
        const char *tool;
    } known[] = {
        {"CMakeLists.txt", "cmake"},
        {"meson.build",    "meson"},
        {"build.ninja",    "ninja"},
    };

    *ret_tool = s->tool;
    for (size_t i = 0; *ret_tool == NULL && i < sizeof known / sizeof known[0]; i++) {
        *ret_tool = has_file(s->dir, known[i].file) ? known[i].tool : NULL;
    }
    if (*ret_tool == NULL && s->build_dir != NULL && has_file(s->build_dir, "build.ninja")) {
        *ret_tool = "ninja";
    }
    if (*ret_tool != NULL) {
        return 0;
    }
    const bool makes = has_file(s->dir, "Makefile") || has_file(s->dir, "configure");
    return err_set(
        err,
        -ENOENT,
        "with: there is no CMakeLists.txt, meson.build or build.ninja in %s; set `dir`%s",
        s->dir,
        makes ? ", or build with make as one unit: `command: make`, `outputs: [...]`"
              : ", or `command` for any other build");
}

/* ---- plan ---- */

static int plan_command(struct sdk *sdk, const struct build_settings *s, struct err *err)
{
    const char **argv = NULL;
    int rc = sdk_command_argv(s->command, &argv, err);
    if (rc < 0) {
        return rc;
    }
    const char **outputs = build_list(s->outputs, NULL);
    const struct sdk_unit unit = {
        .id = BUILD_COMMAND_ID, .argv = argv, .cwd = s->dir, .outputs = outputs};
    rc = outputs != NULL ? sdk_emit_unit(sdk, &unit, err) : err_set(err, -ENOMEM, "out of memory");
    mem_free(outputs);
    mem_free(argv);
    return rc;
}

/* What the configure unit is told: the settings with what was found out. */
static char *configure_words(const struct sdk *sdk, const char *tool, const char *build_dir)
{
    json_t *words CLEANUP(json_cleanup) = json_copy(sdk->with);
    if (words == NULL || json_object_set_new(words, "tool", json_string(tool)) < 0
        || json_object_set_new(words, "build_dir", json_string(build_dir)) < 0
        || json_object_set_new(words, "root", json_string(sdk->root)) < 0) {
        return NULL;
    }
    return json_dumps(words, JSON_COMPACT | JSON_SORT_KEYS);
}

static int plan_configure(struct sdk *sdk,
                          const char *tool,
                          const struct build_settings *s,
                          struct err *err)
{
    const char *build_dir = s->build_dir != NULL ? s->build_dir : "build";
    char everything[PATH_TEXT_MAX];
    if (strcmp(build_dir, ".") == 0) {
        return err_set(err,
                       -EINVAL,
                       "with: build_dir must be a folder of its own: what %s leaves there is told "
                       "from the sources by it",
                       tool);
    }
    char *words = configure_words(sdk, tool, build_dir);
    (void)snprintf(everything, sizeof everything, "%s/**", build_dir);
    const char *const argv[] = {sdk->program, "configure", words, NULL};
    const char *const outputs[] = {everything, NULL};
    const struct sdk_unit unit = {
        .id = BUILD_CONFIGURE_ID, .argv = argv, .cwd = ".", .expands = true, .outputs = outputs};
    int rc = words != NULL ? sdk_emit_unit(sdk, &unit, err)
                           : err_set(err, -ENOMEM, "out of memory for a command");
    free(words); /* jansson's own malloc */
    return rc;
}

static int plan_ninja(struct sdk *sdk, const struct build_settings *s, struct err *err)
{
    const char **targets = build_list(s->targets, NULL);
    const struct edge_options options = {
        .root = sdk->root,
        .folder = s->build_dir != NULL ? s->build_dir : s->dir,
        .targets = targets,
    };
    int rc =
        targets != NULL ? edges_emit(sdk, &options, err) : err_set(err, -ENOMEM, "out of memory");
    mem_free(targets);
    return rc;
}

int build_plan(struct sdk *sdk, struct err *err)
{
    struct build_settings settings = {0};
    const char *tool = NULL;
    int rc = build_read_settings(sdk->with, &settings, err);
    if (rc != 0) {
        return rc;
    }
    if (settings.command != NULL) {
        return plan_command(sdk, &settings, err);
    }
    rc = find_tool(&settings, &tool, err);
    if (rc != 0) {
        return rc;
    }
    assert(tool != NULL);
    return strcmp(tool, "ninja") == 0 ? plan_ninja(sdk, &settings, err)
                                      : plan_configure(sdk, tool, &settings, err);
}
