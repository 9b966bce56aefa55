/* SPDX-License-Identifier: Apache-2.0 */
/* Reads what compilers print: "mut:5:src/a.c:1:20: error: text", and the same of gcc and clang in
 * all of their moods: colours, notes, "In file included from". */
#include "base/cleanup.h"
#include "base/text.h"
#include "plugins/mutation/build.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Longest message that is kept. */
#define MESSAGE_MAX 500

/* What one line of a log says. */
struct complaint {
    struct build_file *file;
    char kind;       /* 'm'utant, 's'ite, 'l'ine */
    uint32_t number; /* of the mutant, the site or the line */
    char message[MESSAGE_MAX];
};

/* The file that a place names: its path stands at `at`, or at the end of a longer one, and a colon
 * follows. */
static struct build_file *file_at(struct build_files *files, const char *at, bool whole)
{
    for (size_t i = 0; i < files->count; i++) {
        const char *path = files->items[i].source->path;
        size_t length = strlen(path);
        const char *found = whole ? at : strstr(at, path);
        bool is_start = found == at || (found != NULL && found[-1] == '/');
        if (found != NULL && is_start && strncmp(found, path, length) == 0
            && found[length] == ':') {
            return &files->items[i];
        }
    }
    return NULL;
}

/* "mut:5:" or "site:5:" at the beginning: where the path begins, or NULL. */
static const char *read_tag(const char *line, const char *tag, uint32_t *ret_number)
{
    size_t length = strlen(tag);
    if (strncmp(line, tag, length) != 0 || isdigit((unsigned char)line[length]) == 0) {
        return NULL;
    }
    char *end = NULL;
    unsigned long number = strtoul(line + length, &end, 10);
    if (*end != ':' || number > UINT32_MAX) {
        return NULL;
    }
    *ret_number = (uint32_t)number;
    return end + 1;
}

/* A line of the text between sites. */
static bool read_line_number(struct build_files *files,
                             const char *line,
                             struct complaint *complaint)
{
    complaint->file = file_at(files, line, false);
    complaint->kind = 'l';
    if (complaint->file == NULL) {
        return false;
    }
    const char *path = complaint->file->source->path;
    const char *number = strstr(line, path) + strlen(path) + 1;
    complaint->number = (uint32_t)strtoul(number, NULL, 10);
    return complaint->number > 0;
}

static bool read_complaint(struct build_files *files, const char *line, struct complaint *complaint)
{
    const char *message = strstr(line, "error: ");
    if (message == NULL) {
        return false;
    }
    message += strlen("error: ");
    size_t length = strnlen(message, MESSAGE_MAX - 1);
    memcpy(complaint->message, message, length);
    complaint->message[length] = '\0';
    complaint->kind = 'm';
    const char *path = read_tag(line, "mut:", &complaint->number);
    if (path == NULL) {
        complaint->kind = 's';
        path = read_tag(line, "site:", &complaint->number);
    }
    if (path == NULL) {
        return read_line_number(files, line, complaint);
    }
    complaint->file = file_at(files, path, true);
    return complaint->file != NULL;
}

/* ---- what follows from it ---- */

/* The offset at which a line begins. */
static uint32_t offset_of(const struct source *source, uint32_t line)
{
    const char *at = source->text;
    while (line > 1 && (at = strchr(at, '\n')) != NULL) {
        at++;
        line--;
    }
    return at == NULL ? source->size : (uint32_t)(at - source->text);
}

static size_t refuse_site(struct build_file *file, uint32_t site, const char *message)
{
    const char *format = "its statement cannot stand in a schema: ";
    char reason[MESSAGE_MAX + 64];
    if (file->schema.sites[site].refused != NULL) {
        return 0;
    }
    size_t length = strlen(format);
    memcpy(reason, format, length);
    memcpy(reason + length, message, strlen(message) + 1);
    return schema_refuse_site(&file->schema, site, reason) == 0 ? 1 : 0;
}

/* What may be meant by a message about a line, from the nearest to the farthest. */
enum nearness {
    NEAR_LINE,   /* sites on the line: the original in its wrapping */
    NEAR_MACROS, /* statements of the function that may have declared something */
    NEAR_ALL,    /* all sites of the function */
    NEAR_COUNT
};

static bool is_near(const struct schema_site *site,
                    enum nearness nearness,
                    uint32_t line,
                    uint32_t offset)
{
    bool in_function = site->function_start <= offset && offset < site->function_end;
    bool on_line = site->line <= line && line <= site->end_line;
    return nearness == NEAR_LINE ? on_line
                                 : in_function && (nearness == NEAR_ALL || site->is_macro);
}

/* Sites that are near a line, as near as `nearness` says. */
static size_t refuse_near(struct build_file *file,
                          enum nearness nearness,
                          uint32_t line,
                          const char *message)
{
    uint32_t offset = offset_of(file->source, line);
    size_t count = 0;
    for (uint32_t i = 0; i < file->schema.site_count; i++) {
        if (is_near(&file->schema.sites[i], nearness, line, offset)) {
            count += refuse_site(file, i, message);
        }
    }
    return count;
}

static size_t refuse_function(struct build_file *file, uint32_t line, const char *message)
{
    size_t count = 0;
    for (int nearness = NEAR_LINE; count == 0 && nearness < NEAR_COUNT; nearness++) {
        count = refuse_near(file, (enum nearness)nearness, line, message);
    }
    return count;
}

static size_t follow(const struct complaint *complaint)
{
    struct build_file *file = complaint->file;
    struct schema *schema = &file->schema;
    if (complaint->kind == 'l') {
        return refuse_function(file, complaint->number, complaint->message);
    }
    if (complaint->kind == 's') {
        return complaint->number < schema->site_count
                   ? refuse_site(file, complaint->number, complaint->message)
                   : 0;
    }
    if (complaint->number >= schema->mutant_count
        || schema->places[complaint->number].refused != NULL) {
        return 0;
    }
    return schema_refuse(schema, complaint->number, complaint->message, true) == 0 ? 1 : 0;
}

/* One pass over the lines of a log: what names its mutant or site, or what names a line. */
static size_t read_pass(struct build_files *files, const struct str *log, bool exact)
{
    size_t count = 0;
    for (size_t at = 0; at < log->len; at += strlen(log->data + at) + 1) {
        struct complaint complaint = {0};
        if (read_complaint(files, log->data + at, &complaint) && (complaint.kind != 'l') == exact) {
            count += follow(&complaint);
        }
    }
    return count;
}

int build_read_log(struct build_files *files, const char *log, size_t *ret_count, struct err *err)
{
    CLEANUP(str_fini) struct str lines = STR_INIT(BUILD_LOG_MAX * 3 + 1);
    if (text_sanitize(&lines, log, strlen(log)) < 0) {
        return err_set(err, -ENOMEM, "not enough memory to read what the compiler says");
    }
    for (size_t i = 0; i < lines.len; i++) {
        if (lines.data[i] == '\n') {
            lines.data[i] = '\0';
        }
    }
    /* What is not named exactly may only follow from what is. */
    *ret_count = read_pass(files, &lines, true);
    if (*ret_count == 0) {
        *ret_count = read_pass(files, &lines, false);
    }
    return 0;
}
