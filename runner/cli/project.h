/* SPDX-License-Identifier: Apache-2.0 */
/* A project: a pipeline file, the tree it stands in, and the plugins it uses. */
#ifndef SLUICE_CLI_PROJECT_H
#define SLUICE_CLI_PROJECT_H

#include "base/arena.h"
#include "base/err.h"
#include "base/limits.h"
#include "cli/invocation.h"
#include "config/config.h"
#include "plugin/plugin.h"

/* Where things of sluice lie below the root of a tree. */
#define STATE_FOLDER ".sluice"

/* Descriptions of plugins: a schema each, one per distinct plugin. */
#define PROJECT_ARENA_MAX ((size_t)64 << 20)

struct project {
    char root[PATH_TEXT_MAX];       /* top folder of the git work tree, or the pipeline's folder */
    char state[PATH_TEXT_MAX];      /* root/.sluice */
    char file[PATH_TEXT_MAX];       /* the pipeline, as it is called in messages */
    char plugin_dir[PATH_TEXT_MAX]; /* built-in plugins */
    struct arena *arena;
    struct config *config;
    struct plugin_description *plugins; /* one per layer of the pipeline, same index */
};

/* The folder of built-in plugins: $SLUICE_PLUGIN_DIR, else ../libexec/sluice/plugins beside our own
 * executable. */
int project_plugin_dir(char *buf, size_t size, struct err *err);

/* Finds the tree that `folder` lies in: the top of its git work tree, or the folder itself. Real
 * path. Without git on this machine: the folder itself. */
int project_find_root(const char *folder, char *buf, size_t size, struct err *err);

/* Finds, reads and checks the pipeline with its plugins' settings; `file` overrules the choice of
 * --pipeline when not NULL. All that is wrong is told in *err, one complaint below the other
 * (file:line:column first). project_close() it on success. */
int project_open(const struct invocation *invocation,
                 const char *file,
                 struct project *ret_project,
                 struct err *err);
void project_close(struct project *project);

/* -ENOENT with "did you mean" when a word of the command line names no layer (id or base id). */
int project_check_layers(const struct project *project,
                         const struct text_list *words,
                         struct err *err);

/* Lets --when and --sandbox overrule what the layers say. */
void project_overrule(struct project *project, const struct invocation *invocation);

#endif
