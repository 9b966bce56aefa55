/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/unit/unit.h"

#include "base/file.h"
#include "base/mem.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Exit codes of a shell for a command it cannot start. */
#define EXIT_NOT_FOUND    127
#define EXIT_NOT_RUNNABLE 126

#define DIR_TEXT                                                                                   \
    "\"dir\":{\"type\":\"string\",\"minLength\":1,\"description\":\"Folder below the root; units " \
    "run in it.\"}"
#define TESTS_TEXT                                                                      \
    "\"tests\":{\"type\":\"string\",\"minLength\":1,\"description\":\"Glob pattern of " \
    "test files below dir.\"}"
#define REPORT_TEXT                                                                          \
    "\"report\":{\"type\":\"string\",\"minLength\":1,\"description\":\"JUnit file, or glob " \
    "pattern, that the command leaves below dir.\"}"
#define BRANCH(discover, properties, required)                             \
    "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{" \
    "\"discover\":{\"const\":\"" discover "\"}," properties "},\"required\":[" required "]}"

static const char schema[] =
    "{\"$schema\":\"http://json-schema.org/draft-07/schema#\",\"type\":\"object\","
    "\"required\":[\"discover\"],\"properties\":{\"discover\":{\"enum\":[\"ctest\",\"executables\","
    "\"cmocka\",\"bats\",\"tap\",\"command\"],\"description\":\"How tests are found: asked of "
    "CTest, looked for as files, or one command that leaves a JUnit file.\"}},"
    "\"oneOf\":["
    // clang-format off
    BRANCH("ctest", DIR_TEXT ",\"config\":{\"type\":\"string\",\"minLength\":1,\"description\":"
           "\"Configuration of a multi-config build, as for ctest -C.\"}", "\"dir\"") ","
    BRANCH("executables", DIR_TEXT "," TESTS_TEXT "," REPORT_TEXT, "\"tests\"") ","
    BRANCH("cmocka", DIR_TEXT "," TESTS_TEXT, "\"tests\"") ","
    BRANCH("bats", DIR_TEXT "," TESTS_TEXT, "\"tests\"") ","
    BRANCH("tap", DIR_TEXT "," TESTS_TEXT, "\"tests\"") ","
    BRANCH("command", DIR_TEXT "," REPORT_TEXT ",\"run\":{\"type\":\"string\",\"minLength\":1,"
           "\"description\":\"The command.\"}", "\"run\",\"report\"")
    "]}";
// clang-format on

static const struct sdk_private_verb verbs[] = {
    {"fresh", unit_run_fresh},
    {NULL,    NULL          },
};

const struct sdk_plugin unit_plugin = {
    .name = "unit",
    .schema = schema,
    .plan = unit_plan,
    .verbs = verbs,
};

/* Which settings a way of discovery needs. sluice has checked them against the schema; whoever
 * runs the plugin by hand has not. */
enum need {
    NEEDS_DIR = 1 << 0,
    NEEDS_TESTS = 1 << 1,
    NEEDS_RUN = 1 << 2,
    NEEDS_REPORT = 1 << 3,
};

static const struct discovery {
    const char *name;
    int (*plan)(struct sdk *sdk, const struct unit_settings *settings, struct err *err);
    unsigned needs; /* enum need bits */
} discoveries[] = {
    {"ctest",       unit_plan_ctest,   NEEDS_DIR               },
    {"executables", unit_plan_files,   NEEDS_TESTS             },
    {"cmocka",      unit_plan_files,   NEEDS_TESTS             },
    {"bats",        unit_plan_files,   NEEDS_TESTS             },
    {"tap",         unit_plan_files,   NEEDS_TESTS             },
    {"command",     unit_plan_command, NEEDS_RUN | NEEDS_REPORT},
};

static int read_settings(json_t *with, struct unit_settings *ret_settings, struct err *err)
{
    struct unit_settings *s = ret_settings;
    const struct json_field fields[] = {
        {"discover", JSON_FIELD_STRING, true,  &s->discover},
        {"dir",      JSON_FIELD_STRING, false, &s->dir     },
        {"tests",    JSON_FIELD_STRING, false, &s->tests   },
        {"report",   JSON_FIELD_STRING, false, &s->report  },
        {"run",      JSON_FIELD_STRING, false, &s->run     },
        {"config",   JSON_FIELD_STRING, false, &s->config  },
    };
    if (json_read_object(with, fields, sizeof fields / sizeof fields[0], err) != 0) {
        return err_wrap(err, "with");
    }
    return 0;
}

static int check_path(const char *name, const char *path, struct err *err)
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

static int check_settings(const struct discovery *way,
                          const struct unit_settings *s,
                          struct err *err)
{
    const struct {
        const char *name;
        const char *value;
        unsigned bit;
    } settings[] = {
        {"dir",    s->dir,    NEEDS_DIR   },
        {"tests",  s->tests,  NEEDS_TESTS },
        {"run",    s->run,    NEEDS_RUN   },
        {"report", s->report, NEEDS_REPORT},
    };

    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        if ((way->needs & settings[i].bit) != 0 && settings[i].value == NULL) {
            return err_set(err,
                           -EINVAL,
                           "with: discover: %s needs the setting \"%s\"",
                           way->name,
                           settings[i].name);
        }
    }
    int status = check_path("dir", s->dir, err);
    status = status != 0 ? status : check_path("tests", s->tests, err);
    return status != 0 ? status : check_path("report", s->report, err);
}

int unit_plan(struct sdk *sdk, struct err *err)
{
    struct unit_settings settings = {0};
    int status = read_settings(sdk->with, &settings, err);
    if (status != 0) {
        return status;
    }
    for (size_t i = 0; i < sizeof discoveries / sizeof discoveries[0]; i++) {
        if (strcmp(discoveries[i].name, settings.discover) != 0) {
            continue;
        }
        status = check_settings(&discoveries[i], &settings, err);
        settings.dir = settings.dir != NULL ? settings.dir : ".";
        return status != 0 ? status : discoveries[i].plan(sdk, &settings, err);
    }
    return err_set(err,
                   -EINVAL,
                   "with: discover: unknown way \"%.80s\"; known are ctest, executables, cmocka, "
                   "bats, tap, command",
                   settings.discover);
}

int unit_plan_command(struct sdk *sdk, const struct unit_settings *settings, struct err *err)
{
    const char **argv = NULL;
    int status = sdk_command_argv(settings->run, &argv, err);
    if (status != 0) {
        return status;
    }
    const struct sdk_unit unit = {
        .id = "run",
        .argv = argv,
        .cwd = settings->dir,
        .report_format = "junit",
        .report_path = settings->report,
    };
    status = unit_emit_fresh(sdk, &unit, err);
    mem_free(argv);
    return status;
}

int unit_emit_fresh(struct sdk *sdk, const struct sdk_unit *unit, struct err *err)
{
    if (glob_has_magic(unit->report_path)) {
        return sdk_emit_unit(sdk, unit, err);
    }
    size_t count = 0;
    while (unit->argv[count] != NULL) {
        count++;
    }
    const char **argv = mem_calloc(count + 4, sizeof *argv);
    if (argv == NULL) {
        return err_set(err, -ENOMEM, "out of memory for a command");
    }
    argv[0] = sdk->program;
    argv[1] = "fresh";
    argv[2] = unit->report_path;
    memcpy(argv + 3, unit->argv, count * sizeof *argv);
    struct sdk_unit fresh = *unit;
    fresh.argv = argv;
    int status = sdk_emit_unit(sdk, &fresh, err);
    mem_free(argv);
    return status;
}

int unit_run_fresh(int argc, char **argv)
{
    if (argc < 3) {
        (void)fprintf(stderr, "usage: fresh REPORT COMMAND...\n");
        return 2;
    }
    struct err err = {0};
    if (unlink(argv[1]) != 0 && errno != ENOENT && errno != ENOTDIR) {
        (void)err_errno(&err, "cannot remove the old report %s", argv[1]);
        (void)fprintf(stderr, "%s\n", err.text);
        return EXIT_NOT_RUNNABLE;
    }
    (void)execvp(argv[2], argv + 2);
    int code = err_errno(&err, "cannot start %s", argv[2]);
    (void)fprintf(stderr, "%s\n", err.text);
    return code == -ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_RUNNABLE;
}
