/* SPDX-License-Identifier: Apache-2.0 */
/* Meson is asked for its tests and later runs each by itself, for the reason CTest does (decision
 * 0012): should_fail, wrappers and set-ups are not in what it tells about a test, only in what it
 * does with it. Tests are chosen by name, so those that share one are one unit. The build must be
 * there: units do not rebuild. */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/map.h"
#include "plugins/unit/report.h"
#include "plugins/unit/tool.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Time a unit gets above the timeouts of its tests: Meson's start, and it ends a test itself and
 * still writes its report. */
#define TIMEOUT_MARGIN_MS 30000

/* A limit that fits what the protocol takes (a year), in seconds. */
#define TIMEOUT_MAX_S (365.0 * 24 * 3600)

/* A report is named below the folder of logs. */
#define LOG_PATH_MAX (TOOL_REPORT_SIZE + 64)

/* Meson's JUnit and JSON logs are named alike. */
#define LOG_ENDING ".junit.xml"

/* Labels a unit takes over from its suites. Beyond: left out, they only serve filters. */
#define LABELS_MAX 64

/* ---- what its JUnit does not say ---- */

static void add_escaped(struct str *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (strchr("&<>\"", *text) != NULL || (unsigned char)*text < ' ') {
            (void)str_appendf(out, "&#%d;", (unsigned char)*text < ' ' ? ' ' : *text);
        } else {
            (void)str_append_char(out, *text);
        }
    }
}

/* One line of Meson's JSON log, as a case of our own. */
static void add_result(struct str *out, json_t *test, const char *result)
{
    static const struct {
        const char *word;
        const char *element;
    } words[] = {
        {"OK",             ""                                                                   },
        {"EXPECTEDFAIL",   ""                                                                   },
        {"SKIP",           "<skipped/>"                                                         },
        {"FAIL",           "<failure message=\"it failed\"/>"                                   },
        {"TIMEOUT",        "<error message=\"not done within the timeout of its meson.build\"/>"},
        {"UNEXPECTEDPASS", "<failure message=\"it should have failed, but passed\"/>"           },
    };

    const char *element = NULL;
    const char *name = json_string_value(json_object_get(test, "name"));
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        element = strcmp(result, words[i].word) == 0 ? words[i].element : element;
    }
    (void)str_append(out, "<testcase name=\"");
    add_escaped(out, name != NULL ? name : "(no name)");
    (void)str_append(out, "\">");
    if (element != NULL) {
        (void)str_append(out, element);
    } else {
        (void)str_append(out, "<error message=\"");
        add_escaped(out, result);
        (void)str_append(out, "\"/>");
    }
    (void)str_append(out, "</testcase>\n");
}

/* A test that passed although it should fail stands in Meson's JUnit as a plain pass, and so does
 * one that was ended by its timeout: only then its JSON log is read, and takes the place of the
 * report. */
int report_from_meson(struct report_job *job, struct err *err)
{
    CLEANUP(str_fini) struct str log = STR_INIT(REPORT_TEXT_MAX);
    char path[PATH_TEXT_MAX];
    size_t stem =
        strlen(job->path) - (text_ends_with(job->path, LOG_ENDING) ? sizeof LOG_ENDING - 1 : 0);
    (void)snprintf(path, sizeof path, "%.*s.json", (int)stem, job->path);
    if (job->exit_code == 0 || file_read(path, &log, NULL) != 0 || log.len == 0) {
        return 0; /* all is well, or sluice finds no report and says so */
    }
    bool unexpected = false;
    char *rest = log.data;
    char *line = NULL;
    (void)str_append(job->report, "<testsuite>\n");
    while ((line = tool_line(&rest)) != NULL) {
        CLEANUP(json_cleanup) json_t *test = NULL;
        int status = json_parse(line, strlen(line), &test, err);
        if (status != 0) {
            return err_wrap(err, "the log of meson");
        }
        const char *result = json_string_value(json_object_get(test, "result"));
        result = result != NULL ? result : "(no result)";
        unexpected =
            unexpected || strcmp(result, "UNEXPECTEDPASS") == 0 || strcmp(result, "TIMEOUT") == 0;
        add_result(job->report, test, result);
    }
    (void)str_append(job->report, "</testsuite>\n");
    if (!unexpected) {
        str_clear(job->report);
    }
    return 0;
}

/* ---- plan ---- */

static int check_folder(const char *dir, struct err *err)
{
    char path[PATH_TEXT_MAX];
    (void)snprintf(path, sizeof path, "%s/meson-private/coredata.dat", dir);
    if (file_exists(path)) {
        return 0;
    }
    return err_set(err,
                   -ENODATA,
                   "dir: there is no %s, so this is no build folder of Meson. A build that another "
                   "layer makes is there when that layer is in `needs` and has %s/** in `outputs`",
                   path,
                   dir);
}

static int ask(const struct tool *tool, json_t **ret_tests, struct err *err)
{
    static const char *const options[] = {"introspect", "--tests", ".", NULL};
    CLEANUP(str_fini) struct str out = STR_INIT(TOOL_ANSWER_MAX);
    int status = tool_ask(tool, options, NULL, NULL, &out, err);
    status = status == 0 ? json_parse(str_text(&out), out.len, ret_tests, err) : status;
    return status == 0 ? 0 : err_wrap(err, "asking meson for its tests");
}

/* A test that was not built is told here, where it can be said what to do. */
static int check_built(json_t *test, const char *dir, struct err *err)
{
    const char *program = json_string_value(json_array_get(json_object_get(test, "cmd"), 0));
    if (program == NULL || program[0] != '/' || file_exists(program)) {
        return 0;
    }
    return err_set(
        err,
        -ENODATA,
        "test \"%.80s\": its program %s is not built. Build first, in a layer that is in "
        "`needs`: `uses: build`, or ninja -C %s with %s/** in `outputs`",
        json_string_value(json_object_get(test, "name")),
        program,
        dir,
        dir);
}

/* What the tests of one name are together. */
struct group {
    const char *labels[LABELS_MAX + 1];
    size_t label_count;
    double timeout_s;
    bool endless; /* one has no timeout of its own */
    bool serial;
};

static void add_labels(struct group *group, json_t *suites)
{
    size_t i = 0;
    json_t *suite = NULL;
    json_array_foreach(suites, i, suite)
    {
        const char *word = json_string_value(suite);
        bool there = word == NULL || word[0] == '\0';
        for (size_t n = 0; n < group->label_count && !there; n++) {
            there = strcmp(group->labels[n], word) == 0;
        }
        if (!there && group->label_count < LABELS_MAX) {
            group->labels[group->label_count++] = word;
        }
    }
}

/* All tests from `first` on that have its name. */
static struct group gather(json_t *tests, size_t first, const char *name)
{
    struct group group = {.serial = false};
    for (size_t i = first; i < json_array_size(tests); i++) {
        json_t *test = json_array_get(tests, i);
        const char *other = json_string_value(json_object_get(test, "name"));
        if (other == NULL || strcmp(other, name) != 0) {
            continue;
        }
        double timeout_s = json_number_value(json_object_get(test, "timeout"));
        add_labels(&group, json_object_get(test, "suite"));
        group.timeout_s += timeout_s;
        group.endless = group.endless || timeout_s <= 0;
        group.serial = group.serial || json_is_false(json_object_get(test, "is_parallel"));
    }
    return group;
}

static int emit(struct tool *tool, json_t *tests, size_t first, const char *name, struct err *err)
{
    const char *dir = tool->settings->dir;
    const struct group group = gather(tests, first, name);
    char base[TOOL_REPORT_SIZE];
    char report[LOG_PATH_MAX];
    char chosen[SDK_LINE_MAX / 256];
    (void)tool_report(name, "", base);
    (void)snprintf(report, sizeof report, "meson-logs/%s" LOG_ENDING, base);
    int n = snprintf(chosen, sizeof chosen, ":%s", name);
    if (n < 0 || (size_t)n >= sizeof chosen) {
        return err_set(err, -ENAMETOOLONG, "a test has too long a name: %.80s", name);
    }
    bool limited = !group.endless && group.timeout_s < TIMEOUT_MAX_S;
    const char *const before[] = {
        "test", "--no-rebuild", "--num-processes=1", "--print-errorlogs", "--logbase", base, NULL};
    const char *const after[] = {chosen, NULL}; /* ":NAME": of any subproject */
    const struct sdk_unit more = {
        .timeout_ms = limited ? (int64_t)(group.timeout_s * 1000) + TIMEOUT_MARGIN_MS : 0,
        .slots = group.serial ? SDK_SLOTS_ALL : 0,
        .labels = group.labels,
    };
    const struct tool_unit unit = {
        .id = name,
        .cwd = dir,
        .verb = "report",
        .how = "meson",
        .format = "junit",
        .report = report,
        .before = before,
        .after = after,
        .more = &more,
    };
    return tool_emit(tool, &unit, err);
}

static int emit_all(struct tool *tool, json_t *tests, struct err *err)
{
    struct map names = {0};
    int status = 0;
    size_t i = 0;
    json_t *test = NULL;
    json_array_foreach(tests, i, test)
    {
        const char *name = json_string_value(json_object_get(test, "name"));
        if (name == NULL || name[0] == '\0') {
            status = err_set(err, -EBADMSG, "meson tells of a test without a name");
        }
        status = status == 0 ? check_built(test, tool->settings->dir, err) : status;
        if (status != 0) {
            break;
        }
        assert(name != NULL); /* or it was refused above */
        int added = map_add(&names, name, i);
        status = added < 0 ? err_set(err, -ENOMEM, "out of memory for names of tests") : 0;
        status = added == 0 ? emit(tool, tests, i, name, err) : status;
    }
    map_fini(&names);
    return status;
}

int unit_plan_meson(struct sdk *sdk, const struct unit_settings *settings, struct err *err)
{
    CLEANUP(tool_fini) struct tool tool = {0};
    CLEANUP(json_cleanup) json_t *tests = NULL;
    int status = check_folder(settings->dir, err);
    status = status == 0 ? tool_init(&tool, sdk, settings, "meson", err) : status;
    status = status == 0 ? ask(&tool, &tests, err) : status;
    if (status == 0 && json_array_size(tests) == 0) {
        status = err_set(err,
                         -ENODATA,
                         "meson knows no test in %s; does a meson.build call test()?",
                         settings->dir);
    }
    return status == 0 ? emit_all(&tool, tests, err) : status;
}
