/* SPDX-License-Identifier: Apache-2.0 */
/* Cargo and nextest. The tests can only be listed once they are built, so the plan is one unit,
 * "build", that leaves the target folder and expands: one unit a test program (what cargo calls a
 * target), or one a test with `split: case`, and one for the doc tests of each library. Nothing is
 * fetched: dependencies are vendored, or in an exposed folder. */
#include "plugins/unit/cargo.h"

#include "base/cleanup.h"
#include "base/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int cargo_emit(struct tool *tool, const struct tool_unit *unit, struct err *err)
{
    static const char *const needs[] = {CARGO_BUILD_ID, NULL};
    struct sdk_unit more = {.needs = needs, .env = tool->env, .env_count = tool->env_count};
    struct tool_unit whole = *unit;
    whole.more = &more;
    return tool_emit(tool, &whole, err);
}

int cargo_folder(const struct tool *tool,
                 const char *path,
                 char buf[PATH_TEXT_MAX],
                 struct err *err)
{
    const char *root = tool->sdk->root;
    size_t len = strlen(root);
    const char *slash = path != NULL ? strrchr(path, '/') : NULL;
    if (slash == NULL || strncmp(path, root, len) != 0 || path[len] != '/') {
        return err_set(err,
                       -EINVAL,
                       "cargo names a package outside of the tree: %.200s",
                       path != NULL ? path : "(no path)");
    }
    size_t inside = (size_t)(slash - path);
    if (inside <= len) {
        (void)snprintf(buf, PATH_TEXT_MAX, ".");
    } else {
        (void)snprintf(buf, PATH_TEXT_MAX, "%.*s", (int)(inside - len - 1), path + len + 1);
    }
    return 0;
}

/* ---- test programs ---- */

/* One program, as `cargo test --no-run --message-format=json` tells it. */
struct target {
    const char *executable;
    const char *name;
    const char *kind;           /* lib, bin, test, example ... */
    char folder[PATH_TEXT_MAX]; /* of its package: cargo runs it there */
    char manifest_dir[PATH_TEXT_MAX];
};

/* "crates/x lib x", "test it". */
static void target_id(const struct target *target,
                      const char *kind,
                      const char *test,
                      struct str *id)
{
    bool in_root = strcmp(target->folder, ".") == 0;
    (void)str_appendf(id,
                      "%s%s%s %s%s%s",
                      in_root ? "" : target->folder,
                      in_root ? "" : " ",
                      kind,
                      target->name,
                      test != NULL ? " " : "",
                      test != NULL ? test : "");
}

/* A program of libtest, all of it or its test `test`; or, with harness = false, of anything. */
static int emit_program(
    struct tool *tool, const struct target *target, const char *test, bool libtest, struct err *err)
{
    CLEANUP(str_fini) struct str id = STR_INIT((size_t)PATH_TEXT_MAX * 2);
    char report[TOOL_REPORT_SIZE];
    const char *const whole[] = {target->executable, NULL};
    const char *const one[] = {target->executable, "--exact", test, NULL};
    target_id(target, target->kind, test, &id);
    (void)tool_report(str_text(&id), ".cases", report);
    const struct tool_unit unit = {
        .id = str_text(&id),
        .cwd = target->folder,
        .verb = "report",
        .how = "libtest",
        .format = libtest ? "cases" : NULL,
        .report = libtest ? report : NULL,
        .before = test != NULL ? one : whole,
        .direct = true,
    };
    tool->env[0] = (struct sdk_env){"CARGO_MANIFEST_DIR", target->manifest_dir};
    tool->env_count = 1;
    return cargo_emit(tool, &unit, err);
}

/* "NAME: test" of `--list --format terse`. */
static bool is_test(char *line)
{
    char *end = strstr(line, ": test");
    if (end == NULL || end[6] != '\0') {
        return false;
    }
    *end = '\0';
    return true;
}

/* Lists a program's tests: with `split: case` each is a unit; a program without one is none. A
 * program that lists nothing that can be read is no program of libtest (harness = false): its exit
 * code is its case. */
static int emit_target(struct tool *tool,
                       const struct target *target,
                       size_t *count,
                       struct err *err)
{
    CLEANUP(str_fini) struct str out = STR_INIT(TOOL_ANSWER_MAX);
    const char *const argv[] = {target->executable, "--list", NULL};
    int status = sdk_run(argv, target->folder, &out, err);
    if (status != 0) {
        return err_wrap(err, "asking %s for its tests", target->executable);
    }
    bool libtest = strstr(str_text(&out), " benchmark") != NULL;
    size_t tests = 0;
    char *rest = out.data;
    char *line = NULL;
    while (status == 0 && libtest && (line = tool_line(&rest)) != NULL) {
        if (!is_test(line)) {
            continue;
        }
        tests++;
        status = tool->settings->split_case ? emit_program(tool, target, line, true, err) : 0;
    }
    *count += libtest ? tests : 1;
    if (status == 0 && !libtest) {
        return emit_program(tool, target, NULL, false, err);
    }
    return status == 0 && tests > 0 && !tool->settings->split_case
               ? emit_program(tool, target, NULL, true, err)
               : status;
}

/* The doc tests of a library; cargo can list them without building them. */
static int emit_doc(struct tool *tool, const struct target *target, size_t *count, struct err *err)
{
    CLEANUP(str_fini) struct str out = STR_INIT(TOOL_ANSWER_MAX);
    CLEANUP(str_fini) struct str id = STR_INIT((size_t)PATH_TEXT_MAX * 2);
    char manifest[PATH_TEXT_MAX];
    char report[TOOL_REPORT_SIZE];
    int n =
        snprintf(manifest, sizeof manifest, "--manifest-path=%s/Cargo.toml", target->manifest_dir);
    if (n < 0 || (size_t)n >= sizeof manifest) {
        return err_set(err, -ENAMETOOLONG, "too long a path: %.80s", target->manifest_dir);
    }
    const char *const before[] = {"test", "--doc", "--offline", manifest, NULL};
    const char *const list[] = {"--", "--list", NULL};
    int status = tool_ask(tool, before, tool->settings->args, list, &out, err);
    if (status != 0 || strstr(str_text(&out), ": test\n") == NULL) {
        return status != 0 ? err_wrap(err, "asking cargo for doc tests") : 0;
    }
    ++*count;
    target_id(target, "doc", NULL, &id);
    (void)tool_report(str_text(&id), ".cases", report);
    const struct tool_unit unit = {
        .id = str_text(&id),
        .verb = "report",
        .how = "libtest",
        .format = "cases",
        .report = report,
        .before = before,
    };
    tool->env_count = 0;
    return cargo_emit(tool, &unit, err);
}

/* One line of cargo's messages. */
static int emit_message(struct tool *tool, json_t *message, size_t *count, struct err *err)
{
    json_t *about = json_object_get(message, "target");
    struct target target = {
        .executable = json_string_value(json_object_get(message, "executable")),
        .name = json_string_value(json_object_get(about, "name")),
        .kind = json_string_value(json_array_get(json_object_get(about, "kind"), 0)),
    };
    const char *manifest = json_string_value(json_object_get(message, "manifest_path"));
    bool test = json_is_true(json_object_get(json_object_get(message, "profile"), "test"));
    if (!test || target.executable == NULL || target.name == NULL || target.kind == NULL) {
        return 0;
    }
    int status = cargo_folder(tool, manifest, target.folder, err);
    if (status != 0) {
        return status;
    }
    (void)snprintf(target.manifest_dir,
                   sizeof target.manifest_dir,
                   "%.*s",
                   (int)(strrchr(manifest, '/') - manifest),
                   manifest);
    status = emit_target(tool, &target, count, err);
    bool doc = json_is_true(json_object_get(about, "doctest"));
    return status == 0 && doc ? emit_doc(tool, &target, count, err) : status;
}

/* ---- building ---- */

static int emit_cargo(struct tool *tool, struct err *err)
{
    static const char *const options[] = {
        "test", "--no-run", "--offline", "--message-format=json-render-diagnostics", NULL};
    CLEANUP(str_fini) struct str out = STR_INIT(TOOL_ANSWER_MAX);
    size_t count = 0;
    int status = tool_ask(tool, options, tool->settings->args, NULL, &out, err);
    if (status != 0) {
        return err_wrap(err, "the tests cannot be built (cargo says why above)");
    }
    char *rest = out.data;
    char *line = NULL;
    while (status == 0 && (line = tool_line(&rest)) != NULL) {
        CLEANUP(json_cleanup) json_t *message = NULL;
        if (line[0] == '{') {
            status = json_parse(line, strlen(line), &message, err);
            status = status == 0 ? emit_message(tool, message, &count, err) : status;
        }
    }
    if (status == 0 && count == 0) {
        return err_set(err, -ENODATA, "cargo has built no test in %s", tool->settings->dir);
    }
    return status;
}

static int emit_nextest(struct tool *tool, struct err *err)
{
    static const char *const options[] = {
        "nextest", "list", "--offline", "--message-format", "json", NULL};
    CLEANUP(str_fini) struct str out = STR_INIT(TOOL_ANSWER_MAX);
    CLEANUP(json_cleanup) json_t *list = NULL;
    int status = tool_ask(tool, options, tool->settings->args, NULL, &out, err);
    if (status != 0) {
        return err_wrap(err, "the tests cannot be listed (cargo says why above)");
    }
    status = json_parse(str_text(&out), out.len, &list, err);
    return status == 0 ? nextest_emit(tool, list, err) : err_wrap(err, "the answer of nextest");
}

/* What the unit "build" is told: the settings, and what plan knows of the place. */
struct build_words {
    const char *program;
    const char *root;
    json_t *with;
};

static int emit_units(struct sdk *sdk, void *context, struct err *err)
{
    const struct build_words *words = context;
    struct unit_settings settings = {0};
    CLEANUP(tool_fini) struct tool tool = {0};
    int status = unit_read_settings(words->with, &settings, err);
    sdk->program = words->program;
    sdk->root = words->root;
    status = status == 0 ? tool_init(&tool, sdk, &settings, "cargo", err) : status;
    if (status != 0) {
        return status;
    }
    return strcmp(settings.discover, "nextest") == 0 ? emit_nextest(&tool, err)
                                                     : emit_cargo(&tool, err);
}

int unit_run_cargo(int argc, char **argv)
{
    struct err err = {0};
    struct build_words words = {0};
    CLEANUP(json_cleanup) json_t *told = NULL;
    const struct json_field fields[] = {
        {"program", JSON_FIELD_STRING, true, &words.program},
        {"root",    JSON_FIELD_STRING, true, &words.root   },
        {"with",    JSON_FIELD_OBJECT, true, &words.with   },
    };
    if (argc != 2) {
        (void)fprintf(stderr, "usage: cargo WORDS\n");
        return 2;
    }
    if (json_parse(argv[1], strlen(argv[1]), &told, &err) != 0
        || json_read_object(told, fields, sizeof fields / sizeof fields[0], &err) != 0
        || sdk_expand(&unit_plugin, emit_units, &words, &err) != 0) {
        (void)fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    return 0;
}

static int plan_build(struct sdk *sdk, const struct unit_settings *settings, struct err *err)
{
    char manifest[PATH_TEXT_MAX];
    char everything[PATH_TEXT_MAX];
    bool in_root = strcmp(settings->dir, ".") == 0;
    (void)snprintf(manifest, sizeof manifest, "%s/Cargo.toml", settings->dir);
    (void)snprintf(everything,
                   sizeof everything,
                   "%s%starget/**",
                   in_root ? "" : settings->dir,
                   in_root ? "" : "/");
    if (!file_exists(manifest)) {
        return err_set(err, -ENODATA, "dir: there is no Cargo.toml in %s", settings->dir);
    }
    CLEANUP(json_cleanup)
    json_t *told =
        json_pack("{s:s, s:s, s:O}", "program", sdk->program, "root", sdk->root, "with", sdk->with);
    char *words = told != NULL ? json_dumps(told, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    const char *const argv[] = {sdk->program, "cargo", words, NULL};
    const char *const outputs[] = {everything, NULL};
    const struct sdk_env env[] = {
        {"CARGO_INCREMENTAL", "0"}, /* nothing is built on: it would only be more to keep */
    };
    const struct sdk_unit unit = {
        .id = CARGO_BUILD_ID,
        .argv = argv,
        .cwd = ".",
        .env = env,
        .env_count = sizeof env / sizeof env[0],
        .outputs = outputs,
        .expands = true,
    };
    int status = words != NULL ? sdk_emit_unit(sdk, &unit, err)
                               : err_set(err, -ENOMEM, "out of memory for a command");
    free(words); /* jansson's own malloc */
    return status;
}

int unit_plan_cargo(struct sdk *sdk, const struct unit_settings *settings, struct err *err)
{
    return plan_build(sdk, settings, err);
}

int unit_plan_nextest(struct sdk *sdk, const struct unit_settings *settings, struct err *err)
{
    return plan_build(sdk, settings, err);
}
