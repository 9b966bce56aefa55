/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/limits.h"
#include "cli/commands.h"
#include "cli/exit_words.h"
#include "cli/init.h"
#include "cli/init_programs.h"
#include "cli/project.h"
#include "cli/say.h"
#include "config/config.h"
#include "git/git.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Where the pipeline goes. */
struct place {
    char root[PATH_TEXT_MAX];
    char file[PATH_TEXT_MAX]; /* as it is called in messages */
    bool in_git;
};

static int find_place(const struct invocation *invocation, struct place *place, struct err *err)
{
    char folder[PATH_TEXT_MAX] = ".";
    char real[PATH_TEXT_MAX];
    struct err ignored = {0};
    const char *given = invocation->pipeline;
    if (given != NULL && strlen(given) >= sizeof place->file) {
        return err_set(err, -ENAMETOOLONG, "the name of the pipeline file is too long");
    }
    if (given != NULL && strchr(given, '/') != NULL) {
        (void)snprintf(folder, sizeof folder, "%.*s", (int)(path_basename(given) - given), given);
    }
    int rc = project_find_root(folder, place->root, sizeof place->root, err);
    if (rc != 0) {
        return rc;
    }
    const bool here = realpath(".", real) != NULL && strcmp(real, place->root) == 0;
    const int n =
        given != NULL ? snprintf(place->file, sizeof place->file, "%s", given)
        : here
            ? snprintf(place->file, sizeof place->file, "%s", CONFIG_FILE_DEFAULT)
            : snprintf(place->file, sizeof place->file, "%s/%s", place->root, CONFIG_FILE_DEFAULT);
    (void)git_find_root(place->root, real, sizeof real, &place->in_git, &ignored);
    return n < (int)sizeof place->file ? 0 : err_set(err, -ENAMETOOLONG, "%s", place->root);
}

static bool prints(const struct invocation *invocation)
{
    return invocation->print || invocation->cache.dry_run;
}

/* ---- words ---- */

static void put_list(struct str *out, const char *title, const struct init_texts *texts)
{
    for (size_t i = 0; i < texts->count; i++) {
        (void)str_appendf(out, "%s  - %s\n", i == 0 ? title : "", texts->items[i]);
    }
}

static void put_summary(struct str *out,
                        const struct init_plan *plan,
                        const struct place *place,
                        bool written)
{
    (void)str_append(out, "found:\n");
    for (size_t i = 0; i < plan->layers.count; i++) {
        const struct init_layer *layer = &plan->layers.items[i];
        (void)str_appendf(out,
                          "  - %s: %s -> layer %s%s\n",
                          layer->marker,
                          layer->tool,
                          layer->id,
                          layer->in_place != NULL ? " (in place, not isolated)" : "");
    }
    put_list(out, "not known:\n", &plan->unknown);
    put_list(out, "to do:\n", &plan->problems);
    if (written) {
        (void)str_appendf(out, "%s is written. Next: sluice run\n", place->file);
    }
}

static void put_texts(struct json_writer *w, const char *key, const struct init_texts *texts)
{
    jw_key(w, key);
    jw_array(w);
    for (size_t i = 0; i < texts->count; i++) {
        jw_string(w, texts->items[i]);
    }
    jw_end_array(w);
}

static void put_json(struct str *out,
                     const struct init_plan *plan,
                     const struct place *place,
                     const char *text)
{
    struct json_writer w;
    jw_begin(&w, out);
    jw_object(&w);
    jw_put_string(&w, "file", place->file);
    jw_put_string(&w, "text", text);
    jw_key(&w, "layers");
    jw_array(&w);
    for (size_t i = 0; i < plan->layers.count; i++) {
        const struct init_layer *layer = &plan->layers.items[i];
        jw_object(&w);
        jw_put_string(&w, "id", layer->id);
        jw_put_string(&w, "marker", layer->marker);
        jw_put_string(&w, "tool", layer->tool);
        jw_put_bool(&w, "isolated", layer->in_place == NULL);
        jw_end_object(&w);
    }
    jw_end_array(&w);
    put_texts(&w, "unknown", &plan->unknown);
    put_texts(&w, "problems", &plan->problems);
    jw_end_object(&w);
    (void)str_append_char(out, '\n');
}

/* ---- the command ---- */

static int refuse_empty(const struct init_plan *plan, const struct place *place, struct err *err)
{
    CLEANUP(str_fini) struct str why = STR_INIT(ERR_TEXT_MAX);
    put_list(&why, "\nto do:\n", &plan->problems);
    put_list(&why, "\nnot known:\n", &plan->unknown);
    return err_set(
        err,
        -ENOENT,
        "%s: nothing here tells how it is tested (looked for CMakeLists.txt, meson.build, "
        "configure, Makefile, package.json, pytest's files, go.mod, Cargo.toml, *.bats)\n"
        "  write a %s with your own command:\n"
        "    version: 1\n"
        "    layers:\n"
        "      unit:\n"
        "        uses: command\n"
        "        with: {run: ./run-tests}%s",
        place->root,
        CONFIG_FILE_DEFAULT,
        str_text(&why));
}

static int answer(const struct invocation *invocation,
                  const struct init_plan *plan,
                  const struct place *place,
                  struct str *text)
{
    CLEANUP(str_fini) struct str words = STR_INIT(INIT_ARENA_MAX);
    if (invocation->json) {
        put_json(&words, plan, place, str_text(text));
        return say_answer(&words);
    }
    if (!invocation->quiet) {
        put_summary(&words, plan, place, !prints(invocation));
    }
    if (!prints(invocation)) {
        return say_answer(&words);
    }
    if (words.len > 0) {
        words.data[--words.len] = '\0'; /* say_line() ends the line */
        say_line(words.data);
    }
    return say_answer(text);
}

static int make(const struct invocation *invocation,
                const struct place *place,
                struct init_plan *plan,
                struct err *err)
{
    CLEANUP(str_fini) struct str text = STR_INIT(INIT_ARENA_MAX);
    if (plan->layers.count == 0) {
        return refuse_empty(plan, place, err);
    }
    init_check_programs(plan);
    if (!place->in_git) {
        init_problem(
            plan,
            "this is no git repository, so all files count as sources, also what was built; "
            "`git init` and a .gitignore tell them apart");
    }
    int rc = init_write(plan, &text);
    if (rc != 0 || plan->failed) {
        return err_set(err, -ENOMEM, "out of memory for the pipeline");
    }
    if (!prints(invocation)) {
        rc = file_write_atomic(place->file, str_text(&text), text.len, err);
    }
    return rc == 0 ? answer(invocation, plan, place, &text) : rc;
}

static int look(const struct invocation *invocation,
                const struct place *place,
                struct arena *arena,
                struct err *err)
{
    CLEANUP(init_tree_fini) struct init_tree tree = {0};
    CLEANUP(init_plan_fini) struct init_plan plan = {0};
    int rc = init_scan(place->root, arena, &tree, err);
    rc = rc == 0 ? init_detect(&tree, &plan, err) : rc;
    return rc == 0 ? make(invocation, place, &plan, err) : rc;
}

int command_init(const struct invocation *invocation)
{
    struct place place = {0};
    struct err err = {0};
    int rc = find_place(invocation, &place, &err);
    if (rc == 0 && !prints(invocation) && !invocation->force && file_exists(place.file)) {
        rc = err_set(&err,
                     -EEXIST,
                     "%s is there already and was left as it is\n"
                     "  `sluice init --print` shows what would be written, `--force` overwrites it",
                     place.file);
    }
    struct arena *arena = rc == 0 ? arena_new(INIT_ARENA_MAX) : NULL;
    if (rc == 0) {
        rc = arena != NULL ? look(invocation, &place, arena, &err)
                           : err_set(&err, -ENOMEM, "out of memory");
    }
    arena_free(arena);
    if (rc < 0) {
        say_error(&err);
        return (int)exit_code_of_config_error(err.code);
    }
    return rc;
}
