/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/command/command.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define ID_DEFAULT "run"

static const char schema[] =
    "{\"$schema\":\"http://json-schema.org/draft-07/schema#\",\"type\":\"object\","
    "\"additionalProperties\":false,\"properties\":{"
    "\"run\":{\"type\":\"string\",\"minLength\":1,"
    "\"description\":\"One command: one unit. Plain words are executed directly, anything else "
    "by /bin/sh -c.\"},"
    "\"each\":{\"type\":\"string\",\"minLength\":1,"
    "\"description\":\"A file below the root: each line is a command, one unit a line. Empty "
    "lines and lines that start with # are passed over.\"},"
    "\"id\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":200,\"default\":\"run\","
    "\"description\":\"Id of the unit of run.\"},"
    "\"report\":{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"format\"],"
    "\"description\":\"Where the test cases are told; without it a command is one case.\","
    "\"properties\":{"
    "\"format\":{\"enum\":[\"auto\",\"junit\",\"tap\",\"cmocka\",\"cases\",\"ctrf\",\"subunit\","
    "\"gotest\",\"check\",\"cunit\",\"ctest\",\"boost\",\"nunit\",\"xunit\",\"trx\",\"qtest\","
    "\"cppunit\",\"mocha\"]},"
    "\"path\":{\"type\":\"string\",\"minLength\":1,"
    "\"description\":\"File or glob pattern below the working folder; standard output when "
    "not given.\"}}}},"
    "\"oneOf\":[{\"required\":[\"run\"]},{\"required\":[\"each\"]}]}";

const struct sdk_plugin command_plugin = {
    .name = "command",
    .schema = schema,
    .plan = command_plan,
};

struct settings {
    const char *run;
    const char *each;
    const char *id;
    const char *report_format;
    const char *report_path;
};

/* An `each` file being read. */
struct each_file {
    FILE *stream;
    const char *path;
    char *line; /* COMMAND_LINE_MAX and the newline, the terminator */
    uint32_t number;
    struct sdk_ids ids;
};

static void each_file_fini(struct each_file *file)
{
    if (file->stream != NULL) {
        (void)fclose(file->stream);
    }
    mem_free(file->line);
    sdk_ids_fini(&file->ids);
}

static int read_settings(json_t *with, struct settings *ret_settings, struct err *err)
{
    json_t *report = NULL;
    const struct json_field fields[] = {
        {"run",    JSON_FIELD_STRING, false, &ret_settings->run },
        {"each",   JSON_FIELD_STRING, false, &ret_settings->each},
        {"id",     JSON_FIELD_STRING, false, &ret_settings->id  },
        {"report", JSON_FIELD_OBJECT, false, &report            },
    };
    const struct json_field report_fields[] = {
        {"format", JSON_FIELD_STRING, true,  &ret_settings->report_format},
        {"path",   JSON_FIELD_STRING, false, &ret_settings->report_path  },
    };
    int status = json_read_object(with, fields, sizeof fields / sizeof fields[0], err);
    if (status == 0 && report != NULL) {
        status = json_read_object(
            report, report_fields, sizeof report_fields / sizeof report_fields[0], err);
    }
    if (status != 0) {
        return err_wrap(err, "with");
    }
    if ((ret_settings->run == NULL) == (ret_settings->each == NULL)) {
        return err_set(err, -EINVAL, "with: one of \"run\" and \"each\" must be given, not both");
    }
    return 0;
}

/* One command line as a unit. */
static int emit(struct sdk *sdk,
                const struct settings *settings,
                struct sdk_unit unit,
                const char *line,
                struct err *err)
{
    const char **argv = NULL;
    int status = sdk_command_argv(line, &argv, err);
    if (status != 0) {
        return status;
    }
    unit.argv = argv;
    unit.report_format = settings->report_format;
    unit.report_path = settings->report_path;
    status = sdk_emit_unit(sdk, &unit, err);
    mem_free(argv);
    return status;
}

static int plan_run(struct sdk *sdk, const struct settings *settings, struct err *err)
{
    if (strlen(settings->run) > COMMAND_LINE_MAX) {
        return err_set(err,
                       -E2BIG,
                       "run: the command is longer than %u bytes, the most a process can be "
                       "given; put it into a script",
                       COMMAND_LINE_MAX);
    }
    struct sdk_unit unit = {.id = settings->id != NULL ? settings->id : ID_DEFAULT};
    return emit(sdk, settings, unit, settings->run, err);
}

/* Cuts blanks off both ends; returns where the text begins. */
static char *trim(char *line)
{
    static const char blanks[] = " \t\r\n\v\f";
    line += strspn(line, blanks);
    size_t len = strlen(line);
    while (len > 0 && strchr(blanks, line[len - 1]) != NULL) {
        len--;
    }
    line[len] = '\0';
    return line;
}

static int check_line(const struct each_file *file, size_t len, struct err *err)
{
    const char *why = NULL;
    if (strlen(file->line) < len) {
        why = "a NUL byte stands in it";
    } else if (len > COMMAND_LINE_MAX && file->line[len - 1] != '\n') {
        why = "it is longer than 131071 bytes, the most a process can be given; put the command "
              "into a script";
    } else if (utf8_valid_prefix(file->line, len) < len) {
        why = "it is not UTF-8";
    }
    if (why == NULL) {
        return 0;
    }
    return err_set(err, -EINVAL, "%s:%u: cannot take this line: %s", file->path, file->number, why);
}

/* Reads one line into file->line: 1, 0 at the end, negative on error. */
static int next_line(struct each_file *file, struct err *err)
{
    const size_t size = COMMAND_LINE_MAX + 2; /* room for the newline or one byte too many */
    size_t len = 0;
    int c = EOF;
    // NOLINTNEXTLINE(concurrency-mt-unsafe): one thread; locking each byte costs half the time
    while (len < size - 1 && (c = getc_unlocked(file->stream)) != EOF) {
        file->line[len++] = (char)c;
        if (c == '\n') {
            break;
        }
    }
    file->line[len] = '\0';
    if (ferror(file->stream)) {
        return err_errno(err, "%s", file->path);
    }
    if (len == 0) {
        return 0;
    }
    file->number++;
    int status = check_line(file, len, err);
    return status != 0 ? status : 1;
}

static int emit_lines(struct sdk *sdk,
                      const struct settings *settings,
                      struct each_file *file,
                      struct err *err)
{
    int more = 0;
    while ((more = next_line(file, err)) > 0) {
        const char *line = trim(file->line);
        if (line[0] == '\0' || line[0] == '#') {
            continue;
        }
        char id[SDK_ID_SIZE];
        if (sdk_ids_make(&file->ids, line, id) != 0) {
            return err_set(err, -ENOMEM, "out of memory for the ids of %s", file->path);
        }
        struct sdk_unit unit = {.id = id, .file = file->path, .line = file->number};
        int status = emit(sdk, settings, unit, line, err);
        if (status != 0) {
            return err_wrap(err, "%s:%u", file->path, file->number);
        }
    }
    return more;
}

static int plan_each(struct sdk *sdk, const struct settings *settings, struct err *err)
{
    if (!path_is_inside(settings->each)) {
        return err_set(err,
                       -EINVAL,
                       "each: \"%s\" must be a path below the root, without \"..\"",
                       settings->each);
    }
    CLEANUP(each_file_fini)
    struct each_file file = {.path = settings->each, .line = mem_calloc(COMMAND_LINE_MAX + 2, 1)};
    file.stream = fopen(settings->each, "re");
    if (file.stream == NULL) {
        return err_errno(err,
                         "each: cannot read %s (a file another layer makes is there when that "
                         "layer is in `needs` and has it in `outputs`)",
                         settings->each);
    }
    if (file.line == NULL) {
        return err_set(err, -ENOMEM, "out of memory");
    }
    int status = emit_lines(sdk, settings, &file, err);
    if (status == 0 && sdk->unit_count == 0) {
        return err_set(err,
                       -ENODATA,
                       "each: %s has no command in it, only empty lines and comments",
                       settings->each);
    }
    return status;
}

int command_plan(struct sdk *sdk, struct err *err)
{
    struct settings settings = {0};
    int status = read_settings(sdk->with, &settings, err);
    if (status != 0) {
        return status;
    }
    return settings.run != NULL ? plan_run(sdk, &settings, err) : plan_each(sdk, &settings, err);
}
