/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/mutation/elements.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "plugins/mutation/source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The group under which all tests stand: which file they are written in is not known. */
#define TEST_GROUP "tests"

static int no_memory(struct err *err)
{
    return err_set(err, -ENOMEM, "out of memory for the report of mutants");
}

static int flush(struct elements *elements, size_t least, struct err *err)
{
    struct str *buffer = &elements->buffer;
    int status = str_error(buffer);
    if (status != 0) {
        return err_set(err, status, "a source file is too large for the report of mutants");
    }
    if (buffer->len < least || buffer->len == 0) {
        return 0;
    }
    if (fwrite(str_text(buffer), 1, buffer->len, elements->stream) != buffer->len) {
        return err_errno(err, "cannot write %s", elements->path);
    }
    str_clear(buffer);
    return 0;
}

static int make_parent(const char *path, struct err *err)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL) {
        return 0;
    }
    CLEANUP(cleanup_free) char *folder = mem_strndup(path, (size_t)(slash - path));
    return folder != NULL ? dir_make(folder, 0777, err) : no_memory(err);
}

int elements_open(const char *path, struct elements *ret_elements, struct err *err)
{
    struct elements *elements = ret_elements;
    *elements = (struct elements){0};
    str_init(&elements->buffer, ELEMENTS_BUFFER_MAX);
    str_init(&elements->source, SOURCE_MAX);
    elements->path = mem_strdup(path);
    if (elements->path == NULL) {
        return no_memory(err);
    }
    int status = make_parent(path, err);
    if (status != 0) {
        return status;
    }
    elements->stream = fopen(path, "wbe");
    if (elements->stream == NULL) {
        return err_errno(err, "cannot write %s", path);
    }
    struct json_writer *w = &elements->writer;
    jw_begin(w, &elements->buffer);
    jw_object(w);
    jw_put_string(w, "schemaVersion", "2");
    jw_key(w, "thresholds");
    jw_object(w);
    jw_put_int(w, "high", ELEMENTS_HIGH);
    jw_put_int(w, "low", ELEMENTS_LOW);
    jw_end_object(w);
    jw_key(w, "framework");
    jw_object(w);
    jw_put_string(w, "name", "sluice");
    jw_end_object(w);
    jw_key(w, "files");
    jw_object(w);
    return flush(elements, ELEMENTS_FLUSH_SIZE, err);
}

int elements_begin_file(struct elements *elements,
                        const char *root,
                        const struct results_part *part,
                        struct err *err)
{
    char path[PATH_TEXT_MAX];
    struct json_writer *w = &elements->writer;
    str_clear(&elements->source);
    int len = snprintf(path, sizeof path, "%s/%s", root, part->file);
    if (len < 0 || (size_t)len >= sizeof path || !path_is_inside(part->file)
        || file_read_regular(path, &elements->source, NULL) != 0) {
        str_clear(&elements->source);
    }
    jw_key(w, part->file);
    jw_object(w);
    jw_put_string(w, "language", part->language);
    jw_key(w, "source");
    jw_string_n(w, str_text(&elements->source), elements->source.len);
    jw_key(w, "mutants");
    jw_array(w);
    return flush(elements, ELEMENTS_FLUSH_SIZE, err);
}

int elements_end_file(struct elements *elements, struct err *err)
{
    jw_end_array(&elements->writer);
    jw_end_object(&elements->writer);
    return flush(elements, ELEMENTS_FLUSH_SIZE, err);
}

/* ---- mutants ---- */

/* The column of a place as editors count: UTF-16 units from 1. The column in bytes when the source
 * is not there, or is another one by now. */
static uint32_t column_of(const struct elements *elements, uint32_t at, uint32_t bytes)
{
    const struct str *source = &elements->source;
    if (bytes == 0 || at > source->len || bytes - 1 > at) {
        return bytes;
    }
    uint32_t column = 1;
    for (uint32_t i = at - (bytes - 1); i < at; i++) {
        unsigned char byte = (unsigned char)source->data[i];
        bool continues = (byte & 0xC0) == 0x80;
        column += continues ? 0 : byte >= 0xF0 ? 2 : 1;
    }
    return column;
}

static void put_place(
    struct elements *elements, const char *key, uint32_t line, uint32_t at, uint32_t column)
{
    struct json_writer *w = &elements->writer;
    jw_key(w, key);
    jw_object(w);
    jw_put_int(w, "line", line);
    jw_put_int(w, "column", column_of(elements, at, column));
    jw_end_object(w);
}

/* The number of a test in this report. */
static int test_number(struct elements *elements, const char *name, uintptr_t *ret, struct err *err)
{
    if (map_get(&elements->tests, name, ret) == 1) {
        return 0;
    }
    char *copy = mem_strdup(name);
    if (copy == NULL || vec_push(&elements->names, copy) != 0) {
        mem_free(copy);
        return no_memory(err);
    }
    *ret = elements->names.count - 1;
    return map_put(&elements->tests, copy, *ret) < 0 ? no_memory(err) : 0;
}

static int put_test(struct elements *elements, const char *name, struct err *err)
{
    uintptr_t number = 0;
    char text[32];
    int status = test_number(elements, name, &number, err);
    if (status == 0) {
        (void)snprintf(text, sizeof text, "%zu", (size_t)number);
        jw_string(&elements->writer, text);
    }
    return status;
}

static int put_tests(struct elements *elements,
                     const struct results_part *part,
                     const struct results_mutant *mutant,
                     struct err *err)
{
    struct json_writer *w = &elements->writer;
    size_t i = 0;
    json_t *index = NULL;
    int status = 0;
    if (mutant->status == MUTANT_KILLED && mutant->killed_by != NULL) {
        jw_key(w, "killedBy");
        jw_array(w);
        status = put_test(elements, mutant->killed_by, err);
        jw_end_array(w);
    }
    if (mutant->covered_by == NULL || status != 0) {
        return status;
    }
    jw_key(w, "coveredBy");
    jw_array(w);
    json_array_foreach(mutant->covered_by, i, index)
    {
        json_t *name = json_array_get(part->tests, (size_t)json_integer_value(index));
        status = status != 0 ? status : put_test(elements, json_string_value(name), err);
    }
    jw_end_array(w);
    return status;
}

int elements_add_mutant(struct elements *elements,
                        const struct results_part *part,
                        const struct results_mutant *mutant,
                        struct err *err)
{
    struct json_writer *w = &elements->writer;
    const struct mutant_span *span = &mutant->span;
    jw_object(w);
    jw_put_string(w, "id", mutant->id);
    jw_put_string(w, "mutatorName", mutant->operator);
    jw_put_string(w, "replacement", mutant->replacement);
    jw_key(w, "location");
    jw_object(w);
    put_place(elements, "start", span->line, span->start, span->column);
    put_place(elements, "end", span->end_line, span->end, span->end_column);
    jw_end_object(w);
    jw_put_string(w, "status", mutant_status_name(mutant->status));
    jw_put_string(w, "statusReason", mutant->reason);
    jw_put_double(w, "duration", (double)mutant->cpu_us / 1000);
    int status = put_tests(elements, part, mutant, err);
    jw_end_object(w);
    return status != 0 ? status : flush(elements, ELEMENTS_FLUSH_SIZE, err);
}

/* ---- the end ---- */

static void put_all_tests(struct elements *elements)
{
    struct json_writer *w = &elements->writer;
    jw_key(w, "testFiles");
    jw_object(w);
    jw_key(w, TEST_GROUP);
    jw_object(w);
    jw_key(w, "tests");
    jw_array(w);
    for (size_t i = 0; i < elements->names.count; i++) {
        char number[32];
        (void)snprintf(number, sizeof number, "%zu", i);
        jw_object(w);
        jw_put_string(w, "id", number);
        jw_put_string(w, "name", elements->names.items[i]);
        jw_end_object(w);
    }
    jw_end_array(w);
    jw_end_object(w);
    jw_end_object(w);
}

int elements_close(struct elements *elements, struct err *err)
{
    struct json_writer *w = &elements->writer;
    jw_end_object(w); /* files */
    put_all_tests(elements);
    jw_end_object(w);
    (void)str_append_char(&elements->buffer, '\n');
    int status = flush(elements, 0, err);
    FILE *stream = elements->stream;
    elements->stream = NULL;
    if (fclose(stream) != 0 && status == 0) {
        status = err_errno(err, "cannot write %s", elements->path);
    }
    return status;
}

void elements_fini(struct elements *elements)
{
    if (elements->stream != NULL) {
        (void)fclose(elements->stream);
    }
    for (size_t i = 0; i < elements->names.count; i++) {
        mem_free(elements->names.items[i]);
    }
    vec_fini(&elements->names);
    map_fini(&elements->tests);
    str_fini(&elements->buffer);
    str_fini(&elements->source);
    mem_free(elements->path);
    *elements = (struct elements){0};
}
