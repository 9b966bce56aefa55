/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/mutation/settings.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_SCHEMA    "\"type\":\"string\",\"minLength\":1"
#define PERCENT_SCHEMA "\"type\":\"number\",\"minimum\":0,\"maximum\":100"
#define TEST_SCHEMA                                                                \
    "{\"anyOf\":[{" TEXT_SCHEMA "},{\"type\":\"object\",\"additionalProperties\":" \
    "false,\"required\":[\"run\"],\"properties\":{\"name\":{" TEXT_SCHEMA          \
    "},\"run\":{" TEXT_SCHEMA "},\"cwd\":{" TEXT_SCHEMA "},"                       \
    "\"stdout\":{\"enum\":[\"ignore\",\"compare\"]}}}]}"

// clang-format off
static const struct setting {
    const char *name;
    const char *schema;
    const char *description;
    bool unit; /* decides verdicts: units are told */
} settings[] = {
    {"files", "\"type\":\"array\",\"minItems\":1,\"items\":{" TEXT_SCHEMA "}",
     "Glob patterns of the files to mutate; a pattern with ! in front excludes.", true},
    {"build", TEXT_SCHEMA,
     "Command that builds the tests of a compiled language. Without it nothing is compiled.", true},
    {"tests", "\"type\":\"array\",\"minItems\":1,\"items\":" TEST_SCHEMA,
     "The tests: a glob pattern of programs that are there after the build, or a command: name, "
     "run, cwd, and stdout: compare when what it prints is part of its answer.", true},
    {"reads", "\"type\":\"array\",\"items\":{" TEXT_SCHEMA "}",
     "Glob patterns of all files, beside their programs, that tests ask for: with it, a file "
     "elsewhere that comes or goes voids no verdict of engines fork and exec. Default: any.", true},
    {"check", TEXT_SCHEMA,
     "Command that must succeed for a mutant to count; {file} is the mutated file.", true},
    {"operators", "\"type\":\"object\"",
     "Which changes are made: only, on, off, arid, queries, regex, command.", true},
    {"scope", "\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
     "\"lines\":{\"enum\":[\"all\",\"diff\"]},"
     "\"per_line\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":1000}}",
     "lines: those of run --diff REF, or all; per_line: mutants tried of one line, 0 for all. "
     "Default: with --diff its lines and 1, else all.", false},
    {"isolation", "\"enum\":[\"auto\",\"fork\",\"exec\",\"copy\"]",
     "The engine: fork at first reach, a run of a test for each mutant, a private copy that is "
     "edited. Default: auto, the fastest that fits.", true},
    {"uncovered", "\"enum\":[\"skip\",\"fail\"]",
     "What a line is told as whose mutants no test reaches. Default: skip.", true},
    {"budget", TEXT_SCHEMA,
     "Wall time of the layer; what is not tried by then is Pending.", false},
    {"shard", TEXT_SCHEMA,
     "The part of the files to do, from 1: 2/4.", false},
    {"baseline", TEXT_SCHEMA,
     "File with the ids of known survivors, one a line; new_survivors counts those that are not "
     "in it.", false},
    {"max_timeouts", PERCENT_SCHEMA,
     "More timeouts among the mutants that ran, in percent, are an error of the layer. "
     "Default: 10.", false},
    {"max_compile_errors", PERCENT_SCHEMA,
     "More mutants that do not compile, in percent, are an error of the layer. Default: 30.",
     false},
    {"audit", "\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
     "\"percent\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":100},"
     "\"min\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":1000000},"
     "\"survivors\":{\"type\":\"boolean\"},\"seed\":{\"type\":\"integer\",\"minimum\":0}}",
     "How many mutants that fork tried exec tries again: percent (2), min (50), and all reached "
     "survivors (true); seed chooses.", true},
};

// clang-format on

#define SETTING_COUNT (sizeof settings / sizeof settings[0])

void settings_write_schema(struct str *out)
{
    (void)str_append(out,
                     "{\"$schema\":\"http://json-schema.org/draft-07/schema#\",\"type\":\"object\","
                     "\"additionalProperties\":false,\"required\":[\"files\",\"tests\"],"
                     "\"properties\":{");
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        (void)str_appendf(out,
                          "%s\"%s\":{%s,\"description\":\"%s\"}",
                          i == 0 ? "" : ",",
                          settings[i].name,
                          settings[i].schema,
                          settings[i].description);
    }
    (void)str_append(out, "}}");
}

json_t *settings_of_unit(json_t *with)
{
    json_t *told = json_object();
    for (size_t i = 0; i < SETTING_COUNT && told != NULL; i++) {
        json_t *value = settings[i].unit ? json_object_get(with, settings[i].name) : NULL;
        if (value != NULL && json_object_set(told, settings[i].name, value) != 0) {
            json_decref(told);
            told = NULL;
        }
    }
    return told;
}

/* ---- reading ---- */

/* The settings below `with` that are objects or words, as they stand there. */
struct raw {
    json_t *scope;
    json_t *audit;
    const char *lines;
    const char *isolation;
    const char *uncovered;
    const char *budget;
    const char *shard;
};

static int read_top(json_t *with, struct settings *s, struct raw *raw, struct err *err)
{
    const struct json_field fields[] = {
        {"files",              JSON_FIELD_ARRAY,  true,  &s->files             },
        {"tests",              JSON_FIELD_ARRAY,  true,  &s->tests             },
        {"reads",              JSON_FIELD_ARRAY,  false, &s->reads             },
        {"operators",          JSON_FIELD_OBJECT, false, &s->operators         },
        {"build",              JSON_FIELD_STRING, false, &s->build             },
        {"check",              JSON_FIELD_STRING, false, &s->check             },
        {"baseline",           JSON_FIELD_STRING, false, &s->baseline          },
        {"scope",              JSON_FIELD_OBJECT, false, &raw->scope           },
        {"audit",              JSON_FIELD_OBJECT, false, &raw->audit           },
        {"isolation",          JSON_FIELD_STRING, false, &raw->isolation       },
        {"uncovered",          JSON_FIELD_STRING, false, &raw->uncovered       },
        {"budget",             JSON_FIELD_STRING, false, &raw->budget          },
        {"shard",              JSON_FIELD_STRING, false, &raw->shard           },
        {"max_timeouts",       JSON_FIELD_DOUBLE, false, &s->max_timeouts      },
        {"max_compile_errors", JSON_FIELD_DOUBLE, false, &s->max_compile_errors},
    };
    return json_read_object(with, fields, sizeof fields / sizeof fields[0], err);
}

static int read_scope(struct settings *s, struct raw *raw, struct err *err)
{
    const struct json_field fields[] = {
        {"lines",    JSON_FIELD_STRING, false, &raw->lines },
        {"per_line", JSON_FIELD_INT,    false, &s->per_line},
    };
    if (raw->scope == NULL) {
        return 0;
    }
    int status = json_read_object(raw->scope, fields, sizeof fields / sizeof fields[0], err);
    return status == 0 ? 0 : err_wrap(err, "scope");
}

static int read_audit(struct settings *s, const struct raw *raw, struct err *err)
{
    const struct json_field fields[] = {
        {"percent",   JSON_FIELD_INT,  false, &s->audit_percent  },
        {"min",       JSON_FIELD_INT,  false, &s->audit_min      },
        {"survivors", JSON_FIELD_BOOL, false, &s->audit_survivors},
        {"seed",      JSON_FIELD_INT,  false, &s->seed           },
    };
    if (raw->audit == NULL) {
        return 0;
    }
    int status = json_read_object(raw->audit, fields, sizeof fields / sizeof fields[0], err);
    return status == 0 ? 0 : err_wrap(err, "audit");
}

/* Which of `words` (NULL-terminated) is `word`; NULL is the first. */
static int read_word(
    const char *name, const char *word, const char *const *words, int *ret_index, struct err *err)
{
    *ret_index = 0;
    for (int i = 0; word != NULL && words[i] != NULL; i++) {
        if (strcmp(words[i], word) == 0) {
            *ret_index = i;
            return 0;
        }
    }
    if (word == NULL) {
        return 0;
    }
    char known[200] = "";
    size_t len = 0;
    for (int i = 0; words[i] != NULL && len < sizeof known; i++) {
        len +=
            (size_t)snprintf(known + len, sizeof known - len, "%s%s", i == 0 ? "" : ", ", words[i]);
    }
    return err_set(err, -EINVAL, "%s \"%.40s\" must be one of %s", name, word, known);
}

static int read_words(struct settings *s, const struct raw *raw, struct err *err)
{
    static const char *const lines[] = {"auto", "all", "diff", NULL};
    static const char *const isolations[] = {"auto", "fork", "exec", "copy", NULL};
    static const char *const uncovered[] = {"skip", "fail", NULL};
    int line = 0;
    int isolation = 0;
    int fails = 0;
    int status = read_word("scope: lines", raw->lines, lines, &line, err);
    status =
        status != 0 ? status : read_word("isolation", raw->isolation, isolations, &isolation, err);
    status = status != 0 ? status : read_word("uncovered", raw->uncovered, uncovered, &fails, err);
    s->lines = (enum settings_lines)line;
    s->isolation = (enum settings_isolation)isolation;
    s->uncovered_fails = fails == 1;
    return status;
}

/* Digits to `end`; 0 when there are none or too many. */
static int64_t shard_number(const char *text, const char **ret_end)
{
    size_t digits = strspn(text, "0123456789");
    *ret_end = text + digits;
    return digits > 0 && digits <= 5 ? (int64_t)strtol(text, NULL, 10) : 0;
}

static int read_shard(struct settings *s, const char *shard, struct err *err)
{
    if (shard == NULL) {
        return 0;
    }
    const char *end = NULL;
    int64_t part = shard_number(shard, &end);
    int64_t parts = *end == '/' ? shard_number(end + 1, &end) : 0;
    if (*end != '\0' || part == 0 || part > parts) {
        return err_set(
            err, -EINVAL, "shard \"%.40s\" must be PART/PARTS, counted from 1, e.g. 2/4", shard);
    }
    s->shard = part;
    s->shards = parts;
    return 0;
}

static int read_budget(struct settings *s, const char *budget, struct err *err)
{
    if (budget == NULL) {
        return 0;
    }
    if (duration_parse(budget, &s->budget_ms, err) != 0) {
        return err_wrap(err, "budget");
    }
    if (s->budget_ms == 0) {
        return err_set(err, -EINVAL, "budget \"%.40s\" leaves no time to try a mutant", budget);
    }
    return 0;
}

/* ---- checks ---- */

static int check_path(const char *name, const char *path, struct err *err)
{
    if (path == NULL || strcmp(path, ".") == 0 || path_is_inside(path)) {
        return 0;
    }
    return err_set(
        err, -EINVAL, "%s \"%.200s\" must be a path below the root, without \"..\"", name, path);
}

/* Patterns are compared with paths from the root: "./" in front would match nothing. */
static int check_pattern(const char *name, size_t index, json_t *item, struct err *err)
{
    const char *pattern = json_string_value(item);
    if (pattern != NULL && pattern[0] == '!') {
        pattern++;
    }
    if (pattern == NULL || strncmp(pattern, "./", 2) != 0 || !path_is_inside(pattern + 2)) {
        return 0;
    }
    return err_set(err,
                   -EINVAL,
                   "%s: item %zu, \"%.200s\", begins below the root anyhow: write \"%.200s\"",
                   name,
                   index + 1,
                   pattern,
                   pattern + 2);
}

static int check_files(json_t *files, struct err *err)
{
    size_t i = 0;
    json_t *item = NULL;
    bool includes = false;
    json_array_foreach(files, i, item)
    {
        const char *pattern = json_string_value(item);
        bool excludes = pattern != NULL && pattern[0] == '!';
        int status = check_pattern("files", i, item, err);
        if (status != 0) {
            return status;
        }
        if (pattern == NULL || !path_is_inside(pattern + (excludes ? 1 : 0))) {
            return err_set(err,
                           -EINVAL,
                           "files: item %zu must be a glob pattern below the root, without \"..\"",
                           i + 1);
        }
        includes = includes || !excludes;
    }
    return includes ? 0
                    : err_set(err,
                              -EINVAL,
                              "files: at least one pattern must include files; all begin with !");
}

static int check_reads(json_t *reads, struct err *err)
{
    size_t i = 0;
    json_t *item = NULL;
    json_array_foreach(reads, i, item)
    {
        const char *pattern = json_string_value(item);
        int status = check_pattern("reads", i, item, err);
        if (status != 0) {
            return status;
        }
        if (pattern == NULL || pattern[0] == '!' || !path_is_inside(pattern)) {
            return err_set(err,
                           -EINVAL,
                           "reads: item %zu must be a glob pattern below the root, without \"..\" "
                           "and !",
                           i + 1);
        }
    }
    return 0;
}

static int check_command(json_t *test, size_t index, struct err *err)
{
    const char *name = NULL;
    const char *run = NULL;
    const char *cwd = NULL;
    const char *compare = NULL;
    int word = 0;
    static const char *const words[] = {"ignore", "compare", NULL};
    const struct json_field fields[] = {
        {"name",   JSON_FIELD_STRING, false, &name   },
        {"run",    JSON_FIELD_STRING, true,  &run    },
        {"cwd",    JSON_FIELD_STRING, false, &cwd    },
        {"stdout", JSON_FIELD_STRING, false, &compare},
    };
    int status = json_read_object(test, fields, sizeof fields / sizeof fields[0], err);
    status = status != 0 ? status : read_word("stdout", compare, words, &word, err);
    status = status != 0 ? status : check_path("cwd", cwd, err);
    if (status == 0 && run[0] == '\0') {
        status = err_set(err, -EINVAL, "run is empty");
    }
    return status == 0 ? 0 : err_wrap(err, "tests: item %zu", index + 1);
}

static int check_tests(json_t *tests, struct err *err)
{
    size_t i = 0;
    json_t *item = NULL;
    if (json_array_size(tests) == 0) {
        return err_set(err, -EINVAL, "tests: at least one test must be named");
    }
    json_array_foreach(tests, i, item)
    {
        if (json_is_string(item) && path_is_inside(json_string_value(item))) {
            continue;
        }
        int status = check_pattern("tests", i, item, err);
        if (status != 0) {
            return status;
        }
        if (!json_is_object(item)) {
            return err_set(err,
                           -EINVAL,
                           "tests: item %zu must be a glob pattern of programs below the root, or "
                           "{name, run, cwd, stdout}",
                           i + 1);
        }
        status = check_command(item, i, err);
        if (status != 0) {
            return status;
        }
    }
    return 0;
}

static int check_numbers(const struct settings *s, struct err *err)
{
    const struct {
        const char *name;
        double value;
        double max;
    } numbers[] = {
        {"max_timeouts",       s->max_timeouts,                           100 },
        {"max_compile_errors", s->max_compile_errors,                     100 },
        {"audit: percent",     (double)s->audit_percent,                  100 },
        {"audit: min",         (double)s->audit_min,                      1e6 },
        {"audit: seed",        (double)s->seed,                           1e18},
        {"scope: per_line",    s->per_line < 0 ? 0 : (double)s->per_line, 1000},
    };

    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (!(numbers[i].value >= 0 && numbers[i].value <= numbers[i].max)) {
            return err_set(
                err, -ERANGE, "%s must be from 0 to %.0f", numbers[i].name, numbers[i].max);
        }
    }
    return 0;
}

static int check(const struct settings *s, struct err *err)
{
    if (json_array_size(s->files) > SETTINGS_LIST_MAX
        || json_array_size(s->tests) > SETTINGS_LIST_MAX
        || json_array_size(s->reads) > SETTINGS_LIST_MAX) {
        return err_set(err,
                       -E2BIG,
                       "files, tests and reads may have %d items; use patterns",
                       SETTINGS_LIST_MAX);
    }
    int status = check_files(s->files, err);
    status = status != 0 ? status : check_tests(s->tests, err);
    status = status != 0 ? status : check_reads(s->reads, err);
    status = status != 0 ? status : check_path("baseline", s->baseline, err);
    return status != 0 ? status : check_numbers(s, err);
}

int settings_read(json_t *with, struct settings *ret_settings, struct err *err)
{
    struct raw raw = {0};
    struct settings s = {
        .per_line = -1,
        .shard = 1,
        .shards = 1,
        .audit_percent = SETTINGS_AUDIT_PERCENT,
        .audit_min = SETTINGS_AUDIT_MIN,
        .audit_survivors = true,
        .max_timeouts = SETTINGS_TIMEOUTS_MAX,
        .max_compile_errors = SETTINGS_COMPILE_ERRORS_MAX,
    };
    int status = read_top(with, &s, &raw, err);
    status = status != 0 ? status : read_scope(&s, &raw, err);
    status = status != 0 ? status : read_audit(&s, &raw, err);
    status = status != 0 ? status : read_words(&s, &raw, err);
    status = status != 0 ? status : read_shard(&s, raw.shard, err);
    status = status != 0 ? status : read_budget(&s, raw.budget, err);
    status = status != 0 ? status : check(&s, err);
    if (status != 0) {
        return err_wrap(err, "with");
    }
    *ret_settings = s;
    return 0;
}
