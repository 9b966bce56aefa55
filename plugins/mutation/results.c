/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/mutation/results.h"

#include "base/json.h"

#include <errno.h>
#include <string.h>

#define RESULTS_VERSION 1

static int finish(struct str *out, struct err *err)
{
    (void)str_append_char(out, '\n');
    int status = str_error(out);
    return status == 0 ? 0 : err_set(err, status, "out of memory for the results of a file");
}

static void put_unused(struct json_writer *w, const struct mutant_list *list)
{
    jw_key(w, "unused");
    jw_array(w);
    for (size_t i = 0; i < list->unused_count; i++) {
        jw_object(w);
        jw_put_int(w, "line", list->unused[i].line);
        jw_put_string(w, "names", list->unused[i].names);
        jw_end_object(w);
    }
    jw_end_array(w);
}

/* Not those that only a pattern found and that reach nothing: they are left out on purpose. */
static bool is_refused(const struct engine_test *test)
{
    return test->excluded != NULL && test->excluded != engine_blind;
}

static void put_left_out(struct json_writer *w, const struct engine_tests *tests)
{
    bool any = false;
    for (size_t i = 0; i < tests->count; i++) {
        const struct engine_test *test = &tests->items[i];
        if (!is_refused(test)) {
            continue;
        }
        if (!any) {
            jw_key(w, "left_out");
            jw_array(w);
            any = true;
        }
        jw_object(w);
        jw_put_string(w, "test", test->name);
        jw_put_string(w, "why", test->excluded);
        jw_end_object(w);
    }
    if (any) {
        jw_end_array(w);
    }
}

int results_write_head(struct str *out, const struct results_head *head, struct err *err)
{
    struct json_writer w;
    jw_begin(&w, out);
    jw_object(&w);
    jw_put_int(&w, "mutation", RESULTS_VERSION);
    jw_put_string(&w, "layer", head->layer);
    jw_put_string(&w, "file", head->file);
    jw_put_string(&w, "language", head->language);
    jw_put_int(&w, "points_lost", (int64_t)head->points_lost);
    jw_key(&w, "tests");
    jw_array(&w);
    for (size_t i = 0; i < head->tests->count; i++) {
        jw_string(&w, head->tests->items[i].name);
    }
    jw_end_array(&w);
    if (head->list != NULL && head->list->unused_count > 0) {
        put_unused(&w, head->list);
    }
    put_left_out(&w, head->tests);
    jw_end_object(&w);
    return finish(out, err);
}

static void put_text(struct json_writer *w, const char *key, const char *text)
{
    jw_key(w, key);
    if (text == NULL) {
        jw_null(w);
    } else {
        jw_string_n(w, text, strnlen(text, RESULTS_TEXT_MAX));
    }
}

/* The line of a place as it stands in the file. */
static void put_source(struct json_writer *w, const struct source *source, uint32_t at)
{
    uint32_t begin = at < source->size ? at : source->size;
    uint32_t end = begin;
    while (begin > 0 && source->text[begin - 1] != '\n') {
        begin--;
    }
    while (end < source->size && source->text[end] != '\n') {
        end++;
    }
    size_t len = end - begin;
    jw_key(w, "source");
    jw_string_n(w, source->text + begin, len < RESULTS_TEXT_MAX ? len : RESULTS_TEXT_MAX);
}

static void put_span(struct json_writer *w, const struct mutant_span *span)
{
    jw_put_int(w, "line", span->line);
    jw_put_int(w, "column", span->column);
    jw_put_int(w, "end_line", span->end_line);
    jw_put_int(w, "end_column", span->end_column);
    jw_put_int(w, "start", span->start);
    jw_put_int(w, "end", span->end);
}

static void put_tests(struct json_writer *w, const struct engine_verdict *verdict)
{
    bool killed = verdict->status == MUTANT_KILLED || verdict->status == MUTANT_TIMEOUT;
    jw_key(w, "killed_by");
    if (killed) {
        jw_int(w, verdict->killer);
    } else {
        jw_null(w);
    }
    jw_key(w, "covered_by");
    if (verdict->reached == NULL) {
        jw_null(w);
        return;
    }
    jw_array(w);
    for (size_t i = 0; i < verdict->reached_count; i++) {
        jw_int(w, verdict->reached[i]);
    }
    jw_end_array(w);
}

int results_write_mutant(struct str *out,
                         const struct source *source,
                         const struct mutant *mutant,
                         const struct engine_verdict *verdict,
                         struct err *err)
{
    struct json_writer w;
    jw_begin(&w, out);
    jw_object(&w);
    jw_put_string(&w, "id", mutant->id);
    put_span(&w, &mutant->span);
    put_text(&w, "function", mutant->function);
    put_text(&w, "operator", mutant->operator);
    put_text(&w, "original", mutant->original);
    put_text(&w, "replacement", mutant->replacement);
    jw_put_string(&w, "status", mutant_status_name(verdict->status));
    put_text(&w, "reason", verdict->reason);
    put_tests(&w, verdict);
    jw_put_string(&w, "engine", engine_name(verdict->engine));
    jw_put_int(&w, "cpu_us", verdict->cpu_us);
    if (verdict->reused) {
        jw_put_bool(&w, "reused", true);
    }
    put_source(&w, source, mutant->span.start);
    jw_end_object(&w);
    return finish(out, err);
}

int results_write_end(struct str *out,
                      const struct engine_cost *cost,
                      bool complete,
                      struct err *err)
{
    struct json_writer w;
    jw_begin(&w, out);
    jw_object(&w);
    jw_put_int(&w, "executed_mutants", cost->executed);
    jw_put_int(&w, "cpu_us", cost->cpu_us);
    jw_put_int(&w, "build_us", cost->build_us);
    jw_put_int(&w, "bare_cpu_us", cost->bare_us);
    jw_put_bool(&w, "complete", complete);
    jw_end_object(&w);
    return finish(out, err);
}
