/* SPDX-License-Identifier: Apache-2.0 */
/* What the layer's plugin does for `sluice mutants`.
 *
 * `merge FOLDER FILE...`: `PROGRAM merge json|text FOLDER FILE...` in the working folder.
 *
 * `replay ID`: one mutant once more, and what the tests say to it.
 *
 * The layer's plugin does it: `PROGRAM replay ID` in the root, with what `plan` is told on standard
 * input and the user's own standard output and error. It exits with 0 when it has tried the mutant,
 * whatever became of that; otherwise its last words say why it could not. With --json the word
 * `json` stands behind ID: standard output is one object then, and all else is on standard error.
 */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "cli/mutants.h"
#include "cli/project.h"
#include "cli/say.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* Settings of one layer, written as JSON. */
#define INPUT_MAX (64u << 20)

/* A descriptor from which `text` can be read; -1 when there is none to be had. */
static int input_of(const struct str *text)
{
    int fd = memfd_create("replay", MFD_CLOEXEC);
    if (fd < 0 || fd_write_all(fd, str_text(text), text->len) != 0 || lseek(fd, 0, SEEK_SET) != 0) {
        cleanup_fd(&fd);
        return -1;
    }
    return fd;
}

static int start(const char *const *argv, const char *root, int input, pid_t *ret_pid)
{
    posix_spawn_file_actions_t actions;
    int rc = -posix_spawn_file_actions_init(&actions);
    if (rc != 0) {
        return rc;
    }
    rc = -posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
    rc = rc == 0 ? -posix_spawn_file_actions_addchdir_np(&actions, root) : rc;
    if (rc == 0) {
        rc =
            -posix_spawn(ret_pid, argv[0], &actions, NULL, (char *const *)(uintptr_t)argv, environ);
    }
    (void)posix_spawn_file_actions_destroy(&actions);
    return rc;
}

/* An interrupt ends the program, which is in our group; we tell how it ended. */
static int wait_for(pid_t pid)
{
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct sigaction old;
    int status = 0;
    (void)sigaction(SIGINT, &ignore, &old);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    (void)sigaction(SIGINT, &old, NULL);
    return status;
}

static int tell_end(const char *program, const struct mutants_found *found, int status)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        return EXIT_OPEN;
    }
    if (WIFSIGNALED(status)) {
        say_problem("%s replay was ended by signal %d", path_basename(program), WTERMSIG(status));
        return WTERMSIG(status) == SIGINT ? EXIT_INTERRUPTED : EXIT_INFRASTRUCTURE;
    }
    say_problem("%s did not replay mutant %s of %s (exit code %d); why stands above. When it only "
                "says how it is used, it cannot replay",
                path_basename(program),
                found->id,
                found->file,
                WEXITSTATUS(status));
    return EXIT_INFRASTRUCTURE;
}

static int run_plugin(const struct project *project,
                      size_t index,
                      const struct mutants_found *found,
                      bool json,
                      struct err *err)
{
    const char *program = project->plugins[index].program;
    const struct layer *layer = &config_pipeline(project->config)->layers[index];
    const char *const argv[] = {program, "replay", found->id, json ? "json" : NULL, NULL};
    CLEANUP(str_fini) struct str text = STR_INIT(INPUT_MAX);
    pid_t pid = -1;
    (void)plugin_plan_input(layer, project->root, program, NULL, &text);
    CLEANUP(cleanup_fd) int input = str_error(&text) == 0 ? input_of(&text) : -1;
    if (input < 0) {
        return err_set(err, -ENOMEM, "out of memory");
    }
    const int rc = start(argv, project->root, input, &pid);
    if (rc != 0) {
        return err_set(err, rc, "%s cannot be started: %s", program, strerrordesc_np(-rc));
    }
    return tell_end(program, found, wait_for(pid));
}

/* The layer that found the mutant, as the pipeline has it now. */
static int find_layer(const struct project *project, const char *id, size_t *ret_index)
{
    const struct pipeline *pipeline = config_pipeline(project->config);
    size_t i = 0;
    while (i < pipeline->layer_count && strcmp(pipeline->layers[i].id, id) != 0) {
        i++;
    }
    *ret_index = i;
    return i < pipeline->layer_count ? 0 : -ENOENT;
}

static int replay(const struct invocation *in, const struct mutants_found *found, struct err *err)
{
    struct project project;
    size_t index = 0;
    int rc = project_open(in, NULL, &project, err);
    if (rc != 0) {
        return rc;
    }
    rc = find_layer(&project, found->layer, &index) == 0
             ? run_plugin(&project, index, found, in->json, err)
             : err_set(err,
                       -ENOENT,
                       "mutant %s is of layer %s, which the pipeline has no more",
                       found->id,
                       found->layer);
    project_close(&project);
    return rc;
}

int mutants_replay(const struct invocation *invocation)
{
    struct mutants_run run;
    struct mutants_found found;
    struct err err = {0};
    int rc = mutants_run_find(invocation, invocation->cache.run, NULL, &run, &err);
    rc = rc == 0 ? mutants_find(&run, invocation->args.items[1], &found, &err) : rc;
    rc = rc == 0 ? replay(invocation, &found, &err) : rc;
    if (rc < 0) {
        say_error(&err);
        return rc == -ENOENT || rc == -EINVAL ? EXIT_USAGE : EXIT_INFRASTRUCTURE;
    }
    return rc;
}

/* ---- merge ---- */

/* A layer whose plugin is the one of mutation. */
static const char *find_program(const struct project *project)
{
    const struct pipeline *pipeline = config_pipeline(project->config);
    for (size_t i = 0; i < pipeline->layer_count; i++) {
        if (strcmp(project->plugins[i].name, "mutation") == 0) {
            return project->plugins[i].program;
        }
    }
    return NULL;
}

static int run_merge(const struct invocation *in, const char *program, struct err *err)
{
    const struct text_list *args = &in->args;
    CLEANUP(str_fini) struct str nothing = STR_INIT(16);
    CLEANUP(cleanup_fd) int input = input_of(&nothing);
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): a list of pointers */
    CLEANUP(cleanup_free) const char **argv = mem_calloc(args->count + 3, sizeof *argv);
    pid_t pid = -1;
    if (argv == NULL || input < 0) {
        return err_set(err, -ENOMEM, "out of memory");
    }
    argv[0] = program;
    argv[1] = "merge";
    argv[2] = in->json ? "json" : "text";
    memcpy(argv + 3, args->items + 1, (args->count - 1) * sizeof *argv); /* NULL behind them */
    const int rc = start(argv, ".", input, &pid);
    if (rc != 0) {
        return err_set(err, rc, "%s cannot be started: %s", program, strerrordesc_np(-rc));
    }
    const int status = wait_for(pid);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? EXIT_OPEN : EXIT_INFRASTRUCTURE;
}

int mutants_merge(const struct invocation *invocation)
{
    struct project project;
    struct err err = {0};
    int rc = project_open(invocation, NULL, &project, &err);
    if (rc == 0) {
        const char *program = find_program(&project);
        rc = program != NULL
                 ? run_merge(invocation, program, &err)
                 : err_set(&err, -ENOENT, "the pipeline has no layer with `uses: mutation`");
        project_close(&project);
    }
    if (rc < 0) {
        say_error(&err);
        return rc == -ENOENT || rc == -EINVAL ? EXIT_USAGE : EXIT_INFRASTRUCTURE;
    }
    return rc;
}
