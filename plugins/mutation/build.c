/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/mutation/build.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "plugins/mutation/copy_process.h"
#include "plugins/mutation/engine_schema.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The end of a log that is shown: 20 lines. */
#define SHOWN_MAX 1500

/* Looks at one file before the first build: errors that only follow from others come up later. */
#define CHECK_ROUNDS_MAX 3

/* Beside the tree. */
#define LOG_NAME "build.log"

struct build {
    struct build_files *files;
    const struct build_options *options;
    int64_t cpu_us;
    struct str log;
    bool succeeded; /* the last run */
};

/* ---- files ---- */

static int write_file(const struct build *build, const struct build_file *file, struct err *err)
{
    const struct source *source = file->source;
    CLEANUP(str_fini) struct str text = STR_INIT(SCHEMA_TEXT_MAX);
    if (file->dropped != NULL) {
        return build_write(build->options->tree, source->path, source->text, source->size, err);
    }
    int rc = schema_write(&file->schema, source, file->list, &text, err);
    return rc < 0 ? rc : build_write(build->options->tree, source->path, text.data, text.len, err);
}

static int write_all(const struct build *build, struct err *err)
{
    for (size_t i = 0; i < build->files->count; i++) {
        int rc = write_file(build, &build->files->items[i], err);
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

/* All of its mutants go to engine C. */
static int drop(struct build *build, struct build_file *file, const char *reason, struct err *err)
{
    file->dropped = arena_strdup(build->files->arena, reason);
    if (file->dropped == NULL) {
        return err_set(err, -ENOMEM, "not enough memory to build the schemata");
    }
    for (uint32_t i = 0; i < file->schema.mutant_count; i++) {
        if (schema_refuse(&file->schema, i, reason, false) < 0) {
            return err_set(err, -ENOMEM, "not enough memory to build the schemata");
        }
    }
    engine_note(build->options->watch,
                "%s: its mutants are tried one at a time: %s",
                file->source->path,
                reason);
    return 0;
}

/* ---- one run ---- */

/* clang stops after 20 errors, make after the first file: both are asked to go on. What a user has
 * set there stays. */
static int ask_to_go_on(struct err *err)
{
    static const struct {
        const char *name;
        const char *value;
    } words[] = {
        {"CCC_OVERRIDE_OPTIONS", "#+-ferror-limit=0"},
        {"MAKEFLAGS",            "k"                },
    };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        /* NOLINTNEXTLINE(concurrency-mt-unsafe): the program has one thread */
        if (setenv(words[i].name, words[i].value, 0) != 0) {
            return err_errno(err, "cannot set %s", words[i].name);
        }
    }
    return 0;
}

/* Runs a script with $1 = `path` in the copy. Its log goes through a file: it may be larger than
 * what copy_run() keeps. */
static int run_script(struct build *build, const char *text, const char *path, struct err *err)
{
    const struct build_options *options = build->options;
    char log[PATH_TEXT_MAX];
    CLEANUP(str_fini) struct str script = STR_INIT(1u << 20);
    int length = snprintf(log, sizeof(log), "%s.%s", options->tree, LOG_NAME);
    if (length < 0 || (size_t)length >= sizeof(log)) {
        return err_set(err, -ENAMETOOLONG, "%s: the path is too long", options->tree);
    }
    (void)str_appendf(&script, "exec >\"$0\" 2>&1\n%s\n", text);
    if (str_error(&script) < 0) {
        return err_set(err, -EFBIG, "the build command is too long");
    }
    const char *const argv[] = {"sh", "-c", str_text(&script), log, path, NULL};
    const struct copy_command command = {
        .argv = argv, .cwd = options->tree, .wall_us = BUILD_WALL_US};
    struct copy_ended ended = {0};
    int rc = ask_to_go_on(err);
    rc = rc < 0 ? rc : copy_run(&command, &ended, err);
    if (rc < 0) {
        return err_wrap(err, "build");
    }
    build->cpu_us += ended.cpu_us;
    build->succeeded = copy_passed(&ended);
    str_clear(&build->log);
    rc = file_read(log, &build->log, err);
    (void)unlink(log);
    return rc;
}

static int run(struct build *build, struct err *err)
{
    return run_script(build, build->options->command, NULL, err);
}

/* ---- before the first run ---- */

/* Most mutants that no compiler accepts are found by looking at their file alone, which saves a
 * whole round of the build. It is only asked about files that it accepts as they are, without any
 * flags of the project; whatever it cannot know is left to the build. */
static int check_file(struct build *build, struct build_file *file, struct err *err)
{
    static const char script[] = "exec ${CC:-cc} -w -fsyntax-only -I. -Iinclude -Isrc \"$1\"";
    const char *path = file->source->path;
    if (text_ends_with(path, ".c") == 0) {
        return 0;
    }
    int rc = run_script(build, script, path, err);
    bool accepted = rc == 0 && build->succeeded;
    rc = rc < 0 ? rc : write_file(build, file, err);
    for (int i = 0; rc == 0 && accepted && i < CHECK_ROUNDS_MAX; i++) {
        size_t taken = 0;
        rc = run_script(build, script, path, err);
        if (rc < 0 || build->succeeded) {
            return rc;
        }
        rc = build_read_log(build->files, str_text(&build->log), &taken, err);
        rc = rc < 0 || taken == 0 ? rc : write_file(build, file, err);
        accepted = taken > 0;
    }
    return rc;
}

static int check_all(struct build *build, struct err *err)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < build->files->count; i++) {
        rc = check_file(build, &build->files->items[i], err);
    }
    return rc;
}

/* ---- when nothing of ours is named ---- */

static int plain_must_build(struct build *build, struct err *err)
{
    const char *text = str_text(&build->log);
    size_t length = strlen(text);
    return build->succeeded
               ? 0
               : err_set(
                   err,
                   -ENOTRECOVERABLE,
                   "the build command fails without any mutant in a copy of the tree (%s); it "
                   "printed at the end:\n%s",
                   build->options->command,
                   length > SHOWN_MAX ? text + length - SHOWN_MAX : text);
}

/* Builds with the schemata of those files only that `alone` names, NULL: of none. */
static int run_alone(struct build *build, const struct build_file *alone, struct err *err)
{
    for (size_t i = 0; i < build->files->count; i++) {
        struct build_file plain = build->files->items[i];
        plain.dropped = &build->files->items[i] == alone ? plain.dropped : "";
        int rc = write_file(build, &plain, err);
        if (rc < 0) {
            return rc;
        }
    }
    return run(build, err);
}

/* Finds the files whose schemata break the build by trying each alone. */
static int find_culprits(struct build *build, struct err *err)
{
    size_t dropped = 0;
    int rc = run_alone(build, NULL, err);
    rc = rc < 0 ? rc : plain_must_build(build, err);
    for (size_t i = 0; rc == 0 && i < build->files->count; i++) {
        struct build_file *file = &build->files->items[i];
        if (file->dropped != NULL) {
            continue;
        }
        rc = run_alone(build, file, err);
        if (rc == 0 && !build->succeeded) {
            rc =
                drop(build, file, "the build fails with its schema, and names no place in it", err);
            dropped++;
        }
    }
    /* Each builds alone, and not all together: none is better than wrong. */
    for (size_t i = 0; rc == 0 && dropped == 0 && i < build->files->count; i++) {
        if (build->files->items[i].dropped == NULL) {
            rc = drop(build,
                      &build->files->items[i],
                      "the build fails with the schemata of several files together",
                      err);
        }
    }
    return rc;
}

static int build_until_accepted(struct build *build, struct err *err)
{
    size_t rounds = BUILD_ROUNDS_MIN + build->files->count * BUILD_ROUNDS_PER_FILE;
    for (size_t i = 0;; i++) {
        size_t taken = 0;
        int rc = write_all(build, err);
        rc = rc < 0 ? rc : run(build, err);
        if (rc < 0 || build->succeeded) {
            return rc;
        }
        if (i < rounds) {
            rc = build_read_log(build->files, str_text(&build->log), &taken, err);
        }
        if (rc == 0 && taken == 0) {
            rc = find_culprits(build, err);
        }
        if (rc < 0) {
            return rc;
        }
    }
}

int build_schemata(struct build_files *files,
                   const struct build_options *options,
                   int64_t *cpu_us,
                   struct err *err)
{
    struct build build = {.files = files, .options = options, .log = STR_INIT(BUILD_LOG_MAX)};
    int rc = check_all(&build, err);
    rc = rc < 0 ? rc : build_until_accepted(&build, err);
    str_fini(&build.log);
    *cpu_us += build.cpu_us;
    return rc;
}
