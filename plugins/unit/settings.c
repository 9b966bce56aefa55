/* SPDX-License-Identifier: Apache-2.0 */
/* The settings of this plugin and the ways of discovery that take them: two tables, from which the
 * schema, the checks and the messages are made. Another tool is a row in `discoveries`. */
#include "base/cleanup.h"
#include "base/file.h"
#include "plugins/unit/unit.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Names of all ways of discovery in a message. */
#define NAMES_MAX 1000

enum setting {
    DIR = 1 << 0,
    TESTS = 1 << 1,
    REPORT = 1 << 2,
    RUN = 1 << 3,
    CONFIG = 1 << 4,
    ARGS = 1 << 5,
    COMMAND = 1 << 6, /* in the tool's place */
    WRAPPER = 1 << 7, /* the same setting, before a test program */
    SPLIT = 1 << 8,
};

#define TEXT_SCHEMA "\"type\":\"string\",\"minLength\":1"

// clang-format off
static const struct {
    unsigned bit;
    const char *name;
    const char *schema;
    const char *description;
} settings[] = {
    {DIR, "dir", TEXT_SCHEMA,
     "Folder below the root; units run in it."},
    {TESTS, "tests", TEXT_SCHEMA,
     "Glob pattern of test files below dir."},
    {REPORT, "report", TEXT_SCHEMA,
     "JUnit file, or glob pattern, that the command leaves below dir."},
    {RUN, "run", TEXT_SCHEMA,
     "The command."},
    {CONFIG, "config", TEXT_SCHEMA,
     "Configuration of a multi-config build, as for ctest -C."},
    {ARGS, "args", "\"type\":\"array\",\"items\":{" TEXT_SCHEMA "}",
     "Further words for the tool, in each unit."},
    {COMMAND, "command", TEXT_SCHEMA,
     "Called in the tool's place, in dir; words are added behind it."},
    {WRAPPER, "command", TEXT_SCHEMA,
     "Put before each test program, e.g. an emulator."},
    {SPLIT, "split", "\"enum\":[\"file\",\"case\"]",
     "What a unit is: a file (or program, or package) of tests, or one test case. Default: file."},
};

// clang-format on

#define SETTING_COUNT (sizeof settings / sizeof settings[0])

static const struct discovery {
    const char *name;
    int (*plan)(struct sdk *sdk, const struct unit_settings *settings, struct err *err);
    unsigned needs; /* enum setting bits */
    unsigned takes; /* the same, besides */
} discoveries[] = {
    {"ctest",       unit_plan_ctest,     DIR,          CONFIG                              },
    {"meson",       unit_plan_meson,     DIR,          ARGS | COMMAND                      },
    {"gtest",       unit_plan_gtest,     TESTS,        DIR | ARGS | WRAPPER | SPLIT        },
    {"criterion",   unit_plan_criterion, TESTS,        DIR | ARGS | WRAPPER | SPLIT        },
    {"cmocka",      unit_plan_files,     TESTS,        DIR                                 },
    {"pytest",      unit_plan_pytest,    0,            DIR | TESTS | ARGS | COMMAND | SPLIT},
    {"node",        unit_plan_node,      0,            DIR | TESTS | ARGS | COMMAND | SPLIT},
    {"vitest",      unit_plan_vitest,    0,            DIR | TESTS | ARGS | COMMAND | SPLIT},
    {"jest",        unit_plan_jest,      0,            DIR | TESTS | ARGS | COMMAND | SPLIT},
    {"go",          unit_plan_go,        0,            DIR | ARGS | COMMAND | SPLIT        },
    {"cargo",       unit_plan_cargo,     0,            DIR | ARGS | COMMAND | SPLIT        },
    {"nextest",     unit_plan_nextest,   0,            DIR | ARGS | COMMAND | SPLIT        },
    {"executables", unit_plan_files,     TESTS,        DIR | REPORT                        },
    {"bats",        unit_plan_files,     TESTS,        DIR                                 },
    {"tap",         unit_plan_files,     TESTS,        DIR                                 },
    {"command",     unit_plan_command,   RUN | REPORT, DIR                                 },
};

#define DISCOVERY_COUNT (sizeof discoveries / sizeof discoveries[0])

/* ---- schema ---- */

static void write_branch(struct str *out, const struct discovery *way)
{
    (void)str_appendf(out,
                      "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
                      "\"discover\":{\"const\":\"%s\"}",
                      way->name);
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        if (((way->needs | way->takes) & settings[i].bit) != 0) {
            (void)str_appendf(out,
                              ",\"%s\":{%s,\"description\":\"%s\"}",
                              settings[i].name,
                              settings[i].schema,
                              settings[i].description);
        }
    }
    (void)str_append(out, "},\"required\":[\"discover\"");
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        if ((way->needs & settings[i].bit) != 0) {
            (void)str_appendf(out, ",\"%s\"", settings[i].name);
        }
    }
    (void)str_append(out, "]}");
}

void unit_write_schema(struct str *out)
{
    (void)str_append(out,
                     "{\"$schema\":\"http://json-schema.org/draft-07/schema#\",\"type\":\"object\","
                     "\"required\":[\"discover\"],\"properties\":{\"discover\":{\"enum\":[");
    for (size_t i = 0; i < DISCOVERY_COUNT; i++) {
        (void)str_appendf(out, "%s\"%s\"", i == 0 ? "" : ",", discoveries[i].name);
    }
    (void)str_append(out,
                     "],\"description\":\"How tests are found: asked of the tool that knows them, "
                     "looked for as files, or one command that leaves a JUnit file.\"}},"
                     "\"oneOf\":[");
    for (size_t i = 0; i < DISCOVERY_COUNT; i++) {
        (void)str_append(out, i == 0 ? "" : ",");
        write_branch(out, &discoveries[i]);
    }
    (void)str_append(out, "]}");
}

/* ---- reading ---- */

int unit_read_settings(json_t *with, struct unit_settings *ret_settings, struct err *err)
{
    struct unit_settings s = {.dir = "."};
    const struct json_field fields[] = {
        {"discover", JSON_FIELD_STRING, true,  &s.discover},
        {"dir",      JSON_FIELD_STRING, false, &s.dir     },
        {"tests",    JSON_FIELD_STRING, false, &s.tests   },
        {"report",   JSON_FIELD_STRING, false, &s.report  },
        {"run",      JSON_FIELD_STRING, false, &s.run     },
        {"config",   JSON_FIELD_STRING, false, &s.config  },
        {"command",  JSON_FIELD_STRING, false, &s.command },
        {"args",     JSON_FIELD_ARRAY,  false, &s.args    },
        {"split",    JSON_FIELD_STRING, false, &s.split   },
    };
    if (json_read_object(with, fields, sizeof fields / sizeof fields[0], err) != 0) {
        return err_wrap(err, "with");
    }
    s.split_case = s.split != NULL && strcmp(s.split, "case") == 0;
    *ret_settings = s;
    return 0;
}

/* sluice has checked the settings against the schema; whoever runs the plugin by hand has not. */
static int check_way(const struct discovery *way, json_t *with, struct err *err)
{
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        bool given = json_object_get(with, settings[i].name) != NULL;
        bool other = settings[i].bit == COMMAND || settings[i].bit == WRAPPER;
        unsigned bits = other ? (unsigned)COMMAND | (unsigned)WRAPPER : settings[i].bit;
        if ((way->needs & settings[i].bit) != 0 && !given) {
            return err_set(err,
                           -EINVAL,
                           "with: discover: %s needs the setting \"%s\"",
                           way->name,
                           settings[i].name);
        }
        if (((way->needs | way->takes) & bits) == 0 && given) {
            return err_set(err,
                           -EINVAL,
                           "with: discover: %s has no setting \"%s\"",
                           way->name,
                           settings[i].name);
        }
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

static int check_values(const struct unit_settings *s, struct err *err)
{
    size_t i = 0;
    json_t *word = NULL;
    json_array_foreach(s->args, i, word)
    {
        if (!json_is_string(word)) {
            return err_set(err, -EINVAL, "with: args must be a list of texts");
        }
    }
    if (s->split != NULL && !s->split_case && strcmp(s->split, "file") != 0) {
        return err_set(err, -EINVAL, "with: split \"%.40s\" must be file or case", s->split);
    }
    int status = check_path("dir", s->dir, err);
    status = status != 0 ? status : check_path("tests", s->tests, err);
    return status != 0 ? status : check_path("report", s->report, err);
}

static int refuse_unknown(const char *discover, struct err *err)
{
    CLEANUP(str_fini) struct str names = STR_INIT(NAMES_MAX);
    for (size_t i = 0; i < DISCOVERY_COUNT; i++) {
        (void)str_appendf(&names, "%s%s", i == 0 ? "" : ", ", discoveries[i].name);
    }
    return err_set(err,
                   -EINVAL,
                   "with: discover: unknown way \"%.80s\"; known are %s",
                   discover,
                   str_text(&names));
}

int unit_plan(struct sdk *sdk, struct err *err)
{
    struct unit_settings s = {0};
    int status = unit_read_settings(sdk->with, &s, err);
    if (status != 0) {
        return status;
    }
    assert(s.discover != NULL); /* needed, or it would not have been read */
    for (size_t i = 0; i < DISCOVERY_COUNT; i++) {
        if (strcmp(discoveries[i].name, s.discover) != 0) {
            continue;
        }
        status = check_way(&discoveries[i], sdk->with, err);
        status = status != 0 ? status : check_values(&s, err);
        return status != 0 ? status : discoveries[i].plan(sdk, &s, err);
    }
    return refuse_unknown(s.discover, err);
}
