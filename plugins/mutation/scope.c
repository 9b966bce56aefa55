/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/mutation/scope.h"

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Text of a job: settings and the lines of one file. A process takes 128 KiB in one argument. */
#define JOB_TEXT_MAX (128u << 10)

static int no_memory(struct err *err)
{
    return err_set(err, -ENOMEM, "out of memory for the mutants of a file");
}

/* ---- jobs ---- */

int scope_job_read(const char *text, struct scope_job *ret_job, struct err *err)
{
    *ret_job = (struct scope_job){0};
    struct scope_job job = {0};
    const struct json_field fields[] = {
        {"layer",     JSON_FIELD_STRING, true,  &job.layer    },
        {"file",      JSON_FIELD_STRING, true,  &job.file     },
        {"lines",     JSON_FIELD_ARRAY,  false, &job.lines    },
        {"fresh",     JSON_FIELD_ARRAY,  false, &job.fresh    },
        {"with",      JSON_FIELD_OBJECT, true,  &job.with     },
        {"per_line",  JSON_FIELD_INT,    true,  &job.per_line },
        {"part",      JSON_FIELD_INT,    true,  &job.part     },
        {"parts",     JSON_FIELD_INT,    true,  &job.parts    },
        {"part_size", JSON_FIELD_INT,    true,  &job.part_size},
        {"budget_ms", JSON_FIELD_INT,    true,  &job.budget_ms},
    };
    int status = json_parse(text, strlen(text), &job.json, err);
    if (status == 0) {
        status = json_read_object(job.json, fields, sizeof fields / sizeof fields[0], err);
    }
    if (status == 0 && job.part_size <= 0) {
        status = err_set(err, -EINVAL, "part_size must be 1 or more");
    }
    if (status != 0) {
        json_decref(job.json);
        return err_wrap(err, "job");
    }
    *ret_job = job;
    return 0;
}

void scope_job_fini(struct scope_job *job)
{
    json_decref(job->json);
    *job = (struct scope_job){0};
}

int scope_job_write(const struct scope_job *job, struct str *out, struct err *err)
{
    json_t *json = json_pack("{s:s, s:s, s:O*, s:O*, s:O, s:I, s:I, s:I, s:I, s:I}",
                             "layer",
                             job->layer,
                             "file",
                             job->file,
                             "lines",
                             job->lines,
                             "fresh",
                             job->fresh,
                             "with",
                             job->with,
                             "per_line",
                             (json_int_t)job->per_line,
                             "part",
                             (json_int_t)job->part,
                             "parts",
                             (json_int_t)job->parts,
                             "part_size",
                             (json_int_t)job->part_size,
                             "budget_ms",
                             (json_int_t)job->budget_ms);
    char *text = json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    if (text == NULL) {
        return err_set(
            err, -EILSEQ, "file %s: its name is not UTF-8, or memory is short", job->file);
    }
    size_t len = strlen(text);
    int status = len < JOB_TEXT_MAX
                     ? str_append(out, text)
                     : err_set(err,
                               -E2BIG,
                               "file %s: settings and changed lines are %zu bytes, more than a "
                               "process can be given; use scope: {lines: all}",
                               job->file,
                               len);
    free(text); /* jansson's */
    return status;
}

json_t *scope_lines_of(json_t *diff, const char *file)
{
    size_t i = 0;
    json_t *entry = NULL;
    json_array_foreach(json_object_get(diff, "files"), i, entry)
    {
        const char *name = json_string_value(json_object_get(entry, "file"));
        if (name != NULL && strcmp(name, file) == 0) {
            return json_object_get(entry, "lines");
        }
    }
    return NULL;
}

/* ---- lines ---- */

static int compare_lines(const void *a, const void *b)
{
    const struct find_lines *x = a;
    const struct find_lines *y = b;
    return x->first < y->first ? -1 : x->first > y->first;
}

static int read_pair(json_t *pair, struct find_lines *ret_lines)
{
    json_t *first = json_array_get(pair, 0);
    json_t *last = json_array_get(pair, 1);
    if (!json_is_integer(first) || !json_is_integer(last) || json_array_size(pair) != 2) {
        return -EINVAL;
    }
    json_int_t from = json_integer_value(first);
    json_int_t to = json_integer_value(last);
    if (from < 1 || to < from || to > UINT32_MAX) {
        return -EINVAL;
    }
    *ret_lines = (struct find_lines){.first = (uint32_t)from, .last = (uint32_t)to};
    return 0;
}

bool scope_is_on_lines(json_t *lines, uint32_t first, uint32_t last)
{
    size_t i = 0;
    json_t *pair = NULL;
    json_array_foreach(lines, i, pair)
    {
        struct find_lines range;
        if (read_pair(pair, &range) == 0 && first <= range.last && last >= range.first) {
            return true;
        }
    }
    return false;
}

static int read_lines(json_t *lines, struct find_lines **ret_lines, struct err *err)
{
    size_t count = json_array_size(lines);
    struct find_lines *items = mem_calloc(count + 1, sizeof *items);
    if (items == NULL) {
        return no_memory(err);
    }
    for (size_t i = 0; i < count; i++) {
        if (read_pair(json_array_get(lines, i), &items[i]) != 0) {
            mem_free(items);
            return err_set(err, -EINVAL, "lines: item %zu must be [first, last], from 1", i + 1);
        }
    }
    qsort(items, count, sizeof *items, compare_lines);
    *ret_lines = items;
    return 0;
}

/* `lines` NULL: all are. */
static bool is_in_lines(const struct mutant *mutant, const struct find_lines *lines, size_t count)
{
    if (lines == NULL) {
        return true;
    }
    for (size_t i = 0; i < count; i++) {
        if (mutant->span.line <= lines[i].last && mutant->span.end_line >= lines[i].first) {
            return true;
        }
    }
    return false;
}

int scope_find_fresh(const struct scope_job *job,
                     const struct mutant_list *list,
                     const bool **ret_fresh,
                     struct err *err)
{
    CLEANUP(cleanup_free) struct find_lines *lines = NULL;
    *ret_fresh = NULL;
    if (json_array_size(job->fresh) == 0 || list->arena == NULL) {
        return 0;
    }
    int status = read_lines(job->fresh, &lines, err);
    bool *fresh = arena_calloc(list->arena, list->count + 1, sizeof *fresh);
    if (status != 0 || fresh == NULL) {
        return status != 0 ? status : no_memory(err);
    }
    for (size_t i = 0; i < list->count; i++) {
        fresh[i] = is_in_lines(&list->items[i], lines, json_array_size(job->fresh));
    }
    *ret_fresh = fresh;
    return 0;
}

/* ---- so many of a line ---- */

/* The id is a hash: the first by it are a choice without preference, and the same in each run. */
static bool is_among_first(const struct mutant_list *list, size_t index, int64_t most)
{
    const struct mutant *mutant = &list->items[index];
    int64_t before = 0;
    size_t first = index;
    while (first > 0 && list->items[first - 1].span.line == mutant->span.line) {
        first--;
    }
    for (size_t i = first; i < list->count && list->items[i].span.line == mutant->span.line; i++) {
        const struct mutant *other = &list->items[i];
        before += other->ignored == NULL && strcmp(other->id, mutant->id) < 0 ? 1 : 0;
    }
    return before < most;
}

static int choose(struct scope_mutants *mutants,
                  const struct find_lines *lines,
                  const struct scope_job *job,
                  struct err *err)
{
    struct mutant_list *list = &mutants->list;
    if (list->arena == NULL) {
        return 0; /* nothing was found */
    }
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): a list of pointers */
    mutants->items = arena_calloc(list->arena, list->count + 1, sizeof *mutants->items);
    if (mutants->items == NULL) {
        return no_memory(err);
    }
    for (size_t i = 0; i < list->count; i++) {
        const struct mutant *mutant = &list->items[i];
        bool some = job->per_line == 0 || mutant->ignored != NULL;
        if (is_in_lines(mutant, lines, json_array_size(job->lines))
            && (some || is_among_first(list, i, job->per_line))) {
            mutants->items[mutants->total++] = mutant;
        }
    }
    mutants->count = mutants->total;
    return 0;
}

/* ---- parts ---- */

/* Does a part that has `count` mutants end before the second of these two? At the end of a function
 * when it is full, at the end of a line when it is twice that. */
static bool ends_part(const struct mutant *last,
                      const struct mutant *next,
                      size_t count,
                      size_t size)
{
    if (last->span.line == next->span.line) {
        return false;
    }
    return (count >= size && strcmp(last->function, next->function) != 0) || count >= 2 * size;
}

static void divide(struct scope_mutants *mutants, const struct scope_job *job)
{
    size_t begin = 0;
    size_t chosen = 0;
    size_t chosen_end = mutants->total;
    mutants->parts = mutants->total > 0 ? 1 : 0;
    for (size_t i = 1; i < mutants->total; i++) {
        if (!ends_part(
                mutants->items[i - 1], mutants->items[i], i - begin, (size_t)job->part_size)) {
            continue;
        }
        if (mutants->parts == job->part) {
            chosen_end = i;
        }
        mutants->parts++;
        begin = i;
        if (mutants->parts == job->part) {
            chosen = i;
        }
    }
    if (job->part > 0) {
        mutants->items += mutants->items != NULL ? chosen : 0;
        mutants->count = chosen_end - chosen;
    }
}

int scope_find(const char *root,
               const struct scope_job *job,
               const struct operators *operators,
               struct scope_mutants *ret_mutants,
               struct err *err)
{
    char now[TIMESTAMP_TEXT_MAX];
    CLEANUP(cleanup_free) struct find_lines *lines = NULL;
    *ret_mutants = (struct scope_mutants){0};
    int status = job->lines != NULL ? read_lines(job->lines, &lines, err) : 0;
    status = status != 0 ? status : source_read(root, job->file, &ret_mutants->source, err);
    if (status != 0) {
        return status;
    }
    timestamp_format(clock_wall_ms(), now)[strlen("2026-11-22")] = '\0';
    const struct find_scope scope = {.today = now};
    status = find_mutants(&ret_mutants->source, operators, &scope, &ret_mutants->list, err);
    status = status != 0 ? status : choose(ret_mutants, lines, job, err);
    if (status == 0) {
        divide(ret_mutants, job);
    }
    if (status == 0 && job->part > 0 && ret_mutants->parts != job->parts) {
        status = err_set(err,
                         -ESTALE,
                         "%s has %lld parts, but %lld when the layer was planned: the file was "
                         "edited meanwhile; run again",
                         job->file,
                         (long long)ret_mutants->parts,
                         (long long)job->parts);
    }
    return status;
}

void scope_mutants_fini(struct scope_mutants *mutants)
{
    mutant_list_fini(&mutants->list);
    source_fini(&mutants->source);
    *mutants = (struct scope_mutants){0};
}
