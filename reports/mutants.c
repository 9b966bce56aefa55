/* SPDX-License-Identifier: Apache-2.0 */
#include "reports/mutants.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* Bytes read at once. */
#define CHUNK 65536

/* How a file of results begins. */
#define HEAD_BEGINS "{\"mutation\":"

const char *const mutants_statuses[] = {"Pending",
                                        "Killed",
                                        "Survived",
                                        "NoCoverage",
                                        "Timeout",
                                        "CompileError",
                                        "RuntimeError",
                                        "Ignored",
                                        NULL};

struct reading {
    const struct mutants_reader *reader;
    struct err *err;
    struct str line; /* the one that is being put together */
    size_t number;
    json_t *head; /* owner of what `part` borrows; NULL = between two parts */
    struct mutants_part part;
};

static void reading_fini(struct reading *reading)
{
    str_fini(&reading->line);
    json_cleanup(&reading->head);
}

static int refuse(struct reading *reading, const char *what)
{
    return err_set(reading->err, -EBADMSG, "%s", what);
}

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static int64_t number_of(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static int take_head(struct reading *reading, json_t *object)
{
    if (number_of(object, "mutation") != MUTANTS_FORM) {
        return refuse(reading, "results of a form that this sluice does not know");
    }
    reading->part = (struct mutants_part){
        .layer = text_of(object, "layer"),
        .file = text_of(object, "file"),
        .language = text_of(object, "language"),
        .points_lost = number_of(object, "points_lost"),
        .tests = json_object_get(object, "tests"),
    };
    if (reading->part.layer == NULL || reading->part.file == NULL
        || !json_is_array(reading->part.tests)) {
        return refuse(reading, "a head without \"layer\", \"file\" or \"tests\"");
    }
    json_cleanup(&reading->head);
    reading->head = json_incref(object);
    return reading->reader->part != NULL
               ? reading->reader->part(reading->reader->context, &reading->part)
               : 0;
}

static bool is_status(const char *word)
{
    size_t i = 0;
    while (mutants_statuses[i] != NULL && strcmp(mutants_statuses[i], word) != 0) {
        i++;
    }
    return mutants_statuses[i] != NULL;
}

static const char *test_name(const struct mutants_part *part, const json_t *index)
{
    return json_is_integer(index) && json_integer_value(index) >= 0
               ? json_string_value(json_array_get(part->tests, (size_t)json_integer_value(index)))
               : NULL;
}

static int take_entry(struct reading *reading, const json_t *object)
{
    const json_t *covered = json_object_get(object, "covered_by");
    const struct mutants_entry entry = {
        .id = text_of(object, "id"),
        .function = text_of(object, "function"),
        .operator= text_of(object, "operator"),
        .original = text_of(object, "original"),
        .replacement = text_of(object, "replacement"),
        .status = text_of(object, "status"),
        .reason = text_of(object, "reason"),
        .killed_by = test_name(&reading->part, json_object_get(object, "killed_by")),
        .covered_by = json_is_array(covered) ? covered : NULL,
        .engine = text_of(object, "engine"),
        .source = text_of(object, "source"),
        .line = number_of(object, "line"),
        .column = number_of(object, "column"),
        .end_line = number_of(object, "end_line"),
        .end_column = number_of(object, "end_column"),
    };
    if (entry.operator== NULL || entry.original == NULL || entry.replacement == NULL || entry
            .status == NULL || !is_status(entry.status)
        || entry.line <= 0) {
        return refuse(reading,
                      "a mutant without \"line\", \"operator\", \"original\", \"replacement\" or a "
                      "\"status\" that is known");
    }
    return reading->reader->entry != NULL
               ? reading->reader->entry(reading->reader->context, &reading->part, &entry)
               : 0;
}

static int take_line(struct reading *reading, const char *text, size_t len)
{
    CLEANUP(json_cleanup) json_t *object = NULL;
    if (json_parse(text, len, &object, reading->err) != 0) {
        return -EBADMSG;
    }
    if (json_object_get(object, "mutation") != NULL) {
        return reading->head == NULL ? take_head(reading, object)
                                     : refuse(reading, "the part before it has no end");
    }
    if (reading->head == NULL) {
        return refuse(reading, "no head stands before it");
    }
    if (text_of(object, "id") != NULL) {
        return take_entry(reading, object);
    }
    if (json_object_get(object, "complete") == NULL) {
        return refuse(reading, "neither a head, nor a mutant, nor an end");
    }
    json_cleanup(&reading->head);
    return 0;
}

/* Takes the lines that end in a chunk; what is left waits for the next one. */
static int take_chunk(struct reading *reading, const char *bytes, size_t len)
{
    while (len > 0) {
        const char *newline = memchr(bytes, '\n', len);
        const size_t part = newline != NULL ? (size_t)(newline - bytes) : len;
        if (str_append_n(&reading->line, bytes, part) != 0) {
            return err_set(reading->err, str_error(&reading->line), "a line that is too long");
        }
        if (newline == NULL) {
            return 0;
        }
        reading->number++;
        const int rc = take_line(reading, str_text(&reading->line), reading->line.len);
        if (rc != 0) {
            return rc;
        }
        str_clear(&reading->line);
        bytes += part + 1;
        len -= part + 1;
    }
    return 0;
}

static int read_all(struct reading *reading, int fd)
{
    char chunk[CHUNK];
    for (;;) {
        const ssize_t len = read(fd, chunk, sizeof chunk);
        if (len < 0 && errno == EINTR) {
            continue;
        }
        if (len < 0) {
            return err_errno(reading->err, "cannot be read");
        }
        const int rc = take_chunk(reading, chunk, (size_t)len);
        if (rc != 0) {
            return rc;
        }
        if (len == 0) {
            return reading->head != NULL || reading->line.len > 0
                       ? refuse(reading, "it was cut short here: the sweep was stopped in it")
                       : 0;
        }
    }
}

int mutants_read(const char *path, const struct mutants_reader *reader, struct err *err)
{
    CLEANUP(reading_fini)
    struct reading reading = {.reader = reader, .err = err, .line = STR_INIT(MUTANTS_LINE_MAX)};
    struct err own = {0};
    reading.err = &own;
    CLEANUP(cleanup_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return err_errno(err, "%s", path);
    }
    const int rc = read_all(&reading, fd);
    if (rc < 0 && own.text[0] != '\0') {
        return err_set(err, rc, "%s: line %zu: %s", path, reading.number, own.text);
    }
    return rc;
}

bool mutants_looks_like(const char *path)
{
    char begin[sizeof HEAD_BEGINS] = "";
    CLEANUP(cleanup_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    return fd >= 0 && read(fd, begin, sizeof begin - 1) == (ssize_t)sizeof begin - 1
           && strcmp(begin, HEAD_BEGINS) == 0;
}

const char *mutants_covering(const struct mutants_part *part,
                             const struct mutants_entry *entry,
                             size_t i)
{
    return test_name(part, json_array_get(entry->covered_by, i));
}
