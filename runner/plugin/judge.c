/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cleanup.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/vec.h"
#include "plugin/lines.h"
#include "plugin/plugin.h"
#include "plugin/words.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <string.h>

/* ---- what judge is given ---- */

int plugin_judge_header(const struct layer *layer,
                        const char *root,
                        const char *diff,
                        struct str *out)
{
    struct json_writer w;
    jw_begin(&w, out);
    jw_object(&w);
    jw_put_int(&w, "protocol", PLUGIN_PROTOCOL);
    jw_put_string(&w, "layer", layer->id);
    jw_put_string(&w, "root", root);
    jw_key(&w, "with");
    jw_raw(&w, layer->with != NULL ? layer->with : "{}");
    jw_key(&w, "diff");
    jw_raw(&w, diff != NULL ? diff : "null");
    jw_end_object(&w);
    return str_append_char(out, '\n');
}

/* Counts of cases; a unit without report is its own case, as everywhere (model/tally). */
static void write_cases(struct json_writer *w, const struct outcome *outcome)
{
    struct outcome ended = *outcome;
    ended.final = true;
    ended.flags &= ~(unsigned)FLAG_CANCELLED;
    struct tally tally = {0};
    tally_add(&tally, &ended);
    jw_key(w, "cases");
    jw_object(w);
    jw_put_int(w, "total", (int64_t)tally.cases);
    jw_put_int(w, "passed", (int64_t)tally.cases_passed);
    jw_put_int(w, "failed", (int64_t)tally.cases_failed);
    jw_put_int(w, "errored", (int64_t)tally.cases_errored);
    jw_put_int(w, "skipped", (int64_t)tally.cases_skipped);
    jw_end_object(w);
}

static void write_artifacts(struct json_writer *w, const struct text_list *artifacts)
{
    if (artifacts->count == 0) {
        return;
    }
    jw_key(w, "artifacts");
    jw_array(w);
    for (size_t i = 0; i < artifacts->count; i++) {
        jw_string(w, artifacts->items[i]);
    }
    jw_end_array(w);
}

int plugin_judge_outcome(const struct unit *unit,
                         const struct outcome *outcome,
                         const struct text_list *artifacts,
                         struct str *out)
{
    struct json_writer w;
    jw_begin(&w, out);
    jw_object(&w);
    jw_put_string(&w, "unit", unit->id);
    if (unit->shard != 0) {
        jw_put_int(&w, "shard", unit->shard);
    }
    jw_put_string(&w, "status", outcome_status_name(outcome->status));
    if (outcome->exit_code >= 0) {
        jw_put_int(&w, "exit", outcome->exit_code);
    }
    if (outcome->signal != 0) {
        jw_put_int(&w, "signal", outcome->signal);
    }
    jw_put_int(&w, "wall_ms", outcome->wall_ns / 1000000);
    jw_put_int(&w, "cpu_ms", (outcome->cpu_user_us + outcome->cpu_sys_us) / 1000);
    jw_put_int(&w, "attempts", outcome->attempt);
    jw_put_bool(&w, "flaky", outcome->flaky);
    if (outcome->reused != NULL) {
        jw_put_bool(&w, "reused", true);
    }
    jw_put_string(&w, "message", outcome->message);
    write_cases(&w, outcome);
    write_artifacts(&w, artifacts);
    jw_end_object(&w);
    return str_append_char(out, '\n');
}

/* ---- what judge answers ---- */

struct metric_list {
    VEC_FIELDS(struct metric);
};

struct finding_list {
    VEC_FIELDS(struct finding);
};

struct path_list {
    VEC_FIELDS(const char *);
};

struct answer_reader {
    const struct plugin_description *description;
    struct arena *arena;
    struct metric_list metrics;
    struct finding_list findings;
    struct path_list artifacts;
};

static void answer_reader_fini(struct answer_reader *reader)
{
    vec_fini(&reader->metrics);
    vec_fini(&reader->findings);
    vec_fini(&reader->artifacts);
}

static int no_memory(struct err *err)
{
    return err_set(err, -ENOMEM, "out of memory for a judgement");
}

/* The declared metric of this name, as the description spells it; NULL when there is none. */
static const char *find_metric(const struct plugin_description *description, const char *name)
{
    for (size_t i = 0; i < description->metrics.count; i++) {
        if (strcmp(description->metrics.items[i], name) == 0) {
            return description->metrics.items[i];
        }
    }
    return NULL;
}

static int refuse_metric(const struct answer_reader *reader, const char *name, struct err *err)
{
    const struct text_list *known = &reader->description->metrics;
    const char *near = text_nearest(name, known->items, known->count);
    char shown[WORD_SHOWN_MAX];
    return err_set(err,
                   -EINVAL,
                   "metric \"%s\" is not among those that describe names%s%s%s",
                   word_show(name, shown),
                   near != NULL ? "; did you mean \"" : "",
                   near != NULL ? near : "",
                   near != NULL ? "\"?" : "");
}

/* Copies a text that may be absent. */
static int copy_text(struct arena *arena, const char **text, struct err *err)
{
    if (*text == NULL) {
        return 0;
    }
    *text = arena_strdup(arena, *text);
    return *text != NULL ? 0 : no_memory(err);
}

/* A value of null is that of a metric that could not be measured, and "why" says why. */
static int read_metric(struct answer_reader *reader, json_t *object, struct err *err)
{
    const char *name = NULL;
    const char *why = NULL;
    double value = (double)NAN;
    const bool is_measured = !json_is_null(json_object_get(object, "value"));
    const struct json_field table[] = {
        {"metric", JSON_FIELD_STRING, true,        &name },
        {"value",  JSON_FIELD_DOUBLE, is_measured, &value},
        {"why",    JSON_FIELD_STRING, false,       &why  },
    };
    int status = json_read_object(object, table, sizeof table / sizeof table[0], err);
    if (status == 0 && is_measured && why != NULL) {
        status = err_set(err, -EINVAL, "field \"why\" explains a value of null only");
    }
    status = status != 0 ? status : copy_text(reader->arena, &why, err);
    if (status != 0) {
        return status;
    }
    const char *known = find_metric(reader->description, name);
    if (known == NULL) {
        return refuse_metric(reader, name, err);
    }
    for (size_t i = 0; i < reader->metrics.count; i++) {
        if (reader->metrics.items[i].name == known) {
            return err_set(err, -EEXIST, "metric \"%s\" was given already", known);
        }
    }
    const struct metric metric = {.name = known, .value = value, .why = why};
    return vec_push(&reader->metrics, metric) != 0 ? no_memory(err) : 0;
}

static int check_severity(const char *word, struct err *err)
{
    static const char *const known[] = {"error", "warning", "note"};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(word, known[i]) == 0) {
            return 0;
        }
    }
    char shown[WORD_SHOWN_MAX];
    return err_set(
        err, -EINVAL, "severity \"%s\" must be error, warning or note", word_show(word, shown));
}

static int keep_finding(struct answer_reader *reader, struct finding *finding, struct err *err)
{
    if (reader->findings.count >= PLUGIN_FINDINGS_MAX) {
        return err_set(
            err, -EFBIG, "more than %d findings, the most that are read", PLUGIN_FINDINGS_MAX);
    }
    const char **const texts[] = {
        &finding->file, &finding->rule, &finding->severity, &finding->message, &finding->fix};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        int status = copy_text(reader->arena, texts[i], err);
        if (status != 0) {
            return status;
        }
    }
    return vec_push(&reader->findings, *finding) != 0 ? no_memory(err) : 0;
}

static int check_finding(const struct finding *f, int64_t line, int64_t column, struct err *err)
{
    int status = 0;
    if (f->file != NULL && (status = word_check_path("file", f->file, err)) != 0) {
        return status;
    }
    if (line < 0 || line > UINT32_MAX || column < 0 || column > UINT32_MAX) {
        return err_set(err, -EINVAL, "line and column must be from 0 to %u", UINT32_MAX);
    }
    if (f->message[0] == '\0') {
        return err_set(err, -EINVAL, "message is empty");
    }
    if ((status = word_check_id("rule", f->rule, err)) != 0) {
        return status;
    }
    return check_severity(f->severity, err);
}

static int read_finding(struct answer_reader *reader, json_t *object, struct err *err)
{
    json_t *inner = NULL;
    const struct json_field outer[] = {
        {"finding", JSON_FIELD_OBJECT, true, &inner}
    };
    int status = json_read_object(object, outer, 1, err);
    if (status != 0) {
        return status;
    }
    struct finding finding = {.severity = "error"};
    int64_t line = 0;
    int64_t column = 0;
    const struct json_field table[] = {
        {"file",     JSON_FIELD_STRING, false, &finding.file    },
        {"line",     JSON_FIELD_INT,    false, &line            },
        {"column",   JSON_FIELD_INT,    false, &column          },
        {"rule",     JSON_FIELD_STRING, true,  &finding.rule    },
        {"severity", JSON_FIELD_STRING, false, &finding.severity},
        {"message",  JSON_FIELD_STRING, true,  &finding.message },
        {"fix",      JSON_FIELD_STRING, false, &finding.fix     },
    };
    status = json_read_object(inner, table, sizeof table / sizeof table[0], err);
    if (status == 0) {
        status = check_finding(&finding, line, column, err);
    }
    if (status != 0) {
        return err_wrap(err, "finding");
    }
    finding.line = (uint32_t)line;
    finding.column = (uint32_t)column;
    return keep_finding(reader, &finding, err);
}

static int read_artifact(struct answer_reader *reader, json_t *object, struct err *err)
{
    const char *path = NULL;
    const struct json_field table[] = {
        {"artifact", JSON_FIELD_STRING, true, &path}
    };
    int status = json_read_object(object, table, 1, err);
    if (status != 0 || (status = word_check_path("artifact", path, err)) != 0
        || (status = copy_text(reader->arena, &path, err)) != 0) {
        return status;
    }
    if (reader->artifacts.count >= PLUGIN_FINDINGS_MAX) {
        return err_set(
            err, -EFBIG, "more than %d artifacts, the most that are read", PLUGIN_FINDINGS_MAX);
    }
    return vec_push(&reader->artifacts, path) != 0 ? no_memory(err) : 0;
}

static int read_answer(struct answer_reader *reader, json_t *object, struct err *err)
{
    static const struct kind {
        const char *field;
        int (*read)(struct answer_reader *reader, json_t *object, struct err *err);
    } kinds[] = {
        {"metric",   read_metric  },
        {"finding",  read_finding },
        {"artifact", read_artifact},
    };

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (json_object_get(object, kinds[i].field) != NULL) {
            return kinds[i].read(reader, object, err);
        }
    }
    return err_set(
        err, -EINVAL, "must be an object with \"metric\", \"finding\" or \"artifact\" in it");
}

static int read_lines(struct answer_reader *reader, struct line_reader *lines, struct err *err)
{
    const char *line = NULL;
    size_t len = 0;
    int more = 0;
    while ((more = lines_next(lines, &line, &len, err)) > 0) {
        CLEANUP(json_cleanup) json_t *object = NULL;
        if (json_parse(line, len, &object, err) != 0 || read_answer(reader, object, err) != 0) {
            return err_wrap(err, "line %zu", lines->line);
        }
    }
    return more;
}

/* A copy of an array in the arena; NULL for an empty one. */
static int keep_array(
    struct arena *arena, const void *items, size_t size, const void **ret, struct err *err)
{
    *ret = NULL;
    if (size == 0) {
        return 0;
    }
    void *copy = arena_alloc(arena, size);
    if (copy == NULL) {
        return no_memory(err);
    }
    memcpy(copy, items, size);
    *ret = copy;
    return 0;
}

static int keep_answer(struct answer_reader *reader, struct judgement *ret, struct err *err)
{
    struct arena *arena = reader->arena;
    const void *metrics = NULL;
    const void *findings = NULL;
    const void *artifacts = NULL;
    size_t artifact_count = reader->artifacts.count;
    if (vec_push(&reader->artifacts, NULL) != 0) { /* a text_list ends with NULL */
        return no_memory(err);
    }
    int status = 0;
    if ((status = keep_array(arena,
                             reader->metrics.items,
                             reader->metrics.count * sizeof(struct metric),
                             &metrics,
                             err))
            != 0
        || (status = keep_array(arena,
                                reader->findings.items,
                                reader->findings.count * sizeof(struct finding),
                                &findings,
                                err))
               != 0
        || (status = keep_array(arena,
                                reader->artifacts.items,
                                reader->artifacts.count * sizeof(const char *),
                                &artifacts,
                                err))
               != 0) {
        return status;
    }
    *ret = (struct judgement){
        .metrics = metrics,
        .metric_count = reader->metrics.count,
        .findings = findings,
        .finding_count = reader->findings.count,
        .artifacts = {artifacts, artifact_count}
    };
    return 0;
}

int plugin_read_judgement(const struct plugin_description *description,
                          const struct file_part *answer,
                          struct arena *arena,
                          struct judgement *ret_judgement,
                          struct err *err)
{
    CLEANUP(answer_reader_fini)
    struct answer_reader reader = {.description = description, .arena = arena};
    CLEANUP(lines_close) struct line_reader lines = {.fd = -1};
    int status = lines_open(&lines, answer, PLUGIN_JUDGE_MAX, err);
    if (status == 0) {
        status = read_lines(&reader, &lines, err);
    }
    if (status == 0) {
        status = keep_answer(&reader, ret_judgement, err);
    }
    return status == 0 ? 0 : err_wrap(err, "%s judge", description->name);
}
