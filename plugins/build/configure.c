/* SPDX-License-Identifier: Apache-2.0 */
/* The configure unit: CMake or Meson writes the build folder, then its build.ninja becomes units.
 */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "plugins/build/build.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Runs a tool. What it says goes to standard error: standard output is the list of units. */
static int run_tool(const char *const *argv, struct err *err)
{
    posix_spawn_file_actions_t actions;
    pid_t pid = 0;
    int ended = 0;
    int rc = posix_spawn_file_actions_init(&actions);
    if (rc == 0) {
        rc = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        rc =
            rc == 0 ? posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO) : rc;
        rc = rc == 0 ? posix_spawnp(
                 &pid, argv[0], &actions, NULL, (char *const *)(uintptr_t)argv, environ)
                     : rc;
        (void)posix_spawn_file_actions_destroy(&actions);
    }
    if (rc != 0) {
        return err_set(err, -rc, "cannot start %s; is it installed?", argv[0]);
    }
    while (waitpid(pid, &ended, 0) < 0) {
        if (errno != EINTR) {
            return err_errno(err, "cannot wait for %s", argv[0]);
        }
    }
    if (WIFSIGNALED(ended)) {
        return err_set(err, -EIO, "%s was ended by signal %d", argv[0], WTERMSIG(ended));
    }
    return WEXITSTATUS(ended) == 0
               ? 0
               : err_set(err,
                         -EIO,
                         "%s could not configure the build (exit code %d); it says why above",
                         argv[0],
                         WEXITSTATUS(ended));
}

/* In a folder that Meson knows it must be told so; a clean world has none. */
static bool was_set_up(const char *build_dir)
{
    char path[PATH_TEXT_MAX];
    (void)snprintf(path, sizeof path, "%s/meson-private/coredata.dat", build_dir);
    return file_exists(path);
}

static int configure(const struct build_settings *s, struct err *err)
{
    const char *const cmake[] = {"cmake",
                                 "-S",
                                 s->dir,
                                 "-B",
                                 s->build_dir,
                                 "-G",
                                 "Ninja",
                                 "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON",
                                 NULL};
    const char *const meson[] = {"meson", "setup", s->build_dir, s->dir, NULL};
    const char *const again[] = {"meson", "setup", "--reconfigure", s->build_dir, s->dir, NULL};
    const char *const *start = strcmp(s->tool, "cmake") == 0 ? cmake
                               : was_set_up(s->build_dir)    ? again
                                                             : meson;
    const char **argv = build_list(s->configure, start);
    int rc = argv != NULL ? run_tool(argv, err) : err_set(err, -ENOMEM, "out of memory");
    mem_free(argv);
    return rc;
}

static int emit_edges(struct sdk *sdk, void *context, struct err *err)
{
    const struct build_settings *s = context;
    const char **targets = build_list(s->targets, NULL);
    const struct edge_options options = {.root = s->root,
                                         .folder = s->build_dir,
                                         .targets = targets,
                                         .configured = true,
                                         .cmake = strcmp(s->tool, "cmake") == 0};
    int rc =
        targets != NULL ? edges_emit(sdk, &options, err) : err_set(err, -ENOMEM, "out of memory");
    mem_free(targets);
    return rc;
}

static int configure_and_list(const char *words, struct err *err)
{
    json_t *with CLEANUP(json_cleanup) = NULL;
    struct build_settings settings = {0};
    int rc = json_parse(words, strlen(words), &with, err);
    rc = rc == 0 ? build_read_settings(with, &settings, err) : rc;
    if (rc != 0) {
        return rc;
    }
    if (settings.tool == NULL || settings.build_dir == NULL || settings.root == NULL) {
        return err_set(err, -EINVAL, "tool, build_dir and root must be given");
    }
    rc = configure(&settings, err);
    return rc == 0 ? sdk_expand(&build_plugin, emit_edges, &settings, err) : rc;
}

int build_run_configure(int argc, char **argv)
{
    struct err err = {0};
    if (argc != 2) {
        (void)fprintf(stderr, "usage: configure SETTINGS\n");
        return 2;
    }
    if (configure_and_list(argv[1], &err) != 0) {
        (void)fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    return 0;
}
