/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/mutation/judge.h"

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/vec.h"
#include "plugins/mutation/elements.h"
#include "plugins/mutation/engine_schema.h"
#include "plugins/mutation/judge_baseline.h"
#include "plugins/mutation/judge_findings.h"
#include "plugins/mutation/results.h"
#include "plugins/mutation/settings.h"
#include "plugins/mutation/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Paths and names of the results of a layer: a million units of 1 KiB. */
#define JUDGE_ARENA_MAX (1u << 30)
/* Unused suppressions told of one file. */
#define JUDGE_UNUSED_MAX 100
/* A share of so few mutants says nothing: limits in percent apply from here. */
#define JUDGE_LIMIT_MIN 5
/* Of a text in a message. */
#define JUDGE_SHOWN_MAX 80
/* Why a metric could not be measured: some counts, or the name of a unit. */
#define JUDGE_WHY_MAX 512

const char *const judge_metrics[] = {
    "score",    "covered_score", "new_survivors",  "mutants",     "killed",
    "survived", "timeouts",      "no_coverage",    "ignored",     "not_compiled",
    "reused",   "pending",       "compile_errors", "points_lost", "executed_mutants",
    "cpu_s",    "bare_cpu_s",    "build_cpu_s",    NULL,
};

/* Results of one unit. */
struct judge_part {
    const char *file; /* the unit's id without its part: what groups and orders */
    long number;
    const char *path;
};

struct judge {
    struct sdk *sdk;
    struct settings settings;
    struct arena *arena;
    struct judge_baseline baseline;
    struct elements elements;
    const char *open_file; /* of the report; NULL = none */

    struct {
        VEC_FIELDS(struct judge_part);
    } parts;

    const char *missing; /* a unit without results; NULL = none */
    size_t counts[MUTANT_STATUS_COUNT];
    size_t new_survivors;
    size_t not_compiled; /* of the ignored */
    size_t suppressed;   /* of the ignored */
    size_t reused;
    struct judge_findings findings;
    struct map left_out; /* names of tests that were told as not used; the keys are the arena's */
    int64_t points_lost;
    struct engine_cost cost;
};

static void judge_fini(struct judge *judge)
{
    vec_fini(&judge->parts);
    judge_baseline_fini(&judge->baseline);
    judge_findings_fini(&judge->findings);
    map_fini(&judge->left_out);
    elements_fini(&judge->elements);
    arena_free(judge->arena);
}

static int no_memory(struct err *err)
{
    return err_set(err, -ENOMEM, "out of memory for the results of the layer");
}

/* ---- what units left ---- */

static int add_part(struct judge *judge, const char *unit, const char *path, struct err *err)
{
    struct judge_part part = {0};
    char *file = arena_strdup(judge->arena, unit);
    part.path = arena_strdup(judge->arena, path);
    if (file == NULL || part.path == NULL) {
        return no_memory(err);
    }
    char *mark = strrchr(file, '#');
    if (mark != NULL) {
        part.number = strtol(mark + 1, NULL, 10);
        *mark = '\0';
    }
    part.file = file;
    return vec_push(&judge->parts, part) != 0 ? no_memory(err) : 0;
}

static int take_outcome(struct judge *judge, const struct sdk_outcome *outcome, struct err *err)
{
    size_t i = 0;
    json_t *path = NULL;
    size_t before = judge->parts.count;
    int status = 0;
    if (strcmp(outcome->unit, UNIT_BUILD_ID) == 0 || strcmp(outcome->unit, UNIT_NOTHING_ID) == 0) {
        return 0;
    }
    json_array_foreach(outcome->artifacts, i, path)
    {
        const char *text = json_string_value(path);
        if (status == 0 && text != NULL && text_ends_with(text, ".ndjson")) {
            status = add_part(judge, outcome->unit, text, err);
        }
    }
    if (status == 0 && judge->parts.count == before && judge->missing == NULL) {
        judge->missing = arena_strdup(judge->arena, outcome->unit);
        status = judge->missing != NULL ? 0 : no_memory(err);
    }
    return status;
}

static int compare_parts(const void *a, const void *b)
{
    const struct judge_part *x = a;
    const struct judge_part *y = b;
    int order = strcmp(x->file, y->file);
    return order != 0 ? order : x->number < y->number ? -1 : x->number > y->number;
}

static int take_outcomes(struct judge *judge, struct err *err)
{
    struct sdk_outcome outcome = {0};
    int status = 0;
    while ((status = sdk_next_outcome(judge->sdk, &outcome, err)) == 1) {
        status = take_outcome(judge, &outcome, err);
        if (status != 0) {
            return status;
        }
    }
    if (status == 0 && judge->parts.count > 0) {
        qsort(judge->parts.items, judge->parts.count, sizeof *judge->parts.items, compare_parts);
    }
    return status;
}

/* ---- survivors ---- */

static int tell_survivor(struct judge *judge,
                         const struct results_part *part,
                         const struct results_mutant *mutant,
                         bool is_new,
                         struct err *err)
{
    char message[1024];
    char fix[512];
    size_t reached = json_array_size(mutant->covered_by);
    (void)snprintf(message,
                   sizeof message,
                   "no test fails when \"%.*s\" becomes \"%.*s\"%s%s%s",
                   JUDGE_SHOWN_MAX,
                   mutant->original,
                   JUDGE_SHOWN_MAX,
                   mutant->replacement,
                   mutant->function[0] != '\0' ? " in " : "",
                   mutant->function,
                   is_new ? "" : " (known: it is in the baseline)");
    (void)snprintf(fix,
                   sizeof fix,
                   "assert what differs (%zu test%s here), or suppress it with a reason; "
                   "try it: sluice mutants replay %s",
                   reached,
                   reached == 1 ? " gets" : "s get",
                   mutant->id);
    const struct sdk_finding finding = {
        .file = part->file,
        .line = mutant->span.line,
        .column = mutant->span.column,
        .rule = mutant->operator,
        .severity = is_new ? "warning" : "note",
        .message = message,
        .fix = fix,
    };
    return judge_findings_add(&judge->findings, judge->sdk, &finding, mutant->span.end_line, err);
}

/* ---- reading ---- */

/* It may stand there since the code that it was written for went: what is written there next would
 * be suppressed unseen. */
static int tell_unused(struct judge *judge, const struct results_part *part, struct err *err)
{
    size_t i = 0;
    const json_t *item = NULL;
    int status = 0;
    json_array_foreach(part->unused, i, item)
    {
        char message[256];
        (void)snprintf(message,
                       sizeof message,
                       "mutant-off %.*s suppresses nothing",
                       JUDGE_SHOWN_MAX,
                       json_string_value(json_object_get(item, "names")));
        const struct sdk_finding finding = {
            .file = part->file,
            .line = (uint32_t)json_integer_value(json_object_get(item, "line")),
            .rule = "unused-suppression",
            .severity = "warning",
            .message = message,
            .fix = "remove it: what is written there next would be suppressed by it",
        };
        if (status == 0 && i < JUDGE_UNUSED_MAX) {
            status = judge_findings_add(&judge->findings, judge->sdk, &finding, finding.line, err);
        }
    }
    return status;
}

/* Each file has them; each is told once. What it alone checks counts as survived. */
static int tell_left_out(struct judge *judge, const struct results_part *part, struct err *err)
{
    size_t i = 0;
    const json_t *item = NULL;
    json_array_foreach(part->left_out, i, item)
    {
        const char *test = json_string_value(json_object_get(item, "test"));
        if (map_get(&judge->left_out, test, NULL) == 1) {
            continue;
        }
        char *name = arena_strdup(judge->arena, test);
        if (name == NULL || map_add(&judge->left_out, name, 0) < 0) {
            return no_memory(err);
        }
        char message[512];
        (void)snprintf(message,
                       sizeof message,
                       "test \"%.*s\" is not used: %.200s",
                       JUDGE_SHOWN_MAX,
                       test,
                       json_string_value(json_object_get(item, "why")));
        const struct sdk_finding finding = {
            .rule = "test-not-used",
            .severity = "warning",
            .message = message,
            .fix = "mend it, or leave it out of `tests`: what it alone checks counts as survived",
        };
        const int status = sdk_emit_finding(judge->sdk, &finding, err);
        if (status != 0) {
            return status;
        }
    }
    return 0;
}

static int on_head(void *context, const struct results_part *part, struct err *err)
{
    struct judge *judge = context;
    judge->points_lost += part->points_lost;
    int status = tell_left_out(judge, part, err);
    if (status != 0) {
        return status;
    }
    if (judge->open_file != NULL && strcmp(judge->open_file, part->file) == 0) {
        return 0;
    }
    status = judge->open_file != NULL ? elements_end_file(&judge->elements, err) : 0;
    judge->open_file = arena_strdup(judge->arena, part->file);
    if (judge->open_file == NULL) {
        return no_memory(err);
    }
    status = status != 0 ? status : tell_unused(judge, part, err); /* each part has them all */
    return status != 0 ? status
                       : elements_begin_file(&judge->elements, judge->sdk->root, part, err);
}

static int on_mutant(void *context,
                     const struct results_part *part,
                     const struct results_mutant *mutant,
                     struct err *err)
{
    struct judge *judge = context;
    judge->counts[mutant->status]++;
    judge->reused += mutant->reused ? 1 : 0;
    judge->suppressed += mutant_is_suppressed(mutant->status, mutant->reason) ? 1 : 0;
    judge->not_compiled += mutant->status == MUTANT_IGNORED && mutant->reason != NULL
                                   && strcmp(mutant->reason, engine_uncompiled) == 0
                               ? 1
                               : 0;
    int status = elements_add_mutant(&judge->elements, part, mutant, err);
    if (status != 0 || mutant->status != MUTANT_SURVIVED) {
        return status;
    }
    bool is_new = !judge_baseline_has(&judge->baseline, mutant->id);
    judge->new_survivors += is_new ? 1 : 0;
    return tell_survivor(judge, part, mutant, is_new, err);
}

static int on_end(void *context,
                  const struct results_part *part,
                  const struct engine_cost *cost,
                  bool complete,
                  struct err *err)
{
    struct judge *judge = context;
    (void)part;
    (void)complete;
    (void)err;
    judge->cost.executed += cost->executed;
    judge->cost.cpu_us += cost->cpu_us;
    judge->cost.build_us += cost->build_us;
    judge->cost.bare_us = cost->bare_us > judge->cost.bare_us ? cost->bare_us : judge->cost.bare_us;
    return 0;
}

static int read_parts(struct judge *judge, struct err *err)
{
    const struct results_reader reader = {
        .context = judge, .head = on_head, .mutant = on_mutant, .end = on_end};
    int status = 0;
    for (size_t i = 0; i < judge->parts.count && status == 0; i++) {
        status = results_read(judge->parts.items[i].path, &reader, err);
    }
    if (status == 0 && judge->open_file != NULL) {
        status = elements_end_file(&judge->elements, err);
    }
    return status;
}

/* ---- metrics ---- */

static double percent(size_t part, size_t whole)
{
    return 100.0 * (double)part / (double)whole;
}

/* Where the results of a unit are missing, or of mutants that the budget did not reach, nothing can
 * be said of the whole: what is missing could be the survivors. Says so, or leaves "". */
static void say_missing(const struct judge *judge, char why[JUDGE_WHY_MAX])
{
    size_t pending = judge->counts[MUTANT_PENDING];
    why[0] = '\0';
    if (judge->missing != NULL) {
        (void)snprintf(why, JUDGE_WHY_MAX, "unit %.400s left no results", judge->missing);
    } else if (pending > 0) {
        (void)snprintf(why,
                       JUDGE_WHY_MAX,
                       "%zu mutant%s pending, as the budget was used up",
                       pending,
                       pending == 1 ? " is" : "s are");
    }
}

/* Why there is no score though nothing is missing. */
static void say_nothing(const struct judge *judge, char why[JUDGE_WHY_MAX])
{
    static const struct {
        enum mutant_status status;
        const char *words;
    } told[] = {
        {MUTANT_NO_COVERAGE,   "reached by no test"},
        {MUTANT_COMPILE_ERROR, "not compiled"      },
        {MUTANT_RUNTIME_ERROR, "not to be tried"   },
        {MUTANT_TIMEOUT,       "timed out"         },
        {MUTANT_IGNORED,       "ignored"           },
    };

    const char *between = "no mutant was killed or survived: ";
    size_t at = (size_t)snprintf(why, JUDGE_WHY_MAX, "0 mutants");
    for (size_t i = 0; i < sizeof told / sizeof told[0]; i++) {
        size_t count = judge->counts[told[i].status];
        if (count > 0) {
            at = between[0] == 'n' ? 0 : at;
            at += (size_t)snprintf(
                why + at, JUDGE_WHY_MAX - at, "%s%zu %s", between, count, told[i].words);
            between = ", ";
        }
    }
}

static int emit_score(
    struct judge *judge, const char *name, size_t killed, size_t all, struct err *err)
{
    char why[JUDGE_WHY_MAX];
    say_missing(judge, why);
    if (why[0] == '\0' && all > 0) {
        return sdk_emit_metric(judge->sdk, name, percent(killed, all), err);
    }
    if (why[0] == '\0') {
        say_nothing(judge, why);
    }
    return sdk_emit_no_metric(judge->sdk, name, why, err);
}

/* Without a mutant that says something there is no score: neither 0 nor 100. */
static int emit_scores(struct judge *judge, struct err *err)
{
    char why[JUDGE_WHY_MAX];
    size_t killed = judge->counts[MUTANT_KILLED];
    size_t reached = killed + judge->counts[MUTANT_SURVIVED] + judge->suppressed;
    size_t all = reached + judge->counts[MUTANT_NO_COVERAGE];
    int status = emit_score(judge, "score", killed, all, err);
    status = status != 0 ? status : emit_score(judge, "covered_score", killed, reached, err);
    if (status != 0) {
        return status;
    }
    say_missing(judge, why);
    return why[0] != '\0'
               ? sdk_emit_no_metric(judge->sdk, "new_survivors", why, err)
               : sdk_emit_metric(judge->sdk, "new_survivors", (double)judge->new_survivors, err);
}

static int emit_metrics(struct judge *judge, struct err *err)
{
    size_t all = 0;
    for (size_t i = 0; i < MUTANT_STATUS_COUNT; i++) {
        all += judge->counts[i];
    }
    const size_t *counts = judge->counts;

    const struct {
        const char *name;
        double value;
    } metrics[] = {
        {"mutants",          (double)all                         },
        {"killed",           (double)counts[MUTANT_KILLED]       },
        {"survived",         (double)counts[MUTANT_SURVIVED]     },
        {"timeouts",         (double)counts[MUTANT_TIMEOUT]      },
        {"no_coverage",      (double)counts[MUTANT_NO_COVERAGE]  },
        {"compile_errors",   (double)counts[MUTANT_COMPILE_ERROR]},
        {"ignored",          (double)counts[MUTANT_IGNORED]      },
        {"not_compiled",     (double)judge->not_compiled         },
        {"reused",           (double)judge->reused               },
        {"pending",          (double)counts[MUTANT_PENDING]      },
        {"points_lost",      (double)judge->points_lost          },
        {"executed_mutants", (double)judge->cost.executed        },
        {"cpu_s",            (double)judge->cost.cpu_us / 1e6    },
        {"bare_cpu_s",       (double)judge->cost.bare_us / 1e6   },
        {"build_cpu_s",      (double)judge->cost.build_us / 1e6  },
    };

    int status = emit_scores(judge, err);
    for (size_t i = 0; i < sizeof metrics / sizeof metrics[0] && status == 0; i++) {
        status = sdk_emit_metric(judge->sdk, metrics[i].name, metrics[i].value, err);
    }
    return status;
}

/* Many mutants that say nothing are no result, whatever the score of the others is. */
static int check_limits(const struct judge *judge, struct err *err)
{
    const size_t *counts = judge->counts;
    size_t timeouts = counts[MUTANT_TIMEOUT];
    size_t refused = counts[MUTANT_COMPILE_ERROR];
    size_t ran = counts[MUTANT_KILLED] + counts[MUTANT_SURVIVED] + timeouts;
    size_t compiled = ran + counts[MUTANT_NO_COVERAGE] + refused;
    if (timeouts >= JUDGE_LIMIT_MIN && percent(timeouts, ran) > judge->settings.max_timeouts) {
        return err_set(err,
                       -ERANGE,
                       "%zu of %zu mutants that ran timed out, more than max_timeouts (%.1f %%): "
                       "they are neither killed nor survived, so the score says little. Are the "
                       "tests slow to fail (waiting, retrying)?",
                       timeouts,
                       ran,
                       judge->settings.max_timeouts);
    }
    if (refused >= JUDGE_LIMIT_MIN
        && percent(refused, compiled) > judge->settings.max_compile_errors) {
        return err_set(err,
                       -ERANGE,
                       "%zu of %zu mutants do not compile, more than max_compile_errors (%.1f %%). "
                       "Is `check` right? An operator may not fit the language (operators: {off: "
                       "[...]})",
                       refused,
                       compiled,
                       judge->settings.max_compile_errors);
    }
    return 0;
}

/* ---- reports ---- */

static int write_html(struct judge *judge, const char *json, struct err *err)
{
    char viewer[PATH_TEXT_MAX];
    char html[PATH_TEXT_MAX];
    if (!elements_find_viewer(viewer)) {
        (void)fprintf(stderr,
                      "no HTML report of mutants: the viewer " ELEMENTS_VIEWER
                      " is not installed beside the plugin\n");
        return 0;
    }
    (void)snprintf(html, sizeof html, "%s/" UNIT_REPORT "/mutation.html", judge->sdk->root);
    int status = elements_write_html(json, viewer, html, err);
    return status != 0 ? status : sdk_emit_artifact(judge->sdk, UNIT_REPORT "/mutation.html", err);
}

static int report(struct judge *judge, struct err *err)
{
    char json[PATH_TEXT_MAX];
    int len = snprintf(json, sizeof json, "%s/" UNIT_REPORT "/mutation.json", judge->sdk->root);
    if (len < 0 || (size_t)len >= sizeof json) {
        return err_set(err, -ENAMETOOLONG, "%s: the path is too long", judge->sdk->root);
    }
    int status = unit_make_folder(judge->sdk->root, err);
    status = status != 0 ? status : elements_open(json, &judge->elements, err);
    status = status != 0 ? status : read_parts(judge, err);
    status = status != 0 ? status : elements_close(&judge->elements, err);
    status =
        status != 0 ? status : sdk_emit_artifact(judge->sdk, UNIT_REPORT "/mutation.json", err);
    return status != 0 ? status : write_html(judge, json, err);
}

static int judge_layer(struct judge *judge, struct err *err)
{
    struct sdk *sdk = judge->sdk;
    judge->arena = arena_new(JUDGE_ARENA_MAX);
    if (judge->arena == NULL) {
        return no_memory(err);
    }
    int status = settings_read(sdk->with, &judge->settings, err);
    if (status == 0 && judge->settings.baseline != NULL) {
        status = judge_baseline_read(judge->settings.baseline, &judge->baseline, err);
    }
    status = status != 0 ? status : take_outcomes(judge, err);
    status = status != 0 ? status : report(judge, err); /* of nothing, too: not an old one */
    status = status != 0 ? status : judge_findings_end(&judge->findings, sdk, err);
    status = status != 0 ? status : emit_metrics(judge, err);
    if (status == 0 && judge->findings.count > judge->findings.told) {
        (void)fprintf(stderr,
                      "%zu findings; %zu are told, all survivors are in the reports\n",
                      judge->findings.count,
                      judge->findings.told);
    }
    return status != 0 ? status : check_limits(judge, err);
}

int mutation_judge(struct sdk *sdk, struct err *err)
{
    CLEANUP(judge_fini) struct judge judge = {.sdk = sdk};
    return judge_layer(&judge, err);
}
