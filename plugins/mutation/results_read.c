/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cleanup.h"
#include "base/json.h"
#include "plugins/mutation/results.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* A file of results while it is read. */
struct reading {
    const struct results_reader *reader;
    json_t *head; /* owner of the part's texts; NULL between parts */
    json_t *ids;  /* of the part: a set */
    struct results_part part;
};

static void reading_fini(struct reading *reading)
{
    json_decref(reading->head);
    json_decref(reading->ids);
}

static void close_stream(FILE **stream)
{
    if (*stream != NULL) {
        (void)fclose(*stream);
    }
}

static void free_line(char **line)
{
    free(*line); /* getline()'s */
}

static int check_unused(const json_t *unused, struct err *err)
{
    size_t i = 0;
    const json_t *item = NULL;
    json_array_foreach(unused, i, item)
    {
        json_int_t line = json_integer_value(json_object_get(item, "line"));
        if (line < 1 || line > UINT32_MAX || !json_is_string(json_object_get(item, "names"))) {
            return err_set(err, -EINVAL, "unused: item %zu needs a line and names", i + 1);
        }
    }
    return 0;
}

static int check_left_out(const json_t *left_out, struct err *err)
{
    size_t i = 0;
    const json_t *item = NULL;
    json_array_foreach(left_out, i, item)
    {
        if (!json_is_string(json_object_get(item, "test"))
            || !json_is_string(json_object_get(item, "why"))) {
            return err_set(err, -EINVAL, "left_out: item %zu needs a test and why", i + 1);
        }
    }
    return 0;
}

static int read_head(struct reading *reading, json_t *object, struct err *err)
{
    int64_t version = 0;
    struct results_part part = {0};
    const struct json_field fields[] = {
        {"mutation",    JSON_FIELD_INT,    true,  &version         },
        {"layer",       JSON_FIELD_STRING, true,  &part.layer      },
        {"file",        JSON_FIELD_STRING, true,  &part.file       },
        {"language",    JSON_FIELD_STRING, true,  &part.language   },
        {"points_lost", JSON_FIELD_INT,    true,  &part.points_lost},
        {"tests",       JSON_FIELD_ARRAY,  true,  &part.tests      },
        {"unused",      JSON_FIELD_ARRAY,  false, &part.unused     },
        {"left_out",    JSON_FIELD_ARRAY,  false, &part.left_out   },
    };
    int status = json_read_object(object, fields, sizeof fields / sizeof fields[0], err);
    if (status != 0) {
        return status;
    }
    if (reading->head != NULL) {
        return err_set(
            err, -EINVAL, "a part begins before the one of %s ended", reading->part.file);
    }
    if (version != 1) {
        return err_set(err,
                       -EINVAL,
                       "results of version %lld; this program reads version 1",
                       (long long)version);
    }
    size_t i = 0;
    json_t *test = NULL;
    json_array_foreach(part.tests, i, test)
    {
        if (!json_is_string(test)) {
            return err_set(err, -EINVAL, "tests: item %zu must be a text", i + 1);
        }
    }
    status = check_unused(part.unused, err);
    status = status != 0 ? status : check_left_out(part.left_out, err);
    if (status != 0) {
        return status;
    }
    reading->ids = json_object();
    if (reading->ids == NULL) {
        return err_set(err, -ENOMEM, "out of memory for the ids of a part");
    }
    reading->head = json_incref(object);
    reading->part = part;
    const struct results_reader *reader = reading->reader;
    return reader->head != NULL ? reader->head(reader->context, &part, err) : 0;
}

static int read_end(struct reading *reading, json_t *object, struct err *err)
{
    struct engine_cost cost = {0};
    bool complete = false;
    const struct json_field fields[] = {
        {"executed_mutants", JSON_FIELD_INT,  true, &cost.executed},
        {"cpu_us",           JSON_FIELD_INT,  true, &cost.cpu_us  },
        {"build_us",         JSON_FIELD_INT,  true, &cost.build_us},
        {"bare_cpu_us",      JSON_FIELD_INT,  true, &cost.bare_us },
        {"complete",         JSON_FIELD_BOOL, true, &complete     },
    };
    int status = json_read_object(object, fields, sizeof fields / sizeof fields[0], err);
    if (status == 0 && reading->head == NULL) {
        status = err_set(err, -EINVAL, "the end of a part that did not begin");
    }
    if (status != 0) {
        return status;
    }
    const struct results_reader *reader = reading->reader;
    if (reader->end != NULL) {
        status = reader->end(reader->context, &reading->part, &cost, complete, err);
    }
    json_decref(reading->head);
    reading->head = NULL;
    json_decref(reading->ids);
    reading->ids = NULL;
    return status;
}

/* A number that has to fit a field of 32 bits. */
static int narrow(int64_t number, const char *name, uint32_t *ret_number, struct err *err)
{
    if (number < 0 || number > UINT32_MAX) {
        return err_set(err, -ERANGE, "%s: %lld is out of range", name, (long long)number);
    }
    *ret_number = (uint32_t)number;
    return 0;
}

static int read_span(const int64_t numbers[6], struct mutant_span *span, struct err *err)
{
    const struct {
        const char *name;
        uint32_t *target;
    } places[6] = {
        {"line",       &span->line      },
        {"column",     &span->column    },
        {"end_line",   &span->end_line  },
        {"end_column", &span->end_column},
        {"start",      &span->start     },
        {"end",        &span->end       },
    };

    int status = 0;
    for (size_t i = 0; i < 6 && status == 0; i++) {
        status = narrow(numbers[i], places[i].name, places[i].target, err);
    }
    return status;
}

static int check_tests(const struct results_part *part,
                       struct results_mutant *mutant,
                       struct err *err)
{
    size_t count = json_array_size(part->tests);
    size_t i = 0;
    json_t *index = NULL;
    if (mutant->killer < -1 || mutant->killer >= (int64_t)count) {
        return err_set(err, -EINVAL, "killed_by: there is no test %lld", (long long)mutant->killer);
    }
    json_array_foreach(mutant->covered_by, i, index)
    {
        json_int_t test = json_is_integer(index) ? json_integer_value(index) : -1;
        if (test < 0 || test >= (json_int_t)count) {
            return err_set(err, -EINVAL, "covered_by: item %zu is no test", i + 1);
        }
    }
    if (mutant->killer >= 0) {
        mutant->killed_by = json_string_value(json_array_get(part->tests, (size_t)mutant->killer));
    }
    return 0;
}

/* A mutant that comes twice would count twice. */
static int check_once(struct reading *reading, const char *id, struct err *err)
{
    if (json_object_get(reading->ids, id) != NULL) {
        return err_set(err, -EEXIST, "the part has mutant %.40s twice", id);
    }
    return json_object_set_new(reading->ids, id, json_true()) == 0
               ? 0
               : err_set(err, -ENOMEM, "out of memory for the ids of a part");
}

static int check_words(const char *status,
                       const char *engine,
                       struct results_mutant *mutant,
                       struct err *err)
{
    int parsed = mutant_status_parse(status);
    int kind = engine_parse(engine);
    if (parsed < 0 || kind < 0) {
        return err_set(
            err, -EINVAL, "unknown status \"%.40s\" or engine \"%.40s\"", status, engine);
    }
    mutant->status = (enum mutant_status)parsed;
    mutant->engine = (enum engine_kind)kind;
    return 0;
}

static int read_mutant(struct reading *reading, json_t *object, struct err *err)
{
    struct results_mutant m = {.killer = -1};
    const char *status_word = NULL;
    const char *engine = NULL;
    int64_t span[6] = {0};
    const struct json_field fields[] = {
        {"id", JSON_FIELD_STRING, true, &m.id},
        {"line", JSON_FIELD_INT, true, &span[0]},
        {"column", JSON_FIELD_INT, true, &span[1]},
        {"end_line", JSON_FIELD_INT, true, &span[2]},
        {"end_column", JSON_FIELD_INT, true, &span[3]},
        {"start", JSON_FIELD_INT, true, &span[4]},
        {"end", JSON_FIELD_INT, true, &span[5]},
        {"function", JSON_FIELD_STRING, true, &m.function},
        {
            "operator",
            JSON_FIELD_STRING,
            true,
            &m.operator},
            {"original", JSON_FIELD_STRING, true, &m.original},
            {"replacement", JSON_FIELD_STRING, true, &m.replacement},
            {"status", JSON_FIELD_STRING, true, &status_word},
            {"reason", JSON_FIELD_STRING, false, &m.reason},
            {"killed_by", JSON_FIELD_INT, false, &m.killer},
            {"covered_by", JSON_FIELD_ARRAY, false, &m.covered_by},
            {"engine", JSON_FIELD_STRING, true, &engine},
            {"cpu_us", JSON_FIELD_INT, true, &m.cpu_us},
            {"reused", JSON_FIELD_BOOL, false, &m.reused},
            {"source", JSON_FIELD_STRING, true, &m.source},
        };
    int status = json_read_object(object, fields, sizeof fields / sizeof fields[0], err);
    if (status == 0 && reading->head == NULL) {
        status = err_set(err, -EINVAL, "a mutant outside of a part");
    }
    status = status != 0 ? status : read_span(span, &m.span, err);
    status = status != 0 ? status : check_words(status_word, engine, &m, err);
    status = status != 0 ? status : check_tests(&reading->part, &m, err);
    status = status != 0 ? status : check_once(reading, m.id, err);
    const struct results_reader *reader = reading->reader;
    if (status == 0 && reader->mutant != NULL) {
        status = reader->mutant(reader->context, &reading->part, &m, err);
    }
    return status;
}

static int read_line(struct reading *reading, const char *line, size_t len, struct err *err)
{
    CLEANUP(json_cleanup) json_t *object = NULL;
    if (len > RESULTS_LINE_MAX) {
        return err_set(err, -EFBIG, "the line is longer than %u bytes", RESULTS_LINE_MAX);
    }
    if (memchr(line, '\0', len) != NULL) {
        return err_set(err, -EILSEQ, "the line holds a NUL: the file is damaged");
    }
    int status = json_parse(line, len, &object, err);
    if (status != 0) {
        return status;
    }
    if (json_object_get(object, "mutation") != NULL) {
        return read_head(reading, object, err);
    }
    if (json_object_get(object, "complete") != NULL) {
        return read_end(reading, object, err);
    }
    return read_mutant(reading, object, err);
}

static int open_results(const char *path, FILE **ret_stream, struct err *err)
{
    struct stat st;
    FILE *stream = fopen(path, "rbe");
    if (stream == NULL) {
        return err_errno(err, "cannot read results %s", path);
    }
    if (fstat(fileno(stream), &st) != 0 || !S_ISREG(st.st_mode)) {
        (void)fclose(stream);
        return err_set(err, -EINVAL, "results %s are no regular file", path);
    }
    *ret_stream = stream;
    return 0;
}

int results_read(const char *path, const struct results_reader *reader, struct err *err)
{
    CLEANUP(close_stream) FILE *stream = NULL;
    CLEANUP(free_line) char *line = NULL;
    CLEANUP(reading_fini) struct reading reading = {.reader = reader};
    size_t cap = 0;
    size_t number = 0;
    ssize_t len = 0;
    int status = open_results(path, &stream, err);
    if (status != 0) {
        return status;
    }
    while (status == 0 && (len = getline(&line, &cap, stream)) > 0) {
        number++;
        status = read_line(&reading, line, (size_t)len, err);
    }
    if (status != 0) {
        return err_wrap(err, "%s:%zu", path, number);
    }
    if (ferror(stream) != 0) {
        return err_set(err, -EIO, "cannot read %s to its end", path);
    }
    if (reading.head != NULL || number == 0) {
        return err_set(err,
                       -ENODATA,
                       "results %s were cut short after line %zu: the unit was ended while it "
                       "wrote them",
                       path,
                       number);
    }
    return 0;
}
