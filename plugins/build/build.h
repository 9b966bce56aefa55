/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin `build`: a build as units that build upon each other. A configure unit runs CMake or
 * Meson and prints one unit for each edge of the build.ninja it made; a build.ninja that is there
 * is read at once; any other build is one clean unit. */
#ifndef SLUICE_PLUGINS_BUILD_BUILD_H
#define SLUICE_PLUGINS_BUILD_BUILD_H

#include "plugins/build/ninja.h"
#include "plugins/sdk/sdk.h"

extern const struct sdk_plugin build_plugin;

#define BUILD_CONFIGURE_ID "configure"
#define BUILD_COMMAND_ID   "build"
/* The one unit of targets that need no command. */
#define BUILD_NOTHING_ID "all"

/* Extra arguments, targets, outputs: each list. Written by people; beyond: an error. */
#define BUILD_LIST_MAX 1000

struct build_settings {
    const char *dir;       /* sources, relative to the root */
    const char *tool;      /* "cmake", "meson", "ninja"; NULL = found */
    const char *build_dir; /* relative to the root */
    const char *command;   /* NULL, or: one unit */
    const char *root;      /* absolute; of the private verb only */
    json_t *configure;     /* arrays of strings; NULL = empty */
    json_t *targets;
    json_t *outputs;
};

/* Reads and checks `with`, or what the configure unit is given. Strings are borrowed. */
int build_read_settings(json_t *with, struct build_settings *ret_settings, struct err *err);

/* The list as NULL-terminated array (mem_free() it), with `before` words in front. */
const char **build_list(json_t *list, const char *const *before);

int build_plan(struct sdk *sdk, struct err *err);

/* Private verb `configure SETTINGS`: the command of the configure unit. */
int build_run_configure(int argc, char **argv);

/* ---- edges.c */

struct edge_options {
    const char *root;   /* absolute */
    const char *folder; /* where ninja would run, relative to the root */
    const char *const *targets;
    bool configured; /* edges need the configure unit, which may make folders and response files
                        for them */
    bool cmake;      /* made by CMake: `cmake --build` builds it, else ninja */
};

/* Reads folder/build.ninja (relative to the working folder, which is the root) and writes a unit
 * for each edge that the targets need; where they need none, one unit that lets the build tool say
 * so. */
int edges_emit(struct sdk *sdk, const struct edge_options *options, struct err *err);

#endif
