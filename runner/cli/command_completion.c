/* SPDX-License-Identifier: Apache-2.0 */
/* `sluice completion`: scripts for shells, and the words that those ask for. */
#include "base/cleanup.h"
#include "cli/commands.h"
#include "cli/completion.h"
#include "cli/past_run.h"
#include "cli/project.h"
#include "cli/run_folder.h"
#include "cli/say.h"
#include "model/event.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* A script has about 30 KiB; a thousand layers of 200 bytes are less too. */
#define ANSWER_MAX (4u << 20)

static int add_run(void *context, const char *run_id)
{
    return str_appendf(context, "%s\n", run_id);
}

/* Ids of the runs that are kept, newest first, and the word for the newest. */
static int tell_runs(const struct invocation *invocation, struct str *out, struct err *err)
{
    char root[PATH_TEXT_MAX];
    char state[PATH_TEXT_MAX];
    (void)invocation;
    const int rc = project_find_root(".", root, sizeof root, err);
    if (rc != 0) {
        return rc;
    }
    if (snprintf(state, sizeof state, "%s/" STATE_FOLDER, root) >= (int)sizeof state) {
        return err_set(err, -ENAMETOOLONG, "%s: the path is too long", root);
    }
    const int listed = run_folder_list(state, FOLDERS_RUNS, add_run, out, err);
    if (listed >= 0 && out->len > 0) {
        (void)str_append(out, PAST_RUN_LATEST "\n");
    }
    return listed;
}

/* Each name that may be typed once: that of a layer, then its variants. */
static int tell_layers(const struct invocation *invocation, struct str *out, struct err *err)
{
    struct project project;
    const int rc = project_open(invocation, NULL, &project, err);
    if (rc != 0) {
        return rc;
    }
    const struct pipeline *pipeline = config_pipeline(project.config);
    const char *before = "";
    for (size_t i = 0; i < pipeline->layer_count; i++) {
        const struct layer *layer = &pipeline->layers[i];
        if (strcmp(layer->base_id, before) != 0) {
            (void)str_appendf(out, "%s\n", layer->base_id);
        }
        if (strcmp(layer->id, layer->base_id) != 0) {
            (void)str_appendf(out, "%s\n", layer->id);
        }
        before = layer->base_id;
    }
    project_close(&project);
    return 0;
}

/* All commands that help names. */
static int tell_commands(const struct invocation *invocation, struct str *out, struct err *err)
{
    size_t count = 0;
    const struct command *table = command_table(&count);
    (void)invocation;
    (void)err;
    for (size_t i = 0; i < count; i++) {
        if (table[i].summary != NULL) {
            (void)str_appendf(out, "%s\n", table[i].name);
        }
    }
    return str_error(out);
}

/* What scripts ask for while a person types: no answer is an answer, and complaints would be
 * written into the line. --verbose tells them. */
static int tell_words(const struct invocation *invocation,
                      int (*tell)(const struct invocation *, struct str *, struct err *))
{
    struct err err = {0};
    CLEANUP(str_fini) struct str text = STR_INIT(ANSWER_MAX);
    if (tell(invocation, &text, &err) != 0) {
        if (invocation->verbose) {
            say_error(&err);
        }
        return EXIT_USAGE;
    }
    return say_answer(&text);
}

int command_completion(const struct invocation *invocation)
{
    static const struct {
        const char *name;
        int (*tell)(const struct invocation *invocation, struct str *out, struct err *err);
    } kinds[] = {
        {"commands", tell_commands},
        {"layers",   tell_layers  },
        {"runs",     tell_runs    },
    };

    const char *word = invocation->args.count > 0 ? invocation->args.items[0] : "";
    CLEANUP(str_fini) struct str text = STR_INIT(ANSWER_MAX);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(word, kinds[i].name) == 0) {
            return tell_words(invocation, kinds[i].tell);
        }
    }
    if (completion_script(&text, word) == -EINVAL) {
        say_problem("%s%s%sname the shell: sluice completion bash|zsh|fish",
                    word[0] != '\0' ? "there is no completion for \"" : "",
                    word,
                    word[0] != '\0' ? "\"; " : "");
        return EXIT_USAGE;
    }
    return say_answer(&text);
}
