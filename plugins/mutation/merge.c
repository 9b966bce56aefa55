/* SPDX-License-Identifier: Apache-2.0 */
/* `merge json|text FOLDER FILE...`: reports of shards as one, with the score of the whole. A mutant
 * that several have keeps the verdict that says most, and of those the one that is worse for the
 * tests; tests are numbered anew. All reports are in memory: two with 50,000 mutants each, 32 MiB
 * together, took 330 MiB. */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/map.h"
#include "plugins/mutation/elements.h"
#include "plugins/mutation/unit.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* One report: 1,000,000 mutants of 500 bytes. */
#define MERGE_FILE_MAX (512u << 20)

struct merging {
    json_t *whole; /* the first report, into which the others go */
    json_t *files; /* of it */
    json_t *tests; /* names -> new ids */
    json_t *ids;   /* "FILE\nID" -> the mutant */
    const char *path;
};

static void merging_fini(struct merging *merging)
{
    json_decref(merging->whole);
    json_decref(merging->tests);
    json_decref(merging->ids);
}

static int no_memory(struct err *err)
{
    return err_set(err, -ENOMEM, "out of memory for the reports");
}

static int refuse(const struct merging *merging, const char *what, struct err *err)
{
    return err_set(
        err,
        -EINVAL,
        "%s is no report of a mutation layer of sluice (%s); each shard leaves one as " UNIT_REPORT
        "/mutation.json",
        merging->path,
        what);
}

/* From worst to say anything to best. */
static int rank(const char *status)
{
    static const char *const order[] = {"Pending",
                                        "RuntimeError",
                                        "NoCoverage",
                                        "Ignored",
                                        "CompileError",
                                        "Timeout",
                                        "Killed",
                                        "Survived"};
    for (size_t i = 0; status != NULL && i < sizeof order / sizeof order[0]; i++) {
        if (strcmp(order[i], status) == 0) {
            return (int)i;
        }
    }
    return -1;
}

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

/* ---- tests ---- */

static void add_names(json_t *names, const json_t *tests)
{
    for (size_t i = 0; i < json_array_size(tests); i++) {
        const json_t *test = json_array_get(tests, i);
        const char *id = text_of(test, "id");
        json_t *name = json_object_get(test, "name");
        if (id != NULL && json_is_string(name)) {
            (void)json_object_set(names, id, name); /* one that is missed is refused later */
        }
    }
}

/* The names of a report's tests by their ids, a new object; NULL without memory. */
static json_t *names_of(const json_t *report)
{
    json_t *names = json_object();
    const char *group = NULL;
    json_t *file = NULL;
    json_object_foreach((json_t *)(uintptr_t)json_object_get(report, "testFiles"), group, file)
    {
        add_names(names, json_object_get(file, "tests"));
    }
    return names;
}

/* The id of a test in the whole; NULL without memory. */
static json_t *number(struct merging *merging, const json_t *names, const json_t *id)
{
    const char *text = json_string_value(id);
    const char *name = text != NULL ? text_of(names, text) : NULL;
    char digits[32];
    if (name == NULL) {
        return NULL;
    }
    json_t *known = json_object_get(merging->tests, name);
    if (known == NULL) {
        (void)snprintf(digits, sizeof digits, "%zu", json_object_size(merging->tests));
        (void)json_object_set_new(merging->tests, name, json_string(digits));
        known = json_object_get(merging->tests, name);
    }
    return known;
}

static int renumber(
    struct merging *merging, const json_t *names, json_t *mutant, const char *key, struct err *err)
{
    json_t *ids = json_object_get(mutant, key);
    for (size_t i = 0; i < json_array_size(ids); i++) {
        json_t *id = number(merging, names, json_array_get(ids, i));
        if (id == NULL || json_array_set(ids, i, id) != 0) {
            return refuse(merging, "a mutant names a test that is not listed", err);
        }
    }
    return 0;
}

/* ---- files ---- */

/* The file in the whole, without mutants when it is new. */
static int open_file(struct merging *merging,
                     const char *name,
                     const json_t *file,
                     json_t **ret_mutants,
                     struct err *err)
{
    json_t *source = json_object_get(file, "source");
    json_t *known = json_object_get(merging->files, name);
    if (!json_is_string(source) || text_of(file, "language") == NULL
        || !json_is_array(json_object_get(file, "mutants"))) {
        return refuse(merging, "a file without language, source and mutants", err);
    }
    if (known == NULL) {
        known = json_pack(
            "{s:s, s:O, s:[]}", "language", text_of(file, "language"), "source", source, "mutants");
        if (known == NULL || json_object_set_new(merging->files, name, known) != 0) {
            return no_memory(err);
        }
    }
    if (!json_equal(json_object_get(known, "source"), source)) {
        return err_set(err,
                       -ESTALE,
                       "%s: %s has another source than in the reports before: shards of one run "
                       "are of the same commit",
                       merging->path,
                       name);
    }
    *ret_mutants = json_object_get(known, "mutants");
    return 0;
}

static int add_mutant(
    struct merging *merging, const char *name, json_t *mutant, json_t *mutants, struct err *err)
{
    CLEANUP(str_fini) struct str key = STR_INIT(1u << 20);
    const char *id = text_of(mutant, "id");
    const char *status = text_of(mutant, "status");
    if (id == NULL || rank(status) < 0) {
        return refuse(merging, "a mutant without id or a status that is known", err);
    }
    if (str_appendf(&key, "%s\n%s", name, id) != 0) {
        return no_memory(err);
    }
    json_t *known = json_object_get(merging->ids, str_text(&key));
    if (known == NULL) {
        return json_array_append(mutants, mutant) == 0
                       && json_object_set(merging->ids, str_text(&key), mutant) == 0
                   ? 0
                   : no_memory(err);
    }
    if (rank(status) <= rank(text_of(known, "status"))) {
        return 0;
    }
    return json_object_clear(known) == 0 && json_object_update(known, mutant) == 0 ? 0
                                                                                   : no_memory(err);
}

static int add_file(struct merging *merging,
                    const char *name,
                    const json_t *file,
                    const json_t *names,
                    struct err *err)
{
    size_t i = 0;
    json_t *mutant = NULL;
    json_t *mutants = NULL;
    int status = open_file(merging, name, file, &mutants, err);
    json_array_foreach(json_object_get(file, "mutants"), i, mutant)
    {
        status = status != 0 ? status : renumber(merging, names, mutant, "coveredBy", err);
        status = status != 0 ? status : renumber(merging, names, mutant, "killedBy", err);
        status = status != 0 ? status : add_mutant(merging, name, mutant, mutants, err);
    }
    return status;
}

static int read_report(const struct merging *merging, json_t **ret_report, struct err *err)
{
    CLEANUP(str_fini) struct str text = STR_INIT(MERGE_FILE_MAX);
    int status = file_read_regular(merging->path, &text, err);
    if (status != 0) {
        return status;
    }
    status = json_parse(str_text(&text), text.len, ret_report, err);
    return status != 0 ? err_wrap(err, "%s", merging->path) : 0;
}

static int add_report(struct merging *merging, struct err *err)
{
    CLEANUP(json_cleanup) json_t *report = NULL;
    CLEANUP(json_cleanup) json_t *names = NULL;
    const char *name = NULL;
    json_t *file = NULL;
    int status = read_report(merging, &report, err);
    if (status != 0) {
        return status;
    }
    const char *maker = text_of(json_object_get(report, "framework"), "name");
    if (maker == NULL || strcmp(maker, "sluice") != 0
        || !json_is_object(json_object_get(report, "files"))) {
        return refuse(merging, "it does not say that sluice made it", err);
    }
    names = names_of(report);
    if (names == NULL) {
        return no_memory(err);
    }
    json_object_foreach(json_object_get(report, "files"), name, file)
    {
        status = status != 0 ? status : add_file(merging, name, file, names, err);
    }
    return status;
}

/* ---- the whole ---- */

static int finish(struct merging *merging, struct err *err)
{
    const char *name = NULL;
    json_t *id = NULL;
    json_t *tests = json_array();
    json_object_foreach(merging->tests, name, id)
    {
        (void)json_array_append_new(tests, json_pack("{s:O, s:s}", "id", id, "name", name));
    }
    merging->whole = json_pack("{s:s, s:{s:i, s:i}, s:{s:s}, s:O, s:{s:{s:o}}}",
                               "schemaVersion",
                               "2",
                               "thresholds",
                               "high",
                               ELEMENTS_HIGH,
                               "low",
                               ELEMENTS_LOW,
                               "framework",
                               "name",
                               "sluice",
                               "files",
                               merging->files,
                               "testFiles",
                               "tests",
                               "tests",
                               tests);
    return merging->whole != NULL ? 0 : no_memory(err);
}

static int write_all(const struct merging *merging, const char *folder, struct err *err)
{
    char json[PATH_TEXT_MAX];
    char html[PATH_TEXT_MAX];
    char viewer[PATH_TEXT_MAX];
    if (snprintf(json, sizeof json, "%s/mutation.json", folder) >= (int)sizeof json
        || snprintf(html, sizeof html, "%s/mutation.html", folder) >= (int)sizeof html) {
        return err_set(err, -ENAMETOOLONG, "%s: the path is too long", folder);
    }
    int status = dir_make(folder, 0777, err);
    if (status == 0 && json_dump_file(merging->whole, json, JSON_COMPACT) != 0) {
        status = err_set(err, -EIO, "cannot write %s", json);
    }
    if (status == 0 && !elements_find_viewer(viewer)) {
        (void)fprintf(stderr, "no HTML report: its viewer is not installed beside the plugin\n");
        return 0;
    }
    return status != 0 ? status : elements_write_html(json, viewer, html, err);
}

static void tell(const struct merging *merging, bool as_json)
{
    size_t counts[MUTANT_STATUS_COUNT] = {0};
    size_t suppressed = 0;
    const char *key = NULL;
    json_t *mutant = NULL;
    json_object_foreach(merging->ids, key, mutant)
    {
        enum mutant_status status =
            (enum mutant_status)mutant_status_parse(text_of(mutant, "status"));
        counts[status]++;
        suppressed += mutant_is_suppressed(status, text_of(mutant, "statusReason")) ? 1 : 0;
    }
    const size_t killed = counts[MUTANT_KILLED];
    const size_t all = killed + counts[MUTANT_SURVIVED] + suppressed + counts[MUTANT_NO_COVERAGE];
    const bool is_whole = counts[MUTANT_PENDING] == 0 && all > 0;
    char score[32] = "null";
    if (is_whole) {
        (void)snprintf(score, sizeof score, "%.6g", 100.0 * (double)killed / (double)all);
    }
    (void)printf(as_json ? "{\"score\":%s,\"mutants\":%zu" : "score %s: %zu mutants",
                 is_whole || as_json ? score : "not measured",
                 json_object_size(merging->ids));
    for (size_t i = 0; i < MUTANT_STATUS_COUNT; i++) {
        if (as_json || counts[i] > 0) {
            const char *word = mutant_status_name((enum mutant_status)i);
            (void)(as_json ? printf(",\"%s\":%zu", word, counts[i])
                           : printf(", %zu %s", counts[i], word));
        }
    }
    (void)puts(as_json ? "}" : "");
}

static int merge(struct merging *merging, int argc, char **argv, struct err *err)
{
    int status = 0;
    merging->files = json_object();
    merging->tests = json_object();
    merging->ids = json_object();
    if (merging->files == NULL || merging->tests == NULL || merging->ids == NULL) {
        status = no_memory(err);
    }
    for (int i = 3; i < argc && status == 0; i++) {
        merging->path = argv[i];
        status = add_report(merging, err);
    }
    status = status != 0 ? status : finish(merging, err);
    status = status != 0 ? status : write_all(merging, argv[2], err);
    if (status == 0) {
        tell(merging, strcmp(argv[1], "json") == 0);
    }
    json_decref(merging->files);
    return status;
}

int unit_run_merge(int argc, char **argv)
{
    struct err err = {0};
    CLEANUP(merging_fini) struct merging merging = {0};
    if (argc < 4) {
        (void)fprintf(stderr, "usage: merge json|text FOLDER FILE...\n");
        return 2;
    }
    return merge(&merging, argc, argv, &err) != 0 ? unit_refuse(&err) : 0;
}
