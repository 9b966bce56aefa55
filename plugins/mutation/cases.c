/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/mutation/cases.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "base/mem.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Name of a case: a function of C++ or TypeScript may have a long one. */
#define NAME_MAX_LEN 400

/* ---- diff ---- */

static void append_lines(struct str *out, char sign, const char *text, size_t len)
{
    size_t at = 0;
    while (at < len) {
        const char *end = memchr(text + at, '\n', len - at);
        size_t stop = end != NULL ? (size_t)(end - text) : len;
        (void)str_append_char(out, sign);
        (void)str_append_n(out, text + at, stop - at);
        (void)str_append_char(out, '\n');
        at = stop + 1;
    }
}

static size_t count_lines(const char *text, size_t len)
{
    size_t count = 0;
    for (size_t i = 0; i < len; i++) {
        count += text[i] == '\n' ? 1 : 0;
    }
    return count + (len > 0 && text[len - 1] != '\n' ? 1 : 0);
}

static int append_changed(struct str *out,
                          const struct source *source,
                          const struct mutant *mutant,
                          uint32_t begin,
                          uint32_t end)
{
    struct str now = STR_INIT((size_t)SOURCE_MAX * 2);
    const struct mutant_span *span = &mutant->span;
    (void)str_append_n(&now, source->text + begin, span->start - begin);
    (void)str_append(&now, mutant->replacement);
    (void)str_append_n(&now, source->text + span->end, end - span->end);
    int status = str_error(&now);
    if (status == 0) {
        (void)str_appendf(out,
                          "--- a/%s\n+++ b/%s\n@@ -%u,%zu +%u,%zu @@\n",
                          source->path,
                          source->path,
                          span->line,
                          count_lines(source->text + begin, end - begin),
                          span->line,
                          count_lines(str_text(&now), now.len));
        append_lines(out, '-', source->text + begin, end - begin);
        append_lines(out, '+', str_text(&now), now.len);
        status = str_error(out);
    }
    str_fini(&now);
    return status;
}

int cases_append_diff(struct str *out, const struct source *source, const struct mutant *mutant)
{
    uint32_t begin = mutant->span.start;
    uint32_t end = mutant->span.end;
    while (begin > 0 && source->text[begin - 1] != '\n') {
        begin--;
    }
    while (end < source->size && source->text[end] != '\n') {
        end++;
    }
    end += end < source->size ? 1 : 0;
    return append_changed(out, source, mutant, begin, end);
}

/* ---- one line ---- */

/* The mutants of one line, next to each other. */
struct line {
    const struct scope_mutants *mutants;
    const struct engine_verdicts *verdicts;
    const struct engine_tests *tests;
    bool uncovered_fails;
    size_t first;
    size_t count;
    size_t by_status[MUTANT_STATUS_COUNT];
    size_t reused;
    int64_t cpu_us;
};

static const struct mutant *mutant_at(const struct line *line, size_t i)
{
    return line->mutants->items[line->first + i];
}

static const struct engine_verdict *verdict_at(const struct line *line, size_t i)
{
    return &line->verdicts->items[mutant_at(line, i)->number];
}

static const char *status_of(const struct line *line)
{
    if (line->by_status[MUTANT_RUNTIME_ERROR] > 0) {
        return "errored";
    }
    if (line->by_status[MUTANT_SURVIVED] > 0
        || (line->uncovered_fails && line->by_status[MUTANT_NO_COVERAGE] > 0)) {
        return "failed";
    }
    return line->by_status[MUTANT_KILLED] + line->by_status[MUTANT_TIMEOUT] > 0 ? "passed"
                                                                                : "skipped";
}

static bool named_before(const struct line *line, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (strcmp(mutant_at(line, i)->operator, mutant_at(line, index)->operator) == 0) {
            return true;
        }
    }
    return false;
}

/* "function:line operator, operator". */
static void append_name(struct str *name, const struct line *line)
{
    const struct mutant *first = mutant_at(line, 0);
    (void)str_appendf(name,
                      "%s%s%u ",
                      first->function,
                      first->function[0] != '\0' ? ":" : "line ",
                      first->span.line);
    for (size_t i = 0; i < line->count && name->len < NAME_MAX_LEN; i++) {
        if (!named_before(line, i)) {
            (void)str_appendf(name, "%s%s", i == 0 ? "" : ", ", mutant_at(line, i)->operator);
        }
    }
}

static void append_count(struct str *message, const struct line *line, size_t count, bool first)
{
    (void)str_appendf(message, "%s%zu", first ? "" : ", ", count);
    if (first) {
        (void)str_appendf(message, " of %zu mutant%s", line->count, line->count == 1 ? "" : "s");
    }
}

/* "2 of 5 mutants survived, 1 timed out, 3 as an earlier run found". */
static void append_message(struct str *message, const struct line *line)
{
    static const struct {
        enum mutant_status status;
        const char *words;
    } told[] = {
        {MUTANT_SURVIVED,      "survived"          },
        {MUTANT_NO_COVERAGE,   "reached by no test"},
        {MUTANT_TIMEOUT,       "timed out"         },
        {MUTANT_COMPILE_ERROR, "did not compile"   },
        {MUTANT_RUNTIME_ERROR, "could not be tried"},
        {MUTANT_IGNORED,       "ignored"           },
        {MUTANT_PENDING,       "not tried yet"     },
    };

    bool first = true;
    for (size_t i = 0; i < sizeof told / sizeof told[0]; i++) {
        size_t count = line->by_status[told[i].status];
        if (count == 0) {
            continue;
        }
        append_count(message, line, count, first);
        (void)str_appendf(message, " %s", told[i].words);
        first = false;
    }
    if (line->reused > 0) {
        append_count(message, line, line->reused, first);
        (void)str_append(message, " as an earlier run found");
    }
}

static void append_reached(struct str *out, const struct line *line, size_t index)
{
    const struct engine_verdict *verdict = verdict_at(line, index);
    if (verdict->reached == NULL) {
        return;
    }
    (void)str_appendf(
        out, "reached by %u of %zu tests:", verdict->reached_count, line->tests->count);
    for (size_t i = 0; i < verdict->reached_count && i < CASES_TESTS_SHOWN; i++) {
        (void)str_appendf(
            out, "%s %s", i == 0 ? "" : ",", line->tests->items[verdict->reached[i]].name);
    }
    (void)str_append(out, verdict->reached_count > CASES_TESTS_SHOWN ? ", ...\n" : "\n");
}

/* What is to be seen of the mutants that nobody killed. */
static void append_details(struct str *out, const struct line *line)
{
    for (size_t i = 0; i < line->count; i++) {
        const struct mutant *mutant = mutant_at(line, i);
        const struct engine_verdict *verdict = verdict_at(line, i);
        if (verdict->status == MUTANT_KILLED || verdict->status == MUTANT_PENDING) {
            continue;
        }
        (void)str_appendf(out, "%s: %s", mutant_status_name(verdict->status), mutant->operator);
        if (verdict->reason != NULL) {
            (void)str_appendf(out, ": %s", verdict->reason);
        }
        (void)str_append_char(out, '\n');
        if (cases_append_diff(out, &line->mutants->source, mutant) != 0) {
            return; /* the error sticks in `out` */
        }
        append_reached(out, line, i);
        (void)str_appendf(out, "try it: sluice mutants replay %s\n\n", mutant->id);
    }
}

static int write_line(struct str *out, const struct line *line)
{
    CLEANUP(str_fini) struct str name = STR_INIT(CASES_TEXT_MAX);
    CLEANUP(str_fini) struct str message = STR_INIT(CASES_TEXT_MAX);
    CLEANUP(str_fini) struct str details = STR_INIT(CASES_TEXT_MAX);
    const char *status = status_of(line);
    struct json_writer w;
    append_name(&name, line);
    append_message(&message, line);
    append_details(&details, line);
    jw_begin(&w, out);
    jw_object(&w);
    jw_put_string(&w, "name", str_text(&name));
    jw_put_string(&w, "status", status);
    jw_put_string(&w, "suite", line->mutants->source.path);
    jw_put_string(&w, "classname", line->mutants->source.path);
    jw_put_string(&w, "file", line->mutants->source.path);
    jw_put_int(&w, "line", mutant_at(line, 0)->span.line);
    jw_put_double(&w, "time", (double)line->cpu_us / 1e6);
    if (message.len > 0) {
        jw_put_string(&w, "message", str_text(&message));
    }
    if (strcmp(status, "failed") == 0) {
        jw_put_string(
            &w, "type", line->by_status[MUTANT_SURVIVED] > 0 ? "survived" : "no coverage");
    }
    if (details.len > 0) {
        jw_put_string(&w, "details", str_text(&details));
    }
    jw_end_object(&w);
    int error = str_error(&name) != 0 ? str_error(&name) : str_error(&message);
    error = error != 0 ? error : str_error(&details);
    return error != 0 ? error : str_append_char(out, '\n');
}

/* ---- all ---- */

/* Counts the mutants of the line that begins at line->first. */
static void measure_line(struct line *line, struct cases_counts *counts)
{
    uint32_t number = mutant_at(line, 0)->span.line;
    line->count = 0;
    line->reused = 0;
    line->cpu_us = 0;
    memset(line->by_status, 0, sizeof line->by_status);
    while (line->first + line->count < line->mutants->count
           && mutant_at(line, line->count)->span.line == number) {
        const struct engine_verdict *verdict = verdict_at(line, line->count);
        line->by_status[verdict->status]++;
        line->reused += verdict->reused ? 1 : 0;
        line->cpu_us += verdict->cpu_us;
        line->count++;
    }
    counts->pending += line->by_status[MUTANT_PENDING];
}

/* A file in which there is nothing to try is told, too: some of it may have been lost. */
static int write_nothing(struct str *out, const struct scope_mutants *mutants)
{
    struct json_writer w;
    char message[120];
    (void)snprintf(message,
                   sizeof message,
                   "0 mutants in scope; %zu places were lost to parse errors",
                   mutants->list.points_lost);
    jw_begin(&w, out);
    jw_object(&w);
    jw_put_string(&w, "name", "0 mutants");
    jw_put_string(&w, "status", "skipped");
    jw_put_string(&w, "suite", mutants->source.path);
    jw_put_string(&w, "classname", mutants->source.path);
    jw_put_string(&w, "file", mutants->source.path);
    jw_put_string(&w, "message", message);
    jw_end_object(&w);
    return str_append_char(out, '\n');
}

int cases_write(struct str *out,
                const struct cases_input *input,
                struct cases_counts *ret_counts,
                struct err *err)
{
    const struct scope_mutants *mutants = input->mutants;
    struct line line = {.mutants = mutants,
                        .verdicts = input->verdicts,
                        .tests = input->tests,
                        .uncovered_fails = input->uncovered_fails};
    struct cases_counts counts = {0};
    int status = mutants->count == 0 ? write_nothing(out, mutants) : 0;
    while (line.first < mutants->count && status == 0) {
        measure_line(&line, &counts);
        const char *word = status_of(&line);
        counts.failed += strcmp(word, "failed") == 0 ? 1 : 0;
        counts.errored += strcmp(word, "errored") == 0 ? 1 : 0;
        status = write_line(out, &line);
        line.first += line.count;
    }
    if (status != 0) {
        return err_set(err, status, "out of memory for the cases of %s", mutants->source.path);
    }
    *ret_counts = counts;
    return 0;
}
